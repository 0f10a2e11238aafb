"""Builders of the types of Python and of its library that are plain data."""

from __future__ import annotations

import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Context as Arithmetic
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast
from uuid import UUID, SafeUUID

from dynafile.errors import MissingExtra
from dynafile.objects.pickles.budget import ATOMS
from dynafile.objects.pickles.builders import (
    Builder,
    Context,
    Draft,
    Table,
    arguments,
    plain_int,
)
from dynafile.objects.pickles.refusals import corrupt, unread

__all__ = ["FACTORIES", "PATHS", "PLAIN", "SLICED", "ZONE_KEY"]

ZONE_KEY: Final = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
"""As in ``dynafile.values.extensions``: a key that leads nowhere but to a zone."""
FACTORIES: Final = frozenset({dict, float, int, list, set, str})
"""What a defaultdict may make of nothing; None is right too."""
SLICED: Final = ATOMS | {Decimal}
"""What the ends of a slice may be: slices in slices are freed by recursion."""
PATHS: Final = ("PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath")

_MOST_DIGITS: Final = 1000
_EXACT: Final = Arithmetic(traps=[InvalidOperation])

PLAIN: Final[Table] = {}


def _enter(builder: Builder, *names: tuple[str, str]) -> Builder:
    for each in names:
        PLAIN[each] = builder
    return builder


def _builtin(
    name: str, call: Callable[[Context, tuple[Any, ...]], Any] | None, kind: Any = None
) -> Builder:
    """Enter a builder under the names that a builtin has in Python 3 and in protocols before 3."""
    old = "xrange" if name == "range" else name
    builder = Builder(name, call, kind=kind)
    return _enter(builder, ("builtins", name), ("__builtin__", old), ("__builtin__", name))


# -- builtins ----------------------------------------------------------------------------------


def _set(context: Context, given: tuple[Any, ...]) -> Any:
    (members,) = arguments("set", given, list)
    context.budget.copy(8 * len(members))
    context.budget.keys(members)
    return set(members)


def _frozenset(context: Context, given: tuple[Any, ...]) -> Any:
    (members,) = arguments("frozenset", given, list)
    context.budget.copy(8 * len(members))
    context.budget.keys(members)
    return frozenset(members)


def _bytearray(context: Context, given: tuple[Any, ...]) -> Any:
    if not given:
        return bytearray()
    if len(given) == 2:
        return bytearray(_latin(context, "bytearray", given, "latin-1"))
    (data,) = arguments("bytearray", given, (bytes, bytearray))
    context.budget.copy(len(data))
    return bytearray(data)


def _bytes(_context: Context, given: tuple[Any, ...]) -> Any:
    arguments("bytes", given)
    return b""


def _encode(context: Context, given: tuple[Any, ...]) -> Any:
    return _latin(context, "_codecs.encode", given, "latin1")


def _latin(context: Context, name: str, given: tuple[Any, ...], encoding: str) -> bytes:
    text, named = arguments(name, given, str, str)
    if named != encoding:
        raise corrupt(f"{name} with another encoding than {encoding}")
    context.budget.copy(len(text))
    return cast("bytes", text.encode("latin-1"))


def _complex(_context: Context, given: tuple[Any, ...]) -> Any:
    real, imaginary = arguments("complex", given, float, float)
    return complex(real, imaginary)


def _range(_context: Context, given: tuple[Any, ...]) -> Any:
    return range(*arguments("range", given, int, int, int))


def _slice(_context: Context, given: tuple[Any, ...]) -> Any:
    if len(given) != 3 or not SLICED.issuperset(map(type, given)):
        raise corrupt("a slice of anything but three plain values")
    return slice(*given)


_builtin("set", _set, set)
_builtin("frozenset", _frozenset)
_builtin("bytearray", _bytearray)
_builtin("bytes", _bytes)
_builtin("complex", _complex)
_builtin("range", _range)
_builtin("slice", _slice)
_OBJECT: Final = _builtin("object", None)
for _factory in (dict, float, int, list, str):
    _builtin(_factory.__name__, None, _factory)
_enter(Builder("_codecs.encode", _encode), ("_codecs", "encode"))


# -- how instances are made --------------------------------------------------------------------


