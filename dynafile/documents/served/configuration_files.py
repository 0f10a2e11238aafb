"""Files of configuration: where a server and its clients read and write them."""

from __future__ import annotations

import os
import secrets

__all__ = ["file_in", "is_same_folder", "make_file", "read_file", "replace_file"]


def file_in(folder: str, name: str) -> str:
    """Return the path of a file in a folder."""
    return os.path.join(folder, name)


def is_same_folder(folder: str, other: str) -> bool:
    """Say whether ``other``, if relative then to the folder, is the folder itself."""
    return os.path.realpath(os.path.join(folder, other)) == os.path.realpath(folder)


def read_file(path: str) -> bytes | None:
    """Return what is in a file; None: there is none. Raises OSError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def make_file(path: str, data: bytes) -> bool:
    """Make a file that only its owner can read, whole; return False if there is one."""
    draft = _draft(path, data)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True


def replace_file(path: str, data: bytes) -> None:
    """Put a file in the place of another, whole or not at all."""
    os.replace(_draft(path, data), path)


def _draft(path: str, data: bytes) -> str:
    draft = f"{path}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    return draft
