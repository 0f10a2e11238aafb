"""``dynafile get``, ``put`` and ``delete``: one item by its key."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.keys import key_attributes, key_from
from dynafile.cli.opening import (
    open_or_create,
    open_to_change,
    open_to_read,
)
from dynafile.cli.options import (
    DecimalOption,
    FormatOption,
    NoSkOption,
    PathArgument,
    PkArgument,
    PkOption,
    PkTypeOption,
    SkArgument,
    SkOption,
    SkTypeOption,
    TableOption,
    TagsOption,
    TtlOption,
    schema,
)
from dynafile.cli.output import print_item
from dynafile.values.tagged import decoder

ItemArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[ITEM]",
        help="The item as JSON. Without it, or with -, standard input is read.",
        show_default=False,
    ),
]


def get(
    path: PathArgument,
    pk: PkArgument,
    sk: SkArgument = None,
    *,
    table: TableOption = None,
    form: FormatOption = None,
) -> None:
    """Print the item that has a key; exit with 1 if there is none."""
    with open_to_read(path, table) as db:
        key = key_from(db, pk, sk)
        item = db.get_item(key=key)
        if item is None:
            words = ", ".join(f"{name} {value!r}" for name, value in key.items())
            raise Failure(f"no item with {words} in {path}")
        print_item(item, form, key_attributes(db))


def put(
    path: PathArgument,
    item: ItemArgument = None,
    *,
    table: TableOption = None,
    pk: PkOption = None,
    sk: SkOption = None,
    no_sk: NoSkOption = False,
    ttl: TtlOption = None,
    pk_type: PkTypeOption = None,
    sk_type: SkTypeOption = None,
    decimal: DecimalOption = False,
    tags: TagsOption = True,
) -> None:
    """Put one item into a table, which is made if there is none.

    An item with the same key is replaced.
    """
    options = schema(pk, sk, no_sk=no_sk, ttl=ttl, pk_type=pk_type, sk_type=sk_type)
    value = _read_item(item, decimal=decimal, tags=tags)
    with open_or_create(path, table, **options) as db:
        db.put_item(item=value)


def delete(
    path: PathArgument, pk: PkArgument, sk: SkArgument = None, *, table: TableOption = None
) -> None:
    """Delete the item that has a key. One that is not there is no error."""
    with open_to_change(path, table) as db:
        db.delete_item(key=key_from(db, pk, sk))


def _read_item(text: str | None, *, decimal: bool, tags: bool) -> dict[str, Any]:
    if text is None or text == "-":
        if text is None and sys.stdin.isatty():
            raise Failure(
                "no item was given",
                hint="give it as JSON, or pipe it in",
                code=ExitCode.USAGE,
            )
        text = sys.stdin.read()
    try:
        value = decoder(decimal=decimal, tags=tags).decode(text)
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"the item is not valid JSON: {error}",
            hint="""an item is an object such as '{"PK": "user#1", "SK": "profile"}'""",
            code=ExitCode.DATA,
        ) from None
    if not isinstance(value, dict):
        raise Failure(
            "the item is no JSON object",
            hint="many items, a line each, are for `dynafile import PATH -`",
            code=ExitCode.DATA,
        )
    return value
