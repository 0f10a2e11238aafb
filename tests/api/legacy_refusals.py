"""What DynamoDB refuses of its parameters of before expressions: rows of the table in ``refusals``.

The rules are those of AWS's developer guide, "Legacy DynamoDB conditional parameters". The guide has
no messages; they are the service's as far as we know them, and were not tried against it. Where none
was at hand, the words are a guess by the manner of the others:

- ``ConditionalOperator`` and its place among the "Non-expression parameters";
- the order of the actions in "Member must satisfy enum value set: [ADD, PUT, DELETE]";
- "Value and AttributeValueList cannot be used together", "Exists and ComparisonOperator cannot be
  used together" and "AttributeValueList can only be used with a ComparisonOperator";
- "AttributeValues inside AttributeValueList must be of same type".

Rows whose error is ``InvalidArgument`` or ``InvalidName``, and those on the shape of a dict, are
ours: boto3 refuses such requests before it sends them, or they mix in what DynamoDB does not have.
"""

from __future__ import annotations

from typing import Any

from api.refusals import INVALID, KEY, Row, enum

from dynafile.errors import (
    ConditionalCheckFailed,
    InvalidArgument,
    InvalidKey,
    InvalidName,
    InvalidNumber,
    InvalidSet,
    KeyTypeMismatch,
    MissingKey,
    UnsupportedType,
    ValidationError,
)

OPERATORS = (
    "IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS"
)
CANNOT_MIX = (
    "Can not use both expression and non-expression parameters in the same request: "
    "Non-expression parameters: {%s} Expression parameters: {%s}"
)
NOT_ENOUGH = "ConditionalOperator can only be used when Filter or Expected has two or more elements"
NOTHING = "ConditionalOperator cannot be used without Filter or Expected"
ONE = {"x": {"Value": 1}}
EQ_A = {"ComparisonOperator": "EQ", "AttributeValueList": ["a"]}
PK = {"PK": EQ_A}
X = {"x": EQ_A}


def condition(operator: Any, *values: Any) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


def wrong_count(operator: str) -> str:
    return f"{INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"


def wrong_type(operator: str, kind: str) -> str:
    return f"{INVALID}ComparisonOperator {operator} is not valid for {kind} AttributeValue type"


def put(
    message: str, expected: Any, error: type[ValidationError] = ValidationError, **more: Any
) -> Row:
    return ("put_item", {"item": KEY, "expected": expected, **more}, error, message)


def update(message: str, updates: Any, error: type[ValidationError] = ValidationError) -> Row:
    return ("update_item", {"key": KEY, "attribute_updates": updates}, error, message)


def read(
    method: str, message: str, error: type[ValidationError] = ValidationError, **given: Any
) -> Row:
    return (method, given, error, message)


def everywhere(message: str, operator: Any, *values: Any) -> list[Row]:
    """Rows for a condition that is refused wherever conditions are."""
    x = {"x": condition(operator, *values)}
    return [
        put(message, x),
        read("query_page", message, key_conditions=PK, query_filter=x),
        read("scan_page", message, scan_filter=x),
        read("query_page", message, key_conditions={**PK, "SK": x["x"]}),
    ]


