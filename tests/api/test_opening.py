"""Opening and closing: folders, names, stored schemas, read-only and relaxed handles, memory."""

from __future__ import annotations

import gc
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import asdict

from dynafile import Dynafile
from dynafile.errors import (
    CheckFailed,
    CorruptFile,
    DiskFull,
    ForeignFile,
    HandleClosed,
    InvalidArgument,
    InvalidName,
    InvalidPath,
    ReadOnlyDatabase,
    SchemaMismatch,
    StorageError,
    StoreFailed,
)
from dynafile.store.local_volume import LocalVolume

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conftest import StartWorker, Work
    from conftest import OpenDatabase

ITEM = {"PK": "a", "SK": "1", "n": 1}


# -- closing --------------------------------------------------------------------------------------


def test_closing(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=ITEM)
    assert not db.closed
    db.close()
    assert db.closed
    db.close()
    assert "closed" in repr(db)
    assert database().get_item(key=ITEM) == ITEM


def test_a_with_block_closes(database: OpenDatabase) -> None:
    with database() as db:
        db.put_item(item=ITEM)
    assert db.closed
    with pytest.raises(RuntimeError), database() as db:
        db.put_item(item={**ITEM, "n": 2})
        raise RuntimeError
    assert db.closed
    with database() as db:
        assert db.get_item(key=ITEM) == {**ITEM, "n": 2}  # what was acknowledged stays


USES: dict[str, Callable[[Dynafile], Any]] = {
    "put_item": lambda db: db.put_item(item=ITEM),
    "get_item": lambda db: db.get_item(key=ITEM),
    "delete_item": lambda db: db.delete_item(key=ITEM),
    "query": lambda db: db.query("a"),
    "scan": lambda db: db.scan(),
    "batch_get_item": lambda db: db.batch_get_item(keys=[ITEM]),
    "batch_writer": lambda db: db.batch_writer(),
    "execute_batch": lambda db: db.execute_batch([("PUT", ITEM)]),  # type: ignore[list-item]
    "add_stream_listener": lambda db: db.add_stream_listener(print),
    "remove_stream_listener": lambda db: db.remove_stream_listener(print),
    "sweep": lambda db: db.sweep(),
    "clear": lambda db: db.clear(),
    "len": len,
    "describe": lambda db: db.describe(),
    "check": lambda db: db.check(),
    "with": lambda db: db.__enter__(),
    "pk_type": lambda db: db.pk_type,
}


@pytest.mark.parametrize("second", [False, True], ids=["alone", "beside another handle"])
@pytest.mark.parametrize("use", USES)
def test_use_after_close(use: str, second: bool, database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=ITEM)
    other = database() if second else None
    db.close()
    with pytest.raises(HandleClosed, match="was closed: open it again") as caught:
        USES[use](db)
    assert str(db.path) in str(caught.value)
    assert (db.table_name, db.pk_attribute, db.durability) == ("db-table", "PK", "durable")
    if other is not None:
        assert list(other.scan()) == [ITEM]


def test_iterators_of_a_closed_database(database: OpenDatabase) -> None:
    db = database()
    db.execute_batch(("PUT", {**ITEM, "SK": f"{n}"}) for n in range(5000))  # type: ignore[misc]
    iterator = db.scan()
    next(iterator)
    db.close()
    with pytest.raises(HandleClosed):
        list(iterator)


def test_a_handle_that_is_dropped_closes(database: OpenDatabase, tmp_path: Path) -> None:
    db = Dynafile(tmp_path / "db")
    db.put_item(item=ITEM)
    store = db._store
    del db
    gc.collect()
    with pytest.raises(HandleClosed):
        _ = store.schema
    assert database().get_item(key=ITEM) == ITEM


def test_two_handles_share_a_store(database: OpenDatabase, tmp_path: Path) -> None:
    db = database()
    (tmp_path / "link").symlink_to(tmp_path / "db", target_is_directory=True)
    others = [database(), database(f"{tmp_path}/x/../db/"), database(tmp_path / "link")]
    assert all(other._store is db._store for other in others)
    db.put_item(item=ITEM)
    db.close()
    for other in others:
        assert other.get_item(key=ITEM) == ITEM
        other.put_item(item={**ITEM, "SK": str(id(other))})
        other.close()
    assert len(database()) == 4


# -- memory ---------------------------------------------------------------------------------------


