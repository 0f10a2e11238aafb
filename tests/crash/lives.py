"""The lives that are crashed: together they do everything that a database does to its files."""

from __future__ import annotations

from functools import partial
from typing import Any

from api.old_folders import old_files, sample
from crash.life import PATH, Life, State, keyed
from crash.machine import Process

from dynafile import Database, Dynafile, GlobalIndex, Include, LocalIndex, StreamOptions


class Items(Life):
    """Puts, updates, batches; a collection that is cut; deletion and merges; clear; closing."""

    durability = "durable"

    def live(self) -> None:
        db = self.step(self._opened, lambda model: model.update({"shop": {}}), safe=True)
        for low in range(0, 40, 8):
            self.put(db, *(self.item(n) for n in range(low, low + 8)))
            self.put(db, self.item(low, 300))
        self.put(db, *({"PK": "one", "SK": f"{n:03}", "text": "c" * 90} for n in range(0, 30, 2)))
        self.put(db, *({"PK": "one", "SK": f"{n:03}", "text": "d" * 90} for n in range(1, 30, 2)))
        self._update(db)
        db = self._again(db)
        for low in range(0, 40, 10):
            self.delete(db, *((f"p{n % 5}", f"{n:04}") for n in range(low, low + 10)))
        self.checkpoint(db)
        self.put(db, self.item(7))
        self.step(db.clear, lambda model: model["shop"].clear())
        for low in range(0, 20, 10):
            self.put(db, *(self.item(n, 200) for n in range(low, low + 10)))
        self.step(db.close, safe=True)

    def _opened(self) -> Dynafile:
        return Dynafile(PATH, durability=self.durability)  # type: ignore[arg-type]

    def _again(self, db: Dynafile) -> Dynafile:
        self.step(db.close, safe=True)
        return self.step(self._opened, safe=True)

    def _update(self, db: Dynafile) -> None:
        for n in (1, 2, 3):
            key = {"PK": f"p{n}", "SK": f"{n:04}"}
            expression = "SET cnt = if_not_exists(cnt, :zero) + :n REMOVE #text"
            self.step(
                partial(
                    db.update_item,
                    key=key,
                    update_expression=expression,
                    expression_attribute_names={"#text": "text"},
                    expression_attribute_values={":zero": 0, ":n": n},
                ),
                lambda model, key=key, n=n: model["shop"].update(keyed({**key, "cnt": n})),
            )


class Relaxed(Items):
    """The same without syncs: a power cut leaves a beginning of the history."""

    durability = "relaxed"
    relaxed = True

    def put(self, table: Any, *items: dict[str, Any]) -> None:
        super().put(table, *items)
        if self.rng.random() < 0.15:
            self.step(table._store.flush, safe=True)


class Mixed(Relaxed):
    """Relaxed and durable handles by turns: a durable commit makes those before it safe."""

    def put(self, table: Any, *items: dict[str, Any]) -> None:
        Items.put(self, table, *items)
        if self.rng.random() < 0.3:
            with Dynafile(PATH) as durable:
                self.relaxed = False
                Items.put(self, durable, self.item(self.rng.randrange(60)))
                self.relaxed = True


class Alike(Life):
    """Relaxed commits that all have one size: what is torn in the middle leaves whole ones after it.

    If they were not cut, a later commit of that size would bring them back.
    """

    relaxed = True

    def live(self) -> None:
        db = self.step(
            lambda: Dynafile(PATH, durability="relaxed"),
            lambda model: model.update({"shop": {}}),
            safe=True,
        )
        for n in range(60):
            self.put(db, self.item(n % 7, 40, G="g", N=n % 3))
        self.step(db.close, safe=True)


