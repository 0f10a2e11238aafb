"""``dynafile objects``: objects by path, in any store."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from dynafile.cli.exporter import open_output
from dynafile.cli.failures import ExitCode, Failure, as_failure, printable, tell
from dynafile.cli.object_listing import listed
from dynafile.cli.object_stores import (
    AllowPickleOption,
    CompatOption,
    KeyArgument,
    SigningKeyOption,
    Terms,
    UrlArgument,
    connected,
)
from dynafile.cli.object_values import as_bytes, as_json, from_json, given_bytes, text_of
from dynafile.cli.options import (
    DecimalOption,
    Durability,
    DurabilityOption,
    OutputOption,
    TagsOption,
)
from dynafile.cli.output import OutputFormat, Rows, print_items
from dynafile.cli.progress import counted, progress_bar
from dynafile.errors import ObjectNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dynafile.objects import ObjectStore

_File = Annotated[
    str | None,
    typer.Option("--file", metavar="FILE", help="Read the value there.", show_default=False),
]
_FolderArgument = Annotated[
    str,
    typer.Argument(metavar="[FOLDER]", help="The folder; by default /.", show_default=False),
]
_FromUrl = Annotated[
    str, typer.Argument(metavar="URL", help="The store to copy from.", show_default=False)
]
_FromKey = Annotated[
    str, typer.Argument(metavar="KEY", help="The object or the folder in it.", show_default=False)
]
_ToUrl = Annotated[
    str,
    typer.Argument(
        metavar="TO_URL", help="The store to copy to; it may be the same.", show_default=False
    ),
]
_ToKey = Annotated[
    str,
    typer.Argument(
        metavar="TO_KEY",
        help="What the copy is called; of an object, a folder with a slash behind: it keeps its "
        "name there.",
        show_default=False,
    ),
]
_WithAllBelow = Annotated[
    bool, typer.Option("--recursive", "-r", help="A folder, with all that is below it.")
]
_NoOverwrite = Annotated[
    bool, typer.Option("--no-overwrite", "-n", help="Leave objects that are there alone.")
]
_ClassMap = Annotated[
    bool, typer.Option("--class-map", help="With / to /: where the classes of objects are, too.")
]
_SourceKey = Annotated[
    str | None,
    typer.Option(
        "--source-key-file",
        metavar="FILE",
        help="What is read is signed with this key instead.",
        show_default=False,
    ),
]
_SourceUnsigned = Annotated[
    bool, typer.Option("--source-unsigned", help="What is read need not be signed.")
]


def ls(
    url: UrlArgument,
    folder: _FolderArgument = "/",
    *,
    long: Annotated[
        bool, typer.Option("--long", "-l", help="The times of the last writes too, in UTC.")
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-R", help="All that is below the folder.")
    ] = False,
    form: Annotated[
        OutputFormat | None,
        typer.Option(
            "--format", "-f", help="How to print: by default a name a line.", show_default=False
        ),
    ] = None,
) -> None:
    """List a folder by name. Folders in it have a slash behind.

    Names that begin with a dot are the system's, and left out. `--format jsonl` has names as they
    are; elsewhere characters that could command a terminal are escaped.
    """
    with connected(url, read_only=True) as store:
        rows = listed(store, folder, long=long, recursive=recursive)
        with progress_bar("reading", None, shown=not sys.stdout.isatty()) as report:
            rows = counted(rows, report)
            if form is None:
                for row in rows:
                    when = f"{row.get('modified', '-')[:19].replace('T', ' '):19}  " if long else ""
                    sys.stdout.write(f"{when}{printable(row['name'])}\n")
            elif form is OutputFormat.TABLE:
                Rows(rows, limited=True).print(["name"])
            else:
                print_items(rows, form)


def get(
    url: UrlArgument,
    key: KeyArgument,
    *,
    output: OutputOption = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Bytes and text as they are, and nothing behind.")
    ] = False,
    shown: Annotated[bool, typer.Option("--repr", help="As Python shows it.")] = False,
    allow_pickle: AllowPickleOption = False,
    signing_key_file: SigningKeyOption = None,
) -> None:
    """Print an object as JSON; exit with 1 if there is none.

    An object of a declared class is `{"$object": {"class_name": ..., "attributes": ...}}`; its
    class is not imported.
    """
    if raw and shown:
        raise Failure("--raw and --repr exclude each other", code=ExitCode.USAGE)
    from dynafile.objects.copying import stored_value

    with connected(url, Terms(allow_pickle, signing_key_file), read_only=True) as store:
        value = stored_value(store, key)
    to_terminal = output is None and sys.stdout.isatty()
    if raw:
        data = as_bytes(value, key)
    elif shown:
        lines = repr(value).splitlines()
        data = "".join(f"{printable(line)}\n" for line in lines).encode()
    else:
        data = f"{as_json(value, key, indent=2 if to_terminal else None)}\n".encode()
    with open_output(output) as stream:
        stream.flush()
        left = memoryview(data)
        while left:  # an unbuffered standard output may take a part
            left = left[stream.buffer.write(left) :]


def put(
    url: UrlArgument,
    key: KeyArgument,
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="[VALUE]",
            help="The value as JSON. Without it, or with -, standard input is read.",
            show_default=False,
        ),
    ] = None,
    *,
    file: _File = None,
    text: Annotated[bool, typer.Option("--text", help="It is text, and not JSON.")] = False,
    binary: Annotated[bool, typer.Option("--bytes", help="It is bytes, and not JSON.")] = False,
    decimal: DecimalOption = False,
    tags: TagsOption = True,
    allow_pickle: AllowPickleOption = False,
    signing_key_file: SigningKeyOption = None,
    compat: CompatOption = None,
    durability: DurabilityOption = Durability.DURABLE,
) -> None:
    """Write an object, and make the folders that it is in, also that of a store.

    An object that is there is replaced.
    """
    if text and binary:
        raise Failure("--text and --bytes exclude each other", code=ExitCode.USAGE)
    data = given_bytes(value, file)
    decoded = data if binary else text_of(data)
    if isinstance(decoded, str) and not text:
        decoded = from_json(decoded, decimal=decimal, tags=tags)
    terms = Terms(allow_pickle, signing_key_file, compat, durability.value)
    with connected(url, terms, make=True) as store:
        store.set(key, decoded)


def cp(
    source_url: _FromUrl,
    source_key: _FromKey,
    target_url: _ToUrl,
    target_key: _ToKey,
    *,
    recursive: _WithAllBelow = False,
    no_overwrite: _NoOverwrite = False,
    class_map: _ClassMap = False,
    allow_pickle: AllowPickleOption = False,
    signing_key_file: SigningKeyOption = None,
    source_key_file: _SourceKey = None,
    source_unsigned: _SourceUnsigned = False,
    compat: CompatOption = None,
    durability: DurabilityOption = Durability.DURABLE,
) -> None:
    """Copy an object, or with `-r` a folder, from any store to any other.

    What is in a folder is added to the folder TO_KEY. Index values go along where both stores keep
    them. Each object is whole or not there; what was copied before an error stays, and
    `--no-overwrite` goes on from there.
    """
    if source_unsigned and source_key_file is not None:
        message = "--source-unsigned and --source-key-file exclude each other"
        raise Failure(message, code=ExitCode.USAGE)
    # Unless told otherwise, what is signed anew was signed before: a forged value stays out.
    known = None if source_unsigned else source_key_file or signing_key_file
    reading = Terms(allow_pickle, known, None, durability.value)
    writing = Terms(allow_pickle, signing_key_file, compat, durability.value)
    from dynafile.objects import copy

    with connected(source_url, reading, read_only=True) as source:
        _check_source(source, source_key, recursive)
        with (
            connected(target_url, writing, make=True) as target,
            _work("copying", "copied before it") as tally,
        ):
            copied = copy(
                source,
                target,
                source_key,
                target_key,
                recursive=recursive,
                overwrite=not no_overwrite,
                system=class_map,
                progress=tally.add,
            )
        if recursive:
            tally.conclude("copied", copied, f"to {target.url}")
        if tally.count > copied:
            tell("note", f"left alone: {_objects(tally.count - copied)}", colour="36")


def rm(
    url: UrlArgument,
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The object or the folder.", show_default=False)
    ],
    *,
    recursive: _WithAllBelow = False,
    compat: CompatOption = None,
    durability: DurabilityOption = Durability.DURABLE,
) -> None:
    """Remove an object, or with `-r` a folder; exit with 1 if there is none.

    Of / only what is in it is removed.
    """
    with connected(url, Terms(compat=compat, durability=durability.value)) as store:
        if not store.is_dir(key):
            try:
                store.delete(key)
            except ObjectNotFound:
                raise Failure(f"there is no object {key} in {store.url}") from None
            return
        if not recursive:
            raise Failure(
                f"{key} is a folder", hint="-r removes it with all below it", code=ExitCode.USAGE
            )
        with _work("removing", "removed before it") as tally:
            store.rm_tree(key, progress=tally.add)
        tally.conclude("removed", tally.count, f"from {store.url}")


def mkdir(
    url: UrlArgument,
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="The folder.", show_default=False)
    ],
    *,
    compat: CompatOption = None,
    durability: DurabilityOption = Durability.DURABLE,
) -> None:
    """Make a folder, and those that it is in. One that is there is no error."""
    terms = Terms(compat=compat, durability=durability.value)
    with connected(url, terms, make=True) as store:
        store.mkdir(folder)


class _Tally:
    """Counts objects, shows how many on the bar, and says it in the end."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.count = 0
        self._report = report
        self._started = time.perf_counter()

    def add(self, count: int) -> None:
        self.count += count
        self._report(self.count, self.count)

    def conclude(self, done: str, count: int, where: str) -> None:
        seconds = time.perf_counter() - self._started
        rate = f"{count / seconds if seconds else 0:,.0f}/s"
        tell(done, f"{_objects(count)} {where} in {seconds:.1f} s ({rate})", colour="32")


