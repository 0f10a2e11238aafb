"""Making changes: documents, the entries of their indexes, and what says that they are there.

All of it happens in one commit, on the items of a table: under the writer's lock, or inside of a
transaction where more than single items must be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dynafile import Transaction
from dynafile.documents.checking import Checked
from dynafile.documents.filters import MISSING, match_of, value_at
from dynafile.documents.layout import (
    BELOW,
    COLLECTIONS,
    DATA,
    FIELDS,
    INDEXES,
    NAMES,
    PK,
    SK,
    TIME,
    Item,
    document_key,
    entries_of,
    registry_keys,
)
from dynafile.documents.paths import (
    MAX_COLLECTION_BYTES,
    FieldPath,
    Path,
    check_path,
    is_document,
    parse_field,
    path_text,
)
from dynafile.documents.resolving import Field, contents, field_in
from dynafile.documents.updating import update_fields
from dynafile.documents.values import check_document, encode
from dynafile.errors import (
    DocumentNotFound,
    InvalidDocument,
    InvalidDocumentArgument,
    LimitExceeded,
    PreconditionFailed,
)
from dynafile.locked import Items

__all__ = ["Changes", "NeedsRange"]

_NO_NAMES: Final[frozenset[str]] = frozenset()


class NeedsRange(Exception):
    """The changes look at more than single items, so that a transaction must make them."""


class Changes:
    """Changes of one commit, made one after the other."""

    def __init__(self, items: Items, now: int, most: int | None = None) -> None:
        """Use items under the lock, or a transaction; ``now`` is in nanoseconds.

        With ``most`` no more documents are touched, and no more of a collection are read.
        """
        self._most = most
        self._limit = None if most is None else most + 1
        self._items = items
        self._get = items.get_item
        self.wrote = False
        """Whether anything was written."""
        self.touched: dict[Path, tuple[bytes | None, bytes | None]] = {}
        """Each document that was written or deleted: what it was before all, and is after."""
        self._now = now
        self._indexes: dict[str, list[FieldPath]] = {}

    def make(self, checked: Checked) -> Any:
        """Make a change and return what its method returns."""
        change = checked.change
        path = change.path
        if len(path) > 2:
            field = field_in(self._get, path)
            if field is not None:
                return self._make_in(field, checked)
        if change.kind == "set":
            return self._set(checked)
        if change.kind == "add":
            return self._put((*path, change.key or checked.new_id), checked)
        if change.kind == "update":
            return self._update(self._updated(path, change.key), checked)
        return self._delete(checked)

    # -- kinds of changes -----------------------------------------------------------------------

    def _set(self, checked: Checked) -> str:
        change = checked.change
        if not checked.data:  # it may have been a field
            check_document(checked.value, checked.text)
        if is_document(change.path):
            return self._put(change.path, checked)
        key = change.key or checked.new_id
        path = (*change.path, key)
        self._check(path, self._get(key=document_key(path)), checked)
        self._remove_below(path_text(change.path))
        for other in list(self._documents(change.path, self._limit)):
            if other != key:
                self._remove((*change.path, other))
        return self._put(path, checked)

    def _put(self, path: Path, checked: Checked) -> str:
        old = self._get(key=document_key(path))
        self._check(path, old, checked)
        self._write(path, old, None, checked.value, checked.data)
        return path[-1]

    def _updated(self, path: Path, key: str | None) -> Path:
        """Return the path of the document that is to be updated."""
        if is_document(path):
            return path
        if key is not None:
            return (*path, key)
        found = list(self._documents(path, 2))
        if not found:
            raise DocumentNotFound(
                f"there is no document in {path_text(path)} to update: add one",
                path=path_text(path),
                resource=path_text(path),
            )
        if len(found) > 1:
            raise InvalidDocumentArgument(
                f"update of the collection {path_text(path)} changes its only document, and it has "
                "more: name the one with key=, or by append(id)"
            )
        return (*path, found[0])

    def _update(self, path: Path, checked: Checked) -> str:
        old = self._get(key=document_key(path))
        self._check(path, old, checked)
        if old is None:
            at = path_text(path)
            raise DocumentNotFound(
                f"there is no document {at} to update: write it with set", path=at, resource=at
            )
        before = contents(old) if self._fields(path) else None
        value = contents(old)
        update_fields(value, checked.fields, path_text(path))
        self._write(path, old, before, value, encode(value, path_text(path)))
        return path[-1]

    def _delete(self, checked: Checked) -> Any:
        change = checked.change
        path = change.path
        if is_document(path) or change.key is not None:
            path = path if change.key is None else (*path, change.key)
            self._check(path, self._get(key=document_key(path)), checked)
            return self._remove(path)
        matches = match_of(checked.fields)
        found = {}
        for number, (id_, value) in enumerate(list(self._contents(path))):
            if number == self._most:
                raise self._too_many()
            if matches(value):
                found[id_] = value
                self._remove((*path, id_))
        if not checked.fields:
            self._remove_below(path_text(path))
            self._unregister(path_text(path))
            return found
        return found if len(found) > 1 else next(iter(found.values()), None)

    def _check(self, path: Path, item: Item | None, checked: Checked) -> None:
        """Raise PreconditionFailed where a document is not as the change supposes."""
        exists, last_update = checked.change.exists, checked.change.last_update
        if exists is None and last_update is None:
            return
        at = path_text(path)
        if exists is True and item is None:
            message = f"the document {at} is not there, and exists=True wants it to be"
        elif exists is False and item is not None:
            message = f"the document {at} is there, and exists=False wants it not to be"
        elif last_update is not None and item is None:
            message = f"the document {at} was deleted since the last_update= that is given"
        elif last_update is not None and item is not None and str(item[TIME]) != last_update:
            message = f"the document {at} was written since the last_update= that is given"
        else:
            return
        raise PreconditionFailed(f"{message}: read it again, and decide anew", path=at)

    # -- fields ---------------------------------------------------------------------------------

    def _make_in(self, field: Field, checked: Checked) -> Any:
        """Change a field by its own path."""
        change, path = checked.change, field.document
        at = path_text(change.path)
        if change.kind == "add" or change.key is not None:
            raise InvalidDocumentArgument(
                f"{at} is a field of the document {path_text(path)}, no collection: set or update "
                "it without key="
            )
        old = self._get(key=document_key(path))
        assert old is not None  # it has the field
        self._check(path, old, checked)
        value = contents(old)
        found = value_at(value, field.field)
        if change.kind == "delete":
            if checked.fields:
                raise InvalidDocumentArgument(
                    f"delete(value) is for a collection, and {at} is a field: call delete()"
                )
            if found is MISSING:
                return None
            _holder(value, field.field).pop(field.field[-1])
        elif change.kind == "set":
            update_fields(value, [(field.field, checked.value)], path_text(path))
        elif type(found) is not dict:
            raise InvalidDocument(
                f"update of {at} needs an object there, to merge with: set it as a whole", path=at
            )
        else:
            inner = [(field.field + name, each) for name, each in checked.fields]
            update_fields(value, inner, path_text(path))
        check_document(value, path_text(path))  # what was set may be too deep where it is now
        before = contents(old) if self._fields(path) else None
        self._write(path, old, before, value, encode(value, path_text(path)))
        return found if change.kind == "delete" else path[-1]

    # -- documents ------------------------------------------------------------------------------

    def _write(
        self,
        path: Path,
        old: Item | None,
        before: dict[str, Any] | None,
        value: dict[str, Any],
        data: bytes,
    ) -> None:
        """Write a document; ``before`` is what is in the old item, if that is known."""
        names = self._below(path)
        if names and not names.isdisjoint(value):
            name = next(iter(names & value.keys()))
            at = path_text((*path, name))
            raise InvalidDocument(
                f"the document {path_text(path)} cannot have a field {name!r}: {at} is a "
                "collection. Delete that first, or choose another name",
                path=name,
            )
        item = document_key(path)
        item[DATA] = data
        item[TIME] = self._now
        if old is None:
            self._register(path)
        elif old[TIME] >= self._now:
            item[TIME] = old[TIME] + 1
        self._put_item(item)
        self._touch(path, old, data)
        fields = self._fields(path)
        if fields:
            if before is None and old is not None:
                before = contents(old)
            self._reindex(path, before, value, fields)

    def _remove(self, path: Path) -> dict[str, Any] | None:
        """Delete a document with all that is beneath it, and return it."""
        if self._below(path):
            self._remove_below(path_text(path))
        key = document_key(path)
        old = self._get(key=key)
        if old is None:
            return None
        value = contents(old)
        self._delete_item(key)
        self._touch(path, old, None)
        fields = self._fields(path)
        if fields:
            self._reindex(path, value, None, fields)
        return value

    def _touch(self, path: Path, old: Item | None, data: bytes | None) -> None:
        known = self.touched.get(path)
        before = None if old is None else old[DATA]
        self.touched[path] = (before if known is None else known[0], data)
        if self._most is not None and len(self.touched) > self._most:
            raise self._too_many()

    def _too_many(self) -> LimitExceeded:
        return LimitExceeded(
            f"the changes are of more than {self._most} documents: make them in several steps"
        )

    def _remove_below(self, above: str) -> None:
        """Delete the documents of all collections beneath a path, and what says of them."""
        transaction = self._transaction()
        prefix = f"{above}/"
        if len(prefix.encode()) > MAX_COLLECTION_BYTES:
            return  # the paths of what would be beneath it are too long
        found = [item[SK] for item in transaction.query(COLLECTIONS, starts_with=prefix)]
        for collection in found:
            path = tuple(collection.split("/"))
            fields = self._fields((*path, ""))
            for item in list(transaction.query(collection, limit=self._limit)):
                self._delete_item({PK: collection, SK: item[SK]})
                self._touch((*path, item[SK]), item, None)
                if fields:
                    self._reindex((*path, item[SK]), contents(item), None, fields)
            self._unregister(collection)

    def _documents(self, collection: Path, limit: int | None = None) -> Iterator[str]:
        for item in self._transaction().query(path_text(collection), limit=limit):
            yield item[SK]

    def _contents(self, collection: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        for item in self._transaction().query(path_text(collection), limit=self._limit):
            yield item[SK], contents(item)

    def _transaction(self) -> Transaction:
        if not isinstance(self._items, Transaction):
            raise NeedsRange
        return self._items

    def _put_item(self, item: Item) -> None:
        self.wrote = True
        self._items.put_item(item=item)

    def _delete_item(self, key: Item) -> None:
        self.wrote = True
        self._items.delete_item(key=key)

    # -- what says that they are there ----------------------------------------------------------

    def _below(self, path: Path) -> frozenset[str]:
        """Return the names of the collections in a document."""
        text = path_text(path)
        if len(text) * 3 > MAX_COLLECTION_BYTES and len(text.encode()) > MAX_COLLECTION_BYTES:
            return _NO_NAMES  # a collection in it would have too long a path
        item = self._get(key={PK: BELOW, SK: text})
        return _NO_NAMES if item is None else frozenset(item[NAMES])

    def _register(self, path: Path) -> None:
        """Note that there is a collection, where this is its first document."""
        collection = path_text(path[:-1])
        if self._get(key={PK: COLLECTIONS, SK: collection}) is not None:
            return
        check_path(path)
        for key in registry_keys(collection):
            self._put_item(key)
        if len(path) > 2:
            names = self._below(path[:-2]) | {path[-2]}
            above = {PK: BELOW, SK: path_text(path[:-2])}
            self._put_item({**above, NAMES: sorted(names)})

    def _unregister(self, collection: str) -> None:
        for key in registry_keys(collection):
            self._delete_item(key)
        above, _, name = collection.rpartition("/")
        if above:
            key = {PK: BELOW, SK: above}
            item = self._get(key=key)
            names = [] if item is None else [each for each in item[NAMES] if each != name]
            if names:
                self._put_item({**key, NAMES: names})
            else:
                self._delete_item(key)

    def _fields(self, path: Path) -> list[FieldPath]:
        """Return the fields by which a collection has indexes."""
        name = path[-2]
        fields = self._indexes.get(name)
        if fields is None:
            item = self._get(key={PK: INDEXES, SK: name})
            fields = [] if item is None else list(map(parse_field, item[FIELDS]))
            self._indexes[name] = fields
        return fields

    def _reindex(
        self,
        path: Path,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
        fields: list[FieldPath],
    ) -> None:
        collection, id_ = path_text(path[:-1]), path[-1]
        old = {(entry[PK], entry[SK]) for entry in entries_of(collection, id_, before, fields)}
        for entry in entries_of(collection, id_, after, fields):
            if (entry[PK], entry[SK]) in old:
                old.discard((entry[PK], entry[SK]))
            else:
                self._put_item(entry)
        for pk, sk in old:
            self._delete_item({PK: pk, SK: sk})


def _holder(value: dict[str, Any], field: FieldPath) -> dict[str, Any]:
    for name in field[:-1]:
        value = value[name]
    return value
