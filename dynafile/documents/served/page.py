"""The page to try it: HTML, a style and a script of the package itself, under a strict policy."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from starlette.responses import Response

from dynafile.documents.served.answers import SAFE

__all__ = ["page_answer"]

_FILES: Final = {
    "/": ("page.html", "text/html"),
    "/v1": ("page.html", "text/html"),
    "/v1/page.css": ("page.css", "text/css"),
    "/v1/page.js": ("page.js", "text/javascript"),
}

_POLICY: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
}


def page_answer(raw: str) -> Response | None:
    """Return a file of the page; None where the address is not one of them."""
    if raw not in _FILES:
        return None
    name, kind = _FILES[raw]
    return Response(_text(name), headers=SAFE | _POLICY, media_type=kind)


@cache
def _text(name: str) -> str:
    return files("dynafile.documents.served").joinpath(name).read_text(encoding="utf-8")
