"""``dynafile documents rules``: what it prints, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

RULES = """match /users/{user} {
  allow get;
  allow create if auth.uid = user;
  schema {"required": ["name"]};
}
"""
CASES = """
[[case]]
name = "anybody reads"
action = "get"
path = "users/ann"
expect = "allow"

[[case]]
action = "create"
path = "users/ann"
auth = {uid = "ann"}
request = {age = 5}
expect = "deny"
"""


@pytest.fixture
def files(folder: Path) -> Path:
    (folder / "app.rules").write_text(RULES)
    (folder / "cases.toml").write_text(CASES)
    return folder


def test_check(run: Run, files: Path) -> None:
    done = run("documents", "rules", "check", "app.rules")
    assert done.stdout == ""
    assert done.stderr == "ok: app.rules: 2 allow, 1 schema, 0 limit\n"


def test_check_shows_the_place_of_an_error(run: Run, files: Path) -> None:
    (files / "app.rules").write_text("match /users/{user} {\n  allow raed;\n}\n")
    for command in (("check", "app.rules"), ("test", "app.rules", "cases.toml")):
        done = run("documents", "rules", *command, code=3)
        assert done.stdout == ""
        assert done.stderr == (
            "error: app.rules, line 2, column 9: expected get, list, create, update, delete, read, "
            "write, not 'raed'\n    allow raed;\n          ^\n"
        )
    (files / "app.rules").write_text(RULES)
    (files / "cases.toml").write_text("[[case]]\naction = get\n")
    done = run("documents", "rules", "test", "app.rules", "cases.toml", code=3)
    assert done.stderr.startswith("error: cases.toml, line 2, column 10: the TOML does not parse")
    assert done.stderr.endswith("\n  action = get\n           ^\n")


def test_files_that_are_not_there(run: Run, files: Path) -> None:
    for command in (("check", "no"), ("test", "no", "cases.toml"), ("test", "app.rules", "no")):
        done = run("documents", "rules", *command, code=4)
        assert done.stderr == "error: no: No such file or directory\n"


def test_test(run: Run, files: Path) -> None:
    done = run("documents", "rules", "test", "app.rules", "cases.toml")
    assert done.stderr == "ok: app.rules: 2 cases\n"
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "case": 1,
            "result": "ok",
            "decision": "allow",
            "line": 2,
            "action": "get",
            "path": "users/ann",
            "name": "anybody reads",
            "why": "line 2 allows get",
        },
        {
            "case": 2,
            "result": "ok",
            "decision": "deny",
            "line": 4,
            "action": "create",
            "path": "users/ann",
            "why": 'users/ann lacks the field "name", by line 4 of app.rules',
        },
    ]


def test_test_in_a_table_and_failing(run: Run, files: Path) -> None:
    (files / "cases.toml").write_text(CASES.replace('"deny"', '"allow"'))
    done = run("documents", "rules", "test", "app.rules", "cases.toml", "-f", "table", code=1)
    assert done.stderr == "error: app.rules: 1 of 2 cases failed\n"
    head, _, first, second, *_ = done.stdout.splitlines()
    assert head.split()[:4] == ["case", "result", "decision", "line"]
    assert first.split()[:4] == ["1", "ok", "allow", "2"]
    assert second.split()[:4] == ["2", "FAILED", "deny", "4"]
