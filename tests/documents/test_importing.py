"""What Montybase wrote, imported; ``tests/fixtures/montybase`` was written by its release 0.1.6."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dynafile import documents
from dynafile.documents.embedded import EmbeddedEngine
from dynafile.errors import ImportRefused

doc = documents.doc

FIXTURES = Path(__file__).parents[1] / "fixtures" / "montybase"


@pytest.mark.parametrize("what", ["", "db.json"], ids=["folder", "file"])
def test_a_folder_and_its_file(db: documents.Montybase, what: str) -> None:
    report = db.import_json(FIXTURES / "scores" / what)
    assert (report.documents, report.wrapped, report.left_out) == (4, (), ())
    assert report.source.endswith("db.json")
    assert doc(db).get() == json.loads((FIXTURES / "scores" / "db.json").read_text())
    assert doc(db, "scores").where("at.city", "==", "Rome").count() == 1
    assert db.import_json(FIXTURES / "scores" / what).documents == 4
    assert doc(db, "scores").count() == 3


def test_a_tree_without_rules(db: documents.Montybase) -> None:
    report = db.import_json(FIXTURES / "tree")
    users = doc(db, "users")
    assert users.append("ann", "posts", "p1", "title").get() == "first"
    assert users.append("ann").get()["a.b"] == 1
    assert users.append("number").get() == {"value": 5}
    assert users.append("nothing").get() == {"value": None}
    assert users.append("empty").get() == {}
    assert users.append("score").get() == {"value": 120}
    assert doc(db, "numbers", "7", "big").get() == {"n": 2**70, "f": 1e300, "z": -0.0}
    assert report.wrapped == (
        *("users/number", "users/nothing", "users/text", "users/list", "users/score"),
    )
    assert [each.path[:12] for each in report.left_out] == ["a/b", "one/xxxxxxxx", "nan/x"]
    assert report.documents == 10
    text = str(report)
    assert "10 documents" in text
    assert "nan at n" in text
    assert "users/score is an object now" in text
    assert not doc(db, "nan").exists()
    assert doc(db, "read", "never").get() == {}


def test_what_montybase_has_destroyed(db: documents.Montybase) -> None:
    with pytest.raises(ImportRefused, match="nothing in it") as refused:
        db.import_json(FIXTURES / "broken")
    assert refused.value.path == str(FIXTURES / "broken" / "db.json")
    assert doc(db).get() == {}


# What the files of a folder have in them, and a word of the message.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "neither"),
    ({"db.json": "[1]"}, "list"),
    ({"db.json": "{"}, "JSON"),
    ({"db.json": "[" * 100_000}, "deep"),
    ({"db.json": '{"a": {"b": ' + "1" * 5000 + "}}"}, "JSON"),
    ({"db.json": b"\xff"}, "read"),
    ({"db.config.json": "{}", "db.json": "{}"}, "storageBucket"),
    ({"db.config.json": "", "db.json": "{}"}, "db.config.json"),
    ({"db.config.json": '{"storageBucket": 5}', "db.json": "{}"}, "storageBucket"),
    ({"db.config.json": '{"storageBucket": "/gone/db.json"}'}, "db.json"),
]


@pytest.mark.parametrize(("files", "word"), REFUSED, ids=lambda value: str(value)[:40])
def test_files_that_cannot_be_imported(
    db: documents.Montybase, tmp_path: Path, files: dict[str, Any], word: str
) -> None:
    folder = tmp_path / "x-db"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ImportRefused, match=word):
        db.import_json(folder)
    assert doc(db).get() == {}


def test_a_file_that_is_not_there(db: documents.Montybase, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="gone"):
        db.import_json(tmp_path / "gone")


def test_the_tree_is_where_the_configuration_says(db: documents.Montybase, tmp_path: Path) -> None:
    """Montybase reads and writes there, also when its folder was moved."""
    folder, there = tmp_path / "x-db", tmp_path / "there.json"
    folder.mkdir()
    (folder / "db.json").write_text('{"here": {"a": {}}}')
    (folder / "db.config.json").write_text(json.dumps({"storageBucket": str(there)}))
    assert db.import_json(folder).source == str(folder / "db.json")
    there.write_text('{"there": {"a": {}}, "odd": 5}')
    report = db.import_json(folder)
    assert report.source == str(there)
    assert [each.path for each in report.left_out] == ["odd"]
    assert doc(db).get() == {"here": {"a": {}}, "there": {"a": {}}}


def test_documents_that_are_no_documents(db: documents.Montybase, tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(120):
        deep = [deep]
    tree = {"a": {"large": {"x": "x" * (1 << 20)}, "deep": {"x": deep}, "name": {"": 1}, "b": {}}}
    (tmp_path / "db.json").write_text(json.dumps(tree))
    report = db.import_json(tmp_path / "db.json")
    assert report.documents == 1
    assert [each.path for each in report.left_out] == ["a/large", "a/deep", "a/name"]


def test_many_documents(db: documents.Montybase, tmp_path: Path) -> None:
    tree = {"many": {f"{number:04}": {"n": number} for number in range(2500)}}
    (tmp_path / "db.json").write_text(json.dumps(tree))
    assert db.import_json(tmp_path / "db.json").documents == 2500
    assert doc(db).get() == tree


def test_a_file_beside_is_imported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "db.json").write_text(json.dumps({"users": {"ann": {"n": 1}, "bob": {"n": 2}}}))
    with documents.Montybase(tmp_path) as db:
        assert doc(db, "users").get() == {"ann": {"n": 1}, "bob": {"n": 2}}
        doc(db, "users", "ann").set({"n": 3})
    assert "2 documents imported" in caplog.text
    caplog.clear()
    with documents.Montybase(tmp_path) as db:
        assert doc(db, "users").get() == {"ann": {"n": 3}, "bob": {"n": 2}}
        doc(db, "users").delete()
    with documents.Montybase(tmp_path) as db:
        assert doc(db).get() == {}
    assert caplog.text == ""
    assert json.loads((tmp_path / "db.json").read_text())["users"]["ann"] == {"n": 1}


def test_a_file_beside_is_imported_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = {f"u{number}": {"n": number} for number in range(2500)}
    (tmp_path / "db.json").write_text(json.dumps({"users": users}))
    commit, made = EmbeddedEngine.commit, []

    def interrupted(self: EmbeddedEngine, changes: Any) -> Any:
        made.append(len(changes))
        if len(made) == 2:
            raise KeyboardInterrupt
        return commit(self, changes)

    monkeypatch.setattr(EmbeddedEngine, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        documents.Montybase(tmp_path)
    with documents.Montybase(tmp_path) as db:
        assert doc(db, "users").get() == users


def test_what_another_process_has_imported_and_changed_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of workers that start together the last put back what was changed at the first."""
    (tmp_path / "db.json").write_text(json.dumps({"users": {"ann": {"n": 1}, "bob": {"n": 2}}}))
    commit, begun = EmbeddedEngine.commit, []

    def overtaken(self: EmbeddedEngine, changes: Any) -> Any:
        if not begun:
            begun.append(self)
            with documents.Montybase(tmp_path) as other:
                doc(other, "users", "ann").set({"n": 3})
        return commit(self, changes)

    monkeypatch.setattr(EmbeddedEngine, "commit", overtaken)
    with documents.Montybase(tmp_path) as db:
        assert doc(db, "users").get() == {"ann": {"n": 3}, "bob": {"n": 2}}


def test_nothing_is_beside_what_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ":memory:").mkdir()
    (tmp_path / ":memory:" / "db.json").write_text(json.dumps({"users": {"ann": {"n": 1}}}))
    monkeypatch.chdir(tmp_path)
    with documents.Montybase(":memory:") as db:
        assert doc(db).get() == {}


def test_a_file_beside_documents_is_left_alone(tmp_path: Path) -> None:
    with documents.Montybase(tmp_path) as db:
        doc(db, "users").add({"n": 1}, key="ann")
    (tmp_path / "db.json").write_text(json.dumps({"users": {"ann": {"n": 7}}}))
    with documents.Montybase(tmp_path) as db:
        assert doc(db, "users").get() == {"ann": {"n": 1}}
        doc(db, "users").delete()
    with documents.Montybase(tmp_path) as db:
        assert doc(db).get() == {}
        assert db.import_json(tmp_path / "db.json").documents == 1


def test_a_file_beside_that_is_broken_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "db.json").write_text("{")
    for _ in range(2):
        with pytest.raises(ImportRefused, match="no JSON"):
            documents.Montybase(tmp_path)
    (tmp_path / "db.json").unlink()
    documents.Montybase(tmp_path).close()
