"""Statements: what parses, to what, and where what does not stops making sense."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import InvalidSet, StatementError, ValidationError
from dynafile.expressions import Attr, Condition
from dynafile.expressions.compiler import compile_condition
from dynafile.partiql import (
    Delete,
    Exists,
    Insert,
    Select,
    Update,
    bind_condition,
    bind_item,
    bind_update,
    check_parameters,
    condition_text,
    name_text,
    parse_statement,
    value_text,
)


def select(text: str) -> Select:
    body = parse_statement(text).body
    assert isinstance(body, Select)
    return body


def condition(text: str, *parameters: Any) -> Condition:
    where = select(f"SELECT * FROM t WHERE {text}").where
    assert where is not None
    return bind_condition(where, parameters)


def item(text: str, *parameters: Any) -> Any:
    body = parse_statement(f"INSERT INTO t VALUE {text}").body
    assert isinstance(body, Insert)
    return bind_item(body, parameters)


def updated(changes: str, old: dict[str, Any], *parameters: Any) -> dict[str, Any]:
    body = parse_statement(f"UPDATE t {changes} WHERE k = 1").body
    assert isinstance(body, Update)
    return bind_update(body.actions, parameters).apply(old)


@pytest.mark.parametrize(
    ("text", "table", "index", "paths"),
    [
        ("SELECT * FROM t", "t", None, None),
        ('select * from "my-table"', "my-table", None, None),
        ('SELECT * FROM "t"."by-time"', "t", "by-time", None),
        ("SELECT * FROM t.idx;", "t", "idx", None),
        ('SELECT a, "b c".d[0][12].e FROM t', "t", None, (("a",), ("b c", "d", 0, 12, "e"))),
        ("SELECT a['b c'][0] FROM t", "t", None, (("a", "b c", 0),)),
        ('SELECT "say ""hi""" FROM t', "t", None, (('say "hi"',),)),
        ('SELECT "select", value FROM t', "t", None, (("select",), ("value",))),
        ("SELECT -- one\n a /* two\n lines */ FROM t", "t", None, (("a",),)),
        ('SELECT "#a", ":b", "é" FROM t', "t", None, (("#a",), (":b",), ("é",))),
    ],
)
def test_select(text: str, table: str, index: str | None, paths: Any) -> None:
    found = select(text)
    assert (found.table, found.index, found.paths) == (table, index, paths)


def test_order() -> None:
    found = select('SELECT * FROM t WHERE a = 1 ORDER BY a DESC, "b" ASC, c')
    terms = [(term.attribute, term.descending) for term in found.order]
    assert terms == [("a", True), ("b", False), ("c", False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1", Attr("a").eq(1)),
        ("a != 'x'", Attr("a").ne("x")),
        ("a <> 'it''s'", Attr("a").ne("it's")),
        ("a < 1.50 and b >= -2", Attr("a").lt(Decimal("1.50")) & Attr("b").gte(-2)),
        ("a<=b", Attr("a").lte(Attr("b"))),
        ("a > 1e3", Attr("a").gt(Decimal("1e3"))),
        ("NOT a = 1", ~Attr("a").eq(1)),
        ("not not a = 1", ~~Attr("a").eq(1)),
        ("a = 1 OR b = 2 AND c = 3", Attr("a").eq(1) | Attr("b").eq(2) & Attr("c").eq(3)),
        ("(a = 1 OR b = 2) AND c = 3", (Attr("a").eq(1) | Attr("b").eq(2)) & Attr("c").eq(3)),
        ("(((a = (1))))", Attr("a").eq(1)),
        ("a IN [1, 'b', true]", Attr("a").is_in([1, "b", True])),
        ("a in (1, 2)", Attr("a").is_in([1, 2])),
        ("a NOT IN [1]", ~Attr("a").is_in([1])),
        ("a BETWEEN 1 AND 2 AND b = 3", Attr("a").between(1, 2) & Attr("b").eq(3)),
        ("a NOT BETWEEN 1 AND 2", ~Attr("a").between(1, 2)),
        ("begins_with(a.b[0], 'x')", Attr("a.b[0]").begins_with("x")),
        ("CONTAINS(\"a\", 'x')", Attr("a").contains("x")),
        ("attribute_type(a, 'SS')", Attr("a").attribute_type("SS")),
        ("size(a) > 2", Attr("a").size().gt(2)),
        ("2 < Size(a)", None),
        ("a IS MISSING", Attr("a").not_exists()),
        ("a IS NOT MISSING", Attr("a").exists()),
        ("a is null", Attr("a").attribute_type("NULL")),
        ("a IS NOT NULL", ~Attr("a").attribute_type("NULL")),
        ("a = TRUE AND b = False AND c = NULL",
         Attr("a").eq(True) & Attr("b").eq(False) & Attr("c").eq(None)),
        ("a = [1, {'b': <<1, 2>>}]", Attr("a").eq([1, {"b": {1, 2}}])),
        ("a = <<'x'>>", Attr("a").eq({"x"})),
        ('"#n" = 1', Attr(("#n",)).eq(1)),
    ],
)  # fmt: skip
def test_conditions(text: str, expected: Condition | None) -> None:
    found = condition(text)
    if expected is not None:
        assert found == expected
    assert condition(condition_text(found)) == found


