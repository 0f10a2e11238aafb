"""The machine that opcodes work on: a stack with marks, a memo, and what makes values by name."""

from __future__ import annotations

from typing import Any

from dynafile.objects.pickles.builders import SCAFFOLD, Builder, Context, Draft
from dynafile.objects.pickles.classes import Classes
from dynafile.objects.pickles.refusals import corrupt

__all__ = ["Machine"]


class Machine:
    """The state of reading one pickle.

    ``stack`` holds values, drafts and builders; ``marks`` are the lengths it had at each open
    mark. ``special`` tells that there were builders, and ``classes`` knows the classes whose
    instances are made.
    """

    def __init__(self, data: bytes, classes: Classes) -> None:
        self.data = data
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.context = Context(len(data), classes.find)
        self.budget = self.context.budget
        self.classes = classes
        self.special = False

    @property
    def fence(self) -> int:
        """How much of the stack is behind the last mark, and not to be taken."""
        return self.marks[-1] if self.marks else 0

    def pop(self) -> Any:
        """Take the topmost value."""
        if len(self.stack) <= self.fence:
            raise corrupt("it takes from an empty stack")
        return self.stack.pop()

    def top(self) -> Any:
        """Return the topmost value, which stays."""
        if len(self.stack) <= self.fence:
            raise corrupt("it looks into an empty stack")
        return self.stack[-1]

    def pop_marked(self) -> list[Any]:
        """Take the values since the last mark, and the mark."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def find(self, module: str, name: str) -> Any:
        """Return what stands for a global; raises UnsupportedObject for what is not allowed."""
        self.special = True
        return self.classes.find(module, name)

    def call(self, builder: Any, given: Any) -> Any:
        """Make a value as ``builder(*given)`` does."""
        if type(builder) is not Builder or type(given) is not tuple or builder.call is None:
            raise corrupt(f"it calls {named(builder)}")
        return builder.call(self.context, given)

    def make(self, builder: Any, given: Any, options: Any) -> Any:
        """Make a value as ``builder.__new__(builder, *given, **options)`` does."""
        if type(builder) is not Builder or type(given) is not tuple or builder.make is None:
            raise corrupt(f"it makes an instance of {named(builder)}")
        if type(options) is not dict:
            raise corrupt("it makes an instance with options that are none")
        return builder.make(self.context, given, options)

    def build(self, value: Any, state: Any) -> Any:
        """Return a value with a state, which is the value itself unless it was a draft."""
        if type(value) is not Draft:
            self.classes.set_state(self.context, value, state)
            return value
        if value.done:
            raise corrupt(f"{value.name} has two states")
        value.value = value.finish(self.context, state)
        value.done = True
        return value.value


def named(value: Any) -> str:
    """Return what an error calls a value that is on the stack."""
    return value.name if type(value) in SCAFFOLD else f"a value of type {type(value).__name__}"
