"""ExecuteTransaction: up to 100 statements, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from xxhash import xxh3_128

from dynafile.capacity import NONE, check_level
from dynafile.errors import InvalidKey, ValidationError
from dynafile.results import ConsumedCapacity
from dynafile.statements.requests import StatementRequest, Tables, listed
from dynafile.statements.results import StatementTransactionResult
from dynafile.statements.tokens import digest_of
from dynafile.store.store import Store
from dynafile.table.write import Write
from dynafile.transact import (
    MOST_ACTIONS,
    Action,
    TransactGetResult,
    check_length,
    check_token,
    commit_actions,
    transact_get,
)


def execute_transaction(
    store: Store,
    tables: Tables,
    given: object,
    *,
    durable: bool,
    token: str | None,
    capacity: str,
) -> StatementTransactionResult:
    """Execute statements together; see :meth:`Statements.execute_transaction`."""
    check_level(capacity)
    check_token(token)
    members = listed(given, "transact_statements")
    check_length(len(members), "transactStatements", MOST_ACTIONS)
    requests = [StatementRequest.of_member(member, "transact_statements") for member in members]
    if len({request.statement.reads for request in requests}) > 1:
        raise ValidationError(
            "The entire transaction must consist of either read statements or write statements, "
            "you cannot mix both in one transaction. EXISTS goes with writes"
        )
    if requests[0].statement.reads:
        return _read(store, tables, requests, capacity)
    result = commit_actions(
        store,
        [_action(tables, request) for request in requests],
        durable=durable,
        token=token,
        digest=lambda: _digest(requests),
        capacity=capacity,
        metrics=NONE,
    )
    return StatementTransactionResult(
        items=[], consumed_capacity=[] if result is None else result.consumed_capacity
    )


def _action(tables: Tables, request: StatementRequest) -> Action:
    if getattr(request.statement.body, "returning", None) is not None:
        raise ValidationError("a statement of a transaction has no RETURNING: it returns nothing")
    try:
        made = request.write(tables)
    except InvalidKey as error:
        table = tables(request.statement.table)
        return Action(table, table.schema, Write(b"", None), refused=error)
    return Action(made.table, made.schema, made.write)


def _digest(requests: Sequence[StatementRequest]) -> bytes:
    digest = xxh3_128()
    for request in requests:
        digest.update(digest_of(request.statement.text, request.parameters))
    return digest.digest()


def _read(
    store: Store, tables: Tables, requests: Sequence[StatementRequest], capacity: str
) -> StatementTransactionResult:
    selections = [request.selection(tables, NONE) for request in requests]
    gets = []
    for selection in selections:
        if selection.access.operation != "GetItem":
            raise ValidationError(
                "Select statements within ExecuteTransaction must specify the primary key in the "
                "where clause."
            )
        gets.append({"Get": {"TableName": selection.table.name, "Key": selection.key}})
    result = transact_get(store, tables, gets, capacity=capacity)
    consumed: list[ConsumedCapacity] = []
    if isinstance(result, TransactGetResult):
        items, consumed = result.items, result.consumed_capacity
    else:
        items = result
    return StatementTransactionResult(
        items=[selection.of_item(item) for selection, item in zip(selections, items, strict=True)],
        consumed_capacity=consumed,
    )
