"""The definition of a table, as the store keeps it: key schema, TTL, keyspaces."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from dynafile.errors import InvalidName, SchemaMismatch
from dynafile.values import KEY_TYPES

_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A table, as ``meta.json`` has it; key types are None until the first write."""

    name: str
    pk_attribute: str
    sk_attribute: str | None
    pk_type: str | None = None
    sk_type: str | None = None
    ttl_attribute: str | None = None
    items: int = 0
    """The keyspace of the items."""
    expiry: int | None = None
    """The keyspace of the hidden index by expiry, where there is a TTL attribute."""

    def to_json(self) -> dict[str, Any]:
        """Return the definition as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Definition:
        """Read what :meth:`to_json` gave; raises TypeError where somebody changed it."""
        definition = cls(**value)
        for kind in (definition.pk_type, definition.sk_type):
            if kind is not None and kind not in KEY_TYPES:
                raise TypeError(f"{kind!r} is no key type")
        return definition

    def with_types(self, pk_type: str | None, sk_type: str | None) -> Definition:
        """Return the definition with key types learnt, where they were not known."""
        return replace(
            self,
            pk_type=self.pk_type or pk_type,
            sk_type=(self.sk_type or sk_type) if self.sk_attribute is not None else None,
        )


def check_attribute_name(name: object, what: str) -> None:
    """Raise InvalidName unless ``name`` can name an attribute."""
    if not isinstance(name, str) or not name:
        raise InvalidName(
            f"{what} must be a string of at least one character, not {name!r}", name=str(name)
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidName(
            f"{what} has a lone surrogate, which UTF-8 cannot express: {name!r}", name=name
        ) from None


def check_table_name(name: object) -> None:
    """Raise InvalidName unless DynamoDB would take the name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidName(
            f"the table name {name!r} is not valid: a name has 3 to 255 characters out of a-z, "
            "A-Z, 0-9, "
            f"underscore, dot and dash",
            name=str(name),
        )


def table_name_for(folder: str) -> str:
    """Make a valid table name of a folder's name."""
    name = re.sub(r"[^a-zA-Z0-9_.-]+", "-", folder).strip("-.")[:255] or "table"
    return name if len(name) >= 3 else f"{name}-table"


def check_same(stored: object, given: object, option: str, where: str) -> None:
    """Raise SchemaMismatch where an option contradicts what is stored."""
    if stored != given:
        raise SchemaMismatch(
            f"{where} was made with {option}={stored!r}, and is opened with {option}={given!r}: "
            "leave the "
            f"option out to take what is stored, or choose another folder"
        )
