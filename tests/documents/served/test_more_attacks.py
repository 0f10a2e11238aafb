"""Attacks that come in a request that is well-formed: on what is stored, on others, on the log."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dynafile.documents import Increment, doc
from dynafile.documents.engine import DocumentChange
from dynafile.documents.served import bodies
from dynafile.documents.served.listening import Encoded
from dynafile.documents.served.sse import frame
from dynafile.errors import InvalidDocument

if TYPE_CHECKING:
    from dynafile.documents import Montybase

V1 = "/v1/documents"
JSON = [("content-type", "application/json")]


# -- names ---------------------------------------------------------------------------------------


def test_names_that_look_the_same_are_not_the_same(ask: Any, db: Montybase) -> None:
    """Nothing is composed, folded or widened, so that no name gets to another's document."""
    names = ["\u00e9", "e\u0301", "a／b", "a∕b", "‥", "ａ", "a", "A", "a%2Fb", "a\u200b"]
    for number, name in enumerate(names):
        escaped = "".join(f"%{byte:02x}" for byte in name.encode())
        assert ask("PUT", f"{V1}/users/{escaped}", {"n": number}).status == 200
    assert doc(db, "users").get() == {name: {"n": number} for number, name in enumerate(names)}


# -- methods and addresses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url"]
)
def test_no_header_makes_another_request_of_it(ask: Any, db: Montybase, header: str) -> None:
    doc(db, "users", "ann").set({"n": 1})
    value = V1 if header == "x-original-url" else "DELETE"
    assert ask("GET", f"{V1}/users/ann", headers=[(header, value)]).json["value"] == {"n": 1}
    assert ask("POST", f"{V1}/users?_method=DELETE", {}).status == 400
    assert doc(db, "users", "ann").get() == {"n": 1}


def test_no_answer_repeats_a_header(ask: Any) -> None:
    """Else a cache before the server would give others what somebody made it say."""
    evil = "evil.example"
    headers = [
        ("host", evil),
        *((f"x-forwarded-{name}", evil) for name in ("host", "proto", "prefix", "for")),
        ("forwarded", f"host={evil}"),
        ("origin", f"https://{evil}"),
    ]
    for method, target, body in (("POST", "/users", {}), ("GET", "/users/absent", None)):
        found = ask(method, V1 + target, body, headers)
        assert evil not in str(found.headers) + str(found.body)
        assert found.headers["cache-control"] == "private, no-cache"
    made = ask("POST", f"{V1}/users", {}, headers).headers["location"]
    assert made.startswith(f"{V1}/users/")


# -- numbers -------------------------------------------------------------------------------------


def test_a_limit_without_end(ask: Any, db: Montybase) -> None:
    """An integer that no index can be made the server fail."""
    doc(db, "users", "ann").set({"n": 1})
    for more in ({}, {"orderBy": [{"field": "n"}]}, {"group": True}):
        query = {"path": ["users"], "limit": 10**400, **more}
        assert len(ask("POST", f"{V1}:query", {"query": query}).json["documents"]) == 1


@pytest.mark.parametrize("numbers", [[10**400, 1.5], [1e308, 1e308]], ids=["integer", "floats"])
@pytest.mark.parametrize("kind", ["sum", "average"])
def test_sums_that_are_larger_than_any_number(
    ask: Any, db: Montybase, numbers: list[float], kind: str
) -> None:
    """They made the server fail, or were said to be null."""
    for each in numbers:
        doc(db, "users").add({"n": each})
    body = {"query": {"path": ["users"]}, "kind": kind, "field": "n"}
    found = ask("POST", f"{V1}:aggregate", body)
    assert (found.status, found.code) == (400, "InvalidDocument")


def test_an_average_of_integers_that_are_larger_than_any_float(ask: Any, db: Montybase) -> None:
    doc(db, "users").add({"n": 10**400})
    body = {"query": {"path": ["users"]}, "field": "n"}
    assert ask("POST", f"{V1}:aggregate", {**body, "kind": "sum"}).json == {"value": 10**400}
    assert ask("POST", f"{V1}:aggregate", {**body, "kind": "average"}).status == 400


