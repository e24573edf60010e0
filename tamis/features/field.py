"""One line of a schema: what a column means, and how its values become numbers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from tamis.config import suggest
from tamis.errors import ConfigError


class Kind(StrEnum):
    """What a column means."""

    CATEGORICAL = "categorical"
    NUMERIC = "numeric"
    MULTI_VALUED = "multi_valued"
    SEQUENCE = "sequence"
    VECTOR = "vector"
    LABEL = "label"
    GROUP = "group"
    SCENARIO = "scenario"
    TIME = "time"
    WEIGHT = "weight"
    IGNORED = "ignored"


EncoderName = Literal["vocabulary", "hash", "log_bucket", "quantile_bucket", "log_standardise", "standardise"]

ENCODERS_OF: dict[Kind, tuple[str, ...]] = {
    Kind.CATEGORICAL: ("vocabulary", "hash"),
    Kind.MULTI_VALUED: ("vocabulary", "hash"),
    Kind.SEQUENCE: ("vocabulary", "hash"),
    Kind.SCENARIO: ("vocabulary", "hash"),
    Kind.NUMERIC: ("log_standardise", "standardise", "log_bucket", "quantile_bucket"),
}
"""The encoders each kind may take, its default first; the other kinds take none."""

FEATURE_KINDS = (*ENCODERS_OF, Kind.VECTOR)
LIST_KINDS = (Kind.MULTI_VALUED, Kind.SEQUENCE)
TEXT_ENCODERS = ("vocabulary", "hash")
BUCKET_ENCODERS = ("log_bucket", "quantile_bucket")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: a name, the column it reads, and how that column is encoded.

    - ``column``: the column to read, by default the one called ``name``; several fields may read one column.
    - ``encoder``: ``vocabulary`` (one id a value), ``hash``, ``log_bucket``, ``quantile_bucket`` (ids),
      ``log_standardise`` or ``standardise`` (numbers); by default the first that the kind allows.
    - ``min_count``: values that training holds fewer times get no id of their own (vocabulary, log_bucket).
    - ``buckets``: the number of hash or quantile buckets.
    - ``share``: the name of a table that several fields share; by default a table of the field's own name.
    - ``max_length``: a sequence keeps its last, a multi-valued field its first ``max_length`` values; by
      default the longest list of the training rows.
    - ``target``: the id field that a sequence is attended from, of the same table (``share``): each of its values
      counts as much as target attention finds it to matter to that id; by default all count the same. It says what a
      model makes of the values, not how they are encoded: one encoded set serves with any target.
    - ``separator``: what stands between the values of a list or vector that is written as text.
    - ``width``: the number of values of a vector; by default that of the first training row.
    - ``at_least``: the label is 1 when the value is at least this.
    - ``positive``: the label is 1 when the value, as text, is exactly this.
    - ``not_finite``: what NaN and infinity in a numeric or vector field are: an ``error``, or ``missing``.

    Raises:
        ConfigError: a setting does not fit the kind or the encoder.

    Example:
        >>> Field(name="age", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=10).encoding
        'quantile_bucket'
    """

    name: str
    kind: Kind
    column: str | None = None
    encoder: EncoderName | None = None
    min_count: int = 1
    buckets: int | None = None
    share: str | None = None
    max_length: int | None = None
    target: str | None = None
    separator: str | None = None
    width: int | None = None
    at_least: float | None = None
    positive: str | None = None
    not_finite: Literal["error", "missing"] = "error"

    def __post_init__(self) -> None:
        if self.at_least is not None:
            # TOML and Python both let a whole number stand for a number; only one of them may reach a fingerprint.
            object.__setattr__(self, "at_least", float(self.at_least))
        kinds = [kind.value for kind in Kind]
        if self.kind not in kinds:
            hint = suggest(str(self.kind), kinds)
            raise ConfigError(f"field {self.name!r}: kind must be one of {kinds}; got {self.kind!r}. {hint}")
        if not self.name:
            raise ConfigError("a field needs a name that is not empty.")
        self._check_encoder()
        self._check_place_of_settings()
        self._check_ranges()

    @property
    def source(self) -> str:
        """The column this field reads."""
        return self.column if self.column is not None else self.name

    @property
    def encoding(self) -> str | None:
        """The encoder in force: the one given, else the default of the kind, or None without one."""
        if self.encoder is not None:
            return self.encoder
        return ENCODERS_OF[self.kind][0] if self.kind in ENCODERS_OF else None

    @property
    def is_feature(self) -> bool:
        """Whether a model sees this field."""
        return self.kind in FEATURE_KINDS

    @property
    def is_list(self) -> bool:
        """Whether a row holds any number of values of this field."""
        return self.kind in LIST_KINDS

    @property
    def table(self) -> str | None:
        """The name of the table the ids of this field point into, or None where it becomes numbers."""
        if self.encoding in (*TEXT_ENCODERS, *BUCKET_ENCODERS):
            return self.share if self.share is not None else self.name
        return None

    def _check_encoder(self) -> None:
        allowed = ENCODERS_OF.get(self.kind, ())
        if self.encoder is not None and self.encoder not in allowed:
            rule = f"takes one of {list(allowed)}" if allowed else "takes no encoder"
            raise ConfigError(f"field {self.name!r}: kind {str(self.kind)!r} {rule}; got {self.encoder!r}.")
        if self.buckets is None and self.encoding in ("hash", "quantile_bucket"):
            raise ConfigError(
                f"field {self.name!r}: encoder {self.encoding!r} needs the number of buckets. Add `buckets = ...`."
            )

    def _check_place_of_settings(self) -> None:
        """Refuse a setting that this kind or encoder would not read: ignoring it would hide a mistake."""
        is_text = self.encoding in TEXT_ENCODERS
        is_vector = self.kind == Kind.VECTOR
        places = (
            ("min_count", self.min_count != 1, self.encoding in ("vocabulary", "log_bucket")),
            ("buckets", self.buckets is not None, self.encoding in ("hash", "quantile_bucket")),
            ("share", self.share is not None, is_text),
            ("max_length", self.max_length is not None, self.is_list),
            ("target", self.target is not None, self.kind == Kind.SEQUENCE),
            ("separator", self.separator is not None, self.is_list or is_vector),
            ("width", self.width is not None, is_vector),
            ("at_least", self.at_least is not None, self.kind == Kind.LABEL),
            ("positive", self.positive is not None, self.kind == Kind.LABEL),
            ("not_finite", self.not_finite != "error", self.kind == Kind.NUMERIC or is_vector),
        )
        for setting, is_given, is_read in places:
            if is_given and not is_read:
                what = f"kind {str(self.kind)!r}" + (f" with encoder {self.encoding!r}" if self.encoding else "")
                raise ConfigError(f"field {self.name!r}: {setting} has no meaning for {what}. Remove it.")
        if self.at_least is not None and self.positive is not None:
            raise ConfigError(f"field {self.name!r}: at_least and positive exclude each other. Keep one of them.")

    def _check_ranges(self) -> None:
        smallest_buckets = 2 if self.encoding == "quantile_bucket" else 1
        limits = (
            ("min_count", self.min_count, 1),
            ("buckets", self.buckets, smallest_buckets),
            ("max_length", self.max_length, 1),
            ("width", self.width, 1),
        )
        for setting, value, smallest in limits:
            if value is not None and value < smallest:
                raise ConfigError(f"field {self.name!r}: {setting} must be at least {smallest}; got {value}.")
        if self.separator == "":
            raise ConfigError(f"field {self.name!r}: separator must not be empty. Write it, or remove the setting.")
        if self.not_finite not in ("error", "missing"):
            raise ConfigError(f"field {self.name!r}: not_finite must be 'error' or 'missing'; got {self.not_finite!r}.")
