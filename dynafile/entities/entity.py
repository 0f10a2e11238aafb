"""Entities: objects of typed classes that are kept in a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar

from dynafile.entities import changes, layout
from dynafile.entities.backend import Reading
from dynafile.entities.database import Database
from dynafile.entities.dumps import Dump
from dynafile.entities.layout import Reference
from dynafile.entities.linking import Linker
from dynafile.entities.mixins import TimestampedMixin
from dynafile.entities.query import Query
from dynafile.entities.records import Record, Stamp
from dynafile.entities.relations import Relation
from dynafile.entities.serializing import STAMPED, plain
from dynafile.entities.transaction_block import open_units
from dynafile.entities.types import EntityType, declare, find_type
from dynafile.entities.unit import Counter, Unit, read_counter, read_length, reference
from dynafile.errors import EntityDeleted, InvalidEntity, InvalidEntityType

E = TypeVar("E", bound="Entity")


class EntityMeta(type):
    """Makes ``Person["1"]`` a lookup."""

    # mypy lets no metaclass say that what comes of it is of the class that is asked.
    def __getitem__(  # type: ignore[misc]
        cls: type[E], key: str | int | tuple[str, Any]
    ) -> E | None:
        """Return the entity with this id, else with this alias, or None.

        ``Person["name", "Ann"]`` is the one with that alias, or the first with that value.
        """
        return cls._find_one(key)


class Entity(metaclass=EntityMeta):
    """Base of the classes whose objects are kept.

    Creating one saves it, and so does setting a field. There is one object a record in a process,
    as long as somebody holds it; looking it up makes it what is stored now.

    ``__alias__`` names a field that is unique and found by ``Person["value"]``; ``__namespace__``
    keeps types of one name apart; ``__version__`` counts the versions of the class, see
    :meth:`migrate`. ``on_event(entity, field_name, old_value, new_value, action)`` is asked about
    each change.
    """

    _entity_type: ClassVar[EntityType]
    _id: str
    _db: Database
    _record: Record | None = None
    _unit: Unit | None = None
    _gone = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        info = EntityType(cls, stamped=issubclass(cls, TimestampedMixin))
        for name in info.fields:
            if name in vars(Entity) or (info.stamped and name in _TAKEN):
                raise InvalidEntity(
                    f"{info.name}.{name} would hide the {name} that each entity has: give the "
                    "field another name",
                    field=name,
                )
        cls._entity_type = info
        declare(info)

    def __init__(self, **fields: Any) -> None:
        """Create and save an entity.

        :param fields: properties and relations; ``_id`` for an id of your own.

        Raises InvalidEntityType for unknown fields and wrong types, InvalidEntity for values,
        DuplicateEntity for an id or an alias that another one has, HookRejected.
        """
        if type(self) is Entity:
            raise InvalidEntityType("Entity is a base: declare a class of your own under it")
        db = Database.get_instance()
        db.coder(self._entity_type)  # which makes its indexes, and that is no part of the change
        db.run(lambda unit: changes.create(db, unit, self, dict(fields)))

    @classmethod
    def new(cls, **fields: Any) -> Self:
        """Create and save an entity."""
        return cls(**fields)

    # -- finding --------------------------------------------------------------------------------

    @classmethod
    def _find_one(cls, key: Any) -> Self | None:
        db, info = Database.get_instance(), cls._own_type()
        if isinstance(key, tuple):
            field, value = key if len(key) == 2 else (None, None)
            if not isinstance(field, str) or not field:
                kind = type(field).__name__
                raise InvalidEntityType(f"Field name must be a non-empty string, got {kind}")
            if field == info.alias:
                found = (
                    None if value is None else db.by_alias(info, changes.alias_text(info, value))
                )
                by_alias: Self | None = found
                return by_alias
            return Query[Self](db, info).where(**{field: value}).first()
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise InvalidEntityType(f"{info.name}[...] takes an id or an alias, not {key!r}")
        one: Self | None = db.look_up(info, key)
        return one

    @classmethod
    def _own_type(cls) -> EntityType:
        if cls is Entity:
            raise InvalidEntityType("Entity is a base: ask a class of your own")
        return cls._entity_type

    @classmethod
    def load(cls, entity_id: str | int | None = None, level: int = 3) -> Self | None:  # noqa: ARG003
        """Return the entity with this id, or None. ``level`` is for those who gave it elsewhere."""
        if entity_id is None or entity_id == "":
            return None
        if isinstance(entity_id, bool) or not isinstance(entity_id, str | int):
            raise InvalidEntityType(f"load takes an id, not {entity_id!r}")
        found: Self | None = Database.get_instance().load(cls._own_type(), str(entity_id))
        return found

    @classmethod
    def where(cls, **conditions: Any) -> Query[Self]:
        """Return a query: ``Person.where(age__gt=30).order_by("age").limit(10)``."""
        return Query[Self](Database.get_instance(), cls._own_type()).where(**conditions)

    @classmethod
    def find(cls, conditions: Mapping[str, Any]) -> list[Self]:
        """Return the entities whose fields have these values, of derived types too; {} for all.

        A to-one relation is given as the entity; ``_id``, ``_type``, ``owner``, ``creator`` and
        ``updater`` are compared too.
        """
        if not isinstance(conditions, Mapping):
            raise InvalidEntityType(f"find takes a dict of fields, not {conditions!r}")
        info = cls._own_type()
        fields = {name: value for name, value in conditions.items() if name in info.properties}
        others = {name: value for name, value in conditions.items() if name not in fields}
        for name in others:
            if name not in info.relations and name not in _COMPARED:
                raise InvalidEntity(f"{info.name} has no field {name!r}", field=name)
        found = cls.where(**fields)
        if not others:
            return found.all()
        return [one for one in found if all(one._is(name, others[name]) for name in others)]

    def _is(self, name: str, value: Any) -> bool:
        if name in ("_id", "_type"):
            return bool(getattr(self, name) == value)
        if name not in self._entity_type.relations:
            return bool(getattr(self, f"_{name}", None) == value)
        there = getattr(self, name)
        return bool(there == value or (value is not None and value in _listed(there)))

    @classmethod
    def instances(cls) -> list[Self]:
        """Return all entities of the type by their ids, and then those of derived types."""
        if cls is Entity:
            return [one for each in cls.__subclasses__() for one in each.instances()]
        return Query[Self](Database.get_instance(), cls._entity_type).all()

    @classmethod
    def count(cls) -> int:
        """Return how many there are of the type itself, without reading them."""
        return _counter(cls._own_type()).count

    @classmethod
    def max_id(cls) -> int:
        """Return the highest number that was an id of the type, 0 where there was none."""
        return _counter(cls._own_type()).last

    @classmethod
    def load_some(cls, from_id: int, count: int = 10) -> list[Self]:
        """Return up to ``count`` entities of the type whose ids are numbers from ``from_id`` on."""
        for name, value in (("from_id", from_id), ("count", count)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidEntityType(f"{name} is an int, not {value!r}")
            if value < 1:
                raise InvalidEntity(f"{name} must be at least 1, not {value}")
        db, info = Database.get_instance(), cls._own_type()
        coder, after = db.coder(info), layout.id_key(str(from_id - 1)) if from_id > 1 else None
        found: list[Self] = []
        for key, item in _now().range(layout.entities(info.name), after):
            if len(found) == count or not layout.is_number(layout.id_of(key)):
                break
            found.append(db.adopt(coder, layout.id_of(key), item))
        return found

    # -- what it is -----------------------------------------------------------------------------

    @classmethod
    def get_full_type_name(cls) -> str:
        """Return the name of the type with its namespace, as ``app::User``."""
        return cls._own_type().name

    @property
    def _type(self) -> str:
        return self._entity_type.name

    @property
    def _ref(self) -> Reference:
        """The name of the entity; made once."""
        ref = self.__dict__.get("_reference")
        if ref is None:
            ref = self.__dict__["_reference"] = Reference(self._entity_type.name, self._id)
        named: Reference = ref
        return named

    def _visible(self) -> Record:
        unit = self._db.unit()
        record = self._record if unit is None else unit.visible(self)
        if record is None:
            raise EntityDeleted(f"{reference(self)} was deleted, or never created")
        return record

    def _read(self, name: str) -> Any:
        record = self._record
        if record is not None and not open_units():
            return record.values[name]
        return self._visible().values[name]

    def _stamp(self) -> Stamp:
        stamp = self._visible().stamp
        if stamp is None:
            raise InvalidEntity(f"{self._type} was stored without times and owners")
        return stamp

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entity):
            return NotImplemented
        return reference(self) == reference(other)

    def __hash__(self) -> int:
        return hash(reference(self))

    def __repr__(self) -> str:
        info = self._entity_type
        shown = "" if info.alias is None else f", {info.alias}={self._shown(info.alias)}"
        return f"{type(self).__name__}({self.__dict__.get('_id')!r}{shown})"

    def _shown(self, name: str) -> str:
        unit = self._unit
        own = unit is not None and unit.is_here()
        record = unit.visible(self) if unit is not None and own else self._record
        return "?" if record is None else repr(record.values[name])

    def __setattr__(self, name: str, value: Any) -> None:
        info = self._entity_type
        if name in info.properties or name in info.relations:
            object.__setattr__(self, name, value)
        elif name in ("_id", "_type", "_db", "_record"):
            raise InvalidEntity(f"{name} of {self!r} cannot be changed")
        elif name.startswith("_") or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        else:
            raise InvalidEntityType(
                f"{info.name} has no field {name!r}; it has {', '.join(info.fields) or 'none'}",
                field=name,
            )

    # -- changing -------------------------------------------------------------------------------

    def _change(self, name: str, value: Any) -> None:
        self._db.run(lambda unit: changes.set_property(unit, self, name, value))

    def _give_to(self, owner: str) -> None:
        self._db.run(lambda unit: changes.set_owner(unit, self, owner))

    def delete(self) -> None:
        """Delete the entity, and every link to it.

        Raises NotPermitted where a hook refuses or the caller is not the owner.
        """
        self._db.run(lambda unit: changes.delete(self._db, unit, self))

    @classmethod
    def migrate(
        cls,
        obj: dict[str, Any],
        from_version: int,  # noqa: ARG003
        to_version: int,  # noqa: ARG003
    ) -> dict[str, Any]:
        """Return the fields of a record of an older version as this one has them.

        ``obj`` has the fields as they were, and ``_id``, ``_type``, ``__version__``. It is called
        when a record is loaded; what it returns is stored when the entity is next changed.
        """
        return obj

    # -- relations ------------------------------------------------------------------------------

    def _related(self, relation: Relation[Any]) -> Any:
        target = self._read(relation.name)
        return None if target is None else self._db.follow(target)

    def _relate(self, relation: Relation[Any], value: Any) -> None:
        def body(unit: Unit) -> None:
            unit.claim(self)
            linker = Linker(self._db, unit)
            change = linker.set_many if relation.many else linker.set_one
            change(self, relation, value)

        self._db.run(body)

    def _link(self, relation: Relation[Any], other: Any) -> None:
        self._db.run(lambda unit: Linker(self._db, unit).add(self, relation, other))

    def _unlink(self, relation: Relation[Any], other: Any) -> None:
        self._db.run(lambda unit: Linker(self._db, unit).remove(self, relation, other))

    def _links(self, relation: Relation[Any]) -> Iterator[Any]:
        place, after = layout.links(reference(self), relation.name), None
        while True:
            page = []
            for key, item in self._db.reading().range(place, after):
                page.append((key, Reference(item["type"], item["id"])))
                if len(page) == _PAGE:
                    break
            for _, target in page:
                other = self._db.follow(target)
                if other is not None:
                    yield other
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def _link_count(self, relation: Relation[Any]) -> int:
        return read_length(self._db.reading(), reference(self), relation.name)

    def _is_linked(self, relation: Relation[Any], other: Any) -> bool:
        if not isinstance(other, Entity) or not self._db.is_mine(other):
            return False
        place = layout.links(reference(self), relation.name)
        return self._db.reading().get(place, layout.link_key(reference(other))) is not None

    # -- as dictionaries ------------------------------------------------------------------------

    def serialize(self) -> dict[str, Any]:
        """Return the fields as JSON has them, and the relations that lead anywhere.

        A to-one relation is an alias, or an id where there is no alias or it would mean another
        entity; a to-many relation is a list of them.
        """
        info, dump = self._entity_type, Dump(self._db)
        reading, record = self._db.reading(), self._visible()
        found = plain(info, self._id, record, lambda target: dump.shown(reading, target))
        for name, relation in sorted(info.relations.items()):
            if relation.many:
                targets = dump.targets(reading, info, self._id, record, relation)
                if targets:
                    found[name] = [dump.shown(reading, target) for target in targets]
        return found

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], level: int = 1) -> Any:  # noqa: ARG003
        """Create an entity from what :meth:`serialize` gave, or change the one that has its id.

        Without an id the one with its alias is changed. Fields that are not given stay as they are;
        times and owners are not taken over. Everything is changed, or nothing. Raises InvalidEntity
        and InvalidEntityType.
        """
        if not isinstance(data, Mapping):
            raise InvalidEntity("Data must be a dictionary")
        if "_type" not in data:
            raise InvalidEntity("Serialized data must contain '_type' field")
        info = find_type(str(data["_type"]))
        if info is None:
            raise InvalidEntity(f"Unknown entity type: {data['_type']}")
        if cls is not Entity and info not in cls._entity_type.derived():
            raise InvalidEntity(
                f"Entity type mismatch: expected {cls._entity_type.name}, got {info.name}"
            )
        db = Database.get_instance()
        return db.run(lambda unit: changes.merge(db, unit, info, dict(data)))


_PAGE = 500
_TAKEN = {*vars(TimestampedMixin), *STAMPED, "may_change"}
"""What a type with times and owners cannot have as a field."""
_COMPARED = ("_id", "_type", "owner", "creator", "updater")


def _listed(there: Any) -> list[Any]:
    return list(there) if hasattr(there, "__iter__") else [there]


def _counter(info: EntityType) -> Counter:
    return read_counter(_now(), info.name)


def _now() -> Reading:
    return Database.get_instance().reading()
