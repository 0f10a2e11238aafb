"""Many tables in a folder: made, listed, described, deleted; by threads and processes at once."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from api.old_folders import write_old
from msgspec.structs import replace

from dynafile import Database, Dynafile, GlobalIndex, LocalIndex, Table
from dynafile.errors import (
    CorruptFile,
    HandleClosed,
    IndexNotReady,
    InvalidArgument,
    InvalidName,
    NotConverted,
    ReadOnlyDatabase,
    ResourceInUse,
    ResourceNotFound,
    SchemaMismatch,
    ValidationError,
)
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.names import partition_directory
from dynafile.store.schema import Schema
from dynafile.store.strays import stray_folders
from dynafile.table import ttl_changes
from dynafile.table.conversion_state import REMOVING, state_of
from dynafile.table.index_changes import add_indexes
from dynafile.table.table_changes import alter_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conftest import Clock, OpenTables, StartWorker
    from conftest import OpenDatabase

ITEM = {"PK": "a", "SK": "1", "G": "g", "x": 1}
NOT_FOUND = "^Requested resource not found: Table: orders not found$"


@pytest.fixture(params=["files", "memory"])
def db(request: pytest.FixtureRequest, tables: OpenTables) -> Database:
    return tables(":memory:" if request.param == "memory" else None)


def folders(db: Database) -> set[str]:
    """What is in the folder, without what every store has."""
    root = Path(db.path)
    kept = {"lock", "meta.json", "position", "checkpoint"}
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.name not in kept and "journal" not in path.parts and path.parent != root
    }


# -- tables ---------------------------------------------------------------------------------------


def test_tables_are_apart(db: Database) -> None:
    orders, users = db.create_table("orders"), db.create_table("users", "id", None, pk_type="N")
    orders.put_item(item=ITEM)
    users.put_item(item={"id": 1})
    assert (len(orders), len(users), len(db)) == (1, 1, 2)
    assert db.table("orders").get_item(key=ITEM) == ITEM
    assert list(db.table("users").scan()) == [{"id": 1}]
    assert isinstance(orders, Table)
    assert not isinstance(orders, Dynafile)
    assert repr(orders) == f"<Table 'orders' in {db.path!r}>"
    orders.clear()
    assert (len(orders), len(users)) == (0, 1)


def test_names_in_order(db: Database) -> None:
    assert (list(db), db.tables, len(db), bool(db)) == ([], (), 0, True)
    for name in ("b-1", "Zoo", "_a1", "a.c", "a-c", "0ab"):
        db.create_table(name)
    assert list(db) == ["0ab", "Zoo", "_a1", "a-c", "a.c", "b-1"] == list(db.tables)
    assert "Zoo" in db
    assert "zoo" not in db
    assert 5 not in db
    first = db.list_tables(limit=4)
    assert (list(first), first.last_evaluated_table_name) == (["0ab", "Zoo", "_a1", "a-c"], "a-c")
    second = db.list_tables(4, first.last_evaluated_table_name)
    assert (second.table_names, second.last_evaluated_table_name) == (("a.c", "b-1"), None)
    assert len(db.list_tables(limit=6)) == 6
    assert db.list_tables(limit=6).last_evaluated_table_name is None
    assert list(db.list_tables(exclusive_start_table_name="a-b")) == ["a-c", "a.c", "b-1"]
    for limit in (0, 101, "5", True):
        with pytest.raises(InvalidArgument, match="[lL]imit"):
            db.list_tables(limit)  # type: ignore[arg-type]
    with pytest.raises(InvalidName):
        db.list_tables(exclusive_start_table_name="a")


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.table("orders"),
        lambda db: db.describe_table("orders"),
        lambda db: db.delete_table("orders"),
        lambda db: db.update_table("orders", deletion_protection_enabled=True),
        lambda db: db.describe_time_to_live("orders"),
        lambda db: db.update_time_to_live("orders", {"Enabled": True, "AttributeName": "ttl"}),
        lambda db: db.tag_resource("orders", {"a": "b"}),
        lambda db: db.untag_resource("orders", ["a"]),
        lambda db: db.list_tags_of_resource("orders"),
    ],
)
def test_a_table_that_is_not_there(call: Callable[[Database], Any], db: Database) -> None:
    db.create_table("other")
    with pytest.raises(ResourceNotFound, match=NOT_FOUND) as caught:
        call(db)
    assert caught.value.resource == "orders"
    assert isinstance(caught.value, LookupError)


def test_names_that_a_file_system_confuses(tables: OpenTables) -> None:
    db = tables()
    names = ["abc", "ABC", "Abc", "abc.", "abc..", "...", "con", "CON.txt", "x" * 255,
             "x" * 254 + "y", "abc-2", "_con", "lpt1"]  # fmt: skip
    for name in names:
        db.create_table(name, indexes={name: GlobalIndex("G")}).put_item(item={**ITEM, "x": name})
    db._store.checkpoint()
    homes = [path.name for path in (Path(db.path) / "tables").iterdir()]
    assert len({home.lower().rstrip(".") for home in homes}) == len(names)
    assert max(map(len, homes)) <= 220
    assert not any(home.lower().split(".")[0] in ("con", "lpt1") for home in homes)
    db.close()
    db = tables()
    for name in names:
        assert [item["x"] for item in db.table(name).query("g", index=name)] == [name]


def test_a_thousand_tables(tables: OpenTables) -> None:
    db = tables(durability="relaxed")
    for n in range(1000):
        db.create_table(f"table-{n}", pk_type="S", sk_type="S")
    with db.table("table-999") as last:
        last.put_item(item=ITEM)
    db.close()
    start = time.perf_counter()
    db = tables()
    assert len(db) == 1000
    assert db.table("table-999").get_item(key=ITEM) == ITEM
    assert time.perf_counter() - start < 5
    with pytest.raises(SchemaMismatch, match=r"holds 'table-0', .* and 990 more"):
        Dynafile(db.path)


# -- a table that goes ----------------------------------------------------------------------------


def uses(table: Table) -> dict[str, Callable[[], Any]]:
    return {
        "get": lambda: table.get_item(key=ITEM),
        "batch get": lambda: table.batch_get_item(keys=[ITEM]),
        "query": lambda: list(table.query("a")),
        "query backward": lambda: list(table.query("a", scan_index_forward=False)),
        "index": lambda: list(table.query("g", index="by-g")),
        "scan": lambda: list(table.scan()),
        "scan an index": lambda: list(table.scan(index="by-g")),
        "len": lambda: len(table),
        "put": lambda: table.put_item(item=ITEM),
        "delete": lambda: table.delete_item(key=ITEM),
        "batch": lambda: table.execute_batch([]) or table.execute_batch([("PUT", ITEM)]),  # type: ignore[func-returns-value,list-item]
        "clear": table.clear,
        "sweep": lambda: table.sweep() if table.ttl_attribute else table.clear(),
        "describe": table.describe,
        "check": table.check,
        "add_index": lambda: table.add_index("new", GlobalIndex("x")),
        "drop_index": lambda: table.drop_index("by-g"),
        "indexes": lambda: table.indexes,
        "pk_type": lambda: table.pk_type,
    }


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("ttl", [None, "ttl"])
def test_a_deleted_table(again: bool, ttl: str | None, db: Database) -> None:
    """Nothing of an old handle reaches the table that has the name now."""
    table = db.create_table("orders", ttl_attribute=ttl, indexes={"by-g": GlobalIndex("G")})
    table.put_item(item=ITEM)
    under_way = table.scan()
    batch = table.batch_writer()
    batch.__enter__()
    batch.put_item(item={**ITEM, "SK": "batched"})
    db.delete_table("orders")
    assert "orders" not in db
    if again:
        new = db.create_table("orders", indexes={"by-g": GlobalIndex("G")})
        new.put_item(item={**ITEM, "new": True})
    for use, call in uses(table).items():
        with pytest.raises(ResourceNotFound, match=NOT_FOUND):
            call()
            pytest.fail(f"{use} was not refused")
    with pytest.raises(ResourceNotFound, match=NOT_FOUND):
        batch.flush()
    with pytest.raises(ResourceNotFound, match=NOT_FOUND):
        list(under_way)
    assert (table.table_name, table.pk_attribute, table.closed) == ("orders", "PK", False)
    table.close()
    if again:
        assert list(new.scan()) == [{**ITEM, "new": True}]
        assert list(new.indexes) == ["by-g"]
    with pytest.raises(ResourceInUse if again else ResourceNotFound):
        db.create_table("orders") if again else db.delete_table("orders")


@pytest.mark.parametrize("again", [False, True])
def test_a_table_that_a_transaction_has_read_is_deleted(again: bool, db: Database) -> None:
    db.create_table("orders").put_item(item=ITEM)
    with pytest.raises(ResourceNotFound, match=NOT_FOUND), db.transaction() as tx:
        orders = tx.table("orders")
        assert orders.get_item(key=ITEM) == ITEM
        orders.put_item(item={**ITEM, "SK": "2"})
        db.delete_table("orders")
        if again:
            db.create_table("orders")
    assert list(db) == (["orders"] if again else [])
    assert not again or len(db.table("orders")) == 0


def test_a_database_keeps_nothing_of_a_deleted_table(db: Database) -> None:
    for _ in range(3):
        db.create_table("orders")
        db.batch_write_item(request_items={"orders": [{"PutRequest": {"Item": ITEM}}]})
        db.delete_table("orders")
        with pytest.raises(ResourceNotFound, match=NOT_FOUND):
            db.batch_write_item(request_items={"orders": [{"PutRequest": {"Item": ITEM}}]})
    gc.collect()
    assert db._store.users == 1


def test_the_disk_space_of_a_deleted_table(tables: OpenTables) -> None:
    db = tables()
    options: dict[str, Any] = {"ttl_attribute": "ttl", "indexes": {
        "by-g": GlobalIndex("G"), "by-x": LocalIndex("x")}}  # fmt: skip
    for name in ("orders", "others"):
        db.create_table(name, **options).put_item(item={**ITEM, "ttl": int(time.time()) + 1000})
    db._store.checkpoint()
    others = {name for name in folders(db) if name.startswith("tables/others")}
    assert len(others) > 8
    db.delete_table("orders")
    assert folders(db) == others
    assert list((Path(db.path) / "tmp").iterdir()) == []
    db.check()


def test_what_others_put_beside_a_table_stays(tables: OpenTables) -> None:
    db = tables()
    db.create_table("orders").put_item(item=ITEM)
    db._store.checkpoint()
    home = Path(db.path) / "tables"
    (home / "orders" / "notes").mkdir()
    (home / "mine").mkdir()
    (home / "mine" / "_partitions").mkdir()
    (home / "mine" / "_partitions" / "file").write_text("text")
    (home / "file").write_text("text")
    db.delete_table("orders")
    db.create_table("mine")
    db.close()
    tables().close()
    assert (home / "orders" / "notes").exists()
    assert not (home / "orders" / "_partitions").exists()
    assert (home / "mine" / "_partitions" / "file").read_text() == "text"
    assert (home / "file").read_text() == "text"


def test_a_file_system_that_lists_another_case() -> None:
    """There ``tables/orders`` is made in what is left of ``tables/Orders``, and keeps its name."""
    volume = MemoryVolume()
    volume.replace(f"tables/Orders/_partitions/{partition_directory(b'', 5)}/data.pickle", b"")
    volume.replace(f"_GSI-x/_partitions/{partition_directory(b'', 5)}/data.pickle", b"")
    schema = Schema(keyspaces={1: "tables/orders/_partitions", 2: "_gsi-x/_partitions"})
    assert stray_folders(volume, schema) == []
    assert stray_folders(volume, Schema()) == ["tables/Orders"]


def test_protection(db: Database) -> None:
    db.create_table("orders", deletion_protection_enabled=True).put_item(item=ITEM)
    with pytest.raises(ValidationError, match="^Resource cannot be deleted as it is currently "
                       "protected against deletion. Disable deletion protection first.$"):  # fmt: skip
        db.delete_table("orders")
    assert db.table("orders").get_item(key=ITEM) == ITEM
    db.update_table("orders", deletion_protection_enabled=False)
    db.delete_table("orders")
    assert list(db) == []


# -- a table that changes -------------------------------------------------------------------------


def created(name: str, attribute: str) -> dict[str, Any]:
    schema = [{"AttributeName": attribute, "KeyType": "HASH"}]
    projection = {"ProjectionType": "KEYS_ONLY"}
    return {"Create": {"IndexName": name, "KeySchema": schema, "Projection": projection}}


def test_an_index_comes_and_goes(db: Database) -> None:
    table = db.create_table("orders")
    table.put_item(item=ITEM)
    seen: list[tuple[int, int]] = []
    definitions = [{"AttributeName": "G", "AttributeType": "S"}]
    described = db.update_table(
        "orders",
        attribute_definitions=definitions,
        global_secondary_index_updates=[created("by-g", "G")],
        progress=lambda name, done, total: seen.append((done, total)),
    )
    assert seen[-1] == (1, 1)
    assert [(i.name, i.status, i.entry_count) for i in described.indexes] == [("by-g", "ACTIVE", 1)]
    assert list(table.query("g", index="by-g")) == [{"PK": "a", "SK": "1", "G": "g"}]
    described = db.update_table(
        "orders", global_secondary_index_updates=[{"Delete": {"IndexName": "by-g"}}]
    )
    assert described.indexes == ()
    assert dict(table.indexes) == {}


def test_an_index_is_filled_in_the_background(tables: OpenTables) -> None:
    db = tables()
    table = db.create_table("orders")
    table.put_item(item=ITEM)
    ready = threading.Event()

    def progress(name: str, done: int, total: int) -> None:
        assert ready.wait(60)

    definitions = [{"AttributeName": "G", "AttributeType": "S"}]
    updates = [created("by-g", "G")]
    described = db.update_table(
        "orders", attribute_definitions=definitions, global_secondary_index_updates=updates,
        wait=False, progress=progress,
    )  # fmt: skip
    assert (described.table_status, described.indexes[0].backfilling) == ("UPDATING", True)
    with pytest.raises(IndexNotReady):
        table.query("g", index="by-g")
    ready.set()
    deadline = time.monotonic() + 60
    while db.describe_table("orders").indexes[0].backfilling and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(list(table.query("g", index="by-g"))) == 1


def test_deleted_while_an_index_is_filled(tables: OpenTables) -> None:
    db = tables()
    table = db.create_table("orders")
    table.put_item(item=ITEM)

    def progress(name: str, done: int, total: int) -> None:
        if "orders" in db:
            db.delete_table("orders")
            db.create_table("orders").put_item(item=ITEM)

    with pytest.raises(ResourceNotFound, match=NOT_FOUND):
        table.add_index("by-g", GlobalIndex("G"), progress=progress)
    assert len(db.table("orders")) == 1


def test_settings_that_change(db: Database) -> None:
    db.create_table("orders")
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}
    found = db.update_table("orders", billing_mode="PROVISIONED", provisioned_throughput=units)
    assert (found.billing_mode, found.provisioned_throughput) == ("PROVISIONED", units)
    found = db.update_table("orders", billing_mode="PAY_PER_REQUEST")
    assert (found.billing_mode, found.provisioned_throughput) == ("PAY_PER_REQUEST", None)
    on = {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}
    assert db.update_table("orders", stream_specification=on).stream_specification == on
    off = {"StreamEnabled": False}
    assert db.update_table("orders", stream_specification=off).stream_specification is None
    found = db.update_table("orders", table_class="STANDARD_INFREQUENT_ACCESS",
                            sse_specification={"Enabled": True})  # fmt: skip
    assert (found.table_class, found.encryption_requested) == ("STANDARD_INFREQUENT_ACCESS", True)


def test_tags(db: Database) -> None:
    arn = db.create_table("orders", tags={"a": "1", "b": "2"}).describe().table_arn
    db.tag_resource(arn, [{"Key": "b", "Value": "3"}, {"Key": "c", "Value": "4"}])
    db.untag_resource("orders", ["a", "missing"])
    assert db.list_tags_of_resource(arn) == {"b": "3", "c": "4"}
    with pytest.raises(InvalidArgument, match="up to 50"):
        db.tag_resource(arn, {f"key{n}": "" for n in range(49)})
    assert len(db.list_tags_of_resource(arn)) == 2


def test_time_to_live(db: Database, clock: Clock) -> None:
    indexes = {"all": GlobalIndex("G"), "keys": GlobalIndex("G", projection="KEYS_ONLY")}
    table = db.create_table("orders", indexes=indexes)
    gone, stays = int(clock.now) - 10, int(clock.now) + 10
    with table.batch_writer() as writer:
        for n in range(1200):
            writer.put_item(item={**ITEM, "SK": f"{n}", "ttl": gone if n % 2 else stays})
    specification = {"Enabled": True, "AttributeName": "ttl"}
    assert db.describe_time_to_live("orders") == {"TimeToLiveStatus": "DISABLED"}
    assert db.update_time_to_live("orders", specification) == specification
    assert db.describe_time_to_live("orders") == {
        "TimeToLiveStatus": "ENABLED", "AttributeName": "ttl",
    }  # fmt: skip
    db.check()
    for handle in (table, db.table("orders")):
        assert (len(handle), len(list(handle.scan()))) == (600, 600)
        for name in indexes:
            assert len(list(handle.query("g", index=name))) == 600
    assert list(next(table.query("g", index="keys"))) == ["PK", "SK", "G"]
    assert table.sweep() == 600
    with pytest.raises(InvalidArgument, match="^TimeToLive is already enabled$"):
        db.update_time_to_live("orders", specification)
    other = {"Enabled": False, "AttributeName": "x"}
    for each in (other, {**other, "Enabled": True}):
        with pytest.raises(InvalidArgument, match="active on a different AttributeName: current "
                           "AttributeName is ttl"):  # fmt: skip
            db.update_time_to_live("orders", each)
    db.update_time_to_live("orders", {**specification, "Enabled": False})
    clock.now += 100
    assert (len(table), len(list(table.scan()))) == (600, 600)
    assert list(next(table.query("g", index="keys"))) == ["PK", "SK", "G"]
    with pytest.raises(InvalidArgument, match="^TimeToLive is already disabled$"):
        db.update_time_to_live("orders", {**specification, "Enabled": False})
    for bad in ({"Enabled": True}, {"Enabled": 1, "AttributeName": "x"}, "ttl",
                {"Enabled": True, "AttributeName": ""}, {"Enabled": True, "AttributeName": "PK"}):  # fmt: skip
        with pytest.raises(InvalidArgument):
            db.update_time_to_live("orders", bad)  # type: ignore[arg-type]
    db.update_time_to_live("orders", specification)
    assert len(table) == 0


@pytest.mark.parametrize("read_only", [False, True])
def test_time_to_live_reaches_every_handle(
    read_only: bool, tables: OpenTables, worker: StartWorker
) -> None:
    """A process that only read went on to show what was expired."""
    db, other = tables(), tables(read_only=read_only)
    table = db.create_table("orders")
    table.put_item(item={**ITEM, "ttl": 1})
    process = worker(db.path, many=True, read_only=read_only)
    process.take("orders")
    there = other.table("orders")
    assert [len(there), process.on("orders", "len")] == [1, 1]
    db.update_time_to_live("orders", {"Enabled": True, "AttributeName": "ttl"})
    assert (table.get_item(key=ITEM), there.get_item(key=ITEM)) == (None, None)
    assert process.on("orders", "get_item", key=ITEM) is None
    assert [len(there), process.on("orders", "scan"), process.on("orders", "len")] == [0, [], 0]
    db.update_time_to_live("orders", {"Enabled": False, "AttributeName": "ttl"})
    assert len(process.on("orders", "query", "a")) == 1
    assert [len(there), process.on("orders", "len")] == [1, 1]


def test_writes_while_ttl_is_enabled(tables: OpenTables) -> None:
    db = tables()
    table = db.create_table("orders")
    with table.batch_writer() as writer:
        for n in range(3000):
            writer.put_item(item={**ITEM, "SK": f"{n}", "ttl": 1000})
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            table.put_item(item={**ITEM, "SK": f"{n % 3000}", "ttl": 2_000_000_000})
            table.delete_item(key={**ITEM, "SK": f"{(n + 7) % 3000}"})
            n += 11

    thread = threading.Thread(target=write)
    thread.start()
    db.update_time_to_live("orders", {"Enabled": True, "AttributeName": "ttl"})
    stop.set()
    thread.join()
    db.check()
    assert len(table) == len(list(table.scan()))


@pytest.mark.parametrize("kind", ["one table", "many"])
def test_what_was_interrupted_goes_on(
    kind: str, tables: OpenTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TTL was declared, and an index; then the process ended. Whoever opens next completes both."""
    db = tables()
    table = db.create_table("orders")
    with table.batch_writer() as writer:
        for n in range(20):
            writer.put_item(item={**ITEM, "SK": f"{n}", "ttl": 1 if n % 4 else 4_000_000_000})

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ttl_changes, "complete_ttl", interrupted)
        db.update_time_to_live("orders", {"Enabled": True, "AttributeName": "ttl"})
    add_indexes(db._store, "orders", {"by-g": GlobalIndex("G")}, "here")
    assert db.describe_time_to_live("orders")["TimeToLiveStatus"] == "ENABLING"
    assert len(list(db.table("orders").scan())) == 5
    db.check()
    db.close()
    if kind == "one table":
        with Dynafile(db.path) as one:
            assert (len(one), len(list(one.query("g", index="by-g")))) == (5, 5)
    db = tables()
    assert db.describe_time_to_live("orders")["TimeToLiveStatus"] == "ENABLED"
    assert len(db.table("orders")) == 5
    deadline = time.monotonic() + 60
    while db.describe_table("orders").table_status != "ACTIVE" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(list(db.table("orders").query("g", index="by-g"))) == 5


