"""A new table, out of the arguments of ``create_table``: ours, or boto3's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from dynafile.constraints import flag, resource_name
from dynafile.errors import InvalidArgument
from dynafile.settings_request import (
    billing_of,
    encryption_of,
    stream_of,
    table_class_of,
    tags_of,
    units_of,
)
from dynafile.table.definition import Definition
from dynafile.table.index_options import Index, check_indexes
from dynafile.table.settings import PROVISIONED, Settings
from dynafile.table.stream_options import with_stream
from dynafile.table_options import AS_STORED, TableOptions
from dynafile.table_request import requested_indexes, table_of
from dynafile.values import parse_key_type

_OURS: Final = ("pk_attribute", "sk_attribute", "pk_type", "sk_type", "indexes")
_BOTO3S: Final = (
    "key_schema",
    "attribute_definitions",
    "global_secondary_indexes",
    "local_secondary_indexes",
)


def new_table(given: Mapping[str, Any], created: int) -> tuple[Definition, dict[str, Index]]:
    """Return the definition of a new table without keyspaces, and its indexes.

    ``given`` are the arguments by name; what was left out is None, or AS_STORED. ``created`` is in
    microseconds. Raises ValidationError kinds, in DynamoDB's words where it has any.
    """
    name = _name_of(given["name"], given["table_name"])
    ours = [each for each in _OURS if given[each] not in (None, AS_STORED)]
    ours += ["sk_attribute"] if given["sk_attribute"] is None else []
    boto3s = [each for each in _BOTO3S if given[each] is not None]
    if ours and boto3s:
        raise InvalidArgument(f"give {ours[0]} or {boto3s[0]}, not both: they say the same")
    globals_ = requested_indexes(given["global_secondary_indexes"], "GlobalSecondaryIndexes")
    locals_ = requested_indexes(given["local_secondary_indexes"], "LocalSecondaryIndexes")
    if boto3s:
        if given["key_schema"] is None:
            raise InvalidArgument('Missing required parameter in input: "KeySchema"')
        requested = [*globals_, *locals_]
        schema, definitions = given["key_schema"], given["attribute_definitions"]
        definition, indexes = table_of(name, schema, definitions, requested)
    else:
        definition = _options_of(name, given).new_definition(name)
        indexes = check_indexes(given["indexes"])
    if given["ttl_attribute"] is not None:
        definition = _with_ttl(definition, given)
    throughput = given["provisioned_throughput"]
    units = None if throughput is None else units_of(throughput, "ProvisionedThroughput")
    index_units = {index.name: index.units for index in globals_}
    billing = billing_of(given["billing_mode"], units, index_units)
    own = {index: each for index, each in index_units.items() if each is not None}
    settings = Settings(
        created=created,
        billing=billing,
        units=units,
        index_units=own if billing == PROVISIONED else {},
        protected=flag(given["deletion_protection_enabled"], "DeletionProtectionEnabled"),
        table_class=table_class_of(given["table_class"]),
        encrypted=encryption_of(given["sse_specification"]),
        tags=tags_of(given["tags"]),
    )
    stream = stream_of(given["stream"], given["stream_specification"])
    if stream is not None:
        settings = with_stream(settings, stream, created)
    return replace(definition, settings=settings), indexes


def _name_of(name: object, table_name: object) -> str:
    if name is not None and table_name is not None:
        raise InvalidArgument("give the name once: as the first argument, or as table_name=")
    given = table_name if name is None else name
    if given is None:
        raise InvalidArgument('Missing required parameter in input: "TableName"')
    return resource_name(given, "TableName")


def _options_of(name: str, given: Mapping[str, Any]) -> TableOptions:
    types = [given["pk_type"], given["sk_type"]]
    pk_type, sk_type = (None if kind is None else parse_key_type(kind) for kind in types)
    pk, sk = given["pk_attribute"], given["sk_attribute"]
    return TableOptions("", pk, sk, given["ttl_attribute"], pk_type, sk_type, name)


def _with_ttl(definition: Definition, given: Mapping[str, Any]) -> Definition:
    """Add the TTL attribute, checked as that of a table that is declared in our words."""
    pk, sk, ttl = definition.pk_attribute, definition.sk_attribute, given["ttl_attribute"]
    checked = TableOptions("", pk, sk, ttl, None, None, None).new_definition(definition.name)
    return replace(definition, ttl_attribute=checked.ttl_attribute)
