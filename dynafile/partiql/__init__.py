"""PartiQL for DynamoDB: text to statements, and these to what ``expressions`` has.

- ``lexer``, ``reader``, ``clauses``, ``parser``: the text, to ``syntax`` and ``literals``.
- ``binding``: a statement with its parameters, to conditions, updates and items.
- ``conditions``: conditions alone, in a text of something else.
- ``printer``: conditions as text.

See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html.
"""

from __future__ import annotations

from dynafile.partiql.binding import bind_condition, bind_item, bind_update, check_parameters
from dynafile.partiql.lexer import statement_error
from dynafile.partiql.parser import parse_statement
from dynafile.partiql.printer import condition_text, name_text, path_text, value_text
from dynafile.partiql.syntax import (
    ALL_NEW,
    ALL_OLD,
    MODIFIED_NEW,
    MODIFIED_OLD,
    Clause,
    Delete,
    Exists,
    Insert,
    Order,
    Select,
    Statement,
    Update,
)

__all__ = [
    "ALL_NEW",
    "ALL_OLD",
    "MODIFIED_NEW",
    "MODIFIED_OLD",
    "Clause",
    "Delete",
    "Exists",
    "Insert",
    "Order",
    "Select",
    "Statement",
    "Update",
    "bind_condition",
    "bind_item",
    "bind_update",
    "check_parameters",
    "condition_text",
    "name_text",
    "parse_statement",
    "path_text",
    "statement_error",
    "value_text",
]
