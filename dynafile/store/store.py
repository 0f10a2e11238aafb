"""The store: an ordered map from bytes to bytes in a folder, shared by threads and processes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from msgspec import Struct

from dynafile.errors import (
    CheckFailed,
    HandleClosed,
    HandleForked,
    HandleUnusable,
    LockTimeout,
    ReadOnlyDatabase,
    StorageError,
)
from dynafile.store.builder import Builder, build_in_memory
from dynafile.store.checker import check_store
from dynafile.store.checkpointer import CHECKPOINT_BYTES, PARTITION_BYTES, Checkpointer
from dynafile.store.figures import Figures, figures_of
from dynafile.store.flusher import Flusher
from dynafile.store.format import SCHEMA, Operation
from dynafile.store.group import Commit, Prepare
from dynafile.store.history import History, JournalHistory, MemoryHistory
from dynafile.store.journal import Journal
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import MOST_READ, Replica
from dynafile.store.schema import Schema
from dynafile.store.strays import homes_of, left_behind, stray_folders
from dynafile.store.view import View
from dynafile.store.volume import Volume
from dynafile.store.writer import SchemaChanged, Writer

GIVEN_SECONDS: Final = 0.0001
"""What work in the background gives a thread that it would keep waiting."""
DEFAULT_CACHE_SIZE: Final = 256 * 1024 * 1024
DEFAULT_LOCK_TIMEOUT: Final = 10.0
CLOSING_PARTITIONS: Final = 128
CLOSING_SHARE: Final = 4
"""Closing folds what is pending where that is up to so many partitions, or where the journal holds
over this share of a checkpoint, so that the next opening replays little."""

_log = logging.getLogger("dynafile")


class Options(Struct, frozen=True, kw_only=True):
    """How a store is opened; sizes in bytes, times in seconds."""

    read_only: bool = False
    cache_size: int = DEFAULT_CACHE_SIZE
    lock_timeout: float = DEFAULT_LOCK_TIMEOUT
    trusted: bool = True
    checkpoint_bytes: int = CHECKPOINT_BYTES
    partition_bytes: int = PARTITION_BYTES
    clock: Callable[[], float] = time.time


class Store:
    """Keyspaces of sorted bytes with atomic commits.

    Use :func:`open_store`: a process has one store object a folder, counted by its users.
    """

    def __init__(self, volume: Volume, replica: Replica, journal: Journal | None, options: Options):
        self.volume = volume
        self.replica = replica
        self.options = options
        self.users = 1
        self.key: tuple[str, bool] | None = None
        self.provers: list[object] = []  # the replica holds who watches its schema weakly
        self._journal = journal
        self._writer = Writer(replica, journal, volume, options.clock)
        self._writer.meta_version = replica.schema.version
        self._checkpointer: Checkpointer | None = None
        self._flusher: Flusher | None = None
        if journal is not None and not options.read_only:
            self._checkpointer = Checkpointer(
                replica,
                journal,
                self._writer,
                checkpoint_bytes=options.checkpoint_bytes,
                partition_bytes=options.partition_bytes,
            )
            self._writer.maintenance = self._checkpointer
        self.get = replica.get
        self.read_forward = replica.read_range
        self.read_backward = replica.read_range_backward
        self._commit = self._writer.commit
        self._read_only = options.read_only
        self._lock_timeout = options.lock_timeout

    # -- reading --------------------------------------------------------------------------------

    @property
    def schema(self) -> Schema:
        """The schema as of the last commit that this process has seen."""
        self.follow()
        return self.replica.schema

    def follow(self) -> None:
        """Catch up with what other processes have committed."""
        if self.replica.words[0] != self.replica.lsn:
            self.replica.catch_up()

    def published(self) -> int:
        """Return the LSN up to which there are commits now."""
        self.follow()
        return self.replica.lsn

    @property
    def history(self) -> History:
        """The commits that were made, as far back as the schema wants them to be kept."""
        if self._journal is not None:
            return JournalHistory(self.volume, self.replica.store_id)
        return self.replica.history or MemoryHistory(self.replica.mutex)

    def keyspace(self, number: int) -> Keyspace:
        """Return a keyspace of the schema; the object stays the same while the store is open.

        Raises SchemaChanged where it was dropped.
        """
        try:
            return self.replica.keyspaces[number]
        except KeyError:
            raise SchemaChanged from None

    def range(
        self,
        keyspace: Keyspace,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool = False,
        limit: int,
    ) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield keys and values of [low, high) in order, in chunks, while others write.

        A chunk is one moment of the store; what is there throughout is in exactly one of them.
        ``limit`` is how many entries the caller expects to need; more follow if it goes on.
        """
        read = self.read_backward if reverse else self.read_forward
        while high is None or low < high:
            keys, values, bound = read(keyspace, low, high, limit)
            if keys:
                yield keys, values
            if bound is None:
                return
            if reverse:
                high = bound
            else:
                low = bound
            limit = MOST_READ

    def count(self, keyspace: Keyspace) -> int:
        """Return the exact number of entries of a keyspace."""
        return self.replica.count(keyspace)

    def count_in_passing(self, keyspace: Keyspace) -> int:
        """Return about how many entries a keyspace has, without making others wait."""
        return self.replica.count_in_passing(keyspace)

    # -- writing --------------------------------------------------------------------------------

    def commit(
        self,
        operations: list[Operation],
        schema: int,
        prepare: Prepare | None = None,
        durable: bool = True,
    ) -> None:
        """Make operations happen, all or none, and return when every process sees them.

        ``prepare`` is called under the lock with the state, and gives the operations or raises.
        ``schema`` is the version they were made for; SchemaChanged is raised where it is another
        now.
        """
        if self._read_only:
            self._refuse_writing()
        self._commit(operations, prepare, schema, self._lock_timeout, durable)

    def commit_each(
        self, commits: list[list[Operation]] | list[Prepare], schema: int, durable: bool
    ) -> list[BaseException | None]:
        """Make commits that have nothing to do with one another, with one sync for all.

        Each is its operations, or what gives them under the lock, as for :meth:`commit`.

        Returns for each what refused it, as :meth:`commit` would have raised it, or None.
        """
        if self._read_only:
            self._refuse_writing()
        timeout = self._lock_timeout
        made = [
            Commit([], each, schema, timeout, durable=durable)
            if callable(each)
            else Commit(each, None, schema, timeout, durable=durable)
            for each in commits
        ]
        self._writer.commit_each(made)
        return [commit.error for commit in made]

    def look(self, at: Callable[[View], None]) -> None:
        """Call ``at`` with one moment of the store, which nothing changes meanwhile.

        It is called again where it loaded a partition that is newer than that moment.
        """
        replica = self.replica
        lsn: int | None = None
        with replica.mutex:
            self.follow()
            while lsn != replica.lsn:
                lsn = replica.lsn
                at(View(replica))

    def _refuse_writing(self) -> None:
        raise ReadOnlyDatabase(
            f"{self.volume.root} was opened with read_only=True: open it without, to write"
        )

    def change_schema(self, change: Callable[[Schema], Schema]) -> None:
        """Commit another schema, durably. ``change`` makes it of the newest, or returns that.

        The folders of keyspaces that it drops are removed before this returns, but not under the
        lock, since there may be thousands; who dies in between leaves them to the next opening.
        """
        away: list[str] = []
        dropped: set[str] = set()

        def prepare(view: View) -> list[Operation]:
            schema = change(view.schema)
            if schema is view.schema:
                return []
            before, after = (set(each.keyspaces.values()) for each in (view.schema, schema))
            # What a dropped keyspace left must not be taken for partitions of its namesake.
            away.extend(map(self.volume.take_away, left_behind(self.volume, after - before)))
            dropped.update(before - after)
            return [(SCHEMA, 0, b"", schema.encode())]

        while True:
            try:
                self.commit([], self.schema.version, prepare)
            except SchemaChanged:
                continue
            break
        homes = homes_of(dropped)
        if self._journal is not None and stray_folders(self.volume, self.schema, homes):
            work = partial(self._take_strays_away, away, homes)
            self._writer.hold(work, self._lock_timeout)
        for name in away:
            self.volume.remove(name)

    def _take_strays_away(self, away: list[str], homes: set[str]) -> None:
        if self._writer.meta_version != self.replica.schema.version:
            self._writer.write_meta()
        strays = stray_folders(self.volume, self.replica.schema, homes)
        away.extend(map(self.volume.take_away, strays))

    def build(
        self,
        keyspace: Keyspace,
        gone: Keyspace,
        entries: Iterator[tuple[bytes, bytes]],
        built: Callable[[int], None],
    ) -> None:
        """Put sorted entries into a keyspace where nobody has written since it was declared.

        An entry whose key is in the keyspace, or in ``gone``, is left out. It goes in steps, each
        whole after a crash; others write in between. ``built`` hears how many were done. Raises
        SchemaChanged where one of the keyspaces is dropped.
        """
        if self._read_only:
            self._refuse_writing()
        if self._journal is None:
            build_in_memory(self.replica, self._commit, keyspace, gone, entries, built)
            return
        builder = Builder(
            self.replica,
            self._journal,
            self._writer,
            keyspace,
            gone,
            partition_bytes=self.options.partition_bytes,
            hold=partial(self._writer.hold, lock_timeout=self._lock_timeout),
            give_way=self.give_way,
        )
        done = 0
        while taken := builder.take(entries):
            builder.step(taken)
            done += len(taken) - builder.left
            built(done)

    def give_way(self) -> None:
        """Let another thread go on that is in the middle of a commit or a read.

        To be called by long work in the background, each fraction of a millisecond. Whoever waits
        for Python's lock gets it after five, and a put does that several times.
        """
        mutex = self.replica.mutex
        if self._writer.mutex.locked() or not mutex.acquire(blocking=False):
            time.sleep(GIVEN_SECONDS)
        else:
            mutex.release()

    def keep_flushed(self) -> None:
        """Sync every second from now on: somebody is going to write relaxed commits."""
        if self._flusher is None and self._journal is not None and not self._read_only:
            self._flusher = Flusher(self.flush)

    def flush(self) -> None:
        """Sync what relaxed commits left unsynced."""
        replica, journal = self.replica, self._journal
        if journal is None or replica.unusable is not None or journal.synced >= replica.lsn:
            return
        self._writer.sync_beside()

    def checkpoint(self) -> None:
        """Bring everything that is pending into snapshots now."""
        if self._checkpointer is not None:
            self._writer.hold(self._checkpointer.complete, self.options.lock_timeout)

    # -- looking --------------------------------------------------------------------------------

    def figures(self, keyspace: Keyspace) -> Figures:
        """Return how large a keyspace and its store are."""
        self.follow()
        return figures_of(self.replica, keyspace)

    def check(self, more: Callable[[], list[str]]) -> None:
        """Raise CheckFailed with what is wrong here and what ``more`` finds; nobody writes."""
        problems: list[str] = []

        def work() -> None:
            problems.extend(check_store(self.replica))
            if not problems:
                problems.extend(more())

        self.follow()
        if self._journal is None or self.options.read_only:
            work()
        else:
            self._writer.hold(work, self.options.lock_timeout)
        if problems:
            listed = "\n".join(f"- {problem}" for problem in problems[:20])
            raise CheckFailed(
                f"{self.volume.root} has {len(problems)} problems:\n{listed}",
                problems=tuple(problems),
            )

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the store whoever uses it; their handles raise HandleClosed from then on."""
        flusher, self._flusher = self._flusher, None
        if flusher is not None:
            flusher.stop()
        try:
            if self.replica.unusable is None:
                self._leave()
        finally:
            if not isinstance(self.replica.unusable, HandleForked):
                # Nobody may be between two calls of the volume: the numbers of its descriptors are
                # used again by whatever the program opens next.
                with self._writer.mutex, self.replica.mutex:
                    self.replica.shut(_closed(self.volume.root))
                    self.volume.close()

    def _leave(self) -> None:
        """Sync, fold what is pending if it is little, and note that the end was clean."""
        if self._checkpointer is None or self._journal is None:
            return
        self.flush()
        try:
            self._writer.hold(self._tidy, 0.0)
        except LockTimeout:
            pass  # another process is writing; it will see to it
        except StorageError as error:
            _log.warning(
                "%s: closed without a checkpoint, nothing is lost: %s", self.volume.root, error
            )

    def _tidy(self) -> None:
        assert self._checkpointer is not None
        assert self._journal is not None
        replica = self.replica
        past = replica.lsn - replica.checkpoint.lsn
        few = len(self._checkpointer.pending(replica.lsn)) <= CLOSING_PARTITIONS
        if few or past > self.options.checkpoint_bytes // CLOSING_SHARE:
            self._checkpointer.complete()
        self._writer.sync_through(self.replica.lsn)
        self._checkpointer.mark_clean()


def _closed(root: str) -> HandleUnusable:
    return HandleClosed(f"the database {root} was closed: open it again to use it")
