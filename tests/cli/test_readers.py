"""The readers: what each makes of good input, and of every kind of bad."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynafile.cli import source as source_module
from dynafile.cli.csv_reader import CsvOptions, read_csv
from dynafile.cli.failures import Failure
from dynafile.cli.json_reader import read_json, read_json_lines
from dynafile.cli.record import Record
from dynafile.cli.source import InputFormat, Source, guess_format
from dynafile.errors import MalformedRecord
from dynafile.values.tagged import decoder


def source(data: bytes) -> Source:
    return Source(io.BytesIO(data), "input", len(data))


def lines(data: bytes) -> list[Record]:
    return list(read_json_lines(source(data), decoder()))


def array(data: bytes) -> list[Record]:
    return list(read_json(source(data), decoder()))


def rows(data: bytes, types: dict[str, str] | None = None, **options: Any) -> list[Record]:
    return list(read_csv(source(data), CsvOptions(types or {}, **options)))


def found(records: list[Record]) -> list[object]:
    """Items, and for malformed records their line and what is wrong."""
    return [
        record.item if record.problem is None else (record.line, str(record.problem))
        for record in records
    ]


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "_CHUNK", 7)


# -- JSON Lines ---------------------------------------------------------------------------------


def test_json_lines() -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"a": {"$set": ["x"]}}\n{"a": 100000000000000000000}'
    assert found(lines(data)) == [{"a": 1}, {"a": {"x"}}, {"a": 10**20}]
    assert [record.line for record in lines(data)] == [1, 4, 5]


def test_a_bad_line_spoils_no_other() -> None:
    data = b'{"a": 1}\n{"a":\n[1]\n"x"\n1\nnull\n{"a": "\xff"}\n{"a": NaN}\n{"a": 2} x\n{"a": 3}\n'
    assert found(lines(data)) == [
        {"a": 1},
        (2, "Expecting value (column 6)"),
        (3, "expected an object, found an array"),
        (4, "expected an object, found a string"),
        (5, "expected an object, found a number"),
        (6, "expected an object, found null"),
        (7, "the text is not UTF-8"),
        (8, "NaN is no number in JSON, and cannot be stored"),
        (9, "Extra data (column 10)"),
        {"a": 3},
    ]


def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "LONGEST_RECORD", 20)
    data = b'{"a": 1}\n{"a": "' + b"x" * 100 + b'"}\n{"a": 3}\n'
    first, second, third = lines(data)
    assert (first.item, second.line, third.item, third.line) == ({"a": 1}, 2, {"a": 3}, 3)
    assert "MiB" in str(second.problem)


def test_nesting_too_deep_is_malformed() -> None:
    (record,) = lines(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert "nested too deep" in str(record.problem)


def test_a_number_too_long_for_python_is_malformed() -> None:
    (record,) = lines(b'{"a": ' + b"9" * 5000 + b"}")
    assert record.problem is not None


# -- JSON arrays --------------------------------------------------------------------------------

ITEMS = st.lists(
    st.dictionaries(
        st.text(max_size=5),
        st.text(max_size=20) | st.integers() | st.floats(-1e9, 1e9) | st.lists(st.text(max_size=3)),
        min_size=2,
    ),
    max_size=8,
)


@given(ITEMS, st.integers(1, 40), st.sampled_from([None, 0, 3]), st.booleans())
def test_arrays_are_read_whatever_the_pieces(
    items: list[dict[str, Any]], chunk: int, indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(items, indent=indent, ensure_ascii=ascii_only).encode(errors="replace")
    expected = json.loads(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_module, "_CHUNK", chunk)
        assert found(array(data)) == expected


@pytest.mark.usefixtures("short_chunks")
def test_objects_may_follow_one_another_as_jq_writes_them() -> None:
    records = array(b'{"a": 1}\n{\n  "a": 2\n}\n{"a": 3}')
    assert found(records) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [record.line for record in records] == [1, 2, 5]


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("data", [b"", b" \n", b"[]", b" [ ] \n"])
def test_nothing_is_no_records(data: bytes) -> None:
    assert array(data) == []


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b'[{"a": 1},\n{"a": tru}, {"b": "long enough to come after"}]', 2, "Expecting value"),
        (b'[{"a": 1},\n{"a": "b', 2, "ends in the middle"),
        (b'[{"a": 1},\n{"a": 1', 2, "ends in the middle"),
        (b'[{"a": 1}\n{"a": 2}]', 2, "expected a comma"),
        (b'[{"a": 1},\n', 2, "ends where a record is due"),
        (b'[{"a": 1}]\nx', 2, "follows the end of the array"),
        (b'[{"a": 1},\n{"a": "\xff"}]', 2, "not UTF-8"),
        (b'[\n{"a": 1,\n"b": NaN}]', 2, "NaN"),
        (b'[\n{"a": 1},\n{"$set": 1}]', 3, "$set"),
        (b"{'a': 1}                                ", 1, "property name"),
    ],
)
def test_an_array_stops_at_what_is_not_json(data: bytes, line: int, reason: str) -> None:
    with pytest.raises(MalformedRecord, match=reason.replace("$", r"\$")) as caught:
        array(data)
    assert caught.value.line == line


def test_an_array_may_have_elements_that_are_no_objects() -> None:
    assert found(array(b'[1, {"a": 1},\n"x"]')) == [
        (1, "expected an object, found a number"),
        {"a": 1},
        (2, "expected an object, found a string"),
    ]


def test_an_array_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only as much is read as the next element needs."""
    monkeypatch.setattr(source_module, "_CHUNK", 100)
    stream = source(b"[" + b",".join([b'{"a": 1, "b": "0123456789"}'] * 1000) + b"]")
    records = read_json(stream, decoder())
    next(records)
    assert stream.position <= 200


