"""Rates: how often who asks may ask, and how often an address may be wrong."""

from __future__ import annotations

import time
from typing import Final

from dynafile.documents.access import Limit, RateLimiter, address_group
from dynafile.documents.loopback import is_loopback
from dynafile.documents.sources import Clock

__all__ = ["REQUESTS_PER_MINUTE", "Rates", "counted_address"]

REQUESTS_PER_MINUTE: Final = 60_000
_WRONG: Final = Limit(100, 60)


class Rates:
    """Bounds in the memory of a process.

    :param per_minute: requests of a key, a user, or for who needs neither an address
    """

    def __init__(
        self, per_minute: int = REQUESTS_PER_MINUTE, *, clock: Clock = time.monotonic
    ) -> None:
        self._of_caller = RateLimiter(Limit(per_minute, 60), clock=clock)
        self._wrong = RateLimiter(_WRONG, clock=clock)

    def count(self, who: str) -> None:
        """Count a request; raises TooManyRequests."""
        self._of_caller.take(who)

    def count_wrong(self, address: str | None) -> None:
        """Count a key or a token that does not count; raises TooManyRequests."""
        if address is not None:
            self._wrong.take(address_group(address))


def counted_address(address: str | None) -> str | None:
    """Return the address that is counted; None for none.

    This machine's own is not: behind a proxy on the same machine all requests come from there.
    """
    return None if address is None or is_loopback(address) else address
