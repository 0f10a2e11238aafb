"""Properties of other contents: bytes, JSON, and members of enumerations."""

from __future__ import annotations

import base64
import enum
import json
from typing import Any, TypeVar

from dynafile.entities.field import Holder, Property, parsed
from dynafile.errors import InvalidEntityType

M = TypeVar("M", bound=enum.Enum)


class Bytes(Property[bytes]):
    """Bytes."""

    wanted = "bytes"
    index_kind = "B"
    part = bytes

    def check(self, value: object) -> bytes:
        """Return bytes; raises unless they are."""
        if not isinstance(value, bytes | bytearray | memoryview):
            raise self._mismatch(value)
        return bytes(value)

    def to_json(self, value: bytes) -> str:
        """Return them in base64."""
        return base64.b64encode(value).decode()

    def from_json(self, value: Any) -> bytes:
        """Read base64; raises as :meth:`check` does."""
        if isinstance(value, str):
            return bytes(parsed(self, lambda text: base64.b64decode(text, validate=True), value))
        return self.check(value)

    def to_key(self, value: bytes) -> bytes:
        """Return them behind a byte, so that a key is never empty."""
        return b"=" + value


class JSON(Property[Any]):
    """Anything that JSON can say. To change it, set it anew: what is read is a copy."""

    wanted = "what JSON can say"
    index_kind = None
    part = object

    def check(self, value: object) -> Any:
        """Return a copy; raises for what is no JSON."""
        try:
            return json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidEntityType(
                f"{self.name} must be {self.wanted}: {error}", field=self.name
            ) from error

    def to_json(self, value: Any) -> Any:
        """Return a copy."""
        return json.loads(json.dumps(value))

    def to_item(self, value: Any) -> str:
        """Return its text, as JSON says what no table can: empty names, and numbers of any size."""
        return json.dumps(value)

    def from_item(self, value: Any) -> Any:
        """Read the text."""
        return json.loads(value)

    def is_same(self, one: Any, other: Any) -> bool:
        """Compare texts: in Python 1 is True, and 1.0."""
        return json.dumps(one) == json.dumps(other)

    def __get__(self, holder: Holder | None, owner: type) -> Any:
        if holder is None:
            return self
        return self.to_json(holder._read(self.name))


class Enumeration(Property[M]):
    """A member of an enumeration, stored by its name; a name is taken for its member."""

    wanted = "a member"

    def __init__(
        self, members: type[M], default: M | None = None, *, indexed: bool = False
    ) -> None:
        if not isinstance(members, enum.EnumMeta):
            raise InvalidEntityType(f"an Enumeration is of an enum.Enum, not of {members!r}")
        self.members = members
        self.wanted = f"one of {members.__name__}: {', '.join(members.__members__)}"
        super().__init__(default, indexed=indexed)

    def check(self, value: object) -> M:
        """Return a member; raises where there is none."""
        if isinstance(value, self.members):
            return value
        if isinstance(value, str) and value in self.members.__members__:
            return self.members[value]
        raise self._mismatch(value)

    def to_json(self, value: M) -> str:
        """Return its name."""
        return value.name

    def to_item(self, value: M) -> str:
        """Return its name."""
        return value.name

    def from_item(self, value: Any) -> M:
        """Return the member of a name; raises InvalidEntityType where there is none any more."""
        return self.check(value)

    def to_key(self, value: M) -> str:
        """Return its name."""
        return f"={value.name}"
