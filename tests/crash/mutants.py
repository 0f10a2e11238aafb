"""Laws of the store, each broken once: a place in the source, and what stands there when it is.

A mutant is the real function with one text replaced by another, so it cannot drift from the code: a
text that is no longer there is an error.
"""

from __future__ import annotations
import __future__

import inspect
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

from crash import lives
from crash.life import Life

from dynafile.store import descriptors, history, recovery
from dynafile.store.checkpointer import Checkpointer
from dynafile.store.durable_folders import Folders
from dynafile.store.follower import Follower
from dynafile.store.journal import Journal
from dynafile.store.local_volume import LocalVolume
from dynafile.store.writer import Writer
from dynafile.table import conversion


@dataclass(frozen=True)
class Mutant:
    """A law, and how it is broken."""

    law: str
    owner: Any
    name: str
    old: str
    new: str
    kinds: tuple[type[Life], ...] = (lives.Items,)
    """The lives of which at least one must show it."""
    plan: tuple[str, ...] = ()
    """The crashes that show it, where chance would take long."""
    beside: bool = False
    """Whether it takes a process that had the database open, and goes on where another died."""

    def __str__(self) -> str:
        return self.law

    def function(self) -> Any:
        """Return the function with the law broken."""
        whole = getattr(self.owner, self.name)
        source = textwrap.dedent(inspect.getsource(whole))
        assert source.count(self.old) == 1, f"{self.name} has not {self.old!r} once"
        module = self.owner if inspect.ismodule(self.owner) else sys.modules[self.owner.__module__]
        flags = __future__.annotations.compiler_flag
        code = compile(source.replace(self.old, self.new), f"<{self.law}>", "exec", flags)
        made: dict[str, Any] = {}
        exec(code, vars(module), made)
        return made[self.name]


