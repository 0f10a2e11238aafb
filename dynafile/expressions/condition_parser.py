"""The grammar of condition, filter and key condition expressions."""

from __future__ import annotations

from typing import ClassVar, Final

from dynafile.expressions.parser import Parser
from dynafile.expressions.syntax import Operation, PathText, Placeholder, Syntax

__all__ = ["MAX_IN_OPERANDS", "ConditionParser"]

MAX_IN_OPERANDS: Final = 100

_OPERATORS = frozenset({"=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN"})


class ConditionParser(Parser):
    """Reads a condition: comparisons and functions, joined by NOT, AND and OR."""

    keywords: ClassVar[frozenset[str]] = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})
    functions: ClassVar[frozenset[str]] = frozenset(
        {
            "attribute_exists",
            "attribute_not_exists",
            "attribute_type",
            "begins_with",
            "contains",
            "size",
        }
    )
    family: ClassVar[str] = "a condition"

    def read(self) -> Syntax:
        """Read the whole condition."""
        condition = self._expression(0)
        self._require_condition(condition)
        return condition

    def _expression(self, depth: int) -> Syntax:
        """Read a run of terms; a single operand too, which parentheses may hold."""
        self.check_depth(depth)
        alternatives: list[Syntax] = []
        terms: list[Syntax] = []
        while True:
            negations = self._negations()
            term = self._comparison(depth + negations)
            word = self.keyword
            if negations or terms or alternatives or word in ("AND", "OR"):
                self._require_condition(term)
            for _ in range(negations):
                term = Operation("NOT", (term,))
            terms.append(term)
            if word == "AND":
                self._operator()
                continue
            alternatives.append(terms[0] if len(terms) == 1 else Operation("AND", tuple(terms)))
            terms = []
            if word == "OR":
                self._operator()
                continue
            if len(alternatives) == 1:
                return alternatives[0]
            return Operation("OR", tuple(alternatives))

    def _negations(self) -> int:
        count = 0
        while self.keyword == "NOT":
            self._operator()
            count += 1
        return count

    def _comparison(self, depth: int) -> Syntax:
        # Only on the left may parentheses hold a condition; elsewhere they hold an operand.
        grouped = self.kind == "("
        left = self.group(depth, self._expression) if grouped else self.operand(depth)
        operator = self.keyword or self.kind
        if operator not in _OPERATORS:
            return left
        if isinstance(left, Operation):
            self.fail()
        self._operator()
        if operator == "IN":
            return Operation(operator, (left, *self._members(depth)))
        right = self.operand(depth)
        if operator != "BETWEEN":
            return Operation(operator, (left, right))
        if self.keyword != "AND":
            self.fail()
        self.index += 1
        return Operation(operator, (left, right, self.operand(depth)))

    def _members(self, depth: int) -> list[Syntax]:
        self.take("(")
        members = [self.operand(depth)]
        while self.kind == ",":
            self.index += 1
            members.append(self.operand(depth))
        self.take(")")
        if len(members) > MAX_IN_OPERANDS:
            self.faults.append(
                "The IN operator is provided with too many operands; number of operands: "
                f"{len(members)}"
            )
        return members

    def _operator(self) -> None:
        self.operators += 1
        self.index += 1

    def _require_condition(self, term: Syntax) -> None:
        if isinstance(term, (PathText, Placeholder)):
            self.fail()
