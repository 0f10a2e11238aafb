"""Client request tokens: which requests were made within the last ten minutes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dynafile.errors import IdempotentParameterMismatch
from dynafile.store.format import DELETE, PUT, Operation
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.table.own_keyspaces import TOKENS_FOLDER, own_keyspace

KEPT_SECONDS: Final = 600
_BY_TOKEN: Final = b"K"
_BY_TIME: Final = b"T"
_CLEARED: Final = 25
"""Each request with a token takes away so many that are older."""
_MICROSECONDS: Final = 1_000_000


class Repeated(Exception):
    """A request with this token was made already; it is not made again."""


class Tokens:
    """The tokens of a store: in a keyspace of their own, written in the commit of the request."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def noting(self, token: str, digest: bytes, now: float) -> Callable[[View], list[Operation]]:
        """Return what is called under the lock and gives the operations that note a request.

        It raises Repeated where the same request was made with the token, and
        IdempotentParameterMismatch where another was.
        """
        space = own_keyspace(self._store, TOKENS_FOLDER)
        key = _BY_TOKEN + token.encode()
        at = int(now * _MICROSECONDS)
        oldest = at - KEPT_SECONDS * _MICROSECONDS

        def operations(view: View) -> list[Operation]:
            found = view.get(space, key)
            if found is not None and int.from_bytes(found[:8], "big") > oldest:
                if found[8:] != digest:
                    raise IdempotentParameterMismatch(
                        "DynamoDB rejected the request because you retried a request with a "
                        "different payload but with an idempotent token that was already used."
                    )
                raise Repeated
            stamp = at.to_bytes(8, "big")
            made: list[Operation] = []
            until = _BY_TIME + max(oldest, 0).to_bytes(8, "big")
            for old, _ in view.range(space, _BY_TIME, until)[:_CLEARED]:
                made.append((DELETE, space.id, old, b""))
                if old[9:] != token.encode():
                    made.append((DELETE, space.id, _BY_TOKEN + old[9:], b""))
            if found is not None:
                made.append((DELETE, space.id, _BY_TIME + found[:8] + key[1:], b""))
            made.append((PUT, space.id, key, stamp + digest))
            made.append((PUT, space.id, _BY_TIME + stamp + key[1:], b""))
            return made

        return operations
