"""The reductions: how values of the types that C does not know are written."""

from __future__ import annotations

import copyreg
import enum
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import BuiltinFunctionType, FunctionType
from typing import Any, Final
from uuid import UUID, SafeUUID

from dynafile.objects.pickles.arrays import ARRAYS, fields_within
from dynafile.objects.pickles.declared import fields_of
from dynafile.objects.pickles.frames import FRAMES
from dynafile.objects.pickles.plain import FACTORIES, PATHS, SLICED, ZONE_KEY
from dynafile.objects.pickles.shape import DICTS, LISTS

__all__ = ["Reducer", "Refusal"]

_MAKERS: Final = frozenset(
    {
        *(set, frozenset, bytearray, complex, range, slice, OrderedDict, defaultdict, deque),
        *(Counter, date, datetime, time, timedelta, timezone, Decimal, UUID, SafeUUID),
        *(FACTORIES),
    }
)
"""Classes that a pickle names to have them called."""
_AS_THEY_ARE: Final = frozenset(
    {
        *(bytearray, range, date, datetime, time, timedelta, timezone, Decimal, UUID, SafeUUID),
        *(Counter, deque),
    }
)
"""Types whose own reduction is right: the state of each is checked by its own making."""
_MOST_EMPTY: Final = 400_000
"""Bytes of the members that empty arrays would have, since NumPy allocates one for each array."""
_GLOBALS: Final = (type, FunctionType, BuiltinFunctionType)


class Refusal(Exception):
    """A value that is not stored: ``culprit``."""

    def __init__(self, culprit: Any, why: str = "") -> None:
        super().__init__(why)
        self.culprit = culprit
        kind = culprit if isinstance(culprit, type) else type(culprit)
        self.name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        self.why = why or ("a class" if isinstance(culprit, type) else "")


class Reducer:
    """Says of a value of any type how it is made again, or refuses it.

    ``classes`` are the user's classes of which there were instances, ``roots`` are what is written
    and is in no container, ``parts`` of what registered instances consist, and ``special`` tells
    that anything was asked.
    """

    def __init__(self, registered: Iterable[type]) -> None:
        self._registered = frozenset(registered)
        self._foreign: set[type] = set()
        self.classes: set[type] = set()
        self.roots: list[Any] = []
        self.parts: dict[int, tuple[Any, list[Any]]] = {}
        self.special = False
        self._empty = 0

    def reduce(self, value: Any) -> Any:
        """Return the reduction of a value, as ``__reduce_ex__`` does; raises Refusal."""
        self.special = True
        kind = type(value)
        rule = _RULES.get(kind)
        if rule is not None:
            return rule(value)
        if kind in _AS_THEY_ARE:
            return NotImplemented
        if kind in self._registered:
            return self._own_reduction(value)
        if isinstance(value, _GLOBALS) or kind.__module__.startswith("_cython"):
            return self._global(value)
        package = kind.__module__.partition(".")[0]
        if package in ("numpy", "pandas"):
            return self._foreign_reduction(value)
        if package in ("pathlib", "zoneinfo"):
            return _library_reduction(value)
        return self._dataclass_reduction(value)

    def check(self, value: Any) -> None:
        """Raise Refusal for what is written but is not a value, such as a class or a block."""
        kind = type(value)
        if kind in _RULES or kind in _AS_THEY_ARE or kind in LISTS or kind in DICTS:
            return
        if kind in self.classes or kind in self._foreign:
            return
        if kind.__module__.partition(".")[0] not in ("pathlib", "zoneinfo"):
            raise Refusal(value)

    def _global(self, value: Any) -> Any:
        if value in _MAKERS or value in self._registered or value in self.classes:
            return NotImplemented
        name = (value.__module__, value.__qualname__)
        foreign = name in ARRAYS or name in FRAMES
        if not foreign and not (isinstance(value, type) and _is_library(value)):
            raise Refusal(value)
        return NotImplemented

    def _own_reduction(self, value: Any) -> Any:
        kind = type(value)
        self.classes.add(kind)
        if isinstance(value, enum.Enum):
            return kind, (value._value_,)
        found = value.__reduce_ex__(4)
        if type(found) is not tuple or not 2 <= len(found) <= 5:
            raise Refusal(value, "its reduction is none that is read")
        maker, given = found[:2]
        # Typeshed leaves out the two makers of copyreg.
        if maker is copyreg.__newobj__ or maker is copyreg.__newobj_ex__:  # type: ignore[attr-defined]
            maker = given[0]
        if maker is not kind:
            raise Refusal(value, "its reduction calls something else than its class")
        named = found[0] is not kind  # and so among what it is given
        self.parts[id(value)] = (value, [*given[named:], *found[2:3]])
        return found

    def _dataclass_reduction(self, value: Any) -> Any:
        kind = type(value)
        fields = fields_of(kind)
        if fields is None:
            raise Refusal(value)
        own, _ = fields.state(value)
        if not own.keys() <= fields.known:
            more = ", ".join(sorted(map(str, own.keys() - fields.known)))
            raise Refusal(value, f"it has attributes that are no fields: {more:.100}")
        self.classes.add(kind)
        return value.__reduce_ex__(4)

    def _foreign_reduction(self, value: Any) -> Any:
        kind = type(value)
        if kind.__module__.partition(".")[0] == "numpy":
            self._check_numpy(value)
        elif kind.__module__ in _HIDDEN:
            return NotImplemented  # and no value by itself
        elif (kind.__module__, kind.__qualname__) in FRAMES or value is sys.modules["pandas"].NA:
            _check_pandas(value)
            self.parts[id(value)] = (value, _parts(value))
        elif (value is not sys.modules["pandas"].NaT) and kind.__name__ not in _MOMENTS:
            raise Refusal(value)
        self._foreign.add(kind)
        return NotImplemented

    def _check_numpy(self, value: Any) -> None:
        numpy: Any = sys.modules["numpy"]
        kind = type(value)
        if isinstance(value, numpy.dtype):
            _check_dtype(value, value)
            return
        generic = isinstance(value, numpy.generic) and getattr(numpy, kind.__name__, 0) is kind
        if kind is not numpy.ndarray and not generic:
            raise Refusal(value)
        _check_dtype(value, value.dtype)
        if value.dtype.hasobject:
            if generic:
                raise Refusal(value)
            self.roots.append(value)
        elif not value.dtype.itemsize and value.size and not generic:
            raise Refusal(value, "its members have no size")
        elif not value.size:
            self._empty += value.dtype.itemsize
            if self._empty > _MOST_EMPTY:
                raise Refusal(value, "its members are large, though there are none")


