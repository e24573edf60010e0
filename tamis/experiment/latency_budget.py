"""The best that a trained SSR can be made within so many milliseconds."""

from collections.abc import Callable

import torch

from tamis.analysis.timing import milliseconds
from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.experiment.inspection import known_batch
from tamis.export import Bundle
from tamis.models import lighter_choices, make_lighter
from tamis.models.ssr import SSRRanker


def choose_within(
    bundle: Bundle, *, limit: float, rows: int, time: Callable[[SSRRanker, Batch], float] | None = None
) -> tuple[int | None, int]:
    """The steps and last views with which ``rows`` candidates of a request are scored in at most ``limit`` ms here.

    What follows their prepared items is timed, the median of some calls by as many threads as torch has; ``time`` does
    it, if given. Of what fits the first is taken, in the order of ``lighter_choices``.

    Raises:
        ConfigError: a number is below its least, or nothing fits.
    """
    if not limit > 0 or rows < 1:
        raise ConfigError(f"milliseconds must be above 0 and rows at least 1; got {limit} and {rows}.")
    assert isinstance(bundle.model, SSRRanker), "only models of the SSR family can be made lighter"
    batch, took = known_batch(bundle.layout)[torch.arange(rows) % 2], float("inf")
    time = time or (_time_items if bundle.layout.context is None else _time_rows)
    choices = lighter_choices(bundle.model_settings)
    for steps, views in choices:
        _, model = make_lighter(bundle.model, bundle.model_settings, bundle.layout, iterations=steps, views=views)
        took = time(model.eval(), batch)
        if took <= limit:
            return steps, views
    raise ConfigError(
        f"the lightest form of the model ({choices[-1][1]} last view(s)) takes {took:.3g} ms for {rows} rows, above "
        f"the {limit} allowed. Allow more, score fewer rows at a time, or train a smaller model."
    )


@torch.inference_mode()
def _time_items(model: SSRRanker, batch: Batch) -> float:
    projected = model.project(model.field_vectors(batch))
    # What follows may overwrite what it gets.
    return _median(lambda: model.finish(tuple(part.clone() for part in projected)))


@torch.inference_mode()
def _time_rows(model: SSRRanker, batch: Batch) -> float:
    """Whole rows, as with a context nothing can be prepared: it decides about the items' fields too."""
    return _median(lambda: model(batch))


def _median(call: Callable[[], object]) -> float:
    return milliseconds({"request": call}, seconds=0.3)["request"][1]
