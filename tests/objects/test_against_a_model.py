"""Random programs on a store, beside a dict of paths that does what a store should do."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dynafile import objects
from dynafile.errors import (
    DynafileError,
    FolderNotEmpty,
    ObjectNotFound,
    PathTaken,
)

NAMES = st.sampled_from(["a", "b", "a.b", "a-b", "ab", "🦊"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names))
VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.text(),
    st.lists(st.integers(), max_size=3),
    st.frozensets(st.integers()),
)
RANKS = st.one_of(st.none(), st.integers(-3, 3))


def above(path: str) -> list[str]:
    names = path.split("/")
    return ["/".join(names[:length]) for length in range(2, len(names))]


class Model:
    """What a store is: objects by path, and folders."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[Any, int | None]] = {}
        self.folders: set[str] = set()

    def open_way(self, path: str) -> None:
        for folder in above(path):
            if folder in self.objects:
                raise PathTaken(folder)
        self.folders.update(above(path))

    def put(self, path: str, value: Any, rank: int | None, *, keep: bool) -> None:
        if path in self.folders:
            raise PathTaken(path)
        self.open_way(path)
        if keep and path in self.objects:
            rank = self.objects[path][1]
        self.objects[path] = value, rank

    def delete(self, path: str) -> None:
        if path not in self.objects:
            raise ObjectNotFound(path)
        del self.objects[path]

    def mkdir(self, path: str) -> None:
        if path in self.objects:
            raise PathTaken(path)
        self.open_way(path)
        self.folders.add(path)

    def below(self, path: str) -> list[str]:
        inside = "/" if path == "/" else f"{path}/"
        return [each for each in [*self.objects, *self.folders] if each.startswith(inside)]

    def rmdir(self, path: str) -> None:
        if path not in self.folders:
            raise ObjectNotFound(path)
        if self.below(path):
            raise FolderNotEmpty(path)
        self.folders.remove(path)

    def rm_tree(self, path: str) -> None:
        if path != "/" and path not in self.folders:
            raise ObjectNotFound(path)
        for each in self.below(path):
            self.objects.pop(each, None)
            self.folders.discard(each)
        self.folders.discard(path)

    def ls(self, path: str) -> list[str]:
        if path in self.objects:
            raise PathTaken(path)
        inside = "/" if path == "/" else f"{path}/"
        names = [each[len(inside) :] for each in self.below(path)]
        direct = [name for name in names if "/" not in name]
        return sorted(f"{name}/" if inside + name in self.folders else name for name in direct)


class StoreMachine(RuleBasedStateMachine):
    """The store and the model, side by side; a subclass says which store."""

    indexed = True

    def url(self) -> str:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.where = self.url()
        self.db = objects.connect(self.where)
        self.model = Model()

    def teardown(self) -> None:
        self.db.close()
        self.folder.cleanup()

    def both(self, ours: Any, theirs: Any) -> Any:
        """Do the same to both; they give the same, or refuse alike."""
        try:
            expected = theirs()
        except DynafileError as refusal:
            with pytest.raises(type(refusal)):
                ours()
            return None
        found = ours()
        assert found == expected
        return found

    @rule(path=PATHS, value=VALUES)
    def put(self, path: str, value: Any) -> None:
        self.both(
            lambda: self.db.set(path, value), lambda: self.model.put(path, value, None, keep=True)
        )

    @rule(path=PATHS, value=VALUES, rank=RANKS)
    def put_indexed(self, path: str, value: Any, rank: int | None) -> None:
        if self.indexed:
            self.both(
                lambda: self.db.set(path, value, index={"rank": rank}),
                lambda: self.model.put(path, value, rank, keep=False),
            )

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        self.both(lambda: self.db.delete(path), lambda: self.model.delete(path))

    @rule(path=PATHS)
    def mkdir(self, path: str) -> None:
        self.both(lambda: self.db.mkdir(path), lambda: self.model.mkdir(path))

    @rule(path=PATHS)
    def rmdir(self, path: str) -> None:
        self.both(lambda: self.db.rmdir(path), lambda: self.model.rmdir(path))

    @rule(path=st.one_of(PATHS, st.just("/")))
    def rm_tree(self, path: str) -> None:
        self.both(lambda: self.db.rm_tree(path), lambda: self.model.rm_tree(path))

    @rule(path=st.one_of(PATHS, st.just("/")))
    def ls(self, path: str) -> None:
        self.both(lambda: sorted(self.db.ls(path)), lambda: self.model.ls(path))

    @rule(path=PATHS)
    def look(self, path: str) -> None:
        missing = object()
        expected = self.model.objects.get(path, (missing,))[0]
        assert self.db.get(path, missing) == expected
        assert self.db.exists(path) is (path in self.model.objects)
        assert self.db.is_dir(path) is (path in self.model.folders)

    @rule()
    def reopen(self) -> None:
        if not self.where.startswith("memory"):
            self.db.close()
            self.db = objects.connect(self.where)

    @rule(paths=st.lists(PATHS, max_size=5, unique=True))
    def many(self, paths: list[str]) -> None:
        expected = {
            path: self.model.objects[path][0] for path in paths if path in self.model.objects
        }
        assert self.db.get_many(paths) == expected

    @rule(folder=st.one_of(PATHS, st.just("/")))
    def ranked(self, folder: str) -> None:
        if not self.indexed:
            return
        inside = "/" if folder == "/" else f"{folder}/"
        expected = sorted(
            (rank, path[len(inside) :])
            for path, (_, rank) in self.model.objects.items()
            if rank is not None and path.startswith(inside) and "/" not in path[len(inside) :]
        )
        found = [
            (each.index_value, each.key)
            for each in self.db.folder(folder, allow_scan=True).by("rank").entries()
        ]
        assert found == expected

    @invariant()
    def everything_is_listed(self) -> None:
        def walk(folder: str) -> set[str]:
            found = set()
            for name in self.db.ls(folder):
                found.add(folder + name)
                if name.endswith("/"):
                    found |= walk(folder + name)
            return found

        expected = set(self.model.objects) | {f"{folder}/" for folder in self.model.folders}
        assert walk("/") == expected


class MemoryMachine(StoreMachine):
    def url(self) -> str:
        return f"memory://{uuid4().hex}"


class FolderMachine(StoreMachine):
    def url(self) -> str:
        return f"dynafile://{Path(self.folder.name) / 'db'}?durability=relaxed"


class FilesMachine(StoreMachine):
    indexed = False

    def url(self) -> str:
        return f"files:/{Path(self.folder.name) / 'files'}"


SETTINGS = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMemory = MemoryMachine.TestCase
TestFolder = FolderMachine.TestCase
TestFiles = FilesMachine.TestCase
TestMemory.settings = TestFiles.settings = SETTINGS
TestFolder.settings = settings(SETTINGS, max_examples=15)