MUTANTS = (
    # -- the journal is the commit --------------------------------------------------------------
    Mutant(
        "published means durable",
        Writer, "write",
        "journal.append(start, data)",
        "journal.append(start, data); self._words[END] = end",
    ),
    Mutant(
        "acknowledged means synced",
        Journal, "sync",
        "self._volume.sync(self._name)",
        "pass",
    ),
    Mutant(
        "a commit is one record",
        Writer, "write",
        "chunks: list[bytes] = []",
        "chunks: list[bytes] = []; commits = [[one] for each in commits for one in each]",
    ),
    Mutant(
        "a record that is torn is none",
        sys.modules["dynafile.store.format"], "decode_record",
        "if xxh3_64_intdigest(data[body:stop]) != checksum:",
        "if False:",
    ),
    Mutant(
        "what is torn is cut",
        Journal, "cut",
        "self._volume.write(self._name, offset, bytes(len(rest)))",
        "pass",
        (lives.Alike,),
        ("some", "killed"),
    ),
    Mutant(
        "who opens the store syncs what it adopts",
        recovery, "open_for_writing",
        "journal.synced = 0",
        "journal.synced = replica.lsn",
        (lives.Relaxed,),
        ("killed", "nothing"),
    ),
    Mutant(
        "who goes on from a segment syncs it, if it adopts what comes after",
        Journal, "replay",
        "self.sync(lsn)",
        "pass",
        (lives.Relaxed,),
        ("killed", "nothing"),
    ),
    Mutant(
        "END and BUSY mean nothing after the machine was started anew",
        recovery, "open_for_writing",
        "alive = boot != 0 and words[BOOT] == boot",
        "alive = True",
        (lives.Relaxed, lives.Items),
    ),
    # -- checkpoints ----------------------------------------------------------------------------
    Mutant(
        "no snapshot holds an LSN that the journal has not synced",
        Checkpointer, "_fold",
        "self._writer.sync_through(replica.lsn)",
        "pass",
        (lives.Alike, lives.Relaxed),
        ("nothing",),
    ),
    Mutant(
        "a fold is said after its file is synced",
        Checkpointer, "_fold",
        "self._write(keyspace, [file], [part])\n"
        '            self._writer.structure((FOLD, keyspace.id, encode_numbers([part.id]), b""))',
        'self._writer.structure((FOLD, keyspace.id, encode_numbers([part.id]), b""))\n'
        "            self._write(keyspace, [file], [part])",
        (lives.Tables,),
        beside=True,
    ),
    Mutant(
        "a split is said after its files are synced",
        Checkpointer, "_replace",
        "self._write(keyspace, files, old)",
        "later = files",
        (lives.Items, lives.Tables),
    ),
    Mutant(
        "a partition goes after the journal says what took its place",
        Checkpointer, "_replace",
        "numbers = encode_numbers(part.id for part in old)",
        "numbers = encode_numbers(part.id for part in old)\n"
        "    [self._volume.remove(keyspace.path(part)) for part in old if part.id]",
    ),
    Mutant(
        "no folder is left that only the journal before the checkpoint explains",
        Checkpointer, "_finish",
        "self._remove_strays(target.lsn)",
        "pass",
        (lives.Items, lives.Tables),
    ),
    Mutant(
        "a segment goes after the checkpoint that makes it superfluous",
        Checkpointer, "_finish",
        "self._remove_strays(target.lsn)",
        "self._remove_strays(target.lsn)\n"
        "    for base in superfluous(self._volume, target.segment, self._replica.lsn, None, 0):\n"
        "        self._volume.remove(segment_name(base))",
    ),
    Mutant(
        "a checkpoint folds all that is pending",
        Checkpointer, "pending",
        "if part.pending and part.since < before",
        "if part.pending and part.since < before - 300",
    ),
    Mutant(
        "the schema is in meta.json before the checkpoint takes its record away",
        Writer, "write_meta",
        "journal.reserve.replace(self._volume, META_NAME, data)",
        "pass",
        (lives.Tables,),
    ),
    Mutant(
        "a segment is kept as long as a stream needs it",
        history, "superfluous",
        "if retention is None or",
        "if True or",
        (lives.Streams,),
    ),
    # -- names ----------------------------------------------------------------------------------
    Mutant(
        "a snapshot is synced before it has its name",
        LocalVolume, "replace_all",
        "writer_cls=_Writer",
        "writer_cls=type('W', (_Writer,), {'sync': lambda self, file: file.flush()})",
    ),
    Mutant(
        "a name is durable when the call returns",
        sys.modules["atomicwrites"], "_replace_atomic",
        "_sync_directory(os.path.normpath(os.path.dirname(dst)))",
        "pass",
        (lives.Items, lives.Tables),
    ),
    Mutant(
        "so are those of the folders that were made for it",
        Folders, "make",
        "sync_folder(self._path(parent))",
        "pass",
        (lives.Items, lives.Tables),
    ),
    Mutant(
        "so is that of the database's folder",
        descriptors, "make_folders",
        "sync_folder(folder)",
        "pass",
    ),
    Mutant(
        "so are those of folders that a dead process made",
        Folders, "_make_one",
        "self._make_one(os.path.dirname(folder), found)\n    except",
        "return\n    except",
        (lives.Tables,),
        ("killed", "nothing"),
    ),
    Mutant(
        "a folder that is removed goes for good, before what is in it",
        LocalVolume, "take_away",
        "sync_folder(os.path.dirname(path))",
        "pass",
        (lives.Tables,),
        ("ordered",),
    ),
    # -- schema changes, conversion -------------------------------------------------------------
    Mutant(
        "originals go after every item is durable",
        conversion, "_put_all",
        "writes: list[Write] = []",
        "writes: list[Write] = []; items = list(items); OldTable(table._store.volume).remove()",
        (lives.Conversion,),
    ),
    Mutant(
        "a merge keeps what the neighbour had",
        Follower, "_replace",
        "if moved and part not in old:",
        "if False:",
        (lives.Items, lives.Tables),
    ),
)  # fmt: skip
