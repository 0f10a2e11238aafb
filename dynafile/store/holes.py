"""Holes: how a file is read that may say it is longer than what anybody wrote to it.

A file of a terabyte takes no room where nothing was written, so somebody can put one into a folder
that he gives away. Nothing of ours has as many zeros in a row as a piece has: an item is smaller,
and so is the room that a segment of the journal keeps ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from dynafile.errors import CorruptFile
from dynafile.store.volume import Volume

PIECE_BYTES: Final = 32 * 1024 * 1024


def read_to_hole(read: Callable[[int, int], bytes]) -> tuple[bytes, int | None]:
    """Return a file up to a hole, and the offset of that; None: it has none.

    ``read`` returns up to so many bytes from an offset.
    """
    data = read(0, PIECE_BYTES)
    if len(data) < PIECE_BYTES:
        return data, None
    pieces = [data]
    while len(data) == PIECE_BYTES:
        at = PIECE_BYTES * (len(pieces) - 1)
        if not data.strip(b"\0"):
            return b"".join(pieces[:-1]), at
        data = read(at + PIECE_BYTES, PIECE_BYTES)
        pieces.append(data)
    return b"".join(pieces), None


def read_whole(volume: Volume, name: str, offset: int = 0) -> bytes:
    """Return a file from an offset to its end; raises CorruptFile where it has a hole."""

    def read(at: int, size: int) -> bytes:
        return volume.read(name, offset + at, size)

    data, hole = read_to_hole(read)
    if hole is not None:
        del data  # or the error would hold it
        raise hole_in(f"{volume.root}/{name}", offset + hole)
    return data


def read_apart_to_hole(volume: Volume, name: str) -> tuple[bytes, int | None]:
    """Do what :func:`read_to_hole` does for a file of a volume, beside others that use it."""
    return read_to_hole(partial(volume.read_apart, name))


def hole_in(path: str, offset: int) -> CorruptFile:
    """Return the error for a file with a hole."""
    return CorruptFile(
        f"{path} has a hole of {PIECE_BYTES} bytes or more at offset {offset}, and Dynafile leaves "
        "none: it was damaged or forged. Restore a backup, or save what is left with "
        "`dynafile repair`",
        path=path,
        offset=offset,
    )