MIXTURES: list[Row] = [
    ("put_item", {"item": KEY, "expected": ONE, "condition_expression": "x = :x"},
     ValidationError, CANNOT_MIX % ("Expected", "ConditionExpression")),
    ("put_item", {"item": KEY, "expected": {}, "condition_expression": "("},
     ValidationError, CANNOT_MIX % ("Expected", "ConditionExpression")),
    ("delete_item", {"key": KEY, "expected": ONE, "conditional_operator": "OR",
                     "condition_expression": "x = :x"},
     ValidationError, CANNOT_MIX % ("Expected, ConditionalOperator", "ConditionExpression")),
    ("update_item", {"key": KEY, "attribute_updates": ONE, "expected": ONE,
                     "update_expression": "REMOVE x"},
     ValidationError, CANNOT_MIX % ("AttributeUpdates, Expected", "UpdateExpression")),
    ("update_item", {"key": KEY, "attribute_updates": ONE, "update_expression": "REMOVE x",
                     "condition_expression": "x = y"},
     ValidationError,
     CANNOT_MIX % ("AttributeUpdates", "UpdateExpression, ConditionExpression")),
    ("update_item", {"key": KEY, "attribute_updates": ONE, "condition_expression": "x = y"},
     ValidationError, CANNOT_MIX % ("AttributeUpdates", "ConditionExpression")),
    ("update_item", {"key": KEY, "update_expression": "REMOVE x", "expected": ONE},
     ValidationError, CANNOT_MIX % ("Expected", "UpdateExpression")),
    ("get_item", {"key": KEY, "attributes_to_get": ["x"], "projection_expression": "x"},
     ValidationError, CANNOT_MIX % ("AttributesToGet", "ProjectionExpression")),
    ("query_page", {"key_conditions": PK, "query_filter": X, "conditional_operator": "AND",
                    "attributes_to_get": ["x"], "filter_expression": "x = y",
                    "projection_expression": "x", "key_condition_expression": "x = y"},
     ValidationError,
     CANNOT_MIX % ("AttributesToGet, QueryFilter, ConditionalOperator, KeyConditions",
                   "ProjectionExpression, FilterExpression, KeyConditionExpression")),
    ("query_page", {"key_condition_expression": "PK = :a", "query_filter": X},
     ValidationError, CANNOT_MIX % ("QueryFilter", "KeyConditionExpression")),
    ("query", {"key_conditions": PK, "projection_expression": "x"},
     ValidationError, CANNOT_MIX % ("KeyConditions", "ProjectionExpression")),
    ("scan_page", {"scan_filter": X, "attributes_to_get": ["x"], "filter_expression": "x = y"},
     ValidationError, CANNOT_MIX % ("AttributesToGet, ScanFilter", "FilterExpression")),
    ("scan", {"attributes_to_get": ["x"], "filter_expression": "x = y"},
     ValidationError, CANNOT_MIX % ("AttributesToGet", "FilterExpression")),
    ("put_item", {"item": KEY, "expected": ONE, "expression_attribute_names": {"#x": "x"}},
     ValidationError, "ExpressionAttributeNames can only be specified when using expressions"),
    ("put_item", {"item": KEY, "expected": ONE, "expression_attribute_values": {":x": 1}},
     ValidationError,
     ("ExpressionAttributeValues can only be specified when using expressions: ConditionExpression "
      "is null")),
    ("get_item", {"key": KEY, "attributes_to_get": ["x"], "expression_attribute_names": {"#x": "x"}},
     ValidationError, "ExpressionAttributeNames can only be specified when using expressions"),
    ("query_page", {"pk": "a", "key_conditions": PK}, InvalidArgument,
     "give the key condition as pk=, sk= and starts_with=, or as key_conditions=, not both"),
    ("query", {"starts_with": "a", "key_conditions": PK}, InvalidArgument,
     "give the key condition as pk=, sk= and starts_with=, or as key_conditions=, not both"),
    ("query", {"pk": "a", "filter": "x == 1", "query_filter": X}, InvalidArgument,
     "give filter or query_filter, not both"),
    ("scan", {"filter": "x == 1", "scan_filter": X}, InvalidArgument,
     "give filter or scan_filter, not both"),
]  # fmt: skip

