"""Does speed cost quality? The fast defaults against the slow ways they replace, on the same rows and seeds.

    python experiments/fast_against_slow.py movielens-1m/speed/quality.toml --from FOLDER

Fast: bf16, row-wise Adagrad on the tables, compiled kernels. Slow: float32, Adam over whole tables, layers in torch.
Each arm gets the rates, of the tables and of the rest, that validate best for it, found by one rule with seed 0; then
both train with the same fresh seeds. The final scores are made in float32, as a saved model makes them. Where a search
file names folds, rows of the test part are not read: an arm's number of epochs is chosen with its rates, and a seed's
AUC is the mean over the folds. ``one_factor`` names models for which the slow way is also made fast in one thing at a
time. Speed is measured at the end, an epoch of each arm in turn, so that a busy minute strikes both.

A run leaves one JSON in ``runs/speed-quality/``, and what is there is not run again; when all are there,
``results/speed-quality/`` gets the comparison.
"""

import argparse
import dataclasses
import json
import os
import shlex
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cross_validate import encode_fold
from train_aside import train_aside

from tamis.analysis import compare_auc
from tamis.config import apply_overrides, read_config, read_toml
from tamis.data import EncodedSet
from tamis.experiment import ExperimentSettings, build_model, make_batches, prepare_data, read_settings
from tamis.record import machine, mean_interval, versions, write_whole
from tamis.training import evaluate

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "speed-quality"
RUNS = HERE.parent / "runs" / "speed-quality"
GRID_SEED = 0
STEP = 2.5
TIMED_ROUNDS = 3
NOTE = (
    "Differences are fast less slow, intervals 95 %. Over seeds: Student's t on the differences of the same seed. Over "
    "rows: DeLong's error of the same mean, the luck of seeds left out. Rows a second: training steps of one thread."
)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to compute."""

    precision: str
    tables: str
    kernels: str


ARMS = {
    "fast": Arm(precision="bf16", tables="row_wise_adagrad", kernels="on"),
    "slow": Arm(precision="fp32", tables="dense_adam", kernels="off"),
}
ONE_FACTOR = {
    "bf16 only": Arm(precision="bf16", tables="dense_adam", kernels="off"),
    "row-wise Adagrad only": Arm(precision="fp32", tables="row_wise_adagrad", kernels="off"),
    "kernels only": Arm(precision="fp32", tables="dense_adam", kernels="on"),
}


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is compared on one data set.

    ``table_rates`` is where the search for rates starts, by optimizer of the tables; the rest of the model starts at
    the rate of its experiment. ``every`` and the tables named after models override the experiment files; where there
    is none, they make it. With ``planted_rows`` the data are the planted log of so many rows.
    """

    models: tuple[str, ...]
    seeds: tuple[int, ...]
    table_rates: dict[str, float]
    most_trials: int
    one_factor: tuple[str, ...] = ()
    planted_rows: int | None = None
    folds: dict[str, Any] | None = None
    every: dict[str, Any] = field(default_factory=dict)
    ssr_d: dict[str, Any] = field(default_factory=dict)
    ssr_s: dict[str, Any] = field(default_factory=dict)
    dcn_v2: dict[str, Any] = field(default_factory=dict)
    mlp: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One model in one arm on one data set; all its runs, one after the other."""

    dataset: str
    study: Study
    model: str
    arm: Arm
    data: Path | None

    @property
    def folds(self) -> tuple[int | None, ...]:
        """The folds left out in turn, or the one split of the experiment."""
        return tuple(range(len(self.study.folds["values"]))) if self.study.folds else (None,)

    def settings(self, changes: dict[str, Any]) -> ExperimentSettings:
        """The experiment of this cell with some settings changed."""
        path = HERE / self.dataset / f"{self.model}.toml"
        overrides = {
            **self.study.every,
            **getattr(self.study, self.model),
            **({} if self.study.planted_rows is None else {"data.path": str(planted_log(self.study.planted_rows))}),
            "training.precision": self.arm.precision,
            "training.tables.name": self.arm.tables,
            **changes,
        }
        lines = [f"{name}={json.dumps(value)}" for name, value in overrides.items()]
        return read_settings(apply_overrides(read_toml(path) if path.exists() else {}, lines), where=str(path))

    def encoded(self, settings: ExperimentSettings, fold: int | None) -> EncodedSet:
        """The rows, encoded once and found again."""
        if fold is not None:
            assert self.study.folds is not None
            return encode_fold(settings, self.study.folds, fold, self.data)
        data = dataclasses.replace(settings.data, folder=str(RUNS / self.dataset / "encoded"))
        return prepare_data(data, from_folder=self.data)


def main() -> None:
    """Run what is not there yet, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="search files, below experiments/")
    parser.add_argument("--from", dest="data", type=Path, help="folder of the data set, as for tamis train")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="cells trained side by side")
    arguments = parser.parse_args()
    # One thread a cell, and threads that wait asleep: two that spin for one core take ten times as long.
    os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0")
    # A forked process would wait for ever for the threads that encoded here.
    fresh = get_context("spawn")
    with ProcessPoolExecutor(arguments.processes, fresh, torch.set_num_threads, (1,)) as pool:
        for file in arguments.files:
            compare(HERE / file, arguments.data, pool)


