"""``parse_filter``: what it takes, what it keeps, what it needs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading

import pytest

from dynafile.errors import ExpressionError, InvalidArgument, MissingExtra
from dynafile.expressions import Attr, Key, parse_filter


def test_none_is_no_filter():
    assert parse_filter(None) is None


def test_a_callable_is_taken_as_it_is():
    class Filter:
        def __call__(self, item):
            return "a" in item

    for function in (Filter(), lambda item: True, dict.__len__):
        assert parse_filter(function) is function


def test_conditions_and_strings_become_callables():
    for spec in (Attr("age").gte(18), Key("age").gte(18), "age >= 18"):
        holds = parse_filter(spec)
        assert [holds({"age": age}) for age in (17, 18, "18")] == [False, True, False]


def test_strings_are_parsed_once():
    assert parse_filter("a == 1 and b") is parse_filter("a == 1 and b")
    assert parse_filter("a == 1") is not parse_filter("a == 2")


def test_only_the_last_strings_are_kept():
    first = parse_filter("kept == 0")
    for number in range(1, 1000):
        parse_filter(f"kept == {number}")
    assert parse_filter("kept == 999") is parse_filter("kept == 999")
    assert parse_filter("kept == 0") is not first


@pytest.mark.parametrize(
    "spec", [5, b"a == 1", ["a"], {"a": 1}, Attr("a"), Attr("a").size(), Key("a")]
)
def test_anything_else_is_refused(spec):
    with pytest.raises(InvalidArgument) as caught:
        parse_filter(spec)
    assert repr(spec) in caught.value.message


def test_a_string_that_does_not_parse_is_an_error_each_time():
    for _ in range(2):
        with pytest.raises(ExpressionError) as caught:
            parse_filter("a == ")
        assert caught.value.position == 5


def test_without_filtration_a_string_needs_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "filtration", None)
    with pytest.raises(MissingExtra) as caught:
        parse_filter("never_parsed_before == 1")
    assert caught.value.extra == "filter"
    assert 'pip install "dynafile[filter]"' in caught.value.message
    assert parse_filter(Attr("a").exists())({"a": 1})


def run_python(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )


def test_filtration_is_imported_for_strings_only_and_without_a_warning():
    result = run_python(
        "import sys\n"
        "from dynafile.expressions import Attr, parse_filter\n"
        "parse_filter(Attr('a').gt(1))\n"
        "late = ('filtration', 'pyparsing', 'boto3', 'dynafile.expressions.strings')\n"
        "print([name for name in late if name in sys.modules])\n"
        "parse_filter('a == 2024-05-01 and b in 10.0.0.0/8')\n"
        "print('filtration' in sys.modules)\n"
    )
    assert result.stderr == ""
    assert result.stdout.split() == ["[]", "True"]


def test_the_packages_of_the_extra_are_there():
    for name in ("filtration", "six", "ipcalc", "pyparsing"):
        assert importlib.util.find_spec(name) is not None


def test_threads_may_parse_at_once():
    """Parse actions are adapted by pyparsing on first use, without a lock; we hold one."""
    code = """
import threading
from dynafile.expressions.strings import parse_string
barrier, failures = threading.Barrier(8), []
def parse(number):
    barrier.wait()
    try:
        for day in range(1, 29):
            moment = f"2024-02-{day:02}T{number:02}:00:00"
            holds = parse_string(f"a in 10.{number}.0.0/16 or n == {number} or w == {moment}")
            assert holds({"a": f"10.{number}.1.1"}) and holds({"n": number})
    except BaseException as error:
        failures.append(error)
threads = [threading.Thread(target=parse, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failures)
"""
    result = run_python(code)
    assert result.stderr == ""
    assert result.stdout == "[]\n"


def test_a_parsed_filter_may_run_in_many_threads():
    holds = parse_filter("n >= 500 and (name =~ /7$/ or n in 501, 502)")
    items = [{"n": n, "name": f"name {n}"} for n in range(1000)]
    expected = [holds(item) for item in items]
    results = []
    threads = [
        threading.Thread(target=lambda: results.append([holds(item) for item in items]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4
    assert sum(expected) == 52
