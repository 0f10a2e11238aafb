"""Text and builders to callables: filters and sort key conditions.

- ``filters``: what ``filter=`` takes, to a closure from an item to bool.
- ``attributes``, ``nodes``, ``compiler``: ``Attr`` conditions, with DynamoDB's semantics.
- ``sort_keys``: ``Key``, ``between(a, b)`` and the like, for ``sk=``.
- ``boto3_conditions``: boto3's conditions, taken by their shape.
- ``strings``, ``statements``, ``tokens``: filter strings, the language of ``filtration``.
- ``comparison``, ``literals``, ``paths``, ``closures``: what the two languages share.
"""

from __future__ import annotations

from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.closures import Filter
from dynafile.expressions.filters import filter_attributes, parse_filter
from dynafile.expressions.nodes import Condition
from dynafile.expressions.sort_keys import (
    Key,
    SortKeyCondition,
    begins_with,
    between,
    eq,
    gt,
    gte,
    key_condition,
    lt,
    lte,
)

__all__ = [
    "Attr",
    "Condition",
    "Filter",
    "Key",
    "Size",
    "SortKeyCondition",
    "begins_with",
    "between",
    "eq",
    "filter_attributes",
    "gt",
    "gte",
    "key_condition",
    "lt",
    "lte",
    "parse_filter",
]
