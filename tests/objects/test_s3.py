"""S3: what is special to it, counted and looked at on a real server."""

from __future__ import annotations

import base64
import json
import os
import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from objects.conftest import CONTENT, KYDB, placed
from objects.places_s3 import S3Place
from objects.servers import free_port

from dynafile import objects as kydb
from dynafile.errors import (
    DynafileError,
    InvalidObjectURL,
    ObjectNotFound,
    ResourceNotFound,
    StoreNotReachable,
    VersionMismatch,
)
from dynafile.objects.backends import s3_ground

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Place]:
    for place in placed("s3", tmp_path):
        assert isinstance(place, S3Place)
        yield place


@pytest.fixture
def small_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every store is a large one: what is looked at before a write has two keys."""
    monkeypatch.setattr(s3_ground, "_LOOK", 2)


@contextmanager
def requests(db: Any) -> Iterator[list[str]]:
    """Count the HTTP requests of a connection, those that are tried again too."""
    made: list[str] = []

    def count(request: Any, **_: Any) -> None:
        made.append(f"{request.method} {request.url.partition('?')[2]}")

    events = db.backend.bucket.client.meta.events
    events.register("before-send.s3", count)
    yield made
    events.unregister("before-send.s3", count)


@contextmanager
def dying(db: Any, after: int) -> Iterator[None]:
    """Let the process die, as the store sees it, before a request that changes something."""
    left = [after]

    def die(request: Any, **_: Any) -> None:
        if request.method != "GET":
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

    events = db.backend.bucket.client.meta.events
    events.register("before-send.s3", die)
    try:
        yield
    finally:
        events.unregister("before-send.s3", die)


# Requests.


@pytest.mark.parametrize("base", ["", "/home/tony"])
def test_a_set_takes_two_requests(s3: S3Place, base: str) -> None:
    db = s3.connect(base)
    for value in (1, 2):
        with requests(db) as made:
            db["/a/b/c/d/e"] = value
        assert len(made) == 2
    with requests(db) as made:
        db["/top"] = 1
        db["/a/b/c/d/f"] = 1
    assert len(made) == 4
    assert s3.reopen()[f"{base}/a/b/c/d/e"] == 2


@pytest.mark.parametrize("base", ["", "/home"])
def test_a_set_in_a_large_store_takes_two_requests(s3: S3Place, base: str) -> None:
    """On a new connection some more at first: what is large is remembered for a minute."""
    db = s3.connect(base)
    db.set_many({f"/a/b/c/d/{number:04}": number for number in range(250)})
    db.set_many({f"/a/b/c/e{number}/x": number for number in range(10)})
    db.close()
    db = s3.connect(base)
    with requests(db) as made:
        db["/a/b/c/d/e"] = 1
    assert len(made) <= 4
    with requests(db) as made:
        db["/a/new/c/d/e"] = 1
    assert len(made) <= 4
    for key in ("/a/b/c/d/0100", "/a/b/c/d/new", "/a/b/c/d/9", "/a/b/c/e5/new"):
        with requests(db) as made:
            db[key] = 1
        assert len(made) == 2, (key, made)


def test_reads_take_one_request(s3: S3Place) -> None:
    db = s3.db
    db["/a/b/c"] = [0] * 100
    for use in (
        lambda: db["/a/b/c"],
        lambda: db.read("/a/b/c", reload=True),
        lambda: db.exists("/a/b/c"),
        lambda: db.get("/a/b/nope"),
        lambda: db.is_dir("/a/b"),
        lambda: db.ls("/a"),
    ):
        with requests(db) as made:
            use()
        assert len(made) == 1


def test_what_was_read_is_not_sent_again(s3: S3Place) -> None:
    s3.db["/a"] = "x" * 1000
    answers: list[int] = []
    events = s3.db.backend.bucket.client.meta.events
    events.register(
        "after-call.s3", lambda http_response, **_: answers.append(http_response.status_code)
    )
    assert s3.db["/a"] == s3.db["/a"] == "x" * 1000
    assert answers == [304, 304]
    s3.elsewhere("db['/a'] = 'y'")
    assert s3.db["/a"] == "y"
    assert answers == [304, 304, 200]


def test_a_tree_is_removed_with_few_requests(s3: S3Place) -> None:
    db = s3.db
    db.set_many({f"/f/{number % 10}/{number}": number for number in range(1000)})
    db.set_many({"/f.x": 1, "/f-x": 1, "/ff/x": 1, "/f0": 1})
    counts: list[int] = []
    with requests(db) as made:
        db.rm_tree("/f", progress=counts.append)
    assert len(made) <= 6
    assert sum(counts) == 1000
    assert db.ls("/") == ["f-x", "f.x", "f0", "ff/"]
    with pytest.raises(ObjectNotFound):
        db.rm_tree("/f")


def test_many_are_written_and_read_at_once(s3: S3Place) -> None:
    db = s3.db
    busy, most = [0], [0]
    lock = threading.Lock()

    def begin(**_: Any) -> None:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])

    def end(**_: Any) -> None:
        with lock:
            busy[0] -= 1

    events = db.backend.bucket.client.meta.events
    events.register("before-call.s3", begin)
    events.register("after-call.s3", end)
    values = {f"/f/{number}": number for number in range(60)}
    with requests(db) as made:
        db.set_many(values)
    assert len(made) == 61
    with requests(db) as made:
        assert db.get_many([*values, "/f/nope"]) == values
    assert len(made) == 61
    assert most[0] > 4


def test_a_listing_is_read_as_it_is_needed(s3: S3Place) -> None:
    db = s3.db
    db.set_many({f"/f/{number:03}": number for number in range(120)})
    with requests(db) as made:
        listing = db.list_dir("/f", page_size=50)
        assert [next(listing) for _ in range(40)] == [f"{number:03}" for number in range(40)]
        assert len(made) == 1
        assert len(list(listing)) == 80
    assert len(made) == 3


# Folders.

ODD = ["a", "a b", "a!", "a-b", "a.b", "a.c", "a", "aa", "b", "b-", "b-c", "b-c.d", "b.", "-x", "!y", "b-c.d.e", "é", "é.x", "z"]  # fmt: skip


@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("compat", [None, "kydb"])
def test_names_are_in_order(s3: S3Place, page_size: int, compat: str | None) -> None:
    """S3 has ``a-b`` before ``a/``, and KYDB's markers apart from what they mark."""
    db = s3.connect(compat=compat)
    rng = random.Random(page_size)
    for _ in range(3):
        names = {name: rng.random() < 0.5 for name in ODD}
        for name, is_folder in names.items():
            if is_folder and rng.random() < 0.3:
                db.mkdir(f"/f/{name}")
            elif is_folder:
                db[f"/f/{name}/x"] = 1
            else:
                db[f"/f/{name}"] = 1
        db.set("/f/.configs/x", 1, system_obj=True)
        wanted = [f"{name}/" if names[name] else name for name in sorted(names)]
        assert list(db.list_dir("/f", page_size=page_size)) == wanted
        assert db.ls("/f", include_dir=False) == [name for name in wanted if name[-1] != "/"]
        db.rm_tree("/f")


