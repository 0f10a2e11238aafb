"""Montybase: its page runs as written, with the import changed, and does what it says.

The snippets are the page's, line for line, in its order. Where the page contradicts itself the test
says so: it prints ids of 20 characters and UUIDs, documents as JSON and as Python, and in one place a
score that nobody set.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from documents.served.conftest import Running

from dynafile import documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest.capture import CaptureFixture

ID = re.compile(r"[-\w]{20}", re.ASCII)

AUTHENTICATION = """
def signup(db, email, password):
    ref = doc(db, "users")
    if ref.append(email).exists():
        raise ValueError("User already exists!")

    return ref.add({"password": password}, key=email)

def login(db, email, password):
    ref = doc(db, "users", email)
    if ref.exists():
        if ref.where("password", "==", password).exists():
            return ref.get()

        raise ValueError("Password is incorect!")
    raise ValueError("User doesn't exist!")
"""

DEVELOPMENT = """
from dynafile.documents import *

mb = Montybase(dev=True)
mb.run()
"""

DEVELOPMENT_AT = """
from dynafile.documents import *

mb = Montybase(dev="localhost:8000")
mb.run()
"""

PRODUCTION = """
from dynafile.documents import *

mb = Montybase(endpoint=True)
mb.run()
"""

CLIENT = """
from dynafile.documents import *

mb = Montybase(api="https://example.com/")
mb.run()
"""

LOCAL = """
from dynafile.documents import *

mb = Montybase()
"""

HOT = """
from dynafile.documents import *

mb = Montybase(hot=True)
"""

# What the snippets that follow on the page take as given.
GIVEN = """
from dynafile.documents import *

db = Montybase()
"""

REFERENCE = """
ref = doc(db, "users", "amooo-ooo")
"""

APPEND = """
new_ref = doc(db, "users").append("amooo-ooo") # new_ref = doc(db, "users", "amooo-ooo")
"""

SET = """
ref = doc(db, "users")
uid = ref.set({"name": "Amor"})
"""

SET_AND_LOOK = """
ref = doc(db, "users")
uid = ref.set({"name": "Amor"}) # uid = "q7Vb2kdX-ZcjOFnZW6zW"

new_ref = ref.append(uid) # doc(db, "users", "q7Vb2kdX-ZcjOFnZW6zW")
print(new_ref.get())
"""

SET_WITH_KEY = """
ref = doc(db, "users")
uid = ref.set({"name": "Amor"}, key="amor.budiyanto@gmail.com") # uid = "amor.budiyanto@gmail.com"

print(uid)
"""

ADD = """
ref = doc(db, "users")
uid = ref.add({"name": "Amor"})
"""

DELETE = """
ref = doc(db, "users")
uid = ref.delete({"name": "Amor"}) # uid = {"name": "Amor"}
"""

UPDATE = """
ref = doc(db, "users")
uid = ref.set({"name": "Amor", "score": 100})
new_ref = ref.append(uid)

uid = ref.update({"score": 120})
print(new_ref.get())
"""

GET = """
ref = doc(db, "users")
uid = ref.set({"name": "Amor", "score": 100})
print(ref.get())
"""

STREAM = """
ref = doc(db, "scores")

uid = ref.set({"name": "Amor", "score": 100})
uid = ref.add({"name": "Toriel", "score": 120})
uid = ref.add({"name": "Isaac", "score": 130})

docs = ref.stream()
print(docs)
"""

WHERE = """
ref = doc(db, "users")
data = ref.where("score", ">", 100)
"""

EXIST = """
ref = doc(db, "users")
uid = ref.set({"name": "Amor", "score": 100}, key="amor.budiyanto@gmail.com")
print(ref.append(uid).exist())
"""

STORAGE = """
from dynafile.documents import *

mb = Montybase(updateTime = 300,
               storeMin = 1,)
