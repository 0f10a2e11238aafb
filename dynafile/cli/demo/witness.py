"""The demo's second process: waits for an item to change, and tells when it saw that.

Run as ``python -m dynafile.cli.demo.witness FOLDER PK SK ATTRIBUTE``. Prints a line when it has
read the item, and another, ``NANOSECONDS VALUE``, when the attribute has another value.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from dynafile import Dynafile

_PATIENCE = 10.0


def main() -> int:
    """Watch the item; return the exit code, 1 if nothing happened for too long."""
    folder, pk, sk, attribute = sys.argv[1:]
    with Dynafile(folder, read_only=True) as db:
        key = {db.pk_attribute: pk, db.sk_attribute: sk}
        before = _value(db, key, attribute)
        _tell("ready")
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            value = _value(db, key, attribute)
            if value != before:
                _tell(f"{time.time_ns()} {value}")
                return 0
    return 1


def _value(db: Dynafile, key: dict[Any, Any], attribute: str) -> Any:
    item = db.get_item(key=key)
    return None if item is None else item[attribute]


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
