"""Text and builders to callables: filters, key conditions, projections, updates.

- ``request``: DynamoDB's expressions, with their placeholders; ``languages`` prepares and caches
  them, with ``cache`` and ``placeholders``.
- ``lexer``, ``parser``, ``condition_parser``, ``update_parser``, ``reserved_words``: their text, to
  ``syntax``.
- ``binding``, ``templates``: conditions with names and types for their placeholders, to closures.
- ``update_binding``, ``updates``, ``update_functions``, ``edits``: what an update makes of an item.
- ``key_conditions``, ``projections``, ``path_trees``: what a read takes, and what it returns.
- ``legacy``: DynamoDB's parameters of before expressions, to the same; with ``legacy_conditions``,
  ``legacy_updates``, ``legacy_names``.

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
from dynafile.expressions.key_conditions import KeyCondition
from dynafile.expressions.legacy import (
    legacy_condition,
    legacy_filter,
    legacy_key_condition,
    legacy_projection,
    legacy_update,
    refuse_mixture,
)
from dynafile.expressions.nodes import Condition
from dynafile.expressions.projections import Projection
from dynafile.expressions.request import ConditionExpression, Expressions
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
from dynafile.expressions.updates import Update

__all__ = [
    "Attr",
    "Condition",
    "ConditionExpression",
    "Expressions",
    "Filter",
    "Key",
    "KeyCondition",
    "Projection",
    "Size",
    "SortKeyCondition",
    "Update",
    "begins_with",
    "between",
    "eq",
    "filter_attributes",
    "gt",
    "gte",
    "key_condition",
    "legacy_condition",
    "legacy_filter",
    "legacy_key_condition",
    "legacy_projection",
    "legacy_update",
    "lt",
    "lte",
    "parse_filter",
    "refuse_mixture",
]
