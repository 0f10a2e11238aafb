"""Something happens in the middle of a call: Ctrl-C, or another thread comes."""

from __future__ import annotations

import dis
import sys
import threading
from functools import cache
from inspect import CO_GENERATOR
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dynafile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

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


CHECKS = ("CALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME")
"""What the names of instructions begin with after which the interpreter looks for signals."""


@cache
def _checks(code: CodeType) -> frozenset[tuple[int, int]]:
    """The instructions of a function after which it looks for signals, each with what follows.

    A signal is raised in the first, a trace raises in the second; so the two must have the same
    handler. They have not where a ``with`` ends, and there :func:`interrupt` raises in the first.
    """
    found = set()
    for one in dis.get_instructions(code):
        if one.opname.startswith(CHECKS) and one.opname != "CALL_INTRINSIC_1":
            end = one.offset + 2
            while end < len(code.co_code) and code.co_code[end] == 0:
                end += 2  # the instruction's cache
            nexts = {end, one.argval if "JUMP" in one.opname else end}
            found |= {
                (one.offset, n) for n in nexts if _handler(code, n) == _handler(code, one.offset)
            }
    return frozenset(found)


def _handler(code: CodeType, offset: int) -> int | None:
    """Where an exception at an offset goes; None: to the caller."""
    table = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    inner = [entry for entry in table if entry.start <= offset < entry.end]
    return inner[-1].target if inner else None


def interrupt_between(work: Callable[[], object], chance: int) -> int:
    """Run ``work`` and raise KeyboardInterrupt after the n-th instruction that looks for signals.

    Finer than :func:`interrupt`: it also sees where a loop goes round, where a Python function has
    returned, and where a generator goes on. Returns how many such instructions there were up to the
    interruption, or in all where ``chance`` is 0.
    """
    seen = 0

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(STORE):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        checks = _checks(code)
        before = -1

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before, seen
            if event == "opcode":
                looks, before = (before, frame.f_lasti) in checks, frame.f_lasti
                if looks:
                    seen += 1
                    if seen == chance:
                        raise KeyboardInterrupt
            return step

        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        work()
    except KeyboardInterrupt:
        assert seen >= chance > 0
    finally:
        sys.settrace(before)
    return seen


def each_chance(make: Callable[[], Callable[[], object]], most: int) -> Iterator[int]:
    """Yield the chances in a work that ``make`` sets up: all, or ``most`` that lie evenly."""
    total = interrupt_between(make(), 0)
    assert total
    stride = max(1.0, total / most)
    place = 1.0
    while place <= total:
        yield int(place)
        place += stride


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
