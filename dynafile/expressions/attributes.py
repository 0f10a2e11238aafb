"""``Attr``: conditions built in Python, in the manner of boto3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from msgspec import Struct

from dynafile.errors import InvalidArgument
from dynafile.expressions.literals import take_literal
from dynafile.expressions.nodes import (
    AttributeType,
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Contains,
    Exists,
    Literal,
    Membership,
    Operand,
)
from dynafile.expressions.paths import Path, parse_path, path_text

__all__ = ["Attr", "Size"]


class Comparable(Operand):
    """What can be compared: the methods that ``Attr`` and ``Size`` share."""

    __slots__ = ()

    def eq(self, value: object) -> Comparison:
        """Is equal to the value, in type too; numbers by value, sets as sets."""
        return Comparison("=", self, _operand(value))

    def ne(self, value: object) -> Comparison:
        """Is not equal to the value: also true if missing, or of another type."""
        return Comparison("<>", self, _operand(value))

    def lt(self, value: object) -> Comparison:
        """Is less than the value: a str, a number or bytes."""
        return Comparison("<", self, _operand(value))

    def lte(self, value: object) -> Comparison:
        """Is less than or equal to the value: a str, a number or bytes."""
        return Comparison("<=", self, _operand(value))

    def gt(self, value: object) -> Comparison:
        """Is greater than the value: a str, a number or bytes."""
        return Comparison(">", self, _operand(value))

    def gte(self, value: object) -> Comparison:
        """Is greater than or equal to the value: a str, a number or bytes."""
        return Comparison(">=", self, _operand(value))

    def between(self, low: object, high: object) -> Between:
        """Is at least the low value and at most the high one."""
        return Between(self, _operand(low), _operand(high))

    def is_in(self, values: Iterable[object]) -> Membership:
        """Is equal to one of the values, of which there is at least one."""
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InvalidArgument(f"is_in takes a list of values, not {values!r}")
        return Membership(self, tuple(map(_operand, values)))


class Attr(Comparable):
    """An attribute of an item, by name or document path; its methods give conditions.

    ``Attr("a.b[0].c")`` is a document path. A tuple of names and list indexes is a path too,
    and the way to a name with dots or brackets of its own: ``Attr(("a.b", 0))``.

    A method's value may be another ``Attr``, which compares two attributes of one item.

    >>> Attr("age").gte(18) & ~Attr("tags").contains("blocked")
    Attr('age').gte(18) & ~Attr('tags').contains('blocked')

    Raises ``ExpressionError`` for a path that does not parse.
    """

    __slots__ = ("path",)
    path: Path

    def __init__(self, name: str | Path) -> None:
        if isinstance(name, str):
            path = parse_path(name)
        elif type(name) is not tuple or not name or type(name[0]) is not str:
            raise InvalidArgument(
                f"an attribute is named by a str, or a tuple of steps from a str on, not {name!r}"
            )
        else:
            path = name
            for step in path:
                if (type(step) is int and step >= 0) or (type(step) is str and step):
                    continue
                raise InvalidArgument(
                    f"a step of a path is a name or an index from 0 on, not {step!r}"
                )
        object.__setattr__(self, "path", path)

    @property
    def name(self) -> str | None:
        """The document path as text; None for a path that has no text."""
        return path_text(self.path)

    def begins_with(self, prefix: object) -> BeginsWith:
        """Is a str that begins with this str, or bytes that begin with these bytes."""
        return BeginsWith(self, _operand(prefix))

    def contains(self, value: object) -> Contains:
        """Is a str or bytes with the value as a part, or a list or set with it as a member."""
        return Contains(self, _operand(value))

    def exists(self) -> Exists:
        """Is there, be it None."""
        return Exists(self)

    def not_exists(self) -> Exists:
        """Is not there."""
        return Exists(self, expected=False)

    def attribute_type(self, name: str) -> AttributeType:
        """Is of DynamoDB's type of that name: S N B BOOL NULL L M SS NS BS."""
        return AttributeType(self, name)

    def size(self) -> Size:
        """The size, to be compared: of bytes, members, or a string's UTF-16 code units."""
        return Size(self)

    def __eq__(self, other: object) -> bool:
        return self.path == other.path if isinstance(other, Attr) else NotImplemented

    def __hash__(self) -> int:
        return hash((Attr, self.path))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("an Attr cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("an Attr cannot be changed")

    def __reduce__(self) -> tuple[type[Attr], tuple[Path]]:
        return Attr, (self.path,)

    def __repr__(self) -> str:
        return f"Attr({self.name or self.path!r})"


class Size(Comparable, Struct, frozen=True):
    """The size of an attribute; missing if the attribute is, or has a type without size."""

    attribute: Attr

    def __repr__(self) -> str:
        return f"{self.attribute!r}.size()"


def _operand(value: object) -> Operand:
    if isinstance(value, Operand):
        return value
    if isinstance(value, Condition):
        raise InvalidArgument(f"a condition cannot be compared with: {value!r}")
    return Literal(take_literal(value))
