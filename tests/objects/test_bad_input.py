"""What is refused: by an error that names it, on every store alike, with nothing written.

Wrong keys and folders are errors of the kinds ``KeyError`` or ``ValueError``, wrong types also
``TypeError``; all are errors of Dynafile.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from objects.pickles.attacks import Payload

from dynafile import objects as kydb
from dynafile.errors import DynafileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from objects.conftest import FilesPlace, Place

BAD_KEYS = [
    "", "/", ".", "..", "./a", "/.a", "../a", "/../a", "a/../b", "a/./b", "a/..", "/a/../../b", "..a", "/.folder-a", "/a/.folder-b",
    "//a", "//etc/passwd", "a//b", "/a/b/", "\0", "a\0b", "a/b\n", "\x1f", "a\x7fb", "a\x85b", "\ud800", "x" * 5000, "x/" * 3000 + "x",
]  # fmt: skip
BAD_FOLDERS = [
    "..",
    "../a",
    "/../a",
    "a/../b",
    "a/..",
    "//a",
    "a//b",
    "\0",
    "a\nb",
    "\ud800",
    "x" * 5000,
]
NOT_KEYS = [None, 5, b"/a", ("a",), ["/a"], 1.5]


def brief(value: str) -> str:
    """Return what names a case of a test."""
    return ascii(value if len(value) < 40 else f"{value[:10]}... {len(value)}")


@contextmanager
def refused(*kinds: type[Exception], match: str = "") -> Iterator[None]:
    """Expect an error of one of the kinds that is an error of Dynafile also."""
    with pytest.raises(kinds or (KeyError, ValueError), match=match or None) as caught:
        yield
    assert isinstance(caught.value, DynafileError)


def walk(db: Any, folder: str = "/") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in db.ls(folder):
        if name.endswith("/"):
            found |= {folder + name: None, **walk(db, folder + name)}
        else:
            found[folder + name] = db.read(folder + name, reload=True)
    return found


@pytest.fixture
def kept(place: Place, tmp_path: Path) -> Iterator[Any]:
    """A store with something in it that the test leaves as it is, and the world around it too."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(pickle.dumps("leak"))
    place.db["/a/b"] = [1]
    place.db["/x"] = 2
    before = walk(place.db)
    yield place.db
    place.db.refresh()
    assert walk(place.db) == before == {"/a/": None, "/a/b": [1], "/x": 2}
    assert sorted(os.listdir(tmp_path / "outside")) == ["file"]
    assert pickle.loads((tmp_path / "outside" / "file").read_bytes()) == "leak"


WRITES: list[Callable[[Any, Any], object]] = [
    lambda db, key: db.__setitem__(key, 1),
    lambda db, key: db.set(key, 1),
    lambda db, key: db.set_many({"/fine": 1, key: 1}),
]


def test_bad_keys_are_not_written(kept: Any, subtests: pytest.Subtests) -> None:
    for key in BAD_KEYS:
        for write in WRITES:
            with subtests.test(key=brief(key)), refused():
                write(kept, key)


def test_bad_keys_are_not_the_systems(kept: Any, subtests: pytest.Subtests) -> None:
    """The seed writes outside of its folder: ``db.set('/../x', value, system_obj=True)``."""
    for key in ("..", "/../a", "a/../b", "//a", "/", "", "a/../.configs/objdb", "\0"):
        with subtests.test(key=brief(key)), refused():
            kept.set(key, 1, system_obj=True)


def test_bad_keys_are_not_found(kept: Any, subtests: pytest.Subtests) -> None:
    """The seed reads and deletes outside of its folder: ``db['/../x']``, ``db.delete('/../x')``."""
    for key in BAD_KEYS:
        for look in (kept.__getitem__, kept.delete, kept.__delitem__):
            with subtests.test(key=brief(key)), refused():
                look(key)
        for ask in (kept.exists, kept.__contains__):
            with subtests.test(key=brief(key)):
                try:
                    assert ask(key) is False
                except (KeyError, ValueError) as error:
                    assert isinstance(error, DynafileError)


