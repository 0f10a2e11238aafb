"""``Attr`` conditions: what they mean, what they refuse, what they are."""

from __future__ import annotations

import copy
import enum
import functools
import operator
import pickle
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from expressions.values import VALUES, shown
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import (
    ExpressionError,
    InvalidArgument,
    InvalidNumber,
    InvalidSet,
    NestingTooDeep,
    UnsupportedType,
    ValidationError,
)
from dynafile.expressions import Attr, Condition, Key, Size, begins_with, parse_filter
from dynafile.expressions.nodes import (
    MAX_DEPTH,
    AttributeType,
    BeginsWith,
    Between,
    Comparison,
    Contains,
    Literal,
    Membership,
    Operand,
    attributes_of,
)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Binary:
    """In the shape of boto3's."""

    def __init__(self, value):
        self.value = value


class MyDatetime(datetime):
    pass


class MyBytes(bytes):
    pass


class MyFloat(float):
    def __repr__(self):
        return "about a half"


class MyDecimal(Decimal):
    pass


class MyUUID(UUID):
    pass


ITEM = {
    "n": 5,
    "f": 0.1,
    "d": Decimal("1.50"),
    "s": "hello",
    "b": b"\x01\xff",
    "t": True,
    "z": None,
    "l": [1, "a", [3]],
    "m": {"x": 1, "y": [-1, {"k": "deep"}], "x.y": 2},
    "ss": {"red", "green"},
    "ns": {1, 2.5},
    "bs": {b"1"},
    "tuple": (1, 2),
    "when": datetime(2024, 5, 1, 12, tzinfo=UTC),
    "day": date(2024, 5, 1),
    "at": time(12),
    "id": UUID(int=7),
    "twin": 5.0,
    "first.name": "Ada",
    "prefix": "hel",
    "five": 5,
}

TRUE = [
    Attr("n").eq(5),
    Attr("n").eq(Decimal("5.0")),
    Attr("f").eq(Decimal("0.1")),
    Attr("d").eq(1.5),
    Attr("s").eq("hello"),
    Attr("b").eq(b"\x01\xff"),
    Attr("b").eq(bytearray(b"\x01\xff")),
    Attr("b").eq(Binary(b"\x01\xff")),
    Attr("t").eq(True),
    Attr("z").eq(None),
    Attr("l").eq([1, "a", [3]]),
    Attr("l").eq((1.0, "a", (3,))),
    Attr("tuple").eq([1, 2]),
    Attr("m").eq({"x": 1.0, "y": [-1, {"k": "deep"}], "x.y": 2}),
    Attr("ss").eq({"green", "red"}),
    Attr("ns").eq({Decimal("2.5"), 1.0}),
    Attr("when").eq(datetime(2024, 5, 1, 12, tzinfo=UTC)),
    Attr("when").eq(MyDatetime(2024, 5, 1, 12, tzinfo=UTC)),
    Attr("id").eq(UUID(int=7)),
    # <> is "not equal": true of other types and of nothing, too.
    Attr("n").ne(6),
    Attr("n").ne("5"),
    Attr("n").ne(True),
    Attr("t").ne(1),
    Attr("missing").ne(5),
    Attr("missing").ne(None),
    Attr("m.missing.x").ne(5),
    Attr("missing").ne(Attr("absent")),
    Attr("n").lt(6),
    Attr("n").lte(5),
    Attr("n").gt(4.5),
    Attr("n").gte(Decimal(5)),
    Attr("s").lt("help"),
    Attr("b").gt(b"\x01\x7f"),
    Attr("when").lt(datetime(2024, 5, 1, 13, tzinfo=UTC)),
    Attr("day").gte(date(2024, 5, 1)),
    Attr("at").lt(time(12, 0, 1)),
    Attr("n").between(5, 6),
    Attr("n").between(4, 5),
    Attr("s").between("h", "i"),
    Attr("n").between(Attr("f"), 6),
    Attr("n").is_in([1, 5.0]),
    Attr("n").is_in((Attr("missing"), Attr("twin"))),
    Attr("n").is_in(iter([1, 5])),
    Attr("s").is_in(["a", "hello", 3]),
    Attr("z").is_in([None]),
    Attr("l").is_in([[1], [1, "a", [3]]]),
    Attr("s").begins_with("hel"),
    Attr("s").begins_with(""),
    Attr("b").begins_with(b"\x01"),
    Attr("s").begins_with(Attr("prefix")),
    Attr("s").contains("ell"),
    Attr("b").contains(b"\xff"),
    Attr("l").contains("a"),
    Attr("l").contains([3.0]),
    Attr("ss").contains("red"),
    Attr("ns").contains(Decimal("2.5")),
    Attr("s").contains(Attr("prefix")),
    Attr("n").exists(),
    Attr("z").exists(),
    Attr("missing").not_exists(),
    Attr("m.missing").not_exists(),
    Attr("m.x").eq(1),
    Attr("m.y[0]").eq(-1),
    Attr("m.y[1].k").eq("deep"),
    Attr("m.x").gt(Attr("m.y[0]")),
    Attr(("m", "x.y")).eq(2),
    Attr(("first.name",)).eq("Ada"),
    Attr("s").size().eq(5),
    Attr("s").size().eq(Attr("five")),
    Attr("five").eq(Attr("s").size()),
    Attr("s").size().ne(4),
    Attr("s").size().gt(4),
    Attr("s").size().between(1, 5),
    Attr("m").size().is_in([3]),
    Attr("ns").size().lte(2),
    Attr("n").size().ne(1),
    Attr("n").eq(Attr("twin")),
    Attr("s").ne(Attr("n")),
    Attr("n").attribute_type("N"),
    Attr("ss").attribute_type("SS"),
    Attr("when").attribute_type("S"),
    Attr("tuple").attribute_type("L"),
    Attr("n").eq(5) & Attr("s").eq("hello"),
    Attr("n").eq(5) & Attr("s").eq("hello") & Attr("t").exists(),
    Attr("n").eq(6) | Attr("s").eq("hello"),
    Attr("n").eq(6) | Attr("n").eq(7) | Attr("n").eq(5),
    ~Attr("n").eq(6),
    ~Attr("missing").eq(6),
    ~(Attr("n").eq(6) | Attr("n").eq(7)),
    ~~Attr("n").eq(5),
    Key("s").begins_with("h"),
    Key("n").between(5, 6),
    Key("first.name").eq("Ada"),
    Key("n").gte(5) & ~Key("s").lt("a"),
]

