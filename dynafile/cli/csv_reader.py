"""Records out of CSV, whose columns are strings unless a type is declared for them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.record import Record
from dynafile.cli.source import LONGEST_RECORD
from dynafile.cli.typed_text import converters, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dynafile.cli.source import Source


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How to read a CSV file."""

    types: Mapping[str, str]
    """Declared types by column; other columns are strings."""
    delimiter: str = ","
    keep_empty: bool = False
    """Keep empty cells, as empty strings or, in columns of another type, null."""
    decimal: bool = False
    tags: bool = True
    implied: Mapping[str, str] = field(default_factory=dict)
    """Types of key attributes and the like, for columns that have none declared."""


def read_csv(source: Source, options: CsvOptions) -> Iterator[Record]:
    """Yield a record a row; the first row names the columns. A bad row spoils no other."""
    csv.field_size_limit(LONGEST_RECORD)
    lines = _Lines(source)
    reader = csv.reader(lines, delimiter=options.delimiter, strict=True)
    columns: list[_Column] | None = None
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.take_problem()
            if columns is None:
                raise _bad_header(source, str(error)) from None
            yield Record.malformed(start, str(error))
            continue
        problem = lines.take_problem()
        if columns is None:
            if problem:
                raise _bad_header(source, problem)
            columns = _columns(source, cells, options)
        elif problem:
            yield Record.malformed(start, problem)
        elif cells:
            yield _record(start, cells, columns, options.keep_empty)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str
    convert: Callable[[str], object] | None
    """None for strings, which stay as they are."""


class _Lines:
    """Lines of text for the CSV parser; what is wrong with them is kept for ``take_problem``.

    Raising from here instead would end the parser, and with it every row that follows.
    """

    def __init__(self, source: Source) -> None:
        self._lines = source.lines()
        self._first = True
        self._problem: str | None = None

    def take_problem(self) -> str | None:
        """Return what was wrong with the lines since the last call."""
        problem, self._problem = self._problem, None
        return problem

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw, whole = next(self._lines)
        encoding = "utf-8-sig" if self._first else "utf-8"
        self._first = False
        if not whole:
            self._problem = f"the line is over {LONGEST_RECORD >> 20} MiB"
            return "\n"
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            self._problem = "the text is not UTF-8"
            return raw.decode(encoding, "replace")


def _columns(source: Source, names: list[str], options: CsvOptions) -> list[_Column]:
    if "" in names or len(set(names)) < len(names):
        raise _bad_header(source, "a column has no name, or the name of another")
    missing = sorted(set(options.types) - set(names))
    if missing:
        raise Failure(
            f"--type names a column {missing[0]!r} that {source.name} does not have",
            hint=f"its columns are {', '.join(names)}",
            code=ExitCode.USAGE,
        )
    known = converters(decimal=options.decimal, tags=options.tags)
    return [
        _Column(name, kind, None if kind == "string" else known[kind])
        for name in names
        for kind in [options.types.get(name) or options.implied.get(name, "string")]
    ]


def _record(line: int, cells: list[str], columns: list[_Column], keep_empty: bool) -> Record:
    if len(cells) != len(columns):
        return Record.malformed(line, f"the row has {len(cells)} cells, the header {len(columns)}")
    item: dict[str, Any] = {}
    for cell, column in zip(cells, columns, strict=True):
        if not cell:
            if keep_empty:
                item[column.name] = "" if column.convert is None else None
        elif column.convert is None:
            item[column.name] = cell
        else:
            try:
                item[column.name] = typed(cell, column.type, column.convert)
            except ValueError as error:
                return Record.malformed(line, f"column {column.name!r}: {error}")
    return Record(line, item)


def _bad_header(source: Source, reason: str) -> Failure:
    return Failure(
        f"the first line of {source.name} does not name columns: {reason}",
        hint="a CSV file starts with a line of column names",
        code=ExitCode.DATA,
    )
