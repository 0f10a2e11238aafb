"""``dynafile watch`` and ``stream``: what becomes of items, and which tables remember it."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Database, Dynafile

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def watched(run: Run, cities: str) -> str:
    """The cities with a stream, and three changes."""
    run("stream", "on", cities)
    run("put", cities, '{"PK": "FR", "SK": "Lille"}')
    run("put", cities, '{"PK": "FR", "SK": "Lille", "population": 234475}')
    run("delete", cities, "DE", "Berlin")
    return cities


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_printed(run: Run, watched: str) -> None:
    first, second, third = lines(run("watch", watched, "--no-follow").stdout)
    assert first["event_name"] == "INSERT"
    assert first["keys"] == first["new_image"] == {"PK": "FR", "SK": "Lille"}
    assert "old_image" not in first
    assert second["event_name"] == "MODIFY"
    assert second["old_image"] == first["new_image"]
    assert third["event_name"] == "REMOVE"
    assert third["old_image"]["population"] == 3426354
    assert "user_identity" not in third
    at = [record["sequence_number"] for record in (first, second, third)]
    assert at == sorted(at)
    times = [record["approximate_creation_time"] for record in (first, second, third)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("options", "events"),
    [
        (["--prefix", "F"], ["INSERT", "MODIFY"]),
        (["--filter", "population > 1000000"], ["REMOVE"]),
        (["--start", "LATEST"], []),
        (["--start", "TRIM_HORIZON"], ["INSERT", "MODIFY", "REMOVE"]),
    ],
)
def test_which_records(run: Run, watched: str, options: list[str], events: list[str]) -> None:
    done = run("watch", watched, "--no-follow", *options)
    assert [line["event_name"] for line in lines(done.stdout)] == events


def test_places(run: Run, watched: str) -> None:
    at = lines(run("watch", watched, "--no-follow").stdout)[1]["sequence_number"]
    from_there = lines(run("watch", watched, "--no-follow", "--start", at).stdout)
    assert [line["event_name"] for line in from_there] == ["MODIFY", "REMOVE"]
    after = lines(run("watch", watched, "--timeout", "0", "--after", at).stdout)
    assert [line["event_name"] for line in after] == ["REMOVE"]
    done = run("watch", watched, "--start", "12", code=3)
    assert "30 digits" in done.stderr


def test_a_name_remembers(run: Run, watched: str) -> None:
    assert len(lines(run("watch", watched, "--no-follow", "--name", "mailer").stdout)) == 3
    assert run("watch", watched, "--no-follow", "--name", "mailer").stdout == ""
    run("put", watched, '{"PK": "FR", "SK": "Nantes"}')
    (line,) = lines(run("watch", watched, "--no-follow", "--name", "mailer").stdout)
    assert line["keys"]["SK"] == "Nantes"
    (told,) = lines(run("stream", "consumers", watched).stdout)
    assert (told["name"], told["unacknowledged"], told["members"]) == ("mailer", 0, 0)
    done = run("watch", watched, "--name", "mailer", "--start", "LATEST", code=2)
    assert "begun with start='TRIM_HORIZON'" in done.stderr


def test_without_a_stream(run: Run, cities: str) -> None:
    done = run("watch", cities, "--no-follow", code=3)
    assert "has no stream" in done.stderr
    assert "dynafile stream on PATH" in done.stderr
    assert run("stream", "consumers", cities).stdout == ""
    run("watch", "missing", "--no-follow", code=4)
    assert "no stream to disable" in run("stream", "off", cities, code=2).stderr


def test_on_and_off(run: Run, cities: str) -> None:
    run("stream", "on", cities, "--view", "KEYS_ONLY", "--retention", "60", "--max-bytes", "9000")
    with Dynafile(cities) as db:
        stream = db.describe().stream
        assert stream is not None
        assert (stream.view_type, stream.seconds, stream.max_bytes) == ("KEYS_ONLY", 60, 9000)
    done = run("stream", "on", cities, "--view", "NEW_IMAGE", code=2)
    assert "has a stream already" in done.stderr
    assert "KEYS_ONLY" in done.stderr
    assert "dynafile stream off PATH" in done.stderr
    run("stream", "on", cities, "--view", "KEYS_ONLY", "--retention", "60", "--max-bytes", "9000")
    run("put", cities, '{"PK": "FR", "SK": "Lille"}')
    run("stream", "off", cities)
    run("put", cities, '{"PK": "FR", "SK": "Nantes"}')
    (line,) = lines(run("watch", cities).stdout)  # it ends, because the stream has
    assert set(line) == {"event_name", "keys", "sequence_number", "approximate_creation_time"}


def test_one_of_several_tables(run: Run, folder: Path) -> None:
    with Database(folder / "db") as db:
        db.create_table("one")
        db.create_table("two")
    run("stream", "on", "db", code=2)
    run("stream", "on", "db", "--table", "two")
    run("put", "db", "--table", "one", '{"PK": "a", "SK": "1"}')
    run("put", "db", "--table", "two", '{"PK": "b", "SK": "1"}')
    (line,) = lines(run("watch", "db", "--table", "two", "--no-follow").stdout)
    assert line["keys"]["PK"] == "b"


def test_another_process_is_followed(run: Run, watched: str) -> None:
    """Each line is there at once, although the output is a pipe."""
    command = [sys.executable, "-P", "-m", "dynafile", "watch", watched, "--start", "LATEST"]
    with subprocess.Popen(
        [*command, "--timeout", "20"], stdout=subprocess.PIPE, encoding="utf-8"
    ) as child:
        assert child.stdout is not None
        number, line = 0, ""
        with Dynafile(watched) as db:
            while not line:
                # It says nothing of when it has begun, so there is something new until it has.
                db.put_item(item={"PK": "FR", "SK": "Lille", "n": (number := number + 1)})
                line = _line_within(child.stdout, 0.2)
        child.kill()
    assert json.loads(line)["new_image"]["SK"] == "Lille"


def _line_within(pipe: Any, seconds: float) -> str:
    ready, _, _ = select.select([pipe], [], [], seconds)
    return str(pipe.readline()) if ready else ""