def test_keys_are_strings(kept: Any, subtests: pytest.Subtests) -> None:
    for key in NOT_KEYS:
        for use in (
            kept.__getitem__, kept.__delitem__, kept.delete, kept.exists, kept.get, kept.mkdir, kept.ls, kept.rmdir, kept.rm_tree, kept.is_dir,
        ):  # fmt: skip
            with subtests.test(key=repr(key)), refused(TypeError):
                use(key)
        with subtests.test(key=repr(key)), refused(TypeError):
            kept[key] = 1


FOLDER_CALLS: list[Callable[[Any, str], object]] = [
    lambda db, folder: db.mkdir(folder),
    lambda db, folder: db.ls(folder),
    lambda db, folder: list(db.list_dir(folder)),
    lambda db, folder: db.rmdir(folder),
    lambda db, folder: db.rm_tree(folder),
    lambda db, folder: list(db.recent(folder, allow_scan=True)),
    lambda db, folder: db.reindex(folder),
]


def test_bad_folders(kept: Any, subtests: pytest.Subtests) -> None:
    """The seed lists, makes and removes folders outside of its own: ``db.mkdir('/../made')``."""
    for folder in BAD_FOLDERS:
        for call in FOLDER_CALLS:
            with subtests.test(folder=brief(folder)), refused():
                call(kept, folder)


REFUSED: list[tuple[str, str]] = [
    ("db['/a'] = 1", "folder"),
    ("db['a'] = 1", "folder"),
    ("db.set('/a', 1)", "folder"),
    ("db['/x/y'] = 1", "/x"),
    ("db['/x/y/z'] = 1", "/x"),
    ("db.set_many({'/fine': 1, '/x/y': 1})", "/x"),
    ("db.set_many({'/fine': 1, '/fine/y': 1})", "/fine"),
    ("db.mkdir('/x')", "/x"),
    ("db.mkdir('/x/y')", "/x"),
    ("db.mkdir('/a/b')", "/a/b"),
    ("db.mkdir('/a/b/c')", "/a/b"),
    ("db.mkdir('/')", "Cannot make folder"),
    ("db.mkdir('')", "Cannot make folder"),
    ("db.mkdir('/.hidden')", "dot"),
    ("db['/.hidden/x'] = 1", "dot"),
    ("db['/a']", "a"),
    ("db['/a/']", "a"),
    ("db['/x/y']", "x/y"),
    ("db['/nope']", "/nope"),
    ("db.read('/nope', reload=True)", "/nope"),
    ("db.delete('/nope')", "/nope"),
    ("del db['/nope']", "/nope"),
    ("db.delete('/a')", "/a"),
    ("db.rmdir('/nope')", "/nope"),
    ("db.rmdir('/a')", "not empty"),
    ("db.rmdir('/')", "/"),
    ("db.rmdir('')", ""),
    ("db.rmdir('/x')", "/x"),
    ("db.rmdir('/a/b')", "/a/b"),
    ("db.rm_tree('/nope')", "not a directory"),
    ("db.rm_tree('/x')", "not a directory"),
    ("db.ls('/x')", "/x"),
    ("list(db.list_dir('/a/b'))", "/a/b"),
    ("list(db.list_dir('/a', page_size=0))", "page_size"),
    ("list(db.list_dir('/a', page_size=-1))", "page_size"),
    ("db.new('Greeter', '/g')", "objdb"),
    ("list(db.folder('/a', allow_scan=True).limit(-1))", "limit"),
    ("list(db.recent('/a', -1, allow_scan=True))", "limit"),
]


def test_refusals(kept: Any, subtests: pytest.Subtests) -> None:
    """The seed puts objects and folders of one name side by side, or raises what its backend raises."""
    for statement, match in REFUSED:
        with subtests.test(statement), refused(match=match):
            exec(statement, {"db": kept})


