"""Stores in Redis: a server and a cluster for all tests, emptied before each."""

from __future__ import annotations

import atexit
from functools import cache
from typing import TYPE_CHECKING

import pytest
from objects.place import Place
from objects.redis_servers import RedisCluster, RedisServer

if TYPE_CHECKING:
    from pathlib import Path


@cache
def server() -> RedisServer:
    """The server of this session."""
    started = RedisServer().start()
    atexit.register(started.stop)
    return started


@cache
def cluster() -> RedisCluster:
    """The cluster of this session."""
    started = RedisCluster()
    atexit.register(started.stop)
    return started.start()


class RedisPlace(Place):
    """``redis://host:port``: a server."""

    ordered = True

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("redis")
        self.server = server()
        with self.server.client() as client:
            client.flushall()
        super().__init__(folder)

    def url(self, base: str = "") -> str:
        return f"redis://127.0.0.1:{self.server.port}{base}"


class ClusterPlace(Place):
    """``redis://host:port``: a node of a cluster of three."""

    ordered = True

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("redis")
        self.cluster = cluster()
        self.cluster.empty()
        super().__init__(folder)

    def url(self, base: str = "") -> str:
        return f"redis://127.0.0.1:{self.cluster.port}{base}"
