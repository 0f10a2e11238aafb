"""Properties of text, numbers and truth."""

from __future__ import annotations

import decimal
import math
from typing import Any, ClassVar, TypeVar

from dynafile.entities.field import Property, parsed
from dynafile.errors import InvalidEntity, InvalidEntityType
from dynafile.values import number_fault

T = TypeVar("T")


class String(Property[str]):
    """Text of so many characters."""

    wanted = "a str"
    part = str

    def __init__(
        self,
        min_length: int | None = None,
        max_length: int | None = None,
        default: str | None = None,
        *,
        indexed: bool = False,
    ) -> None:
        self.min_length, self.max_length = _bounds("length", int, min_length, max_length)
        super().__init__(default, indexed=indexed)

    def check(self, value: object) -> str:
        """Return a str; raises unless it is one of the right length."""
        if not isinstance(value, str):
            raise self._mismatch(value)
        if self.min_length is not None and len(value) < self.min_length:
            raise self._invalid(value, f"it has at least {self.min_length} characters")
        if self.max_length is not None and len(value) > self.max_length:
            raise self._invalid(value, f"it has at most {self.max_length} characters")
        if not value.isascii():
            self._check_unicode(value)
        return value if type(value) is str else str.__str__(value)

    def _check_unicode(self, value: str) -> None:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self._invalid(value, "it has a lone surrogate, which UTF-8 has not") from error

    def order(self, value: str) -> str:
        """Return the text: code points are ordered as UTF-8 is."""
        return value


class _Number(Property[T]):
    """A number between limits, both included."""

    index_kind = "N"
    types: ClassVar[tuple[type, ...]]

    def __init__(
        self,
        min_value: T | None = None,
        max_value: T | None = None,
        default: T | None = None,
        *,
        indexed: bool = False,
    ) -> None:
        self.min_value, self.max_value = _bounds("value", self.types, min_value, max_value)
        super().__init__(default, indexed=indexed)

    def _limited(self, value: Any) -> Any:
        if self.min_value is not None and value < self.min_value:
            raise self._invalid(value, f"it is at least {self.min_value}")
        if self.max_value is not None and value > self.max_value:
            raise self._invalid(value, f"it is at most {self.max_value}")
        fault = number_fault(value)
        if fault is not None:
            raise self._invalid(value, f"it {fault}")
        return value

    def to_key(self, value: T) -> Any:
        """Return the number."""
        return value


class Integer(_Number[int]):
    """A whole number; True is none."""

    wanted = "an int"
    types = (int,)

    def check(self, value: object) -> int:
        """Return an int; raises unless it is one between the limits."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._mismatch(value)
        return int(self._limited(value))


class Float(_Number[float]):
    """A number; an int becomes a float."""

    wanted = "a float"
    types = (int, float)

    def check(self, value: object) -> float:
        """Return a float; raises unless it is a finite one between the limits."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._mismatch(value)
        try:
            number = float(value)
        except OverflowError:
            raise self._invalid(value, "it is too large for a float") from None
        if not math.isfinite(number):
            raise self._invalid(value, "it is finite")
        return float(self._limited(number))


class Decimal(_Number[decimal.Decimal]):
    """An exact number of up to 38 digits; an int becomes a Decimal."""

    wanted = "a Decimal"
    types = (int, decimal.Decimal)

    def check(self, value: object) -> decimal.Decimal:
        """Return a Decimal; raises unless it is a finite one between the limits."""
        if not isinstance(value, int | decimal.Decimal) or isinstance(value, bool):
            raise self._mismatch(value)
        number = decimal.Decimal(value)
        if not number.is_finite():
            raise self._invalid(value, "it is finite")
        return decimal.Decimal(self._limited(number))

    def to_json(self, value: decimal.Decimal) -> str:
        """Return its text."""
        return str(value)

    def from_json(self, value: Any) -> decimal.Decimal:
        """Read the text; raises as :meth:`check` does."""
        if isinstance(value, str):
            return self.check(parsed(self, decimal.Decimal, value))
        return self.check(value)


class Boolean(Property[bool]):
    """True or False; 1 is neither."""

    wanted = "a bool"
    index_kind = "N"

    def __init__(self, default: bool | None = None, *, indexed: bool = False) -> None:
        super().__init__(default, indexed=indexed)

    def check(self, value: object) -> bool:
        """Return a bool; raises unless it is one."""
        if not isinstance(value, bool):
            raise self._mismatch(value)
        return value

    def to_key(self, value: bool) -> int:
        """Return 0 or 1."""
        return int(value)


def _bounds(what: str, types: Any, low: Any, high: Any) -> tuple[Any, Any]:
    for name, bound in ((f"min_{what}", low), (f"max_{what}", high)):
        if bound is not None and (not isinstance(bound, types) or isinstance(bound, bool)):
            raise InvalidEntityType(f"{name} must be a number, not {bound!r}")
        if bound is not None and (bound != bound or (what == "length" and bound < 0)):
            raise InvalidEntity(f"{name} cannot be {bound!r}")
    if low is not None and high is not None and low > high:
        raise InvalidEntity(f"min_{what}={low} is over max_{what}={high}: no value is allowed")
    return low, high
