"""The command line in a folder of its own, whose tables are verified after each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from typer.testing import CliRunner

from dynafile import Database
from dynafile.cli.program import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result


class Run(Protocol):
    """Runs ``dynafile`` with arguments, and asserts its exit code."""

    def __call__(self, *arguments: str, stdin: str | bytes = "", code: int = 0) -> Result: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; every table below it is verified when the test is over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("DYNAFILE_TRACEBACK", raising=False)
    yield tmp_path
    for meta in tmp_path.rglob("meta.json"):
        with Database(meta.parent, read_only=True) as db:
            db.check()


@pytest.fixture
def run(folder: Path) -> Run:
    runner = CliRunner()

    def run(*arguments: str, stdin: str | bytes = "", code: int = 0) -> Result:
        result = runner.invoke(app, arguments, input=stdin, prog_name="dynafile")
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def cities(run: Run) -> str:
    """A table of four cities."""
    lines = [
        '{"PK": "FR", "SK": "Lyon", "population": 522969}',
        '{"PK": "FR", "SK": "Nice", "population": 338620}',
        '{"PK": "FR", "SK": "Paris", "population": 2138551, "also": ["Lutetia"]}',
        '{"PK": "DE", "SK": "Berlin", "population": 3426354}',
    ]
    run("import", "cities", "-", stdin="\n".join(lines))
    return "cities"
