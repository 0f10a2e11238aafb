"""Bad input: each kind has an error of its own that says what, where and what to do; nothing is
written.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from datetime import datetime as datetime_
from datetime import timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Action, Dynafile, errors
from dynafile.errors import (
    CorruptFile,
    CyclicItem,
    DiskFull,
    DynafileError,
    EmptyKey,
    InvalidName,
    InvalidNumber,
    InvalidSet,
    InvalidString,
    ItemTooLarge,
    KeyTooLong,
    KeyTypeMismatch,
    LockTimeout,
    MissingKey,
    NestingTooDeep,
    NetworkFileSystem,
    NewerFormat,
    UnsupportedType,
    ValidationError,
)
from dynafile.store import descriptors, filesystem
from dynafile.store.format import SnapshotHeader, encode_snapshot
from dynafile.store.schema import Meta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.conftest import StartWorker
    from conftest import OpenDatabase

GOOD = {"PK": "a", "SK": "1"}


@dataclass
class Point:
    x: int = 1


class Colour(Enum):
    RED = "red"


class Name(str):
    __slots__ = ()


class NoOffset(tzinfo):
    def utcoffset(self, _: object) -> None:
        return None


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def cycle() -> list[Any]:
    value: list[Any] = [1]
    value.append({"again": value})
    return value


def item(**more: Any) -> dict[str, Any]:
    return {**GOOD, **more}


@dataclass
class Bad:
    """An item that is refused: by which error, with what in its message, and which attributes."""

    item: dict[Any, Any]
    error: type[DynafileError]
    message: str
    particulars: dict[str, Any]


KEYS = [
    Bad({"SK": "1"}, MissingKey, "'PK' is missing", {"attribute": "PK"}),
    Bad({"PK": "a"}, MissingKey, "'SK' is missing", {"attribute": "SK"}),
    Bad({}, MissingKey, "'PK' and 'SK'", {"attribute": "PK"}),
    Bad(item(PK=None), MissingKey, "'PK' is missing, or None", {"attribute": "PK"}),
    Bad(item(SK=None), MissingKey, "'SK' is missing, or None", {"attribute": "SK"}),
    Bad(item(PK=""), EmptyKey, "'PK' is an empty string", {"attribute": "PK"}),
    Bad(item(SK=b""), EmptyKey, "'SK' is an empty binary", {"attribute": "SK"}),
    Bad(item(PK=1), KeyTypeMismatch, "'PK' is a number .*convert",
        {"attribute": "PK", "expected": "S", "actual": "N"}),
    Bad(item(SK=b"1"), KeyTypeMismatch, r"'SK' is bytes \(B\), and the table's is a string \(S\)",
        {"attribute": "SK", "expected": "S", "actual": "B"}),
    Bad(item(SK=True), KeyTypeMismatch, "'SK' is of type bool; a key is", {"attribute": "SK"}),
    Bad(item(PK=["a"]), KeyTypeMismatch, "'PK' is of type list; a key is", {"attribute": "PK"}),
    Bad(item(PK="x" * 2049), KeyTooLong, "2049 bytes, and the limit is 2048; shorten",
        {"attribute": "PK", "size": 2049, "limit": 2048}),
    Bad(item(PK="é" * 1025), KeyTooLong, "2050 bytes",
        {"attribute": "PK", "size": 2050, "limit": 2048}),
    Bad(item(SK="x" * 1025), KeyTooLong, "1025 bytes, and the limit is 1024; shorten",
        {"attribute": "SK", "size": 1025, "limit": 1024}),
    Bad(item(PK="\0" * 2049), KeyTooLong, "2049 bytes", {"size": 2049}),
    Bad(item(SK=float("nan")), InvalidNumber, "SK.* NaN", {}),
    Bad(item(PK=10**38 + 1), InvalidNumber, "PK.* 39 significant digits", {}),
    Bad(item(PK="a\ud800"), InvalidString, "PK.* lone surrogate", {}),
    Bad(item(SK="\udfff"), InvalidString, "SK.* lone surrogate", {}),
]  # fmt: skip

VALUES = [
    Bad(item(x=float("nan")), InvalidNumber, r"item\['x'\] is NaN.*leave it out",
        {"path": "item['x']"}),
    Bad(item(x=Decimal("sNaN")), InvalidNumber, "is NaN", {"path": "item['x']"}),
    Bad(item(x=float("inf")), InvalidNumber, "is infinite", {"path": "item['x']"}),
    Bad(item(x=[-float("inf")]), InvalidNumber, r"item\['x'\]\[0\] is infinite",
        {"path": "item['x'][0]"}),
    Bad(item(x=Decimal("Infinity")), InvalidNumber, "is infinite", {"path": "item['x']"}),
    Bad(item(x={"y": 10**38 + 1}), InvalidNumber, "39 significant digits.*round",
        {"path": "item['x']['y']"}),
    Bad(item(x=Decimal("1." + "1" * 38)), InvalidNumber, "39 significant", {"path": "item['x']"}),
    Bad(item(x=10**126), InvalidNumber, "out of range", {"path": "item['x']"}),
    Bad(item(x=Decimal("1e-131")), InvalidNumber, "out of range", {"path": "item['x']"}),
    Bad(item(x={float("nan")}), InvalidNumber, "NaN", {"path": "item['x']"}),
    Bad(item(a=[1, 2, object()]), UnsupportedType,
        r"item\['a'\]\[2\] is of type object, which cannot be stored; store a str",
        {"path": "item['a'][2]", "type": object}),
    Bad(item(a={"b": (1, Point())}), UnsupportedType, r"item\['a'\]\['b'\]\[1\] .*asdict",
        {"path": "item['a']['b'][1]", "type": Point}),
    Bad(item(a=Colour.RED), UnsupportedType, r"item\['a'\].*store its \.value", {"type": Colour}),
    Bad(item(a=Name("x")), UnsupportedType, r"store str\(", {"path": "item['a']"}),
    Bad(item(a=bytearray(b"x")), UnsupportedType, r"store bytes\(", {"type": bytearray}),
    Bad(item(a=timedelta(1)), UnsupportedType, "total_seconds", {"type": timedelta}),
    Bad(item(a=1j), UnsupportedType, "complex", {"type": complex}),
    Bad(item(a=(n for n in "ab")), UnsupportedType, "generator", {}),
    Bad(item(a=datetime_(2024, 1, 1, tzinfo=NoOffset())), UnsupportedType, "tzinfo",
        {"path": "item['a']"}),
    Bad(item(a={1: 2}), UnsupportedType, r"item\['a'\] has an attribute name of type int",
        {"path": "item['a']"}),
    Bad({**GOOD, 5: 1}, UnsupportedType, "attribute name of type int", {"path": "item"}),
    Bad(item(a={"": 1}), InvalidName, "empty attribute name", {"path": "item['a']", "name": ""}),
    Bad(item(a=set()), InvalidSet, r"item\['a'\] is an empty set", {"path": "item['a']"}),
    Bad(item(a={1, "x"}), InvalidSet, "mixes types .int, str.*list", {"path": "item['a']"}),
    Bad(item(a={None}), UnsupportedType, "set with a member of type NoneType", {}),
    Bad(item(a=nested(40)), NestingTooDeep, "deeper than 32 levels; flatten", {}),
    Bad(item(a=cycle()), CyclicItem, "cannot contain itself; store a copy",
        {"path": "item['a'][1]['again']"}),
    Bad(item(a="\ud800"), InvalidString, r"item\['a'\].*lone surrogate.*store bytes",
        {"path": "item['a']"}),
    Bad(item(a=[{"b": "x\udc00"}]), InvalidString, "index 1", {"path": "item['a'][0]['b']"}),
    Bad(item(a={"\ud800": 1}), InvalidString, "name with a lone surrogate", {"path": "item['a']"}),
    Bad(item(a={"x", "\ud800"}), InvalidString, "member with a lone surrogate", {}),
    Bad(item(a="x" * (16 << 20)), ItemTooLarge, "limit is 16777216; split it",
        {"limit": 16 << 20}),
    Bad(item(a=[b"x" * (9 << 20), b"x" * (9 << 20)]), ItemTooLarge, "split it", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynafile]:
    """One table for all of them: whatever wrote to it would show."""
    db = Dynafile(tmp_path_factory.mktemp("bad") / "db")
    db.put_item(item={**GOOD, "n": 1})
    yield db
    db.check()
    db.close()


def files(folder: str | Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != "position"
    }


def refuse(db: Dynafile, call: Callable[[], object], bad: Bad) -> None:
    before = files(db.path)
    with pytest.raises(bad.error) as caught:
        call()
    error = caught.value
    assert type(error) is bad.error
    assert isinstance(error, (ValidationError, ValueError))
    assert isinstance(error, TypeError) == issubclass(bad.error, TypeError)
    assert re.search(bad.message, error.explanation), error.explanation
    assert len(str(error)) < 300
    for name, value in bad.particulars.items():
        assert getattr(error, name) == value
    assert files(db.path) == before
    assert list(db.scan()) == [{**GOOD, "n": 1}]


@pytest.mark.parametrize("bad", KEYS + VALUES, ids=lambda bad: bad.message)
def test_items(bad: Bad, table: Dynafile) -> None:
    good = {"PK": "b", "SK": "1"}

    def in_a_batch() -> None:
        with table.batch_writer() as writer:
            writer.put_item(item=good)
            writer.put_item(item=bad.item)

    refuse(table, lambda: table.put_item(item=bad.item), bad)
    refuse(table, in_a_batch, bad)
    refuse(table, lambda: table.execute_batch([Action("PUT", good), Action("PUT", bad.item)]), bad)


@pytest.mark.parametrize("bad", KEYS, ids=lambda bad: bad.message)
def test_keys(bad: Bad, table: Dynafile) -> None:
    for call in (
        lambda: table.get_item(key=bad.item),
        lambda: table.delete_item(key=bad.item),
        lambda: table.batch_get_item(keys=[GOOD, bad.item]),
        lambda: table.execute_batch([Action("DELETE", GOOD), Action("DELETE", bad.item)]),
    ):
        refuse(table, call, bad)
    attribute = bad.particulars.get("attribute")
    if attribute == "PK" and "PK" in bad.item:
        refuse(table, lambda: table.query(bad.item["PK"]), bad)


@pytest.mark.parametrize("what", [None, 5, "PK", [("PK", "a")], b"x", {"PK"}, Point()], ids=repr)
def test_what_is_no_item(what: Any, table: Dynafile) -> None:
    for call in (
        lambda: table.put_item(item=what),
        lambda: table.get_item(key=what),
        lambda: table.delete_item(key=what),
        lambda: table.batch_get_item(keys=[what]),
    ):
        with pytest.raises(UnsupportedType, match="is a dict"):
            call()


def test_a_batch_over_the_limit(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    db = database()
    db.put_item(item=GOOD)
    monkeypatch.setattr("dynafile.store.writer.MAX_RECORD_BYTES", 100_000)
    with pytest.raises(errors.InvalidArgument, match="split it.*flush_items"):
        db.execute_batch(Action("PUT", item(SK=f"{n}", x="x" * 1000)) for n in range(200))
    assert list(db.scan()) == [GOOD]
    with db.batch_writer(flush_items=50) as writer:
        for n in range(200):
            writer.put_item(item=item(SK=f"{n}", x="x" * 1000))
    assert len(db) == 200


# -- handles --------------------------------------------------------------------------------------


def run(code: str, *arguments: object) -> str:
    """Run a program, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork(tmp_path: Path, database: OpenDatabase) -> None:
    code = """
        import os, sys
        from dynafile import Dynafile, errors
        db = Dynafile(sys.argv[1])
        key = {"PK": "a", "SK": "1"}
        db.put_item(item=key)
        iterator = db.scan()
        writer = db.batch_writer().__enter__()
        writer.put_item(item={"PK": "b", "SK": "1"})
        child = os.fork()
        if child == 0:
            for use in (lambda: db.get_item(key=key), lambda: db.put_item(item=key), lambda: len(db),
                        lambda: list(db.query("a")), lambda: list(iterator), lambda: db.check(),
                        lambda: db.delete_item(key=key), lambda: db.clear(), writer.flush,
                        lambda: db.describe()):
                try:
                    use()
                except errors.HandleForked as error:
                    print(f"refused: {error}", flush=True)
                except BaseException as error:
                    print(f"wrong: {error!r}", flush=True)
            with Dynafile(sys.argv[1]) as own:
                own.put_item(item={"PK": "child", "SK": "1"})
            db.close()
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        db.put_item(item={"PK": "parent", "SK": "1"})
        print(sorted(item["PK"] for item in db.scan()))
        db.check()
    """
    *refusals, status, left = run(code, tmp_path / "db").splitlines()
    assert (status, left) == ("0", "['a', 'child', 'parent']")
    assert len(refusals) == 10
    for line in refusals:
        assert re.match(r"refused: .*/db was opened by the parent.*again in the child$", line), line
    assert len(database()) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork_of_a_program_with_a_database_in_memory(tmp_path: Path) -> None:
    """The child went on with a copy, so that each of the two lost what the other one wrote."""
    code = """
        import os
        from dynafile import Database, Dynafile, errors
        db, many = Dynafile(":memory:", stream=True), Database(":memory:")
        db.put_item(item={"PK": "a", "SK": "1"})
        table = many.create_table("orders", pk_attribute="PK", sk_attribute=None)
        table.put_item(item={"PK": "a"})
        child = os.fork()
        if child == 0:
            key = {"PK": "a", "SK": "1"}
            for use in (lambda: db.get_item(key=key), lambda: db.put_item(item=key), lambda: len(db),
                        lambda: list(db.query("a")), lambda: db.check(), lambda: db.clear(),
                        lambda: next(iter(db.stream(start="TRIM_HORIZON"))),
                        lambda: table.get_item(key={"PK": "a"}),
                        lambda: table.put_item(item={"PK": "b"}), lambda: many.list_tables()):
                try:
                    use()
                except errors.HandleForked as error:
                    print(f"refused: {error}", flush=True)
                except BaseException as error:
                    print(f"wrong: {error!r}", flush=True)
            with Dynafile(":memory:") as own:
                own.put_item(item={"PK": "child", "SK": "1"})
            db.close()
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        db.put_item(item={"PK": "parent", "SK": "1"})
        print(sorted(item["PK"] for item in db.scan()), len(table))
    """
    *refusals, status, left = run(code, tmp_path / "db").splitlines()
    assert (status, left) == ("0", "['a', 'parent'] 1")
    assert len(refusals) == 10
    for line in refusals:
        assert re.match(r"refused: .*:memory: was opened by the parent.*in a folder.*", line), line


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("when", ["opening", "writing"])
def test_a_dead_process_whose_children_live_on(
    when: str, tmp_path: Path, database: OpenDatabase
) -> None:
    """A child had the descriptor of a store that was being opened, and with it the lock."""
    database().close()
    code = """
        import os, subprocess, sys, threading, time, warnings
        from dynafile import Dynafile
        from dynafile.store import registry
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads
        when, folder = sys.argv[2], sys.argv[1]
        locked = threading.Event()

        def wait(*_):
            locked.set()
            time.sleep(1000)

        if when == "opening":
            registry.open_for_writing = lambda *args, **more: wait()
            work = lambda: Dynafile(folder)
        else:
            db = Dynafile(folder)
            work = lambda: db._store._writer.hold(wait, 10)
        threading.Thread(target=work, daemon=True).start()
        locked.wait()
        child = os.fork()
        if child == 0:
            os.close(1)
            time.sleep(1000)
        other = subprocess.Popen(["sleep", "1000"], stdout=subprocess.DEVNULL)
        print(child, other.pid, flush=True)
        time.sleep(1000)
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "db"), when],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    children = list(map(int, holder.stdout.readline().split()))
    try:
        with pytest.raises(LockTimeout, match=f"process {holder.pid} "):
            database(lock_timeout=0.1).put_item(item=GOOD)
        holder.kill()
        holder.wait()
        db = database(lock_timeout=5)
        started = time.monotonic()
        db.put_item(item=GOOD)
        assert time.monotonic() - started < 1
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        holder.kill()
        holder.wait()
        holder.stdout.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork_in_the_middle_of_a_write(tmp_path: Path) -> None:
    """A thread of the parent was writing. The child waited for it for ever, and it was not there."""
    code = """
        import os, sys, threading, warnings
        from dynafile import Dynafile, errors
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads
        db = Dynafile(sys.argv[1])
        key = {"PK": "a", "SK": "1"}
        db.put_item(item=key)
        locked, forked = threading.Event(), threading.Event()

        def write():
            def work():
                locked.set()
                forked.wait()
            db._store._writer.hold(work, 1)

        thread = threading.Thread(target=write)
        thread.start()
        locked.wait()
        child = os.fork()
        if child == 0:
            for use in (lambda: db.put_item(item=key), lambda: db.delete_item(key=key),
                        lambda: db.get_item(key=key), lambda: db.clear(), lambda: db.check()):
                try:
                    use()
                except errors.HandleForked:
                    print("refused", flush=True)
            db.close()
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        forked.set()
        thread.join()
        db.check()
    """
    assert run(code, tmp_path / "db").splitlines() == ["refused"] * 5 + ["0"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGSTOP")
def test_a_lock_held_too_long(database: OpenDatabase, tmp_path: Path) -> None:
    db = database(lock_timeout=0.2)
    db.put_item(item=GOOD)
    code = """
        import sys
        from dynafile import Dynafile
        with Dynafile(sys.argv[1]) as db:
            def wait():
                print("held", flush=True)
                sys.stdin.readline()
            db._store._writer.hold(wait, 1)
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-c", textwrap.dedent(code), db.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        before = files(db.path)
        for write in (
            lambda: db.put_item(item=item(SK="2")),
            lambda: db.delete_item(key=GOOD),
            lambda: db.clear(),
            lambda: db.execute_batch([Action("PUT", item(SK="2"))]),
        ):
            start = time.monotonic()
            with pytest.raises(LockTimeout) as caught:
                write()
            assert time.monotonic() - start >= 0.2
            error = caught.value
            assert (error.pid, error.path) == (holder.pid, db.path)
            message = rf"{db.path} is locked by process {holder.pid} .*0\.2 seconds: .*lock_timeout"
            assert re.search(message, str(error))
            assert isinstance(error, TimeoutError)
        assert list(db.scan()) == [GOOD]  # reading needs no lock
        with Dynafile(db.path, read_only=True) as reader:
            assert len(reader) == 1
        assert files(db.path) == before
        holder.stdin.write(b"\n")
        holder.stdin.close()
        db.put_item(item=item(SK="2")) if holder.wait(30) == 0 else pytest.fail("the holder failed")
    assert len(db) == 2


