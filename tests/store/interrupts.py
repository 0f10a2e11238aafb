"""Ctrl-C at any moment: runs a function and raises KeyboardInterrupt at its n-th chance."""

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


def interrupt(work: Callable[[], object], chance: int) -> bool:
    """Run ``work`` and raise KeyboardInterrupt at a signal's n-th chance in the store's code.

    Returns whether there were that many. The interpreter looks for signals where a function
    begins, where a call of a C function ends, and where a loop goes round; the profiler sees the
    first two. Rejected: a trace of lines, which interrupts between the end of a ``with`` and the
    release of its lock, where no signal can.
    """
    left = chance

    def look(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        if event in ("call", "c_return") and frame.f_code.co_filename.startswith(STORE):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work()
    except KeyboardInterrupt:
        assert left <= 0
    finally:
        sys.setprofile(before)
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
