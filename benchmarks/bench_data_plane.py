"""DynamoDB's data plane: updates, expressions, transactions, filtered scans."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import data
import pytest
from contenders import in_turns
from contenders.ours import Ours
from data import Item
from measuring import Measure, Sizes
from operations import GIVING_BACK, IN_BATCH, OURS, SQLITE, UNFILTERED

from dynafile import Dynafile
from dynafile.expressions import Expressions

TURNS: Final = 6
TOGETHER: Final = 10

_rng = random.Random(6)


@pytest.fixture(scope="module")
def table(folder: Path, items: list[Item]) -> Iterator[Dynafile]:
    """The orders, relaxed."""
    ours = Ours(folder / "data-plane", "relaxed")
    ours.load(items)
    yield ours.db
    ours.close()


# -- writes ---------------------------------------------------------------------------------------


def _update(db: Dynafile, items: list[Item]) -> None:
    for item in items:
        db.update_item(
            key={"PK": item["PK"], "SK": item["SK"]},
            update_expression="SET #t = :total, #l = #l + :one",
            condition_expression="currency = :eur",
            expression_attribute_names={"#t": "total", "#l": "lines"},
            expression_attribute_values={":total": item["total"], ":one": 1, ":eur": "EUR"},
        )


def _put_back(db: Dynafile, items: list[Item]) -> None:
    for item in items:
        db.put_item(item=item, return_values="ALL_OLD")


@pytest.mark.parametrize("name", in_turns((OURS, GIVING_BACK), TURNS))
def test_update(name: str, table: Dynafile, sizes: Sizes, measure: Measure) -> None:
    write = _update if name == OURS else _put_back
    versions = data.new_versions(sizes.items)

    def prepare() -> tuple[Dynafile, list[Item]]:
        return table, [next(versions) for _ in range(sizes.puts)]

    measure("update", name, write, prepare=prepare, operations=sizes.puts, rounds=8, warmup=1)


def _batches(db: Dynafile, groups: list[list[Item]]) -> None:
    for group in groups:
        with db.batch_writer() as writer:
            for item in group:
                writer.put_item(item=item)


def _transactions(db: Dynafile, groups: list[list[Item]]) -> None:
    for group in groups:
        db.transact_write_items(transact_items=[{"Put": {"Item": item}} for item in group])


@pytest.mark.parametrize("name", in_turns((OURS, IN_BATCH), TURNS))
def test_transaction(
    name: str, table: Dynafile, items: list[Item], sizes: Sizes, measure: Measure
) -> None:
    write = _transactions if name == OURS else _batches
    count = max(1, sizes.puts // TOGETHER)

    def prepare() -> tuple[Dynafile, list[list[Item]]]:
        return table, [_rng.sample(items, TOGETHER) for _ in range(count)]

    measure("transaction", name, write, prepare=prepare, operations=count, rounds=8, warmup=1)


# -- expressions ----------------------------------------------------------------------------------


def _prepare_expressions(values: list[int]) -> None:
    for value in values:
        request = Expressions({"#s": "status"}, {":open": "open", ":low": value})
        request.condition("#s = :open AND amount > :low")
        request.finish()


def test_expression(sizes: Sizes, measure: Measure) -> None:
    """What a cached expression costs before it is evaluated."""
    measure(
        "expression",
        OURS,
        _prepare_expressions,
        prepare=lambda: (_rng.sample(range(1_000_000), sizes.reads),),
        operations=sizes.reads,
        rounds=20,
        warmup=1,
    )


# -- a filtered scan ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scanned(folder: Path, sizes: Sizes) -> Iterator[dict[str, Callable[[], int]]]:
    """Scans of 100,000 orders: with a filter, without, and by sqlite3."""
    orders = data.orders(sizes.filtered)
    ours = Ours(folder / "filtered", "relaxed")
    ours.load(orders)
    connection = sqlite3.connect(folder / "filtered.db")
    connection.execute("CREATE TABLE t (pk TEXT, sk TEXT, item TEXT, PRIMARY KEY (pk, sk))")
    rows = ((order["PK"], order["SK"], json.dumps(order)) for order in orders)
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.commit()

    def filtered() -> int:
        found = ours.db.scan(
            filter_expression="#s = :open AND #l > :low",
            expression_attribute_names={"#s": "status", "#l": "lines"},
            expression_attribute_values={":open": "open", ":low": 4},
        )
        return sum(1 for _ in found)

    def by_sqlite() -> int:
        rows = connection.execute(
            "SELECT item FROM t WHERE json_extract(item, '$.status') = 'open' "
            "AND json_extract(item, '$.lines') > 4"
        )
        return len([json.loads(item) for (item,) in rows])

    def unfiltered() -> int:
        return sum(1 for _ in ours.db.scan())

    assert filtered() == by_sqlite() > 0
    assert unfiltered() == sizes.filtered
    yield {OURS: filtered, SQLITE: by_sqlite, UNFILTERED: unfiltered}
    ours.close()
    connection.close()


@pytest.mark.parametrize("name", in_turns((OURS, UNFILTERED, SQLITE), TURNS))
def test_filtered_scan(
    name: str, scanned: dict[str, Callable[[], int]], sizes: Sizes, measure: Measure
) -> None:
    measure("filter", name, scanned[name], operations=sizes.filtered, rounds=sizes.sustained_rounds)
