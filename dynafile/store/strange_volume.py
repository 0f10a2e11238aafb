"""A volume in a folder from a stranger: nothing leads out of it."""

from __future__ import annotations

import os

from dynafile.errors import InvalidPath
from dynafile.store.local_volume import LocalVolume


class StrangeVolume(LocalVolume):
    """A local volume that follows no link, also none in the place of a folder.

    Every name is looked at each time that it is used, which costs a system call for each folder in
    it; a volume that is trusted leaves that out.
    """

    def _path(self, name: str) -> str:
        path = self.root
        for part in name.split("/") if name else ():
            if part in ("", ".", "..") or "\0" in part:
                raise InvalidPath(f"{name!r} is no name of a file in {self.root}", path=self.root)
            path = f"{path}/{part}"
            if os.path.islink(path):
                raise InvalidPath(
                    f"{path} is a link, and in a folder from a stranger none is followed: put in "
                    "its place what it leads to, or open the folder without trusted=False if you "
                    "trust it",
                    path=path,
                )
        return path if name else f"{path}/"

    def make(self, folder: str) -> None:
        """Make a folder, and those above it, none of them by way of a link."""
        self._path(folder)
        super().make(folder)
