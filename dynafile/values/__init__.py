"""Attribute values: which can be stored, how they are written, and how keys are ordered.

- ``numbers``: the 38-digit rule, and the one Decimal each number stands for.
- ``keys``: key values as bytes in DynamoDB's order.
- ``codec``: items as bytes, and back as exactly what they were.
- ``validation``: the walk that refuses and converts, with the path of what it refuses.
- ``sizes``: what DynamoDB would count an item as.
- ``extensions``: the types that MessagePack lacks.
"""

from __future__ import annotations

from dynafile.values.codec import (
    ABSENT,
    MAX_ITEM_BYTES,
    attribute_reader,
    attributes_decoder,
    check_item,
    decode_item,
    decode_items,
    encode_item,
    keep_attributes,
)
from dynafile.values.keys import (
    BINARY,
    KEY_TYPES,
    MAX_PARTITION_KEY_BYTES,
    MAX_SORT_KEY_BYTES,
    NUMBER,
    STRING,
    KeyValue,
    decode_key_value,
    encode_key_prefix,
    encode_key_value,
    hash_prefix,
    key_type_of,
    parse_key_type,
    successor,
)
from dynafile.values.numbers import (
    MAX_DIGITS,
    Number,
    canonical_decimal,
    check_number,
    number_fault,
)
from dynafile.values.sizes import item_size, value_size
from dynafile.values.validation import MAX_DEPTH

__all__ = [
    "ABSENT",
    "BINARY",
    "KEY_TYPES",
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_ITEM_BYTES",
    "MAX_PARTITION_KEY_BYTES",
    "MAX_SORT_KEY_BYTES",
    "NUMBER",
    "STRING",
    "KeyValue",
    "Number",
    "attribute_reader",
    "attributes_decoder",
    "canonical_decimal",
    "check_item",
    "check_number",
    "decode_item",
    "decode_items",
    "decode_key_value",
    "encode_item",
    "encode_key_prefix",
    "encode_key_value",
    "hash_prefix",
    "item_size",
    "keep_attributes",
    "key_type_of",
    "number_fault",
    "parse_key_type",
    "successor",
    "value_size",
]
