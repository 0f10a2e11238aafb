"""Damage that was passed over once, or that took more with it; each with what came of it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from crash.corruption import OPTIONS, contents, restarted

from dynafile import Database, Dynafile, GlobalIndex, errors

if TYPE_CHECKING:
    from collections.abc import Iterator


def put(path: Path, *numbers: int, **more: object) -> None:
    with Dynafile(path) as db:
        for number in numbers:
            db.put_item(item={"PK": f"p{number}", "SK": "s", "n": number, **more})


def refused(path: Path) -> Iterator[errors.CorruptFile]:
    """Open a folder in both ways, which must be refused and change nothing."""
    before = contents(path)
    for read_only in (True, False):
        with pytest.raises(errors.CorruptFile) as caught:
            Database(path, read_only=read_only)
        yield caught.value
    after = contents(path)
    assert {name: after[name] for name in before if name != "position"} == {
        name: data for name, data in before.items() if name != "position"
    }


def test_an_old_meta_json(tmp_path: Path) -> None:
    """The folders of what it did not name were removed by the next opening, as strays."""
    put(tmp_path / "db", 1)
    meta = tmp_path / "db" / "meta.json"
    old = meta.read_bytes()
    with Dynafile(tmp_path / "db") as db:
        db.add_index("by-n", GlobalIndex(pk="n"))
        db.put_item(item={"PK": "p2", "SK": "s", "n": 2})
    meta.write_bytes(old)
    for error in refused(tmp_path / "db"):
        assert error.path == str(meta)
    assert list((tmp_path / "db").glob("_gsi-by-n/_partitions/*/data.pickle"))


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ('"_partitions"', '"_partitionz"'),
        ('"PK"', '"QK"'),
        ('"ttl"', '"tul"'),
        ('"checksum"', '"check"'),
    ],
)
def test_a_changed_letter_in_meta_json(word: str, other: str, tmp_path: Path) -> None:
    """With another folder's name, the items were taken for strays and removed."""
    with Dynafile(tmp_path / "db", ttl_attribute="ttl") as db:
        db.put_item(item={"PK": "a", "SK": "b"})
    meta = tmp_path / "db" / "meta.json"
    text = meta.read_text()
    assert word in text
    meta.write_text(text.replace(word, other))
    for error in refused(tmp_path / "db"):
        assert error.path == str(meta)


def test_a_meta_json_that_a_person_wrote_needs_no_checksum(tmp_path: Path) -> None:
    put(tmp_path / "db", 1)
    meta = tmp_path / "db" / "meta.json"
    said = json.loads(meta.read_text())
    del said["checksum"]
    said["schema"]["tables"]["db-table"]["settings"]["tags"] = {"by": "hand"}
    meta.write_text(json.dumps(said))
    with Dynafile(tmp_path / "db") as db:
        assert len(db) == 1
        db.add_index("by-n", GlobalIndex(pk="n"))
    assert json.loads(meta.read_text())["checksum"]


def test_an_old_snapshot(tmp_path: Path) -> None:
    """It is whole, and has its own name: only the journal knows that there was a newer one."""
    put(tmp_path / "db", 1, 2)
    put(tmp_path / "db", 1)
    (snapshot,) = (tmp_path / "db").glob("_partitions/*/data.pickle")
    old = snapshot.read_bytes()
    put(tmp_path / "db", 1, more=True)
    # A checkpoint that does not fold it again must not make that forgotten.
    with Database(tmp_path / "db") as db:
        db.create_table("other").put_item(item={"PK": "a", "SK": "b"})
    snapshot.write_bytes(old)
    with Dynafile(tmp_path / "db", table_name="db-table") as one:
        with pytest.raises(errors.CorruptFile, match="older") as caught:
            one.get_item(key={"PK": "p1", "SK": "s"})
        assert caught.value.path == str(snapshot)
        with pytest.raises(errors.CheckFailed, match="older"):
            one.check()


