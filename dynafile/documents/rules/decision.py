"""What rules decide of one access, and why."""

from __future__ import annotations

from msgspec import Struct

from dynafile.documents.rules.patterns import DocumentPath

__all__ = ["Decision"]


class Decision(Struct, frozen=True):
    """Whether an access is allowed; true in the place of a condition if it is.

    ``rule`` is the line of the ``allow`` that allowed it, None where none did. ``why`` is for logs
    and tests: it tells of the rules, which is nothing for whoever was denied. ``depends_on`` are
    the paths that were looked up: when one of these documents changes, decide again.
    """

    allowed: bool
    rule: int | None
    why: str
    depends_on: frozenset[DocumentPath] = frozenset()

    def __bool__(self) -> bool:
        return self.allowed