# -- opening and closing --------------------------------------------------------------------------


def test_closing(db: Database) -> None:
    table = db.create_table("orders")
    with db:
        assert not db.closed
    assert db.closed
    assert table.closed
    for call in (lambda: table.get_item(key=ITEM), lambda: table.put_item(item=ITEM),
                 lambda: db.table("orders"), lambda: list(db), lambda: "orders" in db,
                 lambda: db.create_table("more"), lambda: db.check(), db.__enter__):  # fmt: skip
        with pytest.raises(HandleClosed):
            call()
    db.close()
    assert repr(db) == f"<closed Database {db.path!r}>"


def test_closed_while_a_table_is_used(tables: OpenTables) -> None:
    db = tables()
    table = db.create_table("orders")
    done = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            for n in range(1_000_000):
                table.put_item(item={**ITEM, "SK": f"{n}"})
                done.set()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert done.wait(60)
    db.close()
    thread.join()
    assert [type(error) for error in raised] == [HandleClosed]
    db = tables()
    assert len(db.table("orders")) >= 1


def test_a_table_outlives_a_database_that_nobody_holds(tmp_path: Path) -> None:
    table = Database(tmp_path / "db").create_table("orders")
    gc.collect()
    table.put_item(item=ITEM)
    assert len(table) == 1
    table.close()


