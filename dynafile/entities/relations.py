"""Relations: links between entities, seen from both ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, overload

from dynafile.errors import InvalidEntity, InvalidEntityType

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # So that a relation to a type by its name needs no annotation.
    E = TypeVar("E", default=Any)
else:
    from typing import TypeVar

    E = TypeVar("E")


class Linked(Protocol):
    """What has relations."""

    def _related(self, relation: Relation[Any]) -> Any: ...

    def _relate(self, relation: Relation[Any], value: Any) -> None: ...

    def _link(self, relation: Relation[Any], other: Any) -> None: ...

    def _unlink(self, relation: Relation[Any], other: Any) -> None: ...

    def _links(self, relation: Relation[Any]) -> Iterator[Any]: ...

    def _link_count(self, relation: Relation[Any]) -> int: ...

    def _is_linked(self, relation: Relation[Any], other: Any) -> bool: ...


class Relation(Generic[E]):
    """A link to entities of one or several types.

    :param types: a type, its name (with its namespace where two types have the name), or a list.
    :param reverse_name: the relation at the other end; by default it has the same name.
    """

    many: ClassVar[bool]
    """Whether this end has many."""
    reverse_kind: ClassVar[str]
    """What the other end must be."""

    def __init__(
        self, types: type[E] | str | Sequence[str | type[Any]], reverse_name: str | None = None
    ) -> None:
        self.types = _names(types)
        self.name = ""
        self.reverse_name = "" if reverse_name is None else reverse_name

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name
        self.reverse_name = self.reverse_name or name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.types)}, {self.reverse_name!r})"


class _ToOne(Relation[E]):
    many = False

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...

    @overload
    def __get__(self, holder: Linked, owner: type) -> E | None: ...

    def __get__(self, holder: Linked | None, owner: type) -> Self | E | None:
        if holder is None:
            return self
        other: E | None = holder._related(self)
        return other

    def __set__(self, holder: Linked, value: E | str | int | None) -> None:
        holder._relate(self, value)


class _ToMany(Relation[E]):
    many = True

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...

    @overload
    def __get__(self, holder: Linked, owner: type) -> RelationList[E]: ...

    def __get__(self, holder: Linked | None, owner: type) -> Self | RelationList[E]:
        return self if holder is None else RelationList(holder, self)

    def __set__(self, holder: Linked, value: Sequence[E | str | int] | E | str | int) -> None:
        holder._relate(self, value)


class OneToOne(_ToOne[E]):
    """One at each end."""

    reverse_kind = "OneToOne"


class ManyToOne(_ToOne[E]):
    """One here, many there: the end of a child."""

    reverse_kind = "OneToMany"


class OneToMany(_ToMany[E]):
    """Many here, one there: the end of a parent."""

    reverse_kind = "ManyToOne"


class ManyToMany(_ToMany[E]):
    """Many at each end."""

    reverse_kind = "ManyToMany"


class RelationList(Generic[E]):
    """The entities at the other end, in the order of their types and ids: a view of what is stored.

    ``len`` and ``in`` do not read the list.
    """

    def __init__(self, holder: Linked, relation: Relation[Any]) -> None:
        self._holder = holder
        self._relation = relation

    def add(self, other: E | str | int) -> None:
        """Add one, by entity, id or alias; one that is there already is not there twice."""
        self._holder._link(self._relation, other)

    def remove(self, other: E | str | int) -> None:
        """Take one away, by entity, id or alias, if it is there."""
        self._holder._unlink(self._relation, other)

    def __iter__(self) -> Iterator[E]:
        return self._holder._links(self._relation)

    def __len__(self) -> int:
        return self._holder._link_count(self._relation)

    def __contains__(self, other: object) -> bool:
        return self._holder._is_linked(self._relation, other)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._relation.name} of {self._holder!r}>"


def _names(types: Any) -> tuple[str, ...]:
    given = [types] if isinstance(types, str | type) else list(types)
    if not given:
        raise InvalidEntity("a relation needs at least one type")
    names = []
    for each in given:
        name = getattr(each, "get_full_type_name", lambda each=each: each)()
        if not isinstance(name, str) or not name:
            raise InvalidEntityType(f"a relation is to types or their names, not to {each!r}")
        names.append(name)
    return tuple(names)
