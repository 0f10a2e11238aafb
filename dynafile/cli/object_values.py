"""Values of objects on the command line: as JSON, as text, as bytes."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import ExitCode, Failure, cannot_read
from dynafile.values.tagged import decoder, dumps, structure

if TYPE_CHECKING:
    from dynafile.objects.codec import ObjectState

_OBJECT = "$object"
"""The tag of an object of a declared class; it stands only around a whole value."""

# In JSON text these stand in strings alone. DEL, C1 and the overrides of writing direction could
# command a terminal, or make text look like other text.
_ESCAPED = {
    point: f"\\u{point:04x}"
    for point in (*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def as_json(value: Any, key: str, *, indent: int | None = None) -> str:
    """Return a value as JSON with tags; raises Failure for one that has none."""
    from dynafile.objects.codec import ObjectState

    try:
        if type(value) is ObjectState:
            state = {"class_name": value.class_name, "attributes": dict(value.data)}
            _check(state)
            separators = (",", ":") if indent is None else None
            tagged = {_OBJECT: structure(state)}
            text = json.dumps(tagged, ensure_ascii=False, indent=indent, separators=separators)
        else:
            _check(value)
            text = dumps(value, indent=indent)
    except (TypeError, ValueError, RecursionError) as error:
        raise Failure(
            f"{key} has no JSON: {error}", hint="--repr shows it as Python does"
        ) from None
    # Half a character, which UTF-8 cannot have, is escaped as JSON has it.
    return text.encode("utf-8", "backslashreplace").decode().translate(_ESCAPED)


def as_bytes(value: Any, key: str) -> bytes:
    """Return bytes as they are, and text in UTF-8; raises Failure for other values."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    raise Failure(
        f"{key} is of type {type(value).__name__}, and --raw is for bytes and str",
        hint="without --raw it is JSON",
    )


def given_bytes(value: str | None, file: str | None) -> bytes:
    """Return what was given as an argument, in a file, or, without or with ``-``, piped in."""
    if value is not None and file is not None:
        raise Failure("VALUE and --file exclude each other", code=ExitCode.USAGE)
    if file is not None and file != "-":
        try:
            return Path(file).read_bytes()
        except OSError as error:
            raise cannot_read(file, error) from None
    if value is not None and value != "-":
        return os.fsencode(value)
    if value is None and file is None and sys.stdin.isatty():
        raise Failure("no value was given", hint="give it, or pipe it in", code=ExitCode.USAGE)
    return sys.stdin.buffer.read()


def text_of(data: bytes) -> str:
    """Return bytes as text; raises Failure if they are no UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the value is no UTF-8: {error.reason} at offset {error.start}"
        raise Failure(message, hint="--bytes stores it as it is", code=ExitCode.DATA) from None


def from_json(text: str, *, decimal: bool, tags: bool) -> Any:
    """Return the value that JSON text stands for; raises Failure if it is not valid."""
    try:
        value = decoder(decimal=decimal, tags=tags).decode(text)
        # A dict of a user's that looks like an object is written with one $ more.
        looks = tags and type(value) is dict and value.keys() == {_OBJECT}
        if looks and json.loads(text).keys() == {_OBJECT}:
            return _state(value[_OBJECT])
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"the value is not valid JSON: {error}",
            hint="text needs double quotes in JSON, or --text",
            code=ExitCode.DATA,
        ) from None
    return value


def _state(value: Any) -> ObjectState:
    from dynafile.objects.codec import ObjectState

    if type(value) is dict and value.keys() == {"class_name", "attributes"}:
        name, attributes = value["class_name"], value["attributes"]
        if type(name) is str and type(attributes) is dict:
            return ObjectState(name, attributes)
    raise ValueError(f"{_OBJECT} has a class_name, which is a string, and attributes, an object")


def _check(value: Any) -> None:
    """Raise TypeError for what JSON would take, and give back as something else."""
    kind = type(value)
    if kind is dict:
        for name, each in value.items():
            if type(name) is not str:
                raise TypeError(f"a dict has a key of type {type(name).__name__}")
            _check(each)
    elif kind in (list, tuple, set, frozenset):
        for each in value:
            _check(each)
    elif kind is float and not math.isfinite(value):
        raise TypeError(f"it has no number {value}")