def _reconstructor(context: Context, given: tuple[Any, ...]) -> Any:
    kind, base, _ = arguments("copyreg._reconstructor", given, Builder, Builder, type(None))
    if base is not _OBJECT or kind.make is None:
        raise corrupt(f"an instance of {kind.name} in a way that pickle does not write")
    return kind.make(context, (), {})


def _newobj(context: Context, given: tuple[Any, ...]) -> Any:
    if not given or type(given[0]) is not Builder or given[0].make is None:
        raise corrupt("copyreg.__newobj__ of no class that has instances")
    return given[0].make(context, given[1:], {})


_enter(
    Builder("copyreg._reconstructor", _reconstructor),
    ("copyreg", "_reconstructor"),
    ("copy_reg", "_reconstructor"),
)
_enter(
    Builder("copyreg.__newobj__", _newobj), ("copyreg", "__newobj__"), ("copy_reg", "__newobj__")
)


# -- datetime and zoneinfo ---------------------------------------------------------------------


def _with_zone(name: str, given: tuple[Any, ...], size: int) -> tuple[Any, ...]:
    """Check the state of a datetime or a time, and its zone if it has one; return them."""
    if len(given) == 1:
        given = (*given, None)
    elif len(given) == 2 and given[1] is None:
        raise corrupt(f"{name} with a zone that is none")
    state, zone = given if len(given) == 2 else (None, None)
    if type(state) is not bytes or len(state) != size or not isinstance(zone, (tzinfo, type(None))):
        raise corrupt(f"{name} of a state that is none")
    return state, zone


def _datetime(_context: Context, given: tuple[Any, ...]) -> Any:
    state, zone = _with_zone("datetime.datetime", given, 10)
    year = int.from_bytes(state[:2], "big")
    month, day, hour, minute, second = state[2:7]
    micro = int.from_bytes(state[7:], "big")
    return datetime(
        year, month & 127, day, hour, minute, second, micro, tzinfo=zone, fold=month >> 7
    )


def _date(_context: Context, given: tuple[Any, ...]) -> Any:
    (state,) = arguments("datetime.date", given, bytes)
    if len(state) != 4:
        raise corrupt("datetime.date of a state that is none")
    return date(int.from_bytes(state[:2], "big"), state[2], state[3])


def _time(_context: Context, given: tuple[Any, ...]) -> Any:
    state, zone = _with_zone("datetime.time", given, 6)
    hour, minute, second = state[:3]
    micro = int.from_bytes(state[3:], "big")
    return time(hour & 127, minute, second, micro, tzinfo=zone, fold=hour >> 7)


def _timedelta(_context: Context, given: tuple[Any, ...]) -> Any:
    days, seconds, micro = arguments("datetime.timedelta", given, int, int, int)
    if not (abs(days) <= 999_999_999 and 0 <= seconds < 86_400 and 0 <= micro < 1_000_000):
        raise corrupt("datetime.timedelta of numbers out of range")
    return timedelta(days, seconds, micro)


def _timezone(_context: Context, given: tuple[Any, ...]) -> Any:
    if len(given) == 2:
        offset, name = arguments("datetime.timezone", given, timedelta, str)
        return timezone(offset, name)
    (offset,) = arguments("datetime.timezone", given, timedelta)
    return timezone.utc if not offset else timezone(offset)  # noqa: UP017 - as the rest here


def _zone(_context: Context, given: tuple[Any, ...]) -> Any:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if len(given) == 2:
        plain_int(given[1] if type(given[1]) is not bool else int(given[1]), 0, 1, "ZoneInfo")
        given = given[:1]
    (key,) = arguments("zoneinfo.ZoneInfo", given, str)
    if ZONE_KEY.fullmatch(key) is None:
        raise corrupt("the name of a time zone that is none")
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, OSError):  # OSError: a folder of zones
        message = f"the time zone {key!r:.100} is not known on this machine; pip install tzdata"
        raise MissingExtra(message, extra="tzdata") from None


_enter(Builder("datetime.datetime", _datetime), ("datetime", "datetime"))
_enter(Builder("datetime.date", _date), ("datetime", "date"))
_enter(Builder("datetime.time", _time), ("datetime", "time"))
_enter(Builder("datetime.timedelta", _timedelta), ("datetime", "timedelta"))
_enter(Builder("datetime.timezone", _timezone), ("datetime", "timezone"))
_ZONE: Final = _enter(Builder("zoneinfo.ZoneInfo", _zone), ("zoneinfo", "ZoneInfo"))
_UNPICKLE: Final = _enter(
    Builder("zoneinfo.ZoneInfo._unpickle", _zone), ("zoneinfo", "ZoneInfo._unpickle")
)


