"""``tamis demo``: from nothing to a report on real data, in minutes."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamis.cli.options import From, Offline
from tamis.errors import DataError

if TYPE_CHECKING:
    from tamis.data import EncodedSet

DEMO_MODELS = ("mlp", "dcn_v2", "ssr_s", "ssr_d")


def demo(
    from_folder: From = None,
    offline: Offline = False,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each model is trained with.")] = 3,
    out: Annotated[Path, typer.Option(help="Where runs and page go.")] = Path("runs/demo"),
) -> None:
    """Train a dense MLP, DCNv2, SSR-S and SSR-D on real data and draw one page.

    The data are MovieLens-100K, fetched from the first place that has it. With --offline nothing is fetched: a
    folder (--from) or an earlier download is used, or else the Adult census set that comes with tamis.
    """
    from tamis.cli.progress import EncodingBars, TrainingBar
    from tamis.cli.tables import print_summary
    from tamis.experiment import load_settings, prepare_data, run_experiment
    from tamis.record import summarise, write_whole
    from tamis.reports import write_report

    folder = Path(__file__).parent / "demo_settings"
    with EncodingBars() as bars:

        def prepare(dataset: str) -> "EncodedSet":
            data = load_settings(folder / dataset / f"{DEMO_MODELS[0]}.toml").data
            return prepare_data(data, from_folder=from_folder, offline=offline, report=bars, say=bars.say)

        try:
            encoded = prepare("movielens-100k")
        except DataError as error:
            if not offline or from_folder is not None:
                raise
            bars.say(f"{error}\nThe Adult census set, which comes with tamis, runs instead.")
            encoded = prepare("adult")
    dataset = encoded.name
    shutil.rmtree(out / dataset, ignore_errors=True)
    records, runs = [], []
    for name in DEMO_MODELS:
        for seed in range(seeds):
            settings = load_settings(folder / dataset / f"{name}.toml", [f"training.seed={seed}"])
            place = out / dataset / name / f"seed-{seed}"
            with TrainingBar(f"{name} seed {seed}") as bar:
                record = run_experiment(settings, encoded, folder=place, command="tamis demo", report=bar)
            records.append(record)
            runs.append(place)
    summaries = summarise(records)
    write_whole(
        out / "summary.json",
        json.dumps({"dataset": dataset, "models": [dataclasses.asdict(line) for line in summaries]}, indent=2) + "\n",
    )
    page = write_report(runs, out / "report.html", title=f"tamis demo: {dataset}")
    print_summary(summaries)
    typer.echo(f"{page}")
