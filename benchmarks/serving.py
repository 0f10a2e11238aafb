"""What workers have in common: they answer requests in lines of JSON, and time themselves."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

Figures = dict[str, float]


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes, without the garbage collector."""
    gc.disable()
    try:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started
    finally:
        gc.enable()


def serve(worker: object) -> None:
    """Do what each line of stdin asks for, a method of the worker, and print the figures."""
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        figures: Figures = getattr(worker, request.pop("job"))(**request)
        print(json.dumps(figures), flush=True)
