"""The targets: every reader of bytes that a stranger may have made, as a function of those bytes.

A target returns, or raises an error of ours, which it swallows. Anything else is a finding.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import jsonschema  # noqa: F401 - before anything is guarded, since importing writes files
import re2  # noqa: F401
from fuzz import mending, sample
from fuzz.guard import guarded

from dynafile import Database, repair
from dynafile.documents.rules import Rules
from dynafile.errors import DynafileError
from dynafile.objects import pickles
from dynafile.store.filesystem import boot_number
from dynafile.store.format import (
    PUT,
    Checkpoint,
    SnapshotHeader,
    check_segment_header,
    decode_checkpoint,
    encode_checkpoint,
    encode_record,
    encode_segment_header,
    encode_snapshot,
    next_record_after,
)
from dynafile.store.history import JournalHistory
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.position import BOOT, POSITION_BYTES
from dynafile.store.registry import open_volume
from dynafile.store.salvage import Salvage
from dynafile.store.schema import Meta, Schema
from dynafile.store.snapshot import dump_snapshot, load_snapshot
from dynafile.store.store import Options, Store
from dynafile.table import stream_options
from dynafile.values import (
    attributes_decoder,
    check_item,
    decode_key_value,
    encode_item,
    encode_key_value,
)

Target = Callable[[bytes], None]

STORE_ID: Final = bytes(16)
SPACE: Final = 1
_SNAPSHOT: Final = f"_partitions/{'0' * 16}-1/data.pickle"
_SEGMENT: Final = "journal/0000000000000001.log"
_SCHEMA: Final = Schema(keyspaces={SPACE: "_partitions"}, next_keyspace=2)

ERRORS: Final = (DynafileError,)
"""What may come out of a reader."""


def _asked(_: Schema | None) -> Schema:
    return _SCHEMA


# -- single readers -----------------------------------------------------------------------------


def snapshot(data: bytes) -> None:
    """A snapshot: first byte 0, a file as it is; else a pickle, within a right header."""
    if data[:1] in (b"", b"\0"):
        whole = data[1:]
    else:
        header = SnapshotHeader(SPACE, 1, 1, data[0] - 1, 0, 0, b"", None)
        whole = encode_snapshot(STORE_ID, header, data[1:])
    with guarded(), contextlib.suppress(*ERRORS):
        header, entries = load_snapshot(whole, STORE_ID, "data.pickle", trusted=False)
        assert len(entries) == header.entries
        assert all(type(key) is bytes and type(entries[key]) is bytes for key in entries)
        entries[b"one more"] = b""  # its order must be that of bytes, and nobody's function
        assert list(entries) == sorted(entries)


def checkpoint(data: bytes) -> None:
    """A checkpoint: first byte 0, a file as it is; else what is in it. Then a store with it."""
    if data[:1] in (b"", b"\0"):
        whole = data[1:]
    else:
        words = struct.unpack("<4Q", data[1:33].ljust(32, b"\0"))
        whole = encode_checkpoint(STORE_ID, Checkpoint(*words))
    with guarded():
        with contextlib.suppress(*ERRORS):
            decode_checkpoint(whole, STORE_ID, "checkpoint")
        _use({**_files(), "checkpoint": whole})


def meta(data: bytes) -> None:
    """``meta.json``: first byte 0, as it is; else with its checksum made right. Then a store."""
    whole = data[1:] if data[:1] in (b"", b"\0") else mending.meta(data[1:])
    with guarded():
        with contextlib.suppress(*ERRORS):
            found = Meta.decode(whole, "meta.json")
            assert Meta.decode(found.encode(), "meta.json") == found
        _use({**_files(), "meta.json": whole})


def journal(data: bytes) -> None:
    """A segment: first byte 0, as it is; else its records, with frames that are made right.

    A store that begins with it reads it, follows it, and reads it as the history of a stream; what
    is left of it is salvaged.
    """
    header = encode_segment_header(STORE_ID, 1)
    if data[:1] in (b"", b"\0"):
        whole = data[1:]
    else:
        whole = header + mending.records(data[1:], 1) + bytes(64)
    with guarded():
        with contextlib.suppress(*ERRORS):
            check_segment_header(whole, STORE_ID, 1, "segment")
        next_record_after(whole, 0, 1 - 64)
        _use({**_files(), _SEGMENT: whole})


def item(data: bytes) -> None:
    """The bytes of an item: what is accepted is stored again as the same item."""
    with guarded(), contextlib.suppress(*ERRORS):
        found = check_item(data)
        again = check_item(encode_item(found))
        assert _same(found, again), found
        with contextlib.suppress(ValueError):  # of a name that is not text
            attributes_decoder(["a"])(data)


def key(data: bytes) -> None:
    """An encoded key value: what is accepted has one encoding, this one."""
    with guarded():
        try:
            value, end = decode_key_value(data, 0)
        except ValueError:
            return  # as it says
        with contextlib.suppress(*ERRORS):
            assert encode_key_value(value, attribute="a", limit=1 << 20) == data[:end], value


def position(data: bytes) -> None:
    """The words of a position, on this boot if the first byte is odd, beside a folder."""
    words = bytearray(data[1 : 1 + POSITION_BYTES])
    if data[:1] and data[0] & 1 and len(words) >= 16:
        words[8 * BOOT : 8 * BOOT + 8] = boot_number().to_bytes(8, "little")
    _try_folder({**sample.files(), "position": bytes(words)}, read_only=bool(data[1:2] == b"\1"))


def folder(data: bytes) -> None:
    """A whole folder, some of whose files are changed, with their checksums made right again.

    The first byte: 1, it is only read; 2, checksums stay as they are; 4, it is repaired. Then changes: a file, what is
    done, where, how long it is (all little numbers), and what is put there.
    """
    files = dict(sample.files())
    how, at = data[0] if data else 0, 1
    touched = set()
    names = [name for name in files if name != "lock"]
    while len(data) - at >= 5:
        which, kind, where, size = struct.unpack_from("<BBHB", data, at)
        at += 5
        name = names[which % len(names)]
        last = kind & 0x80 or len(data) - at - size < 5
        new = data[at:] if last else data[at : at + size]
        at = len(data) if last else at + size
        files[name] = _changed(files[name].rstrip(b"\0"), kind & 3, where, new)
        touched.add(name)
    for name in touched:
        if not how & 2:
            files[name] = mending.mended(name, files[name])
        if name.endswith(".log"):
            files[name] += bytes(128)
    _try_folder(files, read_only=bool(how & 1), repaired=bool(how & 4))


def _changed(old: bytes, kind: int, where: int, new: bytes) -> bytes:
    where = where % (len(old) + 1)
    if kind == 0:
        return new
    if kind == 1:
        return old[:where] + new + old[where + len(new) :]
    if kind == 2:
        return old[:where] + new + old[where:]
    return old[:where]


def value(data: bytes) -> None:
    """The pickle of an object: what is accepted is written again, unless it is of another's making."""
    with guarded(), contextlib.suppress(*ERRORS):
        found = pickles.load(data)
        again = pickles.dump(found)
        assert type(pickles.load(again)) is type(found), found


