"""A handle on many tables: DynamoDB's operations on streams. Each stream has one shard."""

from __future__ import annotations

import base64
import json
import time
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from dynafile.constraints import one_of, resource_name, text, whole_number
from dynafile.descriptions import ARN, key_schema_of, stream_label
from dynafile.errors import (
    ExpiredIterator,
    InvalidArgument,
    ResourceNotFound,
    StreamNotEnabled,
    ValidationError,
)
from dynafile.store.store import Store
from dynafile.table.definition import Definition, definition_in
from dynafile.table.settings import Settings, moment_of
from dynafile.table.stream_options import retention_of
from dynafile.table.stream_reader import LATEST, TRIM_HORIZON, StreamReader, is_over
from dynafile.table.stream_record import Position, StreamRecord, place_of

MOST_LISTED: Final = 100
MOST_RECORDS: Final = 1_000
ITERATOR_SECONDS: Final = 15 * 60
AT: Final = "AT_SEQUENCE_NUMBER"
AFTER: Final = "AFTER_SEQUENCE_NUMBER"
_ABOVE: Final = 2**64
"""More than any number in an iterator."""
ITERATOR_TYPES: Final = (TRIM_HORIZON, LATEST, AT, AFTER)


class StreamSummary(Struct, frozen=True, kw_only=True):
    """A stream, as :meth:`Database.list_streams` lists it."""

    stream_arn: str
    table_name: str
    stream_label: str


class StreamList(Struct, frozen=True, kw_only=True):
    """A page of the streams of a database."""

    streams: tuple[StreamSummary, ...]
    last_evaluated_stream_arn: str | None
    """Where the next page begins; None: there is none."""


class Shard(Struct, frozen=True, kw_only=True):
    """The one shard of a stream."""

    shard_id: str
    starting_sequence_number: str
    """That of the oldest record that is kept; all zeros where there is none."""
    ending_sequence_number: str | None
    """None as long as records may come."""
    parent_shard_id: None = None


class StreamDescription(Struct, frozen=True, kw_only=True):
    """What :meth:`Database.describe_stream` tells."""

    stream_arn: str
    stream_label: str
    stream_status: str
    """``ENABLED``, or ``DISABLED``: it can be read until it is too old."""
    stream_view_type: str | None
    """None where it is disabled: each record says what it shows."""
    creation_request_date_time: datetime
    table_name: str
    key_schema: tuple[Any, ...]
    """As boto3 has it."""
    shards: tuple[Shard, ...]
    last_evaluated_shard_id: None = None


class StreamRecords(Struct, frozen=True, kw_only=True):
    """A page of records."""

    records: tuple[StreamRecord, ...]
    next_shard_iterator: str | None
    """Where to go on; None: the stream was disabled, and this was its end."""


class StreamOperations(ABC):
    """What a database does about the streams of its tables, under the names of boto3."""

    @abstractmethod
    def _store_open(self) -> tuple[Store, bool]: ...

    def list_streams(
        self,
        *,
        table_name: str | None = None,
        limit: int | None = None,
        exclusive_start_stream_arn: str | None = None,
    ) -> StreamList:
        """Return a page of the streams that can be read, by the names of their tables.

        :param table_name: that table's alone.
        :param limit: at most so many, up to 100.
        :param exclusive_start_stream_arn: only those after this one.
        """
        store, _ = self._store_open()
        most = MOST_LISTED if limit is None else whole_number(limit, "Limit", 1, MOST_LISTED)
        if table_name is not None:
            table_name = resource_name(table_name, "TableName")
        found: list[StreamSummary] = []
        schema = store.schema
        for name in schema.tables if table_name is None else (table_name,):
            settings = definition_in(schema, name).settings
            retention = retention_of(settings)
            if retention is None or is_over(retention):
                continue
            label = stream_label(settings) or ""
            arn = f"{ARN}{name}/stream/{label}"
            if exclusive_start_stream_arn is None or arn > exclusive_start_stream_arn:
                found.append(StreamSummary(stream_arn=arn, table_name=name, stream_label=label))
        found.sort(key=lambda each: each.stream_arn)
        page = tuple(found[:most])
        more = len(found) > most
        return StreamList(
            streams=page, last_evaluated_stream_arn=page[-1].stream_arn if more else None
        )

    def describe_stream(
        self,
        *,
        stream_arn: str,
        limit: int | None = None,
        exclusive_start_shard_id: str | None = None,
    ) -> StreamDescription:
        """Return what a stream is, and its shard. Raises ResourceNotFound.

        :param limit: at most so many shards, up to 100; there is one.
        :param exclusive_start_shard_id: only shards after this one.
        """
        store, _ = self._store_open()
        if limit is not None:
            whole_number(limit, "Limit", 1, MOST_LISTED)
        definition = _streamed(store, stream_arn)
        settings = definition.settings
        shard = _shard(store, definition)
        shown = exclusive_start_shard_id is None or shard.shard_id > exclusive_start_shard_id
        return StreamDescription(
            stream_arn=stream_arn,
            stream_label=stream_label(settings) or "",
            stream_status="DISABLED" if settings.stream is None else "ENABLED",
            stream_view_type=settings.stream,
            creation_request_date_time=_begun(settings),
            table_name=definition.name,
            key_schema=key_schema_of(definition),
            shards=(shard,) if shown else (),
        )

    def get_shard_iterator(
        self,
        *,
        stream_arn: str,
        shard_id: str,
        shard_iterator_type: str,
        sequence_number: str | None = None,
    ) -> str:
        """Return a place in a stream, for :meth:`get_records`; it is good for 15 minutes.

        :param shard_iterator_type: ``"TRIM_HORIZON"``, ``"LATEST"``; ``"AT_SEQUENCE_NUMBER"`` or
            ``"AFTER_SEQUENCE_NUMBER"`` with a ``sequence_number``.

        Raises ResourceNotFound, InvalidSequenceNumber, TrimmedDataAccess.
        """
        store, _ = self._store_open()
        definition = _streamed(store, stream_arn)
        kind = one_of(shard_iterator_type, "ShardIteratorType", ITERATOR_TYPES)
        if shard_id != _shard_id(definition):
            raise ResourceNotFound(
                f"Requested resource not found: Shard: {shard_id} in Stream: {stream_arn} not "
                "found",
                resource=str(shard_id),
            )
        numbered = kind in (AT, AFTER)
        if numbered and sequence_number is None:
            raise ValidationError(
                f"SequenceNumber must be specified with a ShardIteratorType of {kind}"
            )
        if not numbered and sequence_number is not None:
            raise ValidationError(
                f"SequenceNumber cannot be specified with a ShardIteratorType of {kind}"
            )
        reader = _reader(store, definition)
        lsn, place = reader.place_of_record(sequence_number) if numbered else reader.place_of(kind)
        return _encode(definition, (lsn, place + (kind == AFTER)))

    def get_records(self, *, shard_iterator: str, limit: int | None = None) -> StreamRecords:
        """Return records from a place on, none where there are none yet, and where to go on.

        :param limit: at most so many, up to 1000.

        Raises ExpiredIterator, TrimmedDataAccess, and ResourceNotFound where the stream is gone.
        """
        store, _ = self._store_open()
        most = MOST_RECORDS if limit is None else whole_number(limit, "Limit", 1, MOST_RECORDS)
        definition, place = _decode(store, shard_iterator)
        reader = _reader(store, definition)
        ended = reader.ended
        records, after = reader.read(place, most)
        if len(records) > most:  # those of one commit come together
            after = place_of(records[most])
            records = records[:most]
        end = ended and not records
        return StreamRecords(
            records=tuple(records),
            next_shard_iterator=None if end else _encode(definition, after),
        )


