"""Makes tables and plots of a benchmark run: prints them, and writes them into the documents.

``report.py RAW.json`` takes what ``pytest benchmarks --benchmark-json=RAW.json`` wrote, prints the
tables, holds the run against the last one that was kept, keeps it as
``benchmarks/results/<date>-<commit>.json``, and writes docs/plots/, and the tables between
``<!-- bench:begin -->`` and ``<!-- bench:end -->`` in README.md and docs/benchmarks.md. A run that
is not whole is only printed. ``report.py benchmarks/results/<name>.json`` makes the documents again
from what was kept. The exit code is 1 where counted work has become more; nothing is written then.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from counted import baseline
from matrix import COUNTS, SHOWN_FIRST
from matrix_table import losses, matrix_table
from operations import (
    ASYNCIO,
    DATA_PLANE,
    DOCUMENTS,
    ENTITIES,
    FURTHER,
    INDEXES,
    OBJECTS,
    STREAMS,
    TARGETS,
    Operation,
)
from plots import plots
from quantity import shown
from record import FOLDER, Figure, Result, missing, name_of, newest, read, text_of
from regression import regressions, warnings
from text_table import text_table

ROOT: Final = Path(__file__).resolve().parent.parent
PLOTS: Final = Path("docs", "plots")
_BLOCK: Final = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)
_HEAD: Final = ("operation", "Dynafile", "against", "theirs", "ratio", "target", "met")
_MOST_LACKING: Final = 10
_NUMBERS: Final = frozenset({1, 3, 4, 5})
_VERSIONS: Final = ("msgspec", "py-lmdb", "diskcache", "TinyDB", "peewee", "SQLite")


# -- tables ---------------------------------------------------------------------------------------


def table(result: Result, operations: Iterable[Operation]) -> str:
    """Return a Markdown table of what was measured, with ratios and targets."""
    rows: list[Sequence[str]] = [_HEAD]
    for operation in operations:
        figures = result["groups"].get(operation.group, {})
        if operation.ours in figures:
            rows += _rows(operation, figures)
    return text_table(rows, _NUMBERS)


def _rows(operation: Operation, figures: dict[str, Figure]) -> list[Sequence[str]]:
    unit, value = figures[operation.ours]["unit"], figures[operation.ours][operation.statistic]
    first = [operation.title, shown(value, unit)]
    rows: list[Sequence[str]] = []
    if operation.limit is not None or not operation.peers:
        target, met = "", ""
        if operation.limit is not None:
            target = f"≤ {shown(operation.limit, unit, exact=True)}"
            met = _met(value, operation.limit)
        rows.append([*first, "", "", "", target, met])
    for peer, limit in operation.peers.items():
        if peer not in figures:
            continue
        theirs = figures[peer][operation.statistic]
        ratio = value / theirs
        target = "" if limit is None else f"≤ {limit:g} ×"
        met = "" if limit is None else _met(ratio, limit)
        head = ["", ""] if rows else first
        rows.append([*head, peer, shown(theirs, unit), f"{ratio:.2f} ×", target, met])
    return rows


def _met(value: float, limit: float) -> str:
    # As the table shows them: 1.004 counts as 1.00.
    return "yes" if round(value / limit, 2) <= 1 else "**no**"


# -- blocks ---------------------------------------------------------------------------------------


def circumstances(result: Result) -> str:
    """Return in one sentence when and on what a run was made."""
    machine = result["machine"]
    changed = ", with changes since" if result["dirty"] else ""
    # Records of before the matrix know less.
    place = [machine[key] for key in ("memory", "file_system") if machine.get(key)]
    where = ", ".join(
        [machine["cpu"], f"{machine['cores']} cores", *place, machine["system"], machine["python"]]
    )
    versions = {**machine, "SQLite": machine["sqlite"]}
    with_ = ", ".join(f"{name} {versions[name]}" for name in _VERSIONS if name in versions)
    date = result["time"][:10]
    return f"Measured on {date} at commit {result['commit']}{changed}: {where}; {with_}."


def short_block(result: Result) -> str:
    """Return what stands between the markers of the README."""
    matrix = matrix_table(result, [SHOWN_FIRST])
    if not matrix:
        return "\n\n".join([table(result, TARGETS), circumstances(result)])
    picture = f"![Dynafile and others with {SHOWN_FIRST:,} items](docs/plots/{SHOWN_FIRST}.svg)"
    legend = (
        f"Flights from New York, {SHOWN_FIRST:,} items. Bold is better than Dynafile; where it "
        "loses, how many times it takes:"
    )
    return "\n\n".join(
        [picture, matrix, legend, losses(result, [SHOWN_FIRST]), circumstances(result)]
    )


def long_block(result: Result) -> str:
    """Return what stands between the markers of docs/benchmarks.md."""
    parts = []
    matrix = matrix_table(result, COUNTS)
    if matrix:
        parts += [
            "All contenders on the flights. Bold is better than Dynafile:",
            matrix,
            "Where Dynafile loses, and how many times it takes, at each size where it does:",
            losses(result, COUNTS),
            *(f"![With {count:,} items](plots/{count}.svg)" for count in COUNTS),
        ]
    for title, operations in (
        ("Against the targets, on the orders:", TARGETS),
        ("Beyond the targets:", FURTHER),
        ("Secondary indexes:", INDEXES),
        ("DynamoDB's data plane:", DATA_PLANE),
        ("Streams:", STREAMS),
        ("asyncio:", ASYNCIO),
        ("Entities:", ENTITIES),
        ("Objects:", OBJECTS),
        ("Documents:", DOCUMENTS),
    ):
        if any(operation.group in result["groups"] for operation in operations):
            parts += [title, table(result, operations)]
    return "\n\n".join([*parts, circumstances(result)])


def with_block(text: str, new: str) -> str:
    """Return a document with its block replaced; the document itself where it has none."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{new}\n\n{found[2]}", text)


