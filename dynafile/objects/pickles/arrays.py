"""Builders of NumPy's arrays, scalars and dtypes.

Each is made from its parts, as one would make it by hand; nothing is handed to a ``__setstate__``.
"""

from __future__ import annotations

import math
import re
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

__all__ = ["ARRAYS", "fields_within"]

MOST_FIELDS: Final = 1000
DEEPEST_DTYPE: Final = 8
_DEEPEST_ARRAY: Final = 32
_DTYPE: Final = re.compile(r"[biufcmMSUVO][0-9]{0,10}")
_UNITS: Final = frozenset({"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"})


def fields_within(dtype: Any, depth: int = 0) -> int:
    """Return how many plain dtypes are in one; raises OverflowError if they are too many.

    Raises TypeError for a dtype that is not stored: one with objects in a structure, with titles,
    with metadata, or of a kind that does not tell what it is by its name.
    """
    if depth > DEEPEST_DTYPE:
        raise OverflowError("a dtype that is nested too deep")
    if dtype.metadata:
        raise TypeError("a dtype with metadata")
    if dtype.subdtype is not None:
        return fields_within(dtype.subdtype[0], depth + 1)
    if dtype.kind not in "biufcmMSUVO" or (depth and dtype.hasobject):
        raise TypeError(f"the dtype {dtype.str if dtype.kind != 'T' else 'StringDType'}")
    if dtype.names is None:
        return 1
    total = 1
    for field in dtype.fields.values():
        if len(field) != 2:
            raise TypeError("a dtype with titles")
        total += fields_within(field[0], depth + 1)
        if total > MOST_FIELDS:
            raise OverflowError("a dtype of too many fields")
    return total


# -- dtypes ------------------------------------------------------------------------------------


def _dtype(_context: Context, given: tuple[Any, ...]) -> Any:
    text, align, _copy = arguments("numpy.dtype", given, str, (bool, int), (bool, int))
    if _DTYPE.fullmatch(text) is None:
        raise unread(f"numpy.dtype of {text!r:.50}")
    if align:
        raise corrupt("numpy.dtype of an alignment")

    def finish(context: Context, state: Any) -> Any:
        return _finish_dtype(context, text, state)

    return Draft("numpy.dtype", finish)


def _finish_dtype(context: Context, text: str, state: Any) -> Any:
    if type(state) is not tuple or len(state) not in (8, 9) or state[0] not in (3, 4):
        raise corrupt("numpy.dtype of a state that is none")
    _, order, base, names, *_ = state
    if type(order) is not str or order not in "<>|=" or len(order) != 1:
        raise corrupt("numpy.dtype of no order of bytes")
    numpy = need("numpy")
    kind = text[0]
    if len(state) == 9 and state[8] and kind not in "mM":
        raise unread("numpy.dtype with metadata")
    if kind in "mM":
        found = numpy.dtype(_moment(text, state)).newbyteorder(order)
    elif kind != "V":
        found = numpy.dtype(text).newbyteorder(order)
    elif base is not None:
        found = numpy.dtype(_subarray(base))
    elif names is not None:
        found = _structure(numpy, text, state)
    else:
        found = numpy.dtype(text)
    if kind in "biufcVSUO" and found.itemsize != _size(text):
        raise corrupt("numpy.dtype of another size than it says")
    if kind == "V":
        try:
            context.budget.spend(10 * fields_within(found))
        except TypeError as error:
            raise unread(f"{error} of numpy") from None
    return found


def _size(text: str) -> int:
    return int(text[1:] or 0) * (4 if text[0] == "U" else 1)


def _moment(text: str, state: tuple[Any, ...]) -> str:
    data = state[8][1] if len(state) == 9 and type(state[8]) is tuple and state[8] else None
    if text[1:] != "8" or type(data) is not tuple or len(data) != 4 or len(state[8]) != 2:
        raise corrupt("numpy.dtype of a moment without a unit")
    unit, number, divisor, events = data
    if type(unit) is bytes:
        unit = str(unit, "ascii")
    plain_int(number, 1, 2**31 - 1, "numpy.dtype")
    if unit == "generic":
        return text
    if type(unit) is not str or unit not in _UNITS or (divisor, events) != (1, 1):
        raise corrupt("numpy.dtype of a moment with a unit that is none")
    return f"{text}[{number}{unit}]"


def _subarray(base: Any) -> Any:
    numpy = need("numpy")
    if not _pair(base) or not isinstance(base[0], numpy.dtype):
        raise corrupt("numpy.dtype of an array of nothing")
    _check_shape(base[1])
    return base


