"""A database's keys, users and sessions, with a clock that tests turn and cheap passwords."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dynafile import Dynafile
from dynafile.documents.access import (
    ApiKeys,
    Limit,
    MemoryRecords,
    PasswordCost,
    Passwords,
    Record,
    Records,
    Replays,
    Sessions,
    SigningKeys,
    Tokens,
    Users,
)
from dynafile.errors import ConditionalCheckFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

CHEAP = PasswordCost(memory=8, passes=1, lanes=1)
PASSWORD = "correct horse battery"
START = 1_800_000_000.0
MUCH = Limit(1_000_000, 1)


class Clock:
    """Says what it was set to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class TableRecords:
    """Records in a table, as a server keeps them: shared by processes."""

    def __init__(self, db: Dynafile) -> None:
        self._db = db

    def get(self, name: str) -> Record | None:
        item = self._db.get_item(key={"PK": "access", "SK": name})
        return None if item is None else json.loads(item["text"])

    def swap(self, name: str, old: Record | None, new: Record | None) -> bool:
        options: dict[str, Any] = {"condition_expression": "attribute_not_exists(PK)"}
        if old is not None:
            options = {
                "condition_expression": "#text = :old",
                "expression_attribute_names": {"#text": "text"},
                "expression_attribute_values": {":old": json.dumps(old, sort_keys=True)},
            }
        try:
            if new is None:
                self._db.delete_item(key={"PK": "access", "SK": name}, **options)
            else:
                text = json.dumps(new, sort_keys=True)
                self._db.put_item(item={"PK": "access", "SK": name, "text": text}, **options)
        except ConditionalCheckFailed:
            return False
        return True

    def list(self, prefix: str) -> Iterable[tuple[str, Record]]:
        found = self._db.query("access", starts_with=prefix)
        return [(item["SK"], json.loads(item["text"])) for item in found]


class World:
    """Everything of one database."""

    def __init__(self, records: Records | None = None, **users: Any) -> None:
        self.clock = Clock()
        self.records: Records = records if records is not None else MemoryRecords()
        self.passwords = Passwords(users.pop("cost", CHEAP))
        users = {"of_user": MUCH, "of_address": MUCH, **users}
        self.keys = ApiKeys(self.records, clock=self.clock)
        self.users = Users(
            self.records,
            passwords=self.passwords,
            clock=self.clock,
            monotonic=self.clock,
            **users,
        )
        self.signing = SigningKeys(self.records, clock=self.clock)
        self.tokens = self.tokens_for("app")
        self.sessions = Sessions(self.records, self.users, self.tokens, clock=self.clock)
        self.replays = Replays(self.records, clock=self.clock)

    def tokens_for(self, audience: str, issuer: str = "https://example.com") -> Tokens:
        return Tokens(self.signing, issuer=issuer, audience=audience, clock=self.clock)

    def kept(self) -> str:
        """All that is kept, as text."""
        return json.dumps(dict(self.records.list("")))
