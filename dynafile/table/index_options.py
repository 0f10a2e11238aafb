"""Indexes as a caller declares them: ``GlobalIndex``, ``LocalIndex``, ``Include``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from msgspec import Struct

from dynafile.errors import InvalidArgument, InvalidName, SchemaMismatch
from dynafile.table.definition import (
    ALL,
    GLOBAL,
    INCLUDE,
    KEYS_ONLY,
    LOCAL,
    Definition,
    IndexDefinition,
    check_attribute_name,
    is_name,
)
from dynafile.values import parse_key_type

MOST_KEY_ATTRIBUTES: Final = 4
MOST_GLOBAL: Final = 20
MOST_LOCAL: Final = 5
MOST_INCLUDED: Final = 100
"""DynamoDB's limit for the attributes that all indexes of a table include, added up."""

Names: TypeAlias = str | tuple[str, ...]
KeyType: TypeAlias = str | type
Types: TypeAlias = KeyType | tuple[KeyType, ...]


class Include:
    """A projection of the keys and these attributes."""

    __slots__ = ("attributes",)
    attributes: tuple[str, ...]

    def __init__(self, *attributes: str) -> None:
        if not attributes:
            raise InvalidArgument(
                'Include needs at least one attribute: use projection="KEYS_ONLY" for none'
            )
        for attribute in attributes:
            check_attribute_name(attribute, "an attribute to include")
        # In order, so that the order in which they are given makes no difference.
        object.__setattr__(self, "attributes", tuple(sorted(set(attributes))))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("an Include cannot be changed")

    def __reduce__(self) -> tuple[type[Include], tuple[str, ...]]:
        return Include, self.attributes

    def __eq__(self, other: object) -> bool:
        return self.attributes == other.attributes if isinstance(other, Include) else NotImplemented

    def __hash__(self) -> int:
        return hash((Include, self.attributes))

    def __repr__(self) -> str:
        return f"Include({', '.join(map(repr, self.attributes))})"


class _Declared(Struct, frozen=True):
    """An index; whether its types are given makes no difference to which one it is."""

    def _identity(self) -> tuple[object, ...]:
        names = (name for name in self.__struct_fields__ if not name.endswith("_type"))
        return (type(self), *(getattr(self, name) for name in names))

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, _Declared) else False

    def __hash__(self) -> int:
        return hash(self._identity())


class _GlobalKeys(_Declared, frozen=True):
    pk: Names
    sk: Names | None = None
    projection: str | Include = ALL


class GlobalIndex(_GlobalKeys, frozen=True, kw_only=True, repr_omit_defaults=True):
    """An index with a partition key and a sort key of its own: a second order of the whole table.

    :param pk: the attribute that is the partition key, or a tuple of up to four.
    :param sk: the attribute that is the sort key, or a tuple of up to four; None: without.
    :param projection: what its items hold: ``"ALL"`` attributes, ``"KEYS_ONLY"`` (the keys of
        index and table), or ``Include("a", "b")``, the keys and these.
    :param pk_type: ``"S"``, ``"N"`` or ``"B"``, or ``str``, ``int``, ``bytes``, a tuple of them for
        several attributes; by default as stored, and else the type of the first item that has it.
    :param sk_type: likewise.

    An item that lacks one of the key attributes is not in the index. See
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html.
    """

    pk_type: Types | None = None
    sk_type: Types | None = None

    def __post_init__(self) -> None:
        names = [*_names(self.pk, "pk"), *([] if self.sk is None else _names(self.sk, "sk"))]
        _check_distinct(names)
        _check_projection(self.projection)
        _types(self.pk, self.pk_type, "pk_type")
        _types(self.sk, self.sk_type, "sk_type")


class _LocalKeys(_Declared, frozen=True):
    sk: Names
    projection: str | Include = ALL


class LocalIndex(_LocalKeys, frozen=True, kw_only=True, repr_omit_defaults=True):
    """An index with the table's partition key: item collections in a second order.

    Parameters, and what is not in it, as for :class:`GlobalIndex`. See
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html.
    """

    sk_type: Types | None = None

    def __post_init__(self) -> None:
        _check_distinct(_names(self.sk, "sk"))
        _check_projection(self.projection)
        _types(self.sk, self.sk_type, "sk_type")


Index: TypeAlias = GlobalIndex | LocalIndex
Indexes: TypeAlias = Mapping[str, Index]


def check_indexes(given: object) -> dict[str, Index]:
    """Return declared indexes by name; raises InvalidName and InvalidArgument."""
    if given is None:
        return {}
    pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else [given]
    found: dict[str, Index] = {}
    for pair in pairs:
        if not isinstance(given, Mapping):
            raise InvalidArgument(
                f"indexes is a dict of names to GlobalIndex or LocalIndex, not {given!r:.80}"
            )
        name, index = pair
        check_index_name(name)
        if not isinstance(index, (GlobalIndex, LocalIndex)):
            raise InvalidArgument(
                f"the index {name!r} is a GlobalIndex or a LocalIndex, not {index!r:.80}"
            )
        found[name] = index
    return found


def check_index_name(name: object) -> None:
    """Raise InvalidName unless DynamoDB would take the name of an index."""
    if not is_name(name):
        raise InvalidName(
            f"the index name {name!r} is not valid: a name has 3 to 255 characters out of a-z, "
            "A-Z, 0-9, underscore, dot and dash",
            name=str(name),
        )


