"""Live over the network: events, WebSocket and the client, on a server that runs."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dynafile import documents
from dynafile.documents import doc
from dynafile.documents.ids import Ids
from dynafile.documents.remote import RemoteEngine
from dynafile.documents.served.direct import Direct, direct_of
from dynafile.documents.served.guard import ANYBODY, KeyGuard, Limits, OpenGuard
from dynafile.documents.served.lines import Member
from dynafile.documents.served.listening import Encoded
from dynafile.documents.served.sse import EventAnswer
from dynafile.errors import InvalidDocumentArgument, InvalidDocumentPath, ServerNotReachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

V1 = "/v1/documents"
EVENTS = {"accept": "text/event-stream"}
WITHIN = 20.0


class Events:
    """Reads the events of an answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> dict[str, Any]:
        """Return the next event, whose fields must agree with each other."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line and fields:
                break
            if line.startswith(":"):
                continue
            name, _, value = line.partition(": ")
            fields[name] = value
        change: dict[str, Any] = json.loads(fields["data"])
        assert fields["event"] == change["type"]
        assert fields["id"] == change["position"]
        return change

    def words(self, count: int) -> list[tuple[Any, ...]]:
        return [
            (each["type"], each["id"], each["value"])
            for each in (self.next() for _ in range(count))
        ]


@contextmanager
def events(url: str, target: str, body: Any = None, **headers: str) -> Iterator[Events]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    method = "GET" if body is None else "POST"
    with (
        httpx.Client(base_url=url, timeout=WITHIN) as client,
        client.stream(method, V1 + target, json=body, headers=EVENTS | named) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer)


def test_events_tell_the_state_and_then_each_change(run: Any) -> None:
    server = run()
    users = doc(server.db, "users")
    users.add({"n": 0}, key="ann")
    with events(server.url, "/users") as told, events(server.url, "/users/ann") as of_ann:
        assert told.words(1) == [("state", None, {"ann": {"n": 0}})]
        assert of_ann.words(1) == [("state", None, {"n": 0})]
        users.add({"n": 1, "text": "a\n\ndata: b"}, key="bob")
        users.update({"n": 2}, key="ann")
        users.delete(key="bob")
        assert told.words(3) == [
            ("added", "bob", {"n": 1, "text": "a\n\ndata: b"}),
            ("modified", "ann", {"n": 2}),
            ("removed", "bob", {"n": 1, "text": "a\n\ndata: b"}),
        ]
        assert of_ann.words(1) == [("modified", "ann", {"n": 2})]


def test_events_of_a_query(run: Any) -> None:
    server = run()
    users = doc(server.db, "users")
    users.add({"n": 5}, key="ann")
    query = {"path": ["users"], "where": [{"field": "n", "op": ">", "value": 3}]}
    with events(server.url, ":watch", {"query": query}) as told:
        assert told.words(1) == [("state", None, {"ann": {"n": 5}})]
        users.add({"n": 1}, key="bob")
        users.update({"n": 4}, key="bob")
        users.update({"n": 0}, key="ann")
        assert told.words(2) == [("added", "bob", {"n": 4}), ("removed", "ann", {"n": 5})]


def test_events_go_on_where_a_client_was(run: Any) -> None:
    server = run()
    users = doc(server.db, "users")
    with events(server.url, "/users") as told:
        position = told.next()["position"]
    for n in range(3):
        users.add({"n": n}, key=f"u{n}")
    with events(server.url, "/users", last_event_id=position) as told:
        first = told.next()
        assert (first["type"], first["id"]) == ("added", "u0")
    with events(server.url, f"/users?since={first['position']}") as told:
        assert told.words(2) == [("added", "u1", {"n": 1}), ("added", "u2", {"n": 2})]
    with events(server.url, ":watch", {"path": ["users"], "since": first["position"]}) as told:
        assert told.words(1) == [("added", "u1", {"n": 1})]
    with events(server.url, "/users?since=" + "0" * 30, last_event_id=first["position"]) as told:
        assert told.words(1) == [("added", "u1", {"n": 1})]


def test_nothing_new_is_said_too(run: Any) -> None:
    server = run()
    server.db.app._audience.limits = server.db.app._limits.__class__(heartbeat=0.01)
    with events(server.url, "/users") as told:
        lines = told.answer.iter_lines()
        assert any(line == ": nothing new" for line in lines)


def test_who_is_told_often_is_asked_about_as_often() -> None:
    """A wait began anew with each change, so that it ended twice as late as it should."""

    class Told:
        def __init__(self) -> None:
            self.waits: list[float] = []

        async def take(self, timeout: float) -> Any:
            self.waits.append(timeout)
            await asyncio.sleep(0.001)
            return [] if len(self.waits) < 3 else None

        def close(self) -> None:
            """Nothing is held."""

    async def serve(told: Any) -> None:
        async def nothing(*_: Any) -> Any:
            return {"type": "http.disconnect"}

        answer = EventAnswer(told, Encoded(), Limits(heartbeat=60), nothing, lambda: None)
        await answer({"type": "http"}, nothing, nothing)

    told = Told()
    asyncio.run(serve(told))
    assert told.waits == sorted(set(told.waits), reverse=True)


def test_who_leaves_before_the_beginning_leaves_nothing(world: Any) -> None:
    """What began in a thread listened for ever."""
    audience = world.ask_of(OpenGuard(world.accounts)).app._audience
    watch, begun, go_on = audience._desk.watch, threading.Event(), threading.Event()
    made: list[Any] = []

    def slowly(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(WITHIN)
        made.append(watch(*arguments))
        return made[0]

    audience._desk.watch = slowly

    async def leave() -> None:
        task = asyncio.create_task(audience.listen(ANYBODY, ("users",), None))
        await asyncio.to_thread(begun.wait, WITHIN)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        go_on.set()
        while not made or not made[0].closed:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(leave(), WITHIN))


def test_a_listener_that_leaves_is_forgotten(run: Any) -> None:
    server = run()
    app = server.db.app
    with events(server.url, "/users") as told:
        told.next()
        assert len(app._audience._live) == 1
    waiting = threading.Event()
    for _ in range(2000):
        if not app._audience._live:
            break
        waiting.wait(0.01)
    assert not app._audience._live
    assert not server.db.engine._feed._all()


def test_no_more_listen_than_the_server_takes(run: Any) -> None:
    server = run()
    server.db.app._audience.limits = Limits(listeners=1)
    with events(server.url, "/users") as told:
        told.next()
        refused = httpx.get(f"{server.url}{V1}/users", headers=EVENTS)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "5"
        with pytest.raises(InvalidStatus):
            connect(f"ws://127.0.0.1:{server.port}/v1/live")


def test_a_slow_listener_is_told_everything(run: Any) -> None:
    """It reads nothing while more is written than sockets hold: nobody waits for it."""
    server = run()
    with events(server.url, "/users") as told:
        told.next()
        text = "x" * 10_000
        for n in range(1000):
            doc(server.db, "users", "ann").set({"n": n, "text": text})
        assert [told.next()["value"]["n"] for _ in range(1000)] == list(range(1000))


def test_those_who_listen_to_the_same_share_what_is_taken(run: Any) -> None:
    """Also who comes later, who falls behind what is shared, and who leaves: each hears all once."""
    server = run()
    app, users = server.db.app, doc(server.db, "users")
    with events(server.url, "/users") as one, events(server.url, "/users") as two:
        one.next(), two.next()
        for n in range(5):
            users.add({"n": n}, key="ann")
            assert one.next()["value"] == two.next()["value"] == {"n": n}
        ((_, line),) = app._audience._lines.items()
        assert len(line.members) == 2
        assert any(member._own is None for member in line.members)
        with events(server.url, "/users") as three:
            assert three.words(1) == [("state", None, {"ann": {"n": 4}})]
            text = "x" * 10_000
            for n in range(5, 1500):  # more than a line keeps, and than sockets hold
                users.add({"n": n, "text": text}, key="ann")
                if n % 2:
                    assert one.next()["value"]["n"] == n - (n - 5) // 2
            for told, first in ((two, 5), (three, 5)):
                assert [told.next()["value"]["n"] for _ in range(first, 1500)] == list(
                    range(first, 1500)
                )
    waiting = threading.Event()
    for _ in range(2000):
        if not app._audience._lines and not server.db.engine._feed._all():
            break
        waiting.wait(0.01)
    assert not app._audience._lines
    assert not server.db.engine._feed._all()


def test_those_who_share_are_written_to_without_being_woken(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any length that frames tell in ways of their own, and also while somebody reads nothing."""
    written = []
    plain = Member.written

    def counted(member: Member, *given: Any) -> bool:
        written.append(plain(member, *given))
        return written[-1]

    monkeypatch.setattr(Member, "written", counted)
    server = run()
    users = doc(server.db, "users")
    sizes = [
        0,
        5,
        20,
        60,
        65_200,
        65_350,
        65_450,
        65_500,
        70_000,
        *range(100, 1100),
        4,
        *range(300),
    ]
    with (
        events(server.url, "/users") as one,
        events(server.url, "/users") as asleep,
        live(server) as socket_,
        live(server) as other,
    ):
        one.next(), asleep.next()
        for number, each in ((1, socket_), (7, other)):
            each.say(subscribe=number, path=["users"])
            assert each.hear()["type"] == "state"
        for n, size in enumerate(sizes):
            users.add({"n": n, "text": "ü" * size}, key="ann")
            assert one.next()["value"]["n"] == n
            for number, each in ((1, socket_), (7, other)):
                change = each.hear()
                assert (change["of"], change["value"]["n"]) == (number, n)
                assert change["value"]["text"] == "ü" * size
        assert [asleep.next()["value"]["n"] for _ in sizes] == list(range(len(sizes)))
    assert sum(written) > 100