def compare(file: Path, data: Path | None, pool: ProcessPoolExecutor) -> None:
    """All cells of one data set, and what came out."""
    dataset = file.parent.parent.name
    study = read_config(Study, read_toml(file), where=str(file))
    if study.planted_rows is not None:
        write_planted_log(study.planted_rows)
    cells = {
        (model, name): Cell(dataset=dataset, study=study, model=model, arm=arm, data=data)
        for model in study.models
        for name, arm in ARMS.items()
    }
    for fold in next(iter(cells.values())).folds:  # encoded here, so that two cells do not encode the same rows
        cell = next(iter(cells.values()))
        cell.encoded(cell.settings({}), fold)
    choices = dict(zip(cells, pool.map(choose, cells.values()), strict=True))
    runs = dict(zip(cells, pool.map(run_seeds, cells.values(), choices.values()), strict=True))
    factors = {
        (model, name): dataclasses.replace(cells[model, "slow"], arm=arm)
        for model in study.one_factor
        for name, arm in ONE_FACTOR.items()
    }
    # A way to step the tables takes the rates that were chosen for it.
    arm_of = {arm.tables: name for name, arm in ARMS.items()}
    rates = [choices[model, arm_of[cell.arm.tables]] for (model, _), cell in factors.items()]
    factor_runs = dict(zip(factors, pool.map(run_seeds, factors.values(), rates), strict=True))
    pairs = [[cells[model, name] for name in ARMS] for model in study.models]
    speeds = dict(zip(study.models, pool.map(time_arms, pairs), strict=True))
    findings = {
        "dataset": dataset,
        "command": shlex.join(["python", f"experiments/{Path(sys.argv[0]).name}", str(file.relative_to(HERE))]),
        "note": NOTE,
        "machine": machine(torch_threads=1),
        "versions": versions(),
        "study": dataclasses.asdict(study),
        "arms": {name: dataclasses.asdict(arm) for name, arm in {**ARMS, **ONE_FACTOR}.items()},
        "models": {
            model: {
                "chosen": {name: choices[model, name] for name in ARMS},
                "differences": differences(runs[model, "fast"], runs[model, "slow"]),
                "rows_per_second": speeds[model],
                "runs": {name: [plain(run) for run in runs[model, name]] for name in ARMS},
            }
            for model in study.models
        },
        "mean_of_models": differences(
            *(mean_of_models([runs[model, name] for model in study.models]) for name in ("fast", "slow"))
        ),
        "one_factor": {
            model: {
                name: {
                    "differences": differences(factor_runs[model, name], runs[model, "slow"]),
                    "runs": [plain(run) for run in factor_runs[model, name]],
                }
                for name in ONE_FACTOR
            }
            for model in study.one_factor
        },
    }
    write_whole(RESULTS / f"{dataset}.json", json.dumps(findings, indent=1) + "\n")


def choose(cell: Cell) -> dict[str, Any]:
    """The rates of the tables and of the rest that validate best with the grid's seed.

    From the given rates one of the two is made larger or smaller by one step, as long as that helps; the search ends
    where no neighbour is better, or after ``most_trials``.
    """
    trials: dict[tuple[int, int], dict[str, Any]] = {}
    best = place = (0, 0)
    while place is not None and len(trials) < cell.study.most_trials:
        trials[place] = try_rates(cell, *place)
        table, dense = best = max(trials, key=lambda tried: trials[tried]["valid_auc"])
        near = ((table + 1, dense), (table - 1, dense), (table, dense + 1), (table, dense - 1))
        place = next((step for step in near if step not in trials), None)
    return {**trials[best], "trials": list(trials.values())}


