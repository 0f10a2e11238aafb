"""The place of a value in another, as an expression that a reader understands."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from dynafile.objects.pickles.budget import ATOMS
from dynafile.objects.pickles.shape import DICTS, LISTS

__all__ = ["place_of"]

_MOST_VISITS: Final = 100_000
_LONGEST: Final = 300


def place_of(wanted: Any, value: Any) -> str:
    """Return where in a value another is, such as ``value['deep'][1]``.

    It is ``value`` itself if the other is not found, or not soon.
    """
    todo: deque[tuple[str, Any]] = deque([("value", value)])
    seen = {id(value)}
    while todo and len(seen) < _MOST_VISITS:
        place, found = todo.popleft()
        if found is wanted:
            return place
        if len(place) > _LONGEST:
            continue
        for step, member in _steps(found):
            if id(member) not in seen and (member is wanted or type(member) not in ATOMS):
                seen.add(id(member))
                todo.append((place + step, member))
    return "value"


def _steps(value: Any) -> list[tuple[str, Any]]:
    """Return the members of a value, with what leads to each."""
    kind = type(value)
    if kind in DICTS:
        keys = [(f".keys()[{number}]", key) for number, key in enumerate(value)]
        return [(f"[{_brief(key)}]", each) for key, each in value.items()] + keys
    if kind in LISTS:
        ordered = kind is not set and kind is not frozenset
        return [(f"[{n}]" if ordered else "{...}", each) for n, each in enumerate(value)]
    if kind.__module__ == "numpy" and getattr(getattr(value, "dtype", None), "hasobject", False):
        return [(f".flat[{number}]", each) for number, each in enumerate(value.flat)]
    attributes = getattr(value, "__dict__", None)
    if type(attributes) is dict and not isinstance(value, type):
        return [(f".{name}", each) for name, each in attributes.items()]
    return []


def _brief(key: Any) -> str:
    text = repr(key) if type(key) in ATOMS else "..."
    return text if len(text) <= 50 else f"{text[:40]}..."
