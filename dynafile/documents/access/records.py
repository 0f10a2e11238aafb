"""Records: where keys, users and sessions are kept, as maps by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Final, Protocol

from dynafile.errors import TransactionConflict

__all__ = ["MemoryRecords", "Record", "Records", "change", "sweep"]

Record = dict[str, Any]
"""A map that JSON can hold. ``expires``, in seconds since 1970, says when nobody needs it more."""

_ATTEMPTS: Final = 100


class Records(Protocol):
    """Maps by name, shared by all processes that serve.

    ``swap`` is the only way to write: who decides by what it has read cannot overwrite what
    another process decided meanwhile. Names are up to 100 characters of ``[A-Za-z0-9_/-]``.
    A storage may drop a record once it has expired; nothing here relies on that.
    """

    def get(self, name: str) -> Record | None:
        """Return the record of a name, the caller's own copy; None if there is none."""

    def swap(self, name: str, old: Record | None, new: Record | None) -> bool:
        """Put ``new`` where ``old`` is, and return whether it was; None stands for no record.

        Atomic over threads and processes; once it has returned True, ``new`` is durable.
        """

    def list(self, prefix: str) -> Iterable[tuple[str, Record]]:
        """Return the names that begin like this, with their records."""


class MemoryRecords:
    """Records in memory, for tests and for what need not outlive the process."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._lock = Lock()

    def get(self, name: str) -> Record | None:
        """Return the record of a name; None if there is none."""
        text = self._texts.get(name)
        return None if text is None else json.loads(text)

    def swap(self, name: str, old: Record | None, new: Record | None) -> bool:
        """Put ``new`` where ``old`` is, and return whether it was."""
        expected = None if old is None else _text(old)
        with self._lock:
            if self._texts.get(name) != expected:
                return False
            if new is None:
                self._texts.pop(name, None)
            else:
                self._texts[name] = _text(new)
            return True

    def list(self, prefix: str) -> Iterable[tuple[str, Record]]:
        """Return the names that begin like this, with their records."""
        found = sorted(self._texts.items())
        return [(name, json.loads(text)) for name, text in found if name.startswith(prefix)]


def _text(record: Record) -> str:
    return json.dumps(record, sort_keys=True, allow_nan=False)


def change(
    records: Records, name: str, decide: Callable[[Record | None], Record | None]
) -> Record | None:
    """Replace a record by what ``decide`` makes of it, as often as others come in between.

    ``decide`` gets a copy of what is there; it returns what it was given, unchanged, to leave it,
    and what it raises ends it. Returns what is there then; raises TransactionConflict after a
    hundred attempts.
    """
    for _ in range(_ATTEMPTS):
        old = records.get(name)
        new = decide(None if old is None else dict(old))
        if new == old or records.swap(name, old, new):
            return new
    raise TransactionConflict(
        f"a record was changed by others {_ATTEMPTS} times in a row; try again later"
    )


def sweep(records: Records, now: float, prefix: str = "") -> int:
    """Remove what has expired, and return how many records that were; reads all of them."""
    gone = 0
    for name, record in records.list(prefix):
        expires = record.get("expires")
        if expires is not None and expires <= now:
            gone += records.swap(name, record, None)
    return gone
