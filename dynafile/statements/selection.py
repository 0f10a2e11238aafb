"""SELECT: the items of a page, as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dynafile.capacity import consumed_by_read, read_units
from dynafile.errors import ValidationError
from dynafile.expressions.paths import MISSING, Getter, Path, path_getter
from dynafile.partiql import Select, Statement
from dynafile.read_requests import Reading, ReadRequest
from dynafile.results import ConsumedCapacity
from dynafile.statements.key_selection import joined
from dynafile.statements.merging import merged_page
from dynafile.statements.plans import access_of
from dynafile.statements.results import StatementResult
from dynafile.statements.tokens import Place, digest_of, place_of, token_of, wrong_token
from dynafile.table.pages import PAGE_BYTES
from dynafile.table.writer import TableWriter

Shown = Callable[[dict[str, Any]], dict[str, Any]]


class Selection:
    """A SELECT that was checked against its table: a page of it is read at a time."""

    def __init__(
        self,
        statement: Statement,
        select: Select,
        table: TableWriter,
        parameters: Sequence[Any],
        *,
        consistent: bool,
        capacity: str,
    ) -> None:
        """Check it; raises IndexNotFound, IndexNotReady, and ValidationError kinds."""
        self.access = access_of(statement, select, table, parameters)
        self.table = table
        self._statement = statement
        self._parameters = parameters
        self._request = _request(select, self.access.keys.rest, consistent, capacity)
        self._reading: Reading = self._request.scan(table, None, None)
        self._shown = _shown(select.paths)

    @property
    def key(self) -> dict[str, Any]:
        """The key of the item that a SELECT of one names."""
        return self.access.keys.key_of(self.access.keys.partitions[0])

    def of_item(self, item: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return what a SELECT of one item gives of it, once that was read; None: nothing."""
        wanted = self._reading.wanted
        if item is None or (wanted is not None and not wanted(item)):
            return None
        return item if self._shown is None else self._shown(item)

    def page(self, limit: int | None, token: str | None) -> StatementResult:
        """Return a page: what was asked for of at most ``limit`` items, or 1 MB of them."""
        place, digest = None, b""
        if token is not None:
            digest = digest_of(self._statement.text, self._parameters)
            place = place_of(token, digest)
            self._check(place)
        if self.access.merged:
            page = merged_page(self.access, self._reading, self._reading.wanted, limit, place)
            items, size, fetched, following = page.items, page.size, page.fetched, page.place
        else:
            items, size, fetched, following = self._one_by_one(limit, place)
        if self.access.operation == "GetItem":
            following = None  # there is no other item with this key
        if following is not None and not digest:
            digest = digest_of(self._statement.text, self._parameters)
        return StatementResult(
            items=self._as_asked(items),
            next_token=None if following is None else token_of(following, digest),
            last_evaluated_key=None if following is None else following.key,
            consumed_capacity=self._consumed(size, fetched),
        )

    def _check(self, place: Place) -> None:
        """Refuse the place of a token from before its index was made anew with other keys."""
        index, key = self._reading.index, place.key
        names = {
            *self.table.definition.key_attributes,
            *(() if index is None else index.attributes),
        }
        count = max(1, len(self.access.keys.partitions))
        if place.partition >= count or (key is not None and set(key) != names):
            raise wrong_token()

    def _one_by_one(
        self, limit: int | None, place: Place | None
    ) -> tuple[list[dict[str, Any]], int, int, Place | None]:
        """Read one partition after the other; of a scan there is one, which is everything."""
        keys, reading, table = self.access.keys, self._reading, self.table
        number, start = (0, None) if place is None else (place.partition, place.key)
        items: list[dict[str, Any]] = []
        size = fetched = 0
        while True:
            bounds = keys.range_of(keys.partitions[number]) if keys.partitions else reading.bounds
            found = table.page(
                bounds,
                reading.wanted,
                limit,
                reverse=self.access.descending,
                start=None if start is None else table.start_of(start, bounds, reading.index),
                index=reading.index,
                whole=reading.whole,
            )
            items += found.items
            size += found.size
            fetched += found.fetched_units
            if found.last_key is not None:
                return items, size, fetched, Place(number, found.last_key)
            number, start = number + 1, None
            if number >= len(keys.partitions):
                return items, size, fetched, None
            if size >= PAGE_BYTES:
                return items, size, fetched, Place(number, None)
            limit = None if limit is None else limit - found.scanned

    def _as_asked(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        index = self._reading.index
        if self._shown is not None:
            return list(map(self._shown, items))
        if self._reading.whole and index is not None:
            return [index.projection_of(item) for item in items]
        return items

    def _consumed(self, size: int, fetched: int) -> ConsumedCapacity | None:
        request, index = self._request, self._reading.index
        return consumed_by_read(
            self.table,
            request.capacity,
            read_units(size, consistent=request.consistent),
            None if index is None else index.name,
            fetched * (1.0 if request.consistent else 0.5),
        )


def _request(select: Select, rest: Sequence[Any], consistent: bool, capacity: str) -> ReadRequest:
    # What is projected matters to an index that does not have all of it.
    names: dict[str, str] = {}
    if select.index is not None and select.paths is not None:
        attributes = dict.fromkeys(str(path[0]) for path in select.paths)
        names = {f"#{number}": name for number, name in enumerate(attributes)}
    return ReadRequest(
        index=select.index,
        filter=joined(rest),
        projection=",".join(names) or None,
        names=names or None,
        consistent=consistent,
        capacity=capacity,
    )


def shown_name(path: Path) -> str:
    """Return the name under which a path is shown: its last name, with the indexes after it.

    >>> shown_name(("a", "b", 0))
    'b[0]'
    """
    parts: list[str] = []
    for step in reversed(path):
        if isinstance(step, str):
            return step + "".join(reversed(parts))
        parts.append(f"[{step}]")
    raise AssertionError(path)


def _shown(paths: tuple[Path, ...] | None) -> Shown | None:
    if paths is None:
        return None
    getters: dict[str, Getter] = {}
    for path in dict.fromkeys(paths):
        name = shown_name(path)
        if name in getters:
            raise ValidationError(
                f"two paths of the projection would both be called {name}: leave one of them out, "
                "or select what holds them"
            )
        getters[name] = path_getter(path)

    def shown(item: dict[str, Any]) -> dict[str, Any]:
        values = ((name, get(item)) for name, get in getters.items())
        return {name: value for name, value in values if value is not MISSING}

    return shown
