"""``fsspec+<protocol>://``: what is special to it."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from objects.conftest import placed
from objects.places_fsspec import FlatFileSystem, FsspecFilePlace, FsspecFlatPlace

from dynafile import objects as kydb
from dynafile.errors import (
    InvalidObjectURL,
    MissingExtra,
    NotSupportedByStore,
    StoreNotReachable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[FsspecFilePlace]:
    for place in placed("fsspec-file", tmp_path):
        assert isinstance(place, FsspecFilePlace)
        yield place


@pytest.fixture
def flat(tmp_path: Path) -> Iterator[FsspecFlatPlace]:
    for place in placed("fsspec-flat", tmp_path):
        assert isinstance(place, FsspecFlatPlace)
        yield place


def keys(place: FsspecFlatPlace) -> list[str]:
    within = f"/{place.name}/"
    return sorted(key[len(within) :] for key in FlatFileSystem.store if key.startswith(within))


def test_folders_of_a_file_system_without_any(flat: FsspecFlatPlace) -> None:
    flat.db["/a/b/c"] = 1
    assert keys(flat) == ["a/b/c"]
    flat.db.mkdir("/a/d/e")
    assert keys(flat) == ["a/b/c", "a/d/.folder-e"]
    flat.db.delete("/a/b/c")
    assert keys(flat) == ["a/.folder-b", "a/d/.folder-e"]
    assert flat.reopen().ls("/a") == ["b/", "d/"]
    flat.db.rmdir("/a/d/e")
    assert flat.db.is_dir("/a/d")
    flat.db.rm_tree("/a/d")
    flat.db.rmdir("/a/b")
    assert keys(flat) == [".folder-a"]
    flat.db.rmdir("/a")
    assert keys(flat) == []


def test_files_are_whole_or_not_there(
    disk: FsspecFilePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails in the middle leaves what was there, and a killed one a hidden file."""
    disk.db["/f/a"] = "before"
    pipe = LocalFileSystem.pipe_file

    def half(self: Any, path: str, value: bytes, **options: Any) -> None:
        pipe(self, path, value[: len(value) // 2], **options)
        raise OSError(5, "the disk is gone")

    monkeypatch.setattr(LocalFileSystem, "pipe_file", half)
    with pytest.raises(StoreNotReachable, match="the disk is gone"):
        disk.db["/f/a"] = "after"
    assert disk.db["/f/a"] == "before"
    assert os.listdir(disk.folder / "fsspec" / "f") == ["a"]
    (disk.folder / "fsspec" / "f" / ".half-1").write_bytes(b"x")
    assert disk.db.ls("/f") == ["a"]
    disk.db.delete("/f/a")
    disk.db.rmdir("/f")


def test_files_of_others_are_read(disk: FsspecFilePlace) -> None:
    with kydb.connect(f"files:/{disk.folder}/fsspec") as files:
        files["/f/a"] = [1]
        assert disk.db["/f/a"] == [1]
        disk.db["/f/a"] = [2]
        assert files["/f/a"] == [2]
        files.mkdir("/g")
        assert disk.db.ls("/") == ["f/", "g/"]


def test_threads(disk: FsspecFilePlace) -> None:
    seen: list[Any] = []

    def work(number: int) -> None:
        for step in range(20):
            disk.db["/f/x"] = [number] * 100
            seen.append(disk.db["/f/x"])
            disk.db[f"/f/{number}/{step}"] = step

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 80
    assert all(len(set(each)) == 1 and len(each) == 100 for each in seen)


def test_protocols_that_are_none() -> None:
    for url in (
        "fsspec+nope://x",
        "fsspec+memory://a/../b",
        "fsspec+memory://a//b",
        "fsspec+memory://a::b",
        "fsspec+://x",
    ):
        with pytest.raises(InvalidObjectURL):
            kydb.connect(url)


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:

    known = fsspec.get_filesystem_class

    def without(protocol: str) -> Any:
        if protocol == "sftp":
            raise ImportError('SFTPFileSystem requires "paramiko" to be installed')
        return known(protocol)

    monkeypatch.setattr(fsspec, "get_filesystem_class", without)
    with pytest.raises(MissingExtra, match="paramiko"):
        kydb.connect("fsspec+sftp://host/x")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"dynafile\[fsspec\]"):
        kydb.connect(f"fsspec+memory://{uuid4().hex}")


def test_file_systems_that_cannot_be_written(
    disk: FsspecFilePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotImplementedError

    disk.db["/a"] = 1
    monkeypatch.setattr(LocalFileSystem, "pipe_file", refuse)
    with pytest.raises(NotSupportedByStore, match="read-only"):
        disk.db["/a"] = 2
    assert disk.db["/a"] == 1


def test_file_systems_that_fail(disk: FsspecFilePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no route to host")

    disk.db["/a"] = 1
    for name in ("info", "cat_file", "ls", "rm_file"):
        monkeypatch.setattr(LocalFileSystem, name, fail)
    for call in (
        "db['/a']",
        "db.exists('/a')",
        "db.ls('/')",
        "db['/a'] = 1",
        "db.delete('/a')",
        "db.mkdir('/f')",
        "db.rm_tree('/')",
    ):
        with pytest.raises(StoreNotReachable, match="no route") as raised:
            exec(call, {"db": disk.db})
        assert isinstance(raised.value.__cause__, RuntimeError)
