"""What is written is read back, and what Python writes is read as Python reads it."""

from __future__ import annotations

import base64
import pickle
import sys
from collections import defaultdict
from datetime import UTC, date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from objects.pickles import models
from objects.pickles.old_pandas import OLD
from objects.pickles.samples import FOREIGN, FRAMES, PLAIN, same

from dynafile.errors import CorruptObject, MissingExtra, UnsupportedObject
from dynafile.objects.pickles import dump, load

FIXTURES = Path(__file__).parents[2] / "fixtures" / "kydb"
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def brief(value: Any) -> str:
    # Without what it holds: the order of a set and addresses differ from process to process.
    return type(value).__name__


@pytest.mark.parametrize("value", [*PLAIN, *FOREIGN], ids=brief)
def test_values(value: Any) -> None:
    for protocol in PROTOCOLS:
        data = pickle.dumps(value, protocol)
        known = pickle.loads(data) if protocol < 4 else value  # which did not keep the fold
        assert same(load(data), known), protocol
        assert same(load(pickle.dumps([value, value], protocol)), [known, known])
    assert same(load(memoryview(dump(value))), value)
    assert same(pickle.loads(dump(value)), value)  # as KYDB reads it
    nested = {"a": [value, (value, {"b": value})]}
    assert same(load(dump(nested)), nested)


def test_the_order_of_bytes_is_kept() -> None:
    """NumPy itself turns it into that of the machine."""
    value = np.array([1, 2], ">i4")
    for data in (dump(value), *(pickle.dumps(value, protocol) for protocol in PROTOCOLS)):
        assert load(data).dtype == value.dtype
        assert load(data).tolist() == [1, 2]


def test_arrays_are_ones_own() -> None:
    data = dump(np.arange(3))
    for found in (load(data), load(pickle.dumps(np.arange(3), 5))):
        found[0] = 5
        assert found.flags.owndata
    assert load(dump(np.asfortranarray(np.ones((2, 3))))).flags.f_contiguous


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_work(frame: pd.DataFrame) -> None:
    found = load(dump(frame))
    found["new"] = 1
    assert len(found.columns) == len(frame.columns) + 1
    assert same(found.iloc[:, :-1].astype(object), frame.assign(new=1).iloc[:, :-1].astype(object))


def test_what_frames_are_annotated_with() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["source"] = {"day": date(2026, 1, 1)}
    frame.flags.allows_duplicate_labels = False
    found = load(dump(frame))
    assert found.attrs == frame.attrs
    assert not found.flags.allows_duplicate_labels
    frame.attrs["source"] = date
    with pytest.raises(UnsupportedObject, match="class"):
        dump([date(2026, 1, 1), frame])


def test_shared_and_circular_values() -> None:
    value: dict[str, Any] = {"list": []}
    value["list"].append(value)
    value["point"] = models.Point(1, value)
    for protocol in PROTOCOLS:
        found = load(pickle.dumps(value, protocol))
        assert found["list"][0] is found
        assert found["point"].y is found
    found = load(dump(value))
    assert found["list"][0] is found
    shared = np.arange(3)
    one, other = load(dump([shared, shared]))
    assert one is other


DATACLASSES = [
    *(models.Point(1, [2]), models.Point.Inner(models.Point(1)), models.Frozen(1, (2,))),
    *(models.Slotted(1), models.FrozenSlotted(1, {"a": 2}), {models.Frozen(1): 2}),
]


@pytest.mark.parametrize("value", DATACLASSES, ids=brief)
def test_dataclasses(value: Any) -> None:
    for protocol in range(2, 6):
        assert load(pickle.dumps(value, protocol)) == value
    assert load(dump([value, value])) == [value, value]


