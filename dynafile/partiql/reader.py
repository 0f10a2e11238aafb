"""What the parsers of clauses and of statements share: tokens, names, paths and values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final, NoReturn

from dynafile.errors import InvalidNumber
from dynafile.expressions.nodes import MAX_DEPTH
from dynafile.expressions.paths import Path
from dynafile.partiql.lexer import (
    END,
    NAME,
    NUMBER,
    STRING,
    WORD,
    Token,
    statement_error,
    tokenize,
)
from dynafile.partiql.literals import Constant, ListOf, MapOf, Marker, SetOf, Value
from dynafile.values import check_number

__all__ = ["KEYWORDS", "Reader"]

_WORDS: Final = """
    SELECT FROM WHERE ORDER BY AND OR NOT IN BETWEEN IS NULL MISSING TRUE FALSE INSERT INTO
    UPDATE SET REMOVE DELETE RETURNING EXISTS AS ASC DESC LIKE GROUP HAVING LIMIT OFFSET JOIN INNER
    LEFT RIGHT FULL OUTER CROSS ON UNION INTERSECT EXCEPT DISTINCT CASE WHEN UNNEST
"""
KEYWORDS: Final = frozenset(_WORDS.split())
"""Words that name nothing unless they are in double quotes."""

_SIMPLE: Final = {
    "TRUE": Constant(True),
    "FALSE": Constant(False),
    "NULL": Constant(None),
}
_MAX_INDEX_DIGITS: Final = 9


class Reader:
    """Reads the tokens of a statement. What recurses does so up to ``MAX_DEPTH``."""

    keywords: ClassVar[frozenset[str]] = KEYWORDS

    def __init__(self, text: str, tokens: Sequence[Token] | None = None) -> None:
        self.text = text
        self.tokens = tokenize(text) if tokens is None else tokens
        self.index = 0
        self.markers = 0

    @property
    def kind(self) -> str:
        """The kind of the token to look at."""
        return self.tokens[self.index].kind

    @property
    def keyword(self) -> str | None:
        """The keyword at hand, in upper case; None if the token is none."""
        return self.keyword_at(self.index)

    def keyword_at(self, index: int) -> str | None:
        """Return the keyword at an index of the tokens, or None."""
        token = self.tokens[min(index, len(self.tokens) - 1)]
        word = token.text.upper() if token.kind == WORD else None
        return word if word in self.keywords else None

    def accept(self, *words: str) -> bool:
        """Go past keywords or signs, if these are what comes next."""
        for offset, word in enumerate(words):
            token = self.tokens[min(self.index + offset, len(self.tokens) - 1)]
            if token.kind != word and not (token.kind == WORD and token.text.upper() == word):
                return False
        self.index += len(words)
        return True

    def require(self, word: str) -> None:
        """Go past a keyword or a sign, which must be what comes next."""
        if not self.accept(word):
            self.fail(word)

    def fail(self, expected: str) -> NoReturn:
        """Raise the error that something else was expected where the current token is."""
        token = self.tokens[self.index]
        shown = "the end" if token.kind == END else repr(token.text)
        self.refuse(f"expected {expected}, not {shown}")

    def refuse(self, reason: str, position: int | None = None) -> NoReturn:
        """Raise the error that the statement is refused, by default at the current token."""
        where = self.tokens[self.index].start if position is None else position
        raise statement_error(self.text, where, reason)

    def check_depth(self, depth: int) -> None:
        """Refuse what is nested too deeply, before Python does."""
        if depth > MAX_DEPTH:
            self.refuse(f"it is nested over {MAX_DEPTH} levels deep")

    def name(self, what: str) -> str:
        """Read a name: a word that is no keyword, or whatever is in double quotes."""
        token = self.tokens[self.index]
        if token.kind == NAME:
            if not token.text:
                self.refuse(f"{what} must not be empty")
        elif token.kind != WORD:
            self.fail(what)
        elif token.text.upper() in self.keywords:
            self.refuse(
                f'expected {what}, not the keyword {token.text}; as a name it is written "'
                f'{token.text}"'
            )
        self.index += 1
        return token.text

    def path(self) -> Path:
        """Read a document path: ``a.b[0]``, ``"a b"."c"``, ``a['b']``."""
        steps: list[str | int] = [self._root()]
        while True:
            if self.accept("."):
                steps.append(self._member())
            elif self.kind == "[":
                self.index += 1
                steps.append(self._step())
                self.require("]")
            else:
                return tuple(steps)

    def _root(self) -> str:
        """Read the name that a path begins with."""
        return self.name("an attribute name")

    def _member(self) -> str:
        """Read the name behind a dot."""
        return self.name("an attribute name")

    def _step(self) -> str | int:
        token = self.tokens[self.index]
        if token.kind == STRING and token.text:
            self.index += 1
            return token.text
        if token.kind != NUMBER or not token.text.isdigit():
            self.fail("a list index, or a name in single quotes")
        if len(token.text) > _MAX_INDEX_DIGITS:
            self.refuse("the list index is too large")
        self.index += 1
        return int(token.text)

    # -- values ---------------------------------------------------------------------------------

    def is_value(self) -> bool:
        """Say whether a literal or a parameter begins here."""
        return self.kind in (STRING, NUMBER, "?", "-", "+", "[", "{", "<<") or (
            self.keyword in ("TRUE", "FALSE", "NULL", "MISSING")
        )

    def value(self, depth: int) -> Value:
        """Read a literal or a parameter."""
        self.check_depth(depth)
        token = self.tokens[self.index]
        if token.kind == STRING:
            self.index += 1
            return Constant(token.text)
        if token.kind in (NUMBER, "-", "+"):
            return self._number()
        if self.accept("?"):
            self.markers += 1
            return Marker(self.markers - 1)
        if self.accept("["):
            return ListOf(self._members("]", depth))
        if self.accept("<<"):
            return SetOf(self._members(">>", depth))
        if self.accept("{"):
            return self._map(depth)
        constant = _SIMPLE.get(self.keyword or "")
        if constant is None:
            if self.keyword == "MISSING":
                self.refuse("MISSING is no value here; write IS MISSING, or REMOVE")
            self.fail("a value")
        self.index += 1
        return constant

    def _number(self) -> Constant:
        start = self.tokens[self.index].start
        negative = self.kind == "-"
        if self.kind in ("-", "+"):
            self.index += 1
        token = self.tokens[self.index]
        if token.kind != NUMBER:
            self.fail("a number")
        self.index += 1
        try:
            number = Decimal(token.text).copy_negate() if negative else Decimal(token.text)
            check_number(number, token.text[:50])
        except InvalidNumber as error:
            self.refuse(error.message, start)
        except ArithmeticError:  # an exponent of twenty digits
            self.refuse(f"{token.text[:50]} is out of range", start)
        return Constant(int(number) if token.text.isdigit() else number)

    def _members(self, end: str, depth: int) -> tuple[Value, ...]:
        members: list[Value] = []
        while not self.accept(end):
            if members:
                self.require(",")
            members.append(self.value(depth + 1))
        return tuple(members)

    def _map(self, depth: int) -> MapOf:
        members: dict[str, Value] = {}
        first = True
        while not self.accept("}"):
            if not first:
                self.require(",")
            first = False
            name = self.tokens[self.index]
            if name.kind != STRING:
                self.fail("an attribute name in single quotes")
            if name.text in members:
                self.refuse(f"the map has {name.text!r} twice")
            self.index += 1
            self.require(":")
            if not self.accept("MISSING"):
                members[name.text] = self.value(depth + 1)
        return MapOf(tuple(members.items()))
