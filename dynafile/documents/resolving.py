"""What a path is: a collection, a document, or a field in a document that has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from dynafile.documents.filters import MISSING, value_at
from dynafile.documents.layout import DATA, Item, document_key
from dynafile.documents.paths import FieldPath, Path, fields_named
from dynafile.documents.values import decode
from dynafile.errors import CorruptFile

__all__ = ["Field", "contents", "field_in", "field_value"]


class Field(Struct, frozen=True):
    """A field, and the path of the document that has it, or what it is in."""

    document: Path
    field: FieldPath


def contents(item: Item) -> dict[str, Any]:
    """Return the document of an item, a new one each time."""
    try:
        value: dict[str, Any] = decode(item[DATA])
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFile(
            f"the item {item.get('PK')!r}, {item.get('SK')!r} is no document ({error}): something "
            "else is in this table"
        ) from error
    return value


def field_in(get: Callable[..., Item | None], path: Path) -> Field | None:
    """Return the field that a path names, None where it is a document or a collection.

    It is a field where a document on the way has one of the name that follows.
    """
    for document, field in fields_named(path):
        item = get(key=document_key(document))
        if item is not None and field[0] in contents(item):
            return Field(document, field)
    return None


def field_value(get: Callable[..., Item | None], field: Field) -> Any:
    """Return the value of a field; MISSING where there is none."""
    item = get(key=document_key(field.document))
    return MISSING if item is None else value_at(contents(item), field.field)
