"""What the benchmarks share: options, sizes, and stores with the items in them."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import data
import lmdb
import pytest
from contenders import Contender, Durability, open_contender
from data import PER_COLLECTION, Item
from measuring import SMALL, Measure, Sizes

import dynafile

ROOT: Final = Path(__file__).resolve().parent.parent
_SAMPLE: Final = 20


APART: Final = (
    ("--old-python", "dynafile-0.1.3", "dynafile 0.1.3"),
    ("--kybra-python", "kybra-simple-db", "Kybra Simple DB"),
    ("--kydb-python", "kydb", "KYDB 1.1.0"),
    ("--montybase-python", "montybase", "Montybase 0.1.6"),
    ("--montydb-python", "montydb", "montydb 2.5.6"),
)
"""Who is measured in an environment of their own: the option that names it, and where it is."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dynafile")
    group.addoption(
        "--small",
        action="store_true",
        help="few items and rounds, to see that everything works; the figures mean nothing",
    )
    group.addoption(
        "--folder",
        default=None,
        help="where 2 GB of data go while it runs; on a disk, or syncs would cost nothing "
        "(default: .benchmarks in the project)",
    )
    for option, folder, product in APART:
        group.addoption(
            option,
            default=ROOT / ".benchmarks" / folder / "bin" / "python",
            help=f"Python of an environment with {product}",
        )


def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    """Keep what a figure depends on, add versions, and leave out what identifies the machine."""
    cpu = machine_info.get("cpu", {})
    kept = {
        "cpu": cpu.get("brand_raw", machine_info.get("machine", "")),
        "cores": os.cpu_count(),
        "memory": _memory(),
        "file_system": _file_system(_parent(config)),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "dynafile": dynafile.__version__,
        "msgspec": version("msgspec"),
        "py-lmdb": lmdb.__version__,
        "diskcache": version("diskcache"),
        "TinyDB": version("tinydb"),
        "peewee": version("peewee"),
        "sqlite": sqlite3.sqlite_version,
        "small": config.getoption("--small"),
    }
    machine_info.clear()
    machine_info.update(kept)


def _memory() -> str:
    """Return how much memory the machine has; empty where the system does not tell."""
    try:
        return f"{round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30)} GiB"
    except (AttributeError, OSError, ValueError):
        return ""


def _file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on; empty where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    kinds = {Path(line.split()[1]): line.split()[2] for line in mounts.read_text().splitlines()}
    places = (folder, *folder.parents)
    return next((kinds[place] for place in places if place in kinds), "")


def _parent(config: pytest.Config) -> Path:
    """Return the folder below which everything is stored."""
    return Path(config.getoption("--folder") or ROOT / ".benchmarks").resolve()


def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    """Call the tree changed only where the package is: a document may be at work."""
    command = ["git", "status", "--porcelain", "--", "dynafile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    commit_info["dirty"] = done.returncode == 0 and bool(done.stdout.strip())


@pytest.fixture(scope="session")
def sizes(request: pytest.FixtureRequest) -> Sizes:
    return SMALL if request.config.getoption("--small") else Sizes()


@pytest.fixture(scope="session")
def items(sizes: Sizes) -> list[Item]:
    """The orders of the ordinary table, shuffled."""
    return data.orders(sizes.items)


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for the run, on a disk; removed at the end."""
    parent = _parent(request.config)
    parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="data-", dir=parent))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def stocked(folder: Path, items: list[Item]) -> Iterator[Callable[[str, Durability], Contender]]:
    """Open contenders that hold the items; each is loaded once, opened again, and checked."""
    opened: dict[tuple[str, Durability], Contender] = {}

    def open_stocked(name: str, durability: Durability) -> Contender:
        if (name, durability) not in opened:
            place = folder / f"{len(opened)}"
            loading = open_contender(name, place, durability)
            loading.load(items)
            loading.close()
            contender = open_contender(name, place, durability)
            _check(contender, items)
            opened[name, durability] = contender
        return opened[name, durability]

    yield open_stocked
    for contender in opened.values():
        contender.close()


def _check(contender: Contender, items: list[Item]) -> None:
    """See that a contender gives back what it was given, before its speed counts for anything."""
    for item in items[:_SAMPLE]:
        pk = item["PK"]
        assert contender.get([(pk, item["SK"])]) == item
        collection = sorted((i for i in items if i["PK"] == pk), key=lambda i: str(i["SK"]))
        assert contender.query([pk]) == collection
        assert len(collection) == PER_COLLECTION
    assert contender.scan() in items


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    return Measure(benchmark)


@pytest.fixture(scope="session")
def shown(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """Return what lets a block's progress through to the terminal."""
    manager = request.config.pluginmanager.getplugin("capturemanager")

    def through() -> AbstractContextManager[None]:
        assert manager is not None
        sys.stderr.flush()
        context: AbstractContextManager[None] = manager.global_and_fixture_disabled()
        return context

    return through
