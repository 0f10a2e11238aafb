"""A handle on many tables: what is declared of them and can be changed apart, TTL and tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from dynafile.constraints import flag, resource_name, structure, text
from dynafile.database_handle import DatabaseHandle
from dynafile.descriptions import ARN
from dynafile.settings_request import Tags, check_tag_count, tag_keys_of, tags_of
from dynafile.table.definition import Definition
from dynafile.table.table_changes import alter_table
from dynafile.table.ttl_changes import disable_ttl, enable_ttl


class ResourceSettings(DatabaseHandle):
    """What a database does about TTL and tags."""

    # -- time to live -----------------------------------------------------------------------------

    def update_time_to_live(
        self, table_name: str, time_to_live_specification: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Enable or disable TTL on a table, by ``{"Enabled": True, "AttributeName": "ttl"}``.

        Others read and write meanwhile; it returns when all items are taken in. Indexes that do not
        project the attribute are filled anew, and cannot be read until they are. Returns the
        specification. Raises ResourceNotFound, and ValidationError where it is so already, or
        active on another attribute.
        """
        self._check_writable("update_time_to_live()")
        self._definition(table_name)
        names = ("Enabled", "AttributeName")
        given = structure(time_to_live_specification, "TimeToLiveSpecification", names)
        path = "TimeToLiveSpecification"
        enabled = flag(given["Enabled"], f"{path}.Enabled")
        attribute = text(given["AttributeName"], f"{path}.AttributeName", 1, 255)
        (enable_ttl if enabled else disable_ttl)(self._store, table_name, attribute)
        with self._handle(table_name) as table:
            table._fill_indexes(wait=True, progress=None)
        return {"Enabled": enabled, "AttributeName": attribute}

    def describe_time_to_live(self, table_name: str) -> dict[str, str]:
        """Return ``{"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}``, or DISABLED alone.

        ENABLING: not all items are taken in, so ``len`` may count some that are expired.
        """
        definition = self._definition(table_name)
        if definition.ttl_attribute is None:
            return {"TimeToLiveStatus": "DISABLED"}
        status = "ENABLING" if definition.expiry_partial else "ENABLED"
        return {"TimeToLiveStatus": status, "AttributeName": definition.ttl_attribute}

    # -- tags -------------------------------------------------------------------------------------

    def tag_resource(self, resource_arn: str, tags: Tags) -> None:
        """Add tags to a table, or give those that it has other values.

        :param resource_arn: the table's ``table_arn``, or its name.
        :param tags: a dict, or ``[{"Key": "team", "Value": "sales"}]``.
        """
        self._check_writable("tag_resource()")
        added = tags_of(tags)
        self._change_tags(resource_arn, lambda old: check_tag_count({**old, **added}))

    def untag_resource(self, resource_arn: str, tag_keys: Sequence[str]) -> None:
        """Remove the tags with these keys from a table; those it has not are ignored."""
        self._check_writable("untag_resource()")
        gone = set(tag_keys_of(tag_keys))
        self._change_tags(
            resource_arn, lambda old: {key: old[key] for key in old if key not in gone}
        )

    def list_tags_of_resource(self, resource_arn: str) -> dict[str, str]:
        """Return the tags of a table, by key."""
        return dict(self._definition(_table_of(resource_arn)).settings.tags)

    def _change_tags(
        self, resource: str, change: Callable[[Mapping[str, str]], dict[str, str]]
    ) -> None:
        def alter(definition: Definition) -> Definition:
            settings = definition.settings
            return replace(definition, settings=replace(settings, tags=change(settings.tags)))

        alter_table(self._store, _table_of(resource), alter)


def _table_of(resource: object) -> str:
    """Return the name of a table from its ARN, or from itself."""
    name = resource.removeprefix(ARN) if isinstance(resource, str) else resource
    return resource_name(name, "ResourceArn")
