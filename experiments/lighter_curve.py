"""What a trained SSR loses and saves with fewer competition steps and fewer last views: quality against milliseconds.

    tamis train experiments/movielens-1m/ssr_d.toml --out runs/full --from FOLDER
    python experiments/lighter_curve.py runs/full --from FOLDER

The saved model is made lighter in every combination of ``--iterations`` and ``--views`` (``Ranker.lighter``), never
trained again, and scored on all validation and test rows. Milliseconds are those of the model behind encoding, on one
thread, medians over ``--rounds`` in which every variant has its turn, so that a busy minute strikes all: one whole row,
and 500 candidates whose items are prepared. Writes ``results/knob/DATASET-MODEL.json`` and a page with the picture.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from markupsafe import Markup
from torch import Tensor

from tamis.analysis import closed_flops_per_row, compare_auc, count_parameters
from tamis.batch import Batch
from tamis.data import EncodedSet
from tamis.experiment import ExperimentSettings, load_settings, make_batches, prepare_data
from tamis.export import Bundle, load_bundle
from tamis.models import lighter_choices, make_lighter
from tamis.models.ssr import SSRRanker
from tamis.record import command_line, machine, versions, write_whole
from tamis.reports.svg import WIDTH, drawing, series_colour, to_svg
from tamis.reports.template import render
from tamis.training import Evaluation, evaluate

RESULTS = Path(__file__).parents[1] / "results" / "knob"
CANDIDATES = 500
NOTE = (
    "AUC less that of the full model: the difference on the same test rows, 95 % interval by DeLong; one seed, so "
    "chance in training is not in it. Milliseconds: medians, one thread, without encoding."
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One setting of the knob, and the model that it makes of the trained one."""

    iterations: int | None
    views: int
    model: SSRRanker

    @property
    def name(self) -> str:
        """How the picture calls it."""
        return f"{self.views} views" if self.iterations is None else f"{self.iterations} x {self.views}"