FALSE = [
    Attr("n").eq("5"),
    Attr("t").eq(1),
    Attr("z").eq(False),
    Attr("missing").eq(None),
    Attr("missing").eq(Attr("absent")),
    Attr("b").eq("\x01ÿ"),
    Attr("n").ne(5.0),
    Attr("n").ne(Attr("twin")),
    Attr("n").lt(5),
    Attr("t").lt(2),
    Attr("s").gt(1),
    Attr("missing").lt(1),
    Attr("missing").lte(Attr("absent")),
    Attr("l").gt("a"),
    Attr("when").lt(datetime(2030, 1, 1)),
    Attr("n").between(6, 7),
    Attr("n").between(1, 4),
    Attr("s").between(1, 9),
    Attr("missing").between(1, 9),
    Attr("n").between(Attr("twin"), Attr("missing")),
    Attr("n").is_in([True, "5"]),
    Attr("t").is_in([1]),
    Attr("missing").is_in([1, None]),
    Attr("s").begins_with("ello"),
    Attr("s").begins_with(b"h"),
    Attr("n").begins_with("5"),
    Attr("missing").begins_with(""),
    Attr("s").begins_with(Attr("n")),
    Attr("l").contains("A"),
    Attr("l").contains(True),
    Attr("m").contains("x"),
    Attr("n").contains(5),
    Attr("missing").contains("a"),
    Attr("n").not_exists(),
    Attr("m.x.y").exists(),
    Attr("l[9]").exists(),
    Attr("first.name").exists(),
    Attr("n").size().eq(1),
    Attr("missing").size().lt(100),
    Attr("s").size().eq("5"),
    Attr("n").attribute_type("S"),
    Attr("missing").attribute_type("NULL"),
    Attr("n").eq(5) & Attr("s").eq("nope"),
    Attr("n").eq(5) & Attr("n").eq(5) & Attr("s").eq("nope"),
    Attr("n").eq(6) | Attr("s").eq("nope"),
    ~Attr("n").eq(5),
    Key("missing").lt(5),
]


