"""The whole house behind five lines of a notebook: fit, predict, evaluate, save, load."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tamis.config import read_config, suggest, write_config
from tamis.data import FrameSource, SplitSettings, prepare
from tamis.errors import ConfigError, DataError
from tamis.experiment import (
    DataSettings,
    ExperimentSettings,
    WorthSettings,
    choose_within,
    inspect_model,
    run_experiment,
)
from tamis.export import Bundle, load_bundle, save_bundle
from tamis.features import Schema
from tamis.models import MODELS, make_lighter
from tamis.models.ssr import SSRRanker
from tamis.record import Inspection, RunRecord
from tamis.serving import Scorer
from tamis.training import TrainingSettings

_PARAMETERS = ("model", "settings", "training", "schema", "group", "time", "worth", "seed")


class Ranker:
    """A ranking model with the manners of scikit-learn; takes Polars or pandas frames.

    ``model`` is a name that ``tamis models`` lists; ``settings`` changes settings of the model and ``training`` those
    of its training, both as nested tables like in an experiment file. ``schema`` says what the columns mean; it is
    inferred when left out, with ``group`` and ``time`` naming those columns. With ``worth``, such as ``{}`` or
    ``{"threshold": 3, "context": "auto"}``, fields are left out that are worth nothing on rows not seen before, or, by
    a context, in some rows; ``record_.worth`` says what each is worth. After ``fit``, ``record_`` holds every number of
    the run and ``schema_`` the schema that was used.

    Example:
        >>> import numpy as np, polars as pl
        >>> users = np.random.default_rng(0).integers(0, 20, 400)
        >>> log = pl.DataFrame({"user_id": users, "click": (users % 2).astype(int)})
        >>> ranker = Ranker("mlp", settings={"hidden": [8]}, training={"epochs": 2, "batch_size": 64})
        >>> float(ranker.fit(log, label="click").evaluate(log)["auc"]) > 0.9
        True
    """

    def __init__(
        self,
        model: str = "ssr_d",
        *,
        settings: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        schema: Schema | None = None,
        group: str | None = None,
        time: str | None = None,
        worth: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        # scikit-learn's rule: keep what was given as it was given, check it when fitting.
        self.model = model
        self.settings = settings
        self.training = training
        self.schema = schema
        self.group = group
        self.time = time
        self.worth = worth
        self.seed = seed

    def fit(
        self,
        frame: Any,
        y: Any = None,
        *,
        label: str | None = None,
        valid: Any = None,
        split: SplitSettings | None = None,
        must_fit: bool = True,
    ) -> "Ranker":
        """Train on ``frame`` and keep the weights that are best on validation rows.

        The label is the column called ``label``, or ``y`` beside the frame as scikit-learn passes it. Validation rows
        are those of the frame ``valid`` (with the label column), or a tenth taken at random, or what ``split`` says.
        Training that by its plan needs more memory or disk than is free is refused, unless ``must_fit`` is off.

        Raises:
            ConfigError: a model, setting or column name does not exist.
            DataError: the rows break a rule of the schema.
            TrainingError: training will not fit, or failed.
        """
        rows = _to_polars(frame)
        label, rows = _find_label(rows, y, label, self.schema)
        schema = self.schema or Schema.infer(rows, label=label, group=self.group, time=self.time)
        experiment = self._experiment()
        if valid is not None:
            source: Any = {"train": FrameSource(rows), "valid": FrameSource(valid)}
            split = SplitSettings(kind="given")
        else:
            source, split = (
                FrameSource(rows),
                split or SplitSettings(fractions=(0.9, 0.1, 0.0), seed=self.seed),
            )
        with tempfile.TemporaryDirectory(prefix="tamis-") as temporary:
            folder = Path(temporary)
            encoded = prepare(source=source, schema=schema, split=split, folder=folder / "data", name="frame")
            place = folder / "run"
            record = run_experiment(experiment, encoded, folder=place, command="Ranker.fit", must_fit=must_fit)
            bundle = load_bundle(folder / "run" / "model")
        assert record is not None
        self.record_, self.schema_, self._bundle = record, schema, bundle
        return self

    def predict(self, frame: Any) -> np.ndarray:
        """The probability of the label for each row, ``(rows,)`` float32; with several tasks ``(rows, tasks)``."""
        scores = Scorer(self._fitted()).score(_to_polars(frame))
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, frame: Any) -> np.ndarray:
        """The probabilities of 0 and 1 side by side, ``(rows, 2)``, as scikit-learn's classifiers give them."""
        positive = Scorer(self._fitted()).score(_to_polars(frame))[:, 0]
        return np.stack([1 - positive, positive], axis=1)

    def scorer(self, *, device: str = "cpu") -> Scorer:
        """The fitted model at work: counts unseen values, and scores many candidates of one request at once."""
        return Scorer(self._fitted(), device=device)

    def lighter(
        self,
        *,
        iterations: int | None = None,
        views: int | None = None,
        milliseconds: float | None = None,
        rows: int = 500,
    ) -> "Ranker":
        """The fitted SSR with fewer competition steps or last views: less to compute for each row, and less good.

        It shares the weights with this one and needs no training. Give steps and views, or the ``milliseconds`` within
        which ``rows`` prepared candidates of one request are to be scored on this machine: then forms are timed and the
        first that keeps within them is taken, steps going before views. ``docs/beyond.md`` says what that costs.

        Raises:
            ConfigError: the model is no SSR, has no so many steps or views to leave out, or is too slow in any form.
        """
        bundle = self._fitted()
        if not isinstance(bundle.model, SSRRanker):
            raise ConfigError(f"only models of the SSR family can be made lighter; got {bundle.model_name!r}.")
        if milliseconds is not None:
            if (iterations, views) != (None, None):
                raise ConfigError("milliseconds choose iterations and views themselves. Leave the others out.")
            iterations, views = choose_within(bundle, limit=milliseconds, rows=rows)
        settings, model = make_lighter(
            bundle.model, bundle.model_settings, bundle.layout, iterations=iterations, views=views
        )
        ranker = Ranker(**{**self.get_params(), "settings": write_config(settings)})
        ranker._bundle, ranker.schema_ = replace(bundle, model_settings=settings, model=model), self.schema_
        return ranker

    def evaluate(self, frame: Any) -> dict[str, float]:
        """The exact metrics of the fitted model on labelled rows, every row counted once."""
        return Scorer(self._fitted()).evaluate([_to_polars(frame)])

    def score(self, frame: Any, y: Any = None) -> float:
        """AUC, for scikit-learn's model selection."""
        rows = _to_polars(frame)
        label = self._fitted().encoders.schema.labels[0]
        return self.evaluate(rows if y is None else rows.with_columns(_as_series(label.column or label.name, y)))["auc"]

    def inspect(self, frame: Any = None) -> Inspection:
        """Where the fitted model's weights are near zero and, with rows, what its filters keep of them.

        ``save`` of the result writes ``inspection.json``; ``tamis.reports.write_inspection`` draws it as a page.
        """
        chunks = () if frame is None else [_to_polars(frame)]
        return inspect_model(self._fitted(), chunks, record=getattr(self, "record_", None))

    def save(self, folder: Path | str) -> Path:
        """Write the fitted model with its encoders and its record to a folder that ``tamis.load`` reads."""
        place = save_bundle(folder, self._fitted())
        if hasattr(self, "record_"):
            self.record_.save(place / "record.json")
        return place

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor, as scikit-learn asks for them."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **parameters: Any) -> "Ranker":
        """Change arguments of the constructor by name."""
        for name, value in parameters.items():
            if name not in _PARAMETERS:
                raise ConfigError(f"Ranker has no parameter {name!r}. {suggest(name, _PARAMETERS)}")
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_bundle")

    def __sklearn_tags__(self) -> Any:
        # Asked by scikit-learn alone, which is therefore installed; without it nothing here needs it.
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=False, single_output=False),
            classifier_tags=ClassifierTags(multi_class=False),
            input_tags=InputTags(two_d_array=False, categorical=True, string=True, allow_nan=True),
        )

    def __repr__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self.get_params().items() if value not in (None, 0)]
        return f"Ranker({', '.join(given)})"

    def _experiment(self) -> ExperimentSettings:
        entry = MODELS[self.model]
        training = {**write_config(TrainingSettings()), **dict(self.training or {}), "seed": self.seed}
        return ExperimentSettings(
            data=DataSettings(path="frame", schema="inferred"),
            model=entry.name,
            model_settings=read_config(entry.config, self.settings or {}, where=f"Ranker settings of {entry.name}"),
            training=read_config(TrainingSettings, training, where="Ranker training"),
            worth=None if self.worth is None else read_config(WorthSettings, self.worth, where="Ranker worth"),
        )

    def _fitted(self) -> Bundle:
        if not hasattr(self, "_bundle"):
            raise ConfigError("this Ranker is not fitted yet. Call fit(frame, label=...) first, or tamis.load(folder).")
        return self._bundle


