"""Keys of Redis: where a folder keeps its objects, their names and their index entries.

On one server they are those of KYDB 1.1:

============================ ======= ===========================================================
key                          type    what
============================ ======= ===========================================================
``/a/b``                     string  the object ``/a/b``
``/a/.folder-b``             string  the marker of the folder ``/a/b``, a pickled True
``/a`` (of the root: empty)  hash    names of objects and markers in the folder ``/a``
``kydb:mtime-index:/a``      zset    times of the last writes, in ns, as doubles
``kydb:mtime-values:/a``     hash    the same exactly, in decimal
``kydb:ctime-index:/a``      hash    times of the first writes, in decimal
``kydb:index-names:/a``      set     names of the indexes that are or were in use in ``/a``
``kydb:NAME-index:/a``       zset    values of an index, as doubles
``kydb:NAME-values:/a``      hash    the same exactly, in decimal
``kydb:expires:/a``          zset    ours: when objects expire, in ms since 1970
============================ ======= ===========================================================

In a cluster, which KYDB cannot talk to, all keys of one folder are in one slot, so that a write
of one object is at once there too: ``{/a}/b``, ``{/a}/.folder-b``, ``{/a}//names``,
``{/a}//mtime-index`` and so on. No name has a slash in it, so that none of these is another
one's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dynafile.objects.paths import ROOT, ancestors, split

__all__ = ["Folder", "Layout", "clustered", "entry", "in_folder", "kydb_layout", "way_to"]

Folder = dict[str, str]
"""A folder as the script knows it."""

Layout = Callable[[str], Folder]
"""Gives the keys of a folder by its path."""


def kydb_layout(path: str) -> Folder:
    """Return the keys of a folder as KYDB has them."""
    bare = "" if path == ROOT else path
    return {"names": bare, "at": f"{bare}/", "before": "kydb:", "after": f":{bare}"}


def clustered(path: str) -> Folder:
    """Return the keys of a folder in a cluster, all of one slot."""
    tag = f"{{{path}}}"
    return {"names": f"{tag}//names", "at": f"{tag}/", "before": f"{tag}//", "after": ""}


def in_folder(layout: Layout, path: str) -> str:
    """Return the key of an object."""
    folder, name = split(path)
    return layout(folder)["at"] + name


def entry(layout: Layout, path: str) -> dict[str, Any]:
    """Return an object or a folder as what is in a folder under a name."""
    folder, name = split(path)
    return {"folder": layout(folder), "name": name}


def way_to(path: str) -> list[str]:
    """Return the folders that lead to what is in a folder, itself included, the outermost first."""
    return [] if path == ROOT else [*reversed(ancestors(path)), path]
