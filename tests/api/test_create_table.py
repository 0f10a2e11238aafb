"""What ``create_table`` makes, and what it and ``update_table`` refuse, in DynamoDB's words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Database, GlobalIndex, Include, LocalIndex
from dynafile.errors import (
    DynafileError,
    InvalidArgument,
    InvalidName,
    LimitExceeded,
    ResourceInUse,
    ResourceNotFound,
    SchemaMismatch,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.conftest import OpenTables

INVALID = "One or more parameter values were invalid: "


@dataclass
class Bad:
    """What is refused: by which error, with what in its message."""

    given: dict[str, Any]
    error: type[DynafileError]
    message: str


def attributes(*names: str) -> list[dict[str, str]]:
    """``"a:N"`` is a number; without a type it is a string."""
    parts = [name.partition(":") for name in names]
    return [{"AttributeName": n, "AttributeType": kind or "S"} for n, _, kind in parts]


def keys(*names: str) -> list[dict[str, str]]:
    """``"a:RANGE"``; without a type the first is HASH and the second RANGE."""
    parts = [name.partition(":") for name in names]
    kinds = ["HASH", *["RANGE"] * len(names)]
    return [
        {"AttributeName": n, "KeyType": kind or kinds[at]} for at, (n, _, kind) in enumerate(parts)
    ]


def index(name: str = "idx", *schema: str, projection: Any = None, **more: Any) -> dict[str, Any]:
    projection = {"ProjectionType": "ALL"} if projection is None else projection
    return {
        "IndexName": name,
        "KeySchema": keys(*(schema or "g")),
        "Projection": projection,
        **more,
    }


def long(*schema: str, given: Any = None, **more: Any) -> dict[str, Any]:
    """A request in boto3's fields; ``given``: its attribute definitions, if not just the keys."""
    names = given if given is not None else [name.partition(":")[0] for name in schema]
    return {"key_schema": keys(*schema), "attribute_definitions": attributes(*names), **more}


def with_gsi(*indexes: dict[str, Any], given: Any = ("p", "s", "g"), **more: Any) -> dict[str, Any]:
    return long("p", "s", given=given, global_secondary_indexes=list(indexes), **more)


def with_lsi(*indexes: dict[str, Any], given: Any = ("p", "s", "g"), **more: Any) -> dict[str, Any]:
    return long("p", "s", given=given, local_secondary_indexes=list(indexes), **more)


def include(*names: str) -> dict[str, Any]:
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(names)}


UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}

