"""Values of documents: what JSON can say, how large and how deep it can be, and its bytes.

A document is stored as MessagePack, with an extension for the integers that this lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from msgspec.msgpack import Decoder, Encoder, Ext

from dynafile.documents.transforms import DeleteField, ServerTimestamp, Transform
from dynafile.errors import InvalidDocument, InvalidDocumentType, ItemTooLarge, NestingTooDeep

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_LEVELS",
    "check_document",
    "check_value",
    "decode",
    "decoder_of",
    "encode",
    "place",
]

MAX_DOCUMENT_BYTES: Final = 1 << 20
MAX_LEVELS: Final = 100

_INTEGER: Final = 1
"""The extension of integers that 64 bits do not hold: two's complement, big-endian."""

_MOST_DIGITS: Final = 4300
"""Of an integer. Python reads and writes no more in decimal, as that takes quadratic time."""
_LARGEST: Final = 10**_MOST_DIGITS

_JSON: Final = "JSON has text, numbers, true, false, null, lists and objects"


def check_value(value: Any, where: str = "", level: int = 0, now: str | None = None) -> Any:
    """Return a value as it is stored; most often it is the same object.

    :param where: its place in the document, for messages.
    :param level: how many objects and lists are around it.
    :param now: what SERVER_TIMESTAMP stands for; None where it cannot stand.

    Raises InvalidDocument, InvalidDocumentType, NestingTooDeep.
    """
    if _is_plain(value, MAX_LEVELS - level):
        return value
    return _Conversion(now).convert(value, where, level)


def check_document(value: Any, path: str, now: str | None = None) -> dict[str, Any]:
    """Return a document as it is stored; raises as :func:`check_value` does."""
    if not isinstance(value, dict):
        raise InvalidDocumentType(
            f"a document is an object, a dict, and {path} is to be {_article(value)}: put it into "
            "a field, as in {'value': ...}",
            path="",
        )
    checked: dict[str, Any] = check_value(value, now=now)
    return checked


def encode(value: Any, path: str) -> bytes:
    """Return the bytes of a checked document; raises ItemTooLarge, InvalidDocument."""
    try:
        data = _ENCODER.encode(value)
    except OverflowError:
        data = _ENCODER.encode(_with_extensions(value, ""))
    except UnicodeEncodeError:
        _find_half_surrogates(value, "")
        raise
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ItemTooLarge(
            f"a document has at most {MAX_DOCUMENT_BYTES} bytes (1 MiB) as it is stored, and "
            f"{path} would have {len(data)}: put what belongs to it into documents beneath it",
            size=len(data),
            limit=MAX_DOCUMENT_BYTES,
        )
    return data


def place(where: str, name: str | int) -> str:
    """Return the place of what is in an object or in a list.

    >>> place(place("deep", 1), "er")
    'deep[1].er'
    """
    if isinstance(name, int):
        return f"{where}[{name}]"
    return f"{where}.{name}" if where else name


