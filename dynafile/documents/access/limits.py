"""Rate limits: a token bucket for each key, user or address."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from dynafile.documents.sources import Clock
from dynafile.errors import InvalidAccess, TooManyRequests

__all__ = ["Limit", "RateLimiter", "address_group"]

_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``amount`` at once, and in the long run ``amount`` in ``seconds``."""

    amount: float
    seconds: float

    def __post_init__(self) -> None:
        for name, value in (("amount", self.amount), ("seconds", self.seconds)):
            if isinstance(value, bool) or not 0 < value < math.inf:
                raise InvalidAccess(f"a limit's {name} is a number above 0, not {value!r:.50}")


class RateLimiter:
    """Buckets of one limit, in the memory of this process.

    A bucket begins full and fills by ``amount / seconds`` a second. Of more than ``most`` the one
    that was asked least recently goes; it would begin full again, so ``most`` is to be more than
    can come up in ``seconds``. Threads may share it. A request that is refused takes nothing.
    ``clock`` is monotonic; one that goes back adds nothing.
    """

    def __init__(self, limit: Limit, *, most: int = _MOST, clock: Clock = time.monotonic) -> None:
        self._limit = limit
        self._rate = limit.amount / limit.seconds
        self._most = max(1, most)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: str, cost: float = 1) -> float:
        """Take ``cost`` from the bucket of a key and return 0, or return the seconds to wait.

        What costs more than the bucket ever holds waits for ever: ``inf``.
        """
        now = self._clock()
        with self._lock:
            level, since = self._buckets.get(key, (self._limit.amount, now))
            level = min(self._limit.amount, level + max(0.0, now - since) * self._rate)
            lacking = cost - level
            # Where rounding leaves a hair of a request, who waited as told would be refused again.
            if lacking <= self._limit.amount * 1e-6:
                level, lacking = max(0.0, -lacking), 0.0
            self._buckets[key] = (level, max(now, since))
            self._buckets.move_to_end(key)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        if cost > self._limit.amount:
            return math.inf if lacking else 0.0
        return lacking / self._rate

    def take(self, key: str, cost: float = 1) -> None:
        """Take ``cost`` from the bucket of a key; raises TooManyRequests."""
        wait = self.wait(key, cost)
        if wait == math.inf:
            raise InvalidAccess(
                f"one request costs {cost}, and the limit is {self._limit.amount}; split it"
            )
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooManyRequests(
                f"too many requests: {self._limit.amount:g} in {self._limit.seconds:g} seconds are "
                f"allowed; try again in {seconds} seconds",
                retry_after=seconds,
            )

    def forget(self, key: str) -> None:
        """Fill the bucket of a key again."""
        with self._lock:
            self._buckets.pop(key, None)


def address_group(address: str) -> str:
    """Return whom an IP address counts for: itself, or for IPv6 its network of 64 bits.

    A customer of a provider has such a network, with more addresses than a limiter holds. IPv4
    written as IPv6 is IPv4. What is no address, such as the name of a socket, counts for itself.

    >>> address_group("2001:db8::1") == address_group("2001:db8::2")
    True
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