"""

CONFIGURATION = {"projectName", "apiKey", "storageBucket", "storageMinCount", "storageUpdate"}


class Page:
    """The page as a program: snippets run in the order of the page, over one set of names."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "page"}
        self._opened: list[Any] = []

    def run(self, *snippets: str) -> None:
        for snippet in snippets:
            exec(snippet, self.names)
            self._opened += [self.names[name] for name in ("mb", "db") if name in self.names]

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def close(self) -> None:
        for database in self._opened:
            database.close()


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The page, in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    page = Page()
    yield page
    page.close()


@pytest.fixture(params=["embedded", "served"])
def given(page: Page, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Page]:
    """What the snippets take as given; served, ``db`` is the client of a server in a thread."""
    if request.param == "embedded":
        page.run(GIVEN)
        yield page
        return
    server = Running(tmp_path / "served")
    shutil.copy(tmp_path / "served" / "client-config.json", tmp_path)
    page.run(GIVEN.replace("Montybase()", f"Montybase(api={server.url!r})"))
    yield page
    page.close()
    server.stop()


def printed(capsys: CaptureFixture[str]) -> Any:
    """Return the value that was printed."""
    return ast.literal_eval(capsys.readouterr().out)


# -- local setup ----------------------------------------------------------------------------------


def test_everything_is_imported_by_a_star() -> None:
    names: dict[str, Any] = {}
    exec("from dynafile.documents import *", names)
    assert {"Montybase", "Documents", "doc", "addDoc", "setDoc", "updateDoc"} <= names.keys()
    assert not (names.keys() - {"__builtins__"}) & vars(builtins).keys()
    assert documents.Documents is documents.Montybase


@pytest.mark.parametrize("snippet", [LOCAL, HOT, STORAGE], ids=["local", "hot", "storage"])
def test_a_database_is_made_and_found_again(
    snippet: str, page: Page, capsys: CaptureFixture[str]
) -> None:
    page.run(snippet)
    uid = documents.doc(page["mb"], "users").set({"name": "Amor"})
    page.close()
    page.run(snippet)
    assert documents.doc(page["mb"], "users").get() == {uid: {"name": "Amor"}}


def test_a_database_is_in_the_folder_that_was_named(page: Page, tmp_path: Path) -> None:
    for _ in range(2):
        with documents.Montybase(path="./here/db") as db:
            documents.doc(db, "users").add({"name": "Amor"})
    with documents.Montybase(path=tmp_path / "here" / "db") as db:
        assert documents.doc(db, "users").count() == 2
    assert [found.name for found in tmp_path.iterdir()] == ["here"]


def test_a_program_ends_without_waiting(tmp_path: Path) -> None:
    """The seed keeps a program for the 300 seconds of ``updateTime``; killed before, it loses all."""
    began = time.monotonic()
    program = LOCAL + 'doc(mb, "users").set({"name": "Amor"}, key="a")\n'
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    assert time.monotonic() - began < 30
    with documents.Montybase(path=tmp_path / "db") as db:
        assert documents.doc(db, "users").get() == {"a": {"name": "Amor"}}


# -- references and changes -----------------------------------------------------------------------


def test_references_chain(given: Page) -> None:
    given.run(REFERENCE, APPEND)
    assert given["ref"] == given["new_ref"]
    assert given["ref"].path == "users/amooo-ooo"


def test_set_makes_a_new_document(given: Page) -> None:
    given.run(SET)
    assert ID.fullmatch(given["uid"])
    assert given["ref"].get() == {given["uid"]: {"name": "Amor"}}


def test_the_id_that_set_returns_leads_to_the_document(
    given: Page, capsys: CaptureFixture[str]
) -> None:
    given.run(SET_AND_LOOK)
    assert printed(capsys) == {"name": "Amor"}


def test_the_id_can_be_chosen(given: Page, capsys: CaptureFixture[str]) -> None:
    given.run(SET_WITH_KEY)
    assert capsys.readouterr().out == "amor.budiyanto@gmail.com\n"
    assert given["ref"].get() == {"amor.budiyanto@gmail.com": {"name": "Amor"}}


