"""The acts of the demo: each runs one thing, and shows what came out and how long it took."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from dynafile import Attr, Dynafile, Event, GlobalIndex
from dynafile.cli.demo.stage import duration, size, timed
from dynafile.cli.failures import Failure
from dynafile.cli.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dynafile.cli.demo.stage import Stage

_FLUSH = 2000
_REPEATS = 2000
_ROUNDS = 9
INDEX = "by-population"
_PARIS = {"PK": "country#FR", "SK": "Paris#2988507"}
_MEANINGS = {
    "meta.json": "the schema: keys, types, table name",
    "lock": "the writer's file lock",
    "position": "the journal's published end, mapped by readers",
    "checkpoint": "where the journal's replay begins",
    "journal": "what was committed, append-only",
    "_partitions": "snapshots of partitions, sorted",
    f"_gsi-{INDEX}": "the index, a mirror of the same kind",
    "runs": "checkpoints that wait to be folded into snapshots",
    "tmp": "half-made files, emptied at opening",
}


def import_cities(stage: Stage, db: Dynafile, cities: Sequence[dict[str, Any]]) -> None:
    """Put all cities, a commit every two thousand."""
    stage.act(f"{len(cities):,} cities into a folder")
    with (
        timed() as took,
        progress_bar("importing", len(cities), unit="cities") as report,
        db.batch_writer(flush_items=_FLUSH) as batch,
    ):
        for count, city in enumerate(cities):
            batch.put_item(item=city)
            if count % _FLUSH == 0:
                report(count, count)
    stage.code(f"with db.batch_writer(flush_items={_FLUSH}) as batch:", took.seconds)
    stage.code("    batch.put_item(item=city)")
    rate = len(cities) / took.seconds
    stage.say(
        f"{rate:,.0f} a second in {-(-len(cities) // _FLUSH)} commits, each synced before the next"
    )


def one_city(stage: Stage, db: Dynafile) -> None:
    """Get an item by its key."""
    stage.act("One city, by its key")
    city = db.get_item(key=_PARIS)
    assert city is not None
    with timed() as took:
        for _ in range(_REPEATS):
            db.get_item(key=_PARIS)
    stage.code(f"db.get_item(key={_code(_PARIS)})", took.seconds / _REPEATS)
    stage.say(
        f"{city['name']}: {city['population']:,} people, {city['timezone']}, at "
        f"{city['latitude']}, {city['longitude']}"
    )
    stage.names([f"also {city['alternatenames'][0]}", *city["alternatenames"][1:]])


def by_prefix(stage: Stage, db: Dynafile) -> None:
    """Query an item collection by a prefix of the sort key, both ways."""
    stage.act("A country's cities, by a prefix of the sort key")
    with timed() as took:
        found = list(db.query("country#FR", starts_with="Saint-"))
    stage.code('db.query("country#FR", starts_with="Saint-")', took.seconds)
    stage.names([city["name"] for city in found])
    with timed() as took:
        found = list(
            db.query("country#FR", starts_with="Saint-", scan_index_forward=False, limit=3)
        )
    stage.code("    ..., scan_index_forward=False, limit=3)", took.seconds)
    stage.names([city["name"] for city in found])


def largest(stage: Stage, db: Dynafile) -> None:
    """Add an index, and query it in reverse: a country's largest cities."""
    stage.act("A second order: a country's largest cities, by an index")
    index = GlobalIndex(pk="countrycode", sk="population")
    with (
        timed() as took,
        progress_bar("indexing", len(db), unit="cities") as report,
    ):
        db.add_index(INDEX, index, progress=lambda _name, done, _total: report(done, done))
    stage.code(f'db.add_index("{INDEX}",', took.seconds)
    stage.code('    GlobalIndex(pk="countrycode", sk="population"))')
    with timed() as took:
        found = list(db.query("FR", index=INDEX, scan_index_forward=False, limit=5))
    stage.code(f'db.query("FR", index="{INDEX}", scan_index_forward=False, limit=5)', took.seconds)
    stage.names([f"{city['name']} {city['population']:,}" for city in found])


