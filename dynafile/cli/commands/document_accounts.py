"""``dynafile documents keys`` and ``users``: who a server of documents lets in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynafile.cli.failures import ExitCode, Failure, tell
from dynafile.cli.opening import require_table
from dynafile.cli.options import FormatOption
from dynafile.cli.output import OutputFormat, Rows, chosen, print_items
from dynafile.errors import ResourceNotFound

if TYPE_CHECKING:
    from dynafile.documents.access import Accounts, ApiKey, User

_DAY = 86400
_HINT = "PATH is the folder of a database of documents; Montybase(PATH) makes one"

_DocumentsArgument = Annotated[
    str, typer.Argument(metavar="PATH", help="The folder of the documents.", show_default=False)
]
_IdArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The 8 characters after mb-, as `list` shows them.", show_default=False
    ),
]
_WhoArgument = Annotated[
    str, typer.Argument(metavar="WHO", help="The e-mail or the uid of a user.", show_default=False)
]


@contextmanager
def _accounts(path: str) -> Iterator[Accounts]:
    from dynafile.documents import Montybase

    require_table(path, hint=_HINT)
    with Montybase(path) as db:
        yield db.accounts


# -- keys ---------------------------------------------------------------------------------------


def make_key(
    path: _DocumentsArgument,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What the key is for.", show_default=False)
    ],
    *,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="It reads, and writes nothing.", show_default=False)
    ] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="A path beneath which it reaches, such as users/ann; several times for several. "
            "Without it the key reaches everything.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(metavar="N", help="Days until it expires.", show_default=False),
    ] = None,
) -> None:
    """Make an API key and print it: it is shown now, and kept nowhere but as a hash."""
    lifetime = None if days is None else days * _DAY
    with _accounts(path) as accounts:
        made = accounts.keys.make(name, read_only=read_only, scopes=scope, lifetime=lifetime)
    sys.stdout.write(made.text + "\n")
    tell("ok", f"key {made.key.id}: keep what is printed, it is shown this once", colour="32")


def list_keys(path: _DocumentsArgument, *, form: FormatOption = None) -> None:
    """List the API keys, the revoked too."""
    with _accounts(path) as accounts:
        rows = list(map(_key_row, accounts.keys.list()))
    _print(rows, form)


def revoke_key(path: _DocumentsArgument, key: _IdArgument) -> None:
    """Revoke an API key: at once, for ever, and for servers that run too."""
    with _accounts(path) as accounts:
        try:
            revoked = accounts.keys.revoke(key)
        except ResourceNotFound as error:
            raise Failure(str(error), hint="`keys list` shows them") from error
    tell("ok", f"key {revoked.id} ({revoked.name}) is revoked", colour="32")


# -- users --------------------------------------------------------------------------------------


def add_user(
    path: _DocumentsArgument,
    email: Annotated[
        str, typer.Argument(metavar="EMAIL", help="Of the new user.", show_default=False)
    ],
) -> None:
    """Add a user, and print the uid. The password is asked for, or is a line of standard input."""
    with _accounts(path) as accounts:
        user = accounts.users.signup(email, _password())
    sys.stdout.write(user.uid + "\n")


def list_users(path: _DocumentsArgument, *, form: FormatOption = None) -> None:
    """List the users."""
    with _accounts(path) as accounts:
        rows = list(map(_user_row, accounts.users.list()))
    _print(rows, form)


def set_password(path: _DocumentsArgument, who: _WhoArgument) -> None:
    """Set the password of a user, which ends all sessions. It is read as `add` reads it."""
    with _accounts(path) as accounts:
        accounts.users.set_password(_uid(accounts, who), _password())
    tell("ok", f"{who} has another password, and logs in again", colour="32")


def set_claims(
    path: _DocumentsArgument,
    who: _WhoArgument,
    claims: Annotated[
        str,
        typer.Argument(
            metavar="JSON",
            help="""What rules are told of the user, such as '{"admin": true}'.""",
            show_default=False,
        ),
    ],
) -> None:
    """Replace the claims of a user. They count with the next request."""
    try:
        said = json.loads(claims)
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"the claims are no JSON: {error}",
            hint="""such as '{"admin": true}'""",
            code=ExitCode.USAGE,
        ) from error
    with _accounts(path) as accounts:
        user = accounts.users.set_claims(_uid(accounts, who), said)
    tell("ok", f"{user.email}: {claims}", colour="32")


def disable_user(path: _DocumentsArgument, who: _WhoArgument) -> None:
    """Let a user log in no more, and end all sessions."""
    _change(path, who, "is disabled", lambda accounts, uid: accounts.users.disable(uid))


def enable_user(path: _DocumentsArgument, who: _WhoArgument) -> None:
    """Let a user that was disabled log in again."""
    _change(path, who, "may log in", lambda accounts, uid: accounts.users.enable(uid))


def log_user_out(path: _DocumentsArgument, who: _WhoArgument) -> None:
    """End all sessions of a user."""
    _change(path, who, "is logged out", lambda accounts, uid: accounts.users.end_sessions(uid))


def remove_user(path: _DocumentsArgument, who: _WhoArgument) -> None:
    """Remove a user, whose e-mail is free then. Documents are left as they are."""
    _change(path, who, "is removed", lambda accounts, uid: accounts.users.remove(uid))


def _change(path: str, who: str, done: str, call: Callable[[Accounts, str], Any]) -> None:
    with _accounts(path) as accounts:
        call(accounts, _uid(accounts, who))
    tell("ok", f"{who} {done}", colour="32")


def _uid(accounts: Accounts, who: str) -> str:
    """Return the uid of somebody who is named by it, or by e-mail."""
    if "@" not in who:
        return accounts.users.get(who).uid
    user = accounts.users.find(who)
    if user is None:
        raise Failure(f"no user has the e-mail {who}", hint="`users list` shows who there is")
    return user.uid


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Failure(
            "no password came", hint="it is a line of standard input", code=ExitCode.USAGE
        )
    return line


# -- printing -----------------------------------------------------------------------------------


def _print(rows: list[dict[str, Any]], form: OutputFormat | None) -> None:
    shape = chosen(form)
    if shape is OutputFormat.TABLE:
        Rows(iter(rows), limited=True).print(list(rows[0]) if rows else [])
    else:
        print_items(rows, shape)


def _key_row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "reaches": "everything" if key.scopes is None else ["/".join(path) for path in key.scopes],
        "read_only": key.read_only,
        "made": _time(key.made),
        "used": _time(key.used),
        "expires": _time(key.expires),
        "revoked": _time(key.revoked),
    }


def _user_row(user: User) -> dict[str, Any]:
    return {
        "uid": user.uid,
        "email": user.email,
        "made": _time(user.made),
        "disabled": user.disabled,
        "claims": user.claims,
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
