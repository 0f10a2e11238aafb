"""Blocks of changes, and which of them is open in this thread or task."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Final, Protocol, Self

from dynafile.entities.unit import Unit
from dynafile.errors import InvalidArgument

_units: ContextVar[tuple[Unit, ...]] = ContextVar("dynafile_entities_units", default=())


class Home(Protocol):
    """The database of the entities."""

    def unit(self) -> Unit | None:
        """Return the transaction that is open here."""

    def begin(self) -> Unit:
        """Return a unit of work, which is nobody's yet."""


def unit_of(home: object) -> Unit | None:
    """Return the unit of a database that is open here."""
    units = _units.get()
    if not units:
        return None
    return next((unit for unit in units if unit.home is home and unit.is_here()), None)


open_units: Final = _units.get
"""Returns the units that may be open here, of whatever database; most often none."""


class TransactionBlock:
    """See :meth:`Database.transaction`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._unit: Unit | None = None
        self._current: Current | None = None
        self._mark: tuple[int, int] | None = None

    def is_stale(self) -> bool:
        """Say whether what was read inside has changed, so that it cannot be committed."""
        return self._unit is not None and self._unit.is_stale()

    def __enter__(self) -> Self:
        if self._unit is not None:
            raise InvalidArgument("a transaction is used once: make another with transaction()")
        outer = self._home.unit()
        if outer is not None:
            self._unit, self._mark = outer, outer.mark()
            return self
        self._unit = self._home.begin()
        self._current = Current(self._unit)
        self._current.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        unit = self._unit
        assert unit is not None
        if self._mark is not None:
            if kind is not None:
                unit.undo_to(self._mark)
            return
        assert self._current is not None
        self._current.__exit__()
        if kind is not None:
            unit.abandon()
            return
        try:
            unit.commit()
        except BaseException:
            unit.abandon()
            raise


class Current:
    """Makes a unit the one of this thread or task, in a block."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._token: Token[tuple[Unit, ...]] | None = None

    def __enter__(self) -> None:
        self._token = _units.set((*_units.get(), self._unit))

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _units.reset(self._token)
