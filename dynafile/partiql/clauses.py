"""The grammar of clauses: conditions of WHERE, and the changes of an UPDATE.

What is read is what ``expressions`` binds: the same trees as of its own expressions, in which
``IS MISSING`` is ``attribute_not_exists``, and ``set_add`` is ADD.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from dynafile.expressions.condition_parser import MAX_IN_OPERANDS
from dynafile.expressions.syntax import Action, Call, Operation, PathText, Placeholder, Syntax
from dynafile.partiql.lexer import NAME, WORD, Token
from dynafile.partiql.literals import Constant, Value
from dynafile.partiql.reader import Reader
from dynafile.partiql.syntax import Clause

__all__ = ["ClauseReader"]

_TESTS: Final = {"attribute_type": 2, "begins_with": 2, "contains": 2, "size": 1}
_CHANGES: Final = {"list_append": 2, "set_add": 2, "set_delete": 2, "if_not_exists": 2}
_AGGREGATES: Final = frozenset({"count", "sum", "avg", "min", "max"})
_COMPARISONS: Final = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_SET_CLAUSES: Final = {"set_add": "ADD", "set_delete": "DELETE"}


class ClauseReader(Reader):
    """Reads clauses; functions are told by what the clause may have."""

    tests: ClassVar[dict[str, int]] = _TESTS
    """The functions of a condition, with the number of their operands."""

    def __init__(self, text: str, tokens: Sequence[Token] | None = None) -> None:
        super().__init__(text, tokens)
        self._functions = self.tests
        self._slots: list[Value] = []
        self._pinned: list[str] = []
        self._names: dict[str, str] = {}

    def where(self) -> Clause:
        """Read the condition after WHERE."""
        self._begin(self.tests)
        start = self.index
        tree = self._as_condition(self._condition(0), start)
        return self._clause("WHERE clause", tree)

    def changes(self) -> Clause:
        """Read the SET and REMOVE of an UPDATE, any number of each."""
        self._begin(_CHANGES)
        actions: list[Action] = []
        while True:
            if self.accept("SET"):
                actions.append(self._set())
                while self.accept(","):
                    actions.append(self._set())
            elif self.accept("REMOVE"):
                actions.append(Action("REMOVE", self._path()))
                while self.accept(","):
                    actions.append(Action("REMOVE", self._path()))
            elif actions:
                return self._clause("SET clause", tuple(actions))
            else:
                self.fail("SET or REMOVE")

    def _begin(self, functions: dict[str, int]) -> None:
        self._functions, self._slots, self._pinned, self._names = functions, [], [], {}

    def _clause(self, label: str, tree: object) -> Clause:
        return Clause(label, tree, tuple(self._slots), tuple(self._pinned), self._names)

    def _slot(self, value: Value) -> Placeholder:
        self._slots.append(value)
        return Placeholder(f":{len(self._slots) - 1}")

    def _path(self) -> PathText:
        steps = self.path()
        self._names.update((step, step) for step in steps if type(step) is str and step[:1] == "#")
        return PathText(steps)

    # -- conditions -----------------------------------------------------------------------------

    def _condition(self, depth: int) -> Syntax:
        """Read a run of terms; a single operand too, which parentheses may hold."""
        self.check_depth(depth)
        alternatives: list[Syntax] = []
        terms: list[Syntax] = []
        while True:
            negations = 0
            while self.accept("NOT"):
                negations += 1
            start = self.index
            term = self._comparison(depth + negations)
            word = self.keyword
            if negations or terms or alternatives or word in ("AND", "OR"):
                term = self._as_condition(term, start)
            for _ in range(negations):
                term = Operation("NOT", (term,))
            terms.append(term)
            if self.accept("AND"):
                continue
            alternatives.append(terms[0] if len(terms) == 1 else Operation("AND", tuple(terms)))
            terms = []
            if self.accept("OR"):
                continue
            if len(alternatives) == 1:
                return alternatives[0]
            return Operation("OR", tuple(alternatives))

    def _as_condition(self, term: Syntax, start: int) -> Syntax:
        if isinstance(term, (PathText, Placeholder)) or (
            isinstance(term, Call) and term.function == "size"
        ):
            self.refuse("expected a condition, such as a = 1", self.tokens[start].start)
        return term

    def _comparison(self, depth: int) -> Syntax:
        self.check_depth(depth)
        start = self.index
        # Only on the left may parentheses hold a condition; elsewhere they hold an operand.
        if self.kind == "(":
            self.index += 1
            left = self._condition(depth + 1)
            self.require(")")
        else:
            left = self._operand(depth)
        operator = _COMPARISONS.get(self.kind)
        negated = self.keyword == "NOT" and self.keyword_at(self.index + 1) in ("IN", "BETWEEN")
        if operator is None and not negated and self.keyword not in ("IN", "BETWEEN", "IS"):
            if self.kind in ("+", "-"):
                self.refuse("a condition takes no arithmetic; SET does")
            if self.keyword == "LIKE":
                self.refuse("LIKE is not supported; there are begins_with and contains")
            return left
        if isinstance(left, Operation):
            self.refuse("a condition cannot be compared", self.tokens[start].start)
        if operator is not None:
            self.index += 1
            return Operation(operator, (left, self._operand(depth)))
        self.accept("NOT")
        if self.accept("IS"):
            return self._is(left, start)
        found = self._in(left, depth) if self.accept("IN") else self._between(left, depth)
        return Operation("NOT", (found,)) if negated else found

    def _is(self, left: Syntax, start: int) -> Syntax:
        negated = self.accept("NOT")
        if not isinstance(left, PathText):
            self.refuse("IS asks about an attribute", self.tokens[start].start)
        if self.accept("MISSING"):
            return Call("attribute_exists" if negated else "attribute_not_exists", (left,))
        if not self.accept("NULL"):
            self.fail("MISSING or NULL")
        kind = self._slot(Constant("NULL"))
        self._pinned.append(kind.name)
        found = Call("attribute_type", (left, kind))
        return Operation("NOT", (found,)) if negated else found

    def _in(self, left: Syntax, depth: int) -> Syntax:
        end = {"[": "]", "(": ")"}.get(self.kind)
        if end is None:
            self.fail("a list such as [1, 2]")
        self.index += 1
        self._refuse_subquery()
        members = [self._operand(depth + 1)]
        while self.accept(","):
            members.append(self._operand(depth + 1))
        self.require(end)
        if len(members) > MAX_IN_OPERANDS:
            self.refuse(f"IN takes up to {MAX_IN_OPERANDS} values, not {len(members)}")
        return Operation("IN", (left, *members))

    def _between(self, left: Syntax, depth: int) -> Syntax:
        self.require("BETWEEN")
        low = self._operand(depth)
        self.require("AND")
        return Operation("BETWEEN", (left, low, self._operand(depth)))

    # -- operands -------------------------------------------------------------------------------

    def _operand(self, depth: int) -> Syntax:
        """Read a path, a value, a function, or one of these in parentheses."""
        self.check_depth(depth)
        if self.accept("("):
            self._refuse_subquery()
            inner = self._operand(depth + 1)
            self.require(")")
            return inner
        if self.is_value():
            return self._slot(self.value(depth))
        self._refuse_subquery()
        if self.kind == WORD and self.keyword is None and self.tokens[self.index + 1].kind == "(":
            return self._call(depth)
        if self.kind not in (WORD, NAME):
            self.fail("an attribute or a value")
        return self._path()

    def _refuse_subquery(self) -> None:
        if self.keyword == "SELECT":
            self.refuse("subqueries are not supported")
        if self.keyword == "EXISTS":
            self.refuse("EXISTS is a statement by itself, in a transaction")
        if self.keyword == "CASE":
            self.refuse("CASE is not supported")

    def _call(self, depth: int) -> Call:
        token = self.tokens[self.index]
        name = token.text.lower()
        if name in _AGGREGATES:
            self.refuse(f"aggregate functions such as {name.upper()} are not supported")
        expected = self._functions.get(name)
        if expected is None:
            known = ", ".join(sorted(self._functions))
            self.refuse(f"there is no function {token.text} here; there are {known}")
        self.index += 2
        operands = [self._operand(depth + 1)]
        while self.accept(","):
            operands.append(self._operand(depth + 1))
        self.require(")")
        if len(operands) != expected:
            count = "one operand" if expected == 1 else f"{expected} operands"
            self.refuse(f"{name} takes {count}, not {len(operands)}", token.start)
        if name == "attribute_type" and isinstance(operands[1], Placeholder):
            self._pinned.append(operands[1].name)
        return Call(name, tuple(operands))

    # -- changes --------------------------------------------------------------------------------

    def _set(self) -> Action:
        path = self._path()
        self.require("=")
        start = self.tokens[self.index].start
        operand = self._sum(0)
        if not isinstance(operand, Call) or operand.function not in _SET_CLAUSES:
            self._check_sets(operand, start)
            return Action("SET", path, operand)
        of, members = operand.operands
        if of != path:
            self.refuse(f"{operand.function} takes the attribute that it sets", start)
        if not isinstance(members, Placeholder):
            self.refuse(f"{operand.function} takes a set such as <<1, 2>>", start)
        return Action(_SET_CLAUSES[operand.function], path, members)

    def _sum(self, depth: int) -> Syntax:
        left = self._operand(depth)
        if self.kind not in ("+", "-"):
            return left
        operator = self.kind
        self.index += 1
        return Operation(operator, (left, self._operand(depth)))

    def _check_sets(self, operand: Syntax, start: int) -> None:
        if isinstance(operand, (Call, Operation)):
            for inner in operand.operands:
                if isinstance(inner, Call) and inner.function in _SET_CLAUSES:
                    self.refuse(f"{inner.function} stands alone: SET a = {inner.function}", start)
                self._check_sets(inner, start)
