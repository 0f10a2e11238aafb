"""Twins: classes for asyncio, made of those that they stand for.

A twin has two methods of its own, :meth:`Twin._call` and :meth:`Twin._iterate`, and by them gets
every other method of its class, with its docstring and signature.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, TypeVar

from dynafile.aio.kinds import KINDS, Kind

C = TypeVar("C", bound="type[Twin]")


class Twin(ABC):
    """What the made methods stand on."""

    _twin_of: ClassVar[type]
    """The class that it stands for."""

    @abstractmethod
    async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        """Call a method of the object that this one stands for, off the loop."""

    @abstractmethod
    def _iterate(self, name: str, args: Any, named: Any) -> AsyncIterator[dict[str, Any]]:
        """Return what iterates over what such a method gives, off the loop."""

    def _now(self, name: str) -> Any:
        """Return an attribute of it that needs no looking."""
        raise NotImplementedError


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
    function = original.fget if isinstance(original, property) else original
    made.__name__, made.__qualname__ = name, f"{cls.__qualname__}.{name}"
    made.__module__ = cls.__module__
    made.__doc__ = _without_examples(original.__doc__)
    made.__wrapped__ = function  # type: ignore[attr-defined]  # for inspect.signature()
    return made


def _made(kind: Kind, name: str) -> Callable[..., Any]:
    async def awaited(self: Twin, *args: Any, **named: Any) -> Any:
        return await self._call(kind, name, args, named)

    def iterated(self: Twin, *args: Any, **named: Any) -> AsyncIterator[dict[str, Any]]:
        return self._iterate(name, args, named)

    def passed(self: Twin, *args: Any, **named: Any) -> Any:
        return self._now(name)(*args, **named)

    if kind is Kind.ITEMS:
        return iterated
    return passed if kind is Kind.PASSED else awaited


def _without_examples(doc: str | None) -> str | None:
    """Return a docstring up to its first example, which shows how it is done without asyncio."""
    return None if doc is None else doc.split(">>> ", 1)[0].rstrip()
