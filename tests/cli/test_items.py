"""``dynafile get``, ``put`` and ``delete``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dynafile import Dynafile

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


def test_put_get_delete(run: Run) -> None:
    text = '{"PK":"user#1","SK":"profile","name":"Zoë","tags":{"$set":["a","b"]}}'
    assert run("put", "db", text).output == ""
    assert run("get", "db", "user#1", "profile").stdout == text + "\n"
    assert run("delete", "db", "user#1", "profile").output == ""
    assert run("delete", "db", "user#1", "profile").output == ""
    gone = run("get", "db", "user#1", "profile", code=1)
    assert gone.stdout == ""
    assert gone.stderr == "error: no item with PK 'user#1', SK 'profile' in db\n"


@pytest.mark.parametrize("argument", [[], ["-"]])
def test_put_from_standard_input(run: Run, argument: list[str]) -> None:
    run("put", "db", *argument, stdin='{\n  "PK": "a",\n  "SK": "1"\n}\n')
    assert run("get", "db", "a", "1").stdout == '{"PK":"a","SK":"1"}\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ('{"PK": NaN}', "NaN"),
        ("[1]", "no JSON object"),
        ('{"$set": ["a"]}', "no JSON object"),
        ('{"PK": "a"}{"PK": "b"}', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_put_of_what_is_no_item(run: Run, folder: Path, text: str, reason: str) -> None:
    done = run("put", "db", text, code=3)
    assert reason in done.stderr
    assert not (folder / "db").exists()


def test_put_of_an_item_that_cannot_be_stored(run: Run) -> None:
    done = run("put", "db", '{"PK": "a"}', code=3)
    assert done.stderr.startswith("error: ")
    assert "--sk" in done.stderr


def test_put_makes_the_table_that_the_options_say(run: Run, folder: Path) -> None:
    options = ["--pk", "id", "--no-sk", "--ttl", "until", "--pk-type", "N"]
    run("put", "deep/down/db", '{"id": 1.5, "until": 4102444800}', "--decimal", *options)
    with Dynafile(folder / "deep/down/db", read_only=True) as db:
        assert (db.pk_attribute, db.sk_attribute, db.ttl_attribute) == ("id", None, "until")
    assert (
        run("get", "deep/down/db", "1.5").stdout == '{"id":{"$decimal":"1.5"},"until":4102444800}\n'
    )


def test_keys_are_typed_as_the_tables(run: Run) -> None:
    run("put", "db", '{"PK": 7, "SK": {"$binary": "AAE="}}')
    expected = '{"PK":7,"SK":{"$binary":"AAE="}}\n'
    for number in ("7", "7.0", "7e0", "+7"):
        assert run("get", "db", number, "AAE=").stdout == expected
    assert "PK is a number" in run("get", "db", "seven", "AAE=", code=2).stderr
    assert "SK is binary" in run("get", "db", "7", "x", code=2).stderr
    run("put", "db", '{"PK": -40, "SK": {"$binary": "AAE="}}')
    assert json.loads(run("get", "db", "--", "-40", "AAE=").stdout)["PK"] == -40
    run("delete", "db", "7", "AAE=")
    run("get", "db", "7", "AAE=", code=1)


def test_a_key_of_the_wrong_shape(run: Run, cities: str) -> None:
    done = run("get", cities, "FR", code=2)
    assert "has a sort key, SK, and none was given" in done.stderr
    run("put", "plain", '{"PK": "a"}', "--no-sk")
    done = run("get", "plain", "a", "b", code=2)
    assert "has no sort key" in done.stderr
    assert run("get", "plain", "a").stdout == '{"PK":"a"}\n'


def test_formats_of_get(run: Run, cities: str) -> None:
    text = run("get", cities, "FR", "Paris", "--format", "json").stdout
    assert text.startswith('{\n  "PK": "FR",\n')
    table = run("get", cities, "FR", "Paris", "--format", "table").stdout
    assert [line.split() for line in table.splitlines()] == [
        ["PK", "FR"],
        ["SK", "Paris"],
        ["population", "2138551"],
        ["also", '["Lutetia"]'],
    ]


@pytest.mark.parametrize("command", [["get", "a", "b"], ["delete", "a", "b"], ["query", "a"]])
@pytest.mark.parametrize("path", ["nowhere", "file", "empty", "others", ":memory:"])
def test_no_command_makes_a_folder_by_a_typo(
    run: Run, folder: Path, command: list[str], path: str
) -> None:
    (folder / "file").write_text("")
    (folder / "empty").mkdir()
    (folder / "others").mkdir()
    (folder / "others" / "notes.txt").write_text("mine")
    before = sorted(folder.rglob("*"))
    name, *rest = command
    done = run(name, path, *rest, code=4)
    assert done.stderr.startswith(f"error: {path} ")
    assert "hint: PATH is the folder of a table" in done.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("command", [["scan"], ["info"], ["check"], ["export"]])
def test_nor_do_the_others(run: Run, folder: Path, command: list[str]) -> None:
    run(*command, "nowhere", code=4)
    assert list(folder.iterdir()) == []
