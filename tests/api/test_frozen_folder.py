"""A folder of this format, written once and never again: whoever comes later reads it."""

from __future__ import annotations

import importlib.util
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Database, repair
from dynafile.store.format import FORMAT_VERSION
from dynafile.table.stream_record import TTL_IDENTITY

if TYPE_CHECKING:
    from api.conftest import Clock

FROZEN = Path(__file__).parent.parent / "fixtures" / f"format-{FORMAT_VERSION}"
WRITTEN = datetime(2026, 11, 21, 22, tzinfo=UTC).timestamp()


def _content() -> ModuleType:
    spec = importlib.util.spec_from_file_location("frozen_content", FROZEN / "content.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


content = _content()


@pytest.fixture
def path(tmp_path: Path, clock: Clock) -> Path:
    """A copy of it, at the time when it was written: a stream's records are kept for a year."""
    clock.now = WRITTEN
    return Path(shutil.copytree(FROZEN / "store", tmp_path / "store"))


def types_of(value: Any) -> Any:
    """Return a value with the types of all that is in it, so that 1 and 1.0 differ."""
    if isinstance(value, dict):
        return {name: types_of(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return (type(value), [types_of(each) for each in value])
    if isinstance(value, set):
        return (set, {types_of(each) for each in value})
    return (type(value), value)


def look(db: Database) -> None:
    """Read everything that is in it, in every way."""
    db.check()
    orders, types = db.table("orders"), db.table("Types.")
    wanted = content.orders()
    key = ("customer", "date")
    assert sorted(orders.scan(), key=lambda item: [item[name] for name in key]) == wanted
    for customer in ("c0", "c1", "c2", "c9"):
        of_it = [item for item in wanted if item["customer"] == customer]
        assert list(orders.query(customer)) == of_it
        by_total = [item["total"] for item in orders.query(customer, index="by-total")]
        assert by_total == sorted(item["total"] for item in of_it)
    for place in {item["place"] for item in wanted}:
        found = list(orders.query(place, index="by-place"))
        assert found == sorted(
            (item for item in wanted if item["place"] == place), key=lambda item: item["total"]
        )
    for item in wanted:
        (entry,) = orders.query(item["date"], index="keys")
        assert entry == {name: item[name] for name in key}
    for item in content.TYPES:
        assert types_of(types.get_item(key={"id": item["id"]})) == types_of(item)
    assert len(list(types.scan())) == len(content.TYPES)


def test_it_is_read_as_it_was_written(path: Path) -> None:
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    for trusted in (True, False):
        with Database(path, read_only=True, trusted=trusted) as db:
            look(db)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_its_stream(path: Path) -> None:
    with Database(path) as db:
        records = list(db.table("orders").stream(follow=False))
        names = [record.event_name for record in records]
        assert names == ["INSERT"] * 30 + ["MODIFY", "REMOVE", "INSERT", "REMOVE", "INSERT"]
        changed, deleted, _, expired, _ = records[30:]
        assert (changed.old_image, changed.new_image) == (content.ORDERS[1], content.CHANGED)
        assert (deleted.old_image, deleted.new_image) == (content.ORDERS[0], None)
        assert (expired.old_image, expired.user_identity) == (content.EXPIRED, TTL_IDENTITY)
        first = next(iter(db.table("orders").stream(name="mailer", follow=False)))
        assert first.new_image == content.ORDERS[10]


def test_it_is_written_and_read_again(path: Path) -> None:
    with Database(path) as db:
        look(db)
        again = {
            "transact_items": [{"Delete": {"TableName": "orders", "Key": content.DELETED}}],
            "client_request_token": "other",
        }
        db.transact_write_items(**again)
        db.table("orders").put_item(item=content.CHANGED)
    with Database(path) as db:
        look(db)


def test_it_is_repaired(path: Path, tmp_path: Path) -> None:
    assert repair(path, tmp_path / "new").lossless
    with Database(tmp_path / "new", read_only=True) as db:
        look(db)
