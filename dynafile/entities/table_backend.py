"""Entities in a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynafile import Dynafile, GlobalIndex, Key, Table
from dynafile.entities.backend import Backend, IndexRange, Item, Pair, Session
from dynafile.entities.layout import AUDIT, INDEXES, PARTS, TYPES
from dynafile.errors import InvalidArgument
from dynafile.transactions import Transaction

_WHOLE = (TYPES, INDEXES, AUDIT)


class TableBackend(Backend):
    """A table of a folder, or of memory; others may keep their items in it, too."""

    def __init__(self, table: Table, *, owned: bool) -> None:
        """Use a table; with ``owned`` it is closed with the database."""
        if table.sk_attribute is None:
            raise InvalidArgument(
                "entities need a table with a partition key and a sort key, both strings: this "
                "one has no sort key"
            )
        self.table = table
        self._owned = owned
        self._pk, self._sk = table.pk_attribute, table.sk_attribute

    @property
    def key_attributes(self) -> tuple[str, str]:
        """The names of the table's key attributes, which no field can have as its own."""
        return self._pk, self._sk

    def key(self, pk: str, sk: str) -> Item:
        """Return the key attributes of an item."""
        return {self._pk: pk, self._sk: sk}

    def pair(self, found: Item) -> Pair:
        """Take the keys off an item."""
        del found[self._pk]
        return found.pop(self._sk), found

    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item, or None."""
        found = self.table.get_item(key={self._pk: pk, self._sk: sk})
        return None if found is None else self.pair(found)[1]

    def range(self, pk: str, after: str | None = None) -> Iterator[Pair]:
        """Yield the items of a partition in the order of their sort keys, those past ``after``."""
        return map(self.pair, self.table.query(key_condition_expression=self.after(pk, after)))

    def index_range(self, pk: str, wanted: IndexRange) -> Iterator[Pair]:
        """Yield the items of a partition that an index has, in the order of the index."""
        found = self.table.query(
            index=index_name(wanted.attribute),
            key_condition_expression=self.inside(pk, wanted),
            scan_index_forward=not wanted.backwards,
        )
        return map(self.pair, found)

    def after(self, pk: str, after: str | None) -> Any:
        """Return the key condition of :meth:`range`."""
        condition = Key(self._pk).eq(pk)
        return condition if after is None else condition & Key(self._sk).gt(after)

    def inside(self, pk: str, wanted: IndexRange) -> Any:
        """Return the key condition of :meth:`index_range`."""
        condition, by = Key(self._pk).eq(pk), Key(wanted.attribute)
        low, high = wanted.low, wanted.high
        if low is not None and high is not None:
            return condition & (by.eq(low) if low == high else by.between(low, high))
        if low is not None:
            return condition & by.gte(low)
        return condition if high is None else condition & by.lte(high)

    def session(self) -> Session:
        """Begin to write."""
        return TableSession(self)

    def partitions(self) -> Iterator[tuple[str, str, Item]]:
        """Yield everything: partition key, sort key and attributes."""
        for found in self.table.scan():
            pk = found[self._pk]
            if isinstance(pk, str) and (pk in _WHOLE or pk.startswith(PARTS)):
                sk, item = self.pair(found)
                yield pk, sk, item

    def clear(self) -> None:
        """Remove everything that is the entities'."""
        keys = [self.key(pk, sk) for pk, sk, _ in self.partitions()]
        with self.table.batch_writer() as batch:
            for key in keys:
                batch.delete_item(key=key)

    def indexes(self) -> frozenset[str]:
        """Return the attributes by which there are indexes."""
        return frozenset(
            index.sk
            for name, index in self.table.indexes.items()
            if isinstance(index.sk, str) and name == index_name(index.sk)
        )

    def ensure_index(self, attribute: str, kind: str) -> None:
        """Have an index by an attribute, which is filled now if the table has items."""
        index = GlobalIndex(pk=self._pk, sk=attribute, pk_type="S", sk_type=kind)
        self.table.add_index(index_name(attribute), index)

    def close(self) -> None:
        """Let go of it."""
        if self._owned:
            self.table.close()


class TableSession(Session):
    """A transaction of the table."""

    def __init__(self, backend: TableBackend) -> None:
        self._backend = backend
        self._transaction: Transaction = backend.table.transaction()
        self._transaction.__enter__()

    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item, or None; it must be the same at the commit."""
        found = self._transaction.get_item(key=self._backend.key(pk, sk))
        return None if found is None else self._backend.pair(found)[1]

    def range(self, pk: str, after: str | None = None) -> Iterator[Pair]:
        """Yield the items of a partition; what was looked at must be the same at the commit."""
        condition = self._backend.after(pk, after)
        return map(self._backend.pair, self._transaction.query(key_condition_expression=condition))

    def index_range(self, pk: str, wanted: IndexRange) -> Iterator[Pair]:
        """Yield the items of a partition that an index has, in the order of the index."""
        found = self._transaction.query(
            index=index_name(wanted.attribute),
            key_condition_expression=self._backend.inside(pk, wanted),
            scan_index_forward=not wanted.backwards,
        )
        return map(self._backend.pair, found)

    def put(self, pk: str, sk: str, item: Item) -> None:
        """Put an item."""
        self._transaction.put_item(item={**self._backend.key(pk, sk), **item})

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item, which need not be there."""
        self._transaction.delete_item(key=self._backend.key(pk, sk))

    def commit(self) -> None:
        """Make the writes; raises TransactionConflict where what was read has changed."""
        self._transaction.__exit__(None, None, None)

    def is_stale(self) -> bool:
        """Say whether what was read has changed."""
        return self._transaction.is_stale()

    def abandon(self) -> None:
        """Forget the writes."""
        self._transaction.__exit__(InvalidArgument, None, None)  # as when a block raises


def index_name(attribute: str) -> str:
    """Return the name of the index by an attribute: ASCII, whatever the field is called.

    >>> index_name("N.age"), index_name("N.größe")
    ('N.age', 'N.gr-f6--df-e')
    """
    return "".join(
        each if each.isascii() and (each.isalnum() or each in "._") else f"-{ord(each):x}-"
        for each in attribute
    )


def open_table(path: str) -> TableBackend:
    """Open a folder of entities, or memory."""
    return TableBackend(Dynafile(path), owned=True)
