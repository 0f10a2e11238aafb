"""What is special to ``dynamodb://``: KYDB's table, the requests, conditions, indexes and limits.

On two emulators of DynamoDB. Where they are not as the service, the test says so.
"""

from __future__ import annotations

import base64
import json
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import settings
from objects.conftest import CONTENT, KYDB, placed
from objects.places_dynamodb import DynoxidePlace
from objects.servers import dynoxide, free_port
from objects.test_against_a_model import SETTINGS, StoreMachine

from dynafile import objects as kydb
from dynafile.errors import (
    DynafileError,
    FolderNotEmpty,
    InvalidObjectArgument,
    InvalidObjectURL,
    LimitExceeded,
    ObjectNotFound,
    ObjectTooLarge,
    PathTaken,
    ResourceInUse,
    ResourceNotFound,
    StoreNotReachable,
    TransactionConflict,
    VersionMismatch,
)
from dynafile.objects.backend import WriteOptions
from dynafile.objects.backends.dynamodb import create_table
from dynafile.objects.backends.dynamodb_items import MAX_OBJECT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MARKER = {"B": b"\x80\x04\x88."}


@pytest.fixture(params=["dynamodb", "dynoxide"])
def ddb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A table on each of the emulators."""
    yield from placed(request.param, tmp_path)


@contextmanager
def requests(db: Any) -> Iterator[list[str]]:
    """Note each request that is sent, by its name."""
    sent: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        sent.append(event_name.rpartition(".")[2])

    events = db.backend._table._client.meta.events
    events.register("before-send.dynamodb", note)
    yield sent
    events.unregister("before-send.dynamodb", note)


@contextmanager
def meanwhile(db: Any, before: str, do: Callable[[], object]) -> Iterator[None]:
    """Do something once, before a request of this name is sent."""
    done: list[bool] = []

    def interfere(**_: Any) -> None:
        if not done:
            done.append(True)
            do()

    events = db.backend._table._client.meta.events
    events.register(f"before-call.dynamodb.{before}", interfere)
    yield
    events.unregister(f"before-call.dynamodb.{before}", interfere)
    assert done


def as_kydb(place: Any, path: str, value: Any, *, timed: bool = True, **index: int) -> None:
    """Write an object as KYDB 1.1.0 does."""
    values = {
        ":f": {"S": path.rpartition("/")[0] + "/"},
        ":c": {"B": pickle.dumps(value)},
        ":t": {"N": str(time.time_ns())},
    }
    times = ", mtime=:t, ctime=if_not_exists(ctime, :t)" if timed else ""
    if not timed:
        del values[":t"]
    sets = "".join(f", #{name}=:{name}" for name in index)
    names = {"ExpressionAttributeNames": {f"#{name}": name for name in index}} if index else {}
    place.client.update_item(
        TableName=place.table,
        Key={"path": {"S": path}},
        UpdateExpression=f"SET folder=:f, contents=:c{times}{sets}",
        ExpressionAttributeValues=values
        | {f":{name}": {"N": str(number)} for name, number in index.items()},
        **names,
    )


# KYDB's data, and data for it.


@pytest.fixture
def kydbs(ddb: Any) -> Any:
    """The table that KYDB wrote."""
    fixture = json.loads((KYDB / "dynamodb.json").read_text())
    ddb.close()
    ddb.table += "-kydb"
    ddb.client.create_table(**fixture["table"] | {"TableName": ddb.table})
    items = fixture["items"]
    for item in items:
        item["contents"]["B"] = base64.b64decode(item["contents"]["B"])
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        ddb.client.batch_write_item(RequestItems={ddb.table: puts})
    ddb.db = ddb.connect()
    return ddb


@pytest.mark.parametrize("base", CONTENT["BASES"])
def test_what_kydb_wrote_is_read(kydbs: Any, base: str) -> None:
    db = kydbs.connect(base)
    for key, value in CONTENT["PLAIN"].items():
        assert db[key] == value
        assert type(db[key]) is type(value)
    names = CONTENT["ROOT"] | {"legacy/"}
    assert db.ls("/") == sorted(names - ({"home/", "legacy/"} if base else set()))
    assert db.ls("/signups") == ["anna", "walk-in", "yuki", "zoe"]
    for folder in CONTENT["EMPTY_FOLDERS"]:
        assert db.is_dir(folder)
        assert db.ls(folder) == []
    by_date = db.folder("/signups").by("class_date")
    assert list(by_date) == ["yuki", "zoe", "anna"]
    assert list(by_date.items()) == [
        (name, CONTENT["INDEXED"][f"/signups/{name}"][0]) for name in ("yuki", "zoe", "anna")
    ]
    assert list(db.recent("/signups")) == ["walk-in", "zoe", "yuki", "anna"]
    with pytest.raises(kydb.IndexNotSupported, match="folder-rank-index"):
        list(db.folder("/signups").by("rank"))
    assert list(db.folder("/signups", allow_scan=True).by("rank")) == ["yuki"]
    trusting = kydbs.connect(base, allow_pickle=True)
    assert {key: trusting[key] for key in CONTENT["PICKLED"]} == CONTENT["PICKLED"]


def test_objects_without_times_are_the_oldest(kydbs: Any) -> None:
    db = kydbs.db
    db["/legacy/new"] = db["/legacy/folder/x"] = 1
    assert db["/legacy/old"] == CONTENT["LEGACY"]["/legacy/old"]
    assert list(db.folder("/legacy")) == ["old", "new"]
    assert list(db.recent("/legacy")) == ["new", "old"]
    assert list(db.recent("/legacy", 1)) == ["new"]
    assert list(db.folder("/legacy").limit(1).entries()) == [kydb.Entry("old", 0, 0, 0)]
    assert list(db.folder("/legacy").since(1)) == ["new"]
    assert list(db.folder("/legacy").until(0)) == ["old"]
    before = time.time_ns()
    assert db.reindex("/legacy") == 1
    assert db.reindex("/legacy") == 0
    assert list(db.folder("/legacy")) == ["new", "old"]
    (*_, old) = db.folder("/legacy").entries()
    assert before <= old.mtime == old.ctime == old.index_value <= time.time_ns()
    assert db["/legacy/old"] == CONTENT["LEGACY"]["/legacy/old"]


def test_what_is_written_is_kydbs_layout(ddb: Any) -> None:
    db = ddb.connect("/home", compat="kydb")
    before = time.time_ns()
    db.set("/a/b", [1], index={"class_date": 5, "rank": None})
    items = ddb.items()
    written = items.pop("/home/a/b")
    mtime = int(written["mtime"]["N"])
    assert before <= mtime <= time.time_ns()
    assert written == {
        "path": {"S": "/home/a/b"},
        "folder": {"S": "/home/a/"},
        "contents": {"B": pickle.dumps([1])},
        "mtime": {"N": str(mtime)},
        "ctime": {"N": str(mtime)},
        "class_date": {"N": "5"},
    }
    assert items == {
        "/.folder-home": {"path": {"S": "/.folder-home"}, "folder": {"S": "/"}, "contents": MARKER},
        "/home/.folder-a": {
            "path": {"S": "/home/.folder-a"},
            "folder": {"S": "/home/"},
            "contents": MARKER,
        },
    }


def test_what_others_wrote_beside_it_stays(ddb: Any) -> None:
    ddb.db.set("/f/a", 1, index={"class_date": 1})
    ddb.client.update_item(
        TableName=ddb.table,
        Key={"path": {"S": "/f/a"}},
        UpdateExpression="SET note=:n",
        ExpressionAttributeValues={":n": {"S": "kept"}},
    )
    before = ddb.items()["/f/a"]
    ddb.db["/f/a"] = 2
    after = ddb.items()["/f/a"]
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"contents", "mtime"}
    assert after.keys() == before.keys()


def test_index_values_are_told_from_other_numbers(ddb: Any) -> None:
    db = ddb.db
    db.set("/f/a", 1, index={"class_date": 20260905, "rank": -5}, ttl=60)
    assert db.backend.index_values("/f/a") == {"class_date": 20260905, "rank": -5}
    db["/f/b"] = 1
    for path in ("/f/b", "/f/nope", "/f"):
        assert db.backend.index_values(path) == {}


def test_kydb_writes_beside_it(ddb: Any) -> None:
    """Its writes are seen, with the times or without them, and so is that they are others."""
    db = ddb.db
    db["/f/a"] = 1
    for timed in (True, False, False):
        value = db["/f/a"]
        version = db.version("/f/a")
        as_kydb(ddb, "/f/a", value + 1, timed=timed)
        assert db["/f/a"] == value + 1
        with pytest.raises(VersionMismatch):
            db.set("/f/a", 0, if_match=version)
        assert db["/f/a"] == value + 1


def test_an_object_beside_a_folder_of_its_name_can_be_used(ddb: Any) -> None:
    """As KYDB leaves them: neither is in the way of what is there, only of what is not."""
    ddb.db["/a/b/c"] = 1
    as_kydb(ddb, "/a/b", 2)
    assert ddb.db["/a/b"] == 2
    assert ddb.db.ls("/a") == ["b", "b/"]
    ddb.db["/a/b"] = 3
    ddb.db["/a/b/c"] = 4
    assert (ddb.db["/a/b"], ddb.db["/a/b/c"]) == (3, 4)
    ddb.db.delete("/a/b")
    assert ddb.db.ls("/a") == ["b/"]
    with pytest.raises(PathTaken):
        ddb.db["/a/b"] = 5


# Requests.


@pytest.mark.parametrize("base", ["", "/home/tony", "/a/b/c/d/e"])
def test_requests(ddb: Any, base: str) -> None:
    """KYDB: 15, 63, and 511 of them for the first write."""
    db = ddb.connect(base)
    cases: list[tuple[Callable[[], object], int]] = [
        (lambda: db.set("/a/b/c/d/e", 1), 2),
        (lambda: db.set("/a/b/c/d/e", 2, index={"class_date": 1}), 2),
        (lambda: db.set("/a/b/c/d/f", 2), 2),
        (lambda: db.set("/a/b/x/y/z", 2, ttl=60), 2),
        (lambda: db["/a/b/c/d/e"], 1),
        (lambda: db.get("/a/b/c/d/nope"), 1),
        (lambda: db.exists("/a/b/c/d/e"), 1),
        (lambda: db.is_dir("/a/b/c"), 1),
        (lambda: db.ls("/a/b"), 2),  # with the description of the table, once
        (lambda: db.ls("/a/b"), 1),
        (lambda: db.ls("/a/b/c/d"), 1),
        (lambda: db.mkdir("/a/b/c/d"), 1),
        (lambda: db.mkdir("/m/n/o"), 2),
        (lambda: db.rmdir("/m/n/o"), 4),
        (lambda: db.folder("/a/b/c/d"), 0),
        (lambda: list(db.recent("/a/b/c/d", 1)), 1),
        (lambda: list(db.folder("/a/b/c/d").by("class_date")), 1),
        (lambda: db.delete("/a/b/c/d/e"), 1),
    ]
    for number, (call, most) in enumerate(cases):
        with requests(db) as sent:
            call()
        assert len(sent) <= most, (number, sent)


def test_requests_of_many(ddb: Any) -> None:
    """KYDB: 2,005 to remove a thousand objects. On moto fewer, as it copies them for each write."""
    db = ddb.db
    count = 1000 if isinstance(ddb, DynoxidePlace) else 200
    with requests(db) as sent:
        db.set_many({f"/few/{number}": number for number in range(30)})
    assert len(sent) == 2
    values = {f"/many/{number // 100}/{number}": number for number in range(count)}
    with requests(db) as sent:
        db.set_many(values)
    assert len(sent) <= count / 10
    with requests(db) as sent:
        assert db.get_many(values) == values
    assert len(sent) == count / 100
    removed: list[int] = []
    with requests(db) as sent:
        db.rm_tree("/many", progress=removed.append)
    assert len(sent) <= count / 10
    assert sum(removed) == count
    assert db.ls("/") == ["few/"]


def test_deep_folders(ddb: Any) -> None:
    """More folders than a transaction or a batch holds."""
    key = "/x" * 120
    ddb.db[key] = 1
    assert ddb.db[key] == 1
    assert ddb.db.ls("/x" * 119) == ["x"]
    ddb.db.rm_tree("/x")
    assert ddb.items() == {}


def test_what_is_left_undone_is_asked_again(ddb: Any) -> None:
    """DynamoDB does a part of a batch when it is busy; the emulators never do."""
    db = ddb.db
    db.set_many({f"/f/{number}": number for number in range(30)})
    held: list[str] = []

    def hold_back(parsed: Any, model: Any, **_: Any) -> None:
        if "UnprocessedKeys" in parsed and len(held) < 5:
            held.append(model.name)
            (items,) = parsed["Responses"].values()
            keys = [{"path": items.pop()["path"]} for _ in range(min(7, len(items)))]
            parsed["UnprocessedKeys"] = {ddb.table: {"Keys": keys, **asked[-1]}}
        if "UnprocessedItems" in parsed and len(held) < 5:
            held.append(model.name)
            parsed["UnprocessedItems"] = {
                ddb.table: [{"DeleteRequest": {"Key": {"path": {"S": "/f/1"}}}}]
            }

    asked: list[Any] = []

    def note(params: Any, **_: Any) -> None:
        (table,) = params["RequestItems"].values()
        asked.append({name: value for name, value in table.items() if name != "Keys"})

    events = db.backend._table._client.meta.events
    events.register("provide-client-params.dynamodb.BatchGetItem", note)
    events.register("after-call.dynamodb", hold_back)
    assert len(db.get_many([f"/f/{number}" for number in range(30)])) == 30
    assert held == ["BatchGetItem"] * 5
    held.clear()
    db.rm_tree("/f")
    assert "BatchWriteItem" in held
    events.unregister("after-call.dynamodb", hold_back)
    assert ddb.items() == {}


# What somebody else does between the two requests.


def test_a_folder_comes_where_an_object_is_written(ddb: Any) -> None:
    other = ddb.connect("/f")
    with (
        meanwhile(ddb.db, "TransactWriteItems", lambda: other.__setitem__("a/x", 1)),
        pytest.raises(PathTaken, match="/f/a"),
    ):
        ddb.db["/f/a"] = 2
    assert ddb.db.ls("/f") == ["a/"]


def test_an_object_comes_where_a_folder_is_written(ddb: Any) -> None:
    other = ddb.connect("/f")
    for write in (lambda: ddb.db.set("/f/a/b/c", 2), lambda: ddb.db.mkdir("/f/a/b")):
        with (
            meanwhile(ddb.db, "TransactWriteItems", lambda: other.__setitem__("a", 1)),
            pytest.raises(PathTaken, match="/f/a"),
        ):
            write()
        assert ddb.db.ls("/f") == ["a"]
        ddb.db.rm_tree("/f")


def test_the_object_comes_or_goes_while_it_is_written(ddb: Any) -> None:
    other = ddb.connect("/f")
    with meanwhile(ddb.db, "TransactWriteItems", lambda: other.set("a", 1, index={"rank": 7})):
        ddb.db["/f/a"] = 2
    assert ddb.db["/f/a"] == 2
    assert ddb.items()["/f/a"]["rank"] == {"N": "7"}
    with meanwhile(ddb.db, "UpdateItem", lambda: other.delete("a")):
        ddb.db["/f/a"] = 3
    assert ddb.db["/f/a"] == 3
    assert "rank" not in ddb.items()["/f/a"]


def test_the_folder_goes_while_it_is_written(ddb: Any) -> None:
    """The folder that was removed comes back, at the latest with the next write."""
    ddb.db.mkdir("/f/g")
    with meanwhile(ddb.db, "TransactWriteItems", lambda: ddb.connect("/f").rmdir("g")):
        ddb.db["/f/g/a"] = 1
    assert ddb.db["/f/g/a"] == 1
    ddb.db["/f/g/a"] = 2
    assert ddb.db.ls("/f") == ["g/"]


def test_a_folder_that_is_written_to_is_not_removed(ddb: Any) -> None:
    ddb.db.mkdir("/f/g")
    with (
        meanwhile(ddb.db, "DeleteItem", lambda: ddb.connect("/f").set("g/a", 1)),
        pytest.raises(FolderNotEmpty, match="/f/g"),
    ):
        ddb.db.rmdir("/f/g")
    assert ddb.db.ls("/f") == ["g/"]
    with meanwhile(ddb.db, "DeleteItem", lambda: ddb.connect("/f").set("g/b", 1)):
        ddb.db.rm_tree("/f/g")
    assert ddb.items().keys() == {"/.folder-f"}


def test_an_index_that_lags_does_not_keep_a_folder(ddb: Any) -> None:
    """On DynamoDB the index may show what was deleted; the emulators' are never behind."""
    ddb.db["/f/a"] = 1
    stale = {"path": {"S": "/f/a"}, "folder": {"S": "/f/"}}

    def lag(parsed: Any, **_: Any) -> None:
        parsed["Items"].append(stale)

    ddb.db.delete("/f/a")
    events = ddb.db.backend._table._client.meta.events
    events.register("after-call.dynamodb.Query", lag)
    ddb.db.rmdir("/f")
    events.unregister("after-call.dynamodb.Query", lag)
    assert ddb.items() == {}


