"""A snapshot that somebody forged: what it may name is what a snapshot needs."""

from __future__ import annotations

import pytest
from sortedcontainers import SortedDict

from dynafile.errors import CorruptFile
from dynafile.store.format import SnapshotHeader, encode_snapshot
from dynafile.store.snapshot import load_snapshot

FORGED = b"\x80\x04csortedcontainers.sorteddict\nSortedDict\nN}\x8c\x08peekitemK\x01s\x86b."
"""The name of the class, then BUILD with ``(None, {"peekitem": 1})``, which sets attributes."""


def test_it_changes_no_class() -> None:
    """Once the class itself was handed out, and BUILD set its attributes for the whole process."""
    store_id = bytes(16)
    data = encode_snapshot(store_id, SnapshotHeader(1, 1, 1, 0, 0, 0, b"", None), FORGED)
    before = SortedDict.peekitem
    try:
        with pytest.raises(CorruptFile):
            load_snapshot(data, store_id, "data.pickle", trusted=True)
        assert SortedDict.peekitem is before
    finally:
        SortedDict.peekitem = before
