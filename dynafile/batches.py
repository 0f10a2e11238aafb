"""BatchWriteItem and BatchGetItem: many items of several tables in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct, field

from dynafile.capacity import NONE, check_level, consumed_by_read, consumed_by_writes, read_units
from dynafile.errors import ValidationError
from dynafile.expressions import Projection, refuse_mixture
from dynafile.nested import fields
from dynafile.read_requests import projection_of
from dynafile.request_checks import METRICS, check_enum
from dynafile.results import ConsumedCapacity, ItemCollectionMetrics
from dynafile.store.store import Store
from dynafile.table.together import Part, write_together
from dynafile.table.write import Write
from dynafile.table.writer import TableWriter
from dynafile.values import item_size
from dynafile.write_requests import collection_metrics

Tables = Callable[[str | None], TableWriter]

MOST_WRITES: Final = 25
MOST_KEYS: Final = 100
MOST_BYTES: Final = 16 * 1024 * 1024
"""What one answer holds; the other keys come back unprocessed."""
_DUPLICATES: Final = "Provided list of item keys contains duplicates"


class BatchWriteResult(Struct, frozen=True, kw_only=True):
    """What ``batch_write_item`` gives; all is written, so nothing is ever left."""

    unprocessed_items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    consumed_capacity: list[ConsumedCapacity] = field(default_factory=list)
    item_collection_metrics: dict[str, list[ItemCollectionMetrics]] = field(default_factory=dict)


class BatchGetResult(Struct, frozen=True, kw_only=True):
    """What ``batch_get_item`` gives of several tables."""

    responses: dict[str, list[dict[str, Any]]]
    """The items by table, in the order of the keys, without those that are not there."""
    unprocessed_keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What would have made the answer larger than 16 MB, to be asked for again."""
    consumed_capacity: list[ConsumedCapacity] = field(default_factory=list)


def batch_write(
    store: Store, tables: Tables, given: object, *, durable: bool, capacity: str, metrics: str
) -> BatchWriteResult:
    """Make puts and deletes, up to 25; see :meth:`Database.batch_write_item`."""
    check_level(capacity)
    check_enum(metrics, "returnItemCollectionMetrics", METRICS)
    requests = _by_table(given)
    count = sum(len(members) for members in requests.values())
    if count > MOST_WRITES:
        raise ValidationError(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
            f"Map value must satisfy constraint: [Member must have length less than or equal to "
            f"{MOST_WRITES}, Member must have length greater than or equal to 1]"
        )
    parts = []
    for name, members in requests.items():
        table = tables(name)
        schema = table.schema
        writes = [_write(table, member) for member in members]
        if len({write.key for write in writes}) < len(writes):
            raise ValidationError(_DUPLICATES)
        if (capacity, metrics) != (NONE, NONE):
            writes = [write.looking() for write in writes]
        parts.append(Part(table, schema, writes))
    failures = write_together(store, parts, durable=durable)
    assert not failures  # nothing in a batch has a condition
    consumed = (consumed_by_writes(part.table, capacity, part.writes) for part in parts)
    return BatchWriteResult(
        consumed_capacity=[one for one in consumed if one is not None],
        item_collection_metrics={
            part.table.name: found
            for part in parts
            if (found := _metrics(part.table, metrics, part.writes))
        },
    )


def _metrics(table: TableWriter, metrics: str, writes: list[Write]) -> list[ItemCollectionMetrics]:
    found = (collection_metrics(table, metrics, write) for write in writes)
    return [one for one in found if one is not None]


