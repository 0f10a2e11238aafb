"""A store of a test, of whichever kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from dynafile import objects as kydb


class Place:
    """A store of a test: what its URLs are, and what it can do.

    A further kind is a subclass, named in `conftest.KINDS`.
    """

    lasts = True
    """Another process finds what was written."""
    keeps_index = True
    """``set(index=...)`` is not refused."""
    ordered: bool | None = None
    """Folder queries need no ``allow_scan``; None where the test may not depend on it."""
    tick = 0.02
    """Seconds between two writes whose times differ."""

    folders_stay = True
    """A folder that is not empty is at no moment gone, whoever removes it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[Any] = []
        self.db = self.connect()

    def url(self, base: str = "") -> str:
        """Return the URL of the store, seen from a base path such as ``/home/tony``."""
        raise NotImplementedError

    def connect(self, base: str = "", **options: Any) -> Any:
        """Connect, and remember to close."""
        return self.keep(kydb.connect(self.url(base), **options))

    def keep(self, db: Any) -> Any:
        self.opened.append(db)
        return db

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()

    def reopen(self) -> Any:
        """Close all that is open, and connect anew as a restarted program would."""
        self.close()
        self.db = self.connect()
        return self.db

    def elsewhere(self, statements: str) -> None:
        """Run statements over ``db``, connected to this store, in another process."""
        program = (
            "from dynafile import objects as kydb\n"
            f"db = kydb.connect({self.url()!r})\n"
            f"{statements}\n"
            "db.close()\n"
        )
        paths = [str(Path(__file__).parent.parent), *sys.path]
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
