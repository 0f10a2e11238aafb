"""Filter strings: what each operator says of which item."""

from __future__ import annotations

import calendar
import time as clock
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from expressions.values import VALUES, ZONE
from hypothesis import given
from hypothesis import strategies as st

from dynafile.expressions.strings import parse_string

ITEM = {
    "n": 5,
    "zero": 0,
    "f": 0.1,
    "d": Decimal("1.50"),
    "neg": -3,
    "s": "hello",
    "empty": "",
    "quote": 'say "hi"',
    "path": "C:\\dir",
    "b": b"hello",
    "t": True,
    "no": False,
    "z": None,
    "l": [1, "a", None],
    "mixed": [5, "10.0.0.1", "x"],
    "roles": {"admin", "ops"},
    "numbers": {1, 2.5},
    "pair": ("x", 2),
    "m": {"x": 1, "deep": {"y": [10, {"k": "v"}]}},
    "a.b": "own dots",
    "a": {"b": "nested", "c": "only nested"},
    "ip": "10.1.2.3",
    "outside": "11.1.2.3",
    "when": datetime(2024, 5, 1, 12),
    "aware": datetime(2024, 5, 1, 12, tzinfo=ZONE),
    "day": date(2024, 5, 1),
    "at": time(12),
    "twin": 5.0,
    "sub": "ell",
}

TRUE = """
n == 5
n == 5.0
n == 5.00e0
5 == n
n != 6
6 != n
n < 6
n <= 5
n > 4.5
n >= 5
4 < n
6 > n
5 <= n
n > -1
neg == -3
neg < -2.5
f == 0.1
d == 1.5
d < 1.51
zero == 0
s == "hello"
s == 'hello'
s != "Hello"
s < "help"
empty == ""
quote == "say \\"hi\\""
quote == "say ""hi""\"
quote == 'say "hi"'
path == "C:\\dir"
path == "C:\\\\dir"
t == true
no == false
t != false
z == null
n != null
s != null
n == twin
n <= twin
n > f
s > sub
n in 4, 5
n in 5,6
n in (4, 5)
n in [5]
n in (5)
n in 5
n in 5.0, "x"
zero in 0, 1
s in "hello", "x"
s in ("hello")
t in true, 1
z in null, 1
l == [1, "a", null]
pair == "x", 2
pair == ("x", 2)
n == (5)
sub in "hello"
"ell" in s
sub in s
"a" in l
1 in l
null in l
"x" in pair
"admin" in roles
2.5 in numbers
1.0 in numbers
"x" in m
"deep" in m
"y" in m.deep
10 in m.deep.y
sub in "hello" and "h" in s
ip in 10.0.0.0/8
ip in 10.1.2.3/32
ip in 0.0.0.0/0
ip in 10.1.99.99/16
mixed in 10.0.0.0/8
"10.0.0.1" in 10.0.0.0/8
s =~ /^h.*o$/
s =~ /ELL/i
s =~ /l{2}/
mixed =~ /^x$/
roles =~ /^adm/
path =~ /^C:\\\\/
ip =~ /^10\\.1\\./
"a/b" =~ /^a\\/b$/
m.x == 1
m.deep.y.0 == 10
m.deep.y.1.k == "v"
a.b == "own dots"
a.c == "only nested"
m.x < m.deep.y.0
z
empty
zero
no
l
m.deep.y.1
not missing
not missing == 1
not missing != 1
not m.missing
when == 2024-05-01T12:00:00
when == 2024-05-01 12:00:00
when > 2024-05-01
when < 2024-05-02
when != 2024-05-01
2024-05-01 < when
day == 2024-05-01
day == 2024-5-1
day < 2024-05-01 00:00:01
day <= when
aware == 2024-05-01T12:00:00+02:00
aware == 2024-05-01T10:00:00Z
aware < 2024-05-01T11:00:00Z
when in 2024-05-01, 2024-05-01 12:00:00
at == 12:00:00
at > 11:59:59
11:59:59 < at
at in 11:00:00, 12:00:00
true == true
1 < 2
"a" in "a", "b"
11:00:00 < 12:00:00
"""

FALSE = """
n == 6
n == "5"
n != "5"
n != true
n != 5
n < "6"
t == 1
t != 1
no == 0
t > 0
t < true
z == false
z == 0
z != 0
z != null
z != "x"
missing
missing == 1
missing != 1
missing < 1
missing >= 1
missing == null
missing != null
missing == missing
missing != missing
missing == absent
n != missing
missing in 1, null
1 in missing
missing in missing
missing in "abc"
missing =~ /.*/
missing in 0.0.0.0/0
m.missing != 1
m.x.y == 1
s.x
s.0
s == 5
s < 5
s =~ /HELLO/
s =~ /^ello/
n =~ /5/
z =~ /None/
b == "hello"
b =~ /hello/
"ell" in b
l =~ /1/
l == 1, "a"
l != 1
l < 1, 2
m < 5
roles != "admin"
n in 4, 6
n in "5", true
t in 1, 2
no in 0, 1
s in ("hell", "o")
s in ["hell"]
s in "hell"
n in "5"
"z" in m
1 in m
5 in n
"A" in l
true in l
0 in l
"ad" in roles
outside in 10.0.0.0/8
s in 10.0.0.0/8
n in 10.0.0.0/8
l in 10.0.0.0/8
empty in 0.0.0.0/0
day == "2024-05-01"
s < 2024-05-01
n > 2024-05-01
when == 2024-05-01
when == 2024-05-01T12:00:00Z
when != 2024-05-01T12:00:00Z
aware < 2030-01-01
aware != 2024-05-01
at == 13:00:00
at == "12:00:00"
s != 12:00:00
when == 12:00:00
not z
not n == 5
1 == "1"
1 != "1"
"""


