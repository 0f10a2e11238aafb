"""Values as the bytes that a backend keeps, and back.

Bytes of ours begin with a header of seven bytes, and those of KYDB are a pickle and nothing else:

====== ======= ==================================================================================
offset length  what
====== ======= ==================================================================================
0      4       ``00 44 59 4E``: NUL and ``DYN``, with which no pickle begins
4      1       version of the format: 1
5      1       how the body is written: ``m`` MessagePack of plain values, ``p`` a pickle of types
               of the allow-list, ``P`` any pickle
6      1       flags: 1 compressed (zstd), 2 signed, 4 the state of an object of a declared class
7      32      if signed: HMAC-SHA256 of ``dynafile.objects``, a NUL, the path in the store, a NUL,
               the seven bytes of the header, and the body
..              the body
====== ======= ==================================================================================

The state of an object is a list: the name of its class, and its stored attributes by name.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from dynafile.errors import (
    CorruptObject,
    InvalidObjectArgument,
    InvalidSignature,
    ObjectTooLarge,
    UnsupportedObject,
)
from dynafile.objects import compression, pickles, plain
from dynafile.objects.registering import REGISTERED

__all__ = ["Codec", "ObjectState", "Trust"]

_MAGIC: Final = b"\0DYN\1"
_MESSAGEPACK, _SAFE, _ANY = b"mpP"
_COMPRESSED, _SIGNED, _STATE = 1, 2, 4
_HEADER: Final = len(_MAGIC) + 2
_SIGNATURE: Final = 32
_PLAIN: Final = _MAGIC + bytes((_MESSAGEPACK, 0))
_MARK: Final = "__is_dbobj__"

MAX_VALUE_BYTES: Final = 1 << 30
"""The longest body before compression: what says that it is longer is not decompressed."""


class ObjectState(NamedTuple):
    """What is stored of an object of a declared class."""

    class_name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trust:
    """What a connection writes, and what it believes."""

    allow_pickle: bool = False
    signing_key: bytes | None = field(default=None, repr=False)
    compat: bool = False
    """Write what KYDB 1.1 reads: a pickle alone."""


class Codec:
    """Encodes and decodes values; ``path`` is their place in the store, from its root."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._bare = trust.signing_key is None and not trust.compat
        self._unsigned = trust.signing_key is None

    def encode(self, value: Any, path: str) -> bytes:
        """Return a value as bytes; raises UnsupportedObject, or ObjectTooLarge."""
        if self._bare and type(value) is not ObjectState:
            try:
                body = plain.dump(value)
            except plain.NotPlain:
                pass
            else:
                if len(body) < compression.MIN_BYTES:
                    return _PLAIN + body
        return self._encode_any(value, path)

    def decode(self, data: bytes, path: str) -> Any:
        """Return the value, or the ObjectState, that bytes are of.

        Raises CorruptObject, InvalidSignature, UnsupportedObject, or MissingExtra for what needs a
        package that is not there.
        """
        try:
            if self._unsigned and data[:_HEADER] == _PLAIN:
                return plain.load(data[_HEADER:])
            if data[:4] == _MAGIC[:4]:
                return self._decode_ours(data, path)
            return self._decode_theirs(data, path)
        except (CorruptObject, UnsupportedObject) as error:
            error.key = path
            if not error.message.startswith(path):
                error.message = f"{path}: {error.message}"
            raise
        except ValueError as error:
            raise CorruptObject(f"{path}: these bytes are no value: {error}", key=path) from None

    def _encode_any(self, value: Any, path: str) -> bytes:
        if self.trust.compat:
            return self._pickled(_for_kydb(value, path))[1]
        flags = 0
        if type(value) is ObjectState:
            flags |= _STATE
            value = [value.class_name, dict(value.data)]
        try:
            kind, body = _MESSAGEPACK, plain.dump(value)
        except plain.NotPlain:
            kind, body = self._pickled(value)
        if len(body) > MAX_VALUE_BYTES:
            message = f"{path} has {len(body)} bytes, and the limit is {MAX_VALUE_BYTES}: split it"
            raise ObjectTooLarge(message, size=len(body), limit=MAX_VALUE_BYTES)
        smaller = compression.compress(body)
        if smaller is not None:
            flags, body = flags | _COMPRESSED, smaller
        if self.trust.signing_key is None:
            return _MAGIC + bytes((kind, flags)) + body
        header = _MAGIC + bytes((kind, flags | _SIGNED))
        return header + self._signature(header, body, path) + body

    def _pickled(self, value: Any) -> tuple[int, bytes]:
        if not self.trust.allow_pickle:
            return _SAFE, pickles.dump(value, REGISTERED)
        try:
            return _SAFE, pickles.dump(value, REGISTERED)
        except UnsupportedObject:
            pass
        try:
            return _ANY, pickle.dumps(value, 4)
        except Exception as error:  # what the reductions of strangers' types raise
            message = f"the value cannot be pickled: {error}"
            raise UnsupportedObject(message, kind=type(value).__qualname__) from error

    def _signature(self, header: bytes, body: bytes | memoryview, path: str) -> bytes:
        assert self.trust.signing_key is not None
        signing = hmac.new(self.trust.signing_key, b"dynafile.objects\0", hashlib.sha256)
        signing.update(path.encode() + b"\0" + header)
        signing.update(body)
        return signing.digest()

    def _decode_ours(self, data: bytes, path: str) -> Any:
        if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEADER:
            raise CorruptObject("these bytes are of a newer Dynafile, or cut: upgrade it")
        kind, flags = data[_HEADER - 2], data[_HEADER - 1]
        body = memoryview(data)[_HEADER:]
        if flags & _SIGNED:
            found, body = body[:_SIGNATURE], body[_SIGNATURE:]
            if not self._unsigned:
                expected = self._signature(data[:_HEADER], body, path)
                if not hmac.compare_digest(found, expected):
                    raise InvalidSignature(
                        "it is not signed with this signing_key, or was signed at another key"
                    )
        elif not self._unsigned:
            raise _not_signed()
        if flags > _COMPRESSED | _SIGNED | _STATE:
            raise CorruptObject(
                f"these bytes have flags {flags:#x}, of a newer Dynafile: upgrade it"
            )
        whole = bytes(body)
        if flags & _COMPRESSED:
            whole = compression.decompress(whole, MAX_VALUE_BYTES)
        value = self._decode_body(kind, whole)
        return _state(value) if flags & _STATE else value

    def _decode_body(self, kind: int, body: bytes) -> Any:
        if kind == _MESSAGEPACK:
            return plain.load(body)
        if kind == _SAFE:
            return pickles.load(body, REGISTERED)
        if kind == _ANY:
            if self.trust.allow_pickle:
                return _unpickled(body)
            raise UnsupportedObject(
                "it is a pickle of any type, which could run code when it is read: if you trust "
                "whoever can write to the store, connect(url, allow_pickle=True)"
            )
        raise CorruptObject(f"its kind is {bytes((kind,))!r}, of a newer Dynafile: upgrade it")

    def _decode_theirs(self, data: bytes, path: str) -> Any:
        if not self._unsigned:
            raise _not_signed()
        if self.trust.allow_pickle:
            value = _unpickled(data)
        else:
            value = pickles.load(data, REGISTERED)
        if type(value) is dict and value.get(_MARK) is True and len(value) != 1:
            return _kydb_state(value)
        if type(value) is dict and value == {_MARK: True}:
            raise CorruptObject("it is marked as an object, and has neither class nor attributes")
        return value


