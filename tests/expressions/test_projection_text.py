"""Projection expressions: what of an item a read returns."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import ValidationError
from dynafile.expressions import Expressions, Projection

ITEM = {
    "a": 1,
    "z": None,
    "m": {"x": 1, "y": {"z": [1, 2]}, "e": {}},
    "l": [10, [20, 21, 22], {"k": 30, "j": 31}, 40],
    "t": (1, 2, 3),
    "s": {1, 2},
    "x.y": "dots",
}


def projection(text, names=None):
    request = Expressions(names, None)
    prepared = request.projection(text)
    request.finish()
    return prepared


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", {"a": 1}),
        ("a, z,s", {"a": 1, "z": None, "s": {1, 2}}),
        ("absent", {}),
        ("m", {"m": ITEM["m"]}),
        ("m.x", {"m": {"x": 1}}),
        ("m.y.z[1]", {"m": {"y": {"z": [2]}}}),
        ("m.x, m.y.z[0], a", {"m": {"x": 1, "y": {"z": [1]}}, "a": 1}),
        ("m.e", {"m": {"e": {}}}),
        ("m.absent, a", {"a": 1}),
        ("m.e.absent", {}),
        ("l[0]", {"l": [10]}),
        ("l[3], l[0]", {"l": [10, 40]}),
        ("l[1][2], l[1][0], l[3]", {"l": [[20, 22], 40]}),
        ("l[2].k", {"l": [{"k": 30}]}),
        ("l[2].absent, l[9], l[0]", {"l": [10]}),
        ("l[9]", {}),
        ("l.k, m.x.y, a.b", {}),
        ("m[0], t.x, a[0]", {}),
        ("t[2], t[0]", {"t": (1, 3)}),
        ("a , m . x , l [ 0 ]", {"a": 1, "m": {"x": 1}, "l": [10]}),
    ],
)
def test_what_is_returned(text, expected):
    item = copy.deepcopy(ITEM)
    assert projection(text).apply(item) == expected
    assert item == ITEM


def test_names_stand_for_whole_steps():
    prepared = projection("#d, #m.#x", {"#d": "x.y", "#m": "m", "#x": "x"})
    assert prepared.apply(ITEM) == {"x.y": "dots", "m": {"x": 1}}
    assert prepared.attributes == {"x.y", "m"}
    assert prepared.paths == (("x.y",), ("m", "x"))


def test_a_projection_can_be_built_of_paths():
    assert Projection([("m", "x"), ("l", 0)]).apply(ITEM) == {"m": {"x": 1}, "l": [10]}
    with pytest.raises(ValidationError, match="overlap"):
        Projection([("m", "x"), ("m",)])


def test_many_paths_are_checked_in_linear_time():
    paths = [("m", f"k{number}", number % 7) for number in range(20_000)]
    assert Projection(paths).attributes == {"m"}


def follow(path, value):
    for step in path:
        value = value[step]
    return value


PATHS = st.lists(
    st.tuples(st.sampled_from("abc")) | st.tuples(st.sampled_from("abc"), st.sampled_from("abc")),
    min_size=1,
    max_size=4,
    unique=True,
)
MAPS = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.sampled_from("abc"), st.integers()) | st.integers()
)


@given(paths=PATHS, item=MAPS)
def test_a_path_leads_to_the_same_in_the_result(paths, item):
    text = ", ".join(".".join(path) for path in paths)
    try:
        result = projection(text).apply(item)
    except ValidationError:
        assert any(one != two and one == two[: len(one)] for one in paths for two in paths)
        return
    for path in paths:
        try:
            expected = follow(path, item)
        except (KeyError, TypeError):
            with pytest.raises((KeyError, TypeError)):
                follow(path, result)
        else:
            assert follow(path, result) == expected
