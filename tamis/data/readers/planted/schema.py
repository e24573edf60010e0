"""What the columns of a planted log mean."""

from tamis.data.readers.planted.settings import CHANCE, LABEL, TIME, PlantedField, PlantedSettings
from tamis.features.schema import Field, Kind, Schema

MIN_COUNT = 5
"""Ids seen less often in training share the unknown id: nothing can be learned of them but noise."""


def planted_schema(settings: PlantedSettings) -> Schema:
    """The schema of a planted log: numbers in quantile buckets, the label, the time, and the chance ignored.

    Example:
        >>> schema = planted_schema(PlantedSettings(fields=(PlantedField(name="user"),)))
        >>> [(field.name, str(field.kind)) for field in schema.fields]
        [('user', 'categorical'), ('click', 'label'), ('time', 'time')]
    """
    chance = (Field(name=CHANCE, kind=Kind.IGNORED),) if settings.with_chance else ()
    return Schema(
        fields=(
            *(_field(name, field) for name, field in settings.columns.items()),
            Field(name=LABEL, kind=Kind.LABEL),
            Field(name=TIME, kind=Kind.TIME),
            *chance,
        )
    )


def _field(name: str, field: PlantedField) -> Field:
    if field.kind == "numeric":
        return Field(name=name, kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=field.size)
    return Field(name=name, kind=Kind(field.kind), min_count=MIN_COUNT)
