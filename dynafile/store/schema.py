"""The schema of a store: its keyspaces, and what the floors above say of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import asdict
from xxhash import xxh3_64_hexdigest

from dynafile.errors import CorruptFile, ForeignFile
from dynafile.store.format import FORMAT_VERSION, check_version

MOST_INDENTED: Final = 100
"""With more keyspaces than that, ``meta.json`` is one line."""
STORE_ID_BYTES: Final = 16
MISSHAPEN: Final = (
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What reading JSON of another shape than ours raises; an infinity is an OverflowError."""
_U32: Final = (1 << 32) - 1
_U64: Final = (1 << 64) - 1


class Retention(Struct, frozen=True):
    """How long the journal is kept for who reads it as a stream."""

    seconds: int
    size: int | None = None
    """At most so many bytes, the rest may go earlier; None: however many."""
    until: int | None = None
    """From this time on, in microseconds since 1970, nothing needs to be kept; None: always."""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Retention:
        """Read what ``asdict`` gave."""
        size, until = value["size"], value["until"]
        return cls(
            seconds=_whole(value["seconds"], _U64),
            size=None if size is None else _whole(size, _U64),
            until=None if until is None else _whole(until, _U64),
        )


class Schema(Struct, frozen=True):
    """What a commit was prepared under. Immutable; a change makes the next version."""

    version: int = 1
    keyspaces: dict[int, str] = field(default_factory=dict)
    """Folder of each keyspace by its id; ids are never used again."""
    next_keyspace: int = 1
    tables: dict[str, Any] = field(default_factory=dict)
    """What the floor of the tables keeps here; plain JSON, nothing to the store."""
    retention: Retention | None = None
    """None: the journal goes as soon as the snapshots have what is in it."""

    def to_json(self) -> dict[str, Any]:
        """Return the schema as JSON values."""
        value = {
            "version": self.version,
            "keyspaces": {str(number): folder for number, folder in self.keyspaces.items()},
            "next_keyspace": self.next_keyspace,
            "tables": self.tables,
        }
        return value if self.retention is None else {**value, "retention": asdict(self.retention)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Schema:
        """Read what :meth:`to_json` gave; raises ValueError and its like where it is not that."""
        retention = value.get("retention")
        return cls(
            version=_whole(value["version"], _U32),
            keyspaces={_whole(int(n), _U32): _inside(f) for n, f in value["keyspaces"].items()},
            next_keyspace=_whole(value["next_keyspace"], _U32),
            tables=_writable(dict(value["tables"])),
            retention=None if retention is None else Retention.from_json(retention),
        )

    def encode(self) -> bytes:
        """Return the value of a SCHEMA operation."""
        return json.dumps(self.to_json(), separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Schema:
        """Read what :meth:`encode` wrote."""
        return cls.from_json(json.loads(data))


def _writable(tables: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of tables; raises ValueError for what no UTF-8 file can say again."""
    json.dumps(tables, ensure_ascii=False).encode()  # JSON can escape half of a character
    return tables


def _whole(value: object, most: int) -> int:
    """Return a number that the journal has room for; raises ValueError for anything else."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{value!r:.40} is not a whole number from 0 to {most}")
    return value


def _inside(folder: str) -> str:
    """Return the name of a keyspace's folder; raises ValueError where it leaves the store's."""
    folder.encode()  # a lone surrogate is in no name
    parts = folder.split("/")
    if not all(parts) or {".", ".."} & set(parts) or set("\\:\0") & set(folder):
        raise ValueError(f"{folder!r} is no folder of a store")
    return folder


class Inventory(Struct, frozen=True):
    """What a CHECKPOINT record repeats of the store, for when the files that have it are lost."""

    schema: Schema
    held: dict[int, dict[int, int]]
    """By keyspace, the ids of its partitions that have snapshots, and an LSN before which each has
    everything. One that is gone would pass for one that never was, and an old one for the newest.
    """

    def encode(self) -> bytes:
        """Return the value of a CHECKPOINT operation."""
        held = {str(number): list(parts.items()) for number, parts in self.held.items()}
        value = {"schema": self.schema.to_json(), "held": held}
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Inventory | None:
        """Read what :meth:`encode` wrote; None: it was left out."""
        if not data:
            return None
        value = json.loads(data)
        held = {
            int(number): {_whole(each, _U64): _whole(floor, _U64) for each, floor in parts}
            for number, parts in value["held"].items()
        }
        return cls(Schema.from_json(value["schema"]), held)


class Meta(Struct, frozen=True):
    """The content of ``meta.json``."""

    store_id: bytes
    schema: Schema

    def encode(self) -> bytes:
        """Return the file."""
        value = {
            "format": "dynafile",
            "version": FORMAT_VERSION,
            "store_id": self.store_id.hex(),
            "schema": self.schema.to_json(),
        }
        value["checksum"] = _checksum(value)
        # For people, as long as a person would read it: Python is slow at indenting.
        indent = 2 if len(self.schema.keyspaces) <= MOST_INDENTED else None
        return json.dumps(value, indent=indent, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes, path: str) -> Meta:
        """Read the file. Raises ForeignFile, CorruptFile and NewerFormat."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            offset = getattr(error, "pos", 0)
            raise CorruptFile(
                f"{path} is not JSON (at offset {offset}): it was damaged, or is not Dynafile's. "
                f"Restore it from a backup, save what is left with `dynafile repair`, or choose "
                f"another folder",
                path=path,
                offset=offset,
            ) from error
        if not isinstance(value, dict) or value.get("format") != "dynafile":
            raise ForeignFile(
                f"{path} was not written by Dynafile: choose another folder, or move the file away",
                path=path,
            )
        try:
            check_version(int(value["version"]), path)
            if value.keys() - {"format", "version", "store_id", "schema", "checksum"}:
                raise ValueError("it has a member too many")
            if "checksum" in value and value["checksum"] != _checksum(value):
                raise ValueError("its checksum does not match")
            store_id = bytes.fromhex(value["store_id"])
            if len(store_id) != STORE_ID_BYTES:
                raise ValueError(f"the store id has {len(store_id)} bytes")
            return cls(store_id, Schema.from_json(value["schema"]))
        except MISSHAPEN as error:
            raise CorruptFile(
                f"{path} was damaged or changed by hand ({error}): restore it from a backup, or "
                "save what is left with `dynafile repair`",
                path=path,
                offset=0,
            ) from error


def _checksum(value: Mapping[str, Any]) -> str:
    """Return the checksum of what ``meta.json`` says, however it is written."""
    said = {name: each for name, each in value.items() if name != "checksum"}
    return xxh3_64_hexdigest(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