def test_only_connections_that_are_known_are_written_to_directly() -> None:
    """Another server's, and one of HTTP/1.0 or HEAD, have what ASGI has."""

    class End:
        flow = transport = disconnected = response_started = response_complete = None

        async def send(self, message: Any) -> None: ...

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        found.append(direct_of(scope))

    found: list[Any] = []
    plain: dict[str, Any] = {"type": "http", "http_version": "1.1", "method": "GET"}
    for scope in (plain, plain | {"http_version": "1.0"}, plain | {"method": "HEAD"}):
        asyncio.run(Direct(asked)(scope, End().send, End().send))
    End.__module__ = "uvicorn.protocols.http.h11_impl"
    for scope in (plain, plain | {"http_version": "1.0"}, plain | {"method": "HEAD"}):
        asyncio.run(Direct(asked)(scope, End().send, End().send))
    assert [each is not None for each in found] == [False, False, False, True, False, False]


def test_a_server_that_stops_ends_who_listens(run: Any) -> None:
    server = run()
    with (
        events(server.url, "/users") as told,
        connect(f"ws://127.0.0.1:{server.port}/v1/live") as live,
    ):
        told.next()
        live.send(json.dumps({"subscribe": 1, "path": ["users"]}))
        assert json.loads(live.recv(WITHIN))["type"] == "state"
        server.stop()
        assert list(told._lines) == []
        with pytest.raises(ConnectionClosed):
            live.recv(WITHIN)


