r"""The tokens of filter strings: a reader that yields one at a time, and what they stand for.

Where a token begins and ends is decided here, in one pass; what the text of a date, time,
integer or subnet stands for is asked of ``filtration``'s own grammar. The others are read
without it: its names are ASCII only; its strings take no backslash before an x, and lose their
tabs; its patterns have ``\\n``, a backslash and an n, turned into a backslash and a newline.
"""

from __future__ import annotations

import ipaddress
import re
import threading
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NoReturn

from msgspec import Struct

from dynafile.errors import ExpressionError, MissingExtra

__all__ = ["END", "Token", "TokenReader", "syntax_error"]

END = "end"

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\W\d][\w.]*")
_NAME_REST = re.compile(r"[\w.]*")
_TOKEN = re.compile(
    r"""
      (?P<subnet> \d+ (?: \. \d+ ){3} / \d+ )
    | (?P<date>   \d+ - \d+ - \d+
                  (?: (?: \s* T \s* | \s+ ) \d+ : \d+ : \d+ (?P<zone> Z | [+-]\d\d:\d\d )? )? )
    | (?P<time>   \d+ : \d+ : \d+ )
    | (?P<number> -? \d+ (?P<fraction> (?: \. \d+ )? (?: [eE] [+-]? \d+ )? ) )
    | (?P<string> " (?: [^"\\\r\n] | "" | \\[^\r\n] )* " | ' (?: [^'\\\r\n] | '' | \\[^\r\n] )* ' )
    | (?P<regex>  / (?: [^/\\\r\n] | \\[^\r\n] )* / [a-zA-Z]* )
    | (?P<sign>   == | != | <= | >= | =~ | <(?!>) | > | [(),\[\]] )
    """,
    re.VERBOSE | re.ASCII,
)
_WORDS = frozenset({"and", "or", "xor", "not", "in"})
_CONSTANTS = {"true": True, "false": False, "null": None}
_ESCAPED = re.compile(r"""\\(["'\\])|""|''""")
_REGEX_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_HINTS = {
    "=": "; equality is written ==",
    "<": "; inequality is written !=",
    "&": "; write and",
    "|": "; write or",
    "!": "; negation is written not",
    '"': ", a string that does not end",
    "'": ", a string that does not end",
    "/": ", a regular expression that does not end",
}

# pyparsing adapts the parse actions of a grammar when it first runs them, without a lock.
_grammar_lock = threading.Lock()


class Token(Struct, frozen=True):
    """A token: what it is, what its text stands for, and where it is.

    ``kind`` is ``name``, ``value``, ``time``, ``subnet``, ``regex`` or ``end``; a sign, or a
    word such as ``and`` in lower case, is its own kind. A word is only ever a whole name:
    ``android`` and ``notes.order`` are names.
    """

    kind: str
    value: Any
    start: int
    end: int


def syntax_error(text: str, position: int, reason: str) -> ExpressionError:
    """Return the error for a filter string that stops making sense at a position."""
    rest = text[position : position + 40]
    dots = "..." if len(text) > position + 40 else ""
    where = f"before {rest + dots!r}" if rest.strip() else "at its end"
    return ExpressionError(
        f"the filter does not parse: {reason}, at position {position}, {where}",
        expression=text,
        position=position,
    )


