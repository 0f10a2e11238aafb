"""Laws of the key encoding: order, equality, no prefixes, ranges; and what it refuses."""

from __future__ import annotations

import enum
import math
from decimal import Decimal
from typing import Any

import pytest
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dynafile.errors import (
    EmptyKey,
    InvalidArgument,
    InvalidKey,
    InvalidNumber,
    InvalidString,
    KeyTooLong,
    KeyTypeMismatch,
    MissingKey,
)
from dynafile.values import (
    KEY_TYPES,
    MAX_PARTITION_KEY_BYTES,
    MAX_SORT_KEY_BYTES,
    KeyValue,
    canonical_decimal,
    decode_key_value,
    encode_key_prefix,
    encode_key_value,
    hash_prefix,
    key_type_of,
    parse_key_type,
    successor,
)

# Few characters, so that two strings often agree for a while, and the delicate ones.
ALPHABET = "\0\1\x02a\x7f\u0080\u00ff\ud7ff\ue000\uffff\U00010000\U0010ffff"
short_texts = st.text(ALPHABET, min_size=1, max_size=6)
texts = short_texts | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
binaries = st.lists(st.sampled_from([0, 1, 2, 0x61, 0xFE, 0xFF]), min_size=1, max_size=6).map(
    bytes
) | st.binary(min_size=1)
decimals = st.builds(
    lambda digits, places: Decimal(f"{digits}E{places}"),
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-130, 88),
)
near = st.builds(
    lambda digits, places: Decimal(f"{digits}E{places}"), st.integers(-200, 200), st.integers(-3, 3)
)
floats = st.floats(1e-130, 1e125) | st.floats(-1e125, -1e-130) | st.just(-0.0)
numbers = (
    near
    | decimals
    | floats
    | st.integers(-(10**38) + 1, 10**38 - 1)
    | st.integers(-100_000, 100_000)
)
values = texts | binaries | numbers


def encode(value: Any) -> bytes:
    return encode_key_value(value, attribute="PK", limit=1 << 20)


def order(value: KeyValue) -> tuple[str, Any]:
    """DynamoDB's order of values of one type; types in the order of their tags."""
    if isinstance(value, str):
        return "S", value.encode()
    if isinstance(value, bytes):
        return "B", value
    return "N", canonical_decimal(value)


@settings(max_examples=500, deadline=None)
@given(values, values)
@example("a", "a\0")
@example("a\0", "a\1")
@example(Decimal("0.1"), 0.1)
def test_order_equality_and_prefixes(left: KeyValue, right: KeyValue) -> None:
    first, second = encode(left), encode(right)
    assert (first < second) == (order(left) < order(right))
    assert (first == second) == (order(left) == order(right))
    if first != second:
        assert not first.startswith(second)
        assert not second.startswith(first)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(short_texts, near), min_size=2, max_size=2))
def test_encodings_in_a_row_compare_field_by_field(pairs: list[tuple[str, Decimal]]) -> None:
    left, right = ([order(value) for value in pair] for pair in pairs)
    first, second = (b"".join(map(encode, pair)) for pair in pairs)
    assert (first < second) == (left < right)


