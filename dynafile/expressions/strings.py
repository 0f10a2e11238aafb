r"""Filter strings: the language of the package ``filtration``, with a parser of our own.

.. code-block:: text

    filter     = term { ("and" | "xor" | "or") term }     and binds tighter than xor, xor than or
    term       = { "not" } ( "(" filter ")" | statement )
    statement  = name | operand operator operand
    operator   = "==" "!=" "<" "<=" ">" ">=" "in" "=~"
    operand    = name | value                             after an operator also:
                 | value "," value { "," value } | "(" values ")" | "[" values "]"
                 | subnet | regex
    name       = address.city, tags.0                     maps by name, lists by index
    value      = 12 | -0.5 | "text" | 'text' | true | false | null
                 | 2024-05-01 | 2024-05-01T12:00:00 | 2024-05-01 12:00:00+02:00 | 12:00:00
    subnet     = 10.0.0.0/8
    regex      = /pattern/ims

Words are case-insensitive. ``\"``, ``\'`` and ``\\`` in a string, and ``\/`` in a pattern,
stand for the character itself; any other backslash stays.

- A name alone says that the attribute exists, be it null. ``a.b`` is the attribute called
  "a.b" if there is one, and else ``b`` in the map ``a``.
- A comparison with a missing attribute, or of two types that have no common order, is false,
  ``!=`` included: ``age != 1`` holds for numbers other than 1. Only ``!= null`` asks something
  else: whether there is a value that is not null.
- ``in`` asks whether a value is one of a list, an address (or any of a list of them) in a
  subnet, or a value in an attribute: a part of a string, a member of a list or set, a name in
  a map. ``=~`` searches a string, or any of a list of them.
- A date stands for its midnight, a time for that time on the day the filter is evaluated.

``filtration`` parses and/or/not with pyparsing's ``infix_notation``, which we do not use: it
is exponential in nested parentheses, takes ``note`` for ``not e``, ignores what follows the
part that it understood, and there is no ``xor``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from dynafile.expressions.closures import Filter, all_of, any_of, negation, odd_of
from dynafile.expressions.statements import Operand, exists, statement
from dynafile.expressions.tokens import END, Token, TokenReader, syntax_error

__all__ = ["MAX_DEPTH", "parse_string"]

MAX_DEPTH = 200
"""Parentheses within parentheses, and the closures they give within one another."""

_PRECEDENCE = {"or": 1, "xor": 2, "and": 3}
_COMBINE: dict[str, Callable[[Sequence[Filter]], Filter]] = {
    "or": any_of,
    "xor": odd_of,
    "and": all_of,
}
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "=~")
_CLOSING = {"(": ")", "[": "]"}


def parse_string(text: str) -> Filter:
    """Return the closure that a filter string stands for. Takes time linear in its length.

    Raises ``ExpressionError``, and ``MissingExtra`` without ``filtration``.
    """
    reader = TokenReader(text)
    if reader.token.kind == END:
        raise syntax_error(text, 0, "it is empty; pass None for no filter")
    levels = [_Level()]
    while True:
        levels[-1].inverted ^= _count_nots(reader) % 2 == 1
        if reader.token.kind == "(":
            if len(levels) > MAX_DEPTH:
                position = reader.token.start
                raise syntax_error(text, position, f"over {MAX_DEPTH} nested parentheses")
            reader.advance()
            levels.append(_Level())
            continue
        levels[-1].add(_read_statement(reader))
        while reader.token.kind == ")" and len(levels) > 1:
            reader.advance()
            inner = levels.pop().close()
            levels[-1].add(inner)
        kind = reader.token.kind
        if kind in _PRECEDENCE:
            reader.advance()
            levels[-1].operate(kind)
        elif kind == END and len(levels) == 1:
            return levels[0].close()
        else:
            reader.fail("and, or, xor" + (" or )" if len(levels) > 1 else ", or the end"))


class _Level:
    """What is between two parentheses, so far: runs of terms, each joined by one operator.

    ``runs`` holds operators of rising precedence, each with the terms to its left.
    """

    def __init__(self) -> None:
        self.inverted = False
        self.runs: list[tuple[str, list[Filter]]] = []
        self.last: Filter | None = None

    def add(self, term: Filter) -> None:
        self.last = negation(term) if self.inverted else term
        self.inverted = False

    def operate(self, operator: str) -> None:
        self._close_runs(_PRECEDENCE[operator])
        if not self.runs or self.runs[-1][0] != operator:
            self.runs.append((operator, []))
        self.runs[-1][1].append(self._take())

    def close(self) -> Filter:
        self._close_runs(0)
        return self._take()

    def _close_runs(self, precedence: int) -> None:
        while self.runs and _PRECEDENCE[self.runs[-1][0]] > precedence:
            operator, terms = self.runs.pop()
            terms.append(self._take())
            self.last = _COMBINE[operator](terms)

    def _take(self) -> Filter:
        assert self.last is not None
        term, self.last = self.last, None
        return term


def _count_nots(reader: TokenReader) -> int:
    count = 0
    while reader.token.kind == "not":
        reader.advance()
        count += 1
    return count


def _read_statement(reader: TokenReader) -> Filter:
    left = _read_left(reader)
    operator = reader.token
    if operator.kind not in _OPERATORS:
        if left.kind == "name":
            return exists(left.value)
        reader.fail("a comparison")
    reader.advance()
    right_token = reader.token
    right = _read_right(reader, operator.kind)
    if operator.kind == "=~" and right.kind != "regex":
        _fail_at(reader, right_token, "=~ takes a /regular expression/")
    if operator.kind != "=~" and right.kind == "regex":
        _fail_at(reader, right_token, f"a regular expression goes with =~, not {operator.kind}")
    if operator.kind != "in" and right.kind == "subnet":
        _fail_at(reader, right_token, f"a subnet goes with in, not {operator.kind}")
    return statement(left, operator.kind, right)


def _read_left(reader: TokenReader) -> Operand:
    if reader.token.kind not in ("name", "value", "time"):
        reader.fail("a name or a value")
    token = reader.advance()
    return Operand(token.kind, token.value)


def _read_right(reader: TokenReader, operator: str) -> Operand:
    kind = reader.token.kind
    if kind in _CLOSING:
        reader.advance()
        members = _read_values(reader)
        if reader.token.kind != _CLOSING[kind]:
            reader.fail(f"a comma or {_CLOSING[kind]}")
        reader.advance()
        if kind == "(" and operator != "in" and len(members) == 1:
            return members[0]
        return Operand("list", members)
    if kind not in ("name", "value", "time", "subnet", "regex"):
        reader.fail("a name or a value")
    if kind != "value" and kind != "time":
        return Operand(kind, reader.advance().value)
    members = _read_values(reader)
    return members[0] if len(members) == 1 else Operand("list", members)


def _read_values(reader: TokenReader) -> list[Operand]:
    members: list[Operand] = []
    while True:
        if reader.token.kind not in ("value", "time"):
            reader.fail("a value")
        token = reader.advance()
        members.append(Operand(token.kind, token.value))
        if reader.token.kind != ",":
            return members
        reader.advance()


def _fail_at(reader: TokenReader, token: Token, reason: str) -> NoReturn:
    raise syntax_error(reader.text, token.start, reason)