def test_two_handles_share_what_they_do(tables: OpenTables) -> None:
    first, second = tables(), tables()
    first.create_table("orders").put_item(item=ITEM)
    first.close()
    assert second.table("orders").get_item(key=ITEM) == ITEM
    with second.table("orders", durability="relaxed") as table:
        assert table.durability == "relaxed"
    with pytest.raises(InvalidArgument):
        second.table("orders", durability="fast")  # type: ignore[arg-type]


def test_read_only(tables: OpenTables, tmp_path: Path) -> None:
    db = tables()
    table = db.create_table("orders", tags={"a": "b"})
    reader = tables(read_only=True)
    seen = reader.table("orders")
    table.put_item(item=ITEM)
    db.create_table("later").put_item(item=ITEM)
    assert (list(reader), seen.get_item(key=ITEM)) == (["later", "orders"], ITEM)
    assert len(reader.table("later")) == 1
    reader.check()
    for call in (
        lambda: reader.create_table("more"),
        lambda: reader.delete_table("orders"),
        lambda: reader.update_table("orders", deletion_protection_enabled=True),
        lambda: reader.update_time_to_live("orders", {"Enabled": True, "AttributeName": "ttl"}),
        lambda: reader.tag_resource("orders", {"a": "b"}),
        lambda: reader.untag_resource("orders", ["a"]),
        lambda: seen.put_item(item=ITEM),
    ):
        with pytest.raises(ReadOnlyDatabase, match="read_only=True"):
            call()
    db.delete_table("orders")
    with pytest.raises(ResourceNotFound, match=NOT_FOUND):
        seen.get_item(key=ITEM)


