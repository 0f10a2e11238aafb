"""Properties of time: moments, days, and times of the day."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, TypeVar

from dynafile.entities.field import Property, parsed

T = TypeVar("T")


class _Moment(Property[T]):
    type: ClassVar[Any]  # date, datetime or time, which share no base

    def to_json(self, value: Any) -> str:
        """Return it in ISO 8601."""
        return str(value.isoformat())

    def from_json(self, value: Any) -> T:
        """Read ISO 8601; raises as :meth:`check` does."""
        if isinstance(value, str):
            return self.check(parsed(self, self.type.fromisoformat, value))
        return self.check(value)

    def check(self, value: object) -> T:
        """Return it; raises unless it is of the type."""
        if not isinstance(value, self.type):
            raise self._mismatch(value)
        moment: T = value
        return moment

    def check_type(self, value: object) -> T:
        """Return a value to compare with: one that has its place in the order."""
        return self.check(value)


class DateTime(_Moment[dt.datetime]):
    """A moment, with a time zone or without; an index orders the former as in UTC."""

    wanted = "a datetime"
    is_exact = False  # in UTC, those of a zone and those of none are alike
    type = dt.datetime

    def check(self, value: object) -> dt.datetime:
        """Return a datetime; raises for one that is in no year in UTC."""
        moment = super().check(value)
        try:
            self.to_key(moment)
        except OverflowError as error:
            raise self._invalid(value, "in UTC it is past the years 1 to 9999") from error
        return moment

    def to_key(self, value: dt.datetime) -> str:
        """Return it in UTC, to the microsecond."""
        utc = value if value.tzinfo is None else value.astimezone(dt.UTC)
        return utc.isoformat(timespec="microseconds")


class Date(_Moment[dt.date]):
    """A day."""

    wanted = "a date"
    type = dt.date

    def check(self, value: object) -> dt.date:
        """Return a date; a datetime is none."""
        if isinstance(value, dt.datetime):
            raise self._mismatch(value)
        return super().check(value)

    def to_key(self, value: dt.date) -> str:
        """Return year, month and day."""
        return value.isoformat()


class Time(_Moment[dt.time]):
    """A time of the day, without a time zone."""

    wanted = "a time"
    is_exact = False
    type = dt.time

    def check(self, value: object) -> dt.time:
        """Return a time; raises for one with a zone, which without a day has no order."""
        time = super().check(value)
        if time.tzinfo is not None:
            raise self._invalid(value, "a time of the day has no time zone; use a DateTime")
        return time

    def to_key(self, value: dt.time) -> str:
        """Return it to the microsecond."""
        return value.isoformat(timespec="microseconds")
