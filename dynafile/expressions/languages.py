"""The kinds of expression, each with its grammar, its plans, and the cache of what was prepared.

A text is parsed once. With each set of names and types that it is used with it is checked and
prepared once, which gives its plan; a request with a plan only has to put its values in. The last
few hundred texts are kept, for all threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

from dynafile.errors import ExpressionError, ValidationError
from dynafile.expressions.binding import Binder
from dynafile.expressions.cache import Cache
from dynafile.expressions.comparison import kind_of
from dynafile.expressions.condition_parser import ConditionParser
from dynafile.expressions.key_conditions import KeyTerm, key_terms
from dynafile.expressions.literals import take_literal, take_stored
from dynafile.expressions.needs import names_in_condition
from dynafile.expressions.nodes import Condition
from dynafile.expressions.parser import Parser
from dynafile.expressions.placeholders import reader, take_values
from dynafile.expressions.projections import Projection
from dynafile.expressions.syntax import Parsed
from dynafile.expressions.templates import FilterMaker, filter_maker
from dynafile.expressions.update_binding import update_plan
from dynafile.expressions.update_parser import ProjectionParser, UpdateParser
from dynafile.expressions.updates import UpdatePlan

__all__ = [
    "CONDITIONS",
    "KEY_CONDITIONS",
    "PROJECTIONS",
    "UPDATES",
    "ConditionPlan",
    "Language",
    "Text",
    "condition_template",
]

MAX_TEXTS: Final = 256
"""Texts of a kind in one of the two generations of its cache."""

MAX_PLANS: Final = 32
"""Plans of a text in one of the two generations of their cache."""

Plan = TypeVar("Plan")

ConditionPlan: TypeAlias = tuple[frozenset[str], FilterMaker]


_SCALARS: Final = frozenset({str, int, bool, bytes, type(None)})
"""The types whose values are taken as they are, and have one kind each."""


class Text(Generic[Plan]):
    """A text that parses, with its plans by the names and types that they are for."""

    __slots__ = ("names", "parsed", "pinned", "plans", "read_names", "read_values", "values")

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.names = parsed.names
        self.values = parsed.values
        self.pinned = tuple(map(parsed.values.index, parsed.pinned))
        self.read_names = reader(self.names)
        self.read_values = reader(self.values)
        self.plans: Cache[tuple[Any, ...], Plan] = Cache(MAX_PLANS)


class Language(Generic[Plan]):
    """A kind of expression.

    ``make`` makes a plan of a binder and the tree that ``parser`` gives; ``take`` takes a value
    into an expression.
    """

    def __init__(
        self,
        parser: type[Parser],
        make: Callable[[Binder, Any], Plan],
        take: Callable[[Any], Any] = take_literal,
    ) -> None:
        self._parser = parser
        self._make = make
        self._take = take
        self._texts: Cache[tuple[str, str], Text[Plan]] = Cache(MAX_TEXTS)

    def prepare(
        self, parameter: str, expression: str, names: Mapping[str, str], values: Mapping[str, Any]
    ) -> tuple[Text[Plan], Plan, Sequence[Any]]:
        """Return the text, its plan for these placeholders, and the values for the plan.

        Raises ``ValidationError``.
        """
        text = self._texts.young.get((parameter, expression)) or self._find(parameter, expression)
        try:
            bound = text.read_names(names)
            given: Sequence[Any] = text.read_values(values)
        except KeyError:
            raise _undefined(text, names, values) from None
        # A type says as much as a kind for most values, and is had faster.
        kinds: tuple[Any, ...] = tuple(map(type, given))
        if not _SCALARS.issuperset(kinds):
            given = take_values(text.values, given, self._take)
            kinds = tuple(map(kind_of, given))
        key: tuple[Any, ...] = (bound, kinds)
        if text.pinned:
            key = (bound, kinds, *_pinned(text, given))
        plan = text.plans.young.get(key)
        if plan is None:
            plan = self._plan(text, key, given)
        return text, plan, given

    def _find(self, parameter: str, expression: str) -> Text[Plan]:
        text = self._texts.get((parameter, expression))
        if text is None:
            text = Text(self._parser(parameter, expression).parse())
            self._texts.put((parameter, expression), text)
        return text

    def _plan(self, text: Text[Plan], key: tuple[Any, ...], given: Sequence[Any]) -> Plan:
        plan = text.plans.get(key)
        if plan is None:
            names = {
                placeholder: str.__str__(name)  # a StrEnum is a str of its own kind
                for placeholder, name in zip(text.names, key[0], strict=True)
            }
            kinds = list(map(kind_of, given))
            plan = self._make(
                Binder(text.parsed, names, kinds, _pinned(text, given)), text.parsed.tree
            )
            text.plans.put(key, plan)
        return plan


def _pinned(text: Text[Any], given: Sequence[Any]) -> list[Any]:
    # What is no str is refused for its type, whatever its value.
    return [given[index] if type(given[index]) is str else None for index in text.pinned]


def _undefined(
    text: Text[Any], names: Mapping[str, Any], values: Mapping[str, Any]
) -> ValidationError:
    """Return the error for the first placeholder that was not given; names come first."""
    prefix = f"Invalid {text.parsed.parameter}: An expression attribute"
    for name in text.names:
        if name not in names:
            return ValidationError(
                f"{prefix} name used in the document path is not defined; attribute name: {name}"
            )
    missing = next((value for value in text.values if value not in values), None)
    return ValidationError(
        f"{prefix} value used in expression is not defined; attribute value: {missing}"
    )


def condition_template(binder: Binder, tree: Any) -> Condition:
    """Return the condition that a tree stands for, as a template. Raises ``ValidationError``."""
    try:
        return binder.condition(tree)
    except ValidationError as error:
        prefix = f"Invalid {binder.parameter}: "
        if not error.message.startswith(prefix):
            error.message = prefix + error.message
            error.args = (error.message,)
        if isinstance(error, ExpressionError):
            error.expression, error.position = binder.text, 0
        raise


def _condition_plan(binder: Binder, tree: Any) -> ConditionPlan:
    template = condition_template(binder, tree)
    maker = filter_maker(template, f"Invalid {binder.parameter}: ")
    return names_in_condition(template), maker


def _key_plan(binder: Binder, tree: Any) -> tuple[KeyTerm, ...]:
    return key_terms(condition_template(binder, tree))


def _projection_plan(binder: Binder, tree: Any) -> Projection:
    return Projection([binder.path(path) for path in tree])


CONDITIONS: Final[Language[ConditionPlan]] = Language(ConditionParser, _condition_plan)
KEY_CONDITIONS: Final[Language[tuple[KeyTerm, ...]]] = Language(ConditionParser, _key_plan)
PROJECTIONS: Final[Language[Projection]] = Language(ProjectionParser, _projection_plan)
UPDATES: Final[Language[UpdatePlan]] = Language(UpdateParser, update_plan, take_stored)
