"""Records into a table, a batch a commit, with what is wrong with any of them."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import ExitCode, Failure, as_failure
from dynafile.errors import MalformedRecord, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from dynafile import Dynafile
    from dynafile.cli.record import Record
    from dynafile.cli.source import Source
    from dynafile.cli.templates import Template

_BATCH_BYTES = 8 << 20
"""Of input; a batch ends here at the latest, so that large items do not fill the memory."""

_REMEMBERED = 5


class Importer:
    """One run of an import; its attributes say how far it came."""

    def __init__(
        self,
        db: Dynafile,
        source: Source,
        records: Iterator[Record],
        *,
        templates: Sequence[Template],
        batch_size: int,
        skip: bool,
        progress: Callable[[int, int], None],
    ) -> None:
        self._db = db
        self._source = source
        self._records = records
        self._templates = templates
        self._batch_size = batch_size
        self._skip = skip
        self._progress = progress
        self._done = False
        self._batched = 0
        self._reading = False
        self.imported = 0
        """Records that were committed."""
        self.skipped = 0
        """Malformed records that were passed over."""
        self.skipped_first: list[Failure] = []
        """What was wrong with the first few of these."""
        self.stopped: Failure | None = None
        """What was wrong with the record at which the import stopped."""
        self.interrupted = False

    def run(self) -> None:
        """Import until the records end, one is malformed (unless skipping), or Ctrl-C.

        What came before is committed in each case. An error of the storage is raised, with
        ``imported`` saying what stays.
        """
        with _handling_ctrl_c(self._interrupt):
            while not self._done:
                self._batched = 0
                with self._db.batch_writer() as writer:
                    try:
                        self._fill(writer.put_item)
                    except KeyboardInterrupt:
                        self.interrupted = self._done = True
                self.imported += self._batched
                self._progress(self._source.position, self.imported)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Take a Ctrl-C: the first one stops the reading, at once, but no commit; the next, all."""
        again, self.interrupted = self.interrupted, True
        if again or self._reading:
            self._reading = False
            raise KeyboardInterrupt

    def _fill(self, put_item: Callable[..., None]) -> None:
        # The first item of a table decides the types of its keys, and is committed alone: within
        # one commit, a record of another type would fail all of them, without naming its line.
        most = self._batch_size if self._has_key_types() else 1
        end = self._source.position + _BATCH_BYTES
        while self._batched < most and self._source.position < end:
            try:
                record = self._next()
            except MalformedRecord as problem:
                self._stop(problem, problem.line)
                return
            if record is None:
                self._done = True
                return
            try:
                put_item(item=self._item(record))
            except ValidationError as problem:
                if not self._skip:
                    self._stop(problem, record.line)
                    return
                self.skipped += 1
                if len(self.skipped_first) < _REMEMBERED:
                    self.skipped_first.append(self._located(problem, record.line))
            else:
                self._batched += 1

    def _next(self) -> Record | None:
        """Return the next record; None where they end, or where Ctrl-C was pressed."""
        self._reading = True
        try:
            return None if self.interrupted else next(self._records, None)
        finally:
            self._reading = False

    def _item(self, record: Record) -> dict[str, Any]:
        if record.problem is not None:
            raise record.problem
        assert record.item is not None
        item = record.item
        if not self._templates:
            return item
        made = {
            template.attribute: template.value(item, self._kind(template.attribute))
            for template in self._templates
        }
        return made | {name: value for name, value in item.items() if name not in made}

    def _has_key_types(self) -> bool:
        db = self._db
        return db.pk_type is not None and (db.sk_attribute is None or db.sk_type is not None)

    def _kind(self, attribute: str) -> str | None:
        kind: str | None = None
        if attribute == self._db.pk_attribute:
            kind = self._db.pk_type
        elif attribute == self._db.sk_attribute:
            kind = self._db.sk_type
        return kind

    def _stop(self, problem: Exception, line: int | None) -> None:
        self.stopped = self._located(problem, line)
        self._done = True

    def _located(self, problem: Exception, line: int | None) -> Failure:
        failure = as_failure(problem)
        where = f"line {line} of {self._source.name}"
        return Failure(f"{where}: {failure.message}", hint=failure.hint, code=ExitCode.DATA)


@contextmanager
def _handling_ctrl_c(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let ``handler`` have Ctrl-C, where it would raise KeyboardInterrupt anywhere."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
