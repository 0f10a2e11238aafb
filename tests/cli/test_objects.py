"""``dynafile objects``: listing, reading, writing and copying objects in any store."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from objects.servers import moto

from dynafile import objects
from dynafile.objects.codec import ObjectState
from dynafile.objects.copying import stored_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run

DB = "dynafile://db"
PROGRAM = [sys.executable, "-P", "-m", "dynafile"]


@pytest.fixture
def files(folder: Path) -> str:
    """The URL of a folder of files."""
    return f"files:/{folder}/files"


@pytest.fixture
def tree(folder: Path) -> str:
    """A store with a few objects."""
    with objects.connect(DB, durability="relaxed") as db:
        db["/a/one"] = 1
        db["/a/deep/two"] = {"n": 2}
        db["/b"] = b"\0\xff"
        db.mkdir("/empty/here")
    return DB


def everything(url: str) -> dict[str, Any]:
    """All objects of a store, and its folders as ``...``."""
    found: dict[str, Any] = {}
    with objects.connect(url) as db:
        folders = ["/"]
        while folders:
            folder = folders.pop()
            for name in db.ls(folder):
                if name.endswith("/"):
                    folders.append(folder + name)
                    found[folder + name] = ...
                else:
                    found[folder + name] = db[folder + name]
    return found


# -- ls -----------------------------------------------------------------------------------------


def test_ls(run: Run, tree: str) -> None:
    assert run("objects", "ls", tree).stdout == "a/\nb\nempty/\n"
    for folder in ("/a", "a/", "a"):
        assert run("objects", "ls", tree, folder).stdout == "deep/\none\n"
    assert run("objects", "ls", tree, "/empty/here").output == ""
    assert run("objects", "ls", f"{tree}?base=/a").stdout == "deep/\none\n"
    done = run("objects", "ls", tree, "-R")
    assert done.stdout.splitlines() == [
        "a/", "a/deep/", "a/deep/two", "a/one", "b", "empty/", "empty/here/",
    ]  # fmt: skip


def test_formats_of_ls(run: Run, tree: str, files: str) -> None:
    rows = [
        json.loads(line) for line in run("objects", "ls", tree, "-f", "jsonl").stdout.splitlines()
    ]
    assert rows == [
        {"name": "a/", "kind": "folder"},
        {"name": "b", "kind": "object"},
        {"name": "empty/", "kind": "folder"},
    ]
    assert json.loads(run("objects", "ls", tree, "-f", "json").stdout) == rows
    table = run("objects", "ls", tree, "-f", "table").stdout
    assert [line.split() for line in table.splitlines()[2:]] == [list(row.values()) for row in rows]
    assert "no items" in run("objects", "ls", tree, "/empty/here", "-f", "table").stderr


@pytest.mark.parametrize("store", ["dynafile", "files"])
def test_times_of_ls(run: Run, tree: str, files: str, store: str) -> None:
    run("objects", "cp", "-r", tree, "/", files, "/")
    url = tree if store == "dynafile" else files
    lines = run("objects", "ls", url, "-lR").stdout.splitlines()
    now = time.strftime("%Y-%m-%d", time.gmtime())
    assert [line[21:] for line in lines] == run("objects", "ls", url, "-R").stdout.splitlines()
    for line in lines:
        assert line[:19].strip() == "-" if line.endswith("/") else line.startswith(now[:8]), line
    rows = map(json.loads, run("objects", "ls", url, "-lR", "-f", "jsonl").stdout.splitlines())
    assert [sorted(row) for row in rows if row["kind"] == "object"] == [
        ["created", "kind", "modified", "name"]
    ] * 3


def test_ls_of_what_is_no_folder(run: Run, tree: str) -> None:
    done = run("objects", "ls", tree, "/nope", code=1)
    assert done.stderr == f"error: there is no folder /nope in {DB}\n"
    for more in ([], ["-R"]):
        done = run("objects", "ls", tree, "/a/one", *more, code=1)
        assert "/a/one is an object" in done.stderr
        assert "hint: `dynafile objects get` prints it" in done.stderr
        assert done.stdout == ""


def test_names_command_no_terminal(run: Run, folder: Path, files: str) -> None:
    """A stranger's file may be called anything."""
    (folder / "files").mkdir()
    with objects.connect(files) as db:
        db["/plain"] = 1
        db["/\u202eover"] = 1
    data = (folder / "files" / "plain").read_bytes()
    (folder / "files" / "red\x1b[31m\nnext").write_bytes(data)
    (folder / "files" / "dir\x1b[2J").mkdir()
    (folder / "files" / "dir\x1b[2J" / "inside").write_bytes(data)
    shown = run("objects", "ls", files, "-R").stdout
    assert shown.splitlines() == [
        "dir\\x1b[2J/", "dir\\x1b[2J/inside", "plain", "red\\x1b[31m\\nnext", "\\u202eover",
    ]  # fmt: skip
    assert "\x1b" not in run("objects", "ls", files, "-lR").stdout
    assert "\x1b" not in run("objects", "ls", files, "-l", "-f", "table").stdout
    rows = run("objects", "ls", files, "-f", "jsonl").stdout.splitlines()
    assert json.loads(rows[-1])["name"] == "\u202eover"
    done = run("objects", "cp", "-r", files, "/", DB, "/", code=3)
    assert "control character" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\x1b" not in run("objects", "get", files, "red\x1b[31m", code=3).stderr


# -- get and put --------------------------------------------------------------------------------


VALUES: list[tuple[str, Any]] = [
    ("1", 1),
    ("null", None),
    ('"Zoë"', "Zoë"),
    ('{"a":[1,2.5,{"b":true}]}', {"a": [1, 2.5, {"b": True}]}),
    ('{"$date":"2026-01-31"}', date(2026, 1, 31)),
    ('{"$decimal":"1.50"}', Decimal("1.50")),
    ('{"$set":["a","b"]}', {"a", "b"}),
    ('{"$tuple":[1,[2]]}', (1, [2])),
    ('{"$binary":"AAE="}', b"\0\1"),
    ('{"$$object":{"class_name":"A","attributes":{}}}', {"$object": {"class_name": "A", "attributes": {}}}),
    ('{"$object":{"class_name":"A","attributes":{"$$x":{"$set":[1]}}}}', ObjectState("A", {"$x": {1}})),
    ('"half \\ud800, \\u009b31m and \\u202e"', "half \ud800, \x9b31m and \u202e"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
@pytest.mark.parametrize("way", ["argument", "-", "nothing", "--file"])
def test_put_and_get(run: Run, folder: Path, text: str, value: Any, way: str) -> None:
    if "\\ud800" in text and way == "argument":
        way = "-"
    (folder / "value.json").write_text(text, encoding="utf-8")
    given = {"argument": [text], "-": ["-"], "nothing": [], "--file": ["--file", "value.json"]}[way]
    stdin = text if way in ("-", "nothing") else ""
    assert run("objects", "put", DB, "/a/b", *given, stdin=stdin).output == ""
    with objects.connect(DB) as db:
        assert stored_value(db, "/a/b") == value
    assert run("objects", "get", DB, "a/b").stdout == f"{text}\n"


def test_an_object_of_a_class_that_is_not_there(run: Run, folder: Path) -> None:
    text = '{"$object":{"class_name":"Person","attributes":{"name":"Ada"}}}'
    run("objects", "put", DB, "/ada", text)
    assert run("objects", "get", DB, "/ada").stdout == f"{text}\n"
    (folder / "people.py").write_text("raise SystemExit('imported')")
    config = '{"Person":{"module_path":"people","class_name":"Person"}}'
    with objects.connect(DB) as db:
        db.upload_objdb_config(json.loads(config))
    assert run("objects", "get", DB, "/ada").stdout == f"{text}\n"
    assert run("objects", "get", DB, "/.configs/objdb").stdout == f"{config}\n"
    assert "dot" in run("objects", "put", DB, "/.configs/objdb", config, code=3).stderr


def test_text_and_bytes(run: Run, folder: Path, files: str) -> None:
    run("objects", "put", files, "/t", "--text", stdin="one\ntwö\n")
    run("objects", "put", files, "/b", "--bytes", stdin=b"\0\xff\r\n")
    with objects.connect(files) as db:
        assert (db["/t"], db["/b"]) == ("one\ntwö\n", b"\0\xff\r\n")
    assert run("objects", "get", files, "/t", "--raw").stdout_bytes == "one\ntwö\n".encode()
    assert run("objects", "get", files, "/b", "--raw").stdout_bytes == b"\0\xff\r\n"
    assert run("objects", "get", files, "/b", "--raw", "-o", "out").stdout == ""
    assert (folder / "out").read_bytes() == b"\0\xff\r\n"
    run("objects", "get", files, "/t", "--output", "out")
    assert (folder / "out").read_text(encoding="utf-8") == '"one\\ntwö\\n"\n'
    run("objects", "put", files, "/t", "--file", "out", "--bytes")
    assert run("objects", "get", files, "/t", "--raw").stdout_bytes == (folder / "out").read_bytes()
    run("objects", "put", files, "/n", "--text", "--", "-40")
    assert run("objects", "get", files, "/n").stdout == '"-40"\n'


def test_get_of_what_is_not_there(run: Run, folder: Path, tree: str) -> None:
    (folder / "out").write_text("before")
    done = run("objects", "get", tree, "/nope", "-o", "out", code=1)
    assert done.stderr == f"error: there is no object /nope in {DB}\n"
    assert (folder / "out").read_text() == "before"
    run("objects", "get", tree, "/a", code=1)
    assert "ends with a slash" in run("objects", "get", tree, "/a/", code=3).stderr
    assert "do not lead upwards" in run("objects", "get", tree, "../x", code=3).stderr
    assert "cannot write" in run("objects", "get", tree, "/b", "-o", "no/such/f", code=4).stderr


def test_values_without_json(run: Run, folder: Path) -> None:
    with objects.connect(DB) as db:
        db["/keys"] = {1: 2}
        db["/nan"] = [float("nan")]
        db["/range"] = range(3)
    for key, word in (("/keys", "key of type int"), ("/nan", "no number nan"), ("/range", "range")):
        done = run("objects", "get", DB, key, code=1)
        assert f"{key} has no JSON" in done.stderr
        assert word in done.stderr
        assert "hint: --repr" in done.stderr
    assert run("objects", "get", DB, "/keys", "--repr").stdout == "{1: 2}\n"
    assert run("objects", "get", DB, "/range", "--repr").stdout == "range(0, 3)\n"
    assert (
        "--raw is for bytes and str" in run("objects", "get", DB, "/keys", "--raw", code=1).stderr
    )
    assert "exclude" in run("objects", "get", DB, "/keys", "--raw", "--repr", code=2).stderr


@pytest.mark.parametrize("text", ["{", "", "hello", "NaN", '{"$set": 1}', "1 2", "[" * 100_000, '{"$object": 1}'])  # fmt: skip
def test_put_of_what_is_no_json(run: Run, folder: Path, text: str) -> None:
    done = run("objects", "put", DB, "/a", "-", stdin=text, code=3)
    assert "not valid JSON" in done.stderr
    assert "--text" in done.stderr
    assert not (folder / "db").exists()


def test_put_that_is_not_clear(run: Run, folder: Path) -> None:
    assert "exclude" in run("objects", "put", DB, "/a", "1", "--file", "x", code=2).stderr
    assert "exclude" in run("objects", "put", DB, "/a", "1", "--text", "--bytes", code=2).stderr
    assert "cannot read x: No such" in run("objects", "put", DB, "/a", "--file", "x", code=2).stderr
    done = run("objects", "put", DB, "/a", "--text", stdin=b"\xff", code=3)
    assert "no UTF-8" in done.stderr
    assert "--bytes" in done.stderr
    assert list(folder.iterdir()) == []


def test_put_where_it_cannot_be(run: Run, tree: str) -> None:
    before = everything(tree)
    for key, word in (("/a", "/a is a folder"), ("/b/c", "/b is an object")):
        assert word in run("objects", "put", tree, key, "1", code=1).stderr
    for key in ("/", "..", "/x/", "/.x", "x\n"):
        run("objects", "put", tree, key, "1", code=3)
    assert everything(tree) == before


def test_options_of_json(run: Run) -> None:
    run("objects", "put", DB, "/a", '{"$set": [1.5]}', "--decimal")
    assert run("objects", "get", DB, "/a").stdout == '{"$set":[{"$decimal":"1.5"}]}\n'
    run("objects", "put", DB, "/a", '{"$set": [1]}', "--no-tags")
    assert run("objects", "get", DB, "/a").stdout == '{"$$set":[1]}\n'


def test_a_corrupt_value(run: Run, folder: Path, files: str) -> None:
    (folder / "files").mkdir()
    (folder / "files" / "cut").write_bytes(b"\0DYN\1mx")
    done = run("objects", "get", files, "/cut", code=4)
    assert done.stderr.startswith("error: /cut: ")
    run("objects", "put", files, "/aa", "1")
    run("objects", "put", files, "/zz", "1")
    done = run("objects", "cp", "-r", files, "/", DB, "/", code=4)
    assert done.stderr.startswith("error: /cut was not copied: ")
    assert done.stderr.endswith("hint: 1 object was copied before it\n")
    assert everything(DB) == {"/aa": 1}


def test_pickles(run: Run, folder: Path, files: str) -> None:
    (folder / "files").mkdir()
    (folder / "files" / "any").write_bytes(pickle.dumps(print))
    done = run("objects", "get", files, "/any", code=3)
    assert "hint: --allow-pickle" in done.stderr
    assert run("objects", "get", files, "/any", "--allow-pickle", "--repr").stdout == (
        "<built-in function print>\n"
    )
    run("objects", "cp", files, "/any", DB, "/any", code=3)
    run("objects", "cp", files, "/any", DB, "/any", "--allow-pickle")
    with objects.connect(DB, allow_pickle=True) as db:
        assert db["/any"] is print


def test_signing(run: Run, folder: Path, files: str) -> None:
    (folder / "key").write_bytes(b"k" * 32)
    (folder / "new").write_bytes(b"n" * 32)
    signing = ["--signing-key-file", "key"]
    run("objects", "put", files, "/a", "1", *signing)
    assert run("objects", "get", files, "/a", *signing).stdout == "1\n"
    done = run("objects", "get", files, "/a", "--signing-key-file", "new", code=4)
    assert "hint: --signing-key-file" in done.stderr
    run("objects", "put", files, "/forged", "2")
    for more in ([], ["--source-key-file", "new"]):
        done = run("objects", "cp", "-r", files, "/", DB, "/", *signing, *more, code=4)
        assert "was not copied" in done.stderr
    run("objects", "rm", files, "/forged")
    changed = ["--signing-key-file", "new", "--source-key-file", "key"]
    run("objects", "cp", "-r", files, "/", DB, "/", *changed)
    assert run("objects", "get", DB, "/a", "--signing-key-file", "new").stdout == "1\n"
    run("objects", "put", files, "/plain", "3")
    run("objects", "cp", files, "/plain", DB, "/plain", *signing, "--source-unsigned")
    assert run("objects", "get", DB, "/plain", *signing).stdout == "3\n"
    run("objects", "cp", files, "/plain", DB, "/x", *changed, "--source-unsigned", code=2)
    (folder / "short").write_bytes(b"k")
    assert (
        "too short" in run("objects", "get", DB, "/a", "--signing-key-file", "short", code=2).stderr
    )
    done = run("objects", "get", DB, "/a", "--signing-key-file", "none", code=2)
    assert done.stderr.startswith("error: cannot read none: ")


def test_compat(run: Run, folder: Path, files: str) -> None:
    """What is written so is a pickle, and nothing else."""
    run("objects", "put", files, "/a/b", '{"x": 1}', "--compat", "kydb")
    assert pickle.loads((folder / "files/a/b").read_bytes()) == {"x": 1}
    run("objects", "put", DB, "/c", "2")
    run("objects", "cp", DB, "/c", files, "/c", "--compat", "kydb")
    assert pickle.loads((folder / "files/c").read_bytes()) == 2
    run("objects", "put", files, "/a/b", "1", "--compat", "other", code=2)


def test_durability(run: Run) -> None:
    run("objects", "put", DB, "/a", "1", "--durability", "relaxed")
    assert run("objects", "get", DB, "/a").stdout == "1\n"
    run("objects", "put", DB, "/a", "1", "--durability", "none", code=2)


# -- rm and mkdir -------------------------------------------------------------------------------


def test_rm_and_mkdir(run: Run, tree: str) -> None:
    assert run("objects", "mkdir", tree, "/x/y").output == ""
    assert run("objects", "mkdir", tree, "x/y/").output == ""
    assert run("objects", "rm", tree, "/a/one").output == ""
    assert run("objects", "rm", tree, "/a/one", code=1).stderr == (
        f"error: there is no object /a/one in {DB}\n"
    )
    for folder in ("/a", "a/", "/x/y", "/"):
        done = run("objects", "rm", tree, folder, code=2)
        assert "is a folder" in done.stderr
        assert "hint: -r" in done.stderr
    assert "removed: 1 object from" in run("objects", "rm", "-r", tree, "/a").stderr
    assert "removed: 0 objects from" in run("objects", "rm", "-r", tree, "/x/").stderr
    run("objects", "rm", "-r", tree, "/b")
    assert everything(tree) == {"/empty/": ..., "/empty/here/": ...}
    run("objects", "rm", "-r", tree, "/b", code=1)
    run("objects", "put", tree, "/o", "1")
    assert "/o is an object" in run("objects", "mkdir", tree, "/o/p", code=1).stderr
    assert "dot" in run("objects", "mkdir", tree, "/.p", code=3).stderr
    run("objects", "rm", "-r", tree, "/")
    assert everything(tree) == {}


# -- cp -----------------------------------------------------------------------------------------


def test_cp_of_an_object(run: Run, tree: str, files: str) -> None:
    assert run("objects", "cp", tree, "/a/one", files, "/x/1").output == ""
    run("objects", "cp", tree, "/a/one", files, "/y/")
    run("objects", "cp", tree, "/b", tree, "/c")
    assert everything(files) == {"/x/": ..., "/x/1": 1, "/y/": ..., "/y/one": 1}
    assert run("objects", "get", tree, "/c").stdout == '{"$binary":"AP8="}\n'
    done = run("objects", "cp", "-n", tree, "/b", files, "/x/1")
    assert done.stderr == "note: left alone: 1 object\n"
    assert run("objects", "get", files, "/x/1").stdout == "1\n"


def test_cp_of_a_folder(run: Run, tree: str, files: str) -> None:
    done = run("objects", "cp", tree, "/a", files, "/", code=2)
    assert done.stderr.startswith("error: /a is a folder\nhint: -r ")
    done = run("objects", "cp", "-r", tree, "/", files, "/")
    assert done.stdout == ""
    assert done.stderr.startswith("copied: 3 objects to files://")
    assert everything(files) == everything(tree)
    done = run("objects", "cp", "-r", "--no-overwrite", tree, "/", files, "/")
    assert "copied: 0 objects" in done.stderr
    assert "note: left alone: 3 objects" in done.stderr


def test_cp_of_what_is_not_there_makes_nothing(run: Run, folder: Path, tree: str) -> None:
    done = run("objects", "cp", tree, "/nope", "dynafile://new", "/x", code=1)
    assert done.stderr == f"error: there is no object and no folder /nope in {DB}\n"
    done = run("objects", "cp", "dynafile://nowhere", "/x", "dynafile://new", "/x", code=4)
    assert done.stderr.startswith("error: nowhere does not exist\nhint: ")
    assert [each.name for each in folder.iterdir()] == ["db"]


def test_cp_into_itself(run: Run, tree: str) -> None:
    before = everything(tree)
    for source, target in (("/a", "/a/b"), ("/", "/x"), ("/a", "/a")):
        done = run("objects", "cp", "-r", tree, source, tree, target, code=2)
        assert "one store" in done.stderr or "itself" in done.stderr
    assert everything(tree) == before


def test_the_class_map_goes_along_if_asked_for(run: Run, tree: str, files: str) -> None:
    config = {"Person": {"module_path": "people", "class_name": "Person"}}
    with objects.connect(tree) as db:
        db.upload_objdb_config(config)
    run("objects", "cp", "-r", tree, "/", files, "/")
    run("objects", "get", files, "/.configs/objdb", code=1)
    run("objects", "cp", "-r", "--class-map", tree, "/", files, "/")
    assert json.loads(run("objects", "get", files, "/.configs/objdb").stdout) == config
    run("objects", "cp", "-r", "--class-map", tree, "/a", files, "/a", code=2)


def test_a_thousand_objects_there_and_back(run: Run, folder: Path, files: str) -> None:
    with objects.connect(DB, durability="relaxed") as db:
        db.set_many({f"/t/{n % 10}/{n % 7}/{n}": {"n": n, "x": (n,)} for n in range(1000)})
        db.mkdir("/t/none")
    relaxed = ["--durability", "relaxed"]
    done = run("objects", "cp", "-r", DB, "/", files, "/")
    assert "copied: 1,000 objects" in done.stderr
    run("objects", "cp", "-r", files, "/t", "dynafile://back", "/t/", *relaxed)
    whole = everything(DB)
    assert len(whole) == 1000 + 1 + 1 + 10 + 70
    assert everything(files) == whole
    assert everything("dynafile://back") == whole
    assert "removed: 1,000 objects" in run("objects", "rm", "-r", files, "/t").stderr


# -- URLs ---------------------------------------------------------------------------------------


COMMANDS: list[Callable[[str], list[str]]] = [
    lambda url: ["ls", url],
    lambda url: ["get", url, "/a"],
    lambda url: ["put", url, "/a", "1"],
    lambda url: ["cp", url, "/a", DB, "/a"],
    lambda url: ["cp", DB, "/b", url, "/a"],
    lambda url: ["rm", url, "/a"],
    lambda url: ["mkdir", url, "/a"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: " ".join(each("URL")))
def test_urls_that_are_none(run: Run, tree: str, folder: Path, command: Any) -> None:
    for url in ("ftp://x", "db", "", "dynafile://", "files://x?size=1", "s3://a|b"):
        done = run("objects", *command(url), code=2)
        assert "no URL of a store" in done.stderr
        assert "hint: a URL is like dynafile://./db" in done.stderr
    assert "memory" in run("objects", *command("memory://x"), code=2).stderr
    done = run("objects", *command("redis://app:hunter2@host/../x"), code=2)
    assert "hunter2" not in done.output
    assert [each.name for each in folder.iterdir()] == ["db"]


@pytest.mark.parametrize("command", [each("URL")[0] for each in COMMANDS[:2]] + ["rm"])
@pytest.mark.parametrize("url", ["dynafile://nowhere", "dynafile://nowhere;dynafile://db"])
def test_no_command_makes_a_folder_by_a_typo(
    run: Run, folder: Path, tree: str, command: str, url: str
) -> None:
    done = run("objects", command, url, "/a", code=4)
    assert done.stderr.startswith("error: nowhere does not exist\nhint: `dynafile objects put`")
    assert not (folder / "nowhere").exists()


def test_commands_that_read_write_nothing(run: Run, folder: Path, tree: str) -> None:
    """They open a folder of ours for reading, which leaves every file as it was."""
    within = [path for path in (folder / "db").rglob("*") if path.is_file()]
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in within}
    assert run("objects", "ls", "-lR", tree).stdout.endswith("empty/here/\n")
    assert run("objects", "get", tree, "/a/one").stdout == "1\n"
    run("objects", "cp", tree, "/a/one", "dynafile://new", "/one")
    assert [path for path in (folder / "db").rglob("*") if path.is_file()] == within
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in within} == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: " ".join(each("URL")))
def test_a_bucket_or_table_that_is_not_there(run: Run, tree: str, command: Any) -> None:
    """As with a folder: the code tells a missing store from a missing object."""
    for url in ("s3://no-such-bucket", "dynamodb://no-such-table"):
        done = run("objects", *command(f"{url}?region=us-east-1&endpoint_url={moto()}"), code=4)
        assert "no-such-" in done.stderr


def test_a_folder_of_tables_is_no_store(run: Run, cities: str) -> None:
    for command in (["ls"], ["get", "/a"], ["put", "/a", "1"]):
        name, *rest = command
        done = run("objects", name, f"dynafile://{cities}", *rest, code=2)
        assert "holds another table, and no objects" in done.stderr
    assert len(run("scan", cities).stdout.splitlines()) == 4


def test_a_missing_extra(
    run: Run, folder: Path, tree: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "kydb.yml").write_text("dbs: {}")
    monkeypatch.setenv("KYDB_CONFIG_PATH", "kydb.yml")
    assert run("objects", "get", tree, "/a/one").stdout == "1\n"
    monkeypatch.setitem(sys.modules, "yaml", None)
    done = run("objects", "get", tree, "/a/one", code=1)
    assert "pip install 'dynafile[objects]'" in done.stderr
    monkeypatch.setenv("KYDB_CONFIG_PATH", "none.yml")
    assert "none.yml" in run("objects", "get", tree, "/a/one", code=2).stderr


def test_unions_and_caches(run: Run, tree: str, files: str) -> None:
    run("objects", "put", files, "/a/one", '"front"')
    union = f"{files};{tree}"
    assert run("objects", "get", union, "/a/one").stdout == '"front"\n'
    assert run("objects", "ls", union).stdout == "a/\nb\nempty/\n"
    cached = f"dynafile://cache|{tree}"
    assert run("objects", "get", cached, "/a/one").stdout == "1\n"
    assert everything("dynafile://cache") == {"/a/": ..., "/a/one": 1}
    run("objects", "cp", "-r", union, "/", "dynafile://flat", "/")
    assert everything("dynafile://flat") == everything(tree) | {"/a/one": "front"}


# -- processes ----------------------------------------------------------------------------------


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, "objects", *arguments], capture_output=True, check=False, timeout=60, **options
    )


