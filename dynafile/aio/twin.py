"""Twins: classes for asyncio, made of those that they stand for.

A twin gets the methods of its class, with their docstrings and signatures, by two of its own,
:meth:`CallingTwin._call` and :meth:`CallingTwin._iterate`, and the attributes by
:meth:`PlainTwin._now`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from functools import update_wrapper
from typing import Any, ClassVar, TypeVar

from dynafile.aio.kinds import KINDS, Kind

C = TypeVar("C", bound="type[Twin]")


class Twin:
    """What stands for an object of another class."""

    _twin_of: ClassVar[type]
    """The class that it stands for."""


class PlainTwin(Twin, ABC):
    """A twin that shows attributes."""

    @abstractmethod
    def _now(self, name: str) -> Any:
        """Return an attribute of the object that this one stands for, without waiting."""


class CallingTwin(Twin, ABC):
    """A twin with methods to be awaited."""

    @abstractmethod
    async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        """Call a method of the object that this one stands for, off the loop."""

    @abstractmethod
    def _iterate(self, name: str, args: Any, named: Any) -> AsyncIterator[dict[str, Any]]:
        """Return what iterates over what such a method gives, off the loop."""


def twin(of: type) -> Callable[[C], C]:
    """Give a class what ``of`` has, each name by its kind; what it has itself is left alone."""

    def made(cls: C) -> C:
        cls._twin_of = of
        for name, kind in KINDS[of].items():
            if kind is not Kind.OWN and name not in vars(cls):
                setattr(cls, name, _member(cls, name, kind, getattr(of, name)))
        return cls

    return made


def _member(cls: type, name: str, kind: Kind, original: Any) -> Any:
    if kind is Kind.PLAIN:
        return property(lambda self: self._now(name), doc=original.__doc__)
    made = _made(kind, name)
    function: Any = original.fget if isinstance(original, property) else original
    update_wrapper(made, function, assigned=["__name__"], updated=[])
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.{name}", cls.__module__
    made.__doc__ = _without_examples(original.__doc__)
    return made


def _made(kind: Kind, name: str) -> Callable[..., Any]:
    async def awaited(self: CallingTwin, *args: Any, **named: Any) -> Any:
        return await self._call(kind, name, args, named)

    def iterated(self: CallingTwin, *args: Any, **named: Any) -> AsyncIterator[dict[str, Any]]:
        return self._iterate(name, args, named)

    def passed(self: PlainTwin, *args: Any, **named: Any) -> Any:
        return self._now(name)(*args, **named)

    if kind is Kind.ITEMS:
        return iterated
    return passed if kind is Kind.PASSED else awaited


def _without_examples(doc: str | None) -> str | None:
    """Return a docstring up to its first example, which shows how it is done without asyncio."""
    return None if doc is None else doc.split(">>> ", 1)[0].rstrip()