def test_markers_are_few(s3: S3Place) -> None:
    s3.db["/a/b/c"] = 1
    assert s3.all_keys() == ["a/b/c"]
    s3.db.mkdir("/a/b")
    s3.db.mkdir("/a/d/e")
    assert s3.all_keys() == ["a/b/c", "a/d/e/"]
    s3.db.delete("/a/b/c")
    assert s3.all_keys() == ["a/b/", "a/d/e/"]
    s3.db.rmdir("/a/d/e")
    assert s3.all_keys() == ["a/b/", "a/d/"]
    s3.db.rm_tree("/a/d")
    s3.db.rm_tree("/a/b")
    assert s3.all_keys() == ["a/"]
    s3.db.rmdir("/a")
    assert s3.all_keys() == []


def test_keys_of_others_are_not_in_the_way(s3: S3Place) -> None:
    """What no key of ours names is not listed, and removed with its folder."""
    for key in (
        "f//x",
        "f/../x",
        "f/./y",
        "f/a\x01b",
        "f/\x02/c",
        "f/fine",
        "f/g/",
        f"f/{'x' * 300}",
    ):
        s3.plant(key, b"")
    assert s3.db.ls("/f") == ["fine", "g/"]
    assert s3.db.ls("/f/g") == []
    with pytest.raises(KeyError, match="not empty"):
        s3.db.rmdir("/f")
    s3.db.rm_tree("/f")
    assert s3.all_keys() == []


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize(
    "statement",
    ["db.delete('/a/b/c')", "db.rmdir('/a/e/f')", "db.rm_tree('/a/b')", "db['/a/b/g'] = 1"],
)
@pytest.mark.parametrize("compat", [None, "kydb"])
def test_a_crash_leaves_no_folder_out(
    s3: S3Place, statement: str, after: int, compat: str | None
) -> None:
    """Whatever request is the last of a process, the folders around are there, and it can go on."""
    db = s3.connect(compat=compat)
    db["/a/b/c"] = 1
    db.mkdir("/a/e/f")
    try:
        with dying(db, after):
            exec(statement, {"db": db})
    except KeyboardInterrupt:
        pass
    else:
        assert after > 0
    db = s3.reopen()
    assert db.is_dir("/a")
    assert db.is_dir("/a/e")
    if "rm_tree" not in statement:
        assert db.is_dir("/a/b")
    try:
        exec(statement, {"db": db})
    except KeyError:
        pass
    assert db.is_dir("/a")
    assert db.is_dir("/a/e") is True
    assert db.exists("/a/b/c") is ("c" not in statement and "tree" not in statement)


