"""The veil: a subscription of which its listener is told what it may see, and no more."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from dynafile.documents.comparing import are_equal
from dynafile.documents.engine import DocumentChange, Engine, Subscription
from dynafile.documents.paths import Path, is_document
from dynafile.documents.requests import Query, Target
from dynafile.documents.served.guard import Action, Caller
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.window import Window
from dynafile.documents.waking import WokenSubscription
from dynafile.errors import HandleUnusable

__all__ = ["Veil", "is_veiled", "unveiled"]

_MARK: Final = "~"
"""At the end of a position that is told under rules: what is before it was not all."""
_ATTEMPTS: Final = 20
_MOST_FOLLOWED: Final = 10_000


def is_veiled(position: str | None) -> bool:
    """Say whether a position was told under rules."""
    return position is not None and position.endswith(_MARK)


def unveiled(position: str | None) -> str | None:
    """Return a position as it is without rules."""
    return None if position is None else position.removesuffix(_MARK)


class Veil(WokenSubscription):
    """A document that may be seen no more is removed, and one that may be from now on is added.

    Rules decide about each document of each change. What they looked up for that is followed: when
    it changes, or other rules hold, all is read and decided anew, at a position up to which the
    changes before are told first. So what is told always is what rules allowed at a position.
    """

    def __init__(self, engine: Engine, guard: RuledGuard, caller: Caller, target: Target) -> None:
        super().__init__()
        self._guard = guard
        self._caller = caller
        query = target if isinstance(target, Query) else None
        limited = query is not None and query.limit is not None
        self._window = Window(query) if query is not None and limited else None
        self._target = replace(query, limit=None) if query is not None and limited else target
        self._single = not isinstance(target, Query) and is_document(target)
        path: Path = target.path if isinstance(target, Query) else target
        group = query is not None and query.group
        self._collection = path[:-1] if is_document(path) and not group else path
        self._action: Action = "get" if is_document(path) and not group else "list"
        self._inner: Subscription | None = None
        self._seen: dict[Path, Any] = {}
        """The documents that may be seen, as they were told."""
        self._followed = _MOST_FOLLOWED
        self._closed = False
        self._ready.set()
        self._taking = threading.Lock()
        self._other_rules = False
        self._lookout = engine.lookout(self.wake)
        self._forget = guard.listen(self._decide_again)

    def _decide_again(self) -> None:
        """Hear that other rules hold."""
        self._other_rules = True
        self.wake()

    # -- taking ---------------------------------------------------------------------------------

    @property
    def blocks(self) -> bool:
        """Whether :meth:`take` may wait: rules may read documents."""
        return True

    def take(self) -> list[DocumentChange]:
        """Return those of the changes that may be seen."""
        with self._taking:
            self._ready.clear()
            try:
                while not self.closed:
                    found = self._next()
                    if found is None:
                        return []
                    if found:
                        return [_marked(change) for change in found]
            except HandleUnusable:
                self._closed = True
            return []

    def _is_stale(self) -> bool:
        return self._lookout.stale or self._other_rules

    def _next(self) -> list[DocumentChange] | None:
        """Return what is to be told next, maybe nothing; None: there is nothing new."""
        if self._inner is None or self._is_stale():
            return self._read_again([])
        changes = self._inner.take()
        if not changes:
            # It has ended with its database, or it has nothing yet; this may be closed meanwhile.
            return None
        if changes[0].type == "state":
            return self._read_again(None)
        decided, followed = [], set[Path]()
        for change in changes:
            path = tuple(change.path.split("/"))
            shown = change.type != "removed" and self._may_see(path, change.value, followed)
            decided.append((change, path, shown))
        if followed:
            self._lookout.follow(followed, changes[0].position)
            if self._lookout.count > self._followed:
                self._other_rules = True  # most of them are of documents that are gone
        if self._is_stale():
            return self._read_again(changes)
        found: list[DocumentChange] = []
        for commit in _commits(decided):
            told = [self._told(*each) for each in commit]
            found += self._windowed([each for each in told if each is not None])
        return found

    def _told(self, change: DocumentChange, path: Path, shown: bool) -> DocumentChange | None:
        known = path in self._seen
        if shown:
            self._seen[path] = change.value
            return replace(change, type="modified" if known else "added")
        if known:
            return replace(change, type="removed", value=self._seen.pop(path))
        return None

    def _windowed(self, changes: list[DocumentChange]) -> list[DocumentChange]:
        if self._window is None or not changes:
            return changes
        return self._window.after(changes)

    def _may_see(self, path: Path, value: Any, followed: set[Path]) -> bool:
        found = self._guard.decide(self._caller, self._action, path, value)
        followed |= found.depends_on
        return bool(found)

    # -- reading again --------------------------------------------------------------------------

    def _read_again(self, pending: Sequence[DocumentChange] | None) -> list[DocumentChange] | None:
        """Read and decide all anew, at a position; return what that changes.

        :param pending: changes that were taken and not told; None: the old subscription has lost
            what came before.
        """
        for _ in range(_ATTEMPTS):
            self._lookout.stale = self._other_rules = False
            inner = self._lookout.watch(self._target)
            if self._closed:
                inner.close()
                return None
            first = inner.take()
            if not first:  # the database is closed
                inner.close()
                self._closed = True
                return None
            state, followed = first[0], set[Path]()
            seen = {
                path: value
                for path, value in self._documents(state)
                if self._may_see(path, value, followed)
            }
            self._lookout.follow(followed, state.position, only=True)
            if not self._is_stale():
                break
            inner.close()
        else:
            self.wake()  # it changes all the time: it is stale still, and others get their turn
            return None
        self._followed = 2 * self._lookout.count + _MOST_FOLLOWED
        return self._go_over(inner, state, seen, pending)

    def _documents(self, state: DocumentChange) -> Iterable[tuple[Path, Any]]:
        if self._single:
            if state.value is not None:
                yield tuple(state.path.split("/")), state.value
            return
        for name, value in state.value.items():
            whole = tuple(name.split("/")) if "/" in name else (*self._collection, name)
            yield whole, value

    def _go_over(
        self,
        inner: Subscription,
        state: DocumentChange,
        seen: dict[Path, Any],
        pending: Sequence[DocumentChange] | None,
    ) -> list[DocumentChange]:
        """Go on with another subscription, after what the old one has up to its position."""
        old, self._inner = self._inner, inner
        if self._closed:
            inner.close()
        if old is None:
            self._seen = seen
            inner.call_when_ready(self.wake)
            return [self._as_state(state, seen)]
        found: list[DocumentChange] = []
        if pending is not None and self._window is None:  # within a limit only what is in it counts
            found = self._drained(old, pending, state.position)
        old.call_when_ready(None)
        old.close()
        inner.call_when_ready(self.wake)
        changes = [
            _change("removed", path, value, state.position)
            for path, value in self._seen.items()
            if path not in seen
        ]
        for path, value in seen.items():
            if path not in self._seen:
                changes.append(_change("added", path, value, state.position))
            elif not are_equal(self._seen[path], value):
                changes.append(_change("modified", path, value, state.position))
        self._seen = seen
        return found + self._windowed(changes)

    def _as_state(self, state: DocumentChange, seen: dict[Path, Any]) -> DocumentChange:
        shown = seen if self._window is None else self._window.begin(seen)
        if self._single:
            return replace(state, value=next(iter(shown.values()), None))
        named = isinstance(self._target, Query) and self._target.group
        value = {"/".join(path) if named else path[-1]: each for path, each in shown.items()}
        return replace(state, value=value)

    def _drained(
        self, old: Subscription, pending: Sequence[DocumentChange], end: str
    ) -> list[DocumentChange]:
        """Return what is to be told of the changes up to a position.

        Only of documents that were seen, and may be seen still: to whom another comes in sight now,
        it is not told what it was before.
        """
        found: list[DocumentChange] = []
        changes = list(pending)
        while True:
            decided = []
            for change in changes:
                if change.type == "state":
                    return found  # the changes before are lost
                if _is_after(change.position, end):
                    continue
                path = tuple(change.path.split("/"))
                if path in self._seen:
                    gone = change.type == "removed"
                    if gone or self._may_see(path, change.value, set()):
                        decided.append((change, path, not gone))
            told = [self._told(*each) for each in decided]
            found += [each for each in told if each is not None]
            changes = old.take()
            if not changes:
                return found

    # -- ending ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Listen no more."""
        self._closed = True
        self._forget()
        self._lookout.close()
        inner = self._inner
        if inner is not None:
            inner.close()
        self.wake()

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its database was."""
        inner = self._inner
        return self._closed or (inner is not None and inner.closed)


def _change(kind: Any, path: Path, value: Any, position: str) -> DocumentChange:
    return DocumentChange(kind, path[-1], "/".join(path), value, position)


def _marked(change: DocumentChange) -> DocumentChange:
    return replace(change, position=change.position + _MARK)


def _commits(
    decided: Sequence[tuple[DocumentChange, Path, bool]],
) -> Iterable[list[tuple[DocumentChange, Path, bool]]]:
    """Yield changes by commit: the last of one is where no number is in its position."""
    commit = []
    for each in decided:
        commit.append(each)
        if "+" not in each[0].position:
            yield commit
            commit = []
    if commit:
        yield commit


def _is_after(position: str, end: str) -> bool:
    """Say whether a change came after a position; one with a number comes after what is before."""
    before, plus, _ = position.partition("+")
    return before >= end if plus else before > end
