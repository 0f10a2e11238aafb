"""Origins and hosts: by which name a server is asked, and from pages of which sites."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import HTTPConnection

from dynafile.errors import ForeignOrigin

__all__ = ["Origins", "host_name"]


class Origins:
    """Refuses what a page of another site makes a browser ask.

    A server that admits anybody on this machine is reached by all pages that a browser shows here:
    by its address, and by a name of theirs that they let lead to it. So it is asked by its own name
    only, and by pages of its own.
    """

    def __init__(
        self, origins: Sequence[str], hosts: Sequence[str] | None, *, same_origin: bool
    ) -> None:
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._hosts = None if hosts is None else {host.lower() for host in hosts}
        self._same = same_origin

    def check(self, connection: HTTPConnection) -> None:
        """Raise ForeignOrigin for what is not the server's own."""
        host = connection.headers.get("host", "")
        if self._hosts is not None and host_name(host) not in self._hosts:
            raise ForeignOrigin(
                f"this server is not {host_name(host)!r:.80}: ask it by one of its own names"
            )
        origin = connection.headers.get("origin")
        if not self._same or origin is None:
            return
        scheme, _, rest = origin.lower().partition("://")
        if scheme in ("http", "https") and rest == host.lower():
            return
        if origin.lower() not in self._origins:
            raise ForeignOrigin(
                f"pages of {origin!r:.80} may not ask this server: its configuration can list them"
            )


def host_name(host: str) -> str:
    """Return the name in a Host header.

    >>> host_name("localhost:8000"), host_name("[::1]:8000")
    ('localhost', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
