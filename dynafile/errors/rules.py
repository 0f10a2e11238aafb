"""Errors of the rules of documents."""

from __future__ import annotations

from dynafile.errors.requests import ValidationError

__all__ = [
    "InvalidRules",
    "TypeRuleViolated",
]


class InvalidRules(ValidationError):
    """A rules file, a schema or a file of cases that is not valid; nothing of it was taken over.

    ``source`` names the file, ``reason`` says what is wrong, ``line`` and ``column`` where, from 1.
    ``excerpt`` is that line, with a caret below the column; empty where no line is to blame.
    """

    source: str = ""
    reason: str = ""
    line: int | None = None
    column: int | None = None
    excerpt: str = ""


class TypeRuleViolated(ValidationError):
    """A document that is not as a type rule wants it; nothing was written.

    ``path`` is that of the value in the document, empty for the document itself. ``document`` is
    the document's path, and ``line`` that of the rule.
    """

    path: str = ""
    reason: str = ""
    document: str = ""
    line: int | None = None
