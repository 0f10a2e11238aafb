"""Classes of the user's whose instances are stored: dataclasses, and classes that are registered.

A dataclass is stored by its fields. One that says otherwise how it is pickled, or does something
when it goes away, is no plain data and has to be registered.
"""

from __future__ import annotations

import dataclasses
import sys
from types import MemberDescriptorType, ModuleType
from typing import Any, Final
from weakref import WeakKeyDictionary

__all__ = ["Fields", "fields_of", "loaded_class"]

_HEAP: Final = 1 << 9
"""The flag of classes that a ``class`` statement made: they have no layout of their own in C."""
_OWN_WAYS: Final = (
    *("__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__"),
    *("__getstate__", "__setstate__", "__del__"),
)
_GENERATED: Final = {
    "__getstate__": getattr(dataclasses, "_dataclass_getstate", None),
    "__setstate__": getattr(dataclasses, "_dataclass_setstate", None),
}
"""What ``@dataclass(frozen=True, slots=True)`` adds to a class."""


class Fields:
    """The fields of a dataclass: their names, and the slots of those that have one."""

    def __init__(self, kind: type) -> None:
        self.names = [field.name for field in dataclasses.fields(kind)]
        self.known = frozenset(self.names)
        self.slots: dict[str, Any] = {}
        for base in kind.__mro__:
            for name, slot in vars(base).items():
                if type(slot) is MemberDescriptorType and name in self.known:
                    self.slots.setdefault(name, slot)
        generated = _GENERATED["__getstate__"]
        self.as_list = generated is not None and getattr(kind, "__getstate__", 0) is generated
        self.has_dict = kind.__dictoffset__ != 0

    def state(self, instance: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is in the dict of an instance and what is in its slots."""
        in_slots = {}
        for name, slot in self.slots.items():
            try:
                in_slots[name] = slot.__get__(instance)
            except AttributeError:
                pass  # it was never set
        own: dict[str, Any] = {}
        if self.has_dict:
            own = object.__getattribute__(instance, "__dict__")
        return own, in_slots

    def named(self, state: Any) -> dict[str, Any] | None:
        """Return a state by name: of a dict, of two, or of a list; else None."""
        if self.as_list and type(state) is list:
            same = len(state) == len(self.names)
            return dict(zip(self.names, state, strict=True)) if same else None
        parts = state if type(state) is tuple else (state,)
        found: dict[str, Any] = {}
        for part in parts:
            if type(part) is dict and part.keys() <= self.known:
                found.update(part)
            elif part is not None:
                return None
        return found if len(parts) <= 2 else None

    def fill(self, instance: Any, state: dict[str, Any]) -> bool:
        """Give an instance its fields, and say whether it has a place for each."""
        own: Any = None
        if self.has_dict:
            own = object.__getattribute__(instance, "__dict__")
        for name, value in state.items():
            if name in self.slots:
                self.slots[name].__set__(instance, value)
            elif own is not None:
                own[name] = value
            else:
                return False
        return True


_known: WeakKeyDictionary[type, Fields | None] = WeakKeyDictionary()


def fields_of(kind: type) -> Fields | None:
    """Return the fields of a dataclass that is plain data; None for any other class."""
    if "__dataclass_fields__" not in kind.__dict__:
        return None
    if loaded_class(kind.__module__, kind.__qualname__) is not kind:
        return None  # nobody would find it again
    found = _known.get(kind)
    if found is None and kind not in _known:
        found = _known[kind] = Fields(kind) if _plain(kind) else None
    return found


def _plain(kind: type) -> bool:
    for base in kind.__mro__[:-1]:
        if not base.__flags__ & _HEAP:
            return False
        for name in _OWN_WAYS:
            if name in vars(base) and vars(base)[name] is not _GENERATED.get(name):
                return False
    return True


def loaded_class(module: str, name: str) -> type | None:
    """Return a class by its name if its module is imported already; nothing is imported or run."""
    found: Any = sys.modules.get(module)
    if not isinstance(found, ModuleType):
        return None
    members = ModuleType.__getattribute__(found, "__dict__")
    for part in name.split("."):
        found = members.get(part)
        if not isinstance(found, type):
            return None
        members = type.__getattribute__(found, "__dict__")
    return found if members.get("__module__") == module and found.__qualname__ == name else None
