"""``copy``: objects and folders from one store to another, of each kind."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from dynafile import objects as kydb
from dynafile.errors import (
    CorruptObject,
    HandleClosed,
    InvalidObjectArgument,
    InvalidObjectKey,
    InvalidObjectType,
    InvalidSignature,
    NotSupportedByStore,
    ObjectNotFound,
    PathTaken,
    UnsupportedObject,
)
from dynafile.objects import copy
from dynafile.objects.codec import ObjectState
from dynafile.objects.copying import stored_value
from dynafile.objects.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from objects.conftest import FilesPlace, Place

TREE = {
    "/a/one": 1,
    "/a/two": {"born": date(1815, 12, 10), "names": {"Ada", "Augusta"}},
    "/a/deep/er/three": "é" * 10_000,
    "/a/deep/four": None,
    "/b": b"\0\1",
}


@pytest.fixture
def other() -> Iterator[Any]:
    """A store to copy to, or from."""
    with kydb.connect(f"memory://other-{uuid4().hex}") as db:
        yield db


def content(db: Any, folder: str = "/") -> dict[str, Any]:
    """All that is below a folder, an empty one as ``...``; the state of objects of classes."""
    return {
        step.path: ... if step.is_folder else stored_value(db, step.path)
        for step in walk(db, folder)
        if not step.is_folder or step.is_empty
    }


def fill(db: Any) -> dict[str, Any]:
    for key, value in TREE.items():
        db[key] = value
    db.mkdir("/a/nothing/here")
    return {**TREE, "/a/nothing/here": ...}


def test_a_tree_there_and_back(place: Place, other: Any) -> None:
    whole = fill(place.db)
    counted: list[int] = []
    assert copy(place.db, other, "/", "/", recursive=True, progress=counted.append) == len(TREE)
    assert sum(counted) == len(TREE)
    assert content(other) == whole
    assert copy(other, place.db, "/a/", "/x/copy/", recursive=True) == len(TREE) - 1
    expected = {f"/x/copy{key[2:]}": each for key, each in whole.items() if key[:3] == "/a/"}
    assert content(place.db, "/x") == expected
    assert place.db.read("/a/one") == 1


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        ("/a/one", "/b", "/b"),
        ("a/one", "c/d", "/c/d"),
        ("/a/one", "/c/", "/c/one"),
        ("/a/one", "/", "/one"),
        ("/a/one", "", "/one"),
    ],
)
def test_an_object(place: Place, other: Any, source: str, target: str, found: str) -> None:
    place.db["/a/one"] = [1]
    assert copy(place.db, other, source, target) == 1
    assert content(other) == {found: [1]}
    assert copy(place.db, other, source, target, recursive=True) == 1
    place.db["/a/one"] = [2]
    assert copy(place.db, other, source, target) == 1
    assert other[found] == [2]
    assert copy(other, place.db, found, "/back/one") == 1
    assert place.db["/back/one"] == [2]


def test_what_is_there_is_left_alone_if_asked_for(place: Place, other: Any) -> None:
    fill(other)
    place.db["/a/one"] = "mine"
    counted: list[int] = []
    done = copy(other, place.db, "/", "/", recursive=True, overwrite=False, progress=counted.append)
    assert (done, sum(counted)) == (len(TREE) - 1, len(TREE))
    assert place.db["/a/one"] == "mine"
    assert copy(other, place.db, "/a/one", "/a/one", overwrite=False) == 0
    assert place.db["/a/one"] == "mine"


def test_what_is_in_a_folder_is_added(place: Place, other: Any) -> None:
    place.db["/a/one"] = 1
    other["/a/two"] = 2
    other["/a/one"] = "old"
    copy(place.db, other, "/a", "/a", recursive=True)
    assert content(other) == {"/a/one": 1, "/a/two": 2}


def test_objects_of_classes_need_no_class(place: Place, other: Any) -> None:
    """The class map names a module that is not there, and nothing imports it."""
    config = {"Person": {"module_path": "no.such.module", "class_name": "Person"}}
    place.db.upload_objdb_config(config)
    person = ObjectState("Person", {"name": "Ada", "friends": {"Mary"}})
    place.db["/people/ada"] = person
    place.db["/x"] = 1
    assert copy(place.db, other, "/", "/", recursive=True) == 2
    assert stored_value(other, "/people/ada") == person
    assert not other.exists("/.configs/objdb")
    assert copy(place.db, other, "/", "/", recursive=True, system=True) == 3
    assert other["/.configs/objdb"] == config
    other.delete("/.configs/objdb")
    assert copy(place.db, other, "/.configs/objdb", "/.configs/objdb", system=True) == 1
    assert other["/.configs/objdb"] == config
    with pytest.raises(InvalidObjectKey, match="dot"):
        copy(place.db, other, "/.configs/objdb", "/.configs/objdb")
    with pytest.raises(InvalidObjectKey, match="dot"):
        copy(place.db, other, "/people", "/.people", recursive=True)
    with pytest.raises(InvalidObjectArgument, match="class map"):
        copy(place.db, other, "/people", "/people", recursive=True, system=True)


def test_index_values_go_along(indexed: Place, other: Any) -> None:
    """A store that keeps index values tells them: ``Backend.index_values``."""
    indexed.db.set("/s/anna", 1, index={"day": 20260907, "seat": -4})
    indexed.db.set("/s/yuki", 2, index={"day": 20260905})
    indexed.db.set("/s/none", 3)
    other.set("/s/anna", 0, index={"day": 1, "row": 5})
    copy(indexed.db, other, "/s", "/s", recursive=True)
    found = [(each.key, each.index_value) for each in other.folder("/s").by("day").entries()]
    assert found == [("yuki", 20260905), ("anna", 20260907)]
    assert list(other.folder("/s").by("seat")) == ["anna"]
    assert list(other.folder("/s").by("row")) == ["anna"]
    copy(other, indexed.db, "/s/anna", "/t/anna")
    found = [
        (e.key, e.index_value)
        for e in indexed.db.folder("/t", allow_scan=True).by("seat").entries()
    ]
    assert found == [("anna", -4)]


def test_index_values_are_left_out_where_none_are_kept(files: FilesPlace, other: Any) -> None:
    other.set("/s/anna", 1, index={"day": 20260907})
    assert copy(other, files.db, "/", "/", recursive=True) == 1
    assert files.db["/s/anna"] == 1


def test_what_is_not_there(place: Place, other: Any) -> None:
    place.db["/a/one"] = 1
    for key in ("/b", "/a/one/two", "/a/b/"):
        with pytest.raises(ObjectNotFound) as caught:
            copy(place.db, other, key, "/x", recursive=True)
        assert caught.value.key == key.rstrip("/")
    assert content(other) == {}


def test_a_folder_needs_recursive(place: Place, other: Any) -> None:
    place.db["/a/one"] = 1
    for key in ("/a", "a/", "/", ""):
        with pytest.raises(PathTaken, match="recursive=True"):
            copy(place.db, other, key, "/x")
    with pytest.raises(PathTaken, match="/a/one is an object"):
        copy(place.db, other, "/a/one/", "/x", recursive=True)
    assert content(other) == {}


@pytest.mark.parametrize("overwrite", [True, False])
def test_an_object_in_the_way(place: Place, other: Any, overwrite: bool) -> None:
    fill(other)
    for target, taken in (("/x", "/x"), ("/x/y", "/x")):
        place.db["/x"] = 1
        with pytest.raises(PathTaken, match="/a was not copied: ") as caught:
            copy(other, place.db, "/a", target, recursive=True, overwrite=overwrite)
        assert caught.value.key == taken
    place.db["/y/z"] = 1
    with pytest.raises(PathTaken, match="/a/one was not copied: .*/y is a folder"):
        copy(other, place.db, "/a/one", "/y", overwrite=overwrite)
    assert content(place.db) == {"/x": 1, "/y/z": 1}


@pytest.mark.parametrize(
    ("source", "target"),
    [("/a", "/a/b"), ("/a", "/a/one/b"), ("/a/deep", "/a"), ("/", "/x"), ("/a", "/"), ("/a", "/a")],
)
def test_a_folder_into_itself(place: Place, source: str, target: str) -> None:
    whole = fill(place.db)
    with pytest.raises(InvalidObjectArgument, match="apart|onto itself"):
        copy(place.db, place.db, source, target, recursive=True)
    assert content(place.db) == whole


def test_other_urls_of_the_same_store(place: Place) -> None:
    """A base path, or a folder of files below, is another store by name, and the same data."""
    whole = fill(place.db)
    below = place.connect("/a")
    for source, target in ((place.db, below), (below, place.db)):
        with pytest.raises(InvalidObjectArgument, match="one store"):
            copy(source, target, "/", "/", recursive=True)
    with pytest.raises(InvalidObjectArgument, match="onto itself"):
        copy(place.db, below, "/a/one", "/one")
    assert content(place.db) == whole
    assert copy(place.db, below, "/b", "/b") == 1
    assert place.db["/a/b"] == TREE["/b"]


def test_beside_itself(place: Place) -> None:
    whole = fill(place.db)
    assert copy(place.db, place.db, "/a", "/ab", recursive=True) == len(TREE) - 1
    moved = {f"/ab{key[2:]}": each for key, each in whole.items() if key[:3] == "/a/"}
    assert content(place.db) == whole | moved
    assert copy(place.db, place.db, "/b", "/a/b") == 1


def test_unions_and_caches(place: Place, other: Any) -> None:
    """A union is copied as it looks; into itself, by the same path, it is flattened."""
    whole = fill(other)
    place.db["/a/one"] = "front"
    union = place.keep(kydb.connect(f"{place.url()};{other.url}"))
    with kydb.connect(f"memory://third-{uuid4().hex}") as third:
        copy(union, third, "/", "/", recursive=True)
        assert content(third) == whole | {"/a/one": "front"}
    copy(union, place.db, "/", "/", recursive=True)
    assert content(place.db) == whole | {"/a/one": "front"}
    with pytest.raises(InvalidObjectArgument, match="one store"):
        copy(union, place.db, "/", "/all", recursive=True)
    cached = place.keep(kydb.connect(f"memory://cache-{uuid4().hex}|{place.url()}"))
    copy(other, cached, "/", "/c", recursive=True)
    assert content(place.db, "/c") == {f"/c{key}": each for key, each in whole.items()}
    place.db["/c/b"] = "written behind the cache"
    copy(cached, other, "/c/b", "/b")
    assert other["/b"] == "written behind the cache"


@pytest.mark.parametrize("bad", [None, 5, b"/a"])
def test_paths_that_are_none(place: Place, other: Any, bad: Any) -> None:
    place.db["/a"] = 1
    with pytest.raises(InvalidObjectType):
        copy(place.db, other, bad, "/x")
    with pytest.raises(InvalidObjectType):
        copy(place.db, other, "/a", bad)


@pytest.mark.parametrize("bad", ["..", "/x/../y", "//x", "/x\n", "/.x", "x" * 5000])
def test_bad_paths(place: Place, other: Any, bad: str) -> None:
    place.db["/a"] = place.db["/f/b"] = 1
    with pytest.raises(InvalidObjectKey):
        copy(place.db, other, "/a", bad)
    with pytest.raises(InvalidObjectKey):
        copy(place.db, other, "/f", bad, recursive=True)
    assert content(other) == {}


# -- errors on the way --------------------------------------------------------------------------


def test_a_corrupt_value_is_named(files: FilesPlace, other: Any) -> None:
    for n in range(9):
        files.db[f"/f/{n}"] = n
    files.plant("/f/5", b"\0DYN\1mx")
    with pytest.raises(CorruptObject, match=r"^/f/5 was not copied: /f/5: ") as caught:
        copy(files.db, other, "/", "/copy", recursive=True)
    assert caught.value.key == "/f/5"
    assert content(other, "/copy") == {f"/copy/f/{n}": n for n in range(5)}, "which stay"
    files.db["/f/5"] = 5
    assert copy(files.db, other, "/", "/copy", recursive=True, overwrite=False) == 4
    assert content(other, "/copy") == {f"/copy/f/{n}": n for n in range(9)}


def test_names_that_no_key_has(files: FilesPlace, other: Any) -> None:
    """A stranger's files may be called so; what is printed of it commands no terminal."""
    files.plant("/f/a\x1b[31mb", b"\0DYN\1m\0\1")
    with pytest.raises(InvalidObjectKey, match="control character") as caught:
        copy(files.db, other, "/", "/", recursive=True)
    assert "was not copied" in str(caught.value)
    assert content(other) == {}


