"""Rules and cases in files: how they are read, and what cases say of rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.documents.rules import load_cases, load_rules, run_cases
from dynafile.documents.rules.cases_file import parse_cases
from dynafile.errors import InvalidRules, TypeRuleViolated

RULES = """
match /users/{user} {
  allow get;
  allow list if exists(/admins/{auth.uid});
  allow create, update if auth.uid = user AND request.time < '2027';
  schema "schemas/user.json";
  limit 40 B;
}
"""
USER = '{"type": "object", "required": ["name"]}'
CASES = """
[documents]
"admins/ann" = {since = 2020}

[[case]]
name = "anybody reads"
action = "get"
path = "users/ann"
expect = "allow"

[[case]]
action = "list"
path = "/users/bob"
auth = {uid = "ann"}
expect = "allow"

[[case]]
action = "list"
path = "users/bob"
auth = {uid = "bob"}
expect = "deny"

[[case]]
action = "create"
path = "users/ann"
auth = {uid = "ann"}
request = {name = "Ann"}
time = 2026-01-31T12:00:00Z
expect = "allow"

[[case]]
action = "create"
path = "users/ann"
auth = {uid = "ann"}
request = {name = "Ann"}
time = 2028-01-31T12:00:00+02:00
expect = "allow"

[[case]]
action = "update"
path = "users/ann"
auth = {uid = "ann"}
resource = {name = "Ann"}
request = {age = 5}
time = 2026-01-31T12:00:00Z
expect = "deny"

[[case]]
action = "update"
path = "users/ann"
auth = {uid = "ann"}
request = {name = "Ann, whose name is very long indeed"}
time = 2026-01-31T12:00:00Z
expect = "deny"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "user.json").write_text(USER)
    (tmp_path / "app.rules").write_text(RULES)
    (tmp_path / "cases.toml").write_text(CASES)
    return tmp_path


def test_cases(folder: Path) -> None:
    rules = load_rules(folder / "app.rules")
    outcomes = list(run_cases(rules, load_cases(str(folder / "cases.toml"))))
    assert [(each.allowed, each.line, each.passed) for each in outcomes] == [
        (True, 3, True),
        (True, 4, True),
        (False, None, True),
        (True, 5, True),
        (False, None, False),
        (False, 6, True),
        (False, 7, True),
    ]
    assert outcomes[0].case.name == "anybody reads"
    assert outcomes[5].why == 'users/ann lacks the field "name", by line 6 of app.rules'
    assert outcomes[6].why == "users/ann has 46 bytes, and line 7 of app.rules limits it to 40"


def test_a_byte_order_mark_and_other_ends_of_lines(folder: Path) -> None:
    (folder / "app.rules").write_bytes(b"\xef\xbb\xbf" + RULES.replace("\n", "\r\n").encode())
    rules = load_rules(folder / "app.rules")
    assert rules.decide("get", "users/ann").rule == 3
    with pytest.raises(TypeRuleViolated):
        rules.check("users/ann", {})


