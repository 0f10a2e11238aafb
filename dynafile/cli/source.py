"""The input of an import: a file or standard input, its format, and how far it has been read."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dynafile.cli.failures import ExitCode, Failure, cannot_read

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_RECORD = 64 << 20
"""Bytes; a text record over this cannot be an item, and is refused before it fills the memory."""

_CHUNK = 1 << 18


class InputFormat(StrEnum):
    """What an import can read."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"


_SUFFIXES = {
    ".jsonl": InputFormat.JSONL,
    ".ndjson": InputFormat.JSONL,
    ".json": InputFormat.JSON,
    ".csv": InputFormat.CSV,
    ".tsv": InputFormat.CSV,
}


class Source:
    """A binary stream that counts what was read of it."""

    def __init__(self, stream: BinaryIO, name: str, size: int | None) -> None:
        self._stream = stream
        self.name = name
        self.size = size
        """Bytes in all, or None where that is unknown, as for a pipe."""
        self.position = 0
        """Bytes read so far."""

    def lines(self) -> Iterator[tuple[bytes, bool]]:
        """Yield each line, and whether it is whole; one over the limit is cut off there."""
        while line := self._stream.readline(LONGEST_RECORD):
            self.position += len(line)
            whole = line.endswith(b"\n") or len(line) < LONGEST_RECORD
            yield line, whole
            while not whole:
                rest = self._stream.readline(_CHUNK)
                self.position += len(rest)
                whole = rest.endswith(b"\n") or not rest

    def chunks(self) -> Iterator[bytes]:
        """Yield the stream in pieces."""
        while chunk := self._stream.read(_CHUNK):
            self.position += len(chunk)
            yield chunk


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open a file, or standard input for ``-``."""
    if name == "-":
        yield Source(sys.stdin.buffer, "standard input", None)
        return
    try:
        stream = open(name, "rb")  # noqa: SIM115
    except OSError as error:
        hint = "FILE is the file to import, or - for standard input"
        raise cannot_read(name, error, hint=hint) from None
    with stream:
        status = os.fstat(stream.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        yield Source(stream, name, size)


def guess_format(name: str) -> InputFormat:
    """Return the format that a file's name speaks of; standard input is JSON Lines."""
    if name == "-":
        return InputFormat.JSONL
    suffix = Path(name).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    raise Failure(
        f"cannot tell the format of {name} by its name",
        hint="say --format jsonl, --format json or --format csv",
        code=ExitCode.USAGE,
    )
