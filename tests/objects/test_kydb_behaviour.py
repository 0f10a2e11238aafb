"""What users of KYDB know beyond its page, and what it gets wrong, which is right here.

A docstring that begins with "The seed" says what KYDB 1.1.0 does instead.
"""

from __future__ import annotations

import pickle
import shutil
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from objects.conftest import CONTENT, KYDB, FilesPlace

from dynafile import objects as kydb
from dynafile.errors import DynafileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from objects.conftest import Place

CLASSES = """
from dynafile import objects as kydb

class Greeter(kydb.DbObj):

    def init(self):
        self.greet_count = 0

    @kydb.stored
    def bang(self):
        return f'{self.name()}!'

    @kydb.stored
    def name(self):
        return 'John'

    @kydb.stored
    def tags(self):
        return []

    def greet(self):
        self.greet_count += 1
        return 'Hello ' + self.name()

class Plain(kydb.DbObj):
    name: str = kydb.stored_field('John')
    age: int = kydb.stored_field(18)
    note = 'not stored'
"""

CLASS_MAP = {
    name: {"module_path": "path.to.module", "class_name": name} for name in ("Greeter", "Plain")
}


@dataclass
class Point:
    """A dataclass of the program's own."""

    x: int
    y: Any = None


@pytest.fixture
def classes(module: ModuleType) -> ModuleType:
    exec(CLASSES, module.__dict__)
    return module


@pytest.fixture
def mapped(place: Place, classes: ModuleType) -> Any:
    """A store of each kind with its class map."""
    place.db.upload_objdb_config(CLASS_MAP)
    return place.db


def names(db: Any, folder: str = "/", **options: Any) -> list[str]:
    """List a folder, without the system's names and in order."""
    return sorted(name for name in db.ls(folder, **options) if not name.startswith("."))


def tree(db: Any, folder: str = "/") -> dict[str, Any]:
    """Return all objects below a folder, by key, with None for each folder."""
    found: dict[str, Any] = {}
    for name in names(db, folder):
        key = folder + name
        if name.endswith("/"):
            assert db.is_dir(key)
            assert not db.exists(key[:-1])
            found |= {key: None, **tree(db, key)}
        else:
            assert db.exists(key)
            assert not db.is_dir(key)
            found[key] = db.read(key, reload=True)
    return found


def missing(db: Any, key: str) -> bool:
    """Tell that every way to look says that there is no object."""
    for look in (db.__getitem__, db.read, db.delete, lambda key: db.read(key, reload=True)):
        with pytest.raises(KeyError) as refused:
            look(key)
        assert isinstance(refused.value, DynafileError)
        assert key.strip("/") in str(refused.value)
    return not db.exists(key) and key not in db and db.get(key) is None


# Connections.


@pytest.mark.parametrize("base", ["", "/home/tony"])
def test_a_url_has_one_instance(place: Place, base: str) -> None:
    one = place.connect(base)
    assert kydb.connect(place.url(base)) is one
    assert place.url(base) in repr(one)


def test_what_is_closed_is_opened_anew(lasting: Place) -> None:
    before = lasting.db
    before["/a"] = 1
    before.close()
    before.close()
    after = lasting.connect()
    assert after is not before
    assert after["/a"] == 1


def test_memory_is_kept_by_name() -> None:
    """The seed empties the store when a second URL names it."""
    name = f"memory://{uuid4().hex}"
    root, home, other = (kydb.connect(name + rest) for rest in ("", "/home", "x"))
    root["/home/a"] = 1
    assert home["a"] == root["/home/a"] == 1
    late = kydb.connect(f"{name}/home/")
    assert late["a"] == root["/home/a"] == 1
    assert other.ls("/") == []
    for db in (late, home, root, other):
        db.close()


def test_base_paths_are_views(place: Place) -> None:
    """``/home/tony.yum`` as base path: ``db['foo']`` is written to ``/home/tony.yum/foo``."""
    tony = place.connect("/home/tony.yum")
    assert tony.is_dir("/")
    assert tony.ls("/") == tony.ls("") == []
    tony["foo"] = "Hello World!"
    tony["/bar/baz"] = 1
    assert place.db["/home/tony.yum/foo"] == "Hello World!"
    assert tree(tony) == {"/bar/": None, "/bar/baz": 1, "/foo": "Hello World!"}
    assert names(place.db) == ["home/"]
    assert place.connect("/home")["tony.yum/bar/baz"] == 1
    place.db["/home/tony.yum/foo"] = 2
    assert tony["foo"] == 2
    place.db["/home/other"] = 3
    tony.rm_tree("/")
    assert tree(tony) == {}
    assert place.db["/home/other"] == 3


def test_a_slash_after_the_url_changes_nothing(place: Place) -> None:
    place.connect("/home/")["a"] = 1
    assert place.connect("/home")["a"] == place.db["home/a"] == 1


# Keys.


NAMES = [
    "a.c", "a+b", "[x]", "(x", "a*b", "a?b", "a#b", "a%2Fb", "%41", "a b", " a ", "a:b", "a;b|c", "'\"", "ümlaut",
    "東京", "🦊", "~", "$HOME", "{x}", "a=b&c", "folder-x", "x.folder-y", "data.pickle", "n" * 200, "-rf", "@", "0",
]  # fmt: skip


