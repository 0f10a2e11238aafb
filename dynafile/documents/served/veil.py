"""The veil: a subscription of which its listener is told what it may see, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from dynafile.documents.engine import DocumentChange, Subscription
from dynafile.documents.paths import Path, is_document

__all__ = ["Veil"]


class Veil(Subscription):
    """A document that may be seen no more is removed, and one that may be from now on is added."""

    def __init__(self, subscription: Subscription, may_read: Callable[[Path, Any], bool]) -> None:
        self._inner = subscription
        self._may_read = may_read
        self._seen: dict[str, Any] = {}
        """What the listener was last told of each document that it sees."""
        self._told_state = False

    @property
    def blocks(self) -> bool:
        """Whether :meth:`take` may wait: the guard may read documents."""
        return True

    def take(self) -> list[DocumentChange]:
        """Return those of the changes that may be seen."""
        found = []
        for change in self._inner.take():
            shown = self._state(change) if change.type == "state" else self._change(change)
            if shown is not None:
                found.append(shown)
        return found

    def _state(self, change: DocumentChange) -> DocumentChange:
        path = tuple(change.path.split("/"))
        self._told_state = True
        self._seen = {}
        if is_document(path):
            if change.value is None or not self._may_read(path, change.value):
                return replace(change, value=None)
            self._seen[change.path] = change.value
            return change
        value = {}
        for name, each in change.value.items():
            whole = tuple(name.split("/")) if "/" in name else (*path, name)
            if self._may_read(whole, each):
                value[name] = self._seen["/".join(whole)] = each
        return replace(change, value=value)

    def _change(self, change: DocumentChange) -> DocumentChange | None:
        gone = change.type == "removed"
        known = change.path in self._seen or not self._told_state
        if gone or not self._may_read(tuple(change.path.split("/")), change.value):
            before = self._seen.pop(change.path, change.value if gone else None)
            if not known or (before is None and not gone):
                return None
            return replace(change, type="removed", value=before)
        self._seen[change.path] = change.value
        if change.type == "modified" and not known:
            return replace(change, type="added")
        return change

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there may be something."""
        return self._inner.wait(timeout)

    def call_when_ready(self, wake: Callable[[], None] | None) -> None:
        """Call ``wake`` when there may be something."""
        self._inner.call_when_ready(wake)

    def close(self) -> None:
        """Listen no more."""
        self._inner.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its database was."""
        return self._inner.closed
