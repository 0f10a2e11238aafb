"""Stores that are connected to with ``read_only=True``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dynafile import objects
from dynafile.errors import InvalidObjectType, InvalidPath, NotSupportedByStore, SchemaMismatch

if TYPE_CHECKING:
    from pathlib import Path

    from objects.place import Place

WRITES = [
    "db['/a'] = 2", "db.set('/new', 2)", "db.set('/a', 2, ttl=60)", "db.set_many({'/a': 2, '/new': 2})", "db.delete('/a')", "del db['/a']",
    "db.mkdir('/new')", "db.mkdir('/f')", "db.rmdir('/empty')", "db.rm_tree('/f')", "db.rm_tree('/')", "db.reindex('/f')", "db.upload_objdb_config({})",
    "objects.copy(db, db, '/a', '/new')",
]  # fmt: skip


def filled(db: Any) -> Any:
    db.set_many({"/a": 1, "/f/b": [1]})
    db.mkdir("/empty")
    return db


@pytest.mark.parametrize("write", WRITES)
def test_writes_are_refused(place: Place, write: str) -> None:
    filled(place.db)
    db = place.connect(read_only=True)
    with pytest.raises(NotSupportedByStore, match="read-only"):
        exec(write, {"db": db, "objects": objects})
    assert place.db.ls("/") == ["a", "empty/", "f/"]
    assert place.db.get_many(["/a", "/f/b"]) == {"/a": 1, "/f/b": [1]}


def test_what_others_write_is_read(place: Place) -> None:
    filled(place.db)
    db = place.connect(read_only=True)
    assert db is place.connect(read_only=True) is not place.db
    assert (db.features.writable, place.db.features.writable) == (False, True)
    assert (db["/a"], db.ls("/"), db.is_dir("/empty")) == (1, ["a", "empty/", "f/"], True)
    place.db["/a"] = 2
    place.db.rm_tree("/f")
    assert (db["/a"], db.get("/f/b"), db.ls("/")) == (2, None, ["a", "empty/"])
    assert list(db.recent("/", allow_scan=True)) == ["a"]
    place.db.close()
    assert db["/a"] == 2


def test_transactions_may_read(place: Place) -> None:
    if not place.db.features.transactions:
        pytest.skip("has no transactions")
    db = place.connect(read_only=True)
    filled(place.db)
    with db.transaction() as tx:
        assert (tx["/a"], tx.get("/nope")) == (1, None)
    for write in ("tx['/a'] = 2", "tx.delete('/a')"):
        with pytest.raises(NotSupportedByStore, match="read-only"), db.transaction() as tx:
            exec(write, {"tx": tx})
    assert place.db["/a"] == 1


def test_no_folder_is_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        url = f"dynafile://{tmp_path / name}"
        for each in (url, f"memory://front;{url}", f"memory://cache|{url}"):
            with pytest.raises(InvalidPath, match=f"no database (at|in) .*{name}"):
                objects.connect(each, read_only=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_a_folder_stays_as_it_is(tmp_path: Path) -> None:
    url = f"dynafile://{tmp_path}"
    with objects.connect(url) as db:
        filled(db).set("/gone", 1, ttl=0.01)
    before = files_in(tmp_path)
    with objects.connect(url, read_only=True) as db:
        assert (db["/a"], db.ls("/f"), list(db.recent("/f"))) == (1, ["b"], ["b"])
    assert files_in(tmp_path) == before


def files_in(folder: Path) -> dict[Path, Any]:
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def test_a_folder_of_tables(tmp_path: Path) -> None:
    from dynafile import Dynafile

    Dynafile(tmp_path / "cities").close()
    with pytest.raises(SchemaMismatch, match="another table"):
        objects.connect(f"dynafile://{tmp_path / 'cities'}", read_only=True)


def test_unions_and_caches(tmp_path: Path) -> None:
    """All parts of a union are read; the cache before a store is filled nevertheless."""
    for name in ("front", "behind"):
        with objects.connect(f"dynafile://{tmp_path / name}") as db:
            db[f"/{name}"] = 1
    front, behind = (f"dynafile://{tmp_path / name}" for name in ("front", "behind"))
    with objects.connect(f"{front};{behind}", read_only=True) as db:
        assert db.ls("/") == ["behind", "front"]
        with pytest.raises(NotSupportedByStore, match="read-only"):
            db["/new"] = 1
        with pytest.raises(NotSupportedByStore, match="read-only"):
            db.delete("/front")
    with (
        objects.connect("memory://cache") as cache,
        objects.connect(f"memory://cache|{behind}", read_only=True) as db,
    ):
        assert (db["/behind"], cache["/behind"]) == (1, 1)
        with pytest.raises(NotSupportedByStore, match="read-only"):
            db["/behind"] = 2
        assert (db["/behind"], cache["/behind"]) == (1, 1)


@pytest.mark.parametrize("given", [1, None, "yes"])
def test_it_is_a_bool(given: Any) -> None:
    with pytest.raises(InvalidObjectType, match="read_only"):
        objects.connect("memory://x", read_only=given)
