"""The settings of a table: what is declared of it beside its keys and its indexes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import asdict

ON_DEMAND: Final = "PAY_PER_REQUEST"
PROVISIONED: Final = "PROVISIONED"
BILLING_MODES: Final = (PROVISIONED, ON_DEMAND)
DAY: Final = 86_400
STREAM_VIEWS: Final = ("NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY")
TABLE_CLASSES: Final = ("STANDARD", "STANDARD_INFREQUENT_ACCESS")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799_999_999
"""Microseconds to the end of the year 9999."""

Units = tuple[int, int]
"""Read and write capacity units; they limit nothing here."""


class Settings(Struct, frozen=True, kw_only=True):
    """What ``meta.json`` has under ``settings``; all but the stream changes nothing here."""

    created: int | None = None
    """Microseconds since 1970; None: a table that was made before this was kept."""
    billing: str = ON_DEMAND
    units: Units | None = None
    """Where it is provisioned."""
    index_units: Mapping[str, Units] = field(default_factory=dict)
    """Those of its global indexes."""
    stream: str | None = None
    """The view type of its stream; None: it has none."""
    stream_seconds: int = DAY
    """How long records of the stream are kept."""
    stream_size: int | None = None
    """At most so many bytes of the journal are kept for it; None: however many."""
    stream_label: int | None = None
    """When the stream was declared, in microseconds since 1970; it stays when the stream ends."""
    stream_begun: int | None = None
    """The LSN before which nothing is in the stream; None: no table of its kind had one before."""
    stream_ended: int | None = None
    """When it was disabled; what is in it can be read until it is too old."""
    protected: bool = False
    """Whether it must not be deleted."""
    table_class: str = "STANDARD"
    encrypted: bool = False
    """Whether encryption was asked for. It is noted only: nothing here encrypts."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what is not as by default, as JSON values."""
        values = asdict(self)
        return {name: values[name] for name in values if values[name] != getattr(_DEFAULT, name)}

    @classmethod
    def from_json(cls, value: object) -> Settings:
        """Read what :meth:`to_json` gave; raises TypeError where somebody changed it."""
        if not isinstance(value, dict):
            raise TypeError(f"{value!r} is no settings")
        given = dict(value)
        if isinstance(given.get("units"), list):
            given["units"] = tuple(given["units"])
        if isinstance(given.get("index_units"), dict):
            given["index_units"] = {
                name: tuple(units) if isinstance(units, list) else units
                for name, units in given["index_units"].items()
            }
        settings = cls(**given)
        for name, value in asdict(settings).items():
            if not _RIGHT[name](value):
                raise TypeError(f"{name} is {value!r}")
        return settings


def _is_units(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(type(n) is int for n in value)


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _is_moment(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value <= _LATEST)


_RIGHT: Final = {
    "created": _is_moment,
    "billing": lambda value: value in BILLING_MODES,
    "units": lambda value: value is None or _is_units(value),
    "index_units": lambda value: isinstance(value, dict) and all(map(_is_units, value.values())),
    "stream": lambda value: value is None or value in STREAM_VIEWS,
    "stream_seconds": lambda value: type(value) is int and value > 0,
    "stream_size": lambda value: value is None or (type(value) is int and value > 0),
    "stream_label": _is_moment,
    "stream_begun": lambda value: value is None or type(value) is int,
    "stream_ended": _is_moment,
    "protected": lambda value: type(value) is bool,
    "table_class": lambda value: value in TABLE_CLASSES,
    "encrypted": lambda value: type(value) is bool,
    "tags": _is_texts,
}
_DEFAULT: Final = Settings()


def moment_of(microseconds: int) -> datetime:
    """Return a time that is kept as microseconds since 1970, in UTC; at the most, the last one."""
    return _EPOCH + timedelta(microseconds=min(microseconds, _LATEST))
