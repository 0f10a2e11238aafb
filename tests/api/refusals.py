"""What DynamoDB refuses of requests for items, and in which words: a table, to be extended.

Each row has a method, its arguments, the class of the error (exactly that one), and its whole
message. The table is in ``test_refusals.py``: the keys ``PK`` and ``SK`` are strings, ``by-g`` is a
global index by ``G`` (a string) and ``N`` (a number) that projects its keys, ``by-d`` a local one by
``D``, and ``ttl`` the TTL attribute. Refusals of expressions are in ``tests/expressions``, those of
tables in ``test_create_table.py``.
"""

from __future__ import annotations

from typing import Any

from dynafile.errors import (
    ConditionalCheckFailed,
    DynafileError,
    EmptyKey,
    IndexNotFound,
    InvalidArgument,
    InvalidKey,
    KeyTooLong,
    KeyTypeMismatch,
    MissingKey,
    ValidationError,
)

Row = tuple[str, dict[str, Any], type[DynafileError], str]

KEY = {"PK": "a", "SK": "1"}
INVALID = "One or more parameter values were invalid: "
NO_MATCH = "The provided key element does not match the schema"
START = "The provided starting key is invalid"


def enum(value: str, name: str, allowed: str) -> str:
    return (
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{allowed}]"
    )


def put(error: type[DynafileError], message: str, **item: Any) -> Row:
    return ("put_item", {"item": {**KEY, **item}}, error, message)


def by_key(error: type[DynafileError], message: str, key: dict[str, Any]) -> list[Row]:
    return [(name, {"key": key}, error, message) for name in ("get_item", "delete_item")]


RETURN_VALUES = "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW"
EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty {} value. Key: {}"
)
EMPTY_INDEX_KEY = (
    "One or more parameter values are not valid. A value specified for a secondary index key is not "
    "supported. The AttributeValue for a key attribute cannot contain an empty string value. "
    "IndexName: by-g, IndexKey: G"
)

KEYS: list[Row] = [
    ("put_item", {"item": {"PK": "a"}}, MissingKey, INVALID + "Missing the key SK in the item"),
    ("put_item", {"item": {"SK": "a"}}, MissingKey, INVALID + "Missing the key PK in the item"),
    put(KeyTypeMismatch, INVALID + "Type mismatch for key PK expected: S actual: N", PK=1),
    put(KeyTypeMismatch, INVALID + "Type mismatch for key SK expected: S actual: B", SK=b"1"),
    put(KeyTypeMismatch, INVALID + "Type mismatch for key SK expected: S actual: L", SK=["1"]),
    put(KeyTypeMismatch, INVALID + "Type mismatch for key SK expected: S actual: BOOL", SK=True),
    put(MissingKey, INVALID + "Type mismatch for key PK expected: S actual: NULL", PK=None),
    put(EmptyKey, EMPTY_KEY.format("string", "PK"), PK=""),
    put(EmptyKey, EMPTY_KEY.format("string", "SK"), SK=""),
    put(
        KeyTooLong,
        INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        PK="a" * 2049,
    ),
    put(
        KeyTooLong,
        INVALID + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        SK="a" * 1025,
    ),
    *by_key(MissingKey, NO_MATCH, {"PK": "a"}),
    *by_key(KeyTypeMismatch, NO_MATCH, {"PK": "a", "SK": 1}),
    *by_key(MissingKey, NO_MATCH, {"PK": None, "SK": "1"}),
    *by_key(EmptyKey, EMPTY_KEY.format("string", "PK"), {"PK": "", "SK": "1"}),
    ("update_item", {"key": {"PK": "a"}}, InvalidKey, NO_MATCH),
    ("update_item", {"key": {**KEY, "x": 1}}, InvalidKey, NO_MATCH),
    ("update_item", {"key": {"PK": "a", "SK": 1}}, KeyTypeMismatch, NO_MATCH),
]

