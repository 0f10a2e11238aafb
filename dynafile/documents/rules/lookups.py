"""``get(/users/{auth.uid})`` and ``exists(...)`` in conditions: other documents that decide."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final, NoReturn

from msgspec import Struct

from dynafile.documents.rules.patterns import RESERVED, DocumentPath, is_segment
from dynafile.documents.rules.scanner import Scanner

__all__ = ["OPERANDS", "Lookup", "Undecided", "read_lookup"]

OPERANDS: Final = re.compile(r"(?:get|exists)[ \t\r\n]*\((?:[^()\"';]|\"[^\"\r\n]*\")*\)")
"""What a lookup looks like in a condition."""

_BLANK = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"[^\s/{}()\"';,$]+")
_QUOTED = re.compile(r'"([^"\r\n]*)"')
_VALUE = re.compile(r"\{[ \t]*([A-Za-z_][\w$]*(?:\.[A-Za-z_$][\w$]*)*)[ \t]*\}", re.ASCII)


class Undecided(Exception):
    """A condition that cannot be evaluated; what it would permit is denied."""


class Lookup(Struct, frozen=True):
    """A lookup: whether it asks only if there is a document, and the segments of its path.

    A segment is text, or the names that lead to its text.
    """

    exists: bool
    segments: tuple[str | tuple[str, ...], ...]

    def path(self, values: dict[str, Any]) -> DocumentPath:
        """Return the path that it looks up. Raises ``Undecided`` where it has none."""
        return tuple(
            segment if isinstance(segment, str) else _text(segment, values)
            for segment in self.segments
        )


def _text(names: tuple[str, ...], values: dict[str, Any]) -> str:
    value: Any = values
    for name in names:
        value = value.get(name) if type(value) is dict else None
    if not is_segment(value):
        raise Undecided(f"{'.'.join(names)} is no segment of a path")
    text: str = value
    return text


def read_lookup(text: str, scanner: Scanner, position: int, names: Collection[str]) -> Lookup:
    """Read what ``OPERANDS`` matched at a position of a file, in which there are these names."""

    def fail(reason: str, offset: int) -> NoReturn:
        scanner.fail(reason, position + offset)

    segments: list[str | tuple[str, ...]] = []
    at = _after_blank(text, text.index("(") + 1)
    while text[at] == "/":
        at += 1
        if found := _VALUE.match(text, at):
            steps = tuple(found[1].split("."))
            if steps[0] not in names:
                fail(unknown(steps[0], names), found.start(1))
            segments.append(steps)
        elif (found := _LITERAL.match(text, at)) or (found := _QUOTED.match(text, at)):
            name = found[found.lastindex or 0]
            if not is_segment(name):
                fail("a segment is text of up to 1024 bytes, other than . and ..", at)
            segments.append(name)
        else:
            fail("expected a segment: a name, or {auth.uid} and the like", at)
        at = found.end()
    at = _after_blank(text, at)
    if text[at] != ")" or not segments:
        fail("expected a path such as /users/{auth.uid}", at)
    if len(segments) % 2:
        fail("this is the path of a collection; a document is looked up", 0)
    return Lookup(text.startswith("exists"), tuple(segments))


def unknown(name: str, names: Collection[str]) -> str:
    """Return the reason that a name is refused for."""
    there = ", ".join(sorted(RESERVED.union(names)))
    return f"there is no {name} here; there are {there}; text is written 'in single quotes'"


def _after_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match is not None else position
