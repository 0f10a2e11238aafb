"""Rules over HTTP: each document that is read, created, changed or removed is asked for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from documents.served.ruled_world import V1

from dynafile.documents import doc

if TYPE_CHECKING:
    from dynafile.documents import Montybase

NOTES = """
match /notes/{note} {
  allow read if resource.public;
  allow read if resource.owner = auth.uid;
  allow create if request.resource.owner = auth.uid;
  allow update if resource.owner = auth.uid AND request.resource.owner = auth.uid;
  allow delete if resource.owner = auth.uid;
  match /parts/{part} {
    allow read, write if part = auth.uid;
  }
  limit 1 KiB;
  schema {"properties": {"n": {"type": "integer"}}};
}
"""

MINE = {"owner": "me", "public": False, "n": 1}
OPEN = {"owner": "you", "public": True}
HIDDEN = {"owner": "you", "public": False}


@pytest.fixture
def notes(ruled: Any, db: Montybase) -> Any:
    doc(db, "notes", "mine").set(MINE)
    doc(db, "notes", "open").set(OPEN)
    doc(db, "notes", "hidden").set(HIDDEN)
    return ruled(NOTES)


def refused(answer: Any) -> bool:
    """Say whether it is refused, as everything is: with the same words."""
    if answer.status != 403:
        return False
    problem = answer.json
    assert answer.code == "AccessRefused"
    assert problem["detail"].startswith("the rules do not allow this")
    assert problem.keys() == {"type", "title", "status", "detail", "instance", "code"}
    return True


# -- reading ------------------------------------------------------------------------------------


def test_documents_are_read_by_whom_rules_allow(notes: Any) -> None:
    may = {"me": {"mine", "open"}, "you": {"hidden", "open"}, None: {"open"}}
    for who, seen in may.items():
        for each in ("mine", "open", "hidden"):
            found = notes(who, "GET", f"/notes/{each}")
            assert found.status == 200 if each in seen else refused(found), (who, each)
            head = notes(who, "HEAD", f"/notes/{each}")
            assert head.status == found.status
            assert head.body == b""
        listed = notes(who, "GET", "/notes").json["documents"]
        assert {each["id"] for each in listed} == seen
        queried = notes(who, "POST", ":query", {"query": {"path": ["notes"]}}).json["documents"]
        assert {each["id"] for each in queried} == seen
        group = notes(who, "POST", ":query", {"query": {"path": ["notes"], "group": True}})
        assert {each["id"] for each in group.json["documents"]} == seen
        count = {"query": {"path": ["notes"]}, "kind": "count"}
        assert notes(who, "POST", ":aggregate", count).json["value"] == len(seen)
        assert set(notes(who, "GET", "").json["value"]["notes"]) == seen


def test_what_may_not_be_read_is_as_what_is_not_there(notes: Any, db: Montybase) -> None:
    """Whatever is asked, the answers are the same bytes for a hidden document and for none."""
    asked = [
        ("GET", "/notes/hidden", None, []),
        ("HEAD", "/notes/hidden", None, []),
        ("GET", "/notes/hidden/owner", None, []),
        ("GET", "/notes/hidden/owner/name", None, []),
        ("GET", "/notes/hidden", None, [("if-none-match", "*")]),
        ("GET", "/notes/hidden/parts", None, []),
        ("GET", "/notes/hidden/parts/eve", None, []),
        ("PATCH", "/notes/hidden", {"n": 1}, []),
        ("PATCH", "/notes/hidden", {"n": 1}, [("if-match", "*")]),
        ("PATCH", "/notes/hidden", {"n": 1}, [("if-match", '"1"')]),
        ("DELETE", "/notes/hidden", None, []),
        ("DELETE", "/notes/hidden", None, [("if-match", "*")]),
        ("DELETE", "/notes/hidden/public", None, []),
        ("DELETE", "/notes/hidden/parts", None, []),
        ("PUT", "/notes/hidden", {"owner": "me"}, [("if-match", '"1"')]),
        ("PATCH", "/notes/hidden/owner", {"n": 1}, []),
        ("POST", ":query", {"query": {"path": ["notes", "hidden"]}}, []),
        ("POST", ":query", {"query": {"path": ["notes", "hidden", "owner"]}}, []),
        ("POST", ":query", {"query": {"path": ["notes", "hidden", "parts"]}}, []),
        ("POST", ":explain", {"query": {"path": ["notes", "hidden", "owner"]}}, []),
        *[("POST", ":batch", {"changes": changes}, []) for changes in (
            [{"kind": "delete", "path": ["notes", "hidden"]}],
            [{"kind": "update", "path": ["notes", "hidden"], "value": {"n": 1}}],
            [{"kind": "update", "path": ["notes", "hidden"], "value": {"n": 1}, "exists": True}],
            [{"kind": "delete", "path": ["notes", "hidden"], "exists": False}],
            [
                {"kind": "set", "path": ["notes", "mine"], "value": MINE},
                {"kind": "delete", "path": ["notes", "hidden"]},
            ],
            [{"kind": "update", "path": ["notes", "hidden"],
              "transforms": {"owner": {"increment": 1}}}],
        )],
    ]  # fmt: skip
    doc(db, "notes", "open").delete()
    before = doc(db).get()
    there = [notes("me", method, at, body, headers=h) for method, at, body, h in asked]
    assert doc(db).get() == before
    doc(db, "notes", "hidden").delete()
    absent = [notes("me", method, at, body, headers=h) for method, at, body, h in asked]
    for one, other, (method, at, body, headers) in zip(there, absent, asked, strict=True):
        same = (one.status, one.body) == (other.status, other.body)
        assert same, (method, at, body, headers, one.body, other.body)
        assert one.headers.keys() == other.headers.keys()


def test_a_query_tells_nothing_of_hidden_values(notes: Any) -> None:
    """A query that finds hidden documents only is one that finds nothing."""
    for op, value in (("==", "you"), ("!=", "me"), (">=", "y"), ("in", ["you"])):
        for order in ([], [{"field": "owner"}], [{"field": "owner", "descending": True}]):
            query = {
                "path": ["notes"],
                "where": [
                    {"field": "owner", "op": op, "value": value},
                    {"field": "public", "op": "==", "value": False},
                ],
                "orderBy": order,
            }
            for more in ({}, {"limit": 1}):
                found = notes("me", "POST", ":query", {"query": query | more})
                assert found.json == {"documents": []}
            for kind in ("count", "sum", "average"):
                body = {"query": query, "kind": kind} | ({} if kind == "count" else {"field": "n"})
                assert notes("me", "POST", ":aggregate", body).json["value"] in (0, None)


def test_limits_and_pages_are_of_what_may_be_seen(ruled: Any, db: Montybase) -> None:
    for number in range(300):
        doc(db, "notes", f"{number:03}").set({"public": number % 7 == 0, "n": number})
    notes = ruled(NOTES)
    shown = [f"{number:03}" for number in range(0, 300, 7)]
    found, after = [], ""
    while after is not None:
        page = notes(None, "GET", f"/notes?limit=10{after and '&after=' + after}").json
        found += [each["id"] for each in page["documents"]]
        assert page["next"] is None or page["next"] in shown
        after = page["next"]
    assert found == shown
    query: dict[str, Any] = {
        "path": ["notes"],
        "orderBy": [{"field": "n", "descending": True}],
        "limit": 40,
    }
    found = notes(None, "POST", ":query", {"query": query}).json["documents"]
    assert [each["id"] for each in found] == shown[::-1][:40]
    total = {"query": query, "kind": "sum", "field": "n"}
    assert notes(None, "POST", ":aggregate", total).json["value"] == sum(map(int, shown[::-1][:40]))


def test_what_no_rule_speaks_of_is_refused(notes: Any, db: Montybase) -> None:
    doc(db, "secrets", "s").set({"n": 1})
    doc(db, "notes", "mine", "deep", "d").set({"n": 1})
    for method, at, body in (
        ("GET", "/secrets", None),
        ("GET", "/secrets/s", None),
        ("GET", "/secrets/s/n", None),
        ("GET", "/absent", None),
        ("GET", "/notes/mine/deep", None),
        ("GET", "/notes/mine/deep/d", None),
        ("POST", ":query", {"query": {"path": ["secrets"]}}),
        ("POST", ":query", {"query": {"path": ["deep"], "group": True}}),
        ("POST", ":query", {"query": {"path": ["secrets", "s"]}}),
        ("POST", ":aggregate", {"query": {"path": ["secrets"]}, "kind": "count"}),
        ("POST", ":explain", {"query": {"path": ["secrets"]}}),
        ("POST", ":watch", {"path": ["secrets"]}),
        ("POST", ":watch", {"path": ["secrets", "s"]}),
        ("PUT", "/secrets/t", {}),
        ("PUT", "/secrets", {}),
        ("POST", "/secrets", {}),
        ("DELETE", "/secrets/s", None),
        ("DELETE", "/secrets", None),
        ("DELETE", "/absent", None),
        ("PATCH", "/secrets", {"n": 2}),
        ("PATCH", "/absent", {"n": 2}),
    ):
        assert refused(notes("me", method, at, body)), (method, at)
    assert doc(db, "secrets").get() == {"s": {"n": 1}}


def test_fields_are_parts_of_their_documents(notes: Any, db: Montybase) -> None:
    doc(db, "notes", "mine").update({"a": {"b": 1}})
    assert notes("me", "GET", "/notes/mine/a/b").json == {"path": "notes/mine/a/b", "value": 1}
    assert notes("me", "GET", "/notes/mine/a/c").code == "DocumentNotFound"
    assert refused(notes("you", "GET", "/notes/mine/a/b"))
    assert refused(notes("you", "PUT", "/notes/mine/a/b", 2))
    assert refused(notes("you", "DELETE", "/notes/mine/a"))
    assert refused(notes("me", "PUT", "/notes/mine/owner", "you"))
    assert refused(notes("me", "DELETE", "/notes/mine/owner"))
    assert notes("me", "PUT", "/notes/mine/a/b", 2).status == 200
    assert notes("me", "DELETE", "/notes/mine/a/nothing").json["value"] is None
    assert doc(db, "notes", "mine").get() == MINE | {"a": {"b": 2}}


def test_deleting_what_matches_tells_nothing_of_hidden_values(notes: Any, db: Montybase) -> None:
    """Where something is hidden it is refused, whether that would match or not."""
    doc(db, "notes", "open").delete()
    for owner in ("me", "you", "nobody"):
        change = {"kind": "delete", "path": ["notes"], "value": {"owner": owner}}
        assert refused(notes("me", "POST", ":batch", {"changes": [change]}))
    doc(db, "notes", "hidden").delete()
    change["value"] = {"owner": "me"}
    assert notes("me", "POST", ":batch", {"changes": [change]}).json == {"results": [MINE]}
    assert refused(notes("me", "POST", ":batch", {"changes": [change]})), "nothing is there"


# -- changing -----------------------------------------------------------------------------------


def test_documents_are_changed_by_whom_rules_allow(notes: Any, db: Montybase) -> None:
    assert notes("me", "PATCH", "/notes/mine", {"n": 2}).status == 200
    assert notes("me", "PUT", "/notes/new", {"owner": "me"}).status == 200
    added = notes("me", "POST", "/notes", {"owner": "me"})
    assert added.status == 201
    gone = notes("me", "DELETE", f"/notes/{added.json['id']}")
    assert gone.json["value"] == {"owner": "me"}
    before = doc(db).get()
    changes: list[tuple[str, str, Any]] = [
        ("PATCH", "/notes/mine", {"owner": "you"}),
        ("PATCH", "/notes/hidden", {"owner": "me"}),
        ("PATCH", "/notes/open", {"n": 2}),
        ("PUT", "/notes/hidden", {"owner": "me"}),
        ("PUT", "/notes/open/public", False),
        ("DELETE", "/notes/open", None),
        ("DELETE", "/notes/open/public", None),
        ("DELETE", "/notes/absent", None),
        ("POST", "/notes", {"owner": "you"}),
        ("POST", "/notes?key=hidden", {"owner": "me"}),
        ("PUT", "/notes", {"owner": "me"}),
        ("DELETE", "/notes", None),
        ("PATCH", "/notes", {"n": 1}),
    ]
    for method, target, body in changes:
        assert refused(notes("me", method, target, body)), (method, target)
        assert doc(db).get() == before


def test_a_batch_is_all_or_none(notes: Any, db: Montybase) -> None:
    before = doc(db).get()
    mine = {"kind": "update", "path": ["notes", "mine"], "value": {"n": 2}}
    for other in (
        {"kind": "update", "path": ["notes", "open"], "value": {"n": 2}},
        {"kind": "delete", "path": ["notes", "hidden"]},
        {"kind": "delete", "path": ["notes"], "value": {"owner": "you"}},
        {"kind": "set", "path": ["notes", "new"], "value": {"owner": "you"}},
        {"kind": "add", "path": ["secrets"], "value": {}},
    ):
        for changes in ([mine, other], [other, mine], [mine, other, mine]):
            assert refused(notes("me", "POST", ":batch", {"changes": changes}))
            assert doc(db).get() == before
    fine = [mine, {"kind": "set", "path": ["notes", "new"], "value": {"owner": "me"}}]
    assert notes("me", "POST", ":batch", {"changes": fine}).json == {"results": ["mine", "new"]}


def test_rules_see_a_batch_as_a_whole(notes: Any, db: Montybase) -> None:
    """What is written in between is nobody's to see; what comes of it is asked for."""
    changes = [
        {"kind": "set", "path": ["notes", "new"], "value": {"owner": "you"}},
        {"kind": "update", "path": ["notes", "new"], "value": {"owner": "me"}},
    ]
    assert notes("me", "POST", ":batch", {"changes": changes}).status == 200
    assert refused(notes("me", "POST", ":batch", {"changes": changes[::-1]}))
    assert doc(db, "notes", "new").get() == {"owner": "me"}


