"""``dynafile://path`` and ``memory://name``: a table of Dynafile's, in a folder or in memory."""

from __future__ import annotations

from os.path import realpath
from typing import TYPE_CHECKING

from dynafile import Dynafile
from dynafile.errors import SchemaMismatch
from dynafile.objects.backends.object_items import PARTITION_KEY, SORT_KEY
from dynafile.objects.backends.table import TableBackend

if TYPE_CHECKING:
    from dynafile.objects.configuration import Settings
    from dynafile.objects.urls import Single

__all__ = ["identity", "open_backend"]


def identity(place: Single, settings: Settings) -> tuple[str, str, bool]:
    """Return what is the same for all URLs of one store."""
    if place.scheme == "memory":
        return place.name, ":memory:", False
    return realpath(place.name), settings.durability, settings.read_only


def open_backend(place: Single, settings: Settings) -> TableBackend:
    """Open the table; raises what ``Dynafile`` raises."""
    path = ":memory:" if place.scheme == "memory" else place.name
    try:
        table = Dynafile(
            path,
            pk_attribute=PARTITION_KEY,
            sk_attribute=SORT_KEY,
            table_name="objects",
            durability=settings.durability,
            read_only=settings.read_only and place.scheme != "memory",
        )
    except SchemaMismatch as error:
        message = f"{path} is a folder of another table than objects: choose another folder"
        raise SchemaMismatch(message) from error
    return TableBackend(table, timed=settings.configuration.timed)