def _unpickled(data: bytes) -> Any:
    try:
        return pickle.loads(data)
    except Exception as error:  # a pickle raises whatever its types raise
        message = f"these bytes do not unpickle: {type(error).__name__}: {error}"
        raise CorruptObject(message) from error


def _not_signed() -> InvalidSignature:
    return InvalidSignature("it is not signed, and this connection has a signing_key")


def _state(value: Any) -> ObjectState:
    if type(value) is list and len(value) == 2:
        name, data = value
        if type(name) is str and type(data) is dict and all(type(each) is str for each in data):
            return ObjectState(name, data)
    raise CorruptObject("it is marked as the state of an object, and is none")


def _kydb_state(value: dict[str, Any]) -> ObjectState:
    meta = value.get("meta")
    if type(meta) is dict:
        return _state([meta.get("class_name"), value.get("data")])
    raise CorruptObject("it is marked as an object, and has neither class nor attributes")


def _for_kydb(value: Any, path: str) -> Any:
    if type(value) is ObjectState:
        meta = {"key": path, "class_name": value.class_name}
        return {_MARK: True, "meta": meta, "data": dict(value.data)}
    if type(value) is dict and _MARK in value:
        raise InvalidObjectArgument(
            f"KYDB takes a dict with {_MARK!r} in it for an object of a class"
        )
    return value
