"""What is wrong with a value, where in it, and how much work it may be to find out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

__all__ = ["MAX_STEPS", "Budget", "Check", "Exhausted", "Fault", "path_text"]

MAX_STEPS: Final = 1_000_000
"""Steps that checking one document may take, of about a microsecond each."""

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")


class Exhausted(Exception):
    """The steps are used up."""


class Budget:
    """The steps that are left."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps away; raises ``Exhausted`` where there are not so many."""
        self.left -= steps
        if self.left < 0:
            raise Exhausted


class Fault:
    """What is wrong, and the steps to the value, last one first."""

    __slots__ = ("reason", "steps")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.steps: list[str | int] = []

    def below(self, step: str | int) -> Fault:
        """Return it as a fault of what has the value under a name or an index."""
        self.steps.append(step)
        return self

    @property
    def path(self) -> str:
        """The path of the value, empty for the whole."""
        return path_text(tuple(reversed(self.steps)))


Check: TypeAlias = Callable[[Any, Budget], Fault | None]


def path_text(steps: tuple[str | int, ...]) -> str:
    """Return a path as text.

    >>> path_text(("lines", 0, "two words"))
    'lines[0]["two words"]'
    """
    parts: list[str] = []
    for step in steps:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _NAME.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{json.dumps(step[:100], ensure_ascii=False)}]")
    return "".join(parts)
