"""The line to a Redis, or to all nodes of a cluster: requests, repeated where that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from dynafile.errors import (
    InvalidObjectConfiguration,
    MissingExtra,
    ObjectTooLarge,
    StoreNotReachable,
)
from dynafile.objects.backends.redis_scripts import SCRIPT, SCRIPT_DIGEST

if TYPE_CHECKING:
    from dynafile.objects.backends.redis_access import Access

__all__ = ["MAX_OBJECT_BYTES", "Line", "check_installed", "connected"]

MAX_OBJECT_BYTES: Final = (512 << 20) - 1024
"""What Redis takes as one argument, unless it is configured for more."""

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 30

_PAUSES: Final = (0.05, 0.2, 0.8)
"""Before a request is repeated that met no server, or lost it."""

_AT_ONCE: Final = 500

T = TypeVar("T")
Request = dict[str, Any]


class Line:
    """Connections to a server or to a cluster; each call is one request to each node concerned.

    Raises StoreNotReachable, with the client's error as its cause.
    """

    def __init__(self, client: Any, shown: str, *, cluster: bool) -> None:
        """Use a client of redis-py that does not itself repeat anything."""
        self.cluster: Final = cluster
        self._client = client
        self._shown = shown

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object; None if there is none, or a folder."""
        import redis

        try:
            found: bytes | None = self._run(lambda: self._client.get(key), safe=True)
        except StoreNotReachable as error:
            cause = error.__cause__
            if isinstance(cause, redis.ResponseError) and str(cause).startswith("WRONGTYPE"):
                return None
            raise
        return found

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of objects, some hundred a request."""
        found: list[bytes | None] = []
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            found += self._run(lambda: self._get_some(some), safe=True)  # noqa: B023 - it is run now
        return found

    def ask(self, request: Request, key: str, *data: bytes, safe: bool = True) -> Any:
        """Run the script; a request that is ``safe`` may be run twice."""
        packed = msgspec.msgpack.encode(request)
        return self._run(lambda: self._ask(packed, key, data), safe=safe)

    def ask_many(self, requests: Sequence[tuple[Request, str, Sequence[bytes]]]) -> list[Any]:
        """Run the script some times, all of which are safe to repeat, in one request a node."""
        packed = [(msgspec.msgpack.encode(each), key, data) for each, key, data in requests]
        return self._run(lambda: self._ask_some(packed), safe=True)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _get_some(self, keys: Sequence[str]) -> list[bytes | None]:
        if not self.cluster:
            return list(self._client.mget(keys))
        pipeline = self._client.pipeline()
        for key in keys:
            pipeline.get(key)
        return list(pipeline.execute())

    def _ask(self, packed: bytes, key: str, data: Sequence[bytes]) -> Any:
        import redis

        try:
            return self._client.execute_command("EVALSHA", SCRIPT_DIGEST, 1, key, packed, *data)
        except redis.exceptions.NoScriptError:
            return self._client.execute_command("EVAL", SCRIPT, 1, key, packed, *data)

    def _ask_some(self, packed: Sequence[tuple[bytes, str, Sequence[bytes]]]) -> list[Any]:
        import redis

        pipeline = self._client.pipeline()
        for request, key, data in packed:
            pipeline.execute_command("EVALSHA", SCRIPT_DIGEST, 1, key, request, *data)
        found = pipeline.execute(raise_on_error=False)
        for place, (request, key, data) in enumerate(packed):
            if isinstance(found[place], redis.exceptions.NoScriptError):
                found[place] = self._ask(request, key, data)
            elif isinstance(found[place], Exception):
                raise found[place]
        return list(found)

    def _run(self, request: Callable[[], T], *, safe: bool) -> T:
        import redis

        with _failing(self._shown):
            for pause in _PAUSES if safe else ():
                try:
                    return request()
                except (
                    redis.exceptions.ConnectionError,
                    redis.exceptions.ClusterDownError,
                ) as error:
                    if isinstance(error, redis.exceptions.AuthenticationError):
                        raise
                time.sleep(pause)
            return request()


def check_installed() -> None:
    """Raise MissingExtra without redis-py."""
    try:
        import redis  # noqa: F401
    except ImportError:
        message = "redis:// needs redis-py; pip install 'dynafile[redis]'"
        raise MissingExtra(message, extra="redis") from None


def connected(access: Access, password: str | None) -> Line:
    """Connect, and find out whether it is a cluster."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {
        "username": access.username,
        "password": password,
        "ssl": access.tls,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": READ_SECONDS,
    }
    never = Retry(NoBackoff(), 0)
    client = redis.Redis(access.host, access.port, access.database, retry=never, **options)
    with _failing(access.shown):
        try:
            cluster = _is_cluster(client)
        except BaseException:
            client.close()
            raise
        if not cluster:
            return Line(client, access.shown, cluster=False)
        client.close()
        nodes = redis.RedisCluster(access.host, access.port, retry=never, **options)
        return Line(nodes, access.shown, cluster=True)


def _is_cluster(client: Any) -> bool:
    import redis

    try:
        found = client.info("cluster").get("cluster_enabled", 0)
    except redis.exceptions.AuthenticationError:
        raise
    except redis.exceptions.NoPermissionError:  # a user who may not ask
        return False
    return bool(found)


@contextmanager
def _failing(shown: str) -> Iterator[None]:
    import redis

    try:
        yield
    except (redis.exceptions.RedisError, redis.exceptions.RedisClusterException) as error:
        raise _named(shown, error) from error


def _named(shown: str, error: Exception) -> Exception:
    from redis import exceptions

    text = str(error)
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError) or (
        text.startswith(("NOAUTH", "WRONGPASS"))
    ):
        what = (
            "refused; give a user and a password that may: redis://user:password@host, or in the "
        )
        what += "configuration"
    elif isinstance(error, exceptions.TimeoutError | exceptions.ConnectionError):
        what = "cannot be reached; is the server running, and are host and port right?"
    elif text.startswith("SELECT"):
        return InvalidObjectConfiguration(f"{shown} has no such database: {text}")
    elif "max-bulk-len" in text or "invalid bulk length" in text:
        return ObjectTooLarge(f"{shown}: {text}: split the object", limit=MAX_OBJECT_BYTES)
    else:
        what = "answered with an error"
    return StoreNotReachable(f"{shown} {what}: {text}")
