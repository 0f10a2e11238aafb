"""The benchmarks work, and their report says what was measured. No figure is judged here."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
COUNTED = BENCHMARKS / "counted.json"
MACHINE = {
    "cpu": "Abacus",
    "cores": 2,
    "memory": "8 GiB",
    "file_system": "ext4",
    "system": "Linux 6.1",
    "python": "CPython 3.11.7",
    "dynafile": "1.0.0",
    "msgspec": "0.22.0",
    "py-lmdb": "3.0.0",
    "diskcache": "5.6.3",
    "TinyDB": "4.9.0",
    "peewee": "4.5.3",
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


def report(
    folder: Path,
    benchmarks: list[dict[str, Any]],
    *options: str,
    fails: bool = False,
    **machine: Any,
) -> str:
    """Run the report on a record, with ``folder`` for the project's; return what it prints."""
    record = {
        "machine_info": MACHINE | machine,
        "commit_info": {"id": "0123456789abcdef", "dirty": False},
        "datetime": "2026-02-28T12:00:00+00:00",
        "benchmarks": benchmarks,
    }
    path = folder / "run.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return run_report(path, folder, *options, fails=fails)


def run_report(path: Path, folder: Path, *options: str, fails: bool = False) -> str:
    command = [sys.executable, str(BENCHMARKS / "report.py"), str(path), "--root", str(folder)]
    done = subprocess.run(
        [*command, *options], check=False, stdout=subprocess.PIPE, encoding="utf-8", env=UTF8
    )
    assert done.returncode == fails
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


