"""Queries: the entities of a type that fit, by an index where one serves."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct

from dynafile.entities import layout
from dynafile.entities.backend import IndexRange, Item, Reading
from dynafile.entities.field import Property, is_indexable
from dynafile.entities.properties import String
from dynafile.entities.records import Coder
from dynafile.entities.types import EntityType
from dynafile.errors import InvalidEntity, InvalidEntityType

E = TypeVar("E")

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda value, given: value in given,
    "contains": lambda value, given: hasattr(value, "__contains__") and given in value,
    "startswith": lambda value, given: value.startswith(given),
}
_WITH_NONE: Final = frozenset({"eq", "ne", "in"})
"""Those that a field without a value can fulfil."""
_ORDERED: Final = frozenset({"lt", "lte", "gt", "gte"})
_BY_INDEX: Final = frozenset({"eq", "lt", "lte", "gt", "gte"})


class Condition(Struct, frozen=True):
    """What a field must be."""

    field: str
    operator: str
    value: Any
    by: Any
    """The field."""

    def holds(self, values: dict[str, Any]) -> bool:
        """Say whether a record fulfils it."""
        value = values[self.field]
        if value is None and self.operator not in _WITH_NONE:
            return False
        compare = _OPERATORS[self.operator]
        if self.operator in _ORDERED:
            return compare(self.by.order(value), self.by.order(self.value))
        return bool(compare(value, self.value))


class Plan(Struct, frozen=True):
    """How a query is answered."""

    types: tuple[str, ...]
    index: str | None
    """The field whose index is read; None: all entities of the types are."""
    reads: str
    """In words."""
    sorts: bool
    """Whether what was found is sorted in memory."""

    def __str__(self) -> str:
        return self.reads


class Home(Protocol):
    """The database of the entities."""

    @property
    def has_indexes(self) -> bool:
        """Whether fields that are declared so are indexed."""

    def reading(self) -> Reading:
        """Return what to read from."""

    def coder(self, info: EntityType) -> Coder:
        """Return what turns records of a type into items; has its indexes made."""

    def adopt(self, coder: Coder, id_: str, item: Item) -> Any:
        """Return the object of an item."""


class Query(Generic[E]):
    """The entities of a type, and of those derived from it, that fit.

    Nothing is read before it is iterated. ``where``, ``order_by`` and ``limit`` give another query.
    """

    def __init__(
        self,
        home: Home,
        info: EntityType,
        conditions: tuple[Condition, ...] = (),
        order: str | None = None,
        backwards: bool = False,
        most: int | None = None,
    ) -> None:
        self._home = home
        self._info = info
        self._conditions = conditions
        self._order = order
        self._backwards = backwards
        self._most = most

    def where(self, **conditions: Any) -> Query[E]:
        """Return a query with more conditions, all of which must hold.

        ``age=30``, or with an operator: ``age__gt``, ``gte``, ``lt``, ``lte``, ``ne``, ``in`` (a
        list), ``contains``, ``startswith``. None is neither less nor more than a value. Raises
        InvalidEntity for other fields and operators, InvalidEntityType for values that the field
        cannot have.
        """
        more = tuple(_condition(self._info, name, value) for name, value in conditions.items())
        return self._with(conditions=(*self._conditions, *more))

    def order_by(self, field: str) -> Query[E]:
        """Return a query in the order of a field; ``"-age"`` is from the last.

        Those without a value come last. Without it the order is that of the ids.
        """
        if not isinstance(field, str):
            raise InvalidEntityType(f"order_by takes the name of a field, not {field!r}")
        name = field.removeprefix("-")
        _property(self._info, name)
        return self._with(order=name, backwards=field.startswith("-"))

    def limit(self, most: int) -> Query[E]:
        """Return a query that gives so many at the most."""
        if isinstance(most, bool) or not isinstance(most, int):
            raise InvalidEntityType(f"limit is an int, not {most!r}")
        if most < 0:
            raise InvalidEntity(f"limit must be at least 0, not {most}")
        return self._with(most=most)

    def _with(self, **changes: Any) -> Query[E]:
        given = {
            "conditions": self._conditions,
            "order": self._order,
            "backwards": self._backwards,
            "most": self._most,
        }
        return Query(self._home, self._info, **{**given, **changes})

    # -- answers --------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[E]:
        adopt = self._home.adopt
        found: Iterator[Any] = (adopt(row.coder, row.id, row.item) for row in self._found())
        return islice(found, self._most)

    def all(self) -> list[E]:
        """Return the entities."""
        return list(self)

    def first(self) -> E | None:
        """Return the first, or None."""
        return next(iter(self.limit(1) if self._most is None else self), None)

    def count(self) -> int:
        """Return how many there are; no entity is made for that."""
        return sum(1 for _ in islice(self._found(), self._most))

    def explain(self) -> Plan:
        """Tell how it is answered: by which index, or by reading all entities of the type."""
        types = tuple(info.name for info in self._info.derived())
        alias = self._alias()
        if alias is not None:
            return Plan(types, alias.field, f"looks the alias {alias.field!r} up", sorts=False)
        field = self._index()
        sorts = self._order is not None and self._order != (field and field.name)
        if field is not None:
            reads = f"queries the index of {field.name!r}"
        else:
            reads = f"reads all entities of {', '.join(types)}{self._hint()}"
        return Plan(types, None if field is None else field.name, reads, sorts)

    def _hint(self) -> str:
        """Say why there is no index."""
        names = [each.field for each in self._conditions if each.operator in _BY_INDEX]
        names += [] if self._order is None else [self._order]
        fields = [self._info.properties[name] for name in names]
        fields = [field for field in fields if field.index_kind is not None]
        if not fields:
            return ""
        if not self._home.has_indexes:
            return ": a storage of strings has no indexes; a table has"
        lacking = [field for field in fields if not field.indexed]
        if lacking:
            return f": no index serves; declare {lacking[0].name!r} with indexed=True"
        return ": no index serves, as not all of them have it" if self._is_mixed(fields) else ""

    def _is_mixed(self, fields: list[Property[Any]]) -> bool:
        return not any(self._serves(field) for field in fields)

    # -- how ------------------------------------------------------------------------------------

    def _serves(self, field: Property[Any]) -> bool:
        """Say whether the entities of all the types are in the index of a field."""
        if not field.indexed or not self._home.has_indexes:
            return False
        if not self._info.cls.__subclasses__():
            return True
        return all(
            info.properties[field.name].index_attribute == field.index_attribute
            for info in self._info.derived()
            if field.name in info.properties
        )

    def _alias(self) -> Condition | None:
        """Return the condition that names an alias, which one entity of a type has at the most."""
        name, types = self._info.alias, self._info.derived()
        for each in self._conditions:
            if each.operator == "eq" and each.field == name and isinstance(each.value, str):
                is_text = all(isinstance(info.properties.get(name), String) for info in types)
                return each if is_text and all(info.alias == name for info in types) else None
        return None

    def _by_alias(self, info: EntityType, alias: str) -> Iterator[Row]:
        coder, reading, key = self._home.coder(info), self._home.reading(), layout.alias_key(alias)
        found = reading.get(layout.aliases(info.name), key) if layout.is_key(key) else None
        id_ = "" if found is None else found["id"]
        item = reading.get(layout.entities(info.name), layout.id_key(id_)) if id_ else None
        if item is not None:
            row = Row(coder, id_, item)
            if all(condition.holds(row.values) for condition in self._conditions):
                yield row

    def _index(self) -> Property[Any] | None:
        """Return the field whose index is read, that of the narrowest condition or the order."""
        conditions = [each for each in self._conditions if each.operator in _BY_INDEX]
        conditions = [each for each in conditions if each.value is not None]
        equal = [each.field for each in conditions if each.operator == "eq"]
        order = [] if self._order is None or conditions else [self._order]
        ordered = [each.field for each in conditions if each.field == self._order]
        for name in [*equal, *ordered, *(each.field for each in conditions), *order]:
            field = self._info.properties[name]
            if self._serves(field):
                return field
        return None

    def _found(self) -> Iterator[Row]:
        field, order = self._index(), self._order
        types, alias = self._info.derived(), self._alias()
        if alias is not None:
            field = None
            parts = [self._by_alias(info, alias.value) for info in types]
        else:
            parts = [self._of_type(info, field) for info in types]
        if order is None:
            yield from (row for part in parts for row in part)
            return
        by = self._info.properties[order]
        if field is None or field.name != order:
            rows = [row for part in parts for row in part]
            there = [row for row in rows if row.values[order] is not None]
            there.sort(key=lambda row: by.order(row.values[order]))
            if self._backwards:
                there.reverse()
            yield from (*there, *(row for row in rows if row.values[order] is None))
            return
        if self._backwards:
            parts.reverse()  # so that it is the reverse where several have one value
        given = set()
        for row in merge(
            *parts, key=lambda row: by.order(row.values[order]), reverse=self._backwards
        ):
            # One that is changed meanwhile moves, and may come again.
            if (row.coder, row.id) not in given:
                given.add((row.coder, row.id))
                yield row
        mine = [each for each in self._conditions if each.field == order]
        if all(each.holds({order: None}) for each in mine):
            # Those without a value are in no index.
            rest = [row for info in types for row in self._of_type(info, None)]
            yield from (row for row in rest if row.values[order] is None)

    def _of_type(self, info: EntityType, field: Property[Any] | None) -> Iterator[Row]:
        """Yield what fits of one type: in the order of the index if that is asked for, or by id."""
        coder, reading = self._home.coder(info), self._home.reading()
        place = layout.entities(info.name)
        if field is None:
            pairs = reading.range(place)
        else:
            pairs = reading.index_range(place, self._range(field))
        left = [each for each in self._conditions if field is None or not _is_served(each, field)]
        rows = (Row(coder, layout.id_of(key), item) for key, item in pairs)
        if left:
            rows = (row for row in rows if all(each.holds(row.values) for each in left))
        if field is None or field.name == self._order or self._is_one_value(field):
            return rows
        return iter(sorted(rows, key=lambda row: layout.id_key(row.id)))

    def _is_one_value(self, field: Property[Any]) -> bool:
        """Say whether the part of an index that is read has one value, and so is ordered by id."""
        return any(each.operator == "eq" and _is_served(each, field) for each in self._conditions)

    def _range(self, field: Property[Any]) -> IndexRange:
        low = high = None
        for each in self._conditions:
            if each.field != field.name or each.operator not in _BY_INDEX or each.value is None:
                continue
            key = field.to_key(each.value)
            if not is_indexable(key):
                continue  # past all that the index can hold, or not: the condition will say
            if each.operator in ("eq", "gt", "gte"):
                low = key if low is None else max(low, key)
            if each.operator in ("eq", "lt", "lte"):
                high = key if high is None else min(high, key)
        if low is not None and high is not None and low > high:
            high = low  # nothing fits, as the conditions will say
        assert field.index_attribute is not None
        backwards = self._backwards and self._order == field.name
        return IndexRange(field.index_attribute, low, high, backwards)


class Row:
    """What was found: an item, and the values in it, which are read when they are needed."""

    __slots__ = ("_values", "coder", "id", "item")

    def __init__(self, coder: Coder, id_: str, item: Item) -> None:
        self.coder = coder
        self.id = id_
        self.item = item
        self._values: dict[str, Any] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The values of the record."""
        if self._values is None:
            self._values = self.coder.decode(self.item, self.id).values
        return self._values


