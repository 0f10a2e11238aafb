"""Checking changes before anything is written: what they say, and that it fits their path."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from dynafile.documents.paths import (
    FieldPath,
    check_segment,
    field_text,
    is_document,
    parse_field,
    path_text,
)
from dynafile.documents.requests import Change
from dynafile.documents.transforms import (
    DELETE_FIELD,
    ArrayRemove,
    ArrayUnion,
    DeleteField,
    Increment,
    ServerTimestamp,
    Transform,
)
from dynafile.documents.values import check_document, check_value, encode
from dynafile.errors import (
    InvalidDocument,
    InvalidDocumentArgument,
    InvalidDocumentArgumentType,
    InvalidDocumentPath,
    InvalidDocumentType,
)

__all__ = ["Checked", "check_change", "copied"]


class Checked(Struct):
    """A change that says what it must, with its values as they are stored."""

    change: Change
    value: Any = None
    data: bytes = b""
    """The value as bytes, where it is a whole document."""
    fields: tuple[tuple[FieldPath, Any], ...] = ()
    """What an update sets, and what documents must have to be deleted."""
    new_id: str = ""
    """Of the document that is made in a collection, where the change names none."""

    @property
    def text(self) -> str:
        """The path, with the key."""
        change = self.change
        return path_text(change.path if change.key is None else (*change.path, change.key))


def check_change(change: Change, now: str) -> Checked:
    """Check all of a change that can be checked without the database.

    :param now: what SERVER_TIMESTAMP stands for.

    Raises InvalidDocumentArgument, InvalidDocument and what is beneath them, ItemTooLarge,
    NestingTooDeep.
    """
    _check_target(change)
    _check_preconditions(change)
    checked = Checked(change)
    if change.kind == "update":
        checked.fields = _updates(change.value, now)
    elif change.kind == "delete":
        if change.value is not UNSET:
            checked.fields = _match(change.value)
    elif _is_for_a_field(change):
        checked.value = check_value(change.value, now=now)
    else:
        checked.value = check_document(change.value, checked.text, now)
        checked.data = encode(checked.value, checked.text)
    return checked


def _is_for_a_field(change: Change) -> bool:
    """Say whether only a field can be set to this, which there is or not when it is looked at."""
    return (
        change.kind == "set"
        and len(change.path) > 2
        and change.key is None
        and not isinstance(change.value, dict)
    )


def _check_target(change: Change) -> None:
    path, kind = change.path, change.kind
    if not path:
        raise InvalidDocumentArgument(
            f"{kind} is for a collection or a document, not for the root: name the collection, as "
            "in doc(db, 'users')"
        )
    if change.key is not None:
        check_segment(change.key)
    if not is_document(path):
        return
    at = path_text(path)
    if change.key is not None:
        raise InvalidDocumentArgument(
            f"key= names the document of a collection, and {at} is a document itself: leave it out"
        )
    if kind == "add":
        raise InvalidDocumentArgument(
            f"add is for a collection, and {at} is a document: write it with set, or add to a "
            "collection in it, .collection('posts').add(...)"
        )
    if kind == "delete" and change.value is not UNSET:
        raise InvalidDocumentArgument(
            f"delete(value) is for a collection, and {at} is a document: call delete()"
        )


def _check_preconditions(change: Change) -> None:
    exists, last_update = change.exists, change.last_update
    if exists is None and last_update is None:
        return
    if not isinstance(exists, bool | None):
        raise InvalidDocumentArgumentType(f"exists is True, False or None, not {exists!r:.80}")
    if not isinstance(last_update, str | None):
        raise InvalidDocumentArgumentType(
            f"last_update is what ref.last_update() returned, a str, not {last_update!r:.80}"
        )
    if not is_document(change.path) and change.key is None:
        raise InvalidDocumentArgument(
            f"exists= and last_update= are about one document, and {path_text(change.path)} is a "
            "collection: name the document with key=, or call it on the document"
        )


def _match(value: Any) -> tuple[tuple[FieldPath, Any], ...]:
    if not isinstance(value, dict):
        raise InvalidDocumentType(
            f"delete(value) deletes the documents that have the fields of an object, a dict, not "
            f"of a {type(value).__name__}; delete(key=...) deletes the document with an id"
        )
    if not value:
        raise InvalidDocument(
            "delete({}) would match every document: call delete() to delete them all"
        )
    fields = [(parse_field(name), each) for name, each in value.items()]
    return tuple((field, check_value(each, field_text(field))) for field, each in fields)


def _updates(value: Any, now: str) -> tuple[tuple[FieldPath, Any], ...]:
    if not isinstance(value, dict):
        raise InvalidDocumentType(
            f"an update is an object, a dict, of fields and their values, not a "
            f"{type(value).__name__}"
        )
    if not value:
        raise InvalidDocument("an update needs a field at least, and {} has none")
    found = {}
    for name, each in value.items():
        field = parse_field(name)
        if field in found:
            raise InvalidDocumentPath(f"the update has {name!r} twice", segment=name)
        found[field] = _update(field, each, now)
    for field in found:
        for length in range(1, len(field)):
            if field[:length] in found:
                raise InvalidDocumentPath(
                    f"the update has both {field_text(field[:length])!r} and "
                    f"{field_text(field)!r}, which is in it: leave one of them out",
                    segment=field_text(field),
                )
    return tuple(found.items())


def _update(field: FieldPath, value: Any, now: str) -> Any:
    where, level = field_text(field), len(field)
    if not isinstance(value, Transform):
        return check_value(value, where, level, now)
    if isinstance(value, ServerTimestamp):
        return now
    if isinstance(value, DeleteField):
        return DELETE_FIELD
    if isinstance(value, Increment):
        by = value.by
        if isinstance(by, bool) or not isinstance(by, int | float):
            raise InvalidDocumentType(
                f"Increment of {where} is by a number, not by {by!r:.80}", path=where
            )
        return Increment(check_value(by, where, level))
    assert isinstance(value, ArrayUnion | ArrayRemove)
    name = type(value).__name__
    if not isinstance(value.values, list | tuple):
        raise InvalidDocumentType(
            f"{name} of {where} takes a list of values, not a {type(value.values).__name__}",
            path=where,
        )
    return type(value)(check_value(list(value.values), where, level))


def copied(change: Change) -> Change:
    """Return a change that later changes of its value do not reach; raises as check_change does."""
    check_change(change, "")
    if change.value is UNSET:
        return change
    return replace(change, value=_copy(change.value))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(_copy, value))
    if isinstance(value, ArrayUnion | ArrayRemove):
        return type(value)(_copy(list(value.values)))
    return value
