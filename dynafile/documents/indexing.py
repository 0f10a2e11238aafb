"""Indexes that are declared: kept in the database, and filled with what is there already."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Final

from dynafile import Table, Transaction, gt
from dynafile.documents.layout import (
    FIELDS,
    INDEXES,
    PK,
    SK,
    UNFILLED,
    Item,
    entries_of,
    group_of,
)
from dynafile.documents.paths import FieldPath, field_text
from dynafile.documents.resolving import contents

__all__ = ["declare_index", "declared_indexes"]

_AT_ONCE: Final = 500
_ATTEMPTS: Final = 1000


def declared_indexes(source: Table | Transaction) -> dict[str, list[str]]:
    """Return the fields that have an index, by the name of the collection."""
    return {item[SK]: list(item[FIELDS]) for item in source.query(INDEXES)}


def declare_index(table: Table, name: str, fields: Sequence[FieldPath]) -> None:
    """Have indexes by fields for all collections of a name.

    From the declaration on, each write brings its entries; then those of the documents that are
    there are made, some hundred at a time, and until that is done no query uses the index. Where
    it was interrupted, the next declaration goes on.
    """
    wanted = list(dict.fromkeys(fields))
    filling = table.run_transaction(partial(_declare, name, wanted), attempts=_ATTEMPTS)
    if not filling:
        return
    for item in list(table.query(group_of(name))):
        _fill(table, item[SK], filling)
    table.run_transaction(partial(_complete, name, filling), attempts=_ATTEMPTS)


def _declare(name: str, fields: list[FieldPath], transaction: Transaction) -> list[FieldPath]:
    """Note what is declared; return the fields that are to be filled."""
    key = {PK: INDEXES, SK: name}
    item = transaction.get_item(key=key)
    known = [] if item is None else item[FIELDS]
    unfilled = set() if item is None else set(item.get(UNFILLED, ()))
    new = [field for field in fields if field_text(field) not in known]
    unfilled |= {field_text(field) for field in new}
    if new:
        texts = [*known, *map(field_text, new)]
        transaction.put_item(item={**key, FIELDS: texts, UNFILLED: sorted(unfilled)})
    return [field for field in fields if field_text(field) in unfilled]


def _fill(table: Table, collection: str, fields: list[FieldPath]) -> None:
    """Make the entries of the documents of a collection."""
    last: str | None = None
    while True:
        body = partial(_fill_some, collection, fields, last)
        last = table.run_transaction(body, attempts=_ATTEMPTS)
        if last is None:
            return


def _fill_some(
    collection: str, fields: list[FieldPath], last: str | None, transaction: Transaction
) -> str | None:
    """Make the entries of some documents; return the last of them, None at the end."""
    found = transaction.query(collection, sk=None if last is None else gt(last))
    items: list[Item] = list(islice(found, _AT_ONCE))
    for item in items:
        for entry in entries_of(collection, item[SK], contents(item), fields):
            transaction.put_item(item=entry)
    return items[-1][SK] if items else None


def _complete(name: str, fields: list[FieldPath], transaction: Transaction) -> None:
    """Note that indexes are filled."""
    key = {PK: INDEXES, SK: name}
    item = transaction.get_item(key=key)
    if item is None:
        return
    filled = {field_text(field) for field in fields}
    left = [field for field in item.get(UNFILLED, ()) if field not in filled]
    item.pop(UNFILLED, None)
    transaction.put_item(item={**item, UNFILLED: left} if left else item)