def test_a_store_that_is_closed(place: Place, other: Any) -> None:
    place.db["/a"] = 1
    other.close()
    for source, target in ((place.db, other), (other, place.db)):
        with pytest.raises(HandleClosed, match="was closed"):
            copy(source, target, "/a", "/b")


def test_signed_values_are_signed_anew(place: Place) -> None:
    """A value is signed for its key, so the copy of its bytes would be refused."""
    signed = place.connect("/signed", signing_key=b"k" * 32)
    other = place.connect("/other", signing_key=b"o" * 32)
    signed["/a"] = {"n": 1}
    assert copy(signed, other, "/", "/moved", recursive=True) == 1
    assert other["/moved/a"] == {"n": 1}
    plain = place.connect("/signed")
    plain["/forged"] = 2
    with pytest.raises(InvalidSignature, match="/forged"):
        copy(signed, other, "/forged", "/forged")
    assert not other.exists("/forged")


def test_values_that_the_target_does_not_take(
    place: Place, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = place.connect("/t", allow_pickle=True)
    trusting["/a"] = copy
    with pytest.raises(UnsupportedObject, match="^/a was not copied: "):
        copy(trusting, place.db, "/a", "/x")
    monkeypatch.setattr(other, "features", replace(other.features, max_bytes=1000))
    place.db["/large"] = b"x" * 999
    with pytest.raises(kydb.KydbException, match="^/large was not copied: .*1000"):
        copy(place.db, other, "/large", "/x")


def test_a_read_only_store(place: Place, other: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place.db["/a/b"] = 1
    monkeypatch.setattr(other, "features", replace(other.features, writable=False))
    with pytest.raises(NotSupportedByStore, match="read-only"):
        copy(place.db, other, "/", "/", recursive=True)


# -- remote stores ------------------------------------------------------------------------------


class Slow:
    """Stands before a store's primitives, as a server would: it sees how many ask at once."""

    def __init__(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = self.held = self.most_held = 0
        self.lock = threading.Lock()
        self.meet = threading.Barrier(16, timeout=20)
        self.before_store: Callable[[str], object] = lambda _path: None
        fetch, write = store._fetch, store._store

        def slow_fetch(path: str, known: str | None, *, reload: bool) -> Any:
            found = fetch(path, known, reload=reload)
            with self.lock:
                self.held += 1
                self.most_held = max(self.most_held, self.held)
            return found

        def slow_store(path: str, value: Any, options: Any) -> str:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                self.before_store(path)
                return write(path, value, options)
            finally:
                with self.lock:
                    self.now -= 1
                    self.held -= 1

        monkeypatch.setattr(store, "_fetch", slow_fetch)
        monkeypatch.setattr(store, "_store", slow_store)
        monkeypatch.setattr(store, "features", replace(store.features, remote=True))


@pytest.fixture
def slow(other: Any, monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(other, monkeypatch)


def test_sixteen_at_a_time(slow: Slow, other: Any) -> None:
    """All sixteen meet before one of them is written, and never are there more."""
    other.set_many({f"/s/{n % 7}/{n}": n for n in range(160)})
    slow.before_store = lambda _path: slow.meet.wait()
    counted: list[int] = []
    assert copy(other, other, "/s", "/t", recursive=True, progress=counted.append) == 160
    assert counted == [1] * 160
    assert slow.most == slow.most_held == 16
    assert content(other, "/t") == {f"/t/{n % 7}/{n}": n for n in range(160)}


def test_the_listing_is_not_read_ahead(slow: Slow, other: Any) -> None:
    """However long a listing is, some thirty names of it wait."""
    other.set_many({f"/s/{n:04}": n for n in range(500)})
    listed = written = furthest = 0
    inner = other._list

    def counting(path: str, page_size: int) -> Any:
        nonlocal listed, furthest
        for name in inner(path, page_size):
            listed += 1
            furthest = max(furthest, listed - written)
            yield name

    def wrote(_path: str) -> None:
        nonlocal written
        with slow.lock:
            written += 1

    other._list = counting
    slow.before_store = wrote
    assert copy(other, other, "/s", "/t", recursive=True) == 500
    assert furthest <= 50


@pytest.mark.parametrize(
    "error", [CorruptObject("no value"), KeyboardInterrupt(), ZeroDivisionError()]
)
def test_an_error_ends_it_and_what_was_copied_is_counted(
    slow: Slow, other: Any, error: BaseException
) -> None:
    other.set_many({f"/s/{n:04}": n for n in range(500)})

    def fail(path: str) -> None:
        if path == "/t/0100":
            raise error

    slow.before_store = fail
    counted: list[int] = []
    with pytest.raises(type(error)) as caught:
        copy(other, other, "/s", "/t", recursive=True, progress=counted.append)
    if isinstance(error, CorruptObject):
        assert str(caught.value) == "/s/0100 was not copied: no value"
    there = len(other.ls("/t"))
    assert 84 <= there == sum(counted) <= 160
    assert not [each for each in threading.enumerate() if each.name.startswith("dynafile-copy")]


def test_what_is_gone_meanwhile_is_left_out(slow: Slow, other: Any) -> None:
    other.set_many({f"/s/{n:04}": n for n in range(100)})

    def another(path: str) -> None:
        if path == "/t/0000":
            other.delete("/s/0099")

    slow.before_store = another
    assert copy(other, other, "/s", "/t", recursive=True) == 99


def test_what_is_written_meanwhile_is_left_alone(slow: Slow, other: Any) -> None:
    """Without ``overwrite`` the look and the write are one, where the store can."""
    other["/s/a"] = 1
    twin = kydb.connect(other.url, durability="relaxed")
    slow.before_store = lambda path: twin.set(path, "theirs")
    assert copy(other, other, "/s", "/t", recursive=True, overwrite=False) == 0
    assert other["/t/a"] == "theirs"
    twin.close()
