"""What a type can have beside its fields: times and owners."""

from __future__ import annotations

from typing import Protocol

from dynafile.entities.records import Stamp
from dynafile.entities.system_time import SystemTime


class Stamped(Protocol):
    """What has a stamp."""

    def _stamp(self) -> Stamp: ...

    def _give_to(self, owner: str) -> None: ...


class TimestampedMixin:
    """Keeps when an entity was created and changed, by whom, and whose it is.

    Its owner is the user who created it, see ``Database.as_user``. Only the owner may change or
    delete it, or give it to another; a method ``may_change(self, caller_id) -> bool`` of the class
    can allow others.
    """

    @property
    def timestamp_created(self: Stamped) -> str:
        """When it was created, as text in UTC."""
        return SystemTime.format_timestamp(self._stamp().created)

    @property
    def timestamp_updated(self: Stamped) -> str:
        """When it was last changed, as text in UTC."""
        return SystemTime.format_timestamp(self._stamp().updated)

    @property
    def _timestamp_created(self: Stamped) -> int:
        return self._stamp().created

    @property
    def _timestamp_updated(self: Stamped) -> int:
        return self._stamp().updated

    @property
    def _creator(self: Stamped) -> str:
        return self._stamp().creator

    @property
    def _updater(self: Stamped) -> str:
        return self._stamp().updater

    @property
    def _owner(self: Stamped) -> str:
        return self._stamp().owner

    def set_owner(self: Stamped, new_owner: str) -> None:
        """Give the entity to another user; raises NotPermitted unless the caller may change it."""
        self._give_to(new_owner)

    def check_ownership(self: Stamped, caller_id: str) -> bool:
        """Say whether a user is the owner."""
        return self._stamp().owner == caller_id