def test_names_are_free(place: Place, subtests: pytest.Subtests) -> None:
    """The seed takes names for patterns in ``memory://``, so that ``a+b`` is an empty folder."""
    db = place.db
    db["/abc/decoy"] = 0
    for name in NAMES:
        with subtests.test(name=name):
            db[f"/{name}/{name}"] = name
            assert db[f"{name}/{name}"] == db.read(f"/{name}/{name}", reload=True) == name
            assert db.ls(f"/{name}") == [name]
            assert names(db) == sorted(["abc/", f"{name}/"])
            db.rm_tree(f"/{name}")
            assert names(db) == ["abc/"]


SPELLINGS = ["/a/b", "a/b"]


@pytest.mark.parametrize(("wrote", "reads"), [*product(SPELLINGS, SPELLINGS)])
def test_the_leading_slash_is_optional(place: Place, wrote: str, reads: str) -> None:
    """The seed caches by the spelling, so that ``del`` of one leaves the other readable."""
    db = place.db
    db[wrote] = [1]
    assert db[reads] == db.get(reads) == db.read(reads, reload=True) == [1]
    assert db.exists(reads)
    assert reads in db
    db.set(reads, [2])
    db.refresh(wrote)
    assert db[wrote] == [2]
    db.delete(reads)
    assert missing(db, wrote)
    assert missing(db, reads)


@pytest.mark.parametrize("folder", ["/a/b", "a/b", "/a/b/", "a/b/"])
def test_folders_are_spelt_four_ways(place: Place, folder: str) -> None:
    db = place.db
    db.mkdir(folder)
    db.mkdir(folder)
    assert db.is_dir(folder)
    assert db.ls(folder) == list(db.list_dir(folder)) == []
    db["/a/b/c"] = 1
    assert db.ls(folder) == ["c"]
    assert list(db.folder(folder, allow_scan=True)) == ["c"]
    assert list(db.recent(folder, allow_scan=True)) == ["c"]
    assert db.reindex(folder) == 0
    db.delete("/a/b/c")
    db.rmdir(folder)
    assert tree(db) == {"/a/": None}
    db["/a/b/c"] = 1
    db.rm_tree(folder)
    assert tree(db) == {"/a/": None}


def test_stores_are_not_walked_by_accident(db: Any) -> None:
    """The seed has ``[]`` and no ``in`` or iteration of its own, so Python asks it for key 0."""
    db["/a"] = 1
    assert "/a" in db
    assert "/b" not in db
    assert "/" not in db
    with pytest.raises(TypeError):
        iter(db)


def test_get_takes_a_default(db: Any) -> None:
    """The seed has no ``get``."""
    db["/none"] = None
    db["/folder/x"] = 1
    assert db.get("/none", 5) is None
    assert db.get("/nope") is None
    assert db.get("/nope", 5) == 5
    assert db.get("/folder", 5) == 5


def test_many_are_read_and_written_together(db: Any) -> None:
    db.set_many({f"/many/{number}": number for number in range(100)})
    db.set_many({})
    found = db.get_many(["/many/0", "many/99", "/many/100", "/many"])
    assert found == {"/many/0": 0, "many/99": 99}
    assert len(db.ls("/many")) == 100


# Folders. Statements over the store, and the tree that they leave.

FOLDERS: list[tuple[str, set[str]]] = [
    ("", set()),
    ("db['/x'] = 1", {"/x"}),
    ("db['/a/b/c'] = 1", {"/a/", "/a/b/", "/a/b/c"}),
    ("db.mkdir('/a/b')", {"/a/", "/a/b/"}),
    ("db.mkdir('/a/b'); db.rmdir('/a/b')", {"/a/"}),
    ("db.mkdir('/a/b'); db.rmdir('/a/b'); db.rmdir('/a')", set()),
    ("db['/a/b/c'] = 1; db.delete('/a/b/c')", {"/a/", "/a/b/"}),
    ("db['/a/b/c'] = 1; del db['/a/b/c']; db.rmdir('/a/b')", {"/a/"}),
    ("db['/a/b/c'] = 1; db['/a/d'] = 2; db.rm_tree('/a/b')", {"/a/", "/a/d"}),
    ("db['/a/b/c'] = 1; db['/ab'] = 2; db.rm_tree('/a')", {"/ab"}),
    ("db['/a/b'] = 1; db['/a.b/c'] = 2; db['/a/b-c/d'] = 3; db.delete('/a/b')", {"/a/", "/a.b/", "/a.b/c", "/a/b-c/", "/a/b-c/d"}),
    ("db['/a'] = 1; db.delete('/a'); db['/a/b'] = 2", {"/a/", "/a/b"}),
    ("db['/a/b'] = 1; db.rm_tree('/a'); db['/a'] = 2", {"/a"}),
    ("db.mkdir('/a'); db.rmdir('/a'); db['a'] = 2", {"/a"}),
    ("db['/a/b/c'] = 1; db['/x'] = 1; db.mkdir('/m/n'); db.rm_tree('/')", set()),
    ("db['/x'] = 1; db['x'] = 2; db.set('/x', 3)", {"/x"}),
]  # fmt: skip


def test_folders_are_made_and_removed(place: Place, subtests: pytest.Subtests) -> None:
    """The seed refuses ``rm_tree('/')``, which its manual says wipes the database; in ``files://`` it wipes first."""
    for statements, expected in FOLDERS:
        with subtests.test(statements):
            exec(statements, {"db": place.db})
            assert set(tree(place.db)) == expected
            if place.lasts:
                assert set(tree(place.reopen())) == expected
        place.db.rm_tree("/")
        assert tree(place.db) == {}


