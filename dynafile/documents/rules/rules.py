"""The rules of a file: who may do what, and what documents must be like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

import msgspec

from dynafile.documents.rules.decision import Decision
from dynafile.documents.rules.evaluation import Denied, Evaluation, LookUp
from dynafile.documents.rules.lookups import Undecided
from dynafile.documents.rules.parser import Allow, ReadFile, RulesParser
from dynafile.documents.rules.patterns import DocumentPath, is_segment, shown_path
from dynafile.errors import InvalidArgument, ItemTooLarge, TypeRuleViolated

__all__ = ["Rules"]

_ACTIONS: Final = ("get", "list", "create", "update", "delete")
_TOLD: Final = 4
_SHOWN: Final = 120
_line: Final = attrgetter("line")
_WILD: Final = None
"""The first segment of patterns that begin with a variable."""


class Rules:
    """The rules of a text. They never change: a new text makes new rules, or an error.

    ``read`` gives the text of a schema's file by its name in the rules, and raises OSError or
    ValueError where there is none. Raises ``InvalidRules``, with line, column and an excerpt.

    >>> rules = Rules("match /users/{user} { allow read; allow write if auth.uid = user; }")
    >>> rules.decide("update", "users/ann", auth={"uid": "ann"}, request={"name": "Ann"})
    Decision(allowed=True, rule=1, why='line 1 allows update: auth.uid = user', ...)
    >>> bool(rules.decide("update", "users/ann", auth=None, request={}))
    False
    """

    def __init__(self, text: str, *, source: str = "rules", read: ReadFile | None = None) -> None:
        texts = [text]

        def reading(name: str) -> str:
            assert read is not None
            texts.append(read(name))
            return texts[-1]

        parser = RulesParser(source, text, None if read is None else reading)
        parser.parse()
        self.source = source
        self.text = text
        self.texts = tuple(texts)
        """The text, and those of the schemas that it names: all that the rules are made from."""
        self._schemas = tuple(parser.schemas)
        self._limits = tuple(parser.limits)
        self._counts = {
            "allow": len(parser.allows),
            "schema": len(self._schemas),
            "limit": len(self._limits),
        }
        self._timed = any(
            rule.condition is not None and "time" in rule.condition.text for rule in parser.allows
        )
        self._allows = _by_action_and_first(parser.allows)

    @property
    def counts(self) -> dict[str, int]:
        """How many statements of each kind there are."""
        return self._counts.copy()

    def decide(
        self,
        action: str,
        path: str | DocumentPath,
        auth: Mapping[str, Any] | None = None,
        resource: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
        lookup: LookUp | None = None,
        *,
        now: datetime | None = None,
    ) -> Decision:
        """Decide whether an access to a document is allowed; of a query, for each document.

        ``action`` is get, list, create, update or delete, and ``path`` the document's, as text or
        its segments. ``auth`` is who asks, None for nobody; what is None in it is left out.
        ``resource`` is the document as it is, ``request`` as it will be, None where there is none.
        ``lookup`` gives other documents by their paths, or None. ``now`` is the time of the
        request. One rule that allows is enough. A condition that cannot be evaluated does not.

        Raises ``InvalidArgument`` for arguments that no request has.
        """
        steps = document_path(path)
        if action not in _ACTIONS:
            raise InvalidArgument(f"an action is one of {', '.join(_ACTIONS)}, not {action!r:.40}")
        who = _mapping("auth", auth)
        values = {
            "auth": None if who is None else {k: v for k, v in who.items() if v is not None},
            "resource": _mapping("resource", resource),
            "request": {
                "resource": _mapping("request", request),
                "method": action,
                "path": "/".join(steps),
                **({"time": _time_text(now)} if self._timed or now is not None else {}),
            },
        }
        evaluation = Evaluation(values, lookup)
        rule, why = self._decided(action, steps, evaluation)
        return Decision(rule is not None, rule, why, frozenset(evaluation.depends_on))

    def speaks_of(
        self, action: str, path: tuple[str | None, ...], *, anywhere: bool = False
    ) -> bool:
        """Say whether a rule can allow an action at a path, whatever its condition says.

        A segment that is not known is None; with ``anywhere`` there can be more before them.
        """
        if not anywhere and path[0] is not _WILD:
            own, any_ = self._allows.get((action, path[0])), self._allows.get((action, _WILD))
            some: Iterable[Allow] = (*(own or ()), *(any_ or ()))
        else:
            some = (
                rule for (of, _), rules in self._allows.items() if of == action for rule in rules
            )
        return any(rule.pattern.may_match(path, anywhere=anywhere) for rule in some)

    def check(self, path: str | DocumentPath, value: object, *, size: int | None = None) -> None:
        """Check a document, as it will be, against the limits and type rules for its path.

        ``size`` is in bytes; without it, that of the document as JSON. Raises ``ItemTooLarge`` or
        ``TypeRuleViolated``.
        """
        steps = document_path(path)
        shown = shown_path(steps)
        for limit in self._limits:
            if limit.pattern.match(steps) is None:
                continue
            if size is None:
                size = _size(value, shown)
            if size > limit.size:
                raise ItemTooLarge(
                    f"{shown} has {size} bytes, and line {limit.line} of {self.source} limits it "
                    f"to {limit.size}",
                    size=size,
                    limit=limit.size,
                    line=limit.line,
                )
        for rule in self._schemas:
            fault = rule.schema.check(value) if rule.pattern.match(steps) is not None else None
            if fault is not None:
                where = f"{fault.path} in {shown}" if fault.path else shown
                raise TypeRuleViolated(
                    f"{where} {fault.reason}, by line {rule.line} of {self.source}",
                    path=fault.path,
                    reason=fault.reason,
                    document="/".join(steps),
                    line=rule.line,
                )

    def _decided(
        self, action: str, path: DocumentPath, evaluation: Evaluation
    ) -> tuple[int | None, str]:
        """Return the line of the rule that allows it, if one does, and why that is so."""
        reasons: list[str] = []
        for rule, variables in self._matching(action, path):
            try:
                if evaluation.holds(rule, variables):
                    return rule.line, f"line {rule.line} allows {action}{_condition(rule)}"
                reasons.append(f"line {rule.line} does not hold{_condition(rule)}")
            except Undecided as error:
                reasons.append(f"line {rule.line}: {error}")
            except Denied as error:
                return None, f"denied at line {rule.line}: {error}"
        if not reasons:
            return None, f"no rule allows {action} of {shown_path(path)}"
        more = f"; and {len(reasons) - _TOLD} more" if len(reasons) > _TOLD else ""
        return None, "; ".join(reasons[:_TOLD]) + more

    def _matching(self, action: str, path: DocumentPath) -> Iterator[tuple[Allow, dict[str, str]]]:
        own, any_ = self._allows.get((action, path[0]), ()), self._allows.get((action, _WILD), ())
        # In the order of the file, so that the first that allows is the one that is named.
        for rule in sorted((*own, *any_), key=_line) if own and any_ else own or any_:
            variables = rule.pattern.match(path)
            if variables is not None:
                yield rule, variables


def _by_action_and_first(rules: Iterable[Allow]) -> dict[tuple[str, str | None], list[Allow]]:
    """Return rules by action and first segment: those of other collections cost nothing."""
    found: dict[tuple[str, str | None], list[Allow]] = {}
    for rule in rules:
        for action in rule.actions:
            found.setdefault((action, rule.pattern.first), []).append(rule)
    return found


def document_path(path: str | DocumentPath) -> DocumentPath:
    """Return the segments of a document's path. Raises ``InvalidArgument`` where it is none."""
    steps: Any = tuple(path.split("/")) if isinstance(path, str) else path
    if not isinstance(steps, tuple) or not steps or len(steps) % 2:
        raise InvalidArgument(
            f"the path of a document has two, four or more segments, and {path!r:.80} has not"
        )
    for step in steps:
        if not is_segment(step):
            raise InvalidArgument(f"{step!r:.80} is no segment of a path, in {path!r:.80}")
    found: DocumentPath = steps
    return found


def _mapping(name: str, value: object) -> dict[str, Any] | None:
    if value is None or type(value) is dict:
        return value
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{name} is a mapping or None, not of type {type(value).__name__}")
    return dict(value)


def _condition(rule: Allow) -> str:
    if rule.condition is None:
        return ""
    text = " ".join(rule.condition.text.split())
    return f": {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}"


def _time_text(now: datetime | None) -> str:
    """Return a time in the form of the times that a server writes, which sorts as text."""
    moment = datetime.now(UTC) if now is None else now
    if moment.utcoffset() is None:
        raise InvalidArgument("now is a time with an offset from UTC")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _size(value: object, shown: str) -> int:
    try:
        return len(msgspec.json.encode(value))
    except Exception as error:
        raise TypeRuleViolated(
            f"{shown} is no JSON: {type(error).__name__}",
            reason="is no JSON",
            document=shown,
        ) from error
