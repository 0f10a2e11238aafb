"""Batches: one block is one commit, in order, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Dynafile, Event
from dynafile.errors import (
    HandleClosed,
    InvalidArgument,
    MissingKey,
    ReadOnlyDatabase,
    UnsupportedType,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.conftest import StartWorker, Work
    from conftest import OpenDatabase

Watch = "Callable[[Dynafile], Work]"


def test_a_block_is_one_commit(database: OpenDatabase, watch: Watch, worker: StartWorker) -> None:
    db = database()
    db.put_item(item={"PK": "a", "SK": "old"})
    other = worker(db.path, read_only=True)
    work = watch(db)
    with db.batch_writer() as writer:
        for n in range(100):
            writer.put_item(item={"PK": f"p{n % 7}", "SK": n})  # noqa: FURB118
            break
    work.calls.clear()
    with db.batch_writer() as writer:
        for n in range(100):
            writer.put_item(item={"PK": f"p{n % 7}", "SK": f"{n}"})
        writer.delete_item(key={"PK": "a", "SK": "old"})
        assert work.calls == []
        assert len(db) == other.call("len") == 2
        assert db.get_item(key={"PK": "p3", "SK": "3"}) is None
    assert (work.count("write", "journal/"), work.count("sync", "journal/")) == (1, 1)
    assert len(db) == other.call("len") == 101
