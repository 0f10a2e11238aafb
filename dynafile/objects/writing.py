"""The options of a write, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dynafile.errors import InvalidObjectArgument, InvalidObjectKey, InvalidObjectType
from dynafile.objects.backend import ANY_VERSION, AnyVersion, WriteOptions
from dynafile.objects.paths import is_system
from dynafile.objects.queries import checked_index

__all__ = [
    "PLAIN_WRITE",
    "Condition",
    "check_condition",
    "checked_ttl",
    "path_to_write",
    "write_options",
]

Condition = str | None | AnyVersion

PLAIN_WRITE: Final = WriteOptions()

_LONGEST: Final = 1 << 32


def write_options(
    index: Mapping[str, int | None] | None, if_match: Condition, ttl: float | None
) -> WriteOptions:
    """Return the options of a write; raises InvalidObjectType or InvalidObjectArgument."""
    if index is None and ttl is None and if_match is ANY_VERSION:
        return PLAIN_WRITE
    check_condition(if_match)
    return WriteOptions(checked_index(index), if_match, checked_ttl(ttl))


def path_to_write(path: str, system_obj: bool) -> str:
    """Return a path; raises InvalidObjectKey for the system's, unless it is asked for."""
    if not system_obj and is_system(path):
        raise InvalidObjectKey(
            f"Cannot have dot (.) prefix in path, got {path}: names that begin with a dot are the "
            "system's",
            key=path,
        )
    return path


def check_condition(if_match: object) -> None:
    """Raise InvalidObjectType for what no ``version()`` returned."""
    if if_match is not None and if_match is not ANY_VERSION and type(if_match) is not str:
        raise InvalidObjectType(f"if_match is what version() returned, not {if_match!r:.80}")


def checked_ttl(ttl: float | None) -> float | None:
    """Return a time to live in seconds, or None."""
    if ttl is None:
        return None
    if type(ttl) not in (int, float):
        raise InvalidObjectType(f"ttl is a number of seconds, not {ttl!r:.80}")
    if not 0 < ttl < _LONGEST:
        raise InvalidObjectArgument(f"ttl is over 0 and under 2**32 seconds, not {ttl}")
    return ttl
