"""Listeners: in order, in the writing thread, after the commit, before the call returns."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Action, Attr, Event
from dynafile.errors import DiskFull, InvalidArgument, ValidationError

if TYPE_CHECKING:
    from api.conftest import StartWorker
    from conftest import OpenDatabase


def put(new: dict[str, Any], old: dict[str, Any] | None = None) -> Event:
    return Event("PUT", new, old)  # type: ignore[arg-type]


def removal(old: dict[str, Any]) -> Event:
    return Event("DELETE", None, old)  # type: ignore[arg-type]


A1 = {"PK": "a", "SK": "1"}
A2 = {"PK": "a", "SK": "2"}


@pytest.mark.parametrize("where", ["files", "memory"])
def test_what_they_hear(where: str, database: OpenDatabase) -> None:
    db = database(":memory:" if where == "memory" else None)
    events: list[Event] = []
    db.add_stream_listener(events.append)
    db.put_item(item=A1)
    db.put_item(item={**A1, "n": 1})
    db.put_item(item={**A1, "n": 1})  # an equal one is a write too
    db.delete_item(key=A2)  # nothing was there, nothing happened
    db.delete_item(key={**A1, "more": "is ignored"})
    db.delete_item(key=A1)
    changed = {**A1, "n": 1}
    assert events == [put(A1), put(changed, A1), put(changed, changed), removal(changed)]
    events.clear()
    with db.batch_writer() as writer:
        writer.put_item(item=A1)
        writer.put_item(item=A2)
        writer.delete_item(key=A1)
        writer.delete_item(key=A1)
        writer.put_item(item=changed)
        assert events == []
    assert events == [put(A1), put(A2), removal(A1), put(changed)]
    events.clear()
    db.execute_batch([Action("DELETE", A2), Action("PUT", A2)])
    assert events == [removal(A2), put(A2)]
    events.clear()
    db.clear()
    assert sorted(events, key=repr) == sorted([removal(changed), removal(A2)], key=repr)
    assert [type(event) for event in events] == [Event, Event]


def test_after_the_commit_in_the_writing_thread(
    database: OpenDatabase, worker: StartWorker
) -> None:
    db = database()
    other = worker(db.path, read_only=True)
    seen: list[Any] = []

    def listener(event: Event) -> None:
        seen.append((threading.get_ident(), db.get_item(key=A1), other.call("get_item", key=A1)))

    db.add_stream_listener(listener)
    db.put_item(item=A1)
    assert seen == [(threading.get_ident(), A1, A1)]  # and before the call returned
    thread = threading.Thread(target=lambda: db.delete_item(key=A1))
    thread.start()
    ident = thread.ident
    thread.join()
    assert seen[1:] == [(ident, None, None)]


def test_what_was_not_written_is_not_heard(
    database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = database()
    events: list[Event] = []
    db.add_stream_listener(events.append)
    with pytest.raises(ValidationError):
        db.put_item(item={**A1, "x": object()})
    with pytest.raises(RuntimeError), db.batch_writer() as writer:
        writer.put_item(item=A1)
        raise RuntimeError

    def full(*_: Any) -> None:
        raise DiskFull("the disk is full", path="db")

    with monkeypatch.context() as patch:
        patch.setattr(db._store.volume, "write", full)
        with pytest.raises(DiskFull):
            db.put_item(item=A1)
    assert events == []
    db.put_item(item=A2)  # and those that follow are, in their turn
    assert events == [put(A2)]


def test_several_hear_in_the_order_they_were_added(database: OpenDatabase) -> None:
    db = database(":memory:")
    heard: list[str] = []
    first, second = (lambda event: heard.append("first")), (lambda event: heard.append("second"))
    db.add_stream_listener(first)
    db.add_stream_listener(second)
    db.add_stream_listener(first)
    db.put_item(item=A1)
    assert heard == ["first", "second", "first"]
    heard.clear()
    db.remove_stream_listener(first)
    db.put_item(item=A1)
    assert heard == ["second", "first"]


def test_removal(database: OpenDatabase) -> None:
    db = database(":memory:")
    events: list[Event] = []
    db.add_stream_listener(events.append)
    db.put_item(item=A1)
    db.remove_stream_listener(events.append)
    db.put_item(item=A2)
    assert events == [put(A1)]
    with pytest.raises(InvalidArgument, match="is not a listener"):
        db.remove_stream_listener(events.append)
    with pytest.raises(InvalidArgument, match="callable"):
        db.add_stream_listener("print")  # type: ignore[arg-type]


def test_a_listener_may_remove_itself(database: OpenDatabase) -> None:
    db = database(":memory:")
    heard: list[Event] = []

    def once(event: Event) -> None:
        heard.append(event)
        db.remove_stream_listener(once)

    db.add_stream_listener(once)
    db.put_item(item=A1)
    db.put_item(item=A2)
    assert heard == [put(A1)]


def test_each_gets_objects_of_its_own(database: OpenDatabase) -> None:
    db = database(":memory:")
    seen: list[Event] = []

    def spoil(event: Event) -> None:
        for image in (event.new, event.old):
            if image is not None:
                image["list"].append("spoilt")
                image.clear()

    db.add_stream_listener(spoil)
    db.add_stream_listener(seen.append)
    item = {**A1, "list": [1]}
    db.put_item(item=item)
    db.put_item(item=item)
    assert seen == [put(item), put(item, item)]
    assert item == db.get_item(key=A1) == {**A1, "list": [1]}


def test_one_that_raises_is_logged_and_stops_nobody(
    database: OpenDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    db = database()
    events: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("what a listener said")

    db.add_stream_listener(broken)
    db.add_stream_listener(events.append)
    with caplog.at_level(logging.ERROR, logger="dynafile"):
        db.put_item(item=A1)
        db.execute_batch([Action("PUT", A2), Action("DELETE", A1)])
    assert events == [put(A1), put(A2), removal(A1)]
    records = [record for record in caplog.records if record.name == "dynafile"]
    assert len(records) == 3
    for record in records:
        assert "broken" in record.getMessage()
        assert record.exc_info is not None
        assert "what a listener said" in str(record.exc_info[1])
    assert list(db.scan()) == [A2]


def test_an_interruption_is_no_failure_of_a_listener(database: OpenDatabase) -> None:
    """Ctrl-C in a listener reaches the caller; the write stands, and others are heard afterwards."""
    db = database()
    events: list[Event] = []

    def interrupted(event: Event) -> None:
        if event.new == A1:
            raise KeyboardInterrupt

    db.add_stream_listener(interrupted)
    db.add_stream_listener(events.append)
    with pytest.raises(KeyboardInterrupt):
        db.put_item(item=A1)
    assert db.get_item(key=A1) == A1
    db.put_item(item=A2)
    assert events == [put(A2)]


@pytest.mark.parametrize("where", ["files", "memory"])
def test_they_may_write_to_the_same_partition(where: str, database: OpenDatabase) -> None:
    """In 0.1.3 the write of the listener was lost when the outer one saved its partition."""
    db = database(":memory:" if where == "memory" else None)
    events: list[Event] = []
    counts: list[int] = []

    def listener(event: Event) -> None:
        events.append(event)
        if event.new is not None and event.new["SK"] < "4":
            db.put_item(item={"PK": "a", "SK": str(int(event.new["SK"]) + 1)})
            counts.append(len(db))  # the write is there, though not heard of yet

    db.add_stream_listener(listener)
    db.put_item(item=A1)
    assert [i["SK"] for i in db.query("a")] == ["1", "2", "3", "4"]
    assert [e.new and e.new["SK"] for e in events] == ["1", "2", "3", "4"]
    assert counts == [2, 3, 4]


def test_nested_writes_are_heard_by_all_in_commit_order(database: OpenDatabase) -> None:
    db = database()
    heard: list[tuple[str, str]] = []

    def first(event: Event) -> None:
        assert event.new is not None
        heard.append(("first", event.new["SK"]))
        if event.new["SK"] == "1":
            with db.batch_writer() as writer:
                writer.put_item(item={"PK": "a", "SK": "2"})
                writer.put_item(item={"PK": "b", "SK": "3"})

    def second(event: Event) -> None:
        assert event.new is not None
        heard.append(("second", event.new["SK"]))

    db.add_stream_listener(first)
    db.add_stream_listener(second)
    db.put_item(item=A1)
    assert heard == [(who, sk) for sk in "123" for who in ("first", "second")]


def test_they_hear_this_handle_only(database: OpenDatabase, worker: StartWorker) -> None:
    db, second = database(), database()
    events: list[Event] = []
    db.add_stream_listener(events.append)
    second.put_item(item=A1)
    worker(db.path).call("put_item", item=A2)
    assert events == []
    db.put_item(item={**A2, "n": 1})
    assert events == [put({**A2, "n": 1}, A2)]  # with what the other process wrote as the old image


def test_threads_hear_each_commit_in_order(database: OpenDatabase) -> None:
    """Several writers: per key, each event's old image is the one before it; nobody hears at once."""
    db = database(durability="relaxed")
    events: list[tuple[int, Event]] = []
    inside = 0
    most = 0

    def listener(event: Event) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0)
        events.append((threading.get_ident(), event))
        inside -= 1

    db.add_stream_listener(listener)
    idents: dict[str, int] = {}

    def write(name: str) -> None:
        idents[name] = threading.get_ident()
        for n in range(100):
            db.put_item(item={"PK": "p", "SK": n % 5, "by": name, "n": n})

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(events) == 400
    last: dict[int, Any] = {}
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for ident, event in events:
        assert event.new is not None
        assert ident == idents[event.new["by"]]
        assert event.old == last.get(event.new["SK"])
        last[event.new["SK"]] = event.new
        numbers[event.new["by"]].append(event.new["n"])
    assert all(found == list(range(100)) for found in numbers.values())
    assert {item["SK"]: item for item in db.query("p")} == last


