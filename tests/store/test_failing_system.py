"""Any call of the system can fail, anywhere in a table's life: the caller gets a fitting error.

Below :class:`LocalVolume` one call of a run fails: it has no room, the disk cannot, it was
interrupted, it wrote a part. Afterwards nothing is half done, and the handle goes on; or it refuses
to, where a sync failed, and the folder, opened again, has every acknowledged commit, and that one
wholly or not at all.
"""

from __future__ import annotations

import errno
import os
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from store.failing_system import SHORT, FailingSystem
from store.stores import abandon, key, open_folder, put
from store.stores import contents as stored

from dynafile import Action, Dynafile, GlobalIndex, LocalIndex
from dynafile.errors import (
    CommitOutcomeUnknown,
    DiskFull,
    DynafileError,
    HandleClosed,
    PathNotWritable,
    StorageError,
    StoreFailed,
)
from dynafile.store import builder
from dynafile.store.format import SEGMENT_HEADER_BYTES
from dynafile.store.position import BUSY, END

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Item = dict[str, Any]
Model = dict[tuple[str, int], Item]

KINDS: dict[int, type[StorageError]] = {
    errno.ENOSPC: DiskFull,
    errno.EDQUOT: DiskFull,
    errno.EACCES: PathNotWritable,
    errno.EIO: StorageError,
    errno.EINTR: StorageError,
    SHORT: StorageError,
}
STRIDE = int(os.environ.get("DYNAFILE_STRIDE", "61"))
"""Every so many calls are tried, others with each error."""
INDEXES = {"by-group": GlobalIndex("G", "N")}


def item(number: int, size: int = 300, **more: Any) -> Item:
    return {"PK": f"p{number % 4}", "SK": number, "G": f"g{number % 3}", "N": -number} | {
        "x": "x" * size,
        **more,
    }


