"""The types of entities that are declared: their fields, relations, alias and version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from weakref import WeakValueDictionary

from dynafile.entities.field import Property
from dynafile.entities.relations import Relation
from dynafile.errors import InvalidEntity, InvalidEntityType

Hook = Callable[[Any, str | None, Any, Any, str], Any]

_NAMESPACE: Final = re.compile(r"[^\W\d][\w.:\-]*")


class EntityType:
    """What a class declares. ``name`` is with its namespace, as ``app::User``."""

    def __init__(self, cls: type[Any], *, stamped: bool) -> None:
        self.cls = cls
        self.stamped = stamped
        namespace = getattr(cls, "__namespace__", None)
        if namespace is not None and not (
            isinstance(namespace, str) and _NAMESPACE.fullmatch(namespace)
        ):
            raise InvalidEntity(
                f"__namespace__ of {cls.__name__} is a name such as 'app', not {namespace!r}"
            )
        self.namespace: str | None = namespace
        self.name = cls.__name__ if namespace is None else f"{namespace}::{cls.__name__}"
        if self.name == "_system":
            raise InvalidEntity("a type cannot be named '_system', which dumps have for their own")
        self.properties: dict[str, Property[Any]] = {}
        self.relations: dict[str, Relation[Any]] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                self._declare(name, value)
        self.index_attributes = {
            f"{each.index_kind}.{name}": each
            for name, each in self.properties.items()
            if each.index_kind is not None
        }
        """The fields that can be indexed, by the attribute of their index."""
        self.defaults = {name: each.default for name, each in self.properties.items()}
        self.defaults |= {name: None for name, each in self.relations.items() if not each.many}
        self.version = self._version()
        if self.hook is not None and not callable(self.hook):
            raise InvalidEntity(f"on_event of {self.name} is a function, not {self.hook!r}")
        self.alias = self._alias()

    def _declare(self, name: str, value: object) -> None:
        self.properties.pop(name, None)
        self.relations.pop(name, None)
        if not isinstance(value, Property | Relation):
            return
        if name.startswith("_"):
            raise InvalidEntity(f"a field cannot be named {name!r}: names with _ are Dynafile's")
        if value.name != name:
            raise InvalidEntity(
                f"one {type(value).__name__} cannot be two fields, {value.name!r} and {name!r}"
            )
        if isinstance(value, Property):
            self.properties[name] = value
        else:
            self.relations[name] = value

    def _version(self) -> int:
        version = getattr(self.cls, "__version__", 1)
        if type(version) is not int or version < 1:
            raise InvalidEntity(f"__version__ of {self.name} is an int from 1, not {version!r}")
        return version

    def _alias(self) -> str | None:
        alias = getattr(self.cls, "__alias__", None)
        if alias is not None and alias not in self.properties:
            raise InvalidEntity(
                f"__alias__ of {self.name} is {alias!r}, which is none of its fields"
            )
        if alias is not None and self.properties[alias].index_kind is None:
            raise InvalidEntity(f"__alias__ of {self.name} is {alias!r}, which cannot be a key")
        return alias

    def blank(self) -> Any:
        """Return an object of the class that was not initialised."""
        return object.__new__(self.cls)

    @property
    def fields(self) -> list[str]:
        """The names of all properties and relations."""
        return [*self.properties, *self.relations]

    @property
    def hook(self) -> Hook | None:
        """The function that is asked about changes."""
        hook: Hook | None = getattr(self.cls, "on_event", None)
        return hook

    def lineage(self) -> Iterator[EntityType]:
        """Yield this type and those that it is derived from."""
        for base in self.cls.__mro__:
            info = vars(base).get("_entity_type")
            if isinstance(info, EntityType):
                yield info

    def derived(self) -> list[EntityType]:
        """Return this type and those that are derived from it, as they were declared."""
        return [info for info in list(_declared.values()) if self in info.lineage()]


_declared: WeakValueDictionary[str, EntityType] = WeakValueDictionary()


def declare(info: EntityType) -> None:
    """Make a type known; one of the same name is replaced.

    Raises InvalidEntity where a relation and its reverse do not fit, of types that are known.
    """
    for relation in info.relations.values():
        for name in relation.types:
            for target in named(name, info):
                _check_reverse(info, relation, info if target.name == info.name else target)
    for other in list(_declared.values()):
        if other.name == info.name:
            continue
        for relation in other.relations.values():
            if any(_is_named(info, name, other) for name in relation.types):
                _check_reverse(other, relation, info)
    _declared.pop(info.name, None)
    _declared[info.name] = info


def declared(name: str) -> EntityType:
    """Return a type by its full name; raises InvalidEntity where there is none."""
    info = _declared.get(name)
    if info is None:
        raise InvalidEntity(
            f"Unknown entity type: {name}; import the module that declares it", type=name
        )
    return info


def find_type(name: str) -> EntityType | None:
    """Return a type by its full name, or by its name alone if only one has it."""
    if name in _declared:
        return _declared[name]
    found = [info for info in list(_declared.values()) if info.cls.__name__ == name]
    return found[0] if len(found) == 1 else None


def named(name: str, by: EntityType) -> list[EntityType]:
    """Return the types that one means by a name; none where they are not declared yet.

    A name alone is one of its own namespace, or of none, or the only one that there is.
    """
    full = name if by.namespace is None or "::" in name else f"{by.namespace}::{name}"
    for each in (full, name):
        if each in _declared:
            return [_declared[each]]
    if by.name in (full, name):
        return [by]
    found = find_type(name)
    return [] if found is None else [found]


def accepts(relation: Relation[Any], by: EntityType, other: EntityType) -> bool:
    """Say whether a relation of a type may lead to another."""
    return any(_is_named(base, name, by) for name in relation.types for base in other.lineage())


def _is_named(info: EntityType, name: str, by: EntityType) -> bool:
    if name == info.name:
        return True
    return "::" not in name and name == info.cls.__name__ and named(name, by) in ([], [info])


def _check_reverse(info: EntityType, relation: Relation[Any], target: EntityType) -> None:
    reverse = target.relations.get(relation.reverse_name)
    here = f"{info.name}.{relation.name}"
    if reverse is None:
        raise InvalidEntity(
            f"Reverse property {relation.reverse_name!r} not found in {target.name}: {here} is a "
            f"{type(relation).__name__}, so {target.name} needs a {relation.reverse_kind} of "
            "that name"
        )
    there = f"{target.name}.{reverse.name}"
    if type(reverse).__name__ != relation.reverse_kind:
        raise InvalidEntity(
            f"{there} must be {relation.reverse_kind}, as {here} is {type(relation).__name__}; it "
            f"is {type(reverse).__name__}"
        )
    if reverse.reverse_name != relation.name:
        raise InvalidEntity(
            f"{there} is the reverse of {reverse.reverse_name!r}, and not of {here}"
        )
    if not accepts(reverse, target, info):
        raise InvalidEntityType(
            f"{there} is to {', '.join(reverse.types)}, and not to {info.name}, whose "
            f"{relation.name!r} leads to it"
        )


def reverse_of(info: EntityType, relation: Relation[Any], other: EntityType) -> Relation[Any]:
    """Return the other end of a relation; raises InvalidEntity where it does not fit."""
    _check_reverse(info, relation, other)
    return other.relations[relation.reverse_name]