# -- the WebSocket --------------------------------------------------------------------------------


class Live:
    """A WebSocket that speaks JSON."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.socket.recv(WITHIN))
        return found


@contextmanager
def live(server: Any, **options: Any) -> Iterator[Live]:
    with connect(f"ws://127.0.0.1:{server.port}/v1/live", **options) as socket:
        yield Live(socket)


def test_one_connection_has_many_subscriptions(run: Any) -> None:
    server = run()
    doc(server.db, "users", "ann").set({"n": 5})
    with live(server) as socket:
        socket.say(subscribe=1, path=["users"])
        state = socket.hear()
        assert state.pop("position")
        assert state == {
            "of": 1,
            "type": "state",
            "id": None,
            "path": "users",
            "value": {"ann": {"n": 5}},
        }
        socket.say(
            subscribe=-2,
            query={"path": ["users"], "where": [{"field": "n", "op": ">", "value": 7}]},
        )
        assert socket.hear()["value"] == {}
        doc(server.db, "users", "ann").set({"n": 8})
        told = {each["of"]: each for each in (socket.hear(), socket.hear())}
        assert {of: each["type"] for of, each in told.items()} == {1: "modified", -2: "added"}
        socket.say(ping=7)
        assert socket.hear() == {"pong": 7}
        socket.say(unsubscribe=1)
        socket.say(unsubscribe=1)
        assert socket.hear()["problem"]["code"] == "MalformedRequest"
        doc(server.db, "users", "ann").set({"n": 9})
        assert socket.hear()["of"] == -2
        socket.say(subscribe=1, path=["users"], since=told[1]["position"])
        again = socket.hear()
        assert (again["of"], again["type"], again["value"]) == (1, "modified", {"n": 9})


MESSAGES = [
    "",
    "{",
    "[]",
    "{}",
    '{"subscribe": 1}',
    '{"subscribe": "1", "path": ["users"]}',
    '{"subscribe": true, "path": ["users"]}',
    '{"subscribe": 1, "path": []}',
    '{"subscribe": 1, "path": "users"}',
    '{"subscribe": 1, "path": ["a", ".."]}',
    '{"subscribe": 1, "path": ["users"], "query": {"path": ["users"]}}',
    '{"subscribe": 1, "query": {"path": ["users"], "limit": 0}}',
    '{"subscribe": 1, "path": ["users"], "since": "x"}',
    '{"subscribe": 1, "path": ["users"], "since": 5}',
    '{"subscribe": 1, "subscribe": 2, "path": ["users"]}',
    '{"subscribe": 1, "unsubscribe": 1, "path": ["users"]}',
    '{"unsubscribe": 1}',
    '{"ping": "1"}',
    '{"ping": 1, "token": "mb-wrong"}',
    '{"nonsense": 1}',
    '{"token": "mb-wrong"}',
    '{"token": "mb-\\r\\nx: y"}',
    "[" * 10_000,
    b"\xff",
]


def test_messages_that_say_nothing_are_answered(run: Any) -> None:
    server = run()
    with live(server) as socket:
        for message in MESSAGES:
            socket.socket.send(message)
            heard = socket.hear()
            assert heard["problem"]["status"] in (400, 401), message
            assert heard.get("of", 1) == 1
        socket.say(subscribe=1, path=["users"])
        assert socket.hear()["type"] == "state"


def test_a_message_that_is_too_large_ends_it(run: Any) -> None:
    server = run()
    # It may be ended while the message is still on its way.
    with live(server) as socket, pytest.raises(ConnectionClosed):
        socket.socket.send("x" * (2 << 20))
        socket.hear()


def test_subscriptions_have_numbers_and_a_bound(run: Any) -> None:
    server = run()
    server.db.app._audience.limits = Limits(subscriptions=2)
    with live(server) as socket:
        for number in (1, 2):
            socket.say(subscribe=number, path=["users"])
            assert socket.hear()["type"] == "state"
        socket.say(subscribe=1, path=["users"])
        assert socket.hear()["problem"]["code"] == "MalformedRequest"
        socket.say(subscribe=3, path=["users"])
        heard = socket.hear()
        assert (heard["of"], heard["problem"]["code"]) == (3, "LimitExceeded")


def test_pages_of_other_sites_get_no_socket(run: Any) -> None:
    server = run()
    for origin in ("https://evil.example", "null"):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{server.port}/v1/live", origin=origin)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{server.port}/v1/other")
    assert refused.value.response.status_code == 404
    with live(server, origin=f"http://127.0.0.1:{server.port}") as socket:
        socket.say(subscribe=1, path=["users"])
        assert socket.hear()["type"] == "state"


@pytest.fixture
def keyed(run: Any) -> Any:
    """A server that wants its key, which stands in the client's configuration."""
    server = run()
    server.key = json.loads((server.folder / "client-config.json").read_text())["apiKey"]
    app = server.db.app
    app._desk.guard = KeyGuard(server.db.accounts)
    return server


