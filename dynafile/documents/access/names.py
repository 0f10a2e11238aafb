"""Checks of small arguments: names and times."""

from __future__ import annotations

import math
from typing import Final

from dynafile.errors import InvalidAccess

__all__ = ["checked_name", "checked_seconds"]

_LONGEST_NAME: Final = 100
_LONGEST_TIME: Final = 100 * 365 * 86400


def checked_name(name: object, what: str) -> str:
    """Return a name of 1 to 100 printable characters; raises InvalidAccess."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InvalidAccess(f"{what} is a text that can be printed, with something in it")
    if len(name) > _LONGEST_NAME:
        raise InvalidAccess(f"{what} has at most {_LONGEST_NAME} characters, not {len(name)}")
    return name


def checked_seconds(seconds: object, what: str) -> float:
    """Return a time above 0, up to a hundred years; raises InvalidAccess."""
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise InvalidAccess(f"{what} is a number of seconds")
    if not 0 < seconds <= _LONGEST_TIME:
        raise InvalidAccess(f"{what} is above 0 and at most {_LONGEST_TIME} seconds")
    return float(seconds)