def test_memory(database: OpenDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    db = database(":memory:", sk_attribute="sort", ttl_attribute="ttl")
    other = database(":memory:")
    db.put_item(item={"PK": 1, "sort": b"x", "ttl": time.time() + 1000})
    assert (len(db), len(other), db.path, db.table_name) == (1, 0, ":memory:", "memory")
    assert (db.pk_type, db.sk_type, other.pk_type) == ("N", "B", None)
    expected = {
        "table_name": "memory", "path": ":memory:", "pk_attribute": "PK", "pk_type": "N",
        "sk_attribute": "sort", "sk_type": "B", "ttl_attribute": "ttl", "item_count": 1,
        "partition_count": 1, "snapshot_bytes": 0, "journal_bytes": 0, "disk_bytes": 0,
    }  # fmt: skip
    described = asdict(db.describe())
    assert {name: described[name] for name in expected} == expected
    db.check()
    db.close()
    with pytest.raises(HandleClosed):
        len(db)
    assert len(database(":memory:", table_name="other-name", durability="relaxed")) == 0
    assert list(tmp_path.iterdir()) == []


# -- durability -----------------------------------------------------------------------------------


def test_durability_is_a_matter_of_the_handle(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    durable, relaxed = database(), database(durability="relaxed")
    assert (durable.durability, relaxed.durability) == ("durable", "relaxed")
    assert durable._store is relaxed._store
    durable.put_item(item=ITEM)
    relaxed._store._flusher = "none, so that its syncs do not count"  # type: ignore[assignment]
    work = watch(durable)
    relaxed.put_item(item={**ITEM, "n": 2})
    relaxed.delete_item(key=ITEM)
    with relaxed.batch_writer() as writer:
        writer.put_item(item={**ITEM, "n": 3})
    assert work.count("sync") == 0
    assert durable.get_item(key=ITEM) == {**ITEM, "n": 3}
    durable.put_item(item={**ITEM, "n": 4})  # takes the others along
    assert work.count("sync") == 1
    assert relaxed.get_item(key=ITEM) == {**ITEM, "n": 4}
    durable._store._flusher = None


def test_relaxed_is_synced_within_a_second_and_on_close(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    db = database(durability="relaxed")
    db.put_item(item=ITEM)
    work = watch(db)
    db.put_item(item={**ITEM, "n": 2})
    assert work.count("sync", "journal/") == 0
    deadline = time.monotonic() + 30
    while not work.count("sync", "journal/") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert work.count("sync", "journal/") == 1
    time.sleep(1.1)
    assert work.count("sync", "journal/") == 1  # nothing was written, so nothing is synced
    db.put_item(item={**ITEM, "n": 3})
    db.close()
    assert work.count("sync", "journal/") > 1


# -- read only ------------------------------------------------------------------------------------


def test_read_only_writes_nothing(database: OpenDatabase, tmp_path: Path) -> None:
    with database() as db:
        db.put_item(item=ITEM)
    before = {path: path.read_bytes() for path in (tmp_path / "db").rglob("*") if path.is_file()}
    db = database(read_only=True, ttl_attribute=None, pk_type="S")
    assert (db.read_only, db.get_item(key=ITEM), len(db)) == (True, ITEM, 1)
    events: list[Any] = []
    db.add_stream_listener(events.append)
    for write in (
        lambda: db.put_item(item=ITEM),
        lambda: db.delete_item(key=ITEM),
        lambda: db.execute_batch([("PUT", ITEM)]),  # type: ignore[list-item]
        lambda: db.clear(),
    ):
        with pytest.raises(ReadOnlyDatabase, match="read_only=True: open it without") as caught:
            write()
        assert isinstance(caught.value, PermissionError)
    db.check()
    db.describe()
    db.close()
    after = {path: path.read_bytes() for path in (tmp_path / "db").rglob("*") if path.is_file()}
    assert (after, events) == (before, [])


def test_read_only_sees_later_writes_of_others(database: OpenDatabase, worker: StartWorker) -> None:
    writer = worker(database().path)
    db = database(read_only=True)
    assert list(db.scan()) == []
    for n in range(20):
        writer.call("put_item", item={**ITEM, "SK": f"{n:02}"})
        assert db.get_item(key={**ITEM, "SK": f"{n:02}"}) is not None
        assert len(db) == len(list(db.query("a"))) == n + 1
        if n % 7 == 3:
            writer.call("checkpoint")
    writer.call("clear")
    assert (len(db), list(db.scan())) == (0, [])
    assert (db.pk_type, db.sk_type) == ("S", "S")


def test_read_only_beside_a_writer_of_the_process(database: OpenDatabase) -> None:
    db, reader = database(), database(read_only=True)
    db.put_item(item=ITEM)
    assert list(reader.scan()) == [ITEM]
    db.close()
    assert list(reader.scan()) == [ITEM]


def test_read_only_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidPath, match="no database at .*check the path"):
        Dynafile(tmp_path / "missing", read_only=True)
    with pytest.raises(InvalidPath, match="no database in"):
        Dynafile(tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "name"),
    [("users", "users"), ("my table!", "my-table"), ("db", "db-table"), ("日本", "table"),
     ("a.b-c_d", "a.b-c_d"), ("--x--", "x-table"), ("Zürich 2024", "Z-rich-2024"),
     ("x" * 255, "x" * 255), ("...", "table"), ("_", "_-table")],
)  # fmt: skip
def test_the_default_table_name(
    folder: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / folder
    with Dynafile(path) as db:
        assert db.table_name == name
    monkeypatch.chdir(path)
    with Dynafile() as db:
        assert db.table_name == name
    os.chdir(tmp_path)
    path.rename(tmp_path / "renamed")
    with Dynafile(tmp_path / "renamed") as db:
        assert db.table_name == name  # it is stored


def test_a_table_name_given(database: OpenDatabase) -> None:
    database(table_name="Users.v2").close()
    assert database().table_name == "Users.v2"
    assert database(table_name="Users.v2").describe().table_name == "Users.v2"
    with pytest.raises(SchemaMismatch, match=r"'Users\.v2', not a table 'users'"):
        database(table_name="users")


@pytest.mark.parametrize("name", ["", "ab", "a b", "x" * 256, "é-table", "a/b", 5, b"abc", "abc\n"])
def test_table_names_that_are_none(name: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "db", ":memory:"):
        with pytest.raises(InvalidName, match="3 to 255 characters"):
            Dynafile(path, table_name=name)
    assert list(tmp_path.iterdir()) == []


# -- schemas --------------------------------------------------------------------------------------

STORED = {"pk_attribute": "id", "sk_attribute": "at", "ttl_attribute": "ttl",
          "pk_type": "S", "sk_type": "N", "table_name": "events"}  # fmt: skip


def test_what_is_stored_is_taken(database: OpenDatabase, worker: StartWorker) -> None:
    database(**STORED).close()
    db = database()
    other = worker(db.path)
    for name, value in STORED.items():
        assert getattr(db, name) == other.call(name) == value
        database(**{name: value}).close()  # and may be said again
    assert all(getattr(database(**STORED), name) == value for name, value in STORED.items())
    database(read_only=True, **STORED).close()
    meta = json.loads((Path(db.path) / "meta.json").read_text(encoding="utf-8"))
    assert meta["format"] == "dynafile"
    assert STORED["ttl_attribute"] in str(meta)


@pytest.mark.parametrize(
    ("option", "value"),
    [("pk_attribute", "PK"), ("sk_attribute", "SK"), ("sk_attribute", None), ("sk_type", "S"),
     ("ttl_attribute", "expires"), ("pk_type", bytes), ("table_name", "other"),
     ("pk_attribute", "")],
)  # fmt: skip
@pytest.mark.parametrize("how", ["alone", "open already", "read only"])
def test_options_that_contradict(
    option: str, value: Any, how: str, database: OpenDatabase, tmp_path: Path
) -> None:
    db = database(**STORED)
    db.put_item(item={"id": "a", "at": 1})
    if how != "open already":
        db.close()
    with pytest.raises(SchemaMismatch) as caught:
        Dynafile(tmp_path / "db", read_only=how == "read only", **{option: value})
    message = str(caught.value)
    assert str(tmp_path / "db") in message
    assert option in message
    assert "leave" in message  # what to do
    assert isinstance(caught.value, ValueError)
    again = database()
    assert list(again.scan()) == [{"id": "a", "at": 1}]
    assert again.table_name == "events"


def test_a_table_without_sort_key_stays_one(database: OpenDatabase) -> None:
    database(sk_attribute=None).close()
    for options in ({"sk_attribute": "SK"}, {"sk_type": "S"}):
        with pytest.raises(SchemaMismatch, match=next(iter(options))):
            database(**options)


OPTIONS: list[tuple[type[Exception], dict[str, Any]]] = [
    (InvalidName, {"pk_attribute": ""}),
    (InvalidName, {"pk_attribute": 5}),
    (InvalidName, {"sk_attribute": ""}),
    (InvalidName, {"ttl_attribute": ""}),
    (InvalidName, {"pk_attribute": "P\ud800"}),
    (InvalidName, {"ttl_attribute": "\udfff"}),
    (InvalidArgument, {"pk_attribute": "a", "sk_attribute": "a"}),
    (InvalidArgument, {"pk_attribute": "SK"}),
    (InvalidArgument, {"ttl_attribute": "PK"}),
    (InvalidArgument, {"sk_attribute": None, "sk_type": "S"}),
    (InvalidArgument, {"pk_type": "X"}),
    (InvalidArgument, {"pk_type": list}),
    (InvalidArgument, {"sk_type": 5}),
    (InvalidArgument, {"durability": "full"}),
    (InvalidArgument, {"durability": None}),
    (InvalidArgument, {"cache_size": 0}),
    (InvalidArgument, {"cache_size": "64M"}),
    (InvalidArgument, {"cache_size": float("nan")}),
    (InvalidArgument, {"lock_timeout": -1}),
    (InvalidArgument, {"lock_timeout": None}),
    (InvalidArgument, {"lock_timeout": True}),
    (InvalidArgument, {"path": b"db"}),
    (InvalidArgument, {"path": 5}),
    (InvalidArgument, {"path": None}),
    (InvalidArgument, {"path": "a\0b"}),
]


@pytest.mark.parametrize(("error", "options"), OPTIONS, ids=[str(o) for _, o in OPTIONS])
def test_options_that_make_no_sense(
    error: type[Exception],
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        Dynafile(**{"path": tmp_path / "a" / "db", **options})
    assert isinstance(caught.value, ValueError)
    assert list(tmp_path.iterdir()) == []


def test_generous_options(database: OpenDatabase) -> None:
    db = database(cache_size=float("inf"), lock_timeout=float("inf"))
    db.put_item(item=ITEM)
    db.close()
    db = database(cache_size=1, lock_timeout=0)
    db.put_item(item={**ITEM, "SK": "2"})
    assert len(list(db.query("a"))) == 2


def test_waiting_without_end_is_possible(
    database: OpenDatabase, worker: StartWorker, tmp_path: Path
) -> None:
    """lock_timeout=inf overflowed as soon as the lock was held by somebody else."""
    db = database(lock_timeout=float("inf"))
    other = worker(db.path)
    other.send("hold", tmp_path / "held", 0.2)
    deadline = time.monotonic() + 30
    while not (tmp_path / "held").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    db.put_item(item=ITEM)
    other.receive()
    assert len(db) == 1


# -- folders --------------------------------------------------------------------------------------


def test_missing_parents_are_made(database: OpenDatabase, tmp_path: Path) -> None:
    db = database(tmp_path / "a" / "b" / "c" / "events")
    db.put_item(item=ITEM)
    assert db.table_name == "events"


def test_a_relative_path_stays_where_it_was(
    database: OpenDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handle followed the current directory, and looked for its files elsewhere."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    db = database("sub/db")
    db.put_item(item=ITEM)
    monkeypatch.chdir(tmp_path / "there")
    db._store.checkpoint()
    db._store.replica.cache.clear()
    assert db.get_item(key=ITEM) == ITEM
    db.put_item(item={**ITEM, "SK": "2"})
    assert len(db) == 2
    db.check()
    with database(tmp_path / "here" / "sub" / "db") as same:
        assert same._store is db._store
    db.close()
    assert list((tmp_path / "there").iterdir()) == []
    assert len(database(tmp_path / "here" / "sub" / "db")) == 2


@pytest.mark.parametrize(
    "name", ["données", "日本 🦖", 'it\'s "quoted" $HOME', "a b\tc", "ünï/ço∂é"]
)
def test_paths_of_all_kinds(name: str, database: OpenDatabase, tmp_path: Path) -> None:
    for path in (tmp_path / name, str(tmp_path / name), f"{tmp_path / name}/"):
        with database(path) as db:
            db.put_item(item=ITEM)
            assert db.path == str(path)
            assert db.get_item(key=ITEM) == ITEM

    @dataclass
    class Place(os.PathLike[str]):
        where: str

        def __fspath__(self) -> str:
            return self.where

    assert len(database(Place(str(tmp_path / name)))) == 1


def test_other_peoples_files_do_not_matter(database: OpenDatabase, tmp_path: Path) -> None:
    folder = tmp_path / "db"
    theirs = {
        folder / "README.md": b"mine",
        folder / ".git" / "config": b"[core]",
        folder / "data.pickle": b"not a pickle",
        folder / "Meta.json.bak": b"{}",
        folder / "partitions" / "x": b"x",
        folder / "src" / "journal" / "0.log": b"a log",
    }
    later = {
        folder / "_partitions" / "notes.txt": b"in one of ours",
        folder / "_partitions" / "0000000000000000" / "data.pickle": b"x",
        folder / "journal" / "notes.txt": b"x",
    }
    for path, data in theirs.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "dangling").symlink_to(folder / "nowhere")
    with database() as db:
        db.execute_batch(("PUT", {**ITEM, "SK": f"{n}"}) for n in range(100))  # type: ignore[misc]
        db._store.checkpoint()
        for path, data in later.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        db.put_item(item=ITEM)
        db._store.checkpoint()
        db.check()
    with database() as db:
        assert len(db) == 100
        db.clear()
        db._store.checkpoint()
    for path, data in (theirs | later).items():
        assert path.read_bytes() == data


FOREIGN: dict[str, bytes | None] = {
    "meta.json": b'{"name": "somebody else"}',
    "lock": b"12345\n",
    "journal": None,
    "journal ": b"x",
    "_partitions": None,
    "checkpoint": b"epoch 7",
    "tables": None,
    "runs": None,
}
"""Our names, as files with this content, or as folders."""


@pytest.mark.parametrize("name", FOREIGN)
def test_our_names_that_are_not_ours(name: str, tmp_path: Path) -> None:
    path = tmp_path / name.strip()
    content = FOREIGN[name]
    if content is None:
        path.mkdir()
        (path / "theirs").write_bytes(b"theirs")
    else:
        path.write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ForeignFile, match="choose another folder, or move") as caught:
        Dynafile(tmp_path)
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before
    if content is not None:
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["meta.json", "lock", "journal"])
def test_our_names_of_another_kind(name: str, tmp_path: Path) -> None:
    """A folder where a file belongs, or a file where a folder does."""
    if name == "journal":
        (tmp_path / name).write_bytes(b"dear diary")
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(ForeignFile):
        Dynafile(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("name", ["tmp", "position"])
def test_names_we_would_write_to(name: str, kind: str, tmp_path: Path) -> None:
    """A folder ``tmp`` was emptied, and a file ``position`` overwritten, whoever they belonged to."""
    path = tmp_path / name
    theirs = path if kind == "file" else path / "theirs"
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_bytes(b"precious")
    with pytest.raises(ForeignFile):
        Dynafile(tmp_path)
    assert theirs.read_bytes() == b"precious"
    assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_making_that_was_interrupted(
    step: int, database: OpenDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of it is ours, and the next opening makes the rest."""
    replace = LocalVolume.replace
    calls: list[str] = []

    def failing(volume: LocalVolume, name: str, data: bytes) -> None:
        calls.append(name)
        if len(calls) >= step:
            (tmp_path / "db" / "tmp").mkdir(exist_ok=True)
            (tmp_path / "db" / "tmp" / "1-0.half").write_bytes(data[: len(data) // 2])
            raise DiskFull("the disk is full", path=name)
        replace(volume, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(LocalVolume, "replace", failing)
        with pytest.raises(DiskFull):
            database()
    assert len(set(calls)) == step
    db = database(table_name="events") if step == 1 else database()
    db.put_item(item=ITEM)
    assert (len(db), list((tmp_path / "db" / "tmp").iterdir())) == (1, [])


def test_a_file_at_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    for path in ("file", "file/db", "file/a/b"):
        with pytest.raises(InvalidPath, match="is a file.*choose another path") as caught:
            Dynafile(tmp_path / path)
        assert caught.value.path == str(tmp_path / path)
        assert isinstance(caught.value, OSError)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidPath):
        Dynafile(tmp_path / "dangling")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]
    with pytest.raises(StorageError, match="choose another path"):
        Dynafile(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    "change",
    [lambda meta: meta["schema"]["tables"].clear(),
     lambda meta: meta["schema"]["tables"]["db-table"].pop("pk_attribute"),
     lambda meta: meta["schema"]["tables"]["db-table"].update(more=1),
     lambda meta: meta["schema"]["tables"]["db-table"].update(pk_type="X"),
     lambda meta: meta["schema"]["tables"].update({"db-table": [1]}),
     lambda meta: meta["schema"]["tables"].update({"db-table": None}),
     lambda meta: meta.pop("schema"),
     lambda meta: meta.update(schema=[]),
     lambda meta: meta.update(store_id="xyz")],
)  # fmt: skip
def test_a_meta_file_changed_by_hand(
    change: Callable[[dict[str, Any]], Any], database: OpenDatabase, tmp_path: Path
) -> None:
    database().close()
    path = tmp_path / "db" / "meta.json"
    good = path.read_bytes()
    meta = json.loads(good)
    change(meta)
    path.write_text(json.dumps(meta), encoding="utf-8")
    for read_only in (False, True):
        with pytest.raises(CorruptFile, match=r"meta\.json .*[Rr]estore") as caught:
            Dynafile(tmp_path / "db", read_only=read_only)
        assert caught.value.path == str(path)
    path.write_bytes(good)


# -- looking --------------------------------------------------------------------------------------


def test_describe(database: OpenDatabase, tmp_path: Path) -> None:
    db = database(table_name="events")
    empty = db.describe()
    assert (empty.item_count, empty.pk_type, empty.path) == (0, None, str(tmp_path / "db"))
    db.execute_batch(("PUT", {**ITEM, "PK": n, "x": "x" * 100}) for n in range(3000))  # type: ignore[misc]
    pending = db.describe()
    assert (pending.item_count, pending.pk_type, pending.sk_type) == (3000, "N", "S")
    assert pending.journal_bytes > 300_000
    db._store.checkpoint()
    folded = db.describe()
    assert folded.journal_bytes < 10_000
    assert folded.snapshot_bytes > 300_000
    assert folded.partition_count > 2
    files = sum(path.stat().st_size for path in (tmp_path / "db").rglob("*") if path.is_file())
    assert folded.disk_bytes == files
    snapshots = (tmp_path / "db").rglob("data.pickle")
    assert folded.snapshot_bytes == sum(path.stat().st_size for path in snapshots)
    with pytest.raises(AttributeError):
        folded.item_count = 0  # type: ignore[misc]


def test_repr(database: OpenDatabase) -> None:
    db = database(":memory:")
    assert repr(db) == "<Dynafile ':memory:'>"
    db.close()
    assert repr(db) == "<closed Dynafile ':memory:'>"


def test_check_lists_what_is_wrong(database: OpenDatabase, tmp_path: Path) -> None:
    """An item at another key than its own, one that does not decode, and entries for no item."""
    db = Dynafile(tmp_path / "bad", ttl_attribute="ttl")
    db.put_item(item={**ITEM, "ttl": time.time() + 1000})
    db.check()
    table = db._table
    items, expiry = table._items, table._expiry
    assert expiry is not None
    raw = db._store.get(items, table.keys.key(ITEM))
    wrong = [(1, items.id, table.keys.key({"PK": "b", "SK": "1"}), raw),
             (1, items.id, table.keys.key({"PK": "c", "SK": "1"}), b"\xc1"),
             (1, expiry.id, b"N\2entry", b"")]  # fmt: skip
    db._store.commit(wrong, db._store.schema.version)  # type: ignore[arg-type]
    with pytest.raises(CheckFailed) as caught:
        db.check()
    found = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4, found
    for part in ("another key than its place", "is not valid", "for no item", "lacks"):
        assert part in found
    assert str(tmp_path / "bad") in str(caught.value)
    db.close()


def test_a_reader_with_a_damaged_position(tmp_path: Path) -> None:
    """An END far past the journal made a reader ask for more memory than there is."""
    with Dynafile(tmp_path / "db") as db:
        db.put_item(item=ITEM)
    position = tmp_path / "db" / "position"
    position.write_bytes((1 << 60).to_bytes(8, "little") + position.read_bytes()[8:])
    with pytest.raises(CorruptFile):
        Dynafile(tmp_path / "db", read_only=True)


def test_a_folder_that_was_removed_under_an_open_handle(tmp_path: Path) -> None:
    """Opening the path again gave the store of the folder that was gone, and lost what was put."""
    path = tmp_path / "db"
    old = Dynafile(path)
    old.put_item(item=ITEM)
    shutil.rmtree(path)
    with Dynafile(path) as new:
        assert list(new.scan()) == []
        new.put_item(item={"PK": "b", "SK": "1"})
        with pytest.raises(StoreFailed, match="removed or replaced"):
            old.put_item(item=ITEM)
        old.close()
        assert len(new) == 1
        new.check()
    with Dynafile(path) as again:
        assert [item["PK"] for item in again.scan()] == ["b"]
