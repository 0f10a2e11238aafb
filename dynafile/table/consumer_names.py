"""What is stored of the named consumers of streams.

It is in a keyspace of the store's own: for each name a head, which says up to where records were
handed out and who takes part, and an entry for each record that was handed out and not acknowledged
yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct, ValidationError, convert
from msgspec.structs import replace

from dynafile.errors import CorruptFile, InvalidArgument, LockTimeout
from dynafile.store.format import DELETE, Operation
from dynafile.store.names import claim_name
from dynafile.store.partition_map import Keyspace
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.volume import Claim
from dynafile.store.writer import SchemaChanged
from dynafile.table.own_keyspaces import CONSUMERS_FOLDER, find_own_keyspace
from dynafile.table.stream_record import Position, sequence_number

LONGEST_NAME: Final = 255
_CLAIM: Final = "consumer-"
_MEMBER: Final = re.compile(r"[0-9a-f]{32}")
_LAST: Final = ((1 << 62) - 1, (1 << 32) - 1)


class Head(Struct, frozen=True):
    """What is stored of a name."""

    start: str
    at: Position
    """The place up to which records were handed out."""
    members: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the value of the entry."""
        value = {"start": self.start, "at": self.at, "members": self.members}
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Head:
        """Read what :meth:`encode` wrote; raises CorruptFile for anything else."""
        try:
            head = convert(json.loads(raw), cls)
        except (ValueError, RecursionError, ValidationError) as error:
            raise CorruptFile(
                f"the state of a stream's consumer was damaged or forged ({error}): drop the "
                "consumer, or restore a backup"
            ) from error
        if not all(map(_MEMBER.fullmatch, head.members)) or not (
            0 <= head.at[0] <= _LAST[0] and 0 <= head.at[1] <= _LAST[1]
        ):
            # A member is the name of a file, which is removed when its process has died.
            raise CorruptFile(
                f"the state of a stream's consumer was forged ({head.members!r:.80} at {head.at}): "
                "drop the consumer, or restore a backup"
            )
        return head


class ConsumerState:
    """The entries of one name."""

    def __init__(self, space: Keyspace, number: int, name: str) -> None:
        self.space = space
        self.name = name
        self.head = number.to_bytes(8, "big") + name.encode() + b"\0H"
        self._first = self.head[:-1] + b"R"

    def entry(self, position: Position) -> bytes:
        """Return the key of a record's entry."""
        lsn, place = position
        return self._first + lsn.to_bytes(8, "big") + place.to_bytes(4, "big")

    def position(self, entry: bytes) -> Position:
        """Return the place of the record that an entry stands for."""
        return int.from_bytes(entry[-12:-4], "big"), int.from_bytes(entry[-4:], "big")

    @property
    def entries(self) -> tuple[bytes, bytes]:
        """The range of the entries."""
        return self._first, self._first[:-1] + b"S"


def is_head(key: bytes) -> bool:
    """Say whether the entry at ``key`` is a head, and not one of a record."""
    return key.index(b"\0", 8) == len(key) - 2


def check_consumer_name(name: object) -> str:
    """Return the name of a consumer; raises InvalidArgument."""
    if isinstance(name, str) and name and "\0" not in name:
        try:
            if len(name.encode()) <= LONGEST_NAME:
                return name
        except UnicodeEncodeError:
            pass
    raise InvalidArgument(
        f"the name of a consumer is text of 1 to {LONGEST_NAME} bytes, not {name!r:.80}"
    )


class StreamConsumer(Struct, frozen=True, kw_only=True):
    """A named consumer, as :meth:`Table.stream_consumers` tells of it."""

    name: str
    start: str
    """Where it began: ``"TRIM_HORIZON"``, ``"LATEST"`` or a sequence number."""
    position: str
    """Records before this sequence number were handed out; all zeros: none yet."""
    unacknowledged: int
    """Records that were handed out and not acknowledged."""
    members: int
    """Streams that take part now, and those whose process died and was not missed yet."""


def consumers_of(store: Store, number: int) -> dict[str, StreamConsumer]:
    """Return the consumers of a table's stream by name."""
    space = find_own_keyspace(store, CONSUMERS_FOLDER)
    found: dict[str, StreamConsumer] = {}
    if space is None:
        return found
    prefix = number.to_bytes(8, "big")
    high = (number + 1).to_bytes(8, "big")
    for keys, values in store.range(space, prefix, high, limit=1 << 30):
        for key, value in zip(keys, values, strict=True):
            name = key[8 : key.index(b"\0", 8)].decode()
            if is_head(key):
                head = Head.decode(value)
                found[name] = StreamConsumer(
                    name=name,
                    start=head.start,
                    position=sequence_number(head.at),
                    unacknowledged=0,
                    members=len(head.members),
                )
            elif name in found:
                consumer = found[name]
                found[name] = replace(consumer, unacknowledged=consumer.unacknowledged + 1)
    return found


def is_begun(store: Store, number: int, name: str) -> bool:
    """Say whether there is a consumer of this name."""
    space = find_own_keyspace(store, CONSUMERS_FOLDER)
    if space is None:
        return False
    return store.get(space, ConsumerState(space, number, name).head) is not None


def claim_of(store: Store, member: str) -> Claim:
    """Return the claim that a member has while it lives."""
    return store.volume.claim(_CLAIM + member)


def remove_left_claims(store: Store) -> None:
    """Remove the files of claims whose processes died, members of something or not."""
    begin = claim_name(_CLAIM)
    for name in store.volume.list(""):
        if name.startswith(begin):
            is_gone(store, name.removeprefix(begin))


def is_gone(store: Store, member: str) -> bool:
    """Say whether a member has died; the file of its claim is removed then."""
    claim = claim_of(store, member)
    try:
        claim.acquire(0)
    except LockTimeout:
        return False
    claim.release()
    return True


def drop_consumer(store: Store, number: int, name: str, *, durable: bool) -> None:
    """Remove what is stored of a consumer."""
    space = find_own_keyspace(store, CONSUMERS_FOLDER)
    if space is not None:
        state = ConsumerState(space, number, name)
        _drop(store, space, (state.head, state.entries[1]), durable=durable)


def drop_consumers(store: Store, number: int) -> None:
    """Remove what is stored of the consumers of a table that is gone."""
    space = find_own_keyspace(store, CONSUMERS_FOLDER)
    if space is not None:
        low, high = (each.to_bytes(8, "big") for each in (number, number + 1))
        _drop(store, space, (low, high), durable=True)


def _drop(store: Store, space: Keyspace, bounds: tuple[bytes, bytes], *, durable: bool) -> None:
    members: set[str] = set()

    def prepare(view: View) -> list[Operation]:
        members.clear()
        entries = view.range(space, *bounds)
        for key, value in entries:
            if is_head(key):
                with suppress(CorruptFile):  # one that somebody forged can be dropped
                    members.update(Head.decode(value).members)
        return [(DELETE, space.id, key, b"") for key, _ in entries]

    commit_any(store, prepare, durable=durable)
    for member in members:
        is_gone(store, member)  # nobody would look for its file any more


def commit_any(store: Store, prepare: Callable[[View], list[Operation]], *, durable: bool) -> None:
    """Commit what does not depend on the schema."""
    while True:
        try:
            store.commit([], store.schema.version, prepare, durable)
        except SchemaChanged:
            continue
        return
