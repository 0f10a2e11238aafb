"""TransactWriteItems and TransactGetItems: many items of several tables, all or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct, field
from xxhash import xxh3_128

from dynafile.capacity import NONE, check_level, consumed_by_read, consumed_by_writes, read_units
from dynafile.errors import DynafileError, InvalidArgument, InvalidKey, ValidationError
from dynafile.expressions import Expressions, Projection, Update, boto3_conditions
from dynafile.nested import fields
from dynafile.read_requests import projection_of
from dynafile.request_checks import METRICS, ON_FAILURE, check_enum
from dynafile.results import ConsumedCapacity, ItemCollectionMetrics
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.table.expiry import is_expired
from dynafile.table.together import Part, canceled, write_together
from dynafile.table.tokens import Repeated, Tokens
from dynafile.table.write import Test, Write
from dynafile.table.writer import TableWriter
from dynafile.values import decode_item, encode_item, item_size
from dynafile.write_requests import collection_metrics, update_of

Tables = Callable[[str | None], TableWriter]
"""Returns a table by its name; None: the only one."""

MOST_ACTIONS: Final = 100
MOST_BYTES: Final = 4 * 1024 * 1024
_MOST_TOKEN: Final = 36
_PLAIN: Final = frozenset({"TableName", "Item", "Key"})
_KINDS: Final = ("ConditionCheck", "Put", "Delete", "Update")
_COMMON: Final = (
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
)


_PARAMETERS: Final = {
    "Put": (("Item",), _COMMON),
    "Delete": (("Key",), _COMMON),
    "Update": (("Key",), (*_COMMON, "UpdateExpression")),
    "ConditionCheck": (
        ("Key", "ConditionExpression"),
        tuple(name for name in _COMMON if name != "ConditionExpression"),
    ),
}
"""By kind the parameters that are required, and the others."""


class TransactWriteResult(Struct, frozen=True, kw_only=True):
    """What a transaction's writes give that were asked for something."""

    consumed_capacity: list[ConsumedCapacity] = field(default_factory=list)
    """One for each table."""
    item_collection_metrics: dict[str, list[ItemCollectionMetrics]] = field(default_factory=dict)
    """By table."""


class Action(Struct):
    """One action of a transaction: the write, or what refused it before it was one."""

    table: TableWriter
    schema: Schema
    write: Write
    refused: DynafileError | None = None


def transact_write(
    store: Store,
    tables: Tables,
    given: object,
    *,
    durable: bool,
    token: str | None,
    capacity: str,
    metrics: str,
) -> TransactWriteResult | None:
    """Make the writes of a transaction; see :meth:`Transactional.transact_write_items`."""
    check_level(capacity)
    check_enum(metrics, "returnItemCollectionMetrics", METRICS)
    check_token(token)
    members = _members(given)
    return commit_actions(
        store,
        [_action(tables, kind, parameters) for kind, parameters in members],
        durable=durable,
        token=token,
        digest=lambda: _digest(members),
        capacity=capacity,
        metrics=metrics,
    )


def commit_actions(
    store: Store,
    actions: list[Action],
    *,
    durable: bool,
    token: str | None,
    digest: Callable[[], bytes],
    capacity: str,
    metrics: str,
) -> TransactWriteResult | None:
    """Make the actions of a transaction as one commit, or none of them.

    ``digest`` gives what two requests with one token have in common only if they are the same.
    Raises TransactionCanceled, IdempotentParameterMismatch and ValidationError.
    """
    refused = {action.write: action.refused for action in actions if action.refused is not None}
    if refused:
        raise canceled([action.write for action in actions], refused)
    _check_distinct(actions)
    more = None
    if token is not None:
        more = Tokens(store).noting(token, digest(), time.time())
    if (capacity, metrics) != (NONE, NONE):
        for action in actions:
            action.write.looks = True
    parts: dict[str, Part] = {}
    for action in actions:
        part = parts.setdefault(action.table.name, Part(action.table, action.schema, []))
        part.writes.append(action.write)
    try:
        failures = write_together(store, list(parts.values()), durable=durable, more=more)
    except Repeated:
        return _repeated(parts.values(), capacity)
    if failures:
        raise canceled([action.write for action in actions], failures)
    if (capacity, metrics) == (NONE, NONE):
        return None
    consumed = (
        consumed_by_writes(part.table, capacity, part.writes, factor=2.0) for part in parts.values()
    )
    return TransactWriteResult(
        consumed_capacity=[one for one in consumed if one is not None],
        item_collection_metrics=_metrics(parts.values(), metrics),
    )


