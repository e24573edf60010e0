"""One run: train, choose by validation, read the test set once, save the model, leave a record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch

from tamis.analysis import count_parameters, forward_flops_per_row
from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches
from tamis.errors import TrainingError
from tamis.experiment.build import build_model, make_batches
from tamis.experiment.cohorts import slice_metrics
from tamis.experiment.plan import ALL_THE_SAME, Plan
from tamis.experiment.planning import make_plan
from tamis.experiment.recorded import recorded_settings
from tamis.experiment.scores import write_scores
from tamis.experiment.settings import ExperimentSettings
from tamis.experiment.worth import FieldChoice, choose_fields
from tamis.export import Bundle, load_bundle, save_bundle
from tamis.kernels import kernels_state
from tamis.metrics import RankingMetrics
from tamis.models import MODELS
from tamis.record import RECORD_FILE, RunRecord, machine, versions, write_whole
from tamis.training import Evaluation, TrainingResult, Workers, evaluate, train
from tamis.training.allocator import release_freed_memory

MODEL_FOLDER = "model"
SETTINGS_FILE = "settings.toml"


def run_folder(runs: Path, settings: ExperimentSettings, encoded: EncodedSet) -> Path:
    """Where a run goes unless it is told otherwise."""
    place = runs / encoded.name / encoded.manifest.split_description / settings.model
    return place / f"seed-{settings.training.seed}"


def run_experiment(
    settings: ExperimentSettings,
    encoded: EncodedSet,
    *,
    folder: Path,
    command: str,
    resume: bool = False,
    report: Callable[[Any], None] | None = None,
    plan: Plan | None = None,
    must_fit: bool = True,
    keep_scores: bool = False,
) -> RunRecord | None:
    """Train the model of ``settings`` on ``encoded`` and write record, curve, settings and model to ``folder``.

    With ``settings.worth`` one pass over the training rows comes first, which chooses the fields that the run has.

    The test set is scored once, at the end, with the weights that were best on the validation set, in float32, as the
    saved model is served; without a test split the record has no test metrics. Of several processes only the main one
    gets a record.

    ``plan`` is the plan of this run, made here if it is None; ``must_fit`` refuses a run that by its plan needs more
    memory or disk than is free. ``keep_scores`` also writes the scores and labels of the last split, row by row.

    Raises:
        DataError: a source file has changed since it was encoded.
        TrainingError: the run will not fit, training failed, or the saved model does not score like the trained one.
    """
    encoded.check_sources()
    workers = Workers.from_environment(device=settings.training.device)
    plan = plan or make_plan(settings, encoded, folder=folder, workers=workers)
    if must_fit:
        check_everywhere(plan, workers)
    choice, recorded = None, recorded_settings(settings, encoded)
    if settings.worth is not None:
        choice = choose_fields(settings, encoded, folder=folder, workers=workers, report=report)
        encoded = encoded.only(choice.kept)
        if choice.context is not None:
            encoded = encoded.in_context(choice.context)
    model = build_model(settings, encoded)
    batches = {name: make_batches(settings, encoded, name) for name in encoded.split_names}
    if workers.is_main:
        write_whole(folder / SETTINGS_FILE, tomli_w.dumps(settings.to_table()))
    result = train(
        model,
        source=batches["train"],
        valid=batches["valid"],
        settings=settings.training,
        folder=folder,
        resume=resume,
        workers=workers,
        report=report,
        tasks=encoded.layout.tasks,
        identity=_identity(settings, encoded),
        base_rates=encoded.base_rates("train"),
    )
    scored = {
        name: evaluate(
            model,
            batches[name],
            tasks=encoded.layout.tasks,
            precision="fp32",
            workers=workers,
            device=settings.training.device,
            keep_rows=name == encoded.split_names[-1],
        )
        for name in encoded.split_names[1:]
    }
    if not workers.is_main:
        return None
    model.cpu()
    bundle = Bundle(
        model_name=settings.model,
        model_settings=settings.model_settings,
        model=model,
        encoders=encoded.encoders,
        context=encoded.layout.context,
    )
    save_bundle(folder / MODEL_FOLDER, bundle)
    _prove_saved(folder / MODEL_FOLDER, bundle, batches["valid"])
    if keep_scores:
        evaluated = scored[encoded.split_names[-1]].scored
        assert evaluated is not None
        write_scores(folder, evaluated)
    rows = {name: source.rows for name, source in batches.items()}
    record = _make_record(settings, encoded, bundle, result, scored, command, plan, rows, recorded, choice)
    record.save(folder / RECORD_FILE)
    # A study makes its next run in this process.
    release_freed_memory()
    return record


def check_everywhere(plan: Plan, workers: Workers) -> None:
    """Refuse in every process if it will not fit in one of them, so that none waits for another.

    Raises:
        TrainingError: one of them has less memory or disk than its plan needs.
    """
    problems = [problem for problem in workers.gather(plan.problem()) if problem is not None]
    if problems:
        raise TrainingError(f"{problems[0]} {ALL_THE_SAME}")


def data_facts(encoded: EncodedSet) -> dict[str, Any]:
    """What a record says of the data: the fingerprint of the encoded set, and its source files."""
    return {
        "fingerprint": encoded.fingerprint,
        "sources": [
            {"name": source.name, "bytes": source.bytes, "sha256": source.sha256} for source in encoded.manifest.sources
        ],
    }


def _identity(settings: ExperimentSettings, encoded: EncodedSet) -> dict[str, Any]:
    """What a checkpoint must share with this run to be one of it."""
    recorded, share = recorded_settings(settings, encoded), settings.data.train_share
    return {
        "model": recorded["model"],
        "data": encoded.fingerprint,
        "attended": recorded.get("attended", {}),
        **({} if settings.worth is None else {"fields": list(encoded.layout.field_names)}),
        **({} if encoded.layout.context is None else {"context": encoded.layout.to_json()["context"]}),
        **({} if share is None else {"train_share": share}),
    }


@torch.inference_mode()
def _prove_saved(folder: Path, bundle: Bundle, batches: EncodedBatches) -> None:
    """Load what was just saved and score one batch with both: they must agree exactly."""
    batch = next(batches.epoch(0))
    loaded = load_bundle(folder).model
    if not torch.equal(bundle.model.eval()(batch).logits, loaded(batch).logits):
        raise TrainingError(f"{folder}: the saved model does not score like the trained one. Do not use it.")


def _make_record(
    settings: ExperimentSettings,
    encoded: EncodedSet,
    bundle: Bundle,
    result: TrainingResult,
    scored: dict[str, Evaluation],
    command: str,
    plan: Plan,
    rows: dict[str, int],
    recorded: dict[str, Any],
    choice: FieldChoice | None,
) -> RunRecord:
    entry = MODELS[settings.model]
    last = scored[encoded.split_names[-1]]  # the test set, or validation where no rows were kept for a test
    metrics = last.metrics[encoded.layout.tasks[0]]
    assert isinstance(metrics, RankingMetrics) and last.scored is not None
    batch = next(make_batches(settings, encoded, "valid").epoch(0))
    return RunRecord(
        dataset=encoded.name,
        split=encoded.manifest.split_description,
        model=settings.model,
        preset=getattr(settings.model_settings, "preset", None),
        status=entry.status,
        source=entry.source,
        seed=settings.training.seed,
        rows=rows,
        parameters=count_parameters(bundle.model),
        flops={"forward_per_row": forward_flops_per_row(bundle.model, batch)},
        settings=recorded,
        versions=versions(),
        machine={
            **machine(torch_threads=torch.get_num_threads()),
            "kernels": kernels_state(result.device),
            "trunk": result.trunk,
        },
        data=data_facts(encoded),
        command=command,
        plan=plan.to_json(),
        timings=_timings(result, scored),
        best=_best(result),
        valid=_values(scored["valid"]),
        test=_values(scored["test"]) if "test" in scored else {},
        reliability=tuple(dict(part) for part in metrics.reliability()),
        slices=tuple(slice_metrics(encoded, last.scored, train_share=settings.data.train_share or 1.0)),
        unseen=encoded.manifest.splits[encoded.split_names[-1]].unseen,
        alarms=tuple(result.alarms),
        worth=() if choice is None else tuple(choice.to_json()),
    )


def _timings(result: TrainingResult, scored: dict[str, Evaluation]) -> dict[str, int | float | None]:
    seconds = sum(evaluation.seconds for evaluation in scored.values())
    return {
        "train_seconds": result.train_seconds,
        "validate_seconds": result.evaluate_seconds,
        "evaluate_seconds": seconds,
        "rows_per_second": result.rows_per_second,
        "evaluate_rows_per_second": sum(evaluation.rows for evaluation in scored.values()) / seconds,
    }


def _best(result: TrainingResult) -> dict[str, Any]:
    best = result.best
    return {"epoch": best.epoch, "step": best.step, "metric": best.metric, "value": best.value}


def _values(evaluation: Evaluation) -> dict[str, Any]:
    """The mean over tasks; with several tasks, each task's own values beside it as ``task.metric``."""
    values: dict[str, Any] = dict(evaluation.values)
    if len(evaluation.tasks) > 1:
        for task, metrics in evaluation.tasks.items():
            values |= {f"{task}.{name}": value for name, value in metrics.items()}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
