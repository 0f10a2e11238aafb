"""``dynafile export``: everything comes out, and into files that are whole or not there."""

from __future__ import annotations

import csv
import os
import stat
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from dynafile import Dynafile
from dynafile.cli import exporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

ITEMS: list[dict[str, Any]] = [
    {"PK": "a", "SK": "1", "int": 1, "float": 1.0, "decimal": Decimal("1.50"), "big": 10**37},
    {"PK": "a", "SK": "2", "bytes": b"\x00\xff", "true": True, "none": None, "text": 'é"\n,'},
    {"PK": "a", "SK": "3", "list": [1, [2, {"b": (1, 2)}]], "map": {"$set": ["x"]}, "empty": {}},
    {"PK": "a", "SK": "4", "strings": {"x", "y"}, "numbers": {1, Decimal("2.5")}, "blobs": {b"x"}},
    {"PK": "a", "SK": "5", "frozen": frozenset({1}), "uuid": UUID(int=5), "at": time(1, 2, 3)},
    {"PK": "a", "SK": "6", "day": date(2026, 1, 31), "then": datetime(2026, 1, 31, tzinfo=UTC)},
    {"PK": "a", "SK": "7", "then": datetime(2026, 1, 31, 1, 2, 3, 4)},
]


@pytest.fixture
def table(folder: Path) -> str:
    with Dynafile(folder / "db") as db, db.batch_writer() as batch:
        for item in ITEMS:
            batch.put_item(item=item)
    return "db"


def test_an_export_imported_is_the_same_table(run: Run, folder: Path, table: str) -> None:
    exported = run("export", table).stdout
    run("import", "copy", "-", stdin=exported)
    with Dynafile(folder / "copy", read_only=True) as db:
        copied = list(db.query("a"))
    assert copied == ITEMS
    assert [[type(value) for value in item.values()] for item in copied] == [
        [type(value) for value in item.values()] for item in ITEMS
    ]
    assert run("export", "copy").stdout == exported


def test_into_a_file(run: Run, folder: Path, table: str) -> None:
    done = run("export", table, "-o", "out.jsonl")
    assert done.stdout == ""
    assert done.stderr.startswith("exported: 7 items to out.jsonl in ")
    assert (folder / "out.jsonl").read_text(encoding="utf-8") == run("export", table).stdout
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((folder / "out.jsonl").stat().st_mode) == 0o666 & ~mask


def test_a_file_that_was_there_keeps_its_mode(run: Run, folder: Path, table: str) -> None:
    (folder / "out.jsonl").write_text("old")
    (folder / "out.jsonl").chmod(0o640)
    run("export", table, "-o", "out.jsonl")
    assert stat.S_IMODE((folder / "out.jsonl").stat().st_mode) == 0o640
    assert (folder / "out.jsonl").read_text(encoding="utf-8").count("\n") == len(ITEMS)


def test_a_link_stays_a_link(run: Run, folder: Path, table: str) -> None:
    (folder / "real.jsonl").write_text("old")
    (folder / "link.jsonl").symlink_to("real.jsonl")
    run("export", table, "-o", "link.jsonl")
    assert (folder / "link.jsonl").is_symlink()
    assert (folder / "real.jsonl").read_text(encoding="utf-8").count("\n") == len(ITEMS)


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_an_export_that_fails_leaves_the_file_as_it_was(
    run: Run,
    folder: Path,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    before: str | None,
    name: str,
) -> None:
    out = folder / name
    if before is not None:
        out.write_text(before)
    scan = Dynafile.scan

    def failing(db: Dynafile) -> Iterator[dict[str, Any]]:
        yield from list(scan(db))[:3]
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(Dynafile, "scan", failing)
        done = run("export", table, "-o", name, code=1)
    assert "in the middle" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["db"] if before is None else ["db", name]
    )
    if before is not None:
        assert out.read_text() == before


def test_csv(run: Run, folder: Path, table: str) -> None:
    run("export", table, "-o", "out.csv")
    with (folder / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: row["SK"])
    assert list(rows[0])[:2] == ["PK", "SK"]
    assert set(rows[0]) == {name for item in ITEMS for name in item}
    assert [rows[0][name] for name in ("int", "float", "decimal", "text")] == [
        "1",
        "1.0",
        "1.50",
        "",
    ]
    assert [rows[1][name] for name in ("bytes", "true", "none", "text")] == [
        "AP8=",
        "true",
        "null",
        'é"\n,',
    ]
    assert rows[2]["list"] == '[1,[2,{"b":{"$tuple":[1,2]}}]]'
    assert rows[2]["map"] == '{"$$set":["x"]}'
    assert rows[3]["strings"] == '{"$set":["x","y"]}'
    assert [rows[4]["at"], rows[5]["day"]] == ["01:02:03", "2026-01-31"]


def test_csv_imported_with_its_types(run: Run, folder: Path) -> None:
    items = [{"PK": "a", "SK": n, "x": n / 2, "y": [n], "z": b"z"} for n in range(3)]
    with Dynafile(folder / "db") as db:
        for item in items:
            db.put_item(item=item)
    text = run("export", "db", "--format", "csv").stdout
    types = ["--type", "x=float", "--type", "y=json", "--type", "z=binary", "--sk-type", "N"]
    run("import", "copy", "-", "--format", "csv", *types, stdin=text)
    with Dynafile(folder / "copy", read_only=True) as db:
        assert list(db.query("a")) == items


def test_csv_of_nothing_names_the_keys(run: Run, folder: Path) -> None:
    with Dynafile(folder / "db"):
        pass
    assert run("export", "db", "--format", "csv").stdout == "PK,SK\n"
    assert run("export", "db").stdout == ""


def test_rows_that_do_not_fit_the_memory_wait_in_a_file(
    run: Run, folder: Path, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run("export", table, "--format", "csv").stdout
    monkeypatch.setattr(exporter, "_SPOOLED", 10)
    assert run("export", table, "--format", "csv").stdout == expected


def test_a_place_that_cannot_be_written(run: Run, table: str) -> None:
    done = run("export", table, "-o", "nowhere/out.jsonl", code=4)
    assert "error: cannot write nowhere/out.jsonl: No such file or directory" in done.stderr


def test_a_pipe_is_written_to_as_it_stands(run: Run, folder: Path, table: str) -> None:
    run("export", table, "-o", "/dev/null")
    assert not stat.S_ISREG(os.stat("/dev/null").st_mode)
