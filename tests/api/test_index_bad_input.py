"""Bad input about indexes: a clear error, and nothing written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Attr, Dynafile, GlobalIndex, Include, LocalIndex, begins_with, gt
from dynafile.errors import (
    DynafileError,
    EmptyKey,
    IndexNotFound,
    IndexNotReady,
    InvalidArgument,
    InvalidName,
    KeyTooLong,
    KeyTypeMismatch,
    ReadOnlyDatabase,
    SchemaMismatch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import OpenDatabase


@dataclass
class Bad:
    """What is refused: by which error, with what in its message."""

    call: Callable[..., object]
    error: type[DynafileError]
    message: str


def many(kind: Callable[[], Any], count: int) -> dict[str, Any]:
    return {f"index{n}": kind() for n in range(count)}


DECLARATIONS = [
    Bad(lambda: {"ab": GlobalIndex("G")}, InvalidName, "'ab' is not valid: a name has 3 to 255"),
    Bad(lambda: {"x" * 256: GlobalIndex("G")}, InvalidName, "3 to 255"),
    Bad(lambda: {"a/b": GlobalIndex("G")}, InvalidName, "a/b"),
    Bad(lambda: {"..\\x": GlobalIndex("G")}, InvalidName, "not valid"),
    Bad(lambda: {"größe": GlobalIndex("G")}, InvalidName, "a-z"),
    Bad(lambda: {"abc\n": GlobalIndex("G")}, InvalidName, "not valid"),
    Bad(lambda: {5: GlobalIndex("G")}, InvalidName, "the index name 5"),
    Bad(lambda: {"abc": "G"}, InvalidArgument, "'abc' is a GlobalIndex or a LocalIndex, not 'G'"),
    Bad(lambda: {"abc": GlobalIndex}, InvalidArgument, "a GlobalIndex or a LocalIndex"),
    Bad(lambda: [GlobalIndex("G")], InvalidArgument, "indexes is a dict"),
    Bad(lambda: "abc", InvalidArgument, "indexes is a dict"),
    Bad(lambda: many(lambda: GlobalIndex("G"), 21), InvalidArgument, "20 global and 5 local"),
    Bad(lambda: many(lambda: LocalIndex("G"), 6), InvalidArgument, "20 global and 5 local"),
    Bad(lambda: {"abc": LocalIndex("PK")}, InvalidArgument, "partition key 'PK' as its sort key"),
    Bad(lambda: {"abc": GlobalIndex("")}, InvalidName, "attribute of pk"),
    Bad(lambda: {"abc": GlobalIndex(None)}, InvalidName, "attribute of pk.*None"),  # type: ignore[arg-type]
    Bad(lambda: {"abc": GlobalIndex("G", ())}, InvalidArgument, "sk is the name"),
    Bad(lambda: {"abc": GlobalIndex(())}, InvalidArgument, "pk is the name"),
    Bad(lambda: {"abc": GlobalIndex(tuple("abcde"))}, InvalidArgument, "tuple of 1 to 4"),
    Bad(lambda: {"abc": LocalIndex(tuple("abcde"))}, InvalidArgument, "tuple of 1 to 4"),
    Bad(lambda: {"abc": GlobalIndex("G", "G")}, InvalidArgument, "'G' is a key of the index twice"),
    Bad(lambda: {"abc": GlobalIndex("a\ud800")}, InvalidName, "surrogate"),
    Bad(lambda: {"abc": GlobalIndex("G", pk_type="L")}, InvalidArgument, "no key type"),
    Bad(lambda: {"abc": GlobalIndex("G", pk_type=list)}, InvalidArgument, "no key type"),
    Bad(lambda: {"abc": GlobalIndex("G", pk_type=bool)}, InvalidArgument, "no key type"),
    Bad(lambda: {"abc": GlobalIndex("G", sk_type="S")}, InvalidArgument, "1 types for 0 attributes"),
    Bad(lambda: {"abc": GlobalIndex(("G", "H"), pk_type="S")}, InvalidArgument, "1 types for 2"),
    Bad(lambda: {"abc": GlobalIndex("PK", pk_type="N")}, SchemaMismatch, "'PK' of type N.*type S"),
    Bad(lambda: {"abc": GlobalIndex("G", "N", "SOME")}, InvalidArgument, "projection is"),
    Bad(lambda: {"abc": GlobalIndex("G", "N", ["a"])}, InvalidArgument, "projection is"),  # type: ignore[arg-type]
    Bad(lambda: {"abc": LocalIndex("G", Include)}, InvalidArgument, "projection is"),  # type: ignore[arg-type]
    Bad(lambda: {"abc": GlobalIndex("G", "N", Include())}, InvalidArgument, "at least one"),
    Bad(lambda: {"abc": GlobalIndex("G", "N", Include("a", 5))}, InvalidName, "include"),  # type: ignore[arg-type]
    Bad(
        lambda: {f"abc{n}": GlobalIndex("G", "N", Include(*map(str, range(51)))) for n in range(2)},
        InvalidArgument, "up to 100 attributes",
    ),
    Bad(lambda: {"stored": GlobalIndex("G")}, SchemaMismatch, "an index 'stored' with sk="),
    Bad(
        lambda: {"new": GlobalIndex("A"), "stored": LocalIndex("N")}, SchemaMismatch, "'stored' with"
    ),
]  # fmt: skip


def query(pk: Any, index: Any = "stored", **more: Any) -> Callable[[Dynafile], object]:
    return lambda db: db.query(pk, index=index, **more)


READS = [
    Bad(query("g", "missing"), IndexNotFound, "no index 'missing': it has 'stored'"),
    Bad(query("g", 5), IndexNotFound, "no index 5"),
    Bad(query("g", ["stored"]), IndexNotFound, "no index"),
    Bad(query(5), KeyTypeMismatch, "'G' is a number"),
    Bad(query(None), DynafileError, "'G'"),
    Bad(query(""), EmptyKey, "'G' is an empty"),
    Bad(query("x" * 2049), KeyTooLong, "2048"),
    Bad(query(("g", "h")), InvalidArgument, "partition key 'G': give pk=a value"),
    Bad(query("a", "pair"), InvalidArgument, "'A', 'B': give pk=a tuple"),
    Bad(query(("a", 1, 2), "pair"), InvalidArgument, "a tuple of their values"),
    Bad(query("g", sk="text"), KeyTypeMismatch, "'N' is a string"),
    Bad(query("g", sk=gt(b"x")), KeyTypeMismatch, "'N' is bytes"),
    Bad(query("g", sk=begins_with("1")), KeyTypeMismatch, "'N'"),
    Bad(query("g", starts_with="1"), KeyTypeMismatch, "'N'"),
    Bad(query("g", starts_with=5), InvalidArgument, "a string or bytes, not int"),
    Bad(query("g", sk=1, starts_with="1"), InvalidArgument, "not both"),
    Bad(query("g", sk=(1, 2)), InvalidArgument, "conditions on as many"),
    Bad(query("g", sk=()), InvalidArgument, "conditions on as many"),
    Bad(query(("a", 1), "pair", sk=(gt(1), 2)), InvalidArgument, "no sort key|only the last"),
    Bad(query(("a", 1), "pair", sk=1), InvalidArgument, "no sort key"),
    Bad(query(("a", 1), "pair", starts_with="1"), InvalidArgument, "no|none"),
    Bad(query("p", "local", sk=(gt(1), 2)), InvalidArgument, "only the last one"),
    Bad(query("g", limit=0), InvalidArgument, "limit"),
    Bad(query("g", filter=Attr("x").eq(1)), InvalidArgument, r"does not project \[x\]"),
    Bad(query("g", filter="x == 1"), InvalidArgument, r"does not project \[x\]"),
    Bad(query("g", filter=Attr("a").eq(1) & ~Attr("y.z").exists()), InvalidArgument, r"\[y\]"),
    Bad(lambda db: db.scan(Attr("x").exists(), index="stored"), InvalidArgument, "project"),
    Bad(lambda db: db.scan(index="missing"), IndexNotFound, "missing"),
    Bad(lambda db: db.drop_index("missing"), IndexNotFound, "to drop: it has 'stored'"),
    Bad(lambda db: db.drop_index("a"), InvalidName, "not valid"),
    Bad(lambda db: db.add_index("a", GlobalIndex("G")), InvalidName, "not valid"),
    Bad(lambda db: db.wait_for_indexes(-1), InvalidArgument, "timeout"),
    Bad(lambda db: db.wait_for_indexes(True), InvalidArgument, "timeout"),
]

STORED = {
    "stored": GlobalIndex("G", "N", Include("a")),
    "pair": GlobalIndex(("A", "B")),
    "local": LocalIndex(("N", "M")),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynafile]:
    """One table for all of them: whatever wrote to it would show."""
    db = Dynafile(tmp_path_factory.mktemp("bad") / "db", indexes=STORED)
    db.put_item(item={"PK": "p", "SK": "1", "G": "g", "N": 1, "A": "a", "B": 1})
    yield db
    db.check()
    db.close()


def files(folder: str) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != "position"
    }


@pytest.mark.parametrize("bad", DECLARATIONS, ids=lambda bad: bad.message)
def test_declarations(bad: Bad, table: Dynafile, tmp_path: Path) -> None:
    before, schema = files(table.path), table._store.schema
    with pytest.raises(bad.error, match=bad.message) as caught:
        Dynafile(table.path, indexes=bad.call())  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 500
    assert files(table.path) == before
    assert table._store.schema is schema
    if bad.error is not SchemaMismatch:
        with pytest.raises(bad.error, match=bad.message):
            Dynafile(tmp_path / "new", indexes=bad.call())  # type: ignore[arg-type]
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("bad", READS, ids=lambda bad: bad.message)
def test_calls(bad: Bad, table: Dynafile) -> None:
    """Raised by the call, not by the first item that is asked for."""
    before = files(table.path)
    with pytest.raises(bad.error, match=bad.message) as caught:
        bad.call(table)
    assert isinstance(caught.value, ValueError)
    assert files(table.path) == before


def test_no_sort_key(database: OpenDatabase, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="local, and the table has no sort key"):
        database("new", sk_attribute=None, indexes={"local": LocalIndex("N")})
    db = database(sk_attribute=None)
    with pytest.raises(InvalidArgument, match="local, and the table has no sort key"):
        db.add_index("local", LocalIndex("N"))
    assert dict(db.indexes) == {}


def test_one_more_than_the_limit(database: OpenDatabase) -> None:
    db = database(indexes={**many(lambda: GlobalIndex("G"), 20)})
    with pytest.raises(InvalidArgument, match="over the limit"):
        db.add_index("one-more", GlobalIndex("G"))
    db.drop_index("index3")
    db.add_index("one-more", GlobalIndex("G"))


def test_types_are_not_stored_with_an_index_that_is_refused(database: OpenDatabase) -> None:
    """The key types of the table were written before the indexes were looked at."""
    db = database()
    with pytest.raises(InvalidArgument, match="over the limit"):
        database(pk_type="S", indexes=many(lambda: GlobalIndex("G"), 21))
    assert db.pk_type is None


def test_read_only(database: OpenDatabase) -> None:
    db = database(indexes={"stored": GlobalIndex("G")})
    reader = database(read_only=True, indexes={"stored": GlobalIndex("G")})
    for call in (
        lambda: reader.add_index("new", GlobalIndex("G")),
        lambda: reader.drop_index("stored"),
        lambda: database(read_only=True, indexes={"new": GlobalIndex("G")}),
    ):
        with pytest.raises(ReadOnlyDatabase, match="read_only=True"):
            call()
    assert list(db.indexes) == ["stored"]


def test_a_half_built_index(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item={"PK": "p", "SK": "1", "G": "g"})
    reader = database(read_only=True)

    def look(name: str, done: int, total: int) -> None:
        for handle in (db, reader):
            for read in (lambda: handle.query("g", index="new"), lambda: handle.scan(index="new")):
                with pytest.raises(IndexNotReady, match="still being built") as caught:
                    read()
                assert caught.value.index == "new"
        looks.append(db.describe().indexes[0].status)

    looks: list[str] = []
    db.add_index("new", GlobalIndex("G"), progress=lambda *a: look(*a) if not a[1] else None)
    assert set(looks) <= {"CREATING"}
    assert looks
    assert db.describe().indexes[0].status == "ACTIVE"
