r"""Regular expressions of schemas, which take linear time whatever they are matched against.

Python's ``re`` takes exponential time for some expressions and texts, and whoever writes a document
chooses the text. RE2 does without backtracking, so it has no back references and looks neither
ahead nor behind; such expressions are refused when the rules are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dynafile.documents.packages import need

__all__ = ["compile_expression"]

_MEMORY: Final = 1 << 20
"""Bytes for one compiled expression."""

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)


def compile_expression(text: str) -> Callable[[str], bool]:
    """Return a test whether an expression matches anywhere in a text.

    Raises ``ValueError`` with the reason if RE2 has no such expression, ``MissingExtra`` without
    RE2.
    """
    re2 = need("re2", "regular expressions in schemas")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        search = re2.compile(_ESCAPE.sub(_as_re2, text), options).search
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(shown) from None

    def test(value: str) -> bool:
        try:
            return search(value) is not None
        except UnicodeEncodeError:  # a lone surrogate, which no document holds
            return False

    return test


def _as_re2(match: re.Match[str]) -> str:
    return rf"\x{{{match[1]}}}" if match[1] else match[0]
