"""Strays: folders of keyspaces that no schema names, dropped or half made."""

from __future__ import annotations

from collections.abc import Iterable

from dynafile.store.names import (
    EXPIRY_FOLDER,
    KEYSPACE_FOLDER,
    KEYSPACE_FOLDERS,
    MIRROR_PREFIXES,
    TABLES,
    home_of,
    is_half_made,
    parse_partition_directory,
)
from dynafile.store.schema import Schema
from dynafile.store.volume import Volume


def stray_folders(volume: Volume, schema: Schema, homes: Iterable[str] | None = None) -> list[str]:
    """Return the folders of keyspaces that a schema does not name, and that hold nothing else.

    Such a folder may go as soon as ``meta.json`` does not name it either. What is not ours is left
    alone, whatever the name of the folder that it is in. ``homes``: where to look, by default
    everywhere.
    """
    # Whatever the case: there are file systems that list a folder as it was once made.
    kept = {folder.lower() for folder in schema.keyspaces.values()}
    listed: dict[str, list[str]] = {}
    if homes is None:
        listed[""] = volume.list("")
        tables = volume.list(TABLES) if TABLES in listed[""] else []
        homes = ["", *(f"{TABLES}/{name}/" for name in tables)]
    strays: list[str] = []
    for home in sorted(homes):
        names = listed[home] if home in listed else volume.list(home.rstrip("/"))
        tops = [f"{home}{name}" for name in names]
        found = {top: _strays_in(volume, top, kept) for top in tops}
        if home and tops and all(found[top] == [top] for top in tops):
            strays.append(home.rstrip("/"))
        else:
            strays += [stray for top in sorted(tops) for stray in found[top]]
    # What a link leads to may be in another store, whose folders look like strays of this one.
    return [each for each in strays if volume.is_within(each)]


def empty_tmp(volume: Volume, schema: Schema) -> None:
    """Remove what was half made or taken away; under the lock."""
    within = volume.is_within("tmp")
    names = [f"tmp/{name}" for name in volume.list("tmp") if within and is_half_made(name)]
    if any(map(volume.list, names)):
        # Who took a folder away may have died before its sync; it must not come back by half.
        for folder in schema.keyspaces.values():
            for place in (folder, folder.rpartition("/")[0]):
                if not place or volume.list(place):
                    volume.sync(place)
    for name in names:
        volume.remove(name)


def left_behind(volume: Volume, folders: Iterable[str]) -> list[str]:
    """Return those of the folders of new keyspaces in which there are partitions already."""
    return [
        folder for folder in sorted(folders) if volume.list(folder) and _is_ours(volume, folder)
    ]


def homes_of(folders: Iterable[str]) -> set[str]:
    """Return the homes of the folders of keyspaces."""
    return set(map(home_of, folders))


def _strays_in(volume: Volume, top: str, kept: set[str]) -> list[str]:
    """Return the strays in a folder of a home; itself, where there is nothing else in it."""
    name = top.rpartition("/")[2]
    if name == KEYSPACE_FOLDER:
        return [top] if top.lower() not in kept and _is_ours(volume, top) else []
    if not name.startswith(MIRROR_PREFIXES) and name != EXPIRY_FOLDER:
        return []
    inside = [f"{top}/{each}" for each in volume.list(top)]
    found = [each for each in inside if each.lower() not in kept and _is_ours(volume, each)]
    return [top] if found and len(found) == len(inside) else sorted(found)


def _is_ours(volume: Volume, folder: str) -> bool:
    """Say whether a folder is a keyspace's, that may have partitions."""
    if not f"/{folder}".endswith(KEYSPACE_FOLDERS):
        return False
    names = volume.list(folder)
    return not names or any(map(parse_partition_directory, names))
