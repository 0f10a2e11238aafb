"""The budget of a pickle: how much work its keys may make, in proportion to its bytes.

A tuple computes its hash anew each time, and so does each tuple within it. A pickle of a hundred
bytes can share one tuple twice in the next, and that twice in the one after: the hash of the last
would take until the end of the world. So keys are weighed before they are hashed.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MemberDescriptorType
from typing import Any, Final
from uuid import UUID

from dynafile.objects.pickles.refusals import corrupt

__all__ = ["ATOMS", "Budget", "Overspent", "state_of"]

ATOMS: Final[frozenset[type]] = frozenset(
    {
        *(str, int, bytes, float, bool, type(None), complex),
        *(date, datetime, time, timedelta, timezone, UUID),
    }
)
"""Types without members, whose hash takes no time to speak of."""
_SIZED: Final = frozenset({int, Decimal})
"""Types whose hash takes as long as they are large."""
_UNHASHABLE: Final = frozenset({list, dict, set, bytearray})
_DEEPEST: Final = 100
_INSTANCE: Final = 10
"""What the hash of an instance weighs, which is computed in Python."""
_FEW: Final = 300
"""So many keys may all have the same hash."""
_TEXT: Final = frozenset({str, bytes})
_SMALL: Final = 2**60


class Overspent(Exception):
    """The keys of a value make more work than its bytes warrant."""


class Budget:
    """Weighs keys, and counts the weights; ``members`` are those of an instance of a class."""

    def __init__(self, size: int, *, huge: bool = False, share: int = 2) -> None:
        self.left = share * (500_000 + 20 * size)
        self._copies = share * (500_000 + 8 * size)
        self.atoms = ATOMS - _SIZED if huge else ATOMS
        self._weights: dict[int, tuple[Any, int]] = {}
        self._passing: dict[int, tuple[Any, int]] = {}
        self._hashes: dict[int, tuple[Any, dict[int, int]]] = {}

    def watch_sizes(self) -> None:
        """Weigh numbers too from now on: there is a huge one."""
        self.atoms = ATOMS - _SIZED

    def spend(self, amount: int) -> None:
        """Count some work; raises Overspent."""
        self.left -= amount
        if self.left < 0:
            raise Overspent

    def copy(self, amount: int) -> None:
        """Count bytes that are copied, eight for a reference; raises Overspent.

        A pickle of a few bytes can copy the same megabyte again and again.
        """
        self._copies -= amount
        if self._copies < 0:
            raise Overspent

    def keys(self, keys: Collection[Any], target: Any = None) -> None:
        """Weigh what is about to be hashed; raises CorruptObject, and Overspent.

        ``target`` is the dict or set that has keys already.
        """
        atoms = self.atoms
        if not atoms.issuperset(map(type, keys)):
            self._passing.clear()
            for key in keys:
                if type(key) not in atoms:
                    self.spend(self.weight(key, 0))
        there = 0 if target is None else len(target)
        if there + len(keys) > _FEW and not _spread(keys):
            self._collide(keys, target)

    def _collide(self, keys: Collection[Any], target: Any) -> None:
        """Count how often keys meet others of the same hash, which makes a dict slow."""
        known = self._hashes.get(id(target))
        if known is None or target is None:
            known = (target, {})
            if target is not None:
                self._hashes[id(target)] = known
                self._count(target, known[1])
        self._count(keys, known[1])

    def _count(self, keys: Collection[Any], counts: dict[int, int]) -> None:
        met = 0
        for code in map(hash, keys):
            before = counts.get(code, 0)
            counts[code] = before + 1
            met += before
        self.spend(met)

    def weight(self, key: Any, depth: int) -> int:
        """Return how many values are hashed with a key; raises CorruptObject if it cannot be."""
        kind = type(key)
        if kind in self.atoms:
            return 1
        if kind in _SIZED:
            return 1 + int(key.__sizeof__() >> 6)
        if kind in _UNHASHABLE:
            raise corrupt(f"a key of type {kind.__name__}")
        known = self._weights.get(id(key)) or self._passing.get(id(key))
        if known is not None:
            return known[1]
        if depth == _DEEPEST:
            raise corrupt(f"a key that is nested deeper than {_DEEPEST} levels")
        before = len(self._passing)
        if kind is tuple or kind is frozenset:
            total = 1
            for member in key:
                total += self.weight(member, depth + 1)
            # What an instance is in can become heavier, since the instance can.
            weights = self._weights if before == len(self._passing) else self._passing
            weights[id(key)] = (key, total)
            return total
        total = _INSTANCE
        # A class with a hash of its own most likely asks its attributes for theirs.
        own = type.__getattribute__(kind, "__hash__") is not object.__hash__
        if own and not isinstance(key, enum.Enum):
            for member in state_of(key):
                if type(member) not in _UNHASHABLE:
                    total += self.weight(member, depth + 1)
        self._passing[id(key)] = (key, total)
        return total


def _spread(keys: Collection[Any]) -> bool:
    """Say whether keys have different hashes: ints, or text, whose hash nobody foresees."""
    kinds = set(map(type, keys))
    if kinds <= _TEXT:
        return True
    return kinds == {int} and min(keys) > -_SMALL and max(keys) < _SMALL


def state_of(instance: Any) -> list[Any]:
    """Return the attributes of an instance, in its dict and in its slots."""
    found: list[Any] = []
    kind = type(instance)
    for base in kind.__mro__:
        if base is object or "__slots__" not in base.__dict__:
            continue
        for slot in base.__dict__.values():
            if type(slot) is MemberDescriptorType:
                try:
                    found.append(slot.__get__(instance, kind))
                except AttributeError:
                    pass
    try:
        attributes = object.__getattribute__(instance, "__dict__")
    except AttributeError:
        return found
    if type(attributes) is dict:
        found.extend(attributes.values())
    return found
