"""What the store's tests share: opening stores as other processes would, and looking into them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from dynafile.errors import HandleClosed
from dynafile.store.format import DELETE, PUT, Operation
from dynafile.store.local_volume import LocalVolume
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.registry import open_store, open_volume
from dynafile.store.schema import Schema
from dynafile.store.store import Options, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dynafile.store.partition_map import Keyspace
    from dynafile.store.volume import Volume

SPACE = 1
"""The one keyspace of the tests' schema."""

SMALL: dict[str, int] = {"partition_bytes": 2000, "checkpoint_bytes": 4000}
"""Options under which a few hundred entries are many partitions and some checkpoints."""


def schema(stored: Schema | None) -> Schema:
    return stored or Schema(keyspaces={SPACE: "_partitions"}, next_keyspace=2)


def open_on(volume: Volume, **options: Any) -> Store:
    """Open a store on a volume, past the registry: as another process would."""
    return open_volume(volume, Options(**options), schema)


def open_folder(path: Path, **options: Any) -> Store:
    """Open a store in a folder, past the registry: as another process would."""
    path.mkdir(exist_ok=True)
    return open_on(LocalVolume(str(path), read_only=options.get("read_only", False)), **options)


def memory() -> Store:
    """A store in memory, without a journal."""
    return open_store(None, Options(), schema)


def on_volume() -> Store:
    """A store with a journal, of many partitions."""
    return open_on(MemoryVolume(), **SMALL)


engines = pytest.mark.parametrize("make", [memory, on_volume])
"""For tests that both kinds of store must pass."""


def abandon(store: Store) -> None:
    """Leave a store as a process that is killed does: nothing is synced, folded or noted."""
    store.replica.shut(HandleClosed("this store was abandoned by a test"))
    store.close()


def space(store: Store) -> Keyspace:
    return store.keyspace(SPACE)


def key(number: int, tail: str = "") -> bytes:
    """A key whose first eight bytes, the hash, spread evenly over the key space."""
    return ((number + 1) * 0x9E3779B97F4A7C15 % (1 << 64)).to_bytes(8, "big") + tail.encode()


def put(store: Store, *pairs: tuple[bytes, bytes], durable: bool = True) -> None:
    store.commit([(PUT, SPACE, k, v) for k, v in pairs], 1, durable=durable)


def delete(store: Store, *keys: bytes, durable: bool = True) -> None:
    store.commit([(DELETE, SPACE, k, b"") for k in keys], 1, durable=durable)


def waiting(store: Store) -> int:
    """How many commits wait for the one that is being made."""
    return len(store._writer._gathering.commits)


def get(store: Store, k: bytes) -> bytes | None:
    return store.get(space(store), k)


def pairs(
    store: Store,
    low: bytes = b"",
    high: bytes | None = None,
    *,
    reverse: bool = False,
    limit: int = 100,
) -> list[tuple[bytes, bytes]]:
    """The entries of a range, in the order in which the store gives them."""
    chunks = store.range(space(store), low, high, reverse=reverse, limit=limit)
    return [pair for keys, values in chunks for pair in zip(keys, values, strict=True)]


def contents(store: Store) -> dict[bytes, bytes]:
    """Everything in the store; fails where a key comes twice."""
    found = pairs(store)
    assert found == sorted(dict(found).items())
    return dict(found)


def apply_to(model: dict[bytes, bytes], operations: list[Operation]) -> None:
    """Do to a dict what a commit of these operations does to the store."""
    for kind, _, k, value in operations:
        if kind == PUT:
            model[k] = value
        elif kind == DELETE:
            model.pop(k, None)
        else:
            model.clear()


def assert_holds(store: Store, model: Mapping[bytes, bytes]) -> None:
    """Compare a store with a dict by every kind of read, and let it check itself."""
    wanted = sorted(model.items())
    assert pairs(store) == wanted
    assert pairs(store, reverse=True, limit=7) == wanted[::-1]
    assert store.count(space(store)) == len(wanted)
    for k, value in wanted:
        assert get(store, k) == value
    store.check(list)


def together(*work: Callable[[], object]) -> None:
    """Run functions in threads; raise what the first of them raised."""
    errors: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
