"""The API against a dict: a state machine with reopening, checkpoints, splits, a clock that turns,
and a second process on the same folder.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from api.worker import Worker
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dynafile import (
    Action,
    ActionType,
    Attr,
    Dynafile,
    Event,
    GlobalIndex,
    Include,
    Key,
    LocalIndex,
    begins_with,
    between,
    eq,
    gt,
    gte,
    lt,
    lte,
)
from dynafile.errors import ConditionalCheckFailed, TransactionCanceled, TransactionConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = 1_700_000_000
PARTITION_BYTES = 600
"""So small that a few items split a partition."""

KEYS: dict[str, tuple[list[Any], list[Any]]] = {
    "S": (["a", "b", "a\0", "é"],
          ["a", "ab", "abc", "b", "b\0", *(f"k{n:02}" for n in range(24)), "é", "😀"]),
    "N": ([0, 1, -1, Decimal("1.5")],
          [-100, Decimal("-1.5"), -1, 0, Decimal("0.5"), 1, 2, *range(99, 123)]),
    "B": ([b"a", b"b", b"\0"],
          [b"\0", b"\0\xff", b"a", b"ab", b"b", *(b"k%02d" % n for n in range(24)), b"\xff",
           b"\xff\xff"]),
}  # fmt: skip
"""Partition and sort keys of each type; the sort keys in order."""

COMPARE = {
    "eq": lambda key, value: key == value,
    "lt": lambda key, value: key < value,
    "lte": lambda key, value: key <= value,
    "gt": lambda key, value: key > value,
    "gte": lambda key, value: key >= value,
}
PLAIN = {"eq": eq, "lt": lt, "lte": lte, "gt": gt, "gte": gte}

values = st.one_of(
    st.integers(-3, 3),
    st.text("abé😀", max_size=3),
    st.binary(max_size=3),
    st.none(),
    st.booleans(),
    st.decimals(-10, 10, places=2),
    st.floats(-2, 2, width=16),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.text("xy", min_size=1, max_size=2), st.integers(0, 2), max_size=2),
    st.sets(st.integers(0, 3), min_size=1, max_size=2),
)
attributes = st.dictionaries(st.sampled_from(["n", "x", "text"]), values, max_size=2)
places = st.tuples(st.integers(0, 3), st.integers(0, 30) | st.integers(0, 4))
"""A key, as indexes into the lists above."""
expiries = st.one_of(
    st.none(), st.none(), st.integers(-5, 30), st.sampled_from(["never", 0, Decimal("7.5"), 3.25])
)
"""When an item expires, in seconds from the beginning; or a value that never does."""
sizes = st.sampled_from([0, 0, 0, 200])
items = st.tuples(places, attributes, expiries, sizes)


INDEXES = {
    "global": GlobalIndex(pk="group", sk="rank"),
    "keys": GlobalIndex(pk="group", sk="rank", projection="KEYS_ONLY"),
    "local": LocalIndex(sk="rank", projection=Include("n")),
}

CONDITIONS: dict[str, tuple[str | None, dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "none": (None, {}, lambda item: True),
    "absent": ("attribute_not_exists(PK)", {}, lambda item: not item),
    "there": ("attribute_exists(PK)", {}, bool),
    "two": ("cnt = :c", {":c": 2}, lambda item: item.get("cnt") == 2),
    "more": ("cnt > :c", {":c": 0}, lambda item: item.get("cnt", 0) > 0),
}
"""Expressions, their values, and what they say of an item, or of an empty one for none."""

tag_sets = st.sets(st.integers(0, 3), min_size=1, max_size=2)
updates = st.fixed_dictionaries(
    {
        "cnt": st.sampled_from(
            [None, ("SET", 2), ("+", 1), ("ADD", -1), ("ADD", 3), ("REMOVE", None)]
        ),
        "tags": st.none()
        | st.tuples(st.sampled_from(["ADD", "DELETE"]), tag_sets)
        | st.just(("REMOVE", None)),
        "rank": st.sampled_from([None, None, ("SET", 5), ("+", 1), ("REMOVE", None)]),
        "group": st.sampled_from([None, None, ("SET", "g1"), ("SET", "g2"), ("REMOVE", None)]),
        "ttl": st.sampled_from([None, None, None, ("SET", NOW + 20), ("REMOVE", None)]),
    }
)
"""What is done to each attribute, and with which value; None: nothing."""


def expression_of(update: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an update."""
    clauses: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    names = {}
    for name, done in update.items():
        if done is None:
            continue
        action, value = done
        names[f"#{name}"] = name
        text = {"SET": f"#{name} = :{name}", "REMOVE": f"#{name}"}.get(action, f"#{name} :{name}")
        if action == "+":
            action, text = "SET", f"#{name} = if_not_exists(#{name}, :zero) + :{name}"
            values[":zero"] = 0
        if value is not None:
            values[f":{name}"] = value
        clauses.setdefault(action, []).append(text)
    if not clauses:
        return {}
    found: dict[str, Any] = {
        "update_expression": " ".join(f"{a} {', '.join(t)}" for a, t in clauses.items()),
        "expression_attribute_names": names,
    }
    return found | ({"expression_attribute_values": values} if values else {})


