"""Puts of several callers that share a sync: each is a commit of its own, and fails by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Event, GlobalIndex, errors
from dynafile.table import puts
from dynafile.table.puts import put_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conftest import Work
    from conftest import OpenDatabase

    from dynafile import Dynafile


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"PK": "a", "SK": f"{number:03}", "n": number, **more}


def test_one_sync_and_each_by_itself(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    db = database()
    db.put_item(item=item(0))
    work = watch(db)
    items = [item(1), item(2, bad=object()), item(3), {"PK": "a"}, item(1, again=True)]
    refused = put_each(db._table, items)
    assert [type(error) for error in refused] == [
        type(None), errors.UnsupportedType, type(None), errors.MissingKey, type(None),
    ]  # fmt: skip
    assert [method for method, _ in work.calls] == ["write", "sync"]
    assert list(db.query("a")) == [item(0), item(1, again=True), item(3)]
    assert put_each(db._table, []) == []
    assert put_each(db._table, [{}])[0] is not None
    assert len(work.calls) == 2


def test_large_items_are_not_all_encoded_at_once(
    database: OpenDatabase, watch: Callable[[Dynafile], Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(puts, "_MOST_BYTES", 1000)
    db = database()
    db.put_item(item=item(0))
    work = watch(db)
    assert put_each(db._table, [item(n, text="x" * 400) for n in range(9)]) == [None] * 9
    assert work.count("sync") == 3
    assert len(db) == 9


def test_a_table_that_is_not_blind(database: OpenDatabase) -> None:
    """Of an empty table the key types are learnt, and an index and listeners are served."""
    db = database(indexes={"by-n": GlobalIndex(pk="n")})
    heard: list[Event] = []
    db.add_stream_listener(heard.append)
    assert put_each(db._table, [item(1), item(2)]) == [None, None]
    assert [found["n"] for found in db.query(2, index="by-n")] == [2]
    assert [event.new for event in heard] == [item(1), item(2)]
    (refused,) = put_each(db._table, [item(3, n="a string")])
    assert isinstance(refused, errors.KeyTypeMismatch)


def test_a_table_that_looks_at_what_is_there_shares_syncs_too(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    """Each put sees those before it, and one that is refused leaves the others alone."""
    db = database(indexes={"by-n": GlobalIndex(pk="n")}, stream=True)
    heard: list[Event] = []
    db.add_stream_listener(heard.append)
    db.put_item(item=item(0))
    work = watch(db)
    items = [item(1), item(2, n="a string"), item(1, again=True), item(0)]
    refused = put_each(db._table, items)
    assert [type(error) for error in refused] == [
        type(None), errors.KeyTypeMismatch, type(None), type(None),
    ]  # fmt: skip
    assert [method for method, _ in work.calls] == ["write", "sync"]
    assert [(event.old, event.new) for event in heard[1:]] == [
        (None, item(1)), (item(1), item(1, again=True)), (item(0), item(0)),
    ]  # fmt: skip
    names = [record.event_name for record in db.stream(follow=False)]
    assert names == ["INSERT", "INSERT", "MODIFY"]
    assert [found["again"] for found in db.query(1, index="by-n")] == [True]


def test_a_schema_that_changes_in_between(database: OpenDatabase, tmp_path: Any) -> None:
    """Another process has added an index: the puts are made again, with their entries."""
    db = database()
    db.put_item(item=item(0))
    real, added = db._table.put_of, []

    def put_of(given: Any) -> Any:
        write = real(given)
        if not added:
            added.append(True)
            database(tmp_path / "db").add_index("by-n", GlobalIndex(pk="n"))
        return write

    db._table.put_of = put_of  # type: ignore[method-assign]
    assert put_each(db._table, [item(1), item(2)]) == [None, None]
    assert [found["n"] for found in db.query(2, index="by-n")] == [2]


def test_what_refuses_all_of_them(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=item(0))
    reader = database(read_only=True)
    refused = put_each(reader._table, [item(1), item(2)])
    assert [type(error) for error in refused] == [errors.ReadOnlyDatabase] * 2
