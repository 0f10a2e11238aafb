"""The root of the errors."""

from __future__ import annotations

__all__ = [
    "DynafileError",
]


class DynafileError(Exception):
    """Base of every error that Dynafile raises on purpose."""

    def __init__(self, message: str, /, **particulars: object) -> None:
        super().__init__(message)
        self.message = message
        self.__dict__.update(particulars)

    def __init_subclass__(cls) -> None:
        # All are found, shown and pickled as names of one module.
        if cls.__module__.startswith("dynafile.errors."):
            cls.__module__ = "dynafile.errors"

    @property
    def explanation(self) -> str:
        """What was wrong, where, and what to do; the message may be DynamoDB's, which says less."""
        notes: list[str] = getattr(self, "__notes__", [])
        return notes[0] if notes else self.message

    def __str__(self) -> str:
        return self.message


DynafileError.__module__ = "dynafile.errors"
