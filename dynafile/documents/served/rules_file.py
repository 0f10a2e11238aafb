"""The rules file of a server: read at its start, and again whenever it has changed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from dynafile.documents.rules import Rules
from dynafile.documents.rules.files import Stamp, load_rules, stamp_of
from dynafile.documents.served.configuration_files import file_in
from dynafile.errors import InvalidRules, InvalidServerConfiguration

__all__ = ["RulesFile"]

_log: Final = logging.getLogger("dynafile")

_EVERY: Final = 1.0
"""Seconds between two looks at the files."""

_SETTLES: Final = 0.1
"""Seconds in which a file that has changed must not change again, as it may be half written."""


class RulesFile:
    """A rules file with the schemas that it names, looked at at most once a second.

    What is there when it changes is taken over whole, or, where it is broken or gone, not at all:
    the rules stay what they were, and the log says why, once for each version. So once there are
    rules, there are rules until the process ends.

    Whoever has a request to answer calls :meth:`look`; while somebody has called :meth:`listen`, a
    thread does as well.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        required: bool = True,
        every: float = _EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read it. Raises InvalidRules, and InvalidServerConfiguration where it cannot be read.

        :param required: whether it is an error that there is none; otherwise it may come later.
        """
        # Not that of a link's target, as the link may lead elsewhere later.
        self.path = file_in(os.path.realpath("."), os.fspath(path))
        self.generation = 0
        """Grows whenever other rules are taken over; 0: there have been none."""
        self._every = every
        self._settles = min(every, _SETTLES)
        self._clock = clock
        self._rules: Rules | None = None
        self._stamps: dict[str, Stamp | None] = {}
        self._changed: dict[str, Stamp | None] = {}
        self._blamed: dict[str, Stamp | None] | None = None
        self._again = False
        self._mutex = threading.Lock()
        """Held by who looks, which can take as long as reading a large file does."""
        self._listening = threading.Lock()
        self._calls: dict[object, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        try:
            self._load()
        except FileNotFoundError as error:
            if required:
                raise self._unreadable(error) from error
        except OSError as error:
            raise self._unreadable(error) from error
        self._next = clock() + every

    def _unreadable(self, error: OSError) -> InvalidServerConfiguration:
        return InvalidServerConfiguration(
            f"the rules in {self.path} cannot be read: {error.strerror}. Without them nobody knows "
            "who may do what: put the file there, or name another",
            path=self.path,
        )

    @property
    def rules(self) -> Rules | None:
        """The rules that hold; None where there has been no file yet."""
        return self._rules

    # -- looking --------------------------------------------------------------------------------

    def look(self) -> None:
        """Take over what has changed, unless somebody has looked in the last second, or does."""
        if self._clock() < self._next or not self._mutex.acquire(blocking=False):
            return
        try:
            self._next = self._clock() + self._every
            before = self.generation
            if self._is_due():
                self._take_over()
            changed = self.generation > before
        finally:
            self._mutex.release()
        if changed:
            with self._listening:
                calls = list(self._calls.values())
            for call in calls:
                call()

    def _is_due(self) -> bool:
        """Say whether the files are to be read: they have changed, and not again since."""
        stamps = {path: stamp_of(path) for path in self._stamps}
        if stamps == self._stamps:
            return self._again
        if stamps == self._changed:
            return True
        self._changed = stamps
        self._next = self._clock() + self._settles
        return False

    def _load(self) -> bool:
        """Read the files; return whether the rules are others. Raises InvalidRules, OSError."""
        stamps: dict[str, Stamp | None] = {}

        def reading(path: str) -> None:
            # Taken before it is read: what is written meanwhile is seen as a change.
            stamps.setdefault(path, stamp_of(path))

        old, self._stamps = self._stamps, stamps
        try:
            rules = load_rules(self.path, reading=reading)
        finally:
            # A version of the same length within a tick of the file system's clock has the same
            # stamp, so what is new is read once more at the next look.
            self._again = stamps != old
        if self._rules is not None and rules.texts == self._rules.texts:
            return False
        self._rules = rules
        self.generation += 1
        return True

    def _take_over(self) -> None:
        self._changed = {}
        try:
            if self._load():
                _log.info("the rules in %s hold from now on", self.path)
            self._blamed = None
        except FileNotFoundError:
            if self._rules is not None:
                self._blame("it is gone")
        except OSError as error:
            self._blame(error.strerror or type(error).__name__)
        except InvalidRules as error:
            self._blame(error.explanation)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rules stay
            self._blame(f"{type(error).__name__}: {error}")

    def _blame(self, why: str) -> None:
        if self._blamed == self._stamps:
            return
        self._blamed = self._stamps
        stay = "there are none yet" if self._rules is None else "those that were stay"
        _log.error("the rules in %s are not taken over, and %s: %s", self.path, stay, why)

    # -- who listens ----------------------------------------------------------------------------

    def listen(self, call: Callable[[], None]) -> Callable[[], None]:
        """Have ``call`` called, from any thread, when other rules hold; return what ends that."""
        token = object()
        with self._listening:
            self._calls[token] = call
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(
                    target=self._follow, name="dynafile rules", daemon=True
                )
                self._thread.start()

        def forget() -> None:
            with self._listening:
                self._calls.pop(token, None)

        return forget

    def _follow(self) -> None:
        while not self._ended.wait(self._settles if self._changed else self._every):
            with self._listening:
                if not self._calls:
                    self._thread = None
                    return
            self.look()

    def close(self) -> None:
        """End the thread; as often as one likes."""
        self._ended.set()
        with self._listening:
            self._calls.clear()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
