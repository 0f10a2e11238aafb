"""``dynafile query`` and ``scan``: which items, in which order, in which format."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Dynafile

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


def names(text: str) -> list[Any]:
    return [json.loads(line)["SK"] for line in text.splitlines()]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["Lyon", "Nice", "Paris"]),
        (["--reverse"], ["Paris", "Nice", "Lyon"]),
        (["--limit", "2"], ["Lyon", "Nice"]),
        (["--reverse", "--limit", "1"], ["Paris"]),
        (["--begins-with", "P"], ["Paris"]),
        (["--begins-with", "x"], []),
        (["--between", "Lyon", "Nice"], ["Lyon", "Nice"]),
        (["--eq", "Nice"], ["Nice"]),
        (["--lt", "Nice"], ["Lyon"]),
        (["--lte", "Nice"], ["Lyon", "Nice"]),
        (["--gt", "Nice"], ["Paris"]),
        (["--gte", "Nice", "--reverse"], ["Paris", "Nice"]),
        (["--filter", "population > 400000"], ["Lyon", "Paris"]),
        (["--filter", "population > 400000", "--limit", "1"], ["Lyon"]),
        (["--filter", "SK =~ /^N/"], ["Nice"]),
    ],
)
def test_query(run: Run, cities: str, options: list[str], expected: list[str]) -> None:
    assert names(run("query", cities, "FR", *options).stdout) == expected


def test_query_by_numbers(run: Run) -> None:
    lines = "\n".join(json.dumps({"PK": 1, "SK": n}) for n in (-5, 2, 10))
    run("import", "db", "-", stdin=lines)
    assert names(run("query", "db", "1.0", "--gt", "-5").stdout) == [2, 10]
    assert names(run("query", "db", "1", "--between", "-5", "2.5").stdout) == [-5, 2]
    assert "SK is a number" in run("query", "db", "1", "--lt", "x", code=2).stderr


def test_one_condition_a_query(run: Run, cities: str) -> None:
    done = run("query", cities, "FR", "--lt", "a", "--begins-with", "b", code=2)
    assert "--begins-with and --lt cannot be combined" in done.stderr
    run("query", cities, "FR", "--limit", "0", code=2)


def test_conditions_need_a_sort_key(run: Run) -> None:
    run("put", "plain", '{"PK": "a"}', "--no-sk")
    assert run("query", "plain", "a").stdout == '{"PK":"a"}\n'
    assert "no sort key" in run("query", "plain", "a", "--lt", "b", code=2).stderr


def test_scan(run: Run, cities: str) -> None:
    assert sorted(names(run("scan", cities).stdout)) == ["Berlin", "Lyon", "Nice", "Paris"]
    assert len(names(run("scan", cities, "--limit", "3").stdout)) == 3
    found = run("scan", cities, "--filter", "population > 2000000").stdout
    assert sorted(names(found)) == ["Berlin", "Paris"]


def test_scan_in_segments(run: Run, folder: Path) -> None:
    with Dynafile(folder / "db") as db, db.batch_writer() as batch:
        for n in range(100):
            batch.put_item(item={"PK": str(n), "SK": str(n)})
    parts = [
        names(run("scan", "db", "--segment", str(n), "--total-segments", "3").stdout)
        for n in range(3)
    ]
    assert all(parts)
    assert sorted(chain(*parts)) == sorted(str(n) for n in range(100))
    for options in (["--segment", "0"], ["--total-segments", "2"]):
        assert "go together" in run("scan", "db", *options, code=2).stderr
    done = run("scan", "db", "--segment", "3", "--total-segments", "3", code=2)
    assert done.stderr.startswith("error: ")


def test_a_filter_that_does_not_parse(run: Run, cities: str) -> None:
    done = run("scan", cities, "--filter", "population >> 1", code=2)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "12" in done.stderr
    assert "hint: filters look like" in done.stderr


def test_json_is_an_array(run: Run, cities: str) -> None:
    text = run("query", cities, "FR", "--format", "json").stdout
    assert [item["SK"] for item in json.loads(text)] == ["Lyon", "Nice", "Paris"]
    assert text.startswith('[\n  {\n    "PK": "FR",\n')
    assert json.loads(run("query", cities, "XX", "--format", "json").stdout) == []


def test_tables(run: Run, cities: str) -> None:
    text = run("query", cities, "FR", "--format", "table").stdout
    header, rule, *rows = text.splitlines()
    assert header.split() == ["PK", "SK", "population", "also"]
    assert set(rule.strip()) == {"─"}
    assert [row.split() for row in rows] == [
        ["FR", "Lyon", "522969"],
        ["FR", "Nice", "338620"],
        ["FR", "Paris", "2138551", '["Lutetia"]'],
    ]
    assert rows[0].index("522969") + 6 == rows[2].index("2138551") + 7


def test_tables_leave_out_what_does_not_fit(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = {"PK": "a", "SK": "1", **{f"attribute{n}": "x" * 30 for n in range(9)}}
    run("put", "db", json.dumps(item))
    for width, expected in ((30, 0), (40, 1), (80, 2), (120, 3), (400, 9)):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = run("scan", "db", "--format", "table").stdout.splitlines()
        assert all(len(line) <= width for line in lines)
        assert lines[0].split() == ["PK", "SK", *(f"attribute{n}" for n in range(expected))]
        assert lines[-1].startswith("not shown: ") == (expected < 9)


def test_a_table_shows_the_first_hundred(run: Run, folder: Path) -> None:
    with Dynafile(folder / "db") as db, db.batch_writer() as batch:
        for n in range(120):
            batch.put_item(item={"PK": "a", "SK": f"{n:03}"})
    done = run("query", "db", "a", "--format", "table")
    assert len(done.stdout.splitlines()) == 2 + 100
    assert "the first 100" in done.stderr
    done = run("query", "db", "a", "--format", "table", "--limit", "110")
    assert len(done.stdout.splitlines()) == 2 + 110
    assert done.stderr == ""
    assert "no items" in run("query", "db", "x", "--format", "table").stderr


def test_nothing_in_an_item_commands_the_terminal(run: Run) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\r\u202egnp.exe\n"
    run("put", "db", json.dumps({"PK": "a\x1b[2J", "SK": "1", "x\x1b": evil, "y": [evil]}))
    for command in (["scan", "db"], ["get", "db", "a\x1b[2J", "1"]):
        text = run(*command, "--format", "table").stdout
        assert not set(text) & set("\x1b\x07\x9b\r\u202e")
        assert "\\x1b" in text
    done = run("get", "db", "no\x1b[2Jsuch", "1", code=1)
    assert "\x1b" not in done.stderr
