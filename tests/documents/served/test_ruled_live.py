"""Rules and who listens: documents come in sight and go out of it, also as rules and roles change."""

from __future__ import annotations

import json
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from documents.served.ruled_world import HeaderGuard, Seen, as_, put
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.client import connect

from dynafile.documents import Montybase, doc
from dynafile.documents.access import ApiKeys, MemoryRecords
from dynafile.documents.requests import Order, Query, Where
from dynafile.documents.served.application import DocumentsApplication
from dynafile.documents.served.desk import Desk
from dynafile.documents.served.guard import Caller
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.rules_file import RulesFile
from dynafile.errors import AccessRefused, InvalidDocumentArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PUBLIC = "match /notes/{note} { allow read if resource.public; }"
ALL = "match /notes/{note} { allow read; }"
NONE = "match /notes/{note} { allow read if false = true; }"
ROLES = """
match /notes/{note} {
  allow read if resource.public;
  allow read if get(/users/{auth.uid}).role = 'reader';
  allow read if exists(/notes/{note}/readers/{auth.uid});
}
"""


@pytest.fixture
def listen() -> Iterator[Callable[..., Seen]]:
    made: list[Seen] = []

    def start(*arguments: Any) -> Seen:
        made.append(Seen(*arguments))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_documents_come_in_sight_and_go(ruled: Any, db: Montybase, listen: Any) -> None:
    doc(db, "notes", "a").set({"public": True, "n": 1})
    doc(db, "notes", "b").set({"public": False, "n": 1})
    seen = listen(ruled(PUBLIC), None, ("notes",))
    assert seen.documents == {"a": {"public": True, "n": 1}}
    doc(db, "notes", "b").update({"n": 2})
    doc(db, "notes", "b").update({"public": True})
    assert seen.told(1) == [("added", "b", {"public": True, "n": 2})]
    doc(db, "notes", "a").update({"public": False})
    doc(db, "notes", "a").update({"n": 3})
    doc(db, "notes", "a").delete()
    doc(db, "notes", "c").set({"public": False})
    doc(db, "notes", "c").delete()
    doc(db, "notes", "b").update({"n": 4})
    doc(db, "notes", "b").delete()
    assert seen.told(3) == [
        ("removed", "a", {"public": True, "n": 1}),
        ("modified", "b", {"public": True, "n": 4}),
        ("removed", "b", {"public": True, "n": 4}),
    ]


def test_other_rules_hold_for_who_listens_already(ruled: Any, db: Montybase, listen: Any) -> None:
    for each, public in (("a", True), ("b", False)):
        doc(db, "notes", each).set({"public": public})
    server = ruled(PUBLIC)
    seen = listen(server, None, ("notes",))
    server.write(ALL)
    assert seen.told(1) == [("added", "b", {"public": False})]
    server.write(NONE)
    assert sorted(seen.told(2)) == [
        ("removed", "a", {"public": True}),
        ("removed", "b", {"public": False}),
    ]
    doc(db, "notes", "a").update({"n": 1})
    server.write(PUBLIC)
    assert seen.told(1) == [("added", "a", {"public": True, "n": 1})]
    put(server.path, "match /notes/{note} { allow read if (; }")
    doc(db, "notes", "a").update({"n": 2})
    assert seen.told(1) == [("modified", "a", {"public": True, "n": 2})], "a broken file: as before"


def test_a_looked_up_document_changes_what_is_seen(ruled: Any, db: Montybase, listen: Any) -> None:
    doc(db, "notes", "a").set({"n": 1})
    doc(db, "notes", "b").set({"n": 1})
    server = ruled(ROLES)
    ann, bob = (listen(server, who, ("notes",)) for who in ("ann", "bob"))
    assert ann.documents == bob.documents == {}
    doc(db, "users", "ann").set({"role": "reader"})
    both = {"a": {"n": 1}, "b": {"n": 1}}
    ann.until(both)
    doc(db, "notes", "b", "readers", "bob").set({})
    assert bob.told(1) == [("added", "b", {"n": 1})]
    doc(db, "notes", "b").update({"n": 2})
    assert bob.told(1) == [("modified", "b", {"n": 2})]
    doc(db, "users", "ann").update({"role": "none"})
    ann.until({})
    assert {each.type for each in ann.changes[-2:]} == {"removed"}
    doc(db, "notes", "b", "readers", "bob").delete()
    assert bob.told(1) == [("removed", "b", {"n": 2})]
    doc(db, "notes", "c").set({"n": 1})
    doc(db, "notes", "c", "readers", "bob").set({})
    assert bob.told(1) == [("added", "c", {"n": 1})]


