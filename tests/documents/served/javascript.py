"""Programs of JavaScript that the tests run, and what npm has for them; in CI none is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from importlib.resources import files
from pathlib import Path

from objects.servers import SERVERS, left_out

MODULES = SERVERS / "browser" / "node_modules"
"""Where `make` puts what tests need from npm."""

HERE = Path(__file__).parent / "client"
CLIENT = Path(str(files("dynafile.documents.served").joinpath("client")))


def environment() -> dict[str, str]:
    """Return the environment of programs: it says where the client is."""
    entry = (CLIENT / "dynafile-documents.js").as_uri()
    return {**os.environ, "CLIENT": entry, "NODE_OPTIONS": "", "NO_COLOR": "1"}


@cache
def node() -> list[str]:
    """Return the command of Node.js, from version 20 on; with WebSocket."""
    found = shutil.which("node")
    if found is None:
        left_out("node is missing: install Node.js, from version 20 on")
    told = subprocess.run([found, "--version"], capture_output=True, check=True, text=True).stdout
    major = int(told.removeprefix("v").partition(".")[0])
    if major < 20:
        left_out(f"Node.js {told.strip()} is too old: install version 20 or a newer one")
    return [found, "--no-warnings", *(["--experimental-websocket"] if major < 22 else [])]


def package(name: str) -> Path:
    """Return the folder of a package of npm."""
    folder = MODULES / name
    if not folder.exists():
        left_out(f"{name} is missing: make .venv/.browser, which needs npm")
    return folder
