"""Ctrl-C at any line: runs a function and raises KeyboardInterrupt at its n-th step."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dynafile

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

STORE = str(Path(dynafile.__file__).parent / "store")


def interrupt(work: Callable[[], None], step: int) -> bool:
    """Run ``work`` and raise KeyboardInterrupt before the line number ``step`` of the store's.

    Returns whether the lines sufficed. A signal comes between two instructions; between two lines
    is as near as Python lets a test go.
    """
    left = step

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(STORE):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        assert left <= 0
    finally:
        sys.settrace(before)
    return left <= 0


def finishes(work: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Run ``work`` in a thread and return what it returns; fails where it does not come back."""
    result: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it hangs"
    if errors:
        raise errors[0]
    return result[0]
