"""The record of a run: its figures, with machine and commit, as data that is kept."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matrix import places
from operations import EVERY

FOLDER: Final = Path("benchmarks", "results")
_NUMBERS: Final = re.compile(r"\[\s+([-+.\de,\s]+?)\s+\]")

Figure = dict[str, Any]
Result = dict[str, Any]


def summarise(raw: dict[str, Any]) -> Result:
    """Return the figures of what pytest-benchmark wrote; a contender's turns count together."""
    series: dict[tuple[str, str], list[float]] = {}
    notes: dict[tuple[str, str], dict[str, Any]] = {}
    counted: dict[str, dict[str, float]] = {}
    for benchmark in raw["benchmarks"]:
        note = benchmark["extra_info"]
        if "counted" in note:
            counted = note["counted"]
            continue
        place = (benchmark["group"], note["contender"])
        timed = [seconds / note["operations"] for seconds in benchmark["stats"]["data"]]
        series.setdefault(place, []).extend(note.get("values", timed))
        notes[place] = note
    groups: dict[str, dict[str, Figure]] = {}
    for (group, contender), values in series.items():
        figure = _figure(values, notes[group, contender])
        groups.setdefault(group, {})[contender] = figure
    commit = raw["commit_info"]
    return {
        "time": raw["datetime"][:19] + "Z",
        "commit": commit["id"][:8],
        "dirty": commit["dirty"],
        "machine": raw["machine_info"],
        "counted": counted,
        "groups": groups,
    }


def _figure(values: list[float], note: dict[str, Any]) -> Figure:
    left_out = note.get("left_out", False)
    if left_out:
        values = values[:1]  # the same in each turn
    figure: Figure = {
        "unit": note["unit"],
        "median": _rounded(statistics.median(values)),
        "mean": _rounded(statistics.fmean(values)),
        "longest": _rounded(max(values)),
        "iqr": _rounded(_interquartile_range(values)),
        "rounds": len(values),
        "operations": note["operations"],
        "values": [_rounded(value) for value in values],
    }
    if left_out:
        figure["left_out"] = True
    return figure


def _interquartile_range(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def missing(result: Result) -> list[str]:
    """Return what a whole run has and this one lacks."""
    operations = [
        (operation.group, contender)
        for operation in EVERY
        for contender in (operation.ours, *operation.peers)
    ]
    lacking = [
        f"{group}: {contender}"
        for group, contender in (*operations, *places())
        if contender not in result["groups"].get(group, {})
    ]
    return lacking if result["counted"] else [*lacking, "counted work"]


def name_of(result: Result) -> str:
    """Return the name under which a run is kept."""
    return f"{result['time'][:10]}-{result['commit']}.json"


def text_of(result: Result) -> str:
    """Return a record as JSON, with each list of figures on one line."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def read(path: Path) -> tuple[Result, bool]:
    """Return a record, and whether it was kept: the others are of a run just made."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "groups" not in raw:
        return summarise(raw), False
    raw.setdefault("counted", {})  # older ones did not count
    return raw, True


def newest(folder: Path) -> Result | None:
    """Return the last record that was kept in a folder; None: there is none."""
    kept = [read(path)[0] for path in folder.glob("*.json")]
    return max(kept, key=lambda result: str(result["time"]), default=None)
