"""Methods: which of them an address has."""

from __future__ import annotations

from starlette.requests import Request

from dynafile.errors import MethodNotAllowed

__all__ = ["check_method"]


def check_method(request: Request, *allowed: str) -> None:
    """Raise MethodNotAllowed for another method than these."""
    if request.method not in allowed:
        raise MethodNotAllowed(
            f"{request.method!r:.20} is not possible here: there is {', '.join(allowed)}",
            allowed=allowed,
        )
