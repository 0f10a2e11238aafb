"""A handle on tables: PartiQL statements.

What executes them is imported when the first one is: the parser and all that goes with it would be
a tenth of the time that our import takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dynafile.capacity import NONE, check_level
from dynafile.errors import ValidationError
from dynafile.request_checks import check_at_least
from dynafile.statements.results import (
    BatchStatementResult,
    StatementPlan,
    StatementResult,
    StatementTransactionResult,
)
from dynafile.transactional import Transactional


class Statements(Transactional):
    """What a handle does with PartiQL."""

    def execute_statement(
        self,
        *,
        statement: str,
        parameters: Sequence[Any] | None = None,
        next_token: str | None = None,
        limit: int | None = None,
        consistent_read: bool = False,
        return_consumed_capacity: str = NONE,
        return_values_on_condition_check_failure: str = NONE,
    ) -> StatementResult:
        """Execute a PartiQL statement: SELECT, INSERT, UPDATE or DELETE, as DynamoDB has them.

        :param statement: the text; names of tables, indexes and attributes may be in double quotes,
            strings are in single quotes.
        :param parameters: the values of its question marks, in their order. Values are Python's.
        :param next_token: of a SELECT, the ``next_token`` of the page before.
        :param limit: of a SELECT, look at no more items than this, before what is no condition on
            keys.
        :param consistent_read: every read is consistent; True doubles what it would have consumed.
        :param return_consumed_capacity: ``"TOTAL"`` or ``"INDEXES"``.
        :param return_values_on_condition_check_failure: ``"ALL_OLD"`` for the item that is there,
            as ``item`` of the error.

        A SELECT whose WHERE fixes the partition key by ``=``, IN, or an OR of such reads the items
        of that key; any other reads the whole table, see :meth:`explain`. A page has at most 1 MB
        of items.
        Raises StatementError where the text does not parse, DuplicateItem for an INSERT on a key
        that is taken, ConditionalCheckFailed for an UPDATE or DELETE whose condition does not hold,
        ResourceNotFound, and ValidationError kinds.

        >>> from dynafile import Dynafile
        >>> with Dynafile(":memory:", table_name="orders") as db:
        ...     _ = db.execute_statement(
        ...         statement="INSERT INTO orders VALUE {'PK': 'ada', 'SK': '2026-03', 'total': ?}",
        ...         parameters=[12],
        ...     )
        ...     found = db.execute_statement(statement="SELECT total FROM orders WHERE PK = 'ada'")
        ...     list(found)
        [{'total': 12}]
        """
        from dynafile.statements.requests import StatementRequest

        self._store_open()
        check_level(return_consumed_capacity)
        check_at_least(limit, "limit", 1)
        request = StatementRequest.parse(
            statement,
            parameters,
            consistent=consistent_read,
            on_failure=return_values_on_condition_check_failure,
        )
        request.refuse_exists()
        if request.statement.reads:
            selection = request.selection(self._table_named, return_consumed_capacity)
            return selection.page(limit, next_token)
        if limit is not None or next_token is not None:
            raise ValidationError("limit and next_token are for SELECT statements only")
        return request.write(self._table_named).commit(return_consumed_capacity)

    def batch_execute_statement(
        self,
        *,
        statements: Iterable[Mapping[str, Any]],
        return_consumed_capacity: str = NONE,
    ) -> BatchStatementResult:
        """Execute up to 25 PartiQL statements, all reads or all writes, each for itself.

        :param statements: dicts with ``Statement``, ``Parameters``, ``ConsistentRead`` and
            ``ReturnValuesOnConditionCheckFailure``, or the same in snake_case. A SELECT names the
            whole key of an item.

        A statement that is refused is an ``error`` in its response and stops no other. Cost: a
        commit for each write.
        """
        from dynafile.statements.batches import batch_execute

        self._store_open()
        return batch_execute(self._table_named, statements, capacity=return_consumed_capacity)

    def execute_transaction(
        self,
        *,
        transact_statements: Iterable[Mapping[str, Any]],
        client_request_token: str | None = None,
        return_consumed_capacity: str = NONE,
    ) -> StatementTransactionResult:
        """Execute up to 100 PartiQL statements, all reads or all writes, as one or not at all.

        :param transact_statements: dicts with ``Statement``, ``Parameters`` and
            ``ReturnValuesOnConditionCheckFailure``, or the same in snake_case. Among writes
            ``EXISTS(SELECT ...)`` is a condition on an item.
        :param client_request_token: a request that is repeated with the same token within ten
            minutes is made once, also across restarts.

        Raises TransactionCanceled with a reason for each statement, IdempotentParameterMismatch,
        and ValidationError kinds. Cost: one record in the journal, one sync.
        """
        from dynafile.statements.transactions import execute_transaction

        store, durable = self._store_open()
        return execute_transaction(
            store,
            self._table_named,
            transact_statements,
            durable=durable,
            token=client_request_token,
            capacity=return_consumed_capacity,
        )

    def explain(self, statement: str, parameters: Sequence[Any] | None = None) -> StatementPlan:
        """Return what a PartiQL statement would do, without doing it; reads and writes nothing.

        >>> from dynafile import Dynafile
        >>> with Dynafile(":memory:", table_name="orders") as db:
        ...     print(db.explain("SELECT * FROM orders WHERE PK = 'ada' AND SK > 'x' AND n > 9"))
        ...     db.explain("SELECT * FROM orders WHERE n > 9").scans
        Query on orders
          key condition: PK = 'ada' AND SK > 'x'
          filter: n > 9
        True
        """
        from dynafile.statements.plans import plan_of
        from dynafile.statements.requests import StatementRequest

        self._store_open()
        request = StatementRequest.parse(statement, parameters, consistent=False, on_failure=NONE)
        table = self._table_named(request.statement.table)
        return plan_of(request.statement, table, request.parameters)
