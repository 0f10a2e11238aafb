"""Addresses: which path an address names, and which address a path has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from dynafile.documents.paths import Path, check_path
from dynafile.errors import MalformedRequest

__all__ = ["DOCUMENTS", "address_of", "path_of", "query_parameters", "raw_path_of", "said"]

DOCUMENTS: Final = "/v1/documents"

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MOST_PARAMETERS: Final = 20


def address_of(path: Sequence[str]) -> str:
    """Return the address of a path.

    >>> address_of(("users", "a b?"))
    '/v1/documents/users/a%20b%3F'
    """
    return "/".join((DOCUMENTS, *(quote(segment, safe="") for segment in path)))


def path_of(raw: str) -> Path:
    """Return the path that the rest of an address names, as it was sent: with its escapes.

    Raises InvalidDocumentPath, also for a slash that is written ``%2F``, and MalformedRequest.
    """
    if raw in ("", "/"):
        return ()
    return check_path(tuple(_segment(each) for each in raw.removeprefix("/").split("/")))


def _segment(raw: str) -> str:
    if _BAD_ESCAPE.search(raw):
        raise MalformedRequest(f"{raw!r:.80} has a % that no two hexadecimal digits follow")
    if not raw.isascii():
        raise MalformedRequest(f"{raw!r:.80} is no address: escape what is not ASCII, in UTF-8")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise MalformedRequest(f"{raw!r:.80} is no UTF-8: escape the bytes of UTF-8") from None


def raw_path_of(scope: Mapping[str, Any]) -> str:
    """Return the path of an address as it was sent, below where the application is mounted.

    Where a host does not tell, it is what the host made of it.
    """
    raw = scope.get("raw_path")
    if raw is None and "wsgi_environ" in scope:
        environ = scope["wsgi_environ"]
        sent = environ.get("REQUEST_URI") or environ.get("RAW_URI")
        if isinstance(sent, str) and sent.startswith("/"):
            raw = sent.encode("latin-1", "replace")
    if raw is None:
        path: str = scope["path"]
        raw = quote(path, safe="/:@!$&'()*+,;=~-._").encode()
    text: str = raw.decode("latin-1").partition("?")[0]
    root = quote(scope.get("root_path", ""), safe="/")
    return text.removeprefix(root) if text.startswith(f"{root}/") else text


def said(text: str) -> str:
    r"""Return text of a request as a log may have it: in one line, and nothing for a terminal.

    >>> said("/v1/documents/a%20b"), said("/v1\n\x9b31m")
    ('/v1/documents/a%20b', '/v1\\n\\x9b31m')
    """
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


def query_parameters(scope: Mapping[str, Any], known: Sequence[str]) -> dict[str, str]:
    """Return the parameters of an address; raises MalformedRequest for others, and for doubles."""
    text = scope.get("query_string", b"").decode("latin-1")
    if not text:
        return {}
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        raise MalformedRequest("what follows the ? of the address cannot be read") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            can = f"it can have {', '.join(known)}" if known else "it has none"
            raise MalformedRequest(f"the address has the parameter {name!r:.80}: {can}")
        if name in found:
            raise MalformedRequest(f"the address has the parameter {name!r:.80} twice")
        found[name] = value
    return found