def test_objects_and_folders_do_not_meet(ddb: Any) -> None:
    """Threads that want one name as an object and as a folder: one of the two it is."""
    for number in range(10):
        start = threading.Barrier(2)

        def attempt(key: str, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                ddb.db[key] = 1
            except PathTaken:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            done = list(threads.map(attempt, (f"/n{number}", f"/n{number}/x")))
        assert sorted(done) == [False, True]
    assert len(ddb.db.ls("/")) == 10


def test_many_threads_write_into_new_folders(ddb: Any) -> None:
    keys = [f"/a/b{number % 3}/c/{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: ddb.db.set(key, key), keys))
    assert ddb.db.get_many(keys) == {key: key for key in keys}
    assert [len(ddb.db.ls(f"/a/b{number}/c")) for number in range(3)] == [8, 8, 8]


# Conditions and expiry.


def test_writes_depend_on_versions(ddb: Any) -> None:
    db = ddb.db
    db.set("/f/a", 1, if_match=None)
    with pytest.raises(VersionMismatch, match="/f/a is there already"):
        db.set("/f/a", 2, if_match=None)
    first = db.version("/f/a")
    db.set("/f/a", 2, if_match=first)
    second = db.version("/f/a")
    for write in (
        lambda: db.set("/f/a", 3, if_match=first),
        lambda: db.delete("/f/a", if_match=first),
    ):
        with pytest.raises(VersionMismatch) as refused:
            write()
        assert refused.value.version == second
    with pytest.raises(VersionMismatch, match="not there"):
        db.set("/f/b", 3, if_match=first)
    assert db["/f/a"] == 2
    db.delete("/f/a", if_match=second)
    with pytest.raises(ObjectNotFound):
        db.delete("/f/a", if_match=second)
    assert db.ls("/f") == []


@pytest.mark.parametrize("timed", [True, False])
def test_versions_hold_until_it_is_written(ddb: Any, timed: bool) -> None:
    """Also against KYDB, whose writes may leave the time as it is."""
    db = ddb.db
    db["/f/a"] = "x"
    first = db.version("/f/a")
    for request, do in (
        ("TransactWriteItems", lambda: db.set("/f/a", "z", if_match=first)),
        ("DeleteItem", lambda: db.delete("/f/a", if_match=first)),
    ):
        with (
            meanwhile(db, request, lambda: as_kydb(ddb, "/f/a", "y", timed=timed)),
            pytest.raises(VersionMismatch),
        ):
            do()
        assert db["/f/a"] == "y"
        db["/f/a"] = "x"
        first = db.version("/f/a")


def test_what_expires_is_gone(ddb: Any) -> None:
    """DynamoDB deletes it within days; here nobody does, so that it is hidden is what is seen."""
    db = ddb.db
    db.set("/f/a", 1, ttl=60, index={"class_date": 5})
    db["/f/b"] = 1
    item = ddb.items()["/f/a"]
    assert 58 < int(item["ttl"]["N"]) - time.time() <= 61
    assert db["/f/a"] == 1
    ddb.client.put_item(TableName=ddb.table, Item=item | {"ttl": {"N": str(int(time.time()) - 1)}})
    assert db.get("/f/a") is None
    assert not db.exists("/f/a")
    assert db.get_many(["/f/a", "/f/b"]) == {"/f/b": 1}
    assert db.ls("/f") == list(db.recent("/f")) == list(db.folder("/f", allow_scan=True)) == ["b"]
    assert list(db.folder("/f").by("class_date")) == []
    with pytest.raises(ObjectNotFound):
        db.delete("/f/a")
    with pytest.raises(VersionMismatch, match="not there"):
        db.set("/f/a", 1, if_match="1-1")
    db.mkdir("/f/a/b")  # it is in nobody's way
    db.rmdir("/f/a/b")
    db.rmdir("/f/a")
    db.set("/f/a", 2, if_match=None)
    after = ddb.items()["/f/a"]
    assert after.keys() == {"path", "folder", "contents", "mtime", "ctime"}
    assert after["mtime"] == after["ctime"] != item["ctime"]
    assert db["/f/a"] == 2
    db.set("/f/c", 1, ttl=60)
    db["/f/c"] = 1
    assert "ttl" not in ddb.items()["/f/c"]


@pytest.mark.parametrize("ttl", ["1", "20260905", "9" * 19])
def test_a_ttl_of_no_time_is_no_ttl(ddb: Any, ttl: str) -> None:
    """As DynamoDB has it: an index of KYDB's may have this name, and what is no recent second stays."""
    as_kydb(ddb, "/f/a", 1, ttl=int(ttl))
    assert ddb.db["/f/a"] == 1
    with pytest.raises(InvalidObjectArgument, match="ttl"):
        ddb.db.set("/f/b", 1, index={"ttl": 5})


# Transactions.


def test_requests_of_a_transaction(ddb: Any) -> None:
    db = ddb.db
    db.set_many({"/f/a": 1, "/f/b": 1})
    with requests(db) as sent, db.transaction() as tx:
        tx["/f/a"] += 1
        tx["/f/b"] = 2
        tx["/g/h/c"] = 3
    assert sent == ["GetItem", "BatchGetItem", "TransactWriteItems"]
    assert db.get_many(["/f/a", "/f/b", "/g/h/c"]) == {"/f/a": 2, "/f/b": 2, "/g/h/c": 3}
    assert db.ls("/") == ["f/", "g/"]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("del tx['/f/a']; tx['/f/a'] = 2", {"/f/a": 2}),
        ("del tx['/f/a']; tx['/f/a/b'] = 2", {"/f/a/b": 2}),
        ("tx['/n'] = 1; del tx['/n']", {"/f/a": 1}),
        ("tx['/n'] = 1; tx['/n'] = 2", {"/f/a": 1, "/n": 2}),
        ("tx.get('/n'); tx['/n/m'] = 2", {"/f/a": 1, "/n/m": 2}),
        ("tx.get('/f'); tx['/f/m'] = 2", {"/f/a": 1, "/f/m": 2}),
        ("tx.set('/f/a', 2, if_match=tx_version)", {"/f/a": 2}),
        ("tx.get('/f/a')", {"/f/a": 1}),
    ],
)
def test_a_transaction_may_change_its_mind(
    ddb: Any, statements: str, expected: dict[str, Any]
) -> None:
    ddb.db.set("/f/a", 1, index={"rank": 5})
    with ddb.db.transaction() as tx:
        exec(statements, {"tx": tx, "tx_version": ddb.db.version("/f/a")})
    assert ddb.db.get_many(["/f/a", "/f/a/b", "/f/m", "/n", "/n/m"]) == expected
    if statements.startswith("del"):
        assert "rank" not in str(ddb.items())