class Tables(Life):
    """Tables that come and go, transactions over them, indexes by backfill, TTL by backfill."""

    def live(self) -> None:
        db = self.step(lambda: Database(PATH), safe=True)
        orders = self.create(db, "orders", indexes={"by-g": GlobalIndex("G", "N")})
        other = self.create(db, "other")
        self.put(orders, *(self.item(n, G=f"g{n % 3}", N=n) for n in range(16)))
        self.put(other, *(self.item(n, 120) for n in range(12)))
        for n in range(4):
            self._transfer(db, n)
        self._indexes(other)
        self.checkpoint(db)
        self.step(lambda: db.delete_table("orders"), lambda model: model.pop("orders"))
        orders = self.create(db, "orders", indexes={"by-n": GlobalIndex("N", "G")})
        self.put(orders, *(self.item(n, 150, G="new", N=n) for n in range(10)))
        self._ttl(db, other)
        self._transfer(db, 5)
        self.step(lambda: db.delete_table("other"), lambda model: model.pop("other"))
        self.put(orders, self.item(3, G="last", N=1))
        self.step(db.close, safe=True)

    def _transfer(self, db: Database, number: int) -> None:
        """Items of two tables in one transaction, one of them gone from the other."""
        key = (f"p{number % 5}", f"{number:04}")
        moved = {"PK": key[0], "SK": f"moved-{number}", "G": "g1", "N": -number}

        def work() -> None:
            with db.transaction() as tx:
                tx.table("orders").put_item(item=moved)
                tx.table("other").delete_item(key={"PK": key[0], "SK": key[1]})

        def change(model: Any) -> None:
            model["orders"].update(keyed(moved))
            model["other"].pop(key, None)

        self.step(work, change)

    def _indexes(self, table: Any) -> None:
        self.step(lambda: table.add_index("by-text", GlobalIndex("text", "SK")))
        self.put(table, *(self.item(n, 80, G="h") for n in range(20, 26)))
        self.step(lambda: table.add_index("local", LocalIndex("text", "KEYS_ONLY")))
        self.step(lambda: table.drop_index("by-text"))
        self.put(table, self.item(21))
        self.step(lambda: table.add_index("by-text", GlobalIndex("SK", "text", Include("G"))))

    def _ttl(self, db: Database, table: Any) -> None:
        specification = {"Enabled": True, "AttributeName": "ttl"}
        change = partial(db.update_time_to_live, "other", time_to_live_specification=specification)
        self.step(change)
        self.put(table, *(self.item(n, 60, ttl=4_000_000_000) for n in range(20, 30)))


class Expiring(Life):
    """Items that expire as the clock is turned, swept by a call and by the writes that follow."""

    def live(self) -> None:
        def opened() -> Dynafile:
            return Dynafile(PATH, ttl_attribute="ttl", indexes={"by-g": GlobalIndex("G")})

        db = self.step(opened, lambda model: model.update({"shop": {}}))
        for turn in range(3):
            soon = int(self.machine.now) + 100
            numbers = range(turn * 12, turn * 12 + 12)
            self.put(db, *(self.item(n, 80, G="g", ttl=soon) for n in numbers[::2]))
            self.put(db, *(self.item(n, 80, G="g", ttl=4_000_000_000) for n in numbers[1::2]))
            self.step(partial(self._later, db, sweep=turn != 1), self._expired)
            self.put(db, self.item(100 + turn, G="g"))
        self.checkpoint(db)
        self.step(db.close, safe=True)

    def _later(self, db: Dynafile, *, sweep: bool) -> None:
        self.machine.now += 1000
        if sweep:
            db.sweep()

    def _expired(self, model: Any) -> None:
        now = self.machine.now
        model["shop"] = {
            k: item for k, item in model["shop"].items() if item.get("ttl", 1e18) > now
        }


