"""The tokens of PartiQL statements, and the error for text that does not fit."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from dynafile.errors import StatementError

__all__ = ["END", "NAME", "NUMBER", "STRING", "WORD", "Token", "statement_error", "tokenize"]

WORD: Final = "word"
NAME: Final = "name"
STRING: Final = "string"
NUMBER: Final = "number"
END: Final = "end"

_PREFIX: Final = "Statement wasn't well formed, can't be processed: "

_SPACE = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*", re.DOTALL | re.ASCII)
_TOKEN = re.compile(
    r"""
      (?P<word>   [A-Za-z_$][A-Za-z0-9_$]* )
    | (?P<name>   " (?: [^"] | "" )* " )
    | (?P<string> ' (?: [^'] | '' )* ' )
    | (?P<number> (?: [0-9]+ (?: \. [0-9]* )? | \. [0-9]+ ) (?: [eE] [+-]? [0-9]+ )? )
    | (?P<sign>   << | >> | <> | != | <= | >= | [-+*=<>(){}\[\],.:;?] )
    """,
    re.VERBOSE,
)
_UNENDED: Final = {
    "'": "a string that does not end",
    '"': "a quoted name that does not end",
    "/": "a comment that does not end, or a sign that PartiQL here has not",
}


class Token(Struct, frozen=True):
    """A token: ``kind`` is one of the constants here, or the sign itself.

    ``text`` is what it stands for: of a string or a quoted name without the quotes.
    """

    kind: str
    text: str
    start: int


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a statement, and an ``END`` after them. Raises ``StatementError``."""
    tokens = []
    position = _after_space(text, 0)
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            reason = _UNENDED.get(character, f"unexpected {character!r}")
            raise statement_error(text, position, reason)
        shown = match[0]
        kind = match.lastgroup or ""
        if kind in (NAME, STRING):
            quote = shown[0]
            tokens.append(Token(kind, shown[1:-1].replace(quote * 2, quote), position))
        else:
            tokens.append(Token(shown if kind == "sign" else kind, shown, position))
        position = _after_space(text, match.end())
    tokens.append(Token(END, "", len(text)))
    return tokens


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match is not None else position


def statement_error(text: str, position: int, reason: str) -> StatementError:
    """Return the error for a statement that stops making sense at a position."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return StatementError(
        f"{_PREFIX}{reason}, at line {line}, column {column}",
        expression=text,
        position=position,
        line=line,
        column=column,
    )
