"""The unpickler for what dynafile 0.1.3 wrote: it knows plain data types and runs nothing else."""

from __future__ import annotations

import io
import pickle
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final, NoReturn, Self
from uuid import UUID

_ADMITTED: Final[dict[tuple[str, str], type]] = {
    ("builtins", "set"): set,  # protocols below 4 have no opcodes for sets
    ("builtins", "frozenset"): frozenset,
    ("datetime", "date"): date,
    ("datetime", "datetime"): datetime,
    ("datetime", "time"): time,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
    ("decimal", "Decimal"): Decimal,
    ("uuid", "UUID"): UUID,
}
"""Classes whose making runs nothing, and whose attributes a pickle cannot set: all but UUID are
immutable, and UUID takes a state as an object only."""
_ENTRIES: Final = ("sortedcontainers.sorteddict", "SortedDict")
_ZONE: Final = ("zoneinfo", "ZoneInfo")
_ZONE_CLASS: Final = "the class of time zones"


class Entries(dict[Any, Any]):
    """What a file holds: items by their sort keys, as 0.1.3 had them in a SortedDict."""


class Refused:
    """Stands in for an object of a class that is not admitted; a subclass for each such class.

    It takes whatever a pickle does to an object, and does nothing. So the items beside it can be
    looked at, and the item that holds it is refused by its type.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Take any arguments."""
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Drop the state."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Drop an entry."""

    def append(self, _: Any) -> None:
        """Drop a member."""

    extend = add = append


class _Unpickler(pickle.Unpickler):
    """An unpickler that imports nothing; ``refused`` names what it was asked for in vain."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.refused: dict[str, type[Refused]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return an admitted class, or a stand-in."""
        asked = (module, name)
        if asked in _ADMITTED:
            return _ADMITTED[asked]
        # Bound methods: a pickle can set attributes of a function, such as its defaults.
        if asked == _ENTRIES:
            return self._entries
        if asked == _ZONE:
            return _ZONE_CLASS
        if asked == ("builtins", "getattr"):
            return self._getattr
        return self._stand_in(module, name)

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse persistent ids."""
        raise pickle.UnpicklingError("it asks for a persistent id")

    def _stand_in(self, module: str, name: str) -> type[Refused]:
        full = f"{module}.{name}"
        if full not in self.refused:
            self.refused[full] = type(name, (Refused,), {"__module__": module})
        return self.refused[full]

    def _entries(self, order: Any, items: Any) -> Entries:
        if order is not None or type(items) is not dict:
            raise pickle.UnpicklingError("its SortedDict has an order of its own")
        return Entries(items)

    def _getattr(self, owner: Any, name: Any) -> Any:
        """Do what the pickle of a ZoneInfo needs of ``getattr``, and nothing else."""
        if owner is _ZONE_CLASS and name == "_unpickle":
            return self._zone
        return self._stand_in("builtins", "getattr")

    def _zone(self, key: str, _cached: int) -> tzinfo:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(key)
        except (ZoneInfoNotFoundError, OSError, ValueError):  # ValueError: a path out of the folder
            raise pickle.UnpicklingError(
                f"it has the time zone {key!r}, unknown to this machine (pip install tzdata)"
            ) from None


def load(data: bytes) -> tuple[Entries, list[str]]:
    """Return the entries of a ``data.pickle`` of 0.1.3, and the names of what was refused in it.

    Nothing is imported, and nothing is run but what makes plain values. Lengths that lie may make
    it take memory: the folder is the user's own. Raises ValueError with what is wrong.
    """
    unpickler = _Unpickler(data)
    try:
        entries = unpickler.load()
    except Exception as error:
        asked = f" (it asks for {', '.join(unpickler.refused)})" if unpickler.refused else ""
        what = str(error) or type(error).__name__
        raise ValueError(f"it does not load: {what}{asked}") from error
    if type(entries) is not Entries:
        asked = ", ".join(unpickler.refused)
        raise ValueError(f"it asks for {asked}" if asked else "it holds no SortedDict of items")
    return entries, list(unpickler.refused)
