"""Plain puts: each is a commit of its own, and a thread makes those of many tasks with one sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynafile.aio.job import Job
from dynafile.table.puts import put_each
from dynafile.table_api import Table


class PlainPut:
    """A put without options."""

    __slots__ = ("item", "table")

    def __init__(self, table: Table, item: Mapping[str, Any]) -> None:
        self.table = table
        self.item = item

    def __call__(self) -> None:
        """Make it by itself."""
        self.table.put_item(item=self.item)


def put_together(jobs: list[Job]) -> None:
    """Make jobs that are plain puts, and note what refused each; in a thread."""
    by_table: dict[Table, list[tuple[Job, PlainPut]]] = {}
    for job in jobs:
        put = job.work
        assert isinstance(put, PlainPut)
        by_table.setdefault(put.table, []).append((job, put))
    for table, those in by_table.items():
        if len(those) == 1 or table.closed:
            for job, _ in those:
                job.run()
            continue
        try:
            refused = put_each(table._table, [put.item for _, put in those])
        except BaseException as error:  # noqa: BLE001 - the tasks that wait raise it
            refused = [error] * len(those)
        for (job, _), outcome in zip(those, refused, strict=True):
            job.error, job.work = outcome, None
