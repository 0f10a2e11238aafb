"""Real Redis servers on free ports of this machine, and a cluster of three."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from objects.servers import SERVERS, comes_up, free_port, left_out

UNPACKED = SERVERS / "redis"
"""Where `make test` puts Debian's server if none is installed."""


class RedisServer:
    """A `redis-server` in a folder of its own; what it prints is kept there."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        self.folder: Path | None = None
        self.options = options
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        command, environment = executable()
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="dynafile-redis-"))
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [command, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder), *self.options],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=environment,
        )  # fmt: skip
        if comes_up(self.process, self.port):
            return self
        self.stop(keep=True)
        raise RuntimeError((self.folder / "log").read_text(errors="replace"))

    def stop(self, *, keep: bool = False) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None
            self.log.close()
        if self.folder is not None and not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, **options: Any) -> Any:
        """A client of redis-py."""
        import redis

        return redis.Redis("127.0.0.1", self.port, **options)


class RedisCluster:
    """Three servers that are one cluster."""

    def __init__(self) -> None:
        self.servers: list[RedisServer] = []

    def start(self) -> RedisCluster:
        for _ in range(3):
            port, bus = free_port(), free_port()
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "5000")  # fmt: skip
            self.servers.append(RedisServer(*options, port=port).start())
        with ExitStack() as stack:
            clients = [stack.enter_context(server.client()) for server in self.servers]
            for server in self.servers[1:]:
                bus = server.options[3]
                clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", server.port, bus)
            for number, client in enumerate(clients):
                first, last = number * 16384 // 3, (number + 1) * 16384 // 3 - 1
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            for client in clients:
                until = time.monotonic() + 60
                while not self.agreed(client):
                    assert time.monotonic() < until, "the nodes do not find one another"
                    time.sleep(0.05)
        return self

    @staticmethod
    def agreed(client: Any) -> bool:
        info = client.execute_command("CLUSTER", "INFO")
        text = info.decode() if isinstance(info, bytes) else str(info)
        return (
            ("cluster_state:ok" in text and "cluster_known_nodes:3" in text)
            or ("'cluster_state': 'ok'" in text and "'cluster_known_nodes': '3'" in text)
        )  # fmt: skip

    @property
    def port(self) -> int:
        return self.servers[0].port

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def empty(self) -> None:
        for server in self.servers:
            with server.client() as client:
                client.flushall()


def executable() -> tuple[str, dict[str, str]]:
    """Return the server and its environment; skip the test if there is none, but not in CI."""
    found = shutil.which("redis-server")
    if found is not None:
        return found, dict(os.environ)
    below = UNPACKED / "usr" / "bin" / "redis-server"
    if not below.exists():
        left_out("redis-server is missing: apt-get install redis-server, or make .venv/.redis")
    libraries = sorted({str(path.parent) for path in UNPACKED.rglob("*.so.*")})
    return str(below), {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}
