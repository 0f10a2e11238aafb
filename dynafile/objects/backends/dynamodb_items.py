"""Items of KYDB's table in DynamoDB: attributes, sizes, versions, and the writes of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any, Final

from xxhash import xxh3_128_hexdigest

from dynafile.errors import CorruptObject, InvalidObjectArgument, ObjectTooLarge
from dynafile.objects.backend import Stored, WriteOptions
from dynafile.objects.paths import MARKER, ROOT, split

__all__ = [
    "CONTENTS",
    "CTIME",
    "FOLDER",
    "MAX_OBJECT_BYTES",
    "MTIME_ATTRIBUTE",
    "PATH",
    "TTL",
    "Item",
    "Request",
    "Written",
    "add_times",
    "as_it_was",
    "check_index",
    "delete_marker",
    "delete_object",
    "folder_of",
    "index_values",
    "is_expired",
    "marker_of",
    "no_object_there",
    "not_there",
    "number",
    "projection",
    "put_marker",
    "stored",
    "version_of",
]

Item = Mapping[str, Mapping[str, Any]]
"""Of DynamoDB's JSON: a type and a value by name of an attribute."""

Request = dict[str, Any]
"""The parameters of one write, without the table's name."""

PATH, FOLDER, CONTENTS, TTL = "path", "folder", "contents", "ttl"
MTIME_ATTRIBUTE, CTIME = "mtime", "ctime"

_INDEX: Final = re.compile(r"(?!(?:mtime|ctime|ttl)$)[A-Za-z][A-Za-z0-9_]{0,63}")

_MARKED: Final = b"\x80\x04\x88."
"""What KYDB's markers hold: True, pickled."""

_MAX_ITEM_BYTES: Final = 400 << 10
_FIVE_YEARS: Final = 5 * 366 * 86400


def folder_of(path: str) -> str:
    """Return what the items of a folder have for ``folder``."""
    return ROOT if path == ROOT else f"{path}/"


def marker_of(path: str) -> str:
    """Return the path of the item that says that a path is a folder."""
    folder, name = split(path)
    return f"{folder_of(folder)}{MARKER}{name}"


