"""Records in a table: one partition, an item a record, as JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from dynafile import Table
from dynafile.documents.access.records import Record
from dynafile.errors import ConditionalCheckFailed, InvalidAccess

__all__ = ["TableRecords"]

_TEXT: Final = "record"


class TableRecords:
    """Records in a table with text keys, shared by all who open it.

    A record is text, so that what was read is compared as it was written, times included.

    :param partition: the partition key under which they are, which nothing else uses
    """

    def __init__(self, table: Table, partition: str = "access:") -> None:
        if table.sk_attribute is None:
            raise InvalidAccess("records need a table with a sort key")
        self._table = table
        self._partition = partition
        self._pk = table.pk_attribute
        self._sk = table.sk_attribute

    def get(self, name: str) -> Record | None:
        """Return the record of a name; None if there is none."""
        item = self._table.get_item(key=self._key(name))
        return None if item is None else json.loads(item[_TEXT])

    def swap(self, name: str, old: Record | None, new: Record | None) -> bool:
        """Put ``new`` where ``old`` is, and return whether it was."""
        key = self._key(name)
        options: dict[str, Any] = {
            "condition_expression": "attribute_not_exists(#text)",
            "expression_attribute_names": {"#text": _TEXT},
        }
        if old is not None:
            options["condition_expression"] = "#text = :old"
            options["expression_attribute_values"] = {":old": _written(old)}
        try:
            if new is None:
                self._table.delete_item(key=key, **options)
            else:
                self._table.put_item(item={**key, _TEXT: _written(new)}, **options)
        except ConditionalCheckFailed:
            return False
        return True

    def list(self, prefix: str) -> Iterable[tuple[str, Record]]:
        """Return the names that begin like this, with their records."""
        found = self._table.query(self._partition, starts_with=prefix or None)
        return [(item[self._sk], json.loads(item[_TEXT])) for item in found]

    def _key(self, name: str) -> dict[str, Any]:
        return {self._pk: self._partition, self._sk: name}


def _written(record: Record) -> str:
    return json.dumps(record, sort_keys=True, allow_nan=False)
