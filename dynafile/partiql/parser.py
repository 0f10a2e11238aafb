"""The grammar of statements: SELECT, INSERT, UPDATE, DELETE, and EXISTS of a transaction."""

from __future__ import annotations

from typing import Final, NoReturn

from dynafile.errors import ValidationError
from dynafile.expressions.cache import Cache
from dynafile.expressions.paths import Path
from dynafile.partiql.clauses import ClauseReader
from dynafile.partiql.lexer import END, NAME, WORD
from dynafile.partiql.syntax import (
    ALL_NEW,
    ALL_OLD,
    MODIFIED_NEW,
    MODIFIED_OLD,
    Body,
    Clause,
    Delete,
    Exists,
    Insert,
    Order,
    Select,
    Statement,
    Update,
)

__all__ = ["MAX_STATEMENT", "parse_statement"]

MAX_STATEMENT: Final = 8192
"""Characters in a statement."""

_KEPT: Final = 256

_UNSUPPORTED: Final = {
    "GROUP": "GROUP BY is not supported",
    "HAVING": "HAVING is not supported",
    "LIMIT": "LIMIT is not part of a statement; it is a parameter of the request",
    "OFFSET": "OFFSET is not supported; pages are read by next_token",
    "AS": "aliases are not supported",
    "UNION": "UNION is not supported",
    "INTERSECT": "INTERSECT is not supported",
    "EXCEPT": "EXCEPT is not supported",
    "DISTINCT": "DISTINCT is not supported",
    "CASE": "CASE is not supported",
    "UNNEST": "UNNEST is not supported",
    **dict.fromkeys(
        ("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "ON"),
        "joins are not supported: a statement reads one table or index",
    ),
}

_RETURNING: Final = {
    ("ALL", "OLD"): ALL_OLD,
    ("ALL", "NEW"): ALL_NEW,
    ("MODIFIED", "OLD"): MODIFIED_OLD,
    ("MODIFIED", "NEW"): MODIFIED_NEW,
}

_statements: Cache[str, Statement] = Cache(_KEPT)


def parse_statement(text: object) -> Statement:
    """Return what a statement says; the last few hundred are kept.

    Raises ``StatementError`` where it does not parse, and ``ValidationError`` for its length.
    """
    if not isinstance(text, str):
        raise ValidationError(f"statement is a str, not {text!r}")
    found = _statements.get(text)
    if found is None:
        if not 1 <= len(text) <= MAX_STATEMENT:
            side = (
                f"less than or equal to {MAX_STATEMENT}" if text else "greater than or equal to 1"
            )
            raise ValidationError(
                f"1 validation error detected: Value '{text:.80}' at 'statement' failed to satisfy "
                f"constraint: Member must have length {side}"
            )
        found = StatementReader(str(text)).statement()
        _statements.put(found.text, found)
    return found


class StatementReader(ClauseReader):
    """Reads one statement."""

    def statement(self) -> Statement:
        """Read the whole statement."""
        if self.accept("SELECT"):
            body: Body = self._select()
        elif self.accept("INSERT"):
            body = self._insert()
        elif self.accept("UPDATE"):
            body = self._update()
        elif self.accept("DELETE"):
            body = self._delete()
        elif self.accept("EXISTS"):
            body = self._exists()
        else:
            self.refuse("Expected data manipulation: SELECT, INSERT, UPDATE or DELETE")
        self.accept(";")
        if self.kind != END:
            self._leftover()
        return Statement(self.text, body, self.markers)

    def _leftover(self) -> NoReturn:
        reason = _UNSUPPORTED.get(self.keyword or "")
        if reason is not None:
            self.refuse(reason)
        self.fail("the end of the statement")

    # -- reading --------------------------------------------------------------------------------

    def _select(self) -> Select:
        paths = self._projection()
        self.require("FROM")
        table, index = self._source()
        where = self.where() if self.accept("WHERE") else None
        order = self._order() if self.accept("ORDER") else ()
        return Select(table, index, paths, where, order)

    def _projection(self) -> tuple[Path, ...] | None:
        if self.accept("*"):
            if self.kind == ",":
                self.refuse("* stands alone")
            return None
        paths = [self._projected()]
        while self.accept(","):
            paths.append(self._projected())
        return tuple(paths)

    def _projected(self) -> Path:
        reason = _UNSUPPORTED.get(self.keyword or "")
        if reason is not None:
            self.refuse(reason)
        if self.kind == "*":
            self.refuse("* stands alone")
        if self.kind == "(":
            self.refuse("a projection names attributes; subqueries are not supported")
        if self.is_value():
            self.refuse("a projection names attributes, and no values")
        word = self.tokens[self.index]
        following = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        if word.kind == WORD and following.kind == "(":
            self.refuse("a projection takes no functions, and there are no aggregate functions")
        path = self.path()
        if self.kind in (WORD, NAME) and self.keyword in (None, "AS"):
            self.refuse("aliases are not supported")
        if self.kind in ("+", "-"):
            self.refuse("a projection takes no arithmetic")
        return path

    def _source(self) -> tuple[str, str | None]:
        if self.kind == "(":
            self.refuse("subqueries are not supported")
        table = self.name("a table name")
        index = self.name("an index name") if self.accept(".") else None
        self._after_source()
        return table, index

    def _after_source(self) -> None:
        if self.kind == ".":
            self.refuse('a table and an index are written "table"."index"')
        if self.kind == ",":
            self.refuse(_UNSUPPORTED["JOIN"])
        if self.keyword is None and self.kind in (WORD, NAME):
            word = self.tokens[self.index].text
            self.refuse(f"expected WHERE or ORDER BY, not {word!r}; aliases are not supported")
        if self.kind in ("-", "+"):
            self.refuse("a name with such signs is written in double quotes")
        reason = _UNSUPPORTED.get(self.keyword or "")
        if reason is not None:
            self.refuse(reason)

    def _order(self) -> tuple[Order, ...]:
        self.require("BY")
        terms = [self._term()]
        while self.accept(","):
            terms.append(self._term())
        return tuple(terms)

    def _term(self) -> Order:
        position = self.tokens[self.index].start
        path = self.path()
        if len(path) > 1:
            self.refuse("ORDER BY takes key attributes", position)
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        return Order(str(path[0]), descending, position)

    def _exists(self) -> Exists:
        self.require("(")
        self.require("SELECT")
        select = self._select()
        self.require(")")
        return Exists(select)

    # -- writing --------------------------------------------------------------------------------

    def _table(self) -> str:
        table = self.name("a table name")
        if self.kind == ".":
            self.refuse("a write names a table, and no index")
        if self.kind in (WORD, NAME) and self.keyword is None and not self._at("VALUE", "VALUES"):
            self.refuse("aliases are not supported")
        if self.keyword == "AS":
            self.refuse("aliases are not supported")
        if self.kind in ("-", "+"):
            self.refuse("a name with such signs is written in double quotes")
        return table

    def _at(self, *words: str) -> bool:
        token = self.tokens[self.index]
        return token.kind == WORD and token.text.upper() in words

    def _insert(self) -> Insert:
        self.require("INTO")
        table = self._table()
        if self._at("VALUES") or self.kind == "(":
            self.refuse("an INSERT has one item: INSERT INTO \"table\" VALUE {'key': 1}")
        self.require("VALUE")
        if self.kind == "<<":
            self.refuse("an INSERT has one item, and no bag of them")
        if self.kind not in ("{", "?"):
            self.fail("a map such as {'key': 1}")
        item = self.value(0)
        if self.keyword == "RETURNING":
            self.refuse("an INSERT has no RETURNING")
        if self.keyword == "ON":
            self.refuse("ON CONFLICT is not supported")
        return Insert(table, item)

    def _update(self) -> Update:
        table = self._table()
        actions = self.changes()
        where = self._required_where()
        return Update(table, actions, where, self._returning())

    def _delete(self) -> Delete:
        self.require("FROM")
        table = self._table()
        where = self._required_where()
        position = self.tokens[self.index].start
        returning = self._returning()
        if returning not in (None, ALL_OLD):
            self.refuse("a DELETE is RETURNING ALL OLD * only", position)
        return Delete(table, where, returning)

    def _required_where(self) -> Clause:
        if not self.accept("WHERE"):
            self.fail("WHERE with the key of one item")
        return self.where()

    def _returning(self) -> str | None:
        if not self.accept("RETURNING"):
            return None
        kind = next((kind for words, kind in _RETURNING.items() if self.accept(*words)), None)
        if kind is None:
            self.fail("ALL OLD *, MODIFIED OLD *, ALL NEW * or MODIFIED NEW *")
        self.require("*")
        return kind
