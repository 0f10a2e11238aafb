"""Edits of an item along a tree of document paths; what the paths do not lead through is shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dynafile.errors import ValidationError
from dynafile.expressions.path_trees import Tree
from dynafile.expressions.paths import MISSING, Item

__all__ = ["edited"]


def edited(item: Item, tree: Tree, outcomes: Sequence[Any]) -> Item:
    """Return an item with the outcome of each path in its place; ``MISSING`` removes what is there.

    Indexes of list elements are those of the item as it is given. Outcomes past the end of a list
    are appended in the order of their indexes. Raises ``ValidationError``, in DynamoDB's words,
    for a path whose map or list is not there.
    """
    new = item.copy()
    for name, below in tree.items():
        if type(below) is dict:
            new[name] = _edited_value(item.get(name, MISSING), below, outcomes)
            continue
        outcome = outcomes[below]
        if outcome is MISSING:
            new.pop(name, None)
        else:
            new[name] = outcome
    return new


def _edited_value(value: Any, tree: Tree, outcomes: Sequence[Any]) -> Any:
    kind = type(value)
    by_name = type(next(iter(tree))) is str
    if by_name and kind is dict:
        return edited(value, tree, outcomes)
    if not by_name and kind is list:
        return _edited_list(value, tree, outcomes)
    if not by_name and kind is tuple:
        return tuple(_edited_list(list(value), tree, outcomes))
    raise _no_such_path()


def _edited_list(members: list[Any], tree: Tree, outcomes: Sequence[Any]) -> list[Any]:
    new = members.copy()
    appended: list[Any] = []
    for index, below in sorted(tree.items()):
        inside = index < len(members)
        if type(below) is dict:
            if not inside:
                raise _no_such_path()
            new[index] = _edited_value(members[index], below, outcomes)
        elif inside:
            new[index] = outcomes[below]
        else:
            appended.append(outcomes[below])
    return [member for member in new + appended if member is not MISSING]


def _no_such_path() -> ValidationError:
    return ValidationError(
        "The document path provided in the update expression is invalid for update"
    )