def test_a_socket_takes_its_token_as_the_first_message(keyed: Any) -> None:
    with live(keyed) as socket:
        socket.say(token=keyed.key)
        assert socket.hear() == {"ready": True}
        socket.say(subscribe=1, path=["users"])
        assert socket.hear()["type"] == "state"
    with live(keyed, additional_headers={"x-api-key": keyed.key}) as socket:
        socket.say(subscribe=1, path=["users"])
        assert socket.hear()["type"] == "state"


def test_a_socket_without_a_token_ends(keyed: Any) -> None:
    firsts: list[dict[str, Any]] = [
        {"token": "mb-wrong"},
        {"subscribe": 1, "path": ["users"]},
        {},
        {"token": 5},
    ]
    codes = ("NotAuthenticated", "InvalidApiKey", "MalformedRequest")
    for first in firsts:
        with live(keyed) as socket:
            socket.say(**first)
            assert socket.hear()["problem"]["code"] in codes
            with pytest.raises(ConnectionClosed):
                socket.hear()


def test_a_socket_that_says_nothing_ends(keyed: Any) -> None:
    keyed.db.app._audience.limits = Limits(greeting=0.01)
    with live(keyed) as socket:
        assert socket.hear()["problem"]["code"] == "NotAuthenticated"
        with pytest.raises(ConnectionClosed):
            socket.hear()
    with live(keyed, additional_headers={"x-api-key": "mb-wrong"}) as socket:
        assert socket.hear()["problem"]["code"] == "InvalidApiKey"