def test_the_id_can_be_chosen_for_any_change(given: Page) -> None:
    """The page: "on any functions that manipulates data"; the seed ignores it in two of four."""
    users = documents.doc(given["db"], "users")
    assert users.set({"name": "Amor"}, key="a") == "a"
    assert users.add({"name": "Toriel"}, key="t") == "t"
    assert users.update({"score": 1}, key="a") == "a"
    assert users.delete(key="t") == {"name": "Toriel"}
    assert users.get() == {"a": {"name": "Amor", "score": 1}}


def test_add_keeps_the_others(given: Page) -> None:
    given.run(SET)
    first = given["uid"]
    given.run(ADD)
    assert ID.fullmatch(given["uid"])
    assert given["ref"].get() == {first: {"name": "Amor"}, given["uid"]: {"name": "Amor"}}


def test_delete_returns_what_it_deleted(given: Page) -> None:
    given.run(SET, DELETE)
    assert given["uid"] == {"name": "Amor"}
    assert given["ref"].get() == {}
    assert not given["ref"].exists()


def test_update_merges(given: Page, capsys: CaptureFixture[str]) -> None:
    given.run(UPDATE)
    assert printed(capsys) == {"name": "Amor", "score": 120}
    assert given["uid"] == given["new_ref"].id


def test_get_returns_what_is_there(given: Page, capsys: CaptureFixture[str]) -> None:
    """The page prints a score of 120, from the example before it."""
    given.run(GET)
    assert printed(capsys) == {given["uid"]: {"name": "Amor", "score": 100}}


def test_stream_lists_ids_and_values(given: Page, capsys: CaptureFixture[str]) -> None:
    """In the order in which they were made, as the page prints them: generated ids grow."""
    given.run(STREAM)
    docs = printed(capsys)
    assert docs == given["docs"]
    assert [found.keys() for found in docs] == [{"id", "value"}] * 3
    assert [found["value"] for found in docs] == [
        {"name": "Amor", "score": 100},
        {"name": "Toriel", "score": 120},
        {"name": "Isaac", "score": 130},
    ]
    assert docs[2]["id"] == given["uid"]
    assert all(ID.fullmatch(found["id"]) for found in docs)


def test_where_filters(given: Page) -> None:
    given.run(STREAM, WHERE.replace("users", "scores"))
    assert [found["value"]["name"] for found in given["data"].stream()] == ["Toriel", "Isaac"]
    assert list(given["data"].get().values()) == [
        {"name": "Toriel", "score": 120},
        {"name": "Isaac", "score": 130},
    ]
    given.run(WHERE)
    assert given["data"].get() == {}


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("==", ["Toriel"]),
        ("!=", ["Amor", "Isaac"]),
        (">", ["Isaac"]),
        ("<", ["Amor"]),
        (">=", ["Toriel", "Isaac"]),
        ("<=", ["Amor", "Toriel"]),
    ],
)
def test_conditions(given: Page, condition: str, names: list[str]) -> None:
    given.run(STREAM)
    found = given["ref"].where("score", condition, 120)
    assert [one["value"]["name"] for one in found.stream()] == names


def test_exist_says_whether_there_is_data(given: Page, capsys: CaptureFixture[str]) -> None:
    given.run(EXIST)
    assert capsys.readouterr().out == "True\n"
    assert given["ref"].append("nobody").exist() is False
    assert given["ref"].append("nobody").exists() is False


def test_users_sign_up_and_log_in(given: Page) -> None:
    given.run(AUTHENTICATION)
    db, signup, login = given["db"], given["signup"], given["login"]
    assert signup(db, "amor@example.com", "secret") == "amor@example.com"
    assert signup(db, "toriel@example.com", "pie") == "toriel@example.com"
    with pytest.raises(ValueError, match="User already exists!"):
        signup(db, "amor@example.com", "other")
    assert login(db, "amor@example.com", "secret") == {"password": "secret"}
    with pytest.raises(ValueError, match="Password is incorect!"):
        login(db, "amor@example.com", "pie")
    with pytest.raises(ValueError, match="User doesn't exist!"):
        login(db, "nobody@example.com", "secret")


