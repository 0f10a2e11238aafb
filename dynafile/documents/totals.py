"""Totals: sums and averages of the numbers of documents, which JSON has to be able to say."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from dynafile.errors import InvalidDocument

__all__ = ["average_of", "sum_of"]


def sum_of(numbers: Sequence[int | float]) -> int | float:
    """Return a sum; raises InvalidDocument for one that is larger than any number of JSON.

    >>> sum_of([1, 2]), sum_of([1, 2.5]), sum_of([])
    (3, 3.5, 0)
    """
    try:
        total = sum(numbers)
    except OverflowError:  # a float, and an integer that is larger than any
        raise _too_large("sum") from None
    if isinstance(total, float) and not isfinite(total):
        raise _too_large("sum")
    return total


def average_of(numbers: Sequence[int | float]) -> float | None:
    """Return an average, None of no numbers; raises InvalidDocument as :func:`sum_of` does."""
    if not numbers:
        return None
    try:
        return sum_of(numbers) / len(numbers)
    except OverflowError:
        raise _too_large("average") from None


def _too_large(kind: str) -> InvalidDocument:
    return InvalidDocument(
        f"the {kind} is larger than any number that JSON can say to all: leave out the documents "
        "whose numbers are that large, by a condition"
    )