@pytest.mark.parametrize(
    ("statement", "elsewhere", "error"),
    [
        ("tx['/f/a'] += 1", "other['/f/a'] = 5", TransactionConflict),
        ("tx['/f/b'] = tx['/f/a']", "other['/f/a'] = 5", TransactionConflict),
        ("tx['/f/b'] = tx['/f/a']", "other.delete('/f/a')", TransactionConflict),
        ("tx.get('/f/b'); tx['/f/c'] = 1", "other['/f/b'] = 5", TransactionConflict),
        ("tx.delete('/f/a')", "other['/f/a'] = 5", TransactionConflict),
        ("tx['/f/b'] = 1", "other['/f/b/c'] = 5", PathTaken),
        ("tx['/f/b/c'] = 1", "other['/f/b'] = 5", PathTaken),
        ("tx['/f/b'] = 1", "other['/f/b'] = 5", None),
        ("tx['/f/a'] = 2", "other['/f/a'] = 5", None),
    ],
)
def test_a_transaction_meets_another_writer(
    ddb: Any, statement: str, elsewhere: str, error: type[Exception] | None
) -> None:
    """Between the look and the write of its end."""
    ddb.db["/f/a"] = 1
    other = ddb.keep(kydb.connect(f"{ddb.url()}&expire=3600"))
    caught: list[type[Exception]] = []
    with meanwhile(ddb.db, "TransactWriteItems", lambda: exec(elsewhere, {"other": other})):
        try:
            with ddb.db.transaction() as tx:
                exec(statement, {"tx": tx})
        except (TransactionConflict, PathTaken) as refused:
            caught.append(type(refused))
    assert caught == ([] if error is None else [error])
    if error is not None:
        assert 5 in ddb.db.get_many(["/f/a", "/f/b", "/f/b/c"]).values() or "/f/a" not in ddb.db


