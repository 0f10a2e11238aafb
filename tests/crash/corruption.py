"""Damage to the files of a folder, and what may come of it.

A folder with everything that there is in one: two tables, indexes of three kinds, one of them half
built, TTL, a stream with a consumer, tokens, claims, leftovers of dead processes, many partitions.
One place of it is damaged, then the folder is opened, read in every way, checked and written. What
may come of that is an error that names the file, or what was in it, all of it and nothing else.
Then it is repaired, and what is saved must be what was there.

``run`` does so at random for as long as it is told; ``tests/api/test_corruption.py`` does so for some
hundred places in the suite.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from dynafile import Database, GlobalIndex, LocalIndex, RepairReport, errors, repair
from dynafile.store.store import Options
from dynafile.table.index_changes import add_indexes

if TYPE_CHECKING:
    from collections.abc import Iterator

Item = dict[str, Any]
State = dict[str, dict[str, Item]]
"""Items by their keys, by table."""

FAR = 99_999_999_999
OPTIONS = partial(Options, partition_bytes=1200, checkpoint_bytes=9000)


def key_of(item: Item) -> str:
    return json.dumps([item.get("customer", item.get("user")), item.get("date")])


@dataclass
class Sample:
    """A folder, and what is in it."""

    path: Path
    old: Path
    """The same folder some commits before."""
    stream: bool
    """Whether the journal is kept, for a stream."""
    clean: bool
    """Whether the last process closed it; or else it was killed."""
    state: State = field(default_factory=lambda: {"orders": {}, "users": {}})
    history: list[State] = field(default_factory=list)
    """What ``state`` was after each commit."""
    versions: dict[str, dict[str, list[Item]]] = field(
        default_factory=lambda: {"orders": {}, "users": {}}
    )
    """Every item that there ever was at a key, by table."""
    records: list[str] = field(default_factory=list)
    """The sequence numbers of the stream."""

    def put(self, db: Database, table: str, item: Item) -> None:
        db.table(table).put_item(item=item)
        self.note(table, item)

    def note(self, table: str, item: Item) -> None:
        self.state[table][key_of(item)] = item
        self.versions[table].setdefault(key_of(item), []).append(item)
        self.commit()

    def commit(self) -> None:
        self.history.append({table: dict(items) for table, items in self.state.items()})

    def files(self) -> list[str]:
        return sorted(
            str(file.relative_to(self.path)) for file in self.path.rglob("*") if file.is_file()
        )


def make_sample(folder: Path, *, stream: bool = True, clean: bool = True) -> Sample:
    """Make the folder."""
    folder.mkdir(exist_ok=True)
    sample = Sample(folder / "sample", folder / "old", stream, clean)
    with patch("dynafile.store_options.Options", OPTIONS):
        with Database(sample.path) as db:
            _first_half(db, sample)
        shutil.copytree(sample.path, sample.old)
        db = Database(sample.path)
        _second_half(db, sample)
        if clean:
            db.close()
        else:
            killed = folder / "killed"
            shutil.copytree(sample.path, killed)
            db.close()
            shutil.rmtree(sample.path)
            killed.rename(sample.path)
    (sample.path / "claim-backfill").write_text("4711")
    (sample.path / f"claim-consumer-{'0' * 32}").write_text("4711")
    (sample.path / "tmp").mkdir(exist_ok=True)
    (sample.path / "tmp" / "4711-3.half").write_bytes(b"half of a snapshot")
    return sample


def _order(number: int, text: str) -> Item:
    order = {"customer": f"c{number % 3}", "date": f"d{number:02}", "total": number, "text": text}
    return order | {"place": number % 4, "expires": FAR}


def _first_half(db: Database, sample: Sample) -> None:
    indexes = {
        "by-place": GlobalIndex(pk="place", sk="total"),
        "by-total": LocalIndex(sk="total", projection="KEYS_ONLY"),
    }
    db.create_table("orders", "customer", "date", "expires", indexes=indexes, stream=sample.stream)
    db.create_table("users", "user", sk_attribute=None)
    for number in range(20):
        sample.put(db, "orders", _order(number, "early"))
        sample.put(db, "users", {"user": f"u{number}", "n": number, "text": "x" * 40})
    if sample.stream:
        for record in db.table("orders").stream(name="mailer", follow=False):
            record.ack()
    db.transact_write_items(
        transact_items=[{"Put": {"TableName": "users", "Item": {"user": "token"}}}],
        client_request_token="once",
    )
    sample.note("users", {"user": "token"})


def _second_half(db: Database, sample: Sample) -> None:
    for number in range(0, 20, 3):
        sample.put(db, "orders", _order(number, "late"))
        sample.put(db, "users", {"user": f"u{number}", "n": -number, "text": "y" * 40})
    for number in (1, 4, 7):
        gone = _order(number, "early")
        db.table("orders").delete_item(key={"customer": gone["customer"], "date": gone["date"]})
        del sample.state["orders"][key_of(gone)]
        sample.commit()
    if sample.stream:
        sample.records = _sequence_numbers(db)
    _begin_an_index(db, sample)


def _begin_an_index(db: Database, sample: Sample) -> None:
    """Declare an index, write what is in it and in what is gone of it, and end before it is full."""
    add_indexes(db._store, "users", {"by-n": GlobalIndex(pk="n")}, "the table 'users'")
    sample.put(db, "users", {"user": "short-lived", "n": 1})
    db.table("users").delete_item(key={"user": "short-lived"})
    del sample.state["users"][key_of({"user": "short-lived"})]
    sample.commit()
    sample.put(db, "users", {"user": "indexed", "n": 2})


def _sequence_numbers(db: Database) -> list[str]:
    stream = db.table("orders").stream("TRIM_HORIZON", follow=False)
    return [record.sequence_number for record in stream]


def quick_folder() -> str | None:
    """Where to make folders by the thousand: in memory, where there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# -- damage -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Damage:
    """What is done to a folder."""

    kind: str
    file: str
    at: int = 0
    other: str = ""

    def do(self, path: Path, sample: Sample) -> None:
        file = path / self.file
        if self.kind == "flip":
            data = bytearray(file.read_bytes())
            data[self.at] ^= 0x15
            file.write_bytes(data)
        elif self.kind == "cut":
            os.truncate(file, self.at)
        elif self.kind == "zero":
            data = bytearray(file.read_bytes())
            data[self.at : self.at + 64] = bytes(len(data[self.at : self.at + 64]))
            file.write_bytes(data)
        elif self.kind == "remove":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        elif self.kind == "swap":
            other = path / self.other
            ours, others = file.read_bytes(), other.read_bytes()
            file.write_bytes(others)
            other.write_bytes(ours)
        elif self.kind == "old":
            shutil.copyfile(sample.old / self.file, file)


