"""Document paths: from text to the steps into an item, and from steps to a closure.

A path is DynamoDB's: ``address.lines[0].text`` is the attribute ``address``, in that map
``lines``, in that list the first element, in that map ``text``. See
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.Attributes.html.
Filter strings write the same thing as ``address.lines.0.text``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from dynafile.errors import ExpressionError

__all__ = [
    "MISSING",
    "Getter",
    "Item",
    "Path",
    "dotted_getter",
    "parse_path",
    "path_getter",
    "path_text",
]

Item: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]
Getter: TypeAlias = Callable[[Item], Any]


class Missing:
    """The type of ``MISSING``, which no attribute value has."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""What a getter returns where the path leads nowhere; an attribute may well be None."""

_NAME = re.compile(r"[^.\[\]]+")
_INDEX = re.compile(r"\[(\d{1,9})\]")
_DOTTED_INDEX = re.compile(r"[0-9]{1,9}")


def parse_path(text: str) -> Path:
    """Return the steps of a document path: names as str, list indexes as int.

    Raises ``ExpressionError`` with the position at which it is no path.

    >>> parse_path("a.b[0].c")
    ('a', 'b', 0, 'c')
    """
    steps: list[str | int] = []
    position = 0
    while True:
        name = _NAME.match(text, position)
        if name is None:
            raise _no_path(text, position, "an attribute name")
        steps.append(name[0])
        position = name.end()
        while index := _INDEX.match(text, position):
            steps.append(int(index[1]))
            position = index.end()
        if position == len(text):
            return tuple(steps)
        if text[position] != ".":
            raise _no_path(text, position, "a dot or an index such as [0]")
        position += 1


def _no_path(text: str, position: int, expected: str) -> ExpressionError:
    where = f"here: {text[position:]!r}" if position < len(text) else "at its end"
    return ExpressionError(
        f"the document path {text!r} needs {expected} {where}; a name that has dots or brackets "
        "of its own is given as a tuple of steps",
        expression=text,
        position=position,
    )


def path_text(path: Path) -> str | None:
    """Return the text that ``parse_path`` reads as this path; None if there is none."""
    if not path or type(path[0]) is not str:
        return None
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _NAME.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            return None
    return "".join(parts)


def path_getter(path: Path) -> Getter:
    """Return a closure that follows the path into an item: the value there, or ``MISSING``."""
    first: Any = path[0]
    if len(path) == 1:
        return lambda item: item.get(first, MISSING)
    if len(path) == 2 and type(path[1]) is str:
        second = path[1]

        def get_nested(item: Item) -> Any:
            value = item.get(first)
            return value.get(second, MISSING) if type(value) is dict else MISSING

        return get_nested
    steps = [(step, (list, tuple) if isinstance(step, int) else (dict,)) for step in path[1:]]

    def get(item: Item) -> Any:
        value: Any = item.get(first, MISSING)
        for step, containers in steps:
            if type(value) not in containers:
                return MISSING
            try:
                value = value[step]
            except LookupError:
                return MISSING
        return value

    return get


def dotted_getter(name: str) -> Getter:
    """Return a closure that resolves a name of a filter string, as ``filtration`` does.

    An attribute whose own name has the dots wins over nested maps. Beyond ``filtration``, a
    part made of digits also indexes a list.
    """
    first, *rest = name.split(".")
    if not rest:
        return path_getter((name,))
    steps = [(part, int(part) if _DOTTED_INDEX.fullmatch(part) else -1) for part in rest]

    def get(item: Item) -> Any:
        value: Any = item.get(name, MISSING)
        if value is not MISSING:
            return value
        value = item.get(first, MISSING)
        for part, index in steps:
            kind = type(value)
            if kind is dict:
                value = value.get(part, MISSING)
            elif (kind is list or kind is tuple) and 0 <= index < len(value):
                value = value[index]
            else:
                return MISSING
        return value

    return get