def test_a_folder_of_one_table(database: OpenDatabase, tables: OpenTables) -> None:
    """What Dynafile made is a database of one table; further ones leave it where it is."""
    one = database(ttl_attribute="ttl", indexes={"by-g": GlobalIndex("G")})
    one.put_item(item=ITEM)
    db = tables()
    assert list(db) == ["db-table"]
    assert db.table("db-table").get_item(key=ITEM) == ITEM
    db.create_table("orders", indexes={"by-g": GlobalIndex("G")}).put_item(item={**ITEM, "x": 2})
    db._store.checkpoint()
    root = Path(db.path)
    assert (root / "_partitions").exists()
    assert (root / "_gsi-by-g").exists()
    assert (root / "tables" / "orders" / "_gsi-by-g").exists()
    one.close()
    db.close()
    with pytest.raises(
        SchemaMismatch, match="holds 'db-table', 'orders': say which one with table_name="
    ):
        database()
    with pytest.raises(SchemaMismatch, match="not a table 'more'"):
        database(table_name="more")
    assert database(table_name="orders").get_item(key=ITEM) == {**ITEM, "x": 2}
    with database(table_name="db-table") as again:
        assert again.get_item(key=ITEM) == ITEM
    db = tables()
    db.delete_table("db-table")
    assert not [name for name in root.iterdir() if name.name.startswith("_")]
    assert len(database()) == 1  # the one that is left
    db.create_table("db-table", ttl_attribute="ttl").put_item(item=ITEM)
    db._store.checkpoint()
    assert (root / "tables" / "db-table" / "_partitions").exists()
    db.table("orders").check()
    db.delete_table("db-table")