# -- files ----------------------------------------------------------------------------------------


def write(result: Result, root: Path) -> None:
    """Keep the figures, draw the plots, and write the tables into the documents."""
    files = {FOLDER / name_of(result): text_of(result)}
    files |= {PLOTS / name: drawn for name, drawn in plots(result).items()}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        print(f"{path} written")
    for name, block in (("README.md", short_block), ("docs/benchmarks.md", long_block)):
        path = root / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if _BLOCK.search(text) is None:
            print(f"{name} has no <!-- bench:begin --> and <!-- bench:end -->; not written")
            continue
        path.write_text(with_block(text, block(result)), encoding="utf-8")
        print(f"{name} written")


def compare(result: Result, root: Path) -> bool:
    """Print how a run compares with the last that was kept; False where counted work is more."""
    before = newest(root / FOLDER)
    if not result["machine"]["small"]:
        for warning in warnings(result, before):
            print(f"warning: {warning}")
    else:
        before = None
    found = regressions(result, before, baseline())
    for regression in found:
        print(f"error: {regression}")
    if found:
        print("hint: where that is worth it: python benchmarks/counted.py --accept")
    return not found


def main() -> int:
    """Print the tables of a run, and write them if the run is whole."""
    parser = argparse.ArgumentParser(description="Make tables and plots of a benchmark run.")
    parser.add_argument("run", type=Path, help="pytest-benchmark's JSON, or figures kept of a run")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the documents are")
    parser.add_argument("--no-write", action="store_true", help="print only")
    given = parser.parse_args()
    # What was kept may lack what has been measured only since then.
    result, kept = read(given.run)
    print(long_block(result), end="\n\n")
    if not kept and not compare(result, given.root):
        print("nothing written")
        return 1
    lacking = [] if kept else missing(result)
    if result["machine"]["small"]:
        print("nothing written: the figures of a --small run mean nothing")
    elif lacking:
        print(f"nothing written, because the run is not whole; it lacks {len(lacking)} figures:")
        print("\n".join(f"- {name}" for name in lacking[:_MOST_LACKING]))
    elif not given.no_write:
        write(result, given.root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
