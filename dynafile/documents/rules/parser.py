"""The grammar of rules files.

.. code-block:: text

    file      = { match | schema | limit }
    match     = "match" pattern "{" { match | allow | schema | limit } "}"
    allow     = "allow" action { "," action } [ ":" ] [ "if" condition ] ";"
    schema    = "schema" [ pattern ] ( '"' file '"' | JSON ) ";"
    limit     = "limit" [ pattern ] number ( "B" | "KiB" | "MiB" ) ";"

Patterns go on from that of the block they are in, which is meant where ``schema`` and ``limit``
have none. Nesting is bounded, and so is all that grows with the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from dynafile.conditions import CompiledCondition, read_condition
from dynafile.documents.rules.lookups import OPERANDS, Lookup, read_lookup, unknown
from dynafile.documents.rules.patterns import RESERVED, PathPattern, read_pattern
from dynafile.documents.rules.scanner import Scanner
from dynafile.documents.rules.schema_text import parse_schema
from dynafile.documents.rules.schemas import Schema
from dynafile.errors import ExpressionError

__all__ = ["ACTIONS", "Allow", "Limit", "RulesParser", "TypeRule"]

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "get": ("get",),
    "list": ("list",),
    "create": ("create",),
    "update": ("update",),
    "delete": ("delete",),
    "read": ("get", "list"),
    "write": ("create", "update", "delete"),
}
"""What may be allowed, and the actions that each stands for."""

_DEEPEST: Final = 20
_MOST: Final = 2000
_UNITS: Final = {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}
_LARGEST: Final = 1024 * 1024
_NUMBER = re.compile(r"[0-9]{1,9}(?![0-9])")
_FILE_NAME = re.compile(r'"([^"\r\n\0]+)"')
_STATEMENTS: Final = "match, schema or limit"

ReadFile = Callable[[str], str]


class Allow(Struct, frozen=True):
    """An ``allow``: for which actions, on what paths, under which condition, in what line."""

    actions: frozenset[str]
    pattern: PathPattern
    condition: CompiledCondition | None
    lookups: Mapping[str, Lookup]
    line: int


class TypeRule(Struct, frozen=True):
    """A ``schema``."""

    pattern: PathPattern
    schema: Schema
    line: int


class Limit(Struct, frozen=True):
    """A ``limit``, in bytes."""

    pattern: PathPattern
    size: int
    line: int


class RulesParser:
    """Reads a file; ``read`` gives the text of a schema's file, by its name in the rules."""

    def __init__(self, source: str, text: str, read: ReadFile | None) -> None:
        self._scanner = Scanner(source, text)
        self._read = read
        self.allows: list[Allow] = []
        self.schemas: list[TypeRule] = []
        self.limits: list[Limit] = []

    def parse(self) -> None:
        """Read the whole file. Raises ``InvalidRules``."""
        scanner = self._scanner
        while scanner.next:
            self._statement(None, 0)

    def _statement(self, outer: PathPattern | None, depth: int) -> None:
        scanner, start = self._scanner, self._scanner.position
        word = scanner.word()
        if len(self.allows) + len(self.schemas) + len(self.limits) >= _MOST:
            scanner.fail(f"a file has at most {_MOST} statements", start)
        if word == "match":
            self._match(outer, depth)
        elif word == "allow" and outer is not None:
            self._allow(outer, start)
        elif word == "schema":
            self._schema(outer, start)
        elif word == "limit":
            self._limit(outer, start)
        elif word in ("service", "rules_version"):
            scanner.fail("no header is needed; a file begins with match /collection/{id} {", start)
        else:
            scanner.position = start
            if word == "allow":
                scanner.fail("allow stands inside of match /collection/{id} { ... }")
            inside = f"allow, {_STATEMENTS}, or }}" if outer is not None else _STATEMENTS
            scanner.expected(inside)

    def _match(self, outer: PathPattern | None, depth: int) -> None:
        scanner, start = self._scanner, self._scanner.position
        if depth >= _DEEPEST:
            scanner.fail(f"match is nested over {_DEEPEST} levels deep")
        pattern = read_pattern(scanner, outer)
        if not scanner.accept("{"):
            scanner.expected("{ after the path")
        while not scanner.accept("}"):
            if not scanner.next:
                scanner.fail("this match has no } at its end", start)
            self._statement(pattern, depth + 1)

    # -- allow ----------------------------------------------------------------------------------

    def _allow(self, pattern: PathPattern, start: int) -> None:
        scanner = self._scanner
        self._check_documents(pattern, start)
        actions: set[str] = set()
        while True:
            at = scanner.position
            word = scanner.word()
            if word not in ACTIONS:
                scanner.position = at
                scanner.expected(", ".join(ACTIONS))
            actions.update(ACTIONS[word])
            if not scanner.accept(","):
                break
        scanner.accept(":")
        at = scanner.position
        word = scanner.word()
        if word and word != "if":
            scanner.position = at
            scanner.expected("if or ;")
        condition, lookups = self._condition(pattern) if word else (None, {})
        if not scanner.accept(";"):
            scanner.expected("; at the end of allow")
        line = scanner.line_at(start)
        self.allows.append(Allow(frozenset(actions), pattern, condition, lookups, line))

    def _condition(self, pattern: PathPattern) -> tuple[CompiledCondition, dict[str, Lookup]]:
        scanner = self._scanner
        text = scanner.text
        try:
            condition, end = read_condition(text, scanner.position, operands=OPERANDS)
        except ExpressionError as error:
            scanner.fail(error.message, error.position)
        known = RESERVED | pattern.variables
        lookups: dict[str, Lookup] = {}
        for name, position in condition.names:
            if OPERANDS.match(text, position):
                lookups[name] = read_lookup(name, scanner, position, known)
            elif name not in known:
                scanner.fail(unknown(name, known), position)
        scanner.position = end
        return condition, lookups

    def _check_documents(self, pattern: PathPattern, start: int) -> None:
        if not pattern.matches_documents:
            self._scanner.fail(
                f"{pattern} is a collection, and rules are of documents: match {pattern}/{{id}}",
                start,
            )

    # -- schema and limit -----------------------------------------------------------------------

    def _pattern(self, outer: PathPattern | None, start: int) -> PathPattern:
        if self._scanner.next != "/" and outer is not None:
            pattern = outer
        else:
            pattern = read_pattern(self._scanner, outer)
        self._check_documents(pattern, start)
        return pattern

    def _schema(self, outer: PathPattern | None, start: int) -> None:
        scanner = self._scanner
        pattern = self._pattern(outer, start)
        at = scanner.position
        if found := scanner.match(_FILE_NAME):
            schema = self._schema_of_file(found[1], at)
            scanner.skip()
        elif scanner.next == "{":
            schema, scanner.position = parse_schema(scanner.source, scanner.text, at)
            scanner.skip()
        else:
            scanner.expected('a file of JSON Schema such as "user.json", or { a schema }')
        if not scanner.accept(";"):
            scanner.expected("; at the end of schema")
        self.schemas.append(TypeRule(pattern, schema, scanner.line_at(start)))

    def _schema_of_file(self, name: str, position: int) -> Schema:
        if self._read is None:
            self._scanner.fail("files of schemas are for rules that are in a file", position)
        try:
            text = self._read(name)
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self._scanner.fail(f"cannot read {json.dumps(name)}: {why}", position)
        return parse_schema(name, text)[0]

    def _limit(self, outer: PathPattern | None, start: int) -> None:
        scanner = self._scanner
        pattern = self._pattern(outer, start)
        at = scanner.position
        number = scanner.match(_NUMBER)
        if number is None:
            scanner.expected("a number of bytes such as 16 KiB")
        scanner.skip()
        unit_at = scanner.position
        unit = scanner.word()
        if unit not in _UNITS:
            scanner.position = unit_at
            scanner.expected(" or ".join(_UNITS))
        size = int(number[0]) * _UNITS[unit]
        if not 2 <= size <= _LARGEST:
            scanner.fail("a limit is between 2 B and 1 MiB, which no document exceeds", at)
        if not scanner.accept(";"):
            scanner.expected("; at the end of limit")
        self.limits.append(Limit(pattern, size, scanner.line_at(start)))
