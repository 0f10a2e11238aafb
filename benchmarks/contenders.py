"""Who is measured: Dynafile, and peers that do the same work on the same items.

Each has the same methods, and its loop stands inside them, so that what is timed is what a user
would write. Every contender is given keys as two strings and makes of them what it needs; every one
decodes what it reads into a dict of the caller's own. The methods return the last thing read, for
the check before the measurement.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import lmdb
import msgspec
from data import Item, Key
from operations import LMDB, LMDB_MAPPED, OURS, OURS_UNREMEMBERED, SQLITE, SQLITE_MSGSPEC

from dynafile import Dynafile

Durability = Literal["durable", "relaxed"]

_MAP_BYTES: Final = 4 << 30


class Contender(Protocol):
    """A store of orders."""

    def load(self, items: Iterable[Item]) -> None:
        """Put items, as one commit."""

    def put(self, items: Iterable[Item]) -> None:
        """Put items, each a commit of its own."""

    def get(self, keys: Iterable[Key]) -> Item | None:
        """Read items by their keys."""

    def query(self, pks: Iterable[str]) -> list[Item]:
        """Read item collections, each in the order of its sort keys."""

    def scan(self) -> Item | None:
        """Read everything."""

    def close(self) -> None:
        """Close the store."""


class Ours:
    """Dynafile, as the README shows it."""

    def __init__(self, folder: Path, durability: Durability, **options: Any) -> None:
        self.db = Dynafile(folder, durability=durability, **options)

    def load(self, items: Iterable[Item]) -> None:
        with self.db.batch_writer() as writer:
            for item in items:
                writer.put_item(item=item)

    def put(self, items: Iterable[Item]) -> None:
        db = self.db
        for item in items:
            db.put_item(item=item)

    def get(self, keys: Iterable[Key]) -> Item | None:
        db = self.db
        item = None
        for pk, sk in keys:
            item = db.get_item(key={"PK": pk, "SK": sk})
        return item

    def query(self, pks: Iterable[str]) -> list[Item]:
        db = self.db
        items = []
        for pk in pks:
            items = list(db.query(pk))
        return items

    def scan(self) -> Item | None:
        found = None
        for item in self.db.scan():
            found = item
        return found

    def close(self) -> None:
        self.db.close()


class OursUnremembered(Ours):
    """Dynafile with its partitions in memory, and next to no memory of the items it has decoded.

    A handle's share for decoded items follows from its own ``cache_size``; how many partitions stay
    in memory, from that of the process's first handle on the folder.
    """

    def __init__(self, folder: Path, durability: Durability) -> None:
        self._first = Dynafile(folder, durability=durability)
        super().__init__(folder, durability, cache_size=1 << 16)

    def close(self) -> None:
        super().close()
        self._first.close()


class Lmdb:
    """LMDB: the key is both keys with a zero byte between, the value the item as MessagePack."""

    def __init__(self, folder: Path, durability: Durability, *, writemap: bool = False) -> None:
        durable = durability == "durable"
        self._env = lmdb.open(
            str(folder), map_size=_MAP_BYTES, sync=durable, metasync=durable, writemap=writemap
        )
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder().decode

    def load(self, items: Iterable[Item]) -> None:
        encode = self._encode
        with self._env.begin(write=True) as transaction:
            for item in items:
                transaction.put(f"{item['PK']}\0{item['SK']}".encode(), encode(item))

    def put(self, items: Iterable[Item]) -> None:
        begin, encode = self._env.begin, self._encode
        for item in items:
            with begin(write=True) as transaction:
                transaction.put(f"{item['PK']}\0{item['SK']}".encode(), encode(item))

    def get(self, keys: Iterable[Key]) -> Item | None:
        begin, decode = self._env.begin, self._decode
        item = None
        for pk, sk in keys:
            with begin() as transaction:
                item = decode(transaction.get(f"{pk}\0{sk}".encode()))  # type: ignore[arg-type]
        return item

    def query(self, pks: Iterable[str]) -> list[Item]:
        begin, decode = self._env.begin, self._decode
        items: list[Item] = []
        for pk in pks:
            prefix = f"{pk}\0".encode()
            items = []
            with begin() as transaction:
                cursor = transaction.cursor()
                if cursor.set_range(prefix):
                    for key, value in cursor:
                        if not key.startswith(prefix):
                            break
                        items.append(decode(value))
        return items

    def scan(self) -> Item | None:
        decode = self._decode
        found = None
        with self._env.begin() as transaction:
            for value in transaction.cursor().iternext(keys=False):
                found = decode(value)
        return found

    def close(self) -> None:
        self._env.close()


class Sqlite:
    """sqlite3 in WAL mode: a row is both keys and the item as JSON text, WITHOUT ROWID."""

    _PUT = "INSERT OR REPLACE INTO items VALUES (?, ?, ?)"

    def __init__(
        self,
        folder: Path,
        durability: Durability,
        *,
        dumps: Callable[[Item], str] = json.dumps,
        loads: Callable[[str], Any] = json.loads,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "items.sqlite", isolation_level=None)
        execute = self._connection.execute
        execute("PRAGMA journal_mode = WAL")
        execute(f"PRAGMA synchronous = {'FULL' if durability == 'durable' else 'OFF'}")
        execute(
            "CREATE TABLE IF NOT EXISTS items "
            "(pk TEXT, sk TEXT, body TEXT NOT NULL, PRIMARY KEY (pk, sk)) WITHOUT ROWID"
        )
        self._dumps = dumps
        self._loads = loads

    def load(self, items: Iterable[Item]) -> None:
        dumps = self._dumps
        rows: Iterator[tuple[str, str, str]] = (
            (item["PK"], item["SK"], dumps(item)) for item in items
        )
        self._connection.execute("BEGIN")
        self._connection.executemany(self._PUT, rows)
        self._connection.execute("COMMIT")

    def put(self, items: Iterable[Item]) -> None:
        execute, dumps, sql = self._connection.execute, self._dumps, self._PUT
        for item in items:
            execute(sql, (item["PK"], item["SK"], dumps(item)))

    def get(self, keys: Iterable[Key]) -> Item | None:
        execute, loads = self._connection.execute, self._loads
        item = None
        for key in keys:
            row = execute("SELECT body FROM items WHERE pk = ? AND sk = ?", key).fetchone()
            item = loads(row[0])
        return item

    def query(self, pks: Iterable[str]) -> list[Item]:
        execute, loads = self._connection.execute, self._loads
        items = []
        for pk in pks:
            rows = execute("SELECT body FROM items WHERE pk = ? ORDER BY sk", (pk,))
            items = [loads(body) for (body,) in rows]
        return items

    def scan(self) -> Item | None:
        loads = self._loads
        found = None
        for (body,) in self._connection.execute("SELECT body FROM items"):
            found = loads(body)
        return found

    def close(self) -> None:
        self._connection.close()


def _dumps_msgspec(item: Item, encode: Callable[[Any], bytes] = msgspec.json.encode) -> str:
    return encode(item).decode()


def open_contender(name: str, folder: Path, durability: Durability) -> Contender:
    """Open a contender on its own folder."""
    if name == OURS:
        return Ours(folder, durability)
    if name == OURS_UNREMEMBERED:
        return OursUnremembered(folder, durability)
    if name in (LMDB, LMDB_MAPPED):
        return Lmdb(folder, durability, writemap=name == LMDB_MAPPED)
    if name == SQLITE:
        return Sqlite(folder, durability)
    assert name == SQLITE_MSGSPEC
    return Sqlite(folder, durability, dumps=_dumps_msgspec, loads=msgspec.json.Decoder().decode)


def in_turns(contenders: Sequence[str], turns: int) -> list[str]:
    """Return contenders so many times, each time in another order, so that none is always first."""
    return [
        contenders[(turn + place) % len(contenders)]
        for turn in range(turns)
        for place in range(len(contenders))
    ]
