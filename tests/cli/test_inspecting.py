"""``dynafile info`` and ``check``, and what is the same for all commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import dynafile
from dynafile import Dynafile, errors
from dynafile.cli.failures import ExitCode, as_failure
from dynafile.cli.program import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


def test_info(run: Run, cities: str) -> None:
    described = json.loads(run("info", cities).stdout)
    assert described["item_count"] == 4
    assert described["path"] == cities
    assert (described["pk_attribute"], described["pk_type"]) == ("PK", "S")
    assert described["partition_count"] >= 1
    assert described["disk_bytes"] > 0
    table = run("info", cities, "--format", "table").stdout
    assert ["item_count", "4"] in [line.split() for line in table.splitlines()]


def test_check_of_a_whole_table(run: Run, cities: str) -> None:
    done = run("check", cities)
    assert (done.stdout, done.stderr) == ("", "ok: cities is whole: 4 items\n")


def test_check_lists_what_is_wrong(run: Run, cities: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(db: Dynafile) -> None:
        raise errors.CheckFailed("2 problems", problems=("one is wrong", "so is another"))

    with monkeypatch.context() as patch:
        patch.setattr(Dynafile, "check", failing)
        done = run("check", cities, code=1)
    assert done.stderr.splitlines() == [
        "problem: one is wrong",
        "problem: so is another",
        "error: cities has 2 problems",
    ]


def test_check_of_a_damaged_folder(run: Run, folder: Path, cities: str) -> None:
    """Damage to what was synced is a problem that names the file."""
    (damaged,) = [
        path
        for path in (folder / cities).rglob("*")
        if path.is_file() and b"Lutetia" in path.read_bytes()
    ]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole.replace(b"Lutetia", b"lutetia"))
    done = run("check", cities, code=1)
    assert "problem: " in done.stderr
    assert damaged.name in done.stderr
    damaged.write_bytes(whole)
    run("check", cities)


def test_help_and_version(run: Run) -> None:
    for arguments in ([], ["--help"]):
        text = run(*arguments).stdout
        assert all(f" {name.split()[0]} " in text for name in COMMANDS)
    for name in COMMANDS:
        assert "Usage: dynafile" in run(*name.split(), "--help").stdout
    assert run("--version").stdout == f"dynafile {dynafile.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["gett"], "No such command 'gett'. Did you mean", "`dynafile --help`"),
        (["get"], "Missing argument", "`dynafile get --help`"),
        (["scan", "db", "--nope"], "No such option", "`dynafile scan --help`"),
        (["scan", "db", "--limit", "many"], "Invalid value for", "`dynafile scan --help`"),
        (["scan", "db", "--format", "xml"], "Invalid value for", "`dynafile scan --help`"),
        (["query", "db", "a", "--between", "x"], "--between", "`dynafile"),
    ],
)
def test_usage_errors_are_two_lines(
    run: Run, arguments: list[str], message: str, hint: str
) -> None:
    done = run(*arguments, code=2)
    assert done.stdout == ""
    error, help_ = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert help_.startswith(f"hint: {hint}")


def test_a_bug_is_reported_in_two_lines(
    run: Run, cities: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(db: Dynafile) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(Dynafile, "describe", failing)
    done = run("info", cities, code=1)
    error, hint = done.stderr.splitlines()
    assert error == "error: internal error: ZeroDivisionError: oh no"
    assert "DYNAFILE_TRACEBACK=1" in hint


def test_a_traceback_if_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dynafile.cli import main

    monkeypatch.setenv("DYNAFILE_TRACEBACK", "1")
    assert main(["info", "nowhere"]) == 4
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.LockTimeout("x"), ExitCode.STORAGE),
        (errors.CorruptFile("x"), ExitCode.STORAGE),
        (errors.DiskFull("x"), ExitCode.STORAGE),
        (errors.ResourceNotFound("x"), ExitCode.STORAGE),
        (errors.KeyTooLong("x"), ExitCode.DATA),
        (errors.MalformedRecord("x"), ExitCode.DATA),
        (errors.ExpressionError("x"), ExitCode.USAGE),
        (errors.SchemaMismatch("x"), ExitCode.USAGE),
        (errors.InvalidName("x"), ExitCode.USAGE),
        (errors.MissingExtra("x"), ExitCode.FAILED),
        (errors.HandleClosed("x"), ExitCode.FAILED),
        (PermissionError(13, "Permission denied", "file"), ExitCode.STORAGE),
    ],
)
def test_exit_codes(error: Exception, code: ExitCode) -> None:
    assert as_failure(error).code is code