@pytest.mark.parametrize("base", ["", "/home/tony"])
@pytest.mark.parametrize(
    ("folder", "expected"), [("/", True), ("", True), ("/a", True), ("/nope", False), ("/x", False)]
)
def test_folders_are_told_from_objects(
    place: Place, base: str, folder: str, expected: bool
) -> None:
    """The seed: ``is_dir('/')`` is a KeyError "Bad folder" on all but ``files://``, False with a base path."""
    db = place.connect(base)
    db["/a/b"] = 1
    db["/x"] = 1
    assert db.is_dir(folder) is expected


def test_listings(db: Any) -> None:
    db.mkdir("/f/empty")
    db["/f/full/x"] = 1
    for number in range(25):
        db[f"/f/o{number:02}"] = number
    objects = [f"o{number:02}" for number in range(25)]
    assert sorted(db.ls("/f")) == ["empty/", "full/", *objects]
    assert sorted(db.ls("/f", False)) == sorted(db.ls("/f", include_dir=False)) == objects
    for size in (1, 7, 25, 27, 1000):
        assert sorted(db.list_dir("/f", page_size=size)) == sorted(db.ls("/f"))
        assert sorted(db.list_dir("/f", False, size)) == objects
    assert db.ls("/f") == db.ls("/f")
    assert iter(db.list_dir("/f")) is not db.list_dir("/f")
    assert next(iter(db.list_dir("/f", page_size=1))) in db.ls("/f")


def test_a_folder_that_is_not_there_is_empty(db: Any) -> None:
    """The seed: a KeyError in ``files://``, an empty list elsewhere, and no base path exists at first."""
    assert db.ls("/nope") == db.ls("/nope/deeper") == db.ls("/") == []
    assert list(db.recent("/nope", allow_scan=True)) == []


def test_a_folder_of_files_need_not_exist(tmp_path: Path) -> None:
    db = kydb.connect(f"files:/{tmp_path / 'not' / 'yet'}")
    assert db.ls("/") == []
    assert not (tmp_path / "not").exists()
    db["/a/b"] = 1
    assert (tmp_path / "not" / "yet" / "a" / "b").is_file()
    db.close()


# Values, and the cache of values in memory.


@pytest.mark.parametrize(
    "value",
    [
        Point(1),
        Point(1, [Point(2)]),
        {"p": Point(3)},
        [None, [[]]],
        {},
        (),
        set(),
        {"__is_dbobj__": True},
    ],
)
def test_dataclasses_and_empty_values_come_back(place: Place, value: Any) -> None:
    place.db["/v"] = value
    assert place.db["/v"] == place.db.read("/v", reload=True) == value
    if place.lasts:
        assert place.reopen()["/v"] == value


@pytest.mark.parametrize("length", [10_000, 1_000_000])
def test_large_values_come_back(place: Place, length: int) -> None:
    db = place.db
    db["/even"] = b"x" * length
    db["/uneven"] = bytes(number * number % 251 for number in range(length))
    for key in ("/even", "/uneven"):
        assert len(db.read(key, reload=True)) == length
    assert db["/even"] == b"x" * length


@pytest.mark.parametrize("value", [[1], {"a": [1]}, {1}, bytearray(b"a"), Point([1])])
def test_plain_values_are_copies(db: Any, value: Any) -> None:
    """The seed hands out what its cache holds: a caller who changes it changes what others read."""

    def spoil(found: Any) -> None:
        if isinstance(found, Point):
            found.x = "spoilt"
        else:
            found.clear()

    expected = pickle.loads(pickle.dumps(value))
    db["/v"] = value
    spoil(value)
    for _ in range(3):
        assert db["/v"] == expected
        spoil(db["/v"])
        spoil(db.read("/v"))
        spoil(db.get("/v"))
        spoil(db.read("/v", reload=True))


@pytest.mark.parametrize("value", [None, 0, False, "", [], {}, 0.0])
def test_falsy_values_are_values(db: Any, value: Any) -> None:
    db["/v"] = value
    assert db["/v"] == db.get("/v", 5) == value
    assert "/v" in db


def test_a_failed_set_leaves_what_was_there(db: Any) -> None:
    """The seed caches before it writes: it reads a lambda back that it could not store."""
    db["/old"] = 1
    for key in ("/old", "/new", "/some/folder/new"):
        with pytest.raises((TypeError, ValueError)) as refused:
            db[key] = lambda: 1
        assert isinstance(refused.value, DynafileError)
    assert tree(db) == {"/old": 1}
    assert db["/old"] == 1


def test_views_of_a_store_see_each_other(place: Place) -> None:
    """The seed caches by connection: what another one wrote is not seen until ``refresh``."""
    other = place.connect("/home")
    for value in (1, 2):
        place.db["/home/a"] = value
        assert other["a"] == place.db["/home/a"] == value
        other["a"] = -value
        assert place.db["/home/a"] == other["a"] == -value
    other.delete("a")
    assert missing(place.db, "/home/a")


def test_processes_see_each_other(lasting: Place) -> None:
    lasting.db["/a"] = lasting.db["/gone"] = 1
    assert (lasting.db["/a"], lasting.db["/gone"]) == (1, 1)
    lasting.elsewhere("db['/a'] = [db['/a'], 2]; db['/new/b'] = 3; db.delete('/gone')")
    assert lasting.db["/a"] == [1, 2]
    assert tree(lasting.db) == {"/a": [1, 2], "/new/": None, "/new/b": 3}
    assert missing(lasting.db, "/gone")