@pytest.mark.parametrize("statement", ["db['/x/y'] = 1", "db.mkdir('/x/y')", "db['/a'] = 1"])
def test_refusals_are_the_same_from_a_base_path(place: Place, kept: Any, statement: str) -> None:
    place.db["/home/a/b"] = place.db["/home/x"] = 1
    with refused():
        exec(statement, {"db": place.connect("/home")})
    place.db.rm_tree("/home")


def test_a_base_path_that_is_an_object(place: Place, kept: Any) -> None:
    with refused(KeyError, ValueError, OSError, match="/x"):
        place.connect("/x")["y"] = 1


WRONG_TYPES: list[tuple[str, str]] = [
    ("db.set('/n', 1, index={'ok': 'x'})", "ok"),
    ("db.set('/n', 1, index={'ok': 1.0})", "ok"),
    ("db.set('/n', 1, index={'ok': True})", "ok"),
    ("db.set('/n', 1, index=[1])", "index"),
    ("db.set('/n', 1, index=5)", "index"),
    ("db.folder('/a', allow_scan=True).by(5)", ""),
    ("db.folder('/a', allow_scan=True).since('x')", ""),
    ("db.folder('/a', allow_scan=True).until(1.5)", ""),
    ("db.folder('/a', allow_scan=True).limit('x')", ""),
    ("db.upload_objdb_config(None)", ""),
    ("db.upload_objdb_config([1])", ""),
    ("db.set_many(5)", ""),
]
WRONG_VALUES: list[tuple[str, str]] = [
    ("db.set('/n', 1, index={'bad-name': 5})", "bad-name"),
    ("db.set('/n', 1, index={'': 5})", "index name"),
    ("db.set('/n', 1, index={'1a': 5})", "1a"),
    ("db.set('/n', 1, index={5: 5})", "5"),
    ("db.set('/n', 1, index={'mtime': 5})", "reserved"),
    ("db.set('/n', 1, index={'ctime': None})", "reserved"),
    ("db.set('/n', 1, index={'path': 5})", "reserved"),
    ("db.set('/n', 1, index={'contents': 5})", "reserved"),
    ("db.set('/n', 1, index={'folder': 5})", "reserved"),
    ("db.set('/n/m', 1, index={'fine': 5, 'mtime': 5})", "reserved"),
    ("db.upload_objdb_config({'X': {}})", "module_path"),
    ("db.upload_objdb_config({'X': {'module_path': 'a'}})", "class_name"),
]


def test_wrong_types(kept: Any, subtests: pytest.Subtests) -> None:
    for statement, match in WRONG_TYPES:
        with subtests.test(statement), refused(TypeError, match=match):
            exec(statement, {"db": kept})


def test_wrong_values(kept: Any, subtests: pytest.Subtests) -> None:
    for statement, match in WRONG_VALUES:
        with subtests.test(statement), refused(ValueError, match=match):
            exec(statement, {"db": kept})


def test_an_index_value_has_a_place(kept: Any, place: Place) -> None:
    """The seed rounds it in Redis: 64 bits are what is taken everywhere."""
    with refused(ValueError, kydb.IndexNotSupported):
        kept.set("/n", 1, index={"huge": 2**70})


def test_a_store_without_index_values_says_so(files: FilesPlace) -> None:
    with refused(kydb.IndexNotSupported, match="index"):
        files.db.set("/n", 1, index={"rank": 1})
    with refused(kydb.IndexNotSupported, match="rank"):
        list(files.db.folder("/", allow_scan=True).by("rank"))
    assert files.db.ls("/") == []


# Values.


class Unregistered:
    """What no store takes without being asked."""


