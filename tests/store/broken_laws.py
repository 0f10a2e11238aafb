"""Laws of the store that a crash does not show, each broken once, and the test that must show it.

As a plugin of pytest (``-p store.broken_laws``) it breaks the one that ``BROKEN_LAW`` numbers, so that the
tests run over a store without that law.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

from crash.mutants import Mutant

from dynafile.store import recovery
from dynafile.store.follower import Follower
from dynafile.store.loader import Loader
from dynafile.store.replica import Replica
from dynafile.store.writer import Writer

STORE, API = "tests/store/", "tests/api/"


class Law(NamedTuple):
    """How a law is broken, and who must notice."""

    mutant: Mutant
    witness: str


def law(name: str, owner: Any, function: str, old: str, new: str, witness: str) -> Law:
    return Law(Mutant(name, owner, function, old, new), witness)


LAWS = (
    law(
        "conditions see the commits before them in their group",
        Writer, "_prepare", "view.note(commit.operations)", "pass",
        STORE + "test_commits.py::test_a_group_is_prepared_in_order",
    ),
    law(
        "a commit of an older schema is prepared again",
        Writer, "_prepare", "if commit.schema != version:", "if False:",
        STORE + "test_commits.py::test_an_older_schema_is_refused",
    ),
    law(
        "commit times never go back",
        Writer, "now", "max(self._replica.time, int(self._clock() * 1_000_000))",
        "int(self._clock() * 1_000_000)",
        STORE + "test_commits.py::test_time_does_not_go_back",
    ),
    law(
        "a commit that failed is taken back",
        Writer, "write", "self._take_back(journal, start)", "pass",
        STORE + "test_commits.py::test_a_commit_that_was_refused_is_adopted_by_nobody",
    ),
    law(
        "a failed sync shuts the handle",
        Writer, "_failed",
        'self._replica.fail("a sync failed, so the outcome of the last commit is not known")', "pass",
        STORE + "test_every_call.py::test_a_failed_sync_is_not_hidden",
    ),
    law(
        "nobody adopts what a failed sync may not have written",
        Writer, "_failed", "self._words[SUSPECT] = 1", "pass",
        STORE + "test_promises.py::test_what_a_failed_sync_dropped_is_built_on_by_nobody",
    ),
    law(
        "a point read looks whether anything was published since",
        Replica, "get", "if self.words[END] != self.lsn:", "if False:",
        STORE + "test_partitions.py::test_another_process_follows_splits_and_merges",
    ),
    law(
        "a range read looks whether anything was published since",
        Replica, "read_range", "if not as_it_is and self.words[END] != self.lsn:", "if False:",
        STORE + "test_partitions.py::test_another_process_follows_splits_and_merges",
    ),
    law(
        "a range is copied while nobody applies",
        Replica, "read_range", "with self.mutex:", "if True:",
        STORE + "test_reads_beside_writes.py::test_a_batch_is_seen_whole",
    ),
    law(
        "who loads a newer snapshot catches up before it serves",
        Loader, "_load", "self.catch_up()", "pass",
        STORE + "test_reads_beside_writes.py::test_a_snapshot_that_is_newer_than_its_reader",
    ),
    law(
        "pending operations go over a snapshot",
        Loader, "_load", "overlay(entries, part.pending)", "pass",
        STORE + "test_cache.py::test_pending_operations_survive_eviction",
    ),
    law(
        "an old snapshot is no snapshot",
        Loader, "_check_range", "if header.lsn < part.floor:", "if False:",
        API + "test_damage.py::test_an_old_snapshot",
    ),
    law(
        "an exception in the middle of applying rebuilds memory",
        Follower, "apply", "self._rebuild(operations, end, time)", "pass",
        STORE + "test_interrupts.py::test_interrupted_commit",
    ),
    law(
        "a reader that fell behind starts over",
        Follower, "catch_up", "except FileNotFoundError:\n            self.reload()",
        "except FileNotFoundError:\n            pass",
        STORE + "test_checkpoints.py::test_a_reader_that_fell_behind_starts_over",
    ),
    law(
        "damage before what is known to be on disk is no torn end",
        recovery, "open_for_writing",
        "known = max(known, replica.checkpoint.synced, proven(volume))", "known = 0",
        STORE + "test_every_byte.py::test_each_byte_flipped",
    ),
    law(
        "a read-only handle cuts nothing",
        recovery, "open_for_reading", "_check_first(replica)",
        "journal.cut(replica.lsn); _check_first(replica)",
        STORE + "test_recovery.py::test_a_torn_end_is_left_by_who_only_reads",
    ),
    law(
        "a segment that no record names goes",
        recovery, "open_for_writing", "journal.remove_later(replica.lsn)", "pass",
        STORE + "test_history.py::test_a_segment_that_was_never_begun",
    ),
)  # fmt: skip


def _break(broken: Law) -> None:
    mutant = broken.mutant
    real, function = getattr(mutant.owner, mutant.name), mutant.function()
    setattr(mutant.owner, mutant.name, function)
    for name, module in list(sys.modules.items()):
        if name.startswith("dynafile") and vars(module).get(mutant.name) is real:
            setattr(module, mutant.name, function)


if "BROKEN_LAW" in os.environ:
    _break(LAWS[int(os.environ["BROKEN_LAW"])])
