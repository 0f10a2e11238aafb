"""The seeds: valid bytes for each target, that a fuzzer begins with beside the kept corpus."""

from __future__ import annotations

import json
import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID

import numpy as np
import pandas as pd
from fuzz import sample
from sortedcontainers import SortedDict

from dynafile.store.format import (
    CHANGE,
    CHECKPOINT,
    CLEAR,
    DELETE,
    FOLD,
    PUT,
    REPLACE,
    ROTATE,
    SCHEMA,
    Operation,
    Piece,
    encode_numbers,
    encode_pieces,
    encode_record,
)
from dynafile.store.schema import Inventory, Retention, Schema
from dynafile.values import encode_item, encode_key_value

_SCHEMA: Final = Schema(
    version=2,
    keyspaces={1: "_partitions", 2: "_gsi-a/_partitions"},
    next_keyspace=3,
    retention=Retention(60, 1000, 5),
)

OPERATIONS: Final[list[list[Operation]]] = [
    [(PUT, 1, b"k", b"v")],
    [(PUT, 1, b"k%d" % n, b"v") for n in range(40)],
    [(DELETE, 1, b"k1", b""), (CHANGE, 1, b"k1", b"\3")],
    [(CLEAR, 1, b"", b"")],
    [(SCHEMA, 0, b"", _SCHEMA.encode())],
    [(FOLD, 1, encode_numbers([1]), b"")],
    [
        (
            REPLACE,
            1,
            encode_numbers([1]),
            encode_pieces([Piece(9, 1, True, b""), Piece(10, 1, True, b"k1")]),
        )
    ],
    [(CHECKPOINT, 0, encode_numbers([2, 1, 2, 1]), Inventory(_SCHEMA, {1: {1: 1}}).encode())],
    [(ROTATE, 0, encode_numbers([70]), b"")],
]

ITEMS: Final = [
    {"PK": "a", "SK": "b"},
    {"n": [1, -1, 2**70, 1.5, Decimal("1.50"), None, True], "b": b"bytes"},
    {"m": {"a": {"b": []}}, "t": (1, (2,)), "s": {"a", "b"}, "f": frozenset({1, Decimal(2)})},
    {"d": datetime(2026, 1, 1, tzinfo=UTC), "u": UUID(int=5), "day": datetime(2026, 1, 1).date()},
    {"zone": datetime(2026, 1, 1), "time": datetime(2026, 1, 1, 12).time()},
]

OBJECTS: Final = [
    *ITEMS,
    *([1, 1.5, "a", b"b", {}, ()], {1: {2}, (1, 2): frozenset({3})}, bytearray(b"a"), range(3)),
    *(OrderedDict(a=1), deque([1], 2), Counter("aab"), defaultdict(list, {1: []}), slice(1), 1j),
    *(PurePosixPath("/a/b"), timedelta(1), timezone(timedelta(hours=1), "CET"), 2**3000),
    *(np.arange(6).reshape(2, 3), np.array([1, "a"], object), np.float64(1), np.array(["a"])),
    *(np.zeros(1, [("a", "i1"), ("b", "M8[s]", (2,))]), np.asfortranarray(np.ones((2, 2)))),
    *(pd.DataFrame({"a": [1], "b": [1.5], "c": [2]}), pd.Series(["a"]), pd.Timestamp(0, tz=UTC)),
    *(pd.Categorical(["a", None]), pd.array([1, None], dtype="Int8"), pd.Timedelta(5), pd.NA),
    *(pd.MultiIndex.from_tuples([(1, "a")]), pd.date_range("2026", periods=2, freq="ME")),
]

KEYS: Final = ["a", "a\0b", b"\0\xff", 0, 1, -1, 10**37, Decimal("-1.5"), Decimal("1E-130")]


RULES: Final[list[tuple[str, object]]] = [
    ("match /users/{user} { allow read, write; }", {}),
    ("match /{all=**} { allow get: if auth.uid = 'ann' AND NOT x.y[0] IN (1, null); }", {"uid": 1}),
    (
        "match /a/{b} { match /c/{d} { allow update if exists(/a/{auth.uid}) OR get(/a/{b}).x; } }",
        {"uid": "ann", "x": True},
    ),
    (
        "match /users/{u} { allow write if contains(resource.x, u) AND size(auth.uid) > 2 /* x */; }",
        {"uid": "ann", "x": ["ann"]},
    ),
    ("limit /{x=**}/a/{b} 2 KiB; limit /users/ann 3 B; // x", {"uid": "ann", "x": ["ann"]}),
    (
        (
            'schema /users/{u} {"properties": {"a": {"$ref": "#/$defs/d"}}, "required": ["a"], '
            '"$defs": {"d": {"pattern": "^a+$", "type": ["string"], "format": "date-time"}}};'
        ),
        {"a": "aaa"},
    ),
    (
        (
            'schema /a/{b} {"anyOf": [{"items": {"$ref": "#"}, "uniqueItems": true}, {"enum": [1]}], '
            '"patternProperties": {"x": false}, "if": {"minimum": 1}, "then": {"multipleOf": 0.5}};'
        ),
        {"x": [[], [1.5]]},
    ),
]


def seeds(target: str) -> Iterator[bytes]:
    """Yield the seeds of a target."""
    if target == "snapshot":
        for size in (0, 1, 3):
            entries = SortedDict({b"k%d" % n: b"v" * 300 * n for n in range(size)})
            yield bytes([size + 1]) + pickle.dumps(entries, protocol=5)
        yield from (b"\0" + data for name, data in sample.files().items() if "pickle" in name)
    elif target == "journal":
        for operations in OPERATIONS:
            yield b"\1" + encode_record(1, 1, 1, 1, operations)
        yield b"\1" + b"".join(encode_record(1, 1, 1, 1, each) for each in OPERATIONS)
    elif target == "checkpoint":
        yield b"\0" + sample.files()["checkpoint"]
        yield b"\1" + encode_numbers([2, 1, 2, 1])
        yield b"\1" + encode_numbers([1, 1, 2**63, 2**64 - 1])
    elif target == "meta":
        yield b"\1" + sample.files()["meta.json"]
        yield b'\1{"format":"dynafile","version":1,"store_id":"","schema":%b}' % _SCHEMA.encode()
    elif target == "position":
        yield b"\0" + sample.files()["position"]
        yield b"\1\1" + sample.files()["position"][1:]
    elif target == "item":
        yield from map(encode_item, ITEMS)
    elif target == "key":
        yield from (encode_key_value(value, attribute="a", limit=2048) for value in KEYS)
    elif target == "value":
        for each in OBJECTS:
            yield from (pickle.dumps(each, protocol) for protocol in (0, 2, 4, 5))
    elif target == "rules":
        yield from (f"{text}\0{json.dumps(value)}".encode() for text, value in RULES)
    elif target == "folder":
        for number in range(len(sample.files()) - 1):
            for kind in (1, 2, 3):
                yield bytes([(0, 1, 4, 2)[number % 4], number, kind | 0x80, 40, 0, 1]) + b"\1"