CONDITIONS: list[Row] = [
    *everywhere(wrong_count("EQ"), "EQ"),
    *everywhere(wrong_count("EQ"), "EQ", 1, 2),
    *everywhere(wrong_count("NE"), "NE", 1, 2),
    *everywhere(wrong_count("NULL"), "NULL", None),
    *everywhere(wrong_count("NOT_NULL"), "NOT_NULL", True),
    *everywhere(wrong_count("BETWEEN"), "BETWEEN", 1),
    *everywhere(wrong_count("BETWEEN"), "BETWEEN", 1, 2, 3),
    *everywhere(wrong_count("IN"), "IN"),
    *everywhere(wrong_count("CONTAINS"), "CONTAINS", "a", "b"),
    *everywhere(wrong_type("LT", "BOOL"), "LT", True),
    *everywhere(wrong_type("LE", "NULL"), "LE", None),
    *everywhere(wrong_type("GT", "L"), "GT", [1]),
    *everywhere(wrong_type("GE", "SS"), "GE", {"a"}),
    *everywhere(wrong_type("BETWEEN", "M"), "BETWEEN", {"a": 1}, {"a": 2}),
    *everywhere(wrong_type("BEGINS_WITH", "N"), "BEGINS_WITH", 1),
    *everywhere(wrong_type("CONTAINS", "NS"), "CONTAINS", {1}),
    *everywhere(wrong_type("NOT_CONTAINS", "L"), "NOT_CONTAINS", [1]),
    *everywhere(wrong_type("IN", "BS"), "IN", {b"a"}, {b"b"}),
    *everywhere(
        f"{INVALID}AttributeValues inside AttributeValueList must be of same type", "IN", 1, "a"
    ),
    *everywhere(
        f"{INVALID}AttributeValues inside AttributeValueList must be of same type",
        "BETWEEN", 1, "a",
    ),
    *everywhere(
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper "
        "bound", "BETWEEN", "b", "a",
    ),
    put(enum("eq", "expected.x.member.comparisonOperator", OPERATORS), {"x": condition("eq", 1)}),
    put(enum("5", "expected.x.member.comparisonOperator", OPERATORS), {"x": condition(5, 1)}),
    read("scan_page", enum("=", "scanFilter.x.member.comparisonOperator", OPERATORS),
         scan_filter={"x": condition("=", 1)}),
    read("scan_page",
         ("1 validation error detected: Value null at 'scanFilter.x.member.comparisonOperator' "
          "failed to satisfy constraint: Member must not be null"),
         scan_filter={"x": {"AttributeValueList": [1]}}),
    read("query_page",
         ("1 validation error detected: Value null at 'keyConditions.PK.member.comparisonOperator' "
          "failed to satisfy constraint: Member must not be null"),
         key_conditions={"PK": {}}),
    put("Expected contains invalid value for attribute x: a value of type builtins.object is none "
        "that an attribute can hold; pass a str, number, bytes, bool, None, list, dict, set, date "
        "or time", {"x": {"Value": object()}}, UnsupportedType),
    put("Expected contains invalid value for attribute x: nan is no number that an attribute can "
        "hold; give a finite one", {"x": {"Value": float("nan")}}, InvalidNumber),
    put("Expected must be a dict by attribute names, not [1]", [1]),
    put("Expected of 'x' must be a dict, not 1", {"x": 1}),
    put("Unknown parameter in Expected of 'x': 'Operator', must be one of: Value, Exists, "
        "AttributeValueList, ComparisonOperator", {"x": {"Operator": "EQ"}}),
    put("Expected of 'x' has 'Value' twice, in two spellings: leave one out",
        {"x": {"Value": 1, "value": 2}}),
    put("Expected names attributes by str, and 1 is none", {1: {"Value": 1}}, InvalidArgument),
    put(f"{INVALID}Expected has an empty attribute name", {"": {"Value": 1}}, InvalidName),
    read("scan_page", "Unknown parameter in ScanFilter of 'x': 'Value', must be one of: "
         "AttributeValueList, ComparisonOperator", scan_filter=ONE),
    read("scan_page", "AttributeValueList of x in ScanFilter is a list of values, not 'a'",
         InvalidArgument,
         scan_filter={"x": {"ComparisonOperator": "EQ", "AttributeValueList": "a"}}),
]  # fmt: skip

