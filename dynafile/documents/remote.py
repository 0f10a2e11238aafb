"""The engine of documents that a server has: the same requests, sent as JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self
from urllib.parse import quote, urlsplit

from dynafile.documents.access import Records, User
from dynafile.documents.checking import check_change
from dynafile.documents.engine import Element, Engine, Lookout, Plan, Subscription, Unit
from dynafile.documents.loopback import is_loopback
from dynafile.documents.packages import need
from dynafile.documents.paths import FieldPath, Path, field_text, is_document, path_text
from dynafile.documents.remote_listening import RemoteSubscription
from dynafile.documents.requests import Aggregate, Change, Query, Target
from dynafile.documents.wire import change_to, element_from, plan_from
from dynafile.documents.wire_json import json_bytes, read_json
from dynafile.documents.wire_problems import error_from
from dynafile.documents.wire_queries import query_to
from dynafile.errors import (
    DocumentNotFound,
    DocumentsNotServed,
    HandleClosed,
    InvalidDocumentArgument,
    MalformedRequest,
    ServerFailed,
    ServerNotReachable,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["RemoteEngine"]

_log: Final = logging.getLogger("dynafile")

_DOCUMENTS: Final = "/v1/documents"
_USERS: Final = "/v1/auth"
_TIMEOUT: Final = 60.0
_CONNECTIONS: Final = 100
_JSON: Final = {"content-type": "application/json"}


class RemoteEngine(Engine):
    """Executes requests on a server.

    A change that was sent is not sent again where no answer comes: ServerNotReachable says that it
    may or may not have been made.
    """

    def __init__(
        self, url: str, key: str | None, new_id: Callable[[], str], *, transport: Any = None
    ) -> None:
        """Talk to the server at a URL; raises MissingExtra. ``transport`` is for tests."""
        self._httpx = need("httpx", "documents of a server")
        from dynafile.documents.remote_login import RemoteLogin

        headers = {"accept": "application/json"}
        if key is not None:
            headers["x-api-key"] = key
        self._url = url.rstrip("/")
        self._login = RemoteLogin(self._url)
        parts = urlsplit(url)
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            _log.warning("the API key goes to %s in clear: use https", parts.hostname)
        self._client: httpx.Client = self._httpx.Client(
            headers=headers,
            auth=self._login,
            timeout=_TIMEOUT,
            limits=self._httpx.Limits(max_connections=None, max_keepalive_connections=_CONNECTIONS),
            transport=transport,
            follow_redirects=False,
        )
        self._new_id = new_id
        self._subscriptions: set[RemoteSubscription] = set()
        self._closed = False

    # -- asking ---------------------------------------------------------------------------------

    def _ask(self, method: str, address: str, body: Any = None) -> Any:
        """Return what the server answers; raises what it refuses, and ServerNotReachable."""
        self._check_open()
        content = None if body is None else json_bytes(body)
        try:
            answer = self._client.request(
                method, self._url + address, content=content, headers=_JSON if content else None
            )
        except self._httpx.TransportError as error:
            raise ServerNotReachable(
                f"{self._url} did not answer: {error}. Where a change was sent, it may have been "
                "made all the same"
            ) from error
        found = _contents(answer.content) if method != "HEAD" and answer.content else None
        if answer.status_code >= 300:
            raise error_from(found, answer.status_code)
        return answer.headers.get("etag") if method == "HEAD" else found

    def _post(self, verb: str, body: Any) -> Any:
        return self._ask("POST", f"{_DOCUMENTS}:{verb}", body)

    def _check_open(self) -> None:
        if self._closed:
            raise HandleClosed("the client of documents was closed: make another")

    # -- reading --------------------------------------------------------------------------------

    def get(self, path: Path) -> Any:
        """Return what is at a path; see :meth:`Engine.get`."""
        try:
            found = self._ask("GET", _address(path))
        except DocumentNotFound:
            return None
        if "documents" not in found:
            return found["value"]
        documents: dict[str, Any] = {}
        while True:
            documents.update((each["id"], each["value"]) for each in found["documents"])
            if found["next"] is None:
                return documents
            after = quote(found["next"], safe="")
            found = self._ask("GET", f"{_address(path)}?after={after}")

    def exists(self, target: Target) -> bool:
        """Say whether there is something at a path, or a query finds anything."""
        if isinstance(target, Query):
            return bool(self.aggregate(target, "count"))
        if not target:
            return bool(self.get(target))
        collection = not is_document(target)
        try:
            found = self._ask("GET", _address(target) + ("?limit=1" if collection else ""))
        except DocumentNotFound:
            return False
        return bool(found["documents"]) if "documents" in found else True

    def last_update(self, path: Path) -> str | None:
        """Return a token of a document's last write."""
        if not is_document(path):
            raise InvalidDocumentArgument(
                f"last_update is of a document, and {path_text(path)} is a collection"
            )
        try:
            found = self._ask("GET", _address(path))
        except DocumentNotFound:
            return None
        token: str | None = found.get("lastUpdate")
        return token

    def run(self, query: Query) -> list[Element]:
        """Return what a query finds, in its order."""
        found = self._post("query", {"query": query_to(query)})
        return list(map(element_from, found["documents"]))

    def aggregate(self, query: Query, kind: Aggregate, field: FieldPath = ()) -> Any:
        """Return a number of what a query finds."""
        body: dict[str, Any] = {"query": query_to(query), "kind": kind}
        if field:
            body["field"] = field_text(field)
        return self._post("aggregate", body)["value"]

    def explain(self, query: Query) -> Plan:
        """Say how a query would be executed."""
        return plan_from(self._post("explain", {"query": query_to(query)}))

    # -- writing --------------------------------------------------------------------------------

    def commit(self, changes: Sequence[Change]) -> list[Any]:
        """Make changes in their order, all or none; return what each returns."""
        now = datetime.now(UTC).isoformat()
        for change in changes:
            check_change(change, now)  # what is wrong is refused here, as it is in a folder
        if not changes:
            return []
        made: list[Any] = self._post("batch", {"changes": list(map(change_to, changes))})["results"]
        return made

    def new_id(self) -> str:
        """Return an id for a new document."""
        return self._new_id()

    def transaction(self) -> Unit:
        """Raise DocumentsNotServed: a server makes batches, with preconditions."""
        _refuse(
            "a client has no transactions: put changes into a batch, with last_update= of what "
            "they were made from"
        )

    def declare_index(self, collection: str, fields: Sequence[FieldPath]) -> None:
        """Raise DocumentsNotServed: it is declared where the database is."""
        _refuse("a client declares no indexes: declare them where the database is, db.index(...)")

    def indexes(self) -> dict[str, list[str]]:
        """Raise DocumentsNotServed: they are known where the database is."""
        _refuse("a client does not know the indexes; explain() says which one a query uses")

    def records(self) -> Records:
        """Raise DocumentsNotServed: no server gives away what it knows of keys and users."""
        _refuse(
            "keys and users are managed where the database is: mb.accounts, or the command line"
        )

    # -- users ----------------------------------------------------------------------------------

    @property
    def user(self) -> User | None:
        """Who is logged in here."""
        return self._login.user

    def signup(self, email: str, password: str) -> User:
        """Make a user, who is logged in here then; see :meth:`Montybase.signup`."""
        return self._log_in("signup", email, password)

    def login(self, email: str, password: str) -> User:
        """Log in; see :meth:`Montybase.login`."""
        return self._log_in("login", email, password)

    def _log_in(self, what: str, email: str, password: str) -> User:
        self.logout()
        body = {"email": email, "password": password}
        return self._login.begin(self._ask("POST", f"{_USERS}/{what}", body))

    def logout(self) -> None:
        """Log out; see :meth:`Montybase.logout`."""
        token = self._login.end()
        if token is not None:
            self._ask("POST", f"{_USERS}/logout", {"refreshToken": token})

    # -- listening ------------------------------------------------------------------------------

    def watch(self, target: Target, since: str | None = None) -> Subscription:
        """Listen to a document, a collection or a query."""
        self._check_open()
        said = {"query": query_to(target)} if isinstance(target, Query) else {"path": list(target)}
        found = RemoteSubscription(
            self._client, f"{self._url}{_DOCUMENTS}:watch", said, since, self._subscriptions.discard
        )
        self._subscriptions.add(found)
        found.begin()
        return found

    def lookout(self, wake: Callable[[], None]) -> Lookout:
        """Raise DocumentsNotServed: rules are obeyed where the database is."""
        _refuse("a client does not look out for documents: a server decides what it is told")

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the connections; ends all who listen."""
        if self._closed:
            return
        self._closed = True
        for subscription in list(self._subscriptions):
            subscription.close()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _address(path: Path) -> str:
    return "/".join((_DOCUMENTS, *(quote(segment, safe="") for segment in path)))


def _contents(data: bytes) -> Any:
    try:
        return read_json(data, "the answer")
    except MalformedRequest as error:
        raise ServerFailed(f"this is no server of documents: {error}") from error


def _refuse(message: str) -> NoReturn:
    raise DocumentsNotServed(message)
