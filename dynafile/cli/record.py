"""A record of an import: an item, or what kept it from being one, and its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynafile.errors import MalformedRecord


@dataclass(frozen=True, slots=True)
class Record:
    """What a reader found on a line. Exactly one of ``item`` and ``problem`` is set."""

    line: int
    item: dict[str, Any] | None = None
    problem: MalformedRecord | None = None

    @classmethod
    def of(cls, line: int, value: object) -> Record:
        """Return the record for a value, which has to be an object."""
        if isinstance(value, dict):
            return cls(line, value)
        return cls.malformed(line, f"expected an object, found {_kind(value)}")

    @classmethod
    def malformed(cls, line: int, reason: str) -> Record:
        """Return a record that cannot be read."""
        return cls(line, problem=MalformedRecord(reason, line=line))


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "an array"
    return "a number" if isinstance(value, int | float) else "a tagged value"
