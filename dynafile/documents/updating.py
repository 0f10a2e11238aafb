"""Updating a document: its fields by their paths, and what transforms come to."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from dynafile.documents.comparing import are_equal
from dynafile.documents.filters import MISSING
from dynafile.documents.paths import FieldPath, field_text
from dynafile.documents.transforms import ArrayRemove, ArrayUnion, DeleteField, Increment, Transform
from dynafile.errors import InvalidDocument

__all__ = ["update_fields"]


def update_fields(
    document: dict[str, Any], fields: Iterable[tuple[FieldPath, Any]], path: str
) -> None:
    """Set fields of a document, which is changed, to values that were checked.

    Raises InvalidDocument where the document does not have what an update supposes.
    """
    for field, value in fields:
        _update(document, field, value, path)


def _update(document: dict[str, Any], field: FieldPath, value: Any, path: str) -> None:
    holder = document
    for depth, name in enumerate(field[:-1], 1):
        inner = holder.get(name, MISSING)
        if type(inner) is not dict:
            if isinstance(value, DeleteField):
                return
            if inner is not MISSING:
                raise InvalidDocument(
                    f"{field_text(field)} of {path} cannot be updated: "
                    f"{field_text(field[:depth])} is {_kind(inner)}, no object; replace it as a "
                    "whole, or delete it first",
                    path=field_text(field[:depth]),
                )
            inner = holder[name] = {}
        holder = inner
    name = field[-1]
    if isinstance(value, DeleteField):
        holder.pop(name, None)
    elif isinstance(value, Transform):
        holder[name] = _transformed(holder.get(name, MISSING), value, field, path)
    else:
        holder[name] = value


def _transformed(old: Any, transform: Transform, field: FieldPath, path: str) -> Any:
    if isinstance(transform, Increment):
        return _incremented(old, transform.by, field, path)
    assert isinstance(transform, ArrayUnion | ArrayRemove)
    if old is MISSING:
        old = []
    if type(old) is not list:
        raise _misfit(transform, old, "a list", field, path)
    if isinstance(transform, ArrayRemove):
        gone = transform.values
        return [each for each in old if not any(are_equal(each, other) for other in gone)]
    found = list(old)
    for each in transform.values:
        if not any(are_equal(each, other) for other in found):
            found.append(each)
    return found


def _incremented(old: Any, by: float, field: FieldPath, path: str) -> Any:
    if old is MISSING:
        return by
    if type(old) not in (int, float):
        raise _misfit(Increment(by), old, "a number", field, path)
    try:
        new = old + by
    except OverflowError:
        new = float("inf")
    if type(new) is float and not isfinite(new):
        raise InvalidDocument(
            f"{field_text(field)} of {path} cannot be incremented by {by!r}: the sum is larger "
            "than any number of JSON's",
            path=field_text(field),
        )
    return new


def _misfit(
    transform: Transform, old: Any, wanted: str, field: FieldPath, path: str
) -> InvalidDocument:
    return InvalidDocument(
        f"{type(transform).__name__} of {field_text(field)} of {path} needs {wanted} there, or "
        f"nothing, and there is {_kind(old)}: set the field first",
        path=field_text(field),
    )


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return {int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}[
        type(value)
    ]