def _is_plain(value: Any, left: int) -> bool:
    """Say whether a value is what is stored, but for what encoding it finds."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return True
    if kind is float:
        return isfinite(value)
    if kind is dict:
        if not left:
            return False
        for name, each in value.items():
            if type(name) is not str or not name:
                return False
            kind = type(each)
            if kind is not str and kind is not int and not _is_plain(each, left - 1):
                return False
        return True
    if kind is list:
        return left > 0 and all(_is_plain(each, left - 1) for each in value)
    return False


class _Conversion:
    """Makes plain what a value has of subclasses and server times, or says what is wrong where."""

    def __init__(self, now: str | None) -> None:
        self._now = now
        self._around: list[Any] = []

    def convert(self, value: Any, where: str, level: int, *, in_list: bool = False) -> Any:
        """Return a copy of a value that is what is stored."""
        if value is None or isinstance(value, bool):
            return value
        for kind in (str, int):
            if isinstance(value, kind):
                return kind(value) if type(value) is not kind else value
        if isinstance(value, float):
            if not isfinite(value):
                raise InvalidDocument(
                    f"{float(value)} at {_shown(where)} cannot be stored: JSON has no such number; "
                    "store None, or text",
                    path=where,
                )
            return float(value)
        if not isinstance(value, (dict, list)):
            return self._special(value, where, in_list)
        self._enter(value, where, level)
        found: Any
        if isinstance(value, list):
            found = [
                self.convert(each, place(where, number), level + 1, in_list=True)
                for number, each in enumerate(value)
            ]
        else:
            found = {
                (checked := _name(name, where)): self.convert(
                    each, place(where, checked), level + 1
                )
                for name, each in value.items()
            }
        self._around.pop()
        return found

    def _enter(self, value: Any, where: str, level: int) -> None:
        if any(each is value for each in self._around):
            raise InvalidDocument(
                f"what is at {_shown(where)} contains itself, which JSON cannot say", path=where
            )
        if level >= MAX_LEVELS:
            raise NestingTooDeep(
                f"a document has at most {MAX_LEVELS} levels of objects and lists, and at "
                f"{where[:60]}... there are more: put what is deep into documents beneath it",
                path=where,
            )
        self._around.append(value)

    def _special(self, value: Any, where: str, in_list: bool) -> Any:
        if isinstance(value, ServerTimestamp):
            if self._now is not None and not in_list:
                return self._now
            raise InvalidDocumentType(
                f"SERVER_TIMESTAMP at {_shown(where)} is not possible: it is for the field of an "
                "object, in set, add and update",
                path=where,
            )
        if isinstance(value, DeleteField):
            raise InvalidDocument(
                f"DELETE_FIELD at {_shown(where)} is not possible: a field is deleted by an "
                "update that names it by its whole path, update({'address.city': DELETE_FIELD})",
                path=where,
            )
        if isinstance(value, Transform):
            raise InvalidDocumentType(
                f"{type(value).__name__} at {_shown(where)} is not possible: it is the value of a "
                "field in an update that names the field by its whole path",
                path=where,
            )
        raise InvalidDocumentType(
            f"{_article(value)} at {_shown(where)} cannot be stored: {_JSON}; "
            + _ADVICE.get(type(value).__name__, "store what of it JSON can say"),
            path=where,
        )


_ADVICE: Final = {
    "tuple": "give a list",
    "set": "give a list",
    "frozenset": "give a list",
    "bytes": "store text, such as base64",
    "bytearray": "store text, such as base64",
    "datetime": "store text, such as isoformat()",
    "date": "store text, such as isoformat()",
    "Decimal": "store text, or a float",
}


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise InvalidDocumentType(
            f"the names in an object are text, and {name!r:.80} at {_shown(where)} is "
            f"{_article(name)}",
            path=where,
        )
    if not name:
        raise InvalidDocument(f"an empty name at {_shown(where)} cannot be stored", path=where)
    return str(name)


def _article(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _shown(where: str) -> str:
    return where or "the top"


def _find_half_surrogates(value: Any, where: str) -> None:
    """Raise InvalidDocument for the text that UTF-8 cannot express."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidDocument(
                f"the text at {_shown(ascii(where)[1:-1])} has half a surrogate pair, which UTF-8 "
                "cannot express",
                path=where,
            ) from None
    elif isinstance(value, dict):
        for name, each in value.items():
            _find_half_surrogates(name, where)
            _find_half_surrogates(each, place(where, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            _find_half_surrogates(each, place(where, number))


def _with_extensions(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {name: _with_extensions(each, place(where, name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_extensions(each, place(where, n)) for n, each in enumerate(value)]
    if type(value) is int and not -(1 << 63) <= value < 1 << 64:
        if not -_LARGEST < value < _LARGEST:
            raise InvalidDocument(
                f"the integer at {_shown(where)} has over {_MOST_DIGITS} digits, which those who "
                "read JSON refuse: store text",
                path=where,
            )
        return Ext(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, signed=True))
    return value


def _extension(code: int, data: memoryview) -> Any:
    if code != _INTEGER:
        raise InvalidDocument(f"the extension {code} of MessagePack is no value of a document")
    return int.from_bytes(data, signed=True)


_ENCODER: Final = Encoder()


def decoder_of(kind: Any) -> Callable[[bytes], Any]:
    """Return what decodes bytes of :func:`encode` as a type that msgspec knows."""
    return Decoder(kind, ext_hook=_extension).decode


decode: Final[Callable[[bytes], Any]] = decoder_of(Any)
"""Returns the value that bytes of :func:`encode` are; a new one each time."""
