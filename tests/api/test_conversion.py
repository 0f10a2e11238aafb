"""Folders of dynafile 0.1.3: what is converted, what is refused, and who waits meanwhile."""

from __future__ import annotations

import logging
import pickle
import shutil
import threading
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from api.old_folders import old_file, old_files, sample, tree, write_files, write_old
from sortedcontainers import SortedDict

from dynafile import Dynafile, DynafileError
from dynafile.errors import (
    ConversionRefused,
    ForeignFile,
    LockTimeout,
    NotConverted,
    SchemaMismatch,
)
from dynafile.store.local_volume import LocalVolume
from dynafile.store.store import Options
from dynafile.table import conversion
from dynafile.table.definition import Definition
from dynafile.table.old_table import OldTable
from dynafile.table_options import AS_STORED, TableOptions

if TYPE_CHECKING:
    from api.conftest import StartWorker
    from conftest import OpenDatabase

FIXTURES = Path(__file__).parent.parent / "fixtures" / "dynafile-0.1.3"


def everything(db: Dynafile) -> list[dict[str, Any]]:
    return sorted(db.scan(), key=lambda item: repr((item.get("PK"), item.get("SK"))))


def by_key(items: Any) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: repr((item.get("PK"), item.get("SK"))))


def partitions(folder: Path) -> list[str]:
    return [path.name for path in (folder / "_partitions").iterdir()]


@pytest.fixture
def fixture(tmp_path: Path) -> Any:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(FIXTURES / name, tmp_path / name))

    return copy


# -- what is converted ----------------------------------------------------------------------------


def test_a_table_that_0_1_3_wrote(fixture: Any, database: OpenDatabase) -> None:
    db = database(fixture("table"), ttl_attribute="expires")
    assert len(db) == 6 * 12 + 2
    for user in ("user#1", "user#2", "Grüße/ß", "日本", "🦊", " "):
        assert list(db.query(user)) == [
            {
                "PK": user,
                "SK": f"order#{number:02}é",
                "total": number * 1.5,
                "lines": [{"sku": f"a{line}", "count": line} for line in range(number % 4)],
            }
            for number in range(12)
        ]
    assert list(db.query("session")) == [
        {"PK": "session", "SK": "there", "expires": 100_000_000_000}
    ]
    assert list(db.query("emptied")) == []
    assert (db.pk_type, db.sk_type, db.table_name) == ("S", "S", "table")


def test_every_type_of_value(fixture: Any, database: OpenDatabase) -> None:
    values = {
        "PK": "values", "SK": "all", "none": None, "bool": True, "int": 2**70, "float": -0.25,
        "bytes": b"\0\xff", "decimal": Decimal("1.50"), "tuple": (1, ("a", None)), "set": {1, 2, 3},
        "frozenset": frozenset({"a", "b"}), "datetime": datetime(2024, 2, 29, 12, 30, 1, 5),
        "utc": datetime(2024, 2, 29, tzinfo=UTC),
        "offset": time(1, 2, 3, tzinfo=timezone(timedelta(hours=-3))),
        "zone": datetime(2024, 2, 29, tzinfo=ZoneInfo("Europe/Berlin")), "date": date(2024, 2, 29),
        "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
        "nested": {"a": {"b": [{"c": "ü"}]}},
    }  # fmt: skip
    found = database(fixture("table")).get_item(key={"PK": "values", "SK": "all"})
    assert found == values
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in values.items()
    }
    assert str(found["decimal"]) == "1.50"
    assert found["zone"].tzinfo.key == "Europe/Berlin"


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(protocol: int, tmp_path: Path, database: OpenDatabase) -> None:
    item = {
        "PK": "a", "SK": 1, "s": {"x"}, "f": frozenset({1}), "u": uuid.UUID(int=7), "b": b"\xff",
        "d": Decimal(2), "z": datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")), "t": (1,),
    }  # fmt: skip
    write_files(tmp_path, {old_file("a"): pickle.dumps(SortedDict({1: item}), protocol=protocol)})
    assert list(database(tmp_path).scan()) == [item]


def test_other_key_attributes_and_numbers(fixture: Any, database: OpenDatabase) -> None:
    db = database(fixture("numbers"), pk_attribute="sensor", sk_attribute="at")
    values = [-1, 2, 2.5, Decimal("2.75"), 30, 10**20]
    assert [item["at"] for item in db.query("north")] == values
    assert len(db) == 12
    assert db.sk_type == "N"


