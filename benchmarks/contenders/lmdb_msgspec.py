"""LMDB: the key is both keys with a zero byte between, the value the item as MessagePack."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import lmdb
import msgspec

from contenders import Durability, Item, Key

_MAP_BYTES: Final = 4 << 30


class Lmdb:
    """An environment with one database; a read is one transaction."""

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

    def filter(self, attribute: str, above: float) -> list[Item]:
        decode = self._decode
        found = []
        with self._env.begin() as transaction:
            for value in transaction.cursor().iternext(keys=False):
                item = decode(value)
                if attribute in item and item[attribute] > above:
                    found.append(item)
        return found

    def close(self) -> None:
        self._env.close()


class LmdbMapped(Lmdb):
    """The same, which writes into its memory map."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        super().__init__(folder, durability, writemap=True)
