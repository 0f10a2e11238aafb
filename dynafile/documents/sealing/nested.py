"""Fields within fields: read and replaced along their path, the maps on it copied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dynafile.documents.sealing.places import Path

__all__ = ["NotThere", "replaced"]


class NotThere(Exception):
    """Something else than a map is on the way; ``above`` are the names that lead to it."""

    def __init__(self, above: Path) -> None:
        super().__init__(above)
        self.above = above


def replaced(
    document: Mapping[str, Any], field: Path, by: Callable[[Any], Any], *, at: int = 0
) -> dict[str, Any]:
    """Return a copy of a document with a field replaced; the same if it lacks the field.

    A null on the way has nothing beneath it. Raises NotThere.
    """
    copied = dict(document)
    name = field[at]
    if name not in copied:
        return copied
    value = copied[name]
    if at == len(field) - 1:
        copied[name] = by(value)
    elif isinstance(value, Mapping):
        copied[name] = replaced(value, field, by, at=at + 1)
    elif value is not None:
        raise NotThere(field[: at + 1])
    return copied
