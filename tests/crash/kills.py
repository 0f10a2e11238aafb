"""Real kills: a writer and two readers in processes of their own, and SIGKILL at random moments."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self
from unittest import mock

from crash import victims
from crash.victims import Model, apply

from dynafile import Database, store_options

READERS = 2
LONGEST_SECONDS = 0.25
"""A writer is killed within so much time after it has begun to write."""
_WAIT_SECONDS = 60


class Victim:
    """A process, and what it printed; a thread reads it, so that it never waits for us."""

    def __init__(self, *arguments: str) -> None:
        self.lines: list[str] = []
        self.ready = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, victims.__file__, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == "ready\n":
                self.ready.set()
            elif line.endswith("\n"):  # a line that was cut was not printed
                self.lines.append(line.strip())

    def wait(self) -> Self:
        """Wait until it works."""
        if not self.ready.wait(_WAIT_SECONDS):
            raise AssertionError(f"a process did not begin: {self.kill()}")
        return self

    def kill(self) -> str:
        """Kill it, and return its errors; raises AssertionError where it had ended by itself."""
        process = self._process
        ended = process.poll()
        process.send_signal(signal.SIGKILL)
        process.wait(_WAIT_SECONDS)
        self._thread.join(_WAIT_SECONDS)
        assert process.stdout is not None
        assert process.stderr is not None
        errors = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
        assert ended is None, f"a process ended by itself: {errors}"
        return errors

    def numbers(self) -> list[int]:
        """What it printed; raises AssertionError for anything that is no number."""
        strange = [line for line in self.lines if not line.isdecimal()]
        assert not strange, strange[0]
        return [int(line) for line in self.lines]


class Rounds:
    """A database whose writer is killed again and again."""

    def __init__(self, path: str, rng: random.Random) -> None:
        self.path = path
        self.rng = rng
        self.counts: Counter[str] = Counter()
        self.model: Model = {"main": {}, "side": {}}
        self.last = -1
        """The last operation that was found in the database."""
        self._stream: str | None = None
        with mock.patch.object(store_options, "Options"):
            victims.small()
            victims.create(path).close()
        self.readers = [Victim("read", path) for _ in range(READERS)]

    def round(self) -> None:
        """Let a writer work, kill it, and look at what is there."""
        for reader in self.readers:
            reader.wait()
        writer = Victim("write", self.path, str(self.last + 1)).wait()
        time.sleep(self.rng.uniform(0, LONGEST_SECONDS))
        writer.kill()
        acknowledged = max(writer.numbers(), default=self.last)
        self.counts["rounds"] += 1
        self.counts["acknowledged"] += acknowledged - self.last
        with mock.patch.object(store_options, "Options"):
            victims.small()
            with Database(self.path) as db:
                db.check()
                self._compare(db, acknowledged)
        seen = max((max(reader.numbers(), default=-1) for reader in self.readers), default=-1)
        assert seen <= self.last, f"a reader saw {seen}, and the last that is there is {self.last}"
        place = self.rng.randrange(2 * READERS)
        if place < READERS:
            self.counts["sightings"] += len(self.readers[place].lines)
            self.readers[place].kill()
            self.readers[place] = Victim("read", self.path)
            self.counts["readers killed"] += 1

    def _compare(self, db: Database, acknowledged: int) -> None:
        """Hold what is there against all that was acknowledged, and at most one more."""
        for number in range(self.last + 1, acknowledged + 1):
            apply(self.model, number)
        found = {name: items_in(db, name) for name in self.model}
        first, self.last = self.last + 1, acknowledged
        if found != self.model:
            apply(self.model, acknowledged + 1)
            self.last += 1
            self.counts["adopted"] += 1
        assert found == self.model, f"not what operation {acknowledged} left, nor the next"
        assert len(list(db.table("main").query("b", index="by-g"))) in (0, victims.BATCH)
        self._follow(db, first)

    def _follow(self, db: Database, first: int) -> None:
        """The stream has the records of these operations, in their order, and none besides."""
        with db.table("main").stream(after=self._stream, follow=False) as stream:
            records = list(stream)
        wanted = [
            item["n"]
            for number in range(first, self.last + 1)
            for item in victims.items_of(number)["main"]
        ]
        assert [record.new_image["n"] for record in records if record.new_image] == wanted
        if records:
            self._stream = records[-1].sequence_number

    def close(self) -> None:
        """Kill the readers that are left."""
        for reader in self.readers:
            self.counts["sightings"] += len(reader.lines)
            reader.kill()
            reader.numbers()


def items_in(db: Database, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(item["PK"], item["SK"]): item for item in db.table(name).scan()}


def run(rounds: int, seed: int) -> dict[str, float]:
    """Kill a writer so often; return figures. Raises AssertionError where something was lost."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        kills = Rounds(str(Path(folder) / "db"), random.Random(seed))
        try:
            for _ in range(rounds):
                kills.round()
        finally:
            kills.close()
    return {**kills.counts, "seconds": round(time.monotonic() - start, 1)}
