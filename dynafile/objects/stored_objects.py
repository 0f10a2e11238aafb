"""Objects of declared classes: what of them is stored, and their defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Protocol, Self, TypeVar, overload

from dynafile.errors import InvalidObjectArgument, InvalidObjectType
from dynafile.objects.codec import ObjectState

__all__ = [
    "DbObj",
    "StoredValue",
    "key_of",
    "load_object",
    "make_object",
    "state_of",
    "stored",
    "stored_field",
]

T = TypeVar("T")


class Home(Protocol):
    """The store that an object is of, as far as the object itself needs it."""

    def __getitem__(self, key: str) -> Any: ...

    def __setitem__(self, key: str, value: Any) -> None: ...

    def __contains__(self, key: str) -> bool: ...

    def read(self, key: str, reload: bool = False) -> Any: ...

    def get(self, key: str, default: Any = None) -> Any: ...

    def delete(self, key: str) -> None: ...

    def new(self, class_name: str, key: str, **attributes: Any) -> Any: ...

    def ls(self, folder: str = "/", include_dir: bool = True) -> list[str]: ...


class StoredValue(Generic[T]):
    """A stored attribute of one object: call it for its value."""

    __slots__ = ("_attribute", "_owner")

    def __init__(self, owner: DbObj, attribute: stored[T]) -> None:
        self._owner = owner
        self._attribute = attribute

    def __call__(self) -> T:
        """Return the value, which is the default until another one is set."""
        return self._attribute._value_in(self._owner)

    def setvalue(self, value: T) -> None:
        """Set the value; it is stored by the object's ``write()``."""
        self._owner._values[self._attribute.name] = value

    def clear(self) -> None:
        """Go back to the default."""
        self._owner._values.pop(self._attribute.name, None)

    def __repr__(self) -> str:
        return f"<stored {self._attribute.name} of {self._owner!r}>"


class _Attribute(Generic[T]):
    """A stored attribute of a class: a descriptor with what makes the default of an object."""

    name = ""

    def __init__(self, default: Callable[[Any], T]) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        if name in _TAKEN or name.startswith("_"):
            raise InvalidObjectArgument(
                f"{owner.__qualname__}.{name} cannot be stored: the name is a DbObj's own"
                if name in _TAKEN
                else f"{owner.__qualname__}.{name} cannot be stored: it begins with an underscore"
            )
        self.name = name

    def _value_in(self, owner: DbObj) -> T:
        try:
            value: T = owner._values[self.name]
        except KeyError:
            pass
        else:
            return value
        # Kept from now on, so that a default that is a list can be added to.
        value = owner._values[self.name] = self._default(owner)
        return value


class stored(_Attribute[T]):  # noqa: N801
    """Declare a stored attribute: the method below it gives the default.

    ``obj.name()`` is the value, ``obj.name.setvalue(v)`` sets it, ``obj.name.clear()`` goes back to
    the default, which is asked for when the value is first needed.
    """

    def __init__(self, default: Callable[[Any], T]) -> None:
        if not callable(default):
            raise InvalidObjectType(f"@stored is for a method, not {default!r:.80}")
        super().__init__(default)
        self.__doc__ = default.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: DbObj, kind: type) -> StoredValue[T]: ...
    def __get__(self, owner: DbObj | None, kind: type) -> Self | StoredValue[T]:
        return self if owner is None else StoredValue(owner, self)

    def __set__(self, owner: DbObj, value: object) -> None:
        raise AttributeError(f"{self.name} is stored: set it by .{self.name}.setvalue(...)")


class _Field(_Attribute[T]):
    """A stored attribute that is read and set as any attribute is."""

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: DbObj, kind: type) -> T: ...
    def __get__(self, owner: DbObj | None, kind: type) -> Self | T:
        return self if owner is None else self._value_in(owner)

    def __set__(self, owner: DbObj, value: T) -> None:
        owner._values[self.name] = value

    def __delete__(self, owner: DbObj) -> None:
        owner._values.pop(self.name, None)


