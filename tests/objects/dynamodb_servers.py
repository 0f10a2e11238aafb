"""Servers for the tests, started when the first test wants one and stopped at the end.

A component that is not there is a reason to skip; where ``CI`` is set, to fail.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

SERVERS = Path(__file__).parent.parent.parent / ".servers"
"""Where `make` puts what is not of Python."""


_MOTO = """
import sys
from threading import Lock
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

moto, lock = DomainDispatcherApplication(create_backend_app), Lock()

def one_by_one(environ, start_response):
    with lock:
        return moto(environ, start_response)

run_simple("127.0.0.1", int(sys.argv[1]), one_by_one, threaded=True)
"""


@cache
def moto_server() -> str:
    """Start moto, which stands in for AWS; return its URL.

    It serves one request at a time: a transaction that is refused puts the whole table back as it was,
    with what others have written meanwhile undone.
    """
    if find_spec("moto") is None or find_spec("flask") is None:
        missing("moto's server is not installed: pip install 'moto[server]'")
    port = free_port()
    start([sys.executable, "-c", _MOTO, str(port)], port)
    return f"http://127.0.0.1:{port}"


@cache
def dynoxide_server() -> str:
    """Start Dynoxide, an emulator of DynamoDB; return its URL."""
    program = SERVERS / "dynoxide" / "package" / "dynoxide"
    found = str(program) if program.exists() else shutil.which("dynoxide")
    if found is None:
        missing(
            "Dynoxide is not installed: make .venv/.dynoxide, which needs npm, on Linux and x64"
        )
    port = free_port()
    start([found, "serve", "--port", str(port)], port)
    return f"http://127.0.0.1:{port}"


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where nothing may be left out."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a port of the loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start(command: list[str], port: int) -> None:
    """Start a server that is stopped at the end, and wait until it listens."""
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    )

    def stop() -> None:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        output.close()

    atexit.register(stop)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    output.seek(0)
    pytest.fail(f"{command[0]} did not start: {output.read().decode(errors='replace')[-2000:]}")