def lines(text):
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("text", lines(TRUE))
def test_filters_that_hold(text):
    assert parse_string(text)(ITEM) is True


@pytest.mark.parametrize("text", lines(FALSE))
def test_filters_that_do_not_hold(text):
    assert parse_string(text)(ITEM) is False


@pytest.mark.parametrize("flag", ["m", "s", "ms", "sim"])
def test_flags_of_regular_expressions(flag):
    item = {"a": "one\ntwo"}
    assert parse_string(f"a =~ /^two/{flag}")(item) is ("m" in flag)
    assert parse_string(f"a =~ /one.two/{flag}")(item) is ("s" in flag)
    assert parse_string(f"a =~ /ONE/{flag}")(item) is ("i" in flag)


def test_a_pattern_is_taken_as_it_stands():
    r"""``filtration`` turns ``\\n`` into a backslash and a newline, which matches neither."""
    assert parse_string(r"a =~ /^\\n$/")({"a": r"\n"})
    assert not parse_string(r"a =~ /^\\n$/")({"a": "\n"})
    assert parse_string(r"a =~ /^\n\t\d$/")({"a": "\n\t1"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\""', '"'),
        (r'"\'"', "'"),
        (r"'\''", "'"),
        (r'"\\"', "\\"),
        (r'"\\\""', '\\"'),
        (r'"a\nb"', r"a\nb"),
        ('"C:\\xyz"', "C:\\xyz"),
        ('"\\"', None),
        ('""""', '"'),
        ("''''", "'"),
        ("\"''\"", "''"),
        ('"tab\there  two"', "tab\there  two"),
        ('" é名 "', " é名 "),
        ('"not (a and b)"', "not (a and b)"),
    ],
)
def test_strings_hold_what_is_between_the_quotes(text, value):
    if value is None:
        with pytest.raises(ValueError, match="does not end"):
            parse_string(f"a == {text}")
    else:
        assert parse_string(f"a == {text}")({"a": value})
        assert not parse_string(f"a == {text}")({"a": value + "x"})


def test_a_time_is_on_the_day_the_filter_is_evaluated(monkeypatch):
    """``filtration`` takes the day on which it parses, and parsed filters are kept."""
    first = datetime(2024, 5, 1, 9)
    holds = parse_string("due <= 10:00:00")

    def freeze(moment):
        monkeypatch.setattr(clock, "time", lambda: clock.mktime(moment.timetuple()))

    freeze(first)
    assert holds({"due": first})
    assert holds({"due": first.date()})
    assert not holds({"due": first + timedelta(hours=2)})
    assert not holds({"due": first + timedelta(days=1)})
    freeze(first + timedelta(days=1))
    assert holds({"due": first + timedelta(days=1)})
    assert holds({"due": first + timedelta(hours=2)})
    assert parse_string("due in 08:00:00, 09:00:00")({"due": first + timedelta(days=1)})
    assert not holds({"due": datetime(2024, 5, 2, 9, tzinfo=UTC)})
    assert not holds({"due": calendar.timegm(first.timetuple())})


OPERANDS = ["a", "b", "a.x", "a.0", "1", "-0.5", "'x'", "true", "null", "2024-05-01", "12:00:00"]
ATOMS = [
    *OPERANDS[:4],
    *(
        f"{left} {operator} {right}"
        for left in OPERANDS
        for operator in ("==", "!=", "<", "<=", ">", ">=", "in")
        for right in (*OPERANDS, "1, 'x', null", "[2024-05-01, 12:00:00]")
    ),
    *(f"{left} =~ /x|1/" for left in OPERANDS),
    *(f"{left} in 10.0.0.0/8" for left in OPERANDS),
]
FILTERS = [parse_string(text) for text in ATOMS]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    item=st.dictionaries(
        st.sampled_from(["a", "b", "a.x"]),
        JSON | VALUES | st.dictionaries(st.just("x"), VALUES),
    )
)
def test_a_filter_says_true_or_false_of_any_item(item):
    for text, holds in zip(ATOMS, FILTERS, strict=True):
        assert holds(item) in (True, False), text
        assert type(holds(item)) is bool, text