def rules(data: bytes) -> None:
    """The rules of documents, and behind a zero a document as JSON, or text that stands for one."""
    text, _, rest = data.decode(errors="replace").partition("\0")
    try:
        document = json.loads(rest)
    except (ValueError, RecursionError):
        document = rest
    given = document if isinstance(document, dict) else {"uid": document, "x": [document]}
    with guarded(), contextlib.suppress(*ERRORS):
        found = Rules(text)
        for path in ("users/ann", "a/b/c/d", "a/b"):
            for action in ("get", "update"):
                decision = found.decide(action, path, given, given, given, lambda _: given)
                assert decision.allowed is (decision.rule is not None)
            with contextlib.suppress(*ERRORS):
                found.check(path, given)


TARGETS: Final[dict[str, Target]] = {
    "snapshot": snapshot,
    "journal": journal,
    "checkpoint": checkpoint,
    "meta": meta,
    "position": position,
    "item": item,
    "key": key,
    "value": value,
    "rules": rules,
    "folder": folder,
}


# -- a store in memory ----------------------------------------------------------------------------


def _files() -> dict[str, bytes]:
    """The files of a store with one snapshot and one record after it."""
    from sortedcontainers import SortedDict

    entries = SortedDict({b"k%d" % n: b"v" for n in range(3)})
    header = SnapshotHeader(SPACE, 1, 2, len(entries), 0, 0, b"", None)
    put = encode_record(2, 2, 1, 1, [(PUT, SPACE, b"k1", b"w")])
    return {
        "meta.json": Meta(STORE_ID, _SCHEMA).encode(),
        "checkpoint": encode_checkpoint(STORE_ID, Checkpoint(2, 1, 2, 1)),
        _SEGMENT: encode_segment_header(STORE_ID, 1) + b"\0" + put + bytes(64),
        _SNAPSHOT: dump_snapshot(STORE_ID, header, entries),
    }


