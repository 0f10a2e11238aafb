"""The options of an opening that are about the store: where it is, and how it is used."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any, Final, Literal, TypeAlias

from dynafile.errors import InvalidArgument
from dynafile.store.store import Options

MEMORY: Final = ":memory:"
"""The path of a store without files."""

Durability: TypeAlias = Literal["durable", "relaxed"]


def store_options(
    *, read_only: bool, cache_size: int, lock_timeout: float, trusted: bool
) -> Options:
    """Return how a store is to be opened; raises InvalidArgument."""
    _check_positive(cache_size, "cache_size")
    _check_positive(lock_timeout, "lock_timeout", or_zero=True)
    return Options(
        read_only=read_only,
        cache_size=int(min(cache_size, sys.maxsize)),
        lock_timeout=min(lock_timeout, threading.TIMEOUT_MAX),
        trusted=trusted,
        clock=lambda: time.time(),  # looked up each time, for tests that replace it
    )


def check_durability(durability: object) -> None:
    """Raise InvalidArgument unless it is one of the two."""
    if durability not in ("durable", "relaxed"):
        raise InvalidArgument(f"durability is 'durable' or 'relaxed', not {durability!r}")


def path_of(path: object) -> str:
    """Return a path as text; raises InvalidArgument where it can be none."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidArgument(f"path is a str or a path object, not {path!r}")
    if "\0" in text:
        raise InvalidArgument(f"path has a zero byte, which no file system takes: {path!r}")
    return text or "."


def _check_positive(value: Any, name: str, *, or_zero: bool = False) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (value > 0 or (or_zero and value == 0)):
        least = "of at least 0" if or_zero else "above 0"
        raise InvalidArgument(f"{name} must be a number {least}, not {value!r}")
