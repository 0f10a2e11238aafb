"""The opcodes: numbers and text, the memo and the stack.

There is one function for each. It takes where the argument of the opcode begins, and returns where
the next opcode is.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from dynafile.objects.pickles.builders import Draft, finished
from dynafile.objects.pickles.machine import Machine
from dynafile.objects.pickles.refusals import corrupt, unread

__all__ = ["TABLE", "line_at", "opcode"]

Operation: TypeAlias = Callable[[Machine, int], int]

_MOST_DIGITS: Final = 4300
"""What ``int`` takes; a pickle of protocol 0 has no longer ones."""
_LARGE: Final = 128
"""Bytes of an int from which on its hash takes time."""


def _unknown(machine: Machine, at: int) -> int:
    raise corrupt(f"opcode {machine.data[at - 1]:#04x} is none")


TABLE: Final[list[Operation]] = [_unknown] * 256


def opcode(code: bytes) -> Callable[[Operation], Operation]:
    """Enter a function as that of an opcode."""

    def add(operation: Operation) -> Operation:
        TABLE[code[0]] = operation
        return operation

    return add


def _number(machine: Machine, at: int, size: int) -> tuple[int, int]:
    """Return an unsigned number and where it ends."""
    return int.from_bytes(machine.data[at : at + size], "little"), at + size


def line_at(machine: Machine, at: int) -> tuple[bytes, int]:
    """Return the rest of the line and where the next begins."""
    end = machine.data.index(b"\n", at)
    return machine.data[at:end], end + 1


def _constant(code: bytes, value: Any) -> None:
    def operation(machine: Machine, at: int) -> int:
        machine.stack.append(value)
        return at

    TABLE[code[0]] = operation


for _code, _value in (
    (pickle.NONE, None),
    (pickle.NEWTRUE, True),
    (pickle.NEWFALSE, False),
    (pickle.EMPTY_TUPLE, ()),
):
    _constant(_code, _value)


def _sized(code: bytes, width: int, make: Callable[[bytes], Any]) -> None:
    """Add an opcode for so many bytes, after a number of this width that says how many."""

    def operation(machine: Machine, at: int) -> int:
        start = at + width
        end = start + int.from_bytes(machine.data[at:start], "little")
        if end > len(machine.data):
            raise corrupt("a length of more than there is")
        machine.stack.append(make(machine.data[start:end]))
        return end

    TABLE[code[0]] = operation


def _text(data: bytes) -> str:
    return str(data, "utf-8", "surrogatepass")


def _same(data: bytes) -> bytes:
    return data


for _code, _width, _make in (
    (pickle.BINUNICODE, 4, _text),
    (pickle.BINUNICODE8, 8, _text),
    (pickle.SHORT_BINBYTES, 1, _same),
    (pickle.BINBYTES, 4, _same),
    (pickle.BINBYTES8, 8, _same),
    (pickle.BYTEARRAY8, 8, bytearray),
):
    _sized(_code, _width, _make)


# -- numbers and text --------------------------------------------------------------------------


@opcode(pickle.BININT)
def _binint(machine: Machine, at: int) -> int:
    machine.stack.append(int.from_bytes(machine.data[at : at + 4], "little", signed=True))
    return at + 4


def _long(machine: Machine, at: int, size: int) -> int:
    if size > len(machine.data) - at:
        raise corrupt("a number that is longer than there is")
    if size > _LARGE:
        machine.budget.watch_sizes()
    machine.stack.append(int.from_bytes(machine.data[at : at + size], "little", signed=True))
    return at + size


@opcode(pickle.LONG1)
def _long1(machine: Machine, at: int) -> int:
    size, at = _number(machine, at, 1)
    return _long(machine, at, size)


@opcode(pickle.LONG4)
def _long4(machine: Machine, at: int) -> int:
    size, at = _number(machine, at, 4)
    return _long(machine, at, size)


def _digits(machine: Machine, line: bytes) -> int:
    if len(line) > _MOST_DIGITS:
        raise corrupt("a number of too many digits")
    if len(line) > _LARGE:
        machine.budget.watch_sizes()
    return int(line)


@opcode(pickle.INT)
def _int(machine: Machine, at: int) -> int:
    line, at = line_at(machine, at)
    value: Any = _digits(machine, line)
    if line in (b"00", b"01"):  # how protocols 0 and 1 write them
        value = line == b"01"
    machine.stack.append(value)
    return at


@opcode(pickle.LONG)
def _long_line(machine: Machine, at: int) -> int:
    line, at = line_at(machine, at)
    machine.stack.append(_digits(machine, line.removesuffix(b"L")))
    return at


@opcode(pickle.FLOAT)
def _float(machine: Machine, at: int) -> int:
    line, at = line_at(machine, at)
    machine.stack.append(float(line))
    return at


@opcode(pickle.UNICODE)
def _unicode(machine: Machine, at: int) -> int:
    line, at = line_at(machine, at)
    machine.stack.append(str(line, "raw-unicode-escape"))
    return at


# -- the memo and the stack --------------------------------------------------------------------


@opcode(pickle.GET)
def _get(machine: Machine, at: int) -> int:
    line, at = line_at(machine, at)
    value = machine.memo[_digits(machine, line)]
    machine.stack.append(finished(value) if type(value) is Draft else value)
    return at


def _memoize(machine: Machine, number: int) -> None:
    if number > len(machine.data):  # picklers count from 0
        raise corrupt("it numbers more values than it can hold")
    machine.memo[number] = machine.top()


@opcode(pickle.PUT)
def _put(machine: Machine, at: int) -> int:
    line, at = line_at(machine, at)
    _memoize(machine, _digits(machine, line))
    return at


@opcode(pickle.BINPUT)
def _binput(machine: Machine, at: int) -> int:
    machine.memo[machine.data[at]] = machine.top()
    return at + 1


@opcode(pickle.LONG_BINPUT)
def _long_binput(machine: Machine, at: int) -> int:
    number, at = _number(machine, at, 4)
    _memoize(machine, number)
    return at


@opcode(pickle.MARK)
def _mark(machine: Machine, at: int) -> int:
    machine.marks.append(len(machine.stack))
    return at


@opcode(pickle.POP)
def _pop(machine: Machine, at: int) -> int:
    if machine.marks and len(machine.stack) == machine.marks[-1]:
        machine.marks.pop()  # as pickle does
    else:
        machine.pop()
    return at


@opcode(pickle.POP_MARK)
def _pop_mark(machine: Machine, at: int) -> int:
    machine.pop_marked()
    return at


@opcode(pickle.DUP)
def _dup(machine: Machine, at: int) -> int:
    value = machine.top()
    machine.stack.append(finished(value) if type(value) is Draft else value)
    return at


@opcode(pickle.PROTO)
def _proto(machine: Machine, at: int) -> int:
    if machine.data[at] > pickle.HIGHEST_PROTOCOL or machine.data[at] > 5:
        raise corrupt(f"it is of protocol {machine.data[at]}")
    return at + 1


@opcode(pickle.FRAME)
def _frame(machine: Machine, at: int) -> int:
    size, at = _number(machine, at, 8)
    if size > len(machine.data) - at:
        raise corrupt("a frame of more than there is")
    return at


# -- what nobody writes here ---------------------------------------------------------------------


def _refused(name: str) -> Operation:
    def operation(_machine: Machine, _at: int) -> int:
        raise unread(name)

    return operation


for _name, _codes in {
    "a persistent id": (pickle.PERSID, pickle.BINPERSID),
    "an extension code": (pickle.EXT1, pickle.EXT2, pickle.EXT4),
    "an instance of an old class": (pickle.INST, pickle.OBJ),
    "a buffer out of band": (pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
    "text of Python 2": (pickle.STRING, pickle.BINSTRING, pickle.SHORT_BINSTRING),
}.items():
    for _code in _codes:
        TABLE[_code[0]] = _refused(_name)
