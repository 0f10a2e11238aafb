"""Builders of pandas' indexes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dynafile.objects.pickles.builders import Builder, Context, Table, arguments, plain_int
from dynafile.objects.pickles.columns import check_lookup, is_column
from dynafile.objects.pickles.foreign import need
from dynafile.objects.pickles.refusals import corrupt, unread

__all__ = ["INDEXES"]

INDEXES: Final[Table] = {}
_FAR: Final = 2**63 - 1


def _enter(builder: Builder, *names: tuple[str, str]) -> None:
    for each in names:
        INDEXES[each] = builder


def _name(context: Context, name: Any) -> Any:
    context.roots.append(name)
    return context.weigh(name)


def _parts(name: str, given: Any, wanted: str, spare: str = "") -> dict[str, Any]:
    """Return the parts that an index is given, if they are these."""
    parts = set(wanted.split())
    if type(given) is not dict or not parts <= given.keys() <= parts | set(spare.split()):
        raise corrupt(f"{name} of parts that are none")
    return given


def _index(context: Context, given: Any) -> Any:
    parts = _parts("pandas.Index", given, "data name", "dtype")
    data = parts["data"]
    if not is_column(data) or data.ndim != 1:
        raise corrupt("pandas.Index of no values")
    dtype = data.dtype
    name = _name(context, parts["name"])
    found = need("pandas").Index(data, dtype=dtype, name=name, copy=False)
    if type(found) is not need("pandas").Index:
        raise corrupt("pandas.Index of what has an index of its own")
    return context.consist(found, data)


def _range(context: Context, given: Any) -> Any:
    parts = _parts("pandas.RangeIndex", given, "name start stop step")
    numbers = [
        plain_int(parts[name], -_FAR, _FAR, "pandas.RangeIndex")
        for name in ("start", "stop", "step")
    ]
    return need("pandas").RangeIndex(*numbers, name=_name(context, parts["name"]))


def _moments(kind: str, array: str) -> Callable[[Context, Any], Any]:
    full = f"pandas.{kind}"

    def make(context: Context, given: Any) -> Any:
        pandas = need("pandas")
        parts = _parts(full, given, "data name", "freq tz")
        data = parts["data"]
        often = parts.get("freq", context.often.get(id(data), (data, None))[1])
        if type(data) is not getattr(pandas.arrays, array) or data.ndim != 1:
            raise corrupt(f"{full} of another kind of values")
        if often is not None and not isinstance(often, pandas.offsets.BaseOffset):
            raise corrupt(f"{full} of a frequency that is none")
        name = _name(context, parts["name"])
        context.budget.copy(8 * len(data))
        return getattr(pandas, kind)(data, freq=often, name=name, copy=False)

    return make


def _multi(context: Context, given: Any) -> Any:
    pandas, numpy = need("pandas"), need("numpy")
    parts = _parts("pandas.MultiIndex", given, "levels codes names", "sortorder")
    levels, codes, names = parts["levels"], parts["codes"], parts["names"]
    order = parts.get("sortorder")
    if not type(levels) is type(codes) is type(names) is list:
        raise corrupt("pandas.MultiIndex of no levels")
    if not len(levels) == len(codes) == len(names):
        raise corrupt("pandas.MultiIndex of levels that are not as many as its codes")
    for level, code in zip(levels, codes, strict=True):
        check_lookup(context, level)
        context.budget.copy(8 * len(code) if type(code) is numpy.ndarray else 0)
        if type(code) is not numpy.ndarray or code.ndim != 1 or code.dtype.kind != "i":
            raise corrupt("pandas.MultiIndex of codes that are none")
        if len(code) and not -1 <= code.min() <= code.max() < len(level):
            raise corrupt("pandas.MultiIndex of codes that lead nowhere")
    if order is not None:
        plain_int(order, 0, len(levels), "pandas.MultiIndex")
    found_names = [_name(context, each) for each in names]
    found = pandas.MultiIndex(levels, codes, sortorder=order, names=found_names)
    return context.consist(found, *levels)


def _categories(context: Context, given: Any) -> Any:
    pandas = need("pandas")
    parts = _parts("pandas.CategoricalIndex", given, "data name")
    if type(parts["data"]) is not pandas.Categorical:
        raise corrupt("pandas.CategoricalIndex of no categories")
    found = pandas.CategoricalIndex(parts["data"], name=_name(context, parts["name"]))
    return context.consist(found, parts["data"])


_MAKERS: Final[dict[str, Callable[[Context, Any], Any]]] = {
    "Index": _index,
    "RangeIndex": _range,
    "DatetimeIndex": _moments("DatetimeIndex", "DatetimeArray"),
    "TimedeltaIndex": _moments("TimedeltaIndex", "TimedeltaArray"),
    "MultiIndex": _multi,
    "CategoricalIndex": _categories,
}
_MODULES: Final = {
    "Index": "base",
    "RangeIndex": "range",
    "DatetimeIndex": "datetimes",
    "TimedeltaIndex": "timedeltas",
    "MultiIndex": "multi",
    "CategoricalIndex": "category",
}
_CORE: Final = "pandas.core.indexes"

for _kind, _module in _MODULES.items():
    _enter(Builder(f"pandas.{_kind}", kind=_kind), ("pandas", _kind), (f"{_CORE}.{_module}", _kind))


def _new_index(context: Context, given: tuple[Any, ...]) -> Any:
    kind, parts = arguments("an index of pandas", given, Builder, dict)
    make = _MAKERS.get(kind.kind) if type(kind.kind) is str else None
    if make is None:
        raise unread(f"an index of {kind.name}")
    return make(context, parts)


_enter(
    Builder("an index of pandas", _new_index),
    (_CORE + ".base", "_new_Index"),
    (_CORE + ".datetimes", "_new_DatetimeIndex"),
    (_CORE + ".timedeltas", "_new_TimedeltaIndex"),
)
