"""Values of each type on the allow-list, and how to tell whether two are the same."""

from __future__ import annotations

import math
import pathlib
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

PARIS = ZoneInfo("Europe/Paris")

PLAIN: list[Any] = [
    *(None, True, False, 0, 255, 256, 65536, -1, 2**31, 2**63, -(2**63), 2**70, -(2**2000)),
    *(1.5, -0.0, math.inf, 1 + 2j, "", "a", "é\n\\u", "\ud800", "x" * 300, b"", b"a\xff", b"x" * 300),
    *(bytearray(), bytearray(b"abc"), [], [1, [2]], (), (1,), (1, 2, 3, 4), ((), [()])),
    *({}, {1: 2, "a": {(1, (2,)): None}}, set(), {1, "a"}, frozenset(), frozenset({1, (2,)})),
    *(range(3), range(1, 10, 3), slice(None), slice(1, "a", Decimal(1))),
    *(list(range(2000)), {n: str(n) for n in range(2000)}, {*range(2000)}),
    *(date(2026, 9, 5), time(18, 30), time(1, 2, 3, 4, tzinfo=UTC), timedelta(1, 2, 3), timedelta(-1)),
    *(datetime(2026, 9, 5, 18, 30), datetime(2026, 9, 5, tzinfo=UTC), datetime(2026, 9, 5, 1, tzinfo=PARIS, fold=1)),
    *(UTC, timezone(timedelta(hours=-3, seconds=1)), timezone(timedelta(hours=1), "CET"), PARIS),
    *(Decimal("1.50"), Decimal("-0"), Decimal("Infinity"), Decimal("1E+999")),
    *(UUID(int=5), UUID(int=5, is_safe=SafeUUID.safe), SafeUUID.unsafe),
    *(OrderedDict(b=1, a=2), deque([1, 2]), deque([1, 2], 5), Counter("abba"), Counter()),
    *(defaultdict(list, {1: [2]}), defaultdict(None, {1: 2}), defaultdict(dict), defaultdict(set), defaultdict(float)),
    *(pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("c:/a"), pathlib.Path("a")),
]  # fmt: skip

