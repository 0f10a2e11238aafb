"""Object stores of each kind that are connected to, also from a base path, and closed after the test."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from objects.place import Place
from objects.places_dynamodb import DynamoDBPlace, DynoxidePlace
from objects.places_fsspec import FsspecFilePlace, FsspecFlatPlace, FsspecMemoryPlace
from objects.places_redis import ClusterPlace, RedisPlace
from objects.places_s3 import S3Place

if TYPE_CHECKING:
    from collections.abc import Iterator

KYDB = Path(__file__).parent.parent / "fixtures" / "kydb"
CONTENT: dict[str, Any] = runpy.run_path(str(KYDB / "content.py"))
"""What KYDB 1.1.0 wrote; its values are the values that every store takes."""


class MemoryPlace(Place):
    """``memory://name``: gone with the process."""

    lasts = False

    def __init__(self, folder: Path) -> None:
        self.name = f"test-{uuid4().hex}"
        super().__init__(folder)

    def url(self, base: str = "") -> str:
        return f"memory://{self.name}{base}"


class DynafilePlace(Place):
    """``dynafile://path``: a folder of Dynafile's."""

    ordered = True

    def url(self, base: str = "") -> str:
        # Relaxed, so that a thousand tests need not wait for the disk.
        where = f"dynafile://{self.folder / 'db'}?durability=relaxed"
        return where + (f"&base={base}" if base else "")


class FilesPlace(Place):
    """``files://tmp/x``: a file an object, in the folder ``/tmp/x``."""

    keeps_index = False
    ordered = False

    @property
    def root(self) -> Path:
        return self.folder / "files"

    def url(self, base: str = "") -> str:
        return f"files:/{self.root}{base}"

    def plant(self, key: str, data: bytes) -> None:
        """Write a file as KYDB, or an enemy, would."""
        path = self.root / key.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


KINDS: dict[str, type[Place]] = {
    "memory": MemoryPlace,
    "dynafile": DynafilePlace,
    "files": FilesPlace,
    "dynamodb": DynamoDBPlace,
    "dynoxide": DynoxidePlace,
    "redis": RedisPlace,
    "cluster": ClusterPlace,
    "s3": S3Place,
    "fsspec-memory": FsspecMemoryPlace,
    "fsspec-file": FsspecFilePlace,
    "fsspec-flat": FsspecFlatPlace,
}


def placed(kind: str, folder: Path) -> Iterator[Place]:
    place = KINDS[kind](folder)
    yield place
    place.close()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A store of each kind."""
    yield from placed(request.param, tmp_path)


@pytest.fixture(params=[kind for kind in KINDS if KINDS[kind].lasts])
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A store of each kind that other processes see."""
    yield from placed(request.param, tmp_path)


@pytest.fixture(params=[kind for kind in KINDS if KINDS[kind].keeps_index])
def indexed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A store of each kind that keeps index values."""
    yield from placed(request.param, tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FilesPlace]:
    """A folder of files, whose bytes the test sees."""
    for place in placed("files", tmp_path):
        assert isinstance(place, FilesPlace)
        yield place


@pytest.fixture
def db(place: Place) -> Any:
    return place.db


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module ``path.to.module``, which the class map names; empty."""
    for name in ("path", "path.to", "path.to.module"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    return sys.modules["path.to.module"]
