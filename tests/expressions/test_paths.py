"""Document paths and dotted names."""

from __future__ import annotations

import pytest

from dynafile.errors import ExpressionError
from dynafile.expressions.paths import (
    MISSING,
    dotted_getter,
    parse_path,
    path_getter,
    path_text,
)

ITEM = {
    "a": {"b": [{"c": 1}, {"c": None}], "": "empty name", "0": "zero"},
    "a.b": "dots of its own",
    "list": [[1, 2], (3, 4)],
    "text": "abc",
    "none": None,
}

PATHS = [
    ("a", ("a",)),
    ("a.b", ("a", "b")),
    ("a[0]", ("a", 0)),
    ("a[0][12].b", ("a", 0, 12, "b")),
    ("first name.straße", ("first name", "straße")),
    ("a-b.#x", ("a-b", "#x")),
]


@pytest.mark.parametrize(("text", "path"), PATHS)
def test_a_path_is_read_and_written_back(text, path):
    assert parse_path(text) == path
    assert path_text(path) == text


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        (".a", 0),
        ("a.", 2),
        ("a..b", 2),
        ("[0]", 0),
        ("a[", 1),
        ("a[x]", 1),
        ("a[-1]", 1),
        ("a[0", 1),
        ("a[0]b", 4),
        ("a]", 1),
        ("a[9999999999]", 1),
    ],
)
def test_a_path_that_does_not_parse_is_refused_with_its_position(text, position):
    with pytest.raises(ExpressionError) as caught:
        parse_path(text)
    assert caught.value.expression == text
    assert caught.value.position == position


@pytest.mark.parametrize("path", [(), (0,), ("a.b",), ("a[0]", "b"), ("a", "")])
def test_a_path_without_text_has_none(path):
    assert path_text(path) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a", "b", 0, "c"), 1),
        (("a", "b", 1, "c"), None),
        (("a", "b", 2, "c"), MISSING),
        (("a.b",), "dots of its own"),
        (("none",), None),
        (("none", "x"), MISSING),
        (("nothing",), MISSING),
        (("nothing", "x"), MISSING),
        (("nothing", "x", "y"), MISSING),
        (("text", 0), MISSING),
        (("a", 0), MISSING),
        (("a", "0"), "zero"),
        (("list", "0"), MISSING),
        (("list", 1, 0), 3),
        (("list", 10**8), MISSING),
    ],
)
def test_a_getter_follows_its_path(path, value):
    assert path_getter(path)(ITEM) is value or path_getter(path)(ITEM) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.b", "dots of its own"),
        ("a.b.0.c", MISSING),
        ("a.0", "zero"),
        ("a.", "empty name"),
        ("list.1.0", 3),
        ("list.2", MISSING),
        ("list.-1", MISSING),
        ("list.²", MISSING),
        ("list.99999999999999999999", MISSING),
        ("text.0", MISSING),
        ("none", None),
        ("none.x", MISSING),
        ("nothing", MISSING),
        ("nothing.x", MISSING),
    ],
)
def test_a_dotted_name_prefers_the_attribute_of_that_very_name(name, value):
    item = ITEM if name != "a.b.0.c" else {"a.b": ITEM["a"]}
    found = dotted_getter(name)(item)
    assert found is value or found == value


def test_missing_says_so():
    assert repr(MISSING) == "MISSING"
