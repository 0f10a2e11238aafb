"""Ids that are made up: URL-safe text that grows, so that documents are in the order of making."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from dynafile.errors import InvalidDocumentArgument

__all__ = ["ID_LENGTH", "Ids"]

ID_LENGTH: Final = 20
SHORTEST: Final = 16
LONGEST: Final = 200

_ALPHABET: Final = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""The 64 letters of URL-safe base64, in the order of their codes."""
_TIME_LETTERS: Final = 9
"""Of microseconds: 54 bits, enough until the year 2540."""


class Ids:
    """Makes ids of a length: first the time in microseconds, then at random.

    Those of one object grow, also within a microsecond and when the clock goes back; those of
    others are in the order of their clocks.
    """

    def __init__(self, length: int = ID_LENGTH, clock: Callable[[], int] = time.time_ns) -> None:
        if type(length) is not int or not SHORTEST <= length <= LONGEST:
            raise InvalidDocumentArgument(
                f"id_length is an int from {SHORTEST} to {LONGEST}, not {length!r}: shorter ids "
                "would meet by chance"
            )
        self._bits = 6 * (length - _TIME_LETTERS)
        self._letters = length
        self._clock = clock
        self._mutex = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        """Return a new id."""
        number = (self._clock() // 1000 << self._bits) | secrets.randbits(self._bits)
        with self._mutex:
            if number >> self._bits <= self._last >> self._bits:
                # The same microsecond, or an earlier one: a random step, which nobody guesses.
                number = self._last + 1 + secrets.randbits(self._bits - 12)
            self._last = number
        return _text(number, self._letters)


def _text(number: int, letters: int) -> str:
    found = [""] * letters
    for place in range(letters - 1, -1, -1):
        found[place] = _ALPHABET[number & 63]
        number >>= 6
    return "".join(found)