class Life:
    """What a program does to a table. ``model`` follows what was acknowledged."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.model: Model = {}
        self.under_way: Model = {}
        self.db: Dynafile | None = None
        self.errors: list[BaseException] = []

    def open(self) -> None:
        """Open the table; a handle that was made is kept also where this raises."""
        self.db = db = Dynafile(
            self.folder, ttl_attribute="ttl", stream=True, indexes=INDEXES, read_only=False
        )
        checkpointer = db._store._checkpointer
        assert checkpointer is not None
        checkpointer.partition_bytes, checkpointer.checkpoint_bytes = 2000, 8000

    def steps(self) -> Iterator[Callable[[], object]]:
        """The program, in steps of which each may fail, and the next one is taken then."""
        yield self.open
        for number in range(6):
            yield lambda number=number: self.put(item(number))
        yield self.batch
        yield self.transaction
        yield lambda: self.put(item(2, 900))
        yield self.read
        yield lambda: self._db()._store.checkpoint()
        yield self.expire
        yield lambda: self._db().sweep()
        yield lambda: self._db().add_index("local", LocalIndex("N"))
        yield self.consume
        yield lambda: "local" in self._db().indexes and self._db().drop_index("local")
        yield self.delete
        yield lambda: self._db()._store.checkpoint()
        yield lambda: self.put(item(3, 10))
        yield lambda: self._db().describe()
        yield lambda: self._db().close()
        yield self.open
        yield lambda: self.put(item(41))
        yield self.read

    def live(self) -> None:
        for step in self.steps():
            if step != self.open and self.db is None:
                continue
            try:
                step()
            except DynafileError as error:
                self.errors.append(error)
            if self.errors and isinstance(self.errors[-1], (CommitOutcomeUnknown, StoreFailed)):
                return

    def _db(self) -> Dynafile:
        assert self.db is not None
        return self.db

    def _write(self, after: Model, work: Callable[[], object]) -> None:
        self.under_way = after
        work()
        self.model = after

    def put(self, new: Item) -> None:
        after = {**self.model, (new["PK"], new["SK"]): new}
        self._write(after, lambda: self._db().put_item(item=new))

    def batch(self) -> None:
        new = [item(number) for number in range(6, 40)]
        after = {**self.model, **{(one["PK"], one["SK"]): one for one in new}}
        self._write(after, lambda: self._db().execute_batch(Action("PUT", one) for one in new))

    def transaction(self) -> None:
        new = item(4, 5)
        after = {**self.model, ("p0", 4): new}
        gone = after.pop(("p1", 5), None)
        key = {"PK": "p1", "SK": 5}
        actions: list[Any] = [{"Put": {"Item": new}}]
        if gone is not None:
            actions.append({"Delete": {"Key": key}})
        self._write(after, lambda: self._db().transact_write_items(transact_items=actions))

    def expire(self) -> None:
        """Put an item that has expired: nobody sees it, and what was there is gone."""
        after = dict(self.model)
        after.pop(("p2", 6), None)
        self._write(after, lambda: self._db().put_item(item=item(6, ttl=1)))

    def delete(self) -> None:
        keys = [key for key in self.model if key[1] % 2]
        after = {key: one for key, one in self.model.items() if key not in keys}
        gone = [Action("DELETE", {"PK": pk, "SK": sk}) for pk, sk in keys]
        self._write(after, lambda: self._db().execute_batch(gone))

    def consume(self) -> None:
        for record in self._db().stream(name="mailer", follow=False):
            record.ack()

    def read(self) -> None:
        found = contents(self._db())
        assert found in (self.model, self.under_way)
        self.model = self.under_way = found


def contents(db: Dynafile) -> Model:
    found = {(one["PK"], one["SK"]): one for one in db.scan()}
    by_index = {(one["PK"], one["SK"]): one for one in db.scan(index="by-group")}
    assert by_index == found
    return found


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "STEP_BYTES", 4000)


def assert_whole(life: Life, *, knows: bool) -> None:
    """Look through another handle, then open again: every acknowledged write, and no half one."""
    with Dynafile(life.folder, ttl_attribute="ttl", stream=True, indexes=INDEXES) as db:
        db.wait_for_indexes()
        db.check()
        found = contents(db)
        assert found in (life.model, life.under_way)
        if knows:
            assert found == life.model
        for record in db.stream(follow=False):
            assert record.sequence_number
        db.put_item(item=item(77))
    with Dynafile(life.folder, ttl_attribute="ttl", stream=True, indexes=INDEXES) as db:
        db.check()
        assert contents(db) == {**found, ("p1", 77): item(77)}


def finish(life: Life, error: int) -> None:
    """Judge the errors of a run, and what the handle does after them."""
    refused = any(isinstance(one, (CommitOutcomeUnknown, StoreFailed)) for one in life.errors)
    for one in life.errors:
        fits = (KINDS[error], CommitOutcomeUnknown, StoreFailed)
        assert isinstance(one, (fits, HandleClosed)), repr(one)
    db = life.db
    if db is not None and not db.closed:
        if refused:
            with pytest.raises(StoreFailed, match="open it again"):
                db.put_item(item=item(60))
            with pytest.raises(StoreFailed):
                db.get_item(key={"PK": "p1", "SK": 1})
        else:
            life.put(item(60))
            assert contents(db) in (life.model, life.under_way)
            db.wait_for_indexes()
            db.check()
        db.close()
    assert_whole(life, knows=False)


def count_calls(tmp_path: Path, patch: pytest.MonkeyPatch) -> int:
    system = FailingSystem(str(tmp_path / "count"))
    life = Life(str(tmp_path / "count"))
    with system.installed(patch):
        life.live()
    assert life.errors == []
    assert life.db is not None
    life.db.close()
    assert_whole(life, knows=True)
    assert {"write", "sync", "open", "mkdir", "rename", "unlink", "listdir"} <= set(system.calls)
    return system.count


@pytest.mark.parametrize("error", KINDS, ids=lambda number: errno.errorcode.get(number, "short"))
def test_each_call_fails_once(error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_calls(tmp_path, monkeypatch)
    assert calls > 300
    failed = 0
    problems: list[str] = []
    for chosen in range(1 + list(KINDS).index(error) * STRIDE // len(KINDS), calls, STRIDE):
        folder = tmp_path / f"{chosen}"
        system = FailingSystem(str(folder))
        system.fail(chosen, error)
        life = Life(str(folder))
        try:
            with system.installed(monkeypatch):
                life.live()
            finish(life, error)
        except Exception as problem:
            where = traceback.extract_tb(problem.__traceback__)[-4:]
            problems.append(f"call {chosen}, {system.failed}: {problem!r}; {life.errors}; {where}")
        failed += bool(life.errors)
    assert not problems, "\n".join(problems)
    assert failed or error == SHORT


def test_closing_a_handle_whose_store_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer of a stream that was open could not say that it left, and so ``close`` raised, and
    left everything open."""
    db = Dynafile(tmp_path / "db", stream=True)
    db.put_item(item={"PK": "a", "SK": "1"})
    stream = db.stream(name="mailer", follow=False)
    assert next(stream).event_name == "INSERT"
    system = FailingSystem(str(tmp_path / "db"), frozenset({"sync"}))
    system.fail(1, errno.EIO)
    with system.installed(monkeypatch), pytest.raises(CommitOutcomeUnknown):
        db.put_item(item={"PK": "b", "SK": "1"})
    db.close()
    assert db.closed
    assert stream.closed
    with Dynafile(tmp_path / "db") as db:
        (record,) = list(db.stream(name="mailer", follow=False))[:1]
        assert record.keys == {"PK": "a", "SK": "1"}


