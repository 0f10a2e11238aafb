"""Options and arguments that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import typer

from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.output import OutputFormat


class KeyType(StrEnum):
    """DynamoDB's letters for the types that a key may have."""

    STRING = "S"
    NUMBER = "N"
    BINARY = "B"


class Projection(StrEnum):
    """What an index holds of its items."""

    ALL = "ALL"
    KEYS_ONLY = "KEYS_ONLY"


class Durability(StrEnum):
    """When a commit is on the disk."""

    DURABLE = "durable"
    RELAXED = "relaxed"


PathArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="PATH", help="The table's folder.", show_default=False)
]
PkArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="PK", help="The partition key; base64 if it is binary.", show_default=False
    ),
]
SkArgument: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="[SK]", help="The sort key, if the table has one.", show_default=False),
]
FormatOption: TypeAlias = Annotated[
    OutputFormat | None,
    typer.Option(
        "--format",
        "-f",
        help="How to print: by default a table on a terminal, and JSON Lines into a pipe.",
        show_default=False,
    ),
]
OutputOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write; the file appears when it is complete. Without it: standard output.",
        show_default=False,
    ),
]
FilterOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="EXPRESSION",
        help="Only items for which this holds, such as 'population > 1000000'.",
        show_default=False,
    ),
]
IndexOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--index", metavar="NAME", help="Read a secondary index of the table.", show_default=False
    ),
]
TableOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--table",
        metavar="NAME",
        help="Which table, where the folder holds several.",
        show_default=False,
    ),
]
LimitOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Stop after this many items.", show_default=False),
]
PkOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--pk",
        metavar="ATTRIBUTE",
        help="The partition key attribute. New tables: PK.",
        show_default=False,
    ),
]
SkOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--sk",
        metavar="ATTRIBUTE",
        help="The sort key attribute. New tables: SK.",
        show_default=False,
    ),
]
NoSkOption: TypeAlias = Annotated[
    bool, typer.Option("--no-sk", help="The table has no sort key.", show_default=False)
]
TtlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--ttl",
        metavar="ATTRIBUTE",
        help="The attribute that says when an item expires, in seconds since 1970.",
        show_default=False,
    ),
]
PkTypeOption: TypeAlias = Annotated[
    KeyType | None,
    typer.Option(
        "--pk-type",
        help="String, number or binary. New tables: as the first item has it.",
        show_default=False,
    ),
]
SkTypeOption: TypeAlias = Annotated[
    KeyType | None,
    typer.Option("--sk-type", help="The same for the sort key.", show_default=False),
]
DurabilityOption: TypeAlias = Annotated[
    Durability,
    typer.Option("--durability", help="`relaxed` syncs at most once a second, and is faster."),
]
TagsOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--tags/--no-tags",
        help='Read {"$binary": ...} and its like as the types they stand for.',
    ),
]
DecimalOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--decimal", help="Read numbers with a fraction as exact decimals.", show_default=False
    ),
]


def schema(
    pk: str | None,
    sk: str | None,
    *,
    no_sk: bool,
    ttl: str | None,
    pk_type: KeyType | None,
    sk_type: KeyType | None,
) -> dict[str, Any]:
    """Return the options that were given, as keyword arguments of ``Dynafile``."""
    if no_sk and (sk is not None or sk_type is not None):
        raise Failure(
            "--no-sk contradicts --sk and --sk-type",
            hint="leave one of them out",
            code=ExitCode.USAGE,
        )
    options: dict[str, Any] = {
        "pk_attribute": pk,
        "sk_attribute": sk,
        "ttl_attribute": ttl,
        "pk_type": pk_type and pk_type.value,
        "sk_type": sk_type and sk_type.value,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return given | {"sk_attribute": None} if no_sk else given
