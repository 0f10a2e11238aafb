"""KYDB 1.1.0 on files: each object is a file with a pickle in it, and nothing is synced.

It lives in an environment of its own, with nothing else in it but what it needs.
"""

from __future__ import annotations

from pathlib import Path

import kydb

from contenders.kydb_api import KydbApi
from contenders.objects import Durability


class Thing(kydb.DbObj):  # type: ignore[misc]
    """An object of a declared class."""

    @kydb.stored  # type: ignore[untyped-decorator]
    def title(self) -> str:
        return "a thing"


class KydbObjects(KydbApi):
    """``connect("files://...")``, which is as durable whatever is asked for."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(kydb.connect(f"files:/{folder.resolve()}"), Thing)

    def close(self) -> None:
        """Do nothing: it holds nothing open."""
