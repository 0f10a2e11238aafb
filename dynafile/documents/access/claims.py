"""Claims: what administrators say of a user, as rules are told it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dynafile.errors import InvalidAccess

__all__ = ["checked_claims"]

_LONGEST: Final = 4096


def checked_claims(claims: object) -> dict[str, Any]:
    """Return claims as JSON keeps them; raises InvalidAccess."""
    if not isinstance(claims, Mapping) or not all(isinstance(name, str) for name in claims):
        raise InvalidAccess(
            f"claims are a map with text keys, {{'admin': True}}, not {claims!r:.80}"
        )
    try:
        text = json.dumps(dict(claims), allow_nan=False)
        found: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidAccess(f"claims are what JSON can hold: {error}") from None
    if found != dict(claims):
        raise InvalidAccess("claims are what JSON can hold: lists, and objects with text keys")
    if len(text) > _LONGEST:
        raise InvalidAccess(f"claims have at most {_LONGEST} characters as JSON, not {len(text)}")
    return found
