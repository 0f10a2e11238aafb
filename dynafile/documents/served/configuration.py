"""The configuration of a server and of its clients: two files of JSON in the database's folder.

The server's has what Montybase's has; the client's has the key, of which the database keeps a hash.
The first start writes them, later ones keep them, and a broken one is a reason not to start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from dynafile.documents.access import ApiKeys, Records
from dynafile.documents.base64url import from_text
from dynafile.documents.served.configuration_files import (
    file_in,
    is_same_folder,
    make_file,
    read_file,
    replace_file,
)
from dynafile.documents.served.rates import REQUESTS_PER_MINUTE
from dynafile.errors import InvalidServerConfiguration

__all__ = [
    "CLIENT_FILE",
    "SERVER_FILE",
    "ServerConfiguration",
    "client_key",
    "configure",
    "configured_key",
    "configured_name",
    "parsed_address",
]

SERVER_FILE: Final = "db.config.json"
CLIENT_FILE: Final = "client-config.json"

_HERE: Final = "."
_UPDATE: Final = 300
_MIN_COUNT: Final = 1
_PREFIX: Final = "mb-"
_ORIGIN: Final = re.compile(r"https?://[^/\s*?#]+", re.ASCII)
_KEY_BYTES: Final = 32
_FIRST_KEY: Final = "made at the first start"
_MOST_REQUESTS: Final = 10**9
_ADDRESS: Final = re.compile(r"(?P<host>\[[^\]]+\]|[^:\s/]+):(?P<port>\d{1,5})", re.ASCII)


class ServerConfiguration(Struct, frozen=True):
    """What a server is told by its file."""

    name: str
    address: str | None = None
    """Where it listens: a host and a port."""
    origins: tuple[str, ...] = ()
    """Of the web sites whose pages may ask it."""
    certificate: str | None = None
    private_key: str | None = None
    signup: bool = True
    """Whether who has a key may make users."""
    per_minute: int = REQUESTS_PER_MINUTE
    """Requests of a key or a user."""
    rules: str | None = None
    """The file of rules; if relative, to the folder of the database."""


def configure(
    folder: str,
    name: str,
    records: Records,
    *,
    update_time: float | None,
    store_min: int | None,
) -> ServerConfiguration:
    """Read the configuration in a folder, and write what is not there yet.

    The first start makes a key, unless a client's file has one, which is taken then.

    What is given as an argument goes before the file, and is written to it. Raises
    InvalidServerConfiguration, and then nothing was written.
    """
    server, client = file_in(folder, SERVER_FILE), file_in(folder, CLIENT_FILE)
    found, kept_key = _read(server, _SERVER), client_key(client)
    if found is None:
        key = _first_key(kept_key, records)
        if kept_key is None:
            _write_new(client, {"projectName": name, "apiKey": key})
        found = {
            "projectName": name,
            "storageBucket": _HERE,
            "storageMinCount": _MIN_COUNT,
            "storageUpdate": _UPDATE,
        } | _given(update_time, store_min)
        _write_new(server, found)
        written = _read(server, _SERVER)
        assert written is not None
        return _configuration(written)
    if not is_same_folder(folder, found["storageBucket"]):
        raise InvalidServerConfiguration(
            f"{server}: storageBucket is {found['storageBucket']!r:.200}, and the database is in "
            f"{folder}: write {_HERE!r} there, or give the other folder as path=",
            path=server,
        )
    given = _given(update_time, store_min)
    if not given.items() <= found.items():
        replace_file(server, _text(found | given))
    return _configuration(found)


def parsed_address(address: str) -> tuple[str, int] | None:
    """Return the host and the port of an address; None where it is none.

    >>> parsed_address("[::1]:5000"), parsed_address("localhost")
    (('::1', 5000), None)
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 65536:
        return None
    return match["host"].strip("[]"), int(match["port"])


def client_key(path: str) -> str | None:
    """Return the key in a client's file; None: there is none. Raises InvalidServerConfiguration."""
    found = _read(path, _CLIENT)
    return None if found is None else found["apiKey"]


def configured_name(folder: str) -> str | None:
    """Return the name of the database in a folder, as its server's file has it; None: no file."""
    found = _read(file_in(folder, SERVER_FILE), _SERVER)
    name: str | None = None if found is None else found["projectName"]
    return name


def configured_key() -> str:
    """Return the key of the client's file in the current folder.

    Raises InvalidServerConfiguration, also where there is none.
    """
    key = client_key(CLIENT_FILE)
    if key is None:
        raise InvalidServerConfiguration(
            f"there is no {CLIENT_FILE} in the current folder: copy the one that the server wrote "
            "into the folder of its database",
            path=CLIENT_FILE,
        )
    return key


