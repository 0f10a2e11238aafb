"""Cases put to rules: what is decided of each, and whether that is as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from dynafile.documents.rules.cases_file import Case
from dynafile.documents.rules.rules import Rules
from dynafile.errors import ItemTooLarge, TypeRuleViolated

__all__ = ["Case", "Outcome", "run_cases"]


class Outcome(Struct, frozen=True):
    """What rules decided of a case; ``line`` is that of the rule that decided, if one did."""

    case: Case
    allowed: bool
    line: int | None
    why: str

    @property
    def passed(self) -> bool:
        """Whether it is as the case expects."""
        return self.allowed is self.case.expect


def run_cases(rules: Rules, cases: Iterable[Case]) -> Iterator[Outcome]:
    """Put each case to rules. A document that type rules or limits refuse is denied too."""
    for case in cases:
        decision = rules.decide(
            case.action,
            case.path,
            case.auth,
            case.resource,
            case.request,
            case.documents.get,
            now=case.time,
        )
        outcome = Outcome(case, decision.allowed, decision.rule, decision.why)
        if decision.allowed and case.action in ("create", "update") and case.request is not None:
            try:
                rules.check(case.path, case.request)
            except (TypeRuleViolated, ItemTooLarge) as error:
                outcome = Outcome(case, False, getattr(error, "line", None), error.message)
        yield outcome
