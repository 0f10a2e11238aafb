"""``dynafile demo``: real data, every act, and nobody else's folder."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dynafile import Dynafile
from dynafile.cli.demo.cities import load_cities
from dynafile.cli.demo.stage import duration, size

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

LONGEST = 20.0


def test_the_demo(run: Run, folder: Path) -> None:
    started = time.monotonic()
    text = run("demo").stdout
    assert time.monotonic() - started < LONGEST
    assert all(len(line) <= 80 for line in text.splitlines())
    cities = load_cities()
    for act in (
        f"1  {len(cities):,} cities into a folder",
        "2  One city, by its key",
        "3  A country's cities, by a prefix of the sort key",
        "4  A second order: a country's largest cities, by an index",
        "5  A filter over all of them, in three forms",
        "6  An update, heard by a listener and seen by a second process",
        "7  What each takes here, warm: the median of nine rounds",
        "8  What is in the folder, now that it is closed",
        "9  Where to go next",
    ):
        assert act in text
    (before,) = [city["population"] for city in cities if city["SK"] == "Paris#2988507"]
    assert f"listener heard: PUT Paris, population {before:,} to {before + 1:,}" in text
    assert f" saw {before + 1:,}, " in text
    assert "_partitions/" in text
    with Dynafile(folder / "demo-db", read_only=True) as db:
        assert len(db) == len(cities) > 30_000
        paris = db.get_item(key={"PK": "country#FR", "SK": "Paris#2988507"})
    assert paris is not None
    assert paris["population"] == before + 1
    assert "Lutetia" in paris["alternatenames"]


def test_the_demo_runs_again_but_spares_other_folders(
    run: Run, folder: Path, cities: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [city for city in load_cities() if city["countrycode"] == "FR"]
    monkeypatch.setattr("dynafile.cli.demo.command.load_cities", lambda: few)
    (folder / "empty").mkdir()
    for _ in range(2):
        run("demo", "empty")
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("mine")
    for path in ("mine", cities, "mine/notes.txt"):
        done = run("demo", path, code=4)
        assert "is not from an earlier demo" in done.stderr
    assert [path.name for path in (folder / "mine").iterdir()] == ["notes.txt"]
    with Dynafile(folder / cities, read_only=True) as db:
        assert len(db) == 4


def test_the_witness_gives_up_if_nothing_happens(folder: Path, run: Run) -> None:
    run("put", "db", '{"PK": "a", "SK": "1", "n": 1}')
    code = (
        "import sys; from dynafile.cli.demo import witness; witness._PATIENCE = 0.1; "
        "sys.argv = ['', 'db', 'a', '1', 'n']; sys.exit(witness.main())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout) == (1, "ready\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.4e-6, "3.4 µs"), (123e-6, "123 µs"), (0.0123, "12 ms"), (1.234, "1.23 s"), (61, "61.00 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 KB"),
        (12_900_000, "12.9 MB"),
        (2e9, "2.0 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text