def test_without_sort_key(tmp_path: Path, database: OpenDatabase) -> None:
    """0.1.3 kept one item a partition key then, under None."""
    items: list[dict[str, Any]] = [{"PK": f"{number}", "n": number} for number in range(30)]
    write_old(tmp_path, items, sk=None)
    with pytest.raises(ConversionRefused, match="'SK' is missing"):
        Dynafile(tmp_path)
    db = database(tmp_path, sk_attribute=None)
    assert len(db) == 30
    assert db.get_item(key={"PK": "7"}) == {"PK": "7", "n": 7}


def test_it_is_converted_once(
    tmp_path: Path, database: OpenDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    items = list(sample(300))
    write_old(tmp_path, items)
    with caplog.at_level(logging.INFO, logger="dynafile"):
        db = database(tmp_path)
    assert "converting 300 items in 20 partitions" in caplog.text
    assert "converted 300 items in" in caplog.text
    assert everything(db) == by_key(items)
    assert not any(len(name) == 64 for name in partitions(tmp_path))
    meta = (tmp_path / "meta.json").read_bytes()
    assert b"conversion" not in meta
    db.put_item(item={"PK": "new", "SK": "1"})
    db.close()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="dynafile"):
        db = database(tmp_path)
    assert not caplog.records
    assert len(db) == 301
    assert (tmp_path / "meta.json").read_bytes() == meta
    assert {path.name for path in tmp_path.iterdir()} == {
        "_partitions", "checkpoint", "journal", "lock", "meta.json", "position", "reserve", "tmp"
    }  # fmt: skip


def test_what_a_killed_0_1_3_left(tmp_path: Path, database: OpenDatabase) -> None:
    """A folder without its file, a temporary file; and indexes, which go with the partition."""
    write_old(tmp_path, sample(10, 2))
    made = (tmp_path / old_file("user#0")).parent
    (made / "tmpk3j2_x1a").write_bytes(b"half")
    (made / "lsi-name.pickle").write_bytes(b"an index")
    (tmp_path / old_file("never")).parent.mkdir()
    assert len(database(tmp_path)) == 10
    assert len(partitions(tmp_path)) == 1


def test_files_of_others_stay(tmp_path: Path, database: OpenDatabase) -> None:
    """0.1.3 was used with path=".", among the files of a project."""
    write_old(tmp_path, sample(10, 2))
    made = (tmp_path / old_file("user#0")).parent
    theirs = [tmp_path / "main.py", made / "notes.txt", tmp_path / "_partitions" / ".DS_Store"]
    for path in theirs:
        path.write_bytes(b"theirs")
    db = database(tmp_path)
    assert [path.read_bytes() for path in theirs] == [b"theirs"] * 3
    assert [path.name for path in made.iterdir()] == ["notes.txt"]
    db.close()
    assert len(database(tmp_path)) == 10


def test_options_are_as_for_a_new_table(tmp_path: Path, database: OpenDatabase) -> None:
    write_old(tmp_path / "a", sample(10))
    db = database(tmp_path / "a", table_name="orders", pk_type="S", durability="relaxed")
    assert (db.table_name, len(db)) == ("orders", 10)
    db.close()
    with pytest.raises(SchemaMismatch):
        database(tmp_path / "a", ttl_attribute="expires")
    write_old(tmp_path / "b", sample(10))
    with pytest.raises(ConversionRefused, match="the table's is a number"):
        Dynafile(tmp_path / "b", pk_type="N")


# -- what is refused ------------------------------------------------------------------------------


def test_offenders(fixture: Any) -> None:
    folder = fixture("offenders")
    before = tree(folder)
    with pytest.raises(ConversionRefused, match="9 of 12 items") as caught:
        Dynafile(folder)
    assert tree(folder) == before
    expected = {
        ("renamed", "a"): "stored under the sort key 'a'",
        ("", "of an empty key"): "'PK' is an empty string",
        ("numbers", 1): "'SK' is a number",
        ("empty", ""): "'SK' is an empty string",
        ("missing", None): "'SK' is missing",
        ("enum", "1"): "of type __main__.Colour",
        ("types", "bytearray"): "of type bytearray",
        ("types", "names"): "an attribute name of type int",
        ("types", "nan"): "is NaN",
    }
    offenders = caught.value.offenders
    assert {(bad.key["PK"], bad.key["SK"]) for bad in offenders} == expected.keys()
    for bad in offenders:
        assert expected[bad.key["PK"], bad.key["SK"]] in bad.reason
        assert bad.file == f"{folder}/{old_file(bad.key['PK'])}"
        assert str(bad).removeprefix(f"{folder}/") in str(caught.value)
    assert isinstance(caught.value, DynafileError)
    assert caught.value.path == str(folder)


