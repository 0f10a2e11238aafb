"""What cannot be stored is refused by its own error, which says where and what to do."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import math
import sys
from collections import OrderedDict, UserDict, namedtuple
from collections.abc import Callable
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from dynafile.errors import (
    CyclicItem,
    InvalidName,
    InvalidNumber,
    InvalidSet,
    InvalidString,
    ItemTooLarge,
    NestingTooDeep,
    UnsupportedType,
    ValidationError,
)
from dynafile.values import MAX_ITEM_BYTES, decode_item, encode_item


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Name(enum.StrEnum):
    PK = "PK"


class Text(str):
    __slots__ = ()


class Bytes(bytes):
    pass


class Int(int):
    pass


class Float(float):
    pass


class List(list[Any]):
    pass


class Set(set[Any]):
    pass


class Moment(datetime):
    pass


class Digits(Decimal):
    pass


@dataclasses.dataclass
class Point:
    x: int


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 (a plain one is what is meant)


class Nowhere(tzinfo):
    """A time zone that knows no offset."""

    def utcoffset(self, moment: datetime | None, /) -> None:
        return None

    def dst(self, moment: datetime | None, /) -> None:
        return None

    def tzname(self, moment: datetime | None, /) -> None:
        return None


UNSUPPORTED: list[tuple[object, str]] = [
    (Color.RED, "store its .value"),
    (Level.LOW, "store its .value"),
    (Name.PK, "store its .value"),
    (Text("a"), "store str(...) of it"),
    (Bytes(b"a"), "store bytes(...) of it"),
    (Int(1), "store int(...) of it"),
    (Float(1), "store float(...) of it"),
    (Digits(1), "store Decimal(...) of it"),
    (List(), "store list(...) of it"),
    (Set([1]), "store set(...) of it"),
    (OrderedDict(), "store dict(...) of it"),
    (UserDict(), "store dict(...) of it"),
    (Pair(1, 2), "store tuple(...) of it"),
    (Point(1), "store dataclasses.asdict(...) of it"),
    (bytearray(b"a"), "store bytes(...) of it"),
    (memoryview(b"a"), "store bytes(...) of it"),
    (timedelta(1), "store its .total_seconds()"),
    (Moment(2024, 1, 1), "store a plain datetime, date or time"),
    (1j, "store a str, number, bytes"),
    (Fraction(1, 2), "store a str, number, bytes"),
    (range(3), "store a str, number, bytes"),
    (object(), "store a str, number, bytes"),
    (int, "store a str, number, bytes"),
]

PLACES: dict[str, Callable[[Any], dict[Any, Any]]] = {
    "item['a']": lambda value: {"PK": "x", "a": value},
    "item['a'][2]": lambda value: {"a": [1, "b", value]},
    "item['a']['b']": lambda value: {"n": 2.5, "a": {"c": None, "b": value}},
    "item['a'][1][0]['ü']": lambda value: {"a": (0.5, [{"ü": value}])},
}


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(("value", "hint"), UNSUPPORTED, ids=lambda case: type(case).__name__)
def test_unsupported_types(value: object, hint: str, path: str) -> None:
    with pytest.raises(UnsupportedType) as info:
        encode_item(PLACES[path](value))
    assert info.value.explanation.startswith(f"{path} is of type ")
    assert f"{type(value).__qualname__}, which cannot be stored; {hint}" in str(info.value)
    assert info.value.path == path
    assert info.value.type is type(value)
    assert isinstance(info.value, TypeError)
    assert isinstance(info.value, ValidationError)


def test_numpy_scalars_are_told_to_become_python_ones() -> None:
    """numpy.float64 is a float, and still is refused: it would come back as another type."""
    float64 = type("float64", (float,), {"__module__": "numpy"})
    with pytest.raises(UnsupportedType, match=r"numpy\.float64, .*store what its \.tolist"):
        encode_item({"a": float64(1.5)})


@pytest.mark.parametrize("item", [None, [], "a", [("a", 1)], 1])
def test_an_item_is_a_mapping(item: Any) -> None:
    with pytest.raises(UnsupportedType, match=r"^item is of type \w+; an item is a dict") as info:
        encode_item(item)
    assert info.value.path == "item"


SIGNALLING = Decimal("sNaN")
NUMBERS: list[tuple[float | Decimal, str]] = [
    (math.nan, "is NaN"),
    (math.inf, "is infinite"),
    (-math.inf, "is infinite"),
    (Decimal("NaN"), "is NaN"),
    (SIGNALLING, "is NaN"),
    (Decimal("-Infinity"), "is infinite"),
    (10**126, "is a number out of range"),
    (-(10**5000), "is a number out of range"),
    (1e126, "is a number out of range"),
    (-1e300, "is a number out of range"),
    (1e-131, "is a number out of range"),
    (-5e-324, "is a number out of range"),
    (Decimal("1E+126"), "is a number out of range"),
    (Decimal("1E-131"), "is a number out of range"),
    (10**38 + 1, "has 39 significant digits"),
    (Decimal(10**38 + 1), "has 39 significant digits"),
    (Decimal(f"-0.{10**38 + 1}"), "has 39 significant digits"),
]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(("value", "what"), NUMBERS, ids=range(len(NUMBERS)))
def test_numbers_that_are_not_valid(value: float | Decimal, what: str, path: str) -> None:
    with pytest.raises(InvalidNumber) as info:
        encode_item(PLACES[path](value))
    assert info.value.explanation.startswith(f"{path} {what}")
    assert info.value.path == path


# A signalling NaN has no hash, and so is in no set.
IN_SETS = [case for case in NUMBERS if case[0] is not SIGNALLING]


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize(("value", "what"), IN_SETS, ids=range(len(IN_SETS)))
def test_numbers_in_sets(value: float | Decimal, what: str, kind: type) -> None:
    with pytest.raises(InvalidNumber) as info:
        encode_item({"a": [kind([1, value, Decimal("0.5")])]})
    assert info.value.explanation.startswith(f"item['a'][0] {what}")


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("ab\ud800", r"is a string with a lone surrogate, '\ud800' at index 2, "),
        ({"ok", "\udfff"}, r"has a member with a lone surrogate, '\udfff' at index 0, "),
        ({"x\udc80": 1}, r"has an attribute name with a lone surrogate, '\udc80' at index 1, "),
    ],
    ids=["string", "set", "name"],
)
def test_lone_surrogates(value: object, what: str, path: str) -> None:
    with pytest.raises(InvalidString) as info:
        encode_item(PLACES[path](value))
    assert info.value.explanation == (
        f"{path} {what}which UTF-8 cannot express; store bytes, or replace it"
    )
    assert info.value.path == path


def test_a_lone_surrogate_in_a_name_of_the_item() -> None:
    with pytest.raises(InvalidString, match=r"^item has an attribute name with a lone"):
        encode_item({"a": 1, "\ud800": 2})


def test_a_lone_surrogate_beside_an_int_beyond_64_bits() -> None:
    """Both are left to the encoder, and the walk that follows must find the one that is bad."""
    with pytest.raises(InvalidString, match=r"^item\['b'\]"):
        encode_item({"a": 2**70, "b": "\ud800"})
    item = {"a": [2**70, {"b": -(2**70)}, "c"], "d": ("e", 2**64)}
    assert decode_item(encode_item(item)) == item


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (set(), InvalidSet, "is an empty set; leave the attribute out, or store None"),
        (frozenset(), InvalidSet, "is an empty set; "),
        ({1, "a"}, InvalidSet, "is a set that mixes types (int, str): "),
        ({b"a", "a"}, InvalidSet, "is a set that mixes types (bytes, str): "),
        ({2.5, True}, UnsupportedType, "is a set with a member of type bool; "),
        ({None}, UnsupportedType, "is a set with a member of type NoneType; "),
        ({("a",)}, UnsupportedType, "is a set with a member of type tuple; "),
        (frozenset({"a", Level.LOW}), UnsupportedType, "is a set with a member of type "),
    ],
    ids=["empty", "empty, frozen", "int, str", "bytes, str", "bool", "None", "tuple", "enum"],
)
def test_sets_that_are_not_valid(
    value: object, error: type[ValidationError], message: str, path: str
) -> None:
    with pytest.raises(error) as info:
        encode_item(PLACES[path](value))
    assert info.value.explanation.startswith(f"{path} {message}")
    assert info.value.path == path  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name", [1, 10**5000, None, b"a", ("a",), Name.PK, Text("a"), 1.5], ids=range(8)
)
@pytest.mark.parametrize("path", ["item", *PLACES])
def test_names_that_are_no_strings(name: object, path: str) -> None:
    bad = {"ok": 1, name: 2}
    with pytest.raises(UnsupportedType) as info:
        encode_item(PLACES[path](bad) if path in PLACES else bad)  # type: ignore[arg-type]
    assert info.value.explanation.startswith(f"{path} has an attribute name of type ")
    assert str(info.value).endswith("; a name is a str: use str(...) of it")
    assert info.value.path == path
    assert info.value.type is type(name)


@pytest.mark.parametrize("path", ["item", *PLACES])
def test_empty_names(path: str) -> None:
    bad = {"ok": 1, "": 2}
    with pytest.raises(InvalidName) as info:
        encode_item(PLACES[path](bad) if path in PLACES else bad)
    assert info.value.explanation == (
        f"{path} has an empty attribute name; a name is at least one character"
    )
    assert info.value.name == ""


def nested(levels: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = wrap(value)
    return value


WRAPS: list[Callable[[Any], Any]] = [
    lambda value: [value],
    lambda value: (value,),
    lambda value: {"x": value},
]


@pytest.mark.parametrize("wrap", WRAPS, ids=["list", "tuple", "dict"])
def test_nesting(wrap: Callable[[Any], Any]) -> None:
    deepest = {"a": nested(32, wrap)}
    assert decode_item(encode_item(deepest)) == deepest
    step = "['x']" if wrap is WRAPS[2] else "[0]"
    for levels in (33, 34, 5000):
        with pytest.raises(NestingTooDeep) as info:
            encode_item({"a": nested(levels, wrap)})
        path = "item['a']" + step * 32
        assert info.value.path == path
        assert info.value.explanation == f"{path} is nested deeper than 32 levels; flatten the item"


def test_nesting_deep_in_the_stack() -> None:
    """Thirty-two levels must not need more of the stack than a caller has left."""
    item = {"a": nested(32, lambda value: [value])}

    def descend(levels: int) -> bytes:
        return encode_item(item) if levels == 0 else descend(levels - 1)

    depth = len(inspect.stack())
    assert descend(sys.getrecursionlimit() - depth - 100) == encode_item(item)


def test_cycles() -> None:
    item: dict[str, Any] = {"PK": "x"}
    item["self"] = item
    with pytest.raises(CyclicItem) as info:
        encode_item(item)
    assert info.value.path == "item['self']"
    assert info.value.explanation == (
        "item['self'] is item again, and an item cannot contain itself; store a copy"
    )


def test_cycles_through_every_container() -> None:
    inner: list[Any] = []
    inner.append({"b": (1, [inner])})
    shared = [1]
    with pytest.raises(CyclicItem) as info:
        encode_item({"s": shared, "t": [shared, shared], "a": {"c": inner}})
    assert info.value.path == "item['a']['c'][0]['b'][1][0]"
    assert "is item['a']['c'] again" in str(info.value)


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 34, 5000])
def test_cycles_of_any_length(length: int) -> None:
    ring: list[list[Any]] = [[] for _ in range(length)]
    for index, link in enumerate(ring):
        link.append(ring[(index + 1) % length])
    with pytest.raises(CyclicItem) as info:
        encode_item({"a": ring[0]})
    assert info.value.path == "item['a']" + "[0]" * length


def test_the_same_object_twice_is_no_cycle() -> None:
    shared = [1, {"x": Decimal(2)}]
    item = {"a": shared, "b": [shared, shared], "c": (shared, {"d": shared})}
    assert decode_item(encode_item(item)) == item


def test_a_deep_item_of_shared_objects_is_no_cycle() -> None:
    shared: list[Any] = [1]
    with pytest.raises(NestingTooDeep):
        encode_item({"b": [shared, shared], "a": nested(40, lambda value: [shared, value])})


def test_an_item_over_the_limit() -> None:
    limit = MAX_ITEM_BYTES
    for item in ({"a": "x" * limit}, {"a": [b"x" * limit]}, {"a": 2**70, "b": "x" * limit}):
        with pytest.raises(ItemTooLarge, match=f"the limit is {limit}; split it") as info:
            encode_item(item)
        assert info.value.size > limit
        assert info.value.limit == limit


def test_containers_that_hold_each_other_many_times() -> None:
    """References that unfold to more members than an item can have are not followed to the end."""
    million = [[1] * 1000] * 1000
    for item in ({"a": [million] * 17}, {"a": ({"b": [million] * 17}, Decimal(1))}):
        with pytest.raises(ItemTooLarge) as info:
            encode_item(item)
        assert info.value.size == MAX_ITEM_BYTES + 1, "it was encoded, and only then refused"


def test_a_search_for_cycles_visits_each_container_once() -> None:
    """Forty levels of two references each would take days otherwise."""
    value: list[Any] = []
    for _ in range(40):
        value = [value, value]
    with pytest.raises(NestingTooDeep):
        encode_item({"a": value})


@pytest.mark.parametrize("value", [datetime(2024, 1, 1, tzinfo=Nowhere()), time(tzinfo=Nowhere())])
def test_a_tzinfo_that_would_be_lost(value: object) -> None:
    with pytest.raises(UnsupportedType, match=r"^item\['a'\] has a tzinfo of type .*Nowhere ") as e:
        encode_item({"a": value})
    assert e.value.type is Nowhere


def test_refusals_hide_how_they_came_about() -> None:
    for item in ({"a": object()}, {"a": [object()]}, {"a": "\ud800"}):
        with pytest.raises(ValidationError) as info:
            encode_item(item)
        assert info.value.__cause__ is None
        assert info.value.__suppress_context__


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (10**38 + 1, "Attempting to store more than 38 significant digits in a Number"),
        (
            Decimal("1E+126"),
            (
                "Number overflow. Attempting to store a number with magnitude larger than supported "
                "range"
            ),
        ),
        (
            Decimal("9E-131"),
            (
                "Number underflow. Attempting to store a number with magnitude smaller than supported "
                "range"
            ),
        ),
        (b"x" * 16_777_216, "Item size has exceeded the maximum allowed size"),
    ],
)
def test_what_dynamodb_refuses_is_said_in_its_words(value: object, message: str) -> None:
    with pytest.raises(ValidationError) as info:
        encode_item({"a": value})
    assert str(info.value) == message
    assert info.value.explanation.startswith(("item['a'] ", "the item takes"))