def updated(item: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """The item that an update makes of an item."""
    new = dict(item)
    for name, done in update.items():
        action, value = done or (None, None)
        if action == "SET":
            new[name] = value
        elif action == "+" or (action == "ADD" and name == "cnt"):
            new[name] = item.get(name, 0) + value
        elif action == "ADD":
            new[name] = item.get(name, set()) | value
        elif action == "DELETE" and name in item:
            new[name] = item[name] - value
        if action == "REMOVE" or new.get(name) == set():
            new.pop(name, None)
    return new


def with_condition(parameters: dict[str, Any], condition: str) -> dict[str, Any]:
    """The parameters of a write, with those of its condition."""
    text, values, _ = CONDITIONS[condition]
    if text is None:
        return parameters
    both = parameters.get("expression_attribute_values", {}) | values
    more = {"expression_attribute_values": both} if both else {}
    return {**parameters, "condition_expression": text, **more}


few = st.tuples(st.integers(0, 1), st.integers(0, 3))
"""So few keys that writes meet each other."""
actions = st.tuples(
    st.sampled_from(["put", "put", "update", "update", "delete", "check"]),
    st.tuples(few, attributes, expiries, st.just(0)),
    updates,
    st.sampled_from(["none", "none", *CONDITIONS]),
)


def shown(value: object) -> str:
    """A value as text, whatever the order of its names and members."""
    if isinstance(value, dict):
        return str(sorted((name, shown(member)) for name, member in value.items()))
    if isinstance(value, (set, frozenset)):
        return str(sorted(map(repr, value)))
    return repr(value)


def told(event: Event) -> tuple[str, str, str]:
    return str(event.action), shown(event.new), shown(event.old)


class Machine(RuleBasedStateMachine):
    """What every rule does to the database it does to a dict, and the two must agree.

    ``replayed`` is what the records of the stream come to, where the table has one.

    ``model`` holds what is stored, expired or not. Which expired items are gone already is the
    database's choice, as it sweeps some with each commit; so they count as stored or not.
    """

    worker: Worker
    """One second process for all runs; it opens each one's folder."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="dynafile-"))
        self.real_time = time.time
        self.now: float = NOW
        time.time = lambda: self.now
        self.model: dict[tuple[Any, Any], dict[str, Any]] = {}
        self.events: list[Event] = []
        self.other = False
        self.meddlings = 0
        self.foreign = False
        """Whether the other process has written since events were last looked at."""

    @initialize(
        letters=st.tuples(st.sampled_from("SNB"), st.sampled_from("SNB")),
        ttl=st.booleans(),
        sort=st.sampled_from([True, True, True, False]),
        durability=st.sampled_from(["durable", "relaxed"]),
        stream=st.booleans(),
    )
    def begin(
        self, letters: tuple[str, str], ttl: bool, sort: bool, durability: str, stream: bool
    ) -> None:
        self.sort = sort
        self.streamed = stream
        self.replayed: dict[tuple[Any, Any], dict[str, Any]] = {}
        self.last: str | None = None
        self.ttl = ttl
        self.pks, self.sks = KEYS[letters[0]][0], KEYS[letters[1]][1]
        self.durability = durability
        self.db = Dynafile(
            self.folder / "db",
            sk_attribute="SK" if sort else None,
            ttl_attribute="ttl" if ttl else None,
            durability=durability,
            stream=stream,
        )
        self.settle()

    def settle(self) -> None:
        """What follows an opening."""
        checkpointer = self.db._store._checkpointer
        assert checkpointer is not None
        checkpointer.partition_bytes = PARTITION_BYTES
        self.listening = False

    def teardown(self) -> None:
        try:
            if hasattr(self, "db"):
                self.db.check()
                self.db.close()
                if self.other:
                    self.worker.call("check")
                    self.worker.call("shut")
                    self.other = False
                with Dynafile(self.folder / "db", read_only=True) as db:
                    db.check()
        finally:
            time.time = self.real_time
            if self.other:
                self.worker.call("shut")
            if hasattr(self, "db"):
                self.db.close()
            shutil.rmtree(self.folder)

    # -- the model ------------------------------------------------------------------------------

    def key(self, place: tuple[int, int]) -> dict[str, Any]:
        pk = self.pks[place[0] % len(self.pks)]
        return {"PK": pk, "SK": self.sks[place[1] % len(self.sks)]} if self.sort else {"PK": pk}

    def place(self, item: dict[str, Any]) -> tuple[Any, Any]:
        return item["PK"], item.get("SK") if self.sort else None

    def item(self, given: tuple[Any, ...]) -> dict[str, Any]:
        place, more, expiry, size = given
        item = {**self.key(place), **more}
        if size:
            item["filler"] = "x" * size
        if place[1] % 4:  # the others are in no index
            item["group"], item["rank"] = f"g{place[1] % 3}", len(more) * 10 + place[0]
        if expiry is not None:
            item["ttl"] = expiry + NOW if isinstance(expiry, (int, float, Decimal)) else expiry
            if expiry == 0 and not isinstance(expiry, bool):
                item["ttl"] = 0
        return item

    def expired(self, item: dict[str, Any]) -> bool:
        ttl = item.get("ttl") if self.ttl else None
        if isinstance(ttl, bool) or not isinstance(ttl, (int, float, Decimal)) or ttl == 0:
            return False
        return ttl < self.now

    def visible(self) -> dict[tuple[Any, Any], dict[str, Any]]:
        return {place: item for place, item in self.model.items() if not self.expired(item)}

    def expect_put(self, item: dict[str, Any], log: list[Event]) -> None:
        old = self.model.pop(self.place(item), None)
        if old is not None and self.expired(old):
            log.append(Event(ActionType.DELETE, None, old))
            old = None
        log.append(Event(ActionType.PUT, item, old))
        self.model[self.place(item)] = item

    def expect_delete(self, key: dict[str, Any], log: list[Event]) -> None:
        old = self.model.pop(self.place(key), None)
        if old is not None:
            log.append(Event(ActionType.DELETE, None, old))

    def heard(self, log: list[Event]) -> None:
        """Compare the events of one write with what it did; removals of expired items may follow."""
        events = self.events[:]
        self.events.clear()
        if not self.listening:
            # Unheard, some may have been swept: look which, so that the model knows.
            self.forget_swept()
            return
        assert events[: len(log)] == log
        for event in events[len(log) :]:
            assert (event.action, event.new) == ("DELETE", None)
            assert event.old is not None
            assert self.expired(event.old)
            assert self.model.pop(self.place(event.old)) == event.old

    def forget_swept(self) -> None:
        """Take out of the model the expired items that are stored no more."""
        if not self.ttl:
            return
        table, store = self.db._table, self.db._store
        for place, item in list(self.model.items()):
            if self.expired(item) and store.get(table._items, table.keys.key(item)) is None:
                del self.model[place]

    def sort_key(self, place: tuple[Any, Any]) -> Any:
        value = place[1]
        return value.encode() if isinstance(value, str) else value

    def collection(self, pk: Any) -> list[dict[str, Any]]:
        found = {place: item for place, item in self.visible().items() if place[0] == pk}
        return [found[place] for place in sorted(found, key=self.sort_key)]

    # -- writes ---------------------------------------------------------------------------------

    @rule(given=items)
    def put(self, given: tuple[Any, ...]) -> None:
        item = self.item(given)
        log: list[Event] = []
        self.expect_put(item, log)
        self.db.put_item(item=item)
        self.heard(log)

    @rule(place=places)
    def delete(self, place: tuple[int, int]) -> None:
        # An expired item may have been swept by the other process, and is then not heard of.
        self.forget_swept()
        log: list[Event] = []
        self.expect_delete(self.key(place), log)
        self.db.delete_item(key={**self.key(place), "more": "ignored"})
        self.heard(log)

    @rule(
        writes=st.lists(st.tuples(st.booleans(), items), min_size=1, max_size=12),
        how=st.sampled_from(["writer", "actions", "raises", "flush"]),
    )
    def batch(self, writes: list[tuple[bool, tuple[Any, ...]]], how: str) -> None:
        made = [(delete, self.item(given)) for delete, given in writes]
        before = dict(self.model)
        log: list[Event] = []
        if how != "raises":
            self.forget_swept()
            for delete, item in made:
                (self.expect_delete if delete else self.expect_put)(item, log)
        if how == "actions":
            self.db.execute_batch(
                Action("DELETE" if delete else "PUT", item) for delete, item in made
            )
        else:
            try:
                with self.db.batch_writer(flush_items=100 if how == "flush" else None) as writer:
                    for delete, item in made:
                        if delete:
                            writer.delete_item(key=item)
                        else:
                            writer.put_item(item=item)
                    if how == "raises":
                        raise RuntimeError
            except RuntimeError:
                assert how == "raises"
                assert self.model == before
                assert self.events == []
                return
        self.heard(log)

    @rule(count=st.integers(20, 60), at=st.integers(0, 3))
    def load(self, count: int, at: int) -> None:
        """Enough to split a partition, inside one collection where there are sort keys."""
        items = [self.item(((at if self.sort else at + n, at + n), {"load": n}, None, 100))
                 for n in range(count)]  # fmt: skip
        log: list[Event] = []
        for item in items:
            self.expect_put(item, log)
        self.db.execute_batch(Action("PUT", item) for item in items)
        self.heard(log)

    @precondition(lambda self: len(self.model) > 3)
    @rule()
    def clear(self) -> None:
        before = dict(self.model)
        self.forget_swept()
        log = [Event(ActionType.DELETE, None, item) for item in self.model.values()]
        self.db.clear()
        if self.listening:
            assert Counter(map(told, self.events)) == Counter(map(told, log)), before
        self.events.clear()
        self.model.clear()

    # -- writes that look -----------------------------------------------------------------------

    def asked(self, action: tuple[Any, ...]) -> tuple[str, dict[str, Any], bool, Any, Any]:
        """Return of an action its method, parameters, whether it may be, and the item before and
        after it.
        """
        kind, given, update, condition = action
        if not self.ttl:
            update = {**update, "ttl": None}
        item = self.item(given)
        key = self.key(given[0])
        old = self.visible().get(self.place(key))
        passes = CONDITIONS[condition][2](old or {})
        if kind == "put":
            return "put_item", with_condition({"item": item}, condition), passes, old, item
        if kind == "update":
            new = updated(old or key, update)
            parameters = {"key": key, **expression_of(update)}
            return "update_item", with_condition(parameters, condition), passes, old, new
        parameters = with_condition({"key": key}, condition)
        new = None if kind == "delete" else old
        return "delete_item", parameters, passes, old, new

    def expect(self, key: dict[str, Any], new: dict[str, Any] | None, log: list[Event]) -> None:
        if new is None:
            self.expect_delete(key, log)
        else:
            self.expect_put(new, log)

    @rule(action=actions.filter(lambda action: action[0] != "check"), by_other=st.booleans())
    def conditional(self, action: tuple[Any, ...], by_other: bool) -> None:
        self.forget_swept()
        method, parameters, passes, old, new = self.asked(action)
        by_other = by_other and self.other and not self.read_only
        call = partial(self.worker.call, method) if by_other else getattr(self.db, method)
        log: list[Event] = []
        try:
            result = call(
                **parameters,
                return_values="ALL_OLD",
                return_values_on_condition_check_failure="ALL_OLD",
            )
        except ConditionalCheckFailed as error:
            assert not passes
            assert error.item == old
        else:
            assert passes
            assert result.attributes == old
            self.expect(self.key(action[1][0]), new, log)
        if by_other:
            self.forget_swept()
        else:
            self.heard(log)

    @rule(chosen=st.lists(actions, min_size=1, max_size=5, unique_by=lambda action: action[1][0]))
    def transact(self, chosen: list[tuple[Any, ...]]) -> None:
        self.forget_swept()
        by_place = {self.place(self.key(action[1][0])): action for action in chosen}
        made = [(action, *self.asked(action)) for action in by_place.values()]
        request = []
        for action, _, parameters, *_ in made:
            kind = "condition_check" if action[0] == "check" else action[0]
            if kind == "condition_check" and action[3] == "none":
                parameters = {"key": parameters["key"],
                              "condition_expression": "attribute_exists(PK) OR "
                                                      "attribute_not_exists(PK)"}  # fmt: skip
            on_failure = {"return_values_on_condition_check_failure": "ALL_OLD"}
            request.append({kind: {**parameters, **on_failure}})
        log: list[Event] = []
        try:
            self.db.transact_write_items(transact_items=request)
        except TransactionCanceled as error:
            expected = [
                ("None", None) if passes else ("ConditionalCheckFailed", old)
                for _, _, _, passes, old, _ in made
            ]
            assert [(reason.code, reason.item) for reason in error.reasons] == expected
            assert not all(passes for _, _, _, passes, *_ in made)
        else:
            for action, _, _, passes, _, new in made:
                assert passes
                if action[0] != "check":
                    self.expect(self.key(action[1][0]), new, log)
        self.heard(log)

    @rule(
        steps=st.lists(
            st.tuples(actions, st.sampled_from(["get", "query", "none"])), min_size=1, max_size=6
        ),
        meddled=st.sampled_from([None, 0, 0, 1, 2]),
        raises=st.sampled_from([False, False, True]),
    )
    def transaction(self, steps: list[tuple[Any, str]], meddled: int | None, raises: bool) -> None:
        """Reads and writes beside which, perhaps, another write is made, which may conflict."""
        self.forget_swept()
        stored, written = dict(self.model), dict[Any, tuple[dict[str, Any], Any]]()
        log: list[Event] = []
        read: set[Any] = set()
        meddling = None
        try:
            with self.db.transaction() as tx:
                for action, reading in steps:
                    self.step(tx, action, reading, read, written)
                if meddled is not None and steps and not self.ttl:
                    self.model = stored
                    place = steps[meddled % len(steps)][0][1][0]
                    self.meddlings += 1
                    meddling = {**self.key(place), "meddled": self.meddlings}
                    self.expect_put(meddling, log)
                    self.db.put_item(item=meddling)
                if raises:
                    raise RuntimeError
        except (RuntimeError, TransactionConflict) as error:
            self.model = dict(stored)
            if isinstance(error, TransactionConflict):
                assert meddling is not None
                assert {self.place(meddling), meddling["PK"]} & read
            self.heard(log)
            return
        assert not raises
        self.model = stored
        if meddling is not None:
            assert not {self.place(meddling), meddling["PK"]} & read
        for key, new in written.values():
            self.expect(key, new, log)
        self.heard(log)

    def step(
        self, tx: Any, action: Any, reading: str, read: set[Any], written: dict[Any, Any]
    ) -> None:
        """Do one step in a transaction and in the model, which is put back when it is over."""
        key = self.key(action[1][0])
        place = self.place(key)
        if reading == "get":
            assert tx.get_item(key=key) == self.visible().get(place)
            read.update(set() if place in written else {place})
        elif reading == "query":
            assert list(tx.query(key["PK"])) == self.collection(key["PK"])
            read.add(key["PK"])
        method, parameters, passes, _, new = self.asked(action)
        looks = action[0] in ("update", "check") or action[3] != "none"
        if looks and place not in written and (action[0] != "check" or action[3] != "none"):
            read.add(place)
        if action[0] == "check":
            if action[3] == "none":
                return
            method = "condition_check"
        try:
            getattr(tx, method)(**parameters)
        except ConditionalCheckFailed:
            assert not passes
            return
        assert passes
        if action[0] != "check":
            written[place] = key, new
            self.model = {**self.model}
            self.model.pop(place, None)
            if new is not None:
                self.model[place] = new

    # -- time -----------------------------------------------------------------------------------

    @precondition(lambda self: self.ttl)
    @rule(seconds=st.sampled_from([0.5, 1, 3, 10]))
    def turn_the_clock(self, seconds: float) -> None:
        self.now += seconds
        if self.other:
            self.worker.call("clock", self.now)

    @precondition(lambda self: self.ttl)
    @rule()
    def sweep(self) -> None:
        self.forget_swept()
        gone = [item for item in self.model.values() if self.expired(item)]
        assert self.db.sweep() == len(gone)
        if self.listening:
            heard = [event.old for event in self.events]
            assert Counter(map(shown, heard)) == Counter(map(shown, gone))
        self.events.clear()
        self.model = self.visible()
        assert self.db.sweep() == 0

    # -- reads ----------------------------------------------------------------------------------

    @rule(place=places)
    def get(self, place: tuple[int, int]) -> None:
        key = self.key(place)
        expected = self.visible().get(self.place(key))
        found = self.db.get_item(key=key)
        assert found == expected
        if found is not None:
            found.clear()
            assert self.db.get_item(key=key) == expected

    @rule(asked=st.lists(places, max_size=6))
    def batch_get(self, asked: list[tuple[int, int]]) -> None:
        keys = [self.key(place) for place in asked]
        visible = self.visible()
        expected = [visible[self.place(key)] for key in keys if self.place(key) in visible]
        assert self.db.batch_get_item(keys=keys) == expected

    @rule(
        at=st.integers(0, 3),
        condition=st.sampled_from(["none", "between", "begins_with", "starts_with", *COMPARE]),
        bounds=st.tuples(st.integers(0, 30), st.integers(0, 30)),
        builder=st.booleans(),
        forward=st.booleans(),
        limit=st.sampled_from([None, None, 1, 2, 5]),
        filtered=st.sampled_from([None, None, "n", Attr("n").exists(), lambda item: "n" in item]),
        by_other=st.booleans(),
    )
    def query(
        self,
        at: int,
        condition: str,
        bounds: tuple[int, int],
        builder: bool,
        forward: bool,
        limit: int | None,
        filtered: Any,
        by_other: bool,
    ) -> None:
        pk = self.pks[at % len(self.pks)]
        expected = self.collection(pk)
        options: dict[str, Any] = {}
        low, high = sorted(bound % len(self.sks) for bound in bounds)
        a, b = self.sks[low], self.sks[high]
        if not self.sort:
            condition = "none"
        if condition in ("begins_with", "starts_with") and isinstance(a, (str, bytes)):
            options = {"sk": Key("SK").begins_with(a) if builder else begins_with(a)}
            if condition == "starts_with":
                options = {"starts_with": a}
            expected = [item for item in expected if item["SK"].startswith(a)]
        elif condition == "between":
            options = {"sk": Key("SK").between(a, b) if builder else between(a, b)}
            expected = [item for item in expected if a <= item["SK"] <= b]
        elif condition in COMPARE:
            options = {"sk": (getattr(Key("SK"), condition) if builder else PLAIN[condition])(a)}
            expected = [item for item in expected if COMPARE[condition](item["SK"], a)]
        if filtered is not None:
            expected = [item for item in expected if "n" in item]
        expected = (expected if forward else expected[::-1])[:limit]
        options |= {"scan_index_forward": forward, "limit": limit, "filter": filtered}
        if by_other and self.other and not callable(filtered):
            assert self.worker.call("query", pk, **options) == expected
        assert list(self.db.query(pk, **options)) == expected

    @rule(total=st.sampled_from([None, 1, 2, 3, 16]))
    def scan(self, total: int | None) -> None:
        if total is None:
            found = list(self.db.scan())
        else:
            segments = [self.db.scan(segment=n, total_segments=total) for n in range(total)]
            found = [item for segment in segments for item in segment]
        visible = self.visible()
        assert len(found) == len(visible)
        assert {self.place(item): item for item in found} == visible
        for pk in {item["PK"] for item in found}:
            assert [item for item in found if item["PK"] == pk] == self.collection(pk)

    # -- indexes ----------------------------------------------------------------------------------

    @rule(name=st.sampled_from(sorted(INDEXES)))
    def add_index(self, name: str) -> None:
        if self.sort or name != "local":
            self.db.add_index(name, INDEXES[name])

    @rule(name=st.sampled_from(sorted(INDEXES)))
    def drop_index(self, name: str) -> None:
        if name in self.db.indexes:
            self.db.drop_index(name)

    @rule(group=st.sampled_from(["g0", "g1", "g2"]), forward=st.booleans())
    def query_indexes(self, group: str, forward: bool) -> None:
        grouped = [
            item
            for item in self.visible().values()
            if item.get("group") == group and "rank" in item
        ]
        for name in ("global", "keys"):
            if name not in self.db.indexes:
                continue
            found = list(self.db.query(group, index=name, scan_index_forward=forward))
            ranks = [item["rank"] for item in found]
            assert ranks == sorted(ranks, reverse=not forward)
            assert {self.place(item) for item in found} == {self.place(item) for item in grouped}
            assert len(found) == len(grouped)
            if name == "global":
                assert {self.place(item): item for item in found} == {
                    self.place(item): item for item in grouped
                }
        if "local" in self.db.indexes:
            found = list(self.db.scan(index="local"))
            ranked = [item for item in self.visible().values() if "rank" in item]
            assert sorted(item["rank"] for item in found) == sorted(i["rank"] for i in ranked)

    @invariant()
    def len_is_exact(self) -> None:
        if hasattr(self, "db"):
            assert len(self.db) == len(self.visible())

    @invariant()
    def the_stream_leads_here(self) -> None:
        """Each record goes on where the one before it of its item ended."""
        if not hasattr(self, "db") or not self.streamed:
            return
        for record in self.db.stream(after=self.last, follow=False):
            assert self.last is None or self.last < record.sequence_number
            self.last = record.sequence_number
            place, new, old = self.place(record.keys), record.new_image, record.old_image
            assert shown(self.replayed.pop(place, None)) == shown(old)
            assert shown(old) != shown(new)
            if new is not None:
                self.replayed[place] = new
        left = {at: each for at, each in self.replayed.items() if not self.expired(each)}
        assert left == self.visible()

    # -- the life of a folder ---------------------------------------------------------------------

    @rule()
    def listen(self) -> None:
        if self.listening:
            self.db.remove_stream_listener(self.events.append)
        else:
            self.forget_swept()
            self.db.add_stream_listener(self.events.append)
        self.listening = not self.listening

    @rule()
    def reopen(self) -> None:
        self.db.close()
        self.db = Dynafile(self.folder / "db", durability=self.durability)  # type: ignore[arg-type]
        self.settle()

    @rule(forget=st.booleans(), check=st.booleans())
    def checkpoint(self, forget: bool, check: bool) -> None:
        self.db._store.checkpoint()
        if forget:
            self.db._store.replica.cache.clear()
        if check:
            self.db.check()

    # -- the other process ------------------------------------------------------------------------

    @precondition(lambda self: not self.other)
    @rule(read_only=st.sampled_from([True, False, False]))
    def other_opens(self, read_only: bool) -> None:
        self.worker.call("clock", self.now)
        self.worker.open(self.folder / "db", read_only=read_only)
        self.worker.call("partition_bytes", PARTITION_BYTES)
        self.other, self.read_only = True, read_only

    @precondition(lambda self: self.other)
    @rule()
    def other_closes(self) -> None:
        self.worker.call("shut")
        self.other = False

    @precondition(lambda self: self.other and not self.read_only)
    @rule(writes=st.lists(st.tuples(st.booleans(), items), min_size=1, max_size=6))
    def other_writes(self, writes: list[tuple[bool, tuple[Any, ...]]]) -> None:
        for delete, given in writes:
            item = self.item(given)
            if delete:
                self.expect_delete(item, [])
                self.worker.call("delete_item", key=item)
            else:
                self.expect_put(item, [])
                self.worker.call("put_item", item=item)
        assert self.events == []
        self.forget_swept()

    @precondition(lambda self: self.other and not self.read_only)
    @rule(what=st.sampled_from(["checkpoint", "sweep", "clear"]))
    def other_tidies(self, what: str) -> None:
        self.worker.call(what)
        if what == "clear":
            self.model.clear()
        self.forget_swept()

    @precondition(lambda self: self.other)
    @rule(place=places)
    def other_reads(self, place: tuple[int, int]) -> None:
        key = self.key(place)
        assert self.worker.call("get_item", key=key) == self.visible().get(self.place(key))
        assert self.worker.call("len") == len(self.visible())


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as process:
        yield process


def test_the_machine(worker: Worker) -> None:
    Machine.worker = worker
    machine = Machine.TestCase
    machine.settings = settings(
        max_examples=80,
        stateful_step_count=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    machine().runTest()
