"""``dynafile serve``: documents over HTTP, until it is stopped."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from dynafile.cli.failures import ExitCode, Failure, tell

_Documents = Annotated[
    str | None,
    typer.Option(
        "--documents",
        metavar="PATH",
        help="The folder of documents to serve, which is made if it is not there.",
        show_default=False,
    ),
]
_Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Where to listen: by default 127.0.0.1:5000. Any but a loopback address is served as "
        "`--endpoint` is.",
        show_default=False,
    ),
]
_Endpoint = Annotated[
    bool,
    typer.Option(
        "--endpoint",
        help="Let in only who has a key; without `--address` at `address` in db.config.json, or "
        "0.0.0.0:5000.",
        show_default=False,
    ),
]
_Rules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        help="Who may do what: a file of rules; without it `rules` in db.config.json, or the file "
        "documents.rules in the folder, if there is one.",
        show_default=False,
    ),
]
_Log = Annotated[bool, typer.Option("--log", help="Print each request.", show_default=False)]


def serve(
    *,
    documents: _Documents = None,
    address: _Address = None,
    endpoint: _Endpoint = False,
    rules: _Rules = None,
    log: _Log = False,
) -> None:
    """Serve documents over HTTP, with live updates, until Ctrl-C or SIGTERM.

    At a loopback address anybody on this machine may read and write; elsewhere a key is needed.
    With a file of rules that decides what each of them may do.
    What it says goes to standard error. Needs the extra `documents`.
    """
    if documents is None:
        raise Failure(
            "there is nothing to serve",
            hint="--documents PATH says which folder of documents",
            code=ExitCode.USAGE,
        )
    from dynafile.documents import Montybase
    from dynafile.documents.packages import need
    from dynafile.documents.served.configuration import CLIENT_FILE
    from dynafile.documents.served.serving import is_local

    for package in ("starlette", "uvicorn", "websockets"):
        need(package, "served documents")
    with_keys = endpoint or (address is not None and not is_local(address))

    def listening(url: str) -> None:
        who = "who has a key" if with_keys else "anybody on this machine"
        tell("serving", f"{documents} at {url} for {who}; Ctrl-C ends it", colour="32")
        if with_keys:
            tell("key", f"it is in {os.path.join(documents, CLIENT_FILE)}", colour="36")

    with (
        _shown_log(everything=log),
        Montybase(documents, dev=address or not with_keys, endpoint=with_keys, rules=rules) as db,
    ):
        db.run(listening=listening)
    tell("ended", f"{documents} is closed", colour="32")


@contextmanager
def _shown_log(*, everything: bool) -> Iterator[None]:
    """Print the log of the server; whatever else, its warnings."""
    handler = _Lines(logging.INFO if everything else logging.WARNING)
    warnings = _Lines(logging.WARNING)
    ours, server = logging.getLogger("dynafile"), logging.getLogger("uvicorn")
    level = ours.level
    ours.setLevel(logging.INFO)
    ours.addHandler(handler)
    server.addHandler(warnings)
    try:
        yield
    finally:
        ours.setLevel(level)
        ours.removeHandler(handler)
        server.removeHandler(warnings)


class _Lines(logging.Handler):
    """Prints what is logged, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record; that of an exception has where it was raised."""
        tell("log", self.format(record), colour="36")
