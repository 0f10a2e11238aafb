"""Who may do what: keys and their scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dynafile.documents import doc

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
        ("PUT", "/users?key=ann", {"n": 2}),  # which deletes bob
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
    assert guarded("PATCH", f"{V1}/users?key=ann", {"n": 1}, key).status == 200
    assert (
        guarded("PUT", f"{V1}/users?key=ann", {"n": 2}, world.key(scopes=["users"])).status == 200
    )


def test_an_open_server_refuses_a_key_that_is_wrong(ask: Any, world: Any) -> None:
    assert ask("GET", f"{V1}/users").status == 200
    assert ask("GET", f"{V1}/users", headers=world.key()).status == 200
    assert ask("GET", f"{V1}/users", headers=[("x-api-key", "mb-wrong")]).status == 401
    key = world.key(scopes=["posts"])
    assert ask("GET", f"{V1}/users", headers=key).status == 403