def used(path: Path) -> int:
    """How many bytes of a file there are before the zeros that a segment keeps ahead."""
    return len(path.read_bytes().rstrip(b"\0"))


def structural(sample: Sample) -> list[Damage]:
    """Every file and folder that is gone, swapped or older."""
    files = sample.files()
    found = [Damage("remove", name) for name in files]
    folders = {str(Path(name).parent) for name in files} - {"."}
    folders |= {str(Path(folder).parent) for folder in folders} - {"."}
    found += [Damage("remove", folder) for folder in sorted(folders)]
    for suffix in ("data.pickle", ".log"):
        alike = [name for name in files if name.endswith(suffix)]
        found += [Damage("swap", one, other=another) for one, another in pairwise(alike)]
    for name in files:
        before = sample.old / name
        if before.is_file() and before.read_bytes() != (sample.path / name).read_bytes():
            found.append(Damage("old", name))
    return found


def bytewise(sample: Sample, chance: random.Random) -> Iterator[Damage]:
    """Flips, cuts and zeros at random places, for ever; each file as often as the others."""
    files = [name for name in sample.files() if used(sample.path / name)]
    while True:
        name = chance.choice(files)
        size = used(sample.path / name)
        yield Damage(chance.choice(["flip", "flip", "cut", "zero"]), name, chance.randrange(size))


# -- what may come of it ----------------------------------------------------------------------------


def restarted(path: Path) -> None:
    """Make a folder as it is after the machine has started anew: nothing in ``position`` counts."""
    position = path / "position"
    if position.exists() and position.stat().st_size == 256:
        position.write_bytes(b"\1" * 256)


def ends(sample: Sample, damage: Damage, *, anew: bool) -> list[State]:
    """Return what may be in the folder.

    Where the machine has started anew since a process was killed, its last commits cannot be told
    from some that were never acknowledged, if nothing of what came after them is left. And an old
    ``position`` shows readers an older moment, until somebody writes or the machine starts anew.
    """
    if damage.file == "position":
        return sample.history
    if sample.clean or not anew or not damage.file.startswith("journal/"):
        return [sample.state]
    return sample.history[-3:] if damage.kind in ("flip", "zero") else sample.history


def reading(path: Path, sample: Sample, allowed: list[State], **options: Any) -> str:
    """Open, read, check and write a damaged folder; return what came of it."""
    try:
        with Database(path, lock_timeout=5, **options) as db:
            found = _read_everything(db)
            assert found in allowed
            _read_stream(db, sample)
            outcome = "whole" if found == sample.state else "cut"
            try:
                db.check()
            except errors.CheckFailed as failed:
                assert failed.problems
                outcome = "found by check"
            if not options.get("read_only"):
                _write_and_read(db)
            return outcome
    except errors.DynafileError as error:
        assert str(error)
        if isinstance(error, errors.StorageError):
            assert error.path, error
        return type(error).__name__


