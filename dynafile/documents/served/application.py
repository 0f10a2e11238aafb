"""The ASGI application: documents over HTTP and WebSocket, which any server can run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from dynafile.documents.access import Accounts
from dynafile.documents.engine import Engine
from dynafile.documents.paths import Path
from dynafile.documents.requests import Target
from dynafile.documents.served.addresses import (
    DOCUMENTS,
    path_of,
    query_parameters,
    raw_path_of,
    said,
)
from dynafile.documents.served.answers import json_answer, problem_answer
from dynafile.documents.served.audience import Audience
from dynafile.documents.served.desk import Desk
from dynafile.documents.served.guard import ANYBODY, Caller, Guard, Limits
from dynafile.documents.served.in_threads import called_in
from dynafile.documents.served.methods import check_method
from dynafile.documents.served.openapi import openapi
from dynafile.documents.served.origins import Origins
from dynafile.documents.served.page import page_answer
from dynafile.documents.served.repetition import IDEMPOTENCY_KEY, REQUEST_TIME
from dynafile.documents.served.routes import METHODS, VERBS, DocumentRoutes, methods_of
from dynafile.documents.served.user_routes import USERS, UserRoutes
from dynafile.documents.wire_json import json_bytes
from dynafile.documents.wire_problems import is_failure, problem_of
from dynafile.errors import (
    AddressNotFound,
    DynafileError,
    NotServedHere,
)

__all__ = ["DocumentsApplication"]

_log: Final = logging.getLogger("dynafile")

_FAILED: Final = "a request of %s failed: %s %s"
_THREADS: Final = 32
_SWEEP: Final = 3600.0
_READ: Final = ("GET", "HEAD")
_SEEN_HEADERS: Final = ("ETag", "Location", "Retry-After")
_SENT_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    IDEMPOTENCY_KEY,
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    REQUEST_TIME,
    "X-API-Key",
    "apiKey",
)


class DocumentsApplication:
    """Serves the documents of an engine, to whom a guard admits.

    :param accounts: the users, who sign up and log in here; None: there are none.
    :param signup: whether who is admitted may make users.
    :param origins: of the web sites whose pages may ask, such as ``https://example.com``.
    :param hosts: the names that it may be asked by; None for any.
    :param same_origin: whether pages of other sites are refused; for who admits without a key.
    """

    def __init__(
        self,
        engine: Engine,
        guard: Guard,
        *,
        accounts: Accounts | None = None,
        signup: bool = True,
        origins: Sequence[str] = (),
        hosts: Sequence[str] | None = None,
        same_origin: bool = False,
    ) -> None:
        self._engine = engine
        self._limits = guard.limits
        self._anybody = same_origin
        self._desk = Desk(engine, guard)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dynafile served")
        replays = None if accounts is None else accounts.replays
        self._routes = DocumentRoutes(
            self._desk, self._threads, guard.limits, self._listen, replays
        )
        self._users = (
            None
            if accounts is None
            else UserRoutes(accounts, self._threads, guard.limits, signup=signup)
        )
        self._accounts = accounts
        self._origins = Origins(origins, hosts, same_origin=same_origin)
        self._audience = Audience(self._desk, self._threads)
        self._http: ASGIApp = self._plain_http
        if origins:
            self._http = CORSMiddleware(
                self._plain_http,
                allow_origins=list(origins),
                allow_methods=list(METHODS),
                allow_headers=_SENT_HEADERS,
                expose_headers=_SEEN_HEADERS,
            )

    @property
    def limits(self) -> Limits:
        """How much one request, or one connection, may ask for."""
        return self._limits

    # -- ASGI -----------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a connection, or the server's own start and stop."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(WebSocket(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        sweeping = asyncio.create_task(self._sweep())
        await receive()
        sweeping.cancel()
        self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _sweep(self) -> None:
        """Remove records that are over, at the start and every hour."""
        while self._accounts is not None:
            try:
                await called_in(self._threads, self._accounts.sweep)
            except Exception:  # noqa: BLE001 - the next one may go well
                _log.exception("records that are over could not be removed")
            await asyncio.sleep(_SWEEP)

    def stop(self) -> None:
        """End all who listen; what they have not been told they are told when they go on."""
        self._audience.stop()

    # -- requests -------------------------------------------------------------------------------

    async def _plain_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        began = time.perf_counter()
        caller, raw = ANYBODY, raw_path_of(scope)
        try:
            self._origins.check(request)
            known = self._public(request, raw)
            if known is None:
                caller = await self._caller(request)
                known = await self._answer(request, caller, raw)
            answer = known
        except ClientDisconnect:
            return
        except DynafileError as error:
            if is_failure(error):
                _log.exception(_FAILED, caller.id, said(request.method), said(raw))
            answer = problem_answer(error, raw)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged
            _log.exception(_FAILED, caller.id, said(request.method), said(raw))
            answer = problem_answer(error, raw)
        status = answer.status_code

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body" and request.method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await answer(scope, receive, sending)
        finally:
            took = 1000 * (time.perf_counter() - began)
            what = (caller.id, said(request.method), said(raw), status, took)
            _log.info("%s %s %s %d %.1f ms", *what)

    async def _caller(self, request: HTTPConnection) -> Caller:
        address = request.client.host if request.client else None
        return await called_in(self._threads, self._desk.guard.caller, request.headers, address)

    def _public(self, request: Request, raw: str) -> Response | None:
        """Answer what anybody may ask; return None for the documents."""
        if raw == DOCUMENTS or raw.startswith((f"{DOCUMENTS}/", f"{DOCUMENTS}:")):
            return None
        if self._users is not None and raw.startswith(f"{USERS}/"):
            return None
        answer: Response | None
        if raw == "/v1/health":
            answer = json_answer({"status": "ok"})
        elif raw == "/v1/openapi.json":
            root = request.scope.get("root_path", "")
            answer = json_answer(openapi(root, anybody=self._anybody))
        else:
            answer = page_answer(raw, request.headers)
        if answer is None:
            raise AddressNotFound(f"there is nothing at {raw!r:.200}: documents are in {DOCUMENTS}")
        check_method(request, *_READ)
        query_parameters(request.scope, ())
        return answer

    async def _answer(self, request: Request, caller: Caller, raw: str) -> Response:
        if self._users is not None and raw.startswith(f"{USERS}/"):
            return await self._users.answer(request, caller, raw.removeprefix(f"{USERS}/"))
        rest = raw.removeprefix(DOCUMENTS)
        if rest.startswith(":"):
            if rest[1:] not in VERBS:
                raise AddressNotFound(
                    f"there is nothing at {raw!r:.200}: there are {DOCUMENTS}:"
                    + f", {DOCUMENTS}:".join(VERBS)
                )
            check_method(request, "POST")
            return await self._routes.verb(request, caller, rest[1:])
        path: Path = path_of(rest)
        check_method(request, *methods_of(path))
        return await self._routes.path(request, caller, path)

    # -- listening ------------------------------------------------------------------------------

    async def _listen(
        self, request: Request, caller: Caller, target: Target, since: str | None
    ) -> Response:
        if "wsgi_environ" in request.scope:
            raise NotServedHere("nothing is live through WSGI: use mb.app, with a server for ASGI")
        return await self._audience.listen(caller, target, since)

    async def _socket(self, socket: WebSocket) -> None:
        raw = raw_path_of(socket.scope)
        began, who = time.perf_counter(), ANYBODY.id
        try:
            self._origins.check(socket)
            if raw != "/v1/live":
                raise AddressNotFound(f"there is no WebSocket at {raw!r:.200}, but at /v1/live")
            query_parameters(socket.scope, ())
            live = self._audience.connect(socket, self._caller)
        except DynafileError as error:
            await _refuse_socket(socket, error, raw)
            return
        try:
            await live.serve()
        finally:
            self._audience.disconnect(live)
            who, took = live.who, 1000 * (time.perf_counter() - began)
            _log.info("%s WEBSOCKET %s ended after %.1f ms", who, said(raw), took)


async def _refuse_socket(socket: WebSocket, error: DynafileError, raw: str) -> None:
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(problem_answer(error, raw))
    else:
        await socket.close(1008, json_bytes(problem_of(error, raw)["title"]).decode())
