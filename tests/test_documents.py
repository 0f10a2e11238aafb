"""Everything the documents show is run, and everything there is to show is in them.

Blocks marked ``python`` run in order, a namespace and an empty folder a file. In blocks marked
``console`` every ``$`` line runs in that folder, by the shell; where output follows it must be as
shown, and ``...`` stands for anything. ``<!-- file: NAME -->`` before a block writes it to a file
there, and ``<!-- not run: REASON -->`` lets a block be.
"""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import dynafile
from dynafile.cli.program import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>file|not run): (?P<what>[^>]+) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
COMMAND = re.compile(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")

every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    body: str
    line: int
    mark: str | None
    what: str | None


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            match["language"],
            match["body"],
            text.count("\n", 0, match.start("body")),
            match["mark"],
            match["what"],
        )
        for match in BLOCK.finditer(text)
    ]


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which ``dynafile`` is the command under test."""
    programs = tmp_path_factory.mktemp("bin")
    program = programs / "dynafile"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dynafile "$@"\n')
    program.chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "COLUMNS": "80"}


@every_document
def test_examples_run(
    document: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__example__"}
    for block in blocks(document):
        if block.mark == "file":
            assert block.what is not None
            (tmp_path / block.what).write_text(block.body, encoding="utf-8")
        elif block.mark is None and block.language == "python":
            where = f"{document.name}, line {block.line}"
            # Numbered as in the document, so that a traceback leads to the line.
            exec(compile("\n" * block.line + block.body, where, "exec"), namespace)
        elif block.mark is None and block.language == "console":
            run_console(block, document, tmp_path, environment)


def run_console(block: Block, document: Path, folder: Path, environment: dict[str, str]) -> None:
    first, *steps = re.split(r"^\$ ", block.body, flags=re.MULTILINE)
    assert not first, f"{document.name}, line {block.line}: a console block starts with a command"
    for step in steps:
        parts = COMMAND.fullmatch(step)
        assert parts is not None
        command, expected = parts.groups()
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        shown = f"{document.name}: $ {command}\n{done.stdout}"
        if expected:
            assert matches(expected, done.stdout), f"{shown}\n--- expected:\n{expected}"
        else:
            assert done.returncode == 0, shown


def matches(expected: str, output: str) -> bool:
    """Compare as doctest does: ``...`` stands for anything, blanks for one another."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(expected, output, flags)


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    for match in LINK.finditer(document.read_text(encoding="utf-8")):
        target = document.parent / match[1] if match[1] else document
        assert target.exists(), f"{document.name} links to {match[1]}"
        if match[2]:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                       for heading in headings}  # fmt: skip
            assert match[2] in anchors, f"{document.name} links to {match[0]}"


@every_document
def test_generated_parts_are_up_to_date(document: Path) -> None:
    rendered = runpy.run_path(str(ROOT / "docs" / "generate.py"))["rendered"]
    text = document.read_text(encoding="utf-8")
    assert rendered(text) == text, "run `make docs`"


def test_every_command_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"\n### {name}\n" in reference
        assert re.search(rf"^\$ dynafile {name}\b", reference, re.MULTILINE), f"no example: {name}"


@pytest.mark.parametrize(
    "name", [found.name for found in pkgutil.walk_packages(dynafile.__path__, "dynafile.")]
)
def test_docstring_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


def test_the_checks_can_fail(tmp_path: Path, environment: dict[str, str]) -> None:
    """A wrong output, a failing command and a bad example are noticed."""
    page = tmp_path / "page.md"
    for body in ("$ echo one\ntwo\n", "$ false\n", "$ dynafile get nowhere a\n"):
        page.write_text(f"```console\n{body}```\n", encoding="utf-8")
        (block,) = blocks(page)
        with pytest.raises(AssertionError):
            run_console(block, page, tmp_path, environment)
    assert not matches("1 item\n", "2 items\n")
