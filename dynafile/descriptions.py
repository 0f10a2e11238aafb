"""Descriptions: what a table and its indexes tell of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from xxhash import xxh3_128_digest

from dynafile.store.store import Store
from dynafile.store.writer import SchemaChanged
from dynafile.table.definition import INCLUDE, Definition, IndexDefinition, table_not_found
from dynafile.table.index_options import GlobalIndex, LocalIndex, declared
from dynafile.table.settings import PROVISIONED, Settings, Units, moment_of
from dynafile.table.stream_options import StreamOptions, declared_stream

ARN: Final = "arn:aws:dynamodb:local:000000000000:table/"
"""What the ARN of a table begins with; its name follows."""


class IndexDescription(Struct, frozen=True, kw_only=True):
    """What :meth:`Table.describe` tells of an index."""

    name: str
    index: GlobalIndex | LocalIndex
    """As it would be declared."""
    status: str
    """``ACTIVE``, or ``CREATING``: it is being filled, and cannot be read yet."""
    entry_count: int
    """Entries, those of items that are expired and not removed yet too."""
    skipped_count: int
    """Items that the backfill left out, because an attribute was of another type than the key's."""
    types: Mapping[str, str | None]
    """The types of its key attributes, ``S``, ``N`` or ``B``; None: not known yet."""
    partition_count: int
    snapshot_bytes: int
    backfilling: bool = False
    """Whether it is being filled."""
    index_arn: str = ""
    key_schema: tuple[Mapping[str, str], ...] = ()
    """As boto3 has it."""
    projection: Mapping[str, Any] | None = None
    """As boto3 has it."""
    provisioned_throughput: Mapping[str, int] | None = None
    """As boto3 has it; None where the table is not provisioned, or the index is local."""


class TableDescription(Struct, frozen=True, kw_only=True):
    """What :meth:`Table.describe` and :meth:`Database.describe_table` tell. Sizes are in bytes."""

    table_name: str
    path: str
    pk_attribute: str
    pk_type: str | None
    """``S``, ``N`` or ``B``; None while nothing was written."""
    sk_attribute: str | None
    sk_type: str | None
    ttl_attribute: str | None
    item_count: int
    """Items that are not expired."""
    partition_count: int
    snapshot_bytes: int
    """The partitions' files."""
    journal_bytes: int
    """The journal past the checkpoint: what the next opening replays."""
    disk_bytes: int
    """Everything in the folder, also of other tables in it."""
    indexes: tuple[IndexDescription, ...] = ()
    table_status: str = "ACTIVE"
    """``ACTIVE``, or ``UPDATING``: an index is being filled."""
    creation_date_time: datetime | None = None
    """None for a table that was made before this was kept."""
    table_arn: str = ""
    table_id: str = ""
    """Another one for each table that was ever made in the folder."""
    table_size_bytes: int = 0
    """The partitions' files of the items, as of the last checkpoint."""
    key_schema: tuple[Mapping[str, str], ...] = ()
    """As boto3 has it, and so are the others below."""
    attribute_definitions: tuple[Mapping[str, str], ...] = ()
    """Of key attributes whose type is known."""
    billing_mode: str = ""
    provisioned_throughput: Mapping[str, int] | None = None
    stream_specification: Mapping[str, Any] | None = None
    latest_stream_label: str | None = None
    """When the stream was declared; it stays when that was disabled."""
    latest_stream_arn: str | None = None
    stream: StreamOptions | None = None
    """The stream as it would be declared here; None: it has none."""
    deletion_protection_enabled: bool = False
    table_class: str = ""
    encryption_requested: bool = False
    """Whether it was made with ``SSESpecification``; nothing in the folder is encrypted."""


