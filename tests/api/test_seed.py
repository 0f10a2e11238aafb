"""dynafile 0.1.3: its README runs as written, its names and signatures hold, and so does its behaviour.

The code below is that of its README, line for line.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dynafile
from dynafile import Action, ActionType, Dynafile, Event

if TYPE_CHECKING:
    from conftest import OpenDatabase

README = """
from dynafile import *

# init DB interface
db = Dynafile(path=".", pk_attribute="PK", sk_attribute="SK")

# put items
db.put_item(item={"PK": "user#1", "SK": "user#1", "name": "Bob"})
db.put_item(item={"PK": "user#1", "SK": "role#1", "TYPE": "sender"})
db.put_item(item={"PK": "user#2", "SK": "user#2", "name": "Alice"})

# more performant batch operation
with db.batch_writer() as writer:
    db.put_item(item={"PK": "user#3", "SK": "user#3", "name": "Steve"})
    db.delete_item(key={"PK": "user#3", "SK": "user#3"})

# retrieve items
item = db.get_item(key={
    "PK": "user#1",
    "SK": "user#1"
})

# query item collection by pk
items = list(db.query(pk="user#1"))

# scan full table
items = list(db.scan())

# add event stream listener to retrieve item modification
def print_listener(event: Event):
    print(event.action)
    print(event.old)
    print(event.new)


db.add_stream_listener(print_listener)
"""

TTL = """
import time
from dynafile import *

db = Dynafile(path=".", pk_attribute="PK", sk_attribute="SK", ttl_attribute="ttl")

item = {"PK": "1", "SK": "2", "ttl": time.time() - 1000} # expired ttl
db.put_item(item=item)

