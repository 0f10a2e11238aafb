"""Files and folders get the modes of the user's umask, whatever makes them."""

from __future__ import annotations

import os
import stat
import sys
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from dynafile import Database, Dynafile, GlobalIndex, repair
from dynafile.store.local_volume import LocalVolume
from dynafile.store.store import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no umask")


@pytest.fixture(params=[0o022, 0o077, 0o002, 0o027])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A umask, for the time of a test."""
    before = os.umask(request.param)
    try:
        yield request.param
    finally:
        os.umask(before)


def assert_modes(path: Path, mask: int) -> set[str]:
    """Compare the modes of everything in a folder; return which kinds of names there are."""
    for each in (path, *path.rglob("*")):
        mode = stat.S_IMODE(each.stat().st_mode)
        assert mode == (0o777 if each.is_dir() else 0o666) & ~mask, each
    return {each.name for each in path.rglob("*")} | {each.suffix for each in path.rglob("*")}


def test_a_database(mask: int, tmp_path: Path) -> None:
    path = tmp_path / "above" / "db"
    options = partial(Options, partition_bytes=1200, checkpoint_bytes=4000)
    with patch("dynafile.store_options.Options", options), Database(path) as db:
        index = {"by-n": GlobalIndex(pk="n")}
        table = db.create_table("orders", "PK", "SK", "ttl", indexes=index, stream=True)
        for number in range(60):
            table.put_item(
                item={
                    "PK": f"p{number}",
                    "SK": "s",
                    "n": number,
                    "text": "x" * 50,
                    "ttl": 99_999_999_999,
                }
            )
        table.add_index("later", GlobalIndex(pk="text"), wait=True)
        with table.stream(name="mailer", follow=False) as stream:
            next(stream).ack()
            names = assert_modes(path.parent, mask)
            assert any(name.startswith("claim-consumer-") for name in names)
        db.check()
        names = assert_modes(path.parent, mask)
    assert {"meta.json", "checkpoint", "position", "lock", "reserve", "data.pickle"} <= names
    assert {"journal", "tmp", "tables", "_partitions", "_ttl", "_gsi-by-n", ".log"} <= names
    assert_modes(path.parent, mask)
    with Database(path):
        assert_modes(path.parent, mask)


def test_one_table_and_its_repair(mask: int, tmp_path: Path) -> None:
    with Dynafile(tmp_path / "made" / "db") as db:
        db.put_item(item={"PK": "a", "SK": "b"})
    assert repair(tmp_path / "made" / "db", tmp_path / "made" / "repaired").lossless
    assert {"meta.json", "data.pickle"} <= assert_modes(tmp_path / "made", mask)


def test_what_a_volume_makes(mask: int, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    volume = LocalVolume(str(root))
    volume.replace("a/b/replaced", b"1")
    volume.write("c/written", 0, b"2")
    volume.make("d/e")
    volume.fill([("d/e/filled", b"3")])
    volume.reserve().resize(100)
    volume.lock()
    claim = volume.claim("work")
    claim.acquire(0)
    assert len(assert_modes(root, mask)) > 8
    claim.release()
    volume.close()