def stored_field(default: Any = None, *, factory: Callable[[], Any] | None = None) -> Any:
    """Declare a stored attribute that is read and set as a plain one is.

    As in ``name: str = stored_field("John")``. ``factory`` makes the default where it can be
    changed, as a list can; such a value for ``default`` would be shared by all objects, and is
    refused with InvalidObjectArgument. ``del`` goes back to the default.
    """
    if factory is None and type(default).__hash__ is None:
        kind = type(default).__qualname__
        raise InvalidObjectArgument(
            f"a {kind} as a default would be shared by all objects: stored_field(factory={kind})"
        )
    if factory is not None and not callable(factory):
        raise InvalidObjectType(f"factory is called for the default; {factory!r:.80} cannot be")
    return _Field(lambda _: default if factory is None else factory())


class DbObj:
    """Base of classes whose objects a store keeps by the attributes that they declare.

    ``db.new("Greeter", key, name="Ann")`` makes one by the name that the class has in the class
    map; nothing is stored before ``write()``. Whatever is not declared with ``stored`` or
    ``stored_field`` lives in this process only.

    >>> from dynafile import objects
    >>> class Greeter(objects.DbObj):
    ...     @objects.stored
    ...     def name(self) -> str:
    ...         return "John"
    >>> db = objects.connect("memory://greeters")
    >>> db.upload_objdb_config({"Greeter": {"module_path": __name__, "class_name": "Greeter"}})
    >>> john = Greeter(db, "Greeter", "/john")
    >>> john.name()
    'John'
    >>> john.name.setvalue("Jane")
    >>> john.get_stored_dict()
    {'name': 'Jane'}
    >>> db.close()
    """

    db: Home
    """The store that it is of."""
    class_name: str
    """The name of its class in the class map."""
    key: str
    """Its key in the store."""

    def __init__(self, db: Home, class_name: str, key: str, **attributes: Any) -> None:
        """Make an object, and call its ``init``.

        Raises InvalidObjectArgument for an attribute that the class does not declare.
        """
        self.db = db
        self.class_name = class_name
        self.key = key
        self._values: dict[str, Any] = {}
        _check_names(type(self), class_name, attributes)
        self._values.update(attributes)
        self.init()

    def init(self) -> None:
        """Prepare an object that was made or loaded; for subclasses, which need not call this."""

    def get_stored_dict(self) -> dict[str, Any]:
        """Return what would be stored: the value of each declared attribute by its name."""
        declared = _declared(type(self))
        return {name: declared[name]._value_in(self) for name in sorted(declared)}

    def write(self) -> None:
        """Store it, at its key."""
        self.db[self.key] = self

    def delete(self) -> None:
        """Delete what is stored of it; raises ObjectNotFound where nothing is."""
        self.db.delete(self.key)

    def __repr__(self) -> str:
        return f"<{self.class_name} {self.key}>"

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError(
            f"{self!r} is an object of a store: write it at its key, and keep the key elsewhere"
        )


_TAKEN: Final = frozenset(name for name in vars(DbObj) if not name.startswith("_")) | {
    "db",
    "class_name",
    "key",
}


def _declared(kind: type[DbObj]) -> dict[str, _Attribute[Any]]:
    found: dict[str, _Attribute[Any]] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, _Attribute):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def _check_names(kind: type[DbObj], class_name: str, attributes: Mapping[str, Any]) -> None:
    declared = _declared(kind)
    for name in attributes:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise InvalidObjectArgument(
                f"{class_name} has no stored attribute {name!r}; it has: {known}"
            )


def make_object(
    kind: type[DbObj], db: Home, class_name: str, path: str, attributes: Mapping[str, Any]
) -> DbObj:
    """Make an object with these attributes; raises InvalidObjectArgument for unknown ones."""
    _check_names(kind, class_name, attributes)
    return kind(db, class_name, path, **attributes)


def load_object(
    kind: type[DbObj], db: Home, class_name: str, path: str, data: Mapping[str, Any]
) -> DbObj:
    """Make an object of what is stored; what its class does not declare any more is kept."""
    declared = _declared(kind)
    known = {name: value for name, value in data.items() if name in declared}
    made = make_object(kind, db, class_name, path, known)
    for name, value in data.items():
        if name not in declared:
            made._values[name] = value
    return made


def state_of(value: DbObj) -> ObjectState:
    """Return what is stored of an object."""
    return ObjectState(value.class_name, {**value._values, **value.get_stored_dict()})


def key_of(value: DbObj) -> str:
    """Return the path that an object is written at."""
    return value.key
