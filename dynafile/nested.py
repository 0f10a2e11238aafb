"""Parameters inside parameters: boto3's names in their dicts, or the same in snake_case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from dynafile.errors import ValidationError

_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def fields(
    given: object, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a nested parameter by boto3's names; raises ValidationError for any other name.

    ``where`` names it in messages. ``TableName`` may be written ``table_name``, and so on.
    """
    if not isinstance(given, Mapping):
        raise ValidationError(f"{where} must be a dict, not {given!r}")
    names, needed, known = _names(required, optional)
    if type(given) is dict and needed <= given.keys() <= known:
        return given
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = names.get(key)
        if name is None:
            raise ValidationError(
                f"Unknown parameter in {where}: {key!r}, must be one of: "
                f"{', '.join((*required, *optional))}"
            )
        if name in found:
            raise ValidationError(f"{where} has {name!r} twice, in two spellings: leave one out")
        found[name] = value
    for name in required:
        if name not in found:
            raise ValidationError(f"Missing required parameter in {where}: {name!r}")
    return found


@cache
def _names(
    required: tuple[str, ...], optional: tuple[str, ...]
) -> tuple[dict[str, str], frozenset[str], frozenset[str]]:
    """Return boto3's names by all spellings, those that are required, and all."""
    known = (*required, *optional)
    names = {_HUMP.sub("_", name).lower(): name for name in known}
    return names | {name: name for name in known}, frozenset(required), frozenset(known)