list(db.scan()) # -> []
"""

FILTERS = ["SK =~ /^a/", "SK == 1", "nested.a == 1"]


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_readme_as_a_program(tmp_path: Path) -> None:
    change = 'db.put_item(item={"PK": "user#1", "SK": "user#1", "name": "Robert"})'
    show = "print(item)\nprint(items)\n"
    printed = run(f"{README}\n{show}{change}\n", tmp_path)
    bob = {"PK": "user#1", "SK": "user#1", "name": "Bob"}
    sender = {"PK": "user#1", "SK": "role#1", "TYPE": "sender"}
    alice = {"PK": "user#2", "SK": "user#2", "name": "Alice"}
    item, items, action, old, new = printed.splitlines()
    assert item == str(bob)
    assert items in (str([sender, bob, alice]), str([alice, sender, bob]))
    assert [action, old, new] == ["PUT", str(bob), str({**bob, "name": "Robert"})]
    with Dynafile(tmp_path) as db:  # what the program left, though it closed nothing
        assert list(db.query("user#1")) == [sender, {**bob, "name": "Robert"}]
        assert len(db) == 3
        db.check()


def test_the_ttl_example_as_a_program(tmp_path: Path) -> None:
    assert run(f"{TTL}\nprint(list(db.scan()), len(db))", tmp_path) == "[] 0\n"


def test_each_line_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(README, names)
    db = names["db"]
    try:
        assert names["item"] == {"PK": "user#1", "SK": "user#1", "name": "Bob"}
        assert len(names["items"]) == 3
        assert [item["SK"] for item in db.query(pk="user#1")] == ["role#1", "user#1"]
        assert list(db.query("user#3")) == []
    finally:
        db.close()


@pytest.mark.parametrize("text", FILTERS)
def test_the_filter_examples(text: str, database: OpenDatabase) -> None:
    db = database(":memory:")
    wanted = {"PK": "p", "SK": "apple", "nested": {"a": 1}}
    db.put_item(item=wanted)
    db.put_item(item={"PK": "p", "SK": "pear", "nested": {"a": 2}})
    expected = [] if text == "SK == 1" else [wanted]
    assert list(db.scan(text)) == list(db.query("p", _filter=text)) == expected
    numbered = database(":memory:")
    numbered.put_item(item={"PK": "p", "SK": 1, "nested": {"a": 3}})
    assert len(list(numbered.scan(text))) == (text == "SK == 1")


def test_names() -> None:
    exported: dict[str, Any] = {}
    exec("from dynafile import *", exported)
    of_0_1_3 = {"Dynafile", "Event", "EventListener", "Action", "ActionType"}
    added = {"Attr", "Key", "between", "begins_with", "eq", "lt", "lte", "gt", "gte", "errors"}
    assert of_0_1_3 | added <= exported.keys()
    assert set(dynafile.__all__) == exported.keys() - {"__builtins__"}
    assert list(dynafile.__all__) == sorted(dynafile.__all__)
    assert all(hasattr(dynafile, name) for name in dynafile.__all__)


SIGNATURES = {
    "__init__": ["path", "pk_attribute", "sk_attribute", "ttl_attribute"],
    "put_item": ["*item"],
    "get_item": ["*key"],
    "delete_item": ["*key"],
    "query": ["pk", "*starts_with", "*scan_index_forward", "*_filter"],
    "scan": ["_filter"],
    "batch_writer": [],
    "execute_batch": ["actions"],
    "add_stream_listener": ["listener"],
}


@pytest.mark.parametrize("method", SIGNATURES)
def test_signatures(method: str) -> None:
    """Each parameter of 0.1.3 is there, in its place or by its keyword; whatever is new is optional."""
    parameters = dict(inspect.signature(getattr(Dynafile, method)).parameters)
    del parameters["self"]
    expected = SIGNATURES[method]
    placed = [name for name in expected if name[0] != "*"]
    places = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert places == placed
    keywords = {name[1:] for name in expected if name[0] == "*"}
    assert keywords <= {p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    new = [p for p in parameters.values() if p.name not in keywords | set(placed)]
    assert all(p.default is not p.empty for p in new)


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ((), ("",), (".",)):  # 0.1.3's default was "", the README's is "."
        with Dynafile(*path) as db:
            assert (db.pk_attribute, db.sk_attribute, db.ttl_attribute) == ("PK", "SK", None)
            db.put_item(item={"PK": "a", "SK": "b"})
    assert (tmp_path / "meta.json").is_file()
    assert inspect.signature(Dynafile.query).parameters["scan_index_forward"].default is True


def test_positional_options(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", "pk", "sk", "expires") as db:
        db.put_item(item={"pk": "a", "sk": "b", "expires": time.time() - 10})
        db.put_item(item={"pk": "a", "sk": "c", "expires": time.time() + 1000})
        assert [item["sk"] for item in db.scan()] == ["c"]


def test_starts_with_may_be_empty(database: OpenDatabase) -> None:
    """The default of 0.1.3 was an empty string."""
    db = database(":memory:")
    db.put_item(item={"PK": "a", "SK": "b"})
    assert list(db.query("a", starts_with="")) == list(db.query("a")) != []


def test_actions_and_events() -> None:
    assert (ActionType.PUT, ActionType.DELETE) == ("PUT", "DELETE")
    assert f"{ActionType.PUT} {ActionType.DELETE}" == "PUT DELETE"
    action = Action(ActionType.PUT, {"PK": "a"})
    assert (action.op, action.data) == action == ("PUT", {"PK": "a"})
    event = Event(action="DELETE", new=None, old={"PK": "a"})  # type: ignore[arg-type]
    assert (event.action, event.new, event.old) == event == (ActionType.DELETE, None, {"PK": "a"})


def test_execute_batch(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item={"PK": "a", "SK": "1"})
    db.execute_batch(
        [
            Action(ActionType.PUT, {"PK": "b", "SK": "1"}),
            Action(ActionType.DELETE, {"PK": "a", "SK": "1"}),
            Action("PUT", {"PK": "a", "SK": "2"}),
            ("DELETE", {"PK": "b", "SK": "missing"}),  # type: ignore[list-item]
        ]
    )
    db.execute_batch(action for action in [Action("DELETE", {"PK": "b", "SK": "1", "more": 1})])
    db.execute_batch([])
    assert list(db.scan()) == [{"PK": "a", "SK": "2"}]


def test_a_scan_takes_a_callable(database: OpenDatabase) -> None:
    db = database(":memory:")
    db.put_item(item={"PK": "a", "SK": "1", "n": 1})
    db.put_item(item={"PK": "a", "SK": "2", "n": 2})
    assert [i["n"] for i in db.scan(lambda item: item["n"] > 1)] == [2]
    assert [i["n"] for i in db.scan(_filter=lambda item: item["n"] < 2)] == [1]
    assert [i["n"] for i in db.query("a", _filter=lambda item: item["n"] > 1)] == [2]


def test_importing_is_light(tmp_path: Path) -> None:
    """What the command, string filters and opening a folder need is not loaded with the package."""
    code = "import sys, dynafile; print(*sys.modules)"
    loaded = set(run(code, tmp_path).split())
    assert "dynafile.database" in loaded
    heavy = {"typer", "rich", "filtration", "pyparsing", "zoneinfo", "dynafile.cli", "subprocess"}
    assert not loaded & heavy
