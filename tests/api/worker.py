"""A second process that uses a database, driven over pipes.

``Worker`` starts one, opens a folder in it and calls the handle's methods there. The calls come back
as they would here: results, iterators as lists, and exceptions as themselves.
"""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from dynafile import Action, Attr, Database, Dynafile, Stream, Table, Transaction
from dynafile.errors import ConditionalCheckFailed, TransactionCanceled, TransactionConflict

START_SECONDS = 60


class Worker:
    """A process with at most one open database."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(self, path: object, **options: Any) -> Self:
        """Open a database in the process, in the place of the one it has."""
        self.call("open", path, **options)
        return self

    def open_tables(self, path: object, **options: Any) -> Self:
        """Open a ``Database`` in the process. :meth:`take` and :meth:`on` use its tables."""
        self.call("open_tables", path, **options)
        return self

    def take(self, name: str) -> None:
        """Take a handle on a table, in the place of one that it has."""
        self.call("take", name)

    def on(self, name: str, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the handle that was taken on a table."""
        return self.call("on", name, method, *args, **kwargs)

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the handle, or read an attribute."""
        self.send(method, *args, **kwargs)
        return self.receive()

    def send(self, method: str, /, *args: Any, **kwargs: Any) -> None:
        """Begin a call; :meth:`receive` waits for its end."""
        assert self._process.stdin is not None
        pickle.dump((method, args, kwargs), self._process.stdin)
        self._process.stdin.flush()

    def receive(self) -> Any:
        """Return what a call returned, or raise what it raised."""
        assert self._process.stdout is not None
        worked, result = pickle.load(self._process.stdout)
        if not worked:
            raise result
        return result

    def kill(self) -> None:
        """End the process as a crash would."""
        self._process.kill()
        self.stop()

    def stop(self) -> None:
        """End the process, closing what it has open, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.stdout.close()
        self._process.wait(START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve() -> None:
    """Do what is asked on stdin until it ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed by accident must not get among the answers
    db: Any = None
    while True:
        try:
            method, args, kwargs = pickle.load(requests)
        except EOFError:
            break
        try:
            result: Any = None
            if method in OPENING:
                if db is not None:
                    db.close()
                opens = OPENING[method]
                db = None if opens is None else opens(*args, **kwargs)
            else:
                result = perform(db, method, args, kwargs)
            answer = True, result
        except Exception as error:
            answer = False, error
        pickle.dump(answer, answers)
        answers.flush()
    if db is not None:
        db.close()


OPENING: dict[str, Any] = {"open": Dynafile, "open_tables": Database, "shut": None}
TAKEN: dict[str, Table] = {}


def perform(db: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if method == "clock":
        (now,) = args
        time.time = lambda: now
        return None
    assert db is not None
    if method == "partition_bytes":
        if db._store._checkpointer is not None:
            (db._store._checkpointer.partition_bytes,) = args
        return None
    if method == "take":
        TAKEN[args[0]] = db.table(args[0])
        return None
    if method == "on":
        name, method, *rest = args
        return perform(TAKEN[name], method, tuple(rest), kwargs)
    if method == "create":
        db.create_table(*args, **kwargs).close()
        return None
    if method == "len":
        return len(db)
    if method == "consume":
        return consume(db, *args)
    if method == "take_named":
        return take_named(db, *args)
    if method == "puts":
        return put_many(db, *args)
    if method == "churn":
        return churn(db, *args)
    if method == "play":
        return play(db, *args)
    if method == "play_several":
        return play_several(db, *args)
    if method == "rewrites":
        return rewrites(db, *args)
    if method == "transfers":
        return transfers(db, *args)
    if method == "increments":
        return increments(db, *args)
    if method == "hold":
        return db._store._writer.hold(lambda: hold(*args), 10)
    if method == "checkpoint":
        return db._store.checkpoint()
    found = getattr(db, method)
    result = found(*args, **kwargs) if callable(found) else found
    return list(result) if isinstance(result, Iterator) else result


STREAMS: list[Stream] = []


def take_named(db: Any, name: str, count: int) -> int:
    """Take so many records of a named stream, and keep them; return how many there were."""
    stream = db.stream(name=name, timeout=5)
    STREAMS.append(stream)
    return len([next(stream) for _ in range(count)])


def consume(db: Database, source: str, target: str, name: str, who: str) -> int:
    """Note in a table each record that a named stream gives, until none comes for three seconds."""
    count = 0
    with db.table(source) as jobs, db.table(target) as done:
        for record in jobs.stream(name=name, timeout=3):
            assert record.new_image is not None
            n = record.new_image["n"]
            time.sleep(0.001)
            done.put_item(item={"PK": f"{n}", "SK": who, "n": n, "at": time.monotonic_ns()})
            record.ack()
            count += 1
    return count


def hold(mark: Path, seconds: float) -> None:
    """Sit on the writer's lock; the file ``mark`` says that it is held."""
    mark.touch()
    time.sleep(seconds)


def put_many(db: Dynafile, pk: Any, name: str, count: int) -> list[float]:
    """Put so many items into one collection; return how many seconds each took."""
    taken = []
    for number in range(count):
        item = {"PK": pk, "SK": f"{name}#{number:05}", "writer": name, "number": number}
        start = time.perf_counter()
        db.put_item(item=item)
        taken.append(time.perf_counter() - start)
    return taken


def increments(db: Dynafile, key: dict[str, Any], count: int) -> list[int]:
    """Add 1 to ``n`` of an item so many times; return what it came to each time."""
    found = []
    for _ in range(count):
        result = db.update_item(
            key=key,
            update_expression="ADD n :one",
            expression_attribute_values={":one": 1},
            return_values="UPDATED_NEW",
        )
        assert result is not None
        assert result.attributes is not None
        found.append(result.attributes["n"])
    return found


def rewrites(db: Dynafile, places: list[str], count: int) -> None:
    """Write all items of a collection at once, so many times, with the number of the time."""
    for number in range(1, count + 1):
        items = [{"PK": "p", "SK": place, "n": number} for place in places]
        db.transact_write_items(transact_items=[{"Put": {"Item": item}} for item in items])


def transfers(db: Dynafile, names: list[str], count: int, seed: int) -> None:
    """Move amounts between accounts, in transactions."""
    rng = random.Random(seed)
    for _ in range(count):
        source, target = rng.sample(names, 2)
        amount = rng.randrange(60)

        def body(tx: Transaction) -> None:
            giver, taker = (
                tx.get_item(key={"PK": "account", "SK": name}) for name in (source, target)
            )
            assert giver is not None
            assert taker is not None
            if giver["n"] >= amount:
                tx.put_item(item={**giver, "n": giver["n"] - amount})
                tx.put_item(item={**taker, "n": taker["n"] + amount})

        db.run_transaction(body, attempts=10_000)


Played = tuple[int, int, str, str, tuple[Any, ...], Any]
"""When an operation was begun and when it was over, its item, its name, arguments and result."""

WAYS = ("read", "query", "together", "write", "cas", "swap", "create", "delete", "transaction")


def play(db: Dynafile, name: str, places: list[str], count: int) -> list[Played]:
    """Do operations on single items at random; return what each was and what came of it."""
    rng = random.Random(name)
    played: list[Played] = []
    known: dict[str, Any] = {}
    for number in range(count):
        place, way = rng.choice(places), rng.choice(WAYS)
        asked: tuple[Any, ...] = (f"{name}{number}",)
        if way == "cas":
            asked = (known.get(place) if rng.random() < 0.8 else "wrong", *asked)
        begin = time.monotonic_ns()
        try:
            known[place], result = act(db, way, place, asked)
        except TransactionConflict:
            continue
        played.append((begin, time.monotonic_ns(), place, way, asked, result))
    return played


def act(db: Dynafile, way: str, place: str, asked: tuple[Any, ...]) -> tuple[Any, Any]:
    """Do one operation; return what the item is known to be now, and the result."""
    key, new = {"PK": "p", "SK": place}, asked[-1]
    item = {**key, "v": new}
    found: Any = None
    if way == "read":
        found = db.get_item(key=key)
    elif way == "query":
        found = next(db.query("p", sk=place), None)
    elif way == "together":
        (found,) = db.transact_get_items(transact_items=[{"Get": {"Key": key}}])
    elif way == "write":
        db.put_item(item=item)
        return new, None
    elif way in ("cas", "create"):
        condition = Attr("v").not_exists()
        if way == "cas" and asked[0] is not None:
            condition = Attr("v").eq(asked[0])
        try:
            db.put_item(
                item=item,
                condition_expression=condition,
                return_values_on_condition_check_failure="ALL_OLD",
            )
        except ConditionalCheckFailed as error:
            value = None if error.item is None else error.item["v"]
            return value, (False, value)
        return new, (True, None)
    elif way == "swap":
        result = db.update_item(
            key=key,
            update_expression="SET v = :v",
            expression_attribute_values={":v": new},
            return_values="ALL_OLD",
        )
        assert result is not None
        return new, result.attributes and result.attributes["v"]
    elif way == "delete":
        result = db.delete_item(key=key, return_values="ALL_OLD")
        assert result is not None
        return None, result.attributes and result.attributes["v"]
    else:
        with db.transaction() as tx:
            found = tx.get_item(key=key)
            tx.put_item(item=item)
        return new, found and found["v"]
    value = found and found["v"]
    return value, value


def play_several(db: Dynafile, name: str, places: list[str], count: int) -> list[Played]:
    """Do operations on several items at once at random; return what each was and what came of it."""
    rng = random.Random(name)
    played: list[Played] = []
    known: dict[str, Any] = {}
    for number in range(count):
        way = rng.choice(("look", "look", "move", "pair", "pair", "skew", "put", "get"))
        one, other = rng.sample(places, 2)
        asked: tuple[Any, ...] = (one, other, known.get(one), f"{name}{number}")
        begin = time.monotonic_ns()
        try:
            found, result = act_on_several(db, way, asked, places)
        except TransactionConflict:
            continue
        played.append((begin, time.monotonic_ns(), one, way, asked, result))
        known.update(found)
    return played


def act_on_several(
    db: Dynafile, way: str, asked: tuple[Any, ...], places: list[str]
) -> tuple[dict[str, Any], Any]:
    """Do one operation; return what is known of the items now, and the result.

    ``look`` reads all; ``pair`` writes two where one has a value; ``move`` puts what one has into the
    other; ``skew`` writes one where the other is not there, which two of them must not both do.
    """
    one, other, expected, new = asked
    if way == "put":
        db.put_item(item=_at(one) | {"v": new})
        return {one: new}, None
    if way == "get":
        value = _value(db.get_item(key=_at(one)))
        return {one: value}, value
    if way == "look":
        gets = [{"Get": {"Key": _at(place)}} for place in places]
        values = tuple(map(_value, db.transact_get_items(transact_items=gets)))
        return dict(zip(places, values, strict=True)), values
    if way == "pair":
        condition = "attribute_not_exists(v)" if expected is None else "v = :expected"
        put = {"Item": _at(one) | {"v": new}, "ConditionExpression": condition}
        if expected is not None:
            put["ExpressionAttributeValues"] = {":expected": expected}
        try:
            db.transact_write_items(
                transact_items=[{"Put": put}, {"Put": {"Item": _at(other) | {"v": new}}}]
            )
        except TransactionCanceled:
            return {}, False
        return {one: new, other: new}, True
    with db.transaction() as tx:
        values = tuple(_value(tx.get_item(key=_at(place))) for place in (one, other))
        if way == "move" and values[0] is not None:
            tx.put_item(item=_at(other) | {"v": values[0]})
            tx.delete_item(key=_at(one))
        elif way == "move":
            tx.delete_item(key=_at(other))
        elif values[1] is None:
            tx.put_item(item=_at(one) | {"v": new})
        elif values[0] is not None:
            tx.delete_item(key=_at(one))
    return {}, values


def _at(place: str) -> dict[str, Any]:
    return {"PK": place, "SK": "s"}


def _value(item: dict[str, Any] | None) -> Any:
    return None if item is None else item["v"]


def churn(db: Dynafile, name: str, count: int) -> None:
    """Put, delete and move items between the keys ``G`` and ``N`` of an index, and sweep."""
    rng = random.Random(name)
    for _ in range(count):
        number, action = rng.randrange(400), rng.randrange(10)
        item = {"PK": f"{number % 7}", "SK": f"{number:04}"}
        if action < 2:
            db.delete_item(key=item)
        elif action < 3:
            db.put_item(item=item)
        elif action < 4:
            db.execute_batch(
                Action("PUT", {**item, "G": rng.choice("gh"), "N": place}) for place in range(3)
            )
        elif action < 5:
            db.put_item(item={**item, "G": "g", "N": 1, "ttl": 1})
            db.sweep()
        else:
            moved = {"G": rng.choice("ghi"), "N": rng.randrange(100), "by": name}
            db.put_item(item={**item, **moved})


if __name__ == "__main__":
    serve()
