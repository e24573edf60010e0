"""A scaling study as its file says it: a study of one kind of budget, and the grid of sizes, shapes and data shares."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

from tamis.config import apply_overrides, read_config, read_toml, suggest
from tamis.errors import ConfigError
from tamis.study.blocks import DataBlock, ModelBlock
from tamis.study.settings import Entrant, StudySettings, merged, read_study, short_count

SIZE, SHARE = "size", "share"
"""What a study may vary besides the settings in its grid."""

Axis = Literal["parameters", "all_parameters", "active", "flops", "rows"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What grows, and when growth has stopped.

    ``axis`` is the ``N`` of the laws: dense ``parameters``, ``all_parameters`` with the tables, those that one row
    meets (``active``), ``flops`` of one row forwards, or training ``rows``. ``data_shares`` are shares of the training
    rows. ``grid`` names settings of all models with their values, or with tables of settings where several must change
    together. ``along`` is what a curve runs along; of everything else that varies, each value has curves of its own.
    A gain in AUC by ten times the size below ``threshold`` counts as none. ``draws`` are those of the bootstrap.
    """

    axis: Axis = "parameters"
    data_shares: tuple[float, ...] = (1.0,)
    grid: dict[str, Any] = field(default_factory=dict)
    along: tuple[str, ...] = ()
    threshold: float = 0.001
    draws: int = 1000

    def __post_init__(self) -> None:
        shares = self.data_shares
        if not shares or len(set(shares)) < len(shares) or not all(0 < share <= 1 for share in shares):
            raise ConfigError(
                f"[scale] data_shares must be at least one, differ, and lie above 0 and up to 1; got {list(shares)}."
            )
        if not 0 < self.threshold < 1 or self.draws < 100:
            raise ConfigError(
                "[scale] threshold must be above 0 and below 1 and draws at least 100; "
                f"got {self.threshold} and {self.draws}."
            )


@dataclass(frozen=True, kw_only=True)
class Point:
    """One entrant of a curve: a model on a data set at one size, shape and share of the training rows.

    ``place`` says where it stands on everything that varies, ``curve`` which curve of its data set it belongs to, and
    ``along`` what that runs along; ``name`` is the model's label in the file.
    """

    entrant: Entrant
    name: str
    curve: str
    along: tuple[str, ...]
    place: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ScaleSettings:
    """A whole scaling study: what holds for all runs, as in a comparison, and what grows."""

    study: StudySettings
    scale: Scale
    grids: dict[str, dict[str, dict[str, dict[str, Any]]]]

    def points(self) -> list[Point]:
        """Every point of every curve.

        Raises:
            ConfigError: a setting of the grid does not exist or breaks its rule.
        """
        study = self.study
        return [
            self._point(data, model, target, share, dict(shape))
            for data in study.data
            for model in study.models_on(data)
            for shape in product(*[[(axis, word) for word in words] for axis, words in self._grid(model).items()])
            for share in self.scale.data_shares
            for target in study.budget.targets or (None,)
            if model.stands_at(target)
        ]

    def curves(self) -> dict[tuple[str, str], list[Point]]:
        """The points by data set and curve."""
        found: dict[tuple[str, str], list[Point]] = {}
        for point in self.points():
            found.setdefault((point.entrant.data.name, point.curve), []).append(point)
        return found

    def _grid(self, model: ModelBlock) -> dict[str, dict[str, dict[str, Any]]]:
        return self.grids[model.label]

    def along(self, model: ModelBlock) -> tuple[str, ...]:
        """What a model's curves run along: what the file says, or the first of rows, sizes and shapes that varies."""
        if self.scale.along:
            return self.scale.along
        if self.scale.axis == "rows":
            return (SHARE,)
        return (SIZE,) if len(self.study.budget.targets) > 1 else tuple(self._grid(model))

    def _point(
        self, data: DataBlock, model: ModelBlock, target: int | None, share: float, shape: dict[str, str]
    ) -> Point:
        grid, along = self._grid(model), self.along(model)
        settings = model.settings
        for axis, word in shape.items():
            settings = merged(settings, grid[axis][word])
        place = dict(shape)
        if len(self.scale.data_shares) > 1:
            place[SHARE] = f"{share:g}"
        words = [f"{axis}{word}" for axis, word in place.items()]
        shared = data
        if share < 1:
            shared = dataclasses.replace(data, settings=dataclasses.replace(data.settings, train_share=share))
        varied = dataclasses.replace(model, settings=settings, label="-".join([model.label, *words]))
        entrant = self.study.entrant(shared, varied, target)
        if target is not None and len(self.study.budget.targets) > 1:
            place[SIZE] = short_count(target)
        apart = [f"{axis} {word}" for axis, word in place.items() if axis not in along]
        curve = ", ".join([model.label, *apart])
        return Point(entrant=entrant, name=model.label, curve=curve, along=along, place=place)


