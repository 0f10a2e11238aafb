"""The classes of one pickle: which names it may use, and the instances of the user's classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dynafile.objects.pickles.arrays import ARRAYS
from dynafile.objects.pickles.builders import SCAFFOLD, Builder, Context
from dynafile.objects.pickles.declared import Fields, fields_of, loaded_class
from dynafile.objects.pickles.frames import FRAMES
from dynafile.objects.pickles.plain import PLAIN
from dynafile.objects.pickles.refusals import corrupt, unread
from dynafile.objects.pickles.shape import Members, too_tall

__all__ = ["Classes"]

_FOREIGN = {"numpy": ARRAYS, "pandas": FRAMES}


class Classes:
    """Finds what a pickle names, and knows of which classes it has made instances.

    ``registered`` are classes that the user vouches for: they are made and given a state in their
    own way.
    """

    def __init__(self, registered: Iterable[type]) -> None:
        self._registered = registered
        self._named: dict[tuple[str, str], type] | None = None
        self._fields: dict[type, Fields] = {}
        self._own: set[type] = set()

    @property
    def made(self) -> set[type]:
        """The classes whose instances may be in the value."""
        return {*self._fields, *self._own}

    def find(self, module: str, name: str) -> Any:
        """Return what stands for a global; raises UnsupportedObject for what is not allowed."""
        found = PLAIN.get((module, name))
        if found is None:
            table = _FOREIGN.get(module.partition(".")[0])
            found = None if table is None else table.get((module, name))
        if found is None:
            found = self._find_class(module, name)
        elif type(found) is not Builder:
            found = found()  # a value that pickles name
        return found

    def _find_class(self, module: str, name: str) -> Builder:
        if self._named is None:
            self._named = {(each.__module__, each.__qualname__): each for each in self._registered}
        full = f"{module}.{name}"
        kind = self._named.get((module, name))
        if kind is not None:
            self._own.add(kind)
            return _registered(full, kind)
        kind = loaded_class(module, name)
        fields = None if kind is None else fields_of(kind)
        if kind is None or fields is None:
            raise unread(full, "" if kind is not None else _advice(full))
        self._fields[kind] = fields
        return _dataclass(full, kind)

    def set_state(self, context: Context, value: Any, state: Any) -> None:
        """Give an instance of a user's class its state, as ``BUILD`` does."""
        kind = type(value)
        fields = self._fields.get(kind)
        if fields is not None:
            named = fields.named(state)
            if named is None or not fields.fill(value, named):
                raise corrupt(f"a state that is none of {kind.__qualname__}")
        elif kind in self._own:
            _vouched(context, state)
            _set_own_state(value, state)
        elif state is not None and kind not in context.stateless:
            raise corrupt(f"a state for a value of type {kind.__name__}")

    def extend(self, target: Any, values: list[Any]) -> None:
        """Append to an instance of a registered class that is a kind of list."""
        if type(target) not in self._own or not isinstance(target, list):
            raise corrupt(f"members for a value of type {type(target).__name__}")
        list.extend(target, values)

    def update(self, target: Any, keys: list[Any], values: list[Any]) -> None:
        """Set items of an instance of a registered class that is a kind of dict."""
        if type(target) not in self._own or not isinstance(target, dict):
            raise corrupt(f"items for a value of type {type(target).__name__}")
        for key, value in zip(keys, values, strict=True):
            dict.__setitem__(target, key, value)


def _advice(full: str) -> str:
    return (
        "if it is a dataclass of yours, import its module first; or dynafile.objects.register(it); "
        f"connect(url, allow_pickle=True) reads {full[:100]!r} if you trust who wrote it"
    )


def _dataclass(name: str, kind: type) -> Builder:
    def make(_context: Context, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if given or options:
            raise corrupt(f"{name} with arguments")
        return object.__new__(kind)

    return Builder(name, make=make, kind=kind)


def _registered(name: str, kind: type) -> Builder:
    def call(context: Context, given: tuple[Any, ...]) -> Any:
        _vouched(context, given)
        return _own(kind, kind(*given))

    def make(context: Context, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        _vouched(context, given, options)
        return _own(kind, kind.__new__(kind, *given, **options))

    return Builder(name, call, make, kind)


def _own(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise corrupt(f"{kind.__qualname__} makes a value of another type")
    return value


def _vouched(context: Context, *values: Any) -> None:
    """Look at what a registered class is about to be given: plain values, and no builders."""

    def check(value: Any) -> None:
        if type(value) in SCAFFOLD:
            raise corrupt(f"{value.name} as a value")

    members = Members(check, None, (), spend=context.budget.spend)
    if too_tall(list(values), members):
        raise corrupt("it is nested too deep")


def _set_own_state(value: Any, state: Any) -> None:
    own = getattr(value, "__setstate__", None)
    if own is not None:
        own(state)
        return
    slots = None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    for part in (state, slots):
        if part is not None and (type(part) is not dict or not {*map(type, part)} <= {str}):
            raise corrupt("a state that is no attributes")
    if state:
        value.__dict__.update(state)
    for name, each in (slots or {}).items():
        object.__setattr__(value, name, each)
