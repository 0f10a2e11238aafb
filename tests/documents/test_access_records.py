"""Records: one suite for memory and for a table."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dynafile import Dynafile
from dynafile.documents.access import MemoryRecords, Records, TableRecords, sweep
from dynafile.documents.access.records import change
from dynafile.errors import InvalidAccess, TransactionConflict

RECORD = {"a": 1, "b": [1.5, None, True, "é"], "c": {"d": 1_800_000_000.1234567}}


@pytest.fixture(params=["memory", "table", "other keys"])
def records(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    if request.param == "memory":
        yield MemoryRecords()
        return
    options = {} if request.param == "table" else {"pk_attribute": "p", "sk_attribute": "s"}
    with Dynafile(tmp_path / "db", **options) as db:
        yield TableRecords(db)


def test_a_record_is_put_replaced_and_removed(records: Records) -> None:
    assert records.get("x/1") is None
    assert records.swap("x/1", None, RECORD)
    assert records.get("x/1") == RECORD
    assert records.swap("x/1", records.get("x/1"), {"new": 1})
    assert records.get("x/1") == {"new": 1}
    assert records.swap("x/1", {"new": 1}, None)
    assert records.get("x/1") is None
    assert records.swap("x/1", None, None)


def test_only_what_is_there_is_replaced(records: Records) -> None:
    assert not records.swap("x/1", RECORD, {"new": 1})
    assert not records.swap("x/1", RECORD, None)
    assert records.swap("x/1", None, RECORD)
    assert not records.swap("x/1", None, {"new": 1})
    assert not records.swap("x/1", {**RECORD, "a": 2}, {"new": 1})
    assert not records.swap("x/1", {**RECORD, "a": True}, {"new": 1})
    assert not records.swap("x/1", {}, None)
    assert records.get("x/1") == RECORD
    assert records.swap("x/1", dict(reversed(RECORD.items())), RECORD), (
        "whatever the order of names"
    )


def test_what_was_read_is_the_readers_own(records: Records) -> None:
    records.swap("x/1", None, RECORD)
    found = records.get("x/1")
    assert found is not None
    found["b"].append("changed")
    assert records.get("x/1") == RECORD


def test_names_are_listed_by_their_beginnings(records: Records) -> None:
    for name in ("x/1", "x/2", "xy/1", "y/1"):
        records.swap(name, None, {"name": name})
    assert [name for name, _ in records.list("x/")] == ["x/1", "x/2"]
    assert [name for name, _ in records.list("")] == ["x/1", "x/2", "xy/1", "y/1"]
    assert dict(records.list("y/")) == {"y/1": {"name": "y/1"}}


def test_counting_together_loses_nothing(records: Records) -> None:
    def count() -> None:
        for _ in range(20):
            change(records, "n", lambda record: {"n": (record or {"n": 0})["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert records.get("n") == {"n": 80}


def test_what_has_expired_is_swept(records: Records) -> None:
    for name, record in (
        ("a", {"expires": 10}),
        ("b", {"expires": 11.5}),
        ("c", {}),
        ("d", {"expires": None}),
    ):
        records.swap(name, None, record)
    assert sweep(records, 10) == 1
    assert [name for name, _ in records.list("")] == ["b", "c", "d"]


def test_a_change_that_never_comes_through_is_a_conflict() -> None:
    class Contended(MemoryRecords):
        def swap(self, name: str, old: Any, new: Any) -> bool:
            return False

    with pytest.raises(TransactionConflict):
        change(Contended(), "x", lambda _: {"a": 1})


def test_a_table_without_a_sort_key_is_refused(tmp_path: Any) -> None:
    with (
        Dynafile(tmp_path / "db", sk_attribute=None) as db,
        pytest.raises(InvalidAccess, match="sort key"),
    ):
        TableRecords(db)
