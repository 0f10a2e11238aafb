"""``import dynafile`` in fresh processes, apart from the interpreter's own start."""

from __future__ import annotations

from measuring import Measure, Sizes, run_python
from operations import INTERPRETER, OURS

SOURCE = """
import time
before = time.perf_counter()
import dynafile
print(time.perf_counter() - before)
"""

# -P: what is installed, and not what lies in the folder at hand.
IMPORT = ("-P", "-c", SOURCE)
START = ("-P", "-c", "pass")


def test_import(sizes: Sizes, measure: Measure) -> None:
    rounds = 3 * sizes.children
    measure.told("import", OURS, lambda: float(run_python(*IMPORT)), rounds=rounds, warmup=2)


def test_start(sizes: Sizes, measure: Measure) -> None:
    rounds = 3 * sizes.children
    measure("import", INTERPRETER, lambda: run_python(*START), rounds=rounds, warmup=2)
