"""Which keys a condition names: those of a query, or that of one item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from dynafile.errors import ValidationError
from dynafile.expressions.attributes import Attr
from dynafile.expressions.comparison import FLIPPED
from dynafile.expressions.key_conditions import KeyCondition, KeyTerm
from dynafile.expressions.nodes import (
    And,
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Literal,
    Membership,
    Operand,
    Or,
    junction,
)
from dynafile.key_ranges import bound_range
from dynafile.table.index import Index
from dynafile.table.keys import HASH_BYTES, KeySchema, Range

MOST_PARTITION_KEYS: Final = 50
"""Values of the partition key in one IN, as in DynamoDB."""


def conjuncts(condition: Condition | None) -> tuple[Condition, ...]:
    """Return the conditions that are joined by AND at the top of one."""
    if condition is None:
        return ()
    return condition.conditions if isinstance(condition, And) else (condition,)


def joined(conditions: Sequence[Condition]) -> Condition | None:
    """Return the condition that all of several hold; None of none."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return junction(And, *conditions)


class KeySelection(Struct):
    """What a condition says of the keys of a table or an index.

    Where it names no partition key, ``partitions`` is empty, and all of it is ``rest``.
    """

    keys: KeySchema | Index
    partitions: list[tuple[Any, ...]]
    """Values of the partition key attributes, each partition once."""
    terms: list[KeyTerm]
    """Conditions on the sort key: equalities, then ranges of one attribute."""
    leading: int
    """How many of the terms are equalities."""
    used: list[Condition]
    rest: list[Condition]

    @property
    def pk_names(self) -> tuple[str, ...]:
        """The names of the partition key attributes."""
        return pk_names(self.keys)

    @property
    def sk_names(self) -> tuple[str, ...]:
        """The names of the sort key attributes."""
        return sk_names(self.keys)

    @property
    def is_whole_key(self) -> bool:
        """Whether it names one item of a table by its key, or more by theirs."""
        named = bool(self.partitions) and self.leading == len(self.sk_names)
        return named and not isinstance(self.keys, Index)

    def key_of(self, partition: tuple[Any, ...]) -> dict[str, Any]:
        """Return the key attributes that are fixed for one partition."""
        key = dict(zip(self.pk_names, partition, strict=True))
        for term in self.terms[: self.leading]:
            assert isinstance(term.operands[0], Literal)
            key[term.attribute] = term.operands[0].value
        return key

    def range_of(self, partition: tuple[Any, ...], *more: KeyTerm) -> Range:
        """Return the range of one partition, within further terms on the sort key too.

        Raises ``ValidationError`` kinds for values that cannot be keys.
        """
        fixed = [
            KeyTerm(name, "=", (Literal(value),))
            for name, value in zip(self.pk_names, partition, strict=True)
        ]
        fixed += self.terms[: self.leading]
        low, high = bound_range(self.keys, KeyCondition(fixed))
        for term in (*self.terms[self.leading :], *more):
            begin, end = bound_range(self.keys, KeyCondition([*fixed, term]))
            low = max(low, begin)
            high = end if high is None else high if end is None else min(high, end)
        return low, high


def pk_names(keys: KeySchema | Index) -> tuple[str, ...]:
    """Return the names of the partition key attributes."""
    return keys.pk if isinstance(keys, Index) else (keys.pk,)


def sk_names(keys: KeySchema | Index) -> tuple[str, ...]:
    """Return the names of the sort key attributes."""
    if isinstance(keys, Index):
        return keys.sk
    return () if keys.sk is None else (keys.sk,)


def select_keys(keys: KeySchema | Index, condition: Condition | None) -> KeySelection:
    """Return what a condition says of the keys of a table or an index."""
    rest = list(conjuncts(condition))
    used: list[Condition] = []
    partitions = _partitions(keys, rest, used)
    if not partitions:
        return KeySelection(keys, [], [], 0, [], rest)
    terms: list[KeyTerm] = []
    following: str | None = None
    for name in sk_names(keys):
        value = _take_equality(name, rest, used)
        if value is None:
            following = name
            break
        terms.append(KeyTerm(name, "=", (value,)))
    leading = len(terms)
    for term in list(rest) if following is not None else ():
        found = _range_term(term, following or "")
        if found is not None:
            terms.append(found)
            rest.remove(term)
            used.append(term)
    return KeySelection(keys, partitions, terms, leading, used, rest)


