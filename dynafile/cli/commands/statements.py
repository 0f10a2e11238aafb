"""``dynafile sql``: PartiQL statements."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynafile import Database, Dynafile
from dynafile.cli.commands.reading import print_found
from dynafile.cli.failures import ExitCode, Failure, printable, tell
from dynafile.cli.keys import key_attributes
from dynafile.cli.opening import open_for_statement
from dynafile.cli.options import FormatOption, LimitOption, PathArgument, TableOption
from dynafile.partiql import Select, Statement, parse_statement
from dynafile.values.tagged import decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_StatementArgument = Annotated[
    str,
    typer.Argument(
        metavar="STATEMENT",
        help="A SELECT, INSERT, UPDATE or DELETE, as in DynamoDB's PartiQL.",
        show_default=False,
    ),
]
_Parameter = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        "-p",
        metavar="JSON",
        help="The value of the next question mark, as JSON; once for each of them.",
        show_default=False,
    ),
]
_Explain = Annotated[
    bool, typer.Option("--explain", help="Say what the statement would do, and do nothing.")
]


def sql(
    path: PathArgument,
    statement: _StatementArgument,
    *,
    parameter: _Parameter = None,
    explain: _Explain = False,
    table: TableOption = None,
    limit: LimitOption = None,
    form: FormatOption = None,
) -> None:
    """Execute a PartiQL statement, and print the items that it gives.

    The statement names its table; with `--table` it may name no other.
    """
    parsed = parse_statement(statement)
    values = [_value(text) for text in parameter or ()] or None
    with open_for_statement(path, table, writes=not parsed.reads and not explain) as db:
        _check_table(db, parsed)
        if not explain and not parsed.reads:
            result = db.execute_statement(statement=statement, parameters=values)
            if result.items:
                print_found(iter(result), form, _shown(db, parsed), limit)
            return
        plan = db.explain(statement, values)
        if explain:
            lines = map(printable, str(plan).split("\n"))
            sys.stdout.write("\n".join(lines) + "\n")
            return
        if plan.scans:
            _tell_of_scan(parsed)
        found = islice(_items(db, statement, values), limit)
        print_found(found, form, _shown(db, parsed), limit)


def _value(text: str) -> Any:
    try:
        return decoder(decimal=True).decode(text)
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"the parameter {text} is not valid JSON: {error}",
            hint="""parameters look like: --parameter '"ada"' --parameter 12""",
            code=ExitCode.USAGE,
        ) from None


def _items(
    db: Dynafile | Database, statement: str, values: Sequence[Any] | None
) -> Iterator[dict[str, Any]]:
    token = None
    while True:
        page = db.execute_statement(statement=statement, parameters=values, next_token=token)
        yield from page
        token = page.next_token
        if token is None:
            return


def _shown(db: Dynafile | Database, parsed: Statement) -> list[str]:
    """Return the attributes that a table of the result begins with; of a projection none do."""
    if isinstance(parsed.body, Select) and parsed.body.paths is not None:
        return []
    if isinstance(db, Dynafile):
        return key_attributes(db)
    with db.table(parsed.table) as table:
        return key_attributes(table)


def _tell_of_scan(parsed: Statement) -> None:
    body = parsed.body
    index = body.index if isinstance(body, Select) else None
    what = f"the table {parsed.table}" if index is None else f"the index {index}"
    tell(
        "note",
        f"this reads all of {what}, because no condition fixes the partition key",
        colour="36",
    )


def _check_table(db: Dynafile | Database, parsed: Statement) -> None:
    names = db.tables if isinstance(db, Database) else (db.table_name,)
    if parsed.table not in names:
        raise Failure(
            f"there is no table {parsed.table} in {db.path}",
            hint=f"there is {', '.join(names) or 'none'}",
            code=ExitCode.USAGE,
        )
