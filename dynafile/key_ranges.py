"""Key ranges: what a query reads, from the arguments that say so."""

from __future__ import annotations

from typing import Any

from dynafile.errors import EmptyKey, InvalidArgument, KeyTypeMismatch, MissingKey
from dynafile.expressions import KeyCondition, SortKeyCondition, key_condition
from dynafile.table.index import Index
from dynafile.table.key_errors import of_condition
from dynafile.table.keys import KeySchema, Range


def table_range(keys: KeySchema, pk: Any, starts_with: str | bytes | None, sk: Any) -> Range:
    """Return the range of a query on a table."""
    if sk is not None:
        _refuse_both(starts_with)
        if keys.sk is None:
            raise InvalidArgument(f"the table has no sort key, so a query takes no sk={sk!r}")
        condition: SortKeyCondition = key_condition(sk, keys.sk)
        return keys.condition(pk, condition.operator, condition.values)
    if starts_with is not None and starts_with != "":
        return keys.starts_with(pk, starts_with)
    return keys.whole(pk)


def index_range(index: Index, pk: Any, starts_with: str | bytes | None, sk: Any) -> Range:
    """Return the range of a query on an index.

    Where the sort key has several attributes, ``sk`` is a tuple: values that the first ones are
    equal to, and a condition on the one after them.
    """
    if sk is None:
        if starts_with is not None and starts_with != "":
            return index.starts_with(pk, starts_with)
        return index.whole(pk)
    _refuse_both(starts_with)
    parts = sk if isinstance(sk, tuple) else (sk,)
    if not parts or len(parts) > len(index.sk):
        keys = ", ".join(map(repr, index.sk)) if index.sk else "no sort key"
        raise InvalidArgument(
            f"the index {index.name!r} has {keys}, so a query takes no sk={sk!r}: give conditions "
            "on as many attributes as there are, or fewer"
        )
    conditions = [key_condition(part, name) for part, name in zip(parts, index.sk, strict=False)]
    leading = []
    for condition in conditions[:-1]:
        if condition.operator != "=":
            raise InvalidArgument(
                f"{condition!r} comes before another condition, and only the last one of a query "
                "may be other than equal: give values for those before it"
            )
        leading.append(condition.values[0])
    last = conditions[-1]
    return index.condition(pk, last.operator, last.values, tuple(leading))


def _refuse_both(starts_with: object) -> None:
    if starts_with is not None:
        raise InvalidArgument("give starts_with or sk, not both")


def bound_range(keys: KeySchema | Index, conditions: KeyCondition) -> Range:
    """Return the range that key conditions stand for, on a table or an index."""
    try:
        if isinstance(keys, Index):
            return _index_range(keys, conditions)
        sk_names = () if keys.sk is None else (keys.sk,)
        (pk,), leading, last = conditions.bind((keys.pk,), sk_names)
        if leading:
            return keys.condition(pk, "=", leading)
        if last is not None:
            return keys.condition(pk, last.operator, last.values)
        return keys.whole(pk)
    except (KeyTypeMismatch, MissingKey, EmptyKey) as error:
        raise of_condition(error) from None


def _index_range(index: Index, conditions: KeyCondition) -> Range:
    pk, leading, last = conditions.bind(index.pk, index.sk)
    if last is not None:
        return index.condition(pk, last.operator, last.values, leading)
    if leading:
        return index.condition(pk, "=", leading[-1:], leading[:-1])
    return index.whole(pk)
