"""Reading a few fields finds what reading whole documents does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.documents import Montybase, finding
from dynafile.documents.embedded import EmbeddedEngine
from dynafile.documents.filters import value_at
from dynafile.documents.narrowing import reader_of
from dynafile.documents.requests import OPERATORS, Aggregate, Change, Cursor, Order, Query, Where
from dynafile.documents.resolving import contents
from dynafile.documents.values import encode
from dynafile.errors import CorruptFile

NAMES = st.sampled_from(["a", "b", "é", "a.b", 'a"', "\\", "\n", "place_0", "Fields", "{", " "])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 1.0, -1, 2**63, 2**64, -(2**63) - 1, 2**80, 0.5, -0.0]),
    st.sampled_from(["", "a", "b", "é", "x" * 40]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=5)
FIELDS = st.lists(NAMES, min_size=1, max_size=2).map(tuple)


def item_of(value: Any) -> dict[str, Any]:
    return {"PK": "users", "SK": "x", "time": 1, "data": encode(value, "x")}


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 2**80


@given(DOCUMENTS, st.lists(FIELDS, max_size=4))
def test_fields_are_as_in_the_whole_document(value: Any, fields: list[tuple[str, ...]]) -> None:
    read = reader_of(fields)(item_of(value))
    for field in fields:
        assert repr(value_at(read, field)) == repr(value_at(value, field))


@pytest.mark.parametrize("fields", [[], [("a",)], [("a", "b"), ("c",)]])
def test_what_stands_beside_them_is_not_read(fields: list[tuple[str, ...]]) -> None:
    value = {"a": {"b": 1}, "deep": nested(98), "c": 2, "d": 3}
    names = {field[0] for field in fields}
    expected = {name: each for name, each in value.items() if name in names}
    assert reader_of(fields)(item_of(value)) == expected


@pytest.mark.parametrize("fields", [[("a",)], [("a",), ("c",)]])
@pytest.mark.parametrize("data", [b"\xc1", b"\x81\xa1a", "text", None])
def test_an_item_that_is_no_document_is_told(fields: list[tuple[str, ...]], data: Any) -> None:
    item = {"PK": "users", "SK": "x", "time": 1, "data": data}
    if data is None:
        del item["data"]
    with pytest.raises(CorruptFile, match="users"):
        reader_of(fields)(item)


# -- queries --------------------------------------------------------------------------------------


@st.composite
def wheres(draw: st.DrawFn) -> Where:
    op = draw(st.sampled_from(OPERATORS))
    several = op in ("in", "not-in", "array-contains-any")
    return Where(draw(FIELDS), op, draw(st.lists(VALUES, max_size=3) if several else VALUES))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    orders = tuple(draw(st.lists(st.builds(Order, FIELDS, st.booleans()), max_size=2)))
    cursors = st.none() | (st.builds(Cursor, SCALARS.map(lambda value: (value,))))
    return Query(
        path=("users",),
        wheres=tuple(draw(st.lists(wheres(), max_size=2))),
        orders=orders,
        start_after=draw(cursors) if orders else None,
        end_at=draw(cursors) if orders else None,
        limit=draw(st.none() | st.integers(1, 3)),
    )


def answers(engine: EmbeddedEngine, query: Query, field: tuple[str, ...]) -> list[Any]:
    kinds: tuple[Aggregate, ...] = ("count", "sum", "average")
    found = [engine.aggregate(query, kind, field) for kind in kinds]
    return [engine.run(query), engine.exists(query), *found]


@settings(max_examples=300, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=8), queries(), FIELDS)
def test_queries_find_the_same(stored: list[Any], query: Query, field: tuple[str, ...]) -> None:
    with Montybase(":memory:") as db:
        engine = db.engine
        assert isinstance(engine, EmbeddedEngine)
        engine.commit(
            [
                Change(kind="set", path=("users", f"u{number}"), value=value)
                for number, value in enumerate(stored)
            ]
        )
        narrow = answers(engine, query, field)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(finding, "reader_of", lambda fields: contents)
            assert repr(answers(engine, query, field)) == repr(narrow)