def test_files_that_cannot_be_read(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_rules(folder / "no.rules")
    with pytest.raises(IsADirectoryError):
        load_rules(folder)
    with pytest.raises(FileNotFoundError):
        load_cases(folder / "no.toml")
    for data, reason in ((b"\xff", "it is no UTF-8, at byte 0"), (b" " * 2_000_000, "more than")):
        (folder / "app.rules").write_bytes(data)
        for load in (load_rules, load_cases):
            with pytest.raises(InvalidRules, match=f"app.rules: .*{reason}"):
                load(folder / "app.rules")


def with_schema(folder: Path, name: str) -> str:
    """The reason that rules with a schema of this name are refused for."""
    (folder / "app.rules").write_text(f'\nschema /a/{{b}} "{name}";')
    with pytest.raises(InvalidRules) as caught:
        load_rules(folder / "app.rules")
    assert caught.value.source in ("app.rules", name)
    assert caught.value.line is not None
    return caught.value.reason


def test_schemas_in_files(folder: Path) -> None:
    assert with_schema(folder, "no.json") == 'cannot read "no.json": No such file or directory'
    assert with_schema(folder, "schemas") == 'cannot read "schemas": Is a directory'
    outside = 'cannot read "{}": a file of a schema is beside or below that of the rules'
    (folder.parent / "outside.json").write_text("{}")
    os.symlink(folder.parent / "outside.json", folder / "link.json")
    os.symlink(folder / "schemas" / "user.json", folder / "inside.json")
    for name in ("../outside.json", "/etc/passwd", "schemas/../../outside.json", "link.json"):
        assert with_schema(folder, name) == outside.format(name)
    (folder / "bad.json").write_text('{\n  "type": strin\n}')
    assert with_schema(folder, "bad.json") == "the JSON does not parse: Expecting value"
    (folder / "bad.json").write_bytes(b"\xff")
    assert with_schema(folder, "bad.json") == 'cannot read "bad.json": it is no UTF-8, at byte 0'
    (folder / "app.rules").write_text('schema /a/{b} "inside.json";')
    with pytest.raises(TypeRuleViolated):
        load_rules(folder / "app.rules").check("a/b", {})


HEAD = '[[case]]\naction = "get"\npath = "a/b"\nexpect = "deny"\n'
BAD = {
    "": "it has no [[case]]",
    "x = 1": "there is no 'x' in it; there are [[case]] and [documents]",
    "case = 5": "it has no [[case]]",
    "case = [5]": "case 1 is no table",
    "documents = 5\n" + HEAD: "documents is a table",
    '[documents]\n"a/b" = 5\n' + HEAD: "documents: 'a/b' is a table",
    "[documents]\na = {}\n" + HEAD: "documents: the path of a document",
    HEAD.replace('"get"', '"read"'): "case 1: action is one of get, list, create, update, delete",
    HEAD.replace('action = "get"', ""): "case 1: action is one of",
    HEAD.replace('"get"', "[]"): "case 1: action is one of",
    HEAD.replace('"a/b"', '"a"'): "case 1: the path of a document has two",
    HEAD.replace('"a/b"', "5"): 'case 1 needs a path such as "users/ann"',
    HEAD.replace('"deny"', '"no"'): "case 1: expect is one of allow, deny",
    HEAD + "foo = 1": "case 1 has 'foo'; there are action, auth, expect",
    HEAD + HEAD + "name = 5": "case 2: name is text",
    HEAD + "auth = 5": "case 1: auth is a table",
    HEAD + "resource = []": "case 1: resource is a table",
    HEAD + "request = {at = 2026-01-31}": "case 1: request has datetime.date(2026, 1, 31), which",
    HEAD + "request = {at = [{x = 12:00:00}]}": "which JSON has not: write it as text",
    HEAD + "request = {n = nan}": "case 1: request has nan, which JSON has not",
    HEAD + "request = {n = inf}": "case 1: request has inf, which JSON has not",
    HEAD + "time = 2026-01-31T12:00:00": "case 1: time is one such as 2026-01-31T12:00:00Z",
    HEAD + "time = 5": "case 1: time is one such as",
    HEAD + "x = " + "[" * 100_000: "the TOML does not parse",
    HEAD + "x = " + "9" * 5000: "the TOML does not parse",
    " " * 300_000: "a file of cases has at most 256 KiB",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[-40:])
def test_bad_cases(text: str) -> None:
    with pytest.raises(InvalidRules) as caught:
        parse_cases("cases.toml", text)
    assert caught.value.source == "cases.toml"
    assert BAD[text] in caught.value.reason


def test_where_toml_does_not_parse() -> None:
    with pytest.raises(InvalidRules) as caught:
        parse_cases("cases.toml", "[[case]]\naction = get\n")
    error = caught.value
    assert (error.line, error.column) == (2, 10)
    assert error.excerpt == "  action = get\n           ^"
    with pytest.raises(InvalidRules) as caught:
        parse_cases("cases.toml", "[[case]]\naction = '")
    assert caught.value.line == 2


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["[[case]]", "[documents]", "action = 'get'", "path = 'a/b'", "expect = 'deny'",
             "auth = {}", "request = {x = [1]}", "time = 2026-01-01T00:00:00Z", "x", "=", "'", "5"]
        ),
        max_size=8,
    ).map("\n".join)
)  # fmt: skip
def test_any_file_of_cases(text: str) -> None:
    try:
        found: list[Any] = parse_cases("cases.toml", text)
    except InvalidRules as error:
        assert error.reason
        return
    assert found
