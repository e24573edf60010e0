"""Which fields are worth having: one pass over the training rows before the run, and what it leaves of the data."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from tamis.analysis import FieldWorth, WorthMeter
from tamis.data import EncodedSet
from tamis.embeddings import FieldEmbedding
from tamis.experiment.build import build_model, make_batches
from tamis.experiment.field_context import find_context
from tamis.experiment.recorded import recorded_settings
from tamis.experiment.settings import ExperimentSettings
from tamis.features import Context, Layout
from tamis.models import MODELS
from tamis.objectives import binary_cross_entropy
from tamis.record import remove_whole, write_whole
from tamis.training import TrainingSettings, Workers, train

WORTH_FILE = "worth.json"
# Of few batches the root of squares is unsure of itself, and in few steps the network learns little to measure by.
_BATCHES = 300
_FEWEST_ROWS, _MOST_ROWS = 32, 2048


@dataclass(frozen=True, kw_only=True)
class FieldChoice:
    """What the pass found of every field, the names of those that the run has, and where some of them do not count.

    ``context_values`` are the names of the context's values that training rows have, by their ids.
    """

    found: tuple[FieldWorth, ...]
    kept: tuple[str, ...]
    context: Context | None = None
    context_values: dict[int, str] = field(default_factory=dict)

    def to_json(self) -> list[dict[str, Any]]:
        """One line a field, the worthiest first."""
        lines = sorted(self.found, key=lambda field: -field.z)
        return [
            {**asdict(line), "z": line.z, "kept": line.name in self.kept, **self._left_out(line.name)} for line in lines
        ]

    def _left_out(self, name: str) -> dict[str, Any]:
        """The values of the context in which a field does not count, where there is a context; of itself, all."""
        if self.context is None:
            return {}
        if name == self.context.field:
            return {"values": list(self.context_values.values())}
        return {"left_out_in": [self.context_values[value] for value in self.context.left_out.get(name, ())]}


def choose_fields(
    settings: ExperimentSettings,
    encoded: EncodedSet,
    *,
    folder: Path,
    workers: Workers | None = None,
    report: Callable[[Any], None] | None = None,
) -> FieldChoice:
    """Train a small network for one pass, and keep the fields whose worth in it is beyond the threshold.

    The network is the same for all models, so that what is kept is a matter of the data and of the seed. A scenario
    field stays in any case. If nothing is beyond the threshold, the field with the largest z is kept: a model must see
    something. What was found is written to ``worth.json`` in ``folder``, from which a run that is resumed reads it
    again. With ``settings.worth.context``, fields that surely tell something in some context stay too, and the choice
    says where fields do not count; that is counted each time.

    Raises:
        ConfigError: the context is no categorical field.
        TrainingError: training failed.
    """
    assert settings.worth is not None
    workers = workers or Workers()
    # First, because it refuses at once what is no context.
    context = None if settings.worth.context is None else find_context(settings, encoded)
    identity = _identity(settings, encoded, workers)
    found = workers.from_main(_read(folder / WORTH_FILE, identity))
    if found is None:
        found = _measure(settings, encoded, folder=folder / "worth", workers=workers, report=report)
        if workers.is_main:
            content = {"identity": identity, "fields": [asdict(field) for field in found]}
            write_whole(folder / WORTH_FILE, json.dumps(content, indent=1) + "\n")
            remove_whole(folder / "worth")
        workers.barrier()
    kept = {line.name for line in found if line.z > settings.worth.threshold}
    kept |= set() if context is None else set(context.sure)
    kept = kept or {max(found, key=lambda line: line.z).name}
    kept |= {encoded.layout.scenario, None if context is None else context.context.field}
    return FieldChoice(
        found=found,
        kept=tuple(name for name in encoded.layout.field_names if name in kept),
        context=None if context is None else context.of(kept),
        context_values={} if context is None else context.values,
    )


def worth_meter(model: nn.Module, layout: Layout, *, seed: int = 0) -> WorthMeter:
    """The meter of a model of the house, whose fields all come in through ``FieldEmbedding``."""
    embeddings = [module for module in model.modules() if isinstance(module, FieldEmbedding)]
    return WorthMeter(model, embeddings, names=layout.field_names, objective=binary_cross_entropy, seed=seed)


def _identity(settings: ExperimentSettings, encoded: EncodedSet, workers: Workers) -> dict[str, Any]:
    """All that decides what is found, as JSON gives it back."""
    training, recorded = settings.training, recorded_settings(settings, encoded)
    return {
        "data": encoded.fingerprint,
        "attended": recorded.get("attended", {}),
        "train_share": settings.data.train_share,
        "seed": training.seed,
        "precision": training.precision,
        "processes": workers.count,
    }


def _measure(
    settings: ExperimentSettings,
    encoded: EncodedSet,
    *,
    folder: Path,
    workers: Workers,
    report: Callable[[Any], None] | None,
) -> tuple[FieldWorth, ...]:
    probe = _probe(settings, rows=make_batches(settings, encoded, "train").rows)
    model = build_model(probe, encoded)
    meter = worth_meter(model, encoded.layout, seed=settings.training.seed + 1_000_003 * workers.rank)
    if workers.is_main:
        remove_whole(folder)  # of a pass that was killed: it begins again
    workers.barrier()
    train(
        model,
        source=make_batches(probe, encoded, "train"),
        valid=make_batches(probe, encoded, "valid"),
        settings=probe.training,
        folder=folder,
        workers=workers,
        report=report,
        tasks=encoded.layout.tasks,
        watch=meter.observe,
    )
    return meter.result(workers.sum(meter.totals()))


def _probe(settings: ExperimentSettings, *, rows: int) -> ExperimentSettings:
    """The small network that measures.

    It is not the run's own model: one whose views do not see a field, or that learns slowly, would call worthless what
    it has not looked at, and each model would have other fields.
    """
    training = settings.training
    return ExperimentSettings(
        data=settings.data,
        model="mlp",
        model_settings=MODELS["mlp"].config(dim=8, hidden=(64,)),
        training=TrainingSettings(
            epochs=1,
            batch_size=max(min(rows // _BATCHES, _MOST_ROWS), _FEWEST_ROWS),
            seed=training.seed,
            patience=None,
            keep="last",
            precision=training.precision,
            device=training.device,
            compile="off",
            checkpoint_minutes=None,
        ),
    )


def _read(path: Path, identity: dict[str, Any]) -> tuple[FieldWorth, ...] | None:
    """What an earlier start of the same run found, None if there is none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    if content["identity"] != identity:
        return None
    return tuple(FieldWorth(**field) for field in content["fields"])