def _by_table(given: object) -> dict[str, list[Any]]:
    if not isinstance(given, Mapping):
        raise ValidationError(f"request_items must be a dict by table names, not {given!r}")
    found: dict[str, list[Any]] = {}
    for name, members in given.items():
        if isinstance(members, (str, bytes, Mapping)) or not isinstance(members, Iterable):
            raise ValidationError(f"request_items[{name!r}] must be a list, not {members!r}")
        found[name] = list(members)
    if not found or not all(found.values()):
        raise ValidationError(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    return found


def _write(table: TableWriter, member: object) -> Write:
    taken = fields(member, "a write request", (), ("PutRequest", "DeleteRequest"))
    if len(taken) != 1:
        raise ValidationError(
            "A write request must have exactly one of PutRequest and DeleteRequest"
        )
    if "PutRequest" in taken:
        return table.put_of(fields(taken["PutRequest"], "PutRequest", ("Item",))["Item"])
    return table.delete_of(fields(taken["DeleteRequest"], "DeleteRequest", ("Key",))["Key"])


class _Keys(Struct):
    table: TableWriter
    keys: list[tuple[bytes, Mapping[str, Any]]]
    projection: Projection | None
    consistent: bool
    given: dict[str, Any]


def batch_get(tables: Tables, given: object, *, capacity: str) -> BatchGetResult:
    """Return items by keys, up to 100; see :meth:`Database.batch_get_item`."""
    check_level(capacity)
    if not isinstance(given, Mapping) or not given:
        raise ValidationError(
            f"request_items must be a dict by table names with at least one, not {given!r}"
        )
    requests = {name: fields(request, *_GET_FIELDS) for name, request in given.items()}
    refuse_mixture(  # in the whole request: not even one table with one and another with the other
        {"AttributesToGet": _first(requests, "AttributesToGet")},
        {"ProjectionExpression": _first(requests, "ProjectionExpression")},
    )
    asked = {name: _keys(tables(name), request) for name, request in requests.items()}
    if sum(len(keys.keys) for keys in asked.values()) > MOST_KEYS:
        raise ValidationError("Too many items requested for the BatchGetItem call")
    left = MOST_BYTES
    responses: dict[str, list[dict[str, Any]]] = {}
    unprocessed: dict[str, dict[str, Any]] = {}
    consumed: list[ConsumedCapacity] = []
    for name, request in asked.items():
        responses[name] = []
        units = 0.0
        for position, (_, key) in enumerate(request.keys):
            item = request.table.get_item(key)
            size = item_size(item or {})
            if left < size:
                later = [dict(key) for _, key in request.keys[position:]]
                unprocessed[name] = {**request.given, "Keys": later}
                break
            left -= size
            units += read_units(size, consistent=request.consistent)
            if item is not None:
                project = request.projection
                responses[name].append(item if project is None else project.apply(item))
        one = consumed_by_read(request.table, capacity, units)
        if one is not None:
            consumed.append(one)
    return BatchGetResult(
        responses=responses, unprocessed_keys=unprocessed, consumed_capacity=consumed
    )


_GET_FIELDS: Final = (
    "a request of batch_get_item",
    ("Keys",),
    ("ProjectionExpression", "ExpressionAttributeNames", "ConsistentRead", "AttributesToGet"),
)


def _first(requests: Mapping[str, Mapping[str, Any]], parameter: str) -> Any:
    """Return what the first request that has a parameter has for it; None for none."""
    found = (request[parameter] for request in requests.values() if parameter in request)
    return next((value for value in found if value is not None), None)


def _keys(table: TableWriter, taken: dict[str, Any]) -> _Keys:
    keys = [(table.key_of(key), key) for key in taken["Keys"]]
    if not keys:
        raise ValidationError(
            "1 validation error detected: Value '[]' at 'requestItems.member.keys' failed to "
            "satisfy constraint: Member must have length greater than or equal to 1"
        )
    if len({encoded for encoded, _ in keys}) < len(keys):
        raise ValidationError(_DUPLICATES)
    projection = projection_of(
        taken.get("ProjectionExpression"),
        taken.get("ExpressionAttributeNames"),
        taken.get("AttributesToGet"),
    )
    return _Keys(table, keys, projection, bool(taken.get("ConsistentRead")), taken)
