"""Folders of a volume: made where they are missing, with their names on the disk."""

from __future__ import annotations

import contextlib
import os

from dynafile.store.descriptors import sync_folder


class Folders:
    """The folders below one, by names with forward slashes."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._durable: dict[str, int] = {}
        """Those whose names are known to be on disk, with their inodes."""
        self._begun: dict[str, int] = {}
        """Those that :meth:`begin` made and :meth:`finish` has not synced."""

    def make(self, *folders: str) -> None:
        """Make folders, and those above them, and sync the folders that hold their names.

        That of a folder which is there is synced too, where this object has not done so: who made
        it may have died before its sync.
        """
        found: dict[str, int] = {}
        for folder in folders:
            self._make_one(folder, found)
        for parent in dict.fromkeys(map(os.path.dirname, found)):
            # atomicwrites does not sync the parent of a folder that was just made.
            sync_folder(self._path(parent))
        self._durable.update(found)

    def begin(self, folder: str) -> None:
        """Make a folder, and those above it; :meth:`finish` makes them durable."""
        self._make_one(folder, self._begun)

    def finish(self) -> None:
        """Make durable what :meth:`begin` made and nobody has removed."""
        begun = dict(self._begun)
        for parent in dict.fromkeys(map(os.path.dirname, begun)):
            with contextlib.suppress(FileNotFoundError):
                sync_folder(self._path(parent))
        self._durable.update(begun)
        for folder in begun:
            del self._begun[folder]

    def forget(self, folder: str) -> None:
        """Forget a folder that is removed."""
        self._durable.pop(folder, None)

    def _path(self, folder: str) -> str:
        return f"{self._root}/{folder}"

    def _make_one(self, folder: str, found: dict[str, int]) -> None:
        """Make a folder and those above it; note in ``found`` what is not known to be durable."""
        if not folder:
            return
        path = self._path(folder)
        try:
            inode = os.stat(path).st_ino
            if self._durable.get(folder) == inode:
                return
            self._make_one(os.path.dirname(folder), found)
        except FileNotFoundError:
            self._make_one(os.path.dirname(folder), found)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
            inode = os.stat(path).st_ino
        found[folder] = inode
