"""Serving a database: its configuration, its applications, and what is refused before it starts."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
from typing import TYPE_CHECKING, Any

import pytest

from dynafile.documents import Montybase, doc
from dynafile.errors import (
    DocumentsNotServed,
    InvalidDocumentArgument,
    InvalidServerConfiguration,
    MissingExtra,
)

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    server = json.loads((folder / "db.config.json").read_text())
    client = json.loads((folder / "client-config.json").read_text())
    return server, client


def change(path: Path, **to: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | to, indent=2))


def test_the_server_keeps_no_key(tmp_path: Path) -> None:
    Montybase(tmp_path / "db", endpoint=True).close()
    server, client = files(tmp_path / "db")
    key = client["apiKey"]
    text = (tmp_path / "db" / "db.config.json").read_text()
    assert key not in text
    assert key[11:] not in text
    assert server["projectName"] == client["projectName"] == "db"
    if os.name == "posix":
        for name in ("db.config.json", "client-config.json"):
            assert stat.S_IMODE((tmp_path / "db" / name).stat().st_mode) == 0o600
    names = {each.name for each in (tmp_path / "db").iterdir() if each.suffix == ".json"}
    assert names >= {"db.config.json", "client-config.json"}
    assert not [each for each in (tmp_path / "db").iterdir() if "config.json." in each.name]


def test_arguments_go_before_the_file_and_are_written_to_it(tmp_path: Path) -> None:
    Montybase(tmp_path / "db", dev=True, updateTime=5).close()
    before = files(tmp_path / "db")
    assert (before[0]["storageUpdate"], before[0]["storageMinCount"]) == (5, 1)
    Montybase(tmp_path / "db", dev=True, storeMin=7).close()
    after = files(tmp_path / "db")
    assert after == (before[0] | {"storageMinCount": 7}, before[1])
    Montybase(tmp_path / "db", dev=True).close()
    assert files(tmp_path / "db") == after


def test_a_moved_folder_takes_its_configuration_along(tmp_path: Path) -> None:
    Montybase(tmp_path / "db", dev=True).close()
    (tmp_path / "db").rename(tmp_path / "other")
    with Montybase(tmp_path / "other", dev=True) as mb:
        doc(mb, "users").add({})
    change(tmp_path / "other" / "db.config.json", storageBucket="/elsewhere")
    with pytest.raises(InvalidServerConfiguration, match=r"storageBucket.*path="):
        Montybase(tmp_path / "other", dev=True)


def test_a_file_that_was_removed_is_made_again_with_the_same_key(tmp_path: Path) -> None:
    Montybase(tmp_path / "db", endpoint=True).close()
    before = files(tmp_path / "db")
    (tmp_path / "db" / "db.config.json").unlink()
    with Montybase(tmp_path / "db", endpoint=True) as mb:
        assert files(tmp_path / "db")[1] == before[1]
        (kept,) = mb.accounts.keys.list()
        assert mb.accounts.keys.check(before[1]["apiKey"]).id == kept.id
    (tmp_path / "db" / "client-config.json").unlink()
    Montybase(tmp_path / "db", endpoint=True).close()
    assert not (tmp_path / "db" / "client-config.json").exists()


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ({"signup": "yes"}, "signup"),
        ({"requestsPerMinute": 0}, "requestsPerMinute"),
        ({"requestsPerMinute": True}, "requestsPerMinute"),
        ({"origins": "https://example.com"}, "origins"),
        ({"origins": ["https://example.com/"]}, "origins"),
        ({"origins": ["*"]}, "origins"),
        ({"requestsPerMinute": 10**400}, "requestsPerMinute"),
        ({"address": 5000}, "address"),
        ({"address": "localhost"}, "address"),
        ({"address": "localhost:65536"}, "address"),
        ({"nonsense": 5}, "nonsense"),
    ],
    ids=str,
)
def test_a_broken_file_is_named_with_the_line(tmp_path: Path, to: Any, word: str) -> None:
    Montybase(tmp_path / "db", endpoint=True).close()
    path = tmp_path / "db" / "db.config.json"
    change(path, **to)
    with pytest.raises(InvalidServerConfiguration, match=word) as refused:
        Montybase(tmp_path / "db", endpoint=True)
    assert refused.value.path == str(path)
    lines = path.read_text().splitlines()
    assert refused.value.line is not None
    assert f'"{word}"' in lines[refused.value.line - 1]
    Montybase(tmp_path / "db").close()


def test_where_it_listens(tmp_path: Path) -> None:
    def address(**options: Any) -> tuple[str, int]:
        with Montybase(tmp_path / "db", **options) as mb:
            assert mb._serving is not None
            return mb._serving.host, mb._serving.port

    assert address(dev=True) == ("127.0.0.1", 5000)
    assert address(dev="localhost:8000") == ("localhost", 8000)
    assert address(dev="[::1]:8000") == ("::1", 8000)
    assert address(endpoint=True) == ("0.0.0.0", 5000)
    change(tmp_path / "db" / "db.config.json", address="127.0.0.1:7000")
    assert address(endpoint=True) == ("127.0.0.1", 7000)
    assert address(dev=True) == ("127.0.0.1", 5000)
    change(tmp_path / "db" / "db.config.json", address="nonsense")
    with pytest.raises(InvalidServerConfiguration, match="address has to be"):
        Montybase(tmp_path / "db", endpoint=True)


@pytest.mark.parametrize(
    "dev", ["0.0.0.0:5000", "192.168.1.1:5000", "example.com:80", "127.evil.example:80"]
)
def test_who_needs_no_key_is_on_this_machine(tmp_path: Path, dev: str) -> None:
    with pytest.raises(InvalidDocumentArgument, match="endpoint=True"):
        Montybase(tmp_path / "db", dev=dev)
    assert not (tmp_path / "db").exists()


def test_a_server_in_memory_has_no_place_for_its_key() -> None:
    with pytest.raises(InvalidDocumentArgument, match="dev=True"):
        Montybase(":memory:", endpoint=True)
    with Montybase(":memory:", dev=True) as mb:
        assert callable(mb.app)


def test_what_is_not_served_has_no_application(tmp_path: Path) -> None:
    with Montybase(":memory:") as mb:
        for name in ("app", "wsgi"):
            with pytest.raises(DocumentsNotServed, match="endpoint=True"):
                getattr(mb, name)
        with pytest.raises(DocumentsNotServed):
            mb.run()


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    with Montybase(":memory:", dev=True) as mb:
        monkeypatch.setitem(sys.modules, "starlette", None)
        with pytest.raises(MissingExtra, match=r"pip install 'dynafile\[documents\]'"):
            _ = mb.app


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        mb = Montybase(tmp_path / "db", dev=f"127.0.0.1:{port}")
        with pytest.raises(InvalidServerConfiguration, match=f"127.0.0.1:{port}"):
            mb.run()
    with Montybase(tmp_path / "db") as again:  # it was closed
        doc(again, "users").add({})


# -- WSGI -----------------------------------------------------------------------------------------


def call(app: Any, method: str, target: str, body: bytes = b"", **more: str) -> tuple[str, Any]:
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.replace("%2F", "/"),
        "REQUEST_URI": target,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
    } | more
    started: list[str] = []
    parts = app(environ, lambda status, headers, error=None: started.append(status))
    return started[0] if (text := b"".join(parts)) and started else "", json.loads(text)


def test_wsgi_answers_the_same_but_for_what_is_live(tmp_path: Path) -> None:
    with Montybase(tmp_path / "db", dev=True) as mb:
        wsgi = mb.wsgi
        assert wsgi is mb.wsgi
        status, answer = call(wsgi, "PUT", "/v1/documents/users/ann", b'{"n": 1}')
        assert (status, answer) == ("200 OK", {"id": "ann"})
        status, answer = call(wsgi, "GET", "/v1/documents/users/ann")
        assert answer["value"] == {"n": 1}
        status, answer = call(wsgi, "GET", "/v1/documents/users%2Fann")
        assert (status, answer["code"]) == ("400 Bad Request", "InvalidDocumentPath")
        status, answer = call(wsgi, "GET", "/v1/documents/users", HTTP_ACCEPT="text/event-stream")
        assert (status, answer["code"]) == ("501 Not Implemented", "NotServedHere")
