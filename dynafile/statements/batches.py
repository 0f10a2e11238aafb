"""BatchExecuteStatement: up to 25 statements, each of which succeeds or fails for itself."""

from __future__ import annotations

from typing import Final

from dynafile.capacity import check_level
from dynafile.errors import (
    ConditionalCheckFailed,
    DuplicateItem,
    DynafileError,
    InvalidArgument,
    ResourceNotFound,
    ValidationError,
)
from dynafile.results import ConsumedCapacity
from dynafile.statements.requests import StatementRequest, Tables, listed
from dynafile.statements.results import (
    BatchStatementResult,
    StatementFailure,
    StatementResponse,
    StatementResult,
)
from dynafile.transact import check_length

MOST_STATEMENTS: Final = 25
_OPTIONAL: Final = ("ConsistentRead", "ReturnValuesOnConditionCheckFailure")
_REFUSALS: Final = (ValidationError, ConditionalCheckFailed, DuplicateItem, ResourceNotFound)
"""What refuses one statement; all else, such as a full disk, ends the batch."""


def batch_execute(tables: Tables, given: object, *, capacity: str) -> BatchStatementResult:
    """Execute statements; see :meth:`Statements.batch_execute_statement`."""
    check_level(capacity)
    members = listed(given, "statements")
    check_length(len(members), "statements", MOST_STATEMENTS)
    requests: list[StatementRequest | ValidationError] = []
    for member in members:
        try:
            request = StatementRequest.of_member(member, "statements", _OPTIONAL)
            request.refuse_exists()
            requests.append(request)
        except InvalidArgument:
            raise  # what no client could have sent is refused as a whole
        except ValidationError as error:
            requests.append(error)
    parsed = [request for request in requests if isinstance(request, StatementRequest)]
    if len({request.statement.reads for request in parsed}) > 1:
        raise ValidationError(
            "The entire batch must consist of either read statements or write statements, you "
            "cannot mix both in one batch"
        )
    responses: list[StatementResponse] = []
    consumed: list[ConsumedCapacity] = []
    for each in requests:
        if isinstance(each, ValidationError):
            responses.append(_refused(each, None))
            continue
        name = each.statement.table
        try:
            result = _executed(tables, each, capacity)
        except _REFUSALS as error:
            responses.append(_refused(error, name))
            continue
        item = result.items[0] if result.items else None
        responses.append(StatementResponse(item=item, table_name=name))
        if result.consumed_capacity is not None:
            consumed.append(result.consumed_capacity)
    return BatchStatementResult(responses=responses, consumed_capacity=consumed)


def _executed(tables: Tables, request: StatementRequest, capacity: str) -> StatementResult:
    if not request.statement.reads:
        return request.write(tables).commit(capacity)
    selection = request.selection(tables, capacity)
    if selection.access.operation != "GetItem":
        raise ValidationError(
            "Select statements within BatchExecuteStatement must specify the primary key in the "
            "where clause."
        )
    return selection.page(None, None)


def _refused(error: DynafileError, table: str | None) -> StatementResponse:
    code = "ValidationError" if isinstance(error, ValidationError) else type(error).__name__
    failure = StatementFailure(code=code, message=error.message, item=getattr(error, "item", None))
    return StatementResponse(error=failure, table_name=table)