@pytest.mark.parametrize("key", ["/a", "a", "/nope", None])
def test_refresh_takes_any_key(db: Any, key: str | None) -> None:
    """The seed: a KeyError where the key is not in the cache, or in another spelling."""
    db["/a"] = 1
    db.refresh(key)
    db.refresh(key)
    db.clear_cache()
    assert db["/a"] == 1


def test_what_is_written_in_a_cache_context_stays(db: Any) -> None:
    """The seed brings the cache of before back, and with it the values of before."""
    db["/a"] = db["/gone"] = 1
    assert db["/a"] == db["/gone"] == 1
    with db.cache_context() as same:
        assert same is db
        db["/a"] = 2
        db.delete("/gone")
        with db.cache_context():
            assert db["/a"] == 2
            db["/a"] = 3
        assert db["/a"] == 3
    assert db["/a"] == 3
    assert missing(db, "/gone")


def test_a_cache_context_ends_with_its_errors(mapped: Any) -> None:
    mapped.new("Greeter", "/g").write()
    mapped.clear_cache()
    with pytest.raises(ZeroDivisionError), mapped.cache_context():
        inner = mapped["/g"]
        raise ZeroDivisionError
    assert mapped["/g"] is not inner


# Objects of declared classes.

STATEMENTS: list[tuple[str, str, Any]] = [
    ("", "g.name()", "John"),
    ("", "g.bang()", "John!"),
    ("", "g.tags()", []),
    ("", "(g.key, g.class_name)", ("/h/g", "Greeter")),
    ("", "g.db is db", True),
    ("", "g.get_stored_dict()", {"name": "John", "bang": "John!", "tags": []}),
    ("g.tags().append(1)", "g.tags()", [1]),
    ("g.tags().append(1)", "db.new('Greeter', '/other').tags()", []),
    ("g.name.setvalue('Jane')", "(g.name(), g.greet(), g.greet_count)", ("Jane", "Hello Jane", 1)),
    ("g.name.setvalue('Jane'); g.name.clear()", "g.name()", "John"),
    ("g.name.setvalue(None)", "g.name()", None),
    ("g.name.setvalue(None)", "g.get_stored_dict()['name']", None),
    ("g = db.new('Greeter', '/h/g', name=None)", "g.name()", None),
    ("g = db.new('Greeter', '/h/g', name='')", "g.name()", ""),
    ("g = db.new('Greeter', 'h/g', name='Tony', tags=['a'])", "(g.name(), g.bang(), g.tags())", ("Tony", "Tony!", ["a"])),
]  # fmt: skip


@pytest.mark.parametrize("stored", [False, True])
def test_stored_attributes(mapped: Any, stored: bool, subtests: pytest.Subtests) -> None:
    """The seed loses a stored None on reading, and gives None to a default that reads a later attribute."""
    for statements, expression, expected in STATEMENTS:
        with subtests.test(statements, expression=expression):
            names_of = {"db": mapped, "g": mapped.new("Greeter", "/h/g")}
            exec(statements, names_of)
            if stored:
                names_of["g"].write()
                names_of["g"] = mapped.read("/h/g", reload=True)
            assert eval(expression, names_of) == expected


def test_an_object_is_kept_by_identity(mapped: Any) -> None:
    mapped.new("Greeter", "/g", name="Ann").write()
    ann = mapped["/g"]
    ann.greet()
    assert mapped["g"] is mapped.read("/g") is mapped.get("/g") is ann
    again = mapped.read("g", reload=True)
    assert again is not ann
    assert again.greet_count == 0
    assert mapped["/g"] is again
    mapped.refresh("g")
    fresh = mapped["/g"]
    assert fresh is not again
    mapped.refresh()
    assert mapped["/g"] is not fresh
    fresh = mapped["/g"]
    mapped.clear_cache()
    assert mapped["/g"] is not fresh


def test_another_writer_makes_it_another_object(lasting: Place, classes: ModuleType) -> None:
    lasting.db.upload_objdb_config(CLASS_MAP)
    greeter = lasting.db.new("Greeter", "/g", name="Ann")
    greeter.write()
    assert lasting.db["/g"] is greeter
    lasting.elsewhere("db['/elsewhere'] = 1")
    assert lasting.db["/g"] is greeter
    lasting.elsewhere("db.delete('/g')")
    assert missing(lasting.db, "/g")


def test_objects_are_deleted(mapped: Any) -> None:
    greeter = mapped.new("Greeter", "/g/h")
    with pytest.raises(KeyError):
        greeter.delete()
    greeter.write()
    greeter.delete()
    assert missing(mapped, "/g/h")
    with pytest.raises(KeyError):
        greeter.delete()
    greeter.write()
    assert mapped["/g/h"] is greeter


def test_writing_is_explicit(mapped: Any) -> None:
    greeter = mapped.new("Greeter", "/g", name="Ann")
    mapped["/g"] = greeter
    greeter.name.setvalue("Eva")
    assert mapped["/g"].name() == "Eva"
    assert mapped.read("/g", reload=True).name() == "Ann"
    greeter.write()
    assert mapped.read("/g", reload=True).name() == "Eva"


def test_an_object_knows_the_key_it_was_read_from(place: Place, classes: ModuleType) -> None:
    """The seed keeps the key that ``new`` got: read from elsewhere, ``write`` goes somewhere else."""
    tony = place.connect("/home/tony")
    for db in (tony, place.db):
        db.upload_objdb_config(CLASS_MAP)
    tony.new("Greeter", "g", name="Ann").write()
    greeter = place.db["/home/tony/g"]
    greeter.name.setvalue("Eva")
    greeter.write()
    assert tony.read("g", reload=True).name() == "Eva"
    assert names(place.db) == ["home/"]


