"""Filters: whatever a caller passes as ``filter=``, to a closure from an item to bool."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from dynafile.errors import InvalidArgument
from dynafile.expressions import boto3_conditions
from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.closures import Filter
from dynafile.expressions.compiler import compile_condition
from dynafile.expressions.needs import names_in_condition, names_in_string
from dynafile.expressions.nodes import Condition
from dynafile.expressions.sort_keys import Key

__all__ = ["filter_attributes", "parse_filter"]


@lru_cache(maxsize=256)
def _parse_string(text: str) -> Filter:
    # Imported late: it costs milliseconds, and many programs never pass a string.
    from dynafile.expressions.strings import parse_string

    return parse_string(text)


def parse_filter(spec: Any) -> Filter | None:
    """Return the closure that a filter stands for; None for None.

    ``spec`` is a callable, which is taken as it is; a condition of ``Attr``, or of boto3; or a
    filter string, see ``dynafile.expressions.strings``. Strings are parsed once: the last 256
    are kept.

    >>> adult = parse_filter("age >= 18 and not blocked")
    >>> adult({"age": 20}), adult({"age": 20, "blocked": 1}), adult({"age": "20"})
    (True, False, False)

    Raises ``InvalidArgument`` for anything else, ``ExpressionError`` for a string that does
    not parse, ``MissingExtra`` for a string without the package ``filtration``.
    """
    if spec is None:
        return None
    if isinstance(spec, str):
        return _parse_string(spec)
    if isinstance(spec, Condition):
        return compile_condition(spec)
    if isinstance(spec, (Attr, Key, Size)) or boto3_conditions.is_attribute(spec):
        raise InvalidArgument(
            f"{spec!r} is no condition yet; say what it must be, such as .eq(1) or .exists()"
        )
    if boto3_conditions.is_condition(spec):
        return compile_condition(boto3_conditions.from_boto3(spec))
    if callable(spec):
        function: Filter = spec
        return function
    raise InvalidArgument(
        f"a filter is a callable from an item to bool, a condition such as "
        f"Attr('age').gte(18), or a string such as 'age >= 18', not {spec!r}"
    )


def filter_attributes(spec: Any) -> frozenset[str] | None:
    """Return the names of the attributes that a filter looks at; None: nobody knows.

    ``spec`` is as in ``parse_filter``, and has been parsed by it without an error. A dotted name of
    a filter string is given as it stands: it may be an attribute, or lead into one.

    >>> sorted(filter_attributes("age >= 18 and not address.city == 'Bern'"))
    ['address.city', 'age']
    """
    if isinstance(spec, str):
        return names_in_string(spec)
    if boto3_conditions.is_condition(spec):
        spec = boto3_conditions.from_boto3(spec)
    return names_in_condition(spec) if isinstance(spec, Condition) else None
