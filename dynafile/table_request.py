"""What a request says of keys and indexes, in boto3's fields: the rules of CreateTable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from dynafile.constraints import elements, invalid, one_of, resource_name, structure, text
from dynafile.errors import InvalidArgument
from dynafile.settings_request import units_of
from dynafile.table.definition import ALL, INCLUDE, KEYS_ONLY, Definition
from dynafile.table.index_options import (
    MOST_GLOBAL,
    MOST_INCLUDED,
    MOST_KEY_ATTRIBUTES,
    MOST_LOCAL,
    GlobalIndex,
    Include,
    Index,
    LocalIndex,
)
from dynafile.table.settings import Units

Fields = Mapping[str, Any]
"""A dict with boto3's keys."""

_KEY_TYPES: Final = ("HASH", "RANGE")
_TYPES: Final = ("B", "N", "S")
_PROJECTIONS: Final = (ALL, INCLUDE, KEYS_ONLY)
_MOST_NON_KEY: Final = 20


class KeyNames(Struct, frozen=True):
    """The attributes of a key schema."""

    hash: tuple[str, ...]
    range: tuple[str, ...]

    def __iter__(self) -> Iterator[str]:
        return iter((*self.hash, *self.range))


class RequestedIndex(Struct, frozen=True):
    """A secondary index as a request has it, each field valid by itself."""

    name: str
    path: str
    elements: list[tuple[str, str]]
    projection: str | None
    included: tuple[str, ...] | None
    units: Units | None

    @property
    def local(self) -> bool:
        """Whether it stands under LocalSecondaryIndexes."""
        return self.path.startswith("Local")

    def declared(self, types: Mapping[str, str]) -> Index:
        """Return it as a caller would declare it."""
        keys = index_keys(self)
        projection: str | Include = self.projection or ALL
        if self.included is not None:
            projection = Include(*self.included)
        sk_type = tuple(types[name] for name in keys.range)
        if self.local:
            return LocalIndex(keys.range, projection, sk_type=sk_type)
        pk_type = tuple(types[name] for name in keys.hash)
        if not keys.range:
            return GlobalIndex(keys.hash, None, projection, pk_type=pk_type)
        return GlobalIndex(keys.hash, keys.range, projection, pk_type=pk_type, sk_type=sk_type)


def table_of(
    name: str, schema: object, definitions: object, requested: Sequence[RequestedIndex]
) -> tuple[Definition, dict[str, Index]]:
    """Return the definition of a new table, and its indexes."""
    types = attribute_types(definitions)
    keys = table_keys(key_elements(schema, "KeySchema", 2))
    check_defined(keys, types)
    for index in requested:
        check_defined(index_keys(index), types)
    check_indexes(keys, requested)
    _check_used(keys, requested, types)
    (pk,), sk = keys.hash, keys.range[0] if keys.range else None
    definition = Definition(
        name=name,
        pk_attribute=pk,
        sk_attribute=sk,
        pk_type=types[pk],
        sk_type=None if sk is None else types[sk],
    )
    return definition, {index.name: index.declared(types) for index in requested}


def attribute_types(given: object) -> dict[str, str]:
    """Return the types of AttributeDefinitions by name."""
    types: dict[str, str] = {}
    for number, element in enumerate(
        elements([] if given is None else given, "AttributeDefinitions")
    ):
        path = f"AttributeDefinitions[{number}]"
        found = structure(element, path, ("AttributeName", "AttributeType"))
        name = text(found["AttributeName"], f"{path}.AttributeName", 1, 255)
        if name in types:
            raise invalid(f"Duplicate AttributeName in AttributeDefinitions: {name}")
        types[name] = one_of(found["AttributeType"], f"{path}.AttributeType", _TYPES)
    return types


def key_elements(given: object, path: str, most: int) -> list[tuple[str, str]]:
    """Return names and key types of a KeySchema."""
    found = []
    for number, element in enumerate(elements(given, path, 1, most)):
        inner = f"{path}[{number}]"
        fields = structure(element, inner, ("AttributeName", "KeyType"))
        name = text(fields["AttributeName"], f"{inner}.AttributeName", 1, 255)
        found.append((name, one_of(fields["KeyType"], f"{inner}.KeyType", _KEY_TYPES)))
    return found


def requested_indexes(given: object, path: str) -> list[RequestedIndex]:
    """Return the indexes of GlobalSecondaryIndexes or LocalSecondaryIndexes."""
    if given is None:
        return []
    found = elements(given, path)
    if not found:
        raise invalid(f"List of {path} is empty")
    return [requested_index(each, f"{path}[{number}]") for number, each in enumerate(found)]