def test_documents_beneath_are_asked_for_too(notes: Any, db: Montybase) -> None:
    doc(db, "notes", "mine", "parts", "me").set({"n": 1})
    doc(db, "notes", "mine", "parts", "me", "deep", "d").set({"n": 1})
    before = doc(db).get()
    for method, at in (("DELETE", "/notes/mine"), ("DELETE", "/notes/mine/parts")):
        assert refused(notes("me", method, at)), at
        assert doc(db, "notes", "mine", "parts", "me", "deep", "d").get() == {"n": 1}
        assert doc(db).get() == before
    doc(db, "notes", "mine", "parts", "me", "deep", "d").delete()
    doc(db, "notes", "mine", "parts", "you").set({"n": 1})
    assert refused(notes("me", "DELETE", "/notes/mine"))
    assert refused(notes("me", "PUT", "/notes/mine/parts?key=me", {"n": 2}))
    doc(db, "notes", "mine", "parts", "you").delete()
    assert notes("me", "PUT", "/notes/mine/parts?key=me", {"n": 2}).status == 200
    assert notes("me", "DELETE", "/notes/mine").status == 200
    assert doc(db, "notes", "mine", "parts").get() == {}


def test_a_collection_is_replaced_or_deleted_by_who_may_delete_all(ruled: Any, db: Any) -> None:
    shop = ruled(
        "match /shop/{id} { allow list, create; allow delete if resource.owner = auth.uid; }"
    )
    for each in ("a", "b"):
        doc(db, "shop", each).set({"owner": "me"})
    doc(db, "shop", "c").set({"owner": "you"})
    assert refused(shop("me", "DELETE", "/shop"))
    assert refused(shop("me", "PUT", "/shop", {"owner": "me"}))
    match = {"kind": "delete", "path": ["shop"], "value": {"owner": "you"}}
    assert refused(shop("me", "POST", ":batch", {"changes": [match]}))
    match["value"] = {"owner": "me"}
    found = shop("me", "POST", ":batch", {"changes": [match]}).json["results"]
    assert found == [{"a": {"owner": "me"}, "b": {"owner": "me"}}]
    assert shop("you", "PUT", "/shop?key=d", {"owner": "you"}).status == 200
    assert doc(db, "shop").get() == {"d": {"owner": "you"}}
    assert shop("you", "DELETE", "/shop").json["value"] == {"d": {"owner": "you"}}


