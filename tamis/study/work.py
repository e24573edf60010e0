"""What a process of a study does: one trial, one final run, or the scoring of a trial when all is over."""

from pathlib import Path
from typing import Any

from tamis.data import EncodedSet
from tamis.experiment import (
    Plan,
    ReferenceSettings,
    make_batches,
    make_plan,
    run_experiment,
    run_reference,
    score_reference,
)
from tamis.export import load_bundle
from tamis.record import RunRecord, remove_whole
from tamis.study.search import RunSettings, read_run
from tamis.training import evaluate

WITHOUT_TEST = ("train", "valid")
"""What tuning may open."""


def run_trial(table: dict[str, Any], data: str, folder: str, command: str) -> dict[str, Any]:
    """Train with the settings in ``table`` and say how good it was on validation; the test files are not opened.

    What memory or disk have no room for now is put off: it says so, with the reason.
    """
    encoded = EncodedSet.open(data, splits=WITHOUT_TEST)
    settings = read_run(table, where=folder)
    plan = None if isinstance(settings, ReferenceSettings) else make_plan(settings, encoded, folder=Path(folder))
    if plan is not None and (problem := plan.problem()) is not None:
        return {"reason": problem, "is_put_off": True}
    record = _run(settings, encoded, folder, command, plan=plan, keep_scores=False)
    return {"value": record.best["value"], "best_epoch": record.best["epoch"]}


def run_final(table: dict[str, Any], data: str, folder: str, command: str) -> None:
    """Train with the chosen settings, read the test rows once, and keep their scores."""
    _run(read_run(table, where=folder), EncodedSet.open(data), folder, command, keep_scores=True)


def score_trial(table: dict[str, Any], data: str, folder: str) -> float:
    """The test AUC of a trial's saved model; only ever asked when the final runs of all models are done."""
    encoded = EncodedSet.open(data)
    settings = read_run(table, where=folder)
    if isinstance(settings, ReferenceSettings):
        return score_reference(settings, encoded, folder=Path(folder), split="test")
    bundle = load_bundle(Path(folder) / "model")
    batches = make_batches(settings, encoded.only(bundle.layout.field_names), "test")
    return float(
        evaluate(bundle.model, batches, tasks=encoded.layout.tasks, precision="fp32", device="cpu").values["auc"]
    )


def _run(
    settings: RunSettings,
    encoded: EncodedSet,
    folder: str,
    command: str,
    *,
    keep_scores: bool,
    plan: Plan | None = None,
) -> RunRecord:
    place = Path(folder)
    if isinstance(settings, ReferenceSettings):
        return run_reference(settings, encoded, folder=place, command=command, keep_scores=keep_scores)
    record = run_experiment(
        settings, encoded, folder=place, resume=True, command=command, plan=plan, keep_scores=keep_scores
    )
    assert record is not None  # studies run without torchrun, so this process is the main one
    remove_whole(place / "checkpoints")
    return record
