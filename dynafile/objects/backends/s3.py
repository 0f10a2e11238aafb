"""``s3://bucket``: an object of S3 for each object, at its path, as KYDB has it.

A folder is there while something is in it; an empty one has a marker (``s3_paths``), and KYDB's
markers are understood. With ``compat="kydb"`` KYDB's are written, for each folder. What a bucket
cannot do at once is done in an order that a crash cannot hurt: a marker is written before the last
object of a folder is deleted, and removed last. A crash leaves at most a folder that is empty, or a
tree of which a part is removed: remove it again.

Between processes the last writer wins, and ``if_match`` is S3's own condition. What stands in the
way of a write is seen unless it is written in the same moment (``s3_ground``). Two processes that
delete the last two objects of a folder in the same moment may take the folder with them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from dynafile.errors import (
    FolderNotEmpty,
    IndexNotSupported,
    InvalidObjectKey,
    InvalidObjectURL,
    VersionMismatch,
)
from dynafile.objects.backend import (
    ANY_VERSION,
    MTIME,
    UNCHANGED,
    AnyVersion,
    Backend,
    Entry,
    Features,
    Kind,
    Name,
    Order,
    Progress,
    Stored,
    Unchanged,
    WriteOptions,
    check_version,
    is_an_object,
    no_folder,
    no_object,
)
from dynafile.objects.backends.s3_bucket import AT_ONCE, MAX_BYTES, Bucket, Page, Precondition
from dynafile.objects.backends.s3_ground import Ground, Known, Seen
from dynafile.objects.backends.s3_listing import names_in
from dynafile.objects.backends.s3_paths import KYDB_MARK, key_of, kydb_marker, prefix_of
from dynafile.objects.paths import MARKER, MAX_PATH_BYTES, ROOT, ancestors, split

if TYPE_CHECKING:
    from dynafile.objects.configuration import Settings
    from dynafile.objects.urls import Single

__all__ = ["S3Backend", "identity", "open_backend"]

_NAME: Final = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")
_LOOK: Final = 10

_known: Final[WeakValueDictionary[tuple[int | str | None, ...], Known]] = WeakValueDictionary()
"""By process and bucket; ``connect`` has its lock while it opens one."""


def identity(place: Single, settings: Settings) -> tuple[str | bool | None, ...]:
    """Return what is the same for all URLs of one store."""
    return place.name, *_where(place, settings), settings.compat


def open_backend(place: Single, settings: Settings) -> S3Backend:
    """Make a client; the bucket is asked for nothing yet. Raises MissingExtra."""
    if _NAME.fullmatch(place.name) is None:
        message = f"{place.url!r}: {place.name!r} cannot be the name of a bucket"
        raise InvalidObjectURL(message, url=place.url)
    where = _where(place, settings)
    key = (os.getpid(), place.name, *where)  # a child knows nothing, and has locks of its own
    known = _known.get(key)
    if known is None:
        known = _known[key] = Known()
    return S3Backend(Bucket.open(place.name, *where), known, compat=settings.compat)


def _where(place: Single, settings: Settings) -> tuple[str | None, str | None]:
    configured = settings.configuration
    region = place.option("region") or configured.region
    return region, place.option("endpoint_url") or configured.endpoint_url


class S3Backend(Backend):
    """Objects in a bucket; requests that do not depend on each other are made at once."""

    forks = False

    def __init__(self, bucket: Bucket, known: Known, *, compat: bool = False) -> None:
        """Use a bucket; with ``compat`` KYDB's markers are written."""
        self.features = Features(conditions=True, remote=True, max_bytes=MAX_BYTES)
        self.bucket: Final = bucket
        self._compat = compat
        self._known = known
        self._ground = Ground(bucket, known)

    def read(self, path: str, known: str | None = None) -> Stored | Unchanged | None:
        """Return an object, None if there is none; UNCHANGED if it is of the version ``known``."""
        try:
            found = self.bucket.get(key_of(path), known)
        except Precondition:
            return UNCHANGED
        return None if found is None else Stored(*found)

    def read_many(self, paths: Sequence[str]) -> dict[str, Stored]:
        """Return those objects that are there, by path, some read at once."""
        reads = [partial(self.bucket.get, key_of(path), None) for path in paths]
        found = self.bucket.together(reads)
        return {
            path: Stored(*each) for path, each in zip(paths, found, strict=True) if each is not None
        }

    def kind(self, path: str) -> Kind | None:
        """Return what a path is; None if nothing is there. One request for what is there."""
        if path == ROOT:
            return Kind.FOLDER
        seen = Seen()
        key = key_of(path)
        seen.add(self.bucket.page(key, _LOOK), key)
        if seen.is_object(path):
            return Kind.OBJECT
        if seen.holds(path) is None:
            prefix = prefix_of(path)
            seen.add(self.bucket.page(prefix, 1), prefix)
        if seen.holds(path) or self.bucket.find(kydb_marker(path)):
            return Kind.FOLDER
        return None

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, with the folders that it is in, and return its version."""
        with self._known.claims.of([path]):
            seen = self._ground.check([path])
            self._mark(seen)
            return self._put(path, data, options)

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        """Write several objects, some at once; none if one of the paths is taken."""
        with self._known.claims.of(objects):
            seen = self._ground.check(list(objects))
            self._mark(seen)
            puts = [partial(self._put, path, data, options) for path, data in objects.items()]
            return dict(zip(objects, self.bucket.together(puts), strict=True))

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; raises ObjectNotFound if there is none. Its folder stays."""
        key, folder = key_of(path), split(path)[0]
        locks = self._known.deleting
        with locks[hash(folder) % len(locks)]:
            if folder == ROOT:
                item, alone = self.bucket.find(key), False
            else:
                looks = [partial(self.bucket.page, key, 1), partial(self._page, folder, 2)]
                own, beside = self.bucket.together(looks)
                item = next((each for each in own.items if each.key == key), None)
                alone = all(each.key == key for each in beside.items)
            if item is None:
                raise no_object(path)
            if if_match is not ANY_VERSION:
                check_version(path, item.etag, if_match)
            if alone:
                self._put_marker(folder)
            try:
                found = self.bucket.delete(
                    key, **({} if if_match is ANY_VERSION else {"IfMatch": item.etag})
                )
            except Precondition:
                now = self.bucket.find(key)
                raise _changed(path, None if now is None else now.etag, if_match) from None
            if not found:
                raise no_object(path)

    def make_folder(self, path: str) -> None:
        """Make a folder and those that it is in; raises PathTaken where an object is in the way."""
        with self._known.claims.of([], [path]):
            seen = self._ground.check([path], folders=True)
            self._mark(seen)
            marked = (
                seen[path].has(kydb_marker(path)) if self._compat else seen[path].is_folder(path)
            )
            if not marked:
                self._put_marker(path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty."""
        prefix, theirs = prefix_of(path), kydb_marker(path)
        found = self._page(path, 2).items
        if any(item.key != prefix for item in found):
            raise FolderNotEmpty(f"Directory {path} is not empty", key=path)
        if not found and self.bucket.find(theirs) is None:
            raise no_folder(path)
        self._keep_parent(path)
        self._known.forget(path)
        self.bucket.delete_many([prefix, theirs])

    def remove_tree(self, path: str, progress: Progress) -> None:
        """Remove a folder and all below it, a thousand objects with two requests."""
        prefix, first = prefix_of(path), self._page(path, AT_ONCE)
        if path != ROOT:
            if not first.items and self.bucket.find(kydb_marker(path)) is None:
                raise no_folder(path)
            self._keep_parent(path)
        self._known.forget(path)
        page = first
        while page.items:
            keys = [item.key for item in page.items]
            self.bucket.delete_many(keys)
            count = sum(1 for key in keys if key[-1] != "/" and f"/{MARKER}" not in f"/{key}")
            if count:
                progress(count)
            after = keys[-1] if page.more is not None else None
            page = self.bucket.page(prefix, AT_ONCE, after=after)  # others may write meanwhile
        if path != ROOT:
            self.bucket.delete(kydb_marker(path))
        self._known.forget(path)

    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder, in order, as the pages are read."""
        empty = True
        for name in names_in(self.bucket, path, page_size):
            empty = False
            yield name
        if empty and path != ROOT and self.bucket.find(key_of(path)) is not None:
            raise is_an_object(path)

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder by time, in seconds; all pages of it are read."""
        if order.index != MTIME:
            raise IndexNotSupported(
                f"S3 has no index {order.index!r}: s3:// supports by('mtime') only"
            )
        prefix = prefix_of(path)
        found = []
        for page in self.bucket.pages(prefix, delimiter="/"):
            for item in page.items:
                name = item.key[len(prefix) :]
                if name and not name.startswith(MARKER):
                    found.append(Entry(name, item.time, item.time, item.time))
        return order.arranged(found)

    def close(self) -> None:
        """Let go of the connections."""
        self.bucket.close()

    def _put(self, path: str, data: bytes, options: WriteOptions) -> str:
        key, wanted = key_of(path), options.if_match
        if wanted is ANY_VERSION:
            return self.bucket.put(key, data)
        condition = {"IfNoneMatch": "*"} if wanted is None else {"IfMatch": str(wanted)}
        try:
            return self.bucket.put(key, data, **condition)
        except Precondition as refused:
            found = self.bucket.get(key, None)
            if refused.retried and found is not None and found[0] == data:
                return found[1]  # the first try had won, and its answer was lost
            raise _changed(path, None if found is None else found[1], wanted) from None

    def _mark(self, seen: Mapping[str, Seen]) -> None:
        """Write those of KYDB's markers that are not there, of the folders that paths are in."""
        if not self._compat:
            return
        missing: dict[str, None] = {}
        for path, each in seen.items():
            for folder in ancestors(path):
                if not (self._known.marked.get(folder) or each.has(kydb_marker(folder))):
                    missing[folder] = None
        self.bucket.together([partial(self._put_marker, folder) for folder in missing])

    def _put_marker(self, folder: str) -> None:
        if not self._compat:
            self.bucket.put(prefix_of(folder), b"")
            return
        key = kydb_marker(folder)
        if len(key.encode()) > MAX_PATH_BYTES:
            raise InvalidObjectKey(f"{folder} is too long for KYDB's marker of it", key=folder)
        self.bucket.put(key, KYDB_MARK)
        self._known.has_marker(folder)

    def _keep_parent(self, path: str) -> None:
        """Write the marker of the folder that a folder is in, if nothing else is in there."""
        parent = split(path)[0]
        if parent == ROOT:
            return
        page = self.bucket.page(prefix_of(parent), 3, delimiter="/")
        found = {*page.prefixes, *(item.key for item in page.items)}
        if not found - {prefix_of(path), kydb_marker(path)}:
            self._put_marker(parent)

    def _page(self, folder: str, most: int) -> Page:
        return self.bucket.page(prefix_of(folder), most)


def _changed(path: str, found: str | None, wanted: str | AnyVersion | None) -> VersionMismatch:
    try:
        check_version(path, found, wanted)
    except VersionMismatch as error:
        return error
    return VersionMismatch(f"{path} was written meanwhile: read it again", version=found)
