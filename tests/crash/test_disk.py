"""The simulated disk itself: it loses what a disk may lose, and nothing else."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from crash.calls import PREFIX
from crash.disk import Disk
from crash.machine import Machine

from dynafile.store.local_volume import LocalVolume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dynafile.store.volume import Volume


def outcomes(disk: Disk, look: Callable[[Disk], object], how: str = "some") -> set[object]:
    return {look(disk.after_power_cut(random.Random(seed), how)) for seed in range(400)}


def content(path: str) -> Callable[[Disk], object]:
    def look(disk: Disk) -> object:
        number = disk.find(path)
        return None if number is None else disk.file(number).content()

    return look


def written() -> Disk:
    """A synced file of eight bytes, over which other bytes were written."""
    disk = Disk()
    disk.lay("/a", b"12345678")
    number = disk.find("/a")
    disk.do("write", number, 2, b"abc")
    disk.do("write", number, 6, b"xyz")
    return disk


def test_what_was_synced_stays() -> None:
    disk = written()
    disk.do("sync", disk.find("/a"))
    assert outcomes(disk, content("/a")) == {b"12abc6xyz"}


def test_what_was_not_synced_may_go_in_any_order_and_be_torn() -> None:
    disk = written()
    assert outcomes(disk, content("/a"), "nothing") == {b"12345678"}
    assert outcomes(disk, content("/a"), "everything") == {b"12abc6xyz"}
    in_order = {b"12345678", b"12abc678", b"12abc6xyz"}
    assert outcomes(disk, content("/a"), "ordered") == in_order
    found = outcomes(disk, content("/a"))
    assert found > in_order | {b"123456xyz", b"12a45678", b"12345678\0", b"123bc678"}
    for data in found:
        assert isinstance(data, bytes)
        assert data[:2] == b"12"
        assert data[5:6] == b"6"


def test_a_long_write_is_torn_by_sectors() -> None:
    disk = Disk()
    disk.lay("/a", b"-" * 1536)
    disk.do("write", disk.find("/a"), 0, b"+" * 1536)
    found = outcomes(disk, content("/a"))
    assert b"+" * 512 + b"-" * 512 + b"+" * 512 in found


def test_a_name_is_there_when_its_folder_was_synced() -> None:
    disk = Disk()
    disk.lay("/folder")
    folder = disk.find("/folder")
    disk.do("make", folder, "a", 10, "file")
    disk.do("write", 10, 0, b"new")
    disk.do("sync", 10)
    assert outcomes(disk, content("/folder/a")) == {None, b"new"}
    disk.do("sync", folder)
    assert outcomes(disk, content("/folder/a")) == {b"new"}
    assert outcomes(disk, content("/folder/a"), "nothing") == {b"new"}


def test_a_rename_replaces_and_never_lacks() -> None:
    disk = Disk()
    disk.lay("/tmp/a", b"new")
    disk.lay("/folder/a", b"old")
    disk.do("rename", disk.find("/tmp"), "a", disk.find("/folder"), "a")
    both = outcomes(disk, lambda left: (content("/tmp/a")(left), content("/folder/a")(left)))
    assert both == {(new, a) for new in (b"new", None) for a in (b"old", b"new")}


def test_a_folder_has_one_name() -> None:
    disk = Disk()
    disk.lay("/a/file", b"x")
    disk.lay("/tmp")
    disk.do("rename", 1, "a", disk.find("/tmp"), "b")
    places = outcomes(disk, lambda left: (left.find("/a/file"), left.find("/tmp/b/file")))
    assert len(places) == 3
    assert all(None in place for place in places if isinstance(place, tuple))


def test_what_survived_is_safe() -> None:
    disk = written()
    left = disk.after_power_cut(random.Random(3), "some")
    assert outcomes(left, content("/a")) == {content("/a")(left)}


def test_a_log_makes_the_same_disk() -> None:
    disk = written()
    again = Disk()
    again.lay("/a", b"12345678")
    for op in disk.log:
        again.redo(op)
    assert again.nodes == disk.nodes


def work(volume: Volume) -> dict[str, object]:
    """Something of everything that a volume does; what can be seen then."""
    volume.replace("meta.json", b"{}")
    volume.replace_all([("a/b/one", b"1"), ("a/c/two", b"22"), ("meta.json", b"{1}")])
    volume.write("journal/1.log", 0, b"abc")
    volume.write("journal/1.log", 5, b"def")
    volume.sync("journal/1.log")
    volume.remove("a/b")
    away = volume.take_away("a/c")
    listed = volume.list(away)
    volume.remove(away)
    volume.remove("nothing")
    words = volume.share()
    words[0] = 7
    return {
        "root": sorted(volume.list("")),
        "a": volume.list("a"),
        "listed": listed,
        "journal": volume.read("journal/1.log", 1),
        "meta": volume.read("meta.json"),
        "part": volume.read_apart("journal/1.log", 5, 2),
        "tmp": volume.list("tmp"),
        "words": volume.share()[0],
    }


def test_the_simulation_does_what_the_system_does(tmp_path: Path) -> None:
    real = LocalVolume(str(tmp_path))
    found = work(real)
    real.close()
    machine = Machine()
    machine.disk.lay("/folder")
    with machine.running():
        simulated = LocalVolume(f"{PREFIX}/folder")
        assert work(simulated) == found
        simulated.close()
    assert not machine.open
