"""Document paths as a tree: that they keep clear of each other, and what of an item they name.

A tree maps each step to the tree of what follows it, or, where a path ends, to that path's
number. One level has either names or list indexes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from dynafile.errors import ValidationError
from dynafile.expressions.paths import MISSING, Item, Path

__all__ = ["MAX_PATH_DEPTH", "Tree", "bound_path_text", "path_tree", "project"]

Tree: TypeAlias = dict[Any, Any]

MAX_PATH_DEPTH: Final = 32


def bound_path_text(path: Path) -> str:
    """Return a path as DynamoDB's messages show it.

    >>> bound_path_text(("a", 0, "b"))
    '[a, [0], b]'
    """
    return f"[{', '.join(f'[{step}]' if isinstance(step, int) else step for step in path)}]"


def path_tree(paths: Sequence[Path], parameter: str) -> Tree:
    """Return the tree of paths, none of which may lead through, or into, another.

    Raises ``ValidationError``, in DynamoDB's words.
    """
    root: Tree = {}
    for number, path in enumerate(paths):
        level = root
        for depth, step in enumerate(path, 1):
            if level and type(next(iter(level))) is not type(step):
                raise _clash("conflict", parameter, paths[_first(level)], path)
            below = level.get(step)
            if below is None:
                level[step] = number if depth == len(path) else {}
            elif depth == len(path) or isinstance(below, int):
                raise _clash("overlap", parameter, paths[_first(below)], path)
            level = level[step]
    return root


def _first(below: Tree | int) -> int:
    """Return the number of the path that was put in first."""
    while not isinstance(below, int):
        below = next(iter(below.values()))
    return below


def _clash(verb: str, parameter: str, one: Path, two: Path) -> ValidationError:
    return ValidationError(
        f"Invalid {parameter}: Two document paths {verb} with each other; must remove or rewrite "
        f"one of these paths; path one: {bound_path_text(one)}, path two: {bound_path_text(two)}"
    )


def project(tree: Tree, item: Item) -> Item:
    """Return what the paths name of an item, in the maps and lists that hold it.

    List elements close up, in their order. A path that leads nowhere leaves no trace.
    """
    found: Item = {}
    for name, below in tree.items():
        value = item.get(name, MISSING)
        if type(below) is dict:
            value = _project_value(below, value)
        if value is not MISSING:
            found[name] = value
    return found


def _project_value(tree: Tree, value: Any) -> Any:
    kind = type(value)
    by_name = type(next(iter(tree))) is str
    if by_name:
        return (project(tree, value) or MISSING) if kind is dict else MISSING
    if kind is not list and kind is not tuple:
        return MISSING
    members = []
    for index, below in sorted(tree.items()):
        if index >= len(value):
            break
        member = value[index]
        if type(below) is dict:
            member = _project_value(below, member)
        if member is not MISSING:
            members.append(member)
    return kind(members) if members else MISSING
