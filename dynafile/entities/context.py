"""The user on whose behalf entities are changed: one for each thread, task and context."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, Self

from dynafile.errors import InvalidEntity, InvalidEntityType

SYSTEM: Final = "system"
"""Who it is where nobody said."""

_callers: ContextVar[tuple[str, ...]] = ContextVar("dynafile_entities_callers", default=(SYSTEM,))
"""The user, after those whose blocks are around."""


def get_caller_id() -> str:
    """Return the user in this context, ``"system"`` unless somebody was set.

    >>> get_caller_id()
    'system'
    """
    return _callers.get()[-1]


def set_caller_id(caller_id: str) -> None:
    """Set the user for what follows in this thread or task.

    Raises InvalidEntityType and InvalidEntity for what is no name of a user.
    """
    _callers.set((*_callers.get()[:-1], checked_user(caller_id)))


class CallerContext:
    """A ``with`` block in which another user is at work; what was before comes back at its end."""

    def __init__(self, user_id: str) -> None:
        self.user_id = checked_user(user_id)

    def __enter__(self) -> Self:
        _callers.set((*_callers.get(), self.user_id))
        return self

    def __exit__(self, *_: object) -> None:
        _callers.set(_callers.get()[:-1])


def checked_user(user: object) -> str:
    """Return the name of a user; raises InvalidEntityType or InvalidEntity for what is none."""
    if not isinstance(user, str):
        raise InvalidEntityType(f"a user is named by a str, not {user!r}")
    if not user:
        raise InvalidEntity("a user needs a name of at least one character")
    return user