def test_mixed_sort_keys_name_the_fewer(tmp_path: Path) -> None:
    few = [{"PK": f"few{number}", "SK": number} for number in range(25)]
    write_old(tmp_path, [*sample(100), *few])
    before = tree(tmp_path)
    with pytest.raises(ConversionRefused, match=r"25 of 125 items[\s\S]*and 5 more") as caught:
        Dynafile(tmp_path)
    assert {bad.key["SK"] for bad in caught.value.offenders} == set(range(25))
    with pytest.raises(ConversionRefused, match="100 of 125"):
        Dynafile(tmp_path, sk_type="N")
    assert tree(tmp_path) == before


def test_sort_keys_that_would_be_one(tmp_path: Path) -> None:
    items = [{"PK": "a", "SK": 0.1}, {"PK": "a", "SK": Decimal("0.1")}]
    write_old(tmp_path, items)
    with pytest.raises(ConversionRefused, match="1 of 2 items") as caught:
        Dynafile(tmp_path)
    assert "its sort key is the same as" in caught.value.offenders[0].reason


def test_an_item_in_a_folder_of_another_key(tmp_path: Path) -> None:
    (data,) = old_files([{"PK": "a", "SK": "1"}]).values()
    write_files(tmp_path, {old_file("b"): data})
    with pytest.raises(ConversionRefused, match="belongs to another folder"):
        Dynafile(tmp_path)


def test_offenders_mended(tmp_path: Path, database: OpenDatabase) -> None:
    write_old(tmp_path, [*sample(10), {"PK": "x", "SK": ""}])
    with pytest.raises(ConversionRefused):
        Dynafile(tmp_path)
    write_old(tmp_path, [{"PK": "x", "SK": "-"}])
    assert len(database(tmp_path)) == 11


def test_folders_that_are_not_of_0_1_3(tmp_path: Path) -> None:
    for name in ("short", "F" * 64, "g" * 64):
        write_old(tmp_path / name[0], sample(2))
        (tmp_path / name[0] / "_partitions" / name).mkdir()
        with pytest.raises(ForeignFile):
            Dynafile(tmp_path / name[0])
    (tmp_path / "file" / "_partitions").mkdir(parents=True)
    (tmp_path / "file" / "_partitions" / ("a" * 64)).write_bytes(b"a file")
    with pytest.raises(ForeignFile):
        Dynafile(tmp_path / "file")
    write_old(tmp_path / "journal", sample(2))
    (tmp_path / "journal" / "journal").mkdir()
    with pytest.raises(ForeignFile):
        Dynafile(tmp_path / "journal")


def test_read_only_and_distrust(tmp_path: Path, database: OpenDatabase) -> None:
    write_old(tmp_path, sample(10))
    before = tree(tmp_path)
    with pytest.raises(NotConverted, match="open it once without read_only=True"):
        Dynafile(tmp_path, read_only=True)
    with pytest.raises(NotConverted, match="trusted=False"):
        Dynafile(tmp_path, trusted=False)
    assert tree(tmp_path) == before
    database(tmp_path).close()
    assert len(database(tmp_path, read_only=True)) == 10
    assert len(database(tmp_path, trusted=False)) == 10


# -- hostile pickles ------------------------------------------------------------------------------

_HEAD = b"csortedcontainers.sorteddict\nSortedDict\n(N}S'k'\n}(S'PK'\nS'a'\nS'SK'\nS'k'\n"
"""A tree with one item under way; a value's name and a value follow."""
_TAIL = b"ustR."


def inside(value: bytes) -> bytes:
    return _HEAD + b"S'x'\n" + value + b"us" + b"tR."


