"""Folder queries in Redis: by sorted sets, exact although their scores are doubles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from dynafile.objects.backend import MTIME, Entry, Order
from dynafile.objects.backends.redis_layout import Folder
from dynafile.objects.backends.redis_line import Line
from dynafile.objects.paths import MARKER

__all__ = ["AGAIN", "names_of", "query", "untimed", "values_of"]

AGAIN: Final = b"again"
"""The script's word for: there was much to tidy up first."""

_PAGE: Final = 500
_NAMES: Final = 1000


def query(line: Line, folder: Folder, order: Order) -> Iterator[Entry]:
    """Yield the objects of a folder in the order of an index, ties by name.

    Objects that KYDB wrote without a time have the time 0.
    """
    return islice(_all(line, folder, order), order.limit)


def untimed(line: Line, folder: Folder, now: int | None = None) -> Iterator[str]:
    """Yield the names of objects that have no time, to which ``now`` is given if there is one."""
    request: dict[str, Any] = {"ask": "untimed", "folder": folder, "count": _NAMES}
    if now is not None:
        request["now"] = str(now)
    cursor = b"0"
    seen = set()
    while True:
        reply = line.ask({**request, "cursor": cursor.decode()}, folder["names"])
        if reply == AGAIN:
            continue
        cursor, names = reply
        for name in names_of(names):
            if name not in seen:
                seen.add(name)
                yield name
        if cursor == b"0":
            return


def values_of(line: Line, asked: dict[str, Any]) -> dict[str, int]:
    """Return the index values of an object by name, which are one request however many."""
    reply = line.ask({"ask": "values", **asked}, asked["folder"]["names"])
    return {
        name.decode(): _number(value.decode())
        for name, value in zip(reply[::2], reply[1::2], strict=True)
        if name != MTIME.encode()
    }


def names_of(lines: bytes) -> Iterator[str]:
    """Yield names as text; what is no UTF-8, or empty, no key can name."""
    for line in _lines(lines):
        if line and line != MARKER:
            yield line


def _lines(lines: bytes) -> list[str]:
    try:
        return lines.decode().split("\n") if lines else []
    except UnicodeDecodeError:
        found = []
        for line in lines.split(b"\n"):
            try:
                found.append(line.decode())
            except UnicodeDecodeError:
                continue
        return found


def _all(line: Line, folder: Folder, order: Order) -> Iterator[Entry]:
    tailed = order.index == MTIME and order.holds(0)
    if tailed and not order.descending:
        yield from _without_time(line, folder, order)
    yield from _indexed(line, folder, order)
    if tailed and order.descending:
        yield from _without_time(line, folder, order)


def _without_time(line: Line, folder: Folder, order: Order) -> Iterator[Entry]:
    for name in sorted(untimed(line, folder), reverse=order.descending):
        yield Entry(name, 0, 0, 0)


def _indexed(line: Line, folder: Folder, order: Order) -> Iterator[Entry]:
    # A bound rounds to a double as the values did, so that no value within the bounds has a score
    # outside of them; the values themselves decide.
    low = "-inf" if order.since is None else str(max(order.since, -(1 << 64)))
    high = "+inf" if order.until is None else str(min(order.until, 1 << 64))
    first, last = (high, low) if order.descending else (low, high)
    request = {
        "ask": "page",
        "folder": folder,
        "index": order.index,
        "descending": order.descending,
        "last": last,
        "count": _PAGE if order.limit is None else max(1, min(order.limit, _PAGE)),
    }
    whole = replace(order, limit=None)
    while True:
        reply = line.ask({**request, "first": first}, folder["names"])
        if reply == AGAIN:
            continue
        score, rows = reply
        # A page ends where the score changes, so that sorting pages sorts all.
        found = [_entry(row, timed=order.index == MTIME) for row in _lines(rows)]
        yield from whole.arranged(found)
        if score is None:
            return
        first = f"({score.decode()}"


def _entry(row: str, *, timed: bool) -> Entry:
    name, found, mtime, ctime = row.split("\t")
    value = _number(found)
    written = value if timed else _number(mtime or "0")
    return Entry(name, written, _number(ctime) if ctime else written, value)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # a score, where no exact value is kept
        return int(float(text))