def imported(module: str) -> Any:
    """Import a module of the benchmarks, which are no package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))


def whole_run() -> list[dict[str, Any]]:
    operations, matrix = imported("operations"), imported("matrix")
    places = {
        (operation.group, contender)
        for operation in operations.EVERY
        for contender in (operation.ours, *operation.peers)
    } | set(matrix.places())
    measurements = [measured(group, contender, [0.5], 1) for group, contender in sorted(places)]
    return [*measurements, {"extra_info": {"counted": json.loads(COUNTED.read_text())}}]


def with_documents(root: Path) -> Path:
    """Make documents with a block each."""
    (root / "docs").mkdir()
    for name in ("README.md", "docs/benchmarks.md"):
        text = "Before.\n\n<!-- bench:begin -->\nof an earlier run\n<!-- bench:end -->\n\nAfter.\n"
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_a_whole_run_is_kept_and_written_into_the_documents(tmp_path: Path) -> None:
    printed = report(with_documents(tmp_path), whole_run())
    (kept,) = (tmp_path / "benchmarks" / "results").iterdir()
    assert kept.name == "2026-02-28-01234567.json"
    for name, further in (("README.md", False), ("docs/benchmarks.md", True)):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert f"{name} written" in printed
        assert text.startswith("Before.\n\n<!-- bench:begin -->\n\n")
        assert text.endswith("\n\n<!-- bench:end -->\n\nAfter.\n")
        assert "of an earlier run" not in text
        assert "2026-02-28 at commit 01234567: Abacus, 2 cores, 8 GiB, ext4" in text
        assert ("Beyond the targets" in text) == further
        for path in re.findall(r"\]\((.*?\.svg)\)", text):
            assert ((tmp_path / name).parent / path).exists()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    run_report(kept, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_matrix_says_who_wins_and_who_cannot(tmp_path: Path) -> None:
    printed = report(
        tmp_path,
        [
            measured("flights-get-1000", "Dynafile", [0.002], 1000),
            measured("flights-get-1000", "LMDB with msgspec", [0.001], 1000),
            measured("flights-get-1000", "diskcache", [0.004], 1000),
            measured("flights-get-1000", "TinyDB", [1.9], 1, left_out=True),
            measured("flights-query-1000", "Dynafile", [0.002], 1000),
        ],
    )
    assert cells(printed)[0] == [
        "operation", "items", "Dynafile", "sqlite3 with msgspec", "LMDB with msgspec", "diskcache",
        "TinyDB", "TinyDB, caching", "dynafile 0.1.3",
    ]  # fmt: skip
    assert [
        "get", "1,000", "2.00 µs", "not measured", "**1.00 µs**", "4.00 µs",
        "left out: one takes 1.90 s", "not measured", "not measured",
    ] in cells(printed)  # fmt: skip
    assert "cannot: no ranges of keys" in printed
    assert "- LMDB with msgspec is better in 1 of 1: get (2 ×)\n" in printed
    assert "- diskcache is better in 0 of 1\n" in printed


def test_plots_show_every_contender_or_say_why_not(tmp_path: Path) -> None:
    """As text, so that who sees no colours reads it too."""
    run = whole_run()
    for one in run:
        if one.get("group") == "flights-get-1000" and one["extra_info"]["contender"] == "TinyDB":
            one["extra_info"]["left_out"] = True
    report(with_documents(tmp_path), run)
    matrix = imported("matrix")
    drawings = sorted((tmp_path / "docs" / "plots").iterdir())
    assert [path.name for path in drawings] == ["1000.svg", "20000.svg", "300000.svg"]
    for path in drawings:
        drawn = ET.parse(path)
        texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
        for name in matrix.CONTENDERS:
            assert texts.count(name) == len(matrix.ROWS)
        circles = list(drawn.iter("{http://www.w3.org/2000/svg}circle"))
        first = path.name == "1000.svg"
        left_out = len(matrix.CANNOT) + first
        assert len(circles) == len(matrix.ROWS) * len(matrix.CONTENDERS) - left_out
        assert ("left out: one takes 500 ms" in texts) == first
        assert set(matrix.CANNOT.values()) <= set(texts)


def test_more_counted_work_fails_and_worse_ratios_warn(tmp_path: Path) -> None:
    report(with_documents(tmp_path), whole_run())
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    worse = whole_run()
    for one in worse:
        if one.get("group") == "get" and one["extra_info"]["contender"] == "Dynafile":
            one["stats"]["data"] = [1.0]
    printed = report(tmp_path, worse, "--no-write")
    assert "warning: get: 2.00 × LMDB with msgspec, and was 1.00 ×" in printed
    assert "error" not in printed
    worse[-1]["extra_info"]["counted"]["put, durable"]["syncs"] += 1
    for one in worse:
        if one.get("group") == "flights-disk-1000" and one["extra_info"]["contender"] == "Dynafile":
            one["stats"]["data"] = [0.6]
    printed = report(tmp_path, worse, fails=True)
    assert "error: put, durable: 2 syncs, and were 1" in printed
    assert "error: disk, 1,000 flights: 0.6 bytes an item, and were 0.5" in printed
    kept[tmp_path / "run.json"] = (tmp_path / "run.json").read_bytes()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_counted_work_is_no_more_than_what_is_kept(tmp_path: Path) -> None:
    """Calls, syncs and bytes of every operation, on the volume; and the check can fail."""
    command = [sys.executable, "-P", str(BENCHMARKS / "counted.py"), "--baseline"]
    environment = {**UTF8, "PYTHONPATH": str(BENCHMARKS)}
    done = subprocess.run(
        [*command, COUNTED], stdout=subprocess.PIPE, encoding="utf-8", env=environment
    )
    assert done.returncode == 0, f"{done.stdout}\nwhere that is worth it: counted.py --accept"
    stricter = json.loads(COUNTED.read_text(encoding="utf-8"))
    stricter["get, warm"]["calls"] = -1
    stricter["put, durable"]["bytes written"] *= 0.9
    stricter["put, twice"] = {"calls": 1}
    path = tmp_path / "counted.json"
    path.write_text(json.dumps(stricter), encoding="utf-8")
    done = subprocess.run(
        [*command, path], stdout=subprocess.PIPE, encoding="utf-8", env=environment
    )
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "get, warm", "put, durable", "put, twice",
    ]  # fmt: skip


def test_a_link_is_as_much_work_to_a_long_list_as_to_a_short_one() -> None:
    """But for the digits of its length, which is counted beside it."""
    counted = json.loads(COUNTED.read_text(encoding="utf-8"))
    short, long = (counted[f"add a link, to a list of {length}"] for length in ("10", "1,000"))
    assert abs(long.pop("bytes written") - short.pop("bytes written")) <= 8
    assert long == short


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
    # It measures nothing where it is told that it is one of the processes that share tests.
    environment = {name: value for name, value in UTF8.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment,
    )
    assert done.returncode == 0, done.stdout
    assert list((tmp_path / "data").iterdir()) == []
    kept = json.loads(record.read_text(encoding="utf-8"))
    assert set(kept["machine_info"]) == set(MACHINE), "and nothing that names the machine"
    kept["machine_info"]["small"] = False
    record.write_text(json.dumps(kept), encoding="utf-8")
    printed = run_report(record, tmp_path)
    # Where the flights are not installed, or dynafile 0.1.3, Kybra Simple DB, KYDB, Montybase or
    # montydb is not: `make bench` installs them all.
    lacking = printed.partition("it lacks")[2].splitlines()[1:]
    of_montybase = tuple(
        f": Montybase 0.1.6{more}" for more in ("", ", and its file", ", and a copy")
    )
    apart = (": Kybra Simple DB", ": KYDB on files", ": montydb on SQLite", *of_montybase)
    assert all(line.startswith("- flights-") or line.endswith(apart) for line in lacking), (
        "the run is not whole"
    )
    assert lacking or "README.md has no" in printed


def test_flights_are_items_with_types() -> None:
    flights = imported("flights")
    if not flights.installed():
        pytest.skip("`make test` installs the flights")
    items = list(itertools.islice(flights.flights(), 20_000))
    assert items[0] == {
        "PK": "UA#2013-01-01", "SK": "0515#1545", "year": 2013, "month": 1, "day": 1,
        "dep_time": 517, "sched_dep_time": 515, "dep_delay": 2, "arr_time": 830,
        "sched_arr_time": 819, "arr_delay": 11, "carrier": "UA", "flight": 1545,
        "tailnum": "N14228", "origin": "EWR", "dest": "IAH", "air_time": 227, "distance": 1400,
        "hour": 5, "minute": 15, "time_hour": "2013-01-01T10:00:00Z",
    }  # fmt: skip
    assert len({(item["PK"], item["SK"]) for item in items}) == len(items)
    cancelled = [item for item in items if "dep_time" not in item]
    assert cancelled
    assert all("NA" not in item.values() for item in items)


def test_every_kept_record_can_be_read(tmp_path: Path) -> None:
    for path in (BENCHMARKS / "results").glob("*.json"):
        assert "`get_item`, warm" in run_report(path, tmp_path, "--no-write")


def test_the_documents_show_what_was_kept_last(tmp_path: Path) -> None:
    """Tables and plots are what the generator makes of the newest record."""
    kept = (BENCHMARKS / "results").glob("*.json")
    last = max(kept, key=lambda path: str(json.loads(path.read_text(encoding="utf-8"))["time"]))
    plots = [f"docs/plots/{path.name}" for path in (ROOT / "docs" / "plots").glob("*")]
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/benchmarks.md"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    run_report(last, tmp_path)
    for name in ("README.md", "docs/benchmarks.md", *plots):
        shown = (ROOT / name).read_text(encoding="utf-8")
        assert (tmp_path / name).read_text(encoding="utf-8") == shown, "run report.py on it"
    assert {path.name for path in (tmp_path / "docs").glob("plots/*")} == {
        Path(name).name for name in plots
    }
