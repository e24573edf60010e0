"""The settings of a planted log: its fields, and what of them decides the clicks."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import comb
from typing import Literal, get_args

from tamis.config import suggest
from tamis.errors import ConfigError

LABEL, TIME, CHANCE = "click", "time", "chance"
MOST_SETS = 1_000_000

FieldKind = Literal["categorical", "numeric", "scenario"]


@dataclass(frozen=True, kw_only=True)
class ColdIds:
    """Ids that occur only later: from ``start`` (a share of the log's time) on, in ``share`` of the rows.

    There are ``size`` of them, beside the field's own, with the same exponent; their effects are as strong.

    Raises:
        ConfigError: a number is out of range.
    """

    size: int
    start: float = 0.8
    share: float = 0.3

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(f"planted cold size must be at least 1; got {self.size}. Leave `cold` out for none.")
        if not 0 < self.start < 1:
            raise ConfigError(f"planted cold start must be above 0 and below 1; got {self.start}.")
        if not 0 < self.share <= 1:
            raise ConfigError(f"planted cold share must be above 0 and at most 1; got {self.share}.")


@dataclass(frozen=True, kw_only=True)
class PlantedField:
    """A column, or with ``copies`` above 1 several columns alike, called ``name_1``, ``name_2`` and so on.

    - ``kind``: ``categorical`` (whole numbers from 0 on), ``numeric`` (positive numbers, skewed to the right,
      of which only the bucket matters) or ``scenario`` (as categorical; there is at most one)
    - ``size``: the number of ids, or of equally frequent buckets
    - ``exponent``: id ``k`` is as frequent as ``(k + 1) ** -exponent``; 1 unless given, 0 makes all alike
    - ``missing``: the share of rows without a value, which takes part in no interaction
    - ``missing_effect``: what a missing value itself adds to the logit; 0 is missing at random
    - ``cold``: ids that occur only later

    Raises:
        ConfigError: a number is out of range, or a setting does not belong to the kind.
    """

    name: str
    kind: FieldKind = "categorical"
    size: int = 100
    exponent: float | None = None
    copies: int = 1
    missing: float = 0.0
    missing_effect: float = 0.0
    cold: ColdIds | None = None

    def __post_init__(self) -> None:
        where = f"planted field {self.name!r}"
        if not self.name:
            raise ConfigError("a planted field needs a name that is not empty.")
        kinds = list(get_args(FieldKind))
        if self.kind not in kinds:
            raise ConfigError(f"{where}: kind must be one of {kinds}; got {self.kind!r}. {suggest(self.kind, kinds)}")
        if self.size < 1 or self.copies < 1:
            raise ConfigError(f"{where}: size and copies must be at least 1; got {self.size} and {self.copies}.")
        if self.exponent is not None and not 0 <= self.exponent <= 3:
            raise ConfigError(f"{where}: exponent must be between 0 and 3; got {self.exponent}.")
        if not 0 <= self.missing < 1:
            raise ConfigError(f"{where}: missing must be at least 0 and below 1; got {self.missing}.")
        if self.missing_effect and not self.missing:
            raise ConfigError(f"{where}: missing_effect has no meaning without missing values. Set `missing` too.")
        for setting in ("exponent", "cold"):
            if self.kind == "numeric" and getattr(self, setting) is not None:
                raise ConfigError(f"{where}: {setting} has no meaning for kind 'numeric'. Remove it.")

    @property
    def columns(self) -> tuple["PlantedField", ...]:
        """The field once for each of its columns."""
        if self.copies == 1:
            return (self,)
        return tuple(replace(self, name=f"{self.name}_{i + 1}", copies=1) for i in range(self.copies))

    @property
    def zipf_exponent(self) -> float:
        """The exponent in force."""
        if self.kind == "numeric":
            return 0.0
        return 1.0 if self.exponent is None else float(self.exponent)

    @property
    def blocks(self) -> tuple[int, ...]:
        """How many ids there are from the start, and how many come later if any do."""
        return (self.size,) if self.cold is None else (self.size, self.cold.size)


@dataclass(frozen=True, kw_only=True)
class PlantedInteraction:
    """Effects of ``order`` fields together, for all sets of that many of ``fields`` or for ``count`` drawn ones.

    A set adds to the logit a product of hidden values, one for the id of each of its fields. Those have mean
    0 over the ids, weighted by their frequency, so that the product holds nothing that fewer fields could tell.

    - ``order``: 1 is an effect of each field by itself, 2 of pairs, and so on
    - ``fields``: the fields to choose from; the name of a field with copies stands for all of them
    - ``count``: how many sets are drawn; all there are if it is left out
    - ``scale``: the standard deviation, in logits, of what all the sets add together
    - ``rank``: how many such products each set adds up (orders above 1)
    - ``drift``: how far the effects move from first row to last: their correlation with those at the
      start falls from 1 to ``cos(drift * 90 degrees)``, so that with 1 nothing is left
    - ``own``: the share of the variance that each scenario has to itself
    - ``context``: a field whose id decides which ``active`` of the sets count; the others then add nothing

    Raises:
        ConfigError: a number is out of range, or two settings do not go together.
    """

    fields: tuple[str, ...]
    order: int = 1
    count: int | None = None
    scale: float = 1.0
    rank: int = 1
    drift: float = 0.0
    own: float = 0.0
    context: str | None = None
    active: int | None = None

    def __post_init__(self) -> None:
        where = f"planted interaction of {', '.join(self.fields) or 'no field'}"
        if self.order < 1 or self.rank < 1:
            raise ConfigError(f"{where}: order and rank must be at least 1; got {self.order} and {self.rank}.")
        if self.rank > 1 and self.order == 1:
            raise ConfigError(f"{where}: rank has no meaning for order 1. Remove it.")
        if self.scale <= 0:
            raise ConfigError(f"{where}: scale must be above 0; got {self.scale}. Leave the interaction out for none.")
        for setting in ("drift", "own"):
            if not 0 <= getattr(self, setting) <= 1:
                raise ConfigError(f"{where}: {setting} must be between 0 and 1; got {getattr(self, setting)}.")
        if (self.context is None) != (self.active is None):
            raise ConfigError(f"{where}: context and active go together: the field that decides, and how many count.")

    @property
    def needed_ids(self) -> int:
        """How many ids a field must have for its hidden values to have mean 0 and no correlation."""
        states = (2 if self.drift else 1) * (2 if self.own else 1)
        return self.rank * states + 1


@dataclass(frozen=True, kw_only=True)
class PlantedSettings:
    """A planted log: columns of ids and numbers, a column ``time`` and a column ``click``.

    - ``rows``, ``seed``: the same settings always give the same rows; with another number of rows the same
      ids have the same effects
    - ``base_rate``: the mean click chance
    - ``fields``: the columns; those in no interaction are noise
    - ``interactions``: what decides the clicks; none makes a log of pure noise
    - ``seconds``: how long the log lasts; its rows are in order and evenly spaced
    - ``with_chance``: whether the true click chances are a column, ``chance``, which no model should see
    - ``generator``: the version of the rules by which rows are made

    Raises:
        ConfigError: a number is out of range, two columns share a name, or an interaction names a field that
            is not there or does not suit it.

    Example:
        >>> user, page = PlantedField(name="user", size=50), PlantedField(name="page", size=20)
        >>> settings = PlantedSettings(fields=(user, page), interactions=(PlantedInteraction(fields=("user",)),))
        >>> list(settings.columns)
        ['user', 'page']
    """

    fields: tuple[PlantedField, ...]
    interactions: tuple[PlantedInteraction, ...] = ()
    rows: int = 100_000
    seed: int = 0
    base_rate: float = 0.2
    seconds: int = 864_000
    with_chance: bool = False
    generator: int = 1

    def __post_init__(self) -> None:
        if self.rows < 1 or self.seconds < 1:
            raise ConfigError(f"planted rows and seconds must be at least 1; got {self.rows} and {self.seconds}.")
        if self.seed < 0:
            raise ConfigError(f"planted seed must be at least 0; got {self.seed}.")
        if not 0 < self.base_rate < 1:
            raise ConfigError(f"planted base_rate must be above 0 and below 1; got {self.base_rate}.")
        if self.generator != 1:
            raise ConfigError(f"planted generator must be 1, the only one known; got {self.generator}. Update tamis.")
        self._check_fields()
        for interaction in self.interactions:
            self._check_interaction(interaction)

    @cached_property
    def columns(self) -> dict[str, PlantedField]:
        """The fields by the names of their columns, copies one by one."""
        return {column.name: column for field in self.fields for column in field.columns}

    @cached_property
    def scenario(self) -> str | None:
        """The scenario field, if there is one."""
        return next((name for name, field in self.columns.items() if field.kind == "scenario"), None)

    def members(self, interaction: PlantedInteraction) -> tuple[str, ...]:
        """The columns an interaction chooses from."""
        copies = {field.name: tuple(column.name for column in field.columns) for field in self.fields}
        return tuple(name for wanted in interaction.fields for name in copies.get(wanted, (wanted,)))

    def _check_fields(self) -> None:
        names = [column.name for field in self.fields for column in field.columns]
        if not names:
            raise ConfigError("a planted log needs at least one field.")
        for name in names:
            if name in (LABEL, TIME, CHANCE):
                raise ConfigError(f"planted field {name!r}: the log has a column of its own by that name. Rename it.")
            if names.count(name) > 1:
                raise ConfigError(f"two planted fields are called {name!r}. Rename one.")
        scenarios = [name for name, field in self.columns.items() if field.kind == "scenario"]
        if len(scenarios) > 1:
            raise ConfigError(f"a planted log has at most one scenario field; got {scenarios}.")

    def _check_interaction(self, interaction: PlantedInteraction) -> None:
        where = f"planted interaction of {', '.join(interaction.fields) or 'no field'}"
        members = self.members(interaction)
        context = () if interaction.context is None else (interaction.context,)
        for name in (*members, *context):
            if name not in self.columns:
                raise ConfigError(f"{where}: no field is called {name!r}. {suggest(name, self.columns)}")
        if len(set(members)) < len(members):
            raise ConfigError(f"{where}: a field stands there twice. Name each once.")
        if interaction.order > len(members):
            raise ConfigError(f"{where}: order {interaction.order} needs as many fields; got {len(members)}.")
        if interaction.own and (self.scenario is None or self.scenario in members):
            raise ConfigError(
                f"{where}: own needs a field of kind 'scenario' that is not one of the interaction's own."
            )
        if interaction.context in members:
            raise ConfigError(f"{where}: the context {interaction.context!r} cannot be one of its fields.")
        self._check_sets(interaction, where, comb(len(members), interaction.order))
        for name in members:
            fewest = min(self.columns[name].blocks)
            if fewest < interaction.needed_ids:
                raise ConfigError(
                    f"{where}: each field needs at least {interaction.needed_ids} ids (and as many cold ones, if any) "
                    f"for this rank, drift and own; {name!r} has {fewest}. Raise its size."
                )

    def _check_sets(self, interaction: PlantedInteraction, where: str, there: int) -> None:
        if there > MOST_SETS:
            raise ConfigError(
                f"{where}: {there:,} sets of {interaction.order} are more than {MOST_SETS:,}. Name fewer."
            )
        count = there if interaction.count is None else interaction.count
        if not 1 <= count <= there:
            raise ConfigError(f"{where}: count must be between 1 and {there}, all there are; got {count}.")
        if interaction.active is not None and not 1 <= interaction.active <= count:
            raise ConfigError(f"{where}: active must be between 1 and count, {count}; got {interaction.active}.")