def test_values_of_other_types(kept: Any, subtests: pytest.Subtests) -> None:
    for value in (lambda: 1, Unregistered(), Unregistered, sys, print, iter([]), object()):
        for hidden in (value, [value], {"deep": (1, {"deeper": value})}):
            for key in ("/new", "/x", "/new/folder/key"):
                with (
                    subtests.test(repr(value)),
                    refused(TypeError, ValueError, match="allow_pickle"),
                ):
                    kept[key] = hidden
        with subtests.test(repr(value)), refused(TypeError, ValueError):
            kept.set_many({"/fine": 1, "/new": value})


def test_a_value_that_contains_itself(kept: Any) -> None:
    value: list[Any] = []
    value.append(value)
    try:
        kept["/cyclic"] = value
    except ValueError as error:
        assert isinstance(error, DynafileError)
    else:  # right too, if it comes back so
        found = kept["/cyclic"]
        assert found[0] is found
        kept.delete("/cyclic")


def payloads(marker: str) -> dict[str, bytes]:
    """Return pickles that make the folder when loaded, exhaust memory or time, or are none.

    Also those that call what values are made of, but not as ``pickle`` calls it: a set takes a list, so
    that it cannot be as long as a range.
    """
    call = f"c{os.mkdir.__module__}\nmkdir\n(V{marker}\ntR.".encode()
    return {
        "call": pickle.dumps(Payload(os.mkdir, marker)),
        "call of protocol 0": call,
        "call of protocol 2": b"\x80\x02" + call,
        "eval": pickle.dumps(Payload(eval, f"__import__('os').mkdir({marker!r})")),
        "getattr": b"cbuiltins\ngetattr\n.",
        "dotted name": b"\x80\x04\x8c\x08datetime\x8c\x0csys.exit.foo\x93.",
        "through datetime": b"\x80\x04\x8c\x08datetime\x8c\x03sys\x93.",
        "instance": f"(V{marker}\nios\nmkdir\n.".encode(),
        "object": f"(cos\nmkdir\nV{marker}\no.".encode(),
        "persistent": b"Pid\n.",
        "extension": b"\x82\x01.",
        "dbobj of a call": pickle.dumps({"__is_dbobj__": True, "data": Payload(os.mkdir, marker)}),
        "in a list": pickle.dumps([1, {"a": Payload(os.mkdir, marker)}]),
        "a bytearray of a terabyte": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",
        "bytes of a terabyte": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.",
        "a memo of a terabyte": b"\x80\x04Nr" + struct.pack("<I", 2**31) + b".",
        "a number of gigabytes": b"\x80\x02\x8b" + struct.pack("<I", 2**31 - 1) + b"\1.",
        "nested too deep": b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b".",
        "a bytearray by its size": pickle.dumps(Payload(bytearray, 1_000_000)),
        "a set of a range": pickle.dumps(Payload(frozenset, range(1_000))),
        "a date of a state": b"\x80\x04\x8c\x08datetime\x8c\x08datetime\x93(K\1K\1K\1tR}b.",
        "a type as a value": b"\x80\x04\x8c\x08datetime\x8c\x08datetime\x93.",
        "empty": b"",
        "garbage": b"garbage",
        "a missing end": pickle.dumps([1, 2, 3])[:-1],
        "two": pickle.dumps(1) + pickle.dumps(2),
        "an empty stack": b"\x80\x040.",
        "text": b'{"json": 1}',
        "a class map's marker": pickle.dumps({"__is_dbobj__": True}),
        "a marker with nonsense": pickle.dumps({"__is_dbobj__": True, "meta": 5, "data": None}),
    }


@pytest.mark.parametrize("name", payloads(""))
def test_bytes_of_an_enemy(files: FilesPlace, tmp_path: Path, name: str) -> None:
    """Corrupt, or crafted: a named error, and nothing has run; ``exists`` does not read, ``delete`` removes."""
    marker = tmp_path / "ran"
    files.db["/fine"] = 1
    files.plant("/bad/object", payloads(str(marker))[name])
    for look in (files.db.__getitem__, lambda key: files.db.read(key, reload=True)):
        with refused(ValueError, KeyError):
            look("/bad/object")
    assert not marker.exists()
    assert files.db.exists("/bad/object")
    assert files.db["/fine"] == 1
    files.db["/bad/object"] = 2
    assert files.db["/bad/object"] == 2
    files.plant("/bad/object", b"garbage")
    files.db.delete("/bad/object")
    assert files.db.ls("/bad") == []