def _given(update_time: float | None, store_min: int | None) -> dict[str, Any]:
    given = {"storageUpdate": update_time, "storageMinCount": store_min}
    return {name: value for name, value in given.items() if value is not None}


def _first_key(kept: str | None, records: Records) -> str:
    """Return a key that the database knows: a new one, or that of a client's file."""
    keys = ApiKeys(records)
    if kept is None:
        return keys.make(_FIRST_KEY).text
    keys.adopt(kept, _FIRST_KEY)
    return kept


def _configuration(found: dict[str, Any]) -> ServerConfiguration:
    return ServerConfiguration(
        found["projectName"],
        found.get("address"),
        tuple(found.get("origins", ())),
        found.get("certificate"),
        found.get("privateKey"),
        found.get("signup", True),
        found.get("requestsPerMinute", REQUESTS_PER_MINUTE),
        found.get("rules"),
    )


# -- files --------------------------------------------------------------------------------------


def _text(found: dict[str, Any]) -> bytes:
    return (json.dumps(found, indent=2) + "\n").encode()


def _write_new(path: str, found: dict[str, Any]) -> None:
    try:
        make_file(path, _text(found))
    except OSError as error:
        raise InvalidServerConfiguration(
            f"{path} cannot be written: {error.strerror}. A server keeps its keys there", path=path
        ) from error


def _read(path: str, known: dict[str, Check]) -> dict[str, Any] | None:
    """Return what is in a file, each of it checked; None: there is none."""
    try:
        data = read_file(path)
        if data is None:
            return None
        found = json.loads(data.decode())
    except OSError as error:
        raise InvalidServerConfiguration(
            f"{path} cannot be read: {error.strerror}", path=path
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1 if data else 1
        raise InvalidServerConfiguration(
            f"{path}, line {line}: no UTF-8. {_REMEDY}", path=path, line=line
        ) from None
    except json.JSONDecodeError as error:
        raise InvalidServerConfiguration(
            f"{path}, line {error.lineno}: no JSON: {error.msg}. {_REMEDY}",
            path=path,
            line=error.lineno,
        ) from None
    except (ValueError, RecursionError):
        raise InvalidServerConfiguration(f"{path}: no JSON. {_REMEDY}", path=path) from None
    if not isinstance(found, dict):
        raise InvalidServerConfiguration(f"{path}, line 1: no object. {_REMEDY}", path=path, line=1)
    for name, (required, right, wanted) in known.items():
        if (name in found or required) and not right(found.get(name)):
            line = _line_of(data, name)
            raise InvalidServerConfiguration(
                f"{path}, line {line}: {name} has to be {wanted}. {_REMEDY}", path=path, line=line
            )
    other = next((name for name in found if name not in known), None)
    if other is not None:
        line = _line_of(data, other)
        raise InvalidServerConfiguration(
            f"{path}, line {line}: {other!r:.80} is not known: there can be {', '.join(known)}",
            path=path,
            line=line,
        )
    return found


_REMEDY: Final = "Mend it, or remove the file: the next start writes another"


def _line_of(data: bytes, name: str) -> int:
    """Return the line of a name; the first where it is missing."""
    at = data.find(json.dumps(name).encode())
    return 1 if at < 0 else data.count(b"\n", 0, at) + 1


Check = tuple[bool, Callable[[Any], bool], str]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_rate(value: Any) -> bool:
    return type(value) is int and 0 < value <= _MOST_REQUESTS


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and parsed_address(value) is not None


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _are_origins(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, str) and _ORIGIN.fullmatch(each) is not None for each in value
    )


def _is_key(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith(_PREFIX):
        return False
    secret = from_text(value.removeprefix(_PREFIX))
    return secret is not None and len(secret) == _KEY_BYTES


_SERVER: Final[dict[str, Check]] = {
    "projectName": (True, _is_text, "text"),
    "storageBucket": (True, _is_text, "the folder of the database, '.'"),
    "storageMinCount": (True, _is_count, "a number of changes"),
    "storageUpdate": (True, _is_seconds, "a number of seconds"),
    "address": (False, _is_address, "a host and a port, '0.0.0.0:5000'"),
    "origins": (False, _are_origins, "a list of web sites, ['https://example.com'], without paths"),
    "certificate": (False, _is_text, "a file of certificates in PEM"),
    "privateKey": (False, _is_text, "a file with a private key in PEM"),
    "signup": (False, _is_bool, "true or false"),
    "requestsPerMinute": (False, _is_rate, f"a number of requests from 1 to {_MOST_REQUESTS}"),
    "rules": (False, _is_text, "a file of rules"),
}
_CLIENT: Final[dict[str, Check]] = {
    "projectName": (False, _is_text, "text"),
    "apiKey": (True, _is_key, "a key, which begins with mb-"),
    "url": (False, _is_text, "the address of the server"),
}
