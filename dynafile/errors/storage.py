"""Errors of folders, files, disks, and of the handles on them."""

from __future__ import annotations

from typing import Any

from dynafile.errors.root import DynafileError

__all__ = [
    "CheckFailed",
    "CommitOutcomeUnknown",
    "ConversionRefused",
    "CorruptFile",
    "DiskFull",
    "ForeignFile",
    "HandleClosed",
    "HandleForked",
    "HandleNotOpen",
    "HandleOfAnotherLoop",
    "HandleUnusable",
    "InvalidPath",
    "LockTimeout",
    "MissingExtra",
    "NetworkFileSystem",
    "NewerFormat",
    "NotConverted",
    "PathNotWritable",
    "ReadOnlyDatabase",
    "SchemaMismatch",
    "StorageError",
    "StoreFailed",
]


class SchemaMismatch(DynafileError, ValueError):
    """Options that contradict what the folder stores; ``tables`` has the names that there are."""

    tables: tuple[str, ...] = ()


class ReadOnlyDatabase(DynafileError, PermissionError):
    """A write through a handle opened with ``read_only=True``."""


class HandleUnusable(DynafileError):
    """A handle that cannot be used any more; open a new one."""


class HandleClosed(HandleUnusable):
    """A handle used after ``close()``."""


class HandleForked(HandleUnusable):
    """A handle of the parent process used in a forked child; open a new one in the child."""


class HandleNotOpen(HandleUnusable):
    """A handle for asyncio used before it was opened: by ``async with``, or by ``open()``."""


class HandleOfAnotherLoop(HandleUnusable):
    """A handle for asyncio used in another event loop than the one in which it was opened."""


class StorageError(DynafileError, OSError):
    """Something is wrong with the folder, a file in it, or the disk. ``path`` says which."""

    path: str | None = None


class InvalidPath(StorageError):
    """The path is a file, or cannot hold a database for another reason."""


class PathNotWritable(StorageError, PermissionError):
    """The folder, or a file in it, cannot be written by this user."""


class ForeignFile(StorageError):
    """A file or folder that has one of our names and was not written by Dynafile."""


class NetworkFileSystem(StorageError):
    """The folder is on ``filesystem``: NFS, SMB or another whose locks cannot be trusted."""

    filesystem: str | None = None


class NotConverted(StorageError):
    """A folder that dynafile 0.1.3 wrote, opened in a way that cannot convert it."""


class NewerFormat(StorageError):
    """A folder written by a newer version of Dynafile. ``version`` is its format."""

    version: int | None = None


class CorruptFile(StorageError):
    """A file that was truncated, damaged or forged. ``offset`` is where, in bytes."""

    offset: int | None = None


class LockTimeout(StorageError, TimeoutError):
    """Another process, ``pid``, held the writer's lock for longer than ``lock_timeout``."""

    pid: int | None = None


class DiskFull(StorageError):
    """The disk is full; the write failed whole, and the database stays usable."""


class CommitOutcomeUnknown(StorageError):
    """A sync failed, so that the commit may or may not survive a power cut; reopen to see."""


class StoreFailed(StorageError):
    """The store saw a failure after which it cannot be trusted; close it and open it again."""


class ConversionRefused(DynafileError, ValueError):
    """A folder that dynafile 0.1.3 wrote holds what a table cannot; nothing was changed.

    ``offenders`` lists all of it. Each has ``file``; ``key``, the key attributes, or None for a
    whole file; and ``reason``. ``path`` is the folder.
    """

    path: str | None = None
    offenders: tuple[Any, ...] = ()


class CheckFailed(DynafileError):
    """``check()`` found something wrong. ``problems`` lists what, one sentence each."""

    problems: tuple[str, ...] = ()


class MissingExtra(DynafileError, ImportError):
    """The optional ``extra`` is not installed; the message has the ``pip install`` line."""

    extra: str | None = None
