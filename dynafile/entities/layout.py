"""Where entities lie in a table: one partition a type, a list of aliases, or a list of links.

.. code-block:: text

    partition key            sort key          what it is
    entity#Person            #011              the entity Person@1: fields and to-one relations
    entity.alias#Person      =John             {"id": "1"}
    entity.links#Person@3#children
                             Person@#011       an end of a link: {"type": "Person", "id": "1"}
    entity.count#Person@3    children          how many links that list has
    entity.types             Person            {"last": 4, "count": 3}: the last id, how many are
    entity.indexes           Person            {"fields": ["N.age"], "version": 1, "alias": "name"}:
                                               what is indexed, of which version
    entity.audit             0000000000000000  an entry of the audit log
    entity.audit             last              how many numbers were given

All begin with ``entity``, as others may have items in the table too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dynafile.values import MAX_SORT_KEY_BYTES

TYPES: Final = "entity.types"
INDEXES: Final = "entity.indexes"
AUDIT: Final = "entity.audit"
AUDIT_LAST: Final = "last"
PARTS: Final = ("entity#", "entity.alias#", "entity.links#", "entity.count#")
"""What the other partitions begin with."""
_MOST_DIGITS: Final = 99


class Reference(NamedTuple):
    """An entity, named."""

    type: str
    """With its namespace."""
    id: str

    def __str__(self) -> str:
        return f"{self.type}@{self.id}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read what :meth:`__str__` wrote; a type has no ``@`` in it."""
        kind, _, name = text.partition("@")
        return cls(kind, name)


def is_number(id_: str) -> bool:
    """Say whether an id is one that could have been given in turn: 1, 2, and so on."""
    return id_.isascii() and id_.isdecimal() and id_[0] != "0" and len(id_) <= _MOST_DIGITS


def id_key(id_: str) -> str:
    """Return a sort key for an id: numbers in their order, then the others.

    >>> sorted(["10", "9", "abc"], key=id_key)
    ['9', '10', 'abc']
    """
    return f"#{len(id_):02}{id_}" if is_number(id_) else f"~{id_}"


def id_of(key: str) -> str:
    """Return the id that :func:`id_key` made a sort key of."""
    return key[3:] if key[0] == "#" else key[1:]


def entities(type_: str) -> str:
    """Return the partition of a type."""
    return f"entity#{type_}"


def aliases(type_: str) -> str:
    """Return the partition of the aliases of a type."""
    return f"entity.alias#{type_}"


def alias_key(alias: str) -> str:
    """Return the sort key of an alias, which may be empty."""
    return f"={alias}"


def links(owner: Reference, field: str) -> str:
    """Return the partition of one list of links."""
    return f"entity.links#{owner}#{field}"


def link_key(other: Reference) -> str:
    """Return the sort key of a link: by type, and then as the ids are ordered."""
    return f"{other.type}@{id_key(other.id)}"


def counts(owner: Reference) -> str:
    """Return the partition that has the lengths of an entity's lists of links."""
    return f"entity.count#{owner}"


def audit_key(number: int) -> str:
    """Return the sort key of an entry of the audit log."""
    return f"{number:016}"


def is_key(key: str) -> bool:
    """Say whether a text can be a sort key: it has at most 1024 bytes, all of them UTF-8."""
    if key.isascii():
        return len(key) <= MAX_SORT_KEY_BYTES
    try:
        return len(key.encode()) <= MAX_SORT_KEY_BYTES
    except UnicodeEncodeError:
        return False