def holds(condition, item):
    return parse_filter(condition)(item)


@pytest.mark.parametrize("condition", TRUE, ids=shown)
def test_conditions_that_hold(condition):
    assert holds(condition, ITEM) is True
    assert holds(~condition, ITEM) is False


@pytest.mark.parametrize("condition", FALSE, ids=shown)
def test_conditions_that_do_not_hold(condition):
    assert holds(condition, ITEM) is False
    assert holds(~condition, ITEM) is True


@pytest.mark.parametrize("condition", TRUE + FALSE, ids=shown)
def test_a_repr_is_the_expression_that_builds_it(condition):
    names = {"Attr": Attr, "Key": Key, "Decimal": Decimal, "UUID": UUID, "frozenset": frozenset}
    text = repr(condition).replace("datetime.datetime", "datetime").replace("datetime.", "")
    names |= {"datetime": datetime, "date": date, "time": time, "timezone": type("Z", (), {})}
    names["timezone"].utc = UTC
    assert eval(text, names) == condition


@pytest.mark.parametrize("condition", TRUE + FALSE, ids=shown)
def test_conditions_are_immutable_and_can_be_copied(condition):
    field = attributes_of(condition)[0]
    with pytest.raises(AttributeError):
        setattr(condition, field, None)
    assert copy.deepcopy(condition) == condition
    assert pickle.loads(pickle.dumps(condition)) == condition


def test_precedence_is_that_of_python():
    a, b, c = (Attr(name).exists() for name in "abc")
    assert repr(a | b & ~c) == "Attr('a').exists() | (Attr('b').exists() & ~Attr('c').exists())"
    assert repr((a | b) & c) == "(Attr('a').exists() | Attr('b').exists()) & Attr('c').exists()"
    assert repr(~(a & b)) == "~(Attr('a').exists() & Attr('b').exists())"
    assert holds(a | b & ~c, {"a": 1, "c": 1})


def test_and_or_of_conditions_cannot_lie():
    """``a and b`` would be ``b`` alone: Python asks for the truth of ``a``."""
    with pytest.raises(TypeError, match=r"& \| ~"):
        Attr("a").exists() and Attr("b").exists()
    with pytest.raises(TypeError):
        not Attr("a").exists()
    with pytest.raises(TypeError):
        bool(Attr("a").size().gt(1))


def test_conditions_combine_with_conditions_only():
    for other in (True, "a == 1", Attr("a"), lambda item: True):
        with pytest.raises(TypeError):
            Attr("a").exists() & other
        with pytest.raises(TypeError):
            Attr("a").exists() | other


def test_attributes_are_equal_by_path_and_cannot_be_changed():
    assert Attr("a.b[0]") == Attr(("a", "b", 0))
    assert Attr("a.b") != Attr(("a.b",))
    assert Attr("a") != "a"
    assert {Attr("a"), Attr("a"), Key("a"), Key("a")} == {Key("a"), Attr("a")}
    assert Attr("a").name == "a"
    assert Attr(("a.b",)).name is None
    assert repr(Attr(("a.b", 0))) == "Attr(('a.b', 0))"
    attribute = Attr("a")
    for change in (
        lambda: setattr(attribute, "path", ("b",)),
        lambda: setattr(attribute, "other", 1),
        lambda: delattr(attribute, "path"),
    ):
        with pytest.raises(AttributeError):
            change()
    assert attribute.path == ("a",)


def test_a_condition_keeps_a_copy_of_its_value():
    value = {"a": [1]}
    condition = Attr("x").eq(value)
    value["a"].append(2)
    assert holds(condition, {"x": {"a": [1]}})


def test_values_become_plain():
    assert Attr("a").eq(Colour.RED) == Attr("a").eq("red")
    assert type(Attr("a").eq(Colour.RED).right.value) is str
    assert type(Attr("a").eq(Level.HIGH).right.value) is int
    assert type(Attr("a").eq(MyDatetime(2024, 1, 1)).right.value) is datetime
    assert holds(Attr("a").is_in([Colour.RED, Level.HIGH]), {"a": 3})
    for value in (MyBytes(b"a"), MyFloat(0.5), MyDecimal("1.5"), MyUUID(int=1)):
        literal = Attr("a").eq(value).right.value
        assert type(literal) is type(value).__base__
        assert holds(Attr("a").eq(value), {"a": literal})
    assert holds(Attr("a").eq(MyFloat(0.1)), {"a": Decimal("0.1")})