def check_token(token: object) -> None:
    """Raise ValidationError unless a client request token is one that DynamoDB takes."""
    if token is None:
        return
    if type(token) is not str:
        raise ValidationError(f"client_request_token is a str, not {token!r}")
    if not 1 <= len(token) <= _MOST_TOKEN:
        side = "less than or equal to 36" if token else "greater than or equal to 1"
        raise ValidationError(
            f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to "
            f"satisfy constraint: Member must have length {side}"
        )
    try:
        token.encode()
    except UnicodeEncodeError:
        raise ValidationError(
            f"client_request_token has a lone surrogate, which UTF-8 cannot express: {token!r}"
        ) from None


def _metrics(parts: Iterable[Part], metrics: str) -> dict[str, list[ItemCollectionMetrics]]:
    found: dict[str, list[ItemCollectionMetrics]] = {}
    for part in parts:
        for write in part.writes:
            one = None if write.check else collection_metrics(part.table, metrics, write)
            if one is not None:
                found.setdefault(part.table.name, []).append(one)
    return found


def _repeated(parts: Iterable[Part], capacity: str) -> TransactWriteResult | None:
    """Return what a request gives that was made before: what it costs to read the items."""
    if capacity == NONE:
        return None
    found = []
    for part in parts:
        stored = (part.table.get_raw(write.key) for write in part.writes)
        sizes = (0 if raw is None else item_size(decode_item(raw)) for raw in stored)
        units = sum(2 * read_units(size, consistent=True) for size in sizes)
        found.append(consumed_by_read(part.table, capacity, units))
    return TransactWriteResult(consumed_capacity=[one for one in found if one is not None])


