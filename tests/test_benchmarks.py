"""The benchmarks work, and their report says what was measured. No figure is judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
MACHINE = {
    "cpu": "Abacus",
    "cores": 2,
    "system": "Linux 6.1",
    "python": "CPython 3.11.7",
    "dynafile": "1.0.0",
    "msgspec": "0.22.0",
    "py-lmdb": "3.0.0",
    "sqlite": "3.40.1",
    "small": False,
}


def measured(
    group: str, contender: str, data: list[float], operations: int, **more: Any
) -> dict[str, Any]:
    """Make what pytest-benchmark records of one benchmark, as far as the report reads it."""
    return {
        "group": group,
        "extra_info": {"contender": contender, "operations": operations, "unit": "s", **more},
        "stats": {"data": data},
    }


def report(folder: Path, benchmarks: list[dict[str, Any]], *options: str, **machine: Any) -> str:
    """Run the report on a record, with ``folder`` for the project's; return what it prints."""
    record = {
        "machine_info": MACHINE | machine,
        "commit_info": {"id": "0123456789abcdef", "dirty": False},
        "datetime": "2026-02-28T12:00:00+00:00",
        "benchmarks": benchmarks,
    }
    path = folder / "run.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return run_report(path, folder, *options)


def run_report(path: Path, folder: Path, *options: str) -> str:
    command = [sys.executable, str(BENCHMARKS / "report.py"), str(path), "--root", str(folder)]
    done = subprocess.run(
        [*command, *options], check=True, stdout=subprocess.PIPE, encoding="utf-8", env=UTF8
    )
    return done.stdout


UTF8 = {**os.environ, "PYTHONIOENCODING": "utf-8"}


def cells(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_has_medians_of_all_turns_and_ratios_of_those(tmp_path: Path) -> None:
    printed = report(
        tmp_path,
        [
            measured("get", "Dynafile", [0.002, 0.004], 1000),
            measured("get", "Dynafile", [0.003], 1000),
            measured("get", "LMDB with msgspec", [0.002], 1000),
            measured("get", "sqlite3", [0.010], 1000),
            measured("open", "Dynafile", [9.0], 1, values=[0.1, 0.2, 0.3]),
            measured("memory", "Dynafile", [9.0], 1, values=[100 << 20], unit="B"),
        ],
    )
    rows = cells(printed)
    assert rows[0] == ["operation", "Dynafile", "against", "theirs", "ratio", "target", "met"]
    assert ["`get_item`, warm", "3.00 µs", "LMDB with msgspec", "2.00 µs", "1.50 ×", "≤ 1.2 ×",
            "**no**"] in rows  # fmt: skip
    assert ["", "", "sqlite3", "10.0 µs", "0.30 ×", "≤ 0.35 ×", "yes"] in rows
    assert ["open a table of 1,000,000 items and get one", "200 ms", "", "", "", "≤ 150 ms",
            "**no**"] in rows  # fmt: skip
    (memory,) = (row for row in rows if row[0].startswith("memory"))
    assert memory[1:] == ["100 MiB", "", "", "", "≤ 250 MiB", "yes"]
    assert "2026-02-28 at commit 01234567: Abacus, 2 cores" in printed


def test_a_mean_is_taken_where_what_is_rare_must_count(tmp_path: Path) -> None:
    printed = report(
        tmp_path,
        [
            measured("put-sustained", "Dynafile", [0.001, 0.001, 0.010], 100),
            measured("put-sustained", "sqlite3", [0.002], 100),
        ],
    )
    (row,) = (row for row in cells(printed) if "with checkpoints" in row[0])
    assert row[1:5] == ["40.0 µs", "sqlite3", "20.0 µs", "2.00 ×"]


def whole_run() -> list[dict[str, Any]]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        from operations import FURTHER, TARGETS  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(BENCHMARKS))
    places = {
        (operation.group, contender)
        for operation in (*TARGETS, *FURTHER)
        for contender in (operation.ours, *operation.peers)
    }
    return [measured(group, contender, [0.5], 1) for group, contender in sorted(places)]


def test_a_whole_run_is_kept_and_written_into_the_documents(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/benchmarks.md"):
        text = "Before.\n\n<!-- bench:begin -->\nold\n<!-- bench:end -->\n\nAfter.\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
    printed = report(tmp_path, whole_run())
    (kept,) = (tmp_path / "benchmarks" / "results").iterdir()
    assert kept.name == "2026-02-28-01234567.json"
    for name, further in (("README.md", False), ("docs/benchmarks.md", True)):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert f"{name} written" in printed
        assert text.startswith("Before.\n\n<!-- bench:begin -->\n\n| operation")
        assert text.endswith("\n\n<!-- bench:end -->\n\nAfter.\n")
        assert "old" not in text
        assert ("Beyond the targets" in text) == further
    before = (tmp_path / "README.md").read_text(encoding="utf-8")
    run_report(kept, tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("left_out", "machine", "why"),
    [(1, {}, "not whole"), (0, {"small": True}, "mean nothing")],
)
def test_a_run_that_says_little_is_only_printed(
    left_out: int, machine: dict[str, Any], why: str, tmp_path: Path
) -> None:
    printed = report(tmp_path, whole_run()[left_out:], **machine)
    assert why in printed
    assert cells(printed)
    assert not (tmp_path / "benchmarks").exists()


def test_every_benchmark_runs(tmp_path: Path) -> None:
    """All of them with few items, and the report finds in it every row that it knows."""
    record = tmp_path / "run.json"
    command = [sys.executable, "-m", "pytest", str(BENCHMARKS), "--small", "-q"]
    options = [f"--benchmark-json={record}", f"--folder={tmp_path / 'data'}"]
    done = subprocess.run(
        [*command, *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=UTF8,
    )
    assert done.returncode == 0, done.stdout
    assert list((tmp_path / "data").iterdir()) == []
    kept = json.loads(record.read_text(encoding="utf-8"))
    assert set(kept["machine_info"]) == set(MACHINE), "and nothing that names the machine"
    kept["machine_info"]["small"] = False
    record.write_text(json.dumps(kept), encoding="utf-8")
    assert "README.md has no" in run_report(record, tmp_path), "the run is not whole"


def test_the_documents_show_what_was_kept_last(tmp_path: Path) -> None:
    kept = (BENCHMARKS / "results").glob("*.json")
    last = max(kept, key=lambda path: str(json.loads(path.read_text(encoding="utf-8"))["time"]))
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/benchmarks.md"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    run_report(last, tmp_path)
    for name in ("README.md", "docs/benchmarks.md"):
        shown = (ROOT / name).read_text(encoding="utf-8")
        assert (tmp_path / name).read_text(encoding="utf-8") == shown, "run report.py on it"
