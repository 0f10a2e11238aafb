"""Everything the documents show is run, and everything there is to show is in them.

Blocks marked ``python`` run in order, a namespace and an empty folder a file. What one prints stands
below it, in a block after ``<!-- output -->``. In blocks marked ``console`` every ``$`` line runs in that folder, by the shell; where output follows it must be as
shown, and ``...`` stands for anything. ``<!-- file: NAME -->`` before a block writes it to a file
there, and ``<!-- not run: REASON -->`` lets a block be.
"""

from __future__ import annotations

import contextlib
import doctest
import enum
import importlib
import inspect
import io
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
from dynafile import errors
from dynafile.aio.kinds import KINDS, Kind
from dynafile.cli.program import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>file|not run|output)(?:: (?P<what>[^>]+))? -->\n\n?)?"
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
    """An environment in which ``dynafile`` is the command under test, and ``python`` its Python."""
    programs = tmp_path_factory.mktemp("bin")
    for name, arguments in (("dynafile", "-m dynafile"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
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
    monkeypatch.syspath_prepend(tmp_path)  # as for a script that lies there
    namespace: dict[str, Any] = {"__name__": "__example__"}
    printed = ""
    for block in blocks(document):
        where = f"{document.name}, line {block.line}"
        if block.mark == "output":
            assert printed, f"{where}: nothing was printed"
            assert matches(block.body, printed), f"{where}: printed was\n{printed}"
            printed = ""
            continue
        assert not printed, f"{where}: the output of the block before is not shown:\n{printed}"
        if block.mark == "file":
            assert block.what is not None
            (tmp_path / block.what).write_text(block.body, encoding="utf-8")
        elif block.mark is None and block.language == "python":
            printed = run_python(block, where, namespace)
        elif block.mark is None and block.language == "console":
            run_console(block, document, tmp_path, environment)
    assert not printed, f"{document.name}: the last output is not shown:\n{printed}"


def run_python(block: Block, where: str, namespace: dict[str, Any]) -> str:
    # Numbered as in the document, so that a traceback leads to the line.
    code = compile("\n" * block.line + block.body, where, "exec")
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code, namespace)
    return output.getvalue()


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
def test_generated_parts_are_up_to_date(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    rendered = runpy.run_path(str(ROOT / "docs" / "generate.py"))["rendered"]
    text = document.read_text(encoding="utf-8")
    assert rendered(text) == text, "run `make docs`"


def test_the_types_for_asyncio_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    written = (ROOT / "dynafile" / "aio" / "__init__.pyi").read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / "docs" / "generate.py"))["stub"]() == written, (
        "run `make docs`"
    )


def test_pictures_are_up_to_date_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing them again also looks for text that is cut or covered."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    pictures = runpy.run_path(str(ROOT / "docs" / "draw.py"))["PICTURES"]
    page = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    files = {path.stem: path for path in (ROOT / "docs" / "pictures").iterdir()}
    assert set(files) == set(pictures)
    for name, draw in pictures.items():
        assert files[name].read_text(encoding="utf-8") == draw(), "run `make docs`"
        assert f"](pictures/{name}.svg)" in page


def test_every_command_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"\n### {name}\n" in reference
        assert re.search(rf"^\$ (?:.* \| )?dynafile {name}\b", reference, re.MULTILINE), (
            f"no example: {name}"
        )


def test_every_public_name_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#+ `([^`]+)`$", reference, re.MULTILINE))
    expected = set(dynafile.__all__)
    for name in dynafile.__all__:
        value = getattr(dynafile, name)
        if inspect.isclass(value) and not issubclass(value, (Exception, tuple, enum.Enum)):
            expected |= {f"{name}.{member}" for member in public_methods(value)}
    expected |= {f"errors.{name}" for name, value in vars(errors).items()
                 if inspect.isclass(value) and value.__module__ == errors.__name__}  # fmt: skip
    assert expected <= headings, "run `make docs`"


def public_methods(cls: type) -> list[str]:
    """The names of a class, but for those that a base with an entry of its own tells of."""
    bases = [base for base in cls.__mro__[1:] if getattr(dynafile, base.__name__, None) is base]
    elsewhere = {name for base in bases for name in dir(base)}
    if hasattr(cls, "_twin_of"):  # what it stands for tells of the rest
        elsewhere |= {name for name, kind in KINDS[cls._twin_of].items() if kind is not Kind.OWN}
    return [
        name
        for name in set(dir(cls)) - elsewhere
        if not name.startswith("_") and (callable(getattr(cls, name)) or is_property(cls, name))
    ]


def is_property(cls: type, name: str) -> bool:
    return isinstance(inspect.getattr_static(cls, name), property)


def test_every_page_is_in_the_navigation() -> None:
    """The front page lists the pages, and the site takes its navigation from there."""
    front = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages == set(re.findall(r"^- \[[^\]]+\]\(([\w.-]+\.md)\): ", front, re.MULTILINE))


def test_the_site_builds_and_needs_no_network(tmp_path: Path) -> None:
    """A warning, such as a link to a heading that is not there, fails the build."""
    site = tmp_path / "site"
    options = ["--quiet", "--fail-on-warning", "--keep-going"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(site)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list(site.glob("*.html"))
    assert len(pages) >= len(list((ROOT / "docs").glob("*.md")))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=\"([^\"]*)", text)
        assert not [url for url in loaded if re.match(r"(?:https?:)?//", url)], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?https?:|@import", style.read_text(encoding="utf-8"))


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