def test_stored_fields_are_plain_attributes(mapped: Any) -> None:
    plain = mapped.new("Plain", "/p", age=30)
    assert (plain.name, plain.age, plain.note) == ("John", 30, "not stored")
    plain.name = "Ann"
    assert plain.get_stored_dict() == {"name": "Ann", "age": 30}
    assert mapped.new("Plain", "/q").name == "John"
    plain.write()
    found = mapped.read("/p", reload=True)
    assert (found.name, found.age) == ("Ann", 30)
    found.name = None
    found.write()
    assert mapped.read("/p", reload=True).name is None


def test_the_class_map_is_kept_out_of_sight(mapped: Any) -> None:
    assert names(mapped) == []
    assert mapped["/.configs/objdb"] == CLASS_MAP
    mapped.upload_objdb_config({"Plain": CLASS_MAP["Plain"]})
    assert mapped.new("Plain", "/p").name == "John"
    with pytest.raises(kydb.DbObjException):
        mapped.new("Greeter", "/g")


def test_objects_carry_index_values(indexed: Place, classes: ModuleType) -> None:
    db = indexed.db
    db.upload_objdb_config(CLASS_MAP)
    for name, rank in (("a", 2), ("b", 1)):
        greeter = db.new("Greeter", f"/g/{name}", name=name)
        db.set(greeter.key, greeter, index={"rank": rank})
    found = list(db.folder("/g", allow_scan=True).by("rank").items())
    assert [(key, greeter.name()) for key, greeter in found] == [("b", "b"), ("a", "a")]


# Folder queries.


def signups(db: Any) -> None:
    """Write KYDB's example: three bookings by class date, and one who walked in."""
    for key, (value, index) in CONTENT["INDEXED"].items():
        db.set(key, value, index=index)
    db.set("/signups/walk-in", 0)
    db.set("/signups/deeper/x", 0, index={"class_date": 20260905})
    db.mkdir("/signups/empty")


QUERIES: list[tuple[str, list[str]]] = [
    ("by('class_date')", ["yuki", "zoe", "anna"]),
    ("by('class_date').asc()", ["yuki", "zoe", "anna"]),
    ("by('class_date').desc()", ["anna", "zoe", "yuki"]),
    ("by('class_date').desc().asc()", ["yuki", "zoe", "anna"]),
    ("by('class_date').since(20260906)", ["zoe", "anna"]),
    ("by('class_date').until(20260906)", ["yuki", "zoe"]),
    ("by('class_date').since(20260906).until(20260906)", ["zoe"]),
    ("by('class_date').since(20260907).until(20260905)", []),
    ("by('class_date').since(20260908)", []),
    ("by('class_date').since(-1).until(2**60)", ["yuki", "zoe", "anna"]),
    ("by('class_date').limit(2)", ["yuki", "zoe"]),
    ("by('class_date').desc().limit(1)", ["anna"]),
    ("by('class_date').limit(0)", []),
    ("by('class_date').limit(10)", ["yuki", "zoe", "anna"]),
    ("by('class_date').since(20260906).limit(1)", ["zoe"]),
    ("by('rank')", ["yuki"]),
    ("by('nobody_wrote_it')", []),
    ("by('mtime')", ["anna", "yuki", "zoe", "walk-in"]),
    ("by('mtime').desc()", ["walk-in", "zoe", "yuki", "anna"]),
    ("by('rank').by('mtime').limit(1)", ["anna"]),
    ("asc()", ["anna", "yuki", "zoe", "walk-in"]),
    ("desc().limit(2)", ["walk-in", "zoe"]),
]


@pytest.mark.parametrize(("chain", "expected"), QUERIES)
def test_folder_queries(indexed: Place, chain: str, expected: list[str]) -> None:
    """The seed: ``limit(0)`` is an object of DynamoDB, and a name nobody wrote an error there."""
    signups(indexed.db)
    query = eval(f"query.{chain}", {"query": indexed.db.folder("/signups", allow_scan=True)})
    assert isinstance(query, kydb.FolderQuery)
    assert list(query) == list(query) == expected
    assert [entry.key for entry in query.entries()] == expected
    assert list(query.items()) == [(key, indexed.db[f"/signups/{key}"]) for key in expected]


def test_queries_branch(indexed: Place) -> None:
    signups(indexed.db)
    base = indexed.db.folder("signups/", allow_scan=True).by("class_date")
    assert list(base.desc().limit(1)) == ["anna"]
    assert list(base.since(20260906)) == ["zoe", "anna"]
    assert list(base) == ["yuki", "zoe", "anna"]


def test_entries_say_when_and_where(indexed: Place) -> None:
    db = indexed.db
    before = time.time_ns()
    signups(db)
    after = time.time_ns()
    entries = list(db.folder("/signups", allow_scan=True).by("class_date").entries())
    assert [entry.index_value for entry in entries] == [20260905, 20260906, 20260907]
    assert all(before <= entry.ctime <= entry.mtime <= after for entry in entries)
    assert all(type(entry.mtime) is type(entry.ctime) is int for entry in entries)
    yuki = entries[0]
    assert isinstance(yuki, kydb.Entry)
    db["/signups/yuki"] = "again"
    (recent,) = db.folder("/signups", allow_scan=True).desc().limit(1).entries()
    assert (recent.key, recent.ctime, recent.index_value) == ("yuki", yuki.ctime, recent.mtime)
    assert recent.mtime > yuki.mtime
    assert yuki == kydb.Entry("yuki", yuki.mtime, yuki.ctime, 20260905)
    assert len({yuki, kydb.Entry("yuki", yuki.mtime, yuki.ctime, 20260905)}) == 1