@pytest.mark.parametrize("name", ["call", "eval", "in a list"])
def test_signed_stores_load_nothing_unsigned(files: FilesPlace, tmp_path: Path, name: str) -> None:
    marker = tmp_path / "ran"
    files.plant("/bad", payloads(str(marker))[name])
    for options in ({}, {"allow_pickle": True}):
        with refused(ValueError, match="sign"):
            files.connect(signing_key=b"k" * 32, **options)["/bad"]
    assert not marker.exists()


def test_links_lead_nowhere(files: FilesPlace, tmp_path: Path) -> None:
    """A link in the folder does not lead out of it, and ``rm_tree`` takes the link alone."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(pickle.dumps(5))
    files.db["/f/a"] = 1
    (files.root / "f" / "link").symlink_to(outside)
    (files.root / "f" / "file").symlink_to(outside / "file")
    for use in (
        lambda: files.db["/f/link/file"],
        lambda: files.db.__setitem__("/f/link/new", 1),
        lambda: files.db.delete("/f/link/file"),
        lambda: files.db.mkdir("/f/link/new"),
        lambda: files.db.rm_tree("/f/link"),
    ):
        with refused():
            use()
    files.db.rm_tree("/f")
    assert files.db.ls("/") == []
    assert os.listdir(outside) == ["file"]
    assert pickle.loads((outside / "file").read_bytes()) == 5


# Objects of declared classes.


@pytest.fixture
def greeters(place: Place, module: ModuleType) -> Any:
    exec(
        "from dynafile import objects as kydb\n"
        "class Greeter(kydb.DbObj):\n"
        "    @kydb.stored\n"
        "    def name(self): return 'John'\n"
        "class Stranger:\n"
        "    def __init__(self, *arguments, **options): raise SystemExit\n",
        module.__dict__,
    )
    place.db.upload_objdb_config(
        {
            "Greeter": {"module_path": "path.to.module", "class_name": "Greeter"},
            "Gone": {"module_path": "path.to.module", "class_name": "Gone"},
            "Nowhere": {"module_path": "no.such.module", "class_name": "Greeter"},
            "Stranger": {"module_path": "path.to.module", "class_name": "Stranger"},
            "Dotted": {"module_path": "path.to.module", "class_name": "Greeter.name"},
        }
    )
    return place.db


@pytest.mark.parametrize("name", ["Missing", "Gone", "Nowhere", "Stranger", "Dotted", ""])
def test_classes_that_are_not_there(greeters: Any, name: str) -> None:
    """The seed: KeyError, AttributeError, ModuleNotFoundError, or whatever the class does when called."""
    with refused(kydb.DbObjException, match=name):
        greeters.new(name, "/g")
    assert not greeters.exists("/g")


def test_a_class_map_that_is_missing(place: Place) -> None:
    with refused(kydb.DbObjException, match=r"/\.configs/objdb"):
        place.db.new("Greeter", "/g")


@pytest.mark.parametrize("name", ["nope", "greet_count", "init", "db", "write", "_private"])
def test_unknown_attributes(greeters: Any, name: str) -> None:
    """The seed drops them."""
    with refused(TypeError, ValueError, match=name):
        greeters.new("Greeter", "/g", **{"name": "Ann", name: 1})
    assert not greeters.exists("/g")


@pytest.mark.parametrize("key", ["", "/", "/.g", "../g", "a//b", "g/"])
def test_objects_at_bad_keys(greeters: Any, key: str) -> None:
    with refused():
        greeters.new("Greeter", key).write()


def test_an_object_belongs_at_its_key(greeters: Any) -> None:
    """The seed writes it at its own key, and caches it at the other."""
    greeter = greeters.new("Greeter", "/g")
    with refused(match="/g"):
        greeters["/other"] = greeter
    assert not greeters.exists("/other")
    assert not greeters.exists("/g")
    with refused(TypeError, ValueError):
        greeters["/list"] = [greeter]


def test_values_that_cannot_be_stored(greeters: Any) -> None:
    greeter = greeters.new("Greeter", "/g", name="Ann")
    greeter.write()
    greeter.name.setvalue(lambda: 1)
    with refused(TypeError, ValueError, match="name"):
        greeter.write()
    assert greeters.read("/g", reload=True).name() == "Ann"


# Connections.

BAD_URLS = [
    "", "memory", "memory:", "memory:a", "memory://", "memory:///a", "MEMORY//a", "nope://a", "://a", "files://", "dynafile://", "s3://", "redis://",
    "dynamodb://", "http://", "redis://host:port", "redis://host:1:2", "memory://a;", ";memory://a", "memory://a;;memory://b", "memory://a|",
    "|memory://a", "memory://a|memory://b|memory://c", "memory://a/../b", "memory://a//b", "memory://a/.b", "files://tmp/../etc", "memory://a\0",
    "fsspec+://a", "dynafile://./db?nope=1", "dynafile://./db?base=../x",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS, ids=brief)
def test_bad_urls(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed asserts, or takes them."""
    monkeypatch.chdir(tmp_path)
    with refused(ValueError):
        kydb.connect(url)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("url", [None, 5, b"memory://a", ["memory://a"]])
