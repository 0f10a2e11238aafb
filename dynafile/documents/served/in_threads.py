"""Calling in the threads of a server what may wait for the disk, so that its loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

__all__ = ["called_in"]

T = TypeVar("T")


async def called_in(threads: Executor, call: Callable[..., T], *arguments: Any) -> T:
    """Return what a call returns, which is made in one of some threads."""
    return await asyncio.get_running_loop().run_in_executor(threads, call, *arguments)