def requested_index(given: object, path: str) -> RequestedIndex:
    """Return one index of a request."""
    local = path.startswith("Local")
    optional = ("WarmThroughput", "OnDemandThroughput", "ProvisionedThroughput")
    fields = structure(
        given, path, ("IndexName", "KeySchema", "Projection"), () if local else optional
    )
    name = resource_name(fields["IndexName"], f"{path}.IndexName")
    most = 2 if local else 2 * MOST_KEY_ATTRIBUTES
    keys = key_elements(fields["KeySchema"], f"{path}.KeySchema", most)
    inner = f"{path}.Projection"
    projection = structure(fields["Projection"], inner, (), ("ProjectionType", "NonKeyAttributes"))
    kind = projection.get("ProjectionType")
    if kind is not None:
        kind = one_of(kind, f"{inner}.ProjectionType", _PROJECTIONS)
    non_key = projection.get("NonKeyAttributes")
    if non_key is not None:
        inner = f"{inner}.NonKeyAttributes"
        names = elements(non_key, inner, 1, _MOST_NON_KEY)
        non_key = tuple(text(each, f"{inner}[{n}]", 1, 255) for n, each in enumerate(names))
    units = fields.get("ProvisionedThroughput")
    if units is not None:
        units = units_of(units, f"{path}.ProvisionedThroughput")
    return RequestedIndex(name, path, keys, kind, non_key, units)


# -- how they fit together ----------------------------------------------------------------------


def table_keys(schema: list[tuple[str, str]]) -> KeyNames:
    """Return the keys of a table's KeySchema."""
    _check_hash_first(schema)
    if len(schema) > 1 and schema[1][1] != "RANGE":
        raise InvalidArgument(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
        )
    return _names(schema)


def index_keys(index: RequestedIndex) -> KeyNames:
    """Return the keys of an index: of a global one up to four and four."""
    if index.local:
        return table_keys(index.elements)
    schema = index.elements
    _check_hash_first(schema)
    kinds = [kind for _, kind in schema]
    if kinds != sorted(kinds):
        raise InvalidArgument(
            "Invalid KeySchema: A HASH key type comes after a RANGE key type for index: "
            f"{index.name}"
        )
    for kind in _KEY_TYPES:
        if kinds.count(kind) > MOST_KEY_ATTRIBUTES:
            raise InvalidArgument(
                f"Invalid KeySchema: More than {MOST_KEY_ATTRIBUTES} elements of key type {kind} "
                f"for index: {index.name}"
            )
    return _names(schema)


def _check_hash_first(schema: list[tuple[str, str]]) -> None:
    if schema[0][1] != "HASH":
        raise InvalidArgument(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        )


def _names(schema: list[tuple[str, str]]) -> KeyNames:
    names = [name for name, _ in schema]
    if len(set(names)) < len(names):
        if len(names) == 2:
            raise InvalidArgument(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name"
            )
        raise InvalidArgument(
            "Invalid KeySchema: Some elements in the KeySchema have the same name"
        )
    hashes, ranges = (tuple(n for n, kind in schema if kind == each) for each in _KEY_TYPES)
    return KeyNames(hashes, ranges)


def check_defined(keys: KeyNames, types: Mapping[str, str]) -> None:
    """Raise InvalidArgument where a key attribute has no definition."""
    if not types.keys() >= set(keys):
        raise invalid(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: "
            f"{_listed(keys)}, AttributeDefinitions: {_listed(types)}"
        )


def check_indexes(keys: KeyNames, indexes: Sequence[RequestedIndex]) -> None:
    """Raise InvalidArgument where indexes do not fit the table, or one another."""
    names = [index.name for index in indexes]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Duplicate index name: {name}")
    local = [index for index in indexes if index.local]
    if len(local) > MOST_LOCAL:
        raise invalid(f"Number of LocalSecondaryIndexes exceeds per-table limit of {MOST_LOCAL}")
    if len(indexes) - len(local) > MOST_GLOBAL:
        raise invalid(f"GlobalSecondaryIndex count exceeds the per-table limit of {MOST_GLOBAL}")
    for index in local:
        _check_local(keys, index)
    for index in indexes:
        check_projection(index)
    if sum(len(index.included or ()) for index in indexes) > MOST_INCLUDED:
        raise invalid(
            "Number of NonKeyAttributes in all the indexes exceeds the per-table limit of "
            f"{MOST_INCLUDED}"
        )


def _check_local(keys: KeyNames, index: RequestedIndex) -> None:
    if not keys.range:
        raise invalid(
            "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex"
        )
    own = index_keys(index)
    if own.hash != keys.hash:
        raise invalid(
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
            f"{index.name}. index hash key: {own.hash[0]}, table hash key: {keys.hash[0]}"
        )
    if not own.range:
        raise invalid(f"Index KeySchema does not have a range key for index: {index.name}")


def check_projection(index: RequestedIndex) -> None:
    """Raise InvalidArgument where the parts of a Projection do not fit together."""
    if index.projection is None:
        raise invalid("Unknown ProjectionType: null")
    if index.projection == INCLUDE and index.included is None:
        raise invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if index.projection != INCLUDE and index.included is not None:
        raise invalid(f"ProjectionType is {index.projection}, but NonKeyAttributes is specified")


def _check_used(
    keys: KeyNames, indexes: Sequence[RequestedIndex], types: Mapping[str, str]
) -> None:
    used = dict.fromkeys(keys)
    for index in indexes:
        used.update(dict.fromkeys(index_keys(index)))
    if types.keys() <= used.keys():
        return
    if not indexes:
        raise invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined "
            "in AttributeDefinitions"
        )
    raise invalid(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: {_listed(types)}, keys "
        f"used: {_listed(used)}"
    )


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"