def try_rates(cell: Cell, table_steps: int, dense_steps: int) -> dict[str, Any]:
    """One trial: the best validation AUC over the epochs, of the mean over the folds where there are folds."""
    starts = cell.study.table_rates[cell.arm.tables], cell.settings({}).training.dense.learning_rate
    steps = (table_steps, dense_steps)
    table, dense = (float(f"{start * STEP**times:.3g}") for start, times in zip(starts, steps, strict=True))
    changes = rates_of(table, dense) | {"training.seed": GRID_SEED}
    by_fold = [run_once(cell, changes, fold)["by_epoch"] for fold in cell.folds]
    by_epoch = [statistics.fmean(values) for values in zip(*by_fold, strict=True)]
    best = max(by_epoch)
    return {"table_rate": table, "dense_rate": dense, "epoch": by_epoch.index(best) + 1, "valid_auc": best}


def run_seeds(cell: Cell, choice: dict[str, Any]) -> list[dict[str, Any]]:
    """The fresh seeds with the chosen rates; the means over the folds, where there are folds."""
    changes = rates_of(choice["table_rate"], choice["dense_rate"])
    if cell.study.folds:
        changes |= {"training.epochs": choice["epoch"], "training.keep": "last"}
    summaries = []
    for seed in cell.study.seeds:
        runs = [run_once(cell, changes | {"training.seed": seed}, fold, is_final=True) for fold in cell.folds]
        parts = {
            part: {name: statistics.fmean(run[part][name] for run in runs) for name in ("auc", "log_loss")}
            for part in ("valid", "test")
            if part in runs[0]
        }
        summaries.append({"seed": seed, **parts, "scores": [run["scores"] for run in runs]})
    return summaries


def rates_of(table_rate: float, dense_rate: float) -> dict[str, Any]:
    """The overrides that set both rates."""
    return {"training.tables.learning_rate": table_rate, "training.dense.learning_rate": dense_rate}


def run_once(cell: Cell, changes: dict[str, Any], fold: int | None, *, is_final: bool = False) -> dict[str, Any]:
    """One training, unless its JSON is there of the same settings and data; the scores of a final one lie beside it."""
    settings = cell.settings(changes)
    training = settings.training
    if fold is not None:
        settings = dataclasses.replace(settings, training=dataclasses.replace(training, patience=None))
    rates = f"tables-{training.tables.learning_rate:g}-dense-{training.dense.learning_rate:g}"
    arm = "-".join(dataclasses.asdict(cell.arm).values())
    name = f"{rates}-{training.keep}-seed-{training.seed}" + ("" if fold is None else f"-fold-{fold}")
    place = RUNS / cell.dataset / cell.model / arm / f"{name}.json"
    encoded = cell.encoded(settings, fold)
    way = {"kernels": cell.arm.kernels, "fold": fold, "fingerprint": encoded.fingerprint}
    if place.exists():
        found = json.loads(place.read_text())
        told = found["asked"]
        if way.items() <= told.items() and settings.is_recorded_as(told["settings"]):
            return found
    started = time.perf_counter()
    scores = place.with_suffix(".npz") if is_final else None
    done = train_and_score(settings, encoded, cell.arm, scores)
    asked = {"settings": settings.to_table(), **way}
    write_whole(place, json.dumps({"asked": asked, **done}, indent=1) + "\n")
    seconds = time.perf_counter() - started
    said = f"valid AUC {max(done['by_epoch']):.4f}, {done['rows_per_second']:,} rows/s, {seconds:.0f} s"
    print(f"{time.strftime('%H:%M:%S')} {place.relative_to(RUNS).with_suffix('')}: {said}", flush=True)
    return done


def train_and_score(settings: ExperimentSettings, encoded: EncodedSet, arm: Arm, scores: Path | None) -> dict[str, Any]:
    """Train one model; if ``scores`` is a place to put them, score the rows of validation and test in float32."""
    os.environ["TAMIS_KERNELS"] = arm.kernels
    model = build_model(settings, encoded)
    result, by_epoch = train_aside(model, settings, encoded)
    done: dict[str, Any] = {
        "by_epoch": by_epoch,
        "rows_per_second": round(result.rows_per_second),
        "train_seconds": result.train_seconds,
        "precision": result.precision,
        "rows": {part: encoded.rows(part) for part in encoded.split_names},
    }
    if scores is None:
        return done
    arrays: dict[str, np.ndarray] = {}
    for part in encoded.split_names[1:]:
        scored = evaluate(model, make_batches(settings, encoded, part), precision="fp32", device="cpu", keep_rows=True)
        assert scored.scored is not None
        done[part] = {name: float(scored.values[name]) for name in ("auc", "log_loss")}
        arrays[part] = scored.scored.probabilities[:, 0]
        arrays[f"{part}_labels"] = scored.scored.labels[:, 0] > 0
    scores.parent.mkdir(parents=True, exist_ok=True)
    np.savez(scores, allow_pickle=False, **arrays)
    return done | {"scores": str(scores.relative_to(RUNS))}


