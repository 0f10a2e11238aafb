"""Nothing leads out of a folder: links, names, pipes. And nothing outside is ever removed."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from fuzz.folders import (
    META,
    SEGMENT,
    append_record,
    change_meta,
    read_all,
    refusals,
    snapshot_of,
    unpack,
)
from fuzz.guard import guarded

from dynafile import Database
from dynafile.errors import CorruptFile, DynafileError, InvalidPath
from dynafile.store.format import PUT, SCHEMA, encode_record
from dynafile.store.strange_volume import StrangeVolume
from dynafile.table.consumer_names import Head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDERS = [
    "journal",
    "tables",
    "tables/orders",
    "tables/orders/_partitions",
    "tables/orders/_gsi-by-place",
    "_consumers",
    "tables/users/_partitions/*",
]
CONSUMERS = 6


def contents(path: Path) -> dict[str, bytes]:
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and not file.is_symlink()
    }


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Another store, which nobody may touch."""
    return unpack(tmp_path / "victim")


@pytest.mark.parametrize("pattern", FOLDERS)
def test_a_link_in_the_place_of_a_folder(pattern: str, tmp_path: Path) -> None:
    path = unpack(tmp_path / "db")
    folder = min(path.glob(pattern))
    outside = tmp_path / "outside"
    folder.rename(outside)
    folder.symlink_to(outside, target_is_directory=True)
    before = contents(outside)
    with guarded(
        str(path), str(tmp_path / "repaired"), str(tmp_path / f"repaired.half-{os.getpid()}")
    ):
        found = refusals(path, read_all)
    assert contents(outside) == before
    assert all(isinstance(error, (InvalidPath, CorruptFile)) for error in found[:2])
    assert any("is a link" in str(error) for error in found[:2])


def test_a_link_in_the_place_of_tmp(tmp_path: Path) -> None:
    """What has the name of a half-made file is removed at opening, and what is there is not ours."""
    path = unpack(tmp_path / "db")
    outside = tmp_path / "outside"
    (outside / "11-1.half").mkdir(parents=True)
    (outside / "12-1.half").write_bytes(b"somebody's")
    (path / "tmp").symlink_to(outside, target_is_directory=True)
    assert isinstance(refusals(path)[1], InvalidPath)
    with Database(path):
        pass  # trusted: the link is followed, and nothing is taken away behind it
    assert contents(outside)["12-1.half"] == b"somebody's"
    assert (outside / "11-1.half").is_dir()


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("name", ["_gsi-any", "_ttl", "tables/any", "_partitions"])
@pytest.mark.parametrize("table", ["users", "orders"])
def test_a_link_to_another_store(
    table: str, name: str, trusted: bool, tmp_path: Path, victim: Path
) -> None:
    """The partitions of the other store were taken for strays of this one, and removed."""
    path = unpack(tmp_path / "db")
    target = victim / "tables" / table
    link = path / name
    link.symlink_to(
        target / "_partitions" if name == "_partitions" else target, target_is_directory=True
    )
    before = contents(victim)
    try:
        with Database(path, trusted=trusted) as db:
            read_all(db)
    except InvalidPath:
        assert not trusted
    assert contents(victim) == before


@pytest.mark.parametrize(
    "pattern",
    [META, "checkpoint", SEGMENT, "position", "lock", "tables/users/_partitions/*/data.pickle"],
)
def test_a_link_in_the_place_of_a_file(pattern: str, tmp_path: Path) -> None:
    path = unpack(tmp_path / "db")
    file = min(path.glob(pattern))
    outside = tmp_path / "outside"
    file.rename(outside)
    file.symlink_to(outside)
    before = outside.read_bytes()
    reading, writing, _ = refusals(path, read_all)
    assert outside.read_bytes() == before
    assert isinstance(writing, (InvalidPath, CorruptFile))
    assert reading is not None or pattern == "lock"


NAMES = [
    "../victim",
    "/etc",
    "a/../../victim",
    ".",
    "..",
    "a\0b",
    "a\\..\\b",
    "c:",
    "\ud800",
    "",
    "a//b",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_keyspace_outside(name: str, tmp_path: Path, victim: Path) -> None:
    path = unpack(tmp_path / "db")
    before = contents(victim)
    forged = unpack(tmp_path / "forged")

    def change(value: dict[str, Any]) -> None:
        value["schema"]["keyspaces"]["5"] = name

    change_meta(path, change)
    schema = json.loads((forged / META).read_bytes())["schema"]
    schema["keyspaces"]["5"] = name
    schema["version"] += 1
    append_record(
        forged, encode_record(1, 1, 1, 1, [(SCHEMA, 0, b"", json.dumps(schema).encode())])
    )
    for folder in (path, forged):
        for error in refusals(folder, read_all)[:2]:
            assert isinstance(error, CorruptFile)
    assert contents(victim) == before


MEMBERS = ["x/../../victim/meta.json", "../victim/meta.json", "/etc/passwd", "0" * 31, ""]


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_of_a_consumer_that_is_a_path(
    member: str, trusted: bool, tmp_path: Path, victim: Path
) -> None:
    """The file of the claim of a member that has died is removed; this one was anybody's."""
    path = unpack(tmp_path / "db")
    (path / "claim-consumer-x").mkdir()
    key = (1).to_bytes(8, "big") + b"mailer\0H"
    head = Head("TRIM_HORIZON", (1, 0), (member,)).encode()
    append_record(path, encode_record(1, 1, 1, 1, [(PUT, CONSUMERS, key, head)]))
    before = contents(victim)
    with Database(path, trusted=trusted) as db:
        table = db.table("orders")
        with pytest.raises((CorruptFile, InvalidPath)):
            list(table.stream(name="mailer", follow=False))
        if trusted:
            table.drop_stream_consumer("mailer")
            (path / "claim-consumer-x").rmdir()
            list(table.stream(name="mailer", follow=False))
        else:
            with pytest.raises(CorruptFile):
                table.drop_stream_consumer("mailer")
    assert contents(victim) == before


# -- what is no file ------------------------------------------------------------------------------


def within(seconds: float, act: Callable[[], object]) -> None:
    """Call something that may wait for ever."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits for a pipe"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
@pytest.mark.parametrize(
    "name", [META, "checkpoint", SEGMENT, "position", "lock", "reserve", "snapshot"]
)
def test_what_is_no_file(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe in the place of a file was waited for, for ever, until somebody writes to it."""
    path = unpack(tmp_path / "db")
    file = snapshot_of(path) if name == "snapshot" else path / name
    file.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        monkeypatch.chdir(file.parent)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as there:
            there.bind(file.name)
    found: list[DynafileError | None] = []
    within(20, lambda: found.extend(refusals(path, read_all)))
    assert len(found) == 3
    if name not in ("reserve", "position", "lock"):
        assert isinstance(found[0], DynafileError)
    if name != "reserve":
        assert isinstance(found[1], DynafileError)


@pytest.mark.parametrize("name", ["../a", "a/../b", "a//b", "/a", "a\0b", "./a"])
def test_a_name_of_a_strange_volume(name: str, tmp_path: Path) -> None:
    volume = StrangeVolume(str(tmp_path))
    for use in (volume.list, volume.remove, volume.make, volume.read, volume.claim):
        with pytest.raises(InvalidPath):
            use(name)
    volume.close()
