"""Files of cases: what rules should decide, in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NoReturn

from msgspec import Struct

from dynafile.documents.rules.patterns import DocumentPath
from dynafile.documents.rules.rules import document_path
from dynafile.documents.rules.scanner import MAX_FILE, fault
from dynafile.errors import InvalidArgument

__all__ = ["Case", "parse_cases"]

_MOST: Final = 10_000
_NAMES: Final = frozenset(
    {"action", "auth", "expect", "name", "path", "request", "resource", "time"}
)
_INFINITE: Final = (float("inf"), float("-inf"))
_ACTIONS: Final = ("get", "list", "create", "update", "delete")
_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

Documents = Mapping[DocumentPath, dict[str, Any]]


class Case(Struct, frozen=True):
    """An access, and whether it should be allowed. ``documents`` are what lookups find."""

    name: str
    action: str
    path: str
    expect: bool
    auth: dict[str, Any] | None
    resource: dict[str, Any] | None
    request: dict[str, Any] | None
    time: datetime | None
    documents: Documents


def parse_cases(source: str, text: str) -> list[Case]:
    """Read a file of cases. Raises ``InvalidRules``."""
    if len(text) > MAX_FILE:
        raise fault(source, f"a file of cases has at most {MAX_FILE // 1024} KiB")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(source, text, str(error)) from None
    except (RecursionError, ValueError) as error:
        raise fault(source, f"the TOML does not parse: {type(error).__name__}") from None
    return _Reader(source).cases(found)


def _no_toml(source: str, text: str, message: str) -> Exception:
    where = _WHERE.search(message)
    reason = f"the TOML does not parse: {message[: where.start()] if where else message}"
    if where is None or where[1] is None:
        return fault(source, reason, text, len(text))
    lines = text.split("\n")[: int(where[1]) - 1]
    return fault(source, reason, text, sum(len(line) + 1 for line in lines) + int(where[2]) - 1)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source

    def cases(self, found: dict[str, Any]) -> list[Case]:
        for name in found:
            if name not in ("case", "documents"):
                self._refuse(f"there is no {name!r:.40} in it; there are [[case]] and [documents]")
        documents = self._documents(found.get("documents", {}))
        cases = found.get("case", [])
        if not isinstance(cases, list) or not cases:
            self._refuse("it has no [[case]]")
        if len(cases) > _MOST:
            self._refuse(f"it has over {_MOST} cases")
        return [self._case(f"case {n}", each, documents) for n, each in enumerate(cases, 1)]

    def _case(self, where: str, given: Any, documents: Documents) -> Case:
        if not isinstance(given, dict):
            self._refuse(f"{where} is no table")
        unknown = given.keys() - _NAMES
        if unknown:
            known = ", ".join(sorted(_NAMES))
            self._refuse(f"{where} has {min(unknown)!r:.40}; there are {known}")
        action = self._one_of(where, given, "action", _ACTIONS)
        expect = self._one_of(where, given, "expect", ("allow", "deny"))
        path, name, time = given.get("path"), given.get("name", ""), given.get("time")
        if not isinstance(path, str):
            self._refuse(f'{where} needs a path such as "users/ann"')
        self._path(where, path)
        if not isinstance(name, str):
            self._refuse(f"{where}: name is text")
        if time is not None and (not isinstance(time, datetime) or time.utcoffset() is None):
            self._refuse(f"{where}: time is one such as 2026-01-31T12:00:00Z")
        who, before, after = (
            self._value(f"{where}: {part}", given[part]) if part in given else None
            for part in ("auth", "resource", "request")
        )
        allowed = expect == "allow"
        return Case(name, action, path.strip("/"), allowed, who, before, after, time, documents)

    def _documents(self, given: Any) -> Documents:
        if not isinstance(given, dict):
            self._refuse("documents is a table of documents by their paths")
        return {
            self._path("documents", path): self._value(f"documents: {path!r:.80}", value)
            for path, value in given.items()
        }

    def _path(self, where: str, path: str) -> DocumentPath:
        try:
            return document_path(path.strip("/"))
        except InvalidArgument as error:
            self._refuse(f"{where}: {error.message}")

    def _one_of(self, where: str, given: dict[str, Any], name: str, words: tuple[str, ...]) -> str:
        value = given.get(name)
        if value not in words:
            self._refuse(f"{where}: {name} is one of {', '.join(words)}")
        return str(value)

    def _value(self, where: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse(f"{where} is a table")
        left: list[Any] = [value]
        while left:
            each = left.pop()
            if isinstance(each, (dict, list)):
                left.extend(each.values() if isinstance(each, dict) else each)
            elif not isinstance(each, (str, int, float)) or each in _INFINITE or each != each:
                self._refuse(f"{where} has {each!r:.40}, which JSON has not: write it as text")
        return value

    def _refuse(self, reason: str) -> NoReturn:
        raise fault(self._source, reason)