ARRAYS: list[Any] = [
    *(np.arange(6).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.arange(10)[::2]),
    *(np.ones((2, 3, 4)).transpose(1, 2, 0), np.array(5), np.array([]), np.zeros((0, 3))),
    *(np.array(["a", "bc"]), np.array([b"a", b""]), np.array([True, False]), np.array([1j])),
    *(np.array([1], "u1"), np.array([1], "f2"), np.array([1], "longdouble")),
    *(np.array(["2026-01-01", "NaT"], "M8[D]"), np.array([1], "m8[3s]"), np.array([1], "m8")),
    *(np.array([1, "a", None, [1]], object), np.array([[1, None]], object, order="F")),
    *(np.array(None, object), np.array([], object)),
    *(np.array([("a", 1)], [("x", "U3"), ("y", "i4", (2,))]), np.zeros(2, [("a", [("b", "i1")])])),
]
SCALARS: list[Any] = [
    *(np.float64(1.5), np.int8(1), np.bool_(True), np.complex64(1j), np.longdouble(1)),
    *(np.str_("ab"), np.str_(""), np.bytes_(b"a"), np.bytes_(b""), np.datetime64("2026", "ns")),
    *(np.timedelta64(1, "D"), np.zeros((), [("a", "i4")])[()], np.void(b"abc")),
    *(pd.Timestamp("2026-09-05T18:30"), pd.Timestamp("2026", tz=PARIS), pd.Timestamp("2026", tz=UTC)),
    *(pd.Timedelta("1D"), pd.NaT, pd.NA, pd.offsets.Day(2), pd.offsets.MonthEnd(1)),
]  # fmt: skip
DTYPES: list[Any] = [
    *map(np.dtype, ("i4", ">i4", "O", "S", "S3", "U2", "V3", "M8", "M8[3D]", "m8[ns]", "?", "G")),
    *(np.dtype([("a", "i1"), ("b", "f8")], align=True), np.dtype([("a", "i4", (2, 3))])),
    np.dtype({"names": ["a"], "formats": ["i4"], "offsets": [4], "itemsize": 16}),
    *(pd.Int64Dtype(), pd.BooleanDtype(), pd.StringDtype("python"), pd.CategoricalDtype(["a"])),
    *(pd.DatetimeTZDtype(tz="UTC"), pd.CategoricalDtype([1, 2], ordered=True)),
]
INDEXES: list[Any] = [
    *(pd.Index([1, 2]), pd.Index([1.5]), pd.Index(["a"], name="x"), pd.Index([1, "a"], dtype=object)),
    *(pd.RangeIndex(5), pd.RangeIndex(10, 0, -2, name=("a", 1)), pd.CategoricalIndex(["a", "b", "a"])),
    *(pd.date_range("2026", periods=3), pd.date_range("2026", periods=3, tz=PARIS, freq="ME")),
    *(pd.date_range("2026", periods=3, freq="W"), pd.date_range("2026", periods=3, freq="B")),
    *(pd.date_range("2026", periods=3, freq="QE"), pd.DatetimeIndex(["2026", "2020"])),
    *(pd.timedelta_range("1D", periods=3), pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["x", "y"])),
]  # fmt: skip
COLUMNS: list[Any] = [
    *(pd.array([1, None], dtype="Int8"), pd.array([1.5, None], dtype="Float64")),
    *(pd.array([True, None], dtype="boolean"), pd.array(["a", None], dtype=pd.StringDtype("python"))),
    *(pd.Categorical(["a", "b", None], ordered=True), pd.Categorical([1, 2, 1])),
    *(pd.array(pd.date_range("2026", periods=2, tz="UTC")), pd.array(pd.timedelta_range("1D", periods=2))),
]  # fmt: skip
TEXT = pd.StringDtype("python", na_value=float("nan"))
SERIES: list[Any] = [
    *(pd.Series([1, 2], name="n"), pd.Series(["a", None], dtype=TEXT), pd.Series(dtype=object)),
    *(pd.Series([1, [2]], index=["a", "b"]), *map(pd.Series, COLUMNS)),
]
FRAMES: list[Any] = [
    *(pd.DataFrame(), pd.DataFrame(index=range(3)), pd.DataFrame(columns=["a"])),
    pd.DataFrame({"a": [1, 2], "b": pd.array(["x", "y"], dtype=TEXT), "c": [1.5, 2]}),
    pd.DataFrame({"a": [1], "b": [2.0], "c": [1], "d": [True]}),
    pd.DataFrame({n: [n] for n in range(5)}),
    pd.DataFrame(np.arange(12).reshape(3, 4), index=pd.MultiIndex.from_tuples([(1, 2)] * 3)),
    pd.DataFrame({n: column[:2] for n, column in enumerate(COLUMNS)}),
    pd.DataFrame({"d": pd.date_range("2026", periods=2), "t": pd.timedelta_range("1D", periods=2), "o": [1, "x"]}),
    pd.DataFrame(np.zeros((0, 1000))),
]  # fmt: skip
FOREIGN = [*ARRAYS, *SCALARS, *DTYPES, *INDEXES, *COLUMNS, *SERIES, *FRAMES]


def same(one: Any, other: Any) -> bool:
    """Say whether two values are of the same types and equal, NaN or not."""
    kind = type(one)
    if kind is not type(other):
        return False
    if one is other:
        return True
    if kind is np.ndarray:
        alike = one.shape == other.shape and same(one.dtype, other.dtype)
        return alike and all(map(same, one.ravel().tolist(), other.ravel().tolist()))
    if isinstance(one, np.dtype):
        return one == other and one.isalignedstruct == other.isalignedstruct
    for base, equal in (
        (pd.DataFrame, pd.testing.assert_frame_equal),
        (pd.Series, pd.testing.assert_series_equal),
        (pd.Index, pd.testing.assert_index_equal),
        (pd.api.extensions.ExtensionArray, pd.testing.assert_extension_array_equal),
    ):
        if isinstance(one, base):
            equal(one, other)
            return bool(getattr(one, "freq", None) == getattr(other, "freq", None))
    if isinstance(one, dict):
        attribute = getattr(one, "default_factory", None)
        order = all(map(same, one, other)) and len(one) == len(other)
        return (
            order
            and attribute is getattr(other, "default_factory", None)
            and all(map(same, one.values(), other.values()))
        )
    if isinstance(one, (list, tuple, deque)):
        ends = getattr(one, "maxlen", None) == getattr(other, "maxlen", None)
        return ends and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (float, np.floating)) and one != one:
        return bool(other != other)
    if isinstance(one, (datetime, time)):
        return one == other and one.fold == other.fold and same(one.tzinfo, other.tzinfo)
    if isinstance(one, (Decimal, float, complex, UUID)):
        return repr(one) == repr(other) and getattr(one, "is_safe", 0) == getattr(
            other, "is_safe", 0
        )
    return bool(one == other) or repr(one) == repr(other)
