"""The page on security names the test of each attack, and each test of an attack is named there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "security.md"

ATTACKS = [
    "tests/documents/served/test_http_attacks.py",
    "tests/documents/served/test_more_attacks.py",
    "tests/documents/served/test_ruled_attacks.py",
    "tests/documents/served/test_socket_attacks.py",
    "tests/documents/test_attacks_access.py",
    "tests/documents/test_attacks_sealing.py",
    "tests/fuzz/test_outside.py",
    "tests/objects/pickles/test_attacks.py",
]
"""Files of which every test is an attack."""

NAMED = re.compile(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`")
FILE = re.compile(r"^In `(tests/[\w/]+\.py)`", re.MULTILINE)


def named() -> set[tuple[str, str]]:
    """The tests that the page names, with their files: of one of its tables, or their own."""
    found: set[tuple[str, str]] = set()
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE):
        _, *rest = FILE.split(section)
        parts = [("", FILE.split(section)[0]), *zip(rest[::2], rest[1::2], strict=True)]
        for around, text in parts:
            found.update((file or around, test) for file, test in NAMED.findall(text))
    return found


@cache
def defined_in(file: str) -> frozenset[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return frozenset(re.findall(r"^def (test_\w+)", text, re.MULTILINE))


def test_every_test_that_the_page_names_is_there() -> None:
    tests = named()
    assert len(tests) > 150
    missing = [(file, test) for file, test in sorted(tests) if test not in defined_in(file)]
    assert missing == []


@pytest.mark.parametrize("file", ATTACKS)
def test_every_attack_is_named(file: str) -> None:
    assert defined_in(file) - {test for each, test in named() if each == file} == set()


def test_every_row_of_the_page_names_a_test() -> None:
    rows = [
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and line not in ("| attack | test |", "| --- | --- |")
    ]
    assert len(rows) > 80
    assert [row for row in rows if not NAMED.search(row.split("|")[-2])] == []


def test_the_page_names_files_that_are_there() -> None:
    files = set(re.findall(r"`(tests/[\w/]+\.py)", PAGE.read_text(encoding="utf-8")))
    assert set(ATTACKS) <= files
    assert all((ROOT / file).is_file() for file in files)
