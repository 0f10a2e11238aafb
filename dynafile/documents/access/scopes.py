"""Scopes: the part of the tree that an API key reaches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dynafile.errors import InvalidAccess

__all__ = ["Path", "Scopes", "parse_scopes", "reaches"]

Path = tuple[str, ...]

Scopes = tuple[Path, ...] | None
"""Beginnings of paths; None for the whole tree."""

_MOST_SCOPES: Final = 100
_LONGEST_SEGMENT: Final = 1024


def parse_scopes(scopes: Iterable[str | Iterable[str]] | None) -> Scopes:
    """Return scopes given as text (``users/ann``) or as segments; raises InvalidAccess.

    An empty list is refused: it is more likely a mistake than a wish for the whole tree, or for
    a key that reaches nothing.
    """
    if scopes is None:
        return None
    if isinstance(scopes, str):
        raise InvalidAccess("scopes are a list of paths, such as ['users/ann'], not one text")
    paths = tuple(dict.fromkeys(_path(scope) for scope in scopes))
    if not paths:
        raise InvalidAccess("an empty list of scopes: name at least one, or None for everything")
    if len(paths) > _MOST_SCOPES:
        raise InvalidAccess(f"{len(paths)} scopes; a key has at most {_MOST_SCOPES}")
    return paths


def _path(scope: str | Iterable[str]) -> Path:
    path: tuple[object, ...]
    path = tuple(scope.strip("/").split("/")) if isinstance(scope, str) else tuple(scope)
    for segment in path:
        if not isinstance(segment, str) or not segment or segment in (".", "..") or "/" in segment:
            raise InvalidAccess(f"{scope!r:.100} is no path: {segment!r:.50} is no segment of one")
        if "\0" in segment or not segment.isprintable() or len(segment) > _LONGEST_SEGMENT:
            raise InvalidAccess(f"{scope!r:.100} is no path: a segment is printable and short")
    if not path:
        raise InvalidAccess("a scope with no segment; None stands for everything")
    return tuple(map(str, path))


def reaches(scopes: Scopes, path: Path, *, group: bool = False) -> bool:
    """Say whether a path lies in one of the scopes; whole segments are compared.

    A collection group is spread over the tree, so only who reaches everything reaches it.
    """
    if scopes is None:
        return True
    if group:
        return False
    return any(path[: len(scope)] == scope for scope in scopes)