def _is_served(condition: Condition, field: Property[Any]) -> bool:
    """Say whether what an index gives fulfils a condition without being looked at."""
    if condition.field != field.name or condition.value is None or not field.is_exact:
        return False
    return condition.operator in ("eq", "gte", "lte") and is_indexable(
        field.to_key(condition.value)
    )


def _property(info: EntityType, name: str) -> Property[Any]:
    field = info.properties.get(name)
    if field is None:
        known = ", ".join(info.properties) or "none"
        raise InvalidEntity(f"{info.name} has no field {name!r}; it has {known}", field=name)
    return field


def _condition(info: EntityType, name: str, value: Any) -> Condition:
    field_name, _, operator = name.rpartition("__")
    if name in info.properties or not field_name or operator in info.properties:
        field_name, operator = name, "eq"
    if field_name in ("_id", "_type"):
        raise InvalidEntity(f"{info.name}: look an entity up by its id with {info.name}[id]")
    field = _property(info, field_name)
    if operator not in _OPERATORS:
        raise InvalidEntity(
            f"{name}: there is no operator {operator!r}; there are {', '.join(_OPERATORS)}"
        )
    return Condition(field_name, operator, _compared(field, name, operator, value), field)


def _compared(field: Property[Any], name: str, operator: str, value: Any) -> Any:
    """Return what a field is compared with; raises InvalidEntity and InvalidEntityType."""
    if operator in ("eq", "ne"):
        return None if value is None else field.check_type(value)
    if value is None:
        raise InvalidEntityType(f"{name} compares with a value, not with None")
    if operator == "in":
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise InvalidEntityType(f"{name} takes a list of values, not {value!r}")
        return [None if each is None else field.check_type(each) for each in value]
    if operator in _ORDERED:
        if field.index_kind is None:
            raise InvalidEntity(f"{name}: a {type(field).__name__} has no order")
        value = field.check_type(value)
        if value != value:
            raise InvalidEntity(f"{name}: nothing is less or more than {value!r}")
        return value
    if field.part is None or (operator == "startswith" and field.part is object):
        raise InvalidEntity(f"{name}: a {type(field).__name__} has no {operator}")
    if not isinstance(value, field.part):
        raise InvalidEntityType(f"{name} takes a {field.part.__name__}, not {value!r}")
    return value
