"""The text of a rules file, read from its beginning to its end, and errors that show where."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from dynafile.conditions import skip_space
from dynafile.errors import InvalidRules

__all__ = ["MAX_FILE", "Scanner", "fault"]

MAX_FILE: Final = 256 * 1024
"""Characters in a file."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHOWN: Final = 100
"""Characters of a line in an error."""


def fault(
    source: str, reason: str, text: str | None = None, position: int | None = None
) -> InvalidRules:
    """Return the error for a file, at a position in its text if one is given."""
    if text is None or position is None:
        return InvalidRules(f"{source}: {reason}", source=source, reason=reason)
    begin = text.rfind("\n", 0, position) + 1
    end = text.find("\n", begin)
    line, column = text.count("\n", 0, position) + 1, position - begin + 1
    excerpt = _excerpt(text[begin : len(text) if end < 0 else end], column - 1)
    where = f"line {line}, column {column}"
    return InvalidRules(
        f"{source}, {where}: {reason}\n{excerpt}",
        source=source,
        reason=reason,
        line=line,
        column=column,
        excerpt=excerpt,
    )


def _excerpt(line: str, offset: int) -> str:
    start = max(0, offset - _SHOWN // 2) if len(line) > _SHOWN else 0
    cut = line[start : start + _SHOWN]
    shown = "".join(each if each.isprintable() else " " for each in cut)
    return f"  {shown.rstrip()}\n  {' ' * (offset - start)}^"


class Scanner:
    """Reads a text; ``position`` is where it stands."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.text = text
        self.position = 0
        if len(text) > MAX_FILE:
            raise fault(source, f"a file of rules has at most {MAX_FILE // 1024} KiB")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise fault(source, "a lone surrogate, which no text has", text, error.start) from None
        self.skip()

    def fail(self, reason: str, position: int | None = None) -> NoReturn:
        """Raise the error that the file is refused, by default at the position."""
        raise fault(self.source, reason, self.text, self.position if position is None else position)

    def expected(self, what: str) -> NoReturn:
        """Raise the error that something else was expected here."""
        word = _WORD.match(self.text, self.position)
        rest = self.text[self.position : self.position + 1]
        if self.text.startswith("/*", self.position):
            self.fail("a comment that does not end")
        shown = repr(word[0][:40]) if word is not None else repr(rest) if rest else "the end"
        self.fail(f"expected {what}, not {shown}")

    def line_at(self, position: int) -> int:
        """Return the line of a position, from 1."""
        return self.text.count("\n", 0, position) + 1

    @property
    def next(self) -> str:
        """The character here; empty at the end."""
        return self.text[self.position : self.position + 1]

    def skip(self) -> None:
        """Go past blanks and comments."""
        self.position = skip_space(self.text, self.position)

    def accept(self, text: str) -> bool:
        """Go past some characters, and what is blank after them, if they are what comes next."""
        if not self.text.startswith(text, self.position):
            return False
        self.position += len(text)
        self.skip()
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go past what matches here, without what is blank after it."""
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
        return found

    def word(self) -> str:
        """Go past a word, and what is blank after it; return it, empty if there is none."""
        found = self.match(_WORD)
        self.skip()
        return found[0] if found is not None else ""