def test_fields_that_are_missing_stay_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that a class got later has its default, if that is an attribute of the class."""
    value = models.Point(1)
    del value.y, value.rest
    found = load(dump(value))
    assert vars(found) == {"x": 1}
    assert found.y is None
    assert not hasattr(found, "rest")


def test_attributes_that_are_no_fields() -> None:
    value = models.Point(1)
    value.more = 2  # type: ignore[attr-defined]
    with pytest.raises(UnsupportedObject, match="more"):
        dump([value])
    with pytest.raises(CorruptObject, match="Point"):
        load(pickle.dumps(value))


def test_a_dataclass_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dump(models.Point(1))
    monkeypatch.delitem(sys.modules, models.__name__)
    with pytest.raises(UnsupportedObject, match="import its module"):
        load(data)
    assert models.__name__ not in sys.modules
    found = load(data, {models.Point})
    assert found == models.Point(1)


@pytest.mark.parametrize("kind", [models.Closing, models.Stateful])
def test_dataclasses_with_ways_of_their_own(kind: Any) -> None:
    data = pickle.dumps(kind(1))
    for use in (lambda: load(data), lambda: dump(kind(1))):
        with pytest.raises(UnsupportedObject, match=kind.__name__):
            use()
    assert type(load(dump(kind(1), {kind}), {kind})) is kind


REGISTERED = [
    *(models.Undeclared([1]), models.Reduced((1,)), models.Pair(1, [2]), models.Color.RED),
    *(models.Color.GREEN, models.Mapping(a=1), models.Sequence([1, 2]), models.Undeclared()),
]


@pytest.mark.parametrize("value", REGISTERED, ids=brief)
def test_registered_classes(value: Any) -> None:
    kinds = {type(value)}
    for protocol in range(2, 6):
        assert same(load(pickle.dumps([value], protocol), kinds), [value])
    assert same(load(dump([value], kinds), kinds), [value])
    with pytest.raises(UnsupportedObject, match="register"):
        dump([value])
    with pytest.raises(UnsupportedObject, match="allow_pickle"):
        load(pickle.dumps([value]))


def test_registered_classes_that_call_others() -> None:
    with pytest.raises(UnsupportedObject, match="calls something else"):
        dump(models.Foreign(), {models.Foreign})


class Unregistered:
    """What no store takes without being asked."""


REFUSED: list[Any] = [
    *(lambda: 1, Unregistered(), Unregistered, sys, print, iter([]), object(), int, set, date, ...),
    *([date(2026, 1, 1), date], [models.Point(1), models.Point], models.Point, np.add, np.float64),
    *([np.arange(2), np.ndarray], [np.dtype("i4"), np.dtype], np.ma.array([1]), np.rec.array([(1,)])),
    *(pd.DataFrame()._mgr, [pd.DataFrame(), pd.DataFrame], pd.Period("2026", "M"), pd.Interval(0, 1)),
    *(pd.interval_range(0, 3), pd.array([1.0, 0], dtype="Sparse[float]"), pd.offsets.BDay(1, offset=pd.Timedelta("1h"))),
    *(np.array([("a", None)], [("x", "U3"), ("y", "O")]), np.dtype("i4", metadata={"a": 1})),
    *(np.dtype([(("title", "a"), "i4")]), np.zeros(0, "V500000"), np.zeros(2, [])),
    *(defaultdict(lambda: 1), slice([1]), Exception(), models.Mapping(), {1: {2: models.Pair(1, 2)}}),
    *(pd.DataFrame({"a": pd.Series([Unregistered()], dtype=object)}), np.array([print], object)),
    *(pd.Index([1], name=(1, date)), pd.Series([1], name=int), pd.Series([date], dtype=object)),
]  # fmt: skip


@pytest.mark.parametrize("value", REFUSED, ids=brief)
def test_what_is_not_stored(value: Any) -> None:
    for hidden in (value, [1, value], {"deep": (1, {"deeper": value})}):
        with pytest.raises(UnsupportedObject, match="allow_pickle") as caught:
            dump(hidden)
        assert caught.value.kind
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, ValueError)


def test_errors_say_where() -> None:
    with pytest.raises(UnsupportedObject, match=r"value\['deep'\]\[1\]\.y\['deeper'\] is of type"):
        dump({"deep": (1, models.Point(1, {"deeper": print}))})
    with pytest.raises(UnsupportedObject, match=r"value\.keys\(\)\[0\]"):
        dump({print: 1})
    with pytest.raises(UnsupportedObject, match=r"value\.flat\[1\]"):
        dump(np.array([1, print], object))


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_nesting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much recursion the interpreter allows."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        for levels in (400, 500):
            data = dump(nested(levels))
            assert load(data) == nested(levels)
        with pytest.raises(UnsupportedObject, match="500 levels"):
            dump(nested(501))
        with pytest.raises(CorruptObject, match="500 levels"):
            load(pickle.dumps(nested(501)))
    finally:
        sys.setrecursionlimit(limit)
    with pytest.raises(UnsupportedObject, match="500 levels"):
        dump(nested(100_000))


def test_a_zone_that_is_not_known() -> None:
    data = dump({"zone": UTC}) + b""
    with pytest.raises(MissingExtra, match="tzdata"):
        load(b"\x80\x04\x8c\x08zoneinfo\x8c\x08ZoneInfo\x93\x8c\x0cMars/Olympus\x85R.")
    for key in ("../../etc/passwd", "/etc/passwd", "a/../b", ""):
        text = key.encode()
        with pytest.raises(CorruptObject, match="time zone"):
            load(b"\x80\x04\x8c\x08zoneinfo\x8c\x08ZoneInfo\x93\x8c%c%b\x85R." % (len(text), text))
    assert load(data) == {"zone": UTC}


def test_without_numpy_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, name in (
        (np.arange(3), "numpy"),
        (pd.Timestamp(0), "pandas._libs.tslibs.timestamps"),
    ):
        data = dump(value)
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MissingExtra, match="pip install"):
            load(data)
        monkeypatch.undo()


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures are not there yet")
def test_what_kydb_wrote() -> None:
    """KYDB 1.1.0 wrote them, with Python 3.11, NumPy 2.4 and pandas 3.1."""
    content: dict[str, Any] = {}
    exec((FIXTURES / "content.py").read_text(encoding="utf-8"), content)
    for key, value in {**content["PLAIN"], **content["numeric"]()}.items():
        for base in content["BASES"]:
            data = Path(f"{FIXTURES / 'files'}{base}{key}").read_bytes()
            assert same(load(data), value), key
    for key in content["PICKLED"]:
        with pytest.raises(UnsupportedObject, match="fractions.Fraction"):
            load(Path(f"{FIXTURES / 'files'}{key}").read_bytes())


@cache
def borderline() -> list[Any]:
    """Return values around each limit, some on either side of it."""
    shared = tuple(range(1000))
    cell: Any = None
    cells = []
    for _ in range(40):
        cell = pd.DataFrame({"a": pd.Series([cell], dtype=object)})
        cells.append(cell)
    key: Any = ()
    keys = []
    for _ in range(120):
        key = (key,)
        keys.append({key: 1})
    return [
        *([{shared: 1}] * 5, [{shared: n} for n in range(200)], [{shared: n} for n in range(5000)]),
        *([{2**80_000: n} for n in range(count)] for count in (10, 100, 1000, 10_000)),
        *({(2**61 - 1) * n: n for n in range(count)} for count in (100, 1000, 5000)),
        *({float(2**n): n for n in range(count)} for count in (100, 1000)),
        *cells[::4],
        *keys[::10],
        *(np.zeros(0, f"V{size}") for size in (10, 100_000, 400_000, 400_001)),
        *([np.zeros(0, "V1000") for _ in range(count)] for count in (100, 399, 401, 1000)),
        *(np.array([None] * 500_000, object), [bytearray(2**20) for _ in range(3)]),
        *(
            pd.array([None] * 200_000, dtype=pd.StringDtype("python")),
            pd.Series([1] * 9, dtype="category"),
        ),
        [pd.Series(["a"] * 1000, dtype="category") for _ in range(50)],
    ]


@pytest.mark.parametrize("number", range(len(borderline())))
def test_what_is_written_is_read(number: int) -> None:
    """What would make too much work is refused by both sides, or by neither."""
    value = borderline()[number]
    try:
        data = dump(value)
    except UnsupportedObject as error:
        assert "allow_pickle" in str(error) or "levels" in str(error)
    else:
        load(data)


@pytest.mark.parametrize("expression", OLD)
def test_what_older_pandas_wrote(expression: str) -> None:
    found = load(base64.b64decode(OLD[expression]))
    value = eval(expression)
    if isinstance(value, pd.DataFrame):
        found.columns = found.columns.astype(value.columns.dtype)  # objects, before pandas 3
        value.t = value.t.cat.rename_categories(found.t.cat.categories)
    assert same(found, value)
