"""Commands on a folder that dynafile 0.1.3 wrote."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli.conftest import Run

FIXTURES = Path(__file__).parent.parent / "fixtures" / "dynafile-0.1.3"


@pytest.mark.parametrize(
    "command",
    [
        ("info",),
        ("check",),
        ("get", "user#1", "1"),
        ("query", "user#1"),
        ("scan",),
        ("export",),
    ],
    ids=lambda command: command[0],
)
def test_reading_commands_say_what_to_do(command: tuple[str, ...], folder: Path, run: Run) -> None:
    shutil.copytree(FIXTURES / "table", folder / "old")
    result = run(command[0], "old", *command[1:], code=4)
    assert "was written by dynafile 0.1.3: open it once without read_only=True" in result.stderr
    assert "hint: `dynafile import PATH - --ttl" in result.stderr
    assert [path.name for path in (folder / "old").iterdir()] == ["_partitions"]


def test_writing_commands_convert(folder: Path, run: Run) -> None:
    shutil.copytree(FIXTURES / "table", folder / "old")
    run("put", "old", '{"PK": "new", "SK": "1"}')
    assert '"item_count":76' in run("info", "old", "--format", "jsonl").stdout.replace(" ", "")


def test_an_import_names_the_attributes(folder: Path, run: Run) -> None:
    shutil.copytree(FIXTURES / "numbers", folder / "old")
    run("delete", "old", "north", "2", code=3)
    run("import", "old", "-", "--pk", "sensor", "--sk", "at", "--ttl", "expires")
    assert '"item_count":12' in run("info", "old", "--format", "jsonl").stdout.replace(" ", "")
    run("delete", "old", "north", "2")


def test_offenders_are_bad_data(folder: Path, run: Run) -> None:
    shutil.copytree(FIXTURES / "offenders", folder / "old")
    result = run("put", "old", '{"PK": "new", "SK": "1"}', code=3)
    assert "9 of 12 items cannot be taken" in result.stderr
    assert "__main__.Colour" in result.stderr
