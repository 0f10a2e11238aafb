"""Pickles of an allow-list of types, written at the speed of C and read without its danger.

``pickle.loads`` calls whatever the bytes name. `load` interprets the opcodes itself and makes
values of the types that it knows, each from arguments that it has checked; `dump` writes no
others. What they leave out needs ``connect(url, allow_pickle=True)``.
"""

from __future__ import annotations

from dynafile.objects.pickles.reader import load
from dynafile.objects.pickles.writer import dump

__all__ = ["dump", "load"]
