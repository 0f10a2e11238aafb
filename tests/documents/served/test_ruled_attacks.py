"""Rules that somebody wants to get around: by what happens in between, by much, by any sequence."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from documents.served.ruled_world import HeaderGuard, Seen, put
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.documents import Montybase, doc
from dynafile.documents.access import ApiKeys, MemoryRecords
from dynafile.documents.requests import Change, Query
from dynafile.documents.rules import Rules
from dynafile.documents.served import ruled_changes
from dynafile.documents.served.desk import Desk
from dynafile.documents.served.guard import Caller
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.rules_file import RulesFile
from dynafile.errors import AccessRefused, DynafileError, TransactionConflict

if TYPE_CHECKING:
    from pathlib import Path

ROLES = """
match /pages/{page} {
  allow read if get(/users/{auth.uid}).role = 'reader';
  allow write if get(/users/{auth.uid}).role = 'writer';
}
"""


def between(ruled: Any, monkeypatch: pytest.MonkeyPatch, what: Any, times: int = 1) -> None:
    """Have something happen after a document was looked up, which is as late as can be."""
    document, left = RuledGuard.document, count(times, -1)

    def looking_up(guard: Any, path: Any) -> Any:
        found = document(guard, path)
        if path[0] == "users" and next(left) > 0:
            what()
        return found

    monkeypatch.setattr(RuledGuard, "document", looking_up)


def test_a_role_that_is_taken_away_meanwhile_decides_no_change(
    ruled: Any, db: Montybase, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ruled(ROLES)
    doc(db, "users", "eve").set({"role": "writer"})

    def revoke() -> None:

        thread = threading.Thread(target=lambda: doc(db, "users", "eve").set({"role": "none"}))
        thread.start()
        thread.join()

    between(server, monkeypatch, revoke)
    assert server("eve", "PUT", "/pages/p", {"n": 1}).status == 403
    assert doc(db, "pages").get() == {}


def test_what_a_document_was_is_not_read_by_whom_it_is_fit_for_now(
    ruled: Any, db: Montybase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role comes with the commit that removes the secret: nobody sees both."""
    server = ruled(ROLES)
    doc(db, "pages", "p").set({"secret": 1})
    doc(db, "users", "eve").set({"role": "reader"})

    def scrub() -> None:
        doc(db, "pages", "p").set({"secret": None})

    for ask in (
        lambda: server("eve", "GET", "/pages/p").json["value"]["secret"],
        lambda: server("eve", "GET", "/pages/p/secret").json["value"],
        lambda: server("eve", "GET", "/pages").json["documents"][0]["value"]["secret"],
        lambda: server("eve", "GET", "").json["value"]["pages"]["p"]["secret"],
    ):
        doc(db, "pages", "p").set({"secret": 1})
        with monkeypatch.context() as patched:
            between(server, patched, scrub)
            assert ask() is None
    with monkeypatch.context() as patched:
        numbers = count()
        between(
            server, patched, lambda: doc(db, "pages", "p").set({"n": next(numbers)}), times=1000
        )
        found = server("eve", "GET", "/pages/p")
        assert (found.status, found.code) == (409, TransactionConflict.__name__)