def define(
    definition: Definition, name: str, index: Index, keyspaces: tuple[int, int | None]
) -> Definition:
    """Return a table's definition with one more index, whose keyspaces are made already.

    Raises InvalidArgument where the table cannot have it, SchemaMismatch where the type of a key
    is known to be another.
    """
    if isinstance(index, LocalIndex) and definition.sk_attribute is None:
        raise InvalidArgument(
            f"the index {name!r} is local, and the table has no sort key, which DynamoDB requires "
            "for a LocalIndex: use a GlobalIndex"
        )
    local = isinstance(index, LocalIndex)
    kind, most = (LOCAL, MOST_LOCAL) if local else (GLOBAL, MOST_GLOBAL)
    count = sum(other.kind == kind for other in definition.indexes.values())
    if count >= most:
        raise InvalidArgument(
            f"the index {name!r} would be one over the limit: a table has up to {MOST_GLOBAL} "
            f"global and {MOST_LOCAL} local indexes; drop one, or use another table"
        )
    entries, gone = keyspaces
    made = as_defined(definition, name, index, entries, gone)
    if made.kind == LOCAL and definition.pk_attribute in made.sk:
        raise InvalidArgument(
            f"the index {name!r} has the table's partition key {definition.pk_attribute!r} as its "
            "sort key too: give it another attribute"
        )
    others = [len(other.include) for other in definition.indexes.values()]
    if len(made.include) + sum(others) > MOST_INCLUDED:
        raise InvalidArgument(
            f"the indexes of a table include up to {MOST_INCLUDED} attributes, added up, and "
            f"{name!r} would be over that: project ALL"
        )
    types = {}
    for attribute, letter in declared_types(index).items():
        known = definition.type_of(attribute)
        if known not in (None, letter):
            raise SchemaMismatch(
                f"the index {name!r} has {attribute!r} of type {letter}, and it is of type {known}:"
                " leave the type out, or use another attribute"
            )
        # The table learns its own from the first item, or from pk_type and sk_type.
        if attribute not in definition.key_attributes:
            types[attribute] = letter
    return definition.with_index_types(types).with_index(made)


def as_defined(
    definition: Definition, name: str, index: Index, entries: int, gone: int | None
) -> IndexDefinition:
    """Return what is stored of an index."""
    local = isinstance(index, LocalIndex)
    projection = index.projection
    return IndexDefinition(
        name=name,
        kind=LOCAL if local else GLOBAL,
        pk=(definition.pk_attribute,) if isinstance(index, LocalIndex) else _tuple(index.pk),
        sk=_tuple(index.sk),
        projection=INCLUDE if isinstance(projection, Include) else projection,
        include=projection.attributes if isinstance(projection, Include) else (),
        entries=entries,
        gone=gone,
    )


def check_same_index(definition: Definition, name: str, index: Index, where: str) -> None:
    """Raise SchemaMismatch where an index is stored under this name with another definition."""
    stored = definition.indexes[name]
    given = as_defined(definition, name, index, stored.entries, stored.gone)
    parts = [
        f"{part}={getattr(stored, part)!r}, not {getattr(given, part)!r}"
        for part in ("kind", "pk", "sk", "projection", "include")
        if getattr(stored, part) != getattr(given, part)
    ]
    parts += [
        f"{attribute!r} of type {definition.type_of(attribute)}, not {kind}"
        for attribute, kind in declared_types(index).items()
        if definition.type_of(attribute) not in (None, kind)
    ]
    if parts:
        raise SchemaMismatch(
            f"{where} has an index {name!r} with {' and '.join(parts)}: leave it out of indexes to "
            f"take what is stored, use another name, or drop_index({name!r}) first"
        )


def declared(definition: IndexDefinition) -> Index:
    """Return an index as a caller would declare it."""
    if definition.projection == INCLUDE:
        projection: str | Include = Include(*definition.include)
    else:
        projection = definition.projection
    if definition.kind == LOCAL:
        return LocalIndex(_plain(definition.sk), projection)
    sk = _plain(definition.sk) if definition.sk else None
    return GlobalIndex(_plain(definition.pk), sk, projection)


def declared_types(index: Index) -> dict[str, str]:
    """Return the types that a declaration gives for attributes."""
    types = _types(index.sk, index.sk_type, "sk_type")
    if isinstance(index, GlobalIndex):
        types |= _types(index.pk, index.pk_type, "pk_type")
    return types


def _tuple(names: Names | None) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def _plain(names: tuple[str, ...]) -> Names:
    return names[0] if len(names) == 1 else names


def _names(given: object, what: str) -> tuple[str, ...]:
    names = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if not 1 <= len(names) <= MOST_KEY_ATTRIBUTES:
        raise InvalidArgument(
            f"{what} is the name of an attribute, or a tuple of 1 to {MOST_KEY_ATTRIBUTES}, not "
            f"{given!r}"
        )
    for name in names:
        check_attribute_name(name, f"an attribute of {what}")
    return names


def _check_distinct(names: Iterable[str]) -> None:
    names = list(names)
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgument(
                f"{name!r} is a key of the index twice: give it different attributes"
            )


def _check_projection(projection: object) -> None:
    if projection not in (ALL, KEYS_ONLY) and not isinstance(projection, Include):
        raise InvalidArgument(
            f'projection is "ALL", "KEYS_ONLY" or Include("a", "b"), not {projection!r}'
        )


def _types(names: Names | None, given: Types | None, what: str) -> dict[str, str]:
    if given is None:
        return {}
    attributes = _tuple(names)
    types = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if len(types) != len(attributes):
        raise InvalidArgument(
            f"{what} has {len(types)} types for {len(attributes)} attributes: give one for each"
        )
    return dict(zip(attributes, map(parse_key_type, types), strict=True))
