"""Items out of a table into text, and into files that are whole or not there."""

from __future__ import annotations

import base64
import csv
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from atomicwrites import atomic_write

from dynafile.cli.failures import ExitCode, Failure
from dynafile.values.tagged import dumps, structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SPOOLED = 16 << 20


@contextmanager
def open_output(name: str | None) -> Iterator[TextIO]:
    """Open standard output, or a file that gets its name when all of it is written.

    What is not a plain file, such as a named pipe, is written to as it stands.
    """
    if name is None:
        yield sys.stdout
        return
    target = Path(name).resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        mode = _mode_of(target)
        with atomic_write(target, mode="w", overwrite=True, encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.chmod(stream.name, mode)
    except OSError as error:
        if error.filename is None:
            raise
        raise Failure(f"cannot write {name}: {error.strerror}", code=ExitCode.STORAGE) from error


def write_json_lines(items: Iterable[dict[str, Any]], stream: TextIO) -> None:
    """Write an item a line."""
    stream.writelines(dumps(item) + "\n" for item in items)


def write_csv(items: Iterable[dict[str, Any]], stream: TextIO, keys: Sequence[str]) -> None:
    """Write a row an item, with a column for every attribute that any of them has.

    One pass over the items, so that the columns are those of the rows even while others write:
    the rows wait in a temporary file for the last column to be known.
    """
    columns = dict.fromkeys(keys)
    with tempfile.SpooledTemporaryFile(_SPOOLED, mode="w+", encoding="utf-8", newline="") as rows:
        waiting = csv.writer(rows)
        for item in items:
            columns |= dict.fromkeys(item)
            waiting.writerow([_cell(item[name]) if name in item else "" for name in columns])
        rows.seek(0)
        output = csv.writer(stream, lineterminator="\n")
        output.writerow(columns)
        for row in csv.reader(rows):
            output.writerow(row + [""] * (len(columns) - len(row)))


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    plain = structure(value)
    if isinstance(plain, dict) and not isinstance(value, dict):
        ((_, inner),) = plain.items()
        if isinstance(inner, str):
            return inner
    return dumps(value)


def _mode_of(target: Path) -> int:
    """Return the permissions that the file has, or that a new one would get."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