def describe_table(
    store: Store, definition: Definition, path: str, item_count: int
) -> TableDescription:
    """Describe a table. Cost: the headers of all partitions are read."""
    try:
        figures = store.figures(store.keyspace(definition.items))
    except SchemaChanged:
        raise table_not_found(definition.name) from None  # deleted meanwhile
    indexes = [_describe_index(store, definition, each) for each in definition.indexes.values()]
    found = tuple(index for index in indexes if index is not None)
    settings = definition.settings
    created = settings.created
    view, label = settings.stream, stream_label(settings)
    return TableDescription(
        table_name=definition.name,
        path=path,
        pk_attribute=definition.pk_attribute,
        pk_type=definition.pk_type,
        sk_attribute=definition.sk_attribute,
        sk_type=definition.sk_type,
        ttl_attribute=definition.ttl_attribute,
        item_count=item_count,
        partition_count=figures.partitions,
        snapshot_bytes=figures.snapshot_bytes,
        journal_bytes=figures.journal_bytes,
        disk_bytes=figures.disk_bytes,
        indexes=found,
        table_status="UPDATING" if any(index.backfilling for index in found) else "ACTIVE",
        creation_date_time=None if created is None else moment_of(created),
        table_arn=f"{ARN}{definition.name}",
        table_id=table_id(store, definition),
        table_size_bytes=figures.snapshot_bytes,
        key_schema=key_schema_of(definition),
        attribute_definitions=attribute_definitions(definition),
        billing_mode=settings.billing,
        provisioned_throughput=_throughput(settings.units),
        stream_specification=None
        if view is None
        else {"StreamEnabled": True, "StreamViewType": view},
        latest_stream_label=label,
        latest_stream_arn=None if label is None else f"{ARN}{definition.name}/stream/{label}",
        stream=declared_stream(settings),
        deletion_protection_enabled=settings.protected,
        table_class=settings.table_class,
        encryption_requested=settings.encrypted,
    )


def key_schema_of(definition: Definition) -> tuple[Mapping[str, str], ...]:
    """Return the KeySchema of a table, as boto3 has it."""
    return _key_schema((definition.pk_attribute,), definition.key_attributes[1:])


def stream_label(settings: Settings) -> str | None:
    """Return when a table's last stream was declared, as text; None: it never had one."""
    if settings.stream_label is None:
        return None
    return moment_of(settings.stream_label).strftime("%Y-%m-%dT%H:%M:%S.%f")


def table_id(store: Store, definition: Definition) -> str:
    """Return the id of a table: of the store's and the number of its items, never used again."""
    number = definition.items.to_bytes(8, "big")
    return str(UUID(bytes=xxh3_128_digest(store.replica.store_id + number), version=4))


def attribute_definitions(definition: Definition) -> tuple[Mapping[str, str], ...]:
    """Return the AttributeDefinitions of a table, by name."""
    names = set(definition.key_attributes)
    for index in definition.indexes.values():
        names |= {*index.pk, *index.sk}
    types = ((name, definition.type_of(name)) for name in sorted(names))
    return tuple(
        {"AttributeName": name, "AttributeType": kind} for name, kind in types if kind is not None
    )


def _describe_index(
    store: Store, table: Definition, definition: IndexDefinition
) -> IndexDescription | None:
    space = store.replica.keyspaces.get(definition.entries)
    if space is None:
        return None  # dropped meanwhile, by another thread or process
    figures = store.figures(space)
    projection: dict[str, Any] = {"ProjectionType": definition.projection}
    if definition.projection == INCLUDE:
        projection["NonKeyAttributes"] = list(definition.include)
    index = declared(definition)
    units = None
    if table.settings.billing == PROVISIONED and isinstance(index, GlobalIndex):
        units = table.settings.index_units.get(definition.name, table.settings.units)
    return IndexDescription(
        name=definition.name,
        index=index,
        status="CREATING" if definition.building else "ACTIVE",
        entry_count=store.count(space),
        skipped_count=definition.skipped,
        types={name: table.type_of(name) for name in (*definition.pk, *definition.sk)},
        partition_count=figures.partitions,
        snapshot_bytes=figures.snapshot_bytes,
        backfilling=definition.building,
        index_arn=f"{ARN}{table.name}/index/{definition.name}",
        key_schema=_key_schema(definition.pk, definition.sk),
        projection=projection,
        provisioned_throughput=_throughput(units),
    )


def _key_schema(pk: Iterable[str], sk: Iterable[str]) -> tuple[Mapping[str, str], ...]:
    hashes = [{"AttributeName": name, "KeyType": "HASH"} for name in pk]
    return (*hashes, *({"AttributeName": name, "KeyType": "RANGE"} for name in sk))


def _throughput(units: Units | None) -> Mapping[str, int] | None:
    if units is None:
        return None
    return {"ReadCapacityUnits": units[0], "WriteCapacityUnits": units[1]}