@pytest.mark.parametrize("which", ["tables/second", "tables/second/_partitions"])
def test_a_keyspace_whose_folder_is_gone(which: str, tmp_path: Path) -> None:
    """A table all of whose files were gone was an empty table."""
    with Database(tmp_path / "db") as db:
        for name in ("first", "second"):
            db.create_table(name).put_item(item={"PK": name, "SK": "s"})
    with Database(tmp_path / "db") as db:
        db.table("first").put_item(item={"PK": "later", "SK": "s"})
    shutil.rmtree(tmp_path / "db" / which)
    for error in refused(tmp_path / "db"):
        assert "tables/second/_partitions/" in str(error.path)


def test_a_missing_file_is_named_to_readers_at_once(tmp_path: Path) -> None:
    """A reader looked for it for four seconds, and then said that files keep vanishing."""
    put(tmp_path / "db", 1)
    (tmp_path / "db" / "checkpoint").unlink()
    began = time.monotonic()
    with pytest.raises(errors.CorruptFile) as caught:
        Dynafile(tmp_path / "db", read_only=True)
    assert str(caught.value.path).endswith("/checkpoint")
    assert time.monotonic() - began < 1


def test_a_segment_that_ends_before_the_next_one(tmp_path: Path) -> None:
    """That the next one is there tells that this one was whole, if nothing else does."""
    killed = tmp_path / "killed"
    with patch("dynafile.store_options.Options", OPTIONS), Dynafile(tmp_path / "db") as db:
        number = 0
        while len(list((tmp_path / "db" / "journal").iterdir())) < 2:
            db.put_item(item={"PK": f"p{number}", "SK": "s", "text": "x" * 50})
            number += 1
        shutil.copytree(tmp_path / "db", killed)
    older, newer = sorted((killed / "journal").iterdir())
    newer.write_bytes(newer.read_bytes()[:64].ljust(65536, b"\0"))
    data = older.read_bytes().rstrip(b"\0")
    older.write_bytes(data[: len(data) - 500])
    restarted(killed)
    for error in refused(killed):
        assert str(error.path).endswith(older.name)


def segments_of(path: Path) -> list[Path]:
    """Make a table with a stream whose journal has several segments; return them."""
    with patch("dynafile.store_options.Options", OPTIONS), Dynafile(path, stream=True) as db:
        for number in range(150):
            db.put_item(item={"PK": f"p{number}", "SK": "s", "text": "x" * 50})
    found = sorted((path / "journal").iterdir())
    assert len(found) > 2
    return found


def test_a_segment_that_a_stream_misses(tmp_path: Path) -> None:
    """The stream raised what only the store's own code may see, or called itself without end."""
    segment = segments_of(tmp_path / "db")[1]
    segment.unlink()
    with Dynafile(tmp_path / "db") as db:
        assert len(db) == 150
        for _ in range(2):
            with pytest.raises(errors.CorruptFile) as caught:
                list(db.stream(follow=False))
            assert str(caught.value.path).startswith(str(tmp_path / "db" / "journal"))
        with pytest.raises(errors.CheckFailed, match="journal"):
            db.check()


def test_a_record_that_a_stream_cannot_read(tmp_path: Path) -> None:
    """Where a batch of records ended before it, it was taken for a place that nobody gave out."""
    segment = segments_of(tmp_path / "db")[0]
    data = bytearray(segment.read_bytes())
    data[len(data.rstrip(b"\0")) - 200] ^= 1
    segment.write_bytes(data)
    with Dynafile(tmp_path / "db") as db:
        assert len(db) == 150
        stream = db.stream(follow=False)
        seen = 0
        with pytest.raises(errors.CorruptFile) as caught:
            for _ in stream:
                seen += 1
        assert 0 < seen < 150
        assert caught.value.path == str(segment)
        with pytest.raises(errors.CheckFailed, match=segment.name):
            db.check()
