"""Rules and cases in files: the one place of rules that reaches the file system."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from dynafile.documents.rules.cases_file import Case, parse_cases
from dynafile.documents.rules.rules import Rules
from dynafile.documents.rules.scanner import MAX_FILE, fault

__all__ = ["Stamp", "load_cases", "load_rules", "stamp_of"]

Stamp = tuple[int, ...]
"""What tells versions of a file from one another, without reading it."""

_LARGEST: Final = 4 * MAX_FILE
"""Bytes: no file of so many characters has more."""


def stamp_of(path: str) -> Stamp | None:
    """Return the stamp of a file as it is now; None where there is none that can be seen."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev


def load_rules(
    path: str | os.PathLike[str], *, reading: Callable[[str], None] | None = None
) -> Rules:
    """Read a rules file, with the files of schemas that it names, which are beside or below it.

    ``reading`` is told the path of each file before it is read. Raises ``InvalidRules``, or
    OSError where the file cannot be read.
    """
    name = os.fspath(path)
    folder = os.path.dirname(os.path.realpath(name))
    if reading is not None:
        reading(name)

    def read(schema: str) -> str:
        full = os.path.realpath(os.path.join(folder, schema))
        if os.path.commonpath([folder, full]) != folder:
            raise ValueError("a file of a schema is beside or below that of the rules")
        if reading is not None:
            reading(full)
        return _text(full)

    return Rules(_checked_text(name), source=os.path.basename(name), read=read)


def load_cases(path: str | os.PathLike[str]) -> list[Case]:
    """Read a file of cases. Raises ``InvalidRules``, or OSError where it cannot be read."""
    name = os.fspath(path)
    return parse_cases(os.path.basename(name), _checked_text(name))


def _checked_text(path: str) -> str:
    try:
        return _text(path)
    except ValueError as error:
        raise fault(os.path.basename(path), str(error)) from None


def _text(path: str) -> str:
    with open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it has more than {MAX_FILE // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8, at byte {error.start}") from None
    return text.replace("\r\n", "\n")
