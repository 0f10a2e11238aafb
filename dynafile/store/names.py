"""The names of files and folders in a store."""

from __future__ import annotations

from typing import Final

META_NAME: Final = "meta.json"
CHECKPOINT_NAME: Final = "checkpoint"
LOCK_NAME: Final = "lock"
POSITION_NAME: Final = "position"


def segment_name(base: int) -> str:
    """Return the name of the segment whose first record has the LSN ``base``."""
    return f"journal/{base:016x}.log"


def partition_directory(begin: bytes, number: int) -> str:
    """Return the name of a partition's directory: the hash at which it begins, and its id."""
    return f"{begin[:8].ljust(8, bytes(1)).hex()}-{number:x}"


def parse_partition_directory(name: str) -> tuple[bytes, int] | None:
    """Return hash and id of a partition's directory, or None for a name that is not ours."""
    head, _, tail = name.partition("-")
    try:
        begin, number = bytes.fromhex(head), int(tail, 16)
    except ValueError:
        return None
    return (begin, number) if name == partition_directory(begin, number) else None
