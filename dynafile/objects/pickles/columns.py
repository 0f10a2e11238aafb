"""Builders of pandas' arrays and dtypes: what columns and indexes are made of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timezone, tzinfo
from typing import Any, Final

from dynafile.objects.pickles.builders import (
    Builder,
    Context,
    Draft,
    Table,
    arguments,
    plain_int,
)
from dynafile.objects.pickles.foreign import need
from dynafile.objects.pickles.refusals import corrupt, unread

__all__ = ["COLUMNS", "MASKED", "check_lookup", "is_column", "known_zone"]

_UNITS: Final = frozenset({"s", "ms", "us", "ns"})
MASKED: Final = {
    "IntegerArray": "integer",
    "FloatingArray": "floating",
    "BooleanArray": "boolean",
}
"""Arrays with a mask of what is missing, and the modules that older pandas had them in."""
_NUMBERS: Final = {"IntegerArray": "iu", "FloatingArray": "f", "BooleanArray": "b"}

COLUMNS: Final[Table] = {}


def _enter(builder: Builder, *names: tuple[str, str]) -> None:
    for each in names:
        COLUMNS[each] = builder


def known_zone(zone: Any) -> bool:
    """Say whether a time zone is one of those that are stored."""
    if type(zone) is timezone:
        return True
    return isinstance(zone, tzinfo) and type(zone).__module__ == "zoneinfo"


def is_column(value: Any) -> bool:
    """Say whether a value is an array that a column can be made of."""
    pandas = need("pandas")
    return type(value) is need("numpy").ndarray or isinstance(
        value, pandas.api.extensions.ExtensionArray
    )


# -- dtypes ------------------------------------------------------------------------------------


def _no_arguments(name: str, given: tuple[Any, ...], options: dict[str, Any]) -> None:
    if given or options:
        raise corrupt(f"{name} with arguments")


def _string_dtype(_context: Context, given: tuple[Any, ...]) -> Any:
    pandas = need("pandas")
    storage, missing = given if len(given) == 2 else (*given[:1], pandas.NA)
    if storage != "python":
        raise unread(f"pandas.StringDtype of {storage!r:.30}")
    if missing is not pandas.NA and not (type(missing) is float and missing != missing):
        raise corrupt("pandas.StringDtype with another mark of what is missing")
    if missing is pandas.NA:
        return pandas.StringDtype("python")
    return pandas.StringDtype("python", float("nan"))


def _zoned_dtype(_context: Context, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
    _no_arguments("pandas.DatetimeTZDtype", given, options)
    return Draft("pandas.DatetimeTZDtype", _finish_zoned)


def _finish_zoned(_context: Context, state: Any) -> Any:
    if type(state) is not dict or not {"unit", "tz"} <= state.keys():
        raise corrupt("pandas.DatetimeTZDtype of a state that is none")
    unit, zone = state["unit"], state["tz"]
    if type(unit) is not str or unit not in _UNITS or not known_zone(zone):
        raise corrupt("pandas.DatetimeTZDtype of no zone, or of no unit")
    return need("pandas").DatetimeTZDtype(unit, zone)


def _category_dtype(_context: Context, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
    _no_arguments("pandas.CategoricalDtype", given, options)
    return Draft("pandas.CategoricalDtype", _finish_categories)


def _finish_categories(context: Context, state: Any) -> Any:
    pandas = need("pandas")
    if type(state) is not dict or not {"categories", "ordered"} <= state.keys():
        raise corrupt("pandas.CategoricalDtype of a state that is none")
    categories, ordered = state["categories"], state["ordered"]
    if type(ordered) is not bool and ordered is not None:
        raise corrupt("pandas.CategoricalDtype of an order that is none")
    if categories is not None:
        check_lookup(context, categories)
    return context.consist(pandas.CategoricalDtype(categories, ordered), categories)


def check_lookup(context: Context, index: Any) -> None:
    """Refuse an index that cannot be looked in: a range of terabytes, or keys that explode."""
    pandas = need("pandas")
    if not isinstance(index, pandas.Index):
        raise corrupt("an index of pandas that is none")
    if type(index) is pandas.RangeIndex:
        if len(index) > 10_000_000:
            raise corrupt("an index of pandas over a range that is too long")
    elif index.dtype == object and index.nlevels == 1:
        context.budget.copy(8 * len(index))
        context.budget.keys(index.tolist())


def _masked_dtype(name: str) -> Builder:
    def make(context: Context, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        _no_arguments(f"pandas.{name}", given, options)
        kind = getattr(need("pandas"), name)
        context.stateless.add(kind)  # what it has is a cache
        return kind()

    return Builder(f"pandas.{name}", make=make)


_ARRAYS: Final = "pandas.core.arrays"
_DTYPES: Final = "pandas.core.dtypes.dtypes"
_enter(
    Builder("pandas.StringDtype", _string_dtype),
    ("pandas", "StringDtype"),
    (_ARRAYS + ".string_", "StringDtype"),
)
_enter(
    Builder("pandas.DatetimeTZDtype", make=_zoned_dtype),
    ("pandas", "DatetimeTZDtype"),
    (_DTYPES, "DatetimeTZDtype"),
)
_enter(
    Builder("pandas.CategoricalDtype", make=_category_dtype),
    ("pandas", "CategoricalDtype"),
    (_DTYPES, "CategoricalDtype"),
)
for _kind, _sizes in (("Int", "8 16 32 64"), ("UInt", "8 16 32 64"), ("Float", "32 64")):
    for _bits in _sizes.split():
        _module = "floating" if _kind == "Float" else "integer"
        _name = f"{_kind}{_bits}Dtype"
        _enter(_masked_dtype(_name), ("pandas", _name), (f"{_ARRAYS}.{_module}", _name))
_enter(
    _masked_dtype("BooleanDtype"),
    ("pandas", "BooleanDtype"),
    (_ARRAYS + ".boolean", "BooleanDtype"),
)


# -- arrays ------------------------------------------------------------------------------------


def _masked(name: str) -> Builder:
    def make(_context: Context, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        _no_arguments(f"pandas.arrays.{name}", given, options)
        return Draft(f"pandas.arrays.{name}", finish)

    def finish(_context: Context, state: Any) -> Any:
        numpy = need("numpy")
        if type(state) is not dict or not {"_data", "_mask"} <= state.keys():
            raise corrupt(f"pandas.arrays.{name} of a state that is none")
        data, mask = state["_data"], state["_mask"]
        if type(data) is not numpy.ndarray or type(mask) is not numpy.ndarray:
            raise corrupt(f"pandas.arrays.{name} of no arrays")
        right = data.dtype.kind in _NUMBERS[name] and mask.dtype.kind == "b"
        if not right or data.shape != mask.shape or data.ndim != 1:
            raise corrupt(f"pandas.arrays.{name} of arrays that do not fit")
        return getattr(need("pandas").arrays, name)(data, mask)

    return Builder(f"pandas.arrays.{name}", make=make)


for _name, _module in MASKED.items():
    _enter(_masked(_name), ("pandas.arrays", _name), (f"{_ARRAYS}.{_module}", _name))


def _strings(context: Context, dtype: Any, values: Any) -> Any:
    pandas = need("pandas")
    if type(dtype) is not pandas.StringDtype or values.ndim != 1 or values.dtype != object:
        raise corrupt("pandas.arrays.StringArray of another dtype")
    context.budget.copy(8 * len(values))
    missing = dtype.na_value
    if missing is pandas.NA:
        right = all(type(each) is str or each is missing for each in values)
    else:
        right = all(type(each) is str or (type(each) is float and each != each) for each in values)
    if not right:
        raise corrupt("pandas.arrays.StringArray of what is no text")
    return _bare(dtype.construct_array_type(), values, dtype)


def _bare(kind: Any, values: Any, dtype: Any) -> Any:
    """Make an array of pandas of values that are right already, and of a dtype that is theirs."""
    return kind._simple_new(values, dtype=dtype)


def _moments(name: str) -> Callable[[Context, Any, Any], Any]:
    code = "M" if name == "DatetimeArray" else "m"

    def make(_context: Context, dtype: Any, values: Any) -> Any:
        numpy, pandas = need("numpy"), need("pandas")
        if type(dtype) is pandas.DatetimeTZDtype and code == "M":
            plain = numpy.dtype(f"M8[{dtype.unit}]")
        else:
            plain = dtype
        if not isinstance(plain, numpy.dtype) or plain.kind != code:
            raise corrupt(f"pandas.arrays.{name} of another dtype")
        unit, number = numpy.datetime_data(plain)
        right = unit in _UNITS and number == 1 and plain.isnative
        if not right or values.dtype != plain or values.ndim not in (1, 2):
            raise corrupt(f"pandas.arrays.{name} of another dtype than it says")
        return _bare(getattr(pandas.arrays, name), values, dtype)

    return make


def _categories(context: Context, dtype: Any, values: Any) -> Any:
    pandas = need("pandas")
    if type(dtype) is not pandas.CategoricalDtype or dtype.categories is None:
        raise corrupt("pandas.Categorical of another dtype")
    if values.ndim != 1 or values.dtype.kind != "i":
        raise corrupt("pandas.Categorical of codes that are none")
    context.budget.copy(8 * len(values))
    return context.consist(pandas.Categorical.from_codes(values, dtype=dtype), dtype.categories)


_BACKED: Final[dict[str, Callable[[Context, Any, Any], Any]]] = {
    "StringArray": _strings,
    "DatetimeArray": _moments("DatetimeArray"),
    "TimedeltaArray": _moments("TimedeltaArray"),
    "Categorical": _categories,
}
_enter(
    Builder("pandas.StringArray", kind="StringArray"),
    (_ARRAYS + ".string_", "StringArrayNumpySemantics"),
)
for _name, _module in (
    ("StringArray", "string_"),
    ("DatetimeArray", "datetimes"),
    ("TimedeltaArray", "timedeltas"),
    ("Categorical", "categorical"),
):
    _enter(
        Builder(f"pandas.{_name}", kind=_name),
        ("pandas", _name),
        ("pandas.arrays", _name),
        (f"{_ARRAYS}.{_module}", _name),
    )


def _backed(_context: Context, given: tuple[Any, ...]) -> Any:
    kind, checksum, _ = arguments("an array of pandas", given, Builder, int, type(None))
    make = _BACKED.get(kind.kind) if type(kind.kind) is str else None
    if make is None:
        raise unread(f"an array of {kind.name}")
    plain_int(checksum, 0, 2**32, "an array of pandas")

    def finish(context: Context, state: Any) -> Any:
        if type(state) is not tuple or len(state) not in (2, 3):
            raise corrupt(f"{kind.name} of a state that is none")
        dtype, values = state[:2]
        if type(values) is not need("numpy").ndarray:
            dtype, values = values, dtype
        if type(values) is not need("numpy").ndarray:
            raise corrupt(f"{kind.name} without values")
        made = make(context, dtype, values)
        more = state[2] if len(state) == 3 else None  # attributes, in older pandas
        if type(more) is dict and "_freq" in more:
            context.often[id(made)] = (made, more["_freq"])
        return made

    return Draft(kind.name, finish)


_enter(
    Builder("an array of pandas", _backed),
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
)