REWRITES: list[tuple[str, list[str]]] = [
    ("db['/signups/anna'] = 1", ["yuki", "zoe", "anna"]),
    ("db.set('/signups/anna', 1, index={})", ["yuki", "zoe", "anna"]),
    ("db.set('/signups/anna', 1, index={'rank': 7})", ["yuki", "zoe", "anna"]),
    ("db.set('/signups/anna', 1, index={'class_date': 20260904})", ["anna", "yuki", "zoe"]),
    ("db.set('/signups/anna', 1, index={'class_date': 0})", ["anna", "yuki", "zoe"]),
    ("db.set('/signups/anna', 1, index={'class_date': -5})", ["anna", "yuki", "zoe"]),
    ("db.set('/signups/anna', 1, index={'class_date': None})", ["yuki", "zoe"]),
    ("db.set('/signups/walk-in', 1, index={'class_date': 20260908})", ["yuki", "zoe", "anna", "walk-in"]),
    ("db.delete('/signups/anna')", ["yuki", "zoe"]),
    ("db.delete('/signups/anna'); db['/signups/anna'] = 1", ["yuki", "zoe"]),
    ("db.rm_tree('/signups')", []),
]  # fmt: skip


@pytest.mark.parametrize(("statements", "expected"), REWRITES)
def test_a_rewrite_keeps_the_index_values_it_does_not_mention(
    indexed: Place, statements: str, expected: list[str]
) -> None:
    signups(indexed.db)
    exec(statements, {"db": indexed.db})
    assert list(indexed.db.folder("/signups", allow_scan=True).by("class_date")) == expected
    if indexed.lasts:
        db = indexed.reopen()
        assert list(db.folder("/signups", allow_scan=True).by("class_date")) == expected


def test_recent(place: Place) -> None:
    db = place.db
    for name in ("a", "b", "c"):
        db[f"/f/{name}"] = name
        time.sleep(place.tick)
    db["/f/a"] = "again"
    db.mkdir("/f/folder")
    assert list(db.recent("/f", allow_scan=True)) == ["a", "c", "b"]
    assert list(db.recent("/f", 2, allow_scan=True)) == ["a", "c"]
    assert list(db.recent("/f", limit=0, allow_scan=True)) == []
    assert db.reindex("/f") == 0
    assert list(db.recent("/f", allow_scan=True)) == ["a", "c", "b"]


def test_a_scan_must_be_asked_for(place: Place) -> None:
    place.db["/f/a"] = 1
    if place.ordered is None:
        pytest.skip("either is right here")
    if place.ordered:
        assert list(place.db.recent("/f")) == list(place.db.folder("/f").by("mtime")) == ["a"]
        return
    for ask in (
        lambda: place.db.folder("/f"),
        lambda: list(place.db.folder("/f").by("mtime")),
        lambda: list(place.db.recent("/f", 1)),
    ):
        with pytest.raises(kydb.IndexNotSupported, match="allow_scan"):
            ask()


# Unions.


@pytest.fixture
def union(tmp_path: Path) -> Iterator[Any]:
    """A union of memory over a folder of files, and with it the two."""
    url = f"memory://{uuid4().hex};files:/{tmp_path / 'back'}"
    with_all = [kydb.connect(each) for each in (url, *url.split(";"))]
    yield with_all
    for db in with_all:
        db.close()


def test_a_union_reads_the_first_and_writes_the_front(union: Any) -> None:
    db, front, back = union
    assert list(db.dbs) == [front, back]
    assert "memory://" in repr(db)
    assert ";files:/" in repr(db)
    front["/foo"] = 1
    back["/bar"] = 2
    back["/foo"] = 3
    assert (db["/foo"], db["/bar"]) == (1, 2)
    db["/foo"] = 4
    assert (front["/foo"], back["/foo"]) == (4, 3)
    db["/bar"] = 5
    assert (front["/bar"], back["/bar"], db["bar"]) == (5, 2, 5)
    assert missing(db, "/nope")
    assert db.read("/bar", reload=True) == db.get("/bar") == 5


def test_a_union_has_the_folders_of_all(union: Any) -> None:
    """The seed lists in the order of a set."""
    db, front, back = union
    front["/a/x"] = 1
    back["/a/y"] = back["/a/x"] = back["/b/z"] = 2
    assert tree(db) == {"/a/": None, "/a/x": 1, "/a/y": 2, "/b/": None, "/b/z": 2}
    assert db.ls("/a") == db.ls("/a")
    assert names(db, include_dir=False) == []
    assert db.exists("/b/z")
    db.mkdir("/m")
    assert (names(front), names(back)) == (["a/", "m/"], ["a/", "b/"])


def test_a_union_deletes_at_the_front(union: Any) -> None:
    """As in the seed: what is behind shows again, and what is only behind cannot be deleted."""
    db, _, back = union
    db["/foo"] = 1
    back["/foo"] = back["/only/x"] = 2
    db.delete("/foo")
    assert (db["/foo"], back["/foo"]) == (2, 2)
    for refused in (
        lambda: db.delete("/foo"),
        lambda: db.rmdir("/only"),
        lambda: db.rm_tree("/only"),
    ):
        with pytest.raises(KeyError):
            refused()
    assert (back["/foo"], back["/only/x"]) == (2, 2)


