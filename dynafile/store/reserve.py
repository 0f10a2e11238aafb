"""The reserve: room on the disk for what makes room on a full one, deletes and checkpoints."""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from dynafile.errors import DiskFull, StorageError
from dynafile.store.format import PUT, Operation
from dynafile.store.volume import Volume

RESERVE_BYTES: Final = 1024 * 1024
"""What is held besides what a checkpoint may need: room for a partition that is written anew before
its old file goes, and for the records of some thousands of deletes."""
GROWTH_KEEPS: Final = RESERVE_BYTES // 2
"""What a partition that has grown must leave of it when a checkpoint writes it."""
STEP_BYTES: Final = 128 * 1024

Due = TypeVar("Due")

_log = logging.getLogger("dynafile")


class Reserve:
    """Room that only what frees room may use. All of it is called under the writer's lock.

    It is as large as what a checkpoint of the journal may need, and a fixed part more. It is given
    up in steps, as it is needed, and held again as soon as there is room: before the journal grows
    for anything else, after each checkpoint, and when the store is opened.
    """

    def __init__(self, volume: Volume) -> None:
        self._held = volume.reserve()
        self._root = volume.root
        self._wanted = RESERVE_BYTES
        self._tried = 0
        self.low = False
        """Whether little was left when it was last used, so that a checkpoint is due."""

    def spend(self, work: Callable[[], None], *, keep: int = 0) -> None:
        """Do ``work``, which may be tried again; on a full disk with what is held over ``keep``."""
        while True:
            try:
                return work()
            except DiskFull:
                held = self._held.size()
                if held <= keep:
                    raise
                left = max(keep, held - STEP_BYTES)
                self._held.resize(left)
                self.low = left <= self._wanted - GROWTH_KEEPS

    def replace(self, volume: Volume, name: str, data: bytes) -> None:
        """Replace a small file that a checkpoint cannot do without."""
        self.spend(partial(volume.replace, name, data))

    def replace_all(
        self, volume: Volume, files: Sequence[tuple[str, bytes]], before: Callable[[], int]
    ) -> None:
        """Write files in the place of others, which go afterwards, and had ``before()`` bytes.

        On a full disk those that take more room than the old ones leave a part of the reserve.
        """
        write = partial(volume.replace_all, files)
        if len(files) == 1:
            write = partial(volume.replace, *files[0])
        try:
            write()
        except DiskFull:
            grows = sum(len(data) for _, data in files) > before()
            self.spend(write, keep=GROWTH_KEEPS if grows else 0)

    def refill(self, past: int) -> None:
        """Hold all of it; raises DiskFull where there is no room.

        ``past``: the bytes of the journal past the checkpoint.
        """
        self._wanted = RESERVE_BYTES + past
        try:
            if self._held.size() != self._wanted:
                self._held.resize(self._wanted)
            self.low = False
        except DiskFull as error:
            if error.errno == errno.EFBIG:
                return  # files may not be as large here: there is none
            raise DiskFull(
                f"{self._root}: the disk is full, and what room is left is kept for deletes and "
                f"checkpoints; nothing of this write was kept. Delete items, or free some space, "
                f"and try again",
                path=self._root,
                errno=error.errno,
            ) from error
        except StorageError as error:
            _log.debug("%s: nothing is held for a full disk: %s", self._root, error)

    def make_room(self, lsn: int, past: int, checkpoint: Callable[[], None]) -> bool:
        """Make a checkpoint for want of room; False where that frees little, or was just tried."""
        if past < RESERVE_BYTES or lsn - self._tried < STEP_BYTES:
            return False
        self._tried = lsn
        try:
            checkpoint()
        except DiskFull:
            return False
        return True


def work_off(todo: deque[Due], step: Callable[[], object]) -> None:
    """Call ``step``, which takes the first of ``todo``, until none is left.

    On a full disk those that shrink make room for those that grow, so what fails is tried again
    while others succeed.
    """
    while todo:
        put_off: list[Due] = []
        done = 0
        while todo:
            first = todo[0]
            try:
                step()
                done += 1
            except DiskFull as error:
                put_off.append(first)
                full = error
        if put_off and not done:
            raise full
        todo.extend(put_off)


def frees(commits: Sequence[list[Operation]]) -> bool:
    """Say whether commits put nothing but marks, so that they may use the reserve."""
    return not any(
        kind == PUT and value for operations in commits for kind, _, _, value in operations
    )
