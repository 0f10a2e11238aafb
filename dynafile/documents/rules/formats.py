"""The formats of schemas that are checked: of times, addresses and identifiers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Final

__all__ = ["FORMATS"]

_LONGEST: Final = 2048

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
_DAY: Final = 24 * 60
_EMAIL = re.compile(
    r"[^@\s<>\"(),:;\[\]\\.]+(?:\.[^@\s<>\"(),:;\[\]\\.]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*",
    re.ASCII,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~%]*")


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))


def _is_time(text: str) -> bool:
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    hour, minute, second = map(int, match.group(1, 2, 3))
    ahead_hours, ahead_minutes = int(match[5] or 0), int(match[6] or 0)
    if hour > 23 or minute > 59 or ahead_hours > 23 or ahead_minutes > 59:
        return False
    if second < 60:
        return True
    # A leap second is the last one of a day in UTC.
    ahead = (ahead_hours * 60 + ahead_minutes) * (-1 if match[4] == "-" else 1)
    return second == 60 and (hour * 60 + minute - ahead) % _DAY == _DAY - 1


def _is_date_time(text: str) -> bool:
    if len(text) < 20 or text[10] not in "Tt":
        return False
    return _is_date(text[:10]) and _is_time(text[11:])


def _is_ipv4(text: str) -> bool:
    return bool(str(ipaddress.IPv4Address(text)))


def _is_ipv6(text: str) -> bool:
    return "%" not in text and bool(str(ipaddress.IPv6Address(text)))


def _guarded(test: Callable[[str], bool]) -> Callable[[str], bool]:
    def guarded(text: str) -> bool:
        try:
            return len(text) <= _LONGEST and test(text)
        except ValueError:
            return False

    return guarded


FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date": _guarded(_is_date),
    "date-time": _guarded(_is_date_time),
    "email": _guarded(lambda text: _EMAIL.fullmatch(text) is not None),
    "ipv4": _guarded(_is_ipv4),
    "ipv6": _guarded(_is_ipv6),
    "time": _guarded(_is_time),
    "uri": _guarded(lambda text: _URI.fullmatch(text) is not None),
    "uuid": _guarded(lambda text: _UUID.fullmatch(text) is not None),
}
"""Tests by their names in JSON Schema."""
