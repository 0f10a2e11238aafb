"""The shape of a value: how deep it is nested, and whether all of it may be where it is.

Nothing of it recurses, however deep the value.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum
from itertools import chain
from typing import Any, Final

from dynafile.objects.pickles.budget import ATOMS, state_of

__all__ = ["DEEPEST", "Members", "too_tall"]

DEEPEST: Final = 500
"""Levels of containers in one another. What is deeper breaks whoever walks through it, such as
``repr``, ``==``, ``copy.deepcopy`` and ``json``."""
ARRAY_LEVELS: Final = 25
"""An array of objects counts so many: NumPy frees arrays within arrays by recursion in C."""
_SHALLOW: Final = 24
MANY: Final = 300
"""From so many keys on it matters whether they have different hashes."""

LISTS: Final = frozenset({list, tuple, set, frozenset, deque})
DICTS: Final = frozenset({dict, OrderedDict, defaultdict, Counter})
_HASHED: Final = frozenset({set, frozenset})

_NONE: Final[tuple[Any, ...]] = ()


class Members:
    """Finds the members of a value that have members themselves.

    ``check`` is asked about everything that is neither a container nor an atom, and raises if it
    has no business there. ``keys`` is told the members of sets, and the keys of dicts if they are
    many or no atoms, or all of them. ``classes`` are those whose instances have attributes that
    count, unless ``parts`` says by an instance's id what is in it. ``spend`` is told how many
    members there are.
    """

    def __init__(
        self,
        check: Callable[[Any], None],
        keys: Callable[[Collection[Any]], None] | None,
        classes: Iterable[type],
        parts: dict[int, tuple[Any, list[Any]]] | None = None,
        spend: Callable[[int], None] | None = None,
        *,
        all_keys: bool = False,
    ) -> None:
        self._many = -1 if all_keys else MANY
        self._spend = spend
        self._check = check
        self._keys = keys
        self._classes = frozenset(classes)
        self._parts = parts or {}
        self._weighed: set[int] = set()
        numpy = sys.modules.get("numpy")
        self._array: Any = getattr(numpy, "ndarray", None)

    def __call__(self, value: Any) -> Iterable[Any]:
        """Return what is in a value and is no atom."""
        kind = type(value)
        inner: Iterable[Any]
        if self._spend is not None:
            self._spend(1 + (len(value) if kind in DICTS or kind in LISTS else 0))
        if kind in DICTS:
            if len(value) > self._many:
                self._weigh(value)
            if ATOMS.issuperset(map(type, value)):
                inner = value.values()
            else:
                self._weigh(value)
                inner = chain(value, value.values())
                return [each for each in inner if type(each) not in ATOMS]
        elif kind in LISTS:
            if kind in _HASHED:
                self._weigh(value)
            inner = value
        elif kind is self._array:
            if not value.dtype.hasobject:
                return _NONE
            inner = value.flat
            return [each for each in inner if type(each) not in ATOMS]
        else:
            return self._attributes(value)
        if ATOMS.issuperset(map(type, inner)):
            return _NONE
        return [each for each in inner if type(each) not in ATOMS]

    def _attributes(self, value: Any) -> Iterable[Any]:
        kind = type(value)
        self._check(value)
        known = self._parts.get(id(value))
        if known is not None:
            inner = known[1][:]
        elif kind not in self._classes or isinstance(value, Enum):
            return _NONE
        else:
            inner = state_of(value)
        if isinstance(value, dict):
            inner.extend(chain(dict.keys(value), dict.values(value)))
        elif isinstance(value, (list, tuple, set, frozenset, deque)):
            inner.extend(value)
        return [each for each in inner if type(each) not in ATOMS]

    def _weigh(self, value: Any) -> None:
        if self._keys is not None and id(value) not in self._weighed:
            self._weighed.add(id(value))
            self._keys(value)

    def levels(self, value: Any) -> int:
        """Return how many levels a value counts."""
        return ARRAY_LEVELS if type(value) is self._array else 1


def too_tall(roots: list[Any], members: Members, limit: int = DEEPEST) -> bool:
    """Say whether values are nested deeper than so many levels; every member is checked.

    Values without nesting to speak of, which is nearly all, are looked at level by level; the
    others node by node, so that each is visited once however often it is shared.
    """
    layer: list[Any] = [root for root in roots if type(root) not in ATOMS]
    for _ in range(_SHALLOW):
        if not layer:
            return False
        following: dict[int, Any] = {}
        for node in layer:
            for each in members(node):
                following[id(each)] = each
            if type(node) is members._array:
                break  # those count more
        else:
            layer = list(following.values())
            continue
        break
    heights: dict[int, int] = {}
    return any(_tall(root, members, limit, heights) for root in roots)


def _tall(root: Any, members: Members, limit: int, heights: dict[int, int]) -> bool:
    """Say whether a value is too tall; ``heights`` are those of values that were left, by id.

    A value on the path, which a circle leads back to, counts as nothing.
    """
    if type(root) in ATOMS or id(root) in heights:
        return False
    path: list[tuple[Any, list[Any], Iterator[Any]]] = []
    node = root
    while True:
        heights[id(node)] = 0
        inner = list(members(node))
        path.append((node, inner, iter(inner)))
        if len(path) > limit:
            return True
        while path:
            node, inner, rest = path[-1]
            below = next((each for each in rest if id(each) not in heights), None)
            if below is not None:
                node = below
                break
            path.pop()
            height = max((heights[id(each)] for each in inner), default=0) + members.levels(node)
            if height > limit:
                return True
            heights[id(node)] = height
        else:
            return False
