"""The blocks of a study's file: its data sets, its models, and references from outside."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tamis.config import read_config, suggest
from tamis.errors import ConfigError
from tamis.experiment import REFERENCES, DataSettings
from tamis.study.search import Choice, read_search

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class DataBlock:
    """One data set: ``settings`` as in an experiment file, and training settings of its own.

    ``model`` holds model settings that are a matter of the data, such as ``dim``, for the models that have them and do
    not set them themselves. ``real`` tells it from made-up data; ``subfolder`` says where below ``--from`` its files
    lie.
    """

    name: str
    settings: DataSettings
    real: bool = True
    subfolder: str | None = None
    training: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("[[data]] name", self.name)


@dataclass(frozen=True, kw_only=True)
class ModelBlock:
    """One model under a ``label``, or a reference from outside, which has no size to scale.

    ``budget_setting`` names the settings scaled to meet the budget; without any the model keeps its size, and the
    verdicts say so. ``search`` is what may be tuned, beside what the study tunes for all. ``seeds`` replaces the
    study's, by as many. ``worth`` is the part of that name of an experiment: this model's runs choose their fields.
    ``only`` names the data sets on which it stands, ``targets`` the sizes of the budget at which it does; all if they
    name none.
    """

    name: str
    label: str
    settings: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    budget_setting: tuple[str, ...] = ()
    search: dict[str, Choice] = field(default_factory=dict)
    seeds: tuple[int, ...] | None = None
    worth: dict[str, Any] | None = None
    only: tuple[str, ...] = ()
    targets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_name("[[model]] label", self.label)

    def stands_on(self, data: DataBlock) -> bool:
        """Whether it stands on a data set."""
        return not self.only or data.name in self.only

    def stands_at(self, target: int | None) -> bool:
        """Whether it stands at a size of the budget."""
        return not self.targets or target in self.targets

    @property
    def is_reference(self) -> bool:
        """Whether it stands beside the models without being one."""
        return self.name in REFERENCES


def read_data_block(block: Mapping[str, Any], *, where: str) -> DataBlock:
    """One ``[[data]]`` block.

    Raises:
        ConfigError: a setting is unknown, has the wrong type, or breaks its rule.
    """
    own = ("name", "real", "subfolder", "training", "model")
    known = [*own, *(part.name for part in dataclasses.fields(DataSettings))]
    for key in block:
        if key not in known:
            raise ConfigError(f"{where}: a data set has no setting {key!r}. {suggest(key, known)}")
    where = f"{where} {block.get('name', '')!r}"
    rest = {key: value for key, value in block.items() if key not in own}
    settings = read_config(DataSettings, rest, where=where)
    return read_config(
        DataBlock, {**{key: block[key] for key in own if key in block}, "settings": settings}, where=where
    )


def read_model_block(block: Mapping[str, Any], *, where: str) -> ModelBlock:
    """One ``[[model]]`` block, called by its name if it has no label.

    Raises:
        ConfigError: a setting is unknown, has the wrong type, or breaks its rule.
    """
    table = dict(block)
    where = f"{where} {table.get('label', table.get('name', ''))!r}"
    table.setdefault("label", table.get("name"))
    if isinstance(table.get("budget_setting"), str):
        table["budget_setting"] = [table["budget_setting"]]
    search = read_search(table.pop("search", {}), where=f"{where} search")
    return dataclasses.replace(read_config(ModelBlock, table, where=where), search=search)


def read_reference_block(block: Mapping[str, Any], *, where: str) -> ModelBlock:
    """One ``[[reference]]`` block.

    Raises:
        ConfigError: there is no such reference, or it cannot have what the block says.
    """
    for key in ("training", "budget_setting", "targets", "worth"):
        if key in block:
            raise ConfigError(
                f"{where}: a reference has no {key}: it has neither epochs nor a size, nor fields to choose. Remove it."
            )
    if block.get("name") not in REFERENCES:
        raise ConfigError(
            f"{where}: no reference is called {block.get('name')!r}. {suggest(str(block.get('name')), REFERENCES)}"
        )
    return read_model_block(block, where=where)


def check_name(what: str, name: str) -> None:
    """Refuse a name that cannot be that of a folder.

    Raises:
        ConfigError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{what} becomes a folder, so it must be letters, digits, '.', '_' and '-'; got {name!r}.")
