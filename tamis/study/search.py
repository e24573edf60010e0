"""What tuning may change: settings by dotted name, each with the values it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tamis.config import read_config
from tamis.errors import ConfigError
from tamis.experiment import ExperimentSettings, ReferenceSettings, read_reference, read_settings

# Another model, luck, or another measure of what is good.
_NOT_TUNED = ("model.name", "reference.name", "training.seed", "training.metric")

RunSettings = ExperimentSettings | ReferenceSettings
"""What a run of a study computes: a model's, or a reference's."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The values of one setting: one of ``choices``, or a number within ``range``, or within ``log`` by its logarithm.

    Raises:
        ConfigError: none or several of them are given, or the ends of an interval are out of order.

    Example:
        >>> Choice(log=(1e-4, 1e-2)).ends
        (0.0001, 0.01)
    """

    choices: tuple[Any, ...] | None = None
    range: tuple[float, float] | None = None
    log: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("choices", "range", "log") if getattr(self, name) is not None]
        if len(given) != 1 or self.choices == ():
            raise ConfigError(
                f"a choice is exactly one of choices, range, log, and not empty; got {', '.join(given) or 'none'}. "
                "Write for example { log = [1e-4, 1e-2] }."
            )
        if self.ends is not None and not (0 if self.log else -float("inf")) < self.ends[0] < self.ends[1]:
            raise ConfigError(
                f"a choice's {given[0]} must go from a lower to a higher number{', above 0' if self.log else ''}; "
                f"got {list(self.ends)}."
            )

    @property
    def ends(self) -> tuple[float, float] | None:
        """The ends of the interval, if it is one."""
        return self.range or self.log

    @property
    def examples(self) -> tuple[Any, ...]:
        """Values that show whether the setting takes what the choice offers: all choices, or both ends."""
        return self.choices or self.ends or ()


def read_search(table: Mapping[str, Any], *, where: str) -> dict[str, Choice]:
    """Read a table from dotted names to choices."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where}: must be a table from settings to choices; got {table!r}.")
    found = {}
    for name, choice in table.items():
        if not isinstance(choice, Mapping):
            raise ConfigError(f"{where} {name!r}: must be a table such as {{ choices = [0.0, 0.1] }}; got {choice!r}.")
        if name.split(".")[0] not in ("model", "training", "reference", "worth") or "." not in name:
            raise ConfigError(
                f"{where} {name!r}: must be a setting with its part before it, in quotes, "
                'such as "model.dropout" or "training.dense.learning_rate".'
            )
        found[name] = read_config(Choice, choice, where=f"{where} {name!r}")
    return found


def check_search(search: Mapping[str, Choice], settings: RunSettings, *, where: str) -> None:
    """Try every choice (both ends of an interval) in the settings.

    Raises:
        ConfigError: a setting does not exist, or takes no such value.
    """
    for name, choice in search.items():
        if name in _NOT_TUNED:
            raise ConfigError(f"{where}: {name} is no matter of tuning. Leave it out of the search.")
        for value in choice.examples:
            changed(settings, {name: value}, where=where)


def changed(settings: RunSettings, values: Mapping[str, Any], *, where: str) -> RunSettings:
    """The settings with the values of a trial in them, under dotted names.

    Raises:
        ConfigError: a setting does not exist, or takes no such value.
    """
    table = settings.to_table()
    for name, value in values.items():
        *parents, last = name.split(".")
        place = table
        for depth, parent in enumerate(parents, start=1):
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                whole = ".".join(parents[:depth])
                raise ConfigError(f"{where}: {name!r} is no setting, as {whole} is a value, not a table. Tune {whole}.")
        place[last] = value
    return read_run(table, where=where)


def read_run(table: Mapping[str, Any], *, where: str) -> RunSettings:
    """The settings of a model's run or, where the table has a part ``reference``, of a reference's."""
    return read_reference(table, where=where) if "reference" in table else read_settings(table, where=where)