def test_what_a_document_was_before_it_came_in_sight_is_not_told(
    ruled: Any, db: Montybase, listen: Any
) -> None:
    doc(db, "notes", "a").set({"n": 0})
    server = ruled(ROLES)
    seen = listen(server, "ann", ("notes",))
    doc(db, "notes", "a").update({"secret": 1})
    with db.transaction():
        doc(db, "notes", "a").set({"n": 2})
        doc(db, "users", "ann").set({"role": "reader"})
    assert seen.until({"a": {"n": 2}}) == [("added", "a", {"n": 2})]


def test_no_change_is_missed_by_who_sees_all_the_time(
    ruled: Any, db: Montybase, listen: Any
) -> None:
    """Rules and roles change all the time, and nothing of it concerns the document."""
    doc(db, "notes", "a").set({"public": True, "n": 0})
    server = ruled(ROLES)
    seen = listen(server, "ann", ("notes",))
    for number in range(1, 60):
        doc(db, "notes", "a").update({"n": number})
        if number % 7 == 0:
            doc(db, "users", "ann").set({"x": number})
        if number % 20 == 0:
            server.write(ROLES + f"// {number}")
    seen.until({"a": {"public": True, "n": 59}})
    told = [(each.type, each.value["n"]) for each in seen.changes[1:]]
    assert told == [("modified", number) for number in range(1, 60)]


def test_a_document_and_a_query_of_it(ruled: Any, db: Montybase, listen: Any) -> None:
    doc(db, "notes", "a").set({"public": False})
    server = ruled(PUBLIC)
    for target in (("notes", "a"), Query(path=("notes", "a"))):
        hidden, absent = listen(server, None, target), listen(server, None, ("notes", "x"))
        assert hidden.changes[0].value in (None, {})
        assert absent.changes[0].value is None
        doc(db, "notes", "a").update({"public": True})
        assert hidden.told(1) == [("added", "a", {"public": True})]
        doc(db, "notes", "a").update({"public": False})
        assert hidden.told(1) == [("removed", "a", {"public": True})]


def test_a_field_of_a_hidden_document_is_an_empty_collection(
    ruled: Any, db: Montybase, listen: Any
) -> None:
    doc(db, "notes", "a").set({"public": False, "parts": {"x": 1}})
    server = ruled(PUBLIC + "match /notes/{n}/parts/{p} { allow read; }")
    for each in ("a", "absent"):
        seen = listen(server, None, ("notes", each, "parts"))
        assert seen.changes[0].value == {}
    doc(db, "notes", "a").set({"public": True, "parts": {"x": 1}})
    with pytest.raises(InvalidDocumentArgument):
        listen(server, None, ("notes", "a", "parts"))


def test_a_limit_is_of_what_may_be_seen(ruled: Any, db: Montybase, listen: Any) -> None:
    for number in range(10):
        doc(db, "notes", str(number)).set({"public": number % 2 == 0, "n": number})
    order = (Order(("n",), descending=True),)
    query = Query(path=("notes",), orders=order, limit=2)
    seen = listen(ruled(PUBLIC), None, query)
    assert list(seen.documents) == ["8", "6"]
    doc(db, "notes", "x").set({"public": False, "n": 100})
    doc(db, "notes", "8").update({"n": 1})
    assert seen.told(2) == [
        ("removed", "8", {"public": True, "n": 8}),
        ("added", "4", {"public": True, "n": 4}),
    ]
    doc(db, "notes", "x").update({"public": True})
    assert seen.told(2) == [
        ("removed", "4", {"public": True, "n": 4}),
        ("added", "x", {"public": True, "n": 100}),
    ]
    doc(db, "notes", "9").update({"public": False, "n": 1000})
    doc(db, "notes", "x").update({"y": 1})
    assert seen.told(1) == [("modified", "x", {"public": True, "n": 100, "y": 1})]
    doc(db, "notes", "x").delete()
    assert [each[:2] for each in seen.told(2)] == [("removed", "x"), ("added", "4")]


def test_who_comes_back_is_told_the_state(ruled: Any, db: Montybase, listen: Any) -> None:
    """What they could see before is not known any more, nor is it without rules what was hidden."""
    doc(db, "notes", "a").set({"public": True})
    doc(db, "notes", "b").set({"public": False})
    server = ruled(None)
    before = listen(server, None, ("notes",))
    assert set(before.documents) == {"a", "b"}
    plain = before.changes[0].position
    server.write(PUBLIC)
    veiled = listen(server, None, ("notes",), plain)
    assert veiled.changes[0].type == "state"
    assert set(veiled.documents) == {"a"}
    position = veiled.changes[0].position
    assert listen(server, None, ("notes",), position).documents == {"a": {"public": True}}
    for wrong in ("nonsense", "~", "1~", position + "~"):
        with pytest.raises(InvalidDocumentArgument):
            server.desk.watch(server.caller(None), ("notes",), wrong)
    without = Desk(db.engine, HeaderGuard(None))
    again = without.watch(server.caller(None), ("notes",), position)
    (state,) = again.take()
    assert (state.type, set(state.value)) == ("state", {"a", "b"})
    again.close()


