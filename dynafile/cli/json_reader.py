"""Records out of JSON Lines, and out of JSON arrays without holding them in memory."""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING

from dynafile.cli.record import Record
from dynafile.cli.source import LONGEST_RECORD
from dynafile.errors import MalformedRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dynafile.cli.source import Source

_BOM = codecs.BOM_UTF8
_SPACE = re.compile(r"[ \t\r\n]*")

_SLACK = 16
"""Characters. A token cut off by the end of the text, other than a string, fails this close to it:
``-Infinity`` and a surrogate pair of escapes are the longest."""


def read_json_lines(source: Source, decoder: json.JSONDecoder) -> Iterator[Record]:
    """Yield a record a line; blank lines are passed over. A bad line spoils no other."""
    for line, (raw, whole) in enumerate(source.lines(), start=1):
        if line == 1 and raw.startswith(_BOM):
            raw = raw.removeprefix(_BOM)
        text = raw.strip()
        if not text:
            continue
        if not whole:
            problem = f"the line is over {LONGEST_RECORD >> 20} MiB"
            yield Record.malformed(line, problem)
            continue
        try:
            value = decoder.decode(text.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            yield Record.malformed(line, _reason(error))
        else:
            yield Record.of(line, value)


def read_json(source: Source, decoder: json.JSONDecoder) -> Iterator[Record]:
    """Yield the elements of an array, or objects that follow one another.

    Reads as much as one element needs at a time. Raises ``MalformedRecord`` where the text is not
    JSON, because nothing tells where the next element would start.
    """
    text = _Text(source, decoder)
    array = text.skip("[")
    if not array and text.at_end():
        return
    if array and text.skip("]"):
        text.expect_end()
        return
    while True:
        line, value = text.value()
        yield Record.of(line, value)
        if not array:
            if text.at_end():
                return
        elif text.skip("]"):
            text.expect_end()
            return
        elif not text.skip(","):
            raise text.malformed("expected a comma or the end of the array")


class _Text:
    """JSON text that is read as it is needed, and let go once parsed."""

    def __init__(self, source: Source, decoder: json.JSONDecoder) -> None:
        self._chunks = source.chunks()
        self._decoder = decoder
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._start = 0
        self._line = 1
        self._ended = False

    def at_end(self) -> bool:
        """Pass over white space and say whether anything follows it."""
        while True:
            match = _SPACE.match(self._text, self._start)
            assert match is not None
            self._advance(match.end())
            if self._start < len(self._text):
                return False
            if not self._more(1):
                return True

    def skip(self, character: str) -> bool:
        """Pass over white space and, if it comes next, one character."""
        if self.at_end() or self._text[self._start] != character:
            return False
        self._advance(self._start + 1)
        return True

    def expect_end(self) -> None:
        """Raise unless nothing but white space is left."""
        if not self.at_end():
            raise self.malformed("something follows the end of the array")

    def value(self) -> tuple[int, object]:
        """Parse the next value; return the line on which it starts, and the value."""
        if self.at_end():
            raise self.malformed("the input ends where a record is due")
        line = self._line
        wanted = 1
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._start)
            except json.JSONDecodeError as error:
                if self._may_be_cut_off(error) and self._more(wanted):
                    wanted *= 2
                    continue
                if _is_unterminated(error) or error.pos >= len(self._text.rstrip()):
                    reason = "the input ends in the middle of the record"
                    raise MalformedRecord(reason, line=line) from None
                self._line += self._text.count("\n", self._start, error.pos)
                raise self.malformed(error.msg) from None
            except (ValueError, RecursionError) as error:
                raise self.malformed(_reason(error)) from None
            if end == len(self._text) and self._more(wanted):
                # A number may go on in the next piece.
                wanted *= 2
                continue
            self._advance(end)
            return line, value

    def malformed(self, reason: str) -> MalformedRecord:
        """Return the error for the line that has been reached."""
        return MalformedRecord(reason, line=self._line)

    def _may_be_cut_off(self, error: json.JSONDecodeError) -> bool:
        if len(self._text) - self._start > LONGEST_RECORD:
            return False
        return _is_unterminated(error) or error.pos + _SLACK > len(self._text)

    def _more(self, chunks: int) -> bool:
        """Read on; the number of pieces doubles with each try, so that long records stay cheap."""
        if self._ended:
            return False
        pieces = [self._text[self._start :]]
        self._start = 0
        for _ in range(chunks):
            raw = next(self._chunks, b"")
            self._ended = not raw
            try:
                pieces.append(self._utf8.decode(raw, final=self._ended))
            except UnicodeDecodeError as error:
                self._line += sum(piece.count("\n") for piece in pieces)
                self._line += error.object.count(b"\n", 0, error.start)
                raise self.malformed(_reason(error)) from None
            if self._ended:
                break
        self._text = "".join(pieces)
        return True

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._start, end)
        self._start = end


def _is_unterminated(error: json.JSONDecodeError) -> bool:
    return error.msg.startswith("Unterminated string")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return "the text is not UTF-8"
    if isinstance(error, RecursionError):
        return "lists and maps are nested too deep"
    return str(error)
