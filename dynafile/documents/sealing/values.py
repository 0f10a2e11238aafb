"""JSON values as bytes: to be sealed, and in the one form that equal values share."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from dynafile.errors import InvalidSealing

__all__ = ["canonical", "decoded", "encoded"]

_MOST_LEVELS: Final = 100
_MOST_BYTES: Final = 1 << 20
_LEAST_INT: Final = -(1 << 63)
_MOST_INT: Final = (1 << 64) - 1


def encoded(value: Any, where: str) -> bytes:
    """Return a JSON value as bytes; raises InvalidSealing with the place of what is none."""
    _check(value, where, 1)
    try:
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        data = None
    if data is None:
        raise InvalidSealing(f"{where} has text with half of a character (a lone surrogate)")
    if len(data) > _MOST_BYTES:
        raise InvalidSealing(f"{where} is longer than {_MOST_BYTES} bytes as JSON")
    return data


def decoded(data: bytes) -> Any:
    """Return the value of such bytes; raises ValueError, without them, for what is no JSON value.

    However it is written, since other languages write numbers in their own way. Whoever has a
    public key can seal for its owner, so what opens may still be anything.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique)
        encoded(value, "it")
    except (RecursionError, ValueError):
        found = False
    else:
        found = True
    if not found:
        raise ValueError("no JSON value")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def canonical(value: Any) -> bytes:
    """Return the bytes of a checked value that all values equal to it have: 1 and 1.0, not True."""
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":")).encode()


def _canonical(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is list:
        return [_canonical(each) for each in value]
    if type(value) is dict:
        return {name: _canonical(each) for name, each in value.items()}
    return value


def _check(value: Any, where: str, level: int) -> None:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return
    if kind is int:
        if not _LEAST_INT <= value <= _MOST_INT:
            raise InvalidSealing(f"{where} is an integer of more than 64 bits")
    elif kind is float:
        if not math.isfinite(value):
            raise InvalidSealing(f"{where} is no finite number, which JSON does not have")
    elif kind is not list and kind is not dict:
        raise InvalidSealing(f"{where} is {kind.__qualname__}, which JSON does not have")
    elif level > _MOST_LEVELS:
        raise InvalidSealing(f"{where:.200} is nested deeper than {_MOST_LEVELS} levels")
    elif kind is list:
        for position, each in enumerate(value):
            _check(each, f"{where}[{position}]", level + 1)
    else:
        for name, each in value.items():
            if type(name) is not str:
                raise InvalidSealing(f"{where} has a name that is no text")
            _check(each, f"{where}.{name:.50}", level + 1)