def test_urls_are_strings(url: Any) -> None:
    with refused(TypeError):
        kydb.connect(url)


def test_options_are_checked() -> None:
    for options in (
        {"allow_pickle": 1},
        {"signing_key": "text"},
        {"signing_key": b""},
        {"compat": "1.1"},
    ):
        with refused(TypeError, ValueError, match=next(iter(options))):
            kydb.connect("memory://options", **options)


EXTRAS = {
    "s3://bucket": "boto3",
    "dynamodb://table": "boto3",
    "redis://localhost": "redis",
    "http://localhost": "httpx",
    "fsspec+memory://a": "fsspec",
}


def test_missing_extras_are_named() -> None:
    """In a process where none is to be found."""
    program = f"""
import sys
for name in {sorted(set(EXTRAS.values()))!r}:
    sys.modules[name] = None
from dynafile import objects as kydb
from dynafile.errors import DynafileError
for url, name in {EXTRAS!r}.items():
    try:
        kydb.connect(url)
    except ImportError as error:
        assert isinstance(error, DynafileError), error
        assert "pip install" in str(error), error
    else:
        raise AssertionError(url)
"""
    paths = os.pathsep.join(filter(None, sys.path))
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": paths},
    )


CONFIGURATIONS: dict[str, str] = {
    "not YAML": "a: [",
    "a list": "- 1",
    "without dbs": "a: 1",
    "dbs is a list": "dbs: [1]",
    "an entry is text": "dbs: {NAME: text}",
    "not a flag": "dbs: {NAME: {mtime-index: maybe}}",
    "tagged": "dbs: {NAME: !!python/object/apply:os.mkdir [RAN]}",
}


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_bad_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    pytest.importorskip("yaml")
    config, ran = tmp_path / "kydb.yaml", tmp_path / "ran"
    config.write_text(CONFIGURATIONS[text].replace("NAME", "configured").replace("RAN", str(ran)))
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(config))
    with refused(ValueError, match=r"kydb\.yaml"):
        kydb.connect("memory://configured")
    assert not ran.exists()


def test_a_configuration_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(tmp_path / "nope.yaml"))
    with refused(OSError, ValueError, match="KYDB_CONFIG_PATH"):
        kydb.connect("memory://configured-nowhere")
