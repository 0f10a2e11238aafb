"""``import dynafile`` in fresh processes, apart from the interpreter's own start."""

from __future__ import annotations

import subprocess
import sys

from measuring import Measure, Sizes
from operations import INTERPRETER, OURS

SOURCE = """
import time
before = time.perf_counter()
import dynafile
print(time.perf_counter() - before)
"""


def _run(source: str) -> str:
    # -P: what is installed, and not what lies in the folder at hand.
    command = [sys.executable, "-P", "-c", source]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_import(sizes: Sizes, measure: Measure) -> None:
    rounds = 3 * sizes.children
    measure.told("import", OURS, lambda: float(_run(SOURCE)), rounds=rounds, warmup=2)


def test_start(sizes: Sizes, measure: Measure) -> None:
    measure("import", INTERPRETER, lambda: _run("pass"), rounds=3 * sizes.children, warmup=2)