def test_the_cache_of_a_union(union: Any) -> None:
    """The seed: no ``clear_cache``, ``refresh(key)`` is a KeyError, and its cache context has ended when it begins."""
    db, _, back = union
    back["/a"] = 1
    db.refresh("/a")
    db.refresh("/nope")
    db.refresh()
    db.clear_cache()
    with db.cache_context() as same:
        assert same is db
        assert db["/a"] == 1
        back["/a"] = 2
        assert db["/a"] == 2
    assert db["/a"] == 2


def test_objects_in_a_union(union: Any, classes: ModuleType) -> None:
    """The seed: an object from behind is written behind, and ``new`` knows the front's classes only."""
    db, front, back = union
    back.upload_objdb_config(CLASS_MAP)
    back.new("Greeter", "/g", name="Ann").write()
    greeter = db["/g"]
    assert db["/g"] is greeter
    assert greeter.db is db
    greeter.name.setvalue("Eva")
    greeter.write()
    assert front.exists("/g")
    assert back.read("/g", reload=True).name() == "Ann"
    assert db.read("/g", reload=True).name() == "Eva"
    assert db.new("Greeter", "/h").name() == "John"
    with db.cache_context():
        inner = db.read("/g", reload=True)
    assert db["/g"] is not inner


def test_folder_queries_of_a_union() -> None:
    """The seed: a bounded query shows the copy behind of what the front has outside of the bounds."""
    url = f"memory://{uuid4().hex};memory://{uuid4().hex}"
    db, front, back = [kydb.connect(each) for each in (url, *url.split(";"))]
    db.set("/signups/anna", "front", index={"class_date": 20260905})
    back.set("/signups/anna", "back", index={"class_date": 20260907})
    back.set("/signups/yuki", "yuki", index={"class_date": 20260906})
    query = db.folder("/signups", allow_scan=True).by("class_date")
    assert list(query.items()) == [("anna", "front"), ("yuki", "yuki")]
    assert list(query.desc()) == ["yuki", "anna"]
    assert list(query.desc().limit(1)) == ["yuki"]
    assert list(query.since(20260907)) == []
    assert next(iter(query.since(20260906).entries())).index_value == 20260906
    assert list(db.recent("/signups", allow_scan=True)) == ["yuki", "anna"]
    assert front.ls("/signups") == ["anna"]
    assert db.reindex("/signups") == 0
    for each in (db, front, back):
        each.close()


# Caches.


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Any]:
    """Memory as a cache of a folder of files, and with it the two."""
    url = f"memory://{uuid4().hex}|files:/{tmp_path / 'behind'}"
    with_all = [kydb.connect(each) for each in (url, *url.split("|"))]
    yield with_all
    for db in with_all:
        db.close()


@pytest.mark.parametrize("value", [1, None, 0, [], "", {"a": 1}])
def test_a_cache_reads_through_and_writes_both(cached: Any, value: Any) -> None:
    db, cache, behind = cached
    assert "|files:/" in repr(db)
    db["/a/x"] = value
    assert cache["/a/x"] == behind["/a/x"] == db["/a/x"] == value
    behind["/y"] = value
    assert not cache.exists("/y")
    assert db["/y"] == value
    assert cache.exists("/y")
    assert cache["/y"] == value
    assert missing(db, "/nope")
    assert db.exists("/y")


def test_a_cache_is_loaded_again(cached: Any) -> None:
    """The seed ignores ``reload``, and returns what the cache has for ever."""
    db, cache, behind = cached
    behind["/y"] = 1
    assert db["/y"] == 1
    behind["/y"] = 2
    assert db.read("/y", reload=True) == cache["/y"] == db["/y"] == 2


def test_a_cache_forgets_with_its_store(cached: Any) -> None:
    """The seed refuses to delete what the cache lacks."""
    db, cache, behind = cached
    behind["/only"] = behind["/t/x"] = 1
    db["/both"] = 1
    for key in ("/only", "/both"):
        db.delete(key)
        assert missing(db, key)
        assert not cache.exists(key)
        assert not behind.exists(key)
    db.mkdir("/t/m")
    db.rmdir("/t/m")
    db.rm_tree("/t")
    assert names(db) == names(behind) == []


def test_folders_of_a_cache_are_those_of_its_store(cached: Any) -> None:
    db, cache, behind = cached
    behind["/f/a"] = 1
    cache["/stray"] = 1
    assert names(db) == ["f/"]
    assert db.is_dir("/f")
    assert db.ls("/f") == list(db.recent("/f", allow_scan=True)) == ["a"]
    with pytest.raises(kydb.IndexNotSupported):
        db.set("/f/a", 2, index={"rank": 1})
    assert db["/f/a"] == 1
    assert db.reindex("/f") == 0


def test_base_paths_of_a_cache(tmp_path: Path) -> None:
    """The seed asks its cache for the key without the base path, and finds nothing."""
    url = f"memory://{uuid4().hex}/home|files:/{tmp_path}/home"
    db = kydb.connect(url)
    db["x"] = [1]
    assert db["x"] == db["/x"] == [1]
    assert db.ls("/") == ["x"]
    db.close()