def number(item: Item, name: str) -> int | None:
    """Return an attribute that is a number, as an int; None if it is missing or of another type."""
    text = item.get(name, {}).get("N")
    try:
        return None if text is None else int(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        return None


def index_values(item: Item) -> dict[str, int]:
    """Return the numbers of an item that are index values, or others' with the name of one."""
    found = {}
    for name in item:
        value = number(item, name)
        if value is not None and abs(value) < 1 << 63 and _INDEX.fullmatch(name):
            found[name] = value
    return found


def is_expired(item: Item, clock: Callable[[], int] = time.time_ns) -> bool:
    """Tell whether DynamoDB may delete an item any time: as it, not if that was five years ago."""
    expires = number(item, TTL)
    if expires is None:
        return False
    now = clock() // 1_000_000_000
    return now - _FIVE_YEARS < expires <= now


def version_of(mtime: int | None, contents: bytes) -> str:
    """Return a version, of what KYDB changes too: the time of the write, and the bytes."""
    return f"{mtime or 0:x}-{xxh3_128_hexdigest(contents)}"


def stored(item: Item, path: str) -> Stored:
    """Return the bytes of an object's item and their version; raises CorruptObject."""
    contents = item.get(CONTENTS, {}).get("B")
    if not isinstance(contents, bytes):
        raise CorruptObject(
            f"the item of {path} is no object's: its attribute {CONTENTS!r} is not binary", key=path
        )
    return Stored(contents, version_of(number(item, MTIME_ATTRIBUTE), contents))


def projection(names: tuple[str, ...]) -> Request:
    """Return the parameters that ask for some attributes only; names may be reserved words."""
    return {
        "ProjectionExpression": ", ".join(f"#{name}" for name in names),
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
    }


@dataclass(frozen=True, slots=True)
class Written:
    """An object that is to be written, and the conditions of it."""

    path: str
    data: bytes
    options: WriteOptions
    time: int
    """In ns; the object's ``mtime``, and ``ctime`` if it is new."""
    timed: bool

    def check_size(self) -> None:
        """Raise ObjectTooLarge if DynamoDB would not take it."""
        item = self._item()
        whole = sum(len(name.encode()) + _size(value) for name, value in item.items())
        if whole > _MAX_ITEM_BYTES:
            size = len(self.data)
            limit = _MAX_ITEM_BYTES - whole + size
            raise ObjectTooLarge(
                f"{self.path} takes {size} bytes, and DynamoDB takes {limit} of it, as an item has "
                "400 KB with its names and numbers: split it",
                size=size,
                limit=limit,
            )

    def new(self) -> Request:
        """Return the put of an object that is not there; what has expired is replaced."""
        return {"Put": {"Item": self._item(), **no_object_there(self.time)}}

    def instead(self, old: Item) -> Request:
        """Return the put of an object in the place of one that was deleted before."""
        return {"Put": {"Item": self._item(), **_as(old)}}

    def changed(self, old: Item, *, exactly: bool) -> Request:
        """Return the update of an object that is there; attributes that it does not name stay.

        ``exactly``: on condition that it still is the old one.
        """
        write = _Expressions()
        write.set(FOLDER, {"S": folder_of(split(self.path)[0])})
        write.set(CONTENTS, {"B": self.data})
        for name, value in self._numbers().items():
            write.set(name, _number(value))
        if self.timed:
            write.set(CTIME, _number(self.time), once=True)
        for name, index_value in self.options.index.items():
            if index_value is None:
                write.remove(name)
        if self.options.ttl is None:
            write.remove(TTL)
        write.where(PATH)
        if exactly or not self.timed:
            write.where_as(MTIME_ATTRIBUTE, old)
        if exactly:
            write.where_as(CONTENTS, old)
        return {"Update": {"Key": {PATH: {"S": self.path}}, **write.parameters()}}

    def version(self, old: Item | None) -> str:
        """Return the version that the object has then."""
        mtime = self.time if self.timed else None if old is None else number(old, MTIME_ATTRIBUTE)
        return version_of(mtime, self.data)

    def _item(self) -> dict[str, dict[str, Any]]:
        item: dict[str, dict[str, Any]] = {
            PATH: {"S": self.path},
            FOLDER: {"S": folder_of(split(self.path)[0])},
            CONTENTS: {"B": self.data},
        }
        for name, value in self._numbers().items():
            item[name] = _number(value)
        if self.timed:
            item[CTIME] = _number(self.time)
        return item

    def _numbers(self) -> dict[str, int]:
        values = {name: value for name, value in self.options.index.items() if value is not None}
        if self.timed:
            values[MTIME_ATTRIBUTE] = self.time
        if self.options.ttl is not None:
            values[TTL] = ceil(self.time / 1_000_000_000 + self.options.ttl)
        return values


@dataclass(slots=True)
class _Expressions:
    """The expressions of an update, or of a delete, with a placeholder for each name and value.

    What is compared has a placeholder that begins with a digit, as no index does.
    """

    sets: list[str] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def set(self, name: str, value: Mapping[str, Any], *, once: bool = False) -> None:
        self.names[f"#{name}"] = name
        self.values[f":{name}"] = value
        self.sets.append(
            f"#{name} = if_not_exists(#{name}, :{name})" if once else f"#{name} = :{name}"
        )

    def remove(self, name: str) -> None:
        self.names[f"#{name}"] = name
        self.removes.append(f"#{name}")

    def where(self, name: str) -> None:
        self.names[f"#{name}"] = name
        self.conditions.append(f"attribute_exists(#{name})")

    def where_as(self, name: str, old: Item) -> None:
        self.names[f"#{name}"] = name
        if name in old:
            self.values[f":0{name}"] = old[name]
            self.conditions.append(f"#{name} = :0{name}")
        else:
            self.conditions.append(f"attribute_not_exists(#{name})")

    def parameters(self) -> Request:
        found: Request = {"ExpressionAttributeNames": self.names}
        if self.values:
            found["ExpressionAttributeValues"] = self.values
        if self.sets:
            removes = f" REMOVE {', '.join(self.removes)}" if self.removes else ""
            found["UpdateExpression"] = f"SET {', '.join(self.sets)}{removes}"
        if self.conditions:
            found["ConditionExpression"] = " AND ".join(self.conditions)
        return found


def put_marker(path: str) -> Request:
    """Return the write of a folder's marker, which may be there."""
    write = _Expressions()
    write.set(FOLDER, {"S": folder_of(split(path)[0])})
    write.set(CONTENTS, {"B": _MARKED}, once=True)
    return {"Update": {"Key": {PATH: {"S": marker_of(path)}}, **write.parameters()}}


def delete_object(path: str, now: int, old: Item | None) -> Request:
    """Return the delete of an object that is there, and as it was, if that is given."""
    write = _Expressions()
    write.where(PATH)
    if old is not None:
        write.where_as(MTIME_ATTRIBUTE, old)
        write.where_as(CONTENTS, old)
    seconds = now // 1_000_000_000
    write.names["#ttl"] = TTL
    write.values |= {":0long_ago": _number(seconds - _FIVE_YEARS + 1), ":0now": _number(seconds)}
    write.conditions.append(
        "(attribute_not_exists(#ttl) OR NOT (#ttl BETWEEN :0long_ago AND :0now))"
    )
    return {"Delete": {"Key": {PATH: {"S": path}}, **write.parameters()}}


def check_index(options: WriteOptions) -> None:
    """Raise InvalidObjectArgument for an index whose attribute is something else here."""
    if TTL in options.index:
        raise InvalidObjectArgument(
            f"Invalid index name {TTL!r}: in DynamoDB this is when it expires; give ttl=, or name "
            "the index otherwise"
        )


def as_it_was(path: str, old: Item | None, now: int) -> Request:
    """Return the condition that an object is what it was, for a write that depends on it."""
    condition = no_object_there(now) if old is None else _as(old)
    return {"ConditionCheck": {"Key": {PATH: {"S": path}}, **condition}}


def _as(old: Item) -> Request:
    write = _Expressions()
    write.where(PATH)
    write.where_as(MTIME_ATTRIBUTE, old)
    write.where_as(CONTENTS, old)
    return write.parameters()


def add_times(path: str, now: int) -> Request:
    """Return the update that gives times to an object that has none."""
    write = _Expressions()
    write.set(MTIME_ATTRIBUTE, _number(now))
    write.set(CTIME, _number(now), once=True)
    write.where(PATH)
    write.where_as(MTIME_ATTRIBUTE, {})
    return {"Update": {"Key": {PATH: {"S": path}}, **write.parameters()}}


def delete_marker(path: str) -> Request:
    """Return the delete of a folder's marker that is there."""
    write = _Expressions()
    write.where(PATH)
    return {"Delete": {"Key": {PATH: {"S": marker_of(path)}}, **write.parameters()}}


def not_there(path: str) -> Request:
    """Return the condition that there is no item, for a write that depends on it."""
    return {
        "ConditionCheck": {
            "Key": {PATH: {"S": path}},
            "ConditionExpression": "attribute_not_exists(#path)",
            "ExpressionAttributeNames": {"#path": PATH},
        }
    }


def no_object_there(now: int) -> Request:
    """Return the parameters of a write that wants no object, or one that has expired."""
    seconds = now // 1_000_000_000
    return {
        "ConditionExpression": "attribute_not_exists(#path) OR #ttl BETWEEN :long_ago AND :now",
        "ExpressionAttributeNames": {"#path": PATH, "#ttl": TTL},
        "ExpressionAttributeValues": {
            ":long_ago": _number(seconds - _FIVE_YEARS + 1),
            ":now": _number(seconds),
        },
    }


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _size(value: Mapping[str, Any]) -> int:
    """As DynamoDB counts: a number has a byte for two digits, and one more."""
    ((kind, content),) = value.items()
    if kind == "N":
        digits = str(content).lstrip("-").strip("0")
        return 1 + (len(digits) + 1) // 2 + str(content).startswith("-")
    return len(str(content).encode() if kind == "S" else content)


MAX_OBJECT_BYTES: Final = _MAX_ITEM_BYTES - sum(
    len(name) for name in (PATH, "/a", FOLDER, "/", CONTENTS)
)
"""The contents of an item with nothing else in it; an index value, or a path, takes some."""
