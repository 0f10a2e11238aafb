"""The folder that is mutated: small, and with everything that there is in one.

It is kept, in ``sample.zip``, because the inputs of the corpus are changes to it, byte by byte. To
make it anew is to begin the corpus of the whole folder anew: ``python tests/fuzz/sample.py``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dynafile import Database, GlobalIndex, LocalIndex, StreamOptions
from dynafile.store.position import BOOT
from dynafile.store.store import Options

KEPT = Path(__file__).with_name("sample.zip")
FAR = 99_999_999_999
CENTURIES = 10**10


@cache
def files() -> dict[str, bytes]:
    """Return the files of the folder by their names."""
    with zipfile.ZipFile(KEPT) as kept:
        return {name: kept.read(name) for name in sorted(kept.namelist())}


def make(path: Path, into: Path) -> None:
    """Make the folder anew, by way of another."""
    indexes = {
        "by-place": GlobalIndex(pk="place", sk="total"),
        "by-total": LocalIndex(sk="total", projection="KEYS_ONLY"),
    }
    options = partial(Options, partition_bytes=500)
    with (
        patch("dynafile.store_options.Options", options),
        patch("dynafile.table.stream_options.LONGEST_SECONDS", CENTURIES),
    ):
        with Database(path) as db:
            stream = StreamOptions(retention=CENTURIES)
            db.create_table("orders", "customer", "date", "expires", indexes=indexes, stream=stream)
            db.create_table("users", "user", sk_attribute=None)
            for number in range(6):
                db.table("orders").put_item(item=order(number))
                db.table("users").put_item(item={"user": number, "tags": {"a", "b"}, "l": [1, {}]})
            for record in db.table("orders").stream(name="mailer", follow=False):
                record.ack()
        with Database(path) as db:
            db.table("orders").put_item(item=order(2) | {"place": 7})
            db.table("orders").delete_item(key={"customer": "c1", "date": "d1"})
            db.table("users").put_item(item={"user": 2, "when": (1, b"x")})
            # As a process that is killed leaves it, with commits that are in no snapshot.
            shutil.copytree(path, into)


def order(number: int) -> dict[str, object]:
    """Return an item."""
    item = {"customer": f"c{number % 3}", "date": f"d{number}", "total": number}
    return item | {"place": number % 2, "expires": FAR}


def keep() -> None:
    """Make the folder anew and keep it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "killed")
        make(Path(folder, "db"), path)
        with zipfile.ZipFile(KEPT, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept:
            for file in sorted(path.rglob("*")):
                name = file.relative_to(path).as_posix()
                if file.is_file() and name != "reserve":
                    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
                    info.compress_type = zipfile.ZIP_DEFLATED
                    data = file.read_bytes()
                    if name == "position":
                        data = data[: 8 * BOOT] + b"\1".ljust(8, b"\0") + data[8 * BOOT + 8 :]
                    kept.writestr(info, data)


if __name__ == "__main__":
    keep()