def load(folder: Path | str) -> Ranker:
    """Read what ``Ranker.save`` or a finished run wrote; the result predicts, evaluates and can be saved again.

    Raises:
        CheckpointError: the folder is no saved model, or a file in it is damaged.
    """
    folder = Path(folder)
    bundle = load_bundle(folder / "model" if (folder / "model").is_dir() else folder)
    ranker = Ranker(bundle.model_name, settings=write_config(bundle.model_settings), schema=bundle.encoders.schema)
    ranker._bundle, ranker.schema_ = bundle, bundle.encoders.schema
    record = folder / "record.json"
    if record.exists():
        ranker.record_ = RunRecord.load(record)
    return ranker


def _find_label(rows: pl.DataFrame, y: Any, label: str | None, schema: Schema | None) -> tuple[str, pl.DataFrame]:
    """The label's column, and the rows with it."""
    if label is None and schema is not None:
        label = schema.labels[0].column or schema.labels[0].name
    if y is not None:
        name = label or str(getattr(y, "name", None) or "label")
        return name, rows.with_columns(_as_series(name, y))
    if label is None:
        raise ConfigError('fit needs the label: fit(frame, label="click"), or fit(frame, y).')
    if label not in rows.columns:
        raise DataError(f"the frame has no column {label!r} for the label. {suggest(label, rows.columns)}")
    return label, rows


def _to_polars(frame: Any) -> pl.DataFrame:
    return FrameSource(frame).frame


def _as_series(name: str, values: Any) -> pl.Series:
    return pl.Series(name, np.asarray(values))
