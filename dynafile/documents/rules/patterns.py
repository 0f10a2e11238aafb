"""Patterns of paths, such as ``/users/{user}/{rest=**}``, and what they match."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from msgspec import Struct

from dynafile.documents.paths import check_segment
from dynafile.documents.rules.scanner import Scanner
from dynafile.errors import InvalidDocumentPath

__all__ = [
    "RESERVED",
    "DocumentPath",
    "PathPattern",
    "Segment",
    "is_segment",
    "read_pattern",
    "shown_path",
]

DocumentPath: TypeAlias = tuple[str, ...]

RESERVED: Final = frozenset({"auth", "resource", "request"})
"""Names that every condition has, which no variable may have."""

_WORDS: Final = frozenset({"and", "or", "not", "in", "between", "true", "false", "null"})
_LITERAL = re.compile(r"[^\s/{}()\"';,]+")
_QUOTED = re.compile(r'"([^"\r\n]*)"')
_VARIABLE = re.compile(r"\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?:=[ \t]*(\*\*?)[ \t]*)?\}")
_MOST: Final = 100
_SHOWN: Final = 200


class Segment(Struct, frozen=True):
    """A part of a pattern: a name, or a variable for one segment or, if ``rest``, for several."""

    text: str
    variable: bool = False
    rest: bool = False


class PathPattern:
    """A pattern, with at most one variable that stands for any number of segments."""

    __slots__ = ("_after", "_before", "_has_rest", "segments")

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self.segments = segments
        rests = [index for index, segment in enumerate(segments) if segment.rest]
        cut = rests[0] if rests else len(segments)
        self._before, self._after = segments[:cut], segments[cut + 1 :]
        self._has_rest = bool(rests)

    def __str__(self) -> str:
        return "".join(map(_shown, self.segments))

    @property
    def variables(self) -> frozenset[str]:
        """The names of its variables."""
        return frozenset(each.text for each in self.segments if each.variable)

    @property
    def first(self) -> str | None:
        """The name that every path it matches begins with; None if that varies."""
        first = self.segments[0] if self.segments else None
        return None if first is None or first.variable else first.text

    @property
    def matches_documents(self) -> bool:
        """Whether a path of a document can match it: one of two, four, ... segments."""
        return self._has_rest or (len(self.segments) > 0 and len(self.segments) % 2 == 0)

    def match(self, path: DocumentPath) -> dict[str, str] | None:
        """Return the variables of a path that matches, or None."""
        before, after = self._before, self._after
        between = len(path) - len(before) - len(after)
        if between < 0 or (between > 0 and not self._has_rest):
            return None
        found: dict[str, str] = {}
        for segment, text in zip(before, path, strict=False):
            if segment.variable:
                found[segment.text] = text
            elif segment.text != text:
                return None
        if not self._has_rest:
            return found
        end = len(path) - len(after)
        for segment, text in zip(after, path[end:], strict=True):
            if segment.variable:
                found[segment.text] = text
            elif segment.text != text:
                return None
        found[self.segments[len(before)].text] = "/".join(path[len(before) : end])
        return found

    def may_match(self, path: tuple[str | None, ...], *, anywhere: bool = False) -> bool:
        """Say whether it matches some path of which segments are known, and others, None, not.

        With ``anywhere`` there can be more segments before.
        """
        if anywhere:
            steps = path[::-1]
            known = (self._after if self._has_rest else self._before)[::-1]
            if not self._has_rest and len(known) < len(steps):
                return False
            return all(map(_may_be, known, steps))
        between = len(path) - len(self._before) - len(self._after)
        if between < 0 or (between > 0 and not self._has_rest):
            return False
        end = path[len(path) - len(self._after) :]
        return all(map(_may_be, self._before, path)) and all(map(_may_be, self._after, end))


def _may_be(segment: Segment, text: str | None) -> bool:
    return segment.variable or text is None or segment.text == text


def is_segment(text: object) -> bool:
    """Say whether a text may be a segment of a path."""
    try:
        check_segment(text)
    except InvalidDocumentPath:
        return False
    return True


def shown_path(path: DocumentPath) -> str:
    """Return a path for a message: whoever asked made it up, so it is one line, and not long."""
    text = "/".join(path)
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "".join(each if each.isprintable() else "?" for each in cut)


def read_pattern(scanner: Scanner, outer: PathPattern | None) -> PathPattern:
    """Read a pattern that goes on from an outer one; nothing blank is in it."""
    segments = list(outer.segments) if outer is not None else []
    if scanner.next != "/":
        scanner.expected("a path such as /users/{user}")
    while scanner.next == "/":
        scanner.position += 1
        start = scanner.position
        segment = _read_segment(scanner)
        if segment.variable:
            _check_variable(scanner, segment, segments, start)
        elif not is_segment(segment.text):
            scanner.fail("a segment is text of up to 1024 bytes, other than . and ..", start)
        segments.append(segment)
        if len(segments) > _MOST:
            scanner.fail(f"a path has at most {_MOST} segments", start)
    scanner.skip()
    return PathPattern(tuple(segments))


def _read_segment(scanner: Scanner) -> Segment:
    if found := scanner.match(_LITERAL):
        return Segment(found[0])
    if found := scanner.match(_QUOTED):
        return Segment(found[1])
    if found := scanner.match(_VARIABLE):
        return Segment(found[1], variable=True, rest=found[2] == "**")
    if scanner.next == "{":
        scanner.fail("a variable is written {name}, or {name=**} for any number of segments")
    return scanner.expected("a segment of the path")


def _check_variable(scanner: Scanner, new: Segment, before: list[Segment], start: int) -> None:
    if new.text in RESERVED or new.text.lower() in _WORDS:
        scanner.fail(f"{new.text} has a meaning of its own in conditions; take another name", start)
    for segment in before:
        if segment.variable and segment.text == new.text:
            scanner.fail(f"the path has the variable {new.text} twice", start)
        if segment.rest and new.rest:
            scanner.fail("a path has at most one variable with =**", start)


def _shown(segment: Segment) -> str:
    if segment.variable:
        return f"/{{{segment.text}{'=**' if segment.rest else ''}}}"
    return f"/{segment.text}" if _LITERAL.fullmatch(segment.text) else f'/"{segment.text}"'
