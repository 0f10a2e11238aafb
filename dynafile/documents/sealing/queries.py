"""Queries on sealed fields: ``==`` by hashes, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from dynafile.documents.base64url import to_text
from dynafile.documents.sealing.keys import SealingKey
from dynafile.documents.sealing.places import Declared, Path, field_path, shown_field
from dynafile.documents.sealing.values import canonical, encoded
from dynafile.errors import SealedFieldQuery

__all__ = ["rewritten", "uses"]


def rewritten(
    chosen: list[Declared], keys: Sequence[SealingKey], field: str, op: str, value: Any
) -> tuple[str, str, Any]:
    """Return a condition on hashes; what is not sealed stays as it is."""
    asked = field_path(field)
    found = [each for each in chosen if _touches(each.field, asked)]
    if not found:
        return field, op, value
    exact = [each for each in found if each.field == asked]
    if len(exact) < len(found):
        _refuse(found[0], f"{op!r} on {shown_field(asked)} needs what is in it")
    if op != "==":
        _refuse(exact[0], f"{op!r} needs what is in it; == is what there is")
    if not all(each.how.searchable for each in exact):
        _refuse(exact[0], "== needs Field(searchable=True)")
    encoded(value, f"the value that {shown_field(asked)} is compared with")
    checked = canonical(value)
    # Of documents that older keys have sealed too, and of all patterns that a group has.
    hashes = [to_text(key.content.match(each.context, checked)) for each in exact for key in keys]
    if len(hashes) == 1:
        return f"{field}.match", "==", hashes[0]
    return f"{field}.match", "in", hashes


def uses(chosen: list[Declared], field: str, what: str) -> None:
    """Refuse what needs a field, if it is sealed."""
    asked = field_path(field)
    for each in chosen:
        if _touches(each.field, asked):
            _refuse(each, f"{what} needs what is in it")


def _touches(sealed: Path, asked: Path) -> bool:
    shared = min(len(sealed), len(asked))
    return sealed[:shared] == asked[:shared]


def _refuse(each: Declared, why: str) -> NoReturn:
    raise SealedFieldQuery(
        f"{shown_field(each.field)} of {'/'.join(each.pattern)} is sealed, and {why}; query by "
        "another field, and filter what was opened",
        field=shown_field(each.field),
    )
