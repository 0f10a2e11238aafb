"""The interface of every store of objects: one backend, a union, or a cache.

What they share is here: keys, options, objects of declared classes, what is kept. The underscored
methods are what they differ in; those take and give paths, not keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from dynafile.errors import (
    IndexNotSupported,
    InvalidObjectArgument,
    InvalidObjectKey,
    InvalidObjectType,
    NotSupportedByStore,
    ObjectNotFound,
)
from dynafile.objects.access import Access
from dynafile.objects.backend import (
    ANY_VERSION,
    AnyVersion,
    Entry,
    Kind,
    Order,
    Progress,
)
from dynafile.objects.class_map import CLASS_MAP, checked_class_map
from dynafile.objects.kept import entered, left
from dynafile.objects.paths import ROOT, child, folder_path, key_path
from dynafile.objects.queries import GONE, FolderQuery, checked_limit
from dynafile.objects.stored_objects import make_object
from dynafile.objects.transactions import ATTEMPTS, ObjectTransaction, run_again
from dynafile.objects.writing import (
    PLAIN_WRITE,
    Condition,
    check_condition,
    path_to_write,
    write_options,
)

__all__ = ["ObjectStore"]

T = TypeVar("T")

_MOST_KEYS: Final = 10_000


def _unheard(_count: int) -> None:
    return None


class ObjectStore(Access):
    """Python objects by path, in folders.

    ``connect`` makes one. A key is a path such as ``/a/b``, whose leading slash is optional;
    folders are made with the first object in them. A value that is read is the caller's own copy;
    an object of a declared class (``DbObj``) is the same one each time, until somebody else has
    written it. Safe for threads; a store on a folder, a server or a bucket is safe for processes.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._paths: dict[str, str] = {}

    # Objects.

    def __getitem__(self, key: str) -> Any:
        """Return an object; raises ObjectNotFound, a KeyError."""
        return self.read(key)

    def read(self, key: str, reload: bool = False) -> Any:
        """Return an object; with ``reload`` an object of a class is made anew from the store.

        Raises ObjectNotFound, a KeyError; CorruptObject, InvalidSignature or UnsupportedObject for
        stored bytes that are no value, not signed, or of a type that needs ``allow_pickle``.
        """
        path = self._path(key)
        found = self._read(path, reload)
        if found is GONE:
            raise ObjectNotFound(f"there is no object {path} in {self.url}", key=path)
        return found

    def get(self, key: str, default: Any = None) -> Any:
        """Return an object, or ``default`` where there is none."""
        found = self._read(self._path(key), reload=False)
        return default if found is GONE else found

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return those of the objects that are there, by key as given; remote ones concurrently."""
        wanted = {key: self._path(key) for key in keys}
        self._check_open()
        found = self._fetch_many(list(dict.fromkeys(wanted.values())))
        values = {path: self._value_of(path, each) for path, each in found.items()}
        return {key: values[path] for key, path in wanted.items() if path in values}

    def __setitem__(self, key: str, value: Any) -> None:
        """Write an object, as ``set`` does."""
        self.set(key, value)

    def set(
        self,
        key: str,
        value: Any,
        system_obj: bool = False,
        index: Mapping[str, int | None] | None = None,
        *,
        if_match: Condition = ANY_VERSION,
        ttl: float | None = None,
    ) -> None:
        """Write an object, and make the folders that it is in.

        :param system_obj: allow names that begin with a dot.
        :param index: ints by name of an index, for ``folder(...).by(name)``; None takes a value
            away, and a name that is not mentioned keeps its value.
        :param if_match: write only if this is the ``version`` of the object; None: only if there is
            no object.
        :param ttl: seconds after which the object is gone.

        Raises UnsupportedObject for a type that needs ``allow_pickle``; InvalidObjectKey; PathTaken
        if the key is a folder or one of its folders is an object; VersionMismatch;
        IndexNotSupported; NotSupportedByStore; ObjectTooLarge. Then nothing was written.
        """
        path = self._path_to_write(key, system_obj)
        self._write(path, value, write_options(index, if_match, ttl))

    def set_many(self, values: Mapping[str, Any], *, ttl: float | None = None) -> None:
        """Write several objects; all are looked at before the first is written.

        All or none on a store with ``features.transactions``; remote ones are written concurrently.
        """
        if not isinstance(values, Mapping):
            raise InvalidObjectType(f"set_many takes a dict of values by key, not {values!r:.80}")
        paths = {self._path_to_write(key, False): value for key, value in values.items()}
        options = write_options(None, ANY_VERSION, ttl)
        states = {path: self._state_to_write(path, value) for path, value in paths.items()}
        self._check_open()
        versions = self._store_many(states, options) if states else {}
        for path, version in versions.items():
            self._wrote(path, paths[path], version)

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def delete(self, key: str, *, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; its folders stay. Raises ObjectNotFound, or VersionMismatch."""
        path = self._path(key)
        check_condition(if_match)
        self._check_open()
        try:
            self._remove(path, if_match)
        finally:
            self._kept.forget(path)

    def exists(self, key: str) -> bool:
        """Tell whether there is an object, without fetching it; a folder is none."""
        path = self._path(key)
        self._check_open()
        return self._kind(path) is Kind.OBJECT

    def __contains__(self, key: str) -> bool:
        try:
            return self.exists(key)
        except InvalidObjectKey:
            return False

    # Without it Python would ask for the keys 0, 1, 2 ...
    __iter__: None = None

    def version(self, key: str) -> str | None:
        """Return what ``if_match`` takes: the version of an object, None where there is none."""
        path = self._path(key)
        self._check_open()
        return self._version(path)

    # Transactions.

    def transaction(self) -> AbstractContextManager[ObjectTransaction]:
        """Begin a ``with`` block whose writes are made at its end, all or none.

        What it read must not have changed meanwhile, or TransactionConflict is raised: nothing is
        locked while the block runs. Raises NotSupportedByStore unless ``features.transactions``.
        """
        raise NotSupportedByStore(f"{self!r} has no transactions: set(if_match=) guards one object")

    def run_transaction(
        self, body: Callable[[ObjectTransaction], T], *, attempts: int = ATTEMPTS
    ) -> T:
        """Call a function with a transaction, again where it meets a conflict."""
        return run_again(self.transaction, body, attempts)

    # Folders.

    def mkdir(self, folder: str) -> None:
        """Make a folder, and those that it is in; nothing happens if it is there."""
        path = folder_path(folder)
        if path == ROOT:
            raise InvalidObjectKey("Cannot make folder: / is there always", key=folder)
        path_to_write(path, system_obj=False)
        self._check_open()
        self._make_folder(path)

    def is_dir(self, folder: str) -> bool:
        """Tell whether there is a folder; the root always is."""
        path = folder_path(folder)
        self._check_open()
        return path == ROOT or self._kind(path) is Kind.FOLDER

    def ls(self, folder: str = ROOT, include_dir: bool = True) -> list[str]:
        """Return the names in a folder, in order; folders have a slash behind.

        It is empty where there is no folder. Names that begin with a dot are the system's, and left
        out.
        """
        return list(self.list_dir(folder, include_dir))

    def list_dir(
        self, folder: str = ROOT, include_dir: bool = True, page_size: int = 200
    ) -> Iterator[str]:
        """Yield what ``ls`` returns, as it is read, in pages of ``page_size`` from a server."""
        path = folder_path(folder)
        if type(page_size) is not int or page_size < 1:
            raise InvalidObjectArgument(f"page_size is an int of at least 1, not {page_size!r:.80}")
        self._check_open()
        for name, is_folder in self._list(path, page_size):
            if name[0] != "." and (include_dir or not is_folder):
                yield f"{name}/" if is_folder else name

    def rmdir(self, folder: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty, which are KeyErrors."""
        path = folder_path(folder)
        if path == ROOT:
            raise ObjectNotFound(
                f"Directory does not exist: {folder!r} is the root, which stays", key=path
            )
        self._check_open()
        self._remove_folder(path)

    def rm_tree(self, folder: str, *, progress: Progress | None = None) -> None:
        """Remove a folder with all that is below it; of the root only what is below.

        It is not done at once: who reads meanwhile sees a part. ``progress`` is called with the
        number of objects removed since it was called last. Raises ObjectNotFound.
        """
        path = folder_path(folder)
        self._check_open()
        try:
            self._remove_tree(path, progress or _unheard)
        finally:
            self._kept.forget()

    # Folder queries.

    def folder(self, folder: str, allow_scan: bool = False) -> FolderQuery:
        """Return a query over the objects of a folder, by default by time, the oldest first.

        ``allow_scan``: where the store has no index, read the whole folder and sort it. Without it
        such a store raises IndexNotSupported.
        """
        path = folder_path(folder)
        self._check_ordered(allow_scan)
        return FolderQuery(
            lambda order: self._entries_now(path, order),
            lambda name: self._read(child(path, name), reload=False),
            Order(allow_scan=bool(allow_scan)),
        )

    def recent(
        self, folder: str, limit: int | None = None, allow_scan: bool = False
    ) -> FolderQuery:
        """Return the query of the objects written last, the latest first."""
        return self.folder(folder, allow_scan)._with(descending=True, limit=checked_limit(limit))

    def reindex(self, folder: str) -> int:
        """Give times to the objects of a folder that have none; return how many had none."""
        path = folder_path(folder)
        self._check_open()
        return self._reindex(path)

    # What is kept.

    def refresh(self, key: str | None = None) -> None:
        """Forget what is kept of an object, or of all."""
        self._kept.forget(None if key is None else self._path(key))
        self._refresh(key)

    def clear_cache(self) -> None:
        """Forget all that is kept."""
        self.refresh()

    @contextmanager
    def cache_context(self) -> Iterator[Self]:
        """Forget, at the end of the ``with`` block, what was read in it; gives this store.

        It counts in the thread or task that opened it.
        """
        token = entered([self._kept])
        try:
            yield self
        finally:
            left(token)

    # Objects of declared classes.

    def new(self, class_name: str, key: str, **attributes: Any) -> Any:
        """Make an object of a class of the class map; nothing is written before its ``write()``.

        Raises DbObjException for a class that is not in the map or not a DbObj, and
        InvalidObjectArgument for an attribute that the class does not have.
        """
        path = self._path_to_write(key, system_obj=False)
        return make_object(
            self._classes.load(class_name, self.url), self, class_name, path, attributes
        )

    def upload_objdb_config(self, config: Mapping[str, Mapping[str, str]]) -> None:
        """Replace the class map: a dict of ``{"module_path": ..., "class_name": ...}`` by name."""
        self._write(CLASS_MAP, checked_class_map(config), PLAIN_WRITE)

    # The end.

    def close(self) -> None:
        """Let go of the store; ``connect`` opens it anew."""
        self.closed = True
        self._kept.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    # How it is done.

    def _path(self, key: str) -> str:
        try:
            return self._paths[key]
        except (KeyError, TypeError):
            path = key_path(key)
        if len(self._paths) >= _MOST_KEYS:
            self._paths.clear()
        self._paths[key] = path
        return path

    def _path_to_write(self, key: str, system_obj: bool) -> str:
        return path_to_write(self._path(key), system_obj)

    def _check_ordered(self, allow_scan: bool) -> None:
        if not (self.features.ordered or allow_scan):
            raise IndexNotSupported(
                f"{self!r} has no index of its folders: pass allow_scan=True to read the whole "
                "folder and sort it"
            )

    def _entries_now(self, path: str, order: Order) -> Iterator[Entry]:
        self._check_open()
        return (entry for entry in self._entries(path, order) if entry.key[0] != ".")