@settings(max_examples=300, deadline=None)
@given(values, st.binary(max_size=4), st.binary(max_size=4))
def test_round_trip(value: KeyValue, before: bytes, after: bytes) -> None:
    raw = encode(value)
    assert raw[:1].decode() == key_type_of(value)
    decoded, end = decode_key_value(before + raw + after, len(before))
    assert end == len(before) + len(raw)
    if isinstance(value, (str, bytes)):
        assert decoded == value
        assert type(decoded) is type(value)
    else:
        assert order(decoded) == order(value)
        canonical = canonical_decimal(value)
        integral = canonical == canonical.to_integral_value()
        assert type(decoded) is (int if integral else Decimal)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_what_decodes_is_what_encodes(data: st.DataObject) -> None:
    """No value has a second encoding: bytes of a damaged key are refused, or are another key."""
    raw = bytearray(encode(data.draw(short_texts | near | decimals | binaries)))
    for _ in range(data.draw(st.integers(1, 2))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    for damaged in (bytes(raw), cut):
        try:
            value, end = decode_key_value(damaged, 0)
        except ValueError:
            continue
        assert encode(value) == damaged[:end]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"X",
        b"N",
        b"N\x03",
        b"N\x04\x81\x02\x00",
        b"N\x03\x81\x02",  # no end
        b"N\x03\x81\x00",  # no digits
        b"N\x03\x81\x66\x00",  # a digit of 101
        b"N\x03\x81\x01\x02\x00",  # begins with a zero
        b"N\x03\x81\x02\x01\x00",  # ends with a zero
        b"N\x03\xd0\x02\x00",  # 1E+158
        b"N\x03\x81" + b"\x64" * 20 + b"\x00",  # 40 digits
        b"S\x00\x01",
        b"Sa",
        b"Sa\x00",
        b"Sa\x00\x02",
        b"Sa\x00b\x00\x01",
        b"S\xff\x00\x01",
        b"B\x00\x00\x01",
    ],
)
def test_malformed_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"offset|decode|number"):
        decode_key_value(raw, 0)


@settings(max_examples=400, deadline=None)
@given(short_texts, st.text(ALPHABET, max_size=3))
@example("a\0", "a\0")
@example("a\0b", "a\0")
@example("a\1", "a\0")
def test_begins_with_is_a_range_of_strings(value: str, prefix: str) -> None:
    low = encode_key_prefix(prefix, attribute="SK")
    high = successor(low)
    assert high is not None
    assert (low <= encode(value) < high) == value.startswith(prefix)


@settings(max_examples=400, deadline=None)
@given(binaries, st.lists(st.sampled_from([0, 1, 0x61, 0xFE, 0xFF]), max_size=3).map(bytes))
@example(b"a\0\xff", b"a\0")
@example(b"\xff\xff", b"\xff")
def test_begins_with_is_a_range_of_binaries(value: bytes, prefix: bytes) -> None:
    low = encode_key_prefix(prefix, attribute="SK")
    high = successor(low)
    assert high is not None
    assert (low <= encode(value) < high) == value.startswith(prefix)


edges = st.lists(st.sampled_from([0, 1, 0xFE, 0xFF]), max_size=4).map(bytes)


@settings(max_examples=400, deadline=None)
@given(edges, edges)
def test_successor_is_the_end_of_a_prefix(prefix: bytes, other: bytes) -> None:
    high = successor(prefix)
    if high is None:
        assert prefix == b"\xff" * len(prefix)
    else:
        assert (prefix <= other < high) == other.startswith(prefix)


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ("a", "53 61 00 01"),
        ("a\0ü", "53 61 00ff c3bc 00 01"),
        (b"\0\xff", "42 00ff ff 00 01"),
        (0, "4e 02"),
        (-0.0, "4e 02"),
        (1, "4e 03 81 02 00"),
        (100, "4e 03 82 02 00"),
        (12345, "4e 03 83 02 18 2e 00"),
        (Decimal("12345.670"), "4e 03 83 02 18 2e 44 00"),
        (0.5, "4e 03 80 33 00"),
        (-1, "4e 01 7e fd ff"),
        (-12345, "4e 01 7c fd e7 d1 ff"),
        (Decimal("1E-130"), "4e 03 40 02 00"),
        (10**125, "4e 03 bf 0b 00"),
    ],
)
def test_bytes_on_disk(value: KeyValue, raw: str) -> None:
    """These bytes are in people's folders: they can never change."""
    assert encode(value) == bytes.fromhex(raw)


def test_hash_on_disk() -> None:
    assert hash_prefix(encode("user#1")).hex() == "bbbb292f472e937f"
    raw = encode("user#2")
    assert hash_prefix(raw) == xxhash.xxh3_64_intdigest(raw).to_bytes(8, "big")


@given(st.integers(-(10**37), 10**37), st.integers(0, 20))
def test_one_encoding_a_number(number: int, zeros: int) -> None:
    raw = encode(number)
    assert encode(Decimal(number)) == raw
    assert encode(Decimal(f"{number}.{'0' * zeros}")) == raw
    if abs(number) < 1 << 53:
        assert encode(float(number)) == raw


