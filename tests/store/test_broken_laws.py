"""Each law is broken once, and the test that is there for it must fail; see ``broken_laws``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from store.broken_laws import LAWS, Law

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("law", LAWS, ids=[str(law.mutant) for law in LAWS])
def test_the_witness_fails(law: Law) -> None:
    environment = {
        **os.environ,
        "BROKEN_LAW": str(LAWS.index(law)),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "pytest", "-p", "store.broken_laws", "-x", "-q"]
    # Nobody reads why it fails, and to say how bytes differ takes minutes.
    command += ["-p", "no:cacheprovider", "--assert=plain", law.witness]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
