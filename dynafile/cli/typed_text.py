"""Text from the command line and from CSV cells as values of a declared type."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import ExitCode, Failure
from dynafile.values.tagged import decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_INTEGER = re.compile(r"[+-]?[0-9]{1,200}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,5})?")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def number(text: str) -> int | Decimal:
    """Read a number exactly: ``int`` where it is written as one, else ``Decimal``."""
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    return Decimal(text)


def key_value(text: str, kind: str | None, attribute: str) -> str | int | Decimal | bytes:
    """Read an argument as a key attribute of type ``kind``: ``"S"``, ``"N"``, ``"B"`` or unknown.

    Binary keys are written in base64. Raises ``Failure`` for text that is not of the type.
    """
    written = "a number"
    try:
        if kind == "N":
            return number(text)
        if kind == "B":
            written = "binary, written in base64,"
            return base64.b64decode(text, validate=True)
    except ValueError:
        raise Failure(
            f"{attribute} is {written} in this table, and {text!r} is not", code=ExitCode.USAGE
        ) from None
    return text


def converters(*, decimal: bool, tags: bool) -> dict[str, Callable[[str], object]]:
    """Return the types that a CSV column may be declared as, with what reads each."""
    read_json = decoder(tags=tags, decimal=decimal).decode
    return {
        "string": str,
        "int": _integer,
        "float": _decimal if decimal else _float,
        "number": number if decimal else _number_or_float,
        "bool": _truth,
        "json": read_json,
        "binary": lambda text: base64.b64decode(text, validate=True),
    }


def declared_types(options: Iterable[str]) -> dict[str, str]:
    """Read ``COLUMN=TYPE`` options; raise ``Failure`` where one is not valid."""
    known = converters(decimal=False, tags=False)
    declared = {}
    for option in options:
        column, _, name = option.rpartition("=")
        if not column or name not in known:
            raise Failure(
                f"--type {option!r} is not COLUMN=TYPE",
                hint=f"types are {', '.join(known)}; for example --type population=int",
                code=ExitCode.USAGE,
            )
        declared[column] = name
    return declared


def _integer(text: str) -> int:
    text = text.strip()
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def _decimal(text: str) -> Decimal:
    return Decimal(number(text))


def _float(text: str) -> float:
    return float(number(text))


def _number_or_float(text: str) -> int | float:
    value = number(text)
    return value if isinstance(value, int) else float(value)


def _truth(text: str) -> bool:
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{text!r} is neither true nor false") from None


def typed(text: str, name: str, convert: Callable[[str], Any]) -> Any:
    """Convert a cell; raise ``ValueError`` that says what it should have been."""
    try:
        return convert(text)
    except (ValueError, ArithmeticError):
        raise ValueError(f"{text!r} is not of type {name}") from None
