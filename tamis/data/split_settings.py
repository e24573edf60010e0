"""The settings of a split: which rule divides the rows, and the numbers it takes."""

from dataclasses import dataclass
from typing import Literal, get_args

from tamis.config import suggest
from tamis.errors import ConfigError

SPLIT_NAMES = ("train", "valid", "test")

SplitKind = Literal["random", "time", "leave_last", "column", "given"]


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """How to divide the rows.

    - ``random``: each row by its own draw; ``fractions`` of train, validation and test (what is missing to 1
      is left out)
    - ``time``: the rows from ``valid_from`` on validate, those from ``test_from`` on test; each a number or
      an ISO date (UTC), or both left out and found from ``fractions``. Rows of one instant are never divided.
    - ``leave_last``: of each group (the schema's group field) the ``last`` latest rows test, the ``last``
      before validate
    - ``column``: the values of ``column`` name the part: ``train``, ``valid``, ``test`` list them; all three
      left out, the values are the words themselves. ``valid_fraction`` takes a random share of the training
      rows for validation.
    - ``given``: each part is a source of its own

    Raises:
        ConfigError: a setting breaks its rule, or does not belong to this kind.
    """

    kind: SplitKind = "random"
    seed: int = 0
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    valid_from: float | str | None = None
    test_from: float | str | None = None
    last: int = 1
    column: str | None = None
    train: tuple[int | str, ...] = ()
    valid: tuple[int | str, ...] = ()
    test: tuple[int | str, ...] = ()
    valid_fraction: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(SplitKind):
            kinds = list(get_args(SplitKind))
            raise ConfigError(f"split kind must be one of {kinds}; got {self.kind!r}. {suggest(self.kind, kinds)}")
        total = sum(self.fractions)
        if min(self.fractions) < 0 or self.fractions[0] <= 0 or total > 1 + 1e-9:
            raise ConfigError(
                "split fractions must be three shares (train above 0) that sum to at most 1; got "
                f"{list(self.fractions)}."
            )
        if self.seed < 0:
            raise ConfigError(f"split seed must be at least 0; got {self.seed}.")
        if self.last < 1:
            raise ConfigError(f"split last must be at least 1; got {self.last}.")
        if not 0 <= self.valid_fraction < 1:
            raise ConfigError(f"split valid_fraction must be at least 0 and below 1; got {self.valid_fraction}.")
        self._check_column()
        self._check_time()

    def _check_column(self) -> None:
        used = {"column": self.column, "train": self.train, "valid": self.valid, "test": self.test}
        if self.kind != "column":
            for name, value in {**used, "valid_fraction": self.valid_fraction}.items():
                if value:
                    raise ConfigError(f"split {name} belongs to kind 'column', not {self.kind!r}. Remove it.")
            return
        if self.column is None:
            raise ConfigError("split kind 'column' needs `column`, the name of the column that tells the parts.")
        if (self.valid or self.test) and not self.train:
            raise ConfigError("split kind 'column' needs `train`, the values whose rows train.")
        if self.valid and self.valid_fraction:
            raise ConfigError("split takes validation rows by `valid` or by `valid_fraction`, not by both.")
        values = [str(value) for value in (*self.train, *self.valid, *self.test)]
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise ConfigError(f"split column {self.column!r}: the value {twice!r} stands in two parts. Choose one.")

    def _check_time(self) -> None:
        if self.kind != "time" and (self.valid_from is not None or self.test_from is not None):
            raise ConfigError(f"split valid_from and test_from belong to kind 'time', not {self.kind!r}. Remove them.")
        if (self.valid_from is None) != (self.test_from is None):
            raise ConfigError("split kind 'time' needs both valid_from and test_from, or neither and fractions.")
        if type(self.valid_from) is not type(self.test_from) and str in map(type, (self.valid_from, self.test_from)):
            raise ConfigError("split valid_from and test_from must both be numbers or both be dates in quotes.")

    @property
    def parts(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """For kind ``column``, the values of train, validation and test as text."""
        if not (self.train or self.valid or self.test):
            words = SPLIT_NAMES if not self.valid_fraction else ("train", None, "test")
            train, valid, test = ((word,) if word else () for word in words)
            return train, valid, test
        train, valid, test = (tuple(map(str, values)) for values in (self.train, self.valid, self.test))
        return train, valid, test
