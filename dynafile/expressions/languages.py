"""The kinds of expression, each with its grammar, its plans, and the cache of what was prepared.

A text is parsed once. With each set of names and types that it is used with it is checked and
prepared once, which gives its plan; a request with a plan only has to put its values in. The last
few hundred texts are kept, for all threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

from dynafile.errors import ValidationError
from dynafile.expressions.binding import Binder
from dynafile.expressions.cache import Cache
from dynafile.expressions.condition_parser import ConditionParser
from dynafile.expressions.key_conditions import KeyTerm, key_terms
from dynafile.expressions.literals import take_literal, take_stored
from dynafile.expressions.needs import names_in_condition
from dynafile.expressions.nodes import Condition
from dynafile.expressions.parser import Parser
from dynafile.expressions.placeholders import take_values
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


class Text(Generic[Plan]):
    """A text that parses, with its plans by the names and types that they are for."""

    __slots__ = ("names", "parsed", "pinned", "plans", "values")

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.names = parsed.names
        self.values = parsed.values
        self.pinned = parsed.pinned
        self.plans: Cache[Any, Plan] = Cache(MAX_PLANS)


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
        text = self._texts.get((parameter, expression))
        if text is None:
            text = Text(self._parser(parameter, expression).parse())
            self._texts.put((parameter, expression), text)
        try:
            bound = tuple([names[placeholder] for placeholder in text.names])
        except KeyError as error:
            raise ValidationError(
                f"Invalid {parameter}: An expression attribute name used in the document path is "
                f"not defined; attribute name: {error.args[0]}"
            ) from None
        try:
            taken, kinds = take_values(text.values, values, self._take)
        except KeyError as error:
            raise ValidationError(
                f"Invalid {parameter}: An expression attribute value used in expression is not "
                f"defined; attribute value: {error.args[0]}"
            ) from None
        key: tuple[Any, ...] = (bound, kinds)
        pinned: tuple[Any, ...] = ()
        if text.pinned:
            # What is no str is refused for its type, whatever its value.
            given = [values[placeholder] for placeholder in text.pinned]
            pinned = tuple(value if isinstance(value, str) else None for value in given)
            key = (bound, kinds, pinned)
        plan = text.plans.get(key)
        if plan is None:
            binder = Binder(text.parsed, dict(zip(text.names, bound, strict=True)), kinds, pinned)
            plan = self._make(binder, text.parsed.tree)
            text.plans.put(key, plan)
        return text, plan, taken


def condition_template(binder: Binder, tree: Any) -> Condition:
    """Return the condition that a tree stands for, as a template. Raises ``ValidationError``."""
    try:
        return binder.condition(tree)
    except ValidationError as error:
        prefix = f"Invalid {binder.parameter}: "
        if not error.message.startswith(prefix):
            error.message = prefix + error.message
            error.args = (error.message,)
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
