"""``dynafile import`` from the outside: what lands in the table, and what is said about it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import BatchWriter, Dynafile
from dynafile.cli import importer
from dynafile.errors import DiskFull
from dynafile.store.store import Store
from dynafile.table.stream_record import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from conftest import Run

LINES = 10_000
BAD = 5_000


def write_lines(path: Path, bad: Iterable[int] = ()) -> None:
    lines = [json.dumps({"PK": "a", "SK": f"{line:05}"}) for line in range(1, LINES + 1)]
    for line in bad:
        lines[line - 1] = '{"PK": "a", "SK":'
    path.write_text("\n".join(lines))


def keys(folder: Path, name: str = "db") -> list[str]:
    with Dynafile(folder / name, read_only=True) as db:
        return [item["SK"] for item in db.query("a")]


def items(folder: Path, name: str = "db") -> list[dict[str, object]]:
    with Dynafile(folder / name, read_only=True) as db:
        return sorted(db.scan(), key=str)


@pytest.mark.parametrize("batch_size", ["1000", "7", "20000"])
def test_a_malformed_line_stops_and_what_came_before_stays(
    run: Run, folder: Path, batch_size: str
) -> None:
    write_lines(folder / "in.jsonl", bad=[BAD])
    done = run("import", "db", "in.jsonl", "--batch-size", batch_size, code=3)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: line 5000 of in.jsonl: Expecting value (column 18)",
        "hint: 4,999 records were imported before it, and stay",
    ]
    assert keys(folder) == [f"{line:05}" for line in range(1, BAD)]


def test_malformed_lines_are_skipped_and_counted(run: Run, folder: Path) -> None:
    bad = range(BAD, BAD + 7)
    write_lines(folder / "in.jsonl", bad=bad)
    done = run("import", "db", "in.jsonl", "--on-error", "skip")
    *skipped, more, imported = done.stderr.splitlines()
    assert [line.split(":")[:2] for line in skipped] == [
        ["skipped", f" line {line} of in.jsonl"] for line in bad[:5]
    ]
    assert more == "skipped: and 2 more"
    assert imported.startswith("imported: 9,993 records into db in ")
    assert imported.endswith(", skipped 7")
    assert keys(folder) == [f"{line:05}" for line in range(1, LINES + 1) if line not in bad]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"SK": "1"}', "PK"),
        ('{"PK": "a"}', "SK"),
        ('{"PK": "", "SK": "1"}', "PK"),
        ('{"PK": 5, "SK": "1"}', "PK"),
        ('{"PK": "a", "SK": "1", "x": 1e999}', "item['x']"),
        ('{"PK": "a", "SK": "1", "x": [{"$set": []}]}', "item['x'][0]"),
        ('{"PK": "a", "SK": "1", "x": "\\ud800"}', "item['x']"),
    ],
)
def test_a_record_that_cannot_be_stored_is_named_by_its_line(
    run: Run, folder: Path, record: str, reason: str
) -> None:
    lines = ['{"PK": "a", "SK": "1"}', '{"PK": "a", "SK": "2"}', record, '{"PK": "a", "SK": "4"}']
    done = run("import", "db", "-", stdin="\n".join(lines), code=3)
    assert done.stderr.startswith("error: line 3 of standard input: ")
    assert reason in done.stderr
    assert keys(folder) == ["1", "2"]
    run("import", "db", "-", "--on-error", "skip", stdin="\n".join(lines))
    assert keys(folder) == ["1", "2", "4"]


def test_a_missing_key_hints_at_templates(run: Run) -> None:
    done = run("import", "db", "-", stdin='{"id": 1}', code=3)
    assert "--key 'PK=country#{countrycode}'" in done.stderr
    assert "nothing was imported" in done.stderr


def test_keys_by_templates(run: Run, folder: Path) -> None:
    record = {"id": 7, "name": "Paris", "country": {"code": "FR"}, "PK": "replaced"}
    templates = ["--key", "PK=country#{country.code}", "--key", "SK={name}#{id:04d}"]
    run("import", "db", "-", *templates, stdin=json.dumps(record))
    assert items(folder) == [record | {"PK": "country#FR", "SK": "Paris#0007"}]


def test_a_template_without_its_field_names_the_line(run: Run, folder: Path) -> None:
    stdin = '{"id": 1, "SK": "1"}\n{"ID": 2, "SK": "1"}\n'
    done = run("import", "db", "-", "--key", "PK=x#{id}", stdin=stdin, code=3)
    assert "line 2 of standard input: there is no 'id' to make a key of" in done.stderr
    assert [item["PK"] for item in items(folder)] == ["x#1"]


def test_key_attributes_types_and_ttl(run: Run, folder: Path) -> None:
    stdin = '{"year": 2026, "blob": {"$binary": "AAE="}, "until": 4102444800}'
    schema = ["--pk", "year", "--sk", "blob", "--ttl", "until", "--pk-type", "N", "--sk-type", "B"]
    run("import", "db", "-", *schema, stdin=stdin)
    with Dynafile(folder / "db", read_only=True) as db:
        assert (db.pk_attribute, db.pk_type) == ("year", "N")
        assert (db.sk_attribute, db.sk_type) == ("blob", "B")
        assert db.ttl_attribute == "until"
        assert len(db) == 1


def test_a_table_without_sort_key(run: Run, folder: Path) -> None:
    run("import", "db", "-", "--no-sk", stdin='{"PK": "a"}\n{"PK": "b"}')
    with Dynafile(folder / "db", read_only=True) as db:
        assert db.sk_attribute is None
        assert len(db) == 2
    done = run("import", "db2", "-", "--no-sk", "--sk", "x", stdin="", code=2)
    assert "--no-sk contradicts" in done.stderr


def test_options_that_contradict_the_folder(run: Run, cities: str) -> None:
    done = run("import", cities, "-", "--pk", "id", stdin='{"id": "1", "SK": "1"}', code=2)
    assert done.stderr.startswith("error: ")
    assert "dynafile info" in done.stderr


def test_csv_with_types(run: Run, folder: Path) -> None:
    (folder / "in.csv").write_text(
        'PK,SK,population,tags,note,until\nFR,1,10,"[1, 2]",,4102444800\nFR,2,x,[],,\n'
    )
    options = [
        "--type",
        "population=int",
        "--type",
        "tags=json",
        "--ttl",
        "until",
        "--sk-type",
        "N",
    ]
    done = run("import", "db", "in.csv", *options, code=3)
    assert "line 3 of in.csv: column 'population': 'x' is not of type int" in done.stderr
    assert items(folder) == [
        {"PK": "FR", "SK": 1, "population": 10, "tags": [1, 2], "until": 4102444800}
    ]


def test_tab_separated_values(run: Run, folder: Path) -> None:
    (folder / "in.tsv").write_text("PK\tSK\nFR\tParis, France\n")
    run("import", "db", "in.tsv")
    assert items(folder) == [{"PK": "FR", "SK": "Paris, France"}]


def test_csv_options_are_for_csv(run: Run, folder: Path) -> None:
    (folder / "in.jsonl").write_text("{}")
    for option in (["--type", "a=int"], ["--delimiter", ";"], ["--keep-empty"]):
        done = run("import", "db", "in.jsonl", *option, code=2)
        assert "are for CSV, and in.jsonl is read as jsonl" in done.stderr
    run("import", "db", "in.jsonl", "--format", "csv", "--delimiter", ";;", code=2)
    assert not (folder / "db").exists()


def test_json_arrays(run: Run, folder: Path) -> None:
    (folder / "in.json").write_text('[{"PK": "a", "SK": "1"},\n{"PK": "a", "SK": "2"}, oops]')
    done = run("import", "db", "in.json", "--on-error", "skip", code=3)
    assert "line 2 of in.json: Expecting value" in done.stderr
    assert "2 records were imported before it, and stay" in done.stderr
    assert keys(folder) == ["1", "2"]


def test_numbers_keep_their_kind(run: Run, folder: Path) -> None:
    stdin = '{"PK": "a", "SK": "1", "i": 1, "f": 1.0, "big": 12345678901234567890123456789}'
    run("import", "db", "-", stdin=stdin)
    (item,) = items(folder)
    assert [repr(item[name]) for name in ("i", "f", "big")] == [
        "1",
        "1.0",
        "12345678901234567890123456789",
    ]
    run("import", "db", "-", "--decimal", stdin=stdin)
    assert repr(items(folder)[0]["f"]) == "Decimal('1.0')"


def test_tags_may_be_left_alone(run: Run, folder: Path) -> None:
    stdin = '{"PK": "a", "SK": "1", "x": {"$date": "2026-01-31T00:00:00Z"}}'
    run("import", "db", "-", stdin=stdin, code=3)
    run("import", "db", "-", "--no-tags", stdin=stdin)
    assert items(folder)[0]["x"] == {"$date": "2026-01-31T00:00:00Z"}


def test_importing_again_changes_nothing(run: Run, folder: Path) -> None:
    write_lines(folder / "in.jsonl")
    for _ in range(2):
        run("import", "db", "in.jsonl")
        assert len(keys(folder)) == LINES


def test_nothing_to_import(run: Run, folder: Path) -> None:
    done = run("import", "db", "-", stdin="")
    assert done.stderr.startswith("imported: 0 records into db")


def test_a_file_that_is_not_there_leaves_no_folder(run: Run, folder: Path) -> None:
    done = run("import", "db", "nowhere.jsonl", code=2)
    assert "cannot read nowhere.jsonl: No such file or directory" in done.stderr
    run("import", "db", ".", "--format", "jsonl", code=2)
    assert list(folder.iterdir()) == []


def test_a_path_that_is_a_file(run: Run, folder: Path) -> None:
    (folder / "db").write_text("mine")
    run("import", "db", "-", stdin="{}", code=4)
    assert (folder / "db").read_text() == "mine"


def test_memory_is_no_place_to_import_to(run: Run) -> None:
    done = run("import", ":memory:", "-", stdin="{}", code=2)
    assert "would be gone" in done.stderr


def test_large_records_end_a_batch(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    enter, put = BatchWriter.__enter__, BatchWriter.put_item

    def entering(writer: BatchWriter) -> BatchWriter:
        commits.append(0)
        return enter(writer)

    def counting(writer: BatchWriter, *, item: Any) -> None:
        commits[-1] += 1
        put(writer, item=item)

    monkeypatch.setattr(importer, "_BATCH_BYTES", 1000)
    monkeypatch.setattr(BatchWriter, "__enter__", entering)
    monkeypatch.setattr(BatchWriter, "put_item", counting)
    lines = [json.dumps({"PK": "a", "SK": str(n), "x": "x" * 400}) for n in range(10)]
    run("import", "db", "-", stdin="\n".join(lines))
    assert sum(commits) == 10
    assert max(commits) <= 3


def test_a_full_disk_says_what_stays(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = BatchWriter.__exit__
    commits = 0

    def failing(writer: BatchWriter, *reason: Any) -> None:
        nonlocal commits
        commits += 1
        if commits > 3:
            raise DiskFull("the disk is full", path="db")
        leave(writer, *reason)

    monkeypatch.setattr(BatchWriter, "__exit__", failing)
    write_lines(folder / "in.jsonl")
    done = run("import", "db", "in.jsonl", code=4)
    assert "error: the disk is full" in done.stderr
    assert "2,001 records were imported before it, and stay" in done.stderr
    assert len(keys(folder)) == 2001


@pytest.mark.parametrize("moment", ["before", "after"])
def test_ctrl_c_during_a_commit(
    moment: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is made and counted.

    The import ended without a word on how much of it stays.
    """
    commit = Store.commit

    def interrupted(self: Store, operations: list[Any], *rest: Any, **options: Any) -> None:
        second = len(operations) > 1
        if second and moment == "before":
            signal.raise_signal(signal.SIGINT)
        commit(self, operations, *rest, **options)
        if second and moment == "after":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Store, "commit", interrupted)
    write_lines(folder / "in.jsonl")
    done = run("import", "db", "in.jsonl", code=130)
    assert done.stderr.splitlines() == [
        "error: interrupted",
        "hint: 1,001 records were imported before it, and stay",
    ]
    assert len(keys(folder)) == 1001
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interruption_keeps_what_came_before(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = importer.Importer._item
    seen = 0

    def interrupted(self: importer.Importer, record: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen > 1500:
            raise KeyboardInterrupt
        return item(self, record)

    monkeypatch.setattr(importer.Importer, "_item", interrupted)
    write_lines(folder / "in.jsonl")
    done = run("import", "db", "in.jsonl", code=130)
    assert done.stderr.splitlines() == [
        "error: interrupted",
        "hint: 1,500 records were imported before it, and stay",
    ]
    assert len(keys(folder)) == 1500


def test_what_is_imported_is_in_the_stream(run: Run, folder: Path) -> None:
    with Dynafile(folder / "db", stream=True):
        pass
    write_lines(folder / "in.jsonl")
    run("import", "db", "in.jsonl", "--batch-size", "1000")
    run("import", "db", "in.jsonl", "--batch-size", "3000")  # which changes nothing
    with Dynafile(folder / "db") as db:
        found = list(db.stream(follow=False))
        assert {record.event_name for record in found} == {"INSERT"}
        assert sorted(str(record.new_image) for record in found) == sorted(map(str, db.scan()))
        assert len({place_of(record)[0] for record in found}) >= 10
