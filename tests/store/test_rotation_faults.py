"""A checkpoint that ends between making a segment and saying so in the journal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from store.simulated import Killed, PoweredVolume, WatchedVolume
from store.stores import SPACE, abandon, assert_holds, key, open_on

from dynafile.errors import DiskFull
from dynafile.store.format import PUT
from dynafile.store.history import segments
from dynafile.store.schema import Retention, Schema
from dynafile.store.store import Store


def keep(schema: Schema) -> Schema:
    return replace(schema, version=schema.version + 1, retention=Retention(seconds=10**6))


def forget(schema: Schema) -> Schema:
    return replace(schema, version=schema.version + 1, retention=Retention(seconds=10**6, size=1))


def put(store: Store, pair: tuple[bytes, bytes]) -> None:
    store.commit([(PUT, SPACE, *pair)], store.schema.version)


@pytest.mark.parametrize("error", [DiskFull, Killed])
def test_a_segment_that_nothing_leads_to(error: type[BaseException]) -> None:
    """Commits that came after it were looked for in it, by who read the history; and no segment
    was removed any more, because the empty one had no time."""
    inner = PoweredVolume()
    rotating = False

    def hook(number: int, call: str, name: str) -> None:
        nonlocal rotating
        if call == "replace" and name.startswith("journal/"):
            rotating = True
        elif rotating and call in ("write", "remove"):
            raise error("between the two")

    volume = WatchedVolume(inner)
    store = open_on(volume)
    store.change_schema(keep)
    put(store, (key(1), b"1"))
    volume.hook = hook
    with pytest.raises(error):
        store.checkpoint()
    volume.hook = None
    if error is Killed:
        abandon(store)
        store = open_on(inner)  # which removes it
    assert len(segments(inner)) == (1 if error is Killed else 2)
    start = store.published()
    model = {key(number): b"%d" % number for number in range(2, 40)}
    for pair in model.items():
        put(store, pair)
    model[key(1)] = b"1"
    assert_holds(store, model)
    read = list(store.history.read(start, store.published()))
    assert len(read) == 38
    for record in read:
        assert next(store.history.read(record.lsn, store.published())) == record
    store.change_schema(forget)
    for _ in range(3):
        put(store, (key(1), b"1"))
        store.checkpoint()
    assert len(segments(inner)) <= 2
    store.close()
    store = open_on(inner)
    assert_holds(store, model)
    store.close()