def partition_of(keys: KeySchema | Index, values: tuple[Any, ...]) -> bytes:
    """Return bytes whose order is that of partition keys. Raises ValidationError kinds."""
    named = zip(pk_names(keys), values, strict=True)
    terms = [KeyTerm(name, "=", (Literal(value),)) for name, value in named]
    return bound_range(keys, KeyCondition(terms))[0][HASH_BYTES:]


def _partitions(
    keys: KeySchema | Index, rest: list[Condition], used: list[Condition]
) -> list[tuple[Any, ...]]:
    names = pk_names(keys)
    values: list[Any] = []
    taken: list[Condition] = []
    for name in names:
        value = _take_equality(name, rest, taken)
        if value is None:
            rest[:0] = taken  # not all of the key is named, so none of it serves
            return _members(keys, name, rest, used) if len(names) == 1 else []
        values.append(value.value)
    used += taken
    return [tuple(values)]


def _members(
    keys: KeySchema | Index, name: str, rest: list[Condition], used: list[Condition]
) -> list[tuple[Any, ...]]:
    for term in rest:
        literals = _values_of(term, name)
        if literals is None:
            continue
        rest.remove(term)
        used.append(term)
        # 1 and 1.0 are one key.
        found = {partition_of(keys, (one.value,)): one.value for one in literals}
        return [(value,) for value in found.values()]
    return []


def _values_of(term: Condition, name: str) -> list[Literal] | None:
    """Return the values of which a condition says that an attribute is one; None: it does not."""
    if isinstance(term, Or):
        found: list[Literal] = []
        for branch in term.conditions:
            values = _values_of(branch, name)
            if values is None:
                return None
            found += values
        return found
    if isinstance(term, Membership) and _is_key(term.operand, name):
        literals = [value for value in term.values if isinstance(value, Literal)]
        if len(literals) < len(term.values):
            return None
        if len(literals) > MOST_PARTITION_KEYS:
            raise ValidationError(
                f"IN takes up to {MOST_PARTITION_KEYS} values of the partition key {name}, not "
                f"{len(literals)}"
            )
        return literals
    equality = _comparison_of(term, name)
    if equality is None or equality.operator != "=":
        return None
    (value,) = equality.operands
    return [value] if isinstance(value, Literal) else None


def _is_key(operand: Operand, name: str) -> bool:
    return isinstance(operand, Attr) and operand.path == (name,)


def _take_equality(name: str, rest: list[Condition], used: list[Condition]) -> Literal | None:
    """Take out what says that an attribute equals a value, and return that."""
    for term in rest:
        found = _comparison_of(term, name)
        if found is not None and found.operator == "=":
            rest.remove(term)
            used.append(term)
            value = found.operands[0]
            assert isinstance(value, Literal)
            return value
    return None


def _comparison_of(term: Condition, name: str) -> KeyTerm | None:
    if not isinstance(term, Comparison) or term.operator == "<>":
        return None
    left, right, operator = term.left, term.right, term.operator
    if _is_key(right, name):
        left, right, operator = right, left, FLIPPED[operator]
    if _is_key(left, name) and isinstance(right, Literal):
        return KeyTerm(name, operator, (right,))
    return None


def _range_term(term: Condition, name: str) -> KeyTerm | None:
    if isinstance(term, Between) and _is_key(term.operand, name):
        bounds = (term.low, term.high)
        literal = all(isinstance(bound, Literal) for bound in bounds)
        return KeyTerm(name, "BETWEEN", bounds) if literal else None
    if isinstance(term, BeginsWith) and _is_key(term.operand, name):
        literal = isinstance(term.prefix, Literal)
        return KeyTerm(name, "begins_with", (term.prefix,)) if literal else None
    return _comparison_of(term, name)


def take_key(
    keys: KeySchema, condition: Condition
) -> tuple[dict[str, Any], list[Condition], list[Condition]]:
    """Return the key of the one item that a condition names, what named it, and what is left.

    Raises ``ValidationError``, in DynamoDB's words, where it does not name all of a key.
    """
    selection = select_keys(keys, condition)
    by_list = not all(isinstance(term, Comparison) for term in selection.used)
    if not selection.is_whole_key or by_list:
        error = ValidationError(
            "Where clause does not contain a mandatory equality on all key attributes"
        )
        names = " AND ".join(f"{name} = ..." for name in (*pk_names(keys), *sk_names(keys)))
        error.add_note(f"the WHERE names one item by its key: {names}")
        raise error
    return selection.key_of(selection.partitions[0]), selection.used, selection.rest