def main() -> None:
    """Measure every variant and write the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--from", dest="data", type=Path, help="folder of the data set, as for tamis train")
    parser.add_argument("--iterations", nargs="+", type=int, help="steps to try; all from the trained number down")
    parser.add_argument(
        "--views", nargs="+", type=int, help="last views to try; the trained number, its half, and so on"
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = load_settings(arguments.run / "settings.toml")
    encoded = prepare_data(settings.data, from_folder=arguments.data)
    bundle = load_bundle(arguments.run / "model")
    encoded = encoded.only(bundle.layout.field_names)  # of a run that chose its fields
    variants = make_variants(bundle, iterations=arguments.iterations, views=arguments.views)
    curve = {
        "dataset": encoded.name,
        "split": encoded.manifest.split_description,
        "model": bundle.model_name,
        "settings": settings.to_table()["model"],
        "command": command_line("python", f"experiments/{Path(sys.argv[0]).name}"),
        "machine": machine(torch_threads=1),
        "versions": versions(),
        "note": NOTE,
        "points": measure(variants, settings, encoded, rounds=arguments.rounds),
    }
    place = arguments.out / f"{encoded.name}-{bundle.model_name}.json"
    write_whole(place, json.dumps(curve, indent=1) + "\n")
    write_whole(place.with_suffix(".html"), page(curve))
    for point in curve["points"]:
        print(line_of(point), flush=True)


def make_variants(
    bundle: Bundle, *, iterations: Sequence[int] | None = None, views: Sequence[int] | None = None
) -> list[Variant]:
    """The trained model first, then lighter ones."""
    config, model = bundle.model_settings, bundle.model
    if not isinstance(model, SSRRanker):
        raise SystemExit(f"only models of the SSR family can be made lighter; {bundle.model_name!r} is none.")
    choices = lighter_choices(config)
    all_steps, all_views = choices[0]
    steps: Sequence[int | None] = [None]
    if all_steps is not None:
        steps = sorted({all_steps, *(iterations or (step for step, _ in choices if step))}, reverse=True)
    kept = sorted({all_views, *(views or (view for _, view in choices))}, reverse=True)
    made = []
    for number, width in itertools.product(steps, kept):
        _, lighter = make_lighter(model, config, bundle.layout, iterations=number, views=width)
        made.append(Variant(iterations=number, views=width, model=lighter))
    return made


def measure(
    variants: list[Variant], settings: ExperimentSettings, encoded: EncodedSet, *, rounds: int
) -> list[dict[str, Any]]:
    """One point of the curve for each variant."""
    splits = encoded.split_names[1:]
    found = [{split: score(variant, settings, encoded, split) for split in splits} for variant in variants]
    times = measure_times(variants, next(iter(make_batches(settings, encoded, splits[-1]).epoch(0))), rounds=rounds)
    points = []
    for variant, own, milliseconds in zip(variants, found, times, strict=True):
        last, full = own[splits[-1]].scored, found[0][splits[-1]].scored
        assert last is not None and full is not None
        gap = compare_auc(last.labels[:, 0], last.probabilities[:, 0], full.probabilities[:, 0])
        points.append(
            {
                "name": variant.name,
                "iterations": variant.iterations,
                "views": variant.views,
                "dense_parameters": count_parameters(variant.model)["dense"],
                "flops_per_row": closed_flops_per_row(variant.model),
                **{split: {key: own[split].values[key] for key in ("auc", "log_loss")} for split in splits},
                "auc_less_full": {"mean": gap.difference, "low": gap.low, "high": gap.high},
                "milliseconds": milliseconds,
            }
        )
    return points


def score(variant: Variant, settings: ExperimentSettings, encoded: EncodedSet, split: str) -> Evaluation:
    """All rows of a split, in float32 as a saved model scores them."""
    batches, tasks = make_batches(settings, encoded, split), encoded.layout.tasks
    return evaluate(variant.model, batches, tasks=tasks, precision="fp32", device="cpu", keep_rows=True)


@torch.inference_mode()
def measure_times(variants: list[Variant], batch: Batch, *, rounds: int) -> list[dict[str, float]]:
    """Median milliseconds of each variant for one row and for the candidates of one request."""
    candidates = batch[torch.arange(CANDIDATES) % len(batch)]
    questions: list[dict[str, Callable[[], object]]] = []
    for variant in variants:
        model = variant.model.eval()
        items = model.project(model.field_vectors(candidates))
        user = tuple(share[:1].clone() for share in items)
        questions.append({"row": _whole(model, candidates[:1]), "candidates": _prepared(model, items, user)})
    times: list[dict[str, list[float]]] = [{name: [] for name in question} for question in questions]
    for number in range(rounds + rounds // 10):
        for question, own in zip(questions, times, strict=True):
            for name, ask in question.items():
                start = time.perf_counter()
                ask()
                if number >= rounds // 10:  # after some to warm up
                    own[name].append((time.perf_counter() - start) * 1e3)
    return [{name: round(statistics.median(values), 4) for name, values in own.items()} for own in times]


def _whole(model: SSRRanker, batch: Batch) -> Callable[[], object]:
    return lambda: model(batch)


def _prepared(model: SSRRanker, items: tuple[Tensor, ...], user: tuple[Tensor, ...]) -> Callable[[], object]:
    return lambda: model.finish(tuple(share + own for share, own in zip(items, user, strict=True)))


def page(curve: dict[str, Any]) -> str:
    """The curve as a page of its own."""
    title = f"{curve['model']} on {curve['dataset']}: quality against milliseconds"
    return render("lighter.html", title=title, curve=curve, picture=picture(curve, title), candidates=CANDIDATES)


def picture(curve: dict[str, Any], title: str) -> Markup:
    """AUC of the last split over the milliseconds of the candidates, a line for each number of last views."""
    points = curve["points"]
    last = "test" if "test" in points[0] else "valid"
    with drawing(WIDTH, 260) as figure:
        axes = figure.add_axes((0.16, 0.17, 0.8, 0.78))
        for number, views in enumerate(sorted({point["views"] for point in points}, reverse=True)):
            own = [point for point in points if point["views"] == views]
            x, y = [point["milliseconds"]["candidates"] for point in own], [point[last]["auc"] for point in own]
            axes.plot(x, y, marker="o", color=series_colour(number), label=f"last views: {views}")
        axes.set_xlim(left=0)
        axes.set_xlabel(f"ms for {CANDIDATES} candidates, p50")
        axes.set_ylabel(f"{last} AUC")
        axes.legend(frameon=False)
        return to_svg(figure, name="knob", title=title)


def line_of(point: dict[str, Any]) -> str:
    """One point in words."""
    gap, milliseconds, last = point["auc_less_full"], point["milliseconds"], point.get("test", point["valid"])
    quality = f"AUC {last['auc']:.4f}, less full {gap['mean']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]"
    cost = f"{milliseconds['row']:.3f} ms a row, {milliseconds['candidates']:.3f} ms for {CANDIDATES}"
    return f"{point['name']:>10}  {quality}, log loss {last['log_loss']:.4f}, {cost}"


if __name__ == "__main__":
    main()
