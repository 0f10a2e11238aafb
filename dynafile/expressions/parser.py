"""What the parsers of all five kinds of expression share: paths, calls, and checks of the text.

The checks here need no placeholder's meaning. They are made in DynamoDB's order: the text as a
whole, its syntax, parentheses, the number of operators, reserved words, functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn

from dynafile.errors import ExpressionError, ValidationError
from dynafile.expressions.lexer import END, NAME, NUMBER, VALUE, WORD, syntax_error, tokenize
from dynafile.expressions.nodes import MAX_DEPTH
from dynafile.expressions.reserved_words import RESERVED_WORDS
from dynafile.expressions.syntax import Call, Parsed, PathText, Placeholder, Syntax

__all__ = ["FUNCTIONS", "MAX_EXPRESSION_BYTES", "MAX_OPERATORS", "Parser"]

MAX_EXPRESSION_BYTES: Final = 4096
MAX_OPERATORS: Final = 300
"""Operators and functions in one expression, AND, OR and NOT included."""

_MAX_INDEX_DIGITS = 9

FUNCTIONS: Final = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
"""Each function with the number of its operands."""


class Parser(ABC):
    """Reads one expression: subclasses add its grammar as ``read``.

    Parentheses and calls recurse, up to ``MAX_DEPTH``; all else is read in loops.
    """

    keywords: ClassVar[frozenset[str]] = frozenset()
    functions: ClassVar[frozenset[str]] = frozenset()
    family: ClassVar[str] = ""

    def __init__(self, parameter: str, text: str) -> None:
        self.parameter = parameter
        self.text = text
        self.index = 0
        self.operators = 0
        self.faults: list[str] = []
        self._names: dict[str, None] = {}
        self._values: dict[str, None] = {}
        self._pinned: dict[str, None] = {}
        self._functions: list[str] = []
        self._reserved: list[str] = []
        self._group = (-1, -1)
        self._redundant = False

    def parse(self) -> Parsed:
        """Return the structure of the text.

        Raises ``ExpressionError`` if there is none, ``ValidationError`` if DynamoDB refuses it.
        """
        if not self.text:
            raise ExpressionError(
                f"Invalid {self.parameter}: The expression can not be empty;",
                expression=self.text,
                position=0,
            )
        size = len(self.text.encode("utf-8", "surrogatepass"))
        if size > MAX_EXPRESSION_BYTES:
            raise self.invalid(
                f"Expression size has exceeded the maximum allowed size; expression size: {size}"
            )
        self.tokens = tokenize(self.text)
        tree = self.read()
        if self.kind != END:
            self.fail()
        self._check()
        names, values, pinned = map(tuple, (self._names, self._values, self._pinned))
        return Parsed(self.parameter, self.text, tree, names, values, pinned)

    @abstractmethod
    def read(self) -> Any:
        """Read the whole expression; what is left over is an error."""

    def _check(self) -> None:
        if self._redundant:
            raise self.invalid("The expression has redundant parentheses;")
        if self.operators > MAX_OPERATORS:
            # DynamoDB stops counting there, too.
            raise self.invalid(
                f"The expression contains too many operators; operator count: {MAX_OPERATORS + 1}"
            )
        for word in self._reserved:
            raise self.invalid(f"Attribute name is a reserved keyword; reserved keyword: {word}")
        for name in self._functions:
            if name not in FUNCTIONS:
                raise self.invalid(f"Invalid function name; function: {name}")
        for name in self._functions:
            if name not in self.functions:
                raise self.invalid(
                    f"The function is not allowed in {self.family} expression; function: {name}"
                )
        for fault in self.faults:
            raise self.invalid(fault)

    def invalid(self, reason: str) -> ValidationError:
        """Return the error that the expression is refused for this reason."""
        return ValidationError(f"Invalid {self.parameter}: {reason}")

    @property
    def kind(self) -> str:
        """The kind of the token to look at."""
        return self.tokens[self.index].kind

    @property
    def keyword(self) -> str | None:
        """The keyword at hand, in upper case; None if the token is none."""
        token = self.tokens[self.index]
        word = token.text.upper() if token.kind == WORD else None
        return word if word in self.keywords else None

    def take(self, kind: str) -> str:
        """Return the text of the token at hand, which must be of a kind, and go on."""
        token = self.tokens[self.index]
        if token.kind != kind:
            self.fail()
        self.index += 1
        return token.text

    def fail(self) -> NoReturn:
        """Raise the error that the token at hand does not fit."""
        raise syntax_error(self.parameter, self.text, self.tokens, self.index)

    def check_depth(self, depth: int) -> None:
        """Refuse what is nested too deeply, before Python does."""
        if depth > MAX_DEPTH:
            raise ExpressionError(
                f"Invalid {self.parameter}: The expression is nested over {MAX_DEPTH} levels deep",
                expression=self.text,
                position=self.tokens[self.index].start,
            )

    def path(self) -> PathText:
        """Read a document path."""
        steps: list[str | int] = [self._step()]
        while True:
            if self.kind == ".":
                self.index += 1
                steps.append(self._step())
            elif self.kind == "[":
                self.index += 1
                steps.append(self._list_index())
                self.take("]")
            else:
                return PathText(tuple(steps))

    def _step(self) -> str:
        if self.kind == NAME:
            placeholder = self.take(NAME)
            self._names[placeholder] = None
            return placeholder
        if self.keyword is not None:
            self.fail()
        word = self.take(WORD)
        if word.upper() in RESERVED_WORDS:
            self._reserved.append(word)
        return word

    def _list_index(self) -> int:
        digits = self.take(NUMBER)
        if len(digits) > _MAX_INDEX_DIGITS:
            self.faults.append(f"List index is not within the allowable range; index: [{digits}]")
            return 0
        return int(digits)

    def placeholder(self) -> Placeholder:
        """Read the placeholder of a value."""
        name = self.take(VALUE)
        self._values[name] = None
        return Placeholder(name)

    def is_call(self) -> bool:
        """Say whether a function begins here."""
        return (
            self.kind == WORD and self.keyword is None and self.tokens[self.index + 1].kind == "("
        )

    def call(self, depth: int) -> Call:
        """Read a function and its operands."""
        name = self.take(WORD)
        self._functions.append(name)
        self.operators += 1
        self.take("(")
        operands = [self.operand(depth + 1)]
        while self.kind == ",":
            self.index += 1
            operands.append(self.operand(depth + 1))
        self.take(")")
        expected = FUNCTIONS.get(name, len(operands))
        if len(operands) != expected:
            self.faults.append(
                "Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(operands)}"
            )
        if name == "attribute_type" and len(operands) == 2:
            kind = operands[1]
            if isinstance(kind, Placeholder):
                self._pinned[kind.name] = None
        return Call(name, tuple(operands))

    def operand(self, depth: int) -> Syntax:
        """Read an operand: a path, a value, a function, or one of these in parentheses."""
        self.check_depth(depth)
        if self.kind == "(":
            return self.group(depth, self.grouped)
        if self.kind == VALUE:
            return self.placeholder()
        return self.call(depth) if self.is_call() else self.path()

    def group(self, depth: int, read: Callable[[int], Syntax]) -> Syntax:
        """Read parentheses; ``read`` reads what is in them."""
        opened = self.index
        self.take("(")
        inner = read(depth + 1)
        closed = self.index
        self.take(")")
        if self._group == (opened + 1, closed - 1):
            self._redundant = True
        self._group = (opened, closed)
        return inner

    def grouped(self, depth: int) -> Syntax:
        """Read what may stand in the parentheses of an operand."""
        return self.operand(depth)
