"""What a request says of a table's settings: billing, stream, encryption, tags."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from dynafile.constraints import elements, flag, invalid, one_of, structure, text, whole_number
from dynafile.errors import InvalidArgument
from dynafile.table.settings import (
    BILLING_MODES,
    ON_DEMAND,
    PROVISIONED,
    STREAM_VIEWS,
    TABLE_CLASSES,
    Units,
)
from dynafile.table.stream_options import StreamOptions, stream_options

MOST_TAGS: Final = 50

Tags = Mapping[str, str] | Sequence[Mapping[str, str]]


def units_of(given: object, path: str) -> Units:
    """Return read and write units of a ``ProvisionedThroughput``."""
    names = ("ReadCapacityUnits", "WriteCapacityUnits")
    found = structure(given, path, names)
    read, write = (whole_number(found[name], f"{path}.{name}", 1) for name in names)
    return read, write


def billing_of(mode: object, units: Units | None, indexes: Mapping[str, Units | None]) -> str:
    """Return the billing mode, where it fits the units of the table and its global indexes.

    Without one it follows from the units. DynamoDB takes ``PROVISIONED`` for its default, and then
    refuses a table without units; that would help nobody here.
    """
    if mode is None:
        mode = ON_DEMAND if units is None else PROVISIONED
    billing = one_of(mode, "BillingMode", BILLING_MODES)
    if billing == PROVISIONED and units is None:
        raise invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            "PROVISIONED"
        )
    if billing == ON_DEMAND and units is not None:
        raise invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
            "PAY_PER_REQUEST"
        )
    for name, own in indexes.items():
        if billing == ON_DEMAND and own is not None:
            raise invalid(
                f"ProvisionedThroughput should not be specified for index: {name} when BillingMode "
                "is PAY_PER_REQUEST"
            )
        if billing == PROVISIONED and own is None:
            raise invalid(f"ProvisionedThroughput must be specified for index: {name}")
    return billing


def stream_of(option: object, specification: object) -> StreamOptions | None:
    """Return the stream that ``stream=`` or a ``StreamSpecification`` declares; None: none."""
    if option is not None and specification is not None:
        raise InvalidArgument("give stream or stream_specification, not both")
    if specification is None:
        return stream_options(option)
    names = ("StreamEnabled",)
    found = structure(specification, "StreamSpecification", names, ("StreamViewType",))
    enabled = flag(found["StreamEnabled"], "StreamSpecification.StreamEnabled")
    view = found.get("StreamViewType")
    if view is not None:
        view = one_of(view, "StreamSpecification.StreamViewType", STREAM_VIEWS)
    if enabled and view is None:
        raise invalid("StreamViewType must be specified when StreamEnabled is true")
    if not enabled and view is not None:
        raise invalid("StreamViewType cannot be specified when StreamEnabled is false")
    return None if view is None else StreamOptions(view)


def encryption_of(specification: object) -> bool:
    """Return whether an ``SSESpecification`` asks for encryption."""
    if specification is None:
        return False
    optional = ("Enabled", "SSEType", "KMSMasterKeyId")
    found = structure(specification, "SSESpecification", (), optional)
    if "SSEType" in found:
        one_of(found["SSEType"], "SSESpecification.SSEType", ("AES256", "KMS"))
    return flag(found.get("Enabled", False), "SSESpecification.Enabled")


def table_class_of(given: object) -> str:
    """Return the class of a table."""
    return TABLE_CLASSES[0] if given is None else one_of(given, "TableClass", TABLE_CLASSES)


def tags_of(given: object) -> dict[str, str]:
    """Return tags by key, given as a dict, or as boto3 has them."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        given = [{"Key": key, "Value": value} for key, value in given.items()]
    found: dict[str, str] = {}
    for number, element in enumerate(elements(given, "Tags")):
        path = f"Tags[{number}]"
        tag = structure(element, path, ("Key", "Value"))
        key = tag_key(tag["Key"], f"{path}.Key")
        if key in found:
            raise invalid(f"Duplicate tag keys found: {key}")
        found[key] = text(tag["Value"], f"{path}.Value", 0, 256)
    return check_tag_count(found)


def tag_key(given: object, path: str) -> str:
    """Return the key of a tag."""
    key = text(given, path, 1, 128)
    if key.lower().startswith("aws:"):
        raise invalid(f"aws: prefixed tag key names are not allowed for external use: {key}")
    return key


def tag_keys_of(given: object) -> list[str]:
    """Return the keys of tags that are to go."""
    keys: Collection[Any] = elements(given, "TagKeys")
    return [text(key, f"TagKeys[{number}]", 1, 128) for number, key in enumerate(keys)]


def check_tag_count(tags: dict[str, str]) -> dict[str, str]:
    """Return tags, where they are no more than a table may have."""
    if len(tags) > MOST_TAGS:
        raise invalid(f"Too many tags: a table has up to {MOST_TAGS}, and these are {len(tags)}")
    return tags
