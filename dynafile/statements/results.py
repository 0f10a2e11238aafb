"""What statements give: items, the answers of a batch, those of a transaction, and plans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct, field

from dynafile.results import ConsumedCapacity

Operation = Literal[
    "GetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheck"
]


class StatementResult(Struct, frozen=True, kw_only=True):
    """What ``execute_statement`` gives; iterating over it gives the items of the page."""

    items: list[dict[str, Any]]
    """What a SELECT read, or the item that RETURNING asks for."""
    next_token: str | None = None
    """The ``next_token`` of the next page; None: this is the last one."""
    last_evaluated_key: dict[str, Any] | None = None
    """The key of the item that was looked at last, where there is a next page."""
    consumed_capacity: ConsumedCapacity | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class StatementFailure(Struct, frozen=True, kw_only=True):
    """Why one statement of a batch was refused: ``ValidationError``, ``DuplicateItem``, ..."""

    code: str
    message: str
    item: dict[str, Any] | None = None
    """The item as it was, where that was asked for."""


class StatementResponse(Struct, frozen=True, kw_only=True):
    """What one statement of a batch gave."""

    item: dict[str, Any] | None = None
    error: StatementFailure | None = None
    """Why it was refused; None: it was not."""
    table_name: str | None = None
    """Its table; None where the statement does not parse."""


class BatchStatementResult(Struct, frozen=True, kw_only=True):
    """What ``batch_execute_statement`` gives; iterating over it gives the responses."""

    responses: list[StatementResponse]
    """In the order of the statements."""
    consumed_capacity: list[ConsumedCapacity] = field(default_factory=list)
    """Of the statements that were not refused, in their order."""

    def __iter__(self) -> Iterator[StatementResponse]:
        return iter(self.responses)

    def __len__(self) -> int:
        return len(self.responses)


class StatementTransactionResult(Struct, frozen=True, kw_only=True):
    """What ``execute_transaction`` gives; iterating over it gives the items."""

    items: list[dict[str, Any] | None]
    """Of reads, in the order of the statements: the item, or None. Of writes none."""
    consumed_capacity: list[ConsumedCapacity] = field(default_factory=list)
    """One for each table."""

    def __iter__(self) -> Iterator[dict[str, Any] | None]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class StatementPlan(Struct, frozen=True, kw_only=True):
    """What a statement does, without doing it; ``str(plan)`` says it in lines."""

    operation: Operation
    """The operation of DynamoDB's that it comes to."""
    table: str
    index: str | None = None
    key_condition: str | None = None
    """What of the condition names keys, so that nothing else is read."""
    filter: str | None = None
    """What of a read's condition is left for each item that is read."""
    condition: str | None = None
    """What else must hold of the item that is written."""
    descending: bool = False
    """Whether items come in the reverse order of their sort keys."""

    @property
    def scans(self) -> bool:
        """Whether the whole table or index is read."""
        return self.operation == "Scan"

    def __str__(self) -> str:
        where = self.table if self.index is None else f"{self.table}, index {self.index}"
        whole = "table" if self.index is None else "index"
        first = f"{self.operation} on {where}"
        lines = [f"{first}: reads the whole {whole}" if self.scans else first]
        for label, text in (
            ("key condition", self.key_condition),
            ("filter", self.filter),
            ("condition", self.condition),
            ("order", "descending" if self.descending else None),
        ):
            if text is not None:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)
