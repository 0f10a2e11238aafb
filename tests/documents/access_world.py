"""A database's keys, users and sessions, with a clock that tests turn and cheap passwords."""

from __future__ import annotations

import json
from typing import Any

from dynafile.documents.access import (
    ApiKeys,
    Limit,
    MemoryRecords,
    PasswordCost,
    Passwords,
    Records,
    Replays,
    Sessions,
    SigningKeys,
    Tokens,
    Users,
)

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