def _members(given: object) -> list[tuple[str, dict[str, Any]]]:
    """Return the kind and the parameters of each action."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidArgument(f"transact_items is a list of dicts, not {given!r}")
    members = list(given)
    check_length(len(members), "transactItems", MOST_ACTIONS)
    found: list[tuple[str, dict[str, Any]]] = []
    for member in members:
        taken = fields(member, "transact_items", (), _KINDS)
        if len(taken) != 1:
            raise ValidationError(
                "TransactItems can only contain one of Check, Put, Update or Delete"
            )
        ((kind, parameters),) = taken.items()
        found.append((kind, fields(parameters, kind, *_PARAMETERS[kind])))
    return found


def check_length(count: int, name: str, most: int, least: int = 1) -> None:
    """Raise ValidationError unless a list has a length that is allowed."""
    if count < least:
        raise ValidationError(
            f"1 validation error detected: Value '[]' at '{name}' failed to satisfy constraint: "
            f"Member must have length greater than or equal to {least}"
        )
    if count > most:
        raise ValidationError(
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: Member "
            f"must have length less than or equal to {most}"
        )


def _action(tables: Tables, kind: str, given: dict[str, Any]) -> Action:
    table = tables(given.get("TableName"))
    schema = table.schema
    update, test = None, None
    # Most puts and deletes have nothing but an item or a key.
    if kind in ("Update", "ConditionCheck") or not given.keys() <= _PLAIN:
        update, test = _expressions(kind, given)
    try:
        if kind == "Update":
            write = update_of(table, given["Key"], update)
        elif kind == "Put":
            write = table.put_of(given["Item"])
        else:
            write = table.delete_of(given["Key"])
            write.check = kind == "ConditionCheck"
    except InvalidKey as error:
        return Action(table, schema, Write(b"", None), refused=error)
    if test is not None:
        on_failure = given.get("ReturnValuesOnConditionCheckFailure", NONE)
        write.looking(test, gives_item=on_failure != NONE)
    return Action(table, schema, write)


def _expressions(kind: str, given: dict[str, Any]) -> tuple[Update | None, Test | None]:
    on_failure = given.get("ReturnValuesOnConditionCheckFailure", NONE)
    check_enum(on_failure, "returnValuesOnConditionCheckFailure", ON_FAILURE)
    expressions = Expressions(
        given.get("ExpressionAttributeNames"), given.get("ExpressionAttributeValues")
    )
    update, test = None, None
    if given.get("UpdateExpression") is not None:
        update = expressions.update(given["UpdateExpression"])
    if given.get("ConditionExpression") is not None:
        test = expressions.condition(given["ConditionExpression"]).test
    needing = ("UpdateExpression",) if kind == "Update" else ()
    expressions.finish(*needing, "ConditionExpression")
    return update, test


def _check_distinct(actions: list[Action]) -> None:
    places = {(action.table.name, action.write.key) for action in actions}
    if len(places) < len(actions):
        raise ValidationError("Transaction request cannot include multiple operations on one item")
    size = sum(len(action.write.raw or b"") for action in actions)
    if size > MOST_BYTES:
        raise ValidationError(
            "Member must satisfy constraint: the aggregate size of the items in a transaction "
            "cannot exceed 4 MB"
        )


def _digest(members: list[tuple[str, dict[str, Any]]]) -> bytes:
    """Return what two requests have in common only if they ask for the same."""
    digest = xxh3_128()
    for kind, given in members:
        digest.update(kind.encode())
        for name in sorted(given):
            value = given[name]
            if boto3_conditions.is_condition(value):
                value = boto3_conditions.from_boto3(value)
            if isinstance(value, Mapping):
                shown = encode_item(in_order(value))
            else:
                shown = repr(value).encode()
            digest.update(f"{name}:{len(shown)}:".encode() + shown)
    return digest.digest()


def in_order(value: Any) -> Any:
    """Return a value with the members of its maps in the order of their names."""
    if isinstance(value, Mapping):
        return {name: in_order(value[name]) for name in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [in_order(member) for member in value]
    return value


# -- reading --------------------------------------------------------------------------------------


class TransactGetResult(Struct, frozen=True, kw_only=True):
    """What ``transact_get_items`` gives where it was asked for the capacity too."""

    items: list[dict[str, Any] | None]
    consumed_capacity: list[ConsumedCapacity] = field(default_factory=list)


class _Get(Struct):
    table: TableWriter
    key: bytes
    projection: Projection | None
    raw: bytes | None = None


def transact_get(
    store: Store, tables: Tables, given: object, *, capacity: str
) -> list[dict[str, Any] | None] | TransactGetResult:
    """Return items as they were at one moment; see :meth:`Transactional.transact_get_items`."""
    check_level(capacity)
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidArgument(f"transact_items is a list of dicts, not {given!r}")
    members = list(given)
    check_length(len(members), "transactItems", MOST_ACTIONS)
    gets = [_get(tables, member) for member in members]
    if len({(get.table.name, get.key) for get in gets}) < len(gets):
        raise ValidationError("Transaction request cannot include multiple operations on one item")

    def read(view: View) -> None:
        for get in gets:
            get.raw = view.get(get.table.items, get.key)

    for get in gets:
        get.table.get_raw(get.key)  # so that the partition is in memory
    store.look(read)
    now = time.time()
    items: list[dict[str, Any] | None] = []
    units: dict[str, float] = {}
    for get in gets:
        item = None if get.raw is None else decode_item(get.raw)
        attribute = get.table.definition.ttl_attribute
        if item is not None and attribute is not None and is_expired(item, attribute, now):
            item = None
        name = get.table.name
        units[name] = units.get(name, 0.0) + 2 * read_units(item_size(item or {}), consistent=True)
        if item is not None and get.projection is not None:
            item = get.projection.apply(item)
        items.append(item)
    if capacity == NONE:
        return items
    by_name = {get.table.name: get.table for get in gets}
    consumed = (consumed_by_read(by_name[name], capacity, units[name]) for name in units)
    return TransactGetResult(
        items=items, consumed_capacity=[one for one in consumed if one is not None]
    )


def _get(tables: Tables, member: object) -> _Get:
    given = fields(
        fields(member, "transact_items", ("Get",))["Get"],
        "Get",
        ("Key",),
        ("TableName", "ProjectionExpression", "ExpressionAttributeNames"),
    )
    table = tables(given.get("TableName"))
    projection = projection_of(
        given.get("ProjectionExpression"), given.get("ExpressionAttributeNames")
    )
    return _Get(table, table.key_of(given["Key"]), projection)
