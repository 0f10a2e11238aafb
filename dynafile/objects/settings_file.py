"""The configuration file and the environment: where the model reads what is outside a store."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["environment", "settings_text"]


def environment() -> Mapping[str, str]:
    """Return the variables of the environment, as they are now."""
    return os.environ


def settings_text(path: str) -> str:
    """Return the text of a file; raises OSError, or ValueError if it is no UTF-8."""
    with open(path, encoding="utf-8") as file:
        return file.read()