def test_a_database_without_tables(tables: OpenTables, database: OpenDatabase) -> None:
    db = tables()
    with pytest.raises(SchemaMismatch, match="holds no table yet.*create_table"):
        database(db.path)
    db.close()
    db = tables()
    assert list(db) == []
    db.check()


def test_a_folder_of_0_1_3(tmp_path: Path, tables: OpenTables) -> None:
    """Only who says its keys can convert it."""
    write_old(tmp_path / "db", [ITEM])
    for read_only in (False, True):
        with pytest.raises(NotConverted):
            Database(tmp_path / "db", read_only=read_only)
    with Dynafile(tmp_path / "db") as converted:
        assert len(converted) == 1
    db = tables()
    assert db.table("db-table").get_item(key=ITEM) == ITEM


def test_tables_beside_one_that_is_being_converted(tmp_path: Path, tables: OpenTables) -> None:
    """The end of a conversion took the only table for the one that was converted."""
    write_old(tmp_path / "db", [ITEM])
    Dynafile(tmp_path / "db").close()
    db = tables()
    db.create_table("a-table", pk_type="S", sk_type="S")
    alter_table(db._store, "db-table", lambda table: replace(table, conversion=REMOVING))
    db.close()
    db = tables()
    assert list(db) == ["a-table", "db-table"]
    assert [state_of(db._store.schema), len(db.table("db-table"))] == [None, 1]


