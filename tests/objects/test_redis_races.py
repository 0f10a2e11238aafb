"""Redis, one process between the requests of another: at each moment, and so every time."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from objects.conftest import placed
from objects.test_redis import walked

from dynafile import objects as kydb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("redis")


@pytest.fixture(params=["redis", "cluster"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A store on one server, and one on a cluster."""
    yield from placed(request.param, tmp_path)


WHILE_REMOVED = {
    "a write": lambda db: db.__setitem__("/t/a/b/x", 1),
    "a write of many": lambda db: db.set_many({"/t/a/b/x": 1, "/t/a/y": 1}),
    "a folder": lambda db: db.mkdir("/t/a/b/c"),
}
REMOVALS = {
    "rmdir": lambda db: [db.rmdir(folder) for folder in ("/t/a/b", "/t/a", "/t")],
    "rm_tree": lambda db: db.rm_tree("/t"),
}


@contextmanager
def between(db: Any, number: int, other: Any) -> Iterator[None]:
    """Do something else before one of the requests of a store."""
    line, left = db.backend._now().line, [number]
    for name in ("ask", "ask_many"):

        def ask(*arguments: Any, inner: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == -1:
                other()
            return inner(*arguments, **options)

        setattr(line, name, partial(ask, inner=getattr(line, name)))
    try:
        yield
    finally:
        del line.ask, line.ask_many


def connect_beside(place: Any) -> Any:
    """Connect to the same store by a connection of its own, as another process has."""
    other = place.keep(kydb.connect(place.url().replace("127.0.0.1", "localhost")))
    assert other.backend is not place.db.backend
    return other


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("write", WHILE_REMOVED)
def test_a_write_at_each_moment_of_a_removal(
    place: Any, write: str, removal: str, known: bool
) -> None:
    """In a cluster a removal is some requests: what is written between two of them is not lost."""
    for number in range(14):
        beside = connect_beside(place)
        place.db.mkdir("/t/a/b")
        if known:
            beside["/t/a/b/x"] = 0
            beside.delete("/t/a/b/x")
        done: list[Any] = []
        with between(place.db, number, partial(write_beside, beside, write, done)):
            try:
                REMOVALS[removal](place.db)
            except KeyError:
                assert removal == "rmdir"
        if not done:
            break  # it was over before
        check_tree(beside, write, removal)
        place.reopen()
        place.db.rm_tree("/")


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("write", WHILE_REMOVED)
def test_a_removal_at_each_moment_of_a_write(place: Any, write: str, removal: str) -> None:
    for number in range(10):
        beside = connect_beside(place)
        beside.mkdir("/t/a/b")
        done: list[Any] = []

        def remove(beside: Any = beside, done: list[Any] = done) -> None:
            try:
                REMOVALS[removal](beside)
            except KeyError:
                pass
            done.append(1)

        with between(place.db, number, remove):
            WHILE_REMOVED[write](place.db)
        check_tree(place.db, write, removal)
        if not done:
            break
        place.reopen()
        place.db.rm_tree("/")


def write_beside(beside: Any, write: str, done: list[Any]) -> None:
    WHILE_REMOVED[write](beside)
    done.append(1)


def check_tree(db: Any, write: str, removal: str) -> None:
    """What is there is listed, on all of the way; ``rm_tree`` may have taken what was written."""
    found = [
        key
        for key in ("/t/a/b/x", "/t/a/y")
        if db.exists(key)
    ]  # fmt: skip
    assert sorted(walked(db)) == found
    if db.is_dir("/t/a/b/c"):
        assert db.ls("/t/a/b") == ["c/"]
        assert db.ls("/t/a") == ["b/"]
        assert db.ls("/t") == ["a/"]
        assert db.ls("/") == ["t/"]
    if removal == "rmdir":
        assert found or (write == "a folder" and db.is_dir("/t/a/b/c"))
    for folder in ("/t", "/t/a", "/t/a/b"):
        assert db.is_dir(folder) or db.ls(folder) == []


def test_two_remove_a_folder(place: Any) -> None:
    """One has removed it, and the other did not find it."""
    for number in range(6):
        beside = connect_beside(place)
        place.db.mkdir("/t/a")
        outcomes = []

        def remove(db: Any, outcomes: list[str] = outcomes) -> None:
            try:
                db.rmdir("/t/a")
                outcomes.append("gone")
            except KeyError as error:
                outcomes.append(type(error).__name__)

        with between(place.db, number, partial(remove, beside)):
            remove(place.db)
        assert not place.db.is_dir("/t/a")
        assert outcomes in (["gone"], ["gone", "ObjectNotFound"], ["ObjectNotFound", "gone"])
        place.reopen()


@pytest.mark.parametrize("write", WHILE_REMOVED)
def test_an_object_takes_the_place_of_a_folder(place: Any, write: str) -> None:
    """Who writes into the folder is refused, and what was written by then is not seen later."""
    for number in range(10):
        beside = connect_beside(place)
        beside.mkdir("/t/a/b")
        done: list[int] = []

        def replace(beside: Any = beside, done: list[int] = done) -> None:
            beside.rm_tree("/t")
            beside["/t"] = 1
            done.append(1)

        refused = False
        with between(place.db, number, replace):
            try:
                WHILE_REMOVED[write](place.db)
            except KeyError:
                refused = True
        if done and refused:
            assert walked(beside) == {"/t": 1}
            beside.delete("/t")
            beside.mkdir("/t/a/b")
            assert walked(beside) == {}
            assert beside.ls("/t/a/b") == []
            assert beside.ls("/t/a") == ["b/"]
        elif done:
            assert walked(beside) == {"/t": 1}
        else:
            break
        place.reopen()
        place.db.rm_tree("/")
