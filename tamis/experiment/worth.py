"""Which fields are worth having: one pass over the training rows before the run, and what it leaves of the data."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tamis.analysis import FieldWorth, WorthMeter
from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches
from tamis.embeddings import FieldEmbedding
from tamis.experiment.build import build_model, make_batches
from tamis.experiment.recorded import recorded_settings
from tamis.experiment.settings import ExperimentSettings
from tamis.objectives import binary_cross_entropy
from tamis.record import remove_whole, write_whole
from tamis.training import Workers, train

WORTH_FILE = "worth.json"
# Of fewer batches the root of squares is too unsure of itself to divide by.
_BATCHES = 100
_FEWEST_ROWS = 32


@dataclass(frozen=True, kw_only=True)
class FieldChoice:
    """What the pass found of every field, and the names of those that the run has."""

    found: tuple[FieldWorth, ...]
    kept: tuple[str, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """One line a field, the worthiest first."""
        lines = sorted(self.found, key=lambda field: -field.z)
        return [{**asdict(field), "z": field.z, "kept": field.name in self.kept} for field in lines]


def choose_fields(
    settings: ExperimentSettings,
    encoded: EncodedSet,
    *,
    folder: Path,
    workers: Workers | None = None,
    report: Callable[[Any], None] | None = None,
) -> FieldChoice:
    """Train the model of ``settings`` for one pass, and keep the fields whose worth in it is beyond the threshold.

    A scenario field stays in any case. If nothing is beyond the threshold, the field with the largest z is kept: a
    model must see something. What was found is written to ``worth.json`` in ``folder``, from which a run that is
    resumed reads it again.

    Raises:
        TrainingError: training failed.
    """
    assert settings.worth is not None
    workers = workers or Workers()
    identity = {**recorded_settings(settings, encoded), "fingerprint": encoded.fingerprint}
    found = workers.from_main(_read(folder / WORTH_FILE, identity))
    if found is None:
        found = _measure(settings, encoded, folder=folder / "worth", workers=workers, report=report)
        if workers.is_main:
            content = {"identity": identity, "fields": [asdict(field) for field in found]}
            write_whole(folder / WORTH_FILE, json.dumps(content, indent=1) + "\n")
            remove_whole(folder / "worth")
        workers.barrier()
    threshold, scenario = settings.worth.threshold, encoded.layout.scenario
    kept = {field.name for field in found if field.z > threshold} or {max(found, key=lambda field: field.z).name}
    return FieldChoice(
        found=found, kept=tuple(name for name in encoded.layout.field_names if name in kept or name == scenario)
    )


def _measure(
    settings: ExperimentSettings,
    encoded: EncodedSet,
    *,
    folder: Path,
    workers: Workers,
    report: Callable[[Any], None] | None,
) -> tuple[FieldWorth, ...]:
    rows = make_batches(settings, encoded, "train").rows
    training = replace(
        settings.training,
        epochs=1,
        batch_size=max(min(settings.training.batch_size, rows // _BATCHES), _FEWEST_ROWS),
        evaluations_per_epoch=1,
        patience=None,
        keep="last",
        compile="off",
        checkpoint_every_steps=None,
        checkpoint_minutes=None,
        tensorboard=False,
    )
    one_pass = replace(settings, training=training)
    model = build_model(one_pass, encoded)
    source: EncodedBatches = make_batches(one_pass, encoded, "train")
    meter = WorthMeter(
        model,
        [module for module in model.modules() if isinstance(module, FieldEmbedding)],
        names=encoded.layout.field_names,
        objective=binary_cross_entropy,
        seed=settings.training.seed + 1_000_003 * workers.rank,
    )
    if workers.is_main:
        remove_whole(folder)  # of a pass that was killed: it begins again
    workers.barrier()
    train(
        model,
        source=source,
        valid=make_batches(one_pass, encoded, "valid"),
        settings=training,
        folder=folder,
        workers=workers,
        report=report,
        tasks=encoded.layout.tasks,
        watch=meter.observe,
    )
    return meter.result(workers.sum(meter.totals()))


def _read(path: Path, identity: dict[str, Any]) -> tuple[FieldWorth, ...] | None:
    """What an earlier start of the same run found, None if there is none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    # As JSON gives it back: a tuple is a list there.
    if content["identity"] != json.loads(json.dumps(identity)):
        return None
    return tuple(FieldWorth(**field) for field in content["fields"])