def test_a_meta_file_changed_by_hand(tables: OpenTables) -> None:
    db = tables()
    db.create_table("orders", tags={"a": "b"})
    db.close()
    path = Path(db.path) / "meta.json"
    good = path.read_bytes()
    for old, new in (
        (b'"orders": {', b'"others": {'), (b'"items": 1', b'"items": 2'), (b'"a": "b"', b'"a": 1'),
        (b'"created": 1', b'"created": "1", "x": 1'), (b'"pk_type": null', b'"pk_type": "Q"'),
        (b'"settings": {', b'"settings": {"protected": 1, '),
        (b'"settings": {', b'"settings": {"stream": "SOME", '),
        (b'"settings": {', b'"settings": {"units": [1], '),
        (b'"settings": {', b'"settings": {"index_units": {"a": [1, "2"]}, '),
        (b'"settings": {', b'"expiry_partial": 1, "settings": {'),
    ):  # fmt: skip
        assert old in good
        path.write_bytes(good.replace(old, new, 1))
        with pytest.raises(CorruptFile, match=r"meta\.json .*restore"):
            tables()
    path.write_bytes(good)


# -- processes ------------------------------------------------------------------------------------


def test_two_processes_make_one_table(tables: OpenTables, worker: StartWorker) -> None:
    db = tables()
    workers = [worker(db.path, many=True) for _ in range(2)]
    for n in range(10):
        for process in workers:
            process.send("create", f"table-{n}")
        results = []
        for process in workers:
            try:
                process.receive()
                results.append("made")
            except ResourceInUse as error:
                assert str(error) == f"Table already exists: table-{n}"
                results.append("in use")
        assert sorted(results) == ["in use", "made"]
    assert len(db) == 10


