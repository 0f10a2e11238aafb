"""REST: what each address and method does, answers, and refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dynafile.documents import doc

if TYPE_CHECKING:
    from collections.abc import Callable

    from dynafile.documents import Montybase

V1 = "/v1/documents"


def test_a_document_is_set_read_updated_and_deleted(ask: Any, db: Montybase) -> None:
    assert ask("PUT", f"{V1}/users/ann", {"name": "Ann", "n": 1}).json == {"id": "ann"}
    found = ask("GET", f"{V1}/users/ann")
    assert found.status == 200
    token = doc(db, "users", "ann").last_update()
    assert found.json == {
        "id": "ann",
        "path": "users/ann",
        "value": {"name": "Ann", "n": 1},
        "lastUpdate": token,
    }
    assert found.headers["etag"] == f'"{token}"'
    assert ask("PATCH", f"{V1}/users/ann", {"address.city": "Bonn"}).json == {"id": "ann"}
    assert doc(db, "users", "ann").get() == {"name": "Ann", "n": 1, "address": {"city": "Bonn"}}
    deleted = ask("DELETE", f"{V1}/users/ann")
    assert deleted.json == {
        "path": "users/ann",
        "value": {"name": "Ann", "n": 1, "address": {"city": "Bonn"}},
    }
    assert ask("DELETE", f"{V1}/users/ann").json == {"path": "users/ann", "value": None}
    gone = ask("GET", f"{V1}/users/ann")
    assert (gone.status, gone.code) == (404, "DocumentNotFound")
    assert gone.json["path"] == "users/ann"


def test_fields_have_addresses(ask: Any, db: Montybase) -> None:
    doc(db, "users", "ann").set({"address": {"city": "Bonn"}, "n": 1})
    assert ask("GET", f"{V1}/users/ann/n").json == {"path": "users/ann/n", "value": 1}
    assert ask("GET", f"{V1}/users/ann/address/city").json["value"] == "Bonn"
    assert ask("GET", f"{V1}/users/ann/address/street").status == 404
    assert ask("PUT", f"{V1}/users/ann/address/city", "Köln").json == {"id": "ann"}
    assert ask("DELETE", f"{V1}/users/ann/n").json == {"path": "users/ann/n", "value": 1}
    assert doc(db, "users", "ann").get() == {"address": {"city": "Köln"}}


def test_a_collection_gets_new_documents(ask: Any, db: Montybase) -> None:
    added = ask("POST", f"{V1}/users", {"name": "Ann"})
    assert added.status == 201
    uid = added.json["id"]
    assert len(uid) == 20
    assert added.json["path"] == f"users/{uid}"
    assert added.headers["location"] == f"{V1}/users/{uid}"
    assert ask("GET", added.headers["location"]).json["value"] == {"name": "Ann"}
    keyed = ask("POST", f"{V1}/users?key=a%20b%3F", {"name": "Bob"})
    assert keyed.headers["location"] == f"{V1}/users/a%20b%3F"
    assert ask("GET", keyed.headers["location"]).json["id"] == "a b?"
    assert ask("PATCH", f"{V1}/users?key={uid}", {"n": 2}).json == {"id": uid}
    assert ask("DELETE", f"{V1}/users?key={uid}").json == {
        "path": f"users/{uid}",
        "value": {"name": "Ann", "n": 2},
    }
    assert ask("PUT", f"{V1}/users?key=only", {"name": "Cid"}).json == {"id": "only"}
    assert doc(db, "users").get() == {"only": {"name": "Cid"}}
    assert ask("DELETE", f"{V1}/users").json == {
        "path": "users",
        "value": {"only": {"name": "Cid"}},
    }


def test_a_collection_comes_in_pages(ask: Any, db: Montybase) -> None:
    for n in range(5):
        doc(db, "users").add({"n": n}, key=f"u{n}")
    pages, after = [], ""
    while True:
        page = ask("GET", f"{V1}/users?limit=2{after}").json
        pages.append([each["id"] for each in page["documents"]])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert pages == [["u0", "u1"], ["u2", "u3"], ["u4"]]
    assert ask("GET", f"{V1}/users?limit=5").json["next"] is None
    assert ask("GET", f"{V1}/nobody").json == {"documents": [], "next": None}
    whole = ask("GET", f"{V1}/users").json
    assert [each["value"]["n"] for each in whole["documents"]] == [0, 1, 2, 3, 4]
    assert all(
        each["lastUpdate"] == doc(db, "users", each["id"]).last_update()
        for each in whole["documents"]
    )


def test_the_root_is_everything(ask: Any, db: Montybase) -> None:
    doc(db, "users", "ann").set({"n": 1})
    doc(db, "posts", "p").set({"n": 2})
    whole = {"posts": {"p": {"n": 2}}, "users": {"ann": {"n": 1}}}
    assert ask("GET", V1).json == ask("GET", f"{V1}/").json == {"path": "", "value": whole}
    for method in ("PUT", "POST", "PATCH"):
        assert ask(method, V1, {"a": 1}).status == 405
    assert ask("DELETE", V1).status == 405
    assert doc(db).get() == whole


def test_head_says_what_get_would(ask: Any, db: Montybase) -> None:
    doc(db, "users", "ann").set({"n": 1})
    head, get = ask("HEAD", f"{V1}/users/ann"), ask("GET", f"{V1}/users/ann")
    assert (head.status, head.body, head.headers) == (200, b"", get.headers)
    assert ask("HEAD", f"{V1}/users/bob").status == 404


# -- preconditions --------------------------------------------------------------------------------


def test_who_has_a_document_is_told_that_it_has_not_changed(ask: Any, db: Montybase) -> None:
    doc(db, "users", "ann").set({"n": 1})
    tag = ask("GET", f"{V1}/users/ann").headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        same = ask("GET", f"{V1}/users/ann", headers=[("if-none-match", sent)])
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", tag)
    doc(db, "users", "ann").set({"n": 1})
    assert ask("GET", f"{V1}/users/ann", headers=[("if-none-match", tag)]).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_change_can_suppose_a_version(ask: Any, db: Montybase, method: str) -> None:
    body = None if method == "DELETE" else {"n": 2}
    doc(db, "users", "ann").set({"n": 1})
    tag = ask("GET", f"{V1}/users/ann").headers["etag"]
    doc(db, "users", "ann").set({"n": 1})
    refused = ask(method, f"{V1}/users/ann", body, [("if-match", tag)])
    assert (refused.status, refused.code) == (412, "PreconditionFailed")
    assert doc(db, "users", "ann").get() == {"n": 1}
    tag = ask("GET", f"{V1}/users/ann").headers["etag"]
    assert ask(method, f"{V1}/users/ann", body, [("if-match", tag)]).status == 200
    assert doc(db, "users", "ann").get() == body


def test_a_change_can_suppose_that_a_document_is_there_or_not(ask: Any, db: Montybase) -> None:
    assert ask("PUT", f"{V1}/users/ann", {"n": 1}, [("if-match", "*")]).status == 412
    assert ask("PUT", f"{V1}/users/ann", {"n": 1}, [("if-none-match", "*")]).status == 200
    assert ask("PUT", f"{V1}/users/ann", {"n": 2}, [("if-none-match", "*")]).status == 412
    assert ask("POST", f"{V1}/users?key=ann", {"n": 2}, [("if-none-match", "*")]).status == 412
    assert ask("PUT", f"{V1}/users/ann", {"n": 2}, [("if-match", "*")]).status == 200
    assert doc(db, "users", "ann").get() == {"n": 2}


@pytest.mark.parametrize("tag", ["*", '"17"', None])
def test_a_document_cannot_be_there_and_not_be_there(
    ask: Any, db: Montybase, tag: str | None
) -> None:
    known = doc(db, "users", "ann").set({"n": 1}) and ask("GET", f"{V1}/users/ann")
    headers = [("if-match", tag or known.headers["etag"]), ("if-none-match", "*")]
    for name in ("ann", "bob"):
        assert ask("PUT", f"{V1}/users/{name}", {"n": 2}, headers).status == 412
    assert ask("PUT", f"{V1}/users/ann", 5, headers).status == 400  # what is wrong in any case
    assert doc(db).get() == {"users": {"ann": {"n": 1}}}


@pytest.mark.parametrize(
    "headers",
    [
        [("if-match", "17")],
        [("if-match", '"1", "2"')],
        [("if-match", "")],
        [("if-none-match", '"17"')],
    ],
    ids=str,
)
def test_preconditions_that_say_nothing_are_refused(ask: Any, db: Montybase, headers: Any) -> None:
    doc(db, "users", "ann").set({"n": 1})
    assert ask("PUT", f"{V1}/users/ann", {"n": 2}, headers).status == 400
    assert doc(db, "users", "ann").get() == {"n": 1}


# -- verbs ----------------------------------------------------------------------------------------


@pytest.fixture
def scores(db: Montybase) -> None:
    for name, score in (("ann", 100), ("bob", 120), ("cid", 130)):
        doc(db, "scores").add({"name": name, "score": score}, key=name)
        doc(db, "users", name, "scores").add({"score": score + 1}, key="s")


QUERIES: list[tuple[dict[str, Any], Callable[[Any], Any]]] = [
    ({"path": ["scores"]}, lambda db: doc(db, "scores")),
    (
        {"path": ["scores"], "where": [{"field": "score", "op": ">", "value": 100}]},
        lambda db: doc(db, "scores").where("score", ">", 100),
    ),
    (
        {"path": ["scores"], "where": [{"field": "name", "op": "in", "value": ["ann", "cid"]}], "limit": 1},
        lambda db: doc(db, "scores").where("name", "in", ["ann", "cid"]).limit(1),
    ),
    (
        {"path": ["scores"], "orderBy": [{"field": "score", "descending": True}], "limit": 2},
        lambda db: doc(db, "scores").order_by("score", "desc").limit(2),
    ),
    (
        {"path": ["scores"], "orderBy": [{"field": "score"}], "startAfter": {"values": [100]}},
        lambda db: doc(db, "scores").order_by("score").start_after(100),
    ),
    (
        {"path": ["scores"], "orderBy": [{"field": "score"}], "startAt": {"values": [120], "last": ["bob"]}, "endBefore": {"values": [130]}},
        lambda db: doc(db, "scores").order_by("score").start_at(120, "bob").end_before(130),
    ),
    ({"path": ["scores"], "endAt": {"last": ["bob"]}}, lambda db: doc(db, "scores").end_at("bob")),
    (
        {"path": ["scores"], "group": True, "where": [{"field": "score", "op": "<", "value": 121}]},
        lambda db: db.collection_group("scores").where("score", "<", 121),
    ),
    (
        {"path": ["scores", "ann"], "where": [{"field": "score", "op": "==", "value": 100}]},
        lambda db: doc(db, "scores", "ann").where("score", "==", 100),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("query", "same"), QUERIES)
def test_queries(ask: Any, db: Montybase, scores: None, query: Any, same: Any) -> None:
    found = ask("POST", f"{V1}:query", {"query": query}).json["documents"]
    assert {each["path"].rpartition("/")[2] for each in found} <= {"ann", "bob", "cid", "s"}
    expected = same(db).stream()
    assert [(each["id"], each["value"]) for each in found] == [
        (each["id"], each["value"]) for each in expected
    ]
    assert ask("POST", f"{V1}:aggregate", {"query": query, "kind": "count"}).json == {
        "value": len(expected)
    }
    plan = same(db).explain()
    assert ask("POST", f"{V1}:explain", {"query": query}).json == {
        "index": plan.index,
        "missing": list(plan.missing),
        "text": plan.text,
    }


def test_aggregates(ask: Any, scores: None) -> None:
    def aggregate(kind: str, path: str = "scores") -> Any:
        body = {"query": {"path": [path]}, "kind": kind, "field": "score"}
        return ask("POST", f"{V1}:aggregate", body).json["value"]

    assert (aggregate("sum"), aggregate("average")) == (350, pytest.approx(350 / 3))
    assert (aggregate("sum", "none"), aggregate("average", "none")) == (0, None)


def test_a_batch_is_made_as_a_whole(ask: Any, db: Montybase) -> None:
    doc(db, "users", "ann").set({"n": 1, "tags": ["a", "b"], "old": 1})
    token = doc(db, "users", "ann").last_update()
    changes: list[dict[str, Any]] = [
        {"kind": "set", "path": ["users", "bob"], "value": {"n": 1}, "exists": False},
        {"kind": "add", "path": ["users"], "key": "cid", "value": {}, "transforms": {"made.at": "serverTime"}},
        {
            "kind": "update",
            "path": ["users", "ann"],
            "value": {"name": "Ann", "inner": {"x": 1}},
            "transforms": {
                "n": {"increment": 2},
                "tags": {"arrayUnion": ["c"]},
                "old": "delete",
                "inner.at": "serverTime",
            },
            "lastUpdate": token,
        },
        {"kind": "update", "path": ["users", "ann"], "transforms": {"tags": {"arrayRemove": ["a"]}}},
        {"kind": "delete", "path": ["users"], "value": {"n": 1}},
    ]  # fmt: skip
    made = ask("POST", f"{V1}:batch", {"changes": changes})
    assert made.json == {"results": ["bob", "cid", "ann", "ann", {"n": 1}]}
    ann = doc(db, "users", "ann").get()
    assert ann["inner"].pop("at") == doc(db, "users", "cid").get()["made"]["at"]
    assert ann == {"n": 3, "tags": ["b", "c"], "name": "Ann", "inner": {"x": 1}}
    before = doc(db).get()
    again = ask("POST", f"{V1}:batch", {"changes": changes})
    assert (again.status, again.code) == (412, "PreconditionFailed")
    assert doc(db).get() == before
    assert ask("POST", f"{V1}:batch", {"changes": []}).json == {"results": []}


# -- what anybody may ask -------------------------------------------------------------------------


def test_the_page_is_there_under_a_strict_policy(guarded: Any) -> None:
    page = guarded("GET", "/")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = page.body.decode()
    assert "<script>" not in text
    assert "style=" not in text
    assert "://" not in text
    assert guarded("GET", "/v1").body == page.body
    for name in ("page.css", "page.js", "openapi.json", "health"):
        assert guarded("GET", f"/v1/{name}").status == 200
    assert json.loads(guarded("GET", "/v1/health").body) == {"status": "ok"}
    labels = text.count("<label for=")
    assert labels == text.count("<input") + text.count("<select") + text.count("<textarea")


def test_it_can_be_mounted_beneath_a_path(ask: Any) -> None:
    added = ask("POST", "/base/v1/documents/users?key=a", {"n": 1}, root_path="/base")
    assert added.headers["location"] == "/base/v1/documents/users/a"
    assert ask("GET", "/base/v1/documents/users/a", root_path="/base").json["value"] == {"n": 1}
    openapi = ask("GET", "/base/v1/openapi.json", root_path="/base").json
    assert openapi["servers"] == [{"url": "/base"}]