def _getattr(context: Context, given: tuple[Any, ...]) -> Any:
    """Find a name in a class, as protocols before 4 do where later ones have a dotted name."""
    owner, name = arguments("builtins.getattr", given, Builder, str)
    if owner is _ZONE and name == "_unpickle":
        return _UNPICKLE
    if not isinstance(owner.kind, type):
        raise unread("builtins.getattr")
    return context.find(owner.kind.__module__, f"{owner.kind.__qualname__}.{name}")


_builtin("getattr", _getattr)


# -- numbers and identifiers -------------------------------------------------------------------


def _decimal(context: Context, given: tuple[Any, ...]) -> Any:
    (text,) = arguments("decimal.Decimal", given, str)
    context.budget.copy(len(text))
    if len(text) > _MOST_DIGITS:
        context.budget.watch_sizes()
    return Decimal(text, _EXACT)


def _uuid(_context: Context, given: tuple[Any, ...], _options: dict[str, Any]) -> Any:
    arguments("uuid.UUID", given)
    return Draft("uuid.UUID", _finish_uuid)


def _finish_uuid(context: Context, state: Any) -> Any:
    if type(state) is not dict or not state.keys() <= {"int", "is_safe"} or "int" not in state:
        raise corrupt("uuid.UUID of a state that is none")
    number = plain_int(state["int"], 0, 2**128 - 1, "uuid.UUID")
    safe = state.get("is_safe", SafeUUID.unknown)
    if type(safe) is not SafeUUID:
        safe = _safe(context, (safe,))
    return UUID(int=number, is_safe=safe)


def _safe(_context: Context, given: tuple[Any, ...]) -> Any:
    (value,) = arguments("uuid.SafeUUID", given, (int, type(None)))
    return SafeUUID(value)


_enter(Builder("decimal.Decimal", _decimal), ("decimal", "Decimal"), ("_decimal", "Decimal"))
_enter(Builder("uuid.UUID", make=_uuid), ("uuid", "UUID"))
_enter(Builder("uuid.SafeUUID", _safe), ("uuid", "SafeUUID"))


# -- collections and paths ---------------------------------------------------------------------


def _ordered(_context: Context, given: tuple[Any, ...]) -> Any:
    arguments("collections.OrderedDict", given)
    return OrderedDict()


def _default(_context: Context, given: tuple[Any, ...]) -> Any:
    if not given:
        return defaultdict()
    (factory,) = arguments("collections.defaultdict", given, Builder)
    if factory.kind not in FACTORIES:
        raise unread(f"collections.defaultdict of {factory.name}")
    return defaultdict(factory.kind)


def _deque(_context: Context, given: tuple[Any, ...]) -> Any:
    if not given:
        return deque()
    if len(given) != 2 or given[0] != () or type(given[0]) is not tuple:
        raise corrupt("collections.deque of members")
    return deque(maxlen=plain_int(given[1], 0, sys.maxsize, "collections.deque"))


def _counter(context: Context, given: tuple[Any, ...]) -> Any:
    (counts,) = arguments("collections.Counter", given, dict)
    context.budget.copy(8 * len(counts))
    found: Counter[Any] = Counter()
    dict.update(found, counts)
    return found


_enter(Builder("collections.OrderedDict", _ordered), ("collections", "OrderedDict"))
_enter(Builder("collections.defaultdict", _default), ("collections", "defaultdict"))
_enter(Builder("collections.deque", _deque), ("collections", "deque"))
_enter(Builder("collections.Counter", _counter), ("collections", "Counter"))


def _path(name: str) -> Builder:
    def call(context: Context, given: tuple[Any, ...]) -> Any:
        import importlib

        if any(type(part) is not str for part in given):
            raise corrupt(f"pathlib.{name} of parts that are no text")
        context.budget.copy(sum(map(len, given)))
        kind = getattr(importlib.import_module("pathlib"), name)
        try:
            return kind(*given)
        except NotImplementedError:
            raise unread(f"pathlib.{name}", "paths of another system cannot be made here") from None

    return Builder(f"pathlib.{name}", call)


for _name in PATHS:
    _enter(_path(_name), ("pathlib", _name), ("pathlib._local", _name))
