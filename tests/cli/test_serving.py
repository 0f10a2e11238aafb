"""``dynafile serve``: a process that serves documents, and ends as it is told to."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dynafile import Dynafile
from dynafile.documents import Montybase, doc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

PROGRAM = [sys.executable, "-P", "-m", "dynafile", "serve", "--documents", "db"]
USERS = "v1/documents/users"


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


class Served:
    """The process, what it said, and its URL."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def ask(self, method: str, where: str, **options: Any) -> httpx.Response:
        return httpx.request(method, self.url + where, timeout=20, **options)

    def end(self, number: signal.Signals) -> str:
        """Send a signal; return what it said at last, after an end without an error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, said
        return said


@contextmanager
def served(*options: str, folder: Path) -> Iterator[Served]:
    address = free_address()
    command = [*PROGRAM, "--address", address, *options]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            url = f"http://{address}/"
            who = "who has a key" if "--endpoint" in options else "anybody on this machine"
            assert said == f"serving: db at {url} for {who}; Ctrl-C ends it\n"
            yield Served(process, url)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_stopped(folder: Path, number: signal.Signals) -> None:
    with served(folder=folder) as server:
        assert server.ask("PUT", f"{USERS}/ann", json={"n": 1}).json() == {"id": "ann"}
        assert server.ask("GET", f"{USERS}/ann").json()["value"] == {"n": 1}
        assert server.end(number) == "ended: db is closed\n"
    with Montybase(folder / "db") as db:
        assert doc(db, "users", "ann").get() == {"n": 1}


def test_an_endpoint_wants_the_key_and_says_where_it_is(folder: Path) -> None:
    with served("--endpoint", folder=folder) as server:
        assert server.process.stderr is not None
        assert server.process.stderr.readline() == "key: it is in db/client-config.json\n"
        assert server.ask("GET", USERS).status_code == 401
        key = json.loads((folder / "db" / "client-config.json").read_text())["apiKey"]
        headers = {"authorization": f"Bearer {key}"}
        assert server.ask("PUT", f"{USERS}/ann", json={}, headers=headers).status_code == 200
        assert key not in server.end(signal.SIGTERM)


def test_rules_decide_what_may_be_done(run: Run, folder: Path) -> None:
    (folder / "app.rules").write_text("match /users/{user} {\n  allow get, create;\n}\n")
    with served("--rules", "app.rules", folder=folder) as server:
        assert server.ask("POST", f"{USERS}?key=ann", json={"n": 1}).status_code == 201
        assert server.ask("GET", f"{USERS}/ann").json()["value"] == {"n": 1}
        assert server.ask("PUT", f"{USERS}/ann", json={"n": 2}).status_code == 403
        assert server.ask("GET", USERS).status_code == 403
        server.end(signal.SIGTERM)
    (folder / "app.rules").write_text("match /users/{user} {\n  alow get;\n}\n")
    refused = run("serve", "--documents", "db", "--rules", "app.rules", code=3)
    assert "app.rules, line 2, column 3" in refused.stderr
    missing = run("serve", "--documents", "db", "--rules", "no.rules", code=1)
    assert "no.rules" in missing.stderr


def test_the_log_tells_of_requests_where_it_is_asked_to(folder: Path) -> None:
    with served("--log", folder=folder) as server:
        server.ask("PUT", f"{USERS}/ann?key=secret", json={})
        said = server.end(signal.SIGTERM)
    assert "log: anybody PUT /v1/documents/users/ann 400" in said
    assert "secret" not in said


def test_an_address_that_others_reach_wants_a_key(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    def run_at_once(db: Montybase, **options: Any) -> None:
        opened.append(db)
        options["listening"]("http://host/")

    monkeypatch.setattr(Montybase, "run", run_at_once)
    said = run("serve", "--documents", "db", "--address", "0.0.0.0:8000").stderr
    assert "for who has a key" in said
    assert "client-config.json" in said
    run("serve", "--documents", "db", "--endpoint")
    run("serve", "--documents", "db")
    wanted = [("0.0.0.0", 8000, False), ("0.0.0.0", 5000, False), ("127.0.0.1", 5000, True)]
    assert [(db._serving.host, db._serving.port, db._serving._open) for db in opened] == wanted


def test_a_port_that_is_taken(run: Run, folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        said = run("serve", "--documents", "db", "--address", address, code=1).stderr
    assert "address already in use" in said
    assert f"error: nothing can listen at {address}: another program may" in said


def test_what_is_wrong_is_said(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--documents PATH" in run("serve", code=2).stderr
    for address in ("localhost", "localhost:0", "localhost:99999", ":80", "http://localhost:80"):
        said = run("serve", "--documents", "db", "--address", address, code=2).stderr
        assert "an address is a host and a port" in said
    assert not (folder / "db").exists()
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = run("serve", "--documents", "db", code=1).stderr
    assert "pip install 'dynafile[documents]'" in said
    assert not (folder / "db").exists()


def test_a_folder_of_something_else_is_left_as_it_is(run: Run, folder: Path) -> None:
    with Dynafile(folder / "cities", pk_attribute="country") as db:
        db.put_item(item={"country": "FR", "SK": "Paris"})
    before = {path: path.stat().st_mtime_ns for path in (folder / "cities").rglob("*.json")}
    assert "cities" in run("serve", "--documents", "cities", code=2).stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (folder / "file").write_text("text")
    assert "file" in run("serve", "--documents", "file", code=4).stderr


def test_a_broken_configuration_is_named(run: Run, folder: Path) -> None:
    Montybase(folder / "db", dev=True).close()
    (folder / "db" / "db.config.json").write_text("{\n  oops\n}")
    said = run("serve", "--documents", "db", code=1).stderr
    assert "db.config.json, line 2: no JSON" in said
