"""The clock of entities, which tests can set and turn."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from dynafile.errors import DatabaseAlreadyOpen, InvalidEntityType

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SystemTime:
    """The time in milliseconds since 1970, of the system or as it was set."""

    _instance: ClassVar[SystemTime | None] = None

    def __init__(self) -> None:
        if SystemTime._instance is not None:
            raise DatabaseAlreadyOpen("there is one SystemTime: use SystemTime.get_instance()")
        self._fixed: int | None = None

    @classmethod
    def get_instance(cls) -> SystemTime:
        """Return the clock."""
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def get_time(self) -> int:
        """Return the time in milliseconds."""
        return time.time_ns() // 1_000_000 if self._fixed is None else self._fixed

    def set_time(self, timestamp: int) -> None:
        """Let the clock stand at a time, in milliseconds, until it is advanced or cleared."""
        self._fixed = _milliseconds(timestamp)

    def advance_time(self, milliseconds: int) -> None:
        """Turn the clock on, and let it stand there."""
        self._fixed = self.get_time() + _milliseconds(milliseconds)

    def clear_time(self) -> None:
        """Go back to the time of the system."""
        self._fixed = None

    def print(self) -> str:
        """Return the time as :meth:`format_timestamp` writes it."""
        return self.format_timestamp(self.get_time())

    @staticmethod
    def format_timestamp(timestamp: int | None) -> str:
        """Return a time in milliseconds as text, in UTC; ``"None"`` where there is none.

        >>> SystemTime.format_timestamp(1757715335882)
        '2025-09-12 22:15:35.882'
        """
        if not timestamp:
            return "None"
        moment = _EPOCH + timedelta(milliseconds=timestamp)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{timestamp % 1000:03}"

    @staticmethod
    def parse_timestamp(text: str) -> int:
        """Return the milliseconds that :meth:`format_timestamp` wrote; raises ValueError.

        >>> SystemTime.parse_timestamp("2025-09-12 22:15:35.882")
        1757715335882
        """
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)


def _milliseconds(value: object) -> int:
    if type(value) is not int:
        raise InvalidEntityType(f"a time is an int of milliseconds, not {value!r}")
    return value