def test_parameters() -> None:
    assert condition("a = ? AND b IN [?, 3]", b"x", 2) == (
        Attr("a").eq(b"x") & Attr("b").is_in([2, 3])
    )
    assert condition("a = [?, {'b': ?}]", 1, "c") == Attr("a").eq([1, {"b": "c"}])
    assert condition("a = '?' AND b = ?", 1) == Attr("a").eq("?") & Attr("b").eq(1)
    statement = parse_statement("SELECT * FROM t WHERE a = ?")
    assert statement.parameters == 1
    for wrong in (None, [1, 2]):
        with pytest.raises(ValidationError, match="^Number of parameters in request and"):
            check_parameters(statement, wrong)
    with pytest.raises(ValidationError, match="at 'parameters' failed"):
        check_parameters(parse_statement("SELECT * FROM t"), [])
    with pytest.raises(ValidationError, match="parameters is a list"):
        check_parameters(statement, "x")
    assert check_parameters(statement, (7,)) == (7,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{'a': 1, 'b': -1.50, 'c': 'it''s'}", {"a": 1, "b": Decimal("-1.50"), "c": "it's"}),
        ("{'a': TRUE, 'b': false, 'c': Null}", {"a": True, "b": False, "c": None}),
        ("{'a': [], 'b': {}, 'c': [1, [2, {'d': 3}]]}", {"a": [], "b": {}, "c": [1, [2, {"d": 3}]]}),
        ("{'a': <<1, 2.5>>, 'b': <<'x', 'y'>>}", {"a": {1, Decimal("2.5")}, "b": {"x", "y"}}),
        ("{'a': MISSING, 'b': 1}", {"b": 1}),
        ("{'big': 12345678901234567890123456789012345678}", {"big": int("1234567890" * 3 + "12345678")}),
        ("{'e': 1e0, 'd': 1., 'f': .5}", {"e": Decimal(1), "d": Decimal(1), "f": Decimal("0.5")}),
    ],
)  # fmt: skip
def test_items(text: str, expected: dict[str, Any]) -> None:
    assert item(text) == expected
    assert {k: type(v) for k, v in item(text).items()} == {k: type(v) for k, v in expected.items()}


def test_items_of_parameters() -> None:
    assert item("{'a': ?, 'b': [?, <<?>>]}", b"x", {"c": 1}, b"y") == {
        "a": b"x",
        "b": [{"c": 1}, {b"y"}],
    }
    assert item("?", {"k": 1}) == {"k": 1}
    with pytest.raises(ValidationError, match="is a map, not 1"):
        item("?", 1)
    for text in ("{'a': <<>>}", "{'a': <<[1]>>}", "{'a': <<true>>}"):
        with pytest.raises(InvalidSet, match="a set holds strings"):
            item(text)
    with pytest.raises(ValidationError, match=r"Input collection \[1, 1\] contains duplicates"):
        item("{'a': <<1, 1>>}")


