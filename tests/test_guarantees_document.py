"""The pages on guarantees and limits, held against tests and code: no promise without a proof."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dynafile import handle
from dynafile.aio import crew
from dynafile.expressions import strings
from dynafile.store import checkpointer, flusher, format, partition, replica
from dynafile.table import expiry, keys, table
from dynafile.table.definition import check_table_name
from dynafile.values import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_ITEM_BYTES,
    MAX_PARTITION_KEY_BYTES,
    MAX_SORT_KEY_BYTES,
)

ROOT = Path(__file__).resolve().parent.parent
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+(?:::\w+)?)`")
PROMISE = re.compile(r"^- \*\*.*?(?=\n\n|\n- |\Z)", re.DOTALL | re.MULTILINE)
MOST_WORDS = 900

MIB = 1 << 20
FIGURES = {
    "docs/limits.md": [
        f"1 to {MAX_PARTITION_KEY_BYTES:,} bytes",
        f"1 to {MAX_SORT_KEY_BYTES:,} bytes",
        f"{MAX_ITEM_BYTES:,} bytes as stored ({MAX_ITEM_BYTES // MIB} MiB)",
        f"{MAX_DIGITS} significant digits",
        f"{MAX_DEPTH} levels",
        f"{format.MAX_RECORD_BYTES:,} bytes; the block",
        f"{strings.MAX_DEPTH} nested parentheses",
        f"at most {handle._MOST_DECODED // MIB} MiB",
        "1,000,000 |",
        "3 to 255 characters",
        f"up to {crew.READERS} threads that read, {crew.WRITERS + crew.JOINERS} that write and",
        f"and {crew.LABOURERS} for what takes long",
    ],
    "docs/architecture.md": [
        f"passes {checkpointer.CHECKPOINT_BYTES // MIB} MiB",
        f"up to\n{checkpointer.MOST_CHECKPOINT_BYTES // MIB} MiB",
        f"over {checkpointer.PARTITION_BYTES >> 10} KiB",
        f"{partition.ENTRY_OVERHEAD} bytes an entry",
        f"up to {replica.MOST_READ} entries",
        f"sweeps up to {table.SWEEP_WITH_COMMIT} of them",
    ],
    "docs/how-it-works.md": [
        f"passes {checkpointer.CHECKPOINT_BYTES // MIB} MiB",
        f"up to {checkpointer.MOST_CHECKPOINT_BYTES // MIB} MiB",
        f"past {checkpointer.PARTITION_BYTES >> 10} KiB",
    ],
    "docs/guarantees.md": [
        f"up to {replica.MOST_READ} entries at a time",
        "about a second before the cut",
        "over ten\n  years",
    ],
}
"""What the pages say in figures, made of the code's own."""


@cache
def page() -> str:
    return (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


def promises() -> list[str]:
    return PROMISE.findall(page())


def title(promise: str) -> str:
    return " ".join(promise.split("**")[1].split())


@cache
def names_in(path: Path) -> set[str]:
    """The tests of a file, by name; those of a class as ``Class::name``."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if is_test(inner)}
            if any(base.endswith("TestCase") for base in map(ast.unparse, node.bases)):
                found.add(node.name)
        elif is_test(node):
            found.add(node.name)
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).endswith(".TestCase"):
            found |= {ast.unparse(target) for target in node.targets}
    return found


def is_test(node: ast.stmt) -> bool:
    """Whether a statement is a test that runs: not one that is skipped always."""
    if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test"):
        return False
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    return not any(mark.startswith(("pytest.mark.skip(", "pytest.mark.xfail")) for mark in marks)


def test_there_are_promises() -> None:
    assert len(promises()) == page().count("\n- **") > 30


@pytest.mark.parametrize("promise", promises(), ids=title)
def test_every_promise_names_tests_that_exist(promise: str) -> None:
    assert re.search(r"\n  Tests: `tests/", promise), "it names no test"
    named = promise.split("  Tests: ")[1]
    assert TEST.sub("", named).strip(" ,.\n") == "", f"not a test: {TEST.sub('', named)}"
    for file, name in TEST.findall(named):
        path = ROOT / file
        assert path.is_file(), f"there is no {file}"
        assert name in names_in(path), f"{file} has no test {name}"


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_those_of_the_code(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for figure in FIGURES[name]:
        assert figure in text, f"{name} does not say: {figure}"


def test_figures_that_have_no_constant() -> None:
    assert flusher.FLUSH_SECONDS == 1
    assert expiry.SWEEP_JUMP_SECONDS == 10 * 365 * 86_400
    assert keys.segment_range(999_999, 1_000_000)[1] is None
    with pytest.raises(ValueError, match="1000000"):
        keys.segment_range(0, 1_000_001)
    for size, valid in ((2, False), (3, True), (255, True), (256, False)):
        if valid:
            check_table_name("a" * size)
        else:
            with pytest.raises(ValueError, match="3 to 255"):
                check_table_name("a" * size)


def test_the_readme_is_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    figures = re.compile("<!-- bench:begin -->.*<!-- bench:end -->", re.DOTALL)
    assert len(figures.sub("", text).split()) < MOST_WORDS


def test_the_checks_can_fail() -> None:
    here = Path(__file__)
    assert "test_the_checks_can_fail" in names_in(here)
    assert "test_that_nobody_wrote" not in names_in(here)
    skipped = ast.parse("@pytest.mark.skip(reason='x')\ndef test_it(): ...").body[0]
    assert not is_test(skipped)
    for promise in ("- **Vague.** Trust us.", "- **Vague.** Trust us.\n  Tests: TODO"):
        with pytest.raises(AssertionError):
            test_every_promise_names_tests_that_exist(promise)
