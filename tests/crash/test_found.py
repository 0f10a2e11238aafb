"""What the crashes found in the store, each with its story."""

from __future__ import annotations

import errno
import random
import time

import pytest
from crash.calls import PREFIX
from crash.disk import Disk
from crash.life import PATH
from crash.machine import Killed, Machine

from dynafile import Database, Dynafile
from dynafile.errors import DiskFull, InvalidPath
from dynafile.store.local_volume import LOCK_TEXT, LocalVolume

FOLDER = f"{PREFIX}/folder"


def machine() -> Machine:
    machine = Machine()
    machine.disk.lay("/home")
    machine.disk.lay("/folder")
    return machine


def rebooted(before: Machine, how: str = "nothing", seed: int = 0) -> Machine:
    disk = before.disk.after_power_cut(random.Random(seed), how)
    return Machine(disk, before.boot + 1)


def test_the_folder_of_a_new_database_stays() -> None:
    """Everything in it was synced, but nobody had synced the folder that holds its own name."""
    first = machine()
    with first.running(), Dynafile(f"{PATH}/nested/deep") as db:
        db.put_item(item={"PK": "a", "SK": "b"})
    second = rebooted(first)
    with second.running(), Dynafile(f"{PATH}/nested/deep") as db:
        assert len(db) == 1


def test_a_dropped_table_does_not_come_back_into_its_namesake() -> None:
    """The rename that took its partitions away was not synced. After a power cut they were in the
    folder of the new table of that name, and the database could not be opened."""
    first = machine()
    with first.running():
        db = Database(PATH)
        for _ in range(2):
            table = db.create_table("orders")
            with table.batch_writer() as batch:
                for n in range(40):
                    batch.put_item(item={"PK": f"p{n}", "SK": "s", "text": "x" * 100})
            db._store.checkpoint()
            db.delete_table("orders")
        db.create_table("orders").put_item(item={"PK": "new", "SK": "s"})
        for process in first.processes:
            process.die()
    for seed in range(30):
        second = rebooted(first, ["nothing", "ordered", "some"][seed % 3], seed)
        with second.running(), Database(PATH) as db:
            db.check()
            assert [item["PK"] for item in db.table("orders").scan()] == ["new"]


def test_a_folder_that_was_removed_does_not_come_back_by_half() -> None:
    """It was renamed into ``tmp/`` and emptied there. The file in it could be gone for good, and the
    rename not: a partition without its snapshot."""
    first = machine()
    with first.running():
        volume = LocalVolume(FOLDER)
        volume.replace("a/data.pickle", b"data")
        volume.remove("a")
        volume.close()
    for seed in range(60):
        second = rebooted(first, "some", seed)
        with second.running():
            volume = LocalVolume(FOLDER)
            assert volume.list("a") == []
            assert "a" not in volume.list("")
            volume.close()


def test_a_folder_that_a_dead_process_made_is_made_durable() -> None:
    """It died between making the folder and the sync of its name. The next process found the folder,
    put its file there, and synced that alone."""
    for dies_at in range(1, 12):
        first = machine()
        with first.running():
            volume = LocalVolume(FOLDER)
            calls = iter(range(1, 1 << 30))

            def die(call: str, calls: object = calls, dies_at: int = dies_at) -> None:
                if next(calls) >= dies_at:  # type: ignore[call-overload]
                    raise Killed

            first.hook = die
            with pytest.raises(Killed):
                volume.replace("tables/orders/_partitions/1/data.pickle", b"of the first")
            first.hook = None
            volume.close()
            volume = LocalVolume(FOLDER)
            volume.replace("tables/orders/_partitions/1/data.pickle", b"of the second")
            volume.close()
        second = rebooted(first)
        with second.running():
            volume = LocalVolume(FOLDER)
            assert volume.read("tables/orders/_partitions/1/data.pickle") == b"of the second"
            volume.close()


@pytest.mark.parametrize("text", [b"The wri", bytes(30), bytes(3) + LOCK_TEXT[3:]])
def test_a_torn_lock_is_ours(text: bytes) -> None:
    """The power went while the database was made: its size was on the disk, its bytes were not, and
    the file was taken for somebody else's."""
    first = machine()
    first.disk.lay("/home/shop/lock", text)
    first.disk.lay("/home/shop/position", bytes(100))
    with first.running(), Dynafile(PATH) as db:
        db.put_item(item={"PK": "a", "SK": "b"})