def test_a_role_that_goes_while_rules_decide_shows_nothing_to_who_listens(
    ruled: Any, db: Montybase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is followed only from then on, and what came between is found all the same."""
    server = ruled(ROLES)
    doc(db, "pages", "p").set({"n": 1})
    doc(db, "users", "eve").set({"role": "reader"})
    between(server, monkeypatch, lambda: doc(db, "users", "eve").set({"role": "none"}))
    seen = Seen(server, "eve", ("pages",))
    assert [(each.type, each.value) for each in seen.changes] == [("state", {})]
    seen.close()


def test_what_changes_while_rules_decide_anew_is_told_once(
    ruled: Any, db: Montybase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both the old subscription and the new one have it."""
    server = ruled(ROLES)
    doc(db, "pages", "p").set({"n": 1})
    doc(db, "users", "eve").set({"role": "reader"})
    seen = Seen(server, "eve", ("pages",))
    between(server, monkeypatch, lambda: doc(db, "pages", "p").set({"n": 2}))
    doc(db, "users", "eve").set({"role": "reader", "x": 1})
    seen.until({"p": {"n": 2}})
    doc(db, "pages", "p").set({"n": 3})
    seen.until({"p": {"n": 3}})
    assert [each.value["n"] for each in seen.changes[1:]] == [2, 3]
    seen.close()


def test_nobody_makes_the_server_do_more_than_so_much(
    ruled: Any, db: Montybase, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ruled("match /{all=**} { allow list; allow write if auth.uid = 'me'; }")
    monkeypatch.setattr(ruled_changes, "_MOST", 20)
    for number in range(30):
        doc(db, "many", str(number)).set({"n": 1})
        doc(db, "one", "d", "below", str(number)).set({"n": 1})
        doc(db, "few", "d", f"c{number}", "x").set({"n": 1})
    before = doc(db).get()
    asked = [
        ("DELETE", "/many", None),
        ("PUT", "/many", {"n": 2}),
        ("DELETE", "/one/d", None),
        ("DELETE", "/one", None),
        ("DELETE", "/few/d", None),
        ("POST", ":batch", {"changes": [{"kind": "delete", "path": ["many"], "value": {"n": 1}}]}),
        (
            "POST",
            ":batch",
            {
                "changes": [
                    {"kind": "set", "path": ["new", str(number)], "value": {}}
                    for number in range(21)
                ]
            },
        ),
    ]
    for method, target, body in asked:
        assert server("me", method, target, body).code == "LimitExceeded", target
        assert server("eve", method, target, body).code == "AccessRefused", target
    assert doc(db).get() == before
    assert len(doc(db, "one", "d", "below").get()) == 30
    for number in range(10):
        assert server("me", "DELETE", f"/many/{number}").status == 200
    assert len(server("me", "DELETE", "/many").json["value"]) == 20


# -- any changes --------------------------------------------------------------------------------

RULES = (
    "match /{all=**} { allow read, write; }",
    """
match /a/{x} { allow read, write if resource.n <> 1; allow create; }
match /a/{x}/b/{y} { allow write if get(/a/{x}).n = 2 OR exists(/c/{y}); }
match /c/{y} { allow create, delete; allow update if request.resource.n > resource.n; }
""",
    """
match /a/{x} { allow read, write; match /b/{y} { allow create, read; } }
match /c/{y} { allow write if attribute_not_exists(request.resource.b); allow get; }
""",
    """
match /{all=**} { allow create, update if request.resource.n <> 3; allow get, list; }
match /c/{y} { allow delete; }
""",
)
VALUES = st.fixed_dictionaries(
    {"n": st.integers(0, 3)}, optional={"b": st.just({"x": 1}), "m": st.integers(0, 1)}
)
IDS = st.sampled_from("xy")
COLLECTIONS = st.one_of(
    st.just(("a",)), st.just(("c",)), st.tuples(st.just("a"), IDS, st.just("b"))
)
PATHS = st.one_of(
    COLLECTIONS,
    st.builds(lambda collection, id_: (*collection, id_), COLLECTIONS, IDS),
    st.builds(lambda id_, field: ("a", id_, field), IDS, st.sampled_from(["n", "b"])),
    st.builds(lambda id_: ("a", id_, "b", "x"), IDS),
)


@st.composite
def changes_(draw: Any) -> Change:
    kind = draw(st.sampled_from(["set", "set", "add", "update", "delete"]))
    more: dict[str, Any] = {}
    path = draw(PATHS)
    if kind != "delete" or draw(st.integers(0, 4)) == 0:
        more["value"] = draw(VALUES)
    if len(path) % 2 and draw(st.booleans()):
        more["key"] = draw(IDS)
    if draw(st.integers(0, 3)) == 0:
        more |= draw(st.sampled_from([{"exists": True}, {"exists": False}, {"last_update": "1"}]))
    return Change(kind=kind, path=path, **more)


def everything(db: Montybase) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name in ("a", "b", "c"):
        for element in db.engine.run(Query(path=(name,), group=True)):
            found[element.path] = element.value
    return found


@given(
    batches=st.lists(st.lists(changes_(), min_size=1, max_size=4), min_size=1, max_size=6),
    text=st.sampled_from(RULES),
)
@settings(max_examples=150, deadline=None)
def test_any_changes_do_what_rules_allow_and_no_more(
    batches: Any, text: str, tmp_path_factory: Any
) -> None:
    """Against the same changes without rules, of which each difference has to be allowed."""
    rules = Rules(text)
    with desk_of(tmp_path_factory.mktemp("rules"), text) as (db, desk):
        start = {"value": {"n": 2}}
        for path in (("a", "x"), ("a", "x", "b", "y"), ("c", "y")):
            db.engine.commit([Change(kind="set", path=path, **start)])
        for batch in batches:
            before = everything(db)
            free, error = without_rules(before, batch)
            try:
                desk.commit(Caller("eve", None, {"uid": "eve"}), batch)
            except AccessRefused:
                assert everything(db) == before
                assert text != RULES[0], "all is allowed"
                continue
            except DynafileError as refused:
                assert everything(db) == before
                assert type(refused) is type(error)
                continue
            assert error is None
            after = everything(db)
            if all(len(each.path) % 2 == 0 or each.key for each in batch):  # no id is made up
                assert after == free
            for path in before.keys() | after.keys():
                old, new = before.get(path), after.get(path)
                if old != new:
                    action = "create" if old is None else "delete" if new is None else "update"
                    uid = {"uid": "eve"}
                    assert rules.decide(action, path, uid, old, new, before.get), (path, old, new)


def without_rules(before: Any, batch: Any) -> tuple[Any, Exception | None]:
    with Montybase(":memory:") as other:
        if before:
            other.engine.commit(
                [Change(kind="set", path=path, value=value) for path, value in before.items()]
            )
        try:
            other.engine.commit(batch)
        except DynafileError as error:
            return everything(other), error
        return everything(other), None


class desk_of:  # noqa: N801 - used as a function
    """A database and its desk with rules."""

    def __init__(self, folder: Path, text: str) -> None:
        put(folder / "documents.rules", text)
        self._file = RulesFile(folder / "documents.rules")
        self._db = Montybase(":memory:")

    def __enter__(self) -> tuple[Montybase, Desk]:
        guard = HeaderGuard(ApiKeys(MemoryRecords()))
        engine = self._db.engine
        return self._db, Desk(engine, RuledGuard(guard, self._file, engine))

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._file.close()