NAMES = [
    Bad({"name": "ab"}, InvalidName, "'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"),
    Bad({"name": "x" * 256}, InvalidName, "have length less than or equal to 255"),
    Bad({"name": "orders🙂"}, InvalidName, "'orders🙂' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    Bad({"name": "a b c"}, InvalidName, "pattern"),
    Bad({"name": "../abc"}, InvalidName, "pattern"),
    Bad({"name": "abc\n"}, InvalidName, "pattern"),
    Bad({"name": "größe"}, InvalidName, "pattern"),
    Bad({"name": "a\ud800b"}, InvalidName, "pattern"),
    Bad({"name": ""}, InvalidName, "pattern"),
    Bad({"name": 5}, InvalidName, "Invalid type for parameter TableName"),
    Bad({"name": None}, InvalidArgument, 'Missing required parameter in input: "TableName"'),
    Bad({"table_name": "other"}, InvalidArgument, "give the name once"),
]  # fmt: skip

SHORT = [
    Bad({"pk_attribute": ""}, InvalidName, "pk_attribute"),
    Bad({"pk_attribute": "a", "sk_attribute": "a"}, InvalidArgument, "give them two names"),
    Bad({"pk_type": "X"}, InvalidArgument, "no key type"),
    Bad({"sk_attribute": None, "sk_type": "S"}, InvalidArgument, "without sort key"),
    Bad({"ttl_attribute": "PK"}, InvalidArgument, "is a key attribute"),
    Bad({"indexes": {"idx": "G"}}, InvalidArgument, "a GlobalIndex or a LocalIndex"),
    Bad({"indexes": {"idx": LocalIndex("PK")}}, InvalidArgument, "partition key 'PK'"),
    Bad({"sk_attribute": None, "indexes": {"idx": LocalIndex("n")}}, InvalidArgument, "no sort key"),
    Bad({"pk_type": "S", "indexes": {"idx": GlobalIndex("PK", pk_type="N")}}, SchemaMismatch, "'PK' of type N"),
    Bad({"stream": "ALL"}, InvalidArgument, "enum value set: [NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY]"),
    Bad({"stream": 1}, InvalidArgument, "StreamViewType"),
    Bad({"pk_attribute": "p", **long("p")}, InvalidArgument, "give pk_attribute or key_schema, not both"),
    Bad({"sk_attribute": None, **long("p")}, InvalidArgument, "give sk_attribute or key_schema, not both"),
    Bad({"indexes": {}, **long("p")}, InvalidArgument, "give indexes or key_schema"),
]  # fmt: skip

KEYS = [
    Bad({"attribute_definitions": attributes("p")}, InvalidArgument, 'Missing required parameter in input: "KeySchema"'),
    Bad({"key_schema": {}}, InvalidArgument, "Invalid type for parameter KeySchema: it is a list"),
    Bad({"key_schema": []}, InvalidArgument, "at 'keySchema' failed to satisfy constraint: Member must have length greater than or equal to 1"),
    Bad(long("p", "s", "t"), InvalidArgument, "at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2"),
    Bad({"key_schema": ["p"]}, InvalidArgument, "Invalid type for parameter KeySchema[0]"),
    Bad({"key_schema": [{"AttributeName": "p"}]}, InvalidArgument, 'Missing required parameter in KeySchema[0]: "KeyType"'),
    Bad({"key_schema": [{**keys("p")[0], "Type": "S"}]}, InvalidArgument, 'Unknown parameter in KeySchema[0]: "Type", must be one of: AttributeName, KeyType'),
    Bad(long("p:PRIMARY"), InvalidArgument, "'PRIMARY' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]"),
    Bad(long("", given=["p"]), InvalidArgument, "'' at 'keySchema.1.member.attributeName' failed to satisfy constraint: Member must have length greater than or equal to 1"),
    Bad(long("p" * 256), InvalidArgument, "less than or equal to 255"),
    Bad(long("p:RANGE"), InvalidArgument, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
    Bad(long("p:RANGE", "s:HASH"), InvalidArgument, "The first KeySchemaElement is not a HASH key type"),
    Bad(long("p", "s:HASH"), InvalidArgument, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"),
    Bad(long("p", "p", given=["p"]), InvalidArgument, "Both the Hash Key and the Range Key element in the KeySchema have the same name"),
    Bad({"key_schema": keys("p")}, InvalidArgument, INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: [p], AttributeDefinitions: []"),
    Bad(long("p", "s", given=["p"]), InvalidArgument, "Keys: [p, s], AttributeDefinitions: [p]"),
    Bad(long("p", given=["p", "s"]), InvalidArgument, INVALID + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"),
    Bad(long("p", given=["p", "p"]), InvalidArgument, "Duplicate AttributeName in AttributeDefinitions: p"),
    Bad(long("p", given=["p:BOOL"]), InvalidArgument, "'BOOL' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]"),
    Bad(long("p", ttl_attribute="p"), InvalidArgument, "is a key attribute"),
]  # fmt: skip

INDEXES = [
    Bad(with_gsi(), InvalidArgument, INVALID + "List of GlobalSecondaryIndexes is empty"),
    Bad(with_lsi(), InvalidArgument, INVALID + "List of LocalSecondaryIndexes is empty"),
    Bad(with_gsi({"IndexName": "idx"}), InvalidArgument, 'Missing required parameter in GlobalSecondaryIndexes[0]: "KeySchema"'),
    Bad(with_gsi(index("id")), InvalidName, "'id' at 'globalSecondaryIndexes.1.member.indexName'"),
    Bad(with_gsi(index("i/x")), InvalidName, "pattern"),
    Bad(with_gsi(index("idx", "h")), InvalidArgument, INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: [h], AttributeDefinitions: [p, s, g]"),
    Bad(with_gsi(index(), given=("p", "s", "g", "h")), InvalidArgument, INVALID + "Some AttributeDefinitions are not used. AttributeDefinitions: [p, s, g, h], keys used: [p, s, g]"),
    Bad(with_gsi(index(), index()), InvalidArgument, INVALID + "Duplicate index name: idx"),
    Bad(with_gsi(index(), local_secondary_indexes=[index("idx", "p", "g")]), InvalidArgument, "Duplicate index name: idx"),
    Bad(with_gsi(index("idx", "g:RANGE")), InvalidArgument, "The first KeySchemaElement is not a HASH key type"),
    Bad(with_gsi(index("idx", "g", "g")), InvalidArgument, "have the same name"),
    Bad(with_gsi(index("idx", "g", "s", "p:HASH")), InvalidArgument, "A HASH key type comes after a RANGE key type for index: idx"),
    Bad(with_gsi(index("idx", "g", "s", "s")), InvalidArgument, "have the same name"),
    Bad(with_gsi(index("idx", *(f"{n}:HASH" for n in "abcde")), given="psabcde"), InvalidArgument, "More than 4 elements of key type HASH"),
    Bad(with_gsi(index("idx", *"gabcdefhi"), given="psgabcdefhi"), InvalidArgument, "at 'globalSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must have length less than or equal to 8"),
    Bad(with_gsi(*(index(f"idx{n}") for n in range(21))), InvalidArgument, INVALID + "GlobalSecondaryIndex count exceeds the per-table limit of 20"),
    Bad(with_lsi(*(index(f"idx{n}", "p", "g") for n in range(6))), InvalidArgument, INVALID + "Number of LocalSecondaryIndexes exceeds per-table limit of 5"),
    Bad(long("p", given=["p", "g"], local_secondary_indexes=[index("idx", "p", "g")]), InvalidArgument, INVALID + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"),
    Bad(with_lsi(index("idx", "g", "s")), InvalidArgument, INVALID + "Index KeySchema does not have the same leading hash key as table KeySchema for index: idx. index hash key: g, table hash key: p"),
    Bad(with_lsi(index("idx", "p"), given=("p", "s")), InvalidArgument, INVALID + "Index KeySchema does not have a range key for index: idx"),
    Bad(with_lsi(index("idx", "p", "g", "s")), InvalidArgument, "less than or equal to 2"),
    Bad(with_lsi(index("idx", "p", "g", ProvisionedThroughput=UNITS)), InvalidArgument, 'Unknown parameter in LocalSecondaryIndexes[0]: "ProvisionedThroughput"'),
    Bad(with_gsi(index(projection={})), InvalidArgument, INVALID + "Unknown ProjectionType: null"),
    Bad(with_gsi(index(projection="ALL")), InvalidArgument, "Invalid type for parameter GlobalSecondaryIndexes[0].Projection"),
    Bad(with_gsi(index(projection={"ProjectionType": "SOME"})), InvalidArgument, "'SOME' at 'globalSecondaryIndexes.1.member.projection.projectionType' failed to satisfy constraint: Member must satisfy enum value set: [ALL, INCLUDE, KEYS_ONLY]"),
    Bad(with_gsi(index(projection={"ProjectionType": "INCLUDE"})), InvalidArgument, INVALID + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"),
    Bad(with_gsi(index(projection={**include("a"), "ProjectionType": "ALL"})), InvalidArgument, INVALID + "ProjectionType is ALL, but NonKeyAttributes is specified"),
    Bad(with_lsi(index("idx", "p", "g", projection={**include("a"), "ProjectionType": "KEYS_ONLY"})), InvalidArgument, INVALID + "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified"),
    Bad(with_gsi(index(projection=include())), InvalidArgument, "greater than or equal to 1"),
    Bad(with_gsi(index(projection=include(*(f"a{n}" for n in range(21))))), InvalidArgument, "less than or equal to 20"),
    Bad(with_gsi(*(index(f"idx{n}", projection=include(*(f"a{m}" for m in range(20)))) for n in range(6))), InvalidArgument, "exceeds the per-table limit of 100"),
]  # fmt: skip

SETTINGS = [
    Bad({"billing_mode": "FREE"}, InvalidArgument, "'FREE' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"),
    Bad({"billing_mode": "PROVISIONED"}, InvalidArgument, INVALID + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
    Bad({"billing_mode": "PAY_PER_REQUEST", "provisioned_throughput": UNITS}, InvalidArgument, INVALID + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
    Bad({"provisioned_throughput": {**UNITS, "ReadCapacityUnits": 0}}, InvalidArgument, "'0' at 'provisionedThroughput.readCapacityUnits' failed to satisfy constraint: Member must have value greater than or equal to 1"),
    Bad({"provisioned_throughput": {"ReadCapacityUnits": 1}}, InvalidArgument, 'Missing required parameter in ProvisionedThroughput: "WriteCapacityUnits"'),
    Bad({"provisioned_throughput": {**UNITS, "ReadCapacityUnits": "5"}}, InvalidArgument, "Invalid type for parameter ProvisionedThroughput.ReadCapacityUnits"),
    Bad(with_gsi(index(), provisioned_throughput=UNITS), InvalidArgument, INVALID + "ProvisionedThroughput must be specified for index: idx"),
    Bad(with_gsi(index(ProvisionedThroughput=UNITS)), InvalidArgument, INVALID + "ProvisionedThroughput should not be specified for index: idx when BillingMode is PAY_PER_REQUEST"),
    Bad({"stream_specification": {}}, InvalidArgument, 'Missing required parameter in StreamSpecification: "StreamEnabled"'),
    Bad({"stream_specification": {"StreamEnabled": True}}, InvalidArgument, "StreamViewType must be specified"),
    Bad({"stream_specification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}}, InvalidArgument, "cannot be specified"),
    Bad({"stream_specification": {"StreamEnabled": 1, "StreamViewType": "KEYS_ONLY"}}, InvalidArgument, "it is a bool, not 1"),
    Bad({"stream": True, "stream_specification": {"StreamEnabled": False}}, InvalidArgument, "stream or stream_specification"),
    Bad({"sse_specification": {"Enabled": "yes"}}, InvalidArgument, "SSESpecification.Enabled"),
    Bad({"sse_specification": {"SSEType": "ROT13"}}, InvalidArgument, "enum value set: [AES256, KMS]"),
    Bad({"table_class": "GOLD"}, InvalidArgument, "at 'tableClass' failed"),
    Bad({"deletion_protection_enabled": "yes"}, InvalidArgument, "DeletionProtectionEnabled"),
    Bad({"tags": "team"}, InvalidArgument, "Invalid type for parameter Tags"),
    Bad({"tags": [{"Key": "a"}]}, InvalidArgument, 'Missing required parameter in Tags[0]: "Value"'),
    Bad({"tags": {"": "a"}}, InvalidArgument, "at 'tags.1.member.key'"),
    Bad({"tags": {"a": "x" * 257}}, InvalidArgument, "less than or equal to 256"),
    Bad({"tags": {"aws:a": "b"}}, InvalidArgument, "aws: prefixed tag key names are not allowed"),
    Bad({"tags": [{"Key": "a", "Value": "b"}] * 2}, InvalidArgument, "Duplicate tag keys found: a"),
    Bad({"tags": {f"key{n}": "" for n in range(51)}}, InvalidArgument, "up to 50"),
]  # fmt: skip

EXISTING = [
    Bad({"name": "there"}, ResourceInUse, "Table already exists: there"),
    Bad({"name": "there", "pk_attribute": ""}, InvalidName, "pk_attribute"),
]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all of them: whatever wrote to it would show."""
    db = Database(tmp_path_factory.mktemp("bad") / "db")
    db.create_table("there", indexes={"old": GlobalIndex("g")}).put_item(
        item={"PK": "a", "SK": "b"}
    )
    db.create_table("paid", provisioned_throughput=UNITS, stream=True)
    yield db
    db.check()
    db.close()


def files(folder: str) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != "position"
    }


@pytest.mark.parametrize(
    "bad", [*NAMES, *SHORT, *KEYS, *INDEXES, *SETTINGS, *EXISTING], ids=lambda bad: bad.message
)
def test_refused(bad: Bad, db: Database) -> None:
    before, schema = files(db.path), db._store.schema
    with pytest.raises(bad.error) as caught:
        db.create_table(**{"name": "new-table", **bad.given})
    assert bad.message in str(caught.value)
    assert len(str(caught.value)) < 500
    assert isinstance(caught.value, ValueError) or bad.error is ResourceInUse
    assert files(db.path) == before
    assert db._store.schema is schema


def updates(*given: dict[str, Any]) -> dict[str, Any]:
    return {"attribute_definitions": attributes("g"), "global_secondary_index_updates": list(given)}


UPDATES = [
    Bad({}, InvalidArgument, "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"),
    Bad({"name": "gone", "billing_mode": "PAY_PER_REQUEST"}, ResourceNotFound, "Requested resource not found: Table: gone not found"),
    Bad({"name": "a", "billing_mode": "PAY_PER_REQUEST"}, InvalidName, "tableName"),
    Bad({"billing_mode": "PROVISIONED"}, InvalidArgument, "must both be specified"),
    Bad({"provisioned_throughput": UNITS}, InvalidArgument, "Neither ReadCapacityUnits nor"),
    Bad({"name": "paid", "provisioned_throughput": UNITS}, InvalidArgument, "The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: 5."),
    Bad({"name": "paid", "stream_specification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}, InvalidArgument, "Table already has an enabled stream: TableName: paid"),
    Bad({"stream_specification": {"StreamEnabled": False}}, InvalidArgument, "no stream to disable"),
    Bad({"global_secondary_index_updates": [{"Create": index()}]}, InvalidArgument, "Some index key attributes are not defined in AttributeDefinitions. Keys: [g], AttributeDefinitions: []"),
    Bad(updates({"Create": index("old")}), InvalidArgument, "Attempting to create an index which already exists"),
    Bad(updates({"Create": index("new", projection={})}), InvalidArgument, "Unknown ProjectionType: null"),
    Bad(updates({"Create": index("new", ProvisionedThroughput=UNITS)}), InvalidArgument, "should not be specified for index: new"),
    Bad({"name": "paid", **updates({"Create": index("new")})}, InvalidArgument, "must be specified for index: new"),
    Bad({**updates({"Create": index("new")}), "attribute_definitions": attributes("g", "PK:N")}, SchemaMismatch, "'PK' is defined with type N, and the table has it with type S"),
    Bad(updates({"Create": index("new")}, {"Create": index("too")}), LimitExceeded, "Only 1 online index can be created or deleted simultaneously per table"),
    Bad(updates({"Create": index("new")}, {"Delete": {"IndexName": "old"}}), LimitExceeded, "Only 1"),
    Bad(updates({"Delete": {"IndexName": "missing"}}), ResourceNotFound, "Requested resource not found"),
    Bad(updates({"Delete": {}}), InvalidArgument, 'Missing required parameter in GlobalSecondaryIndexUpdates[0].Delete: "IndexName"'),
    Bad({"name": "paid", **updates({"Update": {"IndexName": "missing", "ProvisionedThroughput": UNITS}})}, ResourceNotFound, "Index: missing not found in table: paid"),
    Bad(updates({"Update": {"IndexName": "old", "ProvisionedThroughput": UNITS}}), InvalidArgument, "should not be specified for index: old"),
    Bad(updates({}), InvalidArgument, "Only one of Create, Update and Delete"),
    Bad(updates({"Rename": {}}), InvalidArgument, "Unknown parameter in GlobalSecondaryIndexUpdates[0]"),
    Bad({"deletion_protection_enabled": 1}, InvalidArgument, "DeletionProtectionEnabled"),
]  # fmt: skip


@pytest.mark.parametrize("bad", UPDATES, ids=lambda bad: bad.message)
def test_refused_updates(bad: Bad, db: Database) -> None:
    before = files(db.path)
    with pytest.raises(bad.error) as caught:
        db.update_table(**{"name": "there", **bad.given})
    assert bad.message in str(caught.value)
    assert files(db.path) == before


def test_in_short(tables: OpenTables) -> None:
    db = tables()
    table = db.create_table(
        "orders", "customer", "date", "until", pk_type="S", sk_type=int, stream="KEYS_ONLY",
        indexes={"by-x": GlobalIndex("x", "y", Include("z")), "by-n": LocalIndex("n")},
        tags={"team": "sales"}, deletion_protection_enabled=True,
    )  # fmt: skip
    assert (table.pk_attribute, table.sk_attribute, table.ttl_attribute) == (
        "customer",
        "date",
        "until",
    )
    found = db.describe_table("orders")
    assert found == table.describe()
    assert found.key_schema == tuple(keys("customer", "date"))
    assert found.attribute_definitions == tuple(attributes("customer", "date:N"))
    assert (found.table_status, found.item_count, found.billing_mode) == (
        "ACTIVE",
        0,
        "PAY_PER_REQUEST",
    )
    assert found.stream_specification == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert found.deletion_protection_enabled
    assert found.creation_date_time is not None
    first, second = found.indexes
    assert (first.name, first.key_schema, first.projection) == (
        "by-x", tuple(keys("x", "y")), {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["z"]},
    )  # fmt: skip
    assert (second.key_schema, second.status) == (tuple(keys("customer", "n")), "ACTIVE")
    assert db.list_tags_of_resource("orders") == {"team": "sales"}
    plain = db.create_table("plain").describe()
    assert (plain.pk_attribute, plain.sk_attribute, plain.pk_type) == ("PK", "SK", None)
    assert plain.attribute_definitions == ()
    assert db.create_table("no-sk", sk_attribute=None).sk_attribute is None
    ids = {db.describe_table(name).table_id for name in db}
    assert len(ids) == 3


def test_in_boto3s_fields(tables: OpenTables) -> None:
    db = tables()
    gsi = index("by-many", "a:HASH", "b:HASH", "c:RANGE", "d:RANGE", projection=include("x"),
                ProvisionedThroughput=UNITS)  # fmt: skip
    lsi = index("by-c", "p", "c", projection={"ProjectionType": "KEYS_ONLY"})
    table = db.create_table(
        table_name="orders",
        **long("p", "s", given=("p:N", "s:B", "a", "b:N", "c:N", "d")),
        global_secondary_indexes=[gsi], local_secondary_indexes=[lsi],
        billing_mode="PROVISIONED", provisioned_throughput=UNITS,
        stream_specification={"StreamEnabled": False}, sse_specification={"Enabled": True},
        tags=[{"Key": "team", "Value": ""}], table_class="STANDARD_INFREQUENT_ACCESS",
    )  # fmt: skip
    assert dict(table.indexes) == {
        "by-many": GlobalIndex(("a", "b"), ("c", "d"), Include("x")),
        "by-c": LocalIndex("c", "KEYS_ONLY"),
    }
    table.put_item(item={"p": 1, "s": b"1", "a": "a", "b": 2, "c": 3, "d": "d", "x": 1, "y": 2})
    with pytest.raises(ValidationError):
        table.put_item(item={"p": "1", "s": b"1"})
    (found,) = table.query(("a", 2), index="by-many", sk=(3, "d"))
    assert found.keys() == {*"psabcdx"}
    described = tables().describe_table("orders")
    assert described.provisioned_throughput == UNITS
    assert described.indexes[0].provisioned_throughput == UNITS
    assert described.indexes[0].key_schema == tuple(gsi["KeySchema"])
    assert described.table_class == "STANDARD_INFREQUENT_ACCESS"
    assert described.encryption_requested
    assert described.stream_specification is None
    assert len(described.attribute_definitions) == 6


def test_what_the_limits_allow(tables: OpenTables) -> None:
    db = tables()
    eight = index("eight", *(f"a{n}:HASH" for n in range(4)), *(f"b{n}:RANGE" for n in range(4)))
    names = [each["AttributeName"] for each in eight["KeySchema"]]
    more = [index(f"idx{n}") for n in range(19)]
    request = with_gsi(eight, *more, given=("p", "s", "g", *names))
    request["local_secondary_indexes"] = [index(f"lsi{n}", "p", "g") for n in range(5)]
    table = db.create_table("x" * 255, **request)
    assert len(table.indexes) == 25
    item = {"p": "p", "s": "s", **dict.fromkeys(names, "v")}
    table.put_item(item=item)
    assert list(table.query(("v",) * 4, index="eight", sk=("v",) * 4)) == [item]


def test_what_is_stored_is_what_was_declared(tables: OpenTables) -> None:
    """``meta.json`` of before says nothing of settings, and means those by default."""
    db = tables()
    db.create_table("plain", "p", "s")
    stored = db._store.schema.tables["plain"]
    assert stored["settings"].keys() == {"created"}
    db.close()
    assert tables().describe_table("plain").billing_mode == "PAY_PER_REQUEST"
