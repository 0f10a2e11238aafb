"""Stores of the suite on file systems of fsspec."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

import fsspec
from fsspec.implementations.memory import MemoryFileSystem
from objects.place import Place


class FlatFileSystem(MemoryFileSystem):
    """A file system that has no folders of its own, as object stores have none."""

    protocol = "flat"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("flat://")))

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        pass

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        pass

    def rmdir(self, path: str) -> None:
        raise FileNotFoundError(path)


fsspec.register_implementation("flat", FlatFileSystem)


class FsspecMemoryPlace(Place):
    """``fsspec+memory://name``: files in the memory of this process."""

    lasts = False
    keeps_index = False
    ordered = False
    protocol = "memory"

    def __init__(self, *arguments: Any) -> None:
        self.name = f"test-{uuid4().hex}"
        super().__init__(*arguments)

    def url(self, base: str = "") -> str:
        return f"fsspec+{self.protocol}://{self.name}{base}"


class FsspecFlatPlace(FsspecMemoryPlace):
    """A file system that has no folders of its own."""

    protocol = "flat"


class FsspecFilePlace(Place):
    """``fsspec+file:///tmp/x``: files on the disk."""

    keeps_index = False
    ordered = False

    def url(self, base: str = "") -> str:
        return f"fsspec+file://{self.folder / 'fsspec'}{base}"