def test_opening_while_the_lock_is_held(tmp_path: Path, database: OpenDatabase) -> None:
    database().put_item(item=GOOD)
    code = """
        import sys
        from dynafile import Dynafile
        from dynafile.errors import LockTimeout
        try:
            Dynafile(sys.argv[1], lock_timeout=0.1)
        except LockTimeout as error:
            print(error.pid, error)
    """
    printed: list[str] = []
    db = database()
    db._store._writer.hold(lambda: printed.append(run(code, tmp_path / "db")), 1)
    assert re.match(rf"{os.getpid()} .* is locked by process {os.getpid()}", printed[0])


# -- folders and disks ----------------------------------------------------------------------------

DROP = """
    import os, sys, tempfile
    from dynafile import Dynafile, errors
    folder, read_only = sys.argv[1:]
    with tempfile.TemporaryDirectory() as other, Dynafile(other) as db:
        db.put_item(item={"PK": "a", "SK": "1"})  # so that all modules are loaded
    if os.getuid() == 0:  # whom no mode stops
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        with Dynafile(folder, read_only=read_only == "True") as db:
            print(list(db.scan()))
    except errors.PathNotWritable as error:
        print("refused:", isinstance(error, PermissionError), error.path, error)
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="dynafile-"))
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="there are no users to change to")
def test_a_folder_that_may_only_be_read(public: Path) -> None:
    with Dynafile(public / "db") as db:
        db.put_item(item=GOOD)
    for path in [public, *public.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = files(public)
    for folder in (public / "db", public / "new", public / "new" / "db"):
        printed = run(DROP, folder, False)
        assert printed.startswith(f"refused: True {folder} {folder} "), printed
        assert "not writable by this user: change its mode or owner" in printed
    assert run(DROP, public / "db", True) == f"{[GOOD]}\n"
    assert files(public) == before
    assert not (public / "new").exists()


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="there are no users to change to")
@pytest.mark.parametrize("name", ["lock", "position", "meta.json", "checkpoint", "journal"])
def test_a_file_of_somebody_else(name: str, public: Path) -> None:
    """The folder may be written, one of its files may not even be read."""
    with Dynafile(public / "db") as db:
        db.put_item(item=GOOD)
    for path in [public, *public.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    (public / "db" / name).chmod(0)
    printed = run(DROP, public / "db", False)
    assert printed.startswith("refused: True"), printed
    assert f"{public}/db/{name}" in printed


def test_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "filesystem_type", lambda folder: "nfs4")
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "there", tmp_path / "new" / "db"):
        with pytest.raises(
            NetworkFileSystem, match=r"network file system \(nfs4\).*local disk"
        ) as e:
            Dynafile(folder)
        assert e.value.filesystem == "nfs4"
        assert str(folder).startswith(str(e.value.path))
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]
    with Dynafile(":memory:") as db:
        db.put_item(item=GOOD)


def test_a_newer_format(tmp_path: Path, database: OpenDatabase) -> None:
    with database() as db:
        db.put_item(item=GOOD)
    meta = tmp_path / "db" / "meta.json"
    good = meta.read_bytes()
    meta.write_bytes(good.replace(b'"version": 1,', b'"version": 7,', 1))
    before = files(tmp_path)
    for read_only in (False, True):
        with pytest.raises(NewerFormat, match="format 7.*pip install -U dynafile") as caught:
            Dynafile(tmp_path / "db", read_only=read_only)
        assert (caught.value.version, caught.value.path) == (7, str(meta))
    assert files(tmp_path) == before
    meta.write_bytes(good)
    assert list(database().scan()) == [GOOD]


@pytest.mark.parametrize("room", ["none", "half"])
def test_a_disk_that_fills_up(
    room: str,
    database: OpenDatabase,
    worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The write fails whole; reads go on, others see nothing of it, and later writes work."""
    db = database()
    db.put_item(item=GOOD)
    other = worker(db.path, read_only=True)
    real = descriptors.write_at

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if any(data) and len(data) > 1:
            if room == "half" and len(data) > 100:
                return real(descriptor, data[: len(data) // 2], offset)
            raise OSError(28, "No space left on device")
        return real(descriptor, data, offset)

    events: list[Any] = []
    db.add_stream_listener(events.append)
    for write in (
        lambda: db.put_item(item=item(SK="2", x="x" * 500)),
        lambda: db.delete_item(key=GOOD),
        lambda: db.execute_batch(Action("PUT", item(SK=f"{n}", x=n)) for n in range(100)),
        lambda: db.clear(),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(descriptors, "write_at", full)
            with pytest.raises(DiskFull, match="disk is full.*Free some space") as caught:
                write()
            assert str(caught.value.path).startswith(f"{db.path}/journal/")
            assert isinstance(caught.value, OSError)
            assert list(db.scan()) == other.call("scan") == [GOOD]
            assert (len(db), other.call("len")) == (1, 1)
        db.put_item(item=item(SK="after"))
        assert other.call("len") == 2
        db.delete_item(key=item(SK="after"))
        db.check()
        events.clear()
    assert events == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits")
def test_a_real_limit(tmp_path: Path, database: OpenDatabase) -> None:
    """The system itself refuses: a limit on the size of files."""
    code = """
        import resource, signal, sys
        from dynafile import Dynafile
        from dynafile.errors import DiskFull
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        folder = sys.argv[1]
        limit(0)
        try:
            Dynafile(folder)
        except DiskFull as error:
            print("opening", error.path.startswith(folder))
        limit(300_000)
        acknowledged = 0
        with Dynafile(folder) as db:
            try:
                for n in range(10_000):
                    db.put_item(item={"PK": "p", "SK": n, "x": "x" * 200})
                    acknowledged += 1
            except DiskFull as error:
                print("putting", error.path.startswith(folder))
            print(len(db) == acknowledged, [i["SK"] for i in db.scan()] == list(range(acknowledged)))
            db.check()
            limit(most)
            db.put_item(item={"PK": "p", "SK": -1})
            print(len(db) == acknowledged + 1)
            db.check()
    """
    printed = run(code, tmp_path / "db").splitlines()
    assert printed == ["opening True", "putting True", "True True", "True"]
    assert len(database()) > 100


# -- damage ---------------------------------------------------------------------------------------


def snapshots(folder: str | Path) -> list[Path]:
    return sorted(Path(folder).rglob("data.pickle"))


@pytest.fixture
def folded(database: OpenDatabase, tmp_path: Path) -> Path:
    """A folder with a snapshot and, in the journal, an item that no snapshot has."""
    folder = tmp_path / "damaged"
    with Dynafile(folder) as db:
        db.put_item(item=GOOD)
    # A copy of a folder in use is what a killed process would leave.
    with Dynafile(folder) as db:
        db.put_item(item=item(SK="2"))
        db.put_item(item=item(SK="3"))
        copied = shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(folder)
    assert len(snapshots(copied)) == 1
    return Path(copied)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "cut": lambda data: data[: len(data) // 2],
    "all but one": lambda data: data[:-1],
    "longer": lambda data: data + b"x",
    "flipped at the start": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "flipped in the middle": lambda data: data[:150] + bytes([data[150] ^ 1]) + data[151:],
    "flipped at the end": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "zeros": lambda data: bytes(len(data)),
    "text": lambda data: b"not a snapshot\n" * 20,
    "another pickle": lambda data: pickle.dumps({b"a": b"b"}),
}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_snapshot(damage: str, read_only: bool, folded: Path) -> None:
    (path,) = snapshots(folded)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(CorruptFile) as caught, Dynafile(folded, read_only=read_only) as db:
        assert db.get_item(key=GOOD) is None, "it was lost without a word"
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.offset, int)
    assert re.search("backup|check", str(caught.value))  # what to do


@pytest.mark.parametrize("where", [70, 150, 250])
def test_a_damaged_journal(where: int, folded: Path) -> None:
    """Below what was synced it is an error with path and offset, and never silence."""
    path = max((folded / "journal").iterdir())
    data = bytearray(path.read_bytes())
    data[where] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(CorruptFile) as caught, Dynafile(folded) as db:
        list(db.scan())
    assert caught.value.path == str(path)
    assert 64 <= caught.value.offset <= where  # the record that holds the byte
    assert f"offset {caught.value.offset}" in str(caught.value)


@pytest.mark.parametrize("name", ["checkpoint", "meta.json", "journal"])
def test_a_missing_file(name: str, folded: Path) -> None:
    path = folded / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises((CorruptFile, errors.ForeignFile)) as caught:
        Dynafile(folded)
    assert str(caught.value.path).startswith(str(folded))
    assert str(folded) in str(caught.value)


class Run:
    """A pickle of it would make a file when it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("kind", ["code", "another class", "huge", "not bytes", "persistent"])
def test_a_hostile_snapshot(kind: str, trusted: bool, folded: Path, tmp_path: Path) -> None:
    """Header and checksums are right, but the pickle is not ours."""
    mark = tmp_path / "it ran"
    payload = {
        "code": pickle.dumps(Run(str(mark)), protocol=5),
        "another class": pickle.dumps(Decimal(1), protocol=5),
        "huge": b"\x80\x05\x8e" + (1 << 60).to_bytes(8, "little") + b".",
        "not bytes": pickle.dumps({"a": 1}, protocol=5),
        "persistent": b"\x80\x05U\x01xQ.",
    }[kind]
    (path,) = snapshots(folded)
    meta = Meta.decode((folded / "meta.json").read_bytes(), "meta.json")
    number = int(path.parent.name.rpartition("-")[2], 16)
    lsn = int(max((folded / "journal").iterdir()).stem, 16)
    header = SnapshotHeader(1, number, lsn, 1, 0, 0, b"", None)
    path.write_bytes(encode_snapshot(meta.store_id, header, payload))
    with pytest.raises(CorruptFile) as caught, Dynafile(folded, trusted=trusted) as db:
        list(db.scan())
    assert caught.value.path == str(path)
    assert not mark.exists()


def test_damage_leaves_other_partitions_readable(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    with Dynafile(folder) as db:
        db.execute_batch(
            Action("PUT", {"PK": f"{n}", "SK": "1", "x": "x" * 300}) for n in range(2000)
        )
    paths = snapshots(folder)
    assert len(paths) > 4
    paths[2].write_bytes(paths[2].read_bytes()[:-1])
    found = 0
    with Dynafile(folder) as db:
        for n in range(2000):
            try:
                found += db.get_item(key={"PK": f"{n}", "SK": "1"}) is not None
            except CorruptFile as error:
                assert error.path == str(paths[2])
        with pytest.raises((CorruptFile, errors.CheckFailed), match=re.escape(str(paths[2]))):
            db.check()
    assert 1000 < found < 2000


# -- the errors themselves ------------------------------------------------------------------------

ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, DynafileError)
]


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_travel(kind: type[DynafileError]) -> None:
    """They pass between processes whole."""
    error = kind("what, where, what to do", pid=5, extra="filter")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.args) == (kind, str(error), error.args)
    assert copy.__dict__ == error.__dict__
    assert str(error) == error.message == "what, where, what to do"
    assert kind.__doc__
