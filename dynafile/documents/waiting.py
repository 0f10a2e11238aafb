"""Waiting in a thread for what may take long, so that an event loop goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(call: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Return what a call returns, which is made in a thread."""
    # Who is in a coroutine has it; importing it takes longer than importing documents.
    import asyncio

    return await asyncio.to_thread(call, *arguments, **options)