def test_who_deletes_is_told_no_more_than_who_reads(ruled: Any, db: Montybase) -> None:
    box = ruled("match /box/{id} { allow delete, update; allow get, list if resource.open; }")
    for each, is_open in (("a", True), ("b", False), ("c", False), ("d", True), ("e", False)):
        doc(db, "box", each).set({"open": is_open, "n": 1})
    assert box(None, "DELETE", "/box/a").json["value"] == {"open": True, "n": 1}
    assert box(None, "DELETE", "/box/b").json["value"] is None
    assert box(None, "DELETE", "/box/c/n").json["value"] is None
    match = {"kind": "delete", "path": ["box"], "value": {"n": 1}}
    assert refused(box(None, "POST", ":batch", {"changes": [match]})), "what matches would tell"
    assert box(None, "DELETE", "/box").json["value"] == {"d": {"open": True, "n": 1}}
    assert doc(db).get() == {}


def test_preconditions_are_told_to_who_may_know(notes: Any) -> None:
    tag = notes("me", "GET", "/notes/mine").headers["etag"]
    late = [("if-match", '"1"')]
    assert notes("me", "PATCH", "/notes/mine", {"n": 5}, headers=late).code == "PreconditionFailed"
    new = [("if-none-match", "*")]
    assert notes("me", "PUT", "/notes/mine", MINE, headers=new).code == "PreconditionFailed"
    assert refused(notes("me", "PUT", "/notes/hidden", {"owner": "me"}, headers=new))
    assert refused(notes("me", "PUT", "/notes/mine", HIDDEN, headers=late)), "rules come first"
    ok = notes("me", "PATCH", "/notes/mine", {"n": 5}, headers=[("if-match", tag)])
    assert ok.status == 200
    same = notes("me", "GET", "/notes/mine", headers=[("if-none-match", tag)])
    assert same.status == 200
    tag = same.headers["etag"]
    assert notes("me", "GET", "/notes/mine", headers=[("if-none-match", tag)]).status == 304
    assert refused(notes("you", "GET", "/notes/mine", headers=[("if-none-match", tag)]))


