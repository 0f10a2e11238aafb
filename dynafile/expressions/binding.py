"""Names and types for the placeholders of a parsed expression, and the checks that need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from dynafile.errors import ValidationError
from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.comparison import ATTRIBUTE_TYPES, ORDERED_KINDS
from dynafile.expressions.nodes import (
    And,
    AttributeType,
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Contains,
    Exists,
    Membership,
    Not,
    Operand,
    Or,
    junction,
)
from dynafile.expressions.path_trees import MAX_PATH_DEPTH, bound_path_text
from dynafile.expressions.paths import Path
from dynafile.expressions.syntax import Call, Operation, Parsed, PathText, Placeholder, Syntax
from dynafile.expressions.templates import Parameter, static_kind

__all__ = ["Binder"]

_RANGES: Final = frozenset({"<", "<=", ">", ">=", "BETWEEN"})
_SIZED: Final = frozenset({"S", "B", "L", "M", "SS", "NS", "BS"})
_CONTAINERS: Final = frozenset({"S", "B", "L", "SS", "NS", "BS"})
_ANY: Final = f"{{{','.join(sorted(ATTRIBUTE_TYPES))}}}"


class Binder:
    """Binds one parsed expression: to names, to the kinds of its values, to pinned values.

    ``kinds`` go with ``parsed.values``, ``pinned`` with ``parsed.pinned``.
    """

    def __init__(
        self,
        parsed: Parsed,
        names: Mapping[str, str],
        kinds: Sequence[str | None],
        pinned: Sequence[Any],
    ) -> None:
        self.parameter = parsed.parameter
        self.text = parsed.text
        self._names = names
        self._parameters = {
            placeholder: Parameter(index, kind)
            for index, (placeholder, kind) in enumerate(zip(parsed.values, kinds, strict=True))
        }
        self._pinned = dict(zip(parsed.pinned, pinned, strict=True))

    def refuse(self, reason: str) -> NoReturn:
        """Raise the error that the expression is refused for this reason."""
        raise ValidationError(f"Invalid {self.parameter}: {reason}")

    def refuse_kind(self, operator: str, kind: str | None) -> NoReturn:
        """Raise the error that an operator does not take a value of this kind."""
        # Dates, times and UUIDs are strings to DynamoDB.
        self._refuse_type(operator, kind if kind is not None and kind in ATTRIBUTE_TYPES else "S")

    def _refuse_type(self, operator: str, shown: str) -> NoReturn:
        word = "operator" if operator in _RANGES else "operator or function"
        self.refuse(
            "Incorrect operand type for operator or function; "
            f"{word}: {operator}, operand type: {shown}"
        )

    def path(self, text: PathText) -> Path:
        """Return the steps of a path, with names in the place of placeholders."""
        if len(text.steps) > MAX_PATH_DEPTH:
            self.refuse(
                "The document path has too many nesting elements; nesting levels: "
                f"{len(text.steps)}"
            )
        names = self._names
        return tuple(
            names[step] if type(step) is str and step[0] == "#" else step for step in text.steps
        )

    def required_path(self, function: str, operand: Syntax) -> Path:
        """Return the path that a function wants as its first operand."""
        if not isinstance(operand, PathText):
            self.refuse(
                f"Operator or function requires a document path; operator or function: {function}"
            )
        return self.path(operand)

    def value(self, placeholder: Placeholder) -> Parameter:
        """Return the parameter that a placeholder stands for."""
        return self._parameters[placeholder.name]

    def condition(self, tree: Syntax) -> Condition:
        """Return the template of a condition. Raises ``ValidationError``."""
        if isinstance(tree, Call):
            return self._function(tree)
        assert isinstance(tree, Operation)
        operator = tree.operator
        if operator == "AND":
            return junction(And, *map(self.condition, tree.operands))
        if operator == "OR":
            return junction(Or, *map(self.condition, tree.operands))
        if operator == "NOT":
            return Not(self.condition(tree.operands[0]))
        operands = [self._operand(operand) for operand in tree.operands]
        self._check_distinct(operator, operands)
        if operator == "IN":
            return Membership(operands[0], tuple(operands[1:]))
        if operator not in ("=", "<>"):
            for operand in operands:
                self._check_kind(operator, operand, ORDERED_KINDS)
        if operator == "BETWEEN":
            return Between(*operands)
        return Comparison(operator, *operands)

    def _function(self, call: Call) -> Condition:
        name, first = call.function, call.operands[0]
        if name == "size":
            self._refuse_use(name)
        if name in ("attribute_exists", "attribute_not_exists"):
            path = self.required_path(name, first)
            return Exists(Attr(path), name == "attribute_exists")
        if name == "attribute_type":
            attribute = Attr(self.required_path(name, first))
            return AttributeType(attribute, self._type_name(call.operands[1]))
        operands = [self._operand(operand) for operand in call.operands]
        self._check_distinct(name, operands)
        if name == "contains":
            self._check_kind(name, operands[0], _CONTAINERS)
            return Contains(*operands)
        for operand in operands:
            self._check_kind(name, operand, frozenset({"S", "B"}))
        return BeginsWith(*operands)

    def _operand(self, tree: Syntax) -> Operand:
        if isinstance(tree, PathText):
            return Attr(self.path(tree))
        if isinstance(tree, Placeholder):
            return self.value(tree)
        assert isinstance(tree, Call)
        if tree.function != "size":
            self._refuse_use(tree.function)
        inner = tree.operands[0]
        if isinstance(inner, PathText):
            return Size(Attr(self.path(inner)))
        if isinstance(inner, Call):
            self.required_path("size", inner)
        operand = self._operand(inner)
        self._check_kind("size", operand, _SIZED)
        assert isinstance(operand, Parameter)
        return Parameter(operand.index, operand.kind, sized=True)

    def _refuse_use(self, function: str) -> NoReturn:
        self.refuse(
            "The function is not allowed to be used this way in an expression; function: "
            f"{function}"
        )

    def _type_name(self, operand: Syntax) -> str:
        if not isinstance(operand, Placeholder):
            self._refuse_type("attribute_type", _ANY)
        kind = self.value(operand).kind
        if kind != "S":
            self.refuse_kind("attribute_type", kind)
        name = self._pinned[operand.name]
        if name not in ATTRIBUTE_TYPES:
            self.refuse(f"Invalid attribute type name found; type: {name}, valid types: {_ANY}")
        return str(name)

    def _check_kind(self, operator: str, operand: Operand, kinds: frozenset[str]) -> None:
        kind = static_kind(operand)
        if kind is not None and kind not in kinds:
            self.refuse_kind(operator, kind)

    def _check_distinct(self, operator: str, operands: Sequence[Operand]) -> None:
        first = operands[0]
        if isinstance(first, Attr) and first in operands[1:]:
            self.refuse(
                "The first operand must be distinct from the remaining operands for this operator "
                f"or function; operator: {operator}, first operand: {bound_path_text(first.path)}"
            )
