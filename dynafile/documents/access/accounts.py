"""Accounts: all who may ask of one database, in the place where its records are."""

from __future__ import annotations

import secrets
import time

from dynafile.documents.access.keys import ApiKeys
from dynafile.documents.access.passwords import Passwords
from dynafile.documents.access.records import Records, sweep
from dynafile.documents.access.replays import Replays
from dynafile.documents.access.sessions import Sessions
from dynafile.documents.access.signing import SigningKeys
from dynafile.documents.access.tokens import Tokens
from dynafile.documents.access.users import Users
from dynafile.documents.sources import Clock, Entropy

__all__ = ["Accounts"]


class Accounts:
    """The keys, users and sessions of a database, and the requests of the last minutes.

    :param records: where they are kept
    :param name: of the database: what its tokens are made by and for
    :param passwords: how passwords are hashed
    """

    def __init__(
        self,
        records: Records,
        name: str,
        *,
        passwords: Passwords | None = None,
        clock: Clock = time.time,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._records = records
        self._clock = clock
        self.keys = ApiKeys(records, clock=clock, entropy=entropy)
        self.users = Users(records, passwords=passwords, clock=clock, entropy=entropy)
        self.signing = SigningKeys(records, clock=clock)
        self.tokens = Tokens(self.signing, issuer=name, audience=name, clock=clock, entropy=entropy)
        self.sessions = Sessions(records, self.users, self.tokens, clock=clock, entropy=entropy)
        self.replays = Replays(records, clock=clock)

    def sweep(self) -> int:
        """Remove the records that nobody needs any more; return how many; reads all of them."""
        return sweep(self._records, self._clock())