class Color(enum.StrEnum):
    RED = "red"


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [True, [], {}, {"a"}, (1,), 1j, bytearray(b"a"), Color.RED, Text("a"), object()],
    ids=lambda value: type(value).__name__,
)
def test_other_types_are_no_key(value: Any) -> None:
    name = type(value).__qualname__
    message = (
        f"the key attribute 'PK' is of type {name}; "
        "a key is a str, a number (int, float or Decimal) or bytes"
    )
    with pytest.raises(KeyTypeMismatch) as info:
        encode(value)
    assert str(info.value) == message
    assert info.value.attribute == "PK"
    assert isinstance(info.value, TypeError)
    with pytest.raises(KeyTypeMismatch):
        key_type_of(value)


def test_a_missing_key() -> None:
    with pytest.raises(MissingKey, match="'SK' is missing, or None; every item needs it") as info:
        encode_key_value(None, attribute="SK", limit=1)  # type: ignore[arg-type]
    assert info.value.attribute == "SK"
    with pytest.raises(MissingKey, match="'PK'"):
        key_type_of(None, attribute="PK")


@pytest.mark.parametrize(("value", "what"), [("", "string"), (b"", "binary")])
def test_an_empty_key(value: str | bytes, what: str) -> None:
    with pytest.raises(EmptyKey, match=f"'PK' is an empty {what}; a key has") as info:
        encode(value)
    assert info.value.attribute == "PK"


@pytest.mark.parametrize("limit", [MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES])
@pytest.mark.parametrize("unit", ["a", "\0", "ü", b"a", b"\0"])
def test_a_key_too_long(unit: str | bytes, limit: int) -> None:
    """The limit counts bytes before zeros are escaped: 2048 zeros are a valid key."""
    width = len(unit.encode()) if isinstance(unit, str) else 1
    longest = unit * (limit // width)
    raw = encode_key_value(longest, attribute="PK", limit=limit)
    assert decode_key_value(raw, 0) == (longest, len(raw))
    with pytest.raises(KeyTooLong, match=f"'PK' has {limit + width} bytes.* {limit}; ") as info:
        encode_key_value(longest + unit, attribute="PK", limit=limit)  # type: ignore[operator]
    assert (info.value.size, info.value.limit) == (limit + width, limit)
    assert isinstance(info.value, InvalidKey)


def test_a_lone_surrogate() -> None:
    with pytest.raises(InvalidString, match=r"'PK' has a lone surrogate, '\\ud800' at index 1"):
        encode("a\ud800")
    with pytest.raises(InvalidString, match="'SK' has a lone surrogate"):
        encode_key_prefix("\udfff", attribute="SK")


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, Decimal("sNaN"), 10**126, 10**38 + 1, -(10**9999), 1e-200],
    ids=range(7),
)
def test_a_number_that_is_not_valid(value: float | Decimal) -> None:
    with pytest.raises(InvalidNumber, match=r"^the key attribute 'PK' (is|has) "):
        encode(value)


def test_a_prefix_is_a_string_or_bytes() -> None:
    with pytest.raises(KeyTypeMismatch, match=r"prefix of the key attribute 'SK' .* not int"):
        encode_key_prefix(1, attribute="SK")  # type: ignore[arg-type]
    assert encode_key_prefix("", attribute="SK") == b"S"


@pytest.mark.parametrize(
    ("specs", "letter"),
    [
        (("S", "string", str), "S"),
        (("N", "number", int, float, Decimal), "N"),
        (("B", "binary", bytes), "B"),
    ],
)
def test_key_types(specs: tuple[object, ...], letter: str) -> None:
    assert {parse_key_type(spec) for spec in specs} == {letter}
    assert letter in KEY_TYPES


@pytest.mark.parametrize("spec", ["s", "text", "", bool, list, None, 1, [], ("S",)], ids=repr)
def test_no_key_type(spec: object) -> None:
    with pytest.raises(InvalidArgument, match=r"is no key type; use 'S' \(string\)"):
        parse_key_type(spec)
