"""Documents for asyncio: Montybase's functions, and what they lack of the methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import UNSET

from dynafile.documents.references import Reference

__all__ = ["addDoc", "deleteDoc", "getDoc", "setDoc", "updateDoc"]

T = TypeVar("T")


async def _in_thread(call: Callable[..., T], *arguments: Any, **options: Any) -> T:
    # Who is in a coroutine has it; importing it takes longer than importing documents.
    import asyncio

    return await asyncio.to_thread(call, *arguments, **options)


async def getDoc(ref: Reference) -> Any:  # noqa: N802 - Montybase's manner
    """Return what ``ref.get()`` does, without keeping the loop."""
    return await _in_thread(ref.get)


async def setDoc(ref: Reference, value: Any, key: str | None = None, **options: Any) -> str:  # noqa: N802 - Montybase's name
    """Do what ``ref.set(value)`` does, without keeping the loop."""
    return await _in_thread(ref.set, value, key, **options)


async def addDoc(ref: Reference, value: Any, key: str | None = None, **options: Any) -> str:  # noqa: N802 - Montybase's name
    """Do what ``ref.add(value)`` does, without keeping the loop."""
    return await _in_thread(ref.add, value, key, **options)


async def updateDoc(ref: Reference, value: Any, key: str | None = None, **options: Any) -> str:  # noqa: N802 - Montybase's name
    """Do what ``ref.update(value)`` does, without keeping the loop."""
    return await _in_thread(ref.update, value, key, **options)


async def deleteDoc(  # noqa: N802 - Montybase's manner
    ref: Reference, value: Any = UNSET, key: str | None = None, **options: Any
) -> Any:
    """Do what ``ref.delete()`` does, without keeping the loop."""
    return await _in_thread(ref.delete, value, key, **options)
