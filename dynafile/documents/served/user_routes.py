"""Routes of users: signing up, logging in, the next tokens, and logging out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from dynafile.documents.access import Accounts, TokenPair, User
from dynafile.documents.served.addresses import query_parameters
from dynafile.documents.served.answers import SAFE, json_answer
from dynafile.documents.served.bodies import json_body, refuse_body
from dynafile.documents.served.guard import Caller, Limits
from dynafile.documents.served.in_threads import called_in
from dynafile.documents.served.methods import check_method
from dynafile.documents.served.rates import counted_address
from dynafile.documents.wire_members import members, required
from dynafile.errors import AccessRefused, AddressNotFound, NotAuthenticated

__all__ = ["USERS", "UserRoutes"]

USERS: Final = "/v1/auth"

_UNSAVED: Final = {"cache-control": "no-store"}
_AT_ONCE: Final = 4


class UserRoutes:
    """Answers what is asked of users.

    :param signup: whether who has a key may make users; otherwise only who runs the database.
    """

    def __init__(
        self, accounts: Accounts, threads: Executor, limits: Limits, *, signup: bool = True
    ) -> None:
        self._accounts = accounts
        self._threads = threads
        # As many as hash passwords at once: who waits for that keeps no thread from the others.
        self._hashing = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dynafile passwords")
        self._limits = limits
        self._may_sign_up = signup
        self._posts: dict[str, tuple[Callable[..., Response], tuple[str, ...]]] = {
            "signup": (self._signup, ("email", "password")),
            "login": (self._login, ("email", "password")),
            "refresh": (self._refresh, ("refreshToken",)),
            "logout": (self._logout, ("refreshToken",)),
            "password": (self._password, ("password", "newPassword")),
        }

    async def answer(self, request: Request, caller: Caller, name: str) -> Response:
        """Answer what is asked at ``/v1/auth/<name>``."""
        query_parameters(request.scope, ())
        if name == "user":
            check_method(request, "GET", "HEAD")
            refuse_body(request)
            return await called_in(self._threads, self._user, caller)
        if name not in self._posts:
            raise AddressNotFound(
                f"there is nothing at {USERS}/{name[:80]}: there are user, {', '.join(self._posts)}"
            )
        check_method(request, "POST")
        call, names = self._posts[name]
        said = await json_body(request, self._limits, self._threads)
        body = members(said, "", dict.fromkeys(names, str))
        required(body, "", *names)
        address = counted_address(request.client.host if request.client else None)
        threads = self._hashing if "password" in names else self._threads
        given = (body[each] for each in names)
        return await called_in(threads, call, caller, address, *given)

    # -- in threads -----------------------------------------------------------------------------

    def _signup(self, caller: Caller, address: str | None, email: str, password: str) -> Response:
        if not self._may_sign_up:
            raise AccessRefused(
                "users do not sign up here: who runs the database adds them, by "
                "`dynafile documents users add`"
            )
        if caller.key is None and caller.claims is not None:
            # Otherwise a user could make others after the key was revoked, and so stay for ever.
            raise AccessRefused(
                "a user's token alone makes no users: send an API key, or no token where none is "
                "needed"
            )
        if caller.key is not None and caller.key.read_only:
            raise AccessRefused("the API key is read-only, and signing up writes: use another")
        user = self._accounts.users.signup(email, password, address=address)
        return self._opened(user, 201)

    def _login(self, _: Caller, address: str | None, email: str, password: str) -> Response:
        return self._opened(self._accounts.users.login(email, password, address=address))

    def _refresh(self, _: Caller, _address: str | None, token: str) -> Response:
        pair = self._accounts.sessions.refresh(token)
        return _tokens(self._accounts.users.get(pair.uid), pair)

    def _logout(self, _: Caller, _address: str | None, token: str) -> Response:
        self._accounts.sessions.close(token)
        return Response(status_code=204, headers=SAFE)

    def _password(self, caller: Caller, address: str | None, old: str, new: str) -> Response:
        uid = _uid_of(caller)
        return self._opened(self._accounts.users.change_password(uid, old, new, address=address))

    def _user(self, caller: Caller) -> Response:
        user = self._accounts.users.get(_uid_of(caller))
        return json_answer(_shown(user), headers=_UNSAVED)

    def _opened(self, user: User, status: int = 200) -> Response:
        return _tokens(user, self._accounts.sessions.open(user), status)


def _tokens(user: User, pair: TokenPair, status: int = 200) -> Response:
    tokens = {
        "accessToken": pair.access,
        "refreshToken": pair.refresh,
        "expiresIn": pair.expires_in,
    }
    return json_answer(_shown(user) | tokens, status, _UNSAVED)


def _shown(user: User) -> dict[str, Any]:
    return {"uid": user.uid, "email": user.email, "claims": user.claims, "made": user.made}


def _uid_of(caller: Caller) -> str:
    if caller.claims is None:
        raise NotAuthenticated(
            "a user's access token is needed: log in, and send it as Authorization: Bearer ..."
        )
    return caller.claims.uid