def test_a_long_run_is_one_level():
    """``functools.reduce(operator.or_, ...)`` nests to the left, as deep as it is long."""
    for combine in (operator.or_, operator.and_):
        run = functools.reduce(combine, (Attr("a").eq(n) for n in range(5000)))
        assert run.depth == 1
        assert holds(run, {"a": 4999}) is (combine is operator.or_)
        assert repr(run).count("Attr") == 5000
    right = functools.reduce(lambda done, n: Attr("a").eq(n) | done, range(500), Attr("b").exists())
    assert right.depth == 1


def test_nesting_has_a_limit_and_works_up_to_it():
    condition = Attr("a").exists()
    for level in range(MAX_DEPTH):
        condition = (condition & Attr("b").exists()) if level % 2 else (condition | Attr("c").eq(1))
    assert condition.depth == MAX_DEPTH
    assert holds(condition, {"a": 1, "b": 1})
    assert not holds(condition, {"a": 1})
    assert repr(condition).count("(") > MAX_DEPTH
    for deepen in (lambda: ~condition, lambda: condition | Attr("x").exists()):
        with pytest.raises(ExpressionError, match=str(MAX_DEPTH)):
            deepen()
    assert (condition & Attr("x").exists()).depth == MAX_DEPTH


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: Attr(""), ExpressionError),
        (lambda: Attr("a..b"), ExpressionError),
        (lambda: Attr(5), InvalidArgument),
        (lambda: Attr(()), InvalidArgument),
        (lambda: Attr((0,)), InvalidArgument),
        (lambda: Attr(("a", -1)), InvalidArgument),
        (lambda: Attr(("a", "")), InvalidArgument),
        (lambda: Attr(("a", True)), InvalidArgument),
        (lambda: Attr("a").eq(object()), UnsupportedType),
        (lambda: Attr("a").eq([1j]), UnsupportedType),
        (lambda: Attr("a").eq({1: 2}), UnsupportedType),
        (lambda: Attr("a").eq(len), UnsupportedType),
        (lambda: Attr("a").eq(float("nan")), InvalidNumber),
        (lambda: Attr("a").eq([Decimal("inf")]), InvalidNumber),
        (lambda: Attr("a").eq(Decimal("snan")), InvalidNumber),
        (lambda: Attr("a").eq(set()), InvalidSet),
        (lambda: Attr("a").eq({1, "a"}), InvalidSet),
        (lambda: Attr("a").eq({True}), InvalidSet),
        (lambda: Attr("a").eq(functools.reduce(lambda x, _: [x], range(40), 1)), NestingTooDeep),
        (lambda: Attr("a").eq(Attr("b").exists()), InvalidArgument),
        (lambda: Attr("a").lt(True), ValidationError),
        (lambda: Attr("a").lt(None), ValidationError),
        (lambda: Attr("a").gte([1]), ValidationError),
        (lambda: Attr("a").gt(UUID(int=1)), ValidationError),
        (lambda: Attr("a").between(1, "2"), ValidationError),
        (lambda: Attr("a").between(2, 1), ValidationError),
        (lambda: Attr("a").between(None, None), ValidationError),
        (lambda: Attr("a").begins_with(1), ValidationError),
        (lambda: Attr("a").begins_with(None), ValidationError),
        (lambda: Attr("a").is_in([]), ValidationError),
        (lambda: Attr("a").is_in("abc"), InvalidArgument),
        (lambda: Attr("a").is_in(5), InvalidArgument),
        (lambda: Attr("a").attribute_type("DOG"), ValidationError),
        (lambda: Comparison("==", Attr("a"), Literal(1)), InvalidArgument),
        (lambda: parse_filter(begins_with("a")), InvalidArgument),
        (lambda: parse_filter(Attr("a").exists() & begins_with("a")), InvalidArgument),
    ],
)
def test_what_cannot_be_a_condition_is_refused_when_it_is_built(build, error):
    with pytest.raises(error) as caught:
        build()
    assert type(caught.value) is error


