"""Transactions of a store of objects: read, decide, write, all or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from dynafile.errors import (
    InvalidArgument,
    InvalidObjectArgument,
    InvalidObjectKey,
    ObjectNotFound,
    TransactionConflict,
)
from dynafile.objects.backend import ANY_VERSION, AnyVersion, WriteOptions
from dynafile.objects.paths import key_path
from dynafile.objects.queries import GONE
from dynafile.objects.writing import Condition, check_condition, path_to_write, write_options
from dynafile.transactions import ATTEMPTS, Attempts

__all__ = ["ATTEMPTS", "ObjectTransaction", "Session", "run_again"]

T = TypeVar("T")


class Session(Protocol):
    """Reads and writes values by path, inside a transaction."""

    def read(self, path: str) -> Any:
        """Return a value, or ``GONE``."""
        ...

    def write(self, path: str, value: Any, options: WriteOptions) -> None:
        """Write a value."""
        ...

    def delete(self, path: str, if_match: str | AnyVersion) -> None:
        """Delete a value."""
        ...


class ObjectTransaction:
    """A transaction: reads see its own writes, and all of them are made at the end of its block.

    >>> from dynafile.objects import connect
    >>> with connect("memory://bank") as db:
    ...     db.set_many({"/accounts/ann": 10, "/accounts/eva": 0})
    ...     with db.transaction() as tx:
    ...         tx["/accounts/ann"] -= 5
    ...         tx["/accounts/eva"] += 5
    ...     db.get_many(["/accounts/ann", "/accounts/eva"])
    {'/accounts/ann': 5, '/accounts/eva': 5}
    """

    def __init__(self, session: Session) -> None:
        """Read and write in a session."""
        self._session = session

    def __getitem__(self, key: str) -> Any:
        """Return an object; raises ObjectNotFound, a KeyError."""
        path = key_path(key)
        found = self._session.read(path)
        if found is GONE:
            raise ObjectNotFound(f"there is no object {path}", key=path)
        return found

    def get(self, key: str, default: Any = None) -> Any:
        """Return an object, or ``default`` where there is none."""
        found = self._session.read(key_path(key))
        return default if found is GONE else found

    def exists(self, key: str) -> bool:
        """Tell whether there is an object."""
        return self._session.read(key_path(key)) is not GONE

    def __contains__(self, key: str) -> bool:
        try:
            return self.exists(key)
        except InvalidObjectKey:
            return False

    __iter__: None = None

    def __setitem__(self, key: str, value: Any) -> None:
        self.set(key, value)

    def set(
        self,
        key: str,
        value: Any,
        system_obj: bool = False,
        index: Mapping[str, int | None] | None = None,
        *,
        if_match: Condition = ANY_VERSION,
        ttl: float | None = None,
    ) -> None:
        """Write an object at the end of the transaction; the arguments are those of a store."""
        options = write_options(index, if_match, ttl)
        self._session.write(path_to_write(key_path(key), system_obj), value, options)

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def delete(self, key: str, *, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object at the end of the transaction; raises ObjectNotFound."""
        check_condition(if_match)
        self._session.delete(key_path(key), if_match)


def run_again(
    begin: Callable[[], AbstractContextManager[ObjectTransaction]],
    body: Callable[[ObjectTransaction], T],
    attempts: int,
) -> T:
    """Run a transaction's body, again where it meets a conflict; return what it returns."""
    try:
        left = Attempts(body, attempts)
    except InvalidArgument as error:
        raise InvalidObjectArgument(error.explanation) from None
    while True:
        try:
            with begin() as transaction:
                result = body(transaction)
        except TransactionConflict as conflict:
            time.sleep(left.pause_after(conflict))
        else:
            return result
