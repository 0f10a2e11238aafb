"""The text of a schema, in a rules file or a file of its own, to a schema whose form is right."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from dynafile.documents.packages import need
from dynafile.documents.rules.scanner import MAX_FILE, fault
from dynafile.documents.rules.schemas import Schema, SchemaError, pointer

__all__ = ["parse_schema"]

_DEEPEST: Final = 50
_BLANK: Final = " \t\r\n"


def parse_schema(source: str, text: str, start: int | None = None) -> tuple[Schema, int]:
    """Read a schema from a text: all of it, or what begins at a position; return it and its end.

    Raises ``InvalidRules`` with the position, ``MissingExtra`` without jsonschema.
    """
    if len(text) > MAX_FILE:
        raise fault(source, f"a schema has at most {MAX_FILE // 1024} KiB")
    begin = start if start is not None else len(text) - len(text.lstrip(_BLANK))
    value, end = _decoded(source, text, begin)
    rest = text[end:].lstrip(_BLANK)
    if start is None and rest:
        raise fault(source, "more follows after the schema", text, len(text) - len(rest))
    try:
        if not isinstance(value, dict):
            raise SchemaError("a schema is a JSON object", ())
        _check_values(value)
        _check_form(value)
        return Schema(value), end
    except SchemaError as error:
        where = f"the schema, at {pointer(error.steps)}: " if error.steps else "the schema: "
        raise fault(source, where + error.reason, text, begin) from None


def _decoded(source: str, text: str, begin: int) -> tuple[Any, int]:
    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            seen: set[str] = set()
            for twice, _ in members:
                if twice in seen:
                    break
                seen.add(twice)
            raise SchemaError(f"an object has {twice!r:.60} twice", ())
        return found

    def constant(name: str) -> NoReturn:
        raise SchemaError(f"{name} is no JSON", ())

    def number(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            raise SchemaError(f"{digits:.40} is out of range", ())
        return value

    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
    try:
        return decoder.raw_decode(text, begin)
    except json.JSONDecodeError as error:
        raise fault(source, f"the JSON does not parse: {error.msg}", text, error.pos) from None
    except SchemaError as error:
        raise fault(source, f"the schema: {error.reason}", text, begin) from None
    except RecursionError:
        raise fault(source, f"a schema is nested over {_DEEPEST} levels", text, begin) from None
    except ValueError:  # an integer of thousands of digits
        raise fault(source, "the schema has a number that is out of range", text, begin) from None


def _check_values(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        if any(isinstance(each, str) and not _is_text(each) for each in level):
            raise SchemaError("it has a lone surrogate, which no text has", ())
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in ((*each, *each.values()) if isinstance(each, dict) else each)
        ]
    if level:
        raise SchemaError(f"a schema is nested over {_DEEPEST} levels", ())


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)


def _check_form(value: dict[str, Any]) -> None:
    jsonschema = need("jsonschema", "type rules")
    formats = jsonschema.FormatChecker(formats=())
    try:
        jsonschema.Draft202012Validator.check_schema(value, format_checker=formats)
    except jsonschema.exceptions.SchemaError as error:
        steps = tuple(map(str, error.absolute_path))
        raise SchemaError(error.message[:200], steps) from None
    except RecursionError:
        raise SchemaError("it is nested too deeply", ()) from None
