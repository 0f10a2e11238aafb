"""A folder that is removed or replaced while a store has it open: its writes are not acknowledged."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from store.stores import assert_holds, contents, key, open_folder, put

from dynafile.errors import StoreFailed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed")
REFUSED = "removed or replaced while it was open.*Close this database and open it again"


def test_removed(tmp_path: Path) -> None:
    """A handle acknowledged durable puts to files that had no name, until it was opened again."""
    store = open_folder(tmp_path / "db")
    put(store, (key(1), b"1"))
    shutil.rmtree(tmp_path / "db")
    for _ in range(2):
        with pytest.raises(StoreFailed, match=REFUSED):
            put(store, (key(2), b"2"))
        with pytest.raises(StoreFailed, match=REFUSED):
            contents(store)
    store.close()
    assert not (tmp_path / "db").exists()


def test_replaced(tmp_path: Path) -> None:
    """The other database that came in its place is not touched."""
    store = open_folder(tmp_path / "db")
    put(store, (key(1), b"old"))
    shutil.rmtree(tmp_path / "db")
    other = open_folder(tmp_path / "db")
    put(other, (key(1), b"new"))
    with pytest.raises(StoreFailed, match=REFUSED):
        put(store, (key(2), b"2"))
    store.close()
    assert_holds(other, {key(1): b"new"})
    other.close()


def test_relaxed_writes_notice_when_they_are_synced(tmp_path: Path) -> None:
    store = open_folder(tmp_path / "db")
    put(store, (key(1), b"1"))
    shutil.rmtree(tmp_path / "db")
    put(store, (key(2), b"2"), durable=False)
    with pytest.raises(StoreFailed, match=REFUSED):
        store.flush()
    with pytest.raises(StoreFailed, match=REFUSED):
        put(store, (key(3), b"3"), durable=False)
    store.close()


def test_moved_away_and_another_put_in_its_place(tmp_path: Path) -> None:
    """A checkpoint goes by paths, and would have written its snapshots into the other database."""
    store = open_folder(tmp_path / "db")
    put(store, (key(1), b"old"))
    (tmp_path / "db").rename(tmp_path / "moved")
    other = open_folder(tmp_path / "db")
    put(other, (key(1), b"new"))
    put(store, (key(2), b"2"))
    with pytest.raises(StoreFailed, match=REFUSED):
        store.checkpoint()
    store.close()
    assert_holds(other, {key(1): b"new"})
    other.close()
    moved = open_folder(tmp_path / "moved")
    assert_holds(moved, {key(1): b"old", key(2): b"2"})
    moved.close()
