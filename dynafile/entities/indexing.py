"""Indexes and aliases of types: filled with what is there already when they are declared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

from dynafile.entities import layout
from dynafile.entities.backend import Backend, Item, Session
from dynafile.entities.records import Coder
from dynafile.entities.saving import alias_key
from dynafile.entities.table_backend import TableBackend
from dynafile.entities.types import EntityType
from dynafile.errors import DuplicateEntity, TransactionConflict

_PAGE = 200


def coder_with_indexes(backend: Backend, info: EntityType) -> Coder:
    """Return what turns records of a type into items, when its indexes have all that they need.

    What is indexed of a type is stored, and what its alias is. A class that declares more, or a new
    version, has the entities that are there indexed first; one that declares less keeps the indexes
    up for others. Raises DuplicateEntity where what is to be the alias is not unique.
    """
    stored: Item = {"fields": [], "version": info.version, "alias": None}
    stored |= backend.get(layout.INDEXES, info.name) or {}
    kept = {name for name in stored["fields"] if name in info.index_attributes}
    if isinstance(backend, TableBackend):
        coder = Coder(
            info, backend.key_attributes, as_text=False, indexed=_have(backend, info, kept)
        )
    else:
        coder = Coder(info, (), as_text=True)
    version = max(info.version, stored["version"]) if coder.indexed else stored["version"]
    if coder.indexed - kept or (coder.indexed and version > stored["version"]):
        _fill(backend, coder)
    if info.alias not in (None, stored["alias"]):
        _name(backend, coder)
    noted = {"fields": sorted(coder.indexed), "version": version, "alias": info.alias}
    if noted != stored:
        _note(backend, info, **noted)
    return coder


def _have(backend: TableBackend, info: EntityType, kept: set[str]) -> set[str]:
    """Have the indexes of a type made; return its attributes."""
    wanted = {str(each.index_attribute): each for each in info.properties.values() if each.indexed}
    there = backend.indexes()
    for attribute, field in wanted.items():
        if attribute not in there:
            backend.ensure_index(attribute, str(field.index_kind))
    return kept.union(wanted)


def _fill(backend: Backend, coder: Coder) -> None:
    """Put the entities of a type that are stored into its indexes."""
    place = layout.entities(coder.info.name)

    def index(session: Session, key: str) -> None:
        item = session.get(place, key)
        more = {} if item is None else coder.reindexed(item, layout.id_of(key))
        if item is not None and more:
            new = {**item, **more}
            gone = {name for name in more if more[name] is None}
            session.put(place, key, {name: new[name] for name in new if name not in gone})

    _in_pages(backend, place, index)


def _name(backend: Backend, coder: Coder) -> None:
    """Let the entities of a type that are stored be found by their alias, and by nothing else."""
    info, place = coder.info, layout.entities(coder.info.name)
    aliases = layout.aliases(info.name)

    def alias_of(item: Item | None, key: str) -> str | None:
        values = {} if item is None else coder.decode(item, layout.id_of(key)).values
        value = values.get(str(info.alias))
        return None if value is None else alias_key(info, value)

    def name(session: Session, key: str) -> None:
        alias = alias_of(session.get(place, key), key)
        if alias is not None:
            session.put(aliases, alias, {"id": layout.id_of(key)})

    holders: dict[str, str] = {}
    for key, item in backend.range(place):
        alias, id_ = alias_of(item, key), layout.id_of(key)
        if alias is not None and holders.setdefault(alias, id_) != id_:
            raise DuplicateEntity(
                f"{info.name}@{holders[alias]} and {info.name}@{id_} both have {alias[1:]!r}: "
                f"{info.alias} cannot be the alias before they differ",
                type=info.name,
                id=id_,
            )
    _note(backend, info, alias=None)
    _in_pages(backend, aliases, lambda session, key: session.delete(aliases, key))
    _in_pages(backend, place, name)


def _note(backend: Backend, info: EntityType, **changes: object) -> None:
    """Store what is indexed."""

    def change(session: Session) -> None:
        stored = session.get(layout.INDEXES, info.name) or {"fields": [], "version": info.version}
        session.put(layout.INDEXES, info.name, {**stored, **changes})

    _in_one(backend, change)


def _in_pages(backend: Backend, place: str, change: Callable[[Session, str], None]) -> None:
    """Do something with each item of a partition, so many in a commit."""
    after = None
    while True:
        keys = [key for key, _ in islice(backend.range(place, after), _PAGE)]
        if keys:
            _in_one(backend, partial(_each, change, keys))
        if len(keys) < _PAGE:
            return
        after = keys[-1]


def _each(change: Callable[[Session, str], None], keys: list[str], session: Session) -> None:
    for key in keys:
        change(session, key)


def _in_one(backend: Backend, body: Callable[[Session], None]) -> None:
    """Do something in one commit, again where somebody else was quicker."""
    while True:
        session = backend.session()
        try:
            body(session)
            session.commit()
        except TransactionConflict:
            session.abandon()
        except BaseException:
            session.abandon()
            raise
        else:
            return
