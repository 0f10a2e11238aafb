"""The opcodes that make containers and fill them, and those that make what a pickle names."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict, deque
from typing import Any, Final

from dynafile.objects.pickles.machine import Machine
from dynafile.objects.pickles.opcodes import TABLE, line_at, opcode
from dynafile.objects.pickles.refusals import corrupt

__all__ = ["TABLE"]

_MAPPINGS: Final = frozenset({dict, OrderedDict, defaultdict})


@opcode(pickle.EMPTY_LIST)
def _empty_list(machine: Machine, at: int) -> int:
    machine.stack.append([])
    return at


@opcode(pickle.EMPTY_DICT)
def _empty_dict(machine: Machine, at: int) -> int:
    machine.stack.append({})
    return at


@opcode(pickle.EMPTY_SET)
def _empty_set(machine: Machine, at: int) -> int:
    machine.stack.append(set())
    return at


@opcode(pickle.TUPLE)
def _tuple(machine: Machine, at: int) -> int:
    values = machine.pop_marked()
    machine.stack.append(tuple(values))
    return at


def _short_tuple(code: bytes, size: int) -> None:
    def operation(machine: Machine, at: int) -> int:
        stack = machine.stack
        if len(stack) - size < machine.fence:
            raise corrupt("it takes from an empty stack")
        value = tuple(stack[-size:])
        stack[-size:] = [value]
        return at

    TABLE[code[0]] = operation


for _code, _width in ((pickle.TUPLE1, 1), (pickle.TUPLE2, 2), (pickle.TUPLE3, 3)):
    _short_tuple(_code, _width)


@opcode(pickle.LIST)
def _list(machine: Machine, at: int) -> int:
    machine.stack.append(machine.pop_marked())
    return at


@opcode(pickle.DICT)
def _dict(machine: Machine, at: int) -> int:
    items = machine.pop_marked()
    value: dict[Any, Any] = {}
    machine.stack.append(value)
    _set_items(machine, value, items)
    return at


@opcode(pickle.FROZENSET)
def _frozenset(machine: Machine, at: int) -> int:
    members = machine.pop_marked()
    machine.budget.keys(members)
    machine.stack.append(frozenset(members))
    return at


def _extend(machine: Machine, target: Any, values: list[Any]) -> None:
    if type(target) is list or type(target) is deque:
        target.extend(values)
    else:
        machine.classes.extend(target, values)


def _set_items(machine: Machine, target: Any, items: list[Any]) -> None:
    keys = items[::2]
    if len(items) % 2:
        raise corrupt("a key without a value")
    if type(target) in _MAPPINGS:
        machine.budget.keys(keys, target)
        for key, value in zip(keys, items[1::2], strict=True):
            target[key] = value
    else:
        machine.budget.keys(keys)
        machine.classes.update(target, keys, items[1::2])


@opcode(pickle.APPEND)
def _append(machine: Machine, at: int) -> int:
    stack = machine.stack
    if len(stack) < machine.fence + 2:
        raise corrupt("it takes from an empty stack")
    value = stack.pop()
    target = stack[-1]
    if type(target) is list:
        target.append(value)
    else:
        _extend(machine, target, [value])
    return at


@opcode(pickle.APPENDS)
def _appends(machine: Machine, at: int) -> int:
    values = machine.pop_marked()
    _extend(machine, machine.top(), values)
    return at


@opcode(pickle.SETITEM)
def _setitem(machine: Machine, at: int) -> int:
    value = machine.pop()
    key = machine.pop()
    _set_items(machine, machine.top(), [key, value])
    return at


@opcode(pickle.SETITEMS)
def _setitems(machine: Machine, at: int) -> int:
    items = machine.pop_marked()
    _set_items(machine, machine.top(), items)
    return at


@opcode(pickle.ADDITEMS)
def _additems(machine: Machine, at: int) -> int:
    members = machine.pop_marked()
    target = machine.top()
    if type(target) is not set:
        raise corrupt(f"members for a value of type {type(target).__name__}")
    machine.budget.keys(members, target)
    target.update(members)
    return at


# -- what is made by name ----------------------------------------------------------------------


@opcode(pickle.GLOBAL)
def _global(machine: Machine, at: int) -> int:
    module, at = line_at(machine, at)
    name, at = line_at(machine, at)
    machine.stack.append(machine.find(str(module, "utf-8"), str(name, "utf-8")))
    return at


@opcode(pickle.STACK_GLOBAL)
def _stack_global(machine: Machine, at: int) -> int:
    name = machine.pop()
    module = machine.pop()
    if type(name) is not str or type(module) is not str:
        raise corrupt("a name that is no text")
    machine.stack.append(machine.find(module, name))
    return at


@opcode(pickle.REDUCE)
def _reduce(machine: Machine, at: int) -> int:
    given = machine.pop()
    machine.stack.append(machine.call(machine.pop(), given))
    return at


@opcode(pickle.NEWOBJ)
def _newobj(machine: Machine, at: int) -> int:
    given = machine.pop()
    machine.stack.append(machine.make(machine.pop(), given, {}))
    return at


@opcode(pickle.NEWOBJ_EX)
def _newobj_ex(machine: Machine, at: int) -> int:
    options = machine.pop()
    given = machine.pop()
    machine.stack.append(machine.make(machine.pop(), given, options))
    return at


@opcode(pickle.BUILD)
def _build(machine: Machine, at: int) -> int:
    state = machine.pop()
    value = machine.build(machine.top(), state)
    machine.stack[-1] = value
    return at
