"""What stands in the way of a write to S3: objects where folders are to be, and the reverse.

A bucket has no transactions, so it is looked at before each write. One page of the keys that begin
with the first name of the path tells all of a store that is small there. In a larger one it takes
a page of the folder, and in a folder that is large itself the key that follows on the path: what is
known of a large folder, that it is one and which of KYDB's markers are in it, is remembered for a
minute. Threads of this process see what each other is about to write; two processes that write
``/a`` and ``/a/b`` in the same moment may both succeed.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import Final

from dynafile.objects.backend import is_a_folder, is_an_object
from dynafile.objects.backends.claims import Claims
from dynafile.objects.backends.s3_bucket import AT_ONCE, Bucket, Page
from dynafile.objects.backends.s3_paths import key_of, kydb_marker, prefix_of
from dynafile.objects.paths import MARKER, ROOT, ancestors, split

__all__ = ["Ground", "Known", "Seen"]

_LOOK: Final = 200
"""The keys of a page that is looked at before a write."""

_REMEMBERED: Final = 60.0
_MOST: Final = 10_000
_LAST: Final = "\U0010fffd"
"""What hardly anything comes after."""


class Seen:
    """What pages of keys have told: yes, no, or None for what they do not tell."""

    def __init__(self, before: Seen | None = None) -> None:
        """Begin with what was seen before, which stays as it is."""
        self._before = before
        self._keys: set[str] = set()
        self._ranges: list[tuple[str, str, str | None]] = []
        self._folders: set[str] = set()

    def add(self, page: Page, prefix: str, after: str = "") -> None:
        """Learn from a page of what begins with a prefix and comes after a key."""
        last = page.last if page.more is not None else None
        self._ranges.append((prefix, after, last))
        for item in page.items:
            self._keys.add(item.key)
            cut = item.key.rfind("/")
            while cut > 0 and item.key[: cut + 1] not in self._folders:
                self._folders.add(item.key[: cut + 1])
                cut = item.key.rfind("/", 0, cut)

    def assume(self, folder: str) -> None:
        """Take for granted that there is a folder."""
        self._folders.add(prefix_of(folder))

    def has(self, key: str) -> bool | None:
        """Tell whether there is a key."""
        if key in self._keys:
            return True
        for prefix, after, last in self._ranges:
            if key.startswith(prefix) and key > after and (last is None or key <= last):
                return False
        return None if self._before is None else self._before.has(key)

    def holds(self, folder: str) -> bool | None:
        """Tell whether anything is below a folder."""
        wanted = prefix_of(folder)
        if wanted in self._folders:
            return True
        for prefix, after, last in self._ranges:
            reached = last is None or (last > wanted and not last.startswith(wanted))
            if reached and wanted.startswith(prefix) and wanted > after:
                return False
        return None if self._before is None else self._before.holds(folder)

    def is_object(self, path: str) -> bool | None:
        """Tell whether a path is an object."""
        return self.has(key_of(path))

    def is_folder(self, path: str) -> bool | None:
        """Tell whether a path is a folder."""
        below, marked = self.holds(path), self.has(kydb_marker(path))
        if below or marked:
            return True
        return None if below is None or marked is None else False


class Memory:
    """Facts that hold for a minute: by path, as many as there is room for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._facts: OrderedDict[str, tuple[float, object]] = OrderedDict()

    def get(self, path: str) -> object | None:
        """Return what is remembered of a path, or None."""
        with self._lock:
            until, fact = self._facts.get(path, (0.0, None))
            return fact if until > self._clock() else None

    def put(self, path: str, fact: object = True) -> None:
        """Remember."""
        with self._lock:
            self._facts.pop(path, None)
            self._facts[path] = self._clock() + _REMEMBERED, fact
            if len(self._facts) > _MOST:
                self._facts.popitem(last=False)

    def forget(self, folder: str) -> None:
        """Forget a folder, and what is below it."""
        below = "/" if folder == ROOT else f"{folder}/"
        with self._lock:
            for path in [path for path in self._facts if path.startswith(below)]:
                del self._facts[path]
            self._facts.pop(folder, None)


class Known:
    """What the connections of this process to one bucket share."""

    def __init__(self) -> None:
        self.claims: Final = Claims()
        self.large: Final = Memory()
        """Folders, with a slash behind, and first names whose keys do not fit into one page."""
        self.markers: Final = Memory()
        """Pages of KYDB's markers, by large folder."""
        self.marked: Final = Memory()
        """Folders that have a marker of KYDB's."""
        self.deleting: Final = [Lock() for _ in range(64)]

    def forget(self, folder: str) -> None:
        """Forget a folder that is removed."""
        for memory in (self.large, self.markers, self.marked):
            memory.forget(folder)
        self.markers.forget(split(folder)[0])

    def has_marker(self, folder: str) -> None:
        """Learn of a marker of KYDB's that was written."""
        self.markers.forget(split(folder)[0])
        self.marked.put(folder)