def test_pipes(folder: Path, files: str) -> None:
    data = os.urandom(300_000)
    assert process("put", DB, "/a", "-", "--bytes", input=data).returncode == 0
    line = " ".join(
        [
            *(f"'{part}'" for part in [*PROGRAM, "objects", "get", DB, "/a"]),
            "|",
            *(f"'{part}'" for part in [*PROGRAM, "objects", "put", files, "/b", "-"]),
        ]
    )
    subprocess.run(["sh", "-c", line], check=True, timeout=60)
    assert process("get", files, "/b", "--raw").stdout == data


@pytest.mark.parametrize(
    "arguments", [["ls", DB, "/many"], ["ls", DB, "-lR"], ["get", DB, "/large"], ["get", DB, "/large", "--raw"]]
)  # fmt: skip
def test_a_reader_that_goes_away_is_no_error(folder: Path, arguments: list[str]) -> None:
    with objects.connect(DB, durability="relaxed") as db:
        db.set_many({f"/many/{n:04}{'x' * 200}": n for n in range(1000)})
        db["/large"] = "a line\n" * 100_000
    with subprocess.Popen(
        [*PROGRAM, "objects", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert started.stdout.read(10)
        started.stdout.close()
        assert started.stderr.read() == b""
    assert started.returncode == 141


def test_ctrl_c_keeps_what_was_copied(folder: Path, files: str) -> None:
    with objects.connect(DB, durability="relaxed") as db:
        db.set_many({f"/s/{n:05}": n for n in range(5000)})
    with subprocess.Popen(
        [*PROGRAM, "objects", "cp", "-r", DB, "/s", files, "/t"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as started:
        assert started.stderr is not None
        deadline = time.monotonic() + 30
        while not (folder / "files/t/00010").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        started.send_signal(signal.SIGINT)
        said = started.stderr.read().decode()
    assert started.returncode == 130
    first, second = said.splitlines()
    assert first == "error: interrupted"
    count = int(second.split()[1].replace(",", ""))
    assert second == f"hint: {count:,} objects were copied before it"
    found = everything(files)
    assert list(found.values())[1:] == list(range(len(found) - 1)), "each is whole"
    assert count <= len(found) - 1 <= count + 1
    done = process("cp", "-r", "-n", DB, "/s", files, "/t")
    assert f"copied: {5000 - len(found) + 1:,} objects".encode() in done.stderr


def test_progress_is_on_the_terminal(tree: str, files: str) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen(
        [*PROGRAM, "objects", "cp", "-r", tree, "/", files, "/"], stderr=follower, env=environment
    ) as started:
        os.close(follower)
        shown = b""
        with open(leader, "rb", buffering=0) as terminal:
            try:
                while piece := terminal.read(4096):
                    shown += piece
            except OSError:  # how a terminal ends on Linux
                pass
    assert started.returncode == 0
    assert b"copying" in shown
    assert b"3 objects" in shown


def test_other_commands_do_not_import_the_objects() -> None:
    """They take a tenth of a second to import."""
    code = (
        "import sys; from dynafile.cli import main; main(['--help']); "
        "assert not [each for each in sys.modules if each.startswith('dynafile.objects')]"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True)
