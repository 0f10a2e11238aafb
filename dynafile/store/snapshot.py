"""Snapshots: entries as a pickled SortedDict that cannot run code when it is loaded."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from sortedcontainers import SortedDict

from dynafile.errors import CorruptFile
from dynafile.store.format import (
    SnapshotHeader,
    check_snapshot_payload,
    decode_snapshot_header,
    encode_snapshot,
)

Entries: TypeAlias = SortedDict  # of bytes to bytes

_CLASS: Final = ("sortedcontainers.sorteddict", "SortedDict")


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows one class."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Return what makes a SortedDict; anything else is refused.

        Not the class: a forged pickle could set attributes of it, for the whole process. Those of a
        bound method cannot be set.
        """
        if (module, name) != _CLASS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self._make

    def _make(self, *arguments: Any) -> Entries:
        return SortedDict(*arguments)

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse persistent ids."""
        raise pickle.UnpicklingError("it asks for a persistent id")


def dump_snapshot(store_id: bytes, header: SnapshotHeader, entries: Entries) -> bytes:
    """Return a snapshot file; length and checksum of the header are filled in."""
    return encode_snapshot(store_id, header, pickle.dumps(entries, protocol=5))


def load_snapshot(
    data: bytes, store_id: bytes, path: str, *, trusted: bool
) -> tuple[SnapshotHeader, Entries]:
    """Return header and entries of a snapshot file, all of it checked.

    With ``trusted=False`` the opcodes are held against the one grammar that we write first, so that
    a forged snapshot cannot exhaust memory either; that takes some ten times as long.
    Raises CorruptFile and NewerFormat.
    """
    header, offset = decode_snapshot_header(data, store_id, path)
    payload = data[offset:]
    check_snapshot_payload(header, payload, offset, path)
    try:
        if not trusted:
            check_grammar(payload)
        entries = _Unpickler(io.BytesIO(payload)).load()
    except Exception as error:
        raise _refused(path, offset, str(error)) from error
    if type(entries) is not SortedDict or entries.key is not None:
        raise _refused(path, offset, "it is not a SortedDict in the order of its keys")
    if len(entries) != header.entries:
        raise _refused(path, offset, "it does not hold what its header says")
    if not set(map(type, entries.keys())) | set(map(type, entries.values())) <= {bytes}:
        raise _refused(path, offset, "it holds other things than bytes")
    return header, entries


def _refused(path: str, offset: int, why: str) -> CorruptFile:
    return CorruptFile(
        f"{path}: the snapshot was not loaded, because {why} (the pickle begins at offset "
        f"{offset}). "
        f"It was damaged or forged; restore a backup, or save what is left with `dynafile repair`",
        path=path,
        offset=offset,
    )


_HEAD: Final = ("PROTO", "FRAME", "SHORT_BINUNICODE", "MEMOIZE", "SHORT_BINUNICODE", "MEMOIZE")
_BODY: Final = frozenset(
    [
        "NONE",
        "EMPTY_DICT",
        "MARK",
        "SETITEMS",
        "SETITEM",
        "SHORT_BINBYTES",
        "BINBYTES",
        "MEMOIZE",
        "BINGET",
        "LONG_BINGET",
        "FRAME",
        "TUPLE2",
        "REDUCE",
        "STACK_GLOBAL",
        "STOP",
    ]
)
_ONCE: Final = frozenset({"STACK_GLOBAL", "EMPTY_DICT", "NONE", "TUPLE2", "REDUCE", "STOP"})


def check_grammar(payload: bytes) -> None:
    """Raise ValueError unless the pickle has the form that :func:`dump_snapshot` writes.

    That form: the name of SortedDict, None, one dict of bytes objects, a tuple of both, REDUCE,
    STOP. No opcode in it can allocate more than the bytes it stands in.
    """
    import pickletools  # only who checks a stranger's folder needs it

    seen: dict[str, int] = {}
    strings: list[Any] = []
    head: list[str] = []
    for opcode, argument, _ in pickletools.genops(payload):
        name = opcode.name
        if len(head) < len(_HEAD):
            # A payload too short for a frame has none.
            if not head and name != "PROTO":
                raise ValueError("it does not begin as a pickle")
            if len(head) == 1 and name != "FRAME":
                head.append("FRAME")
            head.append(name)
            if name != _HEAD[len(head) - 1]:
                raise ValueError(f"it has {name} where {_HEAD[len(head) - 1]} belongs")
            if name == "SHORT_BINUNICODE":
                strings.append(argument)
            continue
        if name not in _BODY:
            raise ValueError(f"it has the opcode {name}")
        seen[name] = seen.get(name, 0) + 1
        if name in _ONCE and seen[name] > 1:
            raise ValueError(f"it has the opcode {name} more than once")
    if tuple(strings) != _CLASS:
        raise ValueError("it names another class than SortedDict")
    if any(seen.get(name) != 1 for name in _ONCE):
        raise ValueError("it is not a pickle of one SortedDict")
