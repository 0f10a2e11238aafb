"""A field of a type: its checks, and how its values are stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar, cast, overload

from dynafile.entities.layout import is_key
from dynafile.errors import InvalidEntity, InvalidEntityType
from dynafile.values import MAX_SORT_KEY_BYTES, number_fault

T = TypeVar("T")

LONGEST_KEY: Final = MAX_SORT_KEY_BYTES - 1
"""Bytes of an indexed text: in the sort key of the index one goes before it."""


class Holder(Protocol):
    """What has properties."""

    def _read(self, name: str) -> Any: ...

    def _change(self, name: str, value: Any) -> None: ...


class Property(ABC, Generic[T]):
    """A field of a type. Setting it checks, tells the hook and saves; None is no value.

    ``indexed=True`` lets ``find`` and ``where`` look it up, and order by it, without reading all.
    """

    wanted: str
    """What a value must be, in words."""
    index_kind: ClassVar[str | None] = "S"
    """How an index has it: ``"S"``, ``"N"`` or ``"B"``; None: not at all."""

    is_exact: ClassVar[bool] = True
    """Whether keys are equal if and only if the values are, and have the same order."""
    part: ClassVar[type[Any] | None] = None
    """What a value can contain, and begin with; ``object``: anything, and begin with nothing."""

    def __init__(self, default: T | None = None, *, indexed: bool = False) -> None:
        self.name = ""
        self.indexed = indexed
        self.default = default
        if indexed and self.index_kind is None:
            raise InvalidEntity(f"a {type(self).__name__} has no order, so it cannot be indexed")
        if default is not None:
            self.name = "default"
            self.default = self.validate(default)
            self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...

    @overload
    def __get__(self, holder: Holder, owner: type) -> T: ...

    def __get__(self, holder: Holder | None, owner: type) -> Self | T:
        if holder is None:
            return self
        value: T = holder._read(self.name)
        return value

    def __set__(self, holder: Holder, value: T | None) -> None:
        holder._change(self.name, value)

    @property
    def index_attribute(self) -> str | None:
        """The attribute by which an index has this field, whatever type it is of."""
        return f"{self.index_kind}.{self.name}" if self.indexed else None

    def validate(self, value: object) -> T | None:
        """Return a value as it is stored; raises InvalidEntityType or InvalidEntity."""
        if value is None:
            return None
        checked = self.check(value)
        if self.indexed and not is_indexable(self.to_key(checked)):
            raise InvalidEntity(f"{self.name} is indexed, so it has at most {LONGEST_KEY} bytes")
        return checked

    def check_type(self, value: object) -> T:
        """Return a value to compare with, past the limits too; raises InvalidEntityType."""
        try:
            return self.check(value)
        except InvalidEntityType:
            raise
        except InvalidEntity:
            compared: T = cast("Any", value)
            return compared

    @abstractmethod
    def check(self, value: object) -> T:
        """Return a value that is not None as it is stored, or raise."""

    def to_json(self, value: T) -> Any:
        """Return a value as JSON has it."""
        return value

    def from_json(self, value: Any) -> T:
        """Read what :meth:`to_json` wrote; raises as :meth:`check` does."""
        return self.check(value)

    def to_item(self, value: T) -> Any:
        """Return a value as a table has it."""
        return value

    def from_item(self, value: Any) -> T:
        """Return what :meth:`to_item` made."""
        stored: T = value
        return stored

    def to_key(self, value: T) -> Any:
        """Return a value as the sort key of an index has it: never empty, and in the same order."""
        return f"={value}"

    def order(self, value: T) -> Any:
        """Return what a value is ordered by, with an index and without."""
        return self.to_key(value)

    def is_same(self, one: T | None, other: T | None) -> bool:
        """Say whether a value need not be stored in the place of another."""
        if one is None or other is None:
            return one is other
        one_json, other_json = self.to_json(one), self.to_json(other)
        return type(one_json) is type(other_json) and bool(one_json == other_json)

    def _mismatch(self, value: object) -> InvalidEntityType:
        return InvalidEntityType(
            f"{self.name} must be {self.wanted}, not {_shown(value)}", field=self.name
        )

    def _invalid(self, value: object, why: str) -> InvalidEntity:
        return InvalidEntity(
            f"Invalid value for {self.name}: {_shown(value)}; {why}", field=self.name
        )


def parsed(field: Property[Any], parse: Callable[[str], Any], text: str) -> Any:
    """Read a text as a field has it in JSON; raises InvalidEntity."""
    try:
        return parse(text)
    except (ValueError, ArithmeticError) as error:
        raise InvalidEntity(
            f"Invalid value for {field.name}: {text!r} ({error})", field=field.name
        ) from error


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def is_indexable(key: object) -> bool:
    """Say whether a table can have a key."""
    if isinstance(key, str):
        return is_key(key)
    if isinstance(key, bytes):
        return len(key) <= LONGEST_KEY + 1
    return isinstance(key, int | float | Decimal) and number_fault(key) is None
