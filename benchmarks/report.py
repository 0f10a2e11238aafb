"""Makes the table of a benchmark run: prints it, and writes it into the documents.

``report.py RAW.json`` takes what ``pytest benchmarks --benchmark-json=RAW.json`` wrote, prints the
table, keeps the medians in ``benchmarks/results/<date>-<commit>.json``, and writes the table
between ``<!-- bench:begin -->`` and ``<!-- bench:end -->`` in README.md and docs/benchmarks.md. A
run that is not whole is only printed. ``report.py benchmarks/results/<name>.json`` makes the
documents again from what was kept.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from operations import FURTHER, TARGETS, Operation

ROOT: Final = Path(__file__).resolve().parent.parent
_BLOCK: Final = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)
_HEAD: Final = ("operation", "Dynafile", "against", "theirs", "ratio", "target", "met")
_NUMBERS: Final = frozenset({1, 3, 4, 5})
_SCALES: Final = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")),
}

Result = dict[str, Any]
Figure = dict[str, Any]


# -- from measurements to figures -----------------------------------------------------------------


def summarise(raw: dict[str, Any]) -> Result:
    """Return the figures of a run, an operation each; all turns of a contender count together."""
    series: dict[tuple[str, str], list[float]] = {}
    notes: dict[tuple[str, str], dict[str, Any]] = {}
    for benchmark in raw["benchmarks"]:
        note = benchmark["extra_info"]
        place = (benchmark["group"], note["contender"])
        values = note.get("values") or [
            seconds / note["operations"] for seconds in benchmark["stats"]["data"]
        ]
        series.setdefault(place, []).extend(values)
        notes[place] = note
    groups: dict[str, dict[str, Figure]] = {}
    for (group, contender), values in series.items():
        note = notes[group, contender]
        groups.setdefault(group, {})[contender] = {
            "unit": note["unit"],
            "median": _rounded(statistics.median(values)),
            "mean": _rounded(statistics.fmean(values)),
            "iqr": _rounded(_interquartile_range(values)),
            "rounds": len(values),
            "operations": note["operations"],
        }
    commit = raw["commit_info"]
    return {
        "time": raw["datetime"][:19] + "Z",
        "commit": commit["id"][:8],
        "dirty": commit["dirty"],
        "machine": raw["machine_info"],
        "groups": groups,
    }


def _interquartile_range(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def missing(result: Result) -> list[str]:
    """Return what a whole run has and this one lacks."""
    return [
        f"{operation.group}: {contender}"
        for operation in (*TARGETS, *FURTHER)
        for contender in (operation.ours, *operation.peers)
        if contender not in result["groups"].get(operation.group, {})
    ]


# -- from figures to text -------------------------------------------------------------------------


def table(result: Result, operations: Iterable[Operation]) -> str:
    """Return a Markdown table of what was measured, aligned so that it can be read as it stands."""
    rows: list[Sequence[str]] = [_HEAD]
    for operation in operations:
        figures = result["groups"].get(operation.group, {})
        if operation.ours in figures:
            rows += _rows(operation, figures)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    rule = ["-" * (width - 1) + (":" if at in _NUMBERS else "-") for at, width in enumerate(widths)]
    lines = [
        [
            cell.rjust(width) if at in _NUMBERS else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in (rows[0], rule, *rows[1:])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(operation: Operation, figures: dict[str, Figure]) -> list[Sequence[str]]:
    unit, value = figures[operation.ours]["unit"], figures[operation.ours][operation.statistic]
    first = [operation.title, _shown(value, unit)]
    rows: list[Sequence[str]] = []
    if operation.limit is not None or not operation.peers:
        target, met = "", ""
        if operation.limit is not None:
            target = f"≤ {_shown(operation.limit, unit, exact=True)}"
            met = _met(value, operation.limit)
        rows.append([*first, "", "", "", target, met])
    for peer, limit in operation.peers.items():
        if peer not in figures:
            continue
        theirs = figures[peer][operation.statistic]
        ratio = value / theirs
        target = "" if limit is None else f"≤ {limit:g} ×"
        met = "" if limit is None else _met(ratio, limit)
        shown = _shown(theirs, unit)
        head = ["", ""] if rows else first
        rows.append([*head, peer, shown, f"{ratio:.2f} ×", target, met])
    return rows


def _met(value: float, limit: float) -> str:
    # As the table shows them: 1.004 counts as 1.00.
    return "yes" if round(value / limit, 2) <= 1 else "**no**"


def _shown(value: float, unit: str, *, exact: bool = False) -> str:
    size, name = next((scale for scale in _SCALES[unit] if value >= scale[0]), _SCALES[unit][-1])
    number = value / size
    digits = 0 if exact or number >= 100 else 1 if number >= 10 else 2
    return f"{number:.{digits}f} {name}"


def circumstances(result: Result) -> str:
    """Return in one sentence when and on what a run was made."""
    machine = result["machine"]
    changed = ", with changes since" if result["dirty"] else ""
    date = result["time"][:10]
    return (
        f"Measured on {date} at commit {result['commit']}{changed}: {machine['cpu']}, "
        f"{machine['cores']} cores, {machine['system']}, {machine['python']}; msgspec "
        f"{machine['msgspec']}, py-lmdb {machine['py-lmdb']}, SQLite {machine['sqlite']}."
    )


def block(result: Result, *, further: bool) -> str:
    """Return what stands between the markers of a document."""
    parts = [table(result, TARGETS)]
    if further:
        parts += ["Beyond the targets:", table(result, FURTHER)]
    return "\n\n".join([*parts, circumstances(result)])


def with_block(text: str, new: str) -> str:
    """Return a document with its block replaced; the document itself where it has none."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{new}\n\n{found[2]}", text)


# -- files ----------------------------------------------------------------------------------------


def write(result: Result, root: Path) -> None:
    """Keep the figures, and write them into the documents."""
    kept = root / "benchmarks" / "results" / f"{result['time'][:10]}-{result['commit']}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{kept.relative_to(root)} written")
    for name, further in (("README.md", False), ("docs/benchmarks.md", True)):
        path = root / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if _BLOCK.search(text) is None:
            print(f"{name} has no <!-- bench:begin --> and <!-- bench:end -->; not written")
            continue
        path.write_text(with_block(text, block(result, further=further)), encoding="utf-8")
        print(f"{name} written")


def main() -> int:
    """Print the table of a run, and write it if the run is whole."""
    parser = argparse.ArgumentParser(description="Make the table of a benchmark run.")
    parser.add_argument("run", type=Path, help="pytest-benchmark's JSON, or figures kept of a run")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the documents are")
    parser.add_argument("--no-write", action="store_true", help="print only")
    given = parser.parse_args()
    raw = json.loads(given.run.read_text(encoding="utf-8"))
    result = raw if "groups" in raw else summarise(raw)
    print(block(result, further=True))
    lacking = missing(result)
    if result["machine"]["small"]:
        print("\nnothing written: the figures of a --small run mean nothing")
    elif lacking:
        print("\nnothing written, because the run is not whole; it lacks:")
        print("\n".join(f"- {name}" for name in lacking))
    elif not given.no_write:
        write(result, given.root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