def test_a_refusal_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handle that refuses raises one error again and again; each time its traceback got longer,
    so that a program that tried every second took more and more memory."""
    db = Dynafile(tmp_path / "db")
    db._store.replica.fail("a test says so")
    lengths = set()
    for _ in range(20):
        for use in (lambda: db.put_item(item={"PK": "a", "SK": "1"}), lambda: len(db)):
            with pytest.raises(StoreFailed) as caught:
                use()
        lengths.add(len(caught.traceback))
    assert len(lengths) == 1
    db.close()


OLD = b"v" * 40
MODEL = {key(number): OLD for number in range(60)}


def leave_behind(folder: Path, what: str, patch: pytest.MonkeyPatch) -> None:
    """Leave a store as a process does that dies, or whose disk fails, in the middle of a commit."""
    system = FailingSystem(str(folder))
    with system.installed(patch):
        store = open_folder(folder, partition_bytes=2000, checkpoint_bytes=3000)
        put(store, *MODEL.items())
        if what == "failed sync":
            system.kinds = frozenset({"sync"})
            system.fail(1, errno.EIO)
            with pytest.raises(CommitOutcomeUnknown):
                put(store, (key(1), b"unknown"))
            abandon(store)
            return
    words = store.volume.share()
    abandon(store)
    segment = max((folder / "journal").iterdir())
    data = segment.read_bytes()
    end = SEGMENT_HEADER_BYTES + words[END] - int(segment.stem, 16)
    segment.write_bytes(data[:end] + b"torn" * 40 + data[end + 160 :])
    words[BUSY] = 1


@pytest.mark.parametrize("what", ["death", "failed sync"])
@pytest.mark.parametrize("how", ["open", "commit"])
def test_each_call_fails_of_who_takes_over(
    what: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens the store next, or has it open and commits next, may meet a disk that fails too."""
    chosen, more = 0, True
    while more:
        chosen += 2
        folder = tmp_path / f"{chosen}"
        other = open_folder(folder) if how == "commit" else None
        leave_behind(folder, what, monkeypatch)
        system = FailingSystem(str(folder))
        system.fail(chosen, errno.EIO)
        made = False
        with system.installed(monkeypatch):
            try:
                if other is None:
                    other = open_folder(folder)
                put(other, (key(2), b"after"))
                made = True
            except StorageError:
                pass
        more = system.failed is not None
        if other is not None:
            abandon(other)
        store = open_folder(folder)
        found = stored(store)
        assert found.pop(key(1)) in (OLD, b"unknown")
        assert found.pop(key(2)) == b"after" if made else found.pop(key(2)) in (OLD, b"after")
        assert found == {k: value for k, value in MODEL.items() if k not in (key(1), key(2))}
        put(store, (key(3), b"again"))
        store.check(list)
        store.close()
    assert chosen > 5
