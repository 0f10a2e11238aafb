"""``dynafile sql``: what it prints, what it says besides, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Database, Dynafile, GlobalIndex

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

SCAN = "note: this reads all of the table cities, because no condition fixes the partition key\n"


def names(text: str) -> list[Any]:
    return [json.loads(line)["SK"] for line in text.splitlines()]


def test_select(run: Run, cities: str) -> None:
    done = run("sql", cities, "SELECT * FROM cities WHERE PK = 'FR' AND SK < 'P'")
    assert done.stdout == (
        '{"PK":"FR","SK":"Lyon","population":522969}\n{"PK":"FR","SK":"Nice","population":338620}\n'
    )
    assert done.stderr == ""
    done = run("sql", cities, "SELECT SK FROM cities WHERE PK = 'FR' ORDER BY SK DESC")
    assert names(done.stdout) == ["Paris", "Nice", "Lyon"]
    done = run("sql", cities, "SELECT also[0] FROM cities WHERE PK = 'FR' AND SK = 'Paris'")
    assert done.stdout == '{"also[0]":"Lutetia"}\n'
    assert run("sql", cities, "SELECT * FROM cities WHERE PK = 'XX'").stdout == ""


def test_a_scan_is_told(run: Run, cities: str) -> None:
    done = run("sql", cities, "SELECT SK FROM cities WHERE population > 2000000")
    assert sorted(names(done.stdout)) == ["Berlin", "Paris"]
    assert done.stderr == SCAN
    run("index", "add", cities, "by-size", "--pk", "size", "--sk", "population")
    done = run("sql", cities, 'SELECT SK FROM cities."by-size"')
    assert done.stderr.startswith("note: this reads all of the index by-size, because")


def test_limit_and_pages(run: Run, folder: Path) -> None:
    with Dynafile(folder / "big", table_name="big") as db, db.batch_writer() as batch:
        for number in range(30):
            batch.put_item(item={"PK": "a", "SK": f"{number:02}", "blob": "x" * 100_000})
    done = run("sql", "big", "SELECT SK FROM big WHERE PK = 'a'")
    assert names(done.stdout) == [f"{number:02}" for number in range(30)], "three pages"
    done = run("sql", "big", "SELECT SK FROM big WHERE PK = 'a' AND SK > '04'", "--limit", "2")
    assert names(done.stdout) == ["05", "06"]
    done = run("sql", "big", "SELECT SK FROM big WHERE SK > '20'", "--limit", "20")
    assert len(names(done.stdout)) == 9, "the limit counts what is printed"


def test_formats(run: Run, cities: str) -> None:
    done = run("sql", cities, "SELECT * FROM cities WHERE PK = 'DE'", "--format", "table")
    assert done.stdout.split()[:3] == ["PK", "SK", "population"]
    done = run("sql", cities, "SELECT population, SK FROM cities WHERE PK = 'DE'", "-f", "table")
    assert done.stdout.split()[:2] == ["population", "SK"]
    done = run("sql", cities, "SELECT SK FROM cities WHERE PK = 'DE'", "--format", "json")
    assert json.loads(done.stdout) == [{"SK": "Berlin"}]


def test_writes(run: Run, cities: str) -> None:
    insert = "INSERT INTO cities VALUE {'PK': 'IT', 'SK': ?, 'population': ?, 'tags': <<'new'>>}"
    done = run("sql", cities, insert, "--parameter", '"Rome"', "-p", "2318895")
    assert (done.stdout, done.stderr) == ("", "")
    assert run("get", cities, "IT", "Rome").stdout == (
        '{"PK":"IT","SK":"Rome","population":2318895,"tags":{"$set":["new"]}}\n'
    )
    done = run("sql", cities, insert, "-p", '"Rome"', "-p", "1", code=1)
    assert done.stderr == "error: Duplicate primary key exists in table\n"
    update = "UPDATE cities SET population = population + ? WHERE PK = 'IT' AND SK = 'Rome'"
    done = run("sql", cities, f"{update} RETURNING MODIFIED NEW *", "-p", "0.5")
    assert done.stdout == '{"population":{"$decimal":"2318895.5"}}\n'
    done = run("sql", cities, f"{update} AND population < 3", "-p", "1", code=1)
    assert done.stderr == "error: The conditional request failed\n"
    delete = "DELETE FROM cities WHERE PK = 'IT' AND SK = 'Rome' RETURNING ALL OLD *"
    assert json.loads(run("sql", cities, delete).stdout)["SK"] == "Rome"
    assert run("sql", cities, delete).stdout == ""


def test_parameters_with_tags(run: Run, cities: str) -> None:
    insert = "INSERT INTO cities VALUE {'PK': 'IT', 'SK': 'Pisa', 'raw': ?, 'price': ?}"
    run("sql", cities, insert, "-p", '{"$binary": "AAE="}', "-p", "1.50")
    with Dynafile(cities, read_only=True) as db:
        item = db.get_item(key={"PK": "IT", "SK": "Pisa"})
    assert item is not None
    assert (item["raw"], str(item["price"])) == (b"\x00\x01", "1.50")


def test_explain(run: Run, cities: str) -> None:
    done = run("sql", cities, "SELECT * FROM cities WHERE population > ?", "-p", "3", "--explain")
    assert done.stdout == "Scan on cities: reads the whole table\n  filter: population > 3\n"
    assert done.stderr == ""
    delete = "DELETE FROM cities WHERE PK = 'FR' AND SK = 'Paris' AND x IS MISSING"
    assert run("sql", cities, delete, "--explain").stdout == (
        "DeleteItem on cities\n  key condition: PK = 'FR' AND SK = 'Paris'\n"
        "  condition: x IS MISSING\n"
    )
    run("get", cities, "FR", "Paris")
    done = run("sql", cities, "SELECT * FROM cities WHERE PK = '\x1b[31m'", "--explain")
    assert "\x1b" not in done.stdout


def test_several_tables(run: Run, folder: Path) -> None:
    with Database(folder / "shop") as db:
        orders = db.create_table("orders", "id", None, indexes={"by-s": GlobalIndex(pk="s")})
        orders.put_item(item={"id": 1, "s": "open"})
        db.create_table("customers", "id", None).put_item(item={"id": "ada"})
    assert run("sql", "shop", "SELECT * FROM customers WHERE id = 'ada'").stdout == (
        '{"id":"ada"}\n'
    )
    assert run("sql", "shop", "SELECT id FROM orders.\"by-s\" WHERE s = 'open'").stdout == (
        '{"id":1}\n'
    )
    one = ("sql", "shop", "--table", "orders")
    run(*one, "UPDATE orders SET x = 1 WHERE id = 1")
    assert json.loads(run(*one, "SELECT x FROM orders WHERE id = 1").stdout) == {"x": 1}
    done = run(*one, "SELECT * FROM customers", code=2)
    assert done.stderr == "error: there is no table customers in shop\nhint: there is orders\n"
    done = run("sql", "shop", "SELECT * FROM x", code=2)
    assert done.stderr.endswith("hint: there is customers, orders\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["SELEC * FROM cities"], 2, "at line 1, column 1\nhint: statements look like: SELECT"),
        (["SELECT * FROM cities WHERE PK = ?"], 3, "1 question marks, and there are 0 parameters"),
        (["SELECT * FROM cities WHERE PK = ?", "-p", "ada"], 2, "parameter ada is not valid JSON"),
        (["SELECT * FROM cities WHERE PK = 1"], 3, "is a number (N), and the table's is a string"),
        (["SELECT * FROM cities.nothing"], 3, "the table 'cities' has no index 'nothing'"),
        (
            ["UPDATE cities SET a = 1 WHERE PK = 'FR'"],
            3,
            "the WHERE names one item by its key: PK = ... AND SK = ...",
        ),
        (["EXISTS(SELECT * FROM cities WHERE PK = 'FR')"], 3, "only be used in transactions"),
        (["SELECT * FROM nothing"], 2, "there is no table nothing in cities\nhint: there is citi"),
        (["SELECT * FROM cities", "--limit", "0"], 2, "--limit"),
        ([], 2, "STATEMENT"),
    ],
)
def test_refusals(run: Run, cities: str, arguments: list[str], code: int, words: str) -> None:
    assert words in run("sql", cities, *arguments, code=code).stderr


def test_a_folder_without_a_table(run: Run, folder: Path) -> None:
    done = run("sql", "nothing", "SELECT * FROM cities", code=4)
    assert "nothing does not exist" in done.stderr
    assert not (folder / "nothing").exists()