def timings(stage: Stage, db: Dynafile) -> None:
    """Time each operation by itself, the median of some rounds; what is put back is unchanged."""
    stage.act("What each takes here, warm: the median of nine rounds")
    city = db.get_item(key=_PARIS)
    assert city is not None
    jobs: dict[str, Callable[[], object]] = {
        "db.get_item(key=...)": lambda: db.get_item(key=_PARIS),
        "db.query(pk, starts_with=..., limit=10)": lambda: list(
            db.query("country#FR", starts_with="S", limit=10)
        ),
        "db.query(pk, index=..., limit=10)": lambda: list(db.query("FR", index=INDEX, limit=10)),
        "db.put_item(item=...), synced, with one index": lambda: db.put_item(item=city),
    }
    for code, job in jobs.items():
        stage.code(code, _median(job, _REPEATS // 20))
    with Dynafile(db.path, durability="relaxed") as relaxed:
        took = _median(lambda: relaxed.put_item(item=city), _REPEATS // 20)
    stage.code('the same put with durability="relaxed"', took)
    stage.code("list(db.scan()), an item", _median(lambda: list(db.scan()), 1) / len(db))


def _median(job: Callable[[], object], repeats: int) -> float:
    """Return the seconds that a job takes once."""
    rounds = []
    for _ in range(_ROUNDS):
        with timed() as took:
            for _ in range(repeats):
                job()
        rounds.append(took.seconds / repeats)
    return median(rounds)


def three_filters(stage: Stage, db: Dynafile) -> None:
    """Scan with a filter, in each of its three forms."""
    stage.act("A filter over all of them, in three forms")

    filters: dict[str, Any] = {
        'db.scan(filter=lambda city: city["population"] > 9_000_000 and ...)': (
            lambda city: city["population"] > 9_000_000 and city["timezone"].startswith("Asia/")
        ),
        'db.scan(filter=Attr("population").gt(9_000_000) & ...)': (
            Attr("population").gt(9_000_000) & Attr("timezone").begins_with("Asia/")
        ),
        'db.scan(filter="population > 9000000 and timezone =~ /^Asia/")': (
            "population > 9000000 and timezone =~ /^Asia/"
        ),
    }
    found: list[dict[str, Any]] = []
    for code, condition in filters.items():
        with timed() as took:
            found = list(db.scan(filter=condition))
        stage.code(code, took.seconds)
    found.sort(key=lambda city: -city["population"])
    stage.names([city["name"] for city in found])


def update(stage: Stage, db: Dynafile) -> None:
    """Change an item; a listener hears of it, and so does another process."""
    stage.act("An update, heard by a listener and seen by a second process")
    heard: list[Event] = []
    city = db.get_item(key=_PARIS)
    assert city is not None
    module = "dynafile.cli.demo.witness"
    command = [sys.executable, "-P", "-m", module, db.path, *_PARIS.values()]
    with subprocess.Popen(
        [*command, "population"], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as witness:
        assert witness.stdout is not None
        witness.stdout.readline()
        db.add_stream_listener(heard.append)
        called = time.time_ns()
        with timed() as took:
            db.put_item(item=city | {"population": city["population"] + 1})
        db.remove_stream_listener(heard.append)
        report = witness.stdout.readline().split()
    stage.code("db.add_stream_listener(listener)")
    stage.code('db.put_item(item=city | {"population": city["population"] + 1})', took.seconds)
    (event,) = heard
    assert event.old is not None
    assert event.new is not None
    change = f"{event.old['population']:,} to {event.new['population']:,}"
    stage.say(f"the listener heard: {event.action} {event.new['name']}, population {change}")
    if not report:
        raise Failure("the second process did not see the update")
    after = max(0, int(report[0]) - called) / 1e9
    stage.say(f"process {witness.pid} saw {int(report[1]):,}, {duration(after)} after the call")


def layout(stage: Stage, folder: str) -> None:
    """Show the folder."""
    stage.act("What is in the folder, now that it is closed")
    rows = []
    for entry in sorted(Path(folder).iterdir(), key=lambda path: (path.is_file(), path.name)):
        meaning = _MEANINGS.get(entry.name, "")
        if entry.is_file():
            rows.append((entry.name, size(entry.stat().st_size), meaning))
            continue
        files = [path for path in entry.rglob("*") if path.is_file()]
        if files:
            total = sum(path.stat().st_size for path in files)
            meaning = f"{len(files)} file{'s' if len(files) > 1 else ''}: {meaning}"
            rows.append((f"{entry.name}/", size(total), meaning))
    stage.tree(f"{folder}/", rows)


def where_next(stage: Stage, folder: str, program: str) -> None:
    """Show what to try from here."""
    stage.act("Where to go next")
    stage.commands(
        [
            (f"{program} query {folder} country#JP --begins-with Kyo", "a table"),
            (f"{program} query {folder} country#JP | jq .name", "JSON in a pipe"),
            (f"{program} scan {folder} --filter 'population > 9000000'", "a filter"),
            (f"{program} export {folder} -o cities.jsonl", "everything"),
            (f"{program} info {folder}", "its size"),
            (f"{program} --help", "the rest"),
        ]
    )


def _code(key: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": "{value}"' for name, value in key.items()) + "}"