# -- endpoint and client --------------------------------------------------------------------------


def configuration(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the client's configuration, and it joined with the server's."""
    found = {path.name: json.loads(path.read_text()) for path in folder.rglob("*config*.json")}
    client = found["client-config.json"]
    return client, {name: value for one in found.values() for name, value in one.items()} | client


@pytest.mark.parametrize(
    "options", [{"dev": True}, {"dev": "localhost:8000"}, {"endpoint": True}], ids=str
)
def test_an_endpoint_writes_configuration_and_keeps_it(
    page: Page, tmp_path: Path, options: dict[str, Any]
) -> None:
    with documents.Montybase(updateTime=300, storeMin=1, **options) as mb:
        assert callable(mb.app)
        assert callable(mb.wsgi)
        client, everything = configuration(tmp_path)
        # The seed answers "Working outside of request context" here.
        documents.doc(mb, "users").set({"name": "Amor"}, key="a")
    assert {"projectName", "apiKey"} <= client.keys()
    assert everything.keys() >= CONFIGURATION
    assert re.fullmatch(r"mb-[-\w=]{20,}", client["apiKey"])
    assert (everything["storageMinCount"], everything["storageUpdate"]) == (1, 300)
    with documents.Montybase(**options) as mb:
        assert configuration(tmp_path) == (client, everything)
        assert documents.doc(mb, "users").get() == {"a": {"name": "Amor"}}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The page on a machine of its own, with the client's configuration, and a server to talk to."""
    port = free_port()
    there, here = tmp_path / "server", tmp_path / "client"
    there.mkdir()
    here.mkdir()
    program = DEVELOPMENT_AT.replace("8000", str(port))
    with subprocess.Popen([sys.executable, "-c", program], cwd=there) as server:
        try:
            wait_for(port, server)
            found = next(there.rglob("client-config.json"))
            (here / "client-config.json").write_bytes(found.read_bytes())
            monkeypatch.chdir(here)
            page = Page()
            page.run(CLIENT.replace("https://example.com/", f"http://127.0.0.1:{port}/"))
            page.names["db"] = page["mb"]
            yield page
            page.close()
            began = time.monotonic()
            server.send_signal(signal.SIGINT)
            server.wait(60)
            assert time.monotonic() - began < 30
        finally:
            server.kill()
    # What was acknowledged is there, and the client wrote no database of its own.
    with documents.Montybase(path=there / "db") as db:
        assert documents.doc(db, "users").exists() or documents.doc(db, "scores").exists()
    assert [path.name for path in here.iterdir()] == ["client-config.json"]


def test_a_client_has_the_same_methods(client: Page, capsys: CaptureFixture[str]) -> None:
    test_set_makes_a_new_document(client)
    test_the_id_that_set_returns_leads_to_the_document(client, capsys)
    test_the_id_can_be_chosen(client, capsys)
    test_the_id_can_be_chosen_for_any_change(client)
    test_add_keeps_the_others(client)
    test_delete_returns_what_it_deleted(client)
    test_update_merges(client, capsys)
    test_get_returns_what_is_there(client, capsys)
    test_stream_lists_ids_and_values(client, capsys)
    test_exist_says_whether_there_is_data(client, capsys)
    documents.doc(client["db"], "users").delete()
    test_where_filters(client)
    documents.doc(client["db"], "users").delete()
    test_users_sign_up_and_log_in(client)


def test_a_client_without_configuration_is_told_what_is_missing(page: Page) -> None:
    with pytest.raises(Exception, match=r"client-config\.json"):
        page.run(CLIENT)