def _read_everything(db: Database) -> State:
    """Return what is in the tables, read in every way, which must agree."""
    found: State = {}
    for name in db.tables:
        table = db.table(name)
        items = found[name] = {key_of(item): item for item in table.scan()}
        assert len(table) == len(items)
        for item in items.values():
            key = {name: item[name] for name in ("customer", "date", "user") if name in item}
            assert table.get_item(key=key) == item
    orders = db.table("orders")
    assert {key_of(item): item for item in orders.scan(index="by-place")} == found["orders"]
    assert {key_of(item) for item in orders.scan(index="by-total")} == found["orders"].keys()
    return found


def _read_stream(db: Database, sample: Sample) -> None:
    """Read the stream; its oldest records may be gone, as if they were trimmed."""
    if sample.stream:
        numbers = _sequence_numbers(db)
        assert numbers == sample.records[len(sample.records) - len(numbers) :]


def _write_and_read(db: Database) -> None:
    item = {"customer": "new", "date": "now", "total": 1, "place": 9}
    orders = db.table("orders")
    orders.put_item(item=item)
    assert orders.get_item(key={"customer": "new", "date": "now"}) == item
    assert list(orders.query(9, index="by-place")) == [item]
    orders.delete_item(key={"customer": "new", "date": "now"})


def contents(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def repairing(path: Path, into: Path, sample: Sample, end: list[State]) -> RepairReport | None:
    """Repair a damaged folder, and hold what was saved against what was there.

    None: it was refused, because nothing tells the tables any more.
    """
    before = contents(path)
    try:
        report = repair(path, into)
    except errors.StorageError as refusal:
        assert refusal.path
        assert not into.exists()
        assert contents(path) == before
        return None
    assert contents(path) == before
    with Database(into, read_only=True, trusted=False) as db:
        db.check()
        saved: State = {}
        for table in report.tables:
            items = saved[table.name] = {key_of(item): item for item in db.table(table.name).scan()}
            assert len(items) == table.saved
            uncertain = {key_of(dict(key)) for key in table.uncertain_keys}
            for key, item in items.items():
                assert item in sample.versions[table.name].get(key, []), f"invented: {item}"
                current = [state[table.name].get(key) for state in end]
                assert key in uncertain or item in current, f"passed for certain: {item}"
            missing = set.intersection(*(set(state[table.name]) for state in end)) - items.keys()
            assert not missing or report.unreadable or table.lost_ranges or table.lost
        assert saved.keys() == sample.state.keys()
        assert not report.lossless or saved in end
    if not report.lossless:
        assert report.damages
    return report


KINDS: dict[str, dict[str, bool]] = {
    "stream": {},
    "plain": {"stream": False},
    "killed": {"stream": False, "clean": False},
}


# -- the long run -----------------------------------------------------------------------------------


def run(seconds: float, seed: int) -> dict[str, int]:
    """Damage folders at random for so long; return how often what came of it.

    Raises AssertionError with the seed and the damage where it is anything that must not be.
    """
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(dir=quick_folder()) as name:
        folder = Path(name)
        samples = [make_sample(folder / kind, **options) for kind, options in KINDS.items()]
        places = [bytewise(sample, chance) for sample in samples]
        todo = [structural(sample) for sample in samples]
        while time.monotonic() < deadline:
            number = chance.randrange(len(samples))
            sample, anew = samples[number], chance.random() < 0.5
            of_files = chance.random() < 0.1
            damage = chance.choice(todo[number]) if of_files else next(places[number])
            try:
                counts.update(tried(damage, sample, folder, anew=anew))
            except BaseException as error:
                where = f"{damage} of {sample.path.parent.name}, anew={anew}"
                error.add_note(f"seed {seed}, after {counts['damages']} damages: {where}")
                raise
    return dict(counts)


def tried(damage: Damage, sample: Sample, folder: Path, *, anew: bool) -> Counter[str]:
    """Do one damage to copies of the sample, and return what came of it."""
    counts: Counter[str] = Counter(damages=1)
    end = ends(sample, damage, anew=anew)
    damaged, saved = folder / "damaged", folder / "saved"
    for again in (False, True):
        shutil.copytree(sample.path, damaged)
        if anew:
            restarted(damaged)
        damage.do(damaged, sample)
        if not again:
            report = repairing(damaged, saved, sample, end)
            counts[_repaired(report)] += 1
            shutil.rmtree(saved, ignore_errors=True)
            outcome = reading(damaged, sample, end, read_only=True, trusted=False)
            counts[f"read only: {outcome}"] += 1
        else:
            counts[f"written: {reading(damaged, sample, end)}"] += 1
        shutil.rmtree(damaged)
    return counts


def _repaired(report: RepairReport | None) -> str:
    if report is None:
        return "repair: refused"
    return "repair: all saved" if report.lossless else "repair: some lost"