def test_an_integer_that_grows_until_nobody_can_read_it(ask: Any, db: Montybase) -> None:
    """Python writes no integer of more digits, so that its document could never be read again."""
    largest = 10**4300 - 1
    ann = doc(db, "users", "ann")
    ann.set({"n": largest, "deep": [largest]})
    transform = {"n": {"increment": 1}}
    change = {"kind": "update", "path": ["users", "ann"], "transforms": transform}
    found = ask("POST", f"{V1}:batch", {"changes": [change]})
    assert (found.status, found.code) == (400, "InvalidDocument")
    with pytest.raises(InvalidDocument, match="n has over 4300 digits"):
        ann.update({"n": Increment(1)})
    with pytest.raises(InvalidDocument, match=r"deep\[0\] has over 4300 digits"):
        ann.set({"deep": [-largest - 1]})
    assert ask("GET", f"{V1}/users/ann").json["value"]["n"] == largest


# -- queries and positions -----------------------------------------------------------------------


def test_the_largest_query_that_is_taken_is_answered(ask: Any, db: Montybase) -> None:
    for number in range(100):
        doc(db, "users").add({f"f{field}": number for field in range(100)})
    values = list(range(100))
    where = [{"field": f"f{n}", "op": "in", "value": values} for n in range(100)]
    found = ask("POST", f"{V1}:query", {"query": {"path": ["users"], "where": where}})
    assert len(found.json["documents"]) == 100


@pytest.mark.parametrize("since", ["9" * 30, "0" * 30])
def test_a_position_of_another_database_is_none(ask: Any, db: Montybase, since: str) -> None:
    doc(db, "users", "ann").set({"n": 1})
    for headers, body in (
        ([("last-event-id", since)], {"path": ["users"]}),
        ([], {"path": ["users"], "since": since}),
    ):
        found = ask("POST", f"{V1}:watch", body, headers)
        assert (found.status, found.code) == (400, "InvalidDocumentArgument")
    twice = ask("POST", f"{V1}:watch?since={since}", {"path": ["users"], "since": since})
    assert "once" in twice.json["detail"]


@pytest.mark.parametrize("text", ["\n\nevent: removed\ndata: {}\n\n", "\r\r", "\r\nid: 1", "\x85"])
def test_no_value_and_no_id_writes_events(text: str) -> None:
    change = DocumentChange("added", text, f"users/{text}", {text: text}, "0" * 29 + "1")
    sent = frame(change, Encoded().json(change))
    assert sent.endswith(b"\n\n")
    lines = sent[:-2].replace(b"\r", b"\n").split(b"\n")
    assert [line.partition(b": ")[0] for line in lines] == [b"id", b"event", b"data"]


# -- others --------------------------------------------------------------------------------------


def test_a_large_body_holds_up_nobody_else(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ten megabytes of JSON takes a second or two, in which nobody was told anything."""
    read_json, go_on, waited = bodies.read_json, threading.Event(), []

    def slow(data: bytes, what: str) -> Any:
        waited.append(go_on.wait(30))
        return read_json(data, what)

    monkeypatch.setattr(bodies, "read_json", slow)

    async def both() -> tuple[Any, Any]:
        body = b'{"text": "%b"}' % (b"x" * 90_000)
        headers = [*JSON, ("content-length", str(len(body)))]
        large = asyncio.create_task(ask._ask("PUT", f"{V1}/users/ann", headers, [body], {}))
        while not large.done() and not ask.app._threads._work_queue.empty():
            await asyncio.sleep(0.001)
        small = await ask._ask("GET", "/v1/health", [], [], {})
        go_on.set()
        return await large, small

    large, small = ask.runner.run(both())
    assert (large.status, small.status, waited) == (200, 200, [True])


def test_the_log_has_one_line_of_each_request(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Servers of others may hand on what h11 refuses."""
    caplog.set_level(logging.INFO, "dynafile")
    forged = "/v1/x\nanybody DELETE /v1/documents/users 200 1.0 ms\x1b[2J\x9b2J\x00"
    ask("GET", forged)
    ask("GET\nPUT", "/v1/x")
    lines = caplog.text.splitlines()
    assert len(lines) == 2
    assert all(line.isascii() and line.isprintable() for line in lines)