def test_what_another_process_made_is_in_the_way(s3: S3Place, small_look: None) -> None:
    db = s3.db
    for name in "abcdefgh":
        db[f"/large/{name}/x"] = 1
        db[f"/large/{name}y"] = 1
    other = s3.connect(compat="kydb")
    other.mkdir("/large/empty")
    other["/large/object"] = 1
    other["/large/folder/x"] = 1
    for key in (
        "/large/empty",
        "/large/object/x",
        "/large/object/x/y",
        "/large/folder",
        "/large",
        "/large/a/x/y",
    ):
        with pytest.raises(KeyError, match="folder|object"):
            db[key] = 1
        with pytest.raises(KeyError, match="folder|object"):
            db.set_many({"/large/fine": 1, key: 1})
    for key in ("/large/object", "/large/object/x", "/large/a/x", "/large/a/x/y"):
        with pytest.raises(KeyError, match="object"):
            db.mkdir(key)
    assert not db.exists("/large/fine")
    db["/large/empty/x"] = db["/large/new/x/y"] = 1


def test_threads_do_not_contradict_each_other(s3: S3Place) -> None:
    db = s3.db
    for attempt in range(5):
        barrier = threading.Barrier(2)
        failed: list[BaseException] = []

        def write(key: str) -> None:
            barrier.wait()
            try:
                db[key] = 1
            except KeyError as error:
                failed.append(error)

        keys = (f"/{attempt}/x", f"/{attempt}/x/y")
        threads = [threading.Thread(target=write, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(failed) <= 1 + (not db.ls("/"))
        assert not (db.exists(keys[0]) and db.exists(keys[1]))


@pytest.mark.parametrize("look", [1, 3, 200])
@pytest.mark.parametrize("compat", [None, "kydb"])
def test_it_is_as_memory_is(
    s3: S3Place, look: int, compat: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections write at random, and every answer is that of a store in memory."""
    monkeypatch.setattr(s3_ground, "_LOOK", look)
    rng = random.Random(look)
    ours = [s3.connect(compat=compat), s3.connect(compat=compat, allow_pickle=True)]
    model = s3.keep(kydb.connect(f"memory://{uuid4().hex}"))
    parts = ["a", "a.b", "a-", "b", "c c"]
    for step in range(150):
        path = "".join(f"/{rng.choice(parts)}" for _ in range(rng.randint(1, 4)))
        call = rng.choice(
            [
                "set",
                "set",
                "set",
                "set",
                "mkdir",
                "delete",
                "rmdir",
                "ls",
                "is_dir",
                "exists",
                "get",
            ]
        )
        if rng.random() < 0.03:
            call = "rm_tree"
        results = []
        for db in (rng.choice(ours), model):
            try:
                arguments = (path, step) if call == "set" else (path,)
                results.append(getattr(db, call)(*arguments))
            except DynafileError as error:
                results.append(type(error))
        assert results[0] == results[1], (step, call, path)
    assert _walk(ours[0]) == _walk(model)


def _walk(db: Any, folder: str = "/") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in db.ls(folder):
        path = f"{folder}{name}"
        found |= {path: None, **_walk(db, path)} if name[-1] == "/" else {path: db[path]}
    return found


# Versions.


def test_conditions(s3: S3Place) -> None:
    db = s3.db
    db.set("/a", 1, if_match=None)
    with pytest.raises(VersionMismatch):
        db.set("/a", 2, if_match=None)
    version = db.version("/a")
    s3.elsewhere("db['/a'] = 3")
    with pytest.raises(VersionMismatch) as refused:
        db.set("/a", 2, if_match=version)
    assert refused.value.version == db.version("/a") != version
    with pytest.raises(VersionMismatch):
        db.delete("/a", if_match=version)
    with pytest.raises(VersionMismatch, match="not there"):
        db.set("/nope", 2, if_match=version)
    db.set("/a", 4, if_match=db.version("/a"))
    db.delete("/a", if_match=db.version("/a"))
    assert s3.all_keys() == []


def test_one_writer_wins(s3: S3Place) -> None:
    db = s3.db
    barrier = threading.Barrier(8)
    won: list[int] = []

    def write(number: int) -> None:
        barrier.wait()
        try:
            db.set("/lock", number, if_match=None)
            won.append(number)
        except VersionMismatch:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [db["/lock"]]


# KYDB's.


def test_what_kydb_wrote_is_read(s3: S3Place) -> None:
    for key, data in json.loads((KYDB / "s3.json").read_text()).items():
        s3.plant(key, base64.b64decode(data))
    for base in reversed(CONTENT["BASES"]):
        db = s3.connect(base)
        for key, value in CONTENT["PLAIN"].items():
            assert db[key] == value
            assert db.exists(key)
        assert db.get_many(CONTENT["PLAIN"]) == CONTENT["PLAIN"]
        assert db.ls("/") == sorted(CONTENT["ROOT"] - ({"home/"} if base else set()))
        for folder in CONTENT["EMPTY_FOLDERS"]:
            assert db.is_dir(folder)
            assert db.ls(folder) == []
            with pytest.raises(KeyError, match="folder"):
                db[folder] = 1
            db.rmdir(folder)
            assert not db.is_dir(folder)
        assert db.ls("/signups") == ["anna", "walk-in", "yuki", "zoe"]
        with pytest.raises(ValueError, match="allow_pickle"):
            db["/pickled/fraction"]
        db.rm_tree("/types")
        db.rm_tree("/")
        assert db.ls("/") == []
    assert s3.all_keys() == []


@pytest.mark.parametrize("base", CONTENT["BASES"])
def test_what_is_written_for_kydb_is_its_layout(s3: S3Place, base: str) -> None:
    written = json.loads((KYDB / "s3.json").read_text())
    db = s3.connect(base, compat="kydb")
    for key, value in CONTENT["PLAIN"].items():
        db[key] = value
    for folder in CONTENT["EMPTY_FOLDERS"]:
        db.mkdir(folder)
    within = base[1:] + "/" if base else ""
    found = {key for key in s3.all_keys() if key.startswith(within)}
    left = {"hello-world", "numeric", "pickled", "signups", ".configs", *([] if base else ["home"])}
    wanted = {
        key
        for key in written
        if key.startswith(within)
        and key[len(within) :].removeprefix(".folder-").partition("/")[0] not in left
    }
    assert found == wanted
    for key in found:
        if ".folder-" in key:
            data = s3.s3.get_object(Bucket=s3.bucket, Key=key)["Body"].read()
            assert data == base64.b64decode(written[key])
    if base:
        assert {".folder-home", "home/.folder-tony"} <= set(s3.all_keys())
    with requests(db) as made:
        db["/foo/bar/qux"] = 1
    assert len(made) == 2


# Errors.

CALLS = [
    "db['/a']", "db.get('/a')", "db['/a'] = 1", "db['/a/b'] = 1", "db.exists('/a')", "'/a' in db", "db.is_dir('/a')", "db.ls('/')", "db.ls('/a')", "db.mkdir('/a')",
    "db.rmdir('/a')", "db.rm_tree('/a')", "db.rm_tree('/')", "db.delete('/a')", "db.delete('/a/b')", "db.get_many(['/a', '/b'])", "db.set_many({'/a': 1, '/b/c': 1})",
    "list(db.recent('/', allow_scan=True))", "db.version('/a')", "db.set('/a', 1, if_match=None)",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_bucket_is_named(s3: S3Place, call: str) -> None:
    db = s3.keep(kydb.connect("s3://no-such-bucket"))
    with pytest.raises(ResourceNotFound, match="no-such-bucket") as raised:
        exec(call, {"db": db})
    assert raised.value.resource == "no-such-bucket"
    assert not isinstance(raised.value, KeyError)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork_in_the_middle_of_a_write(s3: S3Place) -> None:
    """The locks stay locked in the child, and nothing there waits for them.

    Once those of a bucket were shared with the child, where the thread that has them is not.
    """
    s3.elsewhere(
        f"""
import os
from dynafile.errors import HandleForked
db.set_many({{"/a": 1, "/c/d": 0}})
known, bucket = db.backend._known, db.backend.bucket
memories = [known.large, known.markers, known.marked]
locks = [known.claims._lock, bucket._lock, db._bytes._lock, *known.deleting]
locks += [memory._lock for memory in memories]
united = kydb.connect("{s3.url()}/x;{s3.url()}")
for lock in locks:
    lock.acquire()
child = os.fork()
if child == 0:
    for store in (db, united):
        for use in (store.get, store.exists, store.delete):
            try:
                use("/a")
            except HandleForked as error:
                assert "connect again" in str(error)
            else:
                os._exit(1)
        store.close()
    with kydb.connect({s3.url()!r}) as again:
        again.set_many({{"/b/c": again["/a"] + 1, "/b/d": 3}})
        again.delete("/b/d")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
for lock in locks:
    lock.release()
assert (db["/b/c"], db.ls("/b")) == (2, ["c"])
united.close()
"""
    )


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    url = f"s3://bucket?endpoint_url=http://127.0.0.1:{free_port()}&region=us-east-1"
    with kydb.connect(url) as db:
        for call in ("db['/a']", "db['/a'] = 1", "db.exists('/a')", "db.ls('/')"):
            with pytest.raises(StoreNotReachable, match="endpoint_url") as raised:
                exec(call, {"db": db})
            assert raised.value.__cause__ is not None


def test_credentials(s3: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with (
        kydb.connect(f"s3://{s3.bucket}?region=eu-west-1") as db,
        pytest.raises(StoreNotReachable, match="AWS_ACCESS_KEY_ID"),
    ):
        db["/a"]


@pytest.mark.parametrize("name", ["a b", "ä", "x" * 300, "a%2f", "a:b"])
def test_names_that_no_bucket_has(name: str) -> None:
    with pytest.raises(InvalidObjectURL):
        kydb.connect(f"s3://{name}")


def test_settings_of_the_file(s3: S3Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "kydb.yaml"
    config.write_text(
        f"dbs:\n  {s3.bucket}:\n    region: eu-central-1\n    endpoint_url: {s3.s3.meta.endpoint_url}\n"
    )
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(config))
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    with kydb.connect(f"s3://{s3.bucket}/elsewhere") as db:
        db["/a"] = 1
        assert db.backend.bucket.client.meta.region_name == "eu-central-1"
    assert s3.all_keys() == ["elsewhere/a"]
