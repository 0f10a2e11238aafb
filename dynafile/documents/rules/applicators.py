"""The keywords of JSON Schema that apply other schemas: to parts of a value, or to all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dynafile.documents.rules.faults import Budget, Check, Fault
from dynafile.documents.rules.regular import compile_expression

__all__ = [
    "all_of",
    "any_of",
    "array_check",
    "contains",
    "dependent_schemas",
    "negation",
    "object_check",
    "one_of",
    "when",
]

_TOLD: Final = 3
"""So many reasons of ``anyOf`` are told."""


def all_of(checks: Sequence[Check]) -> Check:
    """Return the check that makes each of several; it is a step."""

    def check(value: Any, budget: Budget) -> Fault | None:
        budget.spend(1)
        for each in checks:
            fault = each(value, budget)
            if fault is not None:
                return fault
        return None

    return check


def any_of(checks: Sequence[Check]) -> Check:
    """``anyOf``."""

    def check(value: Any, budget: Budget) -> Fault | None:
        budget.spend(1)
        faults: list[Fault] = []
        for each in checks:
            fault = each(value, budget)
            if fault is None:
                return None
            if len(faults) < _TOLD:
                faults.append(fault)
        told = "; ".join(f"{fault.path} {fault.reason}".strip()[:200] for fault in faults)
        return Fault(f"fits none of {len(checks)} schemas: {told}")

    return check


def one_of(checks: Sequence[Check]) -> Check:
    """``oneOf``."""
    some = any_of(checks)

    def check(value: Any, budget: Budget) -> Fault | None:
        budget.spend(1)
        fitting = [number for number, each in enumerate(checks) if each(value, budget) is None]
        if len(fitting) == 1:
            return None
        if not fitting:
            return some(value, budget)
        return Fault(f"fits {len(fitting)} of the schemas of which it should fit one")

    return check


def negation(inner: Check) -> Check:
    """``not``."""

    def check(value: Any, budget: Budget) -> Fault | None:
        return Fault("fits what it must not") if inner(value, budget) is None else None

    return check


def when(condition: Check, then: Check | None, otherwise: Check | None) -> Check:
    """``if``, ``then`` and ``else``."""

    def check(value: Any, budget: Budget) -> Fault | None:
        chosen = then if condition(value, budget) is None else otherwise
        return chosen(value, budget) if chosen is not None else None

    return check


def dependent_schemas(schemas: Mapping[str, Check]) -> Check:
    """``dependentSchemas``."""

    def check(value: Any, budget: Budget) -> Fault | None:
        if type(value) is dict:
            budget.spend(len(schemas))
            for name, schema in schemas.items():
                fault = schema(value, budget) if name in value else None
                if fault is not None:
                    return fault
        return None

    return check


def contains(inner: Check, least: float, most: float | None) -> Check:
    """``contains`` with ``minContains`` and ``maxContains``."""

    def check(value: Any, budget: Budget) -> Fault | None:
        if type(value) is not list:
            return None
        count = sum(inner(each, budget) is None for each in value)
        if count < least:
            return Fault(f"has {count} items of the kind of which it needs {int(least)}")
        if most is not None and count > most:
            return Fault(f"has {count} items of the kind of which it may have {int(most)}")
        return None

    return check


def array_check(first: Sequence[Check], rest: Check | None) -> Check:
    """``prefixItems`` and ``items``."""

    def check(value: Any, budget: Budget) -> Fault | None:
        if type(value) is not list:
            return None
        for index, each in enumerate(value):  # each takes a step of its own
            inner = first[index] if index < len(first) else rest
            if inner is None:
                return None
            fault = inner(each, budget)
            if fault is not None:
                return fault.below(index)
        return None

    return check


def object_check(
    named: Mapping[str, Check],
    patterns: Mapping[str, Check],
    others: Check | None,
    names: Check | None,
) -> Check:
    """``properties``, ``patternProperties``, ``additionalProperties`` and ``propertyNames``.

    Raises ``ValueError`` for a regular expression that there is not.
    """
    matching = [(_expression(text), inner) for text, inner in patterns.items()]

    def field(name: str, value: Any, budget: Budget) -> Fault | None:
        if names is not None:
            fault = names(name, budget)
            if fault is not None:
                return Fault(f"has a name that {fault.reason}")
        inner = named.get(name)
        known = inner is not None
        fault = inner(value, budget) if inner is not None else None
        for matches, each in matching:
            budget.spend(1 + len(name) // 32)
            if fault is None and matches(name):
                known = True
                fault = each(value, budget)
        return others(value, budget) if others is not None and not known else fault

    def check(value: Any, budget: Budget) -> Fault | None:
        if type(value) is dict:
            budget.spend(len(value))
            for name, each in value.items():
                fault = field(name, each, budget)
                if fault is not None:
                    return fault.below(name)
        return None

    return check


def _expression(text: str) -> Callable[[str], bool]:
    try:
        return compile_expression(text)
    except ValueError as error:
        raise ValueError(f"the regular expression {text[:60]!r}: {error}") from None
