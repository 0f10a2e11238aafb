"""The page on access and sealing names the test of each attack, and each attack's test is named."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "documents-access.md"


def defined_in(name: str) -> set[str]:
    return set(
        re.findall(r"^def (test_\w+)", (HERE / name).read_text(encoding="utf-8"), re.MULTILINE)
    )


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert len(named) > 25
    assert named <= defined_in("test_attacks_access.py") | defined_in("test_attacks_sealing.py")


def test_the_page_names_files_that_are_there() -> None:
    files = set(re.findall(r"(test_\w+\.py)", PAGE.read_text(encoding="utf-8")))
    assert files
    assert all((HERE / name).exists() for name in files)