def test_threads_whose_listeners_write(database: OpenDatabase) -> None:
    """Nested writes of several threads neither deadlock nor get lost."""
    db = database(durability="relaxed")
    heard: list[str] = []

    def listener(event: Event) -> None:
        assert event.new is not None
        heard.append(event.new["PK"])
        if event.new["PK"] == "task":
            db.put_item(item={"PK": "done", "SK": event.new["SK"]})

    db.add_stream_listener(listener)

    def write(name: str) -> None:
        for n in range(50):
            db.put_item(item={"PK": "task", "SK": f"{name}{n}"})

    threads = [threading.Thread(target=write, args=(name,), daemon=True) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert len(list(db.query("done"))) == 200
    assert sorted(heard) == ["done"] * 200 + ["task"] * 200


def test_a_listener_added_later_hears_what_is_later(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=A1)  # without a listener writes are blind; this one is not heard
    events: list[Event] = []
    db.add_stream_listener(events.append)
    db.put_item(item={**A1, "n": 1})
    assert events == [put({**A1, "n": 1}, A1)]


def test_a_listener_may_close_the_database(database: OpenDatabase) -> None:
    """The write stands, so its call does not fail over what the handle would do next."""
    db = database()
    db.add_stream_listener(lambda event: db.close())
    db.put_item(item=A1)
    assert db.closed
    assert database().get_item(key=A1) == A1


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        ({"key_prefix": "user#"}, ["user#1/a", "user#1/b", "user#2/a"]),
        ({"key_prefix": ("user#1", "a")}, ["user#1/a"]),
        ({"filter": Attr("n").gt(1)}, ["user#1/b", "user#2/a", "order#1/a"]),
        ({"filter": lambda item: item["SK"] == "b"}, ["user#1/b"]),
        ({"key_prefix": "user#", "filter": Attr("n").gt(2)}, ["user#2/a"]),
    ],
)
def test_they_choose_what_they_hear(
    options: dict[str, Any], heard: list[str], database: OpenDatabase
) -> None:
    """By the item as it is now, or was where it is gone."""
    db = database()
    put: list[str] = []
    gone: list[str] = []

    def hear(event: Event) -> None:
        item = event.new or event.old
        assert item is not None
        (put if event.new else gone).append(f"{item['PK']}/{item['SK']}")

    db.add_stream_listener(hear, **options)
    items = [("user#1", "a", 1), ("user#1", "b", 2), ("user#2", "a", 3), ("order#1", "a", 4)]
    for pk, sk, n in items:
        db.put_item(item={"PK": pk, "SK": sk, "n": n})
    for pk, sk, _ in items:
        db.delete_item(key={"PK": pk, "SK": sk})
    assert put == gone == heard
    db.remove_stream_listener(hear)
    db.put_item(item={"PK": "user#1", "SK": "a", "n": 9})
    assert put == heard


@pytest.mark.parametrize(
    "prefix", [1, "", b"x", ("a",), ("a", 1), ("a", "b", "c"), ["a", "b"], None]
)
def test_prefixes_that_are_none(prefix: Any, database: OpenDatabase) -> None:
    db = database()
    if prefix in ("", b"x", None):
        db.add_stream_listener(lambda event: None, key_prefix=prefix)
        return
    with pytest.raises(InvalidArgument, match="key_prefix"):
        db.add_stream_listener(lambda event: None, key_prefix=prefix)


def test_a_filter_that_raises_stops_nobody(
    database: OpenDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    db = database()
    heard: list[Event] = []
    db.add_stream_listener(heard.append, filter=lambda item: item["missing"])
    with caplog.at_level(logging.ERROR, "dynafile"):
        db.put_item(item=A1)
    assert heard == []
    assert "the write stands" in caplog.text