def test_objects_in_a_cache(cached: Any, classes: ModuleType) -> None:
    """The seed makes a new object at each read."""
    db, cache, behind = cached
    db.upload_objdb_config(CLASS_MAP)
    greeter = db.new("Greeter", "/g", name="Ann")
    assert greeter.db is db
    greeter.write()
    assert cache.exists("/g")
    assert behind.exists("/g")
    assert db["/g"] is greeter
    again = db.read("/g", reload=True)
    assert again is not greeter
    assert again.db is db
    with db.cache_context() as same:
        assert same is db
        inner = db.read("/g", reload=True)
    assert db["/g"] is not inner
    db["/g"].delete()
    assert missing(db, "/g")


# Data of KYDB's, and data for it.


def test_what_kydb_wrote_is_read(files: FilesPlace, classes: ModuleType) -> None:
    shutil.copytree(KYDB / "files", files.root)
    for base in CONTENT["BASES"]:
        db = files.connect(base)
        for folder in CONTENT["EMPTY_FOLDERS"]:  # which are not in the repository
            db.mkdir(folder)
        for key, value in CONTENT["PLAIN"].items():
            assert db[key] == value
            assert type(db[key]) is type(value)
        assert names(db) == sorted(CONTENT["ROOT"] - ({"home/"} if base else set()))
        assert names(db, "/signups") == ["anna", "walk-in", "yuki", "zoe"]
        for key, stored in CONTENT["GREETERS"].items():
            assert db[key].name() == stored["name"]
        with pytest.raises(ValueError, match="allow_pickle"):
            db["/pickled/fraction"]
    db = files.connect(allow_pickle=True)
    assert {key: db[key] for key in CONTENT["PICKLED"]} == CONTENT["PICKLED"]


def test_what_is_written_for_kydb_is_its_layout(files: FilesPlace, classes: ModuleType) -> None:
    db = files.connect(compat="kydb")
    db["/a/b"] = {"x": [1, None]}
    db.upload_objdb_config(CLASS_MAP)
    db.new("Plain", "/h/p", name="Ann").write()
    found = {
        str(path.relative_to(files.root)): pickle.loads(path.read_bytes())
        for path in files.root.rglob("*")
        if path.is_file()
    }
    assert found == {
        "a/b": {"x": [1, None]},
        ".configs/objdb": CLASS_MAP,
        "h/p": {
            "__is_dbobj__": True,
            "meta": {"key": "/h/p", "class_name": "Plain"},
            "data": {"name": "Ann", "age": 18},
        },
    }
    assert files.db["/a/b"] == {"x": [1, None]}


def test_pickles_are_a_choice(place: Place) -> None:
    """``any pickleable object`` of KYDB is ``allow_pickle=True``."""
    with pytest.raises((TypeError, ValueError), match="allow_pickle"):
        place.db["/half"] = Fraction(1, 2)
    assert missing(place.db, "/half")
    trusting = place.connect(allow_pickle=True)
    trusting["/half"] = Fraction(1, 2)
    assert trusting["/half"] == trusting.read("/half", reload=True) == Fraction(1, 2)
    with pytest.raises(ValueError, match="allow_pickle") as refused:
        place.db["/half"]
    assert isinstance(refused.value, DynafileError)
    assert place.db.exists("/half")
    place.db.delete("/half")
    assert missing(trusting, "/half")


def test_signed_values(place: Place) -> None:
    signing = place.connect(signing_key=b"k" * 32)
    other = place.connect(signing_key=b"o" * 32)
    signing["/a"] = [1]
    assert signing["/a"] == signing.read("/a", reload=True) == [1]
    place.db["/unsigned"] = 1
    for db, key in ((other, "/a"), (signing, "/unsigned"), (other, "/unsigned")):
        with pytest.raises(ValueError, match="sign") as refused:
            db[key]
        assert isinstance(refused.value, DynafileError)
        assert db.exists(key)


def test_values_are_not_signed_for_another_key(files: FilesPlace) -> None:
    """A value copied over another one's file is not what was signed there."""
    db = files.connect(signing_key=b"k" * 32)
    db["/limit"] = 5
    db["/other"] = 1_000_000
    shutil.copy(files.root / "other", files.root / "limit")
    with pytest.raises(ValueError, match="sign"):
        db.read("/limit", reload=True)


# Configuration.


def test_configuration_is_kydbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mtime-index: false`` turns times off, and index values stay."""
    pytest.importorskip("yaml")
    name = uuid4().hex
    config = tmp_path / "kydb.yaml"
    config.write_text(f"dbs:\n  {name}:\n    mtime-index: false\n  other:\n    mtime-index: true\n")
    monkeypatch.setenv("KYDB_CONFIG_PATH", str(config))
    db = kydb.connect(f"memory://{name}")
    db.set("/f/a", 1, index={"rank": 1})
    for ask in (
        lambda: list(db.recent("/f", allow_scan=True)),
        lambda: list(db.folder("/f", allow_scan=True).by("mtime")),
        lambda: db.reindex("/f"),
    ):
        with pytest.raises(kydb.IndexNotSupported, match="mtime-index"):
            ask()
    (entry,) = db.folder("/f", allow_scan=True).by("rank").entries()
    assert (entry.key, entry.mtime, entry.ctime, entry.index_value) == ("a", 0, 0, 1)
    db.close()


def test_python_itself_is_as_before() -> None:
    """Connecting, reading and writing leave nothing in the modules of the program."""
    before = set(sys.modules)
    db = kydb.connect(f"memory://{uuid4().hex}")
    db["/a"] = 1
    assert db["/a"] == 1
    db.close()
    assert not {"boto3", "redis", "httpx", "numpy", "pandas"} & (set(sys.modules) - before)
