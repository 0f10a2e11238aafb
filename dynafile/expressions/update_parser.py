"""The grammars of update and projection expressions."""

from __future__ import annotations

from typing import ClassVar

from dynafile.expressions.lexer import END
from dynafile.expressions.parser import Parser
from dynafile.expressions.syntax import Action, Operation, PathText, Syntax

__all__ = ["ProjectionParser", "UpdateParser"]


class UpdateParser(Parser):
    """Reads an update: SET, REMOVE, ADD and DELETE, each at most once, in any order."""

    keywords: ClassVar[frozenset[str]] = frozenset({"SET", "REMOVE", "ADD", "DELETE"})
    functions: ClassVar[frozenset[str]] = frozenset({"if_not_exists", "list_append"})
    family: ClassVar[str] = "an update"

    def read(self) -> tuple[Action, ...]:
        """Read the clauses."""
        seen: set[str] = set()
        actions: list[Action] = []
        while not actions or self.kind != END:
            clause = self.keyword
            if clause is None:
                self.fail()
            if clause in seen:
                self.faults.append(
                    f'The "{clause}" section can only be used once in an update expression;'
                )
            seen.add(clause)
            self.index += 1
            actions.append(self._action(clause))
            while self.kind == ",":
                self.index += 1
                actions.append(self._action(clause))
        return tuple(actions)

    def _action(self, clause: str) -> Action:
        path = self.path()
        if clause == "REMOVE":
            return Action(clause, path)
        if clause != "SET":
            return Action(clause, path, self.placeholder())
        self.take("=")
        return Action(clause, path, self.grouped(0))

    def grouped(self, depth: int) -> Syntax:
        """Read what SET assigns: an operand, or the sum or difference of two."""
        left = self.operand(depth)
        operator = self.kind
        if operator not in ("+", "-"):
            return left
        self.operators += 1
        self.index += 1
        return Operation(operator, (left, self.operand(depth)))


class ProjectionParser(Parser):
    """Reads a projection: document paths, with commas between them."""

    def read(self) -> tuple[PathText, ...]:
        """Read the paths."""
        paths = [self.path()]
        while self.kind == ",":
            self.index += 1
            paths.append(self.path())
        return tuple(paths)
