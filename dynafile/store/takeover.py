"""Taking over: what a holder of the writer's lock left that died while it had it."""

from __future__ import annotations

from dynafile.errors import CorruptFile, StorageError
from dynafile.store.journal import Journal
from dynafile.store.position import BUSY, END, SUSPECT
from dynafile.store.replica import Replica


def take_over(replica: Replica, journal: Journal, words: memoryview) -> None:
    """Put right what was left: adopt whole records, cut the torn one. Called under the lock."""
    if words[SUSPECT]:
        journal.renew(replica.lsn)
        words[SUSPECT] = 0
    with replica.mutex:
        try:
            for record in journal.replay(replica.lsn, 0):
                replica.apply(record.operations, record.end, record.time)
            journal.cut(replica.lsn)
            journal.sync(replica.lsn)
        except CorruptFile:
            raise
        except StorageError:
            # As after a failed sync: what was adopted here and is not on disk must not be adopted
            # again.
            words[SUSPECT] = 1
            replica.fail("a sync failed while the work of a dead process was taken over")
            raise
        words[END] = replica.lsn
    journal.remove_later(replica.lsn)
    words[BUSY] = 0
