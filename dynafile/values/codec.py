"""Items as bytes: a MessagePack map whose values come back as exactly what they were.

MessagePack has strings, 64-bit ints, floats, binaries, bools, nil, arrays and maps. The other
types an item may hold are extension types (``extensions``). Left to itself the encoder would
write a Decimal or a datetime as a string, a tuple or a set as an array and an Enum as its
value; so each value is of a plain type, converted, or refused before the encoder sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import Any, TypedDict

from msgspec import UNSET, Raw, defstruct
from msgspec.msgpack import Decoder

from dynafile.errors import CorruptFile, ItemTooLarge, UnsupportedType, ValidationError
from dynafile.values.extensions import encode, unpack
from dynafile.values.numbers import FLOAT_HIGH, FLOAT_LOW, cause_of
from dynafile.values.refusals import in_their_words
from dynafile.values.validation import BARE, CONVERTERS, PLAIN, Refusal, convert_map, refusal_error

__all__ = [
    "ABSENT",
    "MAX_ITEM_BYTES",
    "attribute_reader",
    "attributes_decoder",
    "check_item",
    "decode_item",
    "decode_items",
    "encode_item",
    "keep_attributes",
]

ABSENT = UNSET
"""What an ``attribute_reader`` gives for an attribute that the item lacks."""

MAX_ITEM_BYTES = 16 << 20
"""The largest item, in bytes as ``encode_item`` returns them."""


def encode_item(item: Mapping[str, Any]) -> bytes:
    """Validate an item and return it as bytes.

    ``item`` is a dict or another mapping. An item of plain values (str, int, float, bool,
    None, bytes) costs one pass over its types and the encoder's own; any other is walked to
    its depth and encoded. The item is not changed, and nothing in the bytes refers to it.

    Raises a ``ValidationError``: ``UnsupportedType``, ``InvalidNumber``, ``InvalidString``,
    ``InvalidSet``, ``InvalidName``, ``CyclicItem``, ``NestingTooDeep`` or ``ItemTooLarge``.
    All but the last have ``path``, such as ``item['a'][2]``, and name it in the message.
    """
    if type(item) is not dict or "" in item:
        return _encode_walked(item)
    # This is convert_map() for the top of an item, where a call would cost a tenth of the whole.
    converted = item
    budget = [MAX_ITEM_BYTES]
    try:
        for name, value in item.items():
            if type(name) is not str:
                return _encode_walked(item)
            kind = type(value)
            if kind in PLAIN or (kind is float and FLOAT_LOW <= value < FLOAT_HIGH):
                continue
            result = CONVERTERS[kind](value, 1, PLAIN, budget)
            if result is not value:
                if converted is item:
                    converted = item.copy()
                converted[name] = result
        raw = encode(converted)
    except Refusal as refusal:
        refusal.steps.append(name)
        raise _refused(refusal, item) from None
    except (KeyError, OverflowError, UnicodeEncodeError):
        # Once more: for a type that has no converter, an int beyond 64 bits, a lone surrogate.
        return _encode_walked(item)
    if len(raw) > MAX_ITEM_BYTES:
        raise _too_large(len(raw))
    return raw


def _encode_walked(item: Any) -> bytes:
    if type(item) is not dict:
        if not isinstance(item, Mapping):
            kind = type(item)
            message = f"item is of type {kind.__qualname__}; an item is a dict"
            raise UnsupportedType(message, path="item", type=kind)
        item = dict(item)
    try:
        try:
            raw = encode(convert_map(item, 0, PLAIN, [MAX_ITEM_BYTES]))
        except (OverflowError, UnicodeEncodeError):
            raw = encode(convert_map(item, 0, BARE, [MAX_ITEM_BYTES]))
    except Refusal as refusal:
        raise _refused(refusal, item) from None
    if len(raw) > MAX_ITEM_BYTES:
        raise _too_large(len(raw))
    return raw


def _refused(refusal: Refusal, item: Mapping[str, Any]) -> ValidationError:
    if refusal.error is ItemTooLarge:
        return _too_large(MAX_ITEM_BYTES + 1)
    return in_their_words(refusal_error(refusal, item), cause_of(refusal.text))


def _too_large(size: int) -> ValidationError:
    message = (
        f"the item takes {size} bytes or more as stored, and the limit is {MAX_ITEM_BYTES}; "
        "split it, or keep the large value in a file"
    )
    return in_their_words(ItemTooLarge(message, size=size, limit=MAX_ITEM_BYTES))


decode_item: Callable[[bytes], dict[str, Any]] = Decoder(dict[str, Any], ext_hook=unpack).decode
"""Return the item that ``encode_item`` made these bytes of.

This is the bound method of a decoder, with nothing around it. Bytes that are no item raise
``ValueError``, or ``RecursionError`` if they nest without end, and run no code;
``check_item`` makes one error of all that.
"""


def decode_items(raws: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return the items of several encodings, in order."""
    # To join them into one array and decode that once costs as much, and copies every byte.
    return list(map(decode_item, raws))


def attribute_reader(names: Sequence[str]) -> Callable[[bytes], tuple[Any, ...]]:
    """Return a function that reads these attributes of an encoded item, skipping all others.

    It gives the values in the order of the names, ``ABSENT`` for one that is not there, and after
    them once more the first. It costs a quarter of decoding the item, and grows with its length.
    """
    if not names:
        return lambda _raw: ()
    fields = [f"f{number}" for number in range(len(names))]
    kind = defstruct(
        "Attributes",
        [(field, Any, UNSET) for field in fields],
        rename=dict(zip(fields, names, strict=True)),
        gc=False,
    )
    decode, get = Decoder(kind, ext_hook=unpack).decode, attrgetter(*fields, fields[0])
    return lambda raw: get(decode(raw))


def attributes_decoder(names: Iterable[str]) -> Callable[[bytes], dict[str, Any]]:
    """Return a function that decodes these attributes of an encoded item, and skips all others.

    What it gives has those of them that the item has. It costs an eighth of decoding the item.
    """
    kind = TypedDict("Attributes", dict.fromkeys(names, Any), total=False)  # type: ignore[misc]
    decode: Callable[[bytes], Any] = Decoder(kind, ext_hook=unpack).decode
    return decode


_raw_attributes = Decoder(dict[str, Raw]).decode


def keep_attributes(raw: bytes, names: AbstractSet[str]) -> bytes:
    """Return the encoding of an item without the attributes that are not in ``names``."""
    found = _raw_attributes(raw)
    return encode({name: value for name, value in found.items() if name in names})


def check_item(raw: bytes) -> dict[str, Any]:
    """Return the item of bytes that are not trusted; it is one ``encode_item`` would take.

    Raises ``CorruptFile``, with neither path nor offset: the caller knows those.
    """
    try:
        item = decode_item(raw)
        encode_item(item)
    except RecursionError:
        raise CorruptFile("the bytes of an item nest without end") from None
    except ValidationError as error:
        raise CorruptFile(f"the bytes of an item hold what cannot be stored: {error}") from None
    except ValueError as error:
        raise CorruptFile(f"the bytes of an item do not decode: {error}") from None
    return item
