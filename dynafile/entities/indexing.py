"""Indexes of types: made when they are first declared, and filled with what is there already."""

from __future__ import annotations

from itertools import islice

from dynafile.entities import layout
from dynafile.entities.backend import Backend
from dynafile.entities.records import Coder
from dynafile.entities.table_backend import TableBackend
from dynafile.entities.types import EntityType
from dynafile.errors import TransactionConflict

_PAGE = 200


def coder_with_indexes(backend: Backend, info: EntityType) -> Coder:
    """Return what turns records of a type into items, when its indexes have all that they need.

    What is indexed of a type is stored. A class that declares more, or a new version, has the
    entities that are there indexed first; one that declares less keeps the indexes up for others.
    """
    if not isinstance(backend, TableBackend):
        return Coder(info, (), as_text=True)
    stored = backend.get(layout.INDEXES, info.name) or {"fields": [], "version": info.version}
    kept = {name for name in stored["fields"] if name in info.index_attributes}
    wanted = {each.index_attribute: each for each in info.properties.values() if each.indexed}
    there = backend.indexes()
    for attribute, field in wanted.items():
        if attribute not in there:
            backend.ensure_index(str(attribute), str(field.index_kind))
    coder = Coder(info, backend.key_attributes, as_text=False, indexed=kept.union(map(str, wanted)))
    version = max(info.version, stored["version"])
    if coder.indexed - kept or (coder.indexed and version > stored["version"]):
        _fill(backend, coder)
    if coder.indexed != set(stored["fields"]) or version != stored["version"]:
        _note(backend, info, {"fields": sorted(coder.indexed), "version": version})
    return coder


def _fill(backend: Backend, coder: Coder) -> None:
    """Put the entities of a type that are stored into its indexes."""
    place, after = layout.entities(coder.info.name), None
    while True:
        keys = [key for key, _ in islice(backend.range(place, after), _PAGE)]
        while keys:
            session = backend.session()
            try:
                for key in keys:
                    item = session.get(place, key)
                    if item is not None and (more := coder.reindexed(item, layout.id_of(key))):
                        new = {**item, **more}
                        session.put(
                            place,
                            key,
                            {k: v for k, v in new.items() if k not in more or v is not None},
                        )
                session.commit()
                break
            except TransactionConflict:
                session.abandon()
            except BaseException:
                session.abandon()
                raise
        if len(keys) < _PAGE:
            return
        after = keys[-1]


def _note(backend: Backend, info: EntityType, item: dict[str, object]) -> None:
    session = backend.session()
    try:
        session.put(layout.INDEXES, info.name, item)
        session.commit()
    except BaseException:
        session.abandon()
        raise
