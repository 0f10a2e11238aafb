"""Servers of AWS that the tests start once, on a free port of this machine, and stop at the end."""

from __future__ import annotations

import atexit
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from typing import Any, NoReturn

import pytest


def left_out(what: str) -> NoReturn:
    """Skip a test that lacks something; in CI nothing is left out."""
    if os.environ.get("CI"):
        pytest.fail(f"CI leaves out nothing: {what}")
    pytest.skip(what)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def start(command: list[str], port: int, seconds: float = 60) -> None:
    """Start a server until the tests are over; what it prints is shown if it does not come up."""
    output = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when the server has stopped
    server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def stop() -> None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        output.close()

    atexit.register(stop)
    until = time.monotonic() + seconds
    while not _answers(port):
        if server.poll() is not None or time.monotonic() > until:
            output.seek(0)
            pytest.fail(f"{command} does not answer: {output.read().decode()[-2000:]}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@cache
def moto() -> str:
    """Return the address of a server of S3, which is what boto3 asks from now on."""
    for package in ("boto3", "moto", "flask"):
        if importlib.util.find_spec(package) is None:
            left_out(f"needs {package}: pip install boto3 'moto[server]'")
    port = free_port()
    start([sys.executable, "-m", "moto.server", "-p", str(port)], port)
    address = f"http://127.0.0.1:{port}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "testing")
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    os.environ["AWS_ENDPOINT_URL_S3"] = address
    return address


@cache
def s3() -> Any:
    """Return a client of S3, for what a test does to a bucket behind the store's back."""
    moto()
    import boto3

    client = boto3.client("s3")
    atexit.register(client.close)
    return client
