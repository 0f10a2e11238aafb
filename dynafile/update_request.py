"""What a request changes of a table: the rules of UpdateTable."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dynafile.constraints import elements, flag, invalid, resource_name, structure
from dynafile.errors import InvalidArgument, LimitExceeded, ResourceNotFound, SchemaMismatch
from dynafile.settings_request import billing_of, encryption_of, stream_of, table_class_of, units_of
from dynafile.table.definition import GLOBAL, Definition
from dynafile.table.index_options import MOST_GLOBAL, Index
from dynafile.table.settings import ON_DEMAND, PROVISIONED, Settings, Units
from dynafile.table.stream_options import StreamOptions, with_stream
from dynafile.table_request import (
    RequestedIndex,
    attribute_types,
    check_defined,
    check_projection,
    index_keys,
    requested_index,
)

UPDATABLE: Final = (
    "attribute_definitions",
    "billing_mode",
    "deletion_protection_enabled",
    "global_secondary_index_updates",
    "provisioned_throughput",
    "sse_specification",
    "stream_specification",
    "table_class",
)
"""The arguments of ``update_table`` that say what is to change."""
_ACTIONS: Final = ("Create", "Update", "Delete")


class TableUpdate(Struct, frozen=True):
    """A request to change a table, each field valid by itself."""

    billing: str | None
    units: Units | None
    create: RequestedIndex | None
    types: Mapping[str, str]
    delete: str | None
    index_units: Mapping[str, Units]
    stream: Mapping[str, Any] | None
    view: StreamOptions | None
    protected: bool | None
    encrypted: bool | None
    table_class: str | None

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> TableUpdate:
        """Read the arguments of ``update_table``; raises what each is refused with."""
        if all(value is None for value in fields.values()):
            raise InvalidArgument(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
                "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
            )
        units, stream = fields["provisioned_throughput"], fields["stream_specification"]
        protected, table_class = fields["deletion_protection_enabled"], fields["table_class"]
        encryption = fields["sse_specification"]
        create, delete, index_units = _index_updates(fields["global_secondary_index_updates"])
        types = attribute_types(fields["attribute_definitions"])
        if create is not None:
            check_defined(index_keys(create), types)
            check_projection(create)
        mode = fields["billing_mode"]
        return cls(
            billing=None
            if mode is None
            else billing_of(mode, (1, 1) if mode == PROVISIONED else None, {}),
            units=None if units is None else units_of(units, "ProvisionedThroughput"),
            create=create,
            types=types,
            delete=delete,
            index_units=index_units,
            stream=stream,
            view=stream_of(None, stream),
            protected=None if protected is None else flag(protected, "DeletionProtectionEnabled"),
            encrypted=None if encryption is None else encryption_of(encryption),
            table_class=None if table_class is None else table_class_of(table_class),
        )

    def new_indexes(self) -> dict[str, Index]:
        """Return the index to add, if there is one."""
        return {} if self.create is None else {self.create.name: self.create.declared(self.types)}

    def altered(self, definition: Definition) -> Definition:
        """Return a definition with the new settings, or raise; indexes stay as they are."""
        kinds = {index.name: index.kind for index in definition.indexes.values()}
        if self.create is not None:
            if self.create.name in kinds:
                raise InvalidArgument("Attempting to create an index which already exists")
            if list(kinds.values()).count(GLOBAL) >= MOST_GLOBAL:
                raise LimitExceeded(
                    "Subscriber limit exceeded: GlobalSecondaryIndex count exceeds the per-table "
                    f"limit of {MOST_GLOBAL}"
                )
        for name in [*self.index_units, *([] if self.delete is None else [self.delete])]:
            if kinds.get(name) != GLOBAL:
                raise ResourceNotFound(
                    f"Requested resource not found: Index: {name} not found in table: "
                    f"{definition.name}",
                    resource=name,
                )
        for name, kind in self.types.items():
            known = definition.type_of(name)
            if known not in (None, kind):
                raise SchemaMismatch(
                    f"One or more parameter values were invalid: {name!r} is defined with type "
                    f"{kind}, and the table has it with type {known}"
                )
        settings = self._streaming(self._billed(definition), definition.name)
        if self.protected is not None:
            settings = replace(settings, protected=self.protected)
        if self.encrypted is not None:
            settings = replace(settings, encrypted=self.encrypted)
        if self.table_class is not None:
            settings = replace(settings, table_class=self.table_class)
        return replace(definition, settings=settings)

    def _billed(self, definition: Definition) -> Settings:
        """Return the settings with the new billing mode, and units for table and indexes."""
        old = definition.settings
        mode = self.billing or old.billing
        units = self.units
        if mode == PROVISIONED and units is None:
            units = old.units
        own = dict(self.index_units)
        new: dict[str, Units | None] = dict(self.index_units)
        if self.create is not None:
            new[self.create.name] = self.create.units
            if self.create.units is not None:
                own[self.create.name] = self.create.units
        billing_of(mode, units, new)
        if self.units is not None and self.units == old.units and not new and mode == old.billing:
            read, write = self.units
            raise InvalidArgument(
                "The provisioned throughput for the table will not change. The requested value "
                "equals the current value. Current ReadCapacityUnits provisioned for the table: "
                f"{read}. Requested ReadCapacityUnits: {read}. Current WriteCapacityUnits "
                f"provisioned for the table: {write}. Requested WriteCapacityUnits: {write}."
            )
        kept = {} if mode == ON_DEMAND else {**old.index_units, **own}
        if self.delete is not None:
            kept.pop(self.delete, None)
        return replace(old, billing=mode, units=units, index_units=kept)

    def _streaming(self, settings: Settings, table: str) -> Settings:
        if self.stream is None:
            return settings
        if self.view is not None and settings.stream is not None:
            raise InvalidArgument(f"Table already has an enabled stream: TableName: {table}")
        if self.view is None and settings.stream is None:
            raise InvalidArgument(f"Table has no stream to disable: TableName: {table}")
        return with_stream(settings, self.view, int(time.time() * 1_000_000))


def _index_updates(
    given: object,
) -> tuple[RequestedIndex | None, str | None, dict[str, Units]]:
    """Return the index to create, the name of the one to delete, and new units by name."""
    create: RequestedIndex | None = None
    delete: str | None = None
    units: dict[str, Units] = {}
    for number, element in enumerate(elements(given or [], "GlobalSecondaryIndexUpdates")):
        path = f"GlobalSecondaryIndexUpdates[{number}]"
        update = structure(element, path, (), _ACTIONS)
        if len(update) != 1:
            raise invalid(
                "Only one of Create, Update and Delete can be specified for each of "
                "GlobalSecondaryIndexUpdates"
            )
        ((action, fields),) = update.items()
        inner = f"{path}.{action}"
        if action != "Update" and (create is not None or delete is not None):
            raise LimitExceeded(
                "Subscriber limit exceeded: Only 1 online index can be created or deleted "
                "simultaneously per table"
            )
        if action == "Create":
            create = requested_index(fields, inner)
        elif action == "Delete":
            found = structure(fields, inner, ("IndexName",))
            delete = resource_name(found["IndexName"], f"{inner}.IndexName")
        else:
            found = structure(fields, inner, ("IndexName", "ProvisionedThroughput"))
            name = resource_name(found["IndexName"], f"{inner}.IndexName")
            units[name] = units_of(found["ProvisionedThroughput"], f"{inner}.ProvisionedThroughput")
    return create, delete, units
