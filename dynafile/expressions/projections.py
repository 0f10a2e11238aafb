"""Projection expressions: which attributes, and parts of attributes, a read returns."""

from __future__ import annotations

from collections.abc import Sequence

from dynafile.expressions.path_trees import path_tree, project
from dynafile.expressions.paths import Item, Path

__all__ = ["Projection"]


class Projection:
    """The document paths of a ``ProjectionExpression``.

    ``attributes`` names the top-level attributes that they lead into. See
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
    Expressions.ProjectionExpressions.html.

    >>> item = {"a": 1, "b": {"c": [10, 20, 30], "d": 2}}
    >>> Projection([("b", "c", 2), ("b", "c", 0), ("x",)]).apply(item)
    {'b': {'c': [10, 30]}}

    Raises ``ValidationError`` for paths that overlap or conflict.
    """

    __slots__ = ("_flat", "_tree", "attributes", "paths")

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths: tuple[Path, ...] = tuple(paths)
        self.attributes = frozenset(str(path[0]) for path in self.paths)
        self._tree = path_tree(self.paths, "ProjectionExpression")
        self._flat = all(len(path) == 1 for path in self.paths)

    def apply(self, item: Item) -> Item:
        """Return what the paths name of an item, in the maps and lists that hold it.

        List elements close up, in their order. The result shares values with the item.
        """
        if self._flat:
            return {name: item[name] for name in self._tree if name in item}
        return project(self._tree, item)
