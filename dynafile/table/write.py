"""One write of a commit: what is asked for, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from dynafile.errors import ConditionalCheckFailed
from dynafile.table.index import Entry

Test = Callable[[dict[str, Any]], bool]
"""Says whether a condition holds of an item; of an empty one where there is none."""

Updater = Callable[[dict[str, Any]], dict[str, Any]]
"""Returns the item that an update makes of an item, which it leaves as it is.

Where there is no item it is given the key, and says by returning that very dict that it makes none.
"""


class Write(Struct, eq=False):
    """A put (with ``raw``), a delete (without), an update (with ``update``), or a mere check."""

    key: bytes
    raw: bytes | None
    """The item's bytes; of an update, what it came to."""
    expiry: Any = None
    entries: list[Entry | None] | None = None
    """The item's entry in each index."""
    types: dict[str, str] | None = None
    """Types of index keys that are not known yet."""
    looks: bool = False
    """Whether it needs to know what was there, if the table does not."""
    test: Test | None = None
    update: Updater | None = None
    key_item: dict[str, Any] = {}
    """The key attributes, of which an update makes an item where there is none."""
    check: bool = False
    """Whether it only tests, and writes nothing."""
    gives_item: bool = False
    """Whether a condition that fails tells what the item is."""
    old: bytes | None = None
    """What was there, where it looks; None where that was expired."""

    def looking(self, test: Test | None = None, *, gives_item: bool = False) -> Write:
        """Have it done only where a condition holds, or at least tell what was there."""
        self.looks = True
        self.test = test
        self.gives_item = gives_item
        return self


class Unlearnt(Exception):
    """An update gave an index key whose type is not known yet: learn it, and commit again."""


def check_condition(test: Test, item: dict[str, Any] | None, *, gives_item: bool) -> None:
    """Raise ConditionalCheckFailed, with the item if asked to, where a condition does not hold."""
    if not test(item or {}):
        raise ConditionalCheckFailed(
            "The conditional request failed", item=item if gives_item else None
        )
