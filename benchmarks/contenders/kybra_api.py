"""What is written alike for Kybra Simple DB and for Dynafile's entities, which took over its API.

It imports neither: Kybra Simple DB is measured where nothing else is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


class KybraApi:
    """Reads and links of people and clubs, given the classes of both."""

    def __init__(self, person: Any, club: Any) -> None:
        self._person = person
        self._club = club

    def load(self, ids: Iterable[int]) -> Any:
        kind, person = self._person, None
        for id_ in ids:
            person = kind[id_]
        return person

    def by_name(self, names: Iterable[str]) -> Any:
        kind, person = self._person, None
        for name in names:
            person = kind[name]
        return person

    def find(self, ages: Iterable[int]) -> list[Any]:
        kind, found = self._person, []
        for age in ages:
            found = kind.find({"age": age})
        return found

    def club(self) -> Any:
        return self._club(title="A club")

    def join_singly(self, club: Any, people: Sequence[Any]) -> None:
        for person in people:
            club.members.add(person)

    def members(self, club: Any) -> int:
        return len(club.members)
