"""Condition objects in the shape of boto3's, for the tests; boto3 itself need not be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Shape:
    """A condition: boto3 tells what it is by ``get_expression()``."""

    def __init__(self, operator: str, *values: Any) -> None:
        self.operator = operator
        self.values = values

    def get_expression(self) -> dict[str, Any]:
        return {"format": "unused", "operator": self.operator, "values": self.values}

    def __and__(self, other: Shape) -> Shape:
        return Shape("AND", self, other)

    def __or__(self, other: Shape) -> Shape:
        return Shape("OR", self, other)

    def __invert__(self) -> Shape:
        return Shape("NOT", self)


class Comparable:
    """What boto3's Key, Attr and Size can all do."""

    def eq(self, value):
        return Shape("=", self, value)

    def lt(self, value):
        return Shape("<", self, value)

    def lte(self, value):
        return Shape("<=", self, value)

    def gt(self, value):
        return Shape(">", self, value)

    def gte(self, value):
        return Shape(">=", self, value)

    def begins_with(self, value):
        return Shape("begins_with", self, value)

    def between(self, low, high):
        return Shape("BETWEEN", self, low, high)


@dataclass
class Key(Comparable):
    name: str


class SizeShape(Comparable, Shape):
    def __init__(self, attribute):
        Shape.__init__(self, "size", attribute)
        self.name = attribute.name


@dataclass
class Attr(Comparable):
    name: str

    def ne(self, value):
        return Shape("<>", self, value)

    def is_in(self, values):
        return Shape("IN", self, values)

    def exists(self):
        return Shape("attribute_exists", self)

    def not_exists(self):
        return Shape("attribute_not_exists", self)

    def contains(self, value):
        return Shape("contains", self, value)

    def size(self):
        return SizeShape(self)

    def attribute_type(self, value):
        return Shape("attribute_type", self, value)
