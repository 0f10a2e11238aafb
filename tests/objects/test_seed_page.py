"""KYDB: its page runs as written, with the import changed, on every store, and does what it says.

The snippets are the page's, line for line. It lost lines in print, the calls of ``mkdir``, ``rmdir`` and
``rm_tree`` and whatever began with ``@`` or stood between two comments; KYDB's own documents have
them, and ``restored`` marks them here. The URLs are those of the store under test.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from objects.conftest import CONTENT

from dynafile import objects as kydb
from dynafile.errors import DynafileError

if TYPE_CHECKING:
    from types import ModuleType

    from objects.conftest import Place

CONNECT = """
from dynafile import objects as kydb
db = kydb.connect('s3://my-kydb-bucket')
"""

WRITE = """
key = '/mytest/foo'
db[key] = 123
"""

READ = """
assert db[key] == 123 # returns 123
"""

RELOAD = """
assert db.read(key, reload=True) == 123 # returns 123
"""

VANILLA = """
from datetime import datetime # restored
key = '/mytest/bar'
val = {
    'my_int': 123,
    'my_float': 123.456,
    'my_str': 'hello',
    'my_list': [1, 2, 3],
    'my_datetime': datetime.now()
} # restored
db[key] = val

assert db.read(key, reload=True) == val
"""

HIERARCHY = """
db.mkdir('/empty-folder') # restored
assert db.ls('/') == ['empty-folder/'] # returns ['empty-folder/']
db['/foo/bar/baz'] = 123
assert db.ls('/') == ['empty-folder/', 'foo/'] # returns ['empty-folder/', 'foo/']
assert db.ls('/foo') == ['bar/'] # returns ['bar/']
db.rmdir('/empty-folder') # restored
assert db.ls('/') == ['foo/'] # returns ['foo/']
db.rm_tree('/foo') # restored
assert db.ls('/') == [] # []
"""

UPLOAD = """
from dynafile import objects as kydb
db = kydb.connect('memory://decorated_py_obj')

db.upload_objdb_config({ # restored
    'Greeter': {
        'module_path': 'path.to.module',
        'class_name': 'Greeter'
    }
}) # restored
"""

MODULE = """
from dynafile import objects as kydb

class Greeter(kydb.DbObj):

    def init(self):
        self.greet_count = 0

    @kydb.stored # restored
    def name(self):
        return 'John'

    def greet(self):
        self.greet_count += 1
        return 'Hello ' + self.name()
"""

GREET = """
key = '/hello-world/greeter001'
greeter = db.new('Greeter', key)
assert greeter.name() == 'John' # returns 'John'
assert greeter.greet() == 'Hello John' # returns 'Hello John'
"""

TONY = """
greeter = db.new('Greeter', key, name='Tony')
assert greeter.greet() == 'Hello Tony' # returns 'Hello Tony'
"""

JANE = """
greeter.name.setvalue('Jane') # restored
assert greeter.name() == 'Jane' # returns 'Jane'
assert greeter.greet() == 'Hello Jane' # returns 'Hello Jane'
"""

MARY = """
greeter = db.new('Greeter', key, name='Mary')
assert greeter.greet() == 'Hello Mary' # restored
assert greeter.greet_count == 1 # return 1
"""

STORED = """
assert greeter.get_stored_dict() == {'name': 'Mary'} # returns {'name': 'Mary'}
"""

PERSIST = """
db[key] = greeter # restored
mary = db[key]
# Still returns 1 because of cache.
assert mary.greet_count == 1 # Returns 1

# Force relaoding of the object from DB and the count would be back to 0
mary = db.read(key, reload=True)
assert mary.greet_count == 0 # returns 0
assert mary.name() == 'Mary' # returns 'Mary'
"""

CACHE_CONTEXT = """
with db.cache_context():

    positions = book.Positions()

    while keep_pricing():

        with db.cache_context():
            for qty, inst in positions.items():
                prices.append((qty, db[inst].Price()))

        wait_for_next_marketdata_tick()

        # At this point all market data cache disappears

# At this point all position cache disappears
"""

KNOWN = """
    connect stored DbObj KydbException DbObjException IndexNotSupported Entry FolderQuery
"""
"""What KYDB exports, but for the classes that its backends are made of."""


class Page:
    """The page as a program: snippets run in the order of the page, over one set of names."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.names: dict[str, Any] = {"__name__": "page"}

    def run(self, *snippets: str) -> None:
        for snippet in snippets:
            for url in ("s3://my-kydb-bucket", "memory://decorated_py_obj"):
                snippet = snippet.replace(url, self.place.url())
            exec(snippet, self.names)

    def __getitem__(self, name: str) -> Any:
        return self.names[name]


