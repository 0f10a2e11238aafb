"""The names of files and folders in a store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

META_NAME: Final = "meta.json"
CHECKPOINT_NAME: Final = "checkpoint"
LOCK_NAME: Final = "lock"
POSITION_NAME: Final = "position"
RESERVE_NAME: Final = "reserve"
TABLES: Final = "tables"
"""The folder of the homes of keyspaces that belong together and not to the store's own."""
KEYSPACE_FOLDER: Final = "_partitions"
MIRROR_PREFIXES: Final = ("_gsi-", "_lsi-")
"""What the folders of mirror directories, global and local indexes, begin with."""
EXPIRY_FOLDER: Final = "_ttl"
KEYSPACE_FOLDERS: Final = (f"/{KEYSPACE_FOLDER}", "/_gone")
"""What the folders of keyspaces in a mirror directory end with."""


def home_of(folder: str) -> str:
    """Return what the folder of a keyspace begins with: ``tables/<name>/``, or nothing."""
    if not folder.startswith(f"{TABLES}/"):
        return ""
    return f"{TABLES}/{folder.split('/')[1]}/"


def segment_name(base: int) -> str:
    """Return the name of the segment whose first record has the LSN ``base``."""
    return f"journal/{base:016x}.log"


def parse_segment_name(name: str) -> int | None:
    """Return the first LSN of a segment from its name in ``journal/``; None: not one of ours."""
    head, _, _ = name.partition(".")
    try:
        base = int(head, 16)
    except ValueError:
        return None
    return base if f"journal/{name}" == segment_name(base) else None


def half_made_name(pid: int, number: int) -> str:
    """Return the name in ``tmp/`` of a file that a process is making, or a folder it takes away."""
    return f"{pid}-{number}.half"


def is_half_made(name: str) -> bool:
    """Say whether a name in ``tmp/`` is one of ours."""
    pid, _, number = name.removesuffix(".half").partition("-")
    return pid.isdecimal() and number.isdecimal() and name == half_made_name(int(pid), int(number))


def is_old_partition(name: str) -> bool:
    """Say whether dynafile 0.1.3 named a partition's folder so: 64 hex digits, a SHA-256."""
    return len(name) == 64 and set("0123456789abcdef").issuperset(name)


def is_old_folder(names: Iterable[str]) -> bool:
    """Say whether names in ``_partitions/`` are those of a table of 0.1.3 that has partitions."""
    shown = [name for name in names if not name.startswith(".")]  # macOS leaves .DS_Store
    return bool(shown) and all(map(is_old_partition, shown))


def claim_name(work: str) -> str:
    """Return the name of the file that is locked while a process is at some long work."""
    return f"claim-{work}"


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
