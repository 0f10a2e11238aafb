"""Items come back as what they were, and bytes from a stranger do no harm."""

from __future__ import annotations

import decimal
import json
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.errors import CorruptFile, MissingExtra
from dynafile.values import (
    attributes_decoder,
    check_item,
    decode_item,
    decode_items,
    encode_item,
)
from dynafile.values.codec import MAX_ITEM_BYTES

PARIS = ZoneInfo("Europe/Paris")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ints = st.integers().filter(lambda n: abs(n) < 10**38) | st.sampled_from(
    [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**125, -(10**125)]
)
floats = st.floats(1e-130, 9.9e125) | st.floats(-9.9e125, -1e-130) | st.sampled_from([0.0, -0.0])
decimals = st.builds(
    lambda digits, places, zeros: Decimal(f"{digits}{'0' * zeros}E{places}"),
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-130, 80),
    st.integers(0, 3),
) | st.sampled_from([Decimal("-0.00"), Decimal("0E+300"), Decimal("0E-300")])
zones = st.sampled_from(
    [None, UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(seconds=-1)), PARIS]
)
folds = st.sampled_from([0, 1])
datetimes = st.builds(
    lambda value, zone, fold: value.replace(tzinfo=zone, fold=fold), st.datetimes(), zones, folds
)
times = st.builds(
    lambda value, zone, fold: value.replace(tzinfo=zone, fold=fold), st.times(), zones, folds
)
numbers = ints | floats | decimals
sets = (
    st.frozensets(texts, min_size=1, max_size=4)
    | st.frozensets(st.binary(max_size=4), min_size=1, max_size=4)
    | st.frozensets(numbers, min_size=1, max_size=4)
)
leaves = (
    st.none()
    | st.booleans()
    | numbers
    | texts
    | st.binary(max_size=8)
    | datetimes
    | times
    | st.dates()
    | st.uuids()
    | sets
    | sets.map(set)
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=12,
)
items = st.dictionaries(names, values, max_size=6)


def shape(value: Any) -> Any:
    """All that is to be seen of a value: types, digits, signs, folds, order of attributes."""
    kind = type(value)
    if kind is dict:
        return kind, [(name, shape(member)) for name, member in value.items()]
    if kind in (list, tuple):
        return kind, [shape(member) for member in value]
    if kind in (set, frozenset):
        return kind, sorted(map(repr, value))
    if kind in (datetime, time):
        zone = value.tzinfo
        return value.isoformat(), value.fold, zone.key if type(zone) is ZoneInfo else str(zone)
    return kind, repr(value)


@settings(max_examples=300, deadline=None)
@given(items)
def test_round_trip(item: dict[str, Any]) -> None:
    before = shape(item)
    raw = encode_item(item)
    assert shape(decode_item(raw)) == before
    assert shape(item) == before, "encoding changed the item"
    assert check_item(raw) == item


@settings(max_examples=50, deadline=None)
@given(st.lists(items, max_size=5))
def test_decode_items(several: list[dict[str, Any]]) -> None:
    assert decode_items([encode_item(item) for item in several]) == several


@settings(max_examples=100, deadline=None)
@given(items, st.sets(names | st.sampled_from(["a.b", "__class__", "\ud800"]), max_size=3))
def test_some_attributes(item: dict[str, Any], others: set[str]) -> None:
    """Those that were asked for and are there, as decoding the whole item gives them."""
    decode = attributes_decoder({*list(item)[::2], *others})
    wanted = {name: item[name] for name in item if name in {*list(item)[::2], *others}}
    found = decode(encode_item(item))
    assert type(found) is dict
    assert shape({name: found[name] for name in wanted}) == shape(wanted)
    assert found.keys() == wanted.keys()


@pytest.fixture
def hostile_context() -> Iterator[None]:
    traps = [decimal.Inexact, decimal.Rounded, decimal.FloatOperation]
    with decimal.localcontext(decimal.Context(prec=1, Emin=0, Emax=0, traps=traps)):
        yield


@pytest.mark.usefixtures("hostile_context")
def test_the_decimal_context_does_not_matter() -> None:
    item = {"a": Decimal("123.4500"), "b": {1.5, Decimal("2.50"), 3, 10**30}, "c": 2**70}
    assert shape(decode_item(encode_item(item))) == shape(item)


