"""``dynafile watch`` and ``stream``: what becomes of items, and which tables remember it."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynafile import Database, Dynafile, StreamOptions
from dynafile.cli.failures import ExitCode, Failure, tell
from dynafile.cli.opening import open_to_change, open_to_read
from dynafile.cli.options import FilterOption, FormatOption, PathArgument, TableOption
from dynafile.cli.output import OutputFormat, Rows, chosen, print_items
from dynafile.values.tagged import dumps

if TYPE_CHECKING:
    from dynafile import StreamRecord


class View(StrEnum):
    """What the records of a stream have besides the keys."""

    NEW_AND_OLD_IMAGES = "NEW_AND_OLD_IMAGES"
    NEW_IMAGE = "NEW_IMAGE"
    OLD_IMAGE = "OLD_IMAGE"
    KEYS_ONLY = "KEYS_ONLY"


_Start = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="TRIM_HORIZON: all that is kept, the default; LATEST: what comes from now on; or a "
        "sequence number.",
        show_default=False,
    ),
]
_After = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER", help="What comes after this sequence number.", show_default=False
    ),
]
_Name = Annotated[
    str | None,
    typer.Option(
        metavar="CONSUMER",
        help="Remember under this name what was printed, and go on there the next time.",
        show_default=False,
    ),
]


def watch(
    path: PathArgument,
    *,
    table: TableOption = None,
    start: _Start = None,
    after: _After = None,
    name: _Name = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for more, or end at the end.")
    ] = True,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="End when nothing came for so long.",
            show_default=False,
        ),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Only partition keys that begin with this.", show_default=False
        ),
    ] = None,
    filter_: FilterOption = None,
) -> None:
    """Print the changes of a table as JSON Lines, as they happen, whoever makes them.

    The table needs a stream: `dynafile stream on PATH`.
    """
    opened = open_to_read if name is None else open_to_change
    with (
        opened(path, table) as db,
        db.stream(
            start,
            after=after,
            name=name,
            follow=follow,
            timeout=timeout,
            filter=filter_,
            key_prefix=prefix,
        ) as records,
    ):
        for record in records:
            sys.stdout.write(dumps(_shown(record)) + "\n")
            sys.stdout.flush()
            if name is not None:
                record.ack()


def _shown(record: StreamRecord) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "event_name": record.event_name,
        "keys": record.keys,
        "new_image": record.new_image,
        "old_image": record.old_image,
        "sequence_number": record.sequence_number,
        "approximate_creation_time": record.approximate_creation_time.isoformat(),
    }
    if record.user_identity is not None:
        shown["user_identity"] = record.user_identity._asdict()
    return {name: value for name, value in shown.items() if value is not None}


def on(
    path: PathArgument,
    *,
    table: TableOption = None,
    view: Annotated[
        View, typer.Option("--view", help="What a record has besides the keys.")
    ] = View.NEW_AND_OLD_IMAGES,
    retention: Annotated[
        int, typer.Option(min=1, metavar="SECONDS", help="How long records are kept.")
    ] = 86_400,
    max_bytes: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="BYTES",
            help="Keep at most so much of the journal for it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Declare a stream: from now on the changes of the table's items are kept."""
    options = StreamOptions(view.value, retention, max_bytes)
    with open_to_change(path, table) as db:
        name, declared = db.table_name, db.describe().stream
    if declared not in (None, options):
        raise Failure(
            f"{name} has a stream already, and another one: {declared}",
            hint="`dynafile stream off PATH` ends it, and then another can be declared",
            code=ExitCode.USAGE,
        )
    with Dynafile(path, table_name=name, stream=options):
        pass
    tell("ok", f"the changes of {name} are kept: {view.value}", colour="32")


def off(path: PathArgument, *, table: TableOption = None) -> None:
    """End a stream. What is in it can be read until it is too old."""
    with open_to_change(path, table) as db:
        name = db.table_name
    with Database(path) as database:
        database.update_table(name, stream_specification={"StreamEnabled": False})
    tell("ok", f"the stream of {name} has ended", colour="32")


def consumers(path: PathArgument, *, table: TableOption = None, form: FormatOption = None) -> None:
    """List the named consumers of a stream, and how far each is."""
    with open_to_read(path, table) as db:
        rows = [
            {
                "name": each.name,
                "start": each.start,
                "position": each.position,
                "unacknowledged": each.unacknowledged,
                "members": each.members,
            }
            for each in db.stream_consumers().values()
        ]
    shape = chosen(form)
    if shape is OutputFormat.TABLE:
        Rows(iter(rows), limited=False).print(["name"])
    else:
        print_items(iter(rows), shape)
