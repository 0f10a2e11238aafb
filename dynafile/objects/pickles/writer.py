"""The writer: the pickle of a value of types on the allow-list, at the speed of C."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from io import BytesIO
from typing import Any, Final

from dynafile.errors import CorruptObject, UnsupportedObject
from dynafile.objects.pickles.budget import Budget, Overspent
from dynafile.objects.pickles.places import place_of
from dynafile.objects.pickles.reductions import Reducer, Refusal
from dynafile.objects.pickles.refusals import too_deep, unwritten
from dynafile.objects.pickles.shape import DEEPEST, Members, too_tall

__all__ = ["dump"]

PROTOCOL: Final = 4
"""What Python 3.4 reads, and KYDB on any Python."""
_TINY: Final = 100
"""Bytes of a pickle that has no room for anything too deep, be it a key or not."""


class _Pickler(pickle.Pickler):
    """A pickler that asks a `Reducer` about every type that C does not write by itself."""

    def __init__(self, file: BytesIO, reducer: Reducer) -> None:
        super().__init__(file, PROTOCOL)
        self.dispatch_table: dict[type, Any] = {}  # not that of copyreg, which anybody fills
        self._reduce = reducer.reduce

    def reducer_override(self, obj: Any) -> Any:
        """Return how an object is made again; raises Refusal for one that is not stored."""
        return self._reduce(obj)


def dump(value: Any, registered: Iterable[type] = frozenset()) -> bytes:
    """Return the pickle of a value, which `load` reads back.

    ``registered`` are classes of the user's whose instances may be in it. Raises
    ``UnsupportedObject`` for any other type that is not on the list, and for what is nested deeper
    than 500 levels; it says where.
    """
    reducer = Reducer(registered)
    file = BytesIO()
    try:
        _Pickler(file, reducer).dump(value)
        data = file.getvalue()
        _check(value, data, reducer)
    except Refusal as refusal:
        place = place_of(refusal.culprit, value)
        raise unwritten(refusal.name, place, refusal.why) from None
    except RecursionError:
        raise too_deep(DEEPEST) from None
    except UnsupportedObject:
        raise
    except Exception as error:
        # A reduction of the user's own, or a dict that another thread changed meanwhile.
        raise unwritten(type(value).__name__, "value", str(error)[:200]) from error
    return data


def _check(value: Any, data: bytes, reducer: Reducer) -> None:
    """Refuse what `load` would: nesting, keys, and classes that are values.

    The pickler tells the second time that it meets a class from the first as little as whether it
    meets it as a value or as what makes one.
    """
    if not reducer.special and len(data) <= _TINY:
        return
    # An int with more than 255 bytes is the one with the opcode LONG4; text may hold it too.
    huge = b"\x8b" in data
    budget = Budget(len(data), huge=huge, share=1)
    members = Members(reducer.check, budget.keys, reducer.classes, reducer.parts, all_keys=huge)
    try:
        if too_tall([value, *reducer.roots], members):
            raise too_deep(DEEPEST)
    except Overspent:
        raise unwritten(type(value).__name__, "value", "its keys share too much") from None
    except CorruptObject:
        raise unwritten(type(value).__name__, "value", "its keys are nested too deep") from None
