"""Keys of a bucket by path: of an object, of what is in a folder, and of the markers of folders.

========================= ==================================================================
key                       what
========================= ==================================================================
``a/b``                   the object ``/a/b``
``a/b/...``               the folder ``/a/b`` is there, since something is in it
``a/b/``, empty           the folder ``/a/b`` is there: our marker, and that of the console of
                          AWS and of most tools; right before what is in the folder
``a/.folder-b``           the folder ``/a/b`` is there: KYDB's marker
========================= ==================================================================
"""

from __future__ import annotations

from typing import Final

from dynafile.objects.paths import MARKER, ROOT, split

__all__ = ["KYDB_MARK", "key_of", "kydb_marker", "prefix_of"]

KYDB_MARK: Final = b"\x80\x04\x88."
"""What is in KYDB's markers: a pickle of True."""


def key_of(path: str) -> str:
    """Return the key of an object."""
    return path[1:]


def prefix_of(path: str) -> str:
    """Return what the keys of all below a folder begin with, which is the key of our marker too."""
    return "" if path == ROOT else f"{path[1:]}/"


def kydb_marker(path: str) -> str:
    """Return the key of KYDB's marker of a folder."""
    folder, name = split(path)
    return f"{prefix_of(folder)}{MARKER}{name}"