@contextmanager
def _work(doing: str, done: str) -> Iterator[_Tally]:
    """Count what is done in the block; an error or Ctrl-C says how much was done before it."""
    with progress_bar(doing, None, unit="objects") as report:
        tally = _Tally(report)
        try:
            yield tally
        except KeyboardInterrupt:
            failure = Failure("interrupted", code=ExitCode.INTERRUPTED)
        except Exception as error:
            raise _with_count(as_failure(error), tally.count, done) from error
        else:
            return
        raise _with_count(failure, tally.count, done)


def _with_count(failure: Failure, count: int, done: str) -> Failure:
    if not count:
        return failure
    kept = f"{_objects(count)} {'was' if count == 1 else 'were'} {done}"
    hint = f"{failure.hint}; {kept}" if failure.hint else kept
    return Failure(failure.message, hint=hint, code=failure.code)


def _check_source(source: ObjectStore, key: str, recursive: bool) -> None:
    # Before the target is opened, which may make its folder.
    if source.is_dir(key):
        if not recursive:
            raise Failure(
                f"{key} is a folder", hint="-r copies it with all below it", code=ExitCode.USAGE
            )
    elif not source.exists(key):
        raise Failure(f"there is no object and no folder {key} in {source.url}")


def _objects(count: int) -> str:
    return f"{count:,} object{'' if count == 1 else 's'}"
