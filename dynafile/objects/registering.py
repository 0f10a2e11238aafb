"""Classes of the program's own that values may hold."""

from __future__ import annotations

from typing import Final, TypeVar

from dynafile.errors import InvalidObjectType

__all__ = ["REGISTERED", "register"]

T = TypeVar("T", bound=type)

REGISTERED: Final[set[type]] = set()


def register(kind: T) -> T:
    """Let values hold instances of a class, which are pickled as the class says; a decorator.

    Dataclasses need it only where their module is not imported when they are read.

    >>> from dynafile import objects
    >>> @objects.register
    ... class Money:
    ...     def __init__(self, cents: int) -> None:
    ...         self.cents = cents
    """
    if not isinstance(kind, type):
        raise InvalidObjectType(f"register is for classes, not {kind!r:.80}")
    REGISTERED.add(kind)
    return kind
