"""``repair``: what it saves of damaged folders, what it says of the rest, and what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import msgspec
import pytest
from api.old_folders import write_old
from crash.corruption import OPTIONS, contents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynafile import Database, Dynafile, GlobalIndex, LocalIndex, StreamOptions, errors, repair
from dynafile.store.local_volume import LocalVolume
from dynafile.table.salvage import MOST_LISTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from dynafile import RepairReport

SNAPSHOTS = "_partitions/*/data.pickle"


def items_of(path: Path, table: str | None = None) -> dict[tuple[Any, Any], dict[str, Any]]:
    with Dynafile(path, table_name=table, read_only=True) as db:
        db.check()
        return {(item["PK"], item.get("SK")): item for item in db.scan()}


def damage(file: Path, offset: int = 150) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= 1
    file.write_bytes(data)


def numbered(number: int) -> dict[str, Any]:
    return {"PK": f"p{number:03}", "SK": "s", "n": number, "text": "x" * 50}


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A table of several partitions, all folded, in ``tmp_path / "db"``."""
    with patch("dynafile.store_options.Options", OPTIONS):
        with Dynafile(tmp_path / "db") as db, db.batch_writer() as batch:
            for number in range(60):
                batch.put_item(item=numbered(number))
        with Dynafile(tmp_path / "db") as db:  # another segment, without the batch
            db.put_item(item=numbered(0) | {"again": True})
    assert len(list((tmp_path / "db").glob(SNAPSHOTS))) > 4
    return tmp_path / "db"


# -- what is whole --------------------------------------------------------------------------------


def test_a_healthy_folder_is_copied_whole(tmp_path: Path) -> None:
    indexes = {
        "by-n": GlobalIndex(pk="n"),
        "by-text": LocalIndex(sk="text", projection="KEYS_ONLY"),
    }
    expiry = int(time.time()) + 1000
    stream = StreamOptions("KEYS_ONLY", retention=timedelta(hours=2), max_bytes=10_000_000)
    with Database(tmp_path / "db") as db:
        table = db.create_table(
            "first", "PK", "SK", "ttl", indexes=indexes, stream=stream, tags={"team": "a"},
            billing_mode="PROVISIONED",
            provisioned_throughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
        )  # fmt: skip
        db.create_table("second", "PK", sk_attribute=None, deletion_protection_enabled=True)
        for number in range(20):
            table.put_item(item=numbered(number) | {"ttl": expiry, "d": {"list": [number, b"b"]}})
            db.table("second").put_item(item={"PK": number})
        before = {name: db.describe_table(name) for name in db}
    report = repair(tmp_path / "db", tmp_path / "new")
    assert report.lossless
    assert [(table.name, table.saved) for table in report.tables] == [("first", 20), ("second", 20)]
    assert not report.damages
    assert report.notes == ("the streams of first begin anew, and so do their consumers",)
    for name in before:
        assert items_of(tmp_path / "db", name) == items_of(tmp_path / "new", name)
    with Database(tmp_path / "new") as db:
        db.check()
        for name, old in before.items():
            new = db.describe_table(name)
            for field in (
                "key_schema", "attribute_definitions", "ttl_attribute", "billing_mode",
                "provisioned_throughput", "creation_date_time", "deletion_protection_enabled",
                "stream", "item_count",
            ):  # fmt: skip
                assert getattr(new, field) == getattr(old, field), field
            assert [(i.name, i.index, i.status) for i in new.indexes] == [
                (i.name, i.index, i.status) for i in old.indexes
            ]
        first = db.table("first")
        assert [item["n"] for item in first.query(7, index="by-n")] == [7]
        assert not list(first.stream(follow=False))
        first.put_item(item=numbered(99))
        assert [record.event_name for record in first.stream(follow=False)] == ["INSERT"]
        tags = db.list_tags_of_resource(before["first"].table_arn)
        assert "team" in str(tags)


