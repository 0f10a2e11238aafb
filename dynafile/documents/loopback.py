"""The loopback: addresses by which a machine talks to itself, and nobody else to it."""

from __future__ import annotations

import ipaddress

__all__ = ["LOOPBACK", "is_loopback"]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names that it has everywhere."""


def is_loopback(host: str | None) -> bool:
    """Say whether a host, without its port, is this machine to itself.

    >>> is_loopback("localhost"), is_loopback("127.1.2.3"), is_loopback("192.0.2.1")
    (True, True, False)
    """
    if host is None or host in LOOPBACK:
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
