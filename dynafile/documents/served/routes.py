"""Routes of the documents: what each address and method asks of the desk, and its answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, TypeVar

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from dynafile.documents.access import Replays
from dynafile.documents.engine import Element
from dynafile.documents.paths import Path, check_segment, is_document, path_text
from dynafile.documents.requests import Change, ChangeKind, Target
from dynafile.documents.served.addresses import address_of, query_parameters
from dynafile.documents.served.answers import json_answer
from dynafile.documents.served.bodies import json_body, refuse_body
from dynafile.documents.served.desk import Desk
from dynafile.documents.served.findings import FieldFound, Listing, Tree
from dynafile.documents.served.guard import Caller, Limits
from dynafile.documents.served.in_threads import called_in
from dynafile.documents.served.preconditions import etag, is_known, preconditions_of
from dynafile.documents.served.repetition import IDEMPOTENCY_KEY, once_of
from dynafile.documents.served.sse import since_of, wants_events
from dynafile.documents.wire import change_to, changes_from, element_to, plan_to
from dynafile.documents.wire_json import json_bytes
from dynafile.documents.wire_members import members
from dynafile.documents.wire_queries import aggregate_from, query_from, target_from
from dynafile.errors import MalformedRequest

__all__ = ["METHODS", "VERBS", "DocumentRoutes", "methods_of"]

T = TypeVar("T")

Listen = Callable[[Request, Caller, Target, str | None], Any]

METHODS: Final = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
VERBS: Final = ("query", "aggregate", "explain", "batch", "watch")

_NUMBER: Final = re.compile(r"\d{1,6}", re.ASCII)

_KINDS: Final[dict[str, ChangeKind]] = {
    "PUT": "set",
    "POST": "add",
    "PATCH": "update",
    "DELETE": "delete",
}


def methods_of(path: Path) -> tuple[str, ...]:
    """Return the methods that are possible at a path: nothing is added to a document."""
    if not path:
        return METHODS[:2]
    return tuple(each for each in METHODS if each != "POST" or not is_document(path))


class DocumentRoutes:
    """Answers what is asked of documents."""

    def __init__(
        self,
        desk: Desk,
        threads: Executor,
        limits: Limits,
        listen: Listen,
        replays: Replays | None = None,
    ) -> None:
        """``listen`` makes the answer that goes on; ``replays`` knows what comes twice."""
        self._desk = desk
        self._replays = replays
        self._threads = threads
        self._limits = limits
        self._listen = listen

    async def _do(self, call: Callable[..., T], *arguments: Any) -> T:
        """Call what may wait for the disk."""
        return await called_in(self._threads, call, *arguments)

    # -- paths ----------------------------------------------------------------------------------

    async def path(self, request: Request, caller: Caller, path: Path) -> Response:
        """Answer what is asked of a path."""
        if request.method in _KINDS:
            return await self._change(request, caller, path)
        refuse_body(request)
        if wants_events(request) and request.method == "GET":
            found = query_parameters(request.scope, ("since",))
            if not path:
                raise MalformedRequest("the root cannot be watched: name a collection")
            since = since_of(request, found.get("since"))
            return await self._watched(request, caller, path, since)
        return await self._read(request, caller, path)

    async def _read(self, request: Request, caller: Caller, path: Path) -> Response:
        collection = bool(path) and not is_document(path)
        found = query_parameters(request.scope, ("limit", "after") if collection else ())
        after = check_segment(found["after"]) if "after" in found else None
        read = await called_in(
            self._threads, self._desk.read, caller, path, self._page(found), after
        )
        if isinstance(read, Element):
            assert read.last_update is not None
            tag = etag(read.last_update)
            if is_known(request.headers, tag):
                return Response(status_code=304, headers={"etag": tag})
            return json_answer(element_to(read), headers={"etag": tag})
        if isinstance(read, Listing):
            documents = list(map(element_to, read.elements))
            return json_answer({"documents": documents, "next": read.next})
        if isinstance(read, FieldFound):
            return json_answer({"path": path_text(read.path), "value": read.value})
        assert isinstance(read, Tree)
        return json_answer({"path": "", "value": read.value})

    def _page(self, found: dict[str, str]) -> int:
        most = self._limits.page
        text = found.get("limit", str(most))
        if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
            raise MalformedRequest(f"limit is a number from 1 to {most}, not {text!r:.80}")
        return int(text)

    async def _change(self, request: Request, caller: Caller, path: Path) -> Response:
        found = query_parameters(request.scope, ("key",))
        suppose = preconditions_of(request.headers)
        kind = _KINDS[request.method]
        if kind == "delete":
            refuse_body(request)
        change = Change(
            kind=kind,
            path=path,
            value=UNSET
            if kind == "delete"
            else await json_body(request, self._limits, self._threads),
            key=check_segment(found["key"]) if "key" in found else None,
            exists=suppose.exists,
            last_update=suppose.last_update,
        )
        (made,) = await self._commit(request, caller, [change])
        if kind == "delete":
            whole = path if change.key is None else (*path, change.key)
            return json_answer({"path": path_text(whole), "value": made})
        if kind == "add":
            where = {"location": request.scope.get("root_path", "") + address_of((*path, made))}
            return json_answer({"id": made, "path": path_text((*path, made))}, 201, where)
        return json_answer({"id": made})

    async def _commit(self, request: Request, caller: Caller, changes: list[Change]) -> list[Any]:
        """Make changes; those that say that they may come twice once."""
        once = once_of(request.headers)
        call = partial(self._desk.commit, caller, changes)
        if once is None:
            return await self._do(call)
        if self._replays is None:
            raise MalformedRequest(f"nothing here remembers requests: leave out {IDEMPOTENCY_KEY}")
        said = json_bytes(list(map(change_to, changes)))
        made: list[Any] = await self._do(
            self._replays.once, caller.id, once.id, once.sent, said, call
        )
        return made

    # -- verbs ----------------------------------------------------------------------------------

    async def verb(self, request: Request, caller: Caller, verb: str) -> Response:
        """Answer ``POST /v1/documents:query`` and the like."""
        known = ("since",) if verb == "watch" else ()
        found = query_parameters(request.scope, known)
        body = await json_body(request, self._limits, self._threads)
        if verb == "batch":
            changes = changes_from(body)
            return json_answer({"results": await self._commit(request, caller, changes)})
        if verb == "aggregate":
            asked = aggregate_from(body)
            return json_answer({"value": await self._do(self._desk.aggregate, caller, *asked)})
        if verb == "watch":
            target = target_from(members(body, "", {"path": list, "query": dict, "since": str}))
            if "since" in found and "since" in body:
                raise MalformedRequest("since is in the address and in the body: give it once")
            since = since_of(request, found.get("since", body.get("since")))
            return await self._watched(request, caller, target, since)
        if "query" not in members(body, "", {"query": dict}):
            raise MalformedRequest("the body needs 'query'")
        query = query_from(body["query"])
        if verb == "explain":
            return json_answer(plan_to(await self._do(self._desk.explain, caller, query)))
        documents = list(map(element_to, await self._do(self._desk.query, caller, query)))
        return json_answer({"documents": documents})

    async def _watched(
        self, request: Request, caller: Caller, target: Target, since: str | None
    ) -> Response:
        answer: Response = await self._listen(request, caller, target, since)
        return answer
