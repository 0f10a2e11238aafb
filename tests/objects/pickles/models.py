"""Classes whose instances the tests store."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple


@dataclass
class Point:
    x: Any
    y: Any = None
    rest: list[Any] = field(default_factory=list)

    @dataclass
    class Inner:
        value: Any


@dataclass(frozen=True)
class Frozen:
    x: Any
    y: Any = None


@dataclass(slots=True)
class Slotted:
    x: Any
    y: Any = None


@dataclass(frozen=True, slots=True)
class FrozenSlotted:
    x: Any
    y: Any = None


@dataclass
class Closing:
    """Does something when it goes away, with whatever a pickle says."""

    x: Any
    closed = 0

    def __del__(self) -> None:
        Closing.closed += 1


@dataclass
class Stateful:
    """Has a way of its own to be read."""

    x: Any
    called = 0

    def __setstate__(self, state: Any) -> None:
        Stateful.called += 1


class Undeclared:
    def __init__(self, x: Any = None) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class Reduced(Undeclared):
    def __reduce__(self) -> Any:
        return Reduced, (self.x,)


class Foreign(Undeclared):
    def __reduce__(self) -> Any:
        return eval, ("1",)


class Pair(NamedTuple):
    a: Any
    b: Any


class Color(Enum):
    RED = 1
    GREEN = "green"


class Mapping(dict[Any, Any]):
    pass


class Sequence(list[Any]):
    pass