def test_one_table_of_several(tmp_path: Path) -> None:
    with Database(tmp_path / "db") as db:
        for name in ("first", "second"):
            db.create_table(name).put_item(item=numbered(len(name)))
    report = repair(tmp_path / "db", tmp_path / "new", table="second")
    assert [table.name for table in report.tables] == ["second"]
    with Database(tmp_path / "new") as db:
        assert db.tables == ("second",)
        assert list(db.table("second").scan()) == [numbered(6)]
    with pytest.raises(errors.ResourceNotFound):
        repair(tmp_path / "db", tmp_path / "other", table="third")
    assert not (tmp_path / "other").exists()


def test_items_that_an_index_skipped_and_odd_values_are_copied(tmp_path: Path) -> None:
    """An item whose attribute an index cannot take could not be put again."""
    with Dynafile(tmp_path / "db") as db:
        db.put_item(item={"PK": "a", "SK": "1", "n": 1})
        db.put_item(item={"PK": "a", "SK": "2", "n": "text"})
        db.add_index("by-n", GlobalIndex(pk="n"))
    assert repair(tmp_path / "db", tmp_path / "new").lossless
    assert items_of(tmp_path / "new") == items_of(tmp_path / "db")


def test_a_folder_that_is_open_and_was_never_folded(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", durability="relaxed") as db:
        db.put_item(item=numbered(1))
        report = repair(tmp_path / "db", tmp_path / "new")
        db.put_item(item=numbered(2))
    assert report.lossless
    assert items_of(tmp_path / "new") == {("p001", "s"): numbered(1)}


def test_the_new_folder_is_not_made_of_expired_items_only_that_are_swept(tmp_path: Path) -> None:
    """An expired item that was not swept yet is as hidden in the new folder."""
    with Dynafile(tmp_path / "db", ttl_attribute="ttl") as db:
        db.put_item(item=numbered(1) | {"ttl": 1})
        db.put_item(item=numbered(2))
    assert repair(tmp_path / "db", tmp_path / "new").lossless
    assert items_of(tmp_path / "new") == {("p002", "s"): numbered(2)}


# -- what is damaged ------------------------------------------------------------------------------


def test_all_but_a_damaged_partition_is_saved(many: Path, tmp_path: Path) -> None:
    whole = items_of(many)
    for number, snapshot in enumerate(sorted(many.glob(SNAPSHOTS))):
        before = snapshot.read_bytes()
        damage(snapshot)
        files = contents(many)
        report = repair(many, tmp_path / f"new{number}")
        assert contents(many) == files
        (table,) = report.tables
        (lost,) = table.lost_ranges
        saved = items_of(tmp_path / f"new{number}")
        assert saved.items() <= whole.items()
        assert lost.entries == len(whole) - len(saved) > 0
        assert len(saved) == table.saved
        assert [damage.file for damage in report.damages] == [str(snapshot.relative_to(many))]
        assert not report.lossless
        assert report == replace_into(repair(many, tmp_path / "again"), report.into)
        assert items_of(tmp_path / "again") == saved
        shutil.rmtree(tmp_path / "again")
        snapshot.write_bytes(before)


def replace_into(report: RepairReport, into: str) -> RepairReport:
    return msgspec.structs.replace(report, into=into)


def test_what_the_journal_has_of_a_lost_partition(many: Path, tmp_path: Path) -> None:
    """A writer that was killed leaves commits that are in no snapshot yet."""
    killed = tmp_path / "killed"
    with patch("dynafile.store_options.Options", OPTIONS), Dynafile(many) as db:
        db.put_item(item=numbered(5) | {"newer": True})
        db.delete_item(key={"PK": "p006", "SK": "s"})
        shutil.copytree(many, killed)
    for snapshot in killed.glob(SNAPSHOTS):
        damage(snapshot)
    report = repair(killed, tmp_path / "new")
    (table,) = report.tables
    assert items_of(tmp_path / "new") == {("p005", "s"): numbered(5) | {"newer": True}}
    assert (table.saved, table.uncertain) == (1, 0)
    assert table.lost_ranges[0].begin == b""
    assert table.lost_ranges[-1].end is None


def test_an_index_stands_in_for_a_lost_partition(many: Path, tmp_path: Path) -> None:
    with Dynafile(many) as db:
        db.add_index("by-n", GlobalIndex(pk="n"))
        db.add_index("keys", GlobalIndex(pk="text", projection="KEYS_ONLY"))
    whole = items_of(many)
    snapshots = sorted(many.glob(SNAPSHOTS))
    damage(snapshots[1])
    report = repair(many, tmp_path / "new")
    (table,) = report.tables
    assert report.lossless
    assert table.from_indexes > 0
    assert items_of(tmp_path / "new") == whole
    # And where that index is lost too, the other has the keys.
    for snapshot in many.glob("_gsi-by-n/" + SNAPSHOTS):
        snapshot.unlink()
    report = repair(many, tmp_path / "other")
    (table,) = report.tables
    assert not report.lossless
    saved = items_of(tmp_path / "other")
    assert {(key["PK"], key["SK"]) for key in table.lost_keys} == whole.keys() - saved.keys()
    assert table.lost == len(table.lost_keys) > 0


def test_commits_that_cannot_be_read_make_older_items_uncertain(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    with Dynafile(tmp_path / "db") as db:
        for number in range(10):
            db.put_item(item=numbered(number))
        db.put_item(item=numbered(3) | {"last": True})
        shutil.copytree(tmp_path / "db", killed)
    (segment,) = killed.glob("journal/*.log")
    damage(segment, segment.read_bytes().index(b"p005") - 8)
    report = repair(killed, tmp_path / "new")
    (commits,) = report.unreadable
    assert (commits.file, commits.offset) == (
        f"journal/{segment.name}",
        64 + commits.first_lsn - 1,
    )
    assert commits.after is not None
    assert commits.before is not None
    assert commits.after <= commits.before
    assert commits.first_lsn < commits.end_lsn
    (table,) = report.tables
    # What was written after the damage is certain, what was written before it is not.
    assert {key["PK"] for key in table.uncertain_keys} == {"p000", "p001", "p002", "p004"}
    saved = items_of(tmp_path / "new")
    assert saved.keys() == {(f"p{n:03}", "s") for n in range(10) if n != 5}
    assert saved["p003", "s"]["last"]
    assert not report.lossless


def test_keys_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    with Dynafile(tmp_path / "db") as db:
        with db.batch_writer() as batch:
            for number in range(MOST_LISTED + 7):
                batch.put_item(item={"PK": number, "SK": number})
        db.put_item(item={"PK": -1, "SK": -1, "text": "to be damaged"})
        db.put_item(item={"PK": -2, "SK": -2})
        shutil.copytree(tmp_path / "db", killed)
    (segment,) = killed.glob("journal/*.log")
    damage(segment, segment.read_bytes().index(b"to be damaged"))
    (table,) = repair(killed, tmp_path / "new").tables
    assert table.saved == MOST_LISTED + 8
    assert table.uncertain == MOST_LISTED + 7
    assert len(table.uncertain_keys) == MOST_LISTED


@pytest.mark.parametrize("how", ["gone", "not json", "changed", "old"])
def test_a_lost_schema_is_found_in_the_journal(how: str, many: Path, tmp_path: Path) -> None:
    whole = items_of(many)
    meta = many / "meta.json"
    old = meta.read_bytes()
    with Dynafile(many) as db:
        db.add_index("by-n", GlobalIndex(pk="n"))
        db.put_item(item=numbered(7))
    if how == "gone":
        meta.unlink()
    elif how == "not json":
        damage(meta, 0)
    elif how == "changed":
        meta.write_bytes(meta.read_bytes().replace(b'"SK"', b'"SJ"'))
    else:
        meta.write_bytes(old)
    with pytest.raises(errors.StorageError):
        Dynafile(many)
    report = repair(many, tmp_path / "new")
    assert [table.saved for table in report.tables] == [60]
    assert items_of(tmp_path / "new").keys() == whole.keys()
    with Dynafile(tmp_path / "new") as db:
        assert [index.name for index in db.describe().indexes] == ["by-n"]


def test_a_schema_that_nothing_tells_is_refused(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    with Dynafile(tmp_path / "db", pk_type="S", sk_type="S") as db:
        db.put_item(item=numbered(1))
        shutil.copytree(tmp_path / "db", killed)
    (killed / "meta.json").unlink()
    with pytest.raises(errors.CorruptFile, match="which tables and keys there are") as caught:
        repair(killed, tmp_path / "new")
    assert caught.value.path == str(killed / "meta.json")
    assert not (tmp_path / "new").exists()


def test_snapshots_of_other_tables_are_put_in_their_place(tmp_path: Path) -> None:
    with Database(tmp_path / "db") as db:
        for name in ("first", "second"):
            db.create_table(name).put_item(item={"PK": name, "SK": "s"})
    one, two = sorted((tmp_path / "db").glob("tables/*/" + SNAPSHOTS))
    ours, theirs = one.read_bytes(), two.read_bytes()
    one.write_bytes(theirs)
    two.write_bytes(ours)
    report = repair(tmp_path / "db", tmp_path / "new")
    assert report.lossless
    assert len(report.damages) == 2
    for name in ("first", "second"):
        assert items_of(tmp_path / "new", name).keys() == {(name, "s")}


def test_everything_but_the_journal_is_gone(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", stream=True) as db:
        for number in range(5):
            db.put_item(item=numbered(number))
    for file in (tmp_path / "db").iterdir():
        if file.is_dir() and file.name != "journal":
            shutil.rmtree(file)
        elif file.is_file():
            file.unlink()
    report = repair(tmp_path / "db", tmp_path / "new")
    assert len(items_of(tmp_path / "new")) == 5
    assert {damage.file for damage in report.damages} >= {"meta.json", "checkpoint"}


Act = tuple[str, int, int]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(["put", "put", "delete", "batch", "reopen"]),
                  st.integers(0, 15), st.integers(0, 99)), min_size=5, max_size=40),
    place=st.floats(0, 1, exclude_max=True), at=st.floats(0, 1, exclude_max=True),
)  # fmt: skip
def test_random_stores_with_random_damage(
    acts: list[Act], place: float, at: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What was saved is what was there; and but for the damaged file, all of it was."""
    folder = tmp_path_factory.mktemp("random")
    versions: dict[str, list[int]] = {}
    state: dict[str, int] = {}
    with patch("dynafile.store_options.Options", OPTIONS):
        db = Dynafile(folder / "db", sk_attribute=None)
        for what, number, value in acts:
            keys = [f"k{number}"] if what != "batch" else [f"k{number + n}" for n in range(5)]
            if what == "reopen":
                db.close()
                db = Dynafile(folder / "db")
                continue
            with db.batch_writer() as batch:
                for key in keys:
                    if what == "delete":
                        batch.delete_item(key={"PK": key})
                        state.pop(key, None)
                    else:
                        batch.put_item(item={"PK": key, "n": value, "text": "x" * 100})
                        versions.setdefault(key, []).append(value)
                        state[key] = value
        db.close()
    names = [f for f in sorted((folder / "db").rglob("*")) if f.is_file() and "lock" != f.name]
    names = [file for file in names if file.read_bytes().strip(b"\0")]
    file = names[int(place * len(names))]
    damage(file, int(at * len(file.read_bytes().rstrip(b"\0"))))
    try:
        report = repair(folder / "db", folder / "new")
    except errors.CorruptFile:
        assert file.name == "meta.json"  # before any checkpoint nothing else had the schema
        return
    saved = {key: item["n"] for (key, _), item in items_of(folder / "new").items()}
    (table,) = report.tables
    uncertain = {key["PK"] for key in table.uncertain_keys}
    for key, value in saved.items():
        assert value in versions[key]
        assert key in uncertain or state.get(key) == value
    if report.lossless:
        assert saved == state
    else:
        # A position that is changed claims commits that the journal does not have.
        assert file.name in ("data.pickle", "position") or file.suffix == ".log"
        assert report.damages
    if file.name == "data.pickle":
        (lost,) = table.lost_ranges or [None]
        assert len(state) - len(saved) <= (lost.entries or len(state) if lost else 0)
    shutil.rmtree(folder)


# -- what is refused ------------------------------------------------------------------------------


def test_where_it_can_go(many: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for into in ("full", "file", "db", "db/inside", "."):
        with pytest.raises(errors.InvalidPath):
            repair(many, tmp_path / into)
    assert (tmp_path / "full" / "file").read_text() == "mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["db", "file", "full"]
    (tmp_path / "empty").mkdir()
    assert repair(many, tmp_path / "empty").lossless
    assert len(items_of(tmp_path / "empty")) == 60
    assert repair(str(many), str(tmp_path / "deep" / "er")).lossless


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    for name in ("empty", "file", "missing"):
        with pytest.raises(errors.InvalidPath):
            repair(tmp_path / name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_of_0_1_3(tmp_path: Path) -> None:
    write_old(tmp_path / "old", [{"PK": "a", "SK": "b"}])
    with pytest.raises(errors.NotConverted, match=r"0\.1\.3"):
        repair(tmp_path / "old", tmp_path / "new")
    assert not (tmp_path / "new").exists()


HOLD_THE_LOCK = """
import sys
from dynafile import Dynafile

with Dynafile(sys.argv[1]) as db:
    lock = db._store.volume.lock()
    lock.acquire(5)
    print("held", flush=True)
    sys.stdin.read()
    lock.release()
"""


def test_a_folder_that_is_being_written(many: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(many)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(errors.LockTimeout) as caught:
            repair(many, tmp_path / "new", lock_timeout=0.1)
        assert caught.value.pid == process.pid
        assert not (tmp_path / "new").exists()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert repair(many, tmp_path / "new").lossless


def test_writers_wait_for_a_repair(many: Path, tmp_path: Path) -> None:
    from dynafile.table import salvage

    real = salvage.salvage_table

    def while_repairing(*arguments: Any) -> Any:
        with pytest.raises(errors.LockTimeout), Dynafile(many, lock_timeout=0.05) as db:
            db.put_item(item=numbered(1))
        return real(*arguments)

    with patch("dynafile.repairing.salvage_table", while_repairing):
        assert repair(many, tmp_path / "new").lossless


def test_without_a_lock_it_says_so(many: Path, tmp_path: Path) -> None:
    (many / "lock").unlink()
    report = repair(many, tmp_path / "new")
    assert report.lossless
    assert report.notes == ("the lock could not be taken; nobody may have written meanwhile",)
    assert not (many / "lock").exists()


@pytest.mark.parametrize("method", ["write", "replace_all"])
def test_a_disk_that_fills_up(
    method: str, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., None] = getattr(LocalVolume, method)
    calls = 0

    def full(volume: LocalVolume, *arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise errors.DiskFull("the disk is full", path=volume.root)
        real(volume, *arguments)

    before = contents(many)
    with monkeypatch.context() as patched:
        patched.setattr(LocalVolume, method, full)
        with pytest.raises(errors.StorageError):
            repair(many, tmp_path / "new")
    assert calls > 3
    assert contents(many) == before
    assert [each.name for each in tmp_path.iterdir()] == ["db"]
    assert repair(many, tmp_path / "new").lossless


def test_a_newer_format_is_refused(many: Path, tmp_path: Path) -> None:
    meta = json.loads((many / "meta.json").read_text())
    meta["version"] = 99
    (many / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(errors.NewerFormat):
        repair(many, tmp_path / "new")
    assert not (tmp_path / "new").exists()
