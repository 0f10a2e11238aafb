"""Something happens in the middle of a call: Ctrl-C, or another thread comes."""

from __future__ import annotations

import sys
import threading
from inspect import CO_GENERATOR
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dynafile

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

STORE = str(Path(dynafile.__file__).parent / "store")
CHANCES = ("call", "c_return")


def at_chance(work: Callable[[], object], chance: int, act: Callable[[], object]) -> bool:
    """Run ``work``, and ``act`` at a signal's n-th chance in the store's code.

    Returns whether there were that many. The interpreter looks for signals where a function
    begins, where a call of a C function ends, and where a loop goes round; the profiler sees the
    first two. Left out are the resumptions of generators, which are also their closings. Rejected:
    a trace of lines, which interrupts between the end of a ``with`` and the release of its lock,
    where no signal can.
    """
    left = chance

    def look(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        code = frame.f_code
        resumed = event == "call" and code.co_flags & CO_GENERATOR
        if event in CHANCES and not resumed and code.co_filename.startswith(STORE):
            left -= 1
            if left == 0:
                act()

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(before)
    return left <= 0


def interrupt(work: Callable[[], object], chance: int) -> bool:
    """Run ``work`` and raise KeyboardInterrupt at its n-th chance; False: there were not so many."""
    come = False

    def ctrl_c() -> None:
        nonlocal come
        come = True
        raise KeyboardInterrupt

    try:
        at_chance(work, chance, ctrl_c)
    except KeyboardInterrupt:
        assert come
    return come


def finishes(work: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Run ``work`` in a thread and return what it returns; fails where it does not come back."""
    result: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it hangs"
    if errors:
        raise errors[0]
    return result[0]
