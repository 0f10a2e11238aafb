"""Key values as bytes whose order is DynamoDB's order, and back.

A key value is a string, a number or bytes. Its encoding is a tag, a body and an end:

=======  ======  ==================================================  =======================
type     tag     body                                                end
=======  ======  ==================================================  =======================
binary   ``B``   the bytes, each 00 as 00 FF                         00 01
number   ``N``   02 for zero; else a sign, an exponent, base-100     00, or FF if negative;
                 digits                                              zero has none
string   ``S``   UTF-8, each 00 as 00 FF                             00 01
=======  ======  ==================================================  =======================

Laws: encodings compare as their values do (strings by UTF-8 bytes, numbers by value, binaries
by unsigned bytes); equal numbers have one encoding; no encoding is a prefix of another, so
that they can be put one after the other and compare field by field. An end of a lone 00 would
keep the order but break the last law: ``"a"`` would be a prefix of ``"a\\0"``.

A number is 0.d1d2d3... times 100 to the power of its exponent, the digits in base 100, the first
and the last of them not 0. Above zero: 03, the exponent plus 128, each digit plus 1, 00. Below
zero: 01, then the complement (255 minus each byte) of the same. Digits are 01 to 64 (hex), so
both ends are told from them.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import xxhash

from dynafile.errors import (
    EmptyKey,
    InvalidArgument,
    InvalidString,
    KeyTooLong,
    KeyTypeMismatch,
    MissingKey,
)
from dynafile.values.numbers import (
    MAX_DIGITS,
    MAX_EXPONENT,
    MIN_EXPONENT,
    Number,
    decompose,
)

__all__ = [
    "BINARY",
    "KEY_TYPES",
    "MAX_PARTITION_KEY_BYTES",
    "MAX_SORT_KEY_BYTES",
    "NUMBER",
    "STRING",
    "KeyValue",
    "decode_key_value",
    "encode_key_prefix",
    "encode_key_value",
    "hash_prefix",
    "key_type_of",
    "parse_key_type",
    "successor",
]

KeyValue = str | int | float | Decimal | bytes

STRING, NUMBER, BINARY = "S", "N", "B"
KEY_TYPES = (STRING, NUMBER, BINARY)
"""DynamoDB's letters of the key types. An encoding's first byte is the letter of its type."""

MAX_PARTITION_KEY_BYTES = 2048
MAX_SORT_KEY_BYTES = 1024

_LETTERS: dict[object, str] = {
    str: STRING,
    int: NUMBER,
    float: NUMBER,
    Decimal: NUMBER,
    bytes: BINARY,
}
_SPECS: dict[object, str] = {
    **{letter: letter for letter in KEY_TYPES},
    "string": STRING,
    "number": NUMBER,
    "binary": BINARY,
    **_LETTERS,
}

_ZERO = b"N\x02"
_BIAS = 128
# By the number of base-100 digits before the point.
_ABOVE = {exponent: bytes((0x4E, 3, _BIAS + exponent)) for exponent in range(-64, 64)}
_BELOW = {exponent: bytes((0x4E, 1, 255 - _BIAS - exponent)) for exponent in range(-64, 64)}
# From a byte of two decimal digits, as fromhex() and hex() have them, to a base-100 digit as
# written, and back; what is no digit comes back as AA, whose hex is not decimal.
_TO_ABOVE = bytes(min(255, 10 * (byte >> 4) + (byte & 15) + 1) for byte in range(256))
_TO_BELOW = bytes(255 - byte for byte in _TO_ABOVE)
_FROM_ABOVE = bytes(
    16 * ((byte - 1) // 10) + (byte - 1) % 10 if 1 <= byte <= 100 else 0xAA for byte in range(256)
)
_FROM_BELOW = _FROM_ABOVE[::-1]
_NEXT = tuple(bytes((byte + 1,)) for byte in range(255))

_FAST_INT = 10**MAX_DIGITS
_from_hex = bytes.fromhex


def encode_key_value(value: KeyValue, *, attribute: str, limit: int) -> bytes:
    """Return a key value as bytes, in the encoding that the module describes.

    ``attribute`` names the key attribute in messages. ``limit`` is the most bytes a string
    (as UTF-8) or a binary may have.

    Raises ``MissingKey`` for None, ``EmptyKey``, ``KeyTooLong``, ``KeyTypeMismatch`` for a type
    that no key has (bool is one), ``InvalidString`` and ``InvalidNumber``.

    >>> encode_key_value("a", attribute="PK", limit=2048)
    b'Sa\\x00\\x01'
    """
    if type(value) is str:
        try:
            raw = f"S{value}\0\1".encode()
        except UnicodeEncodeError as error:
            raise _surrogate(value, error.start - 1, attribute) from None  # past the tag
        if 3 < len(raw) <= limit + 3 and "\0" not in value:
            return raw
        return _encode_bytes(b"S", raw[1:-2], attribute, limit)
    if type(value) is int:
        if 0 < value < _FAST_INT:
            digits = str(value)
            size = len(digits)
            if size & 1:
                digits = "0" + digits
            body = _from_hex(digits).rstrip(b"\0").translate(_TO_ABOVE)
            return _ABOVE[(size + 1) >> 1] + body + b"\0"
        return _encode_number(value, attribute)
    if type(value) is bytes:
        return _encode_bytes(b"B", value, attribute, limit)
    if type(value) is Decimal or type(value) is float:
        return _encode_number(value, attribute)
    raise _mismatch(value, attribute)


def encode_key_prefix(value: str | bytes, *, attribute: str) -> bytes:
    """Return what the encodings of all strings (or binaries) that begin with ``value`` begin with.

    The range from it up to its ``successor`` holds those and no other. An empty prefix is one
    too. Raises ``KeyTypeMismatch`` for other types, and ``InvalidString``.
    """
    if type(value) is str:
        try:
            return b"S" + value.encode().replace(b"\0", b"\0\xff")
        except UnicodeEncodeError as error:
            raise _surrogate(value, error.start, attribute) from None
    if type(value) is bytes:
        return b"B" + value.replace(b"\0", b"\0\xff")
    name = type(value).__qualname__
    message = f"a prefix of the key attribute {attribute!r} is a str or bytes, not {name}"
    raise KeyTypeMismatch(message, attribute=attribute, actual=_LETTERS.get(type(value)))


def decode_key_value(buffer: bytes, offset: int) -> tuple[KeyValue, int]:
    """Read the encoded key value at ``offset``: return it and the offset after it.

    A number is an int if it is integral, and else a Decimal. Raises ``ValueError`` for bytes
    that ``encode_key_value`` does not make.
    """
    tag = buffer[offset : offset + 1]
    if tag == b"N":
        return _decode_number(buffer, offset + 1)
    if tag != b"S" and tag != b"B":
        raise ValueError(f"offset {offset} does not begin a key value")
    end = buffer.find(b"\0\1", offset)
    body = buffer[offset + 1 : end]
    if end < 0 or not body:
        raise ValueError(f"the key value at offset {offset} is empty or has no end")
    if 0 in body:
        if body.count(b"\0") != body.count(b"\0\xff"):
            raise ValueError(f"the key value at offset {offset} has a zero that is not escaped")
        body = body.replace(b"\0\xff", b"\0")
    return body.decode() if tag == b"S" else body, end + 2


def key_type_of(value: object, *, attribute: str = "key") -> str:
    """Return the letter of a key value's type: ``S``, ``N`` or ``B``.

    Raises ``MissingKey`` for None and ``KeyTypeMismatch`` for a type that no key has.
    """
    letter = _LETTERS.get(type(value))
    if letter is None:
        raise _mismatch(value, attribute)
    return letter


def parse_key_type(spec: object) -> str:
    """Return the letter that a key type is given by.

    ``spec`` is a letter; ``"string"``, ``"number"`` or ``"binary"``; or one of the Python types
    str, int, float, Decimal and bytes. Raises ``InvalidArgument``.
    """
    letter = _SPECS.get(spec) if isinstance(spec, (str, type)) else None
    if letter is None:
        raise InvalidArgument(
            f"{spec!r} is no key type; use 'S' (string), 'N' (number) or 'B' (binary), "
            "or str, int, float, Decimal or bytes"
        )
    return letter


def successor(prefix: bytes) -> bytes | None:
    """Return the smallest byte string above all that begin with ``prefix``; None: there is none.

    >>> successor(b"ab"), successor(b"a\\xff"), successor(b"\\xff")
    (b'ac', b'b', None)
    """
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + _NEXT[stem[-1]] if stem else None


hash_prefix: Callable[[bytes], bytes] = xxhash.xxh3_64_digest
"""Return the hash of an encoded partition key: XXH3 of 64 bits, big-endian, 8 bytes."""


def _encode_bytes(tag: bytes, raw: bytes, attribute: str, limit: int) -> bytes:
    if not raw:
        what = "string" if tag == b"S" else "binary"
        message = f"the key attribute {attribute!r} is an empty {what}; a key has at least one byte"
        raise EmptyKey(message, attribute=attribute, binary=tag == b"B")
    if len(raw) > limit:
        message = (
            f"the key attribute {attribute!r} has {len(raw)} bytes, and the limit is {limit}; "
            "shorten it, or use a hash of it as the key"
        )
        raise KeyTooLong(message, attribute=attribute, size=len(raw), limit=limit)
    if 0 in raw:
        raw = raw.replace(b"\0", b"\0\xff")
    return tag + raw + b"\0\1"


def _encode_number(value: Number, attribute: str) -> bytes:
    negative, digits, exponent = decompose(value, f"the key attribute {attribute!r}")
    if not digits:
        return _ZERO
    # Pairs are cut at even powers of ten.
    if exponent % 2 == 0:
        digits = "0" + digits
    if len(digits) % 2:
        digits += "0"
    if negative:
        return _BELOW[exponent // 2 + 1] + _from_hex(digits).translate(_TO_BELOW) + b"\xff"
    return _ABOVE[exponent // 2 + 1] + _from_hex(digits).translate(_TO_ABOVE) + b"\0"


def _decode_number(buffer: bytes, offset: int) -> tuple[int | Decimal, int]:
    sign = buffer[offset : offset + 1]
    if sign == b"\2":
        return 0, offset + 1
    negative = sign == b"\1"
    end = buffer.find(b"\xff" if negative else b"\0", offset + 2)
    if sign not in (b"\1", b"\3") or end < 0:
        raise ValueError(f"offset {offset} does not begin a number")
    text = buffer[offset + 2 : end].translate(_FROM_BELOW if negative else _FROM_ABOVE).hex()
    power = 255 - buffer[offset + 1] if negative else buffer[offset + 1]
    exponent = 2 * (power - _BIAS) - (2 if text.startswith("0") else 1)
    digits = text.strip("0")
    if (
        not text.isdecimal()
        or text.startswith("00")
        or text.endswith("00")
        or len(digits) > MAX_DIGITS
        or not MIN_EXPONENT <= exponent <= MAX_EXPONENT
    ):
        raise ValueError(f"the number at offset {offset} is malformed")
    minus = "-" if negative else ""
    places = exponent - len(digits) + 1
    if places >= 0:
        return int(minus + digits + "0" * places), end + 1
    return Decimal(f"{minus}{digits}E{places}"), end + 1


def _surrogate(value: str, index: int, attribute: str) -> InvalidString:
    name = f"the key attribute {attribute!r}"
    message = (
        f"{name} has a lone surrogate, {value[index]!r} at index {index}, which UTF-8 cannot "
        "express; use bytes, or replace it"
    )
    return InvalidString(message, path=name, attribute=attribute)


def _mismatch(value: Any, attribute: str) -> MissingKey | KeyTypeMismatch:
    if value is None:
        message = f"the key attribute {attribute!r} is missing, or None; every item needs it"
        return MissingKey(message, attribute=attribute)
    message = (
        f"the key attribute {attribute!r} is of type {type(value).__qualname__}; "
        "a key is a str, a number (int, float or Decimal) or bytes"
    )
    return KeyTypeMismatch(message, attribute=attribute, actual=_letter_of(value))


def _letter_of(value: Any) -> str | None:
    if isinstance(value, (set, frozenset)):
        letter = _LETTERS.get(type(next(iter(value), None)))
        return None if letter is None else f"{letter}S"
    return next((letter for kind, letter in _OTHERS if isinstance(value, kind)), None)


_OTHERS: Final = ((bool, "BOOL"), ((list, tuple), "L"), (dict, "M"))
