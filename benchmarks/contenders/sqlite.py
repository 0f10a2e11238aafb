"""sqlite3 in WAL mode: a row is both keys and the item as JSON text, WITHOUT ROWID."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from contenders import Durability, Item, Key


class Sqlite:
    """A table with both keys as its primary key. The module keeps the statements prepared."""

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

    def filter(self, attribute: str, above: float) -> list[Item]:
        loads = self._loads
        sql = "SELECT body FROM items WHERE json_extract(body, ?) > ?"
        rows = self._connection.execute(sql, (f"$.{attribute}", above))
        return [loads(body) for (body,) in rows]

    def close(self) -> None:
        self._connection.close()


def _dumps_msgspec(item: Item, encode: Callable[[Any], bytes] = msgspec.json.encode) -> str:
    return encode(item).decode()


class SqliteMsgspec(Sqlite):
    """The same with the JSON of msgspec, which is several times as fast as Python's."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        decode = msgspec.json.Decoder().decode
        super().__init__(folder, durability, dumps=_dumps_msgspec, loads=decode)
