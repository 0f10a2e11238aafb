"""Records of a stream: what was done to one item."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from dynafile.errors import CorruptFile, InvalidArgument, InvalidSequenceNumber
from dynafile.store.format import PUT, Record
from dynafile.table.changes import EXPIRED, KIND, NEW, OLD, REMOVE, VIEWS
from dynafile.table.keys import HASH_BYTES, KeySchema
from dynafile.table.settings import moment_of
from dynafile.values import decode_item, decode_key_value, item_size

Position = tuple[int, int]
"""A place in a stream: the LSN of a commit, and which of its operations."""

NAMES: Final = ("", "INSERT", "MODIFY", "REMOVE")
_VIEWS: Final = {bits: name for name, bits in VIEWS.items()}
_UNKNOWN: Final = 64
_LSN_DIGITS: Final = 20
_PLACE_DIGITS: Final = 10


class UserIdentity(NamedTuple):
    """Who made a change, where it was not a request: DynamoDB names its TTL so."""

    type: str
    principal_id: str


TTL_IDENTITY: Final = UserIdentity("Service", "dynamodb.amazonaws.com")


def sequence_number(position: Position) -> str:
    """Return a place as text of 30 digits, whose order is that of the stream."""
    return f"{position[0]:0{_LSN_DIGITS}d}{position[1]:0{_PLACE_DIGITS}d}"


def parse_sequence_number(text: object) -> Position:
    """Read a sequence number; raises InvalidSequenceNumber."""
    digits = _LSN_DIGITS + _PLACE_DIGITS
    if not isinstance(text, str) or len(text) != digits or not text.isascii() or not text.isdigit():
        raise InvalidSequenceNumber(
            f"{text!r} is no sequence number: those are the {digits} digits that a record has as "
            "sequence_number",
            sequence_number=str(text),
        )
    return int(text[:_LSN_DIGITS]), int(text[_LSN_DIGITS:])


def _forged(position: Position, what: str) -> CorruptFile:
    """Return the error for what stands in the journal and was not written by a table."""
    return CorruptFile(
        f"the record {sequence_number(position)} of the stream was forged, {what}: read on from a "
        "later one, or restore a backup"
    )


class StreamRecord:
    """What was done to one item, as one commit did it. The images are decoded when asked for."""

    __slots__ = (
        "_acknowledge",
        "_found",
        "_key",
        "_keys",
        "_mark",
        "_new",
        "_old",
        "_position",
        "_time",
    )

    def __init__(
        self,
        keys: KeySchema,
        key: bytes,
        mark: int,
        new: bytes | None,
        old: bytes | None,
        time: int,
        position: Position,
    ) -> None:
        self._keys = keys
        self._key = key
        self._mark = mark
        self._new: bytes | dict[str, Any] | None = new
        self._old: bytes | dict[str, Any] | None = old
        self._time = time
        self._position = position
        self._found: dict[str, Any] | None = None
        """The key attributes as they are in an image, found before anybody can change that."""
        self._acknowledge: Callable[[StreamRecord, Any], None] | None = None

    @property
    def event_name(self) -> str:
        """``"INSERT"``, ``"MODIFY"`` or ``"REMOVE"``."""
        return NAMES[self._mark & KIND]

    @property
    def sequence_number(self) -> str:
        """Where the record is in the stream: 30 digits, which sort as the stream does."""
        return sequence_number(self._position)

    @property
    def keys(self) -> dict[str, Any]:
        """The key attributes of the item."""
        if self._found is None and self.item is None:
            found, at = {}, HASH_BYTES
            try:
                for name in self._names():
                    found[name], at = decode_key_value(self._key, at)
            except ValueError as error:
                raise _forged(self._position, f"its key is none ({error})") from error
            self._found = found
        assert self._found is not None  # or an image was decoded, and it is found in there
        return dict(self._found)

    def _names(self) -> tuple[str, ...]:
        return (self._keys.pk,) if self._keys.sk is None else (self._keys.pk, self._keys.sk)

    def _decoded(self, raw: bytes) -> dict[str, Any]:
        try:
            image = decode_item(raw)
            if self._found is None:
                self._found = {name: image[name] for name in self._names()}
        except (KeyError, ValueError, RecursionError) as error:
            raise _forged(
                self._position, f"an image is no item of the table ({error!r:.80})"
            ) from error
        return image

    @property
    def new_image(self) -> dict[str, Any] | None:
        """The item after the change; None where it is gone, or the view type leaves it out."""
        if isinstance(self._new, bytes):
            self._new = self._decoded(self._new)
        return self._new if self._mark & NEW else None

    @property
    def old_image(self) -> dict[str, Any] | None:
        """The item before the change; None where it was new, or the view type leaves it out."""
        if isinstance(self._old, bytes):
            self._old = self._decoded(self._old)
        return self._old if self._mark & OLD else None

    @property
    def item(self) -> dict[str, Any] | None:
        """The new image, or else the old one; what a filter looks at."""
        return self.new_image or self.old_image

    @property
    def approximate_creation_time(self) -> datetime:
        """When it was committed, in UTC; never earlier than that of a record before."""
        return moment_of(self._time)

    @property
    def user_identity(self) -> UserIdentity | None:
        """None, or of an item that was removed because it was expired: the service itself."""
        return TTL_IDENTITY if self._mark & EXPIRED else None

    @property
    def stream_view_type(self) -> str:
        """What the record shows: the view type of the stream when it was written."""
        return _VIEWS[self._mark & (NEW | OLD)]

    @property
    def size_bytes(self) -> int:
        """The size of the keys and the images, as DynamoDB counts them."""
        images = (self.new_image, self.old_image)
        return item_size(self.keys) + sum(item_size(image) for image in images if image is not None)

    def ack(self, transaction: Any = None) -> None:
        """Acknowledge this record, and all that its consumer was given before it.

        :param transaction: a transaction of the same database, with which it happens or does not.

        Only for records of a named stream. One commit. Raises AcknowledgementRefused where it was
        acknowledged already, or its consumer was closed, and another may have it by now.
        """
        if self._acknowledge is None:
            raise InvalidArgument(
                "only records of a named stream are acknowledged: read it by stream(name=...)"
            )
        self._acknowledge(self, transaction)

    def __reduce__(self) -> tuple[Any, ...]:
        # What acknowledges it stays behind: that is a matter of the process that was given it.
        parts = (self._keys, self._key, self._mark, self._new, self._old, self._time)
        return StreamRecord, (*parts, self._position), (None, {"_found": self._found})

    def __repr__(self) -> str:
        return f"<{self.event_name} {self.keys!r} at {self.sequence_number}>"


def place_of(record: StreamRecord) -> Position:
    """Return where in the stream a record is."""
    return record._position


def key_of(record: StreamRecord) -> bytes:
    """Return the encoded key of a record's item."""
    return record._key


def bind(record: StreamRecord, acknowledge: Callable[[StreamRecord, Any], None]) -> None:
    """Say what acknowledges a record."""
    record._acknowledge = acknowledge


def record_of(record: Record, place: int, keys: KeySchema) -> StreamRecord:
    """Return what the operation at ``place`` of a commit says."""
    operations = record.operations
    _, number, key, value = operations[place]
    if not value or not value[0] & KIND or value[0] >= _UNKNOWN:
        raise _forged((record.lsn, place), "it does not say what was done")
    mark = value[0]
    new = None
    if mark & NEW and mark & KIND != REMOVE:
        # The PUT that it speaks of is the last one before it; those of indexes are in between.
        at = place
        while new is None and at:
            at -= 1
            kind, space, other, raw = operations[at]
            if kind == PUT and other == key and space == number:
                new = raw
    old = value[1:] or None
    return StreamRecord(keys, key, mark, new, old, record.time, (record.lsn, place))