HOSTILE = {
    "a call in an item": (inside(b"cos\nsystem\n(S'touch marker'\ntR"), "os.system"),
    "a call beside it": (b"cos\nsystem\n(S'touch marker'\ntR0" + inside(b"I1\n"), "os.system"),
    "a call instead": (b"cposix\nsystem\n(S'touch marker'\ntR.", "posix.system"),
    "an import": (inside(b"cantigravity\nx\n"), "antigravity.x"),
    "eval": (inside(b"c__builtin__\neval\n(S'open(\"marker\", \"w\")'\ntR"), "eval"),
    "getattr": (inside(b"cbuiltins\ngetattr\n(cuuid\nUUID\nS'__subclasses__'\ntR"), "getattr"),
    "getattr of a zone": (inside(b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nS'no_cache'\ntR"),
                          "getattr"),
    "a zone's path": (inside(b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nS'_unpickle'\ntR"
                             b"(S'../../etc/passwd'\nI1\ntR"), "time zone"),
    "an instance": (inside(b"(S'touch marker'\nios\nsystem\n"), "os.system"),
    "a new object": (inside(b"\x80\x02csubprocess\nPopen\n(S'touch'\nS'marker'\nt\x81"), "Popen"),
    "attributes of a class": (inside(b"cuuid\nUUID\n}S'int'\nI1\nsb"), "does not load"),
    "attributes of a date": (inside(b"cdatetime\ndate\n(N}S'today'\nI1\nstb"), "does not load"),
    "defaults of a function": (inside(b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nS'_unpickle'\ntR"
                                      b"(N}S'__defaults__'\n(I1\ntstb"), "does not load"),
    "a UUID that is not whole": (inside(b"\x80\x02cuuid\nUUID\n)\x81}S'int'\nS'x'\nsb"), "no item"),
    "a persistent id": (b"Pmarker\n.", "persistent id"),
    "an extension": (inside(b"\x80\x02\x82\x01"), "does not load"),
    "a length that lies": (b"\x80\x04\x8e" + b"\xff" * 8 + b"x.", "does not load"),
    "a length beyond the end": (b"\x80\x04B\xff\xff\xff\x7fx.", "does not load"),
    "a deep list": (inside(b"(l" * 5000 + b"a" * 4999), "nested deeper"),
    "a class of entries": (inside(b"csortedcontainers.sorteddict\nSortedDict\n)\x81"),
                           "does not load"),
    "no tree": (b"}.", "no SortedDict"),
    "an order": (b"csortedcontainers.sorteddict\nSortedDict\n(cos\nsystem\n}tR.", "order of its own"),
    "no item": (b"csortedcontainers.sorteddict\nSortedDict\n(N}S'k'\nI7\nstR.", "is a dict, not int"),
    "nothing": (b"", "does not load"),
    "no pickle": (b"\x93NUMPY", "does not load"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, reason = HOSTILE[name]
    folder = write_files(tmp_path / "db", {old_file("a"): data})
    before = tree(tmp_path)
    with pytest.raises(ConversionRefused) as caught:
        Dynafile(folder)
    assert tree(tmp_path) == before
    (offender,) = caught.value.offenders
    assert reason in offender.reason
    assert offender.file == f"{folder}/{old_file('a')}"


def test_the_hostile_frame_is_a_good_one(tmp_path: Path, database: OpenDatabase) -> None:
    """Without the hostile part those pickles load, so it is that which is refused."""
    folder = write_files(tmp_path / "db", {old_file("a"): inside(b"I1\n")})
    assert list(database(folder).scan()) == [{"PK": "a", "SK": "k", "x": 1}]


def test_each_byte_cut(tmp_path: Path) -> None:
    """A file that was cut is refused, wherever."""
    (data,) = old_files([{"PK": "a", "SK": "1", "n": [1, 2]}]).values()
    for size in range(len(data)):
        folder = write_files(tmp_path, {old_file("a"): data[:size]})
        with pytest.raises(ConversionRefused):
            Dynafile(folder)


# -- who waits meanwhile --------------------------------------------------------------------------


def claim_of(folder: Path) -> Any:
    return LocalVolume(str(folder)).claim(conversion.CLAIM)


def stop_after_writing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a folder as a process does that dies when some items are written, before the end."""

    class Died(Exception):
        pass

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(conversion, "_mark", die)
        with pytest.raises(Died):
            Dynafile(folder)


def test_threads_that_open_at_once(tmp_path: Path, database: OpenDatabase) -> None:
    items = list(sample(3000))
    write_old(tmp_path, items)
    lengths: list[Any] = []
    gate = threading.Barrier(6)

    def work() -> None:
        gate.wait()
        try:
            with Dynafile(tmp_path) as db:
                lengths.append(len(db))
        except BaseException as error:
            lengths.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [3000] * 6
    assert everything(database(tmp_path)) == by_key(items)


def test_processes_that_open_at_once(
    tmp_path: Path, worker: StartWorker, database: OpenDatabase
) -> None:
    write_old(tmp_path / "db", sample(5000))
    workers = [worker(tmp_path / f"other{number}") for number in range(3)]
    for process in workers:
        process.send("open", tmp_path / "db")
    for process in workers:
        process.receive()
    assert [process.call("len") for process in workers] == [5000] * 3
    assert len(database(tmp_path / "db")) == 5000


def test_who_comes_meanwhile_waits(tmp_path: Path, database: OpenDatabase) -> None:
    """The one that converts holds the claim all the time."""
    write_old(tmp_path, sample(10))
    claim = claim_of(tmp_path)
    claim.acquire(0)
    with pytest.raises(LockTimeout, match="at the conversion"):
        Dynafile(tmp_path, lock_timeout=0.1)
    threading.Timer(0.2, claim.release).start()
    assert len(database(tmp_path, lock_timeout=30)) == 10


def test_a_half_converted_table_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: OpenDatabase
) -> None:
    write_old(tmp_path, sample(10))
    stop_after_writing(tmp_path, monkeypatch)
    assert b'"conversion": "writing"' in (tmp_path / "meta.json").read_bytes()
    with pytest.raises(LockTimeout, match="being converted"):
        Dynafile(tmp_path, read_only=True, lock_timeout=0.2)
    claim = claim_of(tmp_path)
    claim.acquire(0)
    with pytest.raises(LockTimeout, match="at the conversion"):
        Dynafile(tmp_path, lock_timeout=0.1)
    claim.release()
    with pytest.raises(SchemaMismatch):
        Dynafile(tmp_path, pk_attribute="other")
    with pytest.raises(NotConverted, match="trusted=False"):
        Dynafile(tmp_path, trusted=False)
    found: list[int] = []

    def read() -> None:
        with Dynafile(tmp_path, read_only=True, lock_timeout=30) as db:
            found.append(len(db))

    reader = threading.Thread(target=read)
    reader.start()
    assert len(database(tmp_path)) == 10
    reader.join()
    assert found == [10]


def test_who_takes_over_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    database: OpenDatabase,
) -> None:  # fmt: skip
    """What the dead one wrote is cleared: the originals may have been changed since."""
    write_old(tmp_path, sample(10, 2))
    stop_after_writing(tmp_path, monkeypatch)
    shutil.rmtree((tmp_path / old_file("user#1")).parent)
    with caplog.at_level(logging.INFO, logger="dynafile"):
        db = database(tmp_path)
    assert "begun again" in caplog.text
    assert everything(db) == by_key(item for item in sample(10, 2) if item["PK"] == "user#0")


def test_originals_that_are_left_are_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    database: OpenDatabase,
) -> None:  # fmt: skip
    write_old(tmp_path, sample(10))
    with monkeypatch.context() as patch:
        patch.setattr(conversion, "remove_originals", lambda store: None)
        Dynafile(tmp_path).close()
    left = partitions(tmp_path)
    assert b'"conversion": "removing"' in (tmp_path / "meta.json").read_bytes()
    with Dynafile(tmp_path, read_only=True) as db:
        assert len(db) == 10
    claim = claim_of(tmp_path)
    claim.acquire(0)  # another process is at it
    with Dynafile(tmp_path, lock_timeout=0) as db:
        db.put_item(item={"PK": "new", "SK": "1"})
    assert partitions(tmp_path) == left
    claim.release()
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise ForeignFile("not to be removed")

        patch.setattr(OldTable, "remove", fail)
        Dynafile(tmp_path).close()
        assert "could not be removed" in caplog.text
    assert len(database(tmp_path)) == 11
    assert len(partitions(tmp_path)) == 1
    assert b"conversion" not in (tmp_path / "meta.json").read_bytes()


def test_a_definition_says_nothing_of_it_otherwise() -> None:
    definition = Definition(name="abc", pk_attribute="PK", sk_attribute="SK")
    assert "conversion" not in definition.to_json()
    assert Definition.from_json(definition.to_json()) == definition


def test_nothing_to_convert(tmp_path: Path) -> None:
    options = TableOptions(str(tmp_path), None, AS_STORED, None, None, None, None)
    conversion.convert(LocalVolume(str(tmp_path)), Options(), options.schema)
    assert list(tmp_path.iterdir()) == []


def test_refused_items_count_for_the_type_of_sort_keys(tmp_path: Path) -> None:
    """Else the one that is fine would be the odd one out."""
    bad = [{"PK": "a", "SK": "1", "x": bytearray(1)}, {"PK": "a", "SK": "2", "x": bytearray(1)}]
    write_old(tmp_path, [*bad, {"PK": "b", "SK": 1}])
    with pytest.raises(ConversionRefused) as caught:
        Dynafile(tmp_path)
    reasons = {bad.key["SK"]: bad.reason for bad in caught.value.offenders}
    assert "the table's is a string" in reasons[1]
    assert "bytearray" in reasons["1"]