@pytest.mark.parametrize(
    ("changes", "old", "expected"),
    [
        ("SET a = 1", {}, {"a": 1}),
        ("SET a = 1 SET b = 2, c.d = 'x'", {"c": {}}, {"a": 1, "b": 2, "c": {"d": "x"}}),
        ("SET a = a + 1", {"a": 1}, {"a": 2}),
        ("SET a = b - 0.5", {"b": 1}, {"b": 1, "a": Decimal("0.5")}),
        ("SET a[1] = 'y'", {"a": ["x", "z"]}, {"a": ["x", "y"]}),
        ("SET a = list_append(a, [2, 3])", {"a": [1]}, {"a": [1, 2, 3]}),
        ("SET a = LIST_APPEND([0], a)", {"a": [1]}, {"a": [0, 1]}),
        ("SET a = set_add(a, <<2>>)", {"a": {1}}, {"a": {1, 2}}),
        ("SET a = set_add(a, <<'x'>>)", {}, {"a": {"x"}}),
        ("SET a = set_delete(a, <<1>>)", {"a": {1, 2}}, {"a": {2}}),
        ("SET a = if_not_exists(a, 5)", {}, {"a": 5}),
        ("SET a = if_not_exists(a, 0) + 1", {"a": 5}, {"a": 6}),
        ("REMOVE a REMOVE b[0], c", {"a": 1, "b": [1, 2], "c": 3}, {"b": [2]}),
        ("REMOVE a SET b = 1", {"a": 1}, {"b": 1}),
        ('SET "#x" = 1', {}, {"#x": 1}),
        ("SET a = b", {"b": [1]}, {"b": [1], "a": [1]}),
    ],
)
def test_updates(changes: str, old: dict[str, Any], expected: dict[str, Any]) -> None:
    assert updated(changes, old) == expected


def test_returning_and_exists() -> None:
    body = parse_statement("UPDATE t SET a = 1 WHERE k = 1 RETURNING modified new *").body
    assert isinstance(body, Update)
    assert body.returning == "MODIFIED_NEW"
    body = parse_statement("DELETE FROM t WHERE k = 1 RETURNING ALL OLD *").body
    assert isinstance(body, Delete)
    assert body.returning == "ALL_OLD"
    statement = parse_statement("EXISTS(SELECT * FROM t WHERE k = 1 AND a IS MISSING)")
    assert isinstance(statement.body, Exists)
    assert (statement.table, statement.reads) == ("t", False)


