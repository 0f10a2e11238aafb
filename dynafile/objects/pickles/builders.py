"""The builders: what a pickle may name, and what it makes of the arguments that it gives.

None of the classes here is ever part of a value: `load` looks for them in what it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from dynafile.objects.pickles.budget import Budget
from dynafile.objects.pickles.refusals import corrupt

__all__ = [
    "SCAFFOLD",
    "Builder",
    "Context",
    "Draft",
    "Part",
    "Table",
    "arguments",
    "finished",
    "plain_int",
]


class Context:
    """What builders share while one pickle is read.

    ``find`` returns the builder of a name. ``roots`` are values that they have put away where no
    walk finds them, ``levels`` says of an array, by id, how deep it is nested in others, and
    ``parts`` of what a value of pandas consists; ``often`` is the frequency of an array of moments,
    which pandas had there before it was 3. The state of a type in ``stateless`` tells
    nothing.
    """

    def __init__(self, size: int, find: Callable[[str, str], Any]) -> None:
        self.find = find
        self.budget = Budget(size)
        self.roots: list[Any] = []
        self.levels: dict[int, tuple[Any, int]] = {}
        self.parts: dict[int, tuple[Any, list[Any]]] = {}
        self.often: dict[int, tuple[Any, Any]] = {}
        self.stateless: set[type] = set()

    def consist(self, value: Any, *parts: Any) -> Any:
        """Return a value of which is known what it consists of."""
        self.parts[id(value)] = (value, [*parts])
        return value

    def weigh(self, key: Any) -> Any:
        """Return a key that may be hashed; raises CorruptObject or TypeError if it may not."""
        self.budget.keys((key,))
        hash(key)
        return key


class Builder:
    """A name of the allow-list, on the stack in the place of what it names.

    ``call`` makes a value as ``name(*arguments)`` does, ``make`` as ``name.__new__`` does.
    What is missing, no pickler writes. ``kind`` is the
    class that the name stands for, where a builder of another name asks for it.
    """

    __slots__ = ("call", "kind", "make", "name")

    def __init__(
        self,
        name: str,
        call: Callable[[Context, tuple[Any, ...]], Any] | None = None,
        make: Callable[[Context, tuple[Any, ...], dict[str, Any]], Any] | None = None,
        kind: Any = None,
    ) -> None:
        self.name = name
        self.call = call
        self.make = make
        self.kind = kind


class Draft:
    """What is to be made of a state that has not come yet.

    It stands for the value on the stack and in the memo until then, and may be nowhere else: so a
    value that is made of its state cannot contain itself.
    """

    __slots__ = ("done", "finish", "name", "value")

    def __init__(self, name: str, finish: Callable[[Context, Any], Any]) -> None:
        self.name = name
        self.finish = finish
        self.done = False
        self.value: Any = None


class Part:
    """A piece of a value that is none itself, such as a block of a DataFrame."""

    __slots__ = ("content", "name")

    def __init__(self, name: str, content: Any) -> None:
        self.name = name
        self.content = content


def finished(draft: Draft) -> Any:
    """Return what has been made of a draft; raises CorruptObject if nothing has been yet."""
    if not draft.done:
        raise corrupt(f"{draft.name} contains itself")
    return draft.value


SCAFFOLD: Final = frozenset({Builder, Draft, Part})

Table: TypeAlias = dict[tuple[str, str], Any]
"""Builders, and a few values, by module and name as pickles give them."""


def arguments(name: str, given: tuple[Any, ...], *kinds: type | tuple[type, ...]) -> Any:
    """Return the arguments if there are so many, of exactly these types; else CorruptObject."""
    if len(given) != len(kinds):
        raise corrupt(f"{name} with {len(given)} arguments")
    for value, kind in zip(given, kinds, strict=True):
        if type(value) is not kind and not (isinstance(kind, tuple) and type(value) in kind):
            raise corrupt(f"{name} of a value of type {type(value).__name__}")
    return given


def plain_int(value: Any, least: int, most: int, name: str) -> int:
    """Return an int of exactly that type within limits; else CorruptObject."""
    if type(value) is not int or not least <= value <= most:
        raise corrupt(f"{name} with a number that is none, or out of range")
    return value