def test_what_no_rule_speaks_of_is_not_listened_to(ruled: Any, db: Montybase) -> None:
    server = ruled(PUBLIC)
    for target in (("other",), ("other", "x"), Query(path=("other",), group=True)):
        with pytest.raises(AccessRefused):
            server.desk.watch(server.caller(None), target, None)


def test_a_listener_ends_with_its_database(ruled: Any, db: Montybase, listen: Any) -> None:
    seen = listen(ruled(ROLES), "ann", ("notes",))
    db.close()
    assert seen.subscription.wait(20)
    assert seen.take() == []
    assert seen.subscription.closed


def test_nobody_is_looked_out_for_who_has_left(ruled: Any, db: Montybase) -> None:
    server = ruled(ROLES)
    for each in range(5):
        doc(db, "notes", str(each)).set({})
    seen = [Seen(server, "ann", ("notes",)) for _ in range(3)]
    lookouts = db.engine._lookouts
    looked_up = {("notes", str(each), "readers", "ann") for each in range(5)}
    assert lookouts._posts.keys() == {("users", "ann"), *looked_up}
    for each in seen:
        each.close()
    assert not lookouts._posts
    assert not db.engine._feed._listeners
    assert not server.file._calls


# -- any sequence -------------------------------------------------------------------------------

RULES = (
    ALL,
    NONE,
    PUBLIC,
    ROLES,
    "match /notes/{note} { allow read if resource.owner = auth.uid; }",
    "match /{all=**} { allow read if get(/users/{auth.uid}).role <> 'none'; }",
)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("set"),
            st.sampled_from("abc"),
            st.fixed_dictionaries(
                {
                    "public": st.booleans(),
                    "owner": st.sampled_from(["ann", "bob"]),
                    "n": st.integers(0, 3),
                }
            ),
        ),
        st.tuples(st.just("delete"), st.sampled_from("abc"), st.none()),
        st.tuples(st.just("role"), st.sampled_from(["reader", "none", "gone"]), st.none()),
        st.tuples(st.just("reader"), st.sampled_from("abc"), st.booleans()),
        st.tuples(st.just("rules"), st.sampled_from(RULES), st.none()),
        st.tuples(st.just("take"), st.integers(0, 3), st.none()),
    ),
    max_size=25,
)
TARGETS = (
    ("notes",),
    ("notes", "a"),
    Query(path=("notes",), wheres=(Where(("n",), ">=", 1),)),
    Query(path=("notes",), orders=(Order(("n",)),), limit=2),
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_what_is_told_comes_to_what_may_be_read(steps: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("rules")
    with Montybase(":memory:") as db:
        keys = ApiKeys(MemoryRecords())
        (folder / "documents.rules").write_text(ROLES)
        # A clock that is always late: whoever asks looks.
        file = RulesFile(folder / "documents.rules", clock=count(step=2).__next__)
        desk = Desk(db.engine, RuledGuard(HeaderGuard(keys), file, db.engine))
        ann = Caller("ann", None, {"uid": "ann"})
        server: Any = type("Server", (), {"desk": desk, "caller": lambda self, uid: ann})()
        seen = [Seen(server, "ann", target) for target in TARGETS]
        for kind, what, value in steps:
            if kind == "set":
                doc(db, "notes", what).set(value)
            elif kind == "delete":
                doc(db, "notes", what).delete()
            elif kind == "role":
                user = doc(db, "users", "ann")
                user.delete() if what == "gone" else user.set({"role": what})
            elif kind == "reader":
                reader = doc(db, "notes", what, "readers", "ann")
                reader.set({}) if value else reader.delete()
            elif kind == "rules":
                file.look()
                put(folder / "documents.rules", what)
                while (rules := file.rules) is None or rules.text != what:
                    file.look()
            else:
                seen[what].take()
        for each, target in zip(seen, TARGETS, strict=True):
            each.until(allowed(desk, ann, target))
            each.close()
        file.close()


def allowed(desk: Desk, caller: Caller, target: Any) -> Any:
    try:
        query = target if isinstance(target, Query) else Query(path=target)
        return {each.id: each.value for each in desk.query(caller, query)}
    except AccessRefused:
        return {}


# -- over the network ---------------------------------------------------------------------------


class Serving:
    """A server that runs in a thread, with rules that are looked at all the time."""

    def __init__(self, folder: Path, text: str | None) -> None:
        import socket

        import uvicorn

        from dynafile.documents.served.running import Server

        self.db = Montybase(":memory:")
        self.path = folder / "documents.rules"
        if text is not None:
            self.path.write_text(text)
        self.file = RulesFile(self.path, required=False, every=0.005)
        guard = RuledGuard(HeaderGuard(ApiKeys(MemoryRecords())), self.file, self.db.engine)
        app = DocumentsApplication(self.db.engine, guard)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.at = f"127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app, log_config=None, access_log=False, ws="websockets-sansio", lifespan="off"
        )
        self._server = Server(config, app)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._socket.close()
        self.file.close()
        self.db.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str | None], Serving]]:
    made: list[Serving] = []

    def start(text: str | None) -> Serving:
        made.append(Serving(tmp_path, text))
        return made[-1]

    yield start
    for each in made:
        each.close()


