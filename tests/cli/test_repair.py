"""``dynafile repair``: what it prints, what it exits with, and its report."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from dynafile import Database, Dynafile, GlobalIndex
from dynafile.cli.failures import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


def damage(folder: Path, pattern: str = "_partitions/*/data.pickle") -> Path:
    (file,) = folder.glob(pattern)
    data = bytearray(file.read_bytes())
    data[200] ^= 1
    file.write_bytes(data)
    return file


def test_of_a_whole_table(run: Run, cities: str) -> None:
    done = run("repair", cities, "--into", "new")
    assert json.loads(done.stdout) == {
        "table": "cities", "saved": 4, "uncertain": 0, "from_indexes": 0, "lost": 0,
        "lost_ranges": 0, "invalid": 0,
    }  # fmt: skip
    assert done.stderr == "ok: new has all that was in cities: 4 items\n"
    assert run("scan", "new").stdout == run("scan", cities).stdout
    table = run("repair", cities, "--into", "other", "--format", "table").stdout
    assert ["table", "saved"] == table.split()[:2]


def test_of_a_damaged_table(run: Run, folder: Path, cities: str) -> None:
    with Dynafile(folder / cities) as db:
        db.add_index("keys", GlobalIndex(pk="population", projection="KEYS_ONLY"))
    broken = folder / "broken"
    shutil.move(folder / cities, broken)
    file = damage(broken)
    done = run("repair", "broken", "--into", "new", "--report", "report.jsonl", code=1)
    told = [line.partition(": ") for line in done.stderr.splitlines()]
    assert [label for label, _, _ in told] == [
        "damaged", "lost", "lost", "lost", "lost", "lost", "error", "hint",
    ]  # fmt: skip
    assert told[0][2].startswith(f"{file.relative_to(broken)}, offset ")
    assert "4 items were there" in told[1][2]
    assert '{"PK":"DE","SK":"Berlin"}' in done.stderr
    lines = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == [
        "damage", "table", "range", "lost", "lost", "lost", "lost",
    ]  # fmt: skip
    assert lines[0]["file"] == str(file.relative_to(broken))
    assert lines[1]["lost"] == 4
    assert {"PK": "FR", "SK": "Paris"} in [line["key"] for line in lines[3:]]
    shutil.rmtree(broken)  # the fixture verifies all that is left


def test_a_report_that_cannot_be_written(run: Run, folder: Path, cities: str) -> None:
    done = run("repair", cities, "--into", "new", "--report", "nowhere/r", code=ExitCode.STORAGE)
    assert "cannot write nowhere/r: " in done.stderr
    assert not (folder / "new").exists()


def test_commits_that_are_lost(run: Run, folder: Path) -> None:
    with Dynafile(folder / "rows") as db:
        for number in range(3):
            db.put_item(item={"PK": f"number {number}", "SK": "s"})
        shutil.copytree(folder / "rows", folder / "killed")
    (segment,) = (folder / "killed").glob("journal/*.log")
    data = bytearray(segment.read_bytes())
    data[data.index(b"number 1")] ^= 1
    segment.write_bytes(data)
    done = run("repair", "killed", "--into", "new", "--report", "report.jsonl", code=1)
    assert json.loads(done.stdout)["saved"] == 2
    assert "lost: the commits with LSN " in done.stderr
    assert 'uncertain: rows: may be an older version: {"PK":"number 0","SK":"s"}' in done.stderr
    kinds = [
        json.loads(line)["kind"] for line in (folder / "report.jsonl").read_text().splitlines()
    ]
    assert kinds == ["damage", "commits", "table", "uncertain"]
    shutil.rmtree(folder / "killed")


def test_many_keys_are_not_all_printed(run: Run, folder: Path) -> None:
    with Dynafile(folder / "rows") as db:
        for number in range(30):
            db.put_item(item={"PK": f"number {number:03}", "SK": "s"})
        db.put_item(item={"PK": "damaged", "SK": "s"})
        db.put_item(item={"PK": "last", "SK": "s"})
        shutil.copytree(folder / "rows", folder / "killed")
    (segment,) = (folder / "killed").glob("journal/*.log")
    data = segment.read_bytes()
    segment.write_bytes(data.replace(b"damaged", b"Damaged"))
    done = run("repair", "killed", "--into", "new", code=1)
    assert done.stderr.count("uncertain: ") == 21
    assert "and 10 more" in done.stderr
    shutil.rmtree(folder / "killed")


def test_one_of_several_tables(run: Run, folder: Path) -> None:
    with Database(folder / "shop") as db:
        for name in ("users", "orders"):
            db.create_table(name).put_item(item={"PK": name, "SK": "s"})
    assert '"table":"orders"' in run("repair", "shop", "--into", "all").stdout
    done = run("repair", "shop", "--into", "one", "--table", "users")
    assert json.loads(done.stdout)["table"] == "users"
    done = run("repair", "shop", "--into", "none", "--table", "other", code=ExitCode.USAGE)
    assert "no table 'other'" in done.stderr
    assert not (folder / "none").exists()


def test_what_is_refused(run: Run, folder: Path, cities: str) -> None:
    done = run("repair", cities, code=ExitCode.USAGE)
    assert "--into" in done.stderr
    done = run("repair", cities, "--into", cities, code=ExitCode.STORAGE)
    assert "choose a new folder" in done.stderr
    done = run("repair", "missing", "--into", "new", code=ExitCode.STORAGE)
    assert "does not exist" in done.stderr
    assert not (folder / "new").exists()
