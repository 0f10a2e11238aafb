"""``dynafile index``: add, drop and list secondary indexes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from dynafile import GlobalIndex, Include, LocalIndex
from dynafile.cli.failures import ExitCode, Failure, tell
from dynafile.cli.opening import open_to_change, open_to_read
from dynafile.cli.options import FormatOption, KeyType, PathArgument, Projection, TableOption
from dynafile.cli.output import OutputFormat, Rows, chosen, print_items
from dynafile.cli.progress import progress_bar

if TYPE_CHECKING:
    from dynafile import IndexDescription

NameArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="The index's name.", show_default=False)
]
_Attributes: TypeAlias = list[str] | None
_Types: TypeAlias = list[KeyType] | None


def add(
    path: PathArgument,
    name: NameArgument,
    *,
    table: TableOption = None,
    pk: Annotated[
        _Attributes,
        typer.Option(
            "--pk",
            metavar="ATTRIBUTE",
            help="The partition key of a global index; up to four times.",
            show_default=False,
        ),
    ] = None,
    sk: Annotated[
        _Attributes,
        typer.Option(
            "--sk",
            metavar="ATTRIBUTE",
            help="The sort key; up to four times. Without --pk the index is local.",
            show_default=False,
        ),
    ] = None,
    projection: Annotated[
        Projection, typer.Option("--projection", help="What the index's items hold.")
    ] = Projection.ALL,
    include: Annotated[
        _Attributes,
        typer.Option(
            "--include",
            metavar="ATTRIBUTE",
            help="Hold the keys and this attribute; may be repeated.",
            show_default=False,
        ),
    ] = None,
    pk_type: Annotated[
        _Types,
        typer.Option("--pk-type", help="The type of each --pk, if not found.", show_default=False),
    ] = None,
    sk_type: Annotated[
        _Types,
        typer.Option("--sk-type", help="The type of each --sk, if not found.", show_default=False),
    ] = None,
) -> None:
    """Add an index to a table, and fill it from the items that are there.

    Others can read and write meanwhile. Interrupted, it goes on when the table is next opened.
    """
    index = _declared(pk, sk, projection, include, pk_type, sk_type)
    with open_to_change(path, table) as db, progress_bar("indexing", 1000) as report:

        def progress(_name: str, done: int, total: int) -> None:
            report(done * 1000 // max(1, total), done)

        db.add_index(name, index, progress=progress)
        (description,) = (found for found in db.describe().indexes if found.name == name)
    tell("ok", f"{name}: {_items(description.entry_count)}", colour="32")
    if description.skipped_count:
        left_out = f"left out {_items(description.skipped_count)} with keys of other types"
        tell("note", f"{name}: {left_out}", colour="33")


def drop(path: PathArgument, name: NameArgument, *, table: TableOption = None) -> None:
    """Drop an index and give its disk space back. The items stay."""
    with open_to_change(path, table) as db:
        db.drop_index(name)
    tell("ok", f"{name} is dropped", colour="32")


def list_(path: PathArgument, *, table: TableOption = None, form: FormatOption = None) -> None:
    """List the indexes of a table: keys, projection, status and size."""
    with open_to_read(path, table) as db:
        rows = [_row(index) for index in db.describe().indexes]
    shape = chosen(form)
    if shape is OutputFormat.TABLE:
        if rows:
            Rows(iter(rows), limited=False).print(["name"])
        elif sys.stderr.isatty():
            tell("note", f"{path} has no index", colour="33")
    else:
        print_items(iter(rows), shape)


def _declared(
    pk: _Attributes,
    sk: _Attributes,
    projection: Projection,
    include: _Attributes,
    pk_type: _Types,
    sk_type: _Types,
) -> GlobalIndex | LocalIndex:
    if include and projection is not Projection.ALL:
        raise Failure(
            "--include and --projection exclude each other",
            hint="--include holds the keys and what it names",
            code=ExitCode.USAGE,
        )
    if not pk and not sk:
        raise Failure(
            "an index needs a key",
            hint="--pk and --sk for a global index, --sk alone for a local one",
            code=ExitCode.USAGE,
        )
    if pk_type and not pk:
        raise Failure("--pk-type needs --pk", code=ExitCode.USAGE)
    held = Include(*include) if include else projection.value
    types: dict[str, Any] = {}
    if sk_type:
        types["sk_type"] = tuple(kind.value for kind in sk_type)
    if not pk:
        assert sk
        return LocalIndex(tuple(sk), held, **types)
    if pk_type:
        types["pk_type"] = tuple(kind.value for kind in pk_type)
    return GlobalIndex(tuple(pk), tuple(sk) if sk else None, held, **types)


def _row(description: IndexDescription) -> dict[str, Any]:
    index = description.index
    projection = index.projection
    return {
        "name": description.name,
        "kind": "global" if isinstance(index, GlobalIndex) else "local",
        "pk": _names(index.pk) if isinstance(index, GlobalIndex) else "",
        "sk": _names(index.sk),
        "projection": _names(projection.attributes)
        if isinstance(projection, Include)
        else projection,
        "status": description.status,
        "entry_count": description.entry_count,
        "skipped_count": description.skipped_count,
        "snapshot_bytes": description.snapshot_bytes,
    }


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"


def _names(names: str | tuple[str, ...] | None) -> str:
    return names if isinstance(names, str) else ", ".join(names or ())
