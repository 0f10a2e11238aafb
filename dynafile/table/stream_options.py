"""Streams as they are declared, and how long the journal is kept for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from dynafile.errors import InvalidArgument
from dynafile.store.schema import Retention, Schema
from dynafile.table.settings import DAY, STREAM_VIEWS, Settings

DEFAULT_VIEW: Final = "NEW_AND_OLD_IMAGES"
"""What ``stream=True`` asks for."""
LONGEST_SECONDS: Final = 366 * DAY
_MICROSECONDS: Final = 1_000_000


class StreamOptions(Struct, frozen=True):
    """A stream as a table declares it.

    :param view_type: what the records have besides the keys: ``"NEW_AND_OLD_IMAGES"``,
        ``"NEW_IMAGE"``, ``"OLD_IMAGE"`` or ``"KEYS_ONLY"``.
    :param retention: how long they can be read, in seconds or as a timedelta, rounded down to whole
        seconds; DynamoDB's 24 hours by default.
    :param max_bytes: how much of the journal is kept for them at the most, which other tables of
        the folder are in too; None: as much as there is.

    >>> StreamOptions("KEYS_ONLY", retention=timedelta(hours=1)).seconds
    3600
    """

    view_type: str = DEFAULT_VIEW
    retention: int | float | timedelta = DAY
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        """Raise ValidationError kinds for what no stream can have."""
        if self.view_type not in STREAM_VIEWS:
            raise InvalidArgument(
                f"1 validation error detected: Value '{self.view_type}' at 'StreamViewType' failed "
                f"to satisfy constraint: Member must satisfy enum value set: "
                f"[{', '.join(STREAM_VIEWS)}]"
            )
        given = self.retention
        if isinstance(given, bool) or not isinstance(given, (int, float, timedelta)):
            raise InvalidArgument(f"retention is in seconds, or a timedelta, not {given!r}")
        seconds = given.total_seconds() if isinstance(given, timedelta) else given
        if not 1 <= seconds <= LONGEST_SECONDS:
            raise InvalidArgument(
                f"retention is from 1 second to 366 days ({LONGEST_SECONDS} seconds), not {given!r}"
            )
        # As it is stored: options that mean the same must be equal, however they were given.
        force_setattr(self, "retention", int(seconds))
        if self.max_bytes is not None and (type(self.max_bytes) is not int or self.max_bytes < 1):
            raise InvalidArgument(f"max_bytes is a number of bytes, or None, not {self.max_bytes}")

    @property
    def seconds(self) -> int:
        """The retention in whole seconds."""
        assert isinstance(self.retention, int)
        return self.retention


def stream_options(given: object) -> StreamOptions | None:
    """Return what ``stream=`` declares: True, a view type, or StreamOptions; None: no stream."""
    if given is None or given is False:
        return None
    if given is True:
        return StreamOptions()
    if isinstance(given, StreamOptions):
        return given
    if isinstance(given, str):
        return StreamOptions(given)
    raise InvalidArgument(
        "stream is True, a view type (StreamViewType) such as 'NEW_IMAGE', or StreamOptions(...), "
        f"not {given!r}"
    )


def with_stream(settings: Settings, stream: StreamOptions | None, now: int) -> Settings:
    """Return settings with a stream that begins, or ends, now; in microseconds."""
    if stream is None:
        return replace(settings, stream=None, stream_ended=now)
    return replace(
        settings,
        stream=stream.view_type,
        stream_seconds=stream.seconds,
        stream_size=stream.max_bytes,
        stream_label=now,
        stream_ended=None,
    )


def declared_stream(settings: Settings) -> StreamOptions | None:
    """Return the stream of a table as it would be declared."""
    if settings.stream is None:
        return None
    return StreamOptions(settings.stream, settings.stream_seconds, settings.stream_size)


def with_retention(schema: Schema, now: int) -> Schema:
    """Return a schema that keeps the journal for as long as one of its streams needs it.

    Those that ended too long before ``now``, in microseconds, no longer do.
    """
    wanted = [
        retention
        for table in schema.tables.values()
        if "stream_label" in table.get("settings", ())  # there may be thousands without
        and (retention := retention_of(Settings.from_json(table["settings"]))) is not None
        and (retention.until is None or retention.until >= now)
    ]
    retention = None
    if wanted:
        sizes: list[Any] = [each.size for each in wanted]
        ends: list[Any] = [each.until for each in wanted]
        retention = Retention(
            seconds=max(each.seconds for each in wanted),
            size=None if None in sizes else max(sizes),
            until=None if None in ends else max(ends),
        )
    return schema if retention == schema.retention else replace(schema, retention=retention)


def retention_of(settings: Settings) -> Retention | None:
    """Return how long the records of a stream are kept; None: the table has never had one."""
    if settings.stream_label is None:
        return None
    until = None
    if settings.stream_ended is not None:
        until = settings.stream_ended + settings.stream_seconds * _MICROSECONDS
    return Retention(settings.stream_seconds, settings.stream_size, until)
