"""Builders of pandas' frames and series, and of the moments that pandas has of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from dynafile.objects.pickles.builders import (
    Builder,
    Context,
    Draft,
    Part,
    Table,
    arguments,
    plain_int,
)
from dynafile.objects.pickles.columns import COLUMNS, check_lookup, is_column, known_zone
from dynafile.objects.pickles.foreign import need
from dynafile.objects.pickles.indexes import INDEXES
from dynafile.objects.pickles.refusals import corrupt

__all__ = ["FRAMES"]

FRAMES: Final[Table] = {**COLUMNS, **INDEXES}
_MANAGERS: Final = "pandas.core.internals.managers"
_FRAME: Final = {"_mgr", "_data", "_typ", "_metadata", "attrs", "_attrs", "_flags"}


def _enter(builder: Builder, *names: tuple[str, str]) -> None:
    for each in names:
        FRAMES[each] = builder


# -- blocks ------------------------------------------------------------------------------------


def _block(_context: Context, given: tuple[Any, ...]) -> Any:
    if len(given) != 3 or not is_column(given[0]):
        raise corrupt("a block of a DataFrame that has no values")
    return Part("a block of a DataFrame", given)


def _manager(_context: Context, given: tuple[Any, ...]) -> Any:
    blocks, axes = arguments("a DataFrame", given, (tuple, list), list)
    if any(type(each) is not Part for each in blocks):
        raise corrupt("a DataFrame with blocks that are none")
    _check_axes(axes, 2)
    return Part("the content of a DataFrame", (blocks, axes))


def _check_axes(axes: Any, count: int) -> None:
    kind = need("pandas").Index
    if type(axes) is not list or len(axes) != count:
        raise corrupt("another number of axes than there are")
    if not all(isinstance(axis, kind) for axis in axes):
        raise corrupt("an axis that is no index")


def _places(placement: Any, width: int) -> range | list[int]:
    """Return the columns of a block, which are inside of the axis."""
    if type(placement) is slice:
        start, stop, step = placement.start, placement.stop, placement.step
        step = 1 if step is None else step
        if type(start) is int and type(stop) is int and type(step) is int and step > 0:
            found = range(start, stop, step)
            if not found or (found[0] >= 0 and found[-1] < width):
                return found
    elif type(placement) is need("numpy").ndarray and placement.dtype.kind == "i":
        places: list[int] = placement.ravel().tolist()
        if len({*places}) != len(places):
            raise corrupt("a DataFrame that has a column twice")
        if not places or (min(places) >= 0 and max(places) < width):
            return places
    raise corrupt("a block of a DataFrame that is outside of it")


def _frame_content(context: Context, blocks: Any, axes: list[Any]) -> Any:
    """Return the content of a DataFrame, whose blocks cover each column once."""
    numpy, arrays = need("numpy"), need("pandas").arrays
    width, height = len(axes[0]), len(axes[1])
    covered: set[int] = set()
    total = 0
    made = []
    for block in blocks:
        values, placement, dimensions = block.content
        places = _places(placement, width)
        if len(blocks) > 1:
            context.budget.copy(8 * len(places) + 100)
            if not covered.isdisjoint(places):
                raise corrupt("a DataFrame that has a column twice")
            covered.update(places)
        flat = type(values) not in (numpy.ndarray, arrays.DatetimeArray, arrays.TimedeltaArray)
        right = (height,) if flat and len(places) == 1 else (len(places), height)
        if dimensions != 2 or values.shape != right:
            raise corrupt("a block of a DataFrame of another shape")
        total += len(places)
        own = placement if type(places) is range else numpy.array(places, "i8")
        made.append(_new_block(values, own, 2))
    if total != width:
        raise corrupt("a DataFrame that lacks a column, or has one twice")
    return need(_MANAGERS).BlockManager(tuple(made), axes)


def _new_block(values: Any, places: Any, dimensions: int) -> Any:
    return need("pandas._libs.internals")._unpickle_block(values, places, dimensions)


_enter(Builder("a block of a DataFrame", _block), ("pandas._libs.internals", "_unpickle_block"))
_enter(
    Builder("the content of a DataFrame", _manager),
    (_MANAGERS, "BlockManager"),
    ("pandas.core.internals", "BlockManager"),
)


def _single(_context: Context, given: tuple[Any, ...], _options: dict[str, Any]) -> Any:
    arguments("a Series", given)
    return Draft("the content of a Series", _finish_single)


def _finish_single(_context: Context, state: Any) -> Any:
    newest: Any = state[3] if type(state) is tuple and len(state) == 4 else None
    content = newest.get("0.14.1") if type(newest) is dict else None
    if type(content) is not dict or not {"axes", "blocks"} <= content.keys():
        raise corrupt("a Series of a state that is none")
    axes, blocks = content["axes"], content["blocks"]
    _check_axes(axes, 1)
    if type(blocks) is not list or len(blocks) != 1 or type(blocks[0]) is not dict:
        raise corrupt("a Series of another number of blocks than one")
    values: Any = blocks[0].get("values")
    places = blocks[0].get("mgr_locs")
    size = len(axes[0])
    if not is_column(values) or values.shape != (size,):
        raise corrupt("a Series of values that are not as many as its index")
    if len(_places(places, size)) != size:
        raise corrupt("a Series of a block that is not its own")
    return Part("the content of a Series", (values, axes[0]))


_enter(
    Builder("the content of a Series", make=_single),
    (_MANAGERS, "SingleBlockManager"),
    ("pandas.core.internals", "SingleBlockManager"),
)


# -- frames and series -------------------------------------------------------------------------


def _labelled(name: str) -> Builder:
    def make(_context: Context, given: tuple[Any, ...], _options: dict[str, Any]) -> Any:
        arguments(f"pandas.{name}", given)
        return Draft(f"pandas.{name}", finish)

    def finish(context: Context, state: Any) -> Any:
        if type(state) is not dict or {*map(type, state)} - {str}:
            raise corrupt(f"pandas.{name} of a state that is none")
        content = state.get("_mgr", state.get("_data"))
        if type(content) is not Part:
            raise corrupt(f"pandas.{name} without content")
        named = {"_name", "name"} if name == "Series" else set()
        if not state.keys() <= _FRAME | named:
            raise corrupt(f"pandas.{name} with other attributes")
        attributes = state.get("attrs", state.get("_attrs")) or {}
        flags = state.get("_flags") or {}
        if type(attributes) is not dict or type(flags) is not dict:
            raise corrupt(f"pandas.{name} with attributes that are none")
        context.roots.append(attributes)
        frame = name == "DataFrame"
        manager = _frame_manager(context, content) if frame else _series_manager(content)
        kind = getattr(need("pandas"), name)
        found = kind._from_mgr(manager, axes=manager.axes)
        if name == "Series":
            context.roots.append(found_name := state.get("_name", state.get("name")))
            found.name = context.weigh(found_name)
        if attributes:
            object.__setattr__(found, "_attrs", attributes)
        if flags.get("allows_duplicate_labels") is False:
            for axis in manager.axes:
                check_lookup(context, axis)
            found.flags.allows_duplicate_labels = False
        values = [block.values for block in manager.blocks]
        return context.consist(found, *values, *manager.axes, attributes)

    return Builder(f"pandas.{name}", make=make)


def _frame_manager(context: Context, content: Part) -> Any:
    if content.name != "the content of a DataFrame":
        raise corrupt("pandas.DataFrame with another content")
    return _frame_content(context, *content.content)


def _series_manager(content: Part) -> Any:
    if content.name != "the content of a Series":
        raise corrupt("pandas.Series with another content")
    values, axis = content.content
    block = _new_block(values, slice(0, len(axis), 1), 1)
    return need(_MANAGERS).SingleBlockManager(block, axis)


_enter(_labelled("DataFrame"), ("pandas", "DataFrame"), ("pandas.core.frame", "DataFrame"))
_enter(_labelled("Series"), ("pandas", "Series"), ("pandas.core.series", "Series"))


# -- moments -----------------------------------------------------------------------------------


def _timestamp(_context: Context, given: tuple[Any, ...]) -> Any:
    value, frequency, zone, *rest = given if len(given) >= 3 else (None, None, None)
    unit = rest[0] if len(rest) == 1 else 10
    if len(rest) > 1 or frequency is not None or not (zone is None or known_zone(zone)):
        raise corrupt("pandas.Timestamp of what is none")
    _check_moment(value, unit, "pandas.Timestamp")
    return need("pandas._libs.tslibs.timestamps")._unpickle_timestamp(value, None, zone, unit)


def _timedelta(_context: Context, given: tuple[Any, ...]) -> Any:
    value, unit = arguments("pandas.Timedelta", given, int, int)
    _check_moment(value, unit, "pandas.Timedelta")
    return need("pandas._libs.tslibs.timedeltas")._timedelta_unpickle(value, unit)


def _check_moment(value: Any, unit: Any, name: str) -> None:
    plain_int(value, 1 - 2**63, 2**63 - 1, name)
    plain_int(unit, 7, 10, name)


def _nat(_context: Context, given: tuple[Any, ...]) -> Any:
    arguments("pandas.NaT", given, type(None))
    return need("pandas").NaT


def _missing() -> Any:
    return need("pandas").NA


_LIBRARY: Final = "pandas._libs.tslibs"
_enter(Builder("pandas.Timestamp", _timestamp), (_LIBRARY + ".timestamps", "_unpickle_timestamp"))
_enter(Builder("pandas.Timedelta", _timedelta), (_LIBRARY + ".timedeltas", "_timedelta_unpickle"))
_enter(
    Builder("pandas.NaT", _nat),
    (_LIBRARY + ".nattype", "_nat_unpickle"),
    (_LIBRARY + ".nattype", "__nat_unpickle"),
)
FRAMES["pandas", "NA"] = FRAMES["pandas._libs.missing", "NA"] = _missing

_SIMPLE: Final = "Day Hour Minute Second Milli Micro Nano MonthBegin MonthEnd"
_MONTHLY: Final = "QuarterBegin QuarterEnd YearBegin YearEnd"


def _offset(name: str, check: Callable[[Any], bool], count: int) -> Builder:
    def call(_context: Context, given: tuple[Any, ...]) -> Any:
        if len(given) != count or type(given[1]) is not bool:
            raise corrupt(f"pandas.offsets.{name} of what is none")
        plain_int(given[0], -(2**31), 2**31, f"pandas.offsets.{name}")
        if not all(map(check, given[2:])):
            raise corrupt(f"pandas.offsets.{name} of what is none")
        return getattr(need("pandas").offsets, name)(*given)

    return Builder(f"pandas.offsets.{name}", call)


def _small(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= 12)


def _nothing(value: Any) -> bool:
    return type(value) is timedelta and not value


for _name in _SIMPLE.split():
    _enter(_offset(_name, _small, 2), (_LIBRARY + ".offsets", _name))
for _name in (*_MONTHLY.split(), "Week"):
    _enter(_offset(_name, _small, 3), (_LIBRARY + ".offsets", _name))
_enter(_offset("BusinessDay", _nothing, 3), (_LIBRARY + ".offsets", "BusinessDay"))