@pytest.mark.parametrize(
    ("item", "raw"),
    [
        ({}, "80"),
        ({"a": 1, "b": -1.5}, "82 a161 01 a162 cb bff8000000000000"),
        ({"a": [None, True, b"x", "y"]}, "81 a161 94 c0 c3 c401 78 a179"),
        ({"d": Decimal("1.50")}, "81 a164 d601 312e3530"),
        ({"i": 2**64}, "81 a169 c70902 010000000000000000"),
        ({"i": -(2**63) - 1}, "81 a169 c70902 ff7fffffffffffffff"),
        ({"t": (1, [2])}, "81 a174 d603 9201 9102"),
        ({"s": {"b", "a"}}, "81 a173 c70504 92a161a162"),
        ({"s": frozenset([b"b"])}, "81 a173 d605 91c40162"),
        ({"n": {2, 1.5, Decimal(10)}}, "81 a16e c70f04 93 cb3ff8000000000000 d501 3130 02"),
        ({"w": date(2024, 2, 29)}, "81 a177 c70a07" + b"2024-02-29".hex()),
        ({"w": time(1, 2)}, "81 a177 d708" + b"01:02:00".hex()),
        (
            {"w": datetime(2024, 10, 27, 2, 30, tzinfo=PARIS, fold=1)},
            "81 a177 c72f06" + b"2024-10-27T02:30:00+01:00[Europe/Paris][fold=1]".hex(),
        ),
        ({"u": UUID(int=1)}, "81 a175 d809" + "00" * 15 + "01"),
    ],
)
def test_bytes_on_disk(item: dict[str, Any], raw: str) -> None:
    """These bytes are in people's folders: they can never change."""
    assert encode_item(item).hex() == raw.replace(" ", "")


