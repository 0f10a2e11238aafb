"""How far the conversion of a table from 0.1.3 is, as its definition says.

- no ``meta.json``: nothing was written;
- ``writing``: items may be missing. Nobody uses the table; who takes over begins again;
- ``removing``: every item is durable, and the table is in use. The originals may be half gone;
- not there: done.
"""

from __future__ import annotations

from typing import Final

from dynafile.store.schema import Schema

WRITING: Final = "writing"
REMOVING: Final = "removing"


def state_of(schema: Schema) -> str | None:
    """Return how far the conversion of a store is; None: it is done, or there was none."""
    for table in schema.tables.values():
        if isinstance(table, dict) and table.get("conversion") is not None:
            return str(table["conversion"])
    return None
