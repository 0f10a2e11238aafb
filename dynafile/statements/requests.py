"""Requests with statements: what is checked of each before anything is read or written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from dynafile.capacity import NONE
from dynafile.errors import InvalidArgument, ValidationError
from dynafile.nested import fields
from dynafile.partiql import Exists, Select, Statement, check_parameters, parse_statement
from dynafile.request_checks import ON_FAILURE, check_enum
from dynafile.statements.selection import Selection
from dynafile.statements.writes import StatementWrite, write_of
from dynafile.table.writer import TableWriter

Tables = Callable[[str | None], TableWriter]
"""Returns a table by its name."""

_ON_FAILURE: Final = "ReturnValuesOnConditionCheckFailure"


class StatementRequest(Struct, frozen=True):
    """One statement with its parameters and options, checked as far as no table is needed."""

    statement: Statement
    parameters: Sequence[Any]
    consistent: bool = False
    on_failure: str = NONE

    @classmethod
    def parse(
        cls, statement: object, parameters: object, *, consistent: object, on_failure: object
    ) -> StatementRequest:
        """Read a statement; raises StatementError, and ValidationError for the parameters."""
        if not isinstance(consistent, bool):
            raise InvalidArgument(f"consistent_read is True or False, not {consistent!r}")
        check_enum(on_failure, "returnValuesOnConditionCheckFailure", ON_FAILURE)
        parsed = parse_statement(statement)
        return cls(parsed, check_parameters(parsed, parameters), consistent, str(on_failure))

    @classmethod
    def of_member(
        cls, member: object, where: str, optional: tuple[str, ...] = (_ON_FAILURE,)
    ) -> StatementRequest:
        """Read one of several statements: a dict with boto3's names, or the same in snake_case."""
        try:
            given = fields(member, where, ("Statement",), ("Parameters", *optional))
        except ValidationError as error:
            raise InvalidArgument(error.message) from None  # no statement, so nothing to execute
        return cls.parse(
            given["Statement"],
            given.get("Parameters"),
            consistent=given.get("ConsistentRead", False),
            on_failure=given.get(_ON_FAILURE, NONE),
        )

    def selection(self, tables: Tables, capacity: str) -> Selection:
        """Return what a SELECT reads."""
        body = self.statement.body
        assert isinstance(body, Select)
        return Selection(
            self.statement,
            body,
            tables(body.table),
            self.parameters,
            consistent=self.consistent,
            capacity=capacity,
        )

    def write(self, tables: Tables) -> StatementWrite:
        """Return what any other statement writes."""
        table = tables(self.statement.table)
        return write_of(self.statement, table, self.parameters, self.on_failure)

    def refuse_exists(self) -> None:
        """Raise ValidationError for an EXISTS."""
        if isinstance(self.statement.body, Exists):
            raise ValidationError("EXISTS can only be used in transactions: execute_transaction")


def listed(given: object, name: str) -> list[Any]:
    """Return several statements as a list."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidArgument(f"{name} is a list of dicts, not {given!r}")
    return list(given)
