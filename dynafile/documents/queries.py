"""Queries: descriptions of which documents, in which order, how many; immutable, as references."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from dynafile.documents.engine import DocumentChange, Element, Plan
from dynafile.documents.filters import MISSING, value_at
from dynafile.documents.home import Home
from dynafile.documents.live import Changes, Watch, listen
from dynafile.documents.paths import check_segment, is_document, parse_field, path_text
from dynafile.documents.requests import OPERATORS, Cursor, Order, Query, Where
from dynafile.documents.values import check_value, decode, encode
from dynafile.errors import InvalidDocumentArgument, InvalidDocumentArgumentType

__all__ = ["DocumentQuery", "Queryable"]

_DIRECTIONS: Final = {"asc": False, "ascending": False, "desc": True, "descending": True}
_LISTS: Final = ("in", "not-in", "array-contains-any")


class Queryable(ABC):
    """What a collection, a document, a group of collections and a query have of queries."""

    __slots__ = ("_db",)

    _db: Home

    @abstractmethod
    def _query(self) -> Query:
        """Return what is asked, as plain data."""

    def _with(self, query: Query) -> DocumentQuery:
        return DocumentQuery(self._db, query)

    # -- describing -----------------------------------------------------------------------------

    def where(self, field: str, op: str, value: Any) -> DocumentQuery:
        """Return those documents whose field is as the condition says.

        :param field: a field, or the path of one: ``"address.city"``.
        :param op: ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``in``, ``not-in``,
            ``array-contains`` or ``array-contains-any``.
        :param value: what it is compared with; a list for ``in``, ``not-in`` and
            ``array-contains-any``.

        A document that lacks the field does not match, whatever the condition. Values of different
        types are not equal, and none is less than the other; True is not 1. Raises
        InvalidDocumentArgument, InvalidDocumentPath, InvalidDocument.
        """
        condition = Where(parse_field(field), _checked_op(op), _operand(op, value))
        query = self._query()
        return self._with(replace(query, wheres=(*query.wheres, condition)))

    def order_by(self, field: str, direction: str = "asc") -> DocumentQuery:
        """Return the documents that have a field, in the order of its values.

        :param direction: ``"asc"`` or ``"desc"``.

        A second call orders those whose first field is equal; in the end ids decide. The order of
        types is: null, booleans, numbers, text, arrays, objects.
        """
        name = str(direction).lower()
        if name not in _DIRECTIONS:
            raise InvalidDocumentArgument(f"direction is 'asc' or 'desc', not {direction!r:.80}")
        query = self._query()
        if _cursors(query):
            raise InvalidDocumentArgument(
                "order_by comes before start_after, end_before and the like, whose values are in "
                "its order"
            )
        order = Order(parse_field(field), _DIRECTIONS[name])
        return self._with(replace(query, orders=(*query.orders, order)))

    def limit(self, count: int) -> DocumentQuery:
        """Return the first ``count`` documents of the query's order."""
        if type(count) is not int:
            raise InvalidDocumentArgumentType(f"limit is an int, not {count!r:.80}")
        if count < 1:
            raise InvalidDocumentArgument(f"limit is at least 1, not {count}")
        return self._with(replace(self._query(), limit=count))

    def start_at(self, *values: Any) -> DocumentQuery:
        """Begin with what has these values in the query's order; see :meth:`start_after`."""
        return self._with(replace(self._query(), start_at=_cursor(self._query(), values)))

    def start_after(self, *values: Any) -> DocumentQuery:
        """Begin after what has these values in the query's order.

        :param values: of the fields of ``order_by``, in that order and as many as one likes, and
            then an id; or an element of :meth:`DocumentQuery.stream`.

        >>> from dynafile.documents import Montybase, doc
        >>> with Montybase(":memory:") as db:
        ...     scores = doc(db, "scores")
        ...     for name, score in (("ann", 3), ("bob", 1), ("cid", 2)):
        ...         _ = scores.add({"score": score}, key=name)
        ...     query = scores.order_by("score").limit(2)
        ...     page = query.stream()
        ...     query.start_after(page[-1]).stream()
        [{'id': 'ann', 'value': {'score': 3}}]
        """
        return self._with(replace(self._query(), start_after=_cursor(self._query(), values)))

    def end_at(self, *values: Any) -> DocumentQuery:
        """End with what has these values in the query's order; see :meth:`start_after`."""
        return self._with(replace(self._query(), end_at=_cursor(self._query(), values)))

    def end_before(self, *values: Any) -> DocumentQuery:
        """End before what has these values in the query's order; see :meth:`start_after`."""
        return self._with(replace(self._query(), end_before=_cursor(self._query(), values)))

    # -- executing ------------------------------------------------------------------------------

    def count(self) -> int:
        """Return how many documents there are."""
        found: int = self._db.engine.aggregate(self._query(), "count")
        return found

    def sum(self, field: str) -> Any:
        """Return the sum of a field's numbers; what is no number does not count."""
        return self._db.engine.aggregate(self._query(), "sum", parse_field(field))

    def average(self, field: str) -> Any:
        """Return the average of a field's numbers; None where there are none."""
        return self._db.engine.aggregate(self._query(), "average", parse_field(field))

    def explain(self) -> Plan:
        """Say how the query is executed: the index it uses, or those that would serve."""
        return self._db.engine.explain(self._query())


