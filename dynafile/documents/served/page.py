"""What browsers are given: the page to try it, and the client in JavaScript, as they are here.

They are files of the package itself. The page has a policy that lets it load nothing else.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

from dynafile.documents.served.answers import SAFE
from dynafile.documents.served.preconditions import etag, is_known

__all__ = ["page_answer"]

_PAGES: Final = {
    "/": "page.html",
    "/v1": "page.html",
    "/v1/page.css": "page.css",
    "/v1/page.js": "page.js",
    "/client.js": "client.js",
    "/client.d.ts": "client/dynafile-documents.d.ts",
}
_CLIENT: Final = "/client/"
_KINDS: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "ts": "text/typescript",
}

_POLICY: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
}


def page_answer(raw: str, headers: Headers) -> Response | None:
    """Return a file for browsers, 304 to who has it; None where the address is not one of them."""
    name = _PAGES.get(raw)
    if name is None and raw.startswith(_CLIENT) and raw.removeprefix(_CLIENT) in _client():
        name = raw.removeprefix("/")
    if name is None:
        return None
    text, tag = _file(name)
    if is_known(headers, tag):
        return Response(status_code=304, headers=SAFE | {"etag": tag})
    kind = _KINDS[name.rpartition(".")[2]]
    return Response(text, headers=SAFE | _POLICY | {"etag": tag}, media_type=kind)


@cache
def _client() -> frozenset[str]:
    """Return the names of the client's files."""
    folder = files("dynafile.documents.served").joinpath("client")
    return frozenset(each.name for each in folder.iterdir() if each.name.endswith((".js", ".ts")))


@cache
def _file(name: str) -> tuple[str, str]:
    """Return a file and its entity tag."""
    data = files("dynafile.documents.served").joinpath(name).read_bytes()
    return data.decode(), etag(hashlib.sha256(data).hexdigest()[:20])
