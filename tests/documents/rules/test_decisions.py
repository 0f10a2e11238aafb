"""What rules decide, and on what that depended."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest

from dynafile.documents.rules import Decision, Rules
from dynafile.documents.rules.evaluation import MAX_LOOKUPS
from dynafile.errors import InvalidArgument, ItemTooLarge

Path = tuple[str, ...]

ANN = {"uid": "ann"}
ACTIONS = ("get", "list", "create", "update", "delete")


def when(condition: str, pattern: str = "/users/{user}") -> Rules:
    return Rules(f"match {pattern} {{ allow read, write if {condition}; }}")


def allowed(rules: Rules, path: str = "users/ann", **given: Any) -> set[str]:
    return {action for action in ACTIONS if rules.decide(action, path, **given)}


# -- actions and paths ----------------------------------------------------------------------------


def test_without_rules_nothing_is_allowed() -> None:
    rules = Rules("// nothing but a comment\n")
    assert allowed(rules) == set()
    decision = rules.decide("get", "users/ann")
    assert decision == Decision(False, None, "no rule allows get of users/ann", frozenset())
    assert not decision


@pytest.mark.parametrize(
    ("words", "actions"),
    [
        ("get", {"get"}),
        ("list", {"list"}),
        ("create", {"create"}),
        ("update", {"update"}),
        ("delete", {"delete"}),
        ("read", {"get", "list"}),
        ("write", {"create", "update", "delete"}),
        ("get, delete", {"get", "delete"}),
        ("read, write", set(ACTIONS)),
        ("get, get", {"get"}),
    ],
)
def test_what_words_allow(words: str, actions: set[str]) -> None:
    for text in (f"allow {words};", f"allow {words}: if true;", f"allow {words}:;"):
        assert allowed(Rules(f"match /users/{{user}} {{ {text} }}")) == actions


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("/users/{u}", ["users/ann"], ["users/ann/posts/p", "posts/ann", "Users/ann"]),
        ("/users/ann", ["users/ann"], ["users/bob", "users/Ann"]),
        ("/{c}/{d}", ["users/ann", "x/y"], ["users/ann/posts/p"]),
        ("/{c}/ann", ["users/ann"], ["users/bob"]),
        ("/{all=**}", ["users/ann", "a/b/c/d"], []),
        ("/users/{all=**}", ["users/ann", "users/ann/posts/p"], ["posts/p"]),
        ("/users/ann/{all=**}", ["users/ann", "users/ann/posts/p"], ["users/bob"]),
        ("/{before=**}/posts/{p}", ["posts/p", "users/ann/posts/p"], ["users/ann", "posts/p/a/b"]),
        ("/users/{m=**}/posts/p", ["users/a/posts/p", "users/a/b/c/posts/p"], ["users/a/posts/q"]),
        ("/{one=*}/{two=*}", ["users/ann"], ["a/b/c/d"]),
        ('/"two words"/{d}', ["two words/x"], ["two/words"]),
        ('/"{d}"/{d}', ["{d}/x"], ["d/x"]),
        ("/naïve/{d}", ["naïve/x"], ["naive/x"]),
        ("/a.b-c_d$e/{d}", ["a.b-c_d$e/x"], ["axb-c_d$e/x"]),
    ],
)
def test_which_paths_match(pattern: str, matching: list[str], others: list[str]) -> None:
    rules = Rules(f"match {pattern} {{ allow get; }}")
    for path in matching:
        assert rules.decide("get", path), path
        assert rules.decide("get", tuple(path.split("/"))), path
    for path in others:
        assert not rules.decide("get", path), path


def test_the_variables_of_a_path() -> None:
    text = """
    match /users/{user} {
      match /{rest=**}/posts/{post} {
        allow get if user = 'ann' AND rest = 'a/b' AND post = 'p';
        allow list if rest = '';
      }
    }
    """
    rules = Rules(text)
    assert rules.decide("get", "users/ann/a/b/posts/p")
    assert not rules.decide("get", "users/bob/a/b/posts/p")
    assert not rules.decide("get", "users/ann/a/b/posts/q")
    assert not rules.decide("get", "users/ann/posts/p")
    assert rules.decide("list", "users/ann/posts/p")


def test_nested_matches_go_on_from_the_outer_one_and_inherit_nothing() -> None:
    rules = Rules("match /users/{u} { allow read; match /posts/{p} { allow delete; } }")
    assert allowed(rules) == {"get", "list"}
    assert allowed(rules, "users/ann/posts/p") == {"delete"}


def test_one_rule_that_allows_is_enough_and_the_first_is_named() -> None:
    text = """match /users/{user} {
      allow get if false;
      allow get if auth.uid = user;
      allow get if true;
    }
    match /{rest=**} { allow get; }
    """
    rules = Rules(text, source="app.rules")
    assert rules.decide("get", "users/ann", ANN).rule == 3
    assert rules.decide("get", "users/ann").rule == 4
    assert rules.decide("get", "posts/p").rule == 6
    decision = rules.decide("list", "users/ann")
    assert (decision.allowed, decision.rule) == (False, None)
    why = rules.decide("get", "users/ann").why
    assert why == "line 4 allows get: true"


def test_rules_for_any_collection_hold_beside_those_for_one() -> None:
    rules = Rules(
        "match /users/{user} { allow get; }\n"
        "match /{all=**} { allow delete; }\n"
        "match /{c}/{d} { allow list; }"
    )
    assert allowed(rules) == allowed(rules, "users/x") == {"get", "delete", "list"}
    assert allowed(rules, "posts/p") == {"delete", "list"}
    assert allowed(rules, "users/ann/posts/p") == {"delete"}


def test_why_a_denial_is_one() -> None:
    many = "".join("allow get if auth.n = 1;\n" for _ in range(6))
    rules = Rules(f"match /a/{{b}} {{ {many} }}")
    why = rules.decide("get", "a/b").why
    assert why.startswith("line 1 does not hold: auth.n = 1; line 2 does not hold: auth.n = 1; ")
    assert why.endswith("; and 2 more")
    long = Rules(f"match /a/{{b}} {{ allow get if auth.n = '{'x' * 500}'; }}")
    assert len(long.decide("get", "a/b").why) < 200


def test_a_path_cannot_forge_a_line_of_a_log() -> None:
    rules = Rules("limit /a/{b} 2 B; match /a/{b} { allow get if exists(/x/{b}); }")
    evil = "b\n2026-01-31 line 1 allows get\x1b[2K\u2028"
    assert rules.decide("get", ("c", evil)).why == (
        "no rule allows get of c/b?2026-01-31 line 1 allows get?[2K?"
    )
    assert rules.decide("get", ("a", evil)).why.isprintable()
    assert len(rules.decide("get", ("c", "x" * 1000)).why) < 300
    with pytest.raises(ItemTooLarge) as caught:
        rules.check(("a", evil), {"a": 1})
    assert caught.value.message.isprintable()


# -- what conditions see --------------------------------------------------------------------------


def test_nobody() -> None:
    assert allowed(when("auth = null")) == set(ACTIONS)
    for condition in (
        "auth <> null",
        "NOT auth = null",
        "auth.uid <> null",
        "NOT auth.uid = null",
        "auth.uid = user",
        "NOT auth.uid = 'bob'",
        "auth.uid <> 'bob'",
        "attribute_exists(auth.uid)",
        "auth.admin",
        "NOT auth.banned",
        "NOT contains(auth.scopes, 'x')",
    ):
        assert not allowed(when(condition)), condition


def test_somebody() -> None:
    auth = {"uid": "ann", "email": "ann@example.com", "scopes": ["read"], "claims": {"level": 3}}
    for condition in (
        "auth <> null",
        "auth.uid <> null",
        "auth.uid = user",
        "auth.email IN ('ann@example.com')",
        "contains(auth.scopes, 'read') AND NOT contains(auth.scopes, 'write')",
        "auth.claims.level >= 3",
        "attribute_not_exists(auth.key)",
    ):
        assert allowed(when(condition), auth=auth) == set(ACTIONS), condition
        assert allowed(when(condition), auth=MappingProxyType(auth)) == set(ACTIONS)


def test_what_is_none_in_auth_equals_nothing() -> None:
    """A key has no uid: it must not own the documents whose owner is null."""
    rules = when("auth.uid = resource.owner")
    assert not allowed(rules, auth={"uid": None, "key": "k"}, resource={"owner": None})
    assert not allowed(rules, auth={"key": "k"}, resource={})
    assert allowed(rules, auth={"uid": "ann"}, resource={"owner": "ann"})


def test_the_document_as_it_is_and_will_be() -> None:
    rules = when("resource.owner = 'ann' AND request.resource.owner = resource.owner")
    ann, bob = {"owner": "ann"}, {"owner": "bob"}
    assert allowed(rules, resource=ann, request=ann)
    assert not allowed(rules, resource=ann, request=bob)
    assert not allowed(rules, resource=bob, request=bob)
    assert not allowed(rules, resource=ann)
    assert allowed(when("resource = null AND request.resource <> null"), request={})
    assert not allowed(when("resource = null"), resource={})


def test_the_request() -> None:
    assert allowed(when("request.method = 'list' OR request.method IN ('delete')")) == {
        "list",
        "delete",
    }
    assert allowed(when("request.path = 'users/ann'"))
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    rules = when("request.time BETWEEN '2026-01-31T12' AND '2026-01-31T13'")
    assert allowed(rules, now=noon)
    assert allowed(rules, now=noon.astimezone(timezone(timedelta(hours=9))))
    assert not allowed(rules, now=noon + timedelta(hours=1, seconds=1))
    assert not allowed(rules)
    assert allowed(when("request.time >= resource.since"), resource={"since": "2020"})
    assert allowed(when("request.time = '2026-01-31T12:00:00.000000Z'"), now=noon)


# -- other documents ------------------------------------------------------------------------------


class Shelf:
    """Documents by path, that counts what is looked up."""

    def __init__(self, **documents: dict[str, Any]) -> None:
        self.documents = {tuple(name.split("__")): value for name, value in documents.items()}
        self.asked: list[Path] = []

    def __call__(self, path: Path) -> dict[str, Any] | None:
        self.asked.append(path)
        return self.documents.get(path)


def test_get_and_exists() -> None:
    shelf = Shelf(roles__ann={"level": 3, "tags": ["x"], "of": {"team": "a"}}, roles__bob={})
    for condition, who in {
        "get(/roles/{auth.uid}).level > 2": {"ann"},
        "get(/roles/{auth.uid}).of.team = 'a'": {"ann"},
        "contains(get(/roles/{auth.uid}).tags, 'x')": {"ann"},
        "exists(/roles/{auth.uid})": {"ann", "bob"},
        "NOT exists(/roles/{auth.uid})": {"eve"},
        "exists ( /roles/{ auth.uid } ) = true": {"ann", "bob"},
        "attribute_exists(get(/roles/{auth.uid}).level)": {"ann"},
        "attribute_not_exists(get(/roles/{auth.uid}).level)": {"bob", "eve"},
        "NOT get(/roles/{auth.uid}).level = 5": {"ann"},
        "size(get(/roles/{auth.uid}).tags) = 1": {"ann"},
        'exists(/"roles"/bob)': {"ann", "bob", "eve"},
    }.items():
        rules = when(condition)
        found = {
            uid
            for uid in ("ann", "bob", "eve")
            if rules.decide("get", "users/x", {"uid": uid}, lookup=shelf)
        }
        assert found == who, condition
        assert not rules.decide("get", "users/x", {"uid": "ann"}), "nothing to look up in"


def test_what_a_decision_depended_on() -> None:
    shelf = Shelf(a__ann={"x": True})
    rules = Rules(
        "match /users/{user} { allow get if exists(/b/{user}); "
        "allow get if get(/a/{user}).x OR exists(/c/{user}); allow get if exists(/d/{user}); }"
    )
    decision = rules.decide("get", "users/ann", lookup=shelf)
    assert decision.allowed
    assert decision.depends_on == {("b", "ann"), ("a", "ann")}
    assert shelf.asked == [("b", "ann"), ("a", "ann")]
    decision = rules.decide("get", "users/bob", lookup=shelf)
    assert not decision.allowed
    assert decision.depends_on == {(each, "bob") for each in "abcd"}


def test_a_path_is_looked_up_once() -> None:
    shelf = Shelf(a__b={"x": 1})
    rules = when(
        "get(/a/b).x = 2 OR get(/a/b).x = 3 OR exists(/a/b) AND get(/a/{request.resource.id}).x = 1"
    )
    assert rules.decide("update", "users/ann", request={"id": "b"}, lookup=shelf)
    assert shelf.asked == [("a", "b")]


@pytest.mark.parametrize(
    "value", [None, 5, "", ".", "..", "a/b", "\0", ["a"], "x" * 1025, "\ud800"]
)
def test_what_is_no_segment_is_not_looked_up(value: Any) -> None:
    shelf = Shelf()
    for condition in (
        "exists(/a/{request.resource.id})",
        "NOT exists(/a/{request.resource.id})",
        "NOT get(/a/{request.resource.id}).x",
        "attribute_not_exists(get(/a/{request.resource.id}).x)",
    ):
        decision = when(condition).decide("create", "users/x", request={"id": value}, lookup=shelf)
        assert not decision
        assert decision.why == "line 1: request.resource.id is no segment of a path"
        assert not when(condition).decide("create", "users/x", request={}, lookup=shelf)
    assert not shelf.asked


def test_a_path_of_several_segments_from_a_rest_is_none() -> None:
    rules = Rules("match /users/{rest=**} { allow get if exists(/a/{rest}); }")
    assert rules.decide("get", "users/x", lookup=Shelf(a__x={}))
    assert not rules.decide("get", "users/x/y/z", lookup=lambda _: {})


def test_a_lookup_that_fails_denies() -> None:
    def broken(_: Path) -> dict[str, Any]:
        raise RuntimeError("secret")

    for condition in ("exists(/a/b)", "NOT exists(/a/b)", "NOT get(/a/b).x = 1"):
        decision = when(condition).decide("get", "users/x", lookup=broken)
        assert not decision
        assert decision.why == "line 1: looking up a/b failed with RuntimeError"
        assert decision.depends_on == {("a", "b")}
    wrong: Any = lambda _: 5  # noqa: E731
    assert not when("exists(/a/b)").decide("get", "users/x", lookup=wrong)


def test_another_rule_may_allow_what_one_could_not_decide() -> None:
    rules = Rules("match /a/{b} { allow get if exists(/x/{auth.uid}); allow get if true; }")
    assert rules.decide("get", "a/b").rule == 1
    rules = Rules("match /a/{b} { allow get if exists(/x/{auth.uid});\n allow get if true; }")
    assert rules.decide("get", "a/b").rule == 2


def test_lookups_are_bounded() -> None:
    names = [f"exists(/a/d{number})" for number in range(MAX_LOOKUPS + 1)]
    shelf = Shelf()
    decision = when(" OR ".join(names)).decide("get", "users/x", lookup=shelf)
    assert not decision
    assert "more than 10 documents" in decision.why
    assert len(shelf.asked) == MAX_LOOKUPS
    text = "match /a/{b} { " + "".join(f"allow get if {each}; " for each in names) + "allow get; }"
    assert not Rules(text).decide("get", "a/b", lookup=shelf), "the limit is that of the decision"
    assert not when(" OR ".join(names[:-1])).decide("get", "users/x", lookup=shelf)


# -- costs ----------------------------------------------------------------------------------------


def test_a_decision_is_bounded_whatever_the_documents() -> None:
    big = {"l": [0] * 500_000}
    scans = " OR ".join(f"contains(request.resource.l, {number})" for number in range(1, 100))
    started = time.perf_counter()
    decision = when(scans).decide("create", "users/x", request=big)
    assert not decision
    assert decision.why == (
        "denied at line 1: the conditions would take too long for documents of this size"
    )
    assert time.perf_counter() - started < 5
    few = when("contains(request.resource.l, 0)")
    assert few.decide("create", "users/x", request=big)
    other = when(scans.replace("request.resource", "get(/a/b)"))
    decision = other.decide("create", "users/x", lookup=lambda _: big)
    assert decision.why.startswith("denied at line 1: the conditions would take too long")
    assert decision.depends_on == {("a", "b")}
    assert when(scans).decide("create", "users/x", request={"l": [5]})


def test_what_is_no_json_denies() -> None:
    for value in (object(), {1: object()}, float):
        rules = when("NOT contains(request.resource.x, 5) OR true")
        assert not rules.decide("create", "users/x", request={"x": value})


# -- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["", "users", "users/", "/users/ann", "users//a/b", "users/ann/posts", "a/..", "./a", "a/\0",
     (), ("a",), ("a", ""), ("a", "b/c"), ("a", 5), ["a", "b"], None, 5, ("a", "\ud800"),
     ("a", "x" * 1025)],
)  # fmt: skip
def test_paths_that_are_none(path: Any) -> None:
    rules = Rules("match /{all=**} { allow read, write; }")
    with pytest.raises(InvalidArgument):
        rules.decide("get", path)
    with pytest.raises(InvalidArgument):
        rules.check(path, {})


@pytest.mark.parametrize(
    "given",
    [
        {"action": "read"},
        {"action": "write"},
        {"action": ""},
        {"action": None},
        {"action": ["get"]},
        {"auth": "ann"},
        {"auth": ["uid"]},
        {"resource": 5},
        {"request": "x"},
        {"now": datetime(2026, 1, 1)},
    ],
)
def test_arguments_that_no_request_has(given: dict[str, Any]) -> None:
    rules = Rules("match /{all=**} { allow read, write; }")
    with pytest.raises(InvalidArgument):
        rules.decide(**{"action": "get", "path": "a/b", **given})
