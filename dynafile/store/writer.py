"""The writer: commits, and the groups in which they go to the journal together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from dynafile.errors import (
    CommitOutcomeUnknown,
    DiskFull,
    StorageError,
    StoreFailed,
)
from dynafile.store.format import (
    MAX_RECORD_BYTES,
    SCHEMA,
    STRUCTURE,
    Operation,
    encode_record,
)
from dynafile.store.group import Commit, Group, Maintenance, Prepare, too_large
from dynafile.store.journal import Journal
from dynafile.store.names import META_NAME
from dynafile.store.position import BUSY, END, SUSPECT
from dynafile.store.replica import Replica
from dynafile.store.reserve import frees
from dynafile.store.schema import Meta
from dynafile.store.takeover import take_over
from dynafile.store.view import View
from dynafile.store.volume import Lock, NoLock, Volume


class SchemaChanged(Exception):
    """The schema is another than the one a commit was prepared under; prepare it again."""


_log = logging.getLogger("dynafile")


class Writer:
    """Commits of one process, in groups.

    A thread puts its commit into the group that gathers, and takes the group's lock; whoever has it
    is the head, waits for the mutex, closes the group, takes the file lock, and commits all. So
    threads share syncs. Whatever happens to the head, the lock hands the group on.
    """

    def __init__(
        self, replica: Replica, journal: Journal | None, volume: Volume, clock: Callable[[], float]
    ) -> None:
        self._replica = replica
        self._journal = journal
        self._volume = volume
        self._clock = clock
        self._words = volume.share()
        self._lock: Lock = NoLock() if volume.read_only else volume.lock()
        self._gathering = Group()
        self.mutex = threading.Lock()
        self.maintenance: Maintenance | None = None
        self._quiet_until = 0
        """The LSN before which maintenance need not be asked."""
        self.meta_version = 0
        """The version of the schema that this process wrote into ``meta.json``, or opened."""
        self._seen_version = 0
        """The version that it needs not write for a commit: it has been seen there."""

    def commit(
        self,
        operations: list[Operation],
        prepare: Prepare | None,
        schema: int,
        lock_timeout: float,
        durable: bool,
    ) -> None:
        """Commit, or raise what refused it. When it returns, every process sees it."""
        simple = self._journal is not None and not self._gathering.commits
        # Rejected: acquire(blocking=False), then try and finally. A signal between the two would
        # leave the mutex locked for ever; `with` leaves no gap. Who loses the race shares no sync.
        if simple and not self.mutex.locked():
            with self.mutex:
                self._commit_alone(operations, prepare, schema, lock_timeout, durable)
            return
        commit = Commit(operations, prepare, schema, lock_timeout, durable=durable)
        self.commit_each([commit])
        if commit.error is not None:
            raise commit.error

    def _commit_alone(
        self,
        operations: list[Operation],
        prepare: Prepare | None,
        schema: int,
        lock_timeout: float,
        durable: bool,
    ) -> None:
        """Commit without a group, for nobody waits: the hot path, with :meth:`_locked` in it."""
        words, replica, lock = self._words, self._replica, self._lock
        if replica.unusable is not None:
            raise replica.unusable.with_traceback(None)  # the descriptor may be another's now
        try:
            lock.acquire(lock_timeout)
            if words[END] != replica.lsn:
                replica.catch_up()
            if words[BUSY] or words[SUSPECT]:
                self._take_over()
            if schema != replica.schema.version:
                raise SchemaChanged
            if prepare is not None:
                operations = prepare(View(replica))
                if not operations:
                    return
            words[BUSY] = 1
            written = self.write((operations,), durable)
            if replica.lsn >= self._quiet_until or replica.schema.version != self._seen_version:
                self._finish(written, schema)
            words[BUSY] = 0
        finally:
            try:
                lock.release()
            except BaseException:
                lock.release()  # a signal came before it had begun
                raise

    def commit_each(self, waiting: list[Commit]) -> None:
        """Make commits, all in one group; what refused one of them is its ``error``."""
        self._refuse_unusable()
        group = self._gathering
        try:
            group.commits += waiting  # at once: a head takes all of them or none
            with group.lock:
                # Not done: nobody led yet, or the head took what was there before these came.
                if not waiting[-1].done:
                    with self.mutex:
                        if self._gathering is group:
                            self._gathering = Group()
                        self._lead(group)
        except BaseException:
            # A signal came while we waited: take the commits back if nobody has taken them.
            for commit in set(waiting).intersection(group.commits):
                group.commits.remove(commit)
            raise
        if not waiting[-1].done:
            raise self._interrupted()

    def _lead(self, group: Group) -> None:
        commits: list[Commit] = []
        try:
            commits += [commit for commit in list(group.commits) if not commit.done]
            if self._journal is None:
                self._commit_in_memory(commits)
            elif commits:
                self._commit_group(commits)
        except Exception as error:  # noqa: BLE001 - each waiting thread raises it
            for commit in commits:
                commit.error = commit.error or error
        except BaseException:
            for commit in commits:
                commit.error = commit.error or self._interrupted()
            raise
        finally:
            for commit in commits:
                commit.done = True

    def _interrupted(self) -> CommitOutcomeUnknown:
        return CommitOutcomeUnknown(
            f"{self._volume.root}: the thread that led this commit was interrupted; read the items "
            f"to see whether it was made",
            path=self._volume.root,
        )

    def hold(self, work: Callable[[], None], lock_timeout: float) -> None:
        """Run ``work`` under the writer's lock, with the replica at the end of the journal."""
        self._refuse_unusable()
        with self.mutex:
            self._locked(work, lock_timeout)

    def _refuse_unusable(self) -> None:
        # Before the mutex is waited for: in a forked child its holder may not exist.
        if self._replica.unusable is not None:
            raise self._replica.unusable.with_traceback(None)

    def _locked(self, work: Callable[[], None], lock_timeout: float) -> None:
        words, lock = self._words, self._lock
        self._refuse_unusable()
        try:
            lock.acquire(lock_timeout)
            if words[END] != self._replica.lsn:
                self._replica.catch_up()
            if words[BUSY] or words[SUSPECT]:
                self._take_over()
            words[BUSY] = 1
            work()
            words[BUSY] = 0
        finally:
            try:
                lock.release()
            except BaseException:
                lock.release()  # a signal came before it had begun
                raise

    def _take_over(self) -> None:
        assert self._journal is not None
        take_over(self._replica, self._journal, self._words)

    # -- one group --------------------------------------------------------------------------------

    def _commit_group(self, group: list[Commit]) -> None:
        def work() -> None:
            accepted = self._prepare(group)
            if accepted:
                durable = any(commit.durable for commit in accepted)
                before = self._replica.schema.version
                written = self.write([commit.operations for commit in accepted], durable)
                self._finish(written, before)

        self._locked(work, max(commit.lock_timeout for commit in group))

    def _finish(self, written: int, before: int) -> None:
        """Do what follows a commit under the lock; ``before``: the schema's version before it."""
        # The commits are made, so its failures are not theirs. The schema is in the journal too,
        # and no checkpoint comes before it is in meta.json.
        try:
            if self._replica.schema.version != self._seen_version:
                self._see_to_meta(before)
            if self.maintenance is not None:
                self._quiet_until = self.maintenance.after_commit(written)
        except CommitOutcomeUnknown as error:
            _log.error("%s: a checkpoint failed: %s", self._volume.root, error)
        except StorageError as error:
            root = self._volume.root
            _log.warning("%s: a checkpoint was put off, nothing is lost: %s", root, error)

    def _see_to_meta(self, before: int) -> None:
        """Write ``meta.json``, unless the schema is another process's, which has done that."""
        version = self._replica.schema.version
        if version != self.meta_version and (version != before or self._stored() != version):
            self.sync_through(self._replica.lsn)  # or a power cut takes back what it says
            self.write_meta()
        self._seen_version = version

    def _stored(self) -> int:
        """Return the version of the schema in ``meta.json``; -1 where nobody can read it."""
        try:
            data = self._volume.read(META_NAME)
            return Meta.decode(data, f"{self._volume.root}/{META_NAME}").schema.version
        except (FileNotFoundError, StorageError):
            return -1

    def _prepare(self, group: list[Commit]) -> list[Commit]:
        version = self._replica.schema.version
        accepted: list[Commit] = []
        view = View(self._replica)
        for commit in group:
            try:
                if commit.schema != version:
                    raise SchemaChanged
                if commit.prepare is not None:
                    commit.operations = commit.prepare(view)
            except Exception as error:  # noqa: BLE001 - the thread that waits raises it
                commit.error = error
                continue
            if commit.operations:
                view.note(commit.operations)
                accepted.append(commit)
                if any(operation[0] == SCHEMA for operation in commit.operations):
                    version = -1  # whoever comes after it in the group prepares again
        return accepted

    def write(self, commits: Sequence[list[Operation]], durable: bool) -> int:
        """Append a record a commit, sync, publish and apply; returns the bytes written.

        Called under the lock, with BUSY set, so that whoever takes the lock after our death looks.
        """
        replica, journal = self._replica, self._journal
        assert journal is not None
        time, start, end = self.now(), replica.lsn, replica.lsn
        version, synced = replica.schema.version, journal.synced
        chunks: list[bytes] = []
        for operations in commits:
            chunk = encode_record(end, synced, time, version, operations)
            if len(chunk) > MAX_RECORD_BYTES:
                raise too_large(len(chunk))
            chunks.append(chunk)
            end += len(chunk)
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        try:
            try:
                journal.append(start, data)
            except DiskFull:
                if not frees(commits):
                    raise
                journal.append_at_last(start, data)
                self._quiet_until = 0  # a checkpoint may be due, and makes room
            if durable:
                self._sync(journal, end)
        except CommitOutcomeUnknown:
            raise
        except BaseException as error:
            self._take_back(journal, start)
            if isinstance(error, DiskFull) and self._made_room():
                return self.write(commits, durable)
            raise
        with replica.mutex:
            self._words[END] = end
            if len(chunks) == 1:
                replica.apply(commits[0], end, time)
            else:
                lsn = start
                for operations, chunk in zip(commits, chunks, strict=True):
                    lsn += len(chunk)
                    replica.apply(operations, lsn, time)
        return end - start

    def now(self) -> int:
        """Return the time in microseconds, which never goes back."""
        return max(self._replica.time, int(self._clock() * 1_000_000))

    def _take_back(self, journal: Journal, start: int) -> None:
        """Undo an append that was not published, so that no later holder adopts it."""
        journal.synced = min(journal.synced, start)
        try:
            journal.cut(start)
        except StorageError:
            self._words[SUSPECT] = 1  # the zeros cannot be written either
        self._words[BUSY] = 0

    def _made_room(self) -> bool:
        journal, maintenance = self._journal, self.maintenance
        if journal is None or maintenance is None:
            return False
        self._words[BUSY] = 1
        made = journal.make_room(self._replica.lsn, maintenance.complete)
        self._words[BUSY] = int(made)
        return made

    def _sync(self, journal: Journal, end: int) -> None:
        try:
            journal.sync(end)
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> StorageError:
        """Make the replica unusable after a sync that failed; return what to raise."""
        if isinstance(error, StoreFailed):
            self._replica.shut(error)
            return StoreFailed(error.message, path=error.path)
        # What a failed sync left on disk is not known, and a second sync would say yes without
        # writing (the kernel drops what it could not write). Nobody adopts it; see SUSPECT.
        self._words[SUSPECT] = 1
        self._replica.fail("a sync failed, so the outcome of the last commit is not known")
        return CommitOutcomeUnknown(
            f"{self._volume.root}: the disk refused a sync ({error}), so nobody knows whether "
            f"the last commit is kept. Check the disk, open the database again and look",
            path=self._volume.root,
        )

    def sync_through(self, lsn: int) -> None:
        """Make the journal durable through ``lsn``; called under the lock, by maintenance."""
        assert self._journal is not None
        self._sync(self._journal, lsn)

    def sync_beside(self) -> None:
        """Make durable what is published, while others write.

        No lock is held while the disk works: it may take its time, and then nobody waits for it.
        """
        replica, journal = self._replica, self._journal
        assert journal is not None
        with replica.mutex:
            self._refuse_unusable()
            end, sync = replica.lsn, journal.sync_beside(replica.lsn)
        if journal.synced < end:
            try:
                sync()
            except Exception as error:
                with self.mutex:  # not in the middle of another thread's commit
                    raise self._failed(error) from error

    def structure(self, operation: Operation, *, durable: bool = True) -> None:
        """Append a structural record; called under the lock, by maintenance."""
        assert operation[0] >= STRUCTURE
        self.write([[operation]], durable)

    def write_meta(self) -> None:
        """Write ``meta.json`` as the replica has it."""
        replica, schema, journal = self._replica, self._replica.schema, self._journal
        assert journal is not None
        data = Meta(replica.store_id, schema).encode()
        journal.reserve.replace(self._volume, META_NAME, data)
        self.meta_version = schema.version

    # -- without a journal ------------------------------------------------------------------------

    def _commit_in_memory(self, group: list[Commit]) -> None:
        replica = self._replica
        with replica.mutex:
            self._refuse_unusable()
            for commit in self._prepare(group):
                replica.apply_in_memory(commit.operations, self.now())
