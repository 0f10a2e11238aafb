"""What Kybra Simple DB stored, made into a dump of ours.

It names the other end of a link by an alias or an id, without saying which or of what type, so a
name is held against the other end: who names the record back is meant.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, tzinfo
from typing import Any

from msgspec import Struct

from dynafile.entities.layout import Reference
from dynafile.entities.relations import Relation
from dynafile.entities.serializing import STAMPED
from dynafile.entities.types import EntityType, declared, named
from dynafile.errors import InvalidEntity, InvalidEntityType

Fields = dict[str, Any]


class KybraImport(Struct):
    """What was made of a ``raw_dump_json``."""

    document: dict[str, Any]
    """As ``dump_json`` of ours gives it."""
    odd: list[str]
    """What could not be taken as it was: links to nothing, ends that disagree, unknown fields."""


def read_kybra(text: str, tz: tzinfo | None) -> KybraImport:
    """Read a ``raw_dump_json``; raises InvalidEntity for what is none, and for unknown types.

    :param tz: the zone of its times; None: UTC.
    """
    if tz is not None and not isinstance(tz, tzinfo):
        raise InvalidEntityType(f"tz is a time zone, such as ZoneInfo('Europe/Berlin'), not {tz!r}")
    reader = _Reader(_parsed(text), UTC if tz is None else tz)
    return KybraImport(reader.document(), reader.odd)


def _parsed(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
        if not isinstance(raw, dict):
            raise TypeError("it is no object")
        return {key: json.loads(value) for key, value in raw.items()}
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEntity(f"this is no raw_dump_json of Kybra Simple DB: {error}") from error


class _Reader:
    def __init__(self, raw: dict[str, Any], zone: tzinfo) -> None:
        self.odd: list[str] = []
        self._zone = zone
        self._last: dict[str, int] = {}
        self._records: dict[str, dict[str, Fields]] = defaultdict(dict)
        self._aliases: list[tuple[str, str, str]] = []
        for key, value in raw.items():
            name, _, rest = key.partition("@")
            if name == "_system":
                if rest.endswith("_id") and str(value).isdecimal():
                    self._last[rest[:-3]] = int(value)
            elif isinstance(value, dict):
                self._records[name][rest] = value
            elif name.endswith("_alias") and isinstance(value, str):
                self._aliases.append((name, rest, value))
        self._types = {name: declared(name) for name in self._records}
        self._names = {name: self._by_name(name) for name in self._records}

    def _by_name(self, name: str) -> dict[str, list[str]]:
        """Return the ids that a name may mean, by the name; an id comes before an alias."""
        found: dict[str, list[str]] = defaultdict(list)
        alias = self._types[name].alias
        for id_ in self._records[name]:
            found[id_].append(id_)
        for id_, fields in self._records[name].items():
            value = None if alias is None else fields.get(alias)
            if value is not None and id_ not in found[str(value)]:
                found[str(value)].append(id_)
        # One that was renamed is in the links by the name that it had.
        for kind, old, id_ in self._aliases:
            if kind in (f"{name}_{alias}_alias", f"{name}_alias") and id_ in self._records[name]:
                found[old] += [] if id_ in found[old] else [id_]
        return found

    def document(self) -> dict[str, Any]:
        """Return the dump."""
        links = self._links()
        found: dict[str, Any] = {}
        for name, records in self._records.items():
            info = self._types[name]
            found[name] = {
                id_: self._record(info, Reference(name, id_), fields)
                | {"_links": links.get(Reference(name, id_), {})}
                for id_, fields in records.items()
            }
        return {**found, "_system": {"last": self._last}}

    def _record(self, info: EntityType, ref: Reference, fields: Fields) -> Fields:
        kept: Fields = {"__version__": fields.get("__version__", 1)}
        for field, value in fields.items():
            if field in info.properties or (
                kept["__version__"] != info.version and not field.startswith("_")
            ):
                kept[field] = value
            elif not field.startswith("_") and field not in (*info.relations, *STAMPED):
                self.odd.append(f"{ref}: {field!r} is no field of {info.name}, and was left out")
        if info.stamped:
            kept["_times"] = [self._time(ref, fields.get(name)) for name in STAMPED[:2]]
            kept |= {name: fields.get(name) for name in STAMPED[2:]}
        return kept

    def _time(self, ref: Reference, text: object) -> int:
        if text in (None, "None"):
            return 0
        try:
            moment = datetime.strptime(f"{text}+0000", "%Y-%m-%d %H:%M:%S.%f%z")
        except ValueError:
            self.odd.append(f"{ref}: {text!r} is no time, and was left out")
            return 0
        return round(moment.replace(tzinfo=self._zone).timestamp() * 1000)

    # -- links ----------------------------------------------------------------------------------

    def _links(self) -> dict[Reference, dict[str, list[str]]]:
        """Return all links, of each end, where both can be."""
        found: dict[Reference, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        to_one: dict[tuple[Reference, str], Reference] = {}
        ends = [(ref, info.relations[field], text) for ref, info, field, text in self._named_ends()]
        # A to-one end knows best: it can name one only.
        for ref, relation, text in sorted(ends, key=lambda end: end[1].many):
            target = self._target(ref, relation, text)
            if target is None:
                self.odd.append(
                    f"{ref}.{relation.name}: there is no {text!r}; the link was dropped"
                )
                continue
            reverse = self._types[target.type].relations[relation.reverse_name]
            both = ((ref, relation, target), (target, reverse, ref))
            taken = [
                to_one[here, each.name]
                for here, each, there in both
                if not each.many and to_one.get((here, each.name), there) != there
            ]
            if taken:
                self.odd.append(
                    f"{ref}.{relation.name}: {target} is linked to {taken[0]}; the link was dropped"
                )
                continue
            for here, each, there in both:
                if not each.many:
                    to_one[here, each.name] = there
                if str(there) not in found[here][each.name]:
                    found[here][each.name].append(str(there))
        return {ref: dict(fields) for ref, fields in found.items()}

    def _named_ends(self) -> list[tuple[Reference, EntityType, str, str]]:
        return [
            (Reference(name, id_), info, field, str(text))
            for name, info in self._types.items()
            for id_, fields in self._records[name].items()
            for field in info.relations
            for text in _listed(fields.get(field))
        ]

    def _target(self, ref: Reference, relation: Relation[Any], text: str) -> Reference | None:
        candidates = [
            Reference(info.name, id_)
            for type_ in relation.types
            for base in named(type_, self._types[ref.type])
            for info in base.derived()
            if info.name in self._records
            for id_ in self._names[info.name].get(text, [])
        ]
        back = [each for each in candidates if self._names_back(each, relation, ref)]
        return next(iter([*back, *candidates]), None)

    def _names_back(self, target: Reference, relation: Relation[Any], ref: Reference) -> bool:
        fields = self._records[target.type][target.id]
        names = _listed(fields.get(relation.reverse_name))
        return any(ref.id in self._names[ref.type].get(str(name), []) for name in names)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