# -- CSV ----------------------------------------------------------------------------------------


def test_csv() -> None:
    data = b'\xef\xbb\xbfname,n\r\nParis,1\n"a, ""b""\nc",2.5\n,3\nx,\n\n'
    assert found(rows(data, {"n": "number"})) == [
        {"name": "Paris", "n": 1},
        {"name": 'a, "b"\nc', "n": 2.5},
        {"n": 3},
        {"name": "x"},
    ]
    assert [record.line for record in rows(data, {"n": "number"})] == [2, 3, 5, 6]


def test_csv_keeps_empty_cells_if_so_wished() -> None:
    assert found(rows(b"a,n\n,\n", {"n": "int"}, keep_empty=True)) == [{"a": "", "n": None}]


def test_a_bad_row_spoils_no_other() -> None:
    data = b'a,n\nx,1\n"x"y,2\nx,3,4\nx\n\xff,5\nx,six\nx,7\n"open,8\n'
    assert found(rows(data, {"n": "int"})) == [
        {"a": "x", "n": 1},
        (3, "',' expected after '\"'"),
        (4, "the row has 3 cells, the header 2"),
        (5, "the row has 1 cells, the header 2"),
        (6, "the text is not UTF-8"),
        (7, "column 'n': 'six' is not of type int"),
        {"a": "x", "n": 7},
        (9, "unexpected end of data"),
    ]


@pytest.mark.parametrize("header", [b"a,a\n", b"a,\n", b'"a"b\n', b"\xff\n"])
def test_a_header_that_names_no_columns(header: bytes) -> None:
    with pytest.raises(Failure, match="does not name columns"):
        rows(header + b"1,2\n")


def test_a_type_for_a_column_that_is_not_there() -> None:
    with pytest.raises(Failure, match="'x'") as caught:
        rows(b"a,b\n1,2\n", {"x": "int"})
    assert caught.value.hint == "its columns are a, b"


def test_other_delimiters_and_implied_types() -> None:
    data = b"a;n\nx;1\n"
    assert found(rows(data, delimiter=";", implied={"n": "number", "z": "int"})) == [
        {"a": "x", "n": 1}
    ]
    assert found(rows(data, {"n": "string"}, delimiter=";", implied={"n": "int"})) == [
        {"a": "x", "n": "1"}
    ]


# -- which is which -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", InputFormat.JSONL),
        ("a.NDJSON", InputFormat.JSONL),
        ("b.d/a.json", InputFormat.JSON),
        ("a.csv", InputFormat.CSV),
        ("a.tsv", InputFormat.CSV),
        ("-", InputFormat.JSONL),
    ],
)
def test_formats_by_name(name: str, expected: InputFormat) -> None:
    assert guess_format(name) is expected


@pytest.mark.parametrize("name", ["a", "a.txt", "json"])
def test_a_name_that_tells_no_format(name: str) -> None:
    with pytest.raises(Failure, match="cannot tell the format"):
        guess_format(name)