def test_a_reader_of_a_database_that_is_half_made() -> None:
    """It looked for the checkpoint again and again, and then said that files kept vanishing."""
    first = machine()

    def die(call: str) -> None:
        if first.find(f"{PATH}/journal") is not None:
            raise Killed

    with first.running():
        first.hook = die
        with pytest.raises(Killed):
            Dynafile(PATH)
        first.hook = None
        start = time.monotonic()
        with pytest.raises(InvalidPath, match="making was interrupted"):
            Dynafile(PATH, read_only=True)
        assert time.monotonic() - start < 5
        with Dynafile(PATH), Dynafile(PATH, read_only=True):
            pass


def test_a_segment_that_no_record_names_goes() -> None:
    """Its maker died before it said that the journal goes on there. The journal went on where it
    was, past the beginning of the other, and streams looked for its records in the wrong one."""
    first = machine()
    with first.running(checkpoint_bytes=1 << 20):
        db = Dynafile(PATH, stream=True)
        db.put_item(item={"PK": "a", "SK": "0"})
        folder = first.node(f"{PATH}/journal")

        def die(call: str) -> None:
            if call == "write" and len(first.disk.folder(folder).names) > 1:
                raise Killed

        first.hook = die
        with pytest.raises(Killed):
            db._store.checkpoint()
        first.hook = None
        assert len(first.disk.folder(folder).names) == 2
        first.processes[0].die()
        with Dynafile(PATH) as db:
            for n in range(1, 9):
                db.put_item(item={"PK": "a", "SK": f"{n}"})
            with db.stream(follow=False) as stream:
                numbers = [record.sequence_number for record in stream]
            assert len(numbers) == 9
            with db.stream(after=numbers[-2], follow=False) as stream:
                assert [record.sequence_number for record in stream] == numbers[-1:]


@pytest.mark.parametrize("renames", [1, 3, 9])
def test_what_a_dead_process_took_away_is_gone_before_it_is_emptied(renames: int) -> None:
    """It died between the rename of a partition into ``tmp/`` and the sync. The next opening emptied
    ``tmp/``, and a power cut took the rename back: a partition without its snapshot."""
    first = machine()
    with first.running():
        db = Dynafile(PATH)

        def die(call: str) -> None:
            last = [op for op in first.disk.log if op[0] == "rename" and op[-1].endswith(".half")]
            if len(last) == renames and last[-1] is first.disk.log[-1]:
                raise Killed

        first.hook = die
        with pytest.raises(Killed):
            for n in range(400):
                db.put_item(item={"PK": f"p{n}", "SK": "s", "text": "x" * 100})
        first.hook = None
        first.processes[0].die()
        number = len(first.disk.log)
        with Dynafile(PATH) as db:
            db.check()
            items = len(db)
    log = first.disk.log[number:]
    emptied = min(place for place, op in enumerate(log) if op[::2] == ("remove", "data.pickle"))
    disk = Disk()
    disk.lay("/home")
    disk.lay("/folder")
    for op in first.disk.log[: number + emptied + 1]:
        disk.redo(op)
    for seed in range(50):
        left = Machine(disk.after_power_cut(random.Random(seed), "some"), 2)
        with left.running(), Dynafile(PATH) as db:
            db.check()
            assert len(db) == items


def test_a_segment_that_a_full_disk_left_goes() -> None:
    """The disk was full when the record was written that names the next segment."""
    first = machine()
    with first.running(checkpoint_bytes=1 << 20), Dynafile(PATH, stream=True) as db:
        db.put_item(item={"PK": "a", "SK": "0"})
        folder = first.node(f"{PATH}/journal")

        def full(call: str) -> None:
            if call == "write" and len(first.disk.folder(folder).names) > 1:
                raise OSError(errno.ENOSPC, "No space left on device")

        first.hook = full
        with pytest.raises(DiskFull):
            db._store.checkpoint()
        first.hook = None
        assert len(first.disk.folder(folder).names) == 1
        for n in range(1, 9):
            db.put_item(item={"PK": "a", "SK": f"{n}"})
        with db.stream(follow=False) as stream:
            last = [record.sequence_number for record in stream][-1]
        with db.stream(last, follow=False) as stream:
            assert [record.sequence_number for record in stream] == [last]