EXPECTED: list[Row] = [
    put(f"{INVALID}Value or AttributeValueList must be used with ComparisonOperator: EQ for "
        "Attribute: x", {"x": {"ComparisonOperator": "EQ"}}),
    put(f"{INVALID}Value and AttributeValueList cannot be used together for Attribute: x",
        {"x": {**condition("EQ", 1), "Value": 1}}),
    put(f"{INVALID}Exists and ComparisonOperator cannot be used together for Attribute: x",
        {"x": {**condition("EQ", 1), "Exists": True}}),
    put(f"{INVALID}AttributeValueList can only be used with a ComparisonOperator for Attribute: x",
        {"x": {"AttributeValueList": [1]}}),
    put(f"{INVALID}Value cannot be used when Exists is false for Attribute: x",
        {"x": {"Exists": False, "Value": 1}}),
    put(f"{INVALID}Value must be provided when Exists is true for Attribute: x",
        {"x": {"Exists": True}}),
    put(f"{INVALID}Value must be provided when Exists is null for Attribute: x", {"x": {}}),
    put("Exists of x in Expected is True or False, not 'false'", {"x": {"Exists": "false"}},
        InvalidArgument),
    ("put_item", {"item": KEY, "expected": {"x": {"Value": 2}}}, ConditionalCheckFailed,
     "The conditional request failed"),
    ("delete_item", {"key": KEY, "expected": {"x": {"Exists": False}, "y": {"Value": 1}},
                     "conditional_operator": "OR"}, ConditionalCheckFailed,
     "The conditional request failed"),
    ("update_item", {"key": KEY, "attribute_updates": ONE, "expected": {"PK": {"Exists": False}}},
     ConditionalCheckFailed, "The conditional request failed"),
]  # fmt: skip

OPERATOR: list[Row] = [
    put(NOT_ENOUGH, ONE, conditional_operator="AND"),
    put(NOTHING, {}, conditional_operator="OR"),
    put(NOTHING, None, conditional_operator="OR"),
    put(enum("XOR", "conditionalOperator", "OR, AND"), ONE, conditional_operator="XOR"),
    put(enum("[]", "conditionalOperator", "OR, AND"), ONE, conditional_operator=[]),
    ("update_item", {"key": KEY, "conditional_operator": "OR"}, ValidationError, NOTHING),
    ("delete_item", {"key": KEY, "conditional_operator": "OR"}, ValidationError, NOTHING),
    read("query_page", NOTHING, key_conditions=PK, conditional_operator="AND"),
    read("query_page", NOT_ENOUGH, key_conditions=PK, query_filter=X, conditional_operator="AND"),
    read("scan", NOTHING, conditional_operator="AND"),
    read("scan_page", NOT_ENOUGH, scan_filter=X, conditional_operator="OR"),
]  # fmt: skip

UPDATES: list[Row] = [
    update(f"{INVALID}Only DELETE action is allowed when no attribute value is specified",
           {"x": {"Action": "PUT"}}),
    update(f"{INVALID}Only DELETE action is allowed when no attribute value is specified",
           {"x": {}}),
    update(f"{INVALID}Only DELETE action is allowed when no attribute value is specified",
           {"x": {"Action": "ADD"}}),
    update(f"{INVALID}ADD action is not supported for the type S",
           {"x": {"Action": "ADD", "Value": "a"}}),
    update(f"{INVALID}ADD action is not supported for the type M",
           {"x": {"Action": "ADD", "Value": {}}}),
    update(f"{INVALID}DELETE action with value is not supported for the type N",
           {"x": {"Action": "DELETE", "Value": 1}}),
    update(f"{INVALID}DELETE action with value is not supported for the type L",
           {"x": {"Action": "DELETE", "Value": [1]}}),
    update(enum("SET", "attributeUpdates.x.member.action", "ADD, PUT, DELETE"),
           {"x": {"Action": "SET", "Value": 1}}),
    update(f"{INVALID}Cannot update attribute SK. This attribute is part of the key",
           {"x": {"Value": 1}, "SK": {"Value": "2"}}),
    update(f"{INVALID}Cannot update attribute PK. This attribute is part of the key",
           {"PK": {"Action": "DELETE"}}),
    update("Type mismatch for attribute to update", {"x": {"Action": "ADD", "Value": {1}}}),
    update("Type mismatch for attribute to update", {"G": {"Action": "DELETE", "Value": {"g"}}}),
    update(f"{INVALID}Type mismatch for Index Key G Expected: S Actual: N IndexName: by-g",
           {"G": {"Value": 1}}, KeyTypeMismatch),
    update("AttributeUpdates contains invalid value for attribute x: a set holds strings, numbers "
           "or bytes, one kind, and is not empty", {"x": {"Value": set()}}, InvalidSet),
    update("AttributeUpdates must be a dict by attribute names, not 'x'", "x"),
    update("Unknown parameter in AttributeUpdates of 'x': 'Op', must be one of: Value, Action",
           {"x": {"Op": "PUT"}}),
    update(f"{INVALID}AttributeUpdates has an empty attribute name", {"": {"Value": 1}},
           InvalidName),
    ("update_item", {"key": {"PK": "a"}, "attribute_updates": ONE}, InvalidKey,
     "The provided key element does not match the schema"),
]  # fmt: skip

