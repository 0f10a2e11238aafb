"""The keywords of JSON Schema that look at one value, each as a check made of its argument.

A check gives the first fault of a value, or None. It spends a step for all that it looks at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from dynafile.documents.rules.faults import Budget, Check, Fault
from dynafile.documents.rules.formats import FORMATS
from dynafile.documents.rules.regular import compile_expression

__all__ = ["VALUE_KEYWORDS", "canonical", "type_of"]

_SHOWN: Final = 60
_TYPES: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def type_of(value: object) -> str:
    """Return JSON Schema's name of a value's type; a number without a fraction is an integer."""
    name = _TYPES.get(type(value), type(value).__name__)
    return "integer" if isinstance(value, float) and value.is_integer() else name


def canonical(value: Any, budget: Budget) -> str:
    """Return a text that is the same for equal values: 1 and 1.0 are equal, True is not 1."""
    budget.spend(1)
    if isinstance(value, str):
        return f"{len(value)}'{value}"
    if isinstance(value, list):
        return f"[{','.join(canonical(each, budget) for each in value)}]"
    if isinstance(value, dict):
        members = (f"{canonical(k, budget)}:{canonical(value[k], budget)}" for k in sorted(value))
        return f"{{{','.join(members)}}}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, bool) or value is None else repr(value)


def _type(argument: Any) -> Check:
    names = frozenset([argument] if isinstance(argument, str) else argument)
    allowed = names | {"integer"} if "number" in names else names
    wanted = " or ".join(sorted(names))

    def check(value: Any, _: Budget) -> Fault | None:
        name = type_of(value)
        return None if name in allowed else Fault(f"is of type {name}, and not {wanted}")

    return check


def _enum(argument: list[Any]) -> Check:
    values = frozenset(canonical(each, Budget()) for each in argument)
    shown = _short(argument)

    def check(value: Any, budget: Budget) -> Fault | None:
        return None if canonical(value, budget) in values else Fault(f"is none of {shown}")

    return check


def _const(argument: Any) -> Check:
    wanted, shown = canonical(argument, Budget()), _short(argument)

    def check(value: Any, budget: Budget) -> Fault | None:
        return None if canonical(value, budget) == wanted else Fault(f"is not {shown}")

    return check


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _number(reason: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any], Check]:
    def make(argument: Any) -> Check:
        def check(value: Any, _: Budget) -> Fault | None:
            if type(value) not in (int, float) or holds(value, argument):
                return None
            return Fault(f"is {reason} {argument}")

        return check

    return make


def _multiple_of(argument: Any) -> Check:
    unit = _fraction(argument)

    def check(value: Any, _: Budget) -> Fault | None:
        if type(value) not in (int, float) or (_fraction(value) / unit).denominator == 1:
            return None
        return Fault(f"is not a multiple of {argument}")

    return check


def _fraction(value: float) -> Fraction:
    # A float stands for its shortest decimal form, so that 19.99 is a multiple of 0.01.
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _count(kind: type[Any], reason: str, least: bool) -> Callable[[Any], Check]:
    def make(argument: Any) -> Check:
        def check(value: Any, _: Budget) -> Fault | None:
            if type(value) is not kind:
                return None
            size = len(value)
            fits = size >= argument if least else size <= argument
            return None if fits else Fault(reason.format(int(argument)))

        return check

    return make


def _pattern(argument: str) -> Check:
    matches = compile_expression(argument)

    def check(value: Any, budget: Budget) -> Fault | None:
        if type(value) is not str:
            return None
        budget.spend(len(value) // 32)
        return None if matches(value) else Fault(f"does not match {argument[:_SHOWN]}")

    return check


def _format(argument: str) -> Check:
    if argument not in FORMATS:
        raise ValueError(f"there is no format {argument!r:.40}; there are {', '.join(FORMATS)}")
    holds = FORMATS[argument]

    def check(value: Any, _: Budget) -> Fault | None:
        if type(value) is not str or holds(value):
            return None
        return Fault(f"is not of the format {argument}")

    return check


def _unique_items(argument: bool) -> Check:
    def check(value: Any, budget: Budget) -> Fault | None:
        if not argument or type(value) is not list:
            return None
        # Texts, whose hashes nobody can foresee: numbers that collide are easily made.
        first: dict[str, int] = {}
        for index, each in enumerate(value):
            before = first.setdefault(canonical(each, budget), index)
            if before != index:
                return Fault(f"has the same item at {before} and at {index}")
        return None

    return check


def _required(argument: list[str]) -> Check:
    def check(value: Any, budget: Budget) -> Fault | None:
        if type(value) is dict:
            budget.spend(len(argument))
            for name in argument:
                if name not in value:
                    return Fault(f"lacks the field {_short(name)}")
        return None

    return check


def _dependent_required(argument: Mapping[str, list[str]]) -> Check:
    checks = {name: _required(wanted) for name, wanted in argument.items()}

    def check(value: Any, budget: Budget) -> Fault | None:
        if type(value) is dict:
            budget.spend(len(checks))
            for name, required in checks.items():
                fault = required(value, budget) if name in value else None
                if fault is not None:
                    return Fault(f"{fault.reason}, which goes with {_short(name)}")
        return None

    return check


VALUE_KEYWORDS: Final[dict[str, Callable[[Any], Check]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _number("less than", lambda value, bound: value >= bound),
    "maximum": _number("over", lambda value, bound: value <= bound),
    "exclusiveMinimum": _number("not over", lambda value, bound: value > bound),
    "exclusiveMaximum": _number("not less than", lambda value, bound: value < bound),
    "multipleOf": _multiple_of,
    "minLength": _count(str, "has fewer than {} characters", least=True),
    "maxLength": _count(str, "has more than {} characters", least=False),
    "pattern": _pattern,
    "format": _format,
    "minItems": _count(list, "has fewer than {} items", least=True),
    "maxItems": _count(list, "has more than {} items", least=False),
    "uniqueItems": _unique_items,
    "minProperties": _count(dict, "has fewer than {} fields", least=True),
    "maxProperties": _count(dict, "has more than {} fields", least=False),
    "required": _required,
    "dependentRequired": _dependent_required,
}
"""What makes the check of a keyword's argument, which the metaschema has found right.

Making one raises ``ValueError`` for a regular expression or a format that there is not.
"""
