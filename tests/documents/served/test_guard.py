"""Who may do what: keys, scopes, and guards that look at the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dynafile.documents import doc
from dynafile.documents.served.guard import ANYBODY, Limits
from dynafile.errors import AccessRefused

if TYPE_CHECKING:
    from dynafile.documents import Montybase

V1 = "/v1/documents"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", "Basic bWI6eA==")],
        [("authorization", "Bearer mb-" + "A" * 43)],
        [("x-api-key", "mb-" + "A" * 43)],
        [("apikey", "")],
        [("apikey", "mb-\xff")],
        [("x-api-key", "mb-" + "A" * 100_000)],
        [("cookie", "apiKey=mb-x")],
    ],
    ids=lambda headers: str(headers)[:50],
)
def test_who_has_no_key_is_nobody(guarded: Any, world: Any, headers: Any) -> None:
    world.key()
    for method, target, body in (
        ("GET", "/users/ann", None),
        ("PUT", "/users/ann", {"n": 1}),
        ("POST", ":query", {"query": {"path": ["users"]}}),
        ("POST", ":nonsense", {}),
        ("BREW", "/..", None),
    ):
        found = guarded(method, V1 + target, body, headers)
        assert found.status == 401
        assert found.code in ("NotAuthenticated", "InvalidApiKey")
        assert found.headers["www-authenticate"].startswith("Bearer")
    assert doc(world.db).get() == {}


def test_a_key_is_taken_in_any_of_its_headers(guarded: Any, world: Any) -> None:
    ((_, bearer),) = world.key()
    key = bearer.removeprefix("Bearer ")
    same = [("authorization", f"bearer {key}"), ("x-api-key", key), ("apikey", key)]
    for headers in (same[:1], same[1:2], same[2:], same):
        assert guarded("GET", f"{V1}/users", headers=headers).status == 200
    other = world.keys.make("other").text
    both = guarded("GET", f"{V1}/users", headers=[("x-api-key", key), ("apikey", other)])
    assert both.code == "NotAuthenticated"
    assert guarded("GET", f"{V1}/users?apiKey={key}").status == 401


def test_a_revoked_key_ends_at_once(guarded: Any, world: Any) -> None:
    made = world.keys.make("test")
    headers = [("x-api-key", made.text)]
    assert guarded("GET", f"{V1}/users", headers=headers).status == 200
    world.keys.revoke(made.key.id)
    found = guarded("GET", f"{V1}/users", headers=headers)
    assert (found.status, found.code) == (401, "InvalidApiKey")


def test_a_key_that_only_reads(guarded: Any, world: Any, db: Montybase) -> None:
    doc(db, "users", "ann").set({"n": 1})
    key = world.key(read_only=True)
    assert guarded("GET", f"{V1}/users/ann", headers=key).status == 200
    for method in ("PUT", "PATCH"):
        assert guarded(method, f"{V1}/users/ann", {"n": 2}, key).code == "OutOfScope"
    assert guarded("POST", f"{V1}/users", {"n": 2}, key).status == 403
    assert guarded("DELETE", f"{V1}/users/ann", None, key).status == 403
    changes = [{"kind": "delete", "path": ["users", "ann"]}]
    assert guarded("POST", f"{V1}:batch", {"changes": changes}, key).status == 403
    assert doc(db).get() == {"users": {"ann": {"n": 1}}}


def test_a_key_reaches_its_scopes(guarded: Any, world: Any, db: Montybase) -> None:
    doc(db, "users", "ann").set({"n": 1})
    doc(db, "users", "ann", "posts", "p").set({"n": 1})
    doc(db, "users", "bob").set({"n": 1})
    before = doc(db).get()
    key = world.key(scopes=["users/ann"])
    for target in ("/users/ann", "/users/ann/n", "/users/ann/posts", "/users/ann/posts/p"):
        assert guarded("GET", V1 + target, headers=key).status == 200
    refused = [
        ("GET", "", None),
        ("GET", "/users", None),
        ("GET", "/users/bob", None),
        ("GET", "/users/nobody", None),
        ("PUT", "/users?key=ann2", {"n": 2}),
        ("PUT", "/users", {"n": 2}),
        ("POST", "/users", {"n": 2}),
        ("DELETE", "/users", None),
        ("DELETE", "/users?key=bob", None),
        ("POST", ":query", {"query": {"path": ["users"]}}),
        ("POST", ":query", {"query": {"path": ["posts"], "group": True}}),
        ("POST", ":aggregate", {"query": {"path": ["users"]}, "kind": "count"}),
        ("POST", ":explain", {"query": {"path": ["users"]}}),
        ("POST", ":watch", {"path": ["users"]}),
        ("POST", ":watch", {"query": {"path": ["posts"], "group": True}}),
        (
            "POST",
            ":batch",
            {"changes": [{"kind": "update", "path": ["users", each], "value": {"n": 2}} for each in ("ann", "bob")]},
        ),
    ]  # fmt: skip
    for method, target, body in refused:
        found = guarded(method, V1 + target, body, key)
        assert (found.status, found.code) == (403, "OutOfScope"), (method, target)
    assert doc(db).get() == before
    assert (
        guarded("PUT", f"{V1}/users?key=ann", {"n": 2}, world.key(scopes=["users"])).status == 200
    )


def test_an_open_server_refuses_a_key_that_is_wrong(ask: Any, world: Any) -> None:
    assert ask("GET", f"{V1}/users").status == 200
    assert ask("GET", f"{V1}/users", headers=world.key()).status == 200
    assert ask("GET", f"{V1}/users", headers=[("x-api-key", "mb-wrong")]).status == 401
    key = world.key(scopes=["posts"])
    assert ask("GET", f"{V1}/users", headers=key).status == 403


class OwnersOnly:
    """Lets anybody see what is public, and change what is theirs."""

    inspects = True
    limits = Limits()

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def caller(self, headers: Any, address: Any) -> Any:
        return ANYBODY

    def check(
        self, caller: Any, action: Any, path: Any, before: Any, after: Any, *, group: bool
    ) -> None:
        self.asked.append((action, path, before, after))
        if action in ("get", "list"):
            right = before is not None and before.get("public", False)
        else:
            right = all(each is None or each.get("owner") == "me" for each in (before, after))
            right = right and (before, after) != (None, None)
        if not right:
            raise AccessRefused(f"{action} of {'/'.join(path)} is not for you")


@pytest.fixture
def owners() -> OwnersOnly:
    return OwnersOnly()


@pytest.fixture
def inspected(world: Any, owners: OwnersOnly, db: Montybase) -> Any:
    doc(db, "notes", "mine").set({"owner": "me", "public": True, "n": 1})
    doc(db, "notes", "theirs").set({"owner": "you", "public": False})
    return world.ask_of(owners)


def test_a_guard_sees_what_is_read(inspected: Any) -> None:
    assert inspected("GET", f"{V1}/notes/mine").status == 200
    assert inspected("GET", f"{V1}/notes/mine/n").json["value"] == 1
    for target in ("/notes/theirs", "/notes/theirs/public", "/notes", "/notes/absent", ""):
        found = inspected("GET", V1 + target)
        assert (found.status, found.code) == (403, "AccessRefused"), target
    public = {"path": ["notes"], "where": [{"field": "public", "op": "==", "value": True}]}
    assert len(inspected("POST", f"{V1}:query", {"query": public}).json["documents"]) == 1
    assert inspected("POST", f"{V1}:query", {"query": {"path": ["notes"]}}).status == 403
    count = {"query": {"path": ["notes"]}, "kind": "count"}
    assert inspected("POST", f"{V1}:aggregate", count).status == 403


def test_a_guard_sees_what_is_changed_before_and_after(
    inspected: Any, owners: OwnersOnly, db: Montybase
) -> None:
    mine = {"owner": "me", "public": True, "n": 1}
    assert inspected("PATCH", f"{V1}/notes/mine", {"n": 2}).status == 200
    assert owners.asked[-1] == ("update", ("notes", "mine"), mine, mine | {"n": 2})
    assert inspected("PUT", f"{V1}/notes/mine/n", 3).status == 200
    assert owners.asked[-1][0] == "update"
    assert inspected("PUT", f"{V1}/notes/new", {"owner": "me"}).status == 200
    assert owners.asked[-1] == ("create", ("notes", "new"), None, {"owner": "me"})
    added = inspected("POST", f"{V1}/notes", {"owner": "me"}).json["id"]
    assert owners.asked[-1][:2] == ("create", ("notes", added))
    assert inspected("DELETE", f"{V1}/notes/{added}").json["value"] == {"owner": "me"}
    assert owners.asked[-1][0] == "delete"
    before = doc(db).get()
    refused: list[tuple[str, str, Any]] = [
        ("PATCH", "/notes/mine", {"owner": "you"}),
        ("PATCH", "/notes/theirs", {"owner": "me"}),
        ("PUT", "/notes/theirs", {"owner": "me"}),
        ("PUT", "/notes/theirs/public", True),
        ("DELETE", "/notes/theirs", None),
        ("DELETE", "/notes/theirs/public", None),
        ("DELETE", "/notes/absent", None),
        ("POST", "/notes", {"owner": "you"}),
        ("PUT", "/notes", {"owner": "me"}),
        ("DELETE", "/notes", None),
        (
            "POST",
            ":batch",
            {"changes": [{"kind": "delete", "path": ["notes"], "value": {"owner": "you"}}]},
        ),
        (
            "POST",
            ":batch",
            {
                "changes": [
                    {"kind": "set", "path": ["notes", "mine"], "value": {"owner": "me"}},
                    {"kind": "set", "path": ["notes", "theirs"], "value": {"owner": "me"}},
                ]
            },
        ),
    ]
    for method, target, body in refused:
        found = inspected(method, V1 + target, body)
        assert (found.status, found.code) == (403, "AccessRefused"), (method, target)
        assert doc(db).get() == before


def test_who_listens_is_told_what_they_may_see(inspected: Any, db: Montybase) -> None:
    """What may be seen no more is removed, what may be from now on is added."""
    desk = inspected.app._desk
    subscription = desk.watch(ANYBODY, ("notes",), None)

    def told() -> list[Any]:
        assert subscription.wait(20)
        return [(each.type, each.id, each.value) for each in subscription.take()]

    mine = {"owner": "me", "public": True, "n": 1}
    assert [(e.type, e.value) for e in subscription.take()] == [("state", {"mine": mine})]
    doc(db, "notes", "theirs").update({"x": 1})
    doc(db, "notes", "theirs").update({"public": True})
    assert told_until(told, 1) == [("added", "theirs", {"owner": "you", "public": True, "x": 1})]
    doc(db, "notes", "mine").update({"public": False})
    doc(db, "notes", "mine").update({"n": 5})
    doc(db, "notes", "mine").delete()
    doc(db, "notes", "theirs").delete()
    assert told_until(told, 2) == [
        ("removed", "mine", mine),
        ("removed", "theirs", {"owner": "you", "public": True, "x": 1}),
    ]
    subscription.close()
    document = desk.watch(ANYBODY, ("notes", "hidden"), None)
    assert document.take()[0].value is None
    document.close()


def told_until(told: Any, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        found += told()
    return found
