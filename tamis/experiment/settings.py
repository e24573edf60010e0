"""One experiment: which data, which model, how it is trained; read from one TOML file, strictly."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tamis.config import apply_overrides, read_config, read_toml, suggest, write_config
from tamis.data.split import SplitSettings
from tamis.errors import ConfigError
from tamis.models import MODELS
from tamis.record import RunRecord
from tamis.training import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the rows come from and how they are split.

    Either ``recipe`` names a data set, or ``path`` names one file that is split here, or ``train``, ``valid`` and
    ``test`` name files that somebody else has split; without ``valid``, the share ``valid_fraction`` of the training
    rows, taken at random, validates. A recipe brings its own schema and split, and some have ``options``, such as
    ``{"rows": 1_000_000}`` of a planted log; for other data ``schema`` is a TOML file (``tamis data inspect FILE
    --label COLUMN --write schema.toml`` makes a first one). ``fields`` changes settings of single fields, for example
    ``{"user_id": {"min_count": 5}}``. ``folder`` holds the encoded set. ``train_share`` trains on a share of the
    training rows, always the same ones, each share inside every larger one; encoders, validation and test stay those of
    all rows.
    """

    recipe: str | None = None
    options: dict[str, Any] | None = None
    path: str | None = None
    train: str | None = None
    valid: str | None = None
    test: str | None = None
    valid_fraction: float = 0.1
    format: str | None = None
    schema: str | None = None
    split: SplitSettings | None = None
    fields: dict[str, dict[str, Any]] | None = None
    folder: str | None = None
    train_share: float | None = None

    def __post_init__(self) -> None:
        ways = {"recipe": self.recipe, "path": self.path, "train": self.train}
        given = [name for name, value in ways.items() if value is not None]
        if len(given) != 1:
            raise ConfigError(
                "[data] needs exactly one of recipe, path, train (with valid and test); "
                f"got {', '.join(given) or 'none of them'}."
            )
        if self.options is not None and self.recipe is None:
            raise ConfigError("[data] options are those of a recipe, and none is named. Remove them.")
        if not 0 < self.valid_fraction < 1:
            raise ConfigError(f"[data] valid_fraction must be above 0 and below 1; got {self.valid_fraction}.")
        if self.train_share is not None and not 0 < self.train_share <= 1:
            raise ConfigError(
                f"[data] train_share must be above 0 and at most 1; got {self.train_share}. Leave it out for all rows."
            )
        if self.train is not None and self.test is None:
            raise ConfigError('[data] train is given without test. Add test = "FILE", or use path with a split.')
        if self.recipe is None and self.schema is None:
            raise ConfigError(
                "[data] schema is missing: a TOML file that says what each column means. "
                "`tamis data inspect FILE --label COLUMN --write schema.toml` makes a first one."
            )


AUTO = "auto"
"""In place of a context's name: find it."""


@dataclass(frozen=True, kw_only=True)
class WorthSettings:
    """A run with a part ``[worth]`` first measures what each field is worth on rows not seen, and leaves others out.

    ``threshold`` is in standard errors: of fields that tell nothing, one in 44 is kept at the default of 2. A log of
    few clicks shows little, and a field that is worth little is then left out too.

    ``context`` names a field that may decide which others matter, such as a scenario, a slot or a device. In the rows
    with a value of it under which another field was not seen to tell anything, that field is left out; a field that
    surely tells something in some context stays. With "auto" it is the field that decides most about the others, by the
    training rows, or none if no field decides about several.
    """

    threshold: float = 2.0
    context: str | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ConfigError(
                f"[worth] threshold must be a number of standard errors, such as 2; got {self.threshold}."
            )


@dataclass(frozen=True, kw_only=True)
class ExperimentSettings:
    """Everything that decides what a run computes; ``model_settings`` is the config of the model called ``model``."""

    data: DataSettings
    model: str
    model_settings: Any
    training: TrainingSettings
    worth: WorthSettings | None = None

    @property
    def metric(self) -> str:
        """The validation metric that chooses."""
        return self.training.metric

    def with_seed(self, seed: int) -> "ExperimentSettings":
        """The same settings with another seed."""
        return replace(self, training=replace(self.training, seed=seed))

    def to_table(self) -> dict[str, Any]:
        """The resolved settings as one table; reading it back gives an equal experiment."""
        return {
            "data": write_config(self.data),
            "model": {"name": self.model, **write_config(self.model_settings)},
            "training": write_config(self.training),
            **({} if self.worth is None else {"worth": write_config(self.worth)}),
        }

    def is_recorded_as(self, table: Mapping[str, Any]) -> bool:
        """Whether a record's settings are these; what could not be set when it was written has its default."""
        try:
            return read_settings(table, where="a record") == self
        except ConfigError:  # of a version whose settings were others
            return False


def read_settings(table: Mapping[str, Any], *, where: str) -> ExperimentSettings:
    """Build the settings from one table with the parts ``data``, ``model``, ``training`` and, if wanted, ``worth``.

    Raises:
        ConfigError: a part or key is unknown, has the wrong type, or breaks its rule.
    """
    parts = ("data", "model", "training", "worth")
    for part in table:
        if part not in parts:
            raise ConfigError(f"{where}: no part is called {part!r}. {suggest(part, parts)}")
    if "data" not in table or "name" not in table.get("model", {}):
        raise ConfigError(f'{where}: needs a part [data] and a part [model] with a name, such as name = "ssr_d".')
    model_table = dict(table["model"])
    entry = MODELS[model_table.pop("name")]
    return ExperimentSettings(
        data=read_config(DataSettings, table["data"], where=f"{where} [data]"),
        model=entry.name,
        model_settings=read_config(entry.config, model_table, where=f"{where} [model]"),
        training=read_config(TrainingSettings, table.get("training", {}), where=f"{where} [training]"),
        worth=read_config(WorthSettings, table["worth"], where=f"{where} [worth]") if "worth" in table else None,
    )


def load_settings(path: Path | str, overrides: Iterable[str] = ()) -> ExperimentSettings:
    """Read an experiment file and apply ``a.b=value`` overrides on top; a record, too, is one: that of its run.

    Raises:
        ConfigError: a part or key is unknown, has the wrong type, or breaks its rule; or the record is no model's.
        DataError: the record cannot be read.
    """
    table = _recorded_experiment(Path(path)) if Path(path).suffix == ".json" else read_toml(path)
    return read_settings(apply_overrides(table, overrides), where=str(path))


def _recorded_experiment(path: Path) -> dict[str, Any]:
    record = RunRecord.load(path)
    if "model" not in record.settings:
        raise ConfigError(
            f"{path}: is a record of {record.model}, which is no model of tamis and has no experiment. "
            "Give the record of a model, or an experiment file."
        )
    # Which lists are attended is written beside the settings; the recipe or the schema file says it again.
    return {part: value for part, value in record.settings.items() if part != "attended"}