def differences(fast: list[dict[str, Any]], slow: list[dict[str, Any]]) -> dict[str, Any]:
    """Fast less slow on each part: AUC and log loss over seeds, AUC over rows where the runs kept their scores."""
    found: dict[str, Any] = {}
    for part in (part for part in ("valid", "test") if part in fast[0]):
        found[part] = {}
        for metric in ("auc", "log_loss"):
            by_seed = [one[part][metric] - other[part][metric] for one, other in zip(fast, slow, strict=True)]
            interval = mean_interval(by_seed)
            assert interval is not None
            found[part][metric] = {"mean": statistics.fmean(by_seed), "low": interval[0], "high": interval[1]}
        found[part]["verdict"] = verdict(found[part]["auc"])
        if "scores" in fast[0]:
            found[part]["auc_over_rows"] = rows_interval(fast, slow, part)
    return found


def verdict(interval: dict[str, float]) -> str:
    """What an interval of fast less slow says.

    Example:
        >>> [verdict({"low": low, "high": low + 2}) for low in (-3, -1, 1)]
        ['below', 'not below', 'above']
    """
    return "below" if interval["high"] < 0 else "above" if interval["low"] > 0 else "not below"


def mean_of_models(by_model: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """For each seed the mean over the models."""
    return [
        {
            part: {name: statistics.fmean(run[part][name] for run in of_seed) for name in ("auc", "log_loss")}
            for part in ("valid", "test")
            if part in of_seed[0]
        }
        for of_seed in zip(*by_model, strict=True)
    ]


def rows_interval(fast: list[dict[str, Any]], slow: list[dict[str, Any]], part: str) -> dict[str, float]:
    """The mean difference with DeLong's interval; folds are rows of their own, so their errors add up."""
    means, variances = [], []
    for fold in range(len(fast[0]["scores"])):
        arms = [[np.load(RUNS / run["scores"][fold]) for run in runs] for runs in (fast, slow)]
        one, other = (np.stack([scores[part] for scores in arm]) for arm in arms)
        compared = compare_auc(arms[0][0][f"{part}_labels"], one, other)
        assert compared.rows_error is not None  # rows were given
        means.append(compared.difference)
        variances.append(compared.rows_error**2)
    mean, reach = statistics.fmean(means), 1.96 * sum(variances) ** 0.5 / len(variances)
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


def time_arms(arms: list[Cell]) -> dict[str, Any]:
    """The speed of one epoch of each arm, in turn, ``TIMED_ROUNDS`` times: the median and all rounds."""
    rounds: dict[str, list[int]] = {name: [] for name in ARMS}
    for _ in range(TIMED_ROUNDS):
        for name, cell in zip(ARMS, arms, strict=True):
            settings = cell.settings({"training.epochs": 1})
            done = train_and_score(settings, cell.encoded(settings, cell.folds[0]), cell.arm, None)
            rounds[name].append(done["rows_per_second"])
    return {name: {"median": round(statistics.median(values)), "rounds": values} for name, values in rounds.items()}


def plain(run: dict[str, Any]) -> dict[str, Any]:
    """A run without the place of its scores, which are not kept with the results."""
    return {name: value for name, value in run.items() if name != "scores"}


def planted_log(rows: int) -> Path:
    """Where the planted log of so many rows lies."""
    return HERE.parent / "runs" / "planted-log" / f"log-{rows}.parquet"


def write_planted_log(rows: int) -> None:
    """Put the planted log where its number of rows says, and its schema beside it, if it is not there."""
    place = planted_log(rows)
    if place.exists():
        return
    sys.path.append(str(HERE.parent / "benchmarks"))
    import polars as pl
    from planted_log import NAMES, make_planted_log

    from tamis.features import Field, Kind, Schema

    log = make_planted_log(rows)
    columns = dict(zip(NAMES, log.ids.T, strict=True))
    place.parent.mkdir(parents=True, exist_ok=True)
    # A value met once has no neighbour to be learned from; such values share the unknown id.
    fields = [Field(name=name, kind=Kind.CATEGORICAL, min_count=2) for name in NAMES]
    Schema(fields=(*fields, Field(name="label", kind=Kind.LABEL))).save(place.with_name("schema.toml"))
    aside = place.with_suffix(".part")
    pl.DataFrame({**columns, "label": log.labels.astype(np.int8)}).write_parquet(aside)
    aside.replace(place)


if __name__ == "__main__":
    main()