def _volume(files: dict[str, bytes]) -> MemoryVolume:
    volume = MemoryVolume()
    volume.files = {name: bytearray(data) for name, data in files.items()}
    return volume


def _use(files: dict[str, bytes]) -> None:
    """Do with the files of a store all that is done with one."""
    for options in (Options(trusted=False, read_only=True), Options(trusted=False)):
        volume = _volume(files)
        with contextlib.suppress(*ERRORS):
            store = open_volume(volume, options, _asked)
            try:
                _read(store)
            finally:
                with contextlib.suppress(*ERRORS):
                    store.close()
    with contextlib.suppress(*ERRORS):
        salvage = Salvage(_volume(files))
        for number in salvage.schema.keyspaces:
            for _ in salvage.entries(number):
                pass
            for lost in salvage.lost_ranges(number):
                salvage.left_of(number, lost)
        salvage.gaps, salvage.old_gaps, salvage.cut  # noqa: B018 - they work


def _read(store: Store) -> None:
    for keyspace in list(store.replica.keyspaces.values()):
        with contextlib.suppress(*ERRORS):
            for _ in store.range(keyspace, b"", None, limit=100):
                pass
            store.count(keyspace)
            store.get(keyspace, b"k1")
    with contextlib.suppress(*ERRORS):
        store.check(list)
    history = JournalHistory(store.volume, store.replica.store_id)
    with contextlib.suppress(*ERRORS, Exception):
        for _ in history.read(1, store.replica.lsn):
            pass


# -- a folder -------------------------------------------------------------------------------------


def quick_folder() -> str | None:
    """Where to make folders by the thousand: in memory, where there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@contextlib.contextmanager
def _made(files: dict[str, bytes]) -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="dynafile-fuzz-", dir=quick_folder()))
    try:
        path = base / "db"
        for name, data in files.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        yield path
    finally:
        shutil.rmtree(base)


def _try_folder(files: dict[str, bytes], *, read_only: bool, repaired: bool = False) -> None:
    # The sample keeps its stream for longer than one may ask for: else what is in it would end.
    with _made(files) as path, patch.object(stream_options, "LONGEST_SECONDS", sample.CENTURIES):
        inside = str(path.parent)
        if repaired:
            with guarded(inside), contextlib.suppress(*ERRORS):
                repair(path, path.with_name("repaired"), lock_timeout=0)
            return
        with (
            guarded(inside),
            contextlib.suppress(*ERRORS),
            Database(path, trusted=False, read_only=read_only, lock_timeout=0) as db,
        ):
            read_everything(db)


def read_everything(db: Database) -> None:
    """Read a database in every way that there is."""
    for name in db.tables:
        with contextlib.suppress(*ERRORS):
            table = db.table(name)
            for each in _each(lambda: table.scan()):
                with contextlib.suppress(*ERRORS):
                    attributes = (table.pk_attribute, table.sk_attribute)
                    table.get_item(key={a: each[a] for a in attributes if a is not None})
                    list(table.query(each[table.pk_attribute]))
            with contextlib.suppress(*ERRORS):
                len(table)
            for index in table.indexes:
                for _ in _each(lambda: table.scan(index=index)):
                    pass
            with contextlib.suppress(*ERRORS):
                db.describe_table(name)
            with contextlib.suppress(*ERRORS), table.stream("TRIM_HORIZON", follow=False) as stream:
                for record in stream:
                    with contextlib.suppress(*ERRORS):
                        _ = record.keys, record.new_image, record.old_image, record.event_name
                        _ = record.approximate_creation_time, record.stream_view_type
            with contextlib.suppress(*ERRORS):
                for record in table.stream(name="mailer", follow=False):
                    record.ack()
    with contextlib.suppress(*ERRORS):
        db.check()


def _each(made: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    with contextlib.suppress(*ERRORS):
        yield from made()


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are of one type and equal, NaN or not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)
