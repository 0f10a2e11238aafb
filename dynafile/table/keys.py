"""Keys of items: key attributes as one byte string, and ranges of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xxhash import xxh3_64_digest

from dynafile.errors import (
    InvalidArgument,
    InvalidKey,
    KeyTypeMismatch,
    MissingKey,
    UnsupportedType,
)
from dynafile.table.definition import Definition
from dynafile.table.key_errors import of_item, of_key
from dynafile.values import (
    MAX_PARTITION_KEY_BYTES,
    MAX_SORT_KEY_BYTES,
    decode_key_value,
    encode_key_prefix,
    encode_key_value,
    successor,
)

Range = tuple[bytes, bytes | None]
"""A range of keys, [low, high); None: to the end."""

HASH_BYTES: Final = 8
_NAMES: Final = {"S": "a string (S)", "N": "a number (N)", "B": "bytes (B)"}


class KeySchema:
    """How a table's key attributes become a key: ``hash64(pk) + encoded pk + encoded sk``."""

    __slots__ = ("_text", "pk", "pk_type", "sk", "sk_type")

    def __init__(self, definition: Definition) -> None:
        self.pk = definition.pk_attribute
        self.sk = definition.sk_attribute
        self.pk_type = definition.pk_type
        self.sk_type = definition.sk_type
        self._text = self.pk_type == "S" and self.sk is not None and self.sk_type == "S"

    def key(self, item: Mapping[str, Any]) -> bytes:
        """Return the key of an item, or of a mapping with its key attributes.

        Raises InvalidKey kinds: missing, empty, of another type than the table's, too long.
        """
        if self._text:
            try:
                pk, sk = item[self.pk], item[self.sk]  # type: ignore[index]
            except (KeyError, TypeError):
                return self._key(item)
            if type(pk) is str and type(sk) is str and pk and sk:
                # The encoding of strings, written out for the table with two of them, that is most.
                try:
                    head = f"S{pk}\0\1".encode()
                    tail = f"S{sk}\0\1".encode()
                except UnicodeEncodeError:
                    return self._key(item)
                short = len(head) <= MAX_PARTITION_KEY_BYTES and len(tail) <= MAX_SORT_KEY_BYTES
                if short and "\0" not in pk and "\0" not in sk:
                    return xxh3_64_digest(head) + head + tail
        return self._key(item)

    def of_key(self, key: Mapping[str, Any]) -> bytes:
        """Return what :meth:`key` does; what it raises says that a key, not an item, is wrong."""
        try:
            return self.key(key)
        except InvalidKey as error:
            raise of_key(error) from None

    def _key(self, item: Mapping[str, Any]) -> bytes:
        try:
            return self._encoded(item)
        except InvalidKey as error:
            expected = self.pk_type if error.attribute == self.pk else self.sk_type
            raise of_item(error, expected) from None

    def _encoded(self, item: Mapping[str, Any]) -> bytes:
        if not isinstance(item, Mapping):
            raise UnsupportedType(
                f"an item or key is a dict, not {type(item).__name__}: {item!r:.60}",
                type=type(item),
            )
        prefix = self.collection(self._value(item, self.pk))
        if self.sk is None:
            return prefix
        return prefix + self.sort_key(self._value(item, self.sk))

    def _value(self, item: Mapping[str, Any], attribute: str) -> Any:
        try:
            return item[attribute]
        except KeyError:
            wanted = repr(self.pk) if self.sk is None else f"{self.pk!r} and {self.sk!r}"
            raise MissingKey(
                f"the key attribute {attribute!r} is missing: the table's key is {wanted}",
                attribute=attribute,
                absent=True,
            ) from None

    def check_types(self, key: bytes) -> None:
        """Raise KeyTypeMismatch unless a key has the types of the schema."""
        pk, sk = key_types(key)
        check_type(pk, self.pk_type, self.pk)
        if self.sk is not None and sk is not None:
            check_type(sk, self.sk_type, self.sk)

    def collection(self, pk: Any) -> bytes:
        """Return what the keys of an item collection begin with."""
        encoded = encode_key_value(pk, attribute=self.pk, limit=MAX_PARTITION_KEY_BYTES)
        check_type(chr(encoded[0]), self.pk_type, self.pk)
        return xxh3_64_digest(encoded) + encoded

    def sort_key(self, sk: Any) -> bytes:
        """Return the encoding of a sort key."""
        name = self._sk_name()
        encoded = encode_key_value(sk, attribute=name, limit=MAX_SORT_KEY_BYTES)
        check_type(chr(encoded[0]), self.sk_type, name)
        return encoded

    def _sk_name(self) -> str:
        if self.sk is None:
            raise InvalidArgument(
                f"the table has no sort key (its key is {self.pk!r} alone), so a query takes no "
                f"condition on one"
            )
        return self.sk

    # -- ranges ---------------------------------------------------------------------------------

    def whole(self, pk: Any) -> Range:
        """Return the range of an item collection."""
        if self.pk_type == "S" and type(pk) is str and 0 < len(pk) < 512 and "\0" not in pk:
            # The common case written out; 512 characters are at most 2048 bytes.
            try:
                encoded = f"S{pk}\0\1".encode()
            except UnicodeEncodeError:
                return self._whole(pk)
            prefix = xxh3_64_digest(encoded) + encoded
            return prefix, prefix[:-1] + b"\2"
        return self._whole(pk)

    def _whole(self, pk: Any) -> Range:
        prefix = self.collection(pk)
        return prefix, successor(prefix)

    def starts_with(self, pk: Any, start: Any) -> Range:
        """Return the range of the sort keys that begin with ``start``, a string or bytes."""
        name = self._sk_name()
        if type(start) not in (str, bytes):
            raise InvalidArgument(
                f"a prefix of the sort key {name!r} is a string or bytes, not "
                f"{type(start).__name__}"
            )
        encoded = encode_key_prefix(start, attribute=name)
        check_type(chr(encoded[0]), self.sk_type, name)
        prefix = self.collection(pk) + encoded
        return prefix, successor(prefix)

    def condition(self, pk: Any, operator: str, values: tuple[Any, ...]) -> Range:
        """Return the range for ``=``, ``<``, ``<=``, ``>``, ``>=``, BETWEEN or begins_with."""
        if operator == "begins_with":
            return self.starts_with(pk, values[0])
        return range_after(self.collection(pk), operator, list(map(self.sort_key, values)))