def test_a_transaction_has_limits(ddb: Any) -> None:
    for count, size in ((60, 1), (20, 300_000)):
        with pytest.raises(LimitExceeded, match="100"), ddb.db.transaction() as tx:
            for number in range(count):
                tx[f"/f/{number}"] = incompressible(size + number)
    assert ddb.items() == {}


# Listings and folder queries.


def index(name: str, sort: str | None, projection: dict[str, Any]) -> dict[str, Any]:
    keys = [{"AttributeName": "folder", "KeyType": "HASH"}]
    if sort is not None:
        keys.append({"AttributeName": sort, "KeyType": "RANGE"})
    return {"IndexName": name, "KeySchema": keys, "Projection": projection}


ALL = {"ProjectionType": "ALL"}
KEYS_ONLY = {"ProjectionType": "KEYS_ONLY"}
TIMES = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["mtime", "ctime"]}
TABLES: dict[str, list[dict[str, Any]]] = {
    "historical": [index("folder-index", None, ALL)],
    "bare": [
        index("folder-index", None, KEYS_ONLY),
        index("folder-time-index", "mtime", KEYS_ONLY),
    ],
    "manual": [index("folder-index", None, TIMES), index("folder-rank-index", "rank", TIMES)],
    "everything": [
        index("folder-index", "path", ALL),
        index("folder-time-index", "mtime", ALL),
        index("folder-rank-index", "rank", ALL),
    ],
}


