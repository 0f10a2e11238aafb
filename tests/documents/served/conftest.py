"""Applications that are asked without a socket, exactly as a test says, and servers that run."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from documents.served.ruled_world import Ruled

from dynafile import documents
from dynafile.documents.access import Accounts, MemoryRecords, PasswordCost, Passwords
from dynafile.documents.served.application import DocumentsApplication
from dynafile.documents.served.guard import KeyGuard, Limits, OpenGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

CHEAP = PasswordCost(memory=8, passes=1, lanes=1)
JSON = (("content-type", "application/json"),)


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = {name.decode(): value.decode() for name, value in headers}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The class of the error, of an answer that has to be a problem."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        problem = self.json
        assert problem["status"] == self.status
        assert problem["detail"]
        return str(problem["code"])


class Asking:
    """Asks an application in a loop of its own."""

    def __init__(self, app: DocumentsApplication) -> None:
        self.app = app
        self.runner = asyncio.Runner()

    def __call__(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: Sequence[tuple[str, str]] = (),
        *,
        parts: Sequence[bytes] | None = None,
        **scope: Any,
    ) -> Answer:
        """Ask for what is at a target, which is sent as it stands; ``body`` becomes JSON."""
        if body is not None:
            parts = [json.dumps(body).encode()]
            headers = (*JSON, *headers)
        return self.runner.run(self._ask(method, target, headers, parts or [], scope))

    async def _ask(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        parts: Sequence[bytes],
        more: dict[str, Any],
    ) -> Answer:
        raw, _, query = target.partition("?")
        if parts and not any(
            name in ("content-length", "transfer-encoding") for name, _ in headers
        ):
            headers = (*headers, ("content-length", str(sum(map(len, parts)))))
        if not any(name == "host" for name, _ in headers):
            headers = (*headers, ("host", "localhost:5000"))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": raw,
            "raw_path": raw.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
            "client": ("127.0.0.1", 4711),
            "server": ("127.0.0.1", 5000),
        } | more
        left = list(parts)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if left:
                body = left.pop(0)
                if body == b"never":
                    await asyncio.Event().wait()
                return {"type": "http.request", "body": body, "more_body": bool(left)}
            if not parts and not sent:
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        assert sent[0]["type"] == "http.response.start"
        body = b"".join(each["body"] for each in sent[1:])
        return Answer(sent[0]["status"], sent[0]["headers"], body)

    def close(self) -> None:
        self.app.stop()
        self.runner.close()


class World:
    """A database in memory, its keys, and applications on it."""

    def __init__(self) -> None:
        self.db = documents.Montybase(":memory:")
        self.accounts = Accounts(MemoryRecords(), "test", passwords=Passwords(CHEAP))
        self.keys = self.accounts.keys
        self._opened: list[Asking] = []

    def ask_of(self, guard: Any, engine: Any = None, **options: Any) -> Asking:
        options.setdefault("accounts", self.accounts)
        app = DocumentsApplication(engine or self.db.engine, guard, **options)
        self._opened.append(Asking(app))
        return self._opened[-1]

    def key(self, name: str = "test", **options: Any) -> tuple[tuple[str, str], ...]:
        """Return the header of a new key."""
        return (("authorization", f"Bearer {self.keys.make(name, **options).text}"),)

    def close(self) -> None:
        for each in self._opened:
            each.close()
        self.db.close()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def db(world: World) -> documents.Montybase:
    return world.db


@pytest.fixture
def ask(world: World) -> Asking:
    """An application that admits anybody."""
    limits = Limits(body_bytes=100_000, body_seconds=0.2)
    return world.ask_of(OpenGuard(world.accounts, limits))


@pytest.fixture
def guarded(world: World) -> Asking:
    """An application that wants a key."""
    return world.ask_of(KeyGuard(world.accounts))


class Running:
    """A database that is served on a port of this machine, in a thread."""

    def __init__(self, folder: Path, port: int = 0, *, keyed: bool = False, **options: Any) -> None:
        self.folder = folder
        self.port = port or free_port()
        address = f"127.0.0.1:{self.port}"
        if keyed:
            documents.Montybase(folder, endpoint=True).close()
            path = folder / "db.config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"address": address}))
            options["endpoint"] = True
        else:
            options["dev"] = address
        self.db = documents.Montybase(folder, **options)
        self.url = f"http://{address}"
        self._thread = threading.Thread(target=self.db.run)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < deadline
            assert self._thread.is_alive()
            time.sleep(0.005)

    def client_key(self) -> str:
        return str(json.loads((self.folder / "client-config.json").read_text())["apiKey"])

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.db.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start servers, which are stopped after the test."""
    started: list[Running] = []

    def start(**options: Any) -> Running:
        started.append(Running(tmp_path / "db", **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def ruled(world: World, tmp_path: Path) -> Iterator[Callable[..., Ruled]]:
    """Make servers with rules; the file is in the test's folder."""
    made: list[Ruled] = []

    def make(text: str | None) -> Ruled:
        made.append(Ruled(world, tmp_path, text))
        return made[-1]

    yield make
    for each in made:
        each.close()