class DocumentQuery(Queryable):
    """A query. Each method that narrows it returns another one."""

    __slots__ = ("_description",)

    _description: Query

    def __init__(self, db: Home, description: Query) -> None:
        object.__setattr__(self, "_db", db)
        object.__setattr__(self, "_description", description)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a query does not change, so {name} cannot be set")

    @property
    def db(self) -> Any:
        """The database, a :class:`Montybase`."""
        return self._db

    @property
    def description(self) -> Query:
        """What is asked, as plain data."""
        return self._query()

    def _query(self) -> Query:
        return self._description

    def get(self) -> dict[str, Any]:
        """Return what the query finds, in its order: documents by id; in a group by path."""
        found = self._db.engine.run(self._query())
        if self._query().group:
            return {path_text(element.path): element.value for element in found}
        return {element.path[-1]: element.value for element in found}

    def stream(self) -> list[dict[str, Any]]:
        """Return what the query finds, in its order: ``{"id": ..., "value": ...}`` each.

        In a group of collections each has its ``"path"`` too.
        """
        group = self._query().group
        return [as_shown(element, group=group) for element in self._db.engine.run(self._query())]

    def exists(self) -> bool:
        """Say whether the query finds anything."""
        return self._db.engine.exists(self._query())

    exist = exists

    def on_snapshot(
        self, callback: Callable[[DocumentChange], object], *, since: str | None = None
    ) -> Watch:
        """Call ``callback(change)`` with the state, and with each change; see the reference's."""
        return listen(self._db.engine, self._query(), callback, since)

    def watch(self, since: str | None = None) -> Changes:
        """Return the state and each change as an asynchronous iterator; see the reference's."""
        return Changes(lambda: self._db.engine.watch(self._query(), since))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DocumentQuery):
            return NotImplemented
        return self._db is other._db and self._query() == other._query()

    def __repr__(self) -> str:
        query = self._query()
        parts = [*map(str, query.wheres), *(f"by {order}" for order in query.orders)]
        if query.limit is not None:
            parts.append(f"at most {query.limit}")
        return f"<query of {query}: {', '.join(parts) or 'all'}>"


def as_shown(element: Element, *, group: bool = False) -> dict[str, Any]:
    """Return an element as ``stream`` shows it."""
    shown = {"id": element.path[-1], "value": element.value}
    return {**shown, "path": path_text(element.path)} if group else shown


def _checked_op(op: Any) -> str:
    if not isinstance(op, str) or op not in OPERATORS:
        raise InvalidDocumentArgument(
            f"{op!r:.80} is no condition: there are {', '.join(OPERATORS)}"
        )
    return op


def _operand(op: str, value: Any) -> Any:
    """Return what a condition compares with, a copy that nobody changes."""
    if op in _LISTS:
        if isinstance(value, tuple):
            value = list(value)
        if not isinstance(value, list) or not value:
            raise InvalidDocumentArgument(
                f"{op} compares with a list of at least one value, not with {value!r:.80}"
            )
    checked = check_value(value, "the value of the condition")
    return decode(encode(checked, "the value of a condition"))


def _cursors(query: Query) -> list[Cursor]:
    cursors = (query.start_at, query.start_after, query.end_at, query.end_before)
    return [cursor for cursor in cursors if cursor is not None]


def _cursor(query: Query, values: tuple[Any, ...]) -> Cursor:
    """Return a place in the order of a query."""
    if not values:
        raise InvalidDocumentArgument(
            "a cursor needs a value: of the first field of order_by, or an id"
        )
    count = len(query.orders)
    if len(values) == 1 and isinstance(values[0], dict) and {"id", "value"} <= values[0].keys():
        return _at_element(query, values[0])
    if len(values) > count + 1:
        raise InvalidDocumentArgument(
            f"a cursor has a value for each order_by, here {count}, and then an id, not "
            f"{len(values)} values: call order_by first"
        )
    place = [decode(encode(check_value(each, "cursor"), "a cursor")) for each in values[:count]]
    last = values[count] if len(values) > count else None
    return Cursor(
        tuple(place), None if last is None and len(values) <= count else _last(query, last)
    )


def _at_element(query: Query, element: dict[str, Any]) -> Cursor:
    place = []
    for order in query.orders:
        value = value_at(element["value"], order.field)
        if value is MISSING:
            raise InvalidDocumentArgument(
                f"the element {element['id']!r:.80} has no {order}, by which order_by orders: give "
                "one that this query found"
            )
        place.append(check_value(value, "cursor"))
    last = element.get("path") if query.group else element["id"]
    return Cursor(tuple(place), _last(query, last))


def _last(query: Query, last: Any) -> tuple[str, ...]:
    if not isinstance(last, str):
        raise InvalidDocumentArgumentType(
            f"a cursor ends with the id of a document, a str, not {last!r:.80}"
        )
    if query.group:
        path = tuple(map(check_segment, last.split("/")))
        if not is_document(path):
            raise InvalidDocumentArgument(
                "in a group of collections a cursor ends with the path of a document, after the "
                f"values of order_by, and {last!r:.80} is none"
            )
        return path
    return (check_segment(last),)
