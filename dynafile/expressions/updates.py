"""Update expressions: the item that an update makes of another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from dynafile.errors import ValidationError
from dynafile.expressions.edits import edited
from dynafile.expressions.path_trees import path_tree, project
from dynafile.expressions.paths import MISSING, Getter, Item, Path
from dynafile.expressions.templates import Values

__all__ = ["GetterMaker", "Update", "UpdatePlan"]

GetterMaker: TypeAlias = Callable[[Values], Getter]


class UpdatePlan:
    """What an update expression does, whatever its values: a path and an outcome each.

    A getter gives the outcome for an item as it was before the update, ``MISSING`` if nothing is
    to be there. ``removed`` are the paths that REMOVE names. Raises ``ValidationError`` for paths
    that overlap or conflict.
    """

    __slots__ = ("attributes", "flat", "kept", "makers", "paths", "tree")

    def __init__(
        self, paths: Sequence[Path], makers: Sequence[GetterMaker], removed: Collection[Path] = ()
    ) -> None:
        self.paths: tuple[Path, ...] = tuple(paths)
        self.makers = tuple(makers)
        self.tree = path_tree(self.paths, "UpdateExpression")
        kept = [path for path in self.paths if path not in removed]
        self.kept = path_tree(kept, "UpdateExpression")
        self.attributes = frozenset(str(path[0]) for path in self.paths)
        self.flat = all(len(path) == 1 for path in self.paths)


class Update:
    """An update of an item: SET, REMOVE, ADD and DELETE, as in DynamoDB.

    ``paths`` are the document paths that it writes, ``attributes`` the names of the top-level
    attributes that they lead into. See https://docs.aws.amazon.com/amazondynamodb/latest/
    developerguide/Expressions.UpdateExpressions.html.
    """

    __slots__ = ("_getters", "_plan", "attributes", "paths")

    def __init__(self, plan: UpdatePlan, values: Values) -> None:
        self._plan = plan
        self.paths = plan.paths
        self.attributes = plan.attributes
        self._getters = [maker(values) for maker in plan.makers]

    def apply(self, item: Item) -> Item:
        """Return the item after the update; the one that is given stays as it is.

        Every operand is that of the item before the update. The result shares with it what was
        not written. Raises ``ValidationError``, in DynamoDB's words, if an operand is missing or
        has the wrong type, if a number gets too large, or if a path leads nowhere.
        """
        outcomes = [getter(item) for getter in self._getters]
        plan = self._plan
        if not plan.flat:
            return edited(item, plan.tree, outcomes)
        new = item.copy()
        for name, outcome in zip(plan.tree, outcomes, strict=True):
            if outcome is MISSING:
                new.pop(name, None)
            else:
                new[name] = outcome
        return new

    def updated(self, item: Item, *, new: bool = False) -> Item:
        """Return the written paths of an item, in the maps and lists that hold them.

        Of an old item that is what ``UPDATED_OLD`` returns. Of a new one, with ``new=True``, it is
        ``UPDATED_NEW``, which leaves out what was to be removed: another element may be there now.
        It shares values with the item.
        """
        return project(self._plan.kept if new else self._plan.tree, item)

    def check_keys(self, key_attributes: Collection[str]) -> None:
        """Refuse to write a key attribute. Raises ``ValidationError``, in DynamoDB's words."""
        for path in self.paths:
            if path[0] in key_attributes:
                raise ValidationError(
                    "One or more parameter values were invalid: Cannot update attribute "
                    f"{path[0]}. This attribute is part of the key",
                    attribute=path[0],
                )
