"""What a type checker knows of the API for asyncio, from the generated stub."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dynafile

pytest.importorskip("mypy", reason="a tool of those who work on it")

PROGRAM = """
from collections.abc import AsyncIterator, Mapping
from typing import Any, assert_type

from dynafile import (
    Attr, AsyncBatchWriter, AsyncDatabase, AsyncDynafile, AsyncStream, AsyncStreamRecord,
    AsyncTable, AsyncTransaction, Event, GetResult, Page, StatementResult, TableDescription,
    TransactGetResult, WriteResult,
)
from dynafile.table.index_options import Index

async def hear(event: Event) -> None: ...

async def main() -> None:
    async with AsyncDynafile("db", sk_attribute=None, durability="relaxed") as db:
        assert_type(db, AsyncDynafile)
        item = await db.get_item(key={"PK": "a"})
        assert_type(item, dict[str, Any] | None)
        result = await db.get_item(key={"PK": "a"}, return_consumed_capacity="TOTAL")
        assert_type(result, GetResult)
        assert_type(await db.put_item(item={"PK": "a"}), WriteResult | None)
        assert_type(db.query("a"), AsyncIterator[dict[str, Any]])
        assert_type([found async for found in db.scan(Attr("n").gt(7))], list[dict[str, Any]])
        assert_type(await db.query_page("a"), Page)
        assert_type(await db.transact_get_items(transact_items=[]), list[dict[str, Any] | None])
        assert_type(await db.count(), int)
        assert_type(await db.pk_type(), str | None)
        assert_type(db.pk_attribute, str)
        assert_type(await db.indexes(), Mapping[str, Index])
        async with db.batch_writer() as batch:
            assert_type(batch, AsyncBatchWriter)
            await batch.put_item(item={})
        async with db.transaction() as tx:
            assert_type(tx, AsyncTransaction)
            assert_type(await tx.get_item(key={}), dict[str, Any] | None)
            async for found in tx.query("a"):
                assert_type(found, dict[str, Any])

        async def body(tx: AsyncTransaction) -> int:
            await tx.table("orders").put_item(item={})
            return 1

        assert_type(await db.run_transaction(body), int)
        async with db.stream(name="mailer", follow=False) as stream:
            assert_type(stream, AsyncStream)
            async for record in stream:
                assert_type(record, AsyncStreamRecord)
                assert_type(record.new_image, dict[str, Any] | None)
                async with db.transaction() as tx:
                    await record.ack(transaction=tx)
        statement = await db.execute_statement(statement="SELECT * FROM db")
        assert_type(statement, StatementResult)
        await db.add_stream_listener(hear)
        await db.add_stream_listener(print)
    assert_type(await AsyncDynafile.open("db"), AsyncDynafile)
    database = await AsyncDatabase.open()
    assert_type(await database.create_table("orders"), AsyncTable)
    assert_type(database.table("orders"), AsyncTable)
    assert_type(await database.table("orders"), AsyncTable)
    assert_type(await database.describe_table("orders"), TableDescription)
    assert_type(await database.tables(), tuple[str, ...])
    await database.close()

async def wrong(db: AsyncDynafile) -> None:
    len(db)  # E: arg-type
    with db: ...  # E: attr-defined
    db.get_itm(key={})  # E: attr-defined
    await db.put_item(itm={})  # E: call-arg
    (await db.get_item(key={}))["name"]  # E: index
    for item in db.query("a"): ...  # E: attr-defined
    await db.query("a")  # E: misc
    for record in db.stream(): ...  # E: attr-defined
    async for record in db.stream(): record.ack()  # E: unused-coroutine
    AsyncDynafile("db", durability="perhaps")  # E: arg-type
"""


def checked(folder: Path, program: str) -> set[tuple[int, str]]:
    """Return the lines that mypy complains of, with the codes of its complaints."""
    path = folder / "program.py"
    path.write_text("from __future__ import annotations\n" + program, encoding="utf-8")
    place = Path(dynafile.__file__).parent.parent
    paths = {} if "site-packages" in place.parts else {"MYPYPATH": str(place)}
    command = ["--strict", "--cache-dir", str(folder / "cache"), "--no-error-summary", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *command],
        cwd=folder,
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    complaints = set()
    for line in done.stdout.splitlines():
        if " error: " in line:
            where, _, rest = line.partition(": error: ")
            assert where.startswith("program.py:"), line
            complaints.add((int(where.split(":")[1]), rest.rpartition("[")[2].rstrip("]")))
    assert not done.stderr, done.stderr
    return complaints


def test_mypy_knows_the_types(tmp_path: Path) -> None:
    lines = ["", *PROGRAM.splitlines()]
    expected = {
        (number + 1, line.split("# E: ")[1]) for number, line in enumerate(lines) if "# E: " in line
    }
    assert checked(tmp_path, PROGRAM) == expected
