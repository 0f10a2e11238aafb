"""Documents for asyncio: Montybase's functions."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from dynafile.documents.references import Reference
from dynafile.documents.waiting import in_thread

__all__ = ["addDoc", "deleteDoc", "getDoc", "setDoc", "updateDoc"]


async def getDoc(ref: Reference) -> Any:  # noqa: N802 - Montybase's manner
    """Return what ``ref.get()`` does, without keeping the loop."""
    return await in_thread(ref.get)


async def setDoc(ref: Reference, value: Any, key: str | None = None, **options: Any) -> str:  # noqa: N802 - Montybase's name
    """Do what ``ref.set(value)`` does, without keeping the loop."""
    return await in_thread(ref.set, value, key, **options)


async def addDoc(ref: Reference, value: Any, key: str | None = None, **options: Any) -> str:  # noqa: N802 - Montybase's name
    """Do what ``ref.add(value)`` does, without keeping the loop."""
    return await in_thread(ref.add, value, key, **options)


async def updateDoc(ref: Reference, value: Any, key: str | None = None, **options: Any) -> str:  # noqa: N802 - Montybase's name
    """Do what ``ref.update(value)`` does, without keeping the loop."""
    return await in_thread(ref.update, value, key, **options)


async def deleteDoc(  # noqa: N802 - Montybase's manner
    ref: Reference, value: Any = UNSET, key: str | None = None, **options: Any
) -> Any:
    """Do what ``ref.delete()`` does, without keeping the loop."""
    return await in_thread(ref.delete, value, key, **options)
