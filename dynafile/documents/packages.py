"""The packages of the extra ``documents``, which are imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any, Final

from dynafile.errors import MissingExtra

__all__ = ["need"]

_NAMES: Final = {"argon2": "argon2-cffi", "jwt": "PyJWT", "re2": "google-re2"}
"""What a package is called where it is installed from, if not as it is imported."""


def need(module: str, what: str) -> Any:
    """Return a module of an optional package; raises MissingExtra, which says what needs it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        package = _NAMES.get(package, package)
        message = f"{what} need {package}, which is missing: pip install 'dynafile[documents]'"
        raise MissingExtra(message, extra="documents") from None
