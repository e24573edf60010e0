"""The settings as a record holds them, and whether a record is that of given settings on given data."""

from collections.abc import Mapping
from typing import Any, Protocol

from tamis.data import EncodedSet
from tamis.record import RunRecord


class Recordable(Protocol):
    """Settings of a run, of a model or of a reference."""

    def to_table(self) -> dict[str, Any]:
        """The resolved settings as one table."""
        ...

    def is_recorded_as(self, table: Mapping[str, Any]) -> bool:
        """Whether a record's settings are these; what could not be set when it was written has its default."""
        ...


def recorded_settings(settings: Recordable, encoded: EncodedSet) -> dict[str, Any]:
    """The resolved settings, and which list is attended from which field, which may stand in a schema file alone.

    The fingerprint of the data does not say it, for it is no matter of encoding.
    """
    attended = {field.name: field.target for field in encoded.layout.attended}
    return {**settings.to_table(), **({"attended": attended} if attended else {})}


def is_record_of(record: RunRecord, settings: Recordable, encoded: EncodedSet) -> bool:
    """Whether a record is that of these settings on this data, attended lists included."""
    told = dict(record.settings)
    attended = told.pop("attended", {})
    if record.data["fingerprint"] != encoded.fingerprint or not settings.is_recorded_as(told):
        return False
    return attended == recorded_settings(settings, encoded).get("attended", {})