def test_the_same_set_has_the_same_bytes_in_every_process() -> None:
    """Sets are written in order; their own order changes with the hash seed."""
    program = (
        "from dynafile.values import encode_item; from decimal import Decimal;"
        "print(encode_item({'s': set('abcdefgh'), 'b': {b'x', b'y', b'z'},"
        "'n': {1, 2.5, Decimal('1.1')}}).hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(1, 4)
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("convert", [dict, OrderedDict, MappingProxyType])
def test_an_item_is_any_mapping(convert: Any) -> None:
    item = {"PK": "a", "n": [1, {"x": (2,)}]}
    assert decode_item(encode_item(convert(item))) == item


def test_what_is_read_shares_nothing_with_what_was_written() -> None:
    inner = [1, 2]
    item: dict[str, Any] = {"a": inner, "b": inner}
    raw = encode_item(item)
    inner.append(3)
    first, second = decode_item(raw), decode_item(raw)
    assert first == {"a": [1, 2], "b": [1, 2]}
    first["a"].append(4)
    assert second == decode_item(raw) == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize("value", ["", b"", [], {}, (), 0, 0.0, -0.0, Decimal(0), False, None])
def test_empty_values_are_stored(value: object) -> None:
    item = {"a": value, "b": [value], "c": {"d": (value,)}}
    assert shape(decode_item(encode_item(item))) == shape(item)


def test_the_second_half_past_two_of_a_night() -> None:
    """Equality ignores ``fold``, and without it the hour that comes twice would be lost."""
    first = datetime(2024, 10, 27, 2, 30, tzinfo=PARIS)
    second = first.replace(fold=1)
    decoded = decode_item(encode_item({"a": first, "b": second}))
    assert decoded["a"].utcoffset() == timedelta(hours=2)
    assert decoded["b"].utcoffset() == timedelta(hours=1)
    assert decoded["b"].tzinfo is PARIS


class Half(tzinfo):
    """A time zone of somebody else's making."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        return timedelta(minutes=30)

    def dst(self, moment: datetime | None, /) -> None:
        return None

    def tzname(self, moment: datetime | None, /) -> None:
        return None


def test_another_tzinfo_becomes_its_offset() -> None:
    moment = datetime(2024, 1, 1, tzinfo=Half())
    decoded = decode_item(encode_item({"a": moment}))["a"]
    assert decoded == moment
    assert decoded.tzinfo == timezone(timedelta(minutes=30))


def extension(code: int, payload: bytes) -> bytes:
    return msgspec.msgpack.encode({"a": msgspec.msgpack.Ext(code, payload)})


packed = msgspec.msgpack.encode

HOSTILE = {
    "nothing": b"",
    "not a map": packed([1]),
    "trailing bytes": packed({}) + b"\0",
    "a name that is no string": packed({1: 2}),
    "a name that is no string, inside": packed({"a": {1: 2}}),
    "an empty name": packed({"": 1}),
    "a string that is not UTF-8": b"\x81\xa1a\xa1\xff",
    "an array that claims four billion members": b"\x81\xa1a\xdd\xff\xff\xff\xff",
    "a map that claims four billion members": b"\xdf\xff\xff\xff\xff",
    "a binary that claims four gigabytes": b"\x81\xa1a\xc6\xff\xff\xff\xffx",
    "an extension that claims four gigabytes": b"\x81\xa1a\xc9\xff\xff\xff\xff\x01x",
    "an unhashable name": b"\x81\xa1a\x81\x80\x01",
    "arrays in arrays": b"\x81\xa1a" + b"\x91" * 100_000,
    "maps in maps": b"\x81\xa1a" * 100_000,
    "33 levels": packed({"a": json.loads("[" * 33 + "]" * 33)}),
    "NaN": packed({"a": float("nan")}),
    "a float out of range": packed({"a": 1e300}),
    "no extension of ours": extension(99, b""),
    "no Decimal": extension(1, b"x"),
    "a Decimal that is no ASCII": extension(1, "١".encode()),
    "an infinite Decimal": extension(1, b"Infinity"),
    "a Decimal out of range": extension(1, b"1E+999999999999"),
    "a Decimal beyond all exponents": extension(1, b"1E+99999999999999999999"),
    "an int too long": extension(2, b"\x01" * 10_000),
    "an int out of range": extension(2, b"\x7f" * 53),
    "a tuple that is no array": extension(3, packed({})),
    "a tuple that is nothing": extension(3, b""),
    "an empty set": extension(4, packed([])),
    "a mixed set": extension(4, packed([1, "a"])),
    "a set of bools": extension(5, packed([True])),
    "a set of lists": extension(4, packed([[]])),
    "no datetime": extension(6, b"yesterday"),
    "the name of a zone and nothing else": extension(6, b"[Europe/Paris]"),
    "a zone that is a path": extension(6, b"2024-01-01T00:00:00[../../etc/passwd]"),
    "a zone that is an absolute path": extension(6, b"2024-01-01T00:00:00[/etc/passwd]"),
    "a zone that is a module": extension(6, b"2024-01-01T00:00:00[a.b/c]"),
    "no date": extension(7, b"2024-13-01"),
    "no time": extension(8, b"25:00"),
    "no UUID": extension(9, b"x" * 15),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes(raw: bytes) -> None:
    with pytest.raises(CorruptFile, match=r"^the bytes of an item (do not|nest|hold what)"):
        check_item(raw)


# Numbers out of range are what their bytes say; all else the decoder refuses by itself.
PAYLOADS = {
    name: raw
    for name, raw in HOSTILE.items()
    if raw[:3] == b"\x81\xa1a"
    and raw[3] in {*range(0xC7, 0xCA), *range(0xD4, 0xD9)}
    and "out of range" not in name
}


@pytest.mark.parametrize("raw", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_hostile_payloads_do_not_decode(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_item(raw)


def test_tuples_in_tuples_without_end() -> None:
    raw = b"\x90"
    for _ in range(2_000):
        raw = packed(msgspec.msgpack.Ext(3, b"\x91" + raw))
    with pytest.raises(CorruptFile, match="nest without end"):
        check_item(b"\x81\xa1a" + raw)


@pytest.mark.parametrize("key", ["Europe/Atlantis", "Europe"])
def test_a_time_zone_that_this_machine_does_not_know(key: str) -> None:
    raw = extension(6, b"2024-01-01T00:00:00+01:00[%b]" % key.encode())
    with pytest.raises(MissingExtra, match=f"'{key}' is not known.* pip install tzdata"):
        decode_item(raw)


@settings(max_examples=300, deadline=None)
@given(items, st.data())
def test_damaged_bytes(item: dict[str, Any], data: st.DataObject) -> None:
    """A flipped byte gives another item or the one error, never anything else."""
    raw = bytearray(encode_item({**item, "z": [{1.5, Decimal("2.5")}, (PARIS.key, UUID(int=7))]}))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = check_item(bytes(raw))
    except (CorruptFile, MissingExtra):
        return
    assert shape(decode_item(encode_item(decoded))) == shape(decoded)


def test_an_item_of_exactly_the_limit_is_stored() -> None:
    frame = len(encode_item({"a": "x" * 100_000})) - 100_000
    item = {"a": "x" * (MAX_ITEM_BYTES - frame)}
    assert len(encode_item(item)) == MAX_ITEM_BYTES
