"""The guard that asks the rules, after one that knows who asks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from dynafile.documents.engine import Engine
from dynafile.documents.paths import Path, is_document
from dynafile.documents.requests import Query
from dynafile.documents.rules import Decision, Rules
from dynafile.documents.rules.patterns import shown_path
from dynafile.documents.served.guard import Action, Caller, Guard
from dynafile.documents.served.rules_file import RulesFile
from dynafile.documents.wire_json import json_bytes
from dynafile.errors import AccessRefused, InvalidDocumentArgument

__all__ = ["LookUp", "RuledGuard"]

_log: Final = logging.getLogger("dynafile")

LookUp = Callable[[Path], dict[str, Any] | None]
"""Gives the document at a path; None: there is none."""

_REFUSED: Final = "the rules do not allow this: they are the server's, and its log says which"


class RuledGuard:
    """Asks another guard who asks and how far a key reaches, and rules for all else.

    Until there is a file of rules it is the other guard; from then on :attr:`inspects` is true for
    as long as the process runs. Why something is denied is for the log only.
    """

    def __init__(self, inner: Guard, file: RulesFile, engine: Engine) -> None:
        self.inner = inner
        self.limits = inner.limits
        self._file = file
        self._engine = engine

    @property
    def inspects(self) -> bool:
        """Whether there are rules."""
        return self._file.rules is not None

    def caller(self, headers: Mapping[str, str], address: str | None) -> Caller:
        """Return who asks, and look whether there are other rules; raises as the other guard."""
        self._file.look()
        return self.inner.caller(headers, address)

    def renew(self, caller: Caller) -> None:
        """Raise what the other guard does where somebody would no longer be admitted."""
        self.inner.renew(caller)

    def count(self, caller: Caller) -> None:
        """Raise TooManyRequests as the other guard does."""
        self.inner.count(caller)

    def check(
        self, caller: Caller, action: Action, path: Path, before: Any, after: Any, *, group: bool
    ) -> None:
        """Raise AccessRefused where a key does not reach or the rules do not allow it.

        Raises TypeRuleViolated and ItemTooLarge for a document that is not as they want it.
        """
        self.check_key(caller, action, path, group=group)
        if self.inspects and is_document(path) and not group:
            self.require(caller, action, path, before, after)
            if after is not None:
                self.check_value(path, after)

    def check_key(self, caller: Caller, action: Action, path: Path, *, group: bool) -> None:
        """Raise AccessRefused where the key of a caller does not reach, or may only read."""
        if caller.key is not None or not self.inspects:
            self.inner.check(caller, action, path, None, None, group=group)

    # -- rules ----------------------------------------------------------------------------------

    @property
    def _rules(self) -> Rules:
        rules = self._file.rules
        assert rules is not None  # once there are any, there always are
        return rules

    def decide(
        self,
        caller: Caller,
        action: Action,
        path: Path,
        before: Any,
        after: Any = None,
        lookup: LookUp | None = None,
    ) -> Decision:
        """Decide of one document; ``lookup`` gives others, by default as they are."""
        found = self._rules.decide(
            action, path, caller.auth, before, after, self.document if lookup is None else lookup
        )
        if not found and _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s may not %s %s: %s", caller.id, action, shown_path(path), found.why)
        return found

    def require(
        self,
        caller: Caller,
        action: Action,
        path: Path,
        before: Any,
        after: Any = None,
        lookup: LookUp | None = None,
    ) -> Decision:
        """Return the decision; raises AccessRefused, whose text is the same for all."""
        found = self.decide(caller, action, path, before, after, lookup)
        if not found:
            self.refuse(caller, action, path, found.why)
        return found

    def refuse(self, caller: Caller, action: Action, path: Path, why: str) -> None:
        """Write into the log why, and raise AccessRefused."""
        _log.info("refused: %s may not %s %s: %s", caller.id, action, shown_path(path), why)
        raise AccessRefused(_REFUSED)

    def require_rule(self, caller: Caller, action: Action, path: Path, *, group: bool) -> None:
        """Raise AccessRefused where no rule allows an action in a collection to anybody.

        So what the rules leave out is told apart from what is not there.
        """
        wanted: tuple[str | None, ...] = path or (None,)
        if group or not is_document(path):
            wanted = (*wanted, None)
        if not self._rules.speaks_of(action, wanted, anywhere=group):
            self.refuse(caller, action, path, "no rule allows it to anybody")

    def check_value(self, path: Path, value: Any) -> None:
        """Raise TypeRuleViolated or ItemTooLarge where a document is not as rules want it."""
        self._rules.check(path, value, size=len(json_bytes(value)))

    def document(self, path: Path) -> dict[str, Any] | None:
        """Return the document at a path; never a field, which its owner could name as one."""
        try:
            found = self._engine.run(Query(path=path))
        except InvalidDocumentArgument:  # it is a field, so there is no such document
            return None
        return found[0].value if found else None

    def listen(self, call: Callable[[], None]) -> Callable[[], None]:
        """Have ``call`` called, from any thread, when other rules hold; return what ends that."""
        return self._file.listen(call)
