"""Preconditions of HTTP: entity tags, which are the tokens of a document's last write."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from starlette.datastructures import Headers

from dynafile.errors import MalformedRequest

__all__ = ["Preconditions", "etag", "is_known", "preconditions_of"]

_TAG: Final = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


class Preconditions(Struct, frozen=True):
    """What a change supposes of a document."""

    exists: bool | None = None
    last_update: str | None = None


def etag(last_update: str) -> str:
    """Return the entity tag of a document.

    >>> etag("17")
    '"17"'
    """
    return f'"{last_update}"'


def preconditions_of(headers: Headers) -> Preconditions:
    """Return what If-Match and If-None-Match of a change say; raises MalformedRequest.

    Both together hold for no document, which is found out when it is looked at.
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is None and none_match is None:
        return Preconditions()
    if none_match is not None and none_match.strip() != "*":
        raise MalformedRequest(
            'a change can have If-Match: "...", If-Match: * or If-None-Match: *; of If-None-Match '
            "there is no other"
        )
    if match is None:
        return Preconditions(exists=False)
    found = _TAG.fullmatch(match.strip())
    if found is None and match.strip() != "*":
        raise MalformedRequest('If-Match has one entity tag in quotes, as in If-Match: "17"')
    exists = None if none_match is None else False
    if found is None:
        return Preconditions(exists=True) if exists is None else Preconditions(exists, "")
    return Preconditions(exists, found[1])


def is_known(headers: Headers, tag: str) -> bool:
    """Say whether who reads has this already, by If-None-Match."""
    sent = headers.get("if-none-match")
    if sent is None:
        return False
    return sent.strip() == "*" or tag.strip('"') in _TAG.findall(sent)
