"""The interpreter of pickles: it makes what is on the allow-list, and refuses the rest."""

from __future__ import annotations

import struct
from typing import Any, Final

from dynafile.objects.pickles.builders import Draft, finished
from dynafile.objects.pickles.container_opcodes import TABLE
from dynafile.objects.pickles.machine import Machine
from dynafile.objects.pickles.refusals import corrupt

__all__ = ["run"]

_FLOAT: Final = struct.Struct(">d").unpack_from
_STOP: Final = 0x2E


def run(machine: Machine) -> Any:
    """Return the value; raises about anything where the bytes are none of ours."""
    # The opcodes that nearly all of a pickle is made of are here, the most frequent first;
    # the table has the others. Slices never take more than there is, and what lies about its
    # length leads behind the end, where there is no next opcode.
    data, stack, memo = machine.data, machine.stack, machine.memo
    push = stack.append
    at = 0
    while True:
        opcode = data[at]
        if opcode == 0x8C:  # SHORT_BINUNICODE
            start = at + 2
            at = start + data[at + 1]
            value = str(data[start:at], "utf-8", "surrogatepass")
            push(value)
            if data[at] == 0x94:
                memo[len(memo)] = value
                at += 1
        elif opcode == 0x94:  # MEMOIZE
            memo[len(memo)] = stack[-1]
            at += 1
        elif opcode == 0x4B:  # BININT1
            push(data[at + 1])
            at += 2
        elif opcode == 0x4D:  # BININT2
            push(data[at + 1] | data[at + 2] << 8)
            at += 3
        elif opcode == 0x68:  # BINGET
            value = memo[data[at + 1]]
            push(value if type(value) is not Draft else finished(value))
            at += 2
        elif opcode == 0x47:  # BINFLOAT
            push(_FLOAT(data, at + 1)[0])
            at += 9
        elif opcode == 0x6A:  # LONG_BINGET
            value = memo[int.from_bytes(data[at + 1 : at + 5], "little")]
            push(value if type(value) is not Draft else finished(value))
            at += 5
        elif opcode == _STOP:
            break
        else:
            at = TABLE[opcode](machine, at + 1)
    if at + 1 != len(data):
        raise corrupt("it goes on after its end")
    if len(stack) != 1 or machine.marks:
        raise corrupt("it leaves something over")
    return stack[0]
