"""Redis, beyond what every store does: a real server, and a real cluster of three."""

from __future__ import annotations

import base64
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from objects.conftest import CONTENT, KYDB, placed
from objects.redis_servers import RedisServer
from objects.servers import moto

from dynafile import objects as kydb
from dynafile.errors import (
    DynafileError,
    InvalidObjectConfiguration,
    InvalidObjectURL,
    NotSupportedByStore,
    StoreNotReachable,
    TransactionConflict,
    VersionMismatch,
)
from dynafile.objects.backends import redis_line

if TYPE_CHECKING:
    from collections.abc import Iterator


pytest.importorskip("redis")

HANDSHAKE = {"HELLO", "CLIENT", "AUTH", "SELECT", "MONITOR", "PING", "CLUSTER", "COMMAND", "INFO"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    """A store on one server."""
    yield from placed("redis", tmp_path)


@pytest.fixture(params=["redis", "cluster"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A store on one server, and one on a cluster."""
    yield from placed(request.param, tmp_path)


def servers_of(place: Any) -> list[RedisServer]:
    return list(place.cluster.servers) if hasattr(place, "cluster") else [place.server]


@contextmanager
def counted(place: Any) -> Iterator[list[str]]:
    """Collect the commands that the servers get, without those that a script makes of them."""
    found: list[str] = []
    with ExitStack() as stack:
        monitors = []
        for each in servers_of(place):
            client = stack.enter_context(each.client())
            monitors.append((client, stack.enter_context(client.monitor())))
        yield found
        for client, monitor in monitors:
            client.echo("the end of the test")
            while True:
                command = monitor.next_command()
                if "the end of the test" in command["command"]:
                    break
                name = command["command"].split(" ")[0].upper()
                if command["client_type"] != "lua" and name not in HANDSHAKE:
                    found.append(name)


def walked(db: Any, folder: str = "/") -> dict[str, Any]:
    """Return all objects by key; what is listed must be there."""
    found: dict[str, Any] = {}
    for name in db.ls(folder):
        if name.endswith("/"):
            found |= walked(db, folder + name)
        else:
            found[folder + name] = db.read(folder + name, reload=True)
    return found


# Requests.


@pytest.mark.parametrize("base", ["", "/home/tony"])
def test_a_deep_write_is_one_request(server: Any, base: str) -> None:
    """The seed: 15 the first time and 5 again, with a base path 63 each time."""
    db = server.connect(base)
    with counted(server) as first:
        db["/a/b/c/d/e"] = 1
    assert first in (["EVALSHA"], ["EVALSHA", "EVAL"])
    with counted(server) as others:
        db["/a/b/c/d/e"] = 2
        db.set("/a/b/c/d/x/f", 1, index={"rank": 1}, ttl=100)
    assert others == ["EVALSHA"] * 2


def test_a_deep_write_in_a_cluster(tmp_path: Path) -> None:
    """The first in a folder looks at the way to it, one request a node, and makes what is missing."""
    for place in placed("cluster", tmp_path):
        place.db["/warm/up"] = 1
        place.db["/a/b/c/d/e"] = 1
        with counted(place) as again:
            place.db["/a/b/c/d/e"] = 2
            place.db["/a/b/c/d/f"] = 2
        assert again == ["EVALSHA"] * 2
        place.reopen()
        with counted(place) as first:
            place.db["/a/b/c/d/e"] = 3
        assert len(first) <= 4 + 1  # pipelined: a request a node, and the write


def test_reads_and_listings_are_one_request(place: Any) -> None:
    db = place.db
    db.set_many({f"/many/{number}": number for number in range(300)})
    db["/a/b"] = [1]
    db.clear_cache()
    for ask in (
        lambda: db["/a/b"],
        lambda: db["/a/b"],
        lambda: db.exists("/a/b"),
        lambda: db.is_dir("/a"),
        lambda: db.ls("/many"),
        lambda: list(db.folder("/many").desc().limit(10)),
        lambda: list(db.recent("/many", 10)),
    ):
        with counted(place) as found:
            ask()
        assert len(found) == 1, found
    with counted(place) as found:
        assert len(db.get_many([f"/many/{number}" for number in range(300)])) == 300
    assert len(found) == 1 or set(found) == {"GET"}  # in a cluster pipelined, a request a node


def test_removing_a_thousand_is_few_requests(place: Any) -> None:
    """The seed: 3,005 requests."""
    db = place.db
    db.set_many({f"/tree/{number % 10}/{number}": number for number in range(1000)})
    seen: list[int] = []
    with counted(place) as found:
        db.rm_tree("/tree", progress=seen.append)
    assert len(found) <= 60
    assert sum(seen) == 1000
    assert db.ls("/") == []
    for each in servers_of(place):
        with each.client() as client:
            assert client.dbsize() == 0


def test_a_large_object_is_not_sent_again(place: Any) -> None:
    value = os.urandom(1 << 20)
    place.db["/large"] = value
    assert place.db["/large"] == value
    with ExitStack() as stack:
        clients = [stack.enter_context(each.client()) for each in servers_of(place)]

        def sent() -> int:
            return sum(client.info("stats")["total_net_output_bytes"] for client in clients)

        before = sent()
        assert place.db["/large"] == value
        assert sent() - before < 100_000
    place.elsewhere("db['/large'] = b'other' * 100_000")
    assert place.db["/large"] == b"other" * 100_000


# Expiry.


def test_what_has_expired_is_nowhere(place: Any) -> None:
    db = place.db
    db.set("/f/short", 1, index={"rank": 1}, ttl=1.5)
    db.set("/f/stays", 2, index={"rank": 2}, ttl=100)
    db["/f/other"] = 3
    assert db.ls("/f") == ["other", "short", "stays"]
    time.sleep(1.7)
    assert list(db.folder("/f").by("rank")) == ["stays"]
    assert list(db.recent("/f")) == ["other", "stays"]
    assert db.ls("/f") == ["other", "stays"]
    assert db.get("/f/short") is None
    assert not db.exists("/f/short")
    with pytest.raises(KeyError):
        db.delete("/f/short")
    db["/f/short"] = 4
    assert list(db.folder("/f").by("rank")) == ["stays"]


def test_an_object_written_after_one_expired_is_a_new_one(place: Any) -> None:
    """Nothing has listed the folder meanwhile, so that index values of the old one are there still."""
    place.db.set("/f/a", 1, index={"rank": 1}, ttl=0.2)
    time.sleep(0.3)
    before = time.time_ns()
    place.db["/f/a"] = 2
    (entry,) = place.db.recent("/f").entries()
    assert entry.ctime >= before
    assert list(place.db.folder("/f").by("rank")) == []
    time.sleep(0.1)
    assert place.db.ls("/f") == ["a"]


def test_a_folder_of_what_has_expired_is_empty(place: Any) -> None:
    for name in ("rmdir", "rm_tree"):
        place.db.set(f"/{name}/x", 1, ttl=0.2)
        place.db.set("/taken", 1, ttl=0.2)
        time.sleep(0.3)
        getattr(place.db, name)(f"/{name}")
        place.db["/taken/by/a/folder"] = 1
        assert place.db.ls("/") == ["taken/"]
        place.db.rm_tree("/")


def test_a_rewrite_without_ttl_stays(place: Any) -> None:
    place.db.set("/a", 1, ttl=0.2)
    place.db["/a"] = 2
    time.sleep(0.3)
    assert place.db["/a"] == 2
    assert place.db.ls("/") == ["a"]


def test_many_expire_together(place: Any) -> None:
    place.db.set_many({f"/f/{number}": number for number in range(2500)}, ttl=0.5)
    place.db["/f/stays"] = 1
    time.sleep(0.6)
    assert list(place.db.recent("/f")) == ["stays"]
    assert place.db.ls("/f") == ["stays"]


def test_expiry_by_the_url(place: Any) -> None:
    db = place.keep(kydb.connect(place.url("/cache") + "?expire=1.5"))
    db["a"] = 1
    db.set("b", 2, ttl=100)
    db.set_many({"c": 3})
    assert place.db.ls("/cache") == ["a", "b", "c"]
    time.sleep(1.7)
    assert place.db.ls("/cache") == ["b"]


def test_a_cache_that_expires(server: Any, tmp_path: Path) -> None:
    behind = server.keep(kydb.connect(f"files:/{tmp_path / 'behind'}"))
    db = server.keep(kydb.connect(f"{server.url()}?expire=1.5|files:/{tmp_path / 'behind'}"))
    behind["/a"] = 1
    assert db["/a"] == 1
    behind["/a"] = 2
    assert db["/a"] == 1
    time.sleep(1.7)
    assert db["/a"] == 2


def test_kydb_overwrites_what_expires(server: Any) -> None:
    """KYDB sets the key without a time, and knows nothing of the note that it was to expire."""
    server.db.set("/f/a", 1, ttl=0.2)
    with server.server.client() as client:
        client.set("/f/a", pickle.dumps(2))
    time.sleep(0.3)
    assert server.db.ls("/f") == ["a"]
    assert server.db["/f/a"] == 2


# Index values that no double holds.

WIDE = sorted(
    {
        sign * value
        for sign in (1, -1)
        for around in (0, 2**53, 2**62, 2**63 - 3)
        for value in range(around - 2, around + 3)
        if value < 2**63
    }
    | {-(2**63), 20260905}
)


def test_wide_index_values(place: Any) -> None:
    """The seed orders them as doubles, which from 2**53 on are not all numbers."""
    db = place.db
    names = {value: f"n{number}" for number, value in enumerate(WIDE)}
    for value in random.Random(8).sample(WIDE, len(WIDE)):
        db.set(f"/f/{names[value]}", value, index={"wide": value})
    query = db.folder("/f").by("wide")
    assert [entry.index_value for entry in query.entries()] == WIDE
    assert [entry.index_value for entry in query.desc().entries()] == WIDE[::-1]
    for value in WIDE:
        up, down = query.since(value), query.until(value).desc()
        assert [each.index_value for each in up.entries()] == [w for w in WIDE if w >= value]
        assert [each.index_value for each in down.limit(3).entries()] == [
            w for w in WIDE[::-1] if w <= value
        ][:3]
        assert list(up.until(value)) == [names[value]]
    for limit in range(1, len(WIDE) + 2):
        assert [each.index_value for each in query.limit(limit).entries()] == WIDE[:limit]


@pytest.mark.parametrize("spread", [0, 1])
def test_a_thousand_values_of_one_double(place: Any, spread: int) -> None:
    """Ties are by name; pages of some hundred end where the double changes."""
    expected = []
    for number in range(-400, 800):
        value = 2**62 + spread * number
        expected.append((value, f"n{number + 400:04}"))
    place.db.set_many(dict.fromkeys((f"/f/{name}" for _, name in expected), 0))
    backend = place.db.backend
    from dynafile.objects.backend import WriteOptions

    for value, name in random.Random(8).sample(expected, len(expected)):
        backend.write(f"/f/{name}", b"\0DYN\1m\0\0", WriteOptions(index={"wide": value}))
    expected.sort()
    query = place.db.folder("/f").by("wide")
    assert list(query) == [name for _, name in expected]
    assert list(query.desc()) == [name for _, name in expected[::-1]]
    assert list(query.limit(3)) == [name for _, name in expected[:3]]
    assert list(query.since(2**62 + 5)) == [name for value, name in expected if value >= 2**62 + 5]


# Conditions and transactions.


def test_conditions(place: Any) -> None:
    db = place.db
    db.set("/a/n", 1, if_match=None)
    version = db.version("/a/n")
    with pytest.raises(VersionMismatch) as refused:
        db.set("/a/n", 2, if_match=None)
    assert refused.value.version == version
    place.elsewhere("db['/a/n'] = 5")
    for write in (
        lambda: db.set("/a/n", 2, if_match=version),
        lambda: db.delete("/a/n", if_match=version),
    ):
        with pytest.raises(VersionMismatch):
            write()
    assert db["/a/n"] == 5
    for folder in ("/a", "/new/folder"):
        with pytest.raises(VersionMismatch):
            db.set(f"{folder}/none", 1, if_match=version)
    assert db.ls("/") == ["a/"]
    db.set("/a/n", 6, if_match=db.version("/a/n"), index={"rank": 1})
    db.delete("/a/n", if_match=db.version("/a/n"))
    assert db.ls("/a") == []


def test_transactions(server: Any) -> None:
    db = server.db
    db.set_many({"/ann": 10, "/eva": 0, "/gone": 1})
    with db.transaction() as tx:
        tx["/ann"] -= 4
        tx["/eva"] += 4
        tx.delete("/gone")
        tx.set("/log/1", "moved", index={"amount": 4})
        tx["/gone/now/a/folder"] = 1
        assert tx["/eva"] == 4
    assert walked(db) == {"/ann": 6, "/eva": 4, "/gone/now/a/folder": 1, "/log/1": "moved"}
    assert list(db.folder("/log").by("amount")) == ["1"]
    with pytest.raises(TransactionConflict), db.transaction() as tx:
        tx["/ann"] += 1
        server.elsewhere("db['/ann'] = 100")
    with pytest.raises(TransactionConflict), db.transaction() as tx:
        assert tx.get("/new") is None
        server.elsewhere("db['/new'] = 1")
        tx["/eva"] = 5
    with pytest.raises(KeyError), db.transaction() as tx:
        tx["/eva"] = 7
        tx["/ann/x"] = 1  # an object is no folder
    assert (db["/ann"], db["/eva"], db["/new"]) == (100, 4, 1)


def test_a_cluster_has_no_transactions(tmp_path: Path) -> None:
    for place in placed("cluster", tmp_path):
        with pytest.raises(NotSupportedByStore, match="if_match"), place.db.transaction():
            pass


# Many at work.

COUNT = """
import random, sys
from dynafile import objects as kydb
from dynafile.errors import VersionMismatch
url, me, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
with kydb.connect(url) as db:
    for number in range(rounds):
        db[f"/shared/{number % 7}/{number}"] = me
        db.set(f"/own/deep/{number % 3}/{me}-{number}", number, index={"rank": number})
        while True:
            version = db.version("/total")
            try:
                db.set("/total", db.get("/total", 0) + 1, if_match=version)
                break
            except VersionMismatch:
                pass
"""

CHURN = """
import sys
from dynafile import objects as kydb
from dynafile.errors import PathTaken, ObjectsError
url, me, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
with kydb.connect(url) as db:
    for number in range(rounds):
        if me == "0":
            for folder in ("/t/a/b", "/t/a", "/t"):
                try:
                    db.rmdir(folder)
                except KeyError:
                    pass
        else:
            db[f"/t/a/b/{me}"] = number
            if number < rounds - 1:
                db.delete(f"/t/a/b/{me}")
"""


def run_together(program: str, url: str, count: int, rounds: int) -> None:
    paths = [str(Path(__file__).parent.parent), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", program, url]
    running = [
        subprocess.Popen([*command, str(number), str(rounds)], env=environment)
        for number in range(count)
    ]
    assert [each.wait(120) for each in running] == [0] * count


def test_processes_write_at_the_same_time(place: Any) -> None:
    """No name is lost, and what is counted by compare-and-set comes to the right total."""
    run_together(COUNT, place.url(), 2, 200)
    db = place.db
    assert db["/total"] == 400
    shared = [name for folder in range(7) for name in db.ls(f"/shared/{folder}")]
    assert sorted(shared, key=int) == [str(number) for number in range(200)]
    for folder in range(3):
        expected = sorted(f"{me}-{n}" for me in "01" for n in range(folder, 200, 3))
        assert db.ls(f"/own/deep/{folder}") == expected
        found = list(db.folder(f"/own/deep/{folder}").by("rank").entries())
        assert sorted(entry.key for entry in found) == expected
        assert sorted(found, key=lambda entry: entry.index_value or 0) == found


def test_folders_are_removed_while_others_write(place: Any) -> None:
    """Whoever wins, what was written last is in a folder that is listed."""
    run_together(CHURN, place.url(), 3, 150)
    assert walked(place.db) == {"/t/a/b/1": 149, "/t/a/b/2": 149}


def test_threads_share_a_connection(place: Any) -> None:
    failed = []

    def work(me: int) -> None:
        try:
            for number in range(50):
                place.db[f"/threads/{number}/{me}"] = me
                assert place.db[f"/threads/{number}/{me}"] == me
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert len(walked(place.db)) == 200


ENDLESS = """
import itertools, sys
from dynafile import objects as kydb
db = kydb.connect(sys.argv[1])
for number in itertools.count():
    key = f"/{sys.argv[2]}/{number % 5}/{number // 50}/{number}"
    db.set(key, number, index={"rank": number})
    if number % 3 == 2:
        db.delete(f"/{sys.argv[2]}/{(number - 1) % 5}/{(number - 1) // 50}/{number - 1}")
    print(number, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_process_that_is_killed_leaves_nothing_half(place: Any, seed: int) -> None:
    """What it was told is written is there, and what is listed, or in an index, can be read."""
    paths = [str(Path(__file__).parent.parent), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", ENDLESS, place.url(), "k"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        for _ in range(random.Random(seed).randrange(20, 400)):
            last = int(victim.stdout.readline())
        victim.kill()
        last = int((victim.stdout.read().split() or [last])[-1])
    db = place.db
    found = walked(db)
    deleted = {number - 1 for number in range(2, last + 1, 3)}
    expected = set(range(last + 1)) - deleted
    there = set(found.values())
    # Of the last, which was not acknowledged, the write or the delete may have been made.
    assert expected - {last} <= there
    assert there - expected <= {last + 1}
    for folder in db.ls("/k"):
        for below in db.ls(f"/k/{folder}"):
            whole = f"/k/{folder}{below}"
            listed = sorted(db.ls(whole), key=int)
            assert list(db.folder(whole).by("rank")) == listed
            assert sorted(db.recent(whole), key=int) == listed
            db[f"{whole}after"] = 1
            assert "after" in db.ls(whole)


# What is around it: KYDB, other data, passwords, servers that are not there.


def load(client: Any, dump: dict[str, Any]) -> None:
    for key, entry in dump.items():
        value = entry["value"]
        if entry["type"] == "string":
            client.set(key, base64.b64decode(value))
        elif entry["type"] == "hash":
            client.hset(key, mapping=value)
        elif entry["type"] == "set":
            client.sadd(key, *value)
        else:
            client.zadd(key, dict(value))


@pytest.fixture
def fixture() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((KYDB / "redis.json").read_text())
    return found


@pytest.mark.parametrize("base", CONTENT["BASES"])
def test_what_kydb_wrote_is_read(server: Any, fixture: dict[str, Any], base: str) -> None:
    with server.server.client() as client:
        load(client, fixture)
    db = server.connect(base)
    content = CONTENT["PLAIN"] | CONTENT["UNINDEXED"]
    content |= {key: value for key, (value, _) in CONTENT["INDEXED"].items()}
    for key, value in content.items():
        assert db[key] == value
        assert type(db[key]) is type(value)
        assert db.exists(key)
    extra = {"home/", "legacy/"} if not base else set()
    assert set(db.ls("/")) - {"legacy/"} == CONTENT["ROOT"] - ({"home/"} - extra)
    for folder in CONTENT["EMPTY_FOLDERS"]:
        assert db.is_dir(folder)
        assert db.ls(folder) == []
    assert db.ls("/signups") == ["anna", "walk-in", "yuki", "zoe"]
    assert list(db.folder("/signups").by("class_date")) == ["yuki", "zoe", "anna"]
    assert next(iter(db.folder("/signups").by("rank").entries())).index_value == 2
    exact = fixture[f"kydb:mtime-values:{base}/signups"]["value"]
    entries = list(db.recent("/signups").entries())
    assert [entry.mtime for entry in entries] == sorted(map(int, exact.values()), reverse=True)
    assert [str(entry.ctime) for entry in entries] == [exact[entry.key] for entry in entries]
    db.set("/signups/anna", 1)
    assert list(db.folder("/signups").by("class_date")) == ["yuki", "zoe", "anna"]
    trusting = server.connect(base, allow_pickle=True)
    for key, value in CONTENT["PICKLED"].items():
        assert trusting[key] == value
    db.rm_tree("/")
    with server.server.client() as client:
        left = [key.decode() for key in client.scan_iter() if b"legacy" not in key]
    assert [key for key in left if not base or key.startswith(f"{base}/")] == ([] if base else left)


def test_objects_without_times_come_last(server: Any, fixture: dict[str, Any]) -> None:
    """As KYDB wrote them before 1.0: they count as written at 0, until ``reindex``."""
    with server.server.client() as client:
        load(client, fixture)
    db = server.db
    db["/legacy/new"] = 1
    db["/legacy/deeper/x"] = 1
    assert list(db.recent("/legacy")) == ["new", "old"]
    assert list(db.folder("/legacy")) == ["old", "new"]
    assert list(db.folder("/legacy").limit(1)) == ["old"]
    assert list(db.folder("/legacy").since(1)) == ["new"]
    assert list(db.folder("/legacy").until(0)) == ["old"]
    (entry,) = db.folder("/legacy").limit(1).entries()
    assert (entry.mtime, entry.ctime, entry.index_value) == (0, 0, 0)
    assert db.reindex("/legacy") == 1
    assert db.reindex("/legacy") == 0
    assert list(db.recent("/legacy")) == ["old", "new"]
    assert db["/legacy/old"] == CONTENT["LEGACY"]["/legacy/old"]


def dumped(client: Any) -> dict[str, Any]:
    """Return all of a server: pickles as values, times as their presence."""
    found: dict[str, Any] = {}
    for each in client.scan_iter():
        key, kind = each.decode(), client.type(each).decode()
        if kind == "string":
            found[key] = pickle.loads(client.get(each))
        elif kind == "hash":
            found[key] = {
                name.decode(): text.decode() for name, text in client.hgetall(each).items()
            }
        elif kind == "set":
            found[key] = {name.decode() for name in client.smembers(each)}
        else:
            found[key] = {name.decode(): score for name, score in client.zrange(each, 0, -1, withscores=True)}  # fmt: skip
        if key.startswith(("kydb:mtime-", "kydb:ctime-")):
            found[key] = set(found[key])
    return found


def test_what_is_written_for_kydb_is_its_layout(server: Any, fixture: dict[str, Any]) -> None:
    """All that KYDB was given for the fixture, but for classes, NumPy and pickles of any type."""
    with server.server.client() as client:
        load(client, fixture)
        for base in ("", "/home/tony"):
            for folder in ("numeric", "pickled", "hello-world"):
                server.connect(base).rm_tree(f"/{folder}")
        server.db.delete("/legacy/old")
        server.db.rmdir("/legacy")
        for key in ("/.configs/objdb", "/home/tony/.configs/objdb"):
            server.db.delete(key)
        expected = dumped(client)
        client.flushall()
        for base in CONTENT["BASES"]:
            db = server.connect(base, compat="kydb")
            for key, value in CONTENT["PLAIN"].items():
                db[key] = value
            for key, (value, index) in CONTENT["INDEXED"].items():
                db.set(key, value, index=index)
            for key, value in CONTENT["UNINDEXED"].items():
                db[key] = value
            for folder in CONTENT["EMPTY_FOLDERS"]:
                db.mkdir(folder)
            db.set("/.configs/objdb", 1, system_obj=True)
            db.delete("/.configs/objdb")
        assert dumped(client) == expected


def test_data_of_others_is_left_alone(server: Any) -> None:
    with server.server.client() as client:
        client.rpush("/list", 1)
        client.set("plain", 1)
        client.hset("/folder", "x", ".")
        client.set("/folder/x", pickle.dumps(5))
        for use in (
            lambda: server.db.__setitem__("/list", 1),
            lambda: server.db.__setitem__("/list/x", 1),
            lambda: server.db.mkdir("/list"),
            lambda: server.db.__setitem__("/folder", 1),
        ):
            with pytest.raises(KeyError) as refused:
                use()
            assert isinstance(refused.value, DynafileError)
        assert server.db.get("/list") is None
        assert server.db["/folder/x"] == 5
        server.db["/folder/y"] = 6
        assert server.db.ls("/") == ["folder/"]
        assert server.db.ls("/folder") == ["x", "y"]
        server.db.rm_tree("/")
        assert sorted(client.keys()) == [b"/list", b"plain"]


def test_an_object_beside_a_folder_of_its_name(server: Any) -> None:
    """KYDB allows them side by side where the folder is empty: the object counts, until it is gone."""
    with server.server.client() as client:
        client.set("/.folder-a", pickle.dumps(True))
        client.hset("", mapping={".folder-a": ".", "a": "."})
        client.set("/a", pickle.dumps(1))
    db = server.db
    assert db["/a"] == 1
    assert db.exists("/a")
    assert not db.is_dir("/a")
    db["/a"] = 2
    with pytest.raises(KeyError):
        db["/a/b"] = 1
    db.delete("/a")
    assert db.is_dir("/a")
    db["/a/b"] = 1
    assert db.ls("/a") == ["b"]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that wants a password, and knows a user with one."""
    server = RedisServer("--requirepass", "se/cr@t:1").start()
    with server.client(password="se/cr@t:1") as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">app-word", "~*", "&*", "+@all")
    yield server
    server.stop()


def test_passwords_in_the_url(guarded: RedisServer) -> None:
    address = f"127.0.0.1:{guarded.port}"
    for url in (f"redis://:se%2Fcr%40t%3A1@{address}/base", f"redis://app:app-word@{address}/base"):
        with kydb.connect(url) as db:
            db["/a"] = 1
            assert db["/a"] == 1
            shown = f"{db!r} {db.url} {db.db_name}"
            assert address in shown
            with pytest.raises(kydb.KydbException) as refused:
                db["/a/b"] = 1
            shown += str(refused.value)
        assert "cr" not in shown
        assert "app" not in shown


@pytest.mark.parametrize(
    "credentials", ["", ":wrong-word@", "app:wrong-word@", "nobody:wrong-word@"]
)
def test_wrong_passwords(guarded: RedisServer, credentials: str) -> None:
    with kydb.connect(f"redis://{credentials}127.0.0.1:{guarded.port}") as db:
        for use in (
            lambda: db["/a"],
            lambda: db.exists("/a"),
            lambda: db.__setitem__("/a", 1),
            lambda: db.ls("/"),
            lambda: db.is_dir("/a"),
            lambda: list(db.recent("/")),
        ):
            with pytest.raises(StoreNotReachable, match="password") as refused:
                use()
            assert not isinstance(refused.value, KeyError)
            assert refused.value.__cause__ is not None
            assert "wrong-word" not in str(refused.value)


def test_a_user_with_few_rights(guarded: RedisServer) -> None:
    """Who may not ask whether it is a cluster may use it all the same, within their rights."""
    with guarded.client(password="se/cr@t:1") as client:
        client.execute_command("ACL", "SETUSER", "few", "on", ">few-word", "~*", "+@read", "+@write", "+evalsha", "+eval", "-info", "+time")  # fmt: skip
        client.execute_command("ACL", "SETUSER", "reader", "on", ">read-word", "~*", "+@read")
    with kydb.connect(f"redis://few:few-word@127.0.0.1:{guarded.port}") as db:
        db["/f/a"] = 1
        assert db.ls("/f") == ["a"]
    with kydb.connect(f"redis://reader:read-word@127.0.0.1:{guarded.port}") as db:
        assert db["/f/a"] == 1
        with pytest.raises(StoreNotReachable, match="may"):
            db["/f/a"] = 2


CONFIGURED = """
dbs:
  my-redis:
    host: 127.0.0.1
    port: PORT
    password: PASSWORD
  127.0.0.1:PORT:
    password: PASSWORD
"""


@pytest.mark.parametrize(
    ("password", "variable"),
    [
        ("'se/cr@t:1'", ""),
        ("{env_var: THE_WORD}", "se/cr@t:1"),
        ("{encryption-method: plain, env_var: THE_WORD}", "se/cr@t:1"),
    ],
)
def test_passwords_in_the_configuration(
    guarded: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    password: str,
    variable: str,
) -> None:
    configure(guarded, tmp_path, monkeypatch, password, variable)
    for name in ("my-redis", f"127.0.0.1:{guarded.port}"):
        with kydb.connect(f"redis://{name}") as db:
            db["/a"] = name
            assert db["/a"] == name


def configure(
    server: RedisServer, folder: Path, monkeypatch: pytest.MonkeyPatch, password: str, variable: str
) -> None:
    pytest.importorskip("yaml")
    text = CONFIGURED.replace("PORT", str(server.port)).replace("PASSWORD", password)
    (folder / "kydb.yaml").write_text(text)
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(folder / "kydb.yaml"))
    if variable:
        monkeypatch.setenv("THE_WORD", variable)
    else:
        monkeypatch.delenv("THE_WORD", raising=False)


@pytest.mark.parametrize(
    ("password", "variable", "match"),
    [
        ("{env_var: THE_WORD}", "", "THE_WORD"),
        (
            "{encryption-method: rot13, env_var: THE_WORD}",
            "x",
            "Unknown encryption method: 'rot13'",
        ),
        ("{encryption-method: kms, env_var: THE_WORD}", "x", "encryption-key"),
        ("{encryption-method: kms, encryption-key: k, env_var: THE_WORD}", "no base64!", "base64"),
        ("{nope: 1}", "x", "nope"),
        ("{encryption-key: k}", "x", "env_var"),
    ],
)
def test_passwords_that_are_configured_wrong(
    guarded: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, variable: str, match: str
) -> None:  # fmt: skip
    configure(guarded, tmp_path, monkeypatch, password, variable)
    with pytest.raises(InvalidObjectConfiguration, match=match):
        kydb.connect("redis://my-redis")


def test_a_password_in_kms(
    guarded: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", moto())
    import boto3

    kms = boto3.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    encrypted = kms.encrypt(KeyId=key, Plaintext=b"se/cr@t:1")["CiphertextBlob"]
    kms.close()
    secret = base64.b64encode(encrypted).decode()
    password = f"{{encryption-method: kms, encryption-key: {key}, env_var: THE_WORD}}"
    configure(guarded, tmp_path, monkeypatch, password, secret)
    with kydb.connect("redis://my-redis") as db:
        db["/a"] = 1
        assert db["/a"] == 1
    configure(guarded, tmp_path, monkeypatch, password, base64.b64encode(b"other").decode())
    with kydb.connect("redis://my-redis") as db, pytest.raises(StoreNotReachable, match="KMS"):
        db["/a"]


def test_times_may_be_turned_off(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    name = server.url().removeprefix("redis://")
    server.close()
    (tmp_path / "kydb.yaml").write_text(f"dbs:\n  {name}:\n    mtime-index: false\n")
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(tmp_path / "kydb.yaml"))
    with kydb.connect(server.url()) as db, server.server.client() as client:
        db.set("/f/a", 1, index={"rank": 1})
        (entry,) = db.folder("/f").by("rank").entries()
        assert (entry.key, entry.mtime, entry.ctime, entry.index_value) == ("a", 0, 0, 1)
        assert not [key for key in client.scan_iter() if b"time" in key]
        with pytest.raises(kydb.IndexNotSupported, match="mtime-index"):
            db.reindex("/f")


@pytest.mark.parametrize(
    "url",
    [
        "redis://host:0", "redis://host:65536", "redis://host:-1", "redis://host:", "redis://:6379", "redis://host:6379:1",
        "redis://user:sec-word@host:port", "redis://user:sec-/word@host", "redis://user:sec-word@", "redis://user:sec-//word@host:1",
        "redis://[::1", "redis://[::1]x", "redis://host:٣", "redis://u:sec-word@host?nope=1", "redis://u:sec-word@host/../x",
    ],
)  # fmt: skip
def test_bad_addresses(url: str) -> None:
    with pytest.raises(InvalidObjectURL) as refused:
        kydb.connect(url)
    assert "sec-" not in f"{refused.value} {refused.value.url}"


def test_other_addresses(server: Any) -> None:
    """One server under two names is two connections, which see the same."""
    port = server.server.port
    with kydb.connect(f"redis://localhost:{port}/a") as db:
        db["x"] = 1
        assert server.db["/a/x"] == 1


def test_a_server_that_is_not_there() -> None:
    """Connecting succeeds; who uses it is told what is wrong, and no object is said to be missing."""
    server = RedisServer()
    url = f"redis://127.0.0.1:{server.port}"
    with kydb.connect(url) as db:
        for use in (
            lambda: db["/a"],
            lambda: db.get("/a"),
            lambda: db.exists("/a"),
            lambda: "/a" in db,
            lambda: db.__setitem__("/a", 1),
            lambda: db.set("/a", 1, if_match=None),
            lambda: db.delete("/a"),
            lambda: db.ls("/"),
            lambda: db.is_dir("/a"),
            lambda: db.rm_tree("/"),
            lambda: db.get_many(["/a"]),
        ):
            with pytest.raises(StoreNotReachable, match=f"127.0.0.1:{server.port}") as refused:
                use()
            assert not isinstance(refused.value, KeyError)
        server.start()
        try:
            db["/a/b"] = 1
            assert db["/a/b"] == 1
        finally:
            server.stop()


def test_a_server_that_restarts() -> None:
    """Connections that it closed are not used, and its scripts are not taken for there."""
    server = RedisServer().start()
    try:
        with kydb.connect(f"redis://127.0.0.1:{server.port}") as db:
            uses = [
                lambda: db.__setitem__("/a/b", 1),
                lambda: db.set("/a/b", 1, if_match=None),
                lambda: db.set_many({"/a/b": 1}),
                lambda: db.ls("/"),
                lambda: db.get("/a/b"),
            ]
            for use in uses:
                server.stop(keep=True)
                server.start()
                use()
            server.stop(keep=True)
            with pytest.raises(StoreNotReachable):
                db["/a/b"] = 2
            with pytest.raises(StoreNotReachable):
                db["/a/b"]
            server.start()
            with pytest.raises(KeyError):
                db.delete("/a/b")
    finally:
        server.stop()


def test_a_request_that_loses_its_server() -> None:
    """It is repeated if that makes no difference; a delete, which may have been made, is not."""
    server = RedisServer().start()
    try:
        with kydb.connect(f"redis://127.0.0.1:{server.port}") as db:
            for use, repeated in (
                (lambda: db.get("/a"), True),
                (lambda: db.ls("/"), True),
                (lambda: db.__setitem__("/a", 1), True),
                (lambda: db.set("/b", 1, if_match=None), False),
                (lambda: db.delete("/a"), False),
            ):
                db["/a"] = 1
                assert server.process is not None
                server.process.send_signal(signal.SIGSTOP)
                again = threading.Thread(target=restart, args=(server,))
                again.start()
                try:
                    use()
                    assert repeated
                except StoreNotReachable:
                    assert not repeated
                finally:
                    again.join()
    finally:
        server.stop()


def restart(server: RedisServer) -> None:
    time.sleep(0.3)
    server.stop(keep=True)
    server.start()


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    server = RedisServer("--enable-debug-command", "yes").start()
    monkeypatch.setattr(redis_line, "READ_SECONDS", 0.3)
    try:
        with kydb.connect(f"redis://127.0.0.1:{server.port}") as db:
            db["/a"] = 1
            sleeping = threading.Thread(target=pause, args=(server, 1.5))
            sleeping.start()
            time.sleep(0.3)
            for use in (lambda: db["/a"], lambda: db.__setitem__("/a", 2)):
                with pytest.raises(StoreNotReachable):
                    use()
            sleeping.join()
            assert db["/a"] in (1, 2)
    finally:
        server.stop()


def pause(server: RedisServer, seconds: float) -> None:
    with server.client() as client:
        client.execute_command("DEBUG", "SLEEP", seconds)


def test_a_server_that_is_full() -> None:
    server = RedisServer("--maxmemory", "4mb").start()
    try:
        with kydb.connect(f"redis://127.0.0.1:{server.port}") as db:
            with pytest.raises(StoreNotReachable, match="maxmemory"):
                for number in range(100):
                    db[f"/f/{number}"] = os.urandom(100_000)
            assert set(db.ls("/f")) == set(walked(db, "/f/")) - {"x"} or len(db.ls("/f")) == number
            assert len(db.ls("/f")) == number
    finally:
        server.stop()


def test_an_object_that_is_too_large() -> None:
    server = RedisServer("--proto-max-bulk-len", "1mb").start()
    try:
        with kydb.connect(f"redis://127.0.0.1:{server.port}") as db:
            with pytest.raises(DynafileError, match="split|large|bulk|reached"):
                db["/f/a"] = os.urandom(2 << 20)
            assert db.ls("/") == []
    finally:
        server.stop()


def test_a_cluster_has_one_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yaml")
    for place in placed("cluster", tmp_path):
        name = place.url().removeprefix("redis://")
        place.close()
        (tmp_path / "kydb.yaml").write_text(f"dbs:\n  {name}:\n    db: 2\n")
        monkeypatch.setenv("KYDB_CONFIG_PATH", str(tmp_path / "kydb.yaml"))
        with pytest.raises(InvalidObjectConfiguration, match="cluster"):
            kydb.connect(place.url())


def test_databases_are_apart(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "kydb.yaml").write_text(
        f"dbs:\n  two:\n    host: 127.0.0.1\n    port: {server.server.port}\n    db: 2\n"
    )
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(tmp_path / "kydb.yaml"))
    with kydb.connect("redis://two") as two:
        two["/a"] = 2
        server.db["/a"] = 0
        assert (two["/a"], server.db["/a"]) == (2, 0)


def test_names_with_braces_in_a_cluster(tmp_path: Path) -> None:
    """Braces in keys decide on the slot: the names of folders are in them, and may have some."""
    names = ["{a}", "}", "{", "{}", "}{", "a}", "{/", "x}:names", "mtime-index"]
    for place in placed("cluster", tmp_path):
        expected = {}
        for number, (one, other) in enumerate((a, b) for a in names for b in names):
            if "/" not in one + other:
                key = f"/{one}/{other}/{one}"
                place.db[key] = expected[key] = number
        assert walked(place.db) == expected


def test_names_that_no_key_can_have(server: Any) -> None:
    """KYDB takes any; they are not listed here, and go with their folder."""
    with server.server.client() as client:
        for name in (b"a\nb", b"a\tb", b"\xff", b"fine", b"a\x00"):
            client.set(b"/f/" + name, pickle.dumps(1))
            client.hset("/f", name, ".")
            client.zadd("kydb:mtime-index:/f", {name: 5})
            client.hset("kydb:mtime-values:/f", name, 5)
        client.set("/.folder-f", pickle.dumps(True))
        client.hset("", ".folder-f", ".")
        assert server.db.ls("/f") == ["fine"]
        assert list(server.db.recent("/f")) == ["fine"]
        server.db.rm_tree("/f")
        assert client.dbsize() == 0
        for name, error in ((b"\xff", ValueError), (b"list", KeyError)):
            client.hset("/f", b".folder-" + name, ".")
            client.set(b"/f/.folder-" + name, pickle.dumps(True))
            client.set("/.folder-f", pickle.dumps(True))
            client.rpush("/f/list", 1)
            with pytest.raises(error) as refused:
                server.db.rm_tree("/f")
            assert isinstance(refused.value, DynafileError)
            client.flushall()