def test_what_is_wrong_with_a_request_is_told_to_all(notes: Any) -> None:
    assert notes("eve", "PATCH", "/notes/hidden", {}).code == "InvalidDocument"
    assert notes("eve", "PATCH", "/notes/hidden", []).status == 400
    assert notes("eve", "PUT", "/notes/hidden", "text").status == 400
    assert notes("me", "PATCH", "/notes/mine/n", {"a": 1}).code == "InvalidDocument"


def test_types_and_sizes_hold_for_what_would_be_written(notes: Any, db: Montybase) -> None:
    before = doc(db).get()
    wrong = notes("me", "PATCH", "/notes/mine", {"n": "text"})
    assert (wrong.status, wrong.code) == (400, "TypeRuleViolated")
    large = notes("me", "PATCH", "/notes/mine", {"text": "x" * 1024})
    assert (large.status, large.code) == (413, "ItemTooLarge")
    assert refused(notes("you", "PATCH", "/notes/mine", {"n": "text"}))
    assert doc(db).get() == before
    big = 1 << 200
    assert notes("me", "PATCH", "/notes/mine", {"n": big}).status == 200
    assert notes("me", "GET", "/notes/mine/n").json["value"] == big


def test_rules_see_what_transforms_make(ruled: Any, db: Montybase) -> None:
    votes = ruled(
        "match /votes/{id} { allow update if request.resource.n = 2; }"
        "match /times/{id} { allow create if begins_with(request.resource.at, '20'); }"
    )
    doc(db, "votes", "v").set({"n": 1})

    def change(kind: str, path: list[str], by: Any, **value: Any) -> Any:
        one = {"kind": kind, "path": path, "transforms": by} | ({"value": value} if value else {})
        return votes("me", "POST", ":batch", {"changes": [one]})

    assert refused(change("update", ["votes", "v"], {"n": {"increment": 5}}))
    assert change("update", ["votes", "v"], {"n": {"increment": 1}}).status == 200
    assert doc(db, "votes", "v").get() == {"n": 2}
    assert refused(votes("me", "POST", "/times", {"at": "never"}))
    stamp = {"kind": "set", "path": ["times", "t"], "transforms": {"at": "serverTime"}}
    assert votes("me", "POST", ":batch", {"changes": [stamp]}).status == 200


