"""Keys and folders of a store, as its users write them, made into paths.

A path is ``/`` or begins with a slash and ends without one: ``/a/b``. The leading slash of a key is
optional; a folder may end with a slash too. What no store could take, or what would lead out of
one, is refused here, on every store alike.
"""

from __future__ import annotations

import re
from typing import Final

from dynafile.errors import InvalidObjectKey, InvalidObjectType

__all__ = [
    "HALF",
    "MARKER",
    "MAX_NAME_BYTES",
    "MAX_PATH_BYTES",
    "ROOT",
    "ancestors",
    "child",
    "folder_path",
    "is_system",
    "key_path",
    "split",
    "under",
]

ROOT: Final = "/"

MAX_PATH_BYTES: Final = 1024
"""Of a whole path in UTF-8, base path included: what S3 takes, and what a sort key takes."""

MAX_NAME_BYTES: Final = 255
"""Of each name in UTF-8: what file systems take."""

MARKER: Final = ".folder-"
"""With what KYDB's markers of folders begin, so that no object's name may."""

HALF: Final = ".half-"
"""With what the names of files begin that are being written; one that stays was of a process that
died."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def key_path(key: str) -> str:
    """Return the path of an object's key; raises InvalidObjectKey, or InvalidObjectType."""
    if type(key) is not str and not isinstance(key, str):
        raise _not_text("a key", key)
    if key in ("", "/"):
        raise _invalid(key, "the key of an object is empty: it needs a name, such as '/a/b'")
    if key[-1] == "/":
        raise _invalid(key, "ends with a slash, as folders do; write the object's name without it")
    return _checked(key if key[0] == "/" else f"/{key}", key)


def folder_path(folder: str) -> str:
    """Return the path of a folder; the root is ``""`` or ``"/"``."""
    if not isinstance(folder, str):
        raise _not_text("a folder", folder)
    if folder in ("", "/"):
        return ROOT
    path = folder[:-1] if folder[-1] == "/" else folder
    return _checked(path if path[:1] == "/" else f"/{path}", folder)


def is_system(path: str) -> bool:
    """Tell whether a name of the path begins with a dot, as the system's do."""
    return "/." in path


def split(path: str) -> tuple[str, str]:
    """Return the path of the folder that an object or a folder is in, and its name."""
    folder, _, name = path.rpartition("/")
    return folder or ROOT, name


def child(folder: str, name: str) -> str:
    """Return the path of what is in a folder."""
    return f"/{name}" if folder == ROOT else f"{folder}/{name}"


def under(base: str, path: str) -> str:
    """Return the path seen from the root of what is ``path`` seen from ``base``."""
    if base == ROOT:
        return path
    return base if path == ROOT else base + path


def ancestors(path: str) -> list[str]:
    """Return the folders that a path is in, without the root, the nearest first."""
    found = []
    while (path := split(path)[0]) != ROOT:
        found.append(path)
    return found


def _checked(path: str, given: str) -> str:
    if _CONTROL.search(path) is not None:
        raise _invalid(given, "has a control character or half a character (a lone surrogate)")
    names = path[1:].split("/")
    if "" in names:
        raise _invalid(given, "has an empty name: two slashes follow one another")
    if "." in names or ".." in names:
        raise _invalid(given, "has '.' or '..' for a name: keys do not lead upwards")
    if f"/{MARKER}" in path:
        raise _invalid(given, f"has a name that begins with {MARKER!r}, which marks folders")
    if len(path) > MAX_NAME_BYTES // 4:
        _check_lengths(path, names, given)
    return path


def _check_lengths(path: str, names: list[str], given: str) -> None:
    size = len(path.encode())
    if size > MAX_PATH_BYTES:
        raise _invalid(given, f"has {size} bytes, and a key has at most {MAX_PATH_BYTES}")
    longest = max(len(name.encode()) for name in names)
    if longest > MAX_NAME_BYTES:
        raise _invalid(given, f"has a name of {longest} bytes; the limit is {MAX_NAME_BYTES}")


def _invalid(given: str, what: str) -> InvalidObjectKey:
    shown = given if len(given) <= 80 else f"{given[:60]}... ({len(given)} characters)"
    return InvalidObjectKey(
        f"{ascii(shown) if _CONTROL.search(shown) else repr(shown)} {what}", key=given
    )


def _not_text(what: str, given: object) -> InvalidObjectType:
    return InvalidObjectType(f"{what} is a string, not {type(given).__qualname__}: {given!r:.80}")
