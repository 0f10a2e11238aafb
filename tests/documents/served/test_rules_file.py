"""The file of rules of a server: read at its start, and again as it changes."""

from __future__ import annotations

import json
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from documents.served.conftest import Asking

from dynafile.documents import Montybase, doc
from dynafile.documents.served.rules_file import RulesFile
from dynafile.errors import (
    InvalidDocumentArgument,
    InvalidRules,
    InvalidServerConfiguration,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RULES = "match /notes/{note} { allow read; }"
OTHER = "match /notes/{note} { allow write; }"
BROKEN = "match /notes/{note} {\n  allow read if (;\n}"


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def turn(self, file: RulesFile) -> None:
        """Let so much time pass that what has changed is seen, and has settled."""
        for _ in range(2):
            self.now += 2
            file.look()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_file(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., RulesFile]]:
    made: list[RulesFile] = []

    def start(name: str = "app.rules", **options: Any) -> RulesFile:
        made.append(RulesFile(tmp_path / name, clock=clock, **options))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_it_is_looked_at_once_a_second(open_file: Any, tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "app.rules"
    path.write_text(RULES)
    file = open_file()
    first = file.rules
    assert (first.text, file.generation) == (RULES, 1)
    path.write_text(OTHER)
    clock.now += 0.9
    file.look()
    assert file.rules is first
    clock.now += 0.2
    file.look()
    assert file.rules is first, "it may be half written"
    clock.now += 0.2
    file.look()
    assert (file.rules.text, file.generation) == (OTHER, 2)
    clock.turn(file)
    assert file.rules.text == OTHER
    os.utime(path)
    clock.turn(file)
    assert (file.rules.text, file.generation) == (OTHER, 2), "the same text is no other rules"


def test_a_change_within_a_tick_of_the_clock_is_seen(
    open_file: Any, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same time, size and number: stamps that do not differ, as on a coarse file system."""
    path = tmp_path / "app.rules"
    path.write_text(RULES)
    monkeypatch.setattr("dynafile.documents.served.rules_file.stamp_of", lambda _: (1, 2, 3))
    file = open_file()
    path.write_text(OTHER)
    clock.turn(file)
    assert file.rules.text == OTHER


@pytest.mark.parametrize("how", ["broken", "gone", "folder", "no UTF-8", "too large"])
def test_what_cannot_be_taken_over_changes_nothing(
    open_file: Any,
    tmp_path: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    path = tmp_path / "app.rules"
    path.write_text(RULES)
    file = open_file()
    called: list[int] = []
    file.listen(lambda: called.append(1))
    first = file.rules
    path.unlink()
    if how == "broken":
        path.write_text(BROKEN)
    elif how == "folder":
        path.mkdir()
    elif how == "no UTF-8":
        path.write_bytes(b"\xff")
    elif how == "too large":
        path.write_bytes(b" " * (2 << 20))
    for _ in range(5):
        clock.turn(file)
        assert file.rules is first
    assert file.generation == 1
    assert called == []
    (line,) = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert "are not taken over, and those that were stay" in line
    if how == "broken":
        assert "line 2, column 18" in line
    if how == "folder":
        path.rmdir()
    path.write_text(BROKEN + "// another version")
    clock.turn(file)
    assert file.rules is first
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 2
    path.write_text(OTHER)
    clock.turn(file)
    assert file.rules.text == OTHER
    assert called == [1]


def test_what_is_half_written_is_not_taken_over(
    open_file: Any, tmp_path: Path, clock: Clock
) -> None:
    """An empty file is one of rules, which allow nothing; it is there while an editor saves."""
    path = tmp_path / "app.rules"
    path.write_text(RULES)
    file = open_file()
    clock.turn(file)
    for text in ("", OTHER[:12], OTHER):
        path.write_text(text)
        clock.now += 2
        file.look()
        assert file.rules.text == RULES
    clock.now += 0.2
    file.look()
    assert (file.rules.text, file.generation) == (OTHER, 2)


def test_files_of_schemas_are_looked_at_too(open_file: Any, tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "app.rules").write_text('schema /notes/{n} "note.json";')
    with pytest.raises(InvalidRules, match="note.json"):
        open_file()
    (tmp_path / "note.json").write_text('{"required": ["a"]}')
    file = open_file()
    (tmp_path / "note.json").write_text('{"required": ["b"]}')
    clock.turn(file)
    assert file.rules is not None
    assert file.generation == 2
    file.rules.check("notes/n", {"b": 1})
    (tmp_path / "note.json").unlink()
    clock.turn(file)
    assert file.rules is not None
    assert file.generation == 2
    (tmp_path / "note.json").write_text('{"required": ["c"]}')
    clock.turn(file)
    assert file.rules is not None
    assert file.generation == 3


def test_it_may_come_later(open_file: Any, tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(InvalidServerConfiguration, match="cannot be read") as refused:
        open_file()
    assert refused.value.path == str(tmp_path / "app.rules")
    file = open_file(required=False)
    assert (file.rules, file.generation) == (None, 0)
    (tmp_path / "app.rules").write_text(BROKEN)
    clock.turn(file)
    assert file.rules is None, "what has an error changes nothing"
    (tmp_path / "app.rules").write_text(RULES)
    clock.turn(file)
    assert (file.rules.text, file.generation) == (RULES, 1)


def test_an_error_at_the_start_refuses_to_start(open_file: Any, tmp_path: Path) -> None:
    (tmp_path / "app.rules").write_text(BROKEN)
    for required in (True, False):
        with pytest.raises(InvalidRules) as refused:
            open_file(required=required)
        assert (refused.value.line, refused.value.column) == (2, 18)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidServerConfiguration):
        open_file("folder", required=False)


def test_who_listens_is_called_and_the_thread_ends(tmp_path: Path) -> None:
    path = tmp_path / "app.rules"
    path.write_text(RULES)
    file = RulesFile(path, every=0.005)
    called = threading.Event()
    forget = file.listen(called.set)
    thread = file._thread
    assert thread is not None
    path.write_text(OTHER)
    assert called.wait(20), "nobody has asked, and it is seen"
    forget()
    forget()
    thread.join(20)
    assert not thread.is_alive(), "nobody listens"
    called.clear()
    file.listen(called.set)
    path.write_text(RULES)
    assert called.wait(20)
    file.close()
    file.close()
    assert file._thread is not None
    assert not file._thread.is_alive()


def test_many_threads_ask_while_it_changes(tmp_path: Path) -> None:
    path, other = tmp_path / "app.rules", tmp_path / "other"
    path.write_text(RULES)
    file = RulesFile(path, every=0.0)
    wrong: list[Any] = []
    ended = threading.Event()

    def ask() -> None:
        last = 0
        while not ended.is_set():
            file.look()
            rules, generation = file.rules, file.generation
            if rules is None or rules.text not in (RULES, OTHER) or generation < last:
                wrong.append((rules, generation))
            last = generation

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for number in range(100):
        other.write_text(OTHER if number % 2 else RULES)
        other.replace(path)
    ended.set()
    for each in threads:
        each.join()
    assert not wrong


# -- Montybase ----------------------------------------------------------------------------------


def served(answer: Any) -> str:
    """Say whose rules a server has, by what its application reads."""
    file = answer._served()._rules
    return "" if file.rules is None else file.rules.text


def test_rules_are_an_argument_a_part_of_the_configuration_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "db"
    monkeypatch.chdir(tmp_path)
    with Montybase("db", dev=True) as db:
        assert served(db) == ""
    (folder / "documents.rules").write_text("// by default")
    with Montybase("db", dev=True) as db:
        assert served(db) == "// by default"
    config = folder / "db.config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"rules": "in/app.rules"}))
    with pytest.raises(InvalidServerConfiguration, match=r"app\.rules"):
        Montybase("db", dev=True)
    (folder / "in").mkdir()
    (folder / "in" / "app.rules").write_text("// of the configuration")
    with Montybase("db", endpoint=True) as db:
        assert served(db) == "// of the configuration"
    (tmp_path / "mine.rules").write_text("// an argument")
    for rules in ("mine.rules", tmp_path / "mine.rules"):
        with Montybase("db", dev=True, rules=rules) as db:
            assert served(db) == "// an argument"
    with Montybase(":memory:", dev=True, rules="mine.rules") as db:
        assert served(db) == "// an argument"


def test_nothing_is_made_where_rules_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.rules").write_text(BROKEN)
    with pytest.raises(InvalidRules):
        Montybase("db", dev=True, rules="app.rules")
    with pytest.raises(InvalidServerConfiguration):
        Montybase("db", dev=True, rules="absent.rules")
    assert not (tmp_path / "db" / "db.config.json").exists()
    for wrong in ("", 1, True, b"x"):
        with pytest.raises(InvalidDocumentArgument):
            Montybase("db", dev=True, rules=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidDocumentArgument, match="rules= is for a server"):
        Montybase("db", rules="app.rules")
    config = tmp_path / "db" / "db.config.json"
    with Montybase("db", dev=True):
        pass
    config.write_text(json.dumps(json.loads(config.read_text()) | {"rules": 1}))
    with pytest.raises(InvalidServerConfiguration, match="rules has to be a file of rules"):
        Montybase("db", dev=True)


def test_a_server_asks_its_rules_and_its_own_program_does_not(run: Any, tmp_path: Path) -> None:
    import httpx

    (tmp_path / "app.rules").write_text("match /notes/{n} { allow get if resource.public; }")
    running = run(rules=tmp_path / "app.rules")
    doc(running.db, "notes", "a").set({"public": True})
    doc(running.db, "notes", "b").set({"public": False})
    with httpx.Client(base_url=f"{running.url}/v1/documents", timeout=20) as http:
        assert http.get("notes/a").status_code == 200
        assert http.get("notes/b").status_code == 403
        assert http.get("notes").status_code == 403
        assert http.put("notes/a", json={}).status_code == 403
    assert set(doc(running.db, "notes").get()) == {"a", "b"}


def test_rules_decide_of_keys_and_of_users_and_both_must_pass(tmp_path: Path) -> None:
    (tmp_path / "app.rules").write_text(
        "match /notes/{note} { allow read, write if note = auth.uid; "
        "allow get if auth.key = 'reader'; }"
    )
    with Montybase(tmp_path / "db", endpoint=True, rules=tmp_path / "app.rules") as db:
        keys = db._served().accounts.keys
        reader = [("x-api-key", keys.make("reader").text)]
        only_reads = [("x-api-key", keys.make("other", read_only=True).text)]
        elsewhere = [("x-api-key", keys.make("reader", scopes=["pages"]).text)]
        ask = Asking(db.app)
        body = {"email": "ann@example.com", "password": "a good long password"}
        made = ask("POST", "/v1/auth/signup", body, reader).json
        token = [("authorization", f"Bearer {made['accessToken']}")]
        at = f"/v1/documents/notes/{made['uid']}"
        for headers, reads, writes in (
            (token, 200, 200),
            (reader, 200, 403),
            ([*token, *reader], 200, 200),
            ([*token, *only_reads], 200, 403),
            ([*token, *elsewhere], 403, 403),
            (only_reads, 403, 403),
            ([], 401, 401),
        ):
            assert ask("PUT", at, {"n": 1}, headers).status == writes, headers
            assert ask("GET", at, headers=headers).status == reads, headers
        ask.close()
