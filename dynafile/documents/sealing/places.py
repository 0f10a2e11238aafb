"""Places: which field of which document a value belongs to; declared by patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dynafile.errors import InvalidSealing

__all__ = ["Declared", "Field", "Path", "Place", "declared", "field_path", "shown_field"]

Path = tuple[str, ...]

_ANY: Final = "*"
_PART = re.compile(r"`((?:[^`\\]|\\.)+)`|([^.`]+)")


@dataclass(frozen=True, slots=True)
class Field:
    """How a field is sealed.

    :param searchable: keep a keyed hash beside the value, by which ``==`` finds it
    :param accept_plain: open a value that is not sealed as it is, while old documents are being
        sealed; until then whoever has the database can put plain values in the place of sealed ones
    """

    searchable: bool = False
    accept_plain: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """A field that is to be sealed in the collections of a pattern."""

    pattern: Path
    field: Path
    how: Field

    @property
    def context(self) -> bytes:
        """What the hashes for searching are for: the same in all collections of the pattern."""
        return _packed("match", self.pattern, self.field)

    def place(self, path: Path) -> Place:
        """Return the field's place in a document."""
        return Place(path, self.field)


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a document; ``path`` is the whole path of the document."""

    path: Path
    field: Path

    @property
    def packed(self) -> bytes:
        """The place as bytes; no two places have the same."""
        return _packed("place", self.path, self.field)

    def __str__(self) -> str:
        return f"{shown_field(self.field)} of {'/'.join(self.path)}"


def field_path(text: object) -> Path:
    """Return the names of a dotted path; a name with a dot in it stands in backticks.

    >>> field_path("address.`street.name`")
    ('address', 'street.name')
    """
    if isinstance(text, tuple) and text and all(type(name) is str and name for name in text):
        return text
    if not isinstance(text, str) or not text:
        raise InvalidSealing(f"{text!r:.100} is no path of a field; a path is 'address.street'")
    names, at = [], 0
    while True:
        match = _PART.match(text, at)
        if match is None:
            raise InvalidSealing(f"{text!r:.100} is no path of a field; see character {at + 1}")
        names.append(match[2] or re.sub(r"\\(.)", r"\1", match[1]))
        at = match.end()
        if at == len(text):
            return tuple(names)
        if text[at] != ".":
            raise InvalidSealing(f"{text!r:.100} is no path of a field; see character {at + 1}")
        at += 1


def shown_field(field: Path) -> str:
    """Return the dotted path of names."""
    return ".".join(name if "." not in name else f"`{name}`" for name in field)


def declared(fields: Mapping[str, Mapping[str, Field]]) -> list[Declared]:
    """Return what ``Sealer(fields=...)`` declares; raises InvalidSealing."""
    if not _is_map(fields):
        raise InvalidSealing("fields= maps patterns of collections to fields, at least one")
    found: list[Declared] = []
    for text, within in fields.items():
        pattern = _pattern(text)
        for before in {each.pattern for each in found}:
            if _overlap(before, pattern):
                raise InvalidSealing(f"{'/'.join(before)} and {text} name the same collections")
        if not _is_map(within):
            raise InvalidSealing(f"fields[{text!r:.100}] maps paths of fields to Field(...)")
        found += _within(pattern, within)
    return found


def _within(pattern: Path, within: Mapping[str, Field]) -> list[Declared]:
    found: list[Declared] = []
    for name, how in within.items():
        field = field_path(name)
        if not isinstance(how, Field):
            raise InvalidSealing(f"{shown_field(field)} is declared by Field(...), not {how!r:.50}")
        for other in found:
            shorter = min(len(other.field), len(field))
            if other.field[:shorter] == field[:shorter]:
                raise InvalidSealing(
                    f"{shown_field(other.field)} and {shown_field(field)} lie in one another; "
                    "seal the outer one"
                )
        found.append(Declared(pattern, field, how))
    return found


def _pattern(text: object) -> Path:
    segments = tuple(text.split("/")) if isinstance(text, str) else ()
    if len(segments) % 2 == 0 or not all(segments) or _ANY in segments[::2]:
        raise InvalidSealing(
            f"{text!r:.100} is no pattern of collections; one is 'users' or 'users/*/posts', with "
            "* for any document"
        )
    return segments


def matches(pattern: Path, collection: Path) -> bool:
    """Say whether a collection is one of a pattern."""
    return len(pattern) == len(collection) and all(
        each in (segment, _ANY) if position % 2 else each == segment
        for position, (each, segment) in enumerate(zip(pattern, collection, strict=True))
    )


def _overlap(one: Path, other: Path) -> bool:
    return len(one) == len(other) and all(
        a == b or (position % 2 == 1 and _ANY in (a, b))
        for position, (a, b) in enumerate(zip(one, other, strict=True))
    )


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping) and len(value) > 0


def _packed(what: str, path: Path, field: Path) -> bytes:
    return json.dumps(["dynafile seal", 1, what, path, field], separators=(",", ":")).encode()
