"""What a server refuses: each is a problem, nothing was written, and the log has no secrets."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import documents
from dynafile.documents import doc
from dynafile.documents.served.guard import OpenGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dynafile.documents import Montybase

V1 = "/v1/documents"
JSON = [("content-type", "application/json")]


@pytest.fixture(autouse=True)
def kept(db: Montybase) -> Iterator[None]:
    """What is there must be there afterwards."""
    doc(db, "users", "ann").set({"n": 1})
    yield
    assert doc(db).get() == {"users": {"ann": {"n": 1}}}


TARGETS = [
    "/users%2Fann",
    "/users/%2e%2e/ann",
    "/users/..",
    "/users/%2E",
    "/users//ann",
    "//users",
    "/users/",
    "/users/ann/",
    "/users/%00",
    "/users/a%00b",
    "/users/%",
    "/users/%zz",
    "/users/%ff",
    "/users/%c0%af",
    "/users/%ed%a0%80",
    "/users/" + "a" * 1025,
    "/users/\xff",
    "/" + "/".join(["a" * 100] * 101),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: ascii(target)[:30])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_addresses_that_are_no_path(ask: Any, method: str, target: str) -> None:
    found = ask(method, V1 + target, {"x": 1} if method == "PUT" else None)
    assert found.status == 400
    assert found.code in ("InvalidDocumentPath", "MalformedRequest")


@pytest.mark.parametrize(
    "target",
    [
        "/v2/documents/users",
        "/v1/document",
        "/v1/documentsusers",
        "/v1/documents:drop",
        "/v1/documents:",
        "/v1/documents:query/x",
        "/v1/%64ocuments/users",
        "/v1/../v1/documents/users",
        "/V1/documents/users",
        "/v1/page.html",
        "/v1/../page.py",
        "/v1/live",
        "/favicon.ico",
        "*",
        "",
    ],
)
def test_addresses_that_are_not_there(ask: Any, target: str) -> None:
    found = ask("GET", target)
    assert (found.status, found.code) == (404, "AddressNotFound")


@pytest.mark.parametrize(
    "method", ["TRACE", "CONNECT", "get", "PROPFIND", "OPTIONS", "X" * 100, ""]
)
def test_methods_that_are_not_there(ask: Any, method: str) -> None:
    found = ask(method, f"{V1}/users/ann")
    assert (found.status, found.code) == (405, "MethodNotAllowed")
    assert found.headers["allow"] == "GET, HEAD, PUT, PATCH, DELETE"
    assert ask(method, V1).headers["allow"] == "GET, HEAD"
    assert ask(method, f"{V1}/users").headers["allow"] == "GET, HEAD, PUT, POST, PATCH, DELETE"
    assert ask(method, f"{V1}:query").headers["allow"] == "POST"
    assert ask("POST", "/v1/health", {}).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", "nonsense=1"),
        ("GET", "limit=1&limit=2"),
        ("GET", "limit=0"),
        ("GET", "limit=-1"),
        ("GET", "limit=1001"),
        ("GET", "limit=1e2"),
        ("GET", "limit=٣"),
        ("GET", "limit=" + "9" * 5000),
        ("GET", "limit"),
        ("GET", "after=a/b"),
        ("GET", "after="),
        ("GET", "after=%ff"),
        ("GET", "key=ann"),
        ("GET", "&".join(f"a{n}=1" for n in range(100))),
        ("DELETE", "key="),
        ("DELETE", "key=.."),
        ("DELETE", "key=a%2Fb"),
        ("DELETE", "limit=1"),
    ],
)  # fmt: skip
def test_parameters(ask: Any, method: str, query: str) -> None:
    raw = query.encode().decode("latin-1")
    assert ask(method, f"{V1}/users?{raw}").status == 400


BODIES: list[tuple[bytes, str]] = [
    (b"", "no body"),
    (b"{", "line 1"),
    (b"{}{}", "line 1"),
    (b"{'n': 1}", "line 1"),
    (b'{"n": 1,}', "line 1"),
    (b'{"n": NaN}', "NaN"),
    (b'{"n": -Infinity}', "Infinity"),
    (b'{"n": 1e999}', "n"),
    (b'{"n": 1, "n": 2}', "'n' twice"),
    (b'{"a": {"n": 1, "n": 1}}', "'n' twice"),
    (b'\xef\xbb\xbf{"n": 1}', "BOM"),
    (b'{"n": "\xff"}', "UTF-8"),
    (b'{"n": "\\ud800"}', "surrogate"),
    ('{"n": 1}'.encode("utf-16"), "UTF-8"),
    (b'{"n": ' + b"1" * 5000 + b"}", "digits"),
    (b"[" * 50_000, "deep"),
    (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, ""),
    (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "levels"),
    (b'{"": 1}', "empty"),
    (b"[]", "object"),
    (b"5", "object"),
    (b"null", "object"),
    (b'"text"', "object"),
]


@pytest.mark.parametrize(("body", "word"), BODIES, ids=lambda value: ascii(value)[:25])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_bodies(ask: Any, method: str, body: bytes, word: str) -> None:
    found = ask(method, f"{V1}/users/ann", headers=JSON, parts=[body])
    assert found.status in (400, 413)
    assert found.code
    if found.status == 400:
        assert word in found.json["detail"]


def test_a_document_that_is_too_large(ask: Any, world: Any) -> None:
    roomy = world.ask_of(OpenGuard(world.accounts))
    found = roomy("PUT", f"{V1}/users/ann", {"text": "x" * (1 << 20)})
    assert (found.status, found.code) == (413, "ItemTooLarge")
    assert found.json["limit"] == 1 << 20


def test_a_body_that_is_too_large_is_not_read(ask: Any) -> None:
    parts = [b"[" * 60_000, b"[" * 60_000, b"never"]
    for length in ([], [("content-length", "10")], [("transfer-encoding", "chunked")]):
        found = ask("PUT", f"{V1}/users/ann", headers=[*JSON, *length], parts=parts)
        assert (found.status, found.code) == (413, "RequestTooLarge")
        assert found.headers["connection"] == "close"
    said = ask(
        "PUT", f"{V1}/users/ann", headers=[*JSON, ("content-length", "9" * 30)], parts=[b"never"]
    )
    assert said.status == 413
    assert said.json["limit"] == 100_000


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "0x10"])
def test_lengths_that_are_no_number(ask: Any, length: str) -> None:
    headers = [*JSON, ("content-length", length.encode().decode("latin-1"))]
    assert ask("PUT", f"{V1}/users/ann", headers=headers, parts=[b"{}"]).status == 400


def test_a_body_that_does_not_come(ask: Any) -> None:
    found = ask("PUT", f"{V1}/users/ann", headers=JSON, parts=[b"{", b"never"])
    assert (found.status, found.code) == (408, "RequestTimedOut")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "text/plain")],
        [("content-type", "application/x-www-form-urlencoded")],
        [("content-type", "multipart/form-data")],
        [("content-type", "application/json; charset=utf-16")],
        [("content-type", "application/jsonp")],
        [("content-type", "text/plain; application/json")],
        [*JSON, ("content-type", "text/plain")],
        [*JSON, ("content-encoding", "gzip")],
    ],
    ids=str,
)
def test_bodies_that_do_not_say_that_they_are_json(ask: Any, headers: Any) -> None:
    """A page of another site can send the first ones without asking the server before."""
    for method, target in (("PUT", "/users/ann"), ("POST", "/users"), ("POST", ":batch")):
        found = ask(method, V1 + target, headers=headers, parts=[b'{"n": 2}'])
        assert (found.status, found.code) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_a_body_where_none_has_a_meaning(ask: Any, method: str) -> None:
    """Else a delete that is meant for what matches would delete all of a collection."""
    assert ask(method, f"{V1}/users", {"n": 2}).status == 400
    chunked = ask(method, f"{V1}/users", headers=[("transfer-encoding", "chunked")])
    assert chunked.status == 400


def change(**more: Any) -> dict[str, Any]:
    return {"changes": [{"kind": "set", "path": ["users", "ann"], "value": {"n": 2}} | more]}


BATCHES: list[Any] = [
    [],
    {},
    {"changes": {}},
    {"changes": [1]},
    {"changes": [{}]},
    {"changes": [], "more": 1},
    {"changes": [0] * 10_001},
    change(kind="drop"),
    change(kind=1),
    change(path="users/ann"),
    change(path=[]),
    change(path=["users", 5]),
    change(path=["users", None]),
    change(path=["users", "a/b"]),
    change(path=["users", ".."]),
    change(path=["users", ""]),
    change(path=["users", "\ud800"]),
    change(value=5),
    change(key="ann"),
    change(key=""),
    change(exists="yes"),
    change(exists=1),
    change(lastUpdate=5),
    change(nonsense=1),
    change(transforms=[]),
    change(transforms={"n": "serverTime"}),
    change(transforms={"m": {"increment": 1}}),
    change(transforms={"m": "delete"}),
    change(transforms={"n.x": "serverTime"}),
    change(kind="delete", value=1, transforms={}),
    change(kind="update", value={"n": 1}, transforms={"n": {"increment": 1}}),
    change(kind="update", value={"n": 1, "n.m": 1}),
    change(kind="update", value={}),
    change(kind="update", value={}, transforms={"n": {"increment": "1"}}),
    change(kind="update", value={}, transforms={"n": {"increment": True}}),
    change(kind="update", value={}, transforms={"n": {"increment": 1, "arrayUnion": []}}),
    change(kind="update", value={}, transforms={"n": {"arrayUnion": 1}}),
    change(kind="update", value={}, transforms={"n": "now"}),
    change(kind="update", value={}, transforms={"": "delete"}),
    change(kind="update", value=[], transforms={"n": "delete"}),
    change(kind="add"),
    change(kind="delete", path=["users"], value={}),
]


@pytest.mark.parametrize("body", BATCHES, ids=lambda body: ascii(body)[:60])
def test_batches(ask: Any, body: Any) -> None:
    found = ask("POST", f"{V1}:batch", body)
    assert found.status == 400, found.body
    assert found.code


def query(**more: Any) -> dict[str, Any]:
    return {"query": {"path": ["users"]} | more}


QUERIES: list[Any] = [
    [],
    {},
    {"query": []},
    {"query": {}},
    {"query": {"path": ["users"]}, "more": 1},
    query(path=[]),
    query(path="users"),
    query(path=["a", "b", ".."]),
    query(group=1),
    query(group=True, path=["a", "b", "c"]),
    query(where={}),
    query(where=[{}]),
    query(where=[{"field": "n", "op": "=", "value": 1}]),
    query(where=[{"field": "n", "op": "like", "value": 1}]),
    query(where=[{"field": "", "op": "==", "value": 1}]),
    query(where=[{"field": "a..b", "op": "==", "value": 1}]),
    query(where=[{"field": 5, "op": "==", "value": 1}]),
    query(where=[{"field": "n", "op": "==", "value": 1, "more": 1}]),
    query(where=[{"field": "n", "op": "in", "value": 1}]),
    query(where=[{"field": "n", "op": "in", "value": []}]),
    query(where=[{"field": "n", "op": "in", "value": list(range(101))}]),
    query(where=[{"field": "n", "op": "==", "value": 1}] * 101),
    query(where=[{"field": "n", "op": "==", "value": json.loads("[" * 200 + "]" * 200)}]),
    query(orderBy=[{"field": "n", "direction": "asc"}]),
    query(orderBy=[{"field": "n", "descending": 1}]),
    query(orderBy="n"),
    query(limit=0),
    query(limit=-1),
    query(limit=1.5),
    query(limit=True),
    query(limit="1"),
    query(startAfter={}),
    query(startAfter={"values": [1]}),
    query(startAfter={"last": ["a", "b"]}),
    query(startAfter={"last": "a"}),
    query(startAfter={"last": ["a"]}, startAt={"last": ["a"]}),
    query(orderBy=[{"field": "n"}], endAt={"last": ["a"]}),
    query(offset=1),
]


@pytest.mark.parametrize("body", QUERIES, ids=lambda body: ascii(body)[:60])
def test_queries(ask: Any, body: Any) -> None:
    for verb in ("query", "explain"):
        found = ask("POST", f"{V1}:{verb}", body)
        assert found.status == 400, found.body
        assert found.code
    if isinstance(body, dict):
        assert ask("POST", f"{V1}:watch", body).status == 400
        assert ask("POST", f"{V1}:aggregate", body | {"kind": "count"}).status == 400


@pytest.mark.parametrize(
    "body",
    [
        {**query(), "kind": "max", "field": "n"},
        {**query(), "kind": "sum"},
        {**query(), "kind": "count", "field": "n"},
        {**query(), "kind": "sum", "field": "a..b"},
        {"kind": "count"},
        query(),
    ],
    ids=str,
)
def test_aggregates(ask: Any, body: Any) -> None:
    assert ask("POST", f"{V1}:aggregate", body).status == 400


def test_what_cannot_be_watched(ask: Any) -> None:
    events = [("accept", "text/event-stream")]
    assert ask("GET", V1, headers=events).status == 400
    for body in (
        {},
        {"path": []},
        {"path": ["users"], "query": {"path": ["users"]}},
        {"path": ["users"], "since": 5},
    ):
        assert ask("POST", f"{V1}:watch", body).status == 400
    for since in ("x", "-1", "1" * 40, "0" * 30 + "+x"):
        assert ask("GET", f"{V1}/users?since={since}", headers=events).status == 400
        assert ask("GET", f"{V1}/users", headers=[*events, ("last-event-id", since)]).status == 400


def test_an_id_with_line_breaks_stays_in_its_header(ask: Any, db: Montybase) -> None:
    """Else who chooses an id could write headers of an answer, or events of a stream."""
    added = ask("POST", f"{V1}/users?key=a%0d%0ax-evil:%201", {"n": 1})
    assert added.headers["location"] == f"{V1}/users/a%0D%0Ax-evil%3A%201"
    assert "x-evil" not in added.headers
    doc(db, "users", "a\r\nx-evil: 1").delete()


# -- pages of other sites -------------------------------------------------------------------------


def test_pages_of_other_sites_reach_no_open_server(world: Any) -> None:
    ask = world.ask_of(
        OpenGuard(world.accounts),
        hosts=("localhost",),
        same_origin=True,
        origins=["https://good.example"],
    )
    for origin in (
        "https://evil.example",
        "null",
        "http://localhost:4000",
        "file://localhost:5000",
    ):
        for method in ("GET", "PUT", "DELETE"):
            body = {"n": 2} if method == "PUT" else None
            found = ask(method, f"{V1}/users/ann", body, [("origin", origin)])
            assert (found.status, found.code) == (403, "ForeignOrigin")
            assert "access-control-allow-origin" not in found.headers
    for origin in ("http://localhost:5000", "https://good.example"):
        assert ask("GET", f"{V1}/users/ann", headers=[("origin", origin)]).status == 200
    for host in ("evil.example", "localhost.evil.example", "", "127.0.0.2:5000"):
        assert ask("GET", f"{V1}/users/ann", headers=[("host", host)]).code == "ForeignOrigin"


def test_cors_is_for_those_on_the_list(world: Any) -> None:
    ask = world.ask_of(OpenGuard(world.accounts), origins=["https://good.example"])
    preflight = [
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization,if-match"),
    ]
    good = ask(
        "OPTIONS", f"{V1}/users/ann", headers=[("origin", "https://good.example"), *preflight]
    )
    assert good.status == 200
    assert good.headers["access-control-allow-origin"] == "https://good.example"
    assert "access-control-allow-credentials" not in good.headers
    bad = ask(
        "OPTIONS", f"{V1}/users/ann", headers=[("origin", "https://evil.example"), *preflight]
    )
    assert bad.status == 400
    assert "access-control-allow-origin" not in bad.headers
    read = ask("GET", f"{V1}/users/ann", headers=[("origin", "https://good.example")])
    assert read.headers["access-control-allow-origin"] == "https://good.example"
    assert "ETag" in read.headers["access-control-expose-headers"]


# -- failures and the log -------------------------------------------------------------------------


def test_a_failure_tells_nothing_of_the_server(
    ask: Any, db: Montybase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("/secret/path is broken")

    with monkeypatch.context() as patch:
        patch.setattr(type(db.engine), "run", fail)
        found = ask("GET", f"{V1}/users/ann")
    assert (found.status, found.code) == (500, "ServerFailed")
    assert b"secret" not in found.body
    assert "/secret/path is broken" in caplog.text


def test_the_log_says_who_and_what_without_secrets(
    guarded: Any, world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dynafile")
    ((name, header),) = world.key()
    guarded("PUT", f"{V1}/users/bob", {"password": "hunter2"}, [(name, header)])
    guarded("DELETE", f"{V1}/users/bob?key=hunter2", None, [(name, header)])
    guarded("DELETE", f"{V1}/users/bob", None, [(name, header)])
    guarded("GET", f"{V1}/users/ann", None, [(name, "Bearer mb-hunter2")])
    secret = header.removeprefix("Bearer mb-")
    id_ = world.keys.list()[0].id
    assert f"key {id_} PUT {V1}/users/bob 200" in caplog.text
    assert f"anybody GET {V1}/users/ann 401" in caplog.text
    assert secret not in caplog.text
    assert secret[8:] not in caplog.text
    assert "hunter2" not in caplog.text


def test_a_closed_database_is_not_available(world: Any) -> None:
    with documents.Montybase(":memory:") as other:
        engine = other.engine
    ask = world.ask_of(OpenGuard(world.accounts), engine=engine)
    found = ask("GET", f"{V1}/users/ann")
    assert (found.status, found.code) == (503, "HandleClosed")