def events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line[6:])


def test_events_obey_rules(serve: Any) -> None:
    server = serve(ROLES)
    notes = doc(server.db, "notes")
    notes.add({"public": True}, key="a")
    notes.add({"public": False}, key="b")
    headers = dict(as_("ann")) | {"accept": "text/event-stream"}
    url = f"http://{server.at}/v1/documents/notes"
    with httpx.Client(timeout=20) as http, http.stream("GET", url, headers=headers) as answer:
        told = events(answer)
        assert next(told)["value"] == {"a": {"public": True}}
        doc(server.db, "users", "ann").set({"role": "reader"})
        change = next(told)
        assert (change["type"], change["id"]) == ("added", "b")
        put(server.path, PUBLIC)
        change = next(told)
        assert (change["type"], change["id"], change["value"]) == (
            "removed",
            "b",
            {"public": False},
        )
    headers["last-event-id"] = change["position"]
    with httpx.Client(timeout=20) as http, http.stream("GET", url, headers=headers) as answer:
        state = next(events(answer))
        assert (state["type"], state["value"]) == ("state", {"a": {"public": True}})


def test_two_who_listen_to_the_same_are_told_their_own(serve: Any) -> None:
    server = serve("match /notes/{note} { allow read if resource.owner = auth.uid; }")
    with (
        connect(f"ws://{server.at}/v1/live", additional_headers=as_("ann")) as ann,
        connect(f"ws://{server.at}/v1/live", additional_headers=as_("bob")) as bob,
    ):
        for each in (ann, bob):
            each.send(json.dumps({"subscribe": 1, "path": ["notes"]}))
            assert json.loads(each.recv(20))["value"] == {}
        note = doc(server.db, "notes", "n")
        note.set({"owner": "ann", "n": 1})
        note.set({"owner": "bob", "n": 2})
        note.set({"owner": "ann", "n": 3})
        note.delete()
        assert [said(ann) for _ in range(4)] == [
            ("added", {"owner": "ann", "n": 1}),
            ("removed", {"owner": "ann", "n": 1}),
            ("added", {"owner": "ann", "n": 3}),
            ("removed", {"owner": "ann", "n": 3}),
        ]
        assert [said(bob) for _ in range(2)] == [
            ("added", {"owner": "bob", "n": 2}),
            ("removed", {"owner": "bob", "n": 2}),
        ]


def said(socket: Any) -> tuple[str, Any]:
    message = json.loads(socket.recv(20))
    return message["type"], message["value"]


def test_who_listened_before_there_were_rules_obeys_them(serve: Any) -> None:
    """Their connections end, and when they go on they are told the state that they may see."""
    server = serve(None)
    doc(server.db, "notes", "a").set({"public": True})
    doc(server.db, "notes", "b").set({"public": False})
    url = f"http://{server.at}/v1/documents/notes"
    accept = {"accept": "text/event-stream"}
    with (
        httpx.Client(timeout=20) as http,
        http.stream("GET", url, headers=accept) as one,
        http.stream("GET", url, headers=accept) as two,
        connect(f"ws://{server.at}/v1/live") as live,
    ):
        told = [events(one), events(two)]
        assert [set(next(each)["value"]) for each in told] == [{"a", "b"}] * 2
        live.send(json.dumps({"subscribe": 1, "path": ["notes"]}))
        assert set(json.loads(live.recv(20))["value"]) == {"a", "b"}
        doc(server.db, "notes", "b").update({"n": 1})  # so that they share what is taken
        last = [next(each) for each in told]
        json.loads(live.recv(20))
        put(server.path, PUBLIC)
        assert [list(each) for each in told] == [[], []]
        with pytest.raises(Exception, match="1001"):
            live.recv(20)
        with http.stream(
            "GET", url, headers=accept | {"last-event-id": last[0]["position"]}
        ) as again:
            assert next(events(again))["value"] == {"a": {"public": True}}
