"""Which backend is meant by the arguments of a database."""

from __future__ import annotations

import os
from typing import Final

from dynafile.entities.backend import Backend
from dynafile.entities.map_backend import MapBackend
from dynafile.entities.storage import StringMap, check_storage
from dynafile.entities.table_backend import TableBackend, open_table
from dynafile.errors import InvalidArgument
from dynafile.table_api import Table

DEFAULT_PATH: Final = "./db"


def choose_backend(
    storage: StringMap | None,
    audit: StringMap | None,
    path: str | os.PathLike[str] | None,
    table: Table | None,
) -> Backend:
    """Open what was asked for; raises InvalidArgument where that is not one thing."""
    given = [name for name, value in (("db_storage", storage), ("path", path), ("table", table))
             if value is not None]  # fmt: skip
    if len(given) > 1:
        raise InvalidArgument(f"give one of db_storage, path and table, not {' and '.join(given)}")
    if audit is not None:
        check_storage(audit, "db_audit")
    if storage is not None:
        check_storage(storage, "db_storage")
        return MapBackend(storage, audit)
    if audit is not None:
        raise InvalidArgument(
            "db_audit goes with db_storage: in a table the audit log is beside the entities, so "
            "that both are in one commit; give audit_enabled=True"
        )
    if table is not None:
        return TableBackend(table, owned=False)
    return open_table(os.fspath(DEFAULT_PATH if path is None else path))