class Streams(Life):
    """Tables with streams, one that forgets; consumers that acknowledge, also in transactions."""

    forgetful = frozenset({"short"})

    def live(self) -> None:
        db = self.step(lambda: Database(PATH), safe=True)
        whole = self.create(db, "whole", stream=True)
        short = self.create(db, "short", stream=StreamOptions("NEW_IMAGE", max_bytes=1))
        plain = self.create(db, "plain")
        self.put(whole, *(self.item(n, 40) for n in range(5)))
        self._consume(db, whole, "first", 3)
        for low in range(0, 40, 8):
            self.put(short, *(self.item(n, 120) for n in range(low, low + 8)))
            self.put(plain, *(self.item(n, 120) for n in range(low, low + 4)))
            self.put(whole, self.item(low, 100))
            self.delete(whole, (f"p{low % 5}", f"{low:04}"))
            self._consume(db, whole, "first", 2)
        self._consume(db, whole, "second", 4)
        self.checkpoint(db)
        self.put(whole, *(self.item(n, 30) for n in range(3)))
        self._consume(db, whole, "first", 5, into=plain)
        self.step(lambda: db.delete_table("plain"), lambda model: model.pop("plain"))
        self.step(db.close, safe=True)

    def _consume(self, db: Database, table: Any, name: str, count: int, into: Any = None) -> None:
        """Acknowledge some records one by one; with ``into`` in the transaction of a put."""
        place = (table.table_name, name)
        stream = self.step(partial(self._joined, table, name))
        for record in [record for record, _ in zip(stream, range(count), strict=False)]:
            after = self.acknowledged.get(place, frozenset()) | {record.sequence_number}

            def acknowledged(model: Any, after: Any = after, record: Any = record) -> None:
                self.acknowledged[place] = after
                if into is not None:
                    item = {"PK": "seen", "SK": record.sequence_number}
                    model[into.table_name].update(keyed(item))

            self.step(partial(self._acknowledge, db, record, into), acknowledged)
        self.step(stream.close)

    def _joined(self, table: Any, name: str) -> Any:
        self.acknowledged.setdefault((table.table_name, name), frozenset())
        return table.stream(name=name, follow=False)

    def _acknowledge(self, db: Database, record: Any, into: Any) -> None:
        if into is None:
            record.ack()
            return
        with db.transaction() as tx:
            item = {"PK": "seen", "SK": record.sequence_number}
            tx.table(into.table_name).put_item(item=item)
            record.ack(tx)


class Turns(Life):
    """Two processes that write by turns: tables, indexes, checkpoints, each after the other."""

    def live(self) -> None:
        processes = [Process(self.machine) for _ in range(2)]
        handles = []
        for process in processes:
            with process:
                handles.append(self.step(lambda: Database(PATH), safe=True))
        with processes[0]:
            self.create(handles[0], "shared", indexes={"by-g": GlobalIndex("G")})
        for turn in range(14):
            mine = turn % 2
            with processes[mine]:
                table = handles[mine].table("shared")
                low = self.rng.randrange(30)
                self.put(table, *(self.item(n, G=f"g{turn}") for n in range(low, low + 8)))
                self.delete(table, *((f"p{n % 5}", f"{n:04}") for n in range(low, low + 3)))
                self.put(table, self.item(turn, 250, G="one"))
                if turn == 5:
                    self.create(handles[mine], "private")
                elif turn == 8:
                    self.step(lambda: handles[0].delete_table("private"),
                              lambda model: model.pop("private"))  # fmt: skip
                elif turn in (3, 10):
                    self.checkpoint(handles[mine])
        for process, db in zip(processes, handles, strict=True):
            with process:
                self.step(db.close, safe=True)


class Conversion(Life):
    """A folder of dynafile 0.1.3, that is opened, converted, and used."""

    def prepare(self) -> None:
        self.items = list(sample(30, 4))
        for name, data in old_files(self.items).items():
            self.machine.disk.lay(f"/home/shop/{name}", data)
        self.model = {"shop": keyed(*self.items)}
        self.states = [State({"shop": keyed(*self.items)})]

    def open(self) -> Any:
        with Dynafile(PATH, "PK", "SK", table_name="shop", lock_timeout=0):
            return Database(PATH, lock_timeout=0)

    def live(self) -> None:
        db = self.step(lambda: Dynafile(PATH, "PK", "SK"), safe=True)
        self.put(db, self.item(1, 100))
        self.step(db.close, safe=True)


ALL: tuple[type[Life], ...] = (
    Items, Relaxed, Mixed, Alike, Tables, Expiring, Streams, Turns, Conversion,
)  # fmt: skip
