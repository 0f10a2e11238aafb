"""Key templates: ``PK=country#{countrycode}`` makes an attribute out of others."""

from __future__ import annotations

import string
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.typed_text import number
from dynafile.errors import MalformedRecord

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Template:
    """An attribute and the text that makes its value.

    Fields are in braces and go through nested maps by dots, through lists by number:
    ``{address.city}``, ``{names.0}``. A field may have a format: ``{population:010d}``. Doubled
    braces stand for themselves.
    """

    attribute: str
    text: str
    parts: tuple[tuple[str, tuple[str, ...] | None, str], ...]

    @classmethod
    def parse(cls, option: str) -> Template:
        """Read ``attribute=template``; raise ``Failure`` where it is not valid."""
        attribute, equals, text = option.partition("=")
        if not equals or not attribute or not text:
            raise _invalid(option, "it has the form ATTRIBUTE=TEMPLATE")
        parts = []
        try:
            for literal, name, spec, conversion in string.Formatter().parse(text):
                if conversion or "{" in (spec or "") or name == "":
                    raise _invalid(option, "a field is {name}, {a.b} or {name:format}")
                path = None if name is None else tuple(name.split("."))
                parts.append((literal, path, spec or ""))
        except ValueError as error:
            raise _invalid(option, f"{error}; write {{{{ and }}}} for plain braces") from None
        return cls(attribute, text, tuple(parts))

    def value(self, item: Mapping[str, Any], kind: str | None) -> str | int | float | Decimal:
        """Return the attribute's value for an item.

        A field that stands alone keeps its number as a number; with anything around it, or where
        the table has string keys (``kind`` is ``"S"``), the value is text. Where the table has
        number keys (``"N"``) the text is read as a number.

        Raises ``MalformedRecord`` if a field is missing, or is no text and no number.
        """
        if kind != "S" and len(self.parts) == 1:
            literal, path, spec = self.parts[0]
            if path is not None and not literal and not spec:
                return _field(item, path)
        text = "".join(
            literal if path is None else literal + _formatted(item, path, spec)
            for literal, path, spec in self.parts
        )
        if kind != "N":
            return text
        try:
            return number(text)
        except ValueError:
            raise MalformedRecord(
                f"{self.attribute} is a number in this table, and the template made {text!r}"
            ) from None


def _field(item: Mapping[str, Any], path: tuple[str, ...]) -> str | int | float | Decimal:
    found: Any = item
    for step in path:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            found = None
    name = ".".join(path)
    if found is None:
        raise MalformedRecord(f"there is no {name!r} to make a key of")
    if isinstance(found, str | int | float | Decimal) and not isinstance(found, bool):
        return found
    raise MalformedRecord(f"{name!r} is neither text nor a number, so no key can be made of it")


def _formatted(item: Mapping[str, Any], path: tuple[str, ...], spec: str) -> str:
    value = _field(item, path)
    try:
        return format(value, spec)
    except ValueError as error:
        raise MalformedRecord(f"{'.'.join(path)!r} does not fit its format: {error}") from None


def _invalid(option: str, why: str) -> Failure:
    return Failure(
        f"--key {option!r} is not a template: {why}",
        hint="for example --key 'PK=country#{countrycode}' --key 'SK={name}#{geonameid}'",
        code=ExitCode.USAGE,
    )
