"""The options of a database of documents: what they can be, and which of them need a server."""

from __future__ import annotations

import os
import re
from typing import Any, Final, Literal, NoReturn
from urllib.parse import urlsplit

from msgspec import Struct

from dynafile.errors import (
    DocumentsNotServed,
    InvalidDocumentArgument,
    InvalidDocumentArgumentType,
)

__all__ = ["DEFAULT_PATH", "Options", "check_options", "check_rules", "refuse_served"]

DEFAULT_PATH: Final = "./db"
_DEFAULT_NAME: Final = "db"
_MOST_PORT: Final = 65535
_ADDRESS: Final = re.compile(r"(?P<host>[^/\\\s]+):(?P<port>[^:]*)")


class Options(Struct, frozen=True):
    """What a database is opened with."""

    path: str
    name: str
    durability: Literal["durable", "relaxed"]


def check_options(
    path: Any,
    *,
    db_path: Any,
    name: Any,
    hot: Any,
    update_time: Any,
    store_min: Any,
    endpoint: Any,
    dev: Any,
    api: Any,
) -> Options:
    """Check the options before anything is made.

    Raises InvalidDocumentArgument; DocumentsNotServed for those that need a server.
    """
    folder = _path(path, db_path)
    if name is not None and (not isinstance(name, str) or not name):
        raise InvalidDocumentArgumentType(f"name is a str that is not empty, not {name!r:.80}")
    for option, value in (("hot", hot), ("endpoint", endpoint)):
        if not isinstance(value, bool):
            raise InvalidDocumentArgumentType(f"{option} is True or False, not {value!r:.80}")
    _check_seconds(update_time)
    _check_count(store_min)
    _check_dev(dev)
    _check_api(api)
    if api is not None and (dev or endpoint):
        raise InvalidDocumentArgument(
            "api= is for a client, and dev= and endpoint= are for a server: give one of them"
        )
    return Options(folder, name or _name_of(folder), "durable" if hot else "relaxed")


def check_rules(rules: Any, *, served: bool) -> None:
    """Check ``rules=``, which is for who serves; raises InvalidDocumentArgument."""
    if rules is None:
        return
    if not isinstance(rules, str | os.PathLike) or not os.fspath(rules):
        raise InvalidDocumentArgumentType(
            f"rules is the file of rules, a str or a path object, not {rules!r:.80}"
        )
    if not served:
        raise InvalidDocumentArgument(
            "rules= is for a server, and nobody asks rules of what this program does itself: give "
            "it with dev= or endpoint="
        )


def refuse_served(what: str) -> NoReturn:
    """Raise DocumentsNotServed: the database is not one that is served."""
    raise DocumentsNotServed(
        f"{what} are for documents that are served: open them with dev=True, for this machine, or "
        "with endpoint=True, for who has a key"
    )


def _path(path: Any, db_path: Any) -> str:
    if db_path is not None:
        if path is not None:
            raise InvalidDocumentArgument("path and db_path are the same: give one of them")
        path = db_path
    if path is None:
        return DEFAULT_PATH
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidDocumentArgumentType(
            f"path is the folder of the database, a str or a path object, not {path!r:.80}"
        )
    if not text:
        raise InvalidDocumentArgument("path is empty: name the folder of the database")
    return text


def _name_of(path: str) -> str:
    return os.path.basename(path.rstrip("/\\")) or _DEFAULT_NAME


def _check_seconds(update_time: Any) -> None:
    if update_time is None:
        return
    if isinstance(update_time, bool) or not isinstance(update_time, int | float):
        raise InvalidDocumentArgumentType(
            f"updateTime is a number of seconds, not {update_time!r:.80}"
        )
    if not update_time >= 0:
        raise InvalidDocumentArgument(f"updateTime is at least 0 seconds, not {update_time!r}")


def _check_count(store_min: Any) -> None:
    if store_min is None:
        return
    if type(store_min) is not int:
        raise InvalidDocumentArgumentType(
            f"storeMin is a number of changes, an int, not {store_min!r:.80}"
        )
    if store_min < 0:
        raise InvalidDocumentArgument(f"storeMin is at least 0, not {store_min}")


def _check_dev(dev: Any) -> None:
    if isinstance(dev, bool):
        return
    if not isinstance(dev, str):
        raise InvalidDocumentArgumentType(
            f"dev is True, False, or an address such as 'localhost:8000', not {dev!r:.80}"
        )
    match = _ADDRESS.fullmatch(dev)
    port = match["port"] if match else ""
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _MOST_PORT:
        raise InvalidDocumentArgument(
            f"dev is an address with a port, such as 'localhost:8000', not {dev!r:.80}"
        )


def _check_api(api: Any) -> None:
    if api is None:
        return
    if not isinstance(api, str):
        raise InvalidDocumentArgumentType(f"api is the URL of a server, not {api!r:.80}")
    try:
        parts = urlsplit(api)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        raise InvalidDocumentArgument(
            f"api is the URL of a server, such as 'https://example.com/', not {api!r:.80}"
        )