REFUSALS = [
    ("", "Member must have length greater than or equal to 1", None),
    ("x" * 8193, "length less than or equal to 8192", None),
    ("CREATE TABLE t", "Expected data manipulation", (1, 1)),
    ("SELECT", "expected an attribute name, not the end", (1, 7)),
    ("SELECT * FROM", "expected a table name, not the end", (1, 14)),
    ("SELECT * FROM select", 'not the keyword select; as a name it is written "select"', (1, 15)),
    ("SELECT * FROM t WHERE", "expected an attribute or a value, not the end", (1, 22)),
    ("SELECT * FROM t WHERE a", "expected a condition, such as a = 1", (1, 23)),
    ("SELECT * FROM t WHERE a = 1 AND", "expected an attribute or a value", (1, 32)),
    ("SELECT * FROM t\nWHERE a = 1\n  b", "expected the end of the statement, not 'b'", (3, 3)),
    ("SELECT * FROM t WHERE (a = 1", r"expected \), not the end", (1, 29)),
    ("SELECT * FROM t WHERE a = 'x", "a string that does not end", (1, 27)),
    ('SELECT "a FROM t', "a quoted name that does not end", (1, 8)),
    ('SELECT "" FROM t', "an attribute name must not be empty", (1, 8)),
    ("SELECT * FROM t /* x", "a comment that does not end", (1, 17)),
    ("SELECT * FROM t WHERE a = @b", "unexpected '@'", (1, 27)),
    ("SELECT é FROM t", "unexpected 'é'", (1, 8)),
    ("SELECT a[-1] FROM t", "expected a list index", (1, 10)),
    ("SELECT a[1.5] FROM t", "expected a list index", (1, 10)),
    ("SELECT a[1234567890] FROM t", "the list index is too large", (1, 10)),
    ("SELECT *, a FROM t", r"\* stands alone", (1, 9)),
    ("SELECT a, * FROM t", r"\* stands alone", (1, 11)),
    ("SELECT count(*) FROM t", "no aggregate functions", (1, 8)),
    ("SELECT size(a) FROM t", "takes no functions", (1, 8)),
    ("SELECT 1 FROM t", "names attributes, and no values", (1, 8)),
    ("SELECT a + 1 FROM t", "takes no arithmetic", (1, 10)),
    ("SELECT a AS b FROM t", "aliases are not supported", (1, 10)),
    ("SELECT a b FROM t", "aliases are not supported", (1, 10)),
    ("SELECT DISTINCT a FROM t", "DISTINCT is not supported", (1, 8)),
    ("SELECT * FROM t AS x", "aliases are not supported", (1, 17)),
    ("SELECT * FROM t x", "aliases are not supported", (1, 17)),
    ("SELECT * FROM t WHER a = 1", "expected WHERE or ORDER BY, not 'WHER'", (1, 17)),
    ("SELECT * FROM t, u", "joins are not supported", (1, 16)),
    ("SELECT * FROM t JOIN u ON t.a = u.a", "joins are not supported", (1, 17)),
    ("SELECT * FROM t LEFT JOIN u ON t.a = u.a", "joins are not supported", (1, 17)),
    ("SELECT * FROM (SELECT * FROM t)", "subqueries are not supported", (1, 15)),
    ("SELECT * FROM a.b.c", "table and an index are written", (1, 18)),
    ("SELECT * FROM my-table", "is written in double quotes", (1, 17)),
    ("SELECT * FROM t WHERE a = 1 GROUP BY a", "GROUP BY is not supported", (1, 29)),
    ("SELECT * FROM t WHERE a = 1 LIMIT 3", "LIMIT is not part of a statement", (1, 29)),
    ("SELECT * FROM t OFFSET 3", "OFFSET is not supported", (1, 17)),
    ("SELECT * FROM t UNION SELECT * FROM u", "UNION is not supported", (1, 17)),
    ("SELECT * FROM t WHERE a = 1 HAVING b = 2", "HAVING is not supported", (1, 29)),
    ("SELECT * FROM t WHERE a IN (SELECT b FROM u)", "subqueries are not supported", (1, 29)),
    ("SELECT * FROM t WHERE a = (SELECT b FROM u)", "subqueries are not supported", (1, 28)),
    ("SELECT * FROM t WHERE EXISTS(SELECT * FROM u)", "EXISTS is a statement by itself", (1, 23)),
    ("SELECT * FROM t WHERE sum(a) > 1", "aggregate functions such as SUM", (1, 23)),
    ("SELECT * FROM t WHERE upper(a) = 'X'", "there is no function upper here", (1, 23)),
    ("SELECT * FROM t WHERE list_append(a, b) = 1", "no function list_append here", (1, 23)),
    ("SELECT * FROM t WHERE size(a, b) > 1", "size takes one operand, not 2", (1, 23)),
    ("SELECT * FROM t WHERE size(a)", "expected a condition", (1, 23)),
    ("SELECT * FROM t WHERE contains(a)", "contains takes 2 operands, not 1", (1, 23)),
    ("SELECT * FROM t WHERE a + 1 = 2", "takes no arithmetic; SET does", (1, 25)),
    ("SELECT * FROM t WHERE a LIKE 'x%'", "LIKE is not supported", (1, 25)),
    ("SELECT * FROM t WHERE a = MISSING", "MISSING is no value here", (1, 27)),
    ("SELECT * FROM t WHERE a IS 3", "expected MISSING or NULL, not '3'", (1, 28)),
    ("SELECT * FROM t WHERE 1 IS NULL", "IS asks about an attribute", (1, 23)),
    ("SELECT * FROM t WHERE a IN 3", "expected a list such as", (1, 28)),
    ("SELECT * FROM t WHERE a IN []", "expected an attribute or a value", (1, 29)),
    ("SELECT * FROM t WHERE a IN [1)", r"expected \], not '\)'", (1, 30)),
    ("SELECT * FROM t WHERE (a = 1) = 2", "a condition cannot be compared", (1, 23)),
    ("SELECT * FROM t WHERE a = 1e200", "out of range", (1, 27)),
    ("SELECT * FROM t WHERE a = 1e99999999999999999999", "out of range", (1, 27)),
    ("SELECT * FROM t WHERE a = -" + "1" * 39, "39 significant digits", (1, 27)),
    ("SELECT * FROM t WHERE a = - b", "expected a number, not 'b'", (1, 29)),
    ("SELECT * FROM t ORDER BY a.b", "ORDER BY takes key attributes", (1, 26)),
    ("INSERT INTO t VALUES (1)", "an INSERT has one item", (1, 15)),
    ("INSERT INTO t (a) VALUES (1)", "an INSERT has one item", (1, 15)),
    ("INSERT INTO t VALUE <<{'a': 1}>>", "no bag of them", (1, 21)),
    ("INSERT INTO t VALUE [1]", "expected a map such as", (1, 21)),
    ("INSERT INTO t.i VALUE {'a': 1}", "a write names a table", (1, 14)),
    ("INSERT INTO t VALUE {a: 1}", "an attribute name in single quotes", (1, 22)),
    ("INSERT INTO t VALUE {'a': 1, 'a': 2}", "the map has 'a' twice", (1, 30)),
    ("INSERT INTO t VALUE {'a': [MISSING]}", "MISSING is no value here", (1, 28)),
    ("INSERT INTO t VALUE {'a': b}", "expected a value, not 'b'", (1, 27)),
    ("INSERT INTO t VALUE {'a': 1} RETURNING ALL OLD *", "an INSERT has no RETURNING", (1, 30)),
    ("INSERT INTO t VALUE {'a': 1} ON CONFLICT DO NOTHING", "ON CONFLICT is not", (1, 30)),
    ("UPDATE t WHERE a = 1", "expected SET or REMOVE", (1, 10)),
    ("UPDATE t SET a = 1", "expected WHERE with the key of one item", (1, 19)),
    ("UPDATE Payment-prod SET a = 1 WHERE b = 1", "is written in double quotes", (1, 15)),
    ("UPDATE t.i SET a = 1 WHERE b = 1", "a write names a table", (1, 9)),
    ("UPDATE t x SET a = 1 WHERE b = 1", "aliases are not supported", (1, 10)),
    ("UPDATE t SET a = set_add(b, <<1>>) WHERE k = 1", "takes the attribute that it sets", (1, 18)),
    ("UPDATE t SET a = set_add(a, b) WHERE k = 1", "takes a set such as", (1, 18)),
    ("UPDATE t SET a = set_add(a, <<1>>) + 1 WHERE k = 1", "set_add stands alone", (1, 18)),
    ("UPDATE t SET a = contains(a, 1) WHERE k = 1", "no function contains here", (1, 18)),
    ("UPDATE t SET a = 1 WHERE k = 1 RETURNING *", "expected ALL OLD", (1, 42)),
    ("UPDATE t SET a = 1 WHERE k = 1 RETURNING ALL NEW", r"expected \*", (1, 49)),
    ("DELETE t WHERE k = 1", "expected FROM", (1, 8)),
    ("DELETE FROM t", "expected WHERE with the key of one item", (1, 14)),
    ("DELETE FROM t WHERE k = 1 RETURNING ALL NEW *", "RETURNING ALL OLD", (1, 27)),
    ("EXISTS SELECT * FROM t", r"expected \(", (1, 8)),
    ("SELECT * FROM t; SELECT * FROM t", "expected the end of the statement", (1, 18)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "place"), REFUSALS)
