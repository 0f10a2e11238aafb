"""JSON as it travels: strict where it is read, exact where it is written."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

import msgspec

from dynafile.errors import MalformedRequest

__all__ = ["json_bytes", "read_json"]

_SHOWN: Final = 80
_KINDS: Final[tuple[Any, ...]] = (str, int, float, list, dict)


def read_json(data: bytes, what: str) -> Any:
    """Return the value of JSON text in UTF-8; raises MalformedRequest.

    Refused is what readers understand in different ways: names that an object has twice, NaN and
    infinities, a mark of byte order, numbers with thousands of digits.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"{what} is no UTF-8 at byte {error.start}: send JSON") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise MalformedRequest(
            f"{what} is nested too deep: a document has at most 100 levels of objects and lists"
        ) from None
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"{what} is no JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except MalformedRequest as error:
        error.message = f"{what} {error.message}"
        raise
    except ValueError:  # the digits of an integer, of which Python reads 4300
        raise MalformedRequest(f"{what} has an integer with too many digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise MalformedRequest(f"has an object with the name {name!r:.{_SHOWN}} twice")
    return found


def _constant(name: str) -> Any:
    raise MalformedRequest(f"has {name}, which is no JSON: send null, or text")


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON in UTF-8.

    >>> json_bytes({"name": "Amor", "scores": [1, 2.5]})
    b'{"name":"Amor","scores":[1,2.5]}'
    """
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:  # half a surrogate pair, in what a message quotes
        return json.dumps(value, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    """Return what a value of a subclass is in JSON."""
    for kind in _KINDS:
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"{type(value).__name__} is not what JSON can say")
