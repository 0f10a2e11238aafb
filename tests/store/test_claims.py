"""Claims: one holder at a time, thread or process, and nothing left of a dead one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from dynafile.errors import LockTimeout, StorageError
from dynafile.store.local_volume import LocalVolume
from dynafile.store.memory_volume import MemoryVolume

if TYPE_CHECKING:
    from pathlib import Path

    from dynafile.store.volume import Volume

HOLDER = """
import sys
from dynafile.store.local_volume import LocalVolume
LocalVolume(sys.argv[1]).claim("work").acquire(0)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["local", "memory"])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Volume:
    return LocalVolume(str(tmp_path)) if request.param == "local" else MemoryVolume()


def test_one_holder_of_a_name(volume: Volume) -> None:
    first, second, other = volume.claim("work"), volume.claim("work"), volume.claim("else")
    first.acquire(0)
    other.acquire(0)
    with pytest.raises(LockTimeout, match="at the work"):
        second.acquire(0.05)
    second.release()
    with pytest.raises(LockTimeout):
        second.acquire(0)
    first.release()
    first.release()
    second.acquire(0)
    second.release()
    other.release()


def test_threads_take_turns(volume: Volume) -> None:
    inside, most, turns = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, turns
        for _ in range(20):
            claim = volume.claim("work")
            claim.acquire(30)
            inside += 1
            most = max(most, inside)
            turns += 1
            inside -= 1
            claim.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, turns) == (1, 80)


def test_the_file_is_there_while_it_is_held(tmp_path: Path) -> None:
    claim = LocalVolume(str(tmp_path)).claim("work")
    claim.acquire(0)
    assert os.listdir(tmp_path) == ["claim-work"]
    with pytest.raises(LockTimeout, match=f"process {os.getpid()} ") as caught:
        LocalVolume(str(tmp_path)).claim("work").acquire(0)
    assert caught.value.pid == os.getpid()
    claim.release()
    assert os.listdir(tmp_path) == []


def test_another_process_holds_it_until_it_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        claim = LocalVolume(str(tmp_path)).claim("work")
        with pytest.raises(LockTimeout) as caught:
            claim.acquire(0.05)
        assert caught.value.pid == holder.pid
        holder.kill()
        holder.wait()
        claim.acquire(10)
        claim.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_does_not_hold_it_on(tmp_path: Path) -> None:
    claim = LocalVolume(str(tmp_path)).claim("work")
    claim.acquire(0)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        claim.release()  # it is the parent's
        os.read(reader, 1)
        os._exit(0)
    with pytest.raises(LockTimeout):
        LocalVolume(str(tmp_path)).claim("work").acquire(0.05)
    claim.release()
    claim.acquire(0)
    claim.release()
    os.close(writer)
    os.close(reader)
    assert os.waitpid(child, 0)[1] == 0


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        LocalVolume(str(tmp_path / "gone")).claim("work").acquire(1)