@pytest.fixture
def page(place: Place) -> Page:
    """The page, connected; a URL has one instance, so the place closes what the page opens."""
    page = Page(place)
    page.run(CONNECT)
    assert page["db"] is place.db
    return page


@pytest.fixture
def greeting(page: Page, module: ModuleType) -> Page:
    """The page with its class uploaded, its module found where the class map says."""
    exec(MODULE, module.__dict__)
    page.run(UPLOAD)
    return page


def test_literals_as_data(page: Page) -> None:
    page.run(WRITE, READ, RELOAD)


def test_vanilla_objects(page: Page) -> None:
    page.run(VANILLA)
    assert page["db"][page["key"]] is not page["val"]


def test_object_hierarchy(page: Page) -> None:
    page.run(HIERARCHY)


def test_python_objects(greeting: Page) -> None:
    greeting.run(GREET, TONY, JANE, MARY, STORED, PERSIST)


def test_nothing_is_stored_before_it_is_written(greeting: Page) -> None:
    greeting.run(GREET, TONY, JANE)
    assert greeting["db"].exists(greeting["key"]) is False
    with pytest.raises(KeyError) as missing:
        greeting["db"][greeting["key"]]
    assert isinstance(missing.value, DynafileError)


def test_values_are_reset_to_their_default(greeting: Page) -> None:
    greeting.run(GREET, TONY, JANE)
    greeting["greeter"].name.clear()
    assert greeting["greeter"].greet() == "Hello John"


def test_classes_move(greeting: Page, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """``When classes are refactored to a different folder, deserialising from DB still works.``"""
    greeting.run(GREET, MARY, PERSIST)
    db, key = greeting["db"], greeting["key"]
    moved = type(module)("another.place")
    exec(MODULE.replace("Greeter", "Host").replace("'Hello '", "'Welcome '"), moved.__dict__)
    monkeypatch.setitem(sys.modules, "another.place", moved)
    del module.Greeter
    db.upload_objdb_config({"Greeter": {"module_path": "another.place", "class_name": "Host"}})
    mary = db.read(key, reload=True)
    assert type(mary) is moved.Host
    assert mary.greet() == "Welcome Mary"


def test_cache_context(place: Place, module: ModuleType) -> None:
    """The loop of KYDB's page on cache contexts: quotes are read once a tick, positions once."""
    exec(
        "from dynafile import objects as kydb\n"
        "class Quote(kydb.DbObj):\n"
        "    @kydb.stored\n"
        "    def Price(self): return 0\n"
        "class Book(kydb.DbObj):\n"
        "    @kydb.stored\n"
        "    def Positions(self): return {10: '/Quotes/a', 20: '/Quotes/b'}\n",
        module.__dict__,
    )
    db, market = place.db, place.connect("/Quotes")
    classes = {
        name: {"module_path": "path.to.module", "class_name": name} for name in ("Book", "Quote")
    }
    for each in (db, market):
        each.upload_objdb_config(classes)
    db.new("Book", "/Books/MyBook").write()
    ticks = iter([(1, 2), (3, 4), (5, 6)])

    def tick() -> bool:
        for name, price in zip("ab", next(ticks, ()), strict=False):
            market.new("Quote", name, Price=price).write()
        return next(left, False)

    left = iter([True, True])
    prices: list[tuple[int, int]] = []
    names = {
        "db": db,
        "book": db["/Books/MyBook"],
        "prices": prices,
        "keep_pricing": tick,
        "wait_for_next_marketdata_tick": lambda: None,
    }
    exec(CACHE_CONTEXT, names)
    assert prices == [(10, 1), (20, 2), (10, 3), (20, 4)]
    assert db["/Books/MyBook"] is names["book"]


def test_names_are_there() -> None:
    found: dict[str, Any] = {}
    exec(f"from dynafile.objects import {', '.join([*KNOWN.split(), 'stored_field'])}", found)
    assert {*KNOWN.split(), "stored_field"} <= set(kydb.__all__)
    assert issubclass(kydb.KydbException, DynafileError)
    assert issubclass(kydb.DbObjException, kydb.KydbException)
    assert issubclass(kydb.IndexNotSupported, kydb.KydbException)


def test_values_come_back(place: Place, subtests: pytest.Subtests) -> None:
    """``Any pickleable object can be stored``: without asking, those of well-known types."""
    for key, value in CONTENT["PLAIN"].items():
        with subtests.test(key=key):
            place.db[key] = value
            for found in (place.db[key], place.db.read(key, reload=True)):
                assert found == value
                assert type(found) is type(value)
