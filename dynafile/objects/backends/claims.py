"""What threads are about to write to a store that cannot itself refuse what contradicts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

from dynafile.objects.backend import is_a_folder, is_an_object
from dynafile.objects.paths import ancestors

__all__ = ["Claims"]


class Claims:
    """Paths that threads of this process are at work on, as objects and as folders."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._objects: Counter[str] = Counter()
        self._folders: Counter[str] = Counter()

    @contextmanager
    def of(self, objects: Iterable[str], folders: Iterable[str] = ()) -> Iterator[None]:
        """Claim paths; raises PathTaken if another thread is at work on the contrary."""
        files = list(objects)
        holders = [*folders]
        holders += [folder for path in (*files, *holders) for folder in ancestors(path)]
        with self._lock:
            for path in files:
                if self._folders[path] > 0:
                    raise is_a_folder(path)
            for path in holders:
                if self._objects[path] > 0:
                    raise is_an_object(path)
            self._objects.update(files)
            self._folders.update(holders)
        try:
            yield
        finally:
            with self._lock:
                self._objects.subtract(files)
                self._folders.subtract(holders)
                for counts in (self._objects, self._folders):
                    for path in [*files, *holders]:
                        if counts[path] <= 0:
                            del counts[path]
