"""Queries: the entities of a type that fit, by an index where one serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct

from dynafile.entities import layout
from dynafile.entities.backend import IndexRange, Item, Reading
from dynafile.entities.field import Property
from dynafile.entities.records import Coder
from dynafile.entities.types import EntityType
from dynafile.errors import InvalidEntity, InvalidEntityType

E = TypeVar("E")

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda value, given: bool(value == given),
    "ne": lambda value, given: bool(value != given),
    "lt": lambda value, given: value is not None and value < given,
    "lte": lambda value, given: value is not None and value <= given,
    "gt": lambda value, given: value is not None and value > given,
    "gte": lambda value, given: value is not None and value >= given,
    "in": lambda value, given: value in given,
    "contains": lambda value, given: value is not None and given in value,
    "startswith": lambda value, given: value is not None and value.startswith(given),
}
_ORDERED: Final = frozenset({"lt", "lte", "gt", "gte"})
_BY_INDEX: Final = frozenset({"eq", "lt", "lte", "gt", "gte"})


class Condition(Struct, frozen=True):
    """What a field must be."""

    field: str
    operator: str
    value: Any

    def holds(self, values: dict[str, Any]) -> bool:
        """Say whether a record fulfils it."""
        return _OPERATORS[self.operator](values[self.field], self.value)


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
    def indexed(self) -> frozenset[str]:
        """The attributes by which there are indexes."""

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
        field = self._index()
        sorts = self._order is not None and self._order != (field and field.name)
        if field is not None:
            reads = f"queries the index of {field.name!r}"
        else:
            names = [each.field for each in self._conditions if each.operator in _BY_INDEX]
            names += [] if self._order is None else [self._order]
            hint = f": no index serves; declare {names[0]!r} with indexed=True" if names else ""
            reads = f"reads all entities of {', '.join(types)}{hint}"
        return Plan(types, None if field is None else field.name, reads, sorts)

    # -- how ------------------------------------------------------------------------------------

    def _index(self) -> Property[Any] | None:
        """Return the field whose index is read, that of the narrowest condition or the order."""
        self._home.coder(self._info)
        conditions = [each for each in self._conditions if each.operator in _BY_INDEX]
        conditions = [each for each in conditions if each.value is not None]
        equal = [each.field for each in conditions if each.operator == "eq"]
        order = [] if self._order is None or conditions else [self._order]
        ordered = [each.field for each in conditions if each.field == self._order]
        for name in [*equal, *ordered, *(each.field for each in conditions), *order]:
            field = self._info.properties[name]
            if field.index_attribute in self._home.indexed:
                return field
        return None

    def _found(self) -> Iterator[Row]:
        field, order = self._index(), self._order
        parts = [self._of_type(info, field) for info in self._info.derived()]
        if order is None:
            yield from (row for part in parts for row in part)
        elif field is None or field.name != order:
            rows = [row for part in parts for row in part]
            there = [row for row in rows if row.values[order] is not None]
            there.sort(key=lambda row: row.values[order], reverse=self._backwards)
            yield from (*there, *(row for row in rows if row.values[order] is None))
        else:
            yield from merge(*parts, key=lambda row: row.values[order], reverse=self._backwards)
            if not any(each.field == order for each in self._conditions):
                # Those without a value are in no index.
                parts = [self._of_type(info, None) for info in self._info.derived()]
                yield from (row for part in parts for row in part if row.values[order] is None)

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
        is_one = any(each.operator == "eq" and each.field == (field and field.name)
                     for each in self._conditions)  # fmt: skip
        if field is None or is_one or field.name == self._order:
            return rows
        return iter(sorted(rows, key=lambda row: layout.id_key(row.id)))

    def _range(self, field: Property[Any]) -> IndexRange:
        low = high = None
        for each in self._conditions:
            if each.field != field.name or each.operator not in _BY_INDEX or each.value is None:
                continue
            key = field.to_key(each.value)
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
    if condition.field != field.name or condition.value is None:
        return False
    return condition.operator in ("eq", "gte", "lte") and field.is_exact


def _property(info: EntityType, name: str) -> Property[Any]:
    field = info.properties.get(name)
    if field is None:
        known = ", ".join(info.properties) or "none"
        raise InvalidEntity(f"{info.name} has no field {name!r}; it has {known}", field=name)
    return field


def _condition(info: EntityType, name: str, value: Any) -> Condition:
    field_name, _, operator = name.partition("__")
    operator = operator or "eq"
    if field_name in ("_id", "_type"):
        raise InvalidEntity(f"{info.name}: look an entity up by its id with {info.name}[id]")
    field = _property(info, field_name)
    if operator not in _OPERATORS:
        raise InvalidEntity(
            f"{name}: there is no operator {operator!r}; there are {', '.join(_OPERATORS)}"
        )
    if operator in ("eq", "ne"):
        return Condition(field_name, operator, None if value is None else field.check_type(value))
    if value is None:
        raise InvalidEntityType(f"{name} compares with a value, not with None")
    if operator == "in":
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise InvalidEntityType(f"{name} takes a list of values, not {value!r}")
        given = [None if each is None else field.check_type(each) for each in value]
        return Condition(field_name, operator, given)
    if operator == "startswith" and not isinstance(value, str | bytes):
        raise InvalidEntityType(f"{name} takes a str or bytes, not {value!r}")
    if operator in _ORDERED:
        if field.index_kind is None:
            raise InvalidEntity(f"{name}: a {type(field).__name__} has no order")
        value = field.check_type(value)
    return Condition(field_name, operator, value)
