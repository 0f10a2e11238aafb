"""Servers that the tests start when the first one wants them, on free ports, and stop at the end.

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
from typing import Any, NoReturn

import pytest

SERVERS = Path(__file__).parent.parent.parent / ".servers"
"""Where `make` puts what is not of Python."""

for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
    os.environ.setdefault(name, "testing")  # boto3 wants them, and no server here looks at them

_ONE_BY_ONE = """
import copy
import sys
from threading import Lock
from types import SimpleNamespace
from moto.dynamodb import models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

moto, lock = DomainDispatcherApplication(create_backend_app), Lock()

# A transaction begins with a copy of the whole table for each item in it: one copy serves all.
plain, copies = models.DynamoDBBackend.transact_write_items, {}

def copied(value):
    if not isinstance(value, models.Table):
        return copy.deepcopy(value)
    if id(value) not in copies:
        copies[id(value)] = copy.deepcopy(value)
    return copies[id(value)]

def transact_write_items(backend, items):
    copies.clear()
    try:
        return plain(backend, items)
    finally:
        copies.clear()

models.copy = SimpleNamespace(deepcopy=copied)
models.DynamoDBBackend.transact_write_items = transact_write_items

def one_by_one(environ, start_response):
    with lock:
        return moto(environ, start_response)

run_simple("127.0.0.1", int(sys.argv[2]), one_by_one, threaded=True)
"""


@cache
def moto(*, one_by_one: bool = False) -> str:
    """Start moto, which stands in for AWS; return its URL.

    DynamoDB wants one request served at a time: a transaction that is refused puts the whole table
    back as it was, with what others have written meanwhile undone.
    """
    for package in ("boto3", "moto", "flask"):
        if find_spec(package) is None:
            left_out(f"{package} is missing: pip install boto3 'moto[server]'")
    port = free_port()
    program = ["-c", _ONE_BY_ONE] if one_by_one else ["-m", "moto.server"]
    start([sys.executable, *program, "-p", str(port)], port)
    return f"http://127.0.0.1:{port}"


@cache
def s3() -> Any:
    """Return a client of a server of S3, which is what boto3 asks from now on."""
    os.environ["AWS_ENDPOINT_URL_S3"] = moto()
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    import boto3

    client = boto3.client("s3")
    atexit.register(client.close)
    return client


@cache
def dynoxide() -> str:
    """Start Dynoxide, an emulator of DynamoDB; return its URL."""
    program = SERVERS / "dynoxide" / "package" / "dynoxide"
    found = str(program) if program.exists() else shutil.which("dynoxide")
    if found is None:
        left_out("Dynoxide is missing: make .venv/.dynoxide, which needs npm, on Linux and x64")
    port = free_port()
    start([found, "serve", "--port", str(port)], port)
    return f"http://127.0.0.1:{port}"


def left_out(what: str) -> NoReturn:
    """Skip a test that lacks something; in CI nothing is left out."""
    if os.environ.get("CI"):
        pytest.fail(f"CI leaves out nothing: {what}")
    pytest.skip(what)


def free_port() -> int:
    """Return a port of the loopback that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def start(command: list[str], port: int) -> None:
    """Start a server until the tests are over; what it prints is shown if it does not come up."""
    output = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when the server has stopped
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    )

    def stop() -> None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        output.close()

    atexit.register(stop)
    if not comes_up(server, port):
        output.seek(0)
        printed = output.read().decode(errors="replace")[-2000:]
        pytest.fail(f"{command[0]} does not answer: {printed}")


def comes_up(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until a server answers; False if it ends, or takes over a minute."""
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False
