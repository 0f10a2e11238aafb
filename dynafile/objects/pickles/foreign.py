"""The packages that are not ours, which are imported when a pickle or a value is of them."""

from __future__ import annotations

import importlib
from typing import Any

from dynafile.errors import MissingExtra

__all__ = ["need"]


def need(package: str) -> Any:
    """Return a package; raises MissingExtra if it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        message = f"the stored value is of {name}, which is not installed: pip install {name}"
        raise MissingExtra(message, extra=name) from None