def test_refusals_use_the_words_of_dynamodb():
    with pytest.raises(ValidationError, match="operator: <, operand type: BOOL"):
        Attr("a").lt(True)
    with pytest.raises(ValidationError, match="begins_with, operand type: N"):
        Attr("a").begins_with(1)
    with pytest.raises(
        ValidationError,
        match="The BETWEEN operator requires upper bound to be greater than or equal to lower "
        r"bound; lower bound operand: AttributeValue: \{N:2\}, upper bound operand: "
        r"AttributeValue: \{N:1\}",
    ):
        Attr("a").between(2, 1)
    with pytest.raises(ValidationError, match=r"type: DOG, valid types: \{B,BOOL,BS,L,M,N"):
        Attr("a").attribute_type("DOG")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Comparison("<", Literal(4), Attr("n")), True),
        (Comparison("<", Literal(5), Attr("n")), False),
        (Comparison("<=", Literal(5), Attr("n")), True),
        (Comparison(">", Literal("5"), Attr("n")), False),
        (Comparison("<>", Literal(5), Attr("missing")), True),
        (Comparison("=", Literal(1), Literal(1.0)), True),
        (Between(Literal(5), Attr("f"), Attr("twin")), True),
        (Between(Literal(6), Attr("f"), Attr("twin")), False),
        (Membership(Literal(5), (Attr("s"), Attr("twin"))), True),
        (BeginsWith(Literal("hello"), Attr("prefix")), True),
        (BeginsWith(Literal("ahello"), Attr("prefix")), False),
        (Contains(Literal([5]), Attr("twin")), True),
        (AttributeType(Literal(5), "N"), True),
    ],
    ids=repr,
)
def test_a_value_may_come_first(condition, expected):
    """No builder writes these; DynamoDB's expressions may."""
    assert holds(condition, ITEM) is expected


def test_an_operand_is_an_attribute_a_size_or_a_value():
    with pytest.raises(InvalidArgument, match="no operand"):
        holds(Comparison("=", Operand(), Attr("a")), ITEM)


def test_sizes_and_conditions_have_their_types():
    assert isinstance(Attr("a").size(), Size)
    assert isinstance(Attr("a").size().gt(1), Condition)
    assert not isinstance(Attr("a").size(), Condition)


ATTRIBUTES = st.sampled_from(
    [Attr("a"), Attr("b"), Attr("a.x"), Attr("a[0]"), Attr("a").size(), Attr("b").size()]
)
COMPARISONS = st.builds(
    lambda method, left, right: getattr(left, method)(right),
    st.sampled_from(["eq", "ne"]),
    ATTRIBUTES,
    VALUES | ATTRIBUTES,
) | st.builds(
    lambda method, left, right: getattr(left, method)(right),
    st.sampled_from(["lt", "lte", "gt", "gte"]),
    ATTRIBUTES,
    ATTRIBUTES | st.sampled_from([1, 0.5, Decimal(2), "a", b"a", date(2024, 5, 1)]),
)
OTHERS = st.sampled_from(
    [
        Attr("a").exists(),
        Attr("b").not_exists(),
        Attr("a").attribute_type("L"),
        Attr("a").begins_with("a"),
        Attr("a").begins_with(Attr("b")),
        Attr("a").between(Attr("b"), 3),
        Attr("b").between(-1, Decimal("2.5")),
    ]
) | st.builds(lambda value: Attr("a").contains(value), VALUES | ATTRIBUTES)
ITEMS = st.dictionaries(
    st.sampled_from("ab"),
    VALUES | st.dictionaries(st.just("x"), VALUES) | st.floats() | st.lists(st.floats()),
)


@given(
    condition=st.recursive(
        COMPARISONS | OTHERS,
        lambda inner: (
            st.builds(operator.and_, inner, inner)
            | st.builds(operator.or_, inner, inner)
            | st.builds(operator.invert, inner)
        ),
        max_leaves=5,
    ),
    item=ITEMS,
)
def test_a_condition_says_true_or_false_of_any_item(condition, item):
    assert holds(condition, item) is not holds(~condition, item)