INDEX_KEYS: list[Row] = [
    put(
        KeyTypeMismatch,
        INVALID + "Type mismatch for Index Key G Expected: S Actual: N IndexName: by-g",
        G=1,
    ),
    put(
        KeyTypeMismatch,
        INVALID + "Type mismatch for Index Key N Expected: N Actual: S IndexName: by-g",
        G="g",
        N="1",
    ),
    put(
        KeyTypeMismatch,
        INVALID + "Type mismatch for Index Key G Expected: S Actual: NULL IndexName: by-g",
        G=None,
    ),
    put(EmptyKey, EMPTY_INDEX_KEY, G=""),
    (
        "update_item",
        {
            "key": KEY,
            "update_expression": "SET G = :n",
            "expression_attribute_values": {":n": 1},
        },
        KeyTypeMismatch,
        INVALID + "Type mismatch for Index Key G Expected: S Actual: N IndexName: by-g",
    ),
]

PARAMETERS: list[Row] = [
    ("put_item", {"item": KEY, "return_values": "ALL_NEW"}, ValidationError,
     "Return values set to invalid value"),
    ("delete_item", {"key": KEY, "return_values": "UPDATED_OLD"}, ValidationError,
     "Return values set to invalid value"),
    ("put_item", {"item": KEY, "return_values": "OLD"}, ValidationError,
     enum("OLD", "returnValues", RETURN_VALUES)),
    ("put_item", {"item": KEY, "return_values_on_condition_check_failure": "ALL"},
     ValidationError, enum("ALL", "returnValuesOnConditionCheckFailure", "ALL_OLD, NONE")),
    ("put_item", {"item": KEY, "return_consumed_capacity": "ALL"}, ValidationError,
     enum("ALL", "returnConsumedCapacity", "INDEXES, TOTAL, NONE")),
    ("put_item", {"item": KEY, "return_item_collection_metrics": "ALL"}, ValidationError,
     enum("ALL", "returnItemCollectionMetrics", "SIZE, NONE")),
    ("put_item", {"item": KEY, "expression_attribute_names": {"#a": "a"}}, ValidationError,
     "ExpressionAttributeNames can only be specified when using expressions"),
    ("update_item", {"key": KEY, "expression_attribute_values": {":a": 1}}, ValidationError,
     ("ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and "
     "ConditionExpression are null")),
    ("put_item", {"item": KEY, "condition_expression": "a = :a",
                  "expression_attribute_values": {":a": 1, ":b": 2}}, ValidationError,
     "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}"),
    ("update_item", {"key": KEY, "update_expression": "SET PK = :a",
                     "expression_attribute_values": {":a": "b"}}, ValidationError,
     INVALID + "Cannot update attribute PK. This attribute is part of the key"),
    ("update_item", {"key": KEY, "update_expression": "SET x = y"}, ValidationError,
     "The provided expression refers to an attribute that does not exist in the item"),
    ("update_item", {"key": KEY, "update_expression": "SET x.y = :a",
                     "expression_attribute_values": {":a": "b"}}, ValidationError,
     "The document path provided in the update expression is invalid for update"),
    ("update_item", {"key": KEY, "update_expression": "SET x = PK + :a",
                     "expression_attribute_values": {":a": 1}}, ValidationError,
     "An operand in the update expression has an incorrect data type"),
    ("put_item", {"item": KEY, "condition_expression": "attribute_not_exists(PK)"},
     ConditionalCheckFailed, "The conditional request failed"),
]  # fmt: skip