def read_scale(table: Mapping[str, Any], *, where: str) -> ScaleSettings:
    """Build the scaling study from one table; what is not a setting is refused.

    Raises:
        ConfigError: a part or key is unknown, has the wrong type, or breaks its rule, or nothing grows.
    """
    rest = {key: value for key, value in table.items() if key != "scale"}
    own: dict[str, Any] = {}
    if isinstance(rest.get("model"), list):
        own = {str(block.get("label", block.get("name"))): block.get("grid", {}) for block in rest["model"]}
        rest["model"] = [{key: value for key, value in block.items() if key != "grid"} for block in rest["model"]]
    study = read_study(rest, where=where)
    scale = read_config(Scale, table.get("scale", {}), where=f"{where} [scale]")
    if study.rules.selection_gain:
        raise ConfigError(f"{where}: selection_gain belongs to tamis compare. Leave it out of a scaling study.")
    grids = {
        model.label: {
            axis: _read_axis(axis, values, where=f"{where} grid {axis!r}")
            for axis, values in {**scale.grid, **own.get(model.label, {})}.items()
        }
        for model in study.models
    }
    settings = ScaleSettings(study=study, scale=scale, grids=grids)
    _check(settings, where)
    return settings


def load_scale(path: Path | str, overrides: Iterable[str] = ()) -> ScaleSettings:
    """Read a scaling study's file and apply ``a.b=value`` overrides on top."""
    return read_scale(apply_overrides(read_toml(path), overrides), where=str(path))


def word_of(value: Any) -> str:
    """A value of a setting as a part of a name.

    Example:
        >>> word_of([64, 32]), word_of(0.5), word_of("batch")
        ('64x32', '0.5', 'batch')
    """
    text = "x".join(word_of(part) for part in value) if isinstance(value, list | tuple) else f"{value}"
    return re.sub(r"[^A-Za-z0-9.]+", "_", text)


def _read_axis(axis: str, values: Any, *, where: str) -> dict[str, dict[str, Any]]:
    """The settings under each word: of a list the values of one setting, of a table what changes together."""
    if axis in (SIZE, SHARE):
        raise ConfigError(f"{where}: is said by [budget] targets or [scale] data_shares. Name the grid otherwise.")
    if isinstance(values, list) and values:
        named = [(value, {axis: value}) for value in values]
    elif isinstance(values, Mapping) and values and all(isinstance(value, Mapping) for value in values.values()):
        named = [(word, dict(settings)) for word, settings in values.items()]
    else:
        raise ConfigError(
            f"{where}: must be a list of values that differ, or a table from names to settings such as "
            f"{{ flat = {{ hidden = [64] }} }}; got {values!r}."
        )
    found: dict[str, dict[str, Any]] = {}
    for name, settings in named:
        word = word_of(name)
        if word in found:
            raise ConfigError(
                f"{where}: two of {[other for other, _ in named]!r} become the same folder, {word!r}. Give values that "
                "differ, or a table with names that differ in letters, digits or '.'."
            )
        found[word] = settings
    return found


def _check(settings: ScaleSettings, where: str) -> None:
    scale, study = settings.scale, settings.study
    if study.references:
        raise ConfigError(f"{where}: a reference does not grow, so a scaling study has none. Remove [[reference]].")
    for model in study.models:
        varies = [*settings.grids[model.label]]
        varies += [SIZE] * (len(study.budget.targets) > 1) + [SHARE] * (len(scale.data_shares) > 1)
        along = settings.along(model)
        for axis in along:
            if axis not in varies:
                raise ConfigError(
                    f"{where} model {model.label!r}: its curves run along {axis!r}, which does not vary. "
                    f"{suggest(axis, varies) if varies else 'Nothing does.'} Give it several values, or change along."
                )
        if scale.axis == "active" and model.worth is not None:
            raise ConfigError(
                f"{where} model {model.label!r}: has a part worth, so its runs choose their fields, and what one row "
                "meets is not counted again after that. Take another axis than 'active', or leave worth out."
            )
        if not along:
            raise ConfigError(
                f"{where} model {model.label!r}: nothing grows. Give [budget] several targets, [scale] a grid, "
                'or axis = "rows" with several data_shares.'
            )
    for points in settings.curves().values():
        if len(points) < 2:
            raise ConfigError(f"{where}: the curve {points[0].curve!r} has one point. Give it more sizes.")