def range_after(prefix: bytes, operator: str, values: list[bytes]) -> Range:
    """Return the range of the keys that go on after ``prefix`` with a value as a condition says.

    ``values`` are encoded; ``operator`` is ``=``, ``<``, ``<=``, ``>``, ``>=`` or BETWEEN.
    """
    tag = prefix + values[0][:1]
    low, high = tag, successor(tag)
    point = prefix + values[0]
    after = successor(point)
    if operator == "=":
        return point, after
    if operator == "<":
        return low, point
    if operator == "<=":
        return low, after
    if operator == ">":
        return after or point, high
    if operator == ">=":
        return point, high
    if operator == "BETWEEN":
        return point, successor(prefix + values[1])
    raise InvalidArgument(f"{operator!r} is not a condition on a sort key")


def segment_range(segment: int, total: int) -> Range:
    """Return the range of a scan segment: an equal share of the hash space."""
    for value, name in ((segment, "segment"), (total, "total_segments")):
        if type(value) is not int:
            raise InvalidArgument(f"{name} must be an int, not {value!r}")
    if not 1 <= total <= 1_000_000:
        raise InvalidArgument(f"total_segments must be from 1 to 1000000, not {total}")
    if not 0 <= segment < total:
        raise InvalidArgument(
            f"segment must be from 0 to total_segments - 1 ({total - 1}), not {segment}"
        )
    low = (segment << 64) // total
    high = ((segment + 1) << 64) // total
    return (
        low.to_bytes(8, "big") if low else b"",
        high.to_bytes(8, "big") if segment + 1 < total else None,
    )


def key_types(key: bytes) -> tuple[str, str | None]:
    """Return the types of a key's attributes; None for a sort key that it lacks."""
    after = decode_key_value(key, HASH_BYTES)[1]
    return chr(key[HASH_BYTES]), chr(key[after]) if after < len(key) else None


def check_type(actual: str, expected: str | None, attribute: str) -> None:
    """Raise KeyTypeMismatch unless a key attribute has the type that is expected of it."""
    if expected is not None and actual != expected:
        raise KeyTypeMismatch(
            f"the key attribute {attribute!r} is {_NAMES[actual]}, and the table's is "
            f"{_NAMES[expected]}: convert it, or use a table with another key type",
            attribute=attribute,
            expected=expected,
            actual=actual,
        )
