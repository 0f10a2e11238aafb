"""Filters through the API: callables, conditions and strings, in queries and scans."""

from __future__ import annotations

import sys
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Action, Attr
from dynafile.errors import ExpressionError, InvalidArgument, MissingExtra

if TYPE_CHECKING:
    from conftest import OpenDatabase

    from dynafile import Dynafile

ITEMS: list[dict[str, Any]] = [
    {"PK": "p", "SK": "a", "n": 1, "name": "Ann", "tags": ["x", "y"], "ip": "10.0.0.1"},
    {"PK": "p", "SK": "b", "n": 2.5, "name": "Bob", "nested": {"a": 1, "b": {"c": "deep"}}},
    {"PK": "p", "SK": "c", "n": Decimal("2.50"), "name": "ann", "tags": {"x", "z"}, "gone": None},
    {"PK": "p", "SK": "d", "n": "2.5", "ip": "192.168.1.7", "on": True, "dot.ted": 1},
    {"PK": "p", "SK": "e", "name": "Zoë", "day": date(2024, 5, 1), "ip": ["10.1.1.1", "::1"]},
    {"PK": "p", "SK": "f", "at": datetime(2024, 5, 1, 12), "time": time(9, 30), "on": False},
]


@pytest.fixture
def db(database: OpenDatabase) -> Dynafile:
    db = database()
    db.execute_batch(Action("PUT", item) for item in ITEMS)
    return db


STRINGS = {
    "n == 1": "a",
    "n == 2.5": "bc",
    "n == '2.5'": "d",
    "n != 1": "bc",
    "n < 2.5": "a",
    "n <= 2.5": "abc",
    "n > 1": "bc",
    "n >= 1": "abc",
    "missing != 1": "",
    "missing == missing": "",
    "n != missing": "",
    "on == true": "d",
    "on != true": "f",
    "gone == null": "c",
    "gone": "c",
    "name != null": "abce",
    "missing": "",
    "not missing": "abcdef",
    "not n": "ef",
    "n in [1, 2.5]": "abc",
    "n in 1, 2.5": "abc",
    "n in (1, '2.5')": "ad",
    "name in ['Ann', 'Bob']": "ab",
    "'x' in tags": "ac",
    "ip in 10.0.0.0/8": "ae",
    "ip in 192.168.0.0/16": "d",
    "name =~ /^A/": "a",
    "name =~ /^a/i": "ac",
    "name =~ /o/": "be",
    "nested.a == 1": "b",
    "nested.b.c == 'deep'": "b",
    "nested.x == 1": "",
    "name.a == 1": "",
    "tags.0 == 'x'": "a",
    "dot.ted == 1": "d",
    "day == 2024-05-01": "e",
    "at > 2024-05-01": "f",
    "at > 2024-05-01T11:59:59": "f",
    "n == 1 or name == 'Bob'": "ab",
    "n > 1 and name == 'Bob'": "b",
    "n == 1 or n == 2.5 and name == 'ann'": "ac",
    "(n == 1 or n == 2.5) and name == 'ann'": "c",
    "n == 1 xor SK == 'a'": "",
    "n == 1 xor SK == 'b'": "ab",
    "not (n == 1) and n": "bcd",
    "not not n == 1": "a",
    "SK =~ /^[ab]$/ AND NOT n == 1": "b",
    "PK == 'p'": "abcdef",
    "tags == 1": "",
    "nested < 1": "",
    'name == "Zoë"': "e",
}


@pytest.mark.parametrize("text", STRINGS)
def test_strings(text: str, db: Dynafile) -> None:
    expected = list(STRINGS[text])
    assert [i["SK"] for i in db.scan(text)] == expected
    assert [i["SK"] for i in db.scan(filter=text)] == expected
    assert [i["SK"] for i in db.query("p", filter=text)] == expected
    back = db.query("p", _filter=text, scan_index_forward=False)
    assert [i["SK"] for i in back] == expected[::-1]
    if expected:
        assert [i["SK"] for i in db.query("p", filter=text, limit=1)] == expected[:1]


CONDITIONS = {
    "eq": (Attr("n").eq(Decimal("2.5")), "bc"),
    "nested": (Attr("nested.b.c").eq("deep"), "b"),
    "exists": (Attr("ip").exists(), "ade"),
    "and, or, not": (Attr("n").gt(1) & ~Attr("name").eq("Bob") | Attr("on").eq(False), "cf"),
    "contains": (Attr("tags").contains("x"), "ac"),
    "begins_with": (Attr("name").begins_with("A"), "a"),
    "between": (Attr("n").between(1, 2), "a"),
    "size": (Attr("name").size().gt(2), "abce"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions(name: str, db: Dynafile) -> None:
    condition, expected = CONDITIONS[name]
    assert "".join(i["SK"] for i in db.scan(condition)) == expected
    assert "".join(i["SK"] for i in db.query("p", filter=condition)) == expected


def test_callables(db: Dynafile) -> None:
    assert "".join(i["SK"] for i in db.scan(lambda item: "n" in item)) == "abcd"
    assert "".join(i["SK"] for i in db.scan(filter=lambda item: item.get("tags"))) == "ac"  # truth
    assert list(db.query("p", filter=bool)) == list(db.scan(None)) == ITEMS

    class Longer:
        def __call__(self, item: dict[str, Any]) -> bool:
            return len(item) > 5

    assert "".join(i["SK"] for i in db.scan(Longer())) == "acd"


def test_what_a_callable_raises_reaches_the_caller(db: Dynafile) -> None:
    found = db.scan(lambda item: 1 / (item["SK"] != "c"))
    assert [next(found)["SK"], next(found)["SK"]] == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        next(found)
    db.put_item(item={"PK": "q", "SK": "a"})  # it ran with no lock held
    assert len(db) == 7


def test_a_filter_may_write(db: Dynafile) -> None:
    """It runs with no lock held."""

    def touch(item: dict[str, Any]) -> bool:
        db.put_item(item={**item, "touched": True})
        return True

    assert len(list(db.query("p", filter=touch))) == 6
    assert len(list(db.scan("touched"))) == 6


@pytest.mark.parametrize(
    ("text", "position"),
    [("", 0), ("n ==", 4), ("n == 1 and", 10), ("n = 1", 2), ("(n == 1", 7), ("n == 1)", 6),
     ("n == 'x", 5), ("n =~ /(/", 6), ("n in", 4), ("n < 10.0.0.0/8", 4), ("and", 0)],
)  # fmt: skip
def test_a_string_that_does_not_parse(text: str, position: int, db: Dynafile) -> None:
    for call in (
        lambda: db.scan(text),
        lambda: db.query("p", filter=text),
        lambda: db.query("p", _filter=text),
    ):
        with pytest.raises(ExpressionError) as caught:
            call()  # at once, and not at the first item
        assert (caught.value.expression, caught.value.position) == (text, position)
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("wrong", [1, 0, b"n == 1", ["n"], {"n": 1}, Attr("n"), True], ids=repr)
def test_what_is_no_filter(wrong: Any, db: Dynafile) -> None:
    with pytest.raises(InvalidArgument):
        db.scan(wrong)
    with pytest.raises(InvalidArgument):
        db.query("p", filter=wrong)


def test_without_the_extra(db: Dynafile, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "filtration"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "filtration", None)
    with pytest.raises(MissingExtra, match=r'pip install "?dynafile\[filter\]') as caught:
        db.scan("n == 1 and not_asked_before == 1")
    assert (caught.value.extra, isinstance(caught.value, ImportError)) == ("filter", True)
    assert len(list(db.scan(Attr("n").eq(1)))) == 1  # these need nothing