class TokenReader:
    """Reads the tokens of a filter string one after the other.

    ``token`` is the one to look at. Making a reader raises ``MissingExtra`` without
    ``filtration``, and text that is no token raises ``ExpressionError`` when it is reached.
    """

    def __init__(self, text: str) -> None:
        self._grammar = _load_grammar()
        self.text = text
        self.token = self._read(0)

    def advance(self) -> Token:
        """Go on to the next token, and return the one that was there."""
        token = self.token
        self.token = self._read(token.end)
        return token

    def fail(self, expected: str) -> NoReturn:
        """Raise the error that something else was expected where the current token is."""
        raise syntax_error(self.text, self.token.start, f"expected {expected}")

    def _read(self, position: int) -> Token:
        text = self.text
        space = _SPACE.match(text, position)
        start = space.end() if space else position
        if start == len(text):
            return Token(END, None, start, start)
        name = _NAME.match(text, start)
        if name is not None:
            return _name_token(text, start, _name_end(text, name.end()))
        match = _TOKEN.match(text, start)
        if match is None:
            character = text[start]
            reason = f"unexpected {character!r}{_HINTS.get(character, '')}"
            raise syntax_error(text, start, reason)
        end = match.end()
        if match["sign"]:
            return Token(match[0], None, start, end)
        if match["string"]:
            return Token("value", _unquote(match[0]), start, end)
        if match["regex"]:
            return Token("regex", _compile_regex(text, start, end), start, end)
        if _NAME.match(text, end) or text.startswith(".", end):
            raise syntax_error(text, end, f"unexpected {text[end]!r} after {match[0]!r}")
        kind = match.lastgroup
        return Token(
            kind if kind == "time" or kind == "subnet" else "value",
            self._literal(match, start),
            start,
            end,
        )

    def _literal(self, match: re.Match[str], start: int) -> Any:
        with _grammar_lock:
            try:
                return _LITERALS[match.lastgroup or ""](self._grammar, match)
            except self._grammar.ParseException:
                fault = ""
            except (ValueError, ArithmeticError) as error:
                fault = f" ({str(error)[:80]})"
        lexeme = match[0] if len(match[0]) <= 40 else f"{match[0][:40]}..."
        raise syntax_error(self.text, start, f"{lexeme!r} is no {match.lastgroup}{fault}")


def _load_grammar() -> Any:
    try:
        import filtration
    except ImportError as error:
        raise MissingExtra(
            'filter strings need the package filtration: pip install "dynafile[filter]"',
            extra="filter",
        ) from error
    return filtration


def _name_end(text: str, end: int) -> int:
    # A combining mark belongs to its letter, and is no word character to `re`.
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        rest = _NAME_REST.match(text, end + 1)
        end = rest.end() if rest else end + 1
    return end


def _name_token(text: str, start: int, end: int) -> Token:
    name = text[start:end]
    if name in _CONSTANTS:
        return Token("value", _CONSTANTS[name], start, end)
    word = name.lower()
    return Token(word if word in _WORDS else "name", name, start, end)


def _compile_regex(text: str, start: int, end: int) -> re.Pattern[str]:
    slash = text.rindex("/", start, end)
    flags = 0
    for position in range(slash + 1, end):
        flag = _REGEX_FLAGS.get(text[position])
        if flag is None:
            reason = f"unknown flag {text[position]!r} of a regular expression; there are i, m, s"
            raise syntax_error(text, position, reason)
        flags |= flag
    try:
        return re.compile(text[start + 1 : slash], flags)
    except re.error as error:
        position = start + 1 + (error.pos or 0)
        raise syntax_error(text, position, f"a bad regular expression: {error.msg}") from None
    except (RecursionError, OverflowError):
        raise syntax_error(text, start, "a regular expression too large to compile") from None


def _unquote(text: str) -> str:
    quote = text[0]
    other = "'" if quote == '"' else '"'

    def plain(match: re.Match[str]) -> str:
        return match[1] or (match[0] if match[0][0] == other else quote)

    return _ESCAPED.sub(plain, text[1:-1])


def _parsed(element: Any, text: str) -> Any:
    return element.parse_string(text, parse_all=True)[0].value


def _number(grammar: Any, match: re.Match[str]) -> int | Decimal:
    text = match[0]
    if match["fraction"]:
        number = Decimal(text)
        if not number.is_finite():
            raise ValueError("out of range")
        return number
    value: int = _parsed(grammar.Value, text.lstrip("-"))
    return -value if text.startswith("-") else value


def _date(grammar: Any, match: re.Match[str]) -> datetime:
    zone = match["zone"]
    if not zone:
        value: datetime = _parsed(grammar.Value, match[0])
        return value
    value = _parsed(grammar.Value, match[0].removesuffix(zone))
    if zone == "Z":
        return value.replace(tzinfo=UTC)
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return value.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))


def _time(grammar: Any, match: re.Match[str]) -> Any:
    return grammar.Time.parse_string(match[0], parse_all=True)[0].time()


def _subnet(grammar: Any, match: re.Match[str]) -> ipaddress.IPv4Network:
    grammar.Subnet.parse_string(match[0], parse_all=True)
    return ipaddress.IPv4Network(match[0], strict=False)


_LITERALS = {
    "number": _number,
    "date": _date,
    "time": _time,
    "subnet": _subnet,
}