# -- lookups ------------------------------------------------------------------------------------

ROLES = """
match /users/{user} {
  allow get if user = auth.uid;
  allow create if user = auth.uid AND attribute_not_exists(request.resource.role);
  allow update if get(/users/{auth.uid}).role = 'admin';
}
match /pages/{page} {
  allow read if resource.public OR exists(/pages/{page}/readers/{auth.uid});
  allow write if get(/users/{auth.uid}).role = 'admin';
  match /readers/{reader} { allow write if get(/users/{auth.uid}).role = 'admin'; }
}
"""


def test_lookups_see_what_was_before_the_batch(ruled: Any, db: Montybase) -> None:
    pages = ruled(ROLES.replace("allow create if user = auth.uid AND attribute_not_exists(request.resource.role);", "allow write if user = auth.uid;"))  # fmt: skip
    grant = {"kind": "set", "path": ["users", "eve"], "value": {"role": "admin"}}
    use = {"kind": "set", "path": ["pages", "p"], "value": {"public": True}}
    assert refused(pages("eve", "POST", ":batch", {"changes": [grant, use]}))
    assert refused(pages("eve", "POST", ":batch", {"changes": [use, grant]}))
    assert doc(db).get() == {}
    assert pages("eve", "POST", ":batch", {"changes": [grant]}).status == 200
    assert pages("eve", "POST", ":batch", {"changes": [use]}).status == 200
    drop = {"kind": "delete", "path": ["users", "eve"]}
    again = {"kind": "update", "path": ["pages", "p"], "value": {"public": False}}
    assert pages("eve", "POST", ":batch", {"changes": [drop, again]}).status == 200
    assert refused(pages("eve", "POST", ":batch", {"changes": [again]}))