READS: list[Row] = [
    ("query_page", {}, ValidationError,
     ("Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
     "request.")),
    ("query_page", {"key_condition_expression": "SK = :a",
                    "expression_attribute_values": {":a": "a"}}, ValidationError,
     "Query condition missed key schema element: PK"),
    ("query_page", {"key_condition_expression": "PK = :a AND D = :a",
                    "expression_attribute_values": {":a": "a"}}, ValidationError,
     "Query condition missed key schema element: SK"),
    ("query_page", {"key_condition_expression": "PK > :a",
                    "expression_attribute_values": {":a": "a"}}, ValidationError,
     "Query key condition not supported"),
    ("query_page", {"key_condition_expression": "PK = :a",
                    "expression_attribute_values": {":a": 1}}, KeyTypeMismatch,
     INVALID + "Condition parameter type does not match schema type"),
    ("query_page", {"key_condition_expression": "PK = :a",
                    "expression_attribute_values": {":a": None}}, MissingKey,
     INVALID + "Condition parameter type does not match schema type"),
    ("query_page", {"key_condition_expression": "PK = :a",
                    "expression_attribute_values": {":a": ""}}, EmptyKey,
     EMPTY_KEY.format("string", "PK")),
    ("query_page", {"pk": "a", "index_name": "none"}, IndexNotFound,
     "The table does not have the specified index: none"),
    ("query_page", {"pk": "a", "index_name": "by-g", "consistent_read": True}, ValidationError,
     "Consistent reads are not supported on global secondary indexes"),
    ("query_page", {"pk": "a", "limit": 0}, ValidationError,
     ("1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must "
     "have value greater than or equal to 1")),
    ("query_page", {"pk": "a", "select": "ALL"}, ValidationError,
     enum("ALL", "select",
          "SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES")),
    ("query_page", {"pk": "a", "select": "SPECIFIC_ATTRIBUTES"}, ValidationError,
     ("Must specify the AttributesToGet or ProjectionExpression when choosing to get "
     "SPECIFIC_ATTRIBUTES")),
    ("query_page", {"pk": "a", "select": "ALL_ATTRIBUTES", "projection_expression": "x"},
     ValidationError,
     "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES"),
    ("query_page", {"pk": "a", "select": "COUNT", "projection_expression": "x"}, ValidationError,
     "Cannot specify the ProjectionExpression when choosing to get only the Count"),
    ("query_page", {"pk": "a", "select": "ALL_PROJECTED_ATTRIBUTES"}, ValidationError,
     "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"),
    ("query_page", {"pk": "g", "index_name": "by-g", "select": "ALL_ATTRIBUTES"},
     ValidationError,
     INVALID + "Select type ALL_ATTRIBUTES is not supported for global secondary index by-g "
     "because its projection type is not ALL"),
    ("query_page", {"pk": "a", "filter_expression": "SK = :a",
                    "expression_attribute_values": {":a": "a"}}, ValidationError,
     "Filter Expression can only contain non-primary key attributes: Primary key attribute: SK"),
    ("query_page", {"pk": "a", "exclusive_start_key": {"PK": "a"}}, ValidationError, START),
    ("query_page", {"pk": "a", "exclusive_start_key": {"PK": "a", "SK": 1}}, ValidationError,
     START),
    ("query_page", {"pk": "a", "exclusive_start_key": {"PK": "b", "SK": "1"}}, ValidationError,
     (f"{START}: The provided starting key is outside query boundaries based on provided "
     "conditions")),
    ("query_page", {"pk": "g", "index_name": "by-g", "exclusive_start_key": KEY},
     ValidationError, START),
    ("scan_page", {"total_segments": 2}, ValidationError,
     ("The Segment parameter is required but was not present in the request when parameter "
     "TotalSegments is present")),
    ("scan_page", {"segment": 0}, ValidationError,
     ("The TotalSegments parameter is required but was not present in the request when Segment "
     "parameter is present")),
    ("query_page", {"pk": "a", "key_condition_expression": "PK = :a",
                    "expression_attribute_values": {":a": "a"}}, InvalidArgument,
     ("give the key condition as pk=, sk= and starts_with=, or as key_condition_expression=, not "
     "both")),
]  # fmt: skip

TRANSACTIONS: list[Row] = [
    ("transact_write_items", {"transact_items": []}, ValidationError,
     ("1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: "
     "Member must have length greater than or equal to 1")),
    ("transact_write_items",
     {"transact_items": [{"Put": {"Item": {"PK": "a", "SK": str(n)}}} for n in range(101)]},
     ValidationError,
     ("1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member "
     "must have length less than or equal to 100")),
    ("transact_write_items", {"transact_items": [{"Put": {"Item": KEY}, "Delete": {"Key": KEY}}]},
     ValidationError, "TransactItems can only contain one of Check, Put, Update or Delete"),
    ("transact_write_items",
     {"transact_items": [{"Put": {"Item": KEY}}, {"Delete": {"Key": KEY}}]}, ValidationError,
     "Transaction request cannot include multiple operations on one item"),
    ("transact_get_items", {"transact_items": [{"Get": {"Key": KEY}}] * 2}, ValidationError,
     "Transaction request cannot include multiple operations on one item"),
]  # fmt: skip

ROWS: list[Row] = [*KEYS, *INDEX_KEYS, *PARAMETERS, *READS, *TRANSACTIONS]