def test_refusals(text: str, message: str, place: tuple[int, int] | None) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        parse_statement(text)
    error = caught.value
    if place is None:
        assert not isinstance(error, StatementError)
        return
    assert isinstance(error, StatementError)
    assert error.message.startswith("Statement wasn't well formed, can't be processed: ")
    assert error.message.endswith(f", at line {place[0]}, column {place[1]}")
    assert (error.line, error.column) == place
    assert error.expression == text
    assert error.position is not None
    before = text[: error.position]
    assert (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1) == place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a < true", "Incorrect operand type for operator or function; operator: <"),
        ("begins_with(a, 1)", "operand type: N"),
        ("attribute_type(a, 'XX')", "Invalid attribute type name found; type: XX"),
        ("attribute_type(a, 1)", "operand type: N"),
        ("a BETWEEN 2 AND 1", "upper bound to be greater than or equal"),
        ("a = a", "The first operand must be distinct"),
        ("size(3) > 1", "operand type: N"),
        ("a = begins_with(a, 'x')", "not allowed to be used this way"),
        ("a = <<1, 'x'>>", "one kind"),
    ],
)
def test_refusals_of_values(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        condition(text)


def test_depth_is_bounded() -> None:
    for text in (
        "(" * 4000,
        "(" * 2000 + "a = 1" + ")" * 2000,
        "NOT " * 1500 + "a = 1",
        "a = " + "[" * 3000,
        "a = " + "[" * 1000 + "]" * 1000,
        "a = " + "(" * 2000 + "1" + ")" * 2000,
        "a IN [" + "(" * 2000,
        "size(" * 1200,
    ):
        with pytest.raises(StatementError, match="nested over 100 levels deep"):
            condition(text)
    with pytest.raises(StatementError, match="nested over 100 levels deep"):
        updated("SET a = " + "list_append(" * 500, {})
    with pytest.raises(StatementError, match="nested over 100 levels deep"):
        item("{'a':" * 1000)
    assert condition("(" * 90 + "a = 1" + ")" * 90) == Attr("a").eq(1)
    long = " OR ".join(["a = 1"] * 600)
    assert len(condition(long).conditions) == 600  # type: ignore[attr-defined]


NAMES = st.sampled_from(["a", "b", "order", "a b", 'q"q', "#n", ":v", "é", "select", "x.y", "_z"])
PATHS = st.builds(
    lambda name, rest: (name, *rest), NAMES, st.lists(NAMES | st.integers(0, 9), max_size=2)
)
NUMBERS = st.integers(-(10**37), 10**37) | st.decimals(
    allow_nan=False, allow_infinity=False, places=3, min_value=-999, max_value=999
)
SCALARS = NUMBERS | st.text(max_size=4).filter(str.isprintable) | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS
    | st.sets(st.text("xyz'", max_size=2), min_size=1, max_size=2)
    | st.sets(st.integers(0, 9), min_size=1, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("ab'", max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
ATTRS = PATHS.map(Attr)
TERMS = st.one_of(
    st.builds(lambda a, v: a.eq(v), ATTRS, VALUES),
    st.builds(lambda a, v: a.ne(v), ATTRS, VALUES),
    st.builds(lambda a, v: a.lt(v), ATTRS, NUMBERS),
    st.builds(lambda a, v: a.gte(v), ATTRS, st.text("abc'", max_size=3)),
    st.builds(lambda a, n: a.between(min(n), max(n)), ATTRS, st.tuples(NUMBERS, NUMBERS)),
    st.builds(lambda a, v: a.is_in(v), ATTRS, st.lists(SCALARS, min_size=1, max_size=3)),
    st.builds(lambda a, v: a.begins_with(v), ATTRS, st.text("ab'", max_size=3)),
    st.builds(lambda a, v: a.contains(v), ATTRS, SCALARS),
    st.builds(lambda a: a.exists(), ATTRS),
    st.builds(lambda a: a.not_exists(), ATTRS),
    st.builds(lambda a, n: a.attribute_type(n), ATTRS, st.sampled_from(["S", "NULL", "NS"])),
    st.builds(lambda a, n: a.size().gt(n), ATTRS, st.integers(0, 9)),
)
CONDITIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(lambda one, two: one & two, inner, inner),
        st.builds(lambda one, two: one | two, inner, inner),
        st.builds(lambda one: ~one, inner),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_conditions_print_and_parse(tree: Condition) -> None:
    assert condition(condition_text(tree)) == tree


@given(VALUES)
def test_values_print_and_parse(value: Any) -> None:
    found = item(f"{{'v': {value_text(value)}}}")["v"]
    assert (type(found), found) == (type(value), value)


@given(st.text(min_size=1, max_size=8))
def test_names_print_and_parse(name: str) -> None:
    assert select(f"SELECT {name_text(name)} FROM {name_text(name)}").paths == ((name,),)


PIECES = [
    "SELECT", "*", "FROM", "t", "WHERE", "a", "=", "1", "'x'", "(", ")", "[", "]", "{", "}", "<<",
    ">>", ",", ".", ":", ";", "?", "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "MISSING", "NULL",
    "INSERT", "INTO", "VALUE", "UPDATE", "SET", "REMOVE", "DELETE", "RETURNING", "ALL", "OLD",
    "EXISTS", "ORDER", "BY", "size(", "set_add(", "-", "+", "1.5e3", '"q"', "'", '"', "/*", "\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25) | st.text(max_size=40).map(lambda t: [t]))
def test_garbage_never_crashes(pieces: list[str]) -> None:
    """Whatever the text: a statement, or an error of ours."""
    try:
        statement = parse_statement(" ".join(pieces))
        where = getattr(statement.body, "where", None)
        if where is not None:
            compile_condition(bind_condition(where, [1] * statement.parameters))({})
        if isinstance(statement.body, Insert):
            bind_item(statement.body, [1] * statement.parameters)
        if isinstance(statement.body, Update):
            bind_update(statement.body.actions, [1] * statement.parameters)
    except ValidationError:
        pass


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_garbage_after_a_where_never_crashes(pieces: list[str]) -> None:
    test_garbage_never_crashes.hypothesis.inner_test(["SELECT * FROM t WHERE a = 1 AND", *pieces])  # type: ignore[attr-defined]
