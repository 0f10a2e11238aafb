"""Who a client is logged in as: tokens that go with each request, and are renewed by themselves."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any, Final

import httpx
from msgspec import Struct

from dynafile.documents.access import User
from dynafile.documents.wire_json import json_bytes, read_json
from dynafile.documents.wire_members import members, required
from dynafile.errors import MalformedRequest, ServerFailed

__all__ = ["RemoteLogin"]

_REFRESH: Final = "/v1/auth/refresh"


class _Tokens(Struct, frozen=True):
    user: User
    access: str
    refresh: str

    def __repr__(self) -> str:
        return f"_Tokens({self.user!r}, ...)"


class RemoteLogin(httpx.Auth):
    """The tokens of a client; it asks without while nobody is logged in.

    An access token that is over is exchanged, once for all threads, and the request sent again: it
    was refused, so that it is not made twice. A refresh token that does not count ends the login.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._tokens: _Tokens | None = None
        self._exchanging = threading.Lock()

    @property
    def user(self) -> User | None:
        """Who is logged in."""
        tokens = self._tokens
        return None if tokens is None else tokens.user

    def begin(self, answer: Any) -> User:
        """Take the tokens of an answer; raises ServerFailed."""
        tokens = _tokens_in(answer)
        with self._exchanging:  # which would put those of before in the place of these
            self._tokens = tokens
        return tokens.user

    def end(self) -> str | None:
        """Forget the tokens; return the refresh token, if there is one."""
        with self._exchanging:
            tokens, self._tokens = self._tokens, None
        return None if tokens is None else tokens.refresh

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request as who is logged in."""
        tokens = self._tokens
        if tokens is None:
            yield request
            return
        request.headers["authorization"] = f"Bearer {tokens.access}"
        answer = yield request
        if answer.status_code != 401:
            return
        with self._exchanging:
            if self._tokens is tokens and not (yield from self._exchange(request, tokens)):
                return
            now = self._tokens
        if now is not None and now.user.uid == tokens.user.uid:  # not as who has logged in since
            request.headers["authorization"] = f"Bearer {now.access}"
            yield request

    def _exchange(
        self, request: httpx.Request, tokens: _Tokens
    ) -> Generator[httpx.Request, httpx.Response, bool]:
        """Get other tokens; return whether that was possible."""
        headers = {"content-type": "application/json", "accept": "application/json"}
        if "x-api-key" in request.headers:
            headers["x-api-key"] = request.headers["x-api-key"]
        content = json_bytes({"refreshToken": tokens.refresh})
        answer = yield httpx.Request(
            "POST",
            self._url + _REFRESH,
            headers=headers,
            content=content,
            extensions=request.extensions,
        )
        if answer.status_code == 200:
            self._tokens = _tokens_in(read_json(answer.read(), "the answer"))
            return True
        if answer.status_code == 401:
            self._tokens = None
        return False


def _tokens_in(answer: Any) -> _Tokens:
    kinds: dict[str, Any] = {
        "uid": str,
        "email": str,
        "claims": dict,
        "made": (int, float),
        "accessToken": str,
        "refreshToken": str,
        "expiresIn": (int, float),
    }
    try:
        found = members(answer, "the answer", kinds)
        required(found, "the answer", *kinds)
    except (MalformedRequest, KeyError) as error:
        raise ServerFailed(f"who logged in is not understood: {error}") from None
    user = User(found["uid"], found["email"], found["made"], claims=found["claims"])
    return _Tokens(user, found["accessToken"], found["refreshToken"])
