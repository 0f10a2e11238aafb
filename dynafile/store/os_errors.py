"""What the operating system's errors mean: ours, with the path and what to do."""

from __future__ import annotations

import errno
from typing import Final

from dynafile.errors import DiskFull, InvalidPath, PathNotWritable, StorageError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def translated(error: OSError, path: str) -> StorageError:
    """Return the error of ours that says what one of the system means for a file."""
    if isinstance(error, StorageError):
        return error
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return DiskFull(
            f"{path}: the disk is full ({reason}); nothing of this write was kept. Free some space "
            f"and try again",
            path=path,
            errno=error.errno,
        )
    if error.errno in _DENIED:
        return PathNotWritable(
            f"{path} cannot be opened ({reason}): check its owner and mode, or open a folder that "
            f"may only be read with read_only=True",
            path=path,
            errno=error.errno,
        )
    if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG):
        return InvalidPath(f"{path}: {reason}", path=path, errno=error.errno)
    if error.errno in (errno.ESPIPE, errno.ENXIO, errno.ENODEV):
        return InvalidPath(
            f"{path} is a pipe, a socket or a device, and a file belongs there ({reason}): move it "
            "away",
            path=path,
            errno=error.errno,
        )
    return StorageError(f"{path}: {reason}", path=path, errno=error.errno)