READS: list[Row] = [
    read("query_page", "Conditions can be of length 1 or 2 only", key_conditions={}),
    read("query_page", "Conditions can be of length 1 or 2 only",
         key_conditions={**PK, **X, "SK": EQ_A}),
    read("query_page", "Query condition missed key schema element: PK", key_conditions={"SK": EQ_A}),
    read("query_page", "Query condition missed key schema element: SK", key_conditions={**PK, **X}),
    read("query_page", "Query key condition not supported",
         key_conditions={"PK": condition("GT", "a")}),
    read("query_page", "Query key condition not supported",
         key_conditions={"PK": condition("GT", "a"), "SK": condition("GT", "a")}),
    *[
        read("query_page", "Attempted conditional constraint is not an indexable operation",
             key_conditions={**PK, "SK": condition(operator, *values)})
        for operator, values in [
            ("NE", ["a"]), ("IN", ["a"]), ("NULL", []), ("NOT_NULL", []), ("CONTAINS", ["a"]),
            ("NOT_CONTAINS", ["a"]),
        ]
    ],
    read("query_page", f"{INVALID}Condition parameter type does not match schema type",
         KeyTypeMismatch, key_conditions={"PK": condition("EQ", 1)}),
    read("query_page", f"{INVALID}Condition parameter type does not match schema type",
         MissingKey, key_conditions={"PK": condition("EQ", None)}),
    read("query_page", f"{INVALID}Condition parameter type does not match schema type",
         KeyTypeMismatch, key_conditions={**PK, "SK": condition("GT", 1)}),
    read("query_page",
         ("Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
          "request."), query_filter=X),
    read("query_page",
         "QueryFilter can only contain non-primary key attributes: Primary key attribute: SK",
         key_conditions=PK, query_filter={**X, "SK": EQ_A}),
    read("query_page",
         "QueryFilter can only contain non-primary key attributes: Primary key attribute: G",
         key_conditions={"G": EQ_A}, index_name="by-g", query_filter={"G": EQ_A}),
    *[
        row
        for method, given in [
            ("get_item", {"key": KEY}), ("query_page", {"key_conditions": PK}), ("scan_page", {}),
            ("query", {"pk": "a"}), ("scan", {}),
        ]
        for row in [
            read(method,
                 ("1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy "
                  "constraint: Member must have length greater than or equal to 1"),
                 attributes_to_get=[], **given),
            read(method, f"{INVALID}Duplicate value in attribute name: x",
                 attributes_to_get=["x", "y", "x"], **given),
            read(method, "AttributesToGet is a list of names, not 'x'", InvalidArgument,
                 attributes_to_get="x", **given),
            read(method, "AttributesToGet names attributes by str, and 1 is none", InvalidArgument,
                 attributes_to_get=[1], **given),
        ]
    ],
    read("scan_page", "Cannot specify the AttributesToGet when choosing to get only the Count",
         attributes_to_get=["x"], select="COUNT"),
    read("scan_page", "Cannot specify the AttributesToGet when choosing to get ALL_ATTRIBUTES",
         attributes_to_get=["x"], select="ALL_ATTRIBUTES"),
    read("query_page",
         "Cannot specify the AttributesToGet when choosing to get ALL_PROJECTED_ATTRIBUTES",
         key_conditions={"G": EQ_A}, index_name="by-g", attributes_to_get=["N"],
         select="ALL_PROJECTED_ATTRIBUTES"),
]  # fmt: skip

LEGACY_ROWS: list[Row] = [*MIXTURES, *CONDITIONS, *EXPECTED, *OPERATOR, *UPDATES, *READS]