# -- the client -----------------------------------------------------------------------------------


@pytest.fixture
def client(run: Any) -> Iterator[Any]:
    server = run()
    client = documents.Montybase(":memory:")
    client._engine.close()
    client._engine = RemoteEngine(server.url, None, Ids(20))
    client.server = server  # type: ignore[attr-defined]
    yield client
    client.close()


def test_a_client_is_told_what_happens(client: Any) -> None:
    told: list[Any] = []
    came = threading.Condition()

    def callback(change: Any) -> None:
        with came:
            told.append((change.type, change.id, change.value))
            came.notify_all()

    def heard(count: int) -> list[Any]:
        with came:
            assert came.wait_for(lambda: len(told) >= count, WITHIN), told
            return told[:]

    doc(client, "users").add({"n": 1}, key="ann")
    watch = doc(client, "users").on_snapshot(callback)
    doc(client, "users").add({"n": 2}, key="bob")
    doc(client.server.db, "users").delete(key="ann")
    assert heard(3) == [
        ("state", None, {"ann": {"n": 1}}),
        ("added", "bob", {"n": 2}),
        ("removed", "ann", {"n": 1}),
    ]
    watch.unsubscribe()
    doc(client, "users").delete()
    assert len(told) == 3


def test_a_client_goes_on_when_its_server_was_away(run: Any, tmp_path: Path) -> None:
    server = run()
    with RemoteEngine(server.url, None, Ids(20)) as engine:
        subscription = engine.watch(("users",))
        assert [each.type for each in subscription.take()] == ["state"]
        server.stop()
        with documents.Montybase(tmp_path / "db") as db:
            doc(db, "users", "ann").set({"n": 1})
        with pytest.raises(ServerNotReachable):
            engine.get(("users",))
        again = run(port=server.port)
        doc(again.db, "users", "bob").set({"n": 2})
        found: list[Any] = []
        while len(found) < 2:
            assert subscription.wait(WITHIN)
            found += [(each.type, each.id) for each in subscription.take()]
        assert found == [("added", "ann"), ("added", "bob")]


def test_a_slow_client_is_told_everything(client: Any) -> None:
    subscription = client.engine.watch(("users",))
    subscription.take()
    for n in range(1000):
        doc(client.server.db, "users", "ann").set({"n": n})
    found: list[Any] = []
    while len(found) < 1000:
        assert subscription.wait(WITHIN)
        found += [each.value["n"] for each in subscription.take()]
    assert found == list(range(1000))


def test_what_a_server_refuses_a_client_raises(client: Any) -> None:
    with pytest.raises(InvalidDocumentArgument):
        client.engine.watch(("users",), "nonsense").take()
    with pytest.raises(InvalidDocumentPath):
        doc(client, "users").where("a..b", "==", 1)
    with pytest.raises(ServerNotReachable):
        RemoteEngine("http://127.0.0.1:1", None, Ids(20)).watch(("users",)).take()


def test_a_client_that_is_closed_ends_who_listens(client: Any) -> None:
    subscription = client.engine.watch(("users",))
    subscription.take()
    ended = threading.Thread(target=lambda: list(subscription))
    ended.start()
    client.close()
    ended.join(WITHIN)
    assert not ended.is_alive()
    subscription._thread.join(WITHIN)
    assert not subscription._thread.is_alive()


# -- processes ------------------------------------------------------------------------------------

PROGRAM = """
import sys
from dynafile.documents import Montybase, doc
mb = Montybase(dev="127.0.0.1:{port}")
mb.run()
print("closed", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_at_once_and_the_program_goes_on(tmp_path: Path, number: int) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    program = PROGRAM.format(port=port)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE
    ) as server:
        url = f"http://127.0.0.1:{port}"
        waiting = threading.Event()
        while True:
            try:
                assert httpx.put(f"{url}{V1}/users/ann", json={"n": 1}).status_code == 200
                break
            except httpx.TransportError:
                assert server.poll() is None
                waiting.wait(0.01)
        with events(url, "/users") as told:
            told.next()
            server.send_signal(number)
            output, _ = server.communicate(timeout=WITHIN)
        assert (server.returncode, output) == (0, b"closed\n")
    with documents.Montybase(tmp_path / "db") as db:
        assert doc(db, "users", "ann").get() == {"n": 1}
