"""``--table``: commands on a folder that holds several tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dynafile import Database, GlobalIndex

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def shop(folder: Path) -> str:
    with Database(folder / "shop") as db:
        for name in ("orders", "users"):
            db.create_table(name).put_item(item={"PK": name, "SK": "1"})
    return "shop"


def test_each_command_takes_a_table(run: Run, shop: str) -> None:
    on = ("--table", "users")
    item = json.dumps({"PK": "users", "SK": "2", "G": "g"})
    run("put", shop, item, *on)
    run("import", shop, "-", *on, stdin=item.replace('"2"', '"3"'))
    assert run("get", shop, "users", "2", *on).stdout.strip() == item.replace(" ", "")
    run("index", "add", shop, "by-g", "--pk", "G", *on)
    assert json.loads(run("index", "list", shop, *on).stdout)["name"] == "by-g"
    assert len(run("query", shop, "g", "--index", "by-g", *on).stdout.splitlines()) == 2
    assert len(run("query", shop, "users", *on).stdout.splitlines()) == 3
    run("index", "drop", shop, "by-g", *on)
    run("delete", shop, "users", "2", *on)
    assert len(run("scan", shop, *on).stdout.splitlines()) == 2
    assert len(run("export", shop, *on).stdout.splitlines()) == 2
    assert json.loads(run("info", shop, *on).stdout)["item_count"] == 2
    assert run("check", shop, *on).stderr == "ok: shop is whole: 2 items\n"
    assert len(run("scan", shop, "--table", "orders").stdout.splitlines()) == 1


def test_check_of_all_tables(run: Run, shop: str) -> None:
    assert run("check", shop).stderr == "ok: shop is whole: 2 items\n"


def test_a_table_must_be_named(run: Run, shop: str) -> None:
    done = run("scan", shop, code=2)
    assert "shop holds 'orders', 'users': say which one" in done.stderr
    assert "hint: --table NAME says which" in done.stderr
    done = run("scan", shop, "--table", "others", code=2)
    assert "not a table 'others'" in done.stderr


def test_a_new_folder_takes_the_name(run: Run, folder: Path) -> None:
    run("put", "new", '{"PK": "a", "SK": "b"}', "--table", "things")
    with Database(folder / "new", read_only=True) as db:
        assert list(db) == ["things"]


def test_a_database_without_tables(run: Run, folder: Path) -> None:
    Database(folder / "empty").close()
    assert "holds no table yet" in run("scan", "empty", code=2).stderr
    assert run("check", "empty").stderr == "ok: empty is whole: 0 items\n"
    index = {"by-g": GlobalIndex("G")}
    with Database(folder / "empty") as db:
        db.create_table("one-table", indexes=index)
    assert run("scan", "empty").stdout == ""