def _pair(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2


def _structure(numpy: Any, text: str, state: tuple[Any, ...]) -> Any:
    names, fields = state[3], state[4]
    if type(names) is not tuple or type(fields) is not dict or len(fields) != len(names):
        raise unread("numpy.dtype with titles, or with fields that are none")
    size = int(text[1:] or 0)
    formats, offsets = [], []
    for name in names:
        field: Any = fields.get(name) if type(name) is str else None
        if not _pair(field) or not isinstance(field[0], numpy.dtype):
            raise corrupt("numpy.dtype with a field that is none")
        dtype, offset = field
        plain_int(offset, 0, size - dtype.itemsize, "numpy.dtype")
        formats.append(dtype)
        offsets.append(offset)
    flags = plain_int(state[7], -(2**31), 2**31 - 1, "numpy.dtype")
    parts = {"names": list(names), "formats": formats, "offsets": offsets, "itemsize": size}
    return numpy.dtype(parts, align=bool(flags & 0x80))


# -- arrays ------------------------------------------------------------------------------------


def _check_shape(shape: Any) -> int:
    """Return how many members an array of a shape has."""
    if type(shape) is not tuple or len(shape) > 32:
        raise corrupt("numpy.ndarray of a shape that is none")
    for length in shape:
        plain_int(length, 0, 2**62, "numpy.ndarray")
    return math.prod(shape)


def _reconstruct(_context: Context, given: tuple[Any, ...]) -> Any:
    kind, shape, code = arguments("numpy.ndarray", given, Builder, tuple, bytes)
    if kind is not _NDARRAY or shape != (0,) or code != b"b":
        raise unread(f"an array of {kind.name}")
    return Draft("numpy.ndarray", _finish_array)


def _finish_array(context: Context, state: Any) -> Any:
    if type(state) is not tuple or len(state) != 5 or type(state[3]) not in (bool, int):
        raise corrupt("numpy.ndarray of a state that is none")
    _, shape, dtype, fortran, data = state
    return _array(context, shape, dtype, "F" if fortran else "C", data)


def _array(context: Context, shape: Any, dtype: Any, order: str, data: Any) -> Any:
    numpy = need("numpy")
    if not isinstance(dtype, numpy.dtype):
        raise corrupt("numpy.ndarray without a dtype")
    size = _check_shape(shape)
    if dtype.hasobject:
        if type(data) is not list or len(data) != size:
            raise corrupt("numpy.ndarray of another number of objects than it says")
        context.budget.copy(8 * size)
        return _objects(context, numpy, data, shape, order)
    if type(data) not in (bytes, bytearray) or len(data) != size * dtype.itemsize:
        raise corrupt("numpy.ndarray of another number of bytes than it says")
    if not data:
        if size:
            raise corrupt("numpy.ndarray of members that have no size")
        context.budget.copy(dtype.itemsize)  # which NumPy allocates for no members too
        return numpy.empty(shape, dtype, order)
    context.budget.copy(len(data))
    array = numpy.ndarray(shape, dtype, buffer=data, order=order).copy(order="K")
    _check_members(numpy, array)
    return array


def _objects(context: Context, numpy: Any, data: list[Any], shape: Any, order: str) -> Any:
    level = 1 + max(
        (context.levels[id(each)][1] for each in data if id(each) in context.levels), default=0
    )
    if level > _DEEPEST_ARRAY:
        raise corrupt("numpy.ndarray of arrays that are nested too deep")
    array = numpy.fromiter(data, dtype=object, count=len(data)).reshape(shape, order=order)
    if array.base is not None:
        array = array.copy(order="K")
    context.levels[id(array)] = (array, level)
    context.roots.append(array)
    return array


def _check_members(numpy: Any, array: Any) -> None:
    """Refuse members that NumPy itself cannot make, and trusts not to be there."""
    dtype = array.dtype
    if dtype.names is not None:
        for name in dtype.names:
            _check_members(numpy, array[name])
    elif dtype.kind == "b":
        if (array.view("u1") > 1).any():
            raise corrupt("numpy.ndarray of truths that are neither true nor false")
    elif dtype.kind == "U" and dtype.itemsize:
        codes = numpy.frombuffer(array.tobytes(), numpy.dtype("u4").newbyteorder(dtype.byteorder))
        if codes.max(initial=0) > 0x10FFFF:
            raise corrupt("numpy.ndarray of text that is none")


def _from_buffer(context: Context, given: tuple[Any, ...]) -> Any:
    if len(given) not in (4, 5):
        raise corrupt(f"numpy.ndarray with {len(given)} arguments")
    data, dtype, shape, order = given[:4]
    if len(given) == 4:
        if type(order) is not str or order not in ("C", "F"):
            raise corrupt("numpy.ndarray of an order that is none")
        return _array(context, shape, dtype, order, data)
    array, axes = _array(context, shape, dtype, "C", data), given[4]
    if type(axes) is not tuple or {*map(type, axes)} - {int}:
        raise corrupt("numpy.ndarray of an order that is none")
    return array.transpose(axes).copy(order="K")


def _scalar(context: Context, given: tuple[Any, ...]) -> Any:
    if len(given) != 2:
        raise corrupt("a scalar of NumPy without a value")
    dtype, data = given
    if not isinstance(dtype, need("numpy").dtype):
        raise corrupt("a scalar of NumPy without a dtype")
    if dtype.hasobject:
        raise unread("a scalar of NumPy that is an object")
    if not dtype.itemsize:
        if data not in (b"", None):
            raise corrupt("a scalar of NumPy of no size with a value")
        return need("numpy").zeros((), dtype)[()]
    return _array(context, (), dtype, "C", data)[()]


_NDARRAY: Final = Builder("numpy.ndarray")
ARRAYS: Final[Table] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): Builder("numpy.dtype", _dtype),
}
for _core in ("numpy.core", "numpy._core"):
    ARRAYS[_core + ".multiarray", "_reconstruct"] = Builder("numpy.ndarray", _reconstruct)
    ARRAYS[_core + ".multiarray", "scalar"] = Builder("a scalar of NumPy", _scalar)
    ARRAYS[_core + ".numeric", "_frombuffer"] = Builder("numpy.ndarray", _from_buffer)