@pytest.fixture(params=TABLES)
def older(ddb: Any, request: pytest.FixtureRequest) -> Any:
    """A table with other indexes than ours, and what indexes it has."""
    ddb.close()
    ddb.table += "-older"
    indexes = TABLES[request.param]
    used = {key["AttributeName"] for each in indexes for key in each["KeySchema"]} | {"path"}
    ddb.client.create_table(
        TableName=ddb.table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "path", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S" if name in ("path", "folder") else "N"}
            for name in sorted(used)
        ],
        GlobalSecondaryIndexes=indexes,
    )
    ddb.db = ddb.connect()
    ddb.indexes = {each["IndexName"] for each in indexes}
    return ddb


def test_tables_with_other_indexes(older: Any) -> None:
    """Contents are not fetched, what is in no index is read from the items, and a scan is asked for."""
    db = older.db
    names = ["-x", "a", "b.c", "~", "é"]
    for rank, name in enumerate(names):
        db.set(f"/f/{name}", name, index={"rank": -rank})
    as_kydb(older, "/f/untimed", 1, timed=False)
    db["/f/sub/x"] = 1
    fetched: list[Any] = []

    def note(parsed: Any, **_: Any) -> None:
        fetched.extend(parsed["Items"])

    db.backend._table._client.meta.events.register("after-call.dynamodb.Query", note)
    assert db.ls("/f") == sorted([*names, "sub/", "untimed"])
    assert list(db.list_dir("/f", page_size=1)) == db.ls("/f")
    for allow_scan in (False, True):
        for by, expected in (("mtime", ["untimed", *names]), ("rank", names[::-1])):
            name = "folder-time-index" if by == "mtime" else "folder-rank-index"
            query = db.folder("/f", allow_scan).by(by)
            if not allow_scan and name not in older.indexes:
                with pytest.raises(kydb.IndexNotSupported, match=rf"{name}.*allow_scan"):
                    list(query)
                continue
            assert list(query) == expected
            assert list(query.desc()) == expected[::-1]
            assert list(query.limit(2)) == expected[:2]
            found = {entry.key: entry for entry in query.entries()}
            assert found["a"].mtime == found["a"].ctime > 0
    assert db.reindex("/f") == 1
    assert not [item for item in fetched if "contents" in item]


