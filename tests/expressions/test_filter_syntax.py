"""Filter strings: structure, tokens, and where text stops fitting."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import ExpressionError
from dynafile.expressions.strings import MAX_DEPTH, parse_string


def names(text):
    """The item whose attributes are the letters of a text."""
    return dict.fromkeys(text, 1)


@pytest.mark.parametrize(
    ("text", "true_of", "false_of"),
    [
        ("a", ["a", "ab"], ["", "b"]),
        ("not a", ["", "b"], ["a"]),
        ("not not a", ["a"], [""]),
        ("a and b", ["ab"], ["a", "b", ""]),
        ("a or b", ["ab", "a", "b"], [""]),
        ("a xor b", ["a", "b"], ["ab", ""]),
        ("a xor b xor c", ["a", "b", "c", "abc"], ["ab", "bc", ""]),
        ("a or b and c", ["a", "bc", "ac"], ["b", "c", ""]),
        ("a and b or c", ["ab", "c"], ["a", "b"]),
        ("a or b xor c", ["a", "ab", "abc", "b", "c"], ["bc", ""]),
        ("a xor b or c", ["a", "b", "abc", "c"], ["ab", ""]),
        ("a xor b and c", ["a", "ab", "ac", "bc"], ["abc", "b", ""]),
        ("a and b xor c", ["ab", "c", "ac"], ["abc", "a"]),
        ("not a and b", ["b"], ["ab", "a", ""]),
        ("not a or b", ["", "b", "ab"], ["a"]),
        ("not a xor b", ["", "ab"], ["a", "b"]),
        ("not (a or b)", [""], ["a", "b", "ab"]),
        ("not (not a and not b)", ["a", "b"], [""]),
        ("(a or b) and c", ["ac", "bc"], ["a", "ab", "c"]),
        ("a and (b or c) and d", ["abd", "acd"], ["ad", "abc"]),
        ("((a))", ["a"], [""]),
        ("(a)and(b)", ["ab"], ["a", "b"]),
        ("not(a)or(b)", ["", "b"], ["a"]),
        ("a AND b Or NOT c", ["ab", "", "a"], ["c", "ac"]),
        ("a XoR b", ["a"], ["ab"]),
        ("\ta\n and\r\n  b ", ["ab"], ["a"]),
        ("a and a == 1 or b", ["a", "b"], [""]),
    ],
)
def test_words_and_parentheses(text, true_of, false_of):
    holds = parse_string(text)
    assert [item for item in true_of if not holds(names(item))] == []
    assert [item for item in false_of if holds(names(item))] == []


@pytest.mark.parametrize(
    "name",
    [
        "note",
        "order",
        "android",
        "nothing",
        "organ",
        "inx",
        "index",
        "xorx",
        "not_",
        "_not",
        "notes.order",
        "not.order",
        "or1",
        "truefalse",
        "nullable",
        "Truest",
        "i",
        "_",
        "straße",
        "größe",
        "名前",
        "имя",
        "हिन्दी",
        "e\N{COMBINING ACUTE ACCENT}tat",
        "a1.b2",
    ],
)
def test_a_word_is_a_word_only_when_it_is_the_whole_name(name):
    """``infix_notation`` with ``CaselessLiteral("not")`` reads ``note`` as ``not e``."""
    assert parse_string(name)({name: 0})
    assert not parse_string(name)({})
    assert parse_string(f"not {name}")({})
    assert parse_string(f"{name} == 1 and not {name} == 2")({name: 1})
    assert parse_string(f"x or {name} or y")({name: 1})
    assert parse_string(f"({name}) and 1 in {name}")({name: [1]})


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("   ", 0),
        ("and", 0),
        ("a and", 5),
        ("a and  ", 7),
        ("a b", 2),
        ("a or or b", 5),
        ("a not b", 2),
        ("not", 3),
        ("not not", 7),
        ("()", 1),
        ("(a", 2),
        ("(a or b", 7),
        ("a)", 1),
        ("(a))", 3),
        ("(a) b", 4),
        ("a (b)", 2),
        ("a ==", 4),
        ("== a", 0),
        ("a == == b", 5),
        ("a == 1 == 1", 7),
        ("a == 1 2", 7),
        ("a == 1 garbage", 7),
        ("a == and", 5),
        ("in == 1", 0),
        ("x in in", 5),
        ("5", 1),
        ("'x'", 3),
        ("true", 4),
        ("null and a", 5),
        ("10:00:00", 8),
        ("/x/", 0),
        ("10.0.0.0/8", 0),
        ("a = 1", 2),
        ("a === 1", 4),
        ("a <> 1", 2),
        ("a && b", 2),
        ("a || b", 2),
        ("!a", 0),
        ("a == 'x", 5),
        ('a == "x', 5),
        ("a == 'x\ny'", 5),
        ("a =~ /x", 5),
        ("a =~ 'x'", 5),
        ("a =~ b", 5),
        ("a =~ 5, 6", 5),
        ("a == /x/", 5),
        ("a in /x/", 5),
        ("a =~ /(/", 6),
        ("a =~ /x(?P<y>z/i", 7),
        ("a =~ /[/", 6),
        ("a =~ /x/q", 8),
        ("a =~ /x/iand b", 9),
        ("a == 10.0.0.0/8", 5),
        ("a < 10.0.0.0/8", 4),
        ("a in 10.0.0.0", 9),
        ("a in 10.0.0.0/33", 5),
        ("a in 256.0.0.0/8", 5),
        ("a in 010.0.0.0/8", 5),
        ("a in 10.0.0.0/8, 11.0.0.0/8", 15),
        ("a == 1,", 7),
        ("a == 1, b", 8),
        ("a in (1, 2", 10),
        ("a in (1, 2]", 10),
        ("a in (b)", 6),
        ("a in ()", 6),
        ("a in [1 2]", 8),
        ("a, b == 1", 1),
        ("1, 2 == a", 1),
        ("a == 2024-13-01", 5),
        ("a == 2024-02-30", 5),
        ("a == 2024-02-001", 5),
        ("a == 2024-02-01T25:00:00", 5),
        ("a == 2024-02-01T10:00:00+99:00", 5),
        ("a == 24:00:00", 5),
        ("a == 10:00", 7),
        ("a == 5x", 6),
        ("a == 5.", 6),
        ("a == .5", 5),
        ("a == 1.5.2", 8),
        ("a == --5", 5),
        ("a == 1e", 6),
        ("a == 1e99999999999999999999", 5),
        (f"a == {'9' * 5000}", 5),
        ("a == “x”", 5),
        ("a == 1;", 6),
        ("a == 1 # comment", 7),
        ("a-b", 1),
        ("1a", 1),
        ("a == \x00", 5),
    ],
)
def test_the_position_is_where_the_text_stops_fitting(text, position):
    with pytest.raises(ExpressionError) as caught:
        parse_string(text)
    error = caught.value
    assert error.position == position
    assert error.expression == text
    assert f"at position {position}," in error.message
    assert "\n" not in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("a = 1", "=="),
        ("a <> 1", "!="),
        ("a && b", "write and"),
        ("a == 'x", "a string that does not end"),
        ("a =~ /(/", "missing )"),
        ("a == 2024-02-30", "day is out of range"),
        ("a in 1 2", "before '2'"),
        ("a and", "at its end"),
        ("(a == 1", "or )"),
        ("a == 1)", "or the end"),
        ("a =~ 'x'", "/regular expression/"),
        ("a in 1.2.3.4", "unexpected '.' after '1.2'"),
        ("5", "expected a comparison"),
    ],
)
def test_the_message_says_what_is_wrong(text, words):
    with pytest.raises(ExpressionError) as caught:
        parse_string(text)
    assert words in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000 + "a" + ")" * 50_000,
        "(" * 50_000,
        "not (" * 50_000 + "a",
        "a or (" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1),
        "a =~ /" + "(" * 20_000 + ")" * 20_000 + "/",
    ],
    ids=["closed", "open", "nots", "one too many", "regex"],
)
def test_thousands_of_parentheses_are_an_error_like_any_other(text):
    with pytest.raises(ExpressionError) as caught:
        parse_string(text)
    assert caught.value.position is not None


def test_the_depth_that_is_allowed_works():
    """``infix_notation`` takes twice as long for each further level."""
    item = {"a": 1}
    assert parse_string("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)(item)
    assert parse_string("not (" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)(item)
    alternating = "b or (a and (" * (MAX_DEPTH // 2) + "a" + "))" * (MAX_DEPTH // 2)
    assert parse_string(alternating)(item)
    assert not parse_string(alternating)({})


def test_long_filters_parse_without_recursion():
    terms = 5000
    item = {"a": 1}
    assert parse_string(" and ".join(["a"] * terms))(item)
    assert not parse_string(" or ".join(["b"] * terms))(item)
    assert parse_string(" xor ".join(["a"] * (terms + 1)))(item)
    assert parse_string(" or ".join(["a and b xor c"] * terms))({"c": 1})
    assert parse_string("not " * terms + "a")(item)
    assert parse_string("a in " + ",".join(["2"] * 500) + ",1")(item)
    assert parse_string("a == '" + "x" * 1_000_000 + "'")({"a": "x" * 1_000_000})


TREES = st.recursive(
    st.sampled_from("abcd"),
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(st.sampled_from(["and", "or", "xor"]), inner, inner)
    ),
    max_leaves=12,
)
PRECEDENCE = {"or": 1, "xor": 2, "and": 3, "not": 4}


def rendered(tree, shuffle, outer=0):
    """Write a tree with the parentheses it needs, sometimes more, in random case and space."""
    if isinstance(tree, str):
        return tree
    operator, *terms = tree
    precedence = PRECEDENCE[operator]
    word = "".join(shuffle.choice([c.upper(), c]) for c in operator)
    space = shuffle.choice([" ", "  ", "\n"])
    if operator == "not":
        text = f"{word}{space}{rendered(terms[0], shuffle, precedence)}"
    else:
        left = rendered(terms[0], shuffle, precedence)
        # All three are associative, so that a term of the same precedence needs none.
        right = rendered(terms[1], shuffle, precedence)
        text = f"{left}{space}{word}{space}{right}"
    return f"({text})" if precedence < outer or shuffle.random() < 0.2 else text


def truth(tree, item):
    if isinstance(tree, str):
        return tree in item
    operator, *terms = tree
    values = [truth(term, item) for term in terms]
    if operator == "not":
        return not values[0]
    return {"and": all(values), "or": any(values), "xor": sum(values) == 1}[operator]


@given(tree=TREES, seed=st.integers(0, 1000))
def test_any_boolean_structure(tree, seed):
    text = rendered(tree, random.Random(seed))
    holds = parse_string(text)
    for number in range(16):
        item = names(letter for bit, letter in enumerate("abcd") if number >> bit & 1)
        assert holds(item) is truth(tree, item), text


WORDS = "a b.c é not and or xor in true null 1 -2.5 1e9 'x' \"y\" /z/ /(/i 10.0.0.0/8 1.2.3"
PIECES = st.sampled_from(
    [*WORDS.split(), *"=!<>~()[],/'\\.", "==", "!=", "=~", "2024-01-01", "2024-99-99", "10:00:00"]
)


@given(
    text=st.lists(PIECES, max_size=8).map(" ".join)
    | st.lists(PIECES, max_size=8).map("".join)
    | st.text(max_size=20)
)
def test_any_text_is_a_filter_or_an_expression_error(text):
    try:
        holds = parse_string(text)
    except ExpressionError as error:
        assert error.expression == text
        assert error.position in range(len(text) + 1)
    else:
        assert holds({"a": 1, "b": {"c": [1]}}) in (True, False)