def _streamed(store: Store, arn: object) -> Definition:
    """Return the table of a stream."""
    given = text(arn, "StreamArn", 37, 1024)
    name, _, label = given.removeprefix(ARN).partition("/stream/")
    stored = store.schema.tables.get(name)
    definition = None if stored is None else Definition.from_json(stored)
    if definition is None or not label or label != stream_label(definition.settings):
        raise _gone(given)
    return definition


def _gone(arn: str) -> ResourceNotFound:
    return ResourceNotFound(f"Requested resource not found: Stream: {arn} not found", resource=arn)


def _reader(store: Store, definition: Definition) -> StreamReader:
    try:
        return StreamReader(store, definition.name, definition.items)
    except StreamNotEnabled:
        raise _gone(f"{ARN}{definition.name}/stream/{stream_label(definition.settings)}") from None


def _begun(settings: Settings) -> datetime:
    return moment_of(settings.stream_label or 0)


def _shard_id(definition: Definition) -> str:
    return f"shardId-{definition.settings.stream_label or 0:020d}-{definition.items:08x}"


def _shard(store: Store, definition: Definition) -> Shard:
    reader = _reader(store, definition)
    oldest = reader.oldest()
    ended = None
    if definition.settings.stream is None:
        newest = reader.newest()
        ended = newest.sequence_number if newest is not None else "0" * 30
    return Shard(
        shard_id=_shard_id(definition),
        starting_sequence_number="0" * 30 if oldest is None else oldest.sequence_number,
        ending_sequence_number=ended,
    )


def _encode(definition: Definition, place: Position) -> str:
    label = definition.settings.stream_label
    value = [definition.name, definition.items, label, *place, int(time.time())]
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def _decode(store: Store, iterator: object) -> tuple[Definition, Position]:
    try:
        value = json.loads(base64.urlsafe_b64decode(text(iterator, "ShardIterator", 1, 2048)))
        name, number, label, lsn, place, issued = value
        if [type(each) for each in value] != [str, int, int, int, int, int]:
            raise TypeError
        if not all(0 <= each < _ABOVE for each in value[1:]):
            raise ValueError
    except InvalidArgument:
        raise
    except (ValueError, TypeError):
        raise ValidationError(
            "Invalid ShardIterator: take it from get_shard_iterator() or get_records()"
        ) from None
    stored = store.schema.tables.get(name)
    definition = None if stored is None else Definition.from_json(stored)
    if definition is None or (definition.items, definition.settings.stream_label) != (
        number,
        label,
    ):
        raise _gone(f"{ARN}{name}/stream/...")
    if time.time() - issued > ITERATOR_SECONDS:
        raise ExpiredIterator(
            "The shard iterator has expired: it was made over 15 minutes ago. Get another one by "
            "get_shard_iterator(), with the sequence number of the last record"
        )
    return definition, (lsn, place)