def test_an_index_that_is_added_is_used(ddb: Any) -> None:
    ddb.db.set("/f/a", 1, index={"late": 2})
    with pytest.raises(kydb.IndexNotSupported, match="folder-late-index"):
        list(ddb.db.folder("/f").by("late"))
    ddb.client.update_table(
        TableName=ddb.table,
        AttributeDefinitions=[
            {"AttributeName": "folder", "AttributeType": "S"},
            {"AttributeName": "late", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexUpdates=[{"Create": index("folder-late-index", "late", TIMES)}],
    )
    ddb.db.set("/f/b", 1, index={"late": 1})
    assert list(ddb.db.folder("/f").by("late")) == ["b", "a"]


def test_equal_values_are_in_order_of_names(ddb: Any) -> None:
    for name in ("c", "a", "d", "b"):
        ddb.db.set(f"/f/{name}", 1, index={"class_date": 1 if name == "d" else 0})
    query = ddb.db.folder("/f").by("class_date")
    for limit in range(6):
        assert list(query.limit(limit)) == ["a", "b", "c", "d"][:limit]
        assert list(query.desc().limit(limit)) == ["d", "c", "b", "a"][:limit]
    assert list(query.since(10**60)) == []
    assert list(query.since(-(10**60)).until(10**60)) == ["a", "b", "c", "d"]


def test_listings_are_read_page_by_page(ddb: Any) -> None:
    ddb.db.set_many({f"/f/{number:03}": number for number in range(300)})
    ddb.db.set_many({f"/f/{name}/x": 1 for name in ("+", "000-", "a")})
    ddb.db["/f/-"] = 1
    expected = sorted([f"{number:03}" for number in range(300)] + ["-", "+/", "000-/", "a/"])
    assert ddb.db.ls("/f") == expected
    with requests(ddb.db) as sent:
        names = ddb.db.list_dir("/f", page_size=10)
        assert [next(names) for _ in range(3)] == ["+/", "-", "000"]
        assert len(sent) == 1
        assert len(list(names)) == 301
    assert len(sent) == 5  # of 10, 20, 40, 80, 160
    as_bytes = [name.encode() for name in ("ü", "z", "東", "🦊", "￿")]
    ddb.db.set_many({f"/g/{name.decode()}": 1 for name in as_bytes})
    assert [name.encode() for name in ddb.db.ls("/g")] == sorted(as_bytes)


def test_a_table_that_may_not_be_described(ddb: Any) -> None:
    """Then it has the indexes of KYDB's manual; the emulators allow everything."""
    ddb.db.set("/f/b", 1, index={"class_date": 1})
    ddb.db["/f/a"] = 1

    def deny(**_: Any) -> Any:
        import botocore.exceptions

        error = {"Code": "AccessDeniedException", "Message": "not authorized"}
        raise botocore.exceptions.ClientError({"Error": error}, "DescribeTable")

    ddb.db.backend._table._client.meta.events.register("before-call.dynamodb.DescribeTable", deny)
    assert ddb.db.ls("/f") == ["a", "b"]
    assert list(ddb.db.folder("/f").by("class_date")) == ["b"]
    assert list(ddb.db.folder("/f")) == ["b", "a"]
    with pytest.raises(kydb.IndexNotSupported, match="folder-rank-index"):
        list(ddb.db.folder("/f").by("rank"))


# Limits and errors.


def test_the_largest_object(ddb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 400 KB in all, which is known before it is sent; emulators count some bytes otherwise."""
    backend = ddb.db.backend
    # A time with zeros at its end takes fewer bytes, so that one more of the object's has room.
    monkeypatch.setattr(backend._writer, "_clock", lambda: 1_790_000_000_123_456_789)
    options = WriteOptions(index={"class_date": 20260905})
    path = "/f/größe"
    beside = sum(
        len(name) + size
        for name, size in {
            "path": len(path.encode()), "folder": 3, "contents": 0, "mtime": 11, "ctime": 11, "class_date": 5,
        }.items()
    )  # fmt: skip
    most = (400 << 10) - beside
    with requests(ddb.db) as sent:
        for size in (most + 1, most + 12, MAX_OBJECT_BYTES):
            with pytest.raises(ObjectTooLarge) as refused:
                backend.write(path, bytes(size), options)
            assert refused.value.size == size
            assert refused.value.limit == most
        with pytest.raises(ObjectTooLarge):
            ddb.db.set_many({"/fine": 1, "/large": incompressible(MAX_OBJECT_BYTES + 1)})
    assert sent == []
    assert ddb.items() == {}
    backend.write(path, bytes(380_000), options)
    assert len(backend.read(path).data) == 380_000
    ddb.client.update_item(
        TableName=ddb.table,
        Key={"path": {"S": path}},
        UpdateExpression="SET note=:n",
        ExpressionAttributeValues={":n": {"S": "n" * 10_000}},
    )
    with pytest.raises(ObjectTooLarge):  # what else is in the item only DynamoDB knows
        backend.write(path, bytes(most - 1000), options)
    assert len(backend.read(path).data) == 380_000


def incompressible(size: int) -> bytes:
    import random

    return random.Random(1).randbytes(size)


def test_a_table_that_is_not_there(ddb: Any) -> None:
    url = ddb.url().replace(ddb.table, "no-such-table")
    db = ddb.keep(kydb.connect(url))
    for call in (
        lambda: db["/a"],
        lambda: db.get("/a"),
        lambda: db.exists("/a"),
        lambda: "/a" in db,
        lambda: db.set("/a", 1),
        lambda: db.delete("/a"),
        lambda: db.ls("/"),
        lambda: db.is_dir("/a"),
        lambda: db.rm_tree("/"),
        lambda: list(db.recent("/")),
        lambda: db.get_many(["/a"]),
        lambda: db.set_many({"/a": 1}),
    ):
        with pytest.raises(ResourceNotFound, match=r"no-such-table.*create_table") as refused:
            call()
        assert isinstance(refused.value, DynafileError)
        assert not isinstance(refused.value, KeyError)
        assert refused.value.__cause__ is not None


def test_a_table_of_another_layout(ddb: Any) -> None:
    ddb.client.create_table(
        TableName=f"{ddb.table}-other",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    db = ddb.keep(kydb.connect(ddb.url().replace(ddb.table, f"{ddb.table}-other")))
    with pytest.raises(ResourceNotFound, match="layout"):
        db["/a"]
    with pytest.raises(kydb.IndexNotSupported, match="folder-index"):
        db.ls("/")


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    url = f"dynamodb://table?region=us-east-1&endpoint_url=http://127.0.0.1:{free_port()}"
    with kydb.connect(url) as db:
        for call in (
            lambda: db["/a"],
            lambda: db.exists("/a"),
            lambda: db.set("/a", 1),
            lambda: db.ls("/"),
        ):
            with pytest.raises(StoreNotReachable, match="AWS_ENDPOINT_URL") as refused:
                call()
            assert isinstance(refused.value, ConnectionError)
            assert refused.value.__cause__ is not None


def test_no_region_and_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreNotReachable, match="region="):
        kydb.connect("dynamodb://table")
    db = kydb.connect("dynamodb://table?region=us-east-1")
    with db, pytest.raises(StoreNotReachable, match="credentials"):
        db["/a"]


@pytest.mark.parametrize("name", ["a", "a" * 256, "sp%20ace", "tab,le"])
def test_names_of_tables(name: str) -> None:
    with pytest.raises(InvalidObjectURL):
        kydb.connect(f"dynamodb://{name}?region=us-east-1")


def test_endpoints_that_are_none() -> None:
    with pytest.raises(StoreNotReachable, match="endpoint"):
        kydb.connect("dynamodb://table?region=us-east-1&endpoint_url=nonsense")


def test_what_is_no_object(ddb: Any) -> None:
    ddb.client.put_item(
        TableName=ddb.table, Item={"path": {"S": "/f/a"}, "folder": {"S": "/f/"}, "x": {"N": "1"}}
    )
    with pytest.raises(ValueError, match="contents") as refused:
        ddb.db["/f/a"]
    assert isinstance(refused.value, DynafileError)
    ddb.db["/f/a"] = 1
    assert ddb.db["/f/a"] == 1


def test_tables_are_made_once(ddb: Any) -> None:
    where = {"region": "us-east-1", "endpoint_url": ddb.endpoint}
    with pytest.raises(ResourceInUse):
        create_table(ddb.table, **where)
    for names in (["bad-name"], ["mtime"], [5]):
        with pytest.raises(InvalidObjectArgument):
            create_table(f"{ddb.table}-2", indexes=names, **where)
    ttl = ddb.client.describe_time_to_live(TableName=ddb.table)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_settings_are_configured(ddb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Region and endpoint by KYDB's file; without times, an object is written without times."""
    pytest.importorskip("yaml")
    config = tmp_path / "kydb.yaml"
    config.write_text(
        f"dbs:\n  {ddb.table}:\n    mtime-index: false\n    region: us-east-1\n"
        f"    endpoint_url: {ddb.endpoint}\n"
    )
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(config))
    db = ddb.keep(kydb.connect(f"dynamodb://{ddb.table}"))
    db.set("/f/a", 1, index={"class_date": 1})
    assert ddb.items()["/f/a"].keys() == {"path", "folder", "contents", "class_date"}
    assert [entry.mtime for entry in db.folder("/f").by("class_date").entries()] == [0]
    first = db.version("/f/a")
    db.set("/f/a", 2, if_match=first)
    with pytest.raises(VersionMismatch):
        db.set("/f/a", 3, if_match=first)
    ddb.db["/f/b"] = 1
    before = ddb.items()["/f/b"]["mtime"]
    written = db.backend.write("/f/b", b"x", WriteOptions())
    assert ddb.items()["/f/b"]["mtime"] == before
    assert db.backend.read("/f/b").version == written
    with pytest.raises(kydb.IndexNotSupported, match="mtime-index"):
        list(db.recent("/f"))


class DynoxideMachine(StoreMachine):
    """Random programs; the tables stay until the server ends."""

    def url(self) -> str:
        table, endpoint = f"test-{uuid4().hex}", dynoxide()
        create_table(table, region="us-east-1", endpoint_url=endpoint)
        return f"dynamodb://{table}?region=us-east-1&endpoint_url={endpoint}"


TestDynoxide = DynoxideMachine.TestCase
TestDynoxide.settings = settings(SETTINGS, max_examples=8)