class Ground:
    """Looks whether paths are free for objects, or for folders."""

    def __init__(self, bucket: Bucket, known: Known) -> None:
        self._bucket = bucket
        self._large = known.large
        self._markers = known.markers

    def check(self, paths: Sequence[str], *, folders: bool = False) -> dict[str, Seen]:
        """Raise PathTaken unless objects may be written at the paths, or folders made there.

        Returns what was seen for each. One request where the store has up to 200 keys that begin
        with the first names of the paths; up to four where it has more, and one again within a
        minute.
        """
        shared: dict[str, Seen] = {}
        found: dict[str, Seen] = {}
        left: list[str] = []
        for path in sorted(paths):
            found[path] = seen = shared.setdefault(split(path)[0], Seen())
            for look in (self._look_from_top, self._look_at_folder):
                if not _settled(seen, path, folders):
                    look(seen, path)
            if not _settled(seen, path, folders):
                found[path] = Seen(seen)
                left.append(path)
        first, rest = left[:1], left[1:]  # the first learns what the others need not ask for
        for some in (first, rest):
            looks = [partial(self._look_at_path, found[path], path, folders) for path in some]
            self._bucket.together(looks)
        for path, seen in found.items():
            _judge(seen, path, folders)
        return found

    def _look_from_top(self, seen: Seen, path: str) -> None:
        top = path[1:].partition("/")[0]
        if len(top) + 1 == len(path) or self._large.get(f"/{top}"):
            return
        if self._look_below(seen, f"/{top}"):
            self._large.put(f"/{top}")

    def _look_at_folder(self, seen: Seen, path: str) -> None:
        folder = split(path)[0]
        if self._large.get(f"{folder}/"):
            return
        prefix = prefix_of(folder)
        page = self._bucket.page(prefix, _LOOK)
        seen.add(page, prefix)
        if page.more is None:
            return
        self._large.put(f"{folder}/")
        marker = prefix + MARKER
        if page.last > marker + _LAST:
            markers = [item for item in page.items if item.key.startswith(marker)]
            self._markers.put(folder, Page(markers, [], None))

    def _look_at_path(self, seen: Seen, path: str, folders: bool) -> None:
        """Ask what a page of the folder has not told: the folder is large, or it is not there."""
        folder = split(path)[0]
        looks: list[Callable[[], None]] = []
        if folders:
            if seen.is_object(path) is None:
                looks.append(partial(self._look, seen, key_of(path)))
        else:
            if seen.holds(path) is None:
                looks.append(partial(self._look_behind, seen, path))
            if seen.has(kydb_marker(path)) is None:
                looks.append(partial(self._look_at_markers, seen, folder))
        if not self._large.get(f"{folder}/"):
            looks.append(partial(self._look_at_folders, seen, path))
        self._bucket.together(looks)
        if self._large.get(f"{folder}/"):
            seen.assume(folder)
        if not (folders or seen.is_object(path)):
            if seen.holds(path) is None:
                self._look(seen, prefix_of(path))
            if seen.has(kydb_marker(path)) is None:
                self._look(seen, kydb_marker(path))

    def _look_at_folders(self, seen: Seen, path: str) -> None:
        """Ask what is not known of the folders that a path is in, of which the last is empty."""
        while True:
            unknown = None
            for folder in ancestors(path):
                if self._large.get(f"{folder}/"):
                    seen.assume(folder)
                if seen.is_folder(folder):
                    break
                if seen.is_object(folder) is None:
                    unknown = folder
            if unknown is None:
                return
            self._look_below(seen, unknown)  # tells of all below, or that it is a large folder

    def _look_below(self, seen: Seen, folder: str) -> bool:
        """Look at the keys that begin with a name; tell whether there are more than fit."""
        page = self._bucket.page(key_of(folder), _LOOK)
        seen.add(page, key_of(folder))
        if page.more is not None and all(key.startswith(prefix_of(folder)) for key in page.keys):
            self._large.put(f"{folder}/")
        return page.more is not None

    def _look(self, seen: Seen, prefix: str) -> None:
        seen.add(self._bucket.page(prefix, 1), prefix)

    def _look_behind(self, seen: Seen, path: str) -> None:
        # The first key from `name/` on: whether that is below the path, and that the folder is.
        prefix, after = prefix_of(split(path)[0]), f"{key_of(path)}.{_LAST}"
        seen.add(self._bucket.page(prefix, 1, after=after), prefix, after)

    def _look_at_markers(self, seen: Seen, folder: str) -> None:
        prefix = f"{prefix_of(folder)}{MARKER}"
        page = self._markers.get(folder)
        if not isinstance(page, Page):
            page = self._bucket.page(prefix, AT_ONCE)
            self._markers.put(folder, page)
        seen.add(page, prefix)


def _settled(seen: Seen, path: str, folders: bool) -> bool:
    as_object, as_folder = seen.is_object(path), seen.is_folder(path)
    wanted, other = (as_object, as_folder) if folders else (as_folder, as_object)
    if wanted is None and not other:
        return False
    for folder in ancestors(path):
        if seen.is_folder(folder) or seen.is_object(folder):
            return True  # and those that it is in are folders
        if seen.is_object(folder) is None:
            return False
    return True


def _judge(seen: Seen, path: str, folders: bool) -> None:
    for folder in ancestors(path):
        if seen.is_object(folder):
            raise is_an_object(folder)
    if folders and seen.is_object(path):
        raise is_an_object(path)
    if not folders and seen.is_folder(path):
        raise is_a_folder(path)
