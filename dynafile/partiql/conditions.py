"""Conditions that stand alone, in a text of something else: the WHERE of no statement.

The grammar is that of WHERE, with these differences: only a few words are keywords, and after a dot
none is; ``attribute_exists`` and ``attribute_not_exists`` are functions, in place of IS; a path
that stands where a condition should is true if its value is; and whoever reads the text may have
operands of its own, which are told by a regular expression, and count as names. Comments are ``//``
and ``/* */``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final, NoReturn

from dynafile.errors import ExpressionError
from dynafile.expressions.syntax import Operation, PathText, Placeholder, Syntax
from dynafile.partiql.clauses import ClauseReader
from dynafile.partiql.lexer import END, NAME, NUMBER, STRING, WORD, Token
from dynafile.partiql.literals import Constant
from dynafile.partiql.syntax import Clause

__all__ = ["MAX_CONDITION", "ConditionReader", "read_clause", "skip_space"]

MAX_CONDITION: Final = 4096
"""Characters in a condition."""

_SPACE = re.compile(r"(?:[ \t\r\n]|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
_TOKEN = re.compile(
    r"""
      (?P<word>   [A-Za-z_$][A-Za-z0-9_$]* )
    | (?P<name>   " (?: [^"\r\n] | "" )* " )
    | (?P<string> ' (?: [^'\r\n] | '' )* ' )
    | (?P<number> (?: [0-9]+ (?: \. [0-9]* )? | \. [0-9]+ ) (?: [eE] [+-]? [0-9]+ )? )
    | (?P<sign>   <> | != | <= | >= | == | && | \|\| | [-+*=<>()\[\],.:!] )
    """,
    re.VERBOSE,
)
_ENDS: Final = frozenset(";{}")
_UNENDED: Final = {
    "'": "a text that does not end on its line",
    '"': "a quoted name that does not end on its line",
    "/": "a comment that does not end, or a path outside of get(...) and exists(...)",
}
_ELSEWHERE: Final = {
    "==": "equality is written =",
    "&&": "write AND",
    "||": "write OR",
    "!": "write NOT",
}
"""What other languages have, and how it is written here."""


def skip_space(text: str, position: int) -> int:
    """Return where the next thing begins that is neither blank nor a comment."""
    match = _SPACE.match(text, position)
    return match.end() if match is not None else position


def read_clause(
    text: str, start: int, operands: re.Pattern[str] | None
) -> tuple[Clause, list[tuple[str, int]], int]:
    """Read a condition that ends before a semicolon, a brace or the end of the text.

    Return it, the names that its paths begin with and where, and its end. Raises
    ``ExpressionError`` with the position in the text.
    """
    tokens = _tokenize(text, start, operands)
    reader = ConditionReader(text, tokens)
    clause = reader.where()
    if reader.kind != END:
        reader.fail("AND, OR or the end of the condition")
    return clause, reader.roots, tokens[-1].start


class ConditionReader(ClauseReader):
    """Reads one condition from tokens of its own."""

    keywords: ClassVar[frozenset[str]] = frozenset(
        {"AND", "OR", "NOT", "IN", "BETWEEN", "TRUE", "FALSE", "NULL"}
    )
    tests: ClassVar[dict[str, int]] = ClauseReader.tests | {
        "attribute_exists": 1,
        "attribute_not_exists": 1,
    }

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        super().__init__(text, tokens)
        self.roots: list[tuple[str, int]] = []

    def refuse(self, reason: str, position: int | None = None) -> NoReturn:
        """Raise the error that the condition is refused, by default at the current token."""
        where = self.tokens[self.index].start if position is None else position
        raise ExpressionError(reason, expression=self.text, position=where)

    def fail(self, expected: str) -> NoReturn:
        """Raise the error that something else was expected where the current token is."""
        token = self.tokens[self.index]
        if token.kind in _ELSEWHERE:
            self.refuse(_ELSEWHERE[token.kind])
        shown = "the end" if token.kind == END and not token.text else repr(token.text[:40])
        self.refuse(f"expected {expected}, not {shown}")

    def _root(self) -> str:
        """Read the name that a path begins with, or an operand of the caller's."""
        token = self.tokens[self.index]
        name = self.name("a name")
        self.roots.append((token.text, token.start))
        return name

    def is_value(self) -> bool:
        """Say whether a literal begins here."""
        return self.kind in (STRING, NUMBER, "-", "+", "[") or (
            self.keyword in ("TRUE", "FALSE", "NULL")
        )

    def _member(self) -> str:
        token = self.tokens[self.index]
        quoted = token.kind == NAME and self.text[token.start] == '"' and token.text
        if token.kind != WORD and not quoted:
            self.fail("a name after the dot")
        self.index += 1
        return token.text

    def _as_condition(self, term: Syntax, start: int) -> Syntax:
        if isinstance(term, Placeholder):
            value = self._slots[int(term.name[1:])]
            if not isinstance(value, Constant) or not isinstance(value.value, bool):
                self.refuse("expected a condition, such as a = 1", self.tokens[start].start)
        if isinstance(term, (PathText, Placeholder)):
            return Operation("=", (term, self._slot(Constant(True))))
        return super()._as_condition(term, start)


def _tokenize(text: str, start: int, operands: re.Pattern[str] | None) -> list[Token]:
    tokens: list[Token] = []
    position = skip_space(text, start)
    first = position
    while position < len(text) and text[position] not in _ENDS:
        match = operands.match(text, position) if operands is not None else None
        if match is not None:
            tokens.append(Token(NAME, match[0], position))
        else:
            match = _TOKEN.match(text, position)
            if match is None:
                character = text[position]
                reason = _UNENDED.get(character, f"unexpected {character!r}")
                raise ExpressionError(reason, expression=text, position=position)
            tokens.append(_token(match))
        if match.end() - first > MAX_CONDITION:
            reason = f"a condition has at most {MAX_CONDITION} characters"
            raise ExpressionError(reason, expression=text, position=first)
        position = skip_space(text, match.end())
    tokens.append(Token(END, text[position : position + 1], position))
    return tokens


def _token(match: re.Match[str]) -> Token:
    kind, shown = match.lastgroup or "", match[0]
    if kind in (NAME, STRING):
        quote = shown[0]
        return Token(kind, shown[1:-1].replace(quote * 2, quote), match.start())
    return Token(shown if kind == "sign" else kind, shown, match.start())
