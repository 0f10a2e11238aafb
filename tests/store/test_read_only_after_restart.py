"""A reader that opens before anybody has written since the machine started.

The words of ``position`` then say nothing. A reader took a private copy of them once, and so never
saw what was written later, for as long as it was open.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from dynafile import Dynafile

STALE = struct.pack("<QQ", 7, 5)  # END and BOOT of another run of the machine


def restart(position: Path) -> None:
    """Leave what a machine finds after its restart: words that were never written back."""
    position.write_bytes(STALE + position.read_bytes()[len(STALE) :])


@pytest.mark.parametrize("lose", [restart, Path.unlink], ids=["stale", "missing"])
def test_a_reader_sees_all_and_then_what_is_written(
    tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    path = tmp_path / "db"
    with Dynafile(path) as db:
        db.put_item(item={"PK": "a", "SK": "1"})
        db._store.checkpoint()
        db.put_item(item={"PK": "a", "SK": "2"})
    lose(path / "position")
    with Dynafile(path, read_only=True) as reader:
        assert [item["SK"] for item in reader.scan()] == ["1", "2"]
        with Dynafile(path) as writer:
            writer.put_item(item={"PK": "a", "SK": "3"})
            assert reader.get_item(key={"PK": "a", "SK": "3"}) == {"PK": "a", "SK": "3"}
            assert len(reader) == 3
            writer.delete_item(key={"PK": "a", "SK": "1"})
            assert [item["SK"] for item in reader.query("a")] == ["2", "3"]
            writer.check()