_HIDDEN: Final = frozenset(
    {"pandas.core.internals.blocks", "pandas.core.internals.managers", "pandas._libs.internals"}
)
"""Where the parts of a DataFrame are from."""
_MOMENTS: Final = frozenset({"Timestamp", "Timedelta"})


def _check_dtype(value: Any, dtype: Any) -> None:
    try:
        fields_within(dtype)
    except (TypeError, OverflowError) as error:
        raise Refusal(value, str(error)) from None


def _check_pandas(value: Any) -> None:
    offset = getattr(value, "offset", None)
    if isinstance(value, sys.modules["pandas"].offsets.BaseOffset) and offset:
        raise Refusal(value, "it has an offset of its own")


def _parts(value: Any) -> list[Any]:
    """Return what a value of pandas consists of, and what it is named and annotated with."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(value, (pandas.DataFrame, pandas.Series)):
        named = [] if isinstance(value, pandas.DataFrame) else [value.name]
        values = [block.values for block in value._mgr.blocks]
        return [*values, *value.axes, *named, value.attrs]
    if isinstance(value, pandas.MultiIndex):
        return [*value.levels, *value.names]
    if isinstance(value, pandas.RangeIndex):
        return list(value.names)
    if isinstance(value, pandas.Index):
        return [value._data, *value.names]
    if isinstance(value, (pandas.Categorical, pandas.CategoricalDtype)):
        return [value.categories]
    return []


def _is_library(kind: type) -> bool:
    """Say whether a class is one of the paths, or that of time zones."""
    for module, names in (("pathlib", PATHS), ("zoneinfo", ("ZoneInfo",))):
        found = sys.modules.get(module)
        if found is not None and any(getattr(found, name, None) is kind for name in names):
            return True
    return False


def _library_reduction(value: Any) -> Any:
    kind = type(value)
    if not _is_library(kind):
        raise Refusal(value)
    if kind.__name__ != "ZoneInfo":
        return NotImplemented
    if value.key is None or ZONE_KEY.fullmatch(value.key) is None:
        raise Refusal(value, "it has no name")
    return kind, (value.key,)


def _complex(value: complex) -> Any:
    return complex, (value.real, value.imag)


def _slice(value: slice) -> Any:
    if not SLICED.issuperset(map(type, (value.start, value.stop, value.step))):
        raise Refusal(value, "of other than plain values")
    return NotImplemented


def _ordered(value: OrderedDict[Any, Any]) -> Any:
    if vars(value):
        raise Refusal(value, "it has attributes")
    return NotImplemented


def _default(value: defaultdict[Any, Any]) -> Any:
    if value.default_factory is not None and value.default_factory not in FACTORIES:
        raise Refusal(value, "its factory is none of dict, float, int, list, set, str")
    return NotImplemented


_RULES: Final[dict[type, Callable[[Any], Any]]] = {
    complex: _complex,
    slice: _slice,
    OrderedDict: _ordered,
    defaultdict: _default,
}
