"""The tokens of DynamoDB's expressions, and the error for text that does not fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dynafile.errors import ExpressionError

__all__ = [
    "END",
    "NAME",
    "NUMBER",
    "PLACEHOLDER",
    "VALUE",
    "WORD",
    "Token",
    "syntax_error",
    "tokenize",
]

WORD: Final = "word"
NAME: Final = "name"
VALUE: Final = "value"
NUMBER: Final = "number"
END: Final = "end"

PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_]+")

_TOKEN = re.compile(
    r"""
      (?P<word>   [A-Za-z][A-Za-z0-9_]* )
    | (?P<name>   \#[A-Za-z0-9_]+ )
    | (?P<value>  :[A-Za-z0-9_]+ )
    | (?P<number> [0-9]+ )
    | (?P<sign>   <> | <= | >= | [^\ \t\r\n] )
    """,
    re.VERBOSE,
)


class Token(Struct, frozen=True):
    """A token of an expression: ``kind`` is one of the constants here, or the sign itself."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a text, and an ``END`` after them.

    A character that no token begins with is a sign of its own, which no grammar takes. That
    includes an underscore: DynamoDB wants a placeholder for a name that begins with one.
    """
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        shown = match[0]
        tokens.append(Token(shown if kind == "sign" else kind, shown, match.start(), match.end()))
    tokens.append(Token(END, "<EOF>", len(text), len(text)))
    return tokens


def syntax_error(parameter: str, text: str, tokens: Sequence[Token], index: int) -> ExpressionError:
    """Return DynamoDB's error for a token that does not fit where it stands.

    ``near`` is that token between its neighbours.
    """
    token = tokens[index]
    start = tokens[max(index - 1, 0)].start
    following = tokens[min(index + 1, len(tokens) - 1)]
    end = token.end if following.kind == END else following.end
    near = text[start:end].strip() if token.kind == END else text[start:end]
    return ExpressionError(
        f'Invalid {parameter}: Syntax error; token: "{token.text}", near: "{near}"',
        expression=text,
        position=token.start,
    )
