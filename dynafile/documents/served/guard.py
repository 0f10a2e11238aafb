"""The guard: who asks, and what they may do. What is served asks it before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from dynafile.documents.access import ApiKey, ApiKeys
from dynafile.documents.paths import Path
from dynafile.errors import NotAuthenticated

__all__ = ["ANYBODY", "Action", "Caller", "Guard", "KeyGuard", "Limits", "OpenGuard", "key_of"]

Action: TypeAlias = Literal["get", "list", "create", "update", "delete"]

_SCHEME: Final = "bearer "


class Caller(Struct, frozen=True):
    """Who asks."""

    id: str
    """What the log calls them: nothing secret."""
    key: ApiKey | None = None
    auth: dict[str, Any] | None = None
    """What rules are told of them."""


ANYBODY: Final = Caller("anybody")


class Limits(Struct, frozen=True):
    """How much one request, or one connection, may ask for."""

    body_bytes: int = 10 << 20
    body_seconds: float = 30.0
    page: int = 1000
    """Documents in one page of a collection."""
    subscriptions: int = 1000
    """Of one WebSocket."""
    listeners: int = 10_000
    """Of the whole process: connections that are live."""
    heartbeat: float = 15.0
    """Seconds after which somebody who listens is told that nothing happened."""
    stall: float = 60.0
    """Seconds after which a listener that reads nothing is left."""
    greeting: float = 10.0
    """Seconds in which a WebSocket has to say who it is."""


class Guard(Protocol):
    """Decides who may do what; its methods are called from threads."""

    inspects: bool
    """Whether :meth:`check` looks at the documents; then they are read before and after."""

    limits: Limits

    def caller(self, headers: Mapping[str, str], address: str | None) -> Caller:
        """Return who asks; raises NotAuthenticated, TooManyRequests.

        :param headers: by lower-case name.
        :param address: from where, if that is known.
        """

    def check(
        self, caller: Caller, action: Action, path: Path, before: Any, after: Any, *, group: bool
    ) -> None:
        """Raise AccessRefused where a caller may not do this.

        :param path: of a document; of a collection for ``list``, or where it is not inspected.
        :param before: the document as it is; None: it is not there, or nothing is inspected.
        :param after: the document as it would be.
        :param group: whether ``path`` is the name of a group of collections.
        """


def key_of(headers: Mapping[str, str]) -> str | None:
    """Return the key that a request has, in any of the headers for it; None: it has none.

    Raises NotAuthenticated where two of them contradict each other.
    """
    found = {headers[name] for name in ("x-api-key", "apikey") if name in headers}
    authorization = headers.get("authorization", "")
    if authorization[: len(_SCHEME)].lower() == _SCHEME:
        found.add(authorization[len(_SCHEME) :].strip())
    if len(found) > 1:
        raise NotAuthenticated("the request has several keys that are not the same: send one")
    return found.pop() if found else None


class KeyGuard:
    """Admits who has an API key, as far as its scopes reach."""

    inspects = False

    def __init__(self, keys: ApiKeys, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self.limits = limits
        self._keys = keys

    def caller(self, headers: Mapping[str, str], address: str | None) -> Caller:
        """Return who has the key; raises NotAuthenticated, InvalidApiKey."""
        text = key_of(headers)
        if text is None:
            raise NotAuthenticated(
                "an API key is needed: send it as a header, Authorization: Bearer mb-..."
            )
        key = self._keys.check(text)
        return Caller(f"key {key.id}", key)

    def check(
        self, caller: Caller, action: Action, path: Path, before: Any, after: Any, *, group: bool
    ) -> None:
        """Raise OutOfScope where the key does not reach, or may only read."""
        assert caller.key is not None
        caller.key.require(path, write=action not in ("get", "list"), group=group)


class OpenGuard(KeyGuard):
    """Admits anybody, for development; only a key that is wrong is refused, to be noticed early."""

    def caller(self, headers: Mapping[str, str], address: str | None) -> Caller:
        """Return who has the key, or that it is anybody."""
        text = key_of(headers)
        if not text:
            return ANYBODY
        return super().caller(headers, address)

    def check(
        self, caller: Caller, action: Action, path: Path, before: Any, after: Any, *, group: bool
    ) -> None:
        """Raise OutOfScope where a key was sent that does not reach."""
        if caller.key is not None:
            super().check(caller, action, path, before, after, group=group)
