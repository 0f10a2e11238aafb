"""The sealer: seals the chosen fields of documents before they are sent, and opens them after."""

from __future__ import annotations

import operator
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from dynafile.documents.sealing.envelope import Envelope, is_envelope, parsed
from dynafile.documents.sealing.holders import Holder, Recipients, holder
from dynafile.documents.sealing.keys import SealingKey
from dynafile.documents.sealing.nested import NotThere, replaced
from dynafile.documents.sealing.places import (
    Declared,
    Field,
    Path,
    Place,
    declared,
    field_path,
    matches,
    shown_field,
)
from dynafile.documents.sealing.queries import rewritten, uses
from dynafile.documents.sealing.values import canonical, decoded, encoded
from dynafile.documents.sources import Entropy
from dynafile.errors import InvalidSealing, NotSealed, SealingError, SealTampered

__all__ = ["Sealer"]


class Sealer:
    """Seals and opens the chosen fields of documents, in the client's process.

    Whoever keeps the documents sees the names of fields, the length of what is in them, and when it
    changes; for a searchable field also which values are equal. It can delete a sealed value or put
    back an older one of the same place, and nothing else without being noticed.

    A value is bound to the path of its document, so ids are made before sealing, by the client.

    :param fields: by a pattern of collections, such as ``users`` or ``users/*/posts``, the fields
        by their dotted paths
    :param keys: a key; several, the newest last, which seals; or Recipients
    """

    def __init__(
        self,
        fields: Mapping[str, Mapping[str, Field]],
        keys: SealingKey | Sequence[SealingKey] | Recipients,
        *,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._declared = declared(fields)
        self._holder: Holder = holder(keys)
        self._entropy = entropy
        searchable = next((each for each in self._declared if each.how.searchable), None)
        if searchable is not None and not self._holder.searching:
            raise InvalidSealing(
                f"{shown_field(searchable.field)} is searchable, which needs a key that all who "
                "search have: Recipients(..., search=SealingKey(...))"
            )

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{'/'.join(each.pattern)}: {shown_field(each.field)}" for each in self._declared
        )
        return f"Sealer({shown})"

    def seal(self, path: Path, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document with its chosen fields sealed; the one given stays as it is.

        ``path`` is that of the document, with its id. Raises InvalidSealing for what is no JSON, or
        where a chosen field cannot be, so that nothing is sent plain by mistake.
        """
        sealed = _checked_document(document)
        for each in self._of_document(path):
            _refuse_literal(sealed, each.field, path)
            try:
                sealed = replaced(sealed, each.field, self._sealing(each, path))
            except NotThere as found:
                raise _no_map(found.above, each, path) from None
        return sealed

    def seal_update(
        self, path: Path, changes: Mapping[str, Any], *, keep: Sequence[object] = ()
    ) -> dict[str, Any]:
        """Return the changes of an update, by dotted paths, with what is chosen in them sealed.

        ``keep`` are values that stay as they are, compared by identity, such as the mark that
        deletes a field. Raises InvalidSealing, also for a change within a sealed field.
        """
        chosen = self._of_document(path)
        return {
            name: value
            if any(value is each for each in keep)
            else self._sealed_change(chosen, path, field_path(name), value)
            for name, value in _checked_document(changes).items()
        }

    def open(self, path: Path, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document with its chosen fields opened; the one given stays as it is.

        Raises NotSealed, UnknownSealingKey, WrongSealingKey, SealedElsewhere, SealTampered or
        SealMalformed, with ``path`` and ``field``.
        """
        opened = _checked_document(document)
        for each in self._of_document(path):
            place = each.place(path)
            try:
                opened = replaced(opened, each.field, partial(self._opened, each, place))
            except NotThere as found:
                if not each.how.accept_plain:
                    raise _plain(Place(path, found.above)) from None
            except SealingError as error:
                error.path, error.field = place.path, shown_field(place.field)
                raise
        return opened

    def reseal(self, path: Path, document: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a document sealed with the newest key; None if all in it is already.

        For rotating keys, for new recipients, and for fields that became searchable or chosen.
        """
        current = True

        def look(each: Declared, value: Any) -> Any:
            nonlocal current
            if not is_envelope(value):
                current = False
            else:
                found = parsed(value, str(each.place(path)))
                newest = self._holder.is_newest(found)
                current &= newest and self._matches_now(each, path, found, value)
            return value

        for each in self._of_document(path):
            try:
                replaced(document, each.field, partial(look, each))
            except NotThere:
                current = False
        return None if current else self.seal(path, self.open(path, document))

    def rewrite_where(
        self, path: Path, field: str, op: str, value: Any, *, group: bool = False
    ) -> tuple[str, str, Any]:
        """Return the condition that finds in sealed documents what this one means.

        Of a searchable field ``==`` becomes a comparison of hashes; a condition on what is not
        sealed stays as it is. Whoever answers may answer wrongly: open what was found, and compare.

        :param path: of a collection, or of a document; of a collection group its name alone
        :raises SealedFieldQuery: any other operator, or a field that is not searchable
        """
        return rewritten(self._queried(path, group=group), self._holder.searching, field, op, value)

    def check_query(
        self, path: Path, field: str, what: str = "order_by", *, group: bool = False
    ) -> None:
        """Raise SealedFieldQuery if an order, a sum or an average needs a sealed field."""
        uses(self._queried(path, group=group), field, what)

    def seals(self, collection: Path) -> bool:
        """Say whether documents of a collection have fields that are sealed."""
        return any(matches(each.pattern, collection) for each in self._declared)

    def covers(self, path: Path, field: Path) -> bool:
        """Say whether a field of a document is sealed, or lies in one that is, or has one in it."""
        return any(
            matches(each.pattern, path[:-1])
            and all(map(operator.eq, each.field, field))  # as far as both go
            for each in self._declared
        )

    def _of_document(self, path: Path) -> list[Declared]:
        segments = _checked_path(path)
        if len(segments) % 2:
            raise InvalidSealing(
                f"{'/'.join(segments)!r:.200} is a collection, and a value is sealed for one "
                "document: make its id first, and give the whole path"
            )
        return [each for each in self._declared if matches(each.pattern, segments[:-1])]

    def _queried(self, path: Path, *, group: bool) -> list[Declared]:
        segments = _checked_path(path)
        if group:
            return [each for each in self._declared if each.pattern[-1] == segments[-1]]
        collection = segments if len(segments) % 2 else segments[:-1]
        return [each for each in self._declared if matches(each.pattern, collection)]

    def _sealing(self, each: Declared, path: Path) -> Any:
        return partial(self._sealed, each, each.place(path))

    def _sealed(self, each: Declared, place: Place, value: Any) -> dict[str, Any]:
        if is_envelope(value):
            raise InvalidSealing(f"{place} is sealed already; open it first, or use reseal")
        plain = encoded(value, str(place))
        match = None
        if each.how.searchable:
            match = self._holder.searching[-1].content.match(each.context, canonical(value))
        return self._holder.seal(plain, place, match, self._entropy).as_json()

    def _sealed_change(self, chosen: list[Declared], path: Path, name: Path, value: Any) -> Any:
        for each in chosen:
            shared = min(len(name), len(each.field))
            if each.field[:shared] != name[:shared]:
                continue
            if len(name) > len(each.field):
                raise InvalidSealing(
                    f"{shown_field(name)} lies within {each.place(path)}, which is sealed; write "
                    "the whole field"
                )
            try:
                # As if it lay in a document, which the rest of the path leads into.
                within = {each.field[len(name) - 1]: value}
                changed = replaced(within, each.field[len(name) - 1 :], self._sealing(each, path))
            except NotThere as found:
                above = name[:-1] + found.above
                raise _no_map(above, each, path) from None
            value = changed[each.field[len(name) - 1]]
        return value

    def _opened(self, each: Declared, place: Place, value: Any) -> Any:
        if not is_envelope(value):
            if each.how.accept_plain:
                return value
            raise _plain(place)
        plain = self._holder.open(parsed(value, str(place)), place)
        try:
            return decoded(plain)
        except ValueError:
            pass
        raise SealTampered(f"{place} was sealed by somebody else, and is no JSON value")

    def _matches_now(self, each: Declared, path: Path, found: Envelope, value: Any) -> bool:
        if not each.how.searchable:
            return found.match is None
        if found.match is None:
            return False
        plain = canonical(self._opened(each, each.place(path), value))
        return found.match == self._holder.searching[-1].content.match(each.context, plain)


def _checked_path(path: object) -> Path:
    if not isinstance(path, tuple) or not path or not all(type(each) is str for each in path):
        raise InvalidSealing("a path is a tuple of texts, such as ('users', 'ann')")
    return path


def _checked_document(document: object) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise InvalidSealing(f"a document is a map, not {type(document).__qualname__}")
    return dict(document)


def _refuse_literal(document: Mapping[str, Any], field: Path, path: Path) -> None:
    dotted = ".".join(field)
    if len(field) > 1 and dotted in document:
        raise InvalidSealing(
            f"{'/'.join(path)} has a field that is called {dotted!r}, dots and all, and what is "
            f"sealed is {field[-1]!r} in the map {field[0]!r}"
        )


def _no_map(above: Path, each: Declared, path: Path) -> InvalidSealing:
    return InvalidSealing(
        f"{Place(path, above)} is no map, and {shown_field(each.field)} in it is to be sealed",
        path=path,
        field=shown_field(above),
    )


def _plain(place: Place) -> NotSealed:
    return NotSealed(
        f"{place} is not sealed: it was written without the sealer, or put there since; while old "
        "documents are being sealed, Field(accept_plain=True) lets it be",
        path=place.path,
        field=shown_field(place.field),
    )
