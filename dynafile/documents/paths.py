"""Paths of documents and of fields: what a segment can be, and which paths are what.

A path of documents alternates: collection, document, collection, document. A path of fields is
text with dots, ``address.city``; a name that has a dot itself is put in backticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from dynafile.errors import InvalidDocumentPath, InvalidDocumentPathType

__all__ = [
    "MAX_COLLECTION_BYTES",
    "MAX_SEGMENT_BYTES",
    "FieldPath",
    "Path",
    "check_path",
    "check_segment",
    "field_text",
    "fields_named",
    "is_document",
    "parse_field",
    "path_text",
]

Path: TypeAlias = tuple[str, ...]
FieldPath: TypeAlias = tuple[str, ...]

MAX_SEGMENT_BYTES: Final = 1024
MAX_COLLECTION_BYTES: Final = 1024
"""Of the path of a collection, with its slashes."""

_QUOTED: Final = re.compile(r"`((?:[^`\\]|\\.)*)`|([^.`]+)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def check_segment(segment: Any) -> str:
    """Return a segment of a path, which is not empty, ``.`` or ``..`` and has no slash.

    Raises InvalidDocumentPath, and InvalidDocumentPathType for what is no text.
    """
    if not isinstance(segment, str):
        raise InvalidDocumentPathType(
            f"a segment of a path is a str, not {type(segment).__name__}: {segment!r:.80}",
            segment=segment,
        )
    if not segment or segment == "." or segment == "..":
        raise InvalidDocumentPath(
            f"a segment of a path cannot be {segment!r}: give the name of a collection or the id "
            "of a document",
            segment=segment,
        )
    if "/" in segment or "\0" in segment:
        raise InvalidDocumentPath(
            f"a segment of a path has no slash and no zero byte, and {segment!r:.80} has: give "
            "each segment by itself, doc(db, 'users', 'ann')",
            segment=segment,
        )
    if not segment.isascii():
        try:
            size = len(segment.encode())
        except UnicodeEncodeError:
            raise InvalidDocumentPath(
                f"a segment of a path is text that UTF-8 can express, and {segment!r:.80} has half "
                "a surrogate pair",
                segment=segment,
            ) from None
    else:
        size = len(segment)
    if size > MAX_SEGMENT_BYTES:
        raise InvalidDocumentPath(
            f"a segment of a path has at most {MAX_SEGMENT_BYTES} bytes, and {segment!r:.40}... "
            f"has {size}",
            segment=segment,
        )
    return str(segment)


def check_path(path: Any) -> Path:
    """Return a path whose segments, and whose collections, are not too long."""
    checked: Path = tuple(check_segment(segment) for segment in path)
    collection = checked[:-1] if is_document(checked) else checked
    if len(checked) > 2:
        size = len("/".join(collection).encode())
        if size > MAX_COLLECTION_BYTES:
            raise InvalidDocumentPath(
                f"the path of a collection has at most {MAX_COLLECTION_BYTES} bytes with its "
                f"slashes, and that of {path_text(collection)!r:.40}... has {size}: choose shorter "
                "names, or nest less",
                segment=checked[-1],
            )
    return checked


def is_document(path: Path) -> bool:
    """Say whether a path is a document's by its length; others are collections, or the root."""
    return bool(path) and len(path) % 2 == 0


def fields_named(path: Path) -> Iterator[tuple[Path, FieldPath]]:
    """Yield the documents that a path may lead into, each with the field that it names then.

    >>> list(fields_named(("users", "ann", "address", "city")))
    [(('users', 'ann'), ('address', 'city'))]
    """
    for length in range(2, len(path), 2):
        yield path[:length], path[length:]


def path_text(path: Path) -> str:
    """Return a path as it is shown.

    >>> path_text(("users", "ann"))
    'users/ann'
    """
    return "/".join(path)


def parse_field(text: Any) -> FieldPath:
    """Read the path of a field.

    >>> parse_field("address.city"), parse_field("prices.`1.5`")
    (('address', 'city'), ('prices', '1.5'))
    """
    if not isinstance(text, str):
        raise InvalidDocumentPathType(
            f"a field is named by a str, not {type(text).__name__}: {text!r:.80}", segment=text
        )
    names = _split(text)
    if "" in names:
        raise InvalidDocumentPath(
            f"{text!r:.80} is no name of a field: names are not empty, and dots part them; put a "
            "name with a dot in backticks, as in 'prices.`1.5`'",
            segment=text,
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidDocumentPath(
                f"{text!r:.80} is no name of a field: it has half a surrogate pair", segment=text
            ) from None
    return names


def _split(text: str) -> FieldPath:
    if "`" not in text:
        return tuple(text.split("."))
    names, at = [], 0
    while True:
        match = _QUOTED.match(text, at)
        if match is None:
            return ("",)
        quoted, plain = match.groups()
        names.append(plain if quoted is None else _ESCAPED.sub(r"\1", quoted))
        at = match.end()
        if at == len(text):
            return tuple(names)
        if text[at] != ".":
            return ("",)
        at += 1


def field_text(field: FieldPath) -> str:
    """Return the path of a field as text that :func:`parse_field` reads.

    >>> field_text(("prices", "1.5"))
    'prices.`1.5`'
    """
    return ".".join(
        "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
        if "." in name or "`" in name or not name
        else name
        for name in field
    )
