"""What goes wrong on the command line: one line of error, one of hint, and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from enum import IntEnum

from dynafile import errors


class ExitCode(IntEnum):
    """The exit codes of the command."""

    OK = 0
    """Done."""
    FAILED = 1
    """No such item or object, a check that found something, a repair that could not save all, or an
    error that has no code of its own."""
    USAGE = 2
    """The command line is not valid: an option, an argument, a filter."""
    DATA = 3
    """A record, an item, an object or a key that cannot be stored, or not be read as it stands."""
    STORAGE = 4
    """No table in the folder, no such bucket or table on a server, a store that does not answer, or
    trouble with the folder or the disk."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
    PIPE_CLOSED = 141
    """The reader of the output went away, as `head` does."""


class Failure(Exception):
    """Ends the command with an exit code, a line of error and, where one helps, a hint."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: ExitCode = ExitCode.FAILED,
        excerpt: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.excerpt = excerpt
        """Lines of a file, which are printed as they are below the error."""


class PipeClosed(Exception):
    """Whoever read standard output has gone."""


def cannot_read(file: str, error: OSError, *, hint: str | None = None) -> Failure:
    """Return the failure of a file that the command line names."""
    return Failure(f"cannot read {file}: {error.strerror}", hint=hint, code=ExitCode.USAGE)


def as_failure(error: BaseException) -> Failure:
    """Return the failure that tells the user of any error."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, errors.InvalidRules):
        first, *_ = error.message.split("\n")
        return Failure(first, code=_code(error), excerpt=error.excerpt)
    if isinstance(error, errors.DynafileError):
        return Failure(error.explanation, hint=_hint(error), code=_code(error))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return Failure(f"{where}{error.strerror or error}", code=ExitCode.STORAGE)
    return Failure(
        f"internal error: {type(error).__name__}: {error}",
        hint="this is a bug; with DYNAFILE_TRACEBACK=1 in the environment it shows where",
    )


def report(error: BaseException) -> ExitCode:
    """Print an error on standard error and return the exit code for it."""
    if os.environ.get("DYNAFILE_TRACEBACK"):
        traceback.print_exception(error)
    failure = as_failure(error)
    tell("error", failure.message, colour="31")
    for line in failure.excerpt.splitlines():
        sys.stderr.write(f"{printable(line)}\n")
    if failure.hint:
        tell("hint", failure.hint, colour="36")
    return failure.code


def tell(label: str, text: str, *, colour: str) -> None:
    """Print ``label: text`` on one line of standard error, the label coloured on a terminal."""
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        label = f"\x1b[1;{colour}m{label}\x1b[0m"
    line = " ".join(text.split())
    sys.stderr.write(f"{label}: {printable(line)}\n")


def printable(text: str) -> str:
    r"""Return text without characters that could command a terminal: ESC becomes ``\x1b``."""
    return text.translate(_CONTROLS)


def _code(error: errors.DynafileError) -> ExitCode:
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def _hint(error: errors.DynafileError) -> str | None:
    if isinstance(error, errors.SchemaMismatch) and len(error.tables) > 1:
        return "--table NAME says which; without it, a folder of one table is meant"
    for kind, hint in _HINTS:
        if isinstance(error, kind):
            return hint
    return None


# C0, DEL and C1, and the overrides of writing direction, which can make text look like other text.
_CONTROLS = {
    point: chr(point).encode("unicode_escape").decode("ascii")
    for point in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}

_CODES: tuple[tuple[type[errors.DynafileError], ExitCode], ...] = (
    (errors.ExpressionError, ExitCode.USAGE),
    (errors.InvalidArgument, ExitCode.USAGE),
    (errors.InvalidName, ExitCode.USAGE),
    (errors.SchemaMismatch, ExitCode.USAGE),
    (errors.InvalidObjectArgument, ExitCode.USAGE),
    (errors.InvalidDocumentArgument, ExitCode.USAGE),
    (errors.ValidationError, ExitCode.DATA),
    (errors.ConversionRefused, ExitCode.DATA),
    (errors.ResourceNotFound, ExitCode.STORAGE),
    (errors.StorageError, ExitCode.STORAGE),
    (errors.CorruptObject, ExitCode.STORAGE),
    (errors.StoreNotReachable, ExitCode.STORAGE),
)

_HINTS: tuple[tuple[type[errors.DynafileError], str], ...] = (
    (
        errors.SchemaMismatch,
        "leave the option out to use what the folder stores; `dynafile info` shows it",
    ),
    (
        errors.StatementError,
        """statements look like: SELECT * FROM "orders" WHERE customer = 'ada'""",
    ),
    (
        errors.ExpressionError,
        "filters look like: population > 1000000 and name =~ /^San/",
    ),
    (
        errors.MissingKey,
        "name the attribute with --pk or --sk, or make it with --key 'PK=country#{countrycode}'",
    ),
    (errors.InvalidObjectURL, "a URL is like dynafile://./db, files://tmp/x or s3://bucket"),
    (
        errors.UnsupportedObject,
        "--allow-pickle stores and reads any type, if you trust all who can write to the store",
    ),
    (errors.InvalidSignature, "--signing-key-file names the file with the key"),
    (errors.StreamNotEnabled, "`dynafile stream on PATH` declares one"),
    (errors.LockTimeout, "try again when the other process is done"),
    (
        errors.NotConverted,
        "`dynafile import PATH - --ttl ATTRIBUTE </dev/null` does so; --pk and --sk name its keys",
    ),
    (errors.DiskFull, "make room and run the command again"),
    (
        errors.CorruptFile,
        "`dynafile check` lists what is damaged; `dynafile repair PATH --into NEW` saves the rest",
    ),
)
