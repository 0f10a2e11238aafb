"""The program: its commands, and how each of them ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from dynafile import __version__
from dynafile.cli.commands.document_accounts import (
    add_user,
    disable_user,
    enable_user,
    list_keys,
    list_users,
    log_user_out,
    make_key,
    remove_user,
    revoke_key,
    set_claims,
    set_password,
)
from dynafile.cli.commands.document_rules import check_rules, try_rules
from dynafile.cli.commands.exporting import export
from dynafile.cli.commands.importing import import_
from dynafile.cli.commands.indexes import add, drop, list_
from dynafile.cli.commands.inspecting import check, info
from dynafile.cli.commands.items import delete, get, put
from dynafile.cli.commands.objects import cp, ls, mkdir, rm
from dynafile.cli.commands.objects import get as get_object
from dynafile.cli.commands.objects import put as put_object
from dynafile.cli.commands.reading import query, scan
from dynafile.cli.commands.repairing import repair
from dynafile.cli.commands.serving import serve
from dynafile.cli.commands.statements import sql
from dynafile.cli.commands.watching import consumers, off, on, watch
from dynafile.cli.demo.command import demo
from dynafile.cli.failures import ExitCode, Failure, PipeClosed, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The base of errors in the command line's own form. typer has no public name for it.
_UsageError: Any = typer.BadParameter.__mro__[1]


class Program(TyperGroup):
    """The group of all commands. It reports errors in the project's way, and sets exit codes."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command; exit with its code, or return that if not ``standalone_mode``."""
        standalone = options.pop("standalone_mode", True)
        code = int(self._run(*args, standalone_mode=False, **options))
        if standalone:
            sys.exit(code)
        return code

    def _run(self, *args: Any, **options: Any) -> int:
        _prepare_output()
        try:
            code = super().main(*args, **options)
            sys.stdout.flush()
        except (PipeClosed, BrokenPipeError):
            _abandon_output()
            return ExitCode.PIPE_CLOSED
        except (KeyboardInterrupt, typer.Abort):
            return report(Failure("interrupted", code=ExitCode.INTERRUPTED))
        except _UsageError as error:
            return report(_usage_failure(error))
        except Exception as error:  # noqa: BLE001
            return report(error)
        if code == ExitCode.INTERRUPTED:
            return report(Failure("interrupted", code=ExitCode.INTERRUPTED))
        return code or ExitCode.OK

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A closed pipe gets past typer, which would exit with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise PipeClosed from error


app = typer.Typer(
    name="dynafile",
    cls=Program,
    help="Tables with partition and sort keys, in a folder.",
    epilog="Standard output is data alone; what is said about it goes to standard error.",
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode="markdown",
)

COMMANDS: dict[str, Callable[..., None]] = {
    "import": import_,
    "export": export,
    "get": get,
    "put": put,
    "delete": delete,
    "query": query,
    "scan": scan,
    "sql": sql,
    "info": info,
    "check": check,
    "repair": repair,
    "index add": add,
    "index drop": drop,
    "index list": list_,
    "watch": watch,
    "stream on": on,
    "stream off": off,
    "stream consumers": consumers,
    "documents keys make": make_key,
    "documents keys list": list_keys,
    "documents keys revoke": revoke_key,
    "documents users add": add_user,
    "documents users list": list_users,
    "documents users password": set_password,
    "documents users claims": set_claims,
    "documents users disable": disable_user,
    "documents users enable": enable_user,
    "documents users logout": log_user_out,
    "documents users remove": remove_user,
    "documents rules check": check_rules,
    "documents rules test": try_rules,
    "serve": serve,
    "objects ls": ls,
    "objects get": get_object,
    "objects put": put_object,
    "objects cp": cp,
    "objects rm": rm,
    "objects mkdir": mkdir,
    "demo": demo,
}
_groups = {
    "documents": "Look after documents: JSON by path, with live queries and rules.",
    "documents keys": "Make, list and revoke the API keys that a server lets in.",
    "documents users": "Look after the users who log in at a server.",
    "documents rules": "Check and test rules: who may do what, and what documents are like.",
    "index": "Add, drop and list secondary indexes.",
    "objects": "List, read, write and copy objects by path, in any store.",
    "stream": "Declare and end streams, and list who reads them.",
}
_places = {"": app}
for _name, _help in _groups.items():
    _outer, _, _inner = _name.rpartition(" ")
    _places[_name] = typer.Typer(help=_help, rich_markup_mode="markdown")
    _places[_outer].add_typer(_places[_name], name=_inner)
for _name, _command in COMMANDS.items():
    _group, _, _last = _name.rpartition(" ")
    _places[_group].command(_last)(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return int(app(given, prog_name="dynafile", standalone_mode=False))


@app.callback()
def _main(
    context: typer.Context,
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", show_default=False)
    ] = False,
) -> None:
    if show_version:
        sys.stdout.write(f"dynafile {__version__}\n")
    elif context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


def _usage_failure(error: Any) -> Failure:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "dynafile"
    return Failure(
        error.format_message(), hint=f"`{command} --help` shows the way", code=ExitCode.USAGE
    )


def _prepare_output() -> None:
    """Make standard output UTF-8 where it goes into a file or a pipe, as JSON is."""
    stream: Any = sys.stdout
    if not stream.isatty() and hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8")


def _abandon_output() -> None:
    """Let the interpreter flush what is left at its exit without an error."""
    sys.stderr.flush()
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
