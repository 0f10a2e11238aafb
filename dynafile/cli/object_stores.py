"""Stores of objects for commands: their options, and connecting to those that exist."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from dynafile.cli.failures import ExitCode, Failure, cannot_read
from dynafile.cli.opening import require_table
from dynafile.errors import SchemaMismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dynafile.objects import ObjectStore
    from dynafile.objects.urls import Place, Single


class Compat(StrEnum):
    """Whose programs read what is written."""

    KYDB = "kydb"


UrlArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="The store, such as dynafile://./db, files://tmp/x or s3://bucket.",
        show_default=False,
    ),
]
KeyArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="KEY", help="The object, such as /a/b.", show_default=False)
]
AllowPickleOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Values of any type. Reading them can run any code that their writer chose.",
        show_default=False,
    ),
]
SigningKeyOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--signing-key-file",
        metavar="FILE",
        help="Its bytes are the key that signs values; what is not signed with it is refused.",
        show_default=False,
    ),
]
CompatOption: TypeAlias = Annotated[
    Compat | None,
    typer.Option("--compat", help="Write what KYDB 1.1 reads.", show_default=False),
]


@dataclass(frozen=True)
class Terms:
    """How a store is connected to."""

    allow_pickle: bool = False
    signing_key_file: str | None = None
    compat: Compat | None = None
    durability: str | None = None


@contextmanager
def connected(
    url: str, terms: Terms = Terms(), *, make: bool = False, read_only: bool = False
) -> Iterator[ObjectStore]:
    """Connect to a store; a folder that is not there is made only with ``make``."""
    from dynafile.objects import connect  # half as much again to import as all other commands
    from dynafile.objects.urls import parse

    key = None if terms.signing_key_file is None else _key_in(terms.signing_key_file)
    place = parse(url)
    _check_lasting(place)
    if not make:
        for each in _read(place):
            if each.scheme == "dynafile":
                require_table(each.name, hint="`dynafile objects put`, `cp` and `mkdir` make it")
    try:
        store = connect(
            url,
            allow_pickle=terms.allow_pickle,
            signing_key=key,
            compat=terms.compat and terms.compat.value,
            durability=terms.durability,
            read_only=read_only,
        )
    except SchemaMismatch:
        raise Failure(
            f"the folder of {url} holds another table, and no objects",
            hint="`dynafile scan` shows what is in it; name another folder for objects",
            code=ExitCode.USAGE,
        ) from None
    with store:
        yield store


def _key_in(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        hint = "`head -c 32 /dev/urandom > FILE` makes a key"
        raise cannot_read(file, error, hint=hint) from None


def _check_lasting(place: Place) -> None:
    if getattr(place, "scheme", None) == "memory":
        raise Failure(
            "a store in memory would be gone when the command ends",
            hint="name one that lasts, such as dynafile://./db",
            code=ExitCode.USAGE,
        )


def _read(place: Place) -> list[Single]:
    """Return the stores that have to be there for a read; a cache is filled by it."""
    from dynafile.objects.urls import Cached, United

    if isinstance(place, United):
        return [each for part in place.places for each in _read(part)]
    return [place.persist] if isinstance(place, Cached) else [place]