def test_a_field_is_no_document_for_lookups(ruled: Any, db: Montybase) -> None:
    """Who may write a document gives it a field of the name of a collection that decides."""
    pages = ruled(
        ROLES + "match /mine/{id} { allow write; allow read if exists(/mine/{id}/in/x); }"
    )
    assert pages("eve", "PUT", "/mine/eve", {"in": {"x": {"role": "admin"}}}).status == 200
    assert refused(pages("eve", "GET", "/mine/eve"))
    doc(db, "mine", "bob").set({})
    doc(db, "mine", "bob", "in", "x").set({})
    assert pages("eve", "GET", "/mine/bob").status == 200


def test_lookups_decide_of_reads(ruled: Any, db: Montybase) -> None:
    pages = ruled(ROLES)
    doc(db, "pages", "a").set({"public": False})
    doc(db, "pages", "b").set({"public": False})
    doc(db, "pages", "a", "readers", "ann").set({})
    assert pages("ann", "GET", "/pages/a").status == 200
    assert refused(pages("ann", "GET", "/pages/b"))
    assert [each["id"] for each in pages("ann", "GET", "/pages").json["documents"]] == ["a"]
    assert pages("bob", "GET", "/pages").json["documents"] == []
    assert pages(None, "GET", "/pages").json["documents"] == []


# -- who asks -----------------------------------------------------------------------------------


def test_a_key_must_reach_and_the_rules_allow(notes: Any, world: Any) -> None:
    read_only, elsewhere = world.key(read_only=True), world.key(scopes=["other"])
    assert notes("me", "GET", "/notes/mine", headers=read_only).status == 200
    assert refused(notes("me", "GET", "/notes/hidden", headers=read_only))
    found = notes("me", "PATCH", "/notes/mine", {"n": 2}, headers=read_only)
    assert found.code == "OutOfScope"
    for at in ("/notes/mine", "/notes", ""):
        assert notes("me", "GET", at, headers=elsewhere).code == "OutOfScope"
    here = world.key(scopes=["notes/mine"])
    assert notes("me", "DELETE", "/notes/mine", headers=here).status == 200
    assert notes("me", "GET", "/notes", headers=here).code == "OutOfScope"


def test_the_log_says_why_and_the_answer_does_not(
    notes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dynafile"):
        answer = notes("eve", "GET", "/notes/hidden")
    assert refused(answer)
    (line,) = [each.getMessage() for each in caplog.records if "refused" in each.getMessage()]
    assert line.startswith("refused: eve may not get notes/hidden: ")
    assert "resource.owner = auth.uid" in line
    assert b"owner" not in answer.body
    assert "you" not in line, "no values"


def test_without_a_file_rules_decide_nothing_and_with_one_all(ruled: Any, db: Montybase) -> None:
    doc(db, "notes", "mine").set(MINE)
    notes = ruled(None)
    assert notes("eve", "GET", "/notes/mine").status == 200
    notes.write(NOTES)
    assert refused(notes("eve", "GET", "/notes/mine"))
    assert notes("me", "GET", "/notes/mine").status == 200
    notes.write("")
    assert refused(notes("me", "GET", "/notes/mine"))


def test_paths_are_compared_as_they_are_meant(notes: Any) -> None:
    for at in (
        "/notes%2Fhidden",
        "/notes/./hidden",
        "/notes/../notes/hidden",
        "/notes/%2e%2e/hidden",
        "//notes/hidden",
        "/notes//hidden",
        "/notes/hidden/",
        "/notes/hidden%00",
    ):
        assert notes("me", "GET", at).status == 400, at
    for at in ("/Notes/mine", "/notes/hidden%20", "/notes/HIDDEN", "/notes/%68idden"):
        assert refused(notes("me", "GET", at)), at
    assert notes("me", "GET", "/notes/%6dine").status == 200


def test_the_whole_is_served_below_its_address(notes: Any) -> None:
    assert V1 == "/v1/documents"
    made = notes("me", "POST", "/notes?key=k", {"owner": "me"})
    assert made.headers["location"] == f"{V1}/notes/k"
