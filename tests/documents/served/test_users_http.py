"""Users over HTTP: signing up, logging in, tokens, rates, and requests that come twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from documents.served.conftest import CHEAP

from dynafile.documents import Montybase, doc
from dynafile.documents.access import Accounts, MemoryRecords, Passwords
from dynafile.documents.remote_login import RemoteLogin
from dynafile.documents.served.guard import KeyGuard, Limits, OpenGuard
from dynafile.documents.served.rates import Rates
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.rules_file import RulesFile
from dynafile.errors import (
    DocumentsNotServed,
    EmailTaken,
    ExpiredToken,
    InvalidAccess,
    InvalidLogin,
    InvalidToken,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AUTH = "/v1/auth"
V1 = "/v1/documents"
ANN = {"email": "ann@example.com", "password": "correct horse battery"}
BOB = {"email": "bob@example.com", "password": "battery staple horse"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(world: Any, clock: Clock) -> Accounts:
    """Accounts whose time is turned by the test."""
    world.accounts = Accounts(MemoryRecords(), "test", passwords=Passwords(CHEAP), clock=clock)
    world.keys = world.accounts.keys
    return world.accounts


@pytest.fixture
def keyed(world: Any, accounts: Accounts, clock: Clock) -> Any:
    return world.ask_of(KeyGuard(accounts, clock=clock))


@pytest.fixture
def ruled(world: Any, accounts: Accounts, clock: Clock, tmp_path: Path) -> Iterator[Any]:
    """An application whose rules allow everything to everybody."""
    (tmp_path / "app.rules").write_text("match /{all=**} { allow read, write; }")
    file = RulesFile(tmp_path / "app.rules")
    guard = RuledGuard(KeyGuard(accounts, clock=clock), file, world.db.engine)
    yield world.ask_of(guard)
    file.close()


def bearing(answer: Any) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {answer.json['accessToken']}")]


# -- signing up and logging in ------------------------------------------------------------------


def test_from_signing_up_to_logging_out(keyed: Any, world: Any) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    made = keyed("POST", f"{AUTH}/signup", ANN, key)
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.json.keys() == {
        "uid", "email", "claims", "made", "accessToken", "refreshToken", "expiresIn",
    }  # fmt: skip
    assert (made.json["email"], made.json["expiresIn"]) == ("ann@example.com", 900)
    assert keyed("POST", f"{AUTH}/signup", ANN, key).code == "EmailTaken"

    found = keyed("POST", f"{AUTH}/login", ANN, key)
    assert (found.status, found.json["uid"]) == (200, made.json["uid"])
    user = keyed("GET", f"{AUTH}/user", headers=[*key, *bearing(found)])
    assert user.json["uid"] == made.json["uid"]
    assert user.json["claims"] == {}
    assert keyed("HEAD", f"{AUTH}/user", headers=[*key, *bearing(found)]).body == b""

    again = keyed("POST", f"{AUTH}/refresh", {"refreshToken": found.json["refreshToken"]}, key)
    assert again.status == 200
    out = keyed("POST", f"{AUTH}/logout", {"refreshToken": again.json["refreshToken"]}, key)
    assert (out.status, out.body) == (204, b"")
    for answer in (found, again):
        closed = keyed("GET", f"{AUTH}/user", headers=[*key, *bearing(answer)])
        assert (closed.status, closed.code) == (401, "InvalidToken")


def test_the_password_is_changed_by_who_knows_it(keyed: Any, world: Any) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    first = keyed("POST", f"{AUTH}/signup", ANN, key)
    body = {"password": ANN["password"], "newPassword": "another one"}
    assert keyed("POST", f"{AUTH}/password", body, key).code == "NotAuthenticated"
    wrong = {**body, "password": "not that one"}
    refused = keyed("POST", f"{AUTH}/password", wrong, [*key, *bearing(first)])
    assert refused.code == "InvalidLogin"
    second = keyed("POST", f"{AUTH}/password", body, [*key, *bearing(first)])
    assert second.status == 200
    assert keyed("GET", f"{AUTH}/user", headers=[*key, *bearing(second)]).status == 200
    assert keyed("GET", f"{AUTH}/user", headers=[*key, *bearing(first)]).status == 401
    assert keyed("POST", f"{AUTH}/login", ANN, key).status == 401


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("signup", {"email": "ann", "password": "x" * 8}, 400),
        ("signup", {"email": "ann@example.com", "password": "short"}, 400),
        ("signup", {"email": "ann@example.com", "password": "x" * 1025}, 400),
        ("signup", {"email": "ann@example.com"}, 400),
        ("signup", {**ANN, "claims": {"admin": True}}, 400),
        ("signup", {"email": ["ann@example.com"], "password": "x" * 8}, 400),
        ("signup", [], 400),
        ("login", {"email": "", "password": ""}, 401),
        ("login", BOB, 401),
        ("refresh", {"refreshToken": "mr-x"}, 401),
        ("refresh", {"refreshToken": 5}, 400),
        ("refresh", {}, 400),
        ("nonsense", {}, 404),
        ("", {}, 404),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(
    keyed: Any, world: Any, name: str, body: Any, status: int
) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    found = keyed("POST", f"{AUTH}/{name}", body, key)
    assert found.status == status
    assert found.code
    assert world.accounts.users.list() == []


def test_methods_and_parameters_that_are_not_there(keyed: Any, world: Any) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    assert keyed("GET", f"{AUTH}/login", headers=key).headers["allow"] == "POST"
    assert keyed("POST", f"{AUTH}/user", {}, key).headers["allow"] == "GET, HEAD"
    assert keyed("POST", f"{AUTH}/login?password=x", ANN, key).status == 400


def test_who_has_no_key_can_neither_sign_up_nor_log_in(keyed: Any, world: Any) -> None:
    for name in ("signup", "login", "refresh", "logout", "password"):
        assert keyed("POST", f"{AUTH}/{name}", ANN).code == "NotAuthenticated"
    reader = [("x-api-key", world.keys.make("reader", read_only=True).text)]
    assert keyed("POST", f"{AUTH}/signup", ANN, reader).code == "AccessRefused"
    assert world.accounts.users.list() == []


def test_a_token_alone_makes_no_users(keyed: Any, world: Any) -> None:
    """Who had one could make users for ever, also after the key was revoked."""
    made = world.keys.make("app")
    key = [("x-api-key", made.text)]
    token = bearing(keyed("POST", f"{AUTH}/signup", ANN, key))
    assert keyed("POST", f"{AUTH}/signup", BOB, [*key, *token]).status == 201
    world.keys.revoke(made.key.id)
    more = BOB | {"email": "more@example.com"}
    assert keyed("POST", f"{AUTH}/signup", more, token).code == "AccessRefused"
    assert len(world.accounts.users.list()) == 2


def test_signing_up_can_be_closed(world: Any, accounts: Accounts) -> None:
    ask = world.ask_of(KeyGuard(accounts), signup=False)
    key = [("x-api-key", accounts.keys.make("app").text)]
    refused = ask("POST", f"{AUTH}/signup", ANN, key)
    assert (refused.status, refused.code) == (403, "AccessRefused")
    assert "users add" in refused.json["detail"]
    accounts.users.signup(ANN["email"], ANN["password"])
    assert ask("POST", f"{AUTH}/login", ANN, key).status == 200


# -- tokens -------------------------------------------------------------------------------------


def test_a_token_alone_reaches_nothing_without_rules(keyed: Any, ruled: Any, world: Any) -> None:
    doc(world.db, "users", "ann").set({"n": 1})
    key = [("x-api-key", world.keys.make("app", scopes=["users"]).text)]
    bearer = bearing(keyed("POST", f"{AUTH}/signup", ANN, key))
    for method, target, body in (
        ("GET", "/users/ann", None),
        ("PUT", "/users/ann", {"n": 2}),
        ("POST", ":query", {"query": {"path": ["users"]}}),
        ("POST", ":watch", {"path": ["users"]}),
    ):
        refused = keyed(method, V1 + target, body, bearer)
        assert (refused.status, refused.code) == (403, "AccessRefused"), target
    assert keyed("GET", f"{V1}/users/ann", headers=[*key, *bearer]).status == 200
    assert ruled("GET", f"{V1}/users/ann", headers=bearer).status == 200


def test_a_key_beside_a_token_still_bounds_it(ruled: Any, world: Any) -> None:
    key = [("x-api-key", world.keys.make("app", scopes=["users"], read_only=True).text)]
    world.accounts.users.signup(ANN["email"], ANN["password"])
    bearer = bearing(ruled("POST", f"{AUTH}/login", ANN, key))
    assert ruled("GET", f"{V1}/posts", headers=[*key, *bearer]).code == "OutOfScope"
    assert ruled("PUT", f"{V1}/users/a", {}, [*key, *bearer]).code == "OutOfScope"


def test_a_token_is_over_after_a_quarter_of_an_hour(keyed: Any, world: Any, clock: Clock) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    bearer = bearing(keyed("POST", f"{AUTH}/signup", ANN, key))
    clock.now += 899
    assert keyed("GET", f"{AUTH}/user", headers=[*key, *bearer]).status == 200
    clock.now += 30
    assert keyed("GET", f"{AUTH}/user", headers=[*key, *bearer]).code == "ExpiredToken"


def test_a_wrong_token_is_not_mended_by_a_key(keyed: Any, world: Any) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    for token in ("x", "eyJhbGciOiJub25lIn0.e30.", "mr-" + "A" * 65, "a b", "\xff"):
        headers = [*key, ("authorization", f"Bearer {token}")]
        found = keyed("GET", f"{V1}/users", headers=headers)
        assert (found.status, found.code) == (401, "InvalidToken")


def test_a_user_who_is_disabled_or_removed_is_out_at_once(keyed: Any, world: Any) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    for end in (world.accounts.users.disable, world.accounts.users.remove):
        made = keyed("POST", f"{AUTH}/signup", {**ANN, "email": f"{end.__name__}@x.example"}, key)
        assert keyed("GET", f"{AUTH}/user", headers=[*key, *bearing(made)]).status == 200
        end(made.json["uid"])
        assert keyed("GET", f"{AUTH}/user", headers=[*key, *bearing(made)]).code == "InvalidToken"
        again = {"refreshToken": made.json["refreshToken"]}
        assert keyed("POST", f"{AUTH}/refresh", again, key).code == "InvalidToken"


def test_what_rules_are_told_of_who_asks(accounts: Accounts, clock: Clock) -> None:
    guard = KeyGuard(accounts, clock=clock)
    key = accounts.keys.make("app", scopes=["users/ann", "news"])
    user = accounts.users.signup(ANN["email"], ANN["password"])
    token = accounts.sessions.open(user).access
    accounts.users.set_claims(user.uid, {"admin": True})
    both = {"x-api-key": key.text, "authorization": f"Bearer {token}"}
    found = guard.caller(both, None)
    assert found.auth == {
        "key": "app",
        "scopes": ["users/ann", "news"],
        "uid": user.uid,
        "email": "ann@example.com",
        "claims": {"admin": True},
    }
    assert found.id == f"user {user.uid} by key {key.key.id}"
    assert guard.caller({"authorization": f"Bearer {token}"}, None).auth == {
        "uid": user.uid,
        "email": "ann@example.com",
        "claims": {"admin": True},
    }
    assert guard.caller({"x-api-key": accounts.keys.make("all").text}, None).auth == {"key": "all"}
    assert OpenGuard(accounts).caller({}, None).auth is None


# -- rates --------------------------------------------------------------------------------------


def test_each_key_and_user_has_a_rate_of_its_own(world: Any, accounts: Accounts) -> None:
    stopped = Clock()
    ask = world.ask_of(KeyGuard(accounts, rates=Rates(3, clock=stopped)))
    one, other = ([("x-api-key", accounts.keys.make(name).text)] for name in ("one", "other"))
    for _ in range(3):
        assert ask("GET", f"{V1}/users", headers=one).status == 200
    refused = ask("GET", f"{V1}/users", headers=one)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (
        429,
        "TooManyRequests",
        "20",
    )
    assert ask("GET", f"{V1}/users", headers=other).status == 200
    stopped.now += 20
    assert ask("GET", f"{V1}/users", headers=one).status == 200


def test_who_is_wrong_all_the_time_is_told_to_wait(world: Any, accounts: Accounts) -> None:
    ask = world.ask_of(KeyGuard(accounts, rates=Rates(10_000, clock=Clock())))
    wrong = [("x-api-key", "mb-" + "A" * 43)]
    far, near = ("192.0.2.1", 1), ("127.0.0.1", 1)
    statuses = [ask("GET", f"{V1}/users", headers=wrong, client=far).status for _ in range(101)]
    assert statuses == [401] * 100 + [429]
    right = [("x-api-key", accounts.keys.make("app").text)]
    assert ask("GET", f"{V1}/users", headers=right, client=far).status == 200
    assert ask("GET", f"{V1}/users", headers=wrong, client=("192.0.2.2", 1)).status == 401
    # Behind a proxy on this machine everybody comes from there.
    assert {ask("GET", f"{V1}/users", headers=wrong, client=near).status for _ in range(110)} == {
        401
    }


def test_who_waits_for_a_login_keeps_nobody_else_from_asking(keyed: Any, world: Any) -> None:
    """Logins that waited for one another took all threads, and nobody was answered meanwhile."""
    key = [("x-api-key", world.keys.make("app").text)]
    begun, go_on = threading.Event(), threading.Event()

    def login(*_: Any, **__: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        raise InvalidLogin("no")

    world.accounts.users.login = login

    def ask(method: str, target: str, body: Any = None) -> Any:
        parts = [] if body is None else [json.dumps(body).encode()]
        headers = [*key, ("content-type", "application/json")]
        return asyncio.create_task(keyed._ask(method, target, headers, parts, {}))

    async def crowd() -> tuple[int, set[int]]:
        logins = [ask("POST", f"{AUTH}/login", ANN) for _ in range(64)]
        await asyncio.to_thread(begun.wait, 20)
        try:
            other = await asyncio.wait_for(ask("GET", f"{V1}/users"), 20)
        finally:
            go_on.set()
        return other.status, {each.status for each in await asyncio.gather(*logins)}

    assert keyed.runner.run(crowd()) == (200, {401})


def test_logins_are_bounded(keyed: Any, world: Any) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    world.accounts.users.signup(ANN["email"], ANN["password"])
    wrong = {**ANN, "password": "wrong" * 3}
    statuses = [keyed("POST", f"{AUTH}/login", wrong, key).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert keyed("POST", f"{AUTH}/login", ANN, key).status == 429
    assert keyed("POST", f"{AUTH}/signup", BOB, key).status == 201


# -- requests that come twice -------------------------------------------------------------------


def once(number: int, sent: float) -> list[tuple[str, str]]:
    return [("idempotency-key", f"request-{number:012}"), ("request-time", str(sent))]


def test_what_comes_twice_is_made_once(keyed: Any, world: Any, clock: Clock) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    numbers = itertools.count()
    for method, target, body in (
        ("POST", "/users", {"n": 1}),
        ("PATCH", "/users/ann", {"n": 2}),
        ("POST", ":batch", {"changes": [{"kind": "add", "path": ["users"], "value": {"n": 1}}]}),
        ("DELETE", "/users/ann", None),
    ):
        doc(world.db, "users").set({"n": 0}, key="ann")
        headers = [*key, *once(next(numbers), clock.now)]
        first = keyed(method, V1 + target, body, headers)
        assert first.status < 300, first.body
        after = doc(world.db).get()
        assert keyed(method, V1 + target, body, headers).body == first.body
        assert doc(world.db).get() == after
        other = "/people" if method == "POST" else "/users/bob"
        changed = keyed(method, V1 + other, {"n": 9} if body else None, headers)
        assert (changed.status, changed.code) == (422, "IdempotentParameterMismatch")
        assert doc(world.db).get() == after


def test_a_copy_that_is_sent_later_is_refused(keyed: Any, world: Any, clock: Clock) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    headers = [*key, *once(1, clock.now)]
    assert keyed("POST", f"{V1}/users", {"n": 1}, headers).status == 201
    clock.now += 301
    stale = keyed("POST", f"{V1}/users", {"n": 1}, headers)
    assert (stale.status, stale.code) == (403, "StaleRequest")
    assert len(doc(world.db, "users").get()) == 1


def test_who_else_takes_the_same_id_is_somebody_else(keyed: Any, world: Any, clock: Clock) -> None:
    for name in ("one", "other"):
        key = [("x-api-key", world.keys.make(name).text)]
        assert keyed("POST", f"{V1}/users", {}, [*key, *once(1, clock.now)]).status == 201
    assert len(doc(world.db, "users").get()) == 2


def test_what_was_refused_may_be_sent_again(keyed: Any, world: Any, clock: Clock) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    headers = [*key, *once(1, clock.now)]
    assert keyed("PATCH", f"{V1}/users/ann", {"n": 1}, headers).status == 404
    doc(world.db, "users", "ann").set({})
    assert keyed("PATCH", f"{V1}/users/ann", {"n": 1}, headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("idempotency-key", "request-00000001")],
        [("request-time", "1800000000")],
        [("idempotency-key", "short"), ("request-time", "1800000000")],
        [("idempotency-key", "x" * 65), ("request-time", "1800000000")],
        [("idempotency-key", "request-00000001"), ("request-time", "now")],
        [("idempotency-key", "request-00000001"), ("request-time", "1e9")],
        [("idempotency-key", "request-00000001"), ("request-time", "-1")],
        [("idempotency-key", "request 00000001"), ("request-time", "1800000000")],
    ],
    ids=str,
)
def test_headers_of_repetition_that_cannot_be(keyed: Any, world: Any, headers: Any) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    assert keyed("POST", f"{V1}/users", {}, [*key, *headers]).code == "MalformedRequest"
    assert doc(world.db).get() == {}


def test_an_answer_that_is_too_long_is_not_given_again(
    keyed: Any, world: Any, clock: Clock
) -> None:
    key = [("x-api-key", world.keys.make("app").text)]
    for number in range(3):
        doc(world.db, "users").add({"text": "x" * 400_000}, key=f"{number}")
    headers = [*key, *once(1, clock.now)]
    assert keyed("DELETE", f"{V1}/users", None, headers).status == 200
    again = keyed("DELETE", f"{V1}/users", None, headers)
    assert (again.status, again.code) == (409, "AnswerNotKept")


# -- a real server, and the client ---------------------------------------------------------------


class Keyed:
    """A database that is served to who has a key, and its address."""

    def __init__(self, server: Any, **guard: Any) -> None:
        self.db: Montybase = server.db
        self.url: str = server.url
        self.app = server.db.app
        self.accounts: Accounts = server.db.accounts
        self.accounts.users._passwords = Passwords(CHEAP)
        self.key = json.loads((server.folder / "client-config.json").read_text())["apiKey"]
        guard.setdefault("limits", Limits(heartbeat=0.05))
        self.app._desk.guard = KeyGuard(self.accounts, **guard)
        self.app._audience.limits = guard["limits"]


@pytest.fixture
def served(run: Any) -> Keyed:
    return Keyed(run())


@pytest.fixture
def client(served: Keyed, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Montybase]:
    place = tmp_path / "client"
    place.mkdir()
    (place / "client-config.json").write_text(json.dumps({"apiKey": served.key}))
    monkeypatch.chdir(place)
    with Montybase(api=served.url) as mb:
        yield mb


def test_a_client_signs_up_logs_in_and_out(client: Montybase, served: Keyed) -> None:
    assert client.user is None
    user = client.signup(ANN["email"], ANN["password"])
    assert client.user == user == served.accounts.users.get(user.uid)
    doc(client, "users").add({"n": 1}, key=user.uid)
    with pytest.raises(EmailTaken):
        client.signup(ANN["email"], ANN["password"])
    assert client.user is None
    with pytest.raises(InvalidLogin):
        client.login(ANN["email"], "not this one")
    with pytest.raises(InvalidAccess):
        client.signup("ann", "x" * 8)
    assert client.login(ANN["email"], ANN["password"]) == user
    client.logout()
    client.logout()
    assert client.user is None
    assert doc(client, "users").get() == {user.uid: {"n": 1}}
    with pytest.raises(DocumentsNotServed):
        _ = client.accounts


def test_tokens_of_a_client_are_renewed_once_for_all_threads(
    client: Montybase, served: Keyed
) -> None:
    client.signup(ANN["email"], ANN["password"])
    tokens, refreshed = served.accounts.tokens, []
    clock = Clock()
    clock.now = time.time() + 1000  # all tokens until now are over
    for each in (tokens, served.accounts.sessions):
        each._clock = clock
    refresh = served.accounts.sessions.refresh
    served.accounts.sessions.refresh = lambda text: refreshed.append(1) or refresh(text)
    threads = [
        threading.Thread(target=lambda n=n: doc(client, "users").add({"n": n}, key=f"{n}"))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(doc(client, "users").get()) == 8
    assert refreshed == [1]
    client.login(ANN["email"], ANN["password"])
    uid = client.user.uid if client.user else ""
    served.accounts.users.end_sessions(uid)
    with pytest.raises(InvalidToken):
        doc(client, "users").get()
    assert client.user is None
    assert len(doc(client, "users").get()) == 8  # by the key again


def tokens_of(uid: str) -> dict[str, Any]:
    return {
        "uid": uid,
        "email": f"{uid}@example.com",
        "claims": {},
        "made": 1,
        "accessToken": f"access of {uid}",
        "refreshToken": f"refresh of {uid}",
        "expiresIn": 900,
    }


def test_a_request_is_not_sent_again_as_somebody_else() -> None:
    login = RemoteLogin("http://localhost")
    login.begin(tokens_of("ann"))
    flow = login.sync_auth_flow(httpx.Request("DELETE", "http://localhost/"))
    assert next(flow).headers["authorization"] == "Bearer access of ann"
    login.begin(tokens_of("bob"))
    with pytest.raises(StopIteration):
        flow.send(httpx.Response(401))


def test_who_logs_in_while_a_token_is_renewed_stays_logged_in() -> None:
    """The tokens that came late were those of who was logged in before."""
    login = RemoteLogin("http://localhost")
    login.begin(tokens_of("ann"))
    flow = login.sync_auth_flow(httpx.Request("GET", "http://localhost/"))
    next(flow)
    assert flow.send(httpx.Response(401)).url.path == f"{AUTH}/refresh"
    other = threading.Thread(target=login.begin, args=(tokens_of("bob"),))
    other.start()
    other.join(0.05)
    flow.send(httpx.Response(200, json=tokens_of("ann")))
    flow.close()
    other.join()
    assert login.user is not None
    assert login.user.uid == "bob"


def test_a_listener_goes_on_when_its_token_is_over(client: Montybase, served: Keyed) -> None:
    client.signup(ANN["email"], ANN["password"])
    heard: list[Any] = []
    came = threading.Condition()

    def hear(change: Any) -> None:
        with came:
            heard.append((change.type, change.id))
            came.notify()

    with doc(client, "users").on_snapshot(hear), came:
        assert came.wait_for(lambda: heard, 20)
        (first,) = served.app._audience._live
        clock = Clock()
        clock.now = time.time() + 1000
        for each in (served.accounts.tokens, served.accounts.sessions, served.app._desk.guard):
            each._clock = clock
        deadline = time.monotonic() + 20
        while not served.app._audience._live.keys() - {first}:  # it was left, and has come again
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for number in range(3):
            doc(served.db, "users").add({}, key=f"u{number}")
        assert came.wait_for(lambda: len(heard) > 3, 20)
    assert heard == [("state", None), ("added", "u0"), ("added", "u1"), ("added", "u2")]


def test_who_listens_with_a_key_that_is_revoked_is_left(served: Keyed) -> None:
    made = served.accounts.keys.make("other")
    headers = {"x-api-key": made.text, "accept": "text/event-stream"}
    with httpx.stream("GET", f"{served.url}{V1}/users", headers=headers, timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("id: ")
        served.accounts.keys.revoke(made.key.id)
        assert all(not line.startswith("event: added") for line in lines)  # it ends
    assert httpx.get(f"{served.url}{V1}/users", headers=headers).status_code == 401


def test_a_socket_ends_with_its_session(served: Keyed) -> None:
    from websockets.exceptions import ConnectionClosedError
    from websockets.sync.client import connect

    user = served.accounts.users.signup(ANN["email"], ANN["password"])
    token = served.accounts.sessions.open(user).access
    with connect(served.url.replace("http", "ws") + "/v1/live") as live:
        live.send(json.dumps({"key": served.key, "token": token}))
        assert json.loads(live.recv(20)) == {"ready": True}
        live.send(json.dumps({"subscribe": 1, "path": ["users"]}))
        assert json.loads(live.recv(20))["type"] == "state"
        other = served.accounts.keys.make("other").text
        live.send(json.dumps({"key": other}))
        assert json.loads(live.recv(20))["problem"]["code"] == "NotAuthenticated"
        live.send(json.dumps({"key": served.key, "token": token}))
        assert json.loads(live.recv(20)) == {"ready": True}
        served.accounts.users.end_sessions(user.uid)
        assert json.loads(live.recv(20))["problem"]["code"] == "InvalidToken"
        with pytest.raises(ConnectionClosedError) as closed:
            live.recv(20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


def test_subscriptions_of_a_socket_count_as_requests(served: Keyed) -> None:
    """Each reads a state: without bounds who may ask seldom could ask all the time there."""
    from websockets.sync.client import connect

    served.app._desk.guard = KeyGuard(served.accounts, rates=Rates(3, clock=Clock()))
    with connect(
        served.url.replace("http", "ws") + "/v1/live", additional_headers={"x-api-key": served.key}
    ) as live:
        for number in range(3):
            live.send(json.dumps({"subscribe": number, "path": ["users"]}))
            told = json.loads(live.recv(20))
            assert told["of"] == number
            if number < 2:
                assert told["type"] == "state"
                live.send(json.dumps({"unsubscribe": number}))
        assert told["problem"]["code"] == "TooManyRequests"


def test_who_cannot_be_asked_about_is_told_no_more(
    served: Keyed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One failure ended the asking, and who listened was told for ever."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    def fail(_: Any) -> None:
        raise OSError("the disk is gone")

    with connect(
        served.url.replace("http", "ws") + "/v1/live", additional_headers={"x-api-key": served.key}
    ) as live:
        live.send(json.dumps({"subscribe": 1, "path": ["users"]}))
        assert json.loads(live.recv(20))["type"] == "state"
        monkeypatch.setattr(served.app._desk.guard, "renew", fail)
        with pytest.raises(ConnectionClosed):
            live.recv(20)
    assert "the disk is gone" in caplog.text


def test_no_subscription_outlives_the_claims_it_was_made_by(served: Keyed) -> None:
    """Another token let a connection stay whose subscriptions went on with the claims before."""
    from websockets.exceptions import ConnectionClosedError
    from websockets.sync.client import connect

    served.app._audience.limits = Limits(heartbeat=1)  # other claims come between two looks
    users, sessions = served.accounts.users, served.accounts.sessions
    user = users.set_claims(users.signup(ANN["email"], ANN["password"]).uid, {"admin": True})
    with connect(served.url.replace("http", "ws") + "/v1/live") as live:
        said = {"key": served.key, "token": sessions.open(user).access}
        live.send(json.dumps(said))
        assert json.loads(live.recv(20)) == {"ready": True}
        live.send(json.dumps({"subscribe": 1, "path": ["users"]}))
        assert json.loads(live.recv(20))["type"] == "state"
        users.set_claims(user.uid, {})
        live.send(json.dumps(said | {"token": sessions.open(user).access}))
        for _ in range(2):  # the answer, and the end
            assert json.loads(live.recv(20))["problem"]["code"] == "ExpiredToken"
        with pytest.raises(ConnectionClosedError):
            live.recv(20)


def test_nothing_secret_of_users_is_logged_or_answered(
    client: Montybase, served: Keyed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "dynafile")
    client.signup(ANN["email"], ANN["password"])
    doc(client, "users").get()
    for call in (
        lambda: client.login(ANN["email"], "a wrong password"),
        lambda: client.signup("x", "a short one"),
    ):
        with pytest.raises((InvalidLogin, InvalidAccess)):
            call()
    token = served.accounts.sessions.open(served.accounts.users.list()[0])
    httpx.get(f"{served.url}{V1}/users", headers={"authorization": f"Bearer {token.access}x"})
    text = caplog.text
    assert "user " in text
    for secret in (ANN["password"], "a wrong password", served.key[11:], token.access, "argon2"):
        assert secret not in text


def test_an_embedded_database_checks_passwords(tmp_path: Any) -> None:
    with Montybase(tmp_path / "db") as mb:
        user = mb.signup(ANN["email"], ANN["password"])
        assert mb.user is None
        assert mb.login(ANN["email"], ANN["password"]) == user
        mb.logout()
        assert doc(mb).get() == {}
        token = mb.accounts.sessions.open(user)
    with Montybase(tmp_path / "db", endpoint=True) as mb:
        mb.accounts.tokens._clock = lambda: time.time() + 10_000
        assert mb.accounts.users.list() == [user]
        # The name in the configuration is the folder's, as that of the database was.
        with pytest.raises(ExpiredToken):
            mb.accounts.tokens.check(token.access)
