"""Conditions, times to live and transactions, on every store that has them; and what is stored."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from objects.conftest import FilesPlace

from dynafile import objects
from dynafile.errors import (
    ConditionalCheckFailed,
    CorruptObject,
    DynafileError,
    InvalidObjectArgument,
    NotSupportedByStore,
    ObjectNotFound,
    TransactionConflict,
    VersionMismatch,
)
from dynafile.objects import compression
from dynafile.objects.backends.table import TableBackend

if TYPE_CHECKING:
    from pathlib import Path

    from objects.conftest import Place


@pytest.fixture
def conditional(place: Place) -> Any:
    if not place.db.features.conditions:
        with pytest.raises(NotSupportedByStore):
            place.db.set("/a", 1, if_match=None)
        assert place.db.ls("/") == []
        pytest.skip("has no versions to compare")
    return place.db


@pytest.fixture
def expiring(place: Place) -> Any:
    if not place.db.features.expiry:
        with pytest.raises(NotSupportedByStore):
            place.db.set("/a", 1, ttl=60)
        assert place.db.ls("/") == []
        pytest.skip("lets nothing expire")
    return place.db


@pytest.fixture
def transactional(place: Place) -> Any:
    if not place.db.features.transactions:
        with pytest.raises(NotSupportedByStore), place.db.transaction():
            pass
        pytest.skip("has no transactions")
    return place.db


# Versions.


def test_a_version_is_that_of_the_object(conditional: Any) -> None:
    db = conditional
    assert db.version("/a") is None
    db.set("/a", 1, if_match=None)
    first = db.version("/a")
    assert first == db.version("a")
    db.set("/a", 2, if_match=first)
    assert db.version("/a") not in (None, first)
    assert db["/a"] == 2


@pytest.mark.parametrize("value", [1, 2])
def test_another_version_refuses(conditional: Any, value: int) -> None:
    """Also for the value that was there: somebody wrote it since."""
    db = conditional
    db["/a"] = 1
    stale = db.version("/a")
    db["/a"] = 2
    for write in (
        lambda: db.set("/a", value, if_match=stale),
        lambda: db.set("/a", value, if_match=None),
        lambda: db.set("/b/c", value, if_match=stale),
        lambda: db.delete("/a", if_match=stale),
    ):
        with pytest.raises(VersionMismatch) as refused:
            write()
        assert isinstance(refused.value, ConditionalCheckFailed)
    assert db["/a"] == 2
    assert db.ls("/") in (["a"], ["a", "b/"])  # a folder may be left on stores without transactions
    db.delete("/a", if_match=db.version("/a"))
    assert "/a" not in db


def test_counting_with_versions_loses_nothing(conditional: Any) -> None:
    db = conditional
    db["/count"] = 0

    def count() -> None:
        for _ in range(10):
            while True:
                version = db.version("/count")
                value = db.read("/count")
                try:
                    db.set("/count", value + 1, if_match=version)
                    break
                except VersionMismatch:
                    continue

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db["/count"] == 30


@pytest.mark.parametrize("wrong", [1, b"x", object()])
def test_wrong_versions_are_told(place: Place, wrong: Any) -> None:
    with pytest.raises(TypeError):
        place.db.set("/a", 1, if_match=wrong)
    with pytest.raises(TypeError):
        place.db.delete("/a", if_match=wrong)


# Times to live.


def until_gone(db: Any, key: str) -> None:
    """Wait for an object to expire; some stores count whole seconds."""
    deadline = time.monotonic() + 10
    while key in db and time.monotonic() < deadline:
        time.sleep(0.1)


def test_what_has_expired_is_gone_everywhere(expiring: Any) -> None:
    db = expiring
    db.set("/f/short", 1, ttl=3, index={"rank": 1} if db.features.index else None)
    db["/f/long"] = 2
    assert db["/f/short"] == 1
    until_gone(db, "/f/short")
    assert db.get("/f/short") is None
    assert not db.exists("/f/short")
    assert db.version("/f/short") is None
    assert db.ls("/f") == ["long"]
    assert list(db.folder("/f", allow_scan=True)) == ["long"]
    if db.features.index:
        assert list(db.folder("/f", allow_scan=True).by("rank")) == []
    assert db.get_many(["/f/short", "/f/long"]) == {"/f/long": 2}
    with pytest.raises(ObjectNotFound):
        db.delete("/f/short")
    db["/f/short"] = 3
    assert db["/f/short"] == 3
    assert list(db.folder("/f", allow_scan=True)) == ["long", "short"]


def test_a_folder_of_what_has_expired_is_empty(expiring: Any) -> None:
    db = expiring
    db.set("/f/a", 1, ttl=0.5)
    until_gone(db, "/f/a")
    db.rmdir("/f")
    assert db.ls("/") == []


def test_a_write_without_a_time_to_live_stays(expiring: Any) -> None:
    db = expiring
    db.set("/a", 1, ttl=1)
    db["/a"] = 2
    time.sleep(1.2)
    assert db["/a"] == 2


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), 2**40])
def test_times_to_live_have_bounds(place: Place, ttl: float) -> None:
    with pytest.raises(InvalidObjectArgument):
        place.db.set("/a", 1, ttl=ttl)
    assert "/a" not in place.db


@pytest.mark.parametrize("ttl", ["60", True, b"1"])
def test_times_to_live_are_numbers(place: Place, ttl: Any) -> None:
    with pytest.raises(TypeError):
        place.db.set("/a", 1, ttl=ttl)


def test_all_of_a_connection_may_expire() -> None:
    with (
        objects.connect("memory://expiring?expire=0.3") as db,
        objects.connect("memory://expiring") as whole,
    ):
        db["/a"] = whole["/b"] = 1
        time.sleep(0.5)
        assert whole.ls("/") == ["b"]


@pytest.mark.parametrize("expire", ["0", "-1", "soon", "nan", ""])
def test_wrong_expiry_in_a_url(expire: str) -> None:
    with pytest.raises(ValueError, match="expire") as refused:
        objects.connect(f"memory://wrong?expire={expire}")
    assert isinstance(refused.value, DynafileError)


def test_a_store_that_lets_nothing_expire_says_so(files: FilesPlace) -> None:
    with pytest.raises(ValueError, match="expire"):
        objects.connect(f"{files.url()}?expire=60")


def test_what_has_expired_is_removed_in_time() -> None:
    """Not only hidden: writes with a time to live take some of it away."""
    now = time.time_ns()
    with objects.connect("memory://swept") as db:
        backend = db.backend
        assert isinstance(backend, TableBackend)
        backend._clock = lambda: now
        for number in range(50):
            db.set(f"/old/{number:02}", number, ttl=1, index={"rank": number})
        now += 2 * 10**9
        assert db.ls("/old") == []
        for number in range(10):
            db.set(f"/new/{number}", number, ttl=60)
        items = list(backend.table.scan())
        assert not any(item["PK"] == "/old" for item in items)
        assert len(items) == 10 * 3 + 2  # objects, their times, the sweep's entries; two folders


# Transactions.


def test_a_transaction_is_made_whole(transactional: Any) -> None:
    db = transactional
    db["/a"], db["/gone"] = 1, 1
    with db.transaction() as tx:
        assert tx["/a"] == 1
        tx["/a"] = tx["a"] + 1
        tx.set("/f/b", 5, index={"rank": 3})
        del tx["/gone"]
        assert (tx["/a"], tx.get("/f/b"), tx.get("/gone"), "/gone" in tx) == (2, 5, None, False)
        assert (db["/a"], db["/gone"], "/f/b" in db) == (1, 1, False)
    assert (db["/a"], db["/f/b"], "/gone" in db) == (2, 5, False)
    assert list(db.folder("/f", allow_scan=True).by("rank")) == ["b"]


def test_an_exception_leaves_everything_as_it_was(transactional: Any) -> None:
    db = transactional
    db["/a"] = 1
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        tx["/a"] = 2
        tx["/b/c"] = 2
        raise ZeroDivisionError
    assert db["/a"] == 1
    assert db.ls("/") == ["a"]


def test_a_conflict_is_told(transactional: Any) -> None:
    db = transactional
    db["/a"] = 1
    with pytest.raises(TransactionConflict), db.transaction() as tx:
        value = tx["/a"]
        db["/a"] = 10
        tx["/a"] = value + 1
    assert db["/a"] == 10


def test_a_transaction_is_run_again(transactional: Any) -> None:
    db = transactional
    db["/count"] = 0

    def count(tx: objects.ObjectTransaction) -> int:
        tx["/count"] += 1
        return int(tx["/count"])

    def often() -> None:
        for _ in range(50):
            db.run_transaction(count)

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db["/count"] == 200
    assert db.run_transaction(count) == 201


def test_how_often_a_transaction_is_run(transactional: Any) -> None:
    db = transactional
    db["/count"] = runs = 0

    def beaten(tx: objects.ObjectTransaction) -> None:
        nonlocal runs
        tx["/count"] += 1
        runs = db["/count"] = db["/count"] + 10

    with pytest.raises(TransactionConflict):
        db.run_transaction(beaten, attempts=3)
    assert runs == db["/count"] == 30
    for attempts in (0, -1, True, 1.5, None):
        with pytest.raises(InvalidObjectArgument, match="attempts"):
            db.run_transaction(beaten, attempts=attempts)
    with pytest.raises(InvalidObjectArgument, match="a function"):
        db.run_transaction(None)
    assert db["/count"] == 30


@pytest.mark.parametrize(
    "statement",
    [
        "tx['/nope']",
        "tx.delete('/nope')",
        "tx['/a/b'] = 1",
        "tx['../x'] = 1",
        "tx['/f'] = 1",
        "tx.set('/.x', 1)",
        "tx['/l'] = object()",
    ],
)
def test_bad_input_in_a_transaction(transactional: Any, statement: str) -> None:
    db = transactional
    db["/a"] = db["/f/b"] = 1
    with pytest.raises((KeyError, ValueError)) as refused, db.transaction() as tx:
        tx["/other"] = 1
        exec(statement, {"tx": tx})
    assert isinstance(refused.value, DynafileError)
    assert "/other" not in db


def test_one_folder_is_made_by_many_at_once(place: Place) -> None:
    """Whoever comes second finds it there, and every object is listed."""
    db = place.db

    def write(part: int) -> None:
        for number in range(5):
            db[f"/deep/er/{number}/{part}"] = part

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.ls("/deep/er") == [f"{number}/" for number in range(5)]
    for number in range(5):
        assert db.ls(f"/deep/er/{number}") == ["0", "1", "2", "3"]


def test_a_folder_is_not_removed_under_a_writer(place: Place, transactional: Any) -> None:
    """An object whose folder is gone would be found by its key, and listed nowhere."""
    if not place.folders_stay:
        pytest.skip("puts the folder back a moment later")
    db = transactional
    stop = threading.Event()

    def remove() -> None:
        while not stop.is_set():
            try:
                db.rmdir("/f/g")
            except KeyError:
                continue

    thread = threading.Thread(target=remove)
    thread.start()
    try:
        for number in range(200):
            db["/f/g/x"] = number
            assert db.ls("/f/g") == ["x"]
            assert db.ls("/f") == ["g/"]
            db.delete("/f/g/x")
    finally:
        stop.set()
        thread.join()


def test_a_killed_writer_leaves_whole_objects(lasting: Place) -> None:
    program = (
        "from dynafile import objects\n"
        f"db = objects.connect({lasting.url()!r})\n"
        "print('ready', flush=True)\n"
        "for number in range(10**9):\n"
        "    db[f'/k/{number % 7}/{number % 3}'] = [number] * 500\n"
    )
    paths = os.pathsep.join(filter(None, sys.path))
    for pause in (0.05, 0.11, 0.23):
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(pause)
            writer.kill()
        db = lasting.db
        for folder in db.ls("/k"):
            for name in db.ls(f"/k/{folder}"):
                value = db[f"/k/{folder}{name}"]
                assert value == [value[0]] * 500
            assert (
                list(db.folder(f"/k/{folder}", allow_scan=True)).sort()
                == db.ls(f"/k/{folder}").sort()
            )


# What is stored.


def test_long_values_are_compressed(files: FilesPlace) -> None:
    files.db["/long"] = ["the same"] * 10_000
    files.db["/random"] = os.urandom(10_000)
    files.db["/short"] = "a" * (compression.MIN_BYTES // 2)
    assert (files.root / "long").stat().st_size < 1000
    assert 10_000 < (files.root / "random").stat().st_size < 10_100
    assert (files.root / "short").stat().st_size > compression.MIN_BYTES // 2
    assert files.db["/long"] == ["the same"] * 10_000
    assert len(files.db["/random"]) == 10_000


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "longer", "bomb", "newer", "flags", "kind", "header"]
)
def test_damaged_values_are_told(files: FilesPlace, damage: str) -> None:
    import zstandard

    files.db["/a"] = ["x" * 100] * 1000
    data = (files.root / "a").read_bytes()
    files.plant(
        "/a",
        {
            "cut": data[:-5],
            "flipped": data[:20] + bytes([data[20] ^ 255]) + data[21:],
            "longer": data[:7] + zstandard.compress(b"\x93\xc0\xc0" + b"\xc0" * 50),
            "bomb": data[:7]
            + zstandard.ZstdCompressor(write_content_size=False).compressobj().compress(b"")
            + b"\0" * 20,
            "newer": data[:4] + b"\2" + data[5:],
            "flags": data[:6] + b"\xff" + data[7:],
            "kind": data[:5] + b"z" + data[6:],
            "header": data[:6],
        }[damage],
    )
    with pytest.raises(CorruptObject) as refused:
        files.db["/a"]
    assert refused.value.key == "/a"
    assert "/a" in str(refused.value)


def test_a_bomb_is_not_decompressed(files: FilesPlace) -> None:
    """Its frame says that it has 2 GiB, in some hundred bytes."""
    import zstandard

    compressor = zstandard.ZstdCompressor().compressobj(size=2**31)
    frame = compressor.compress(b"\0" * (1 << 20))
    files.plant("/a", b"\0DYN\1m\1" + frame)
    with pytest.raises(CorruptObject, match="limit"):
        files.db["/a"]


def test_the_folder_is_a_table_of_ours(tmp_path: Path) -> None:
    """What is stored can be looked at, checked and backed up as any table."""
    from dynafile import Dynafile

    with objects.connect(f"dynafile://{tmp_path / 'db'}") as db:
        db["/a/b"] = [1]
    with Dynafile(tmp_path / "db") as table:
        table.check()
        assert {(item["PK"], item["SK"]) for item in table.scan() if item["PK"][0] == "/"} == {
            ("/", "a"),
            ("/a", "b"),
        }


def test_a_table_of_something_else_is_told(tmp_path: Path) -> None:
    from dynafile import Dynafile

    with Dynafile(tmp_path / "db") as table:
        table.put_item(item={"PK": "/", "SK": "a", "other": 1})
    with pytest.raises(ValueError, match="another table") as refused:
        objects.connect(f"dynafile://{tmp_path / 'db'}")
    assert isinstance(refused.value, DynafileError)


def test_a_closed_store_says_so(place: Place) -> None:
    place.db["/a"] = 1
    place.db.close()
    for use in (
        lambda: place.db["/a"],
        lambda: place.db.set("/a", 1),
        lambda: place.db.ls("/"),
        lambda: place.db.exists("/a"),
        lambda: place.db.mkdir("/b"),
        lambda: place.db.delete("/a"),
        lambda: list(place.db.recent("/", allow_scan=True)),
    ):
        with pytest.raises(DynafileError, match="closed"):
            use()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_connects_anew(lasting: Place) -> None:
    """What the parent opened is the parent's; the registry of connections does not go along."""
    lasting.elsewhere(
        f"""
import os
from dynafile.errors import HandleForked
db.set_many({{"/a": 1, "/c/d": 0}})
child = os.fork()
if child == 0:
    try:
        assert db.get("/a") == 1
    except HandleForked:
        db.close()
    with kydb.connect({lasting.url()!r}) as again:
        again["/b"] = again["/a"] + 1
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert db["/b"] == 2
"""
    )


def test_paths_are_deep(place: Place) -> None:
    """500 names: what is written is listed, copied and removed without running out of stack."""
    deep = "/x" * 500
    place.db[f"{deep}/y"] = 1
    assert place.db.ls(deep) == ["y"]
    place.db.rm_tree("/x")
    assert place.db.ls("/") == []


def test_the_latest_objects_are_kept_and_no_more(
    monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    """Beyond some thousand, an object is kept while somebody has it."""
    monkeypatch.setattr("dynafile.objects.kept.MOST_HELD", 5)
    exec("from dynafile import objects\nclass C(objects.DbObj): pass", module.__dict__)
    with objects.connect("memory://many-objects") as db:
        db.upload_objdb_config({"C": {"module_path": "path.to.module", "class_name": "C"}})
        first = db.new("C", "/0")
        first.write()
        for number in range(1, 100):
            db.new("C", f"/{number}").write()
        assert db["/0"] is first
        layer = db._kept._layer
        assert len(layer._held) == 5
        assert len(layer._versions) <= 12
