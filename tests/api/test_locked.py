"""Short transactions of the models: under the writer's lock, or as all others are."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from dynafile import Dynafile, GlobalIndex, Table
from dynafile.locked import Items, run_locked

KEY = {"PK": "a", "SK": "count"}

COUNTING = """
import sys
from dynafile import Dynafile
from dynafile.locked import run_locked


def add(items):
    item = items.get_item(key={"PK": "a", "SK": "count"})
    items.put_item(item={**item, "n": item["n"] + 1})


with Dynafile(sys.argv[1], durability="relaxed") as db:
    for _ in range(300):
        run_locked(db, add)
"""


class Adding:
    """Adds one to the counter; counts how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, items: Items) -> int:
        self.calls += 1
        item = items.get_item(key=KEY) or {**KEY, "n": 0}
        items.put_item(item={**item, "n": item["n"] + 1})
        return int(item["n"]) + 1


@pytest.fixture
def table(tmp_path: Path) -> Any:
    with Dynafile(tmp_path / "db", durability="relaxed") as db:
        db.put_item(item={**KEY, "n": 0})
        yield db
        db.check()


def test_what_it_returns_and_writes(table: Table) -> None:
    adding = Adding()
    assert [run_locked(table, adding) for _ in range(3)] == [1, 2, 3]
    assert table.get_item(key=KEY) == {**KEY, "n": 3}
    assert adding.calls == 3


def test_it_reads_what_it_wrote(table: Table) -> None:
    def body(items: Items) -> list[dict[str, Any] | None]:
        items.put_item(item={"PK": "a", "SK": "b"})
        items.delete_item(key=KEY)
        return [items.get_item(key={"PK": "a", "SK": "b"}), items.get_item(key=KEY)]

    assert run_locked(table, body) == [{"PK": "a", "SK": "b"}, None]
    assert list(table.scan()) == [{"PK": "a", "SK": "b"}]


def test_where_it_raises_nothing_is_written_and_the_lock_is_let_go(table: Table) -> None:
    def body(items: Items) -> None:
        items.delete_item(key=KEY)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        run_locked(table, body)
    assert run_locked(table, Adding()) == 1


def test_one_that_writes_nothing(table: Table) -> None:
    assert run_locked(table, lambda items: items.get_item(key=KEY)) == {**KEY, "n": 0}


@pytest.mark.parametrize("key", [{"PK": "a"}, {"PK": "", "SK": "b"}, {"PK": 1, "SK": "b"}])
def test_a_key_that_is_none_is_refused(table: Table, key: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="key"):
        run_locked(table, lambda items: items.delete_item(key=key))
    assert table.get_item(key=KEY) == {**KEY, "n": 0}


def test_what_is_cold_is_not_waited_for_under_the_lock(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db") as db:
        db.put_item(item={**KEY, "n": 1})
    adding = Adding()
    with Dynafile(tmp_path / "db") as db:
        assert run_locked(db, adding) == 2
        assert adding.calls == 2, "once, and again when it was loaded"
        assert run_locked(db, adding) == 3
        assert adding.calls == 3


def test_a_table_whose_writes_look_takes_a_transaction(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", indexes={"by-n": GlobalIndex("n")}) as db:
        run_locked(db, Adding())
        run_locked(db, Adding())
        assert list(db.query(1, index="by-n")) == []
        assert list(db.query(2, index="by-n")) == [{**KEY, "n": 2}]
        db.check()


def test_a_listener_hears_of_it(table: Table) -> None:
    heard: list[Any] = []
    table.add_stream_listener(heard.append)
    run_locked(table, Adding())
    assert len(heard) == 1


def test_in_memory() -> None:
    with Dynafile(":memory:") as db:
        db.put_item(item={**KEY, "n": 0})
        assert run_locked(db, Adding()) == 1


def test_threads_lose_nothing(table: Table) -> None:
    threads = [
        threading.Thread(target=lambda: [run_locked(table, Adding()) for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get_item(key=KEY) == {**KEY, "n": 800}


def test_processes_lose_nothing(table: Table, tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "db")]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert table.get_item(key=KEY) == {**KEY, "n": 900}


def test_a_stream_tells_what_was_written(tmp_path: Path) -> None:
    """It is told under the lock, too: a table with a stream needs no transaction."""
    other = {"PK": "a", "SK": "b"}

    def more(items: Items) -> None:
        items.put_item(item={**KEY, "n": 2})
        items.put_item(item=other)
        items.delete_item(key=other)
        items.delete_item(key={**other, "SK": "never"})

    with Dynafile(tmp_path / "db", stream=True) as db:
        db.put_item(item=other)
        for body in (Adding(), Adding(), more, more):
            run_locked(db, body)
        told = [
            (each.event_name, each.old_image, each.new_image) for each in db.stream(follow=False)
        ]
        db.check()
    assert told == [
        ("INSERT", None, other),
        ("INSERT", None, {**KEY, "n": 1}),
        ("MODIFY", {**KEY, "n": 1}, {**KEY, "n": 2}),
        ("REMOVE", other, None),
    ]
