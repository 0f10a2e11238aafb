"""``http://``: read from a server that the test runs."""

from __future__ import annotations

import pickle
import threading
import time
from contextlib import contextmanager
from fractions import Fraction
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
from objects.conftest import CONTENT, KYDB
from objects.servers import free_port

from dynafile import objects as kydb
from dynafile.errors import (
    CorruptObject,
    DynafileError,
    IndexNotSupported,
    InvalidObjectArgument,
    InvalidObjectURL,
    InvalidSignature,
    NotSupportedByStore,
    ObjectTooLarge,
    StoreNotReachable,
)
from dynafile.objects.backends import http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Site:
    """A web server: bodies by path, and what else a path is answered with."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.special: dict[str, Callable[[Any], None]] = {}
        self.asked: list[str] = []
        self.etags = True
        self.head = True
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = unquote(self.path)
                site.asked.append(f"{self.command} {path}")
                if path in site.special:
                    site.special[path](self)
                elif self.command == "HEAD" and not site.head:
                    self.answer(405)
                elif path not in site.bodies:
                    self.answer(404)
                else:
                    body = site.bodies[path]
                    etag = f'"{sha256(body).hexdigest()[:16]}"'
                    known = self.headers.get("If-None-Match")
                    if site.etags and known == etag:
                        site.asked[-1] += " 304"
                        self.answer(304, ETag=etag)
                    else:
                        self.answer(200, body, **({"ETag": etag} if site.etags else {}))

            do_HEAD = do_GET  # noqa: N815 - the server's name

            def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # a client that has gone away

        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


@pytest.fixture
def db(site: Site) -> Iterator[Any]:
    with kydb.connect(f"http://{site.host}") as db:
        yield db


def test_objects_are_read(site: Site, db: Any) -> None:
    site.bodies["/a/b"] = pickle.dumps({"x": [1]})
    assert db["/a/b"] == db["a/b"] == db.get("/a/b") == {"x": [1]}
    assert db.exists("/a/b")
    assert "/a/b" in db
    assert not db.exists("/nope")
    assert db.get("/nope", 5) == 5
    with pytest.raises(KeyError, match="/nope"):
        db["/nope"]
    assert db.get_many(["/a/b", "/nope"]) == {"/a/b": {"x": [1]}}
    site.special["/gone"] = lambda handler: handler.answer(410)
    assert db.get("/gone") is None


def test_only_what_has_changed_is_sent(site: Site, db: Any) -> None:
    site.bodies["/a"] = pickle.dumps(1)
    assert db["/a"] == db["/a"] == 1
    assert site.asked == ["GET /a", "GET /a 304"]
    site.bodies["/a"] = pickle.dumps(2)
    assert db["/a"] == 2
    assert db.exists("/a")
    assert site.asked[2:] == ["GET /a", "HEAD /a"]
    del site.bodies["/a"]
    assert db.get("/a") is None
    assert not db.exists("/a")


def test_a_server_without_etags(site: Site, db: Any) -> None:
    site.etags = site.head = False
    site.bodies["/a"] = pickle.dumps([1])
    assert db["/a"] == db["/a"] == [1]
    version = db.version("/a")
    site.bodies["/a"] = pickle.dumps([2])
    assert db["/a"] == [2]
    assert db.version("/a") != version
    assert db.exists("/a")
    assert not db.exists("/nope")
    assert site.asked[-3:] == ["HEAD /a", "GET /a", "HEAD /nope"] or "GET /nope" in site.asked[-1]


@pytest.mark.parametrize("base", CONTENT["BASES"])
def test_what_kydb_wrote_is_read(site: Site, base: str) -> None:
    """A bucket or a folder that is shown as it is; and hex text, which is what KYDB reads."""
    for path in (KYDB / "files").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            key = f"/{path.relative_to(KYDB / 'files')}"
            site.bodies[key] = data
            site.bodies[f"/hex{key}"] = data.hex().encode()
    for place in ("", "/hex"):
        with kydb.connect(f"http://{site.host}{place}{base}") as db:
            for key, value in CONTENT["PLAIN"].items():
                assert db[key] == value
                assert type(db[key]) is type(value)
            with pytest.raises(ValueError, match="allow_pickle"):
                db["/pickled/fraction"]


def test_our_own_bytes_are_read(site: Site, tmp_path: Path, db: Any) -> None:
    with kydb.connect(f"files:/{tmp_path}/x") as files:
        files["/a"] = {"x": b"\x80"}
    data = (tmp_path / "x" / "a").read_bytes()
    site.bodies |= {"/a": data, "/hex": data.hex().upper().encode() + b"\n"}
    assert db["/a"] == db["/hex"] == {"x": b"\x80"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"80",
        b"8004",
        b"zz",
        b"abc",
        b"<html>",
        "ä".encode(),
        b"80 04 8",
        b"6162",
        b"\0DYN",
        b"\x80",
    ],
)
def test_bodies_that_are_no_object(site: Site, db: Any, body: bytes) -> None:
    site.bodies["/a"] = body
    with pytest.raises(ValueError, match="/a") as refused:
        db["/a"]
    assert isinstance(refused.value, DynafileError)
    assert db.exists("/a")


def test_names_are_encoded(site: Site, db: Any) -> None:
    for key in ("/a b", "/ä/ü", "/a?b", "/a#b", "/a%2fb", "/a+b&c=d", "/a;b:c@d", "/100%"):
        site.bodies[key] = pickle.dumps(key)
        assert db[key] == key
        assert site.asked[-1] == f"GET {key}"


@pytest.mark.parametrize("status", [400, 401, 403, 407, 429, 500, 503, 301])
def test_other_answers_are_errors(site: Site, db: Any, status: int) -> None:
    site.special["/a"] = lambda handler: handler.answer(status)
    for ask in (
        lambda: db["/a"],
        lambda: db.get("/a"),
        lambda: db.exists("/a"),
        lambda: "/a" in db,
    ):
        with pytest.raises(StoreNotReachable, match=str(status)) as refused:
            ask()
        assert not isinstance(refused.value, KeyError)


def test_redirections(site: Site, db: Any) -> None:
    site.bodies["/there"] = pickle.dumps(5)

    def to(where: str) -> Callable[[Any], None]:
        return lambda handler: handler.answer(302, Location=where)

    with serving() as other:
        other.bodies["/a"] = pickle.dumps("other")
        site.special = {
            "/near": to("/there"),
            "/near2": to(f"http://{site.host}/near"),
            "/loop": to("/loop"),
            "/far": to(f"http://{other.host}/a"),
            "/https": to(f"https://{site.host}/there"),
            "/file": to("file:///etc/passwd"),
            "/bad": to("http://[::1/"),
        }
        assert db["/near"] == db["/near2"] == 5
        assert db.exists("/near2")
        for key, match in {
            "/loop": "redirections",
            "/far": "another host",
            "/https": "another host",
            "/file": "another host",
            "/bad": "/bad",
        }.items():
            with pytest.raises(StoreNotReachable, match=match):
                db[key]
        assert other.asked == []


def test_a_body_has_a_limit(site: Site, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BYTES", 100_000)
    site.bodies["/fits"] = pickle.dumps(b"x" * 99_000)
    assert db["/fits"] == b"x" * 99_000
    sent = [0]

    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while sent[0] < 1000:
                handler.wfile.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
                sent[0] += 1
                time.sleep(0.001)
        except OSError:
            handler.close_connection = True

    site.special["/endless"] = endless
    with pytest.raises(ObjectTooLarge) as refused:
        db["/endless"]
    assert refused.value.limit == 100_000
    assert sent[0] < 1000


def test_chunks_are_put_together(site: Site, db: Any) -> None:
    data = pickle.dumps(list(range(1000)))

    def chunked(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for at in range(0, len(data), 100):
            part = data[at : at + 100]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    site.special["/a"] = chunked
    assert db["/a"] == list(range(1000))


def test_bodies_that_are_cut(site: Site, db: Any) -> None:
    def cut(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"\x80\x04K\x05.")
        handler.close_connection = True

    site.special["/a"] = cut
    with pytest.raises(StoreNotReachable, match="/a"):
        db["/a"]


def test_slow_servers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.5)

    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        try:
            for _ in range(20):
                handler.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            pass
        handler.close_connection = True

    def sleep(handler: Any) -> None:
        time.sleep(0.8)
        handler.answer(200)

    site.special = {"/drip": drip, "/sleep": sleep}
    with kydb.connect(f"http://{site.host}") as db:
        for key in site.special:
            with pytest.raises(StoreNotReachable, match="again"):
                db[key]


def test_no_server() -> None:
    with kydb.connect(f"http://127.0.0.1:{free_port()}") as db:
        for ask in (lambda: db["/a"], lambda: db.exists("/a"), lambda: db.get_many(["/a", "/b"])):
            with pytest.raises(StoreNotReachable, match="127.0.0.1") as refused:
                ask()
            assert refused.value.__cause__ is not None


WRITES = [
    "db['/a'] = 1", "db.set('/a', 1)", "db.set('/a', 1, if_match=None)", "db.set_many({'/a': 1})", "db.delete('/a')", "del db['/a']", "db.mkdir('/f')", "db.rmdir('/f')",
    "db.rm_tree('/f')", "db.rm_tree('/')", "db.upload_objdb_config({})", "db.ls('/')", "db.ls('/f')", "list(db.list_dir('/'))",
]  # fmt: skip


@pytest.mark.parametrize("statement", WRITES)
def test_it_is_read_only(site: Site, db: Any, statement: str) -> None:
    site.bodies["/a"] = pickle.dumps(1)
    with pytest.raises(NotSupportedByStore, match="read-only"):
        exec(statement, {"db": db})
    assert site.asked == []


def test_there_is_no_index(db: Any) -> None:
    for ask in (
        lambda: list(db.folder("/f")),
        lambda: list(db.recent("/f", allow_scan=True)),
        lambda: list(db.folder("/f", allow_scan=True).by("rank")),
        lambda: db.reindex("/f"),
    ):
        with pytest.raises(IndexNotSupported):
            ask()


def test_what_is_not_signed_is_never_unpickled(site: Site) -> None:
    url = f"http://{site.host}"
    for where in (
        url,
        f"memory://{uuid4().hex};{url}",
        f"memory://{uuid4().hex}|{url}",
        url.replace("http:", "https:"),
    ):
        with pytest.raises(InvalidObjectArgument, match="signing_key"):
            kydb.connect(where, allow_pickle=True)
    site.bodies["/a"] = pickle.dumps(Fraction(1, 2))
    with (
        kydb.connect(url, allow_pickle=True, signing_key=b"k" * 32) as db,
        pytest.raises(InvalidSignature),
    ):
        db["/a"]
    with kydb.connect(url) as db, pytest.raises(ValueError, match="allow_pickle"):
        db["/a"]
    assert not any(each.startswith("POST") for each in site.asked)


def test_what_is_signed_is_unpickled(site: Site, tmp_path: Path) -> None:
    options: dict[str, Any] = {"allow_pickle": True, "signing_key": b"k" * 32}
    with kydb.connect(f"files:/{tmp_path}/x", **options) as files:
        files["/a"] = Fraction(1, 2)
    site.bodies["/a"] = (tmp_path / "x" / "a").read_bytes()
    site.bodies["/moved"] = site.bodies["/a"]
    with kydb.connect(f"http://{site.host}", **options) as db:
        assert db["/a"] == Fraction(1, 2)
        with pytest.raises(InvalidSignature):
            db["/moved"]


def test_behind_a_union(site: Site) -> None:
    site.bodies |= {"/f/a": pickle.dumps("web"), "/f/b": pickle.dumps("web")}
    with kydb.connect(f"memory://{uuid4().hex};http://{site.host}") as db:
        assert db["/f/a"] == "web"
        db["/f/a"] = "mine"
        assert (db["/f/a"], db["/f/b"]) == ("mine", "web")
        assert db.ls("/f") == ["a"]
        assert db.exists("/f/b")
        assert list(db.recent("/f", allow_scan=True)) == ["a"]
        assert db.get_many(["/f/a", "/f/b"]) == {"/f/a": "mine", "/f/b": "web"}
        db.delete("/f/a")
        assert db["/f/a"] == "web"


def test_behind_a_cache(site: Site) -> None:
    site.bodies["/a"] = pickle.dumps([1])
    with kydb.connect(f"memory://{uuid4().hex}|http://{site.host}") as db:
        assert db["/a"] == db["/a"] == [1]
        assert site.asked == ["GET /a"]
        site.bodies["/a"] = pickle.dumps([2])
        assert db.read("/a", reload=True) == [2]


def test_passwords_are_sent_and_not_shown(site: Site) -> None:
    found: list[str] = []
    site.special["/a"] = lambda handler: (
        found.append(handler.headers["Authorization"]),
        handler.answer(403),
    )
    with kydb.connect(f"http://ann:secret@{site.host}") as db:
        with pytest.raises(StoreNotReachable) as refused:
            db["/a"]
        assert "secret" not in f"{refused.value} {db!r} {db.url}"
    assert found == ["Basic YW5uOnNlY3JldA=="]


@pytest.mark.parametrize(
    "url", ["http://", "http:///a", "http://a:b:c", "http://a:99999", "http://[::1", "http://a b"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises((InvalidObjectURL, StoreNotReachable)), kydb.connect(url) as db:
        db["/a"]


def test_pickles_of_an_enemy(site: Site, db: Any) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return exec, ("raise SystemExit",)

    site.bodies["/a"] = pickle.dumps(Bomb())
    site.bodies["/b"] = pickle.dumps(Bomb()).hex().encode()
    for key in ("/a", "/b"):
        with pytest.raises(ValueError, match="allow_pickle|type") as refused:
            db[key]
        assert isinstance(refused.value, DynafileError)
        assert not isinstance(refused.value, CorruptObject) or refused.value.key == key
