"""Schemathesis asks a running server all that the OpenAPI document allows, and much that it does not.

It makes the same requests each time. ``SCHEMATHESIS_EXAMPLES=500`` makes more of each kind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dynafile.documents.served.openapi import openapi

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "3")
SEED = os.environ.get("SCHEMATHESIS_SEED")

pytestmark = pytest.mark.skipif(
    find_spec("schemathesis") is None, reason="schemathesis is in the extra dev"
)


@pytest.mark.parametrize("keyed", [False, True], ids=["open", "keyed"])
def test_it_is_as_the_document_says(run: Callable[..., Any], tmp_path: Path, keyed: bool) -> None:
    server = run(keyed=keyed)
    path = tmp_path / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{server.url}/v1/openapi.json", "--checks", "all", "--continue-on-failure"),
        *("--max-examples", EXAMPLES, "--request-timeout", "60", "--no-color"),
        *(("--seed", SEED) if SEED else ("--generation-deterministic",)),
        *("--report", "json", "--report-json-path", str(path)),
        *(headers_of_a_user(server) if keyed else ()),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["phases"].keys() == {"examples", "coverage", "fuzzing", "stateful"}
    assert {each["status"] for each in report["phases"].values()} == {"success"}, report
    asked = report["operations"]
    assert asked["tested"] == asked["total"] == sum(map(operations, openapi()["paths"].values()))
    assert report["test_cases"]["generated"] > 500
    for kind in ("unsupported_regex", "unmatched_filter", "missing_deserializer"):
        assert not report["warnings"][kind]
    # Nobody logs in by a password that was made up, nor changes one.
    assert [each for each in report["warnings"]["missing_auth"] if "/v1/auth/" not in each] == []


def headers_of_a_user(server: Any) -> tuple[str, ...]:
    key = {"x-api-key": server.client_key()}
    who = {"email": "ann@example.com", "password": "correct horse battery"}
    made = httpx.post(f"{server.url}/v1/auth/signup", json=who, headers=key).json()
    return (
        *("--header", f"X-API-Key: {key['x-api-key']}"),
        *("--header", f"Authorization: Bearer {made['accessToken']}"),
    )


def operations(path: dict[str, Any]) -> int:
    return len(path.keys() & {"get", "put", "post", "patch", "delete"})