def test_a_table_made_after_another_process_opened(tables: OpenTables, worker: StartWorker) -> None:
    db = tables()
    writer, reader = worker(db.path, many=True), worker(db.path, many=True, read_only=True)
    db.create_table("orders").put_item(item=ITEM)
    for process in (writer, reader):
        process.take("orders")
        assert process.on("orders", "get_item", key=ITEM) == ITEM


def test_made_while_another_process_writes(tables: OpenTables, worker: StartWorker) -> None:
    db = tables()
    db.create_table("busy")
    process = worker(db.path, many=True)
    process.take("busy")
    process.send("on", "busy", "puts", "p", "name", 500)
    for n in range(50):
        db.create_table(f"table-{n}").put_item(item=ITEM)
    process.receive()
    assert len(db.table("busy")) == 500
    assert len(db) == 51


@pytest.mark.parametrize("read_only", [False, True])
def test_deleted_and_made_again_by_another_process(
    read_only: bool, tables: OpenTables, worker: StartWorker
) -> None:
    db = tables()
    with db.create_table("orders", indexes={"by-g": GlobalIndex("G")}) as table:
        table.put_item(item=ITEM)
    db._store.checkpoint()
    process = worker(db.path, many=True, read_only=read_only)
    process.take("orders")
    assert process.on("orders", "len") == 1
    db.delete_table("orders")
    new = db.create_table("orders", indexes={"by-g": GlobalIndex("G")})
    new.put_item(item={**ITEM, "new": True})
    db._store.checkpoint()
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_item", {"key": ITEM}), ("query", {"pk": "a"}), ("query", {"pk": "g", "index": "by-g"}),
        ("scan", {}), ("len", {}), ("describe", {}),
    ]  # fmt: skip
    if not read_only:
        calls += [("put_item", {"item": ITEM}), ("delete_item", {"key": ITEM}), ("clear", {})]
        calls += [("add_index", {"name": "new", "index": GlobalIndex("x")})]
    for method, options in calls:
        with pytest.raises(ResourceNotFound, match=NOT_FOUND):
            process.on("orders", method, **options)
    assert list(new.scan()) == [{**ITEM, "new": True}]
    process.take("orders")
    assert process.on("orders", "get_item", key=ITEM) == {**ITEM, "new": True}


def test_cold_reads_of_a_table_that_another_process_deletes(
    tables: OpenTables, worker: StartWorker
) -> None:
    """Its files go while they are read: the items as they were, or that it is gone; never less."""
    db = tables()
    process = worker(db.path, many=True)
    for _ in range(5):
        with db.create_table("orders").batch_writer() as writer:
            for n in range(2000):
                writer.put_item(item={**ITEM, "PK": f"p{n}", "x": "x" * 200})
        db._store.checkpoint()
        process.take("orders")
        process.send("on", "orders", "scan")
        db.delete_table("orders")
        try:
            assert len(process.receive()) == 2000
        except ResourceNotFound:
            pass
