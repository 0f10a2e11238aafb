"""What is kept of expressions between requests, by how many threads, and how much of it."""

from __future__ import annotations

import gc
import random
import sys
import threading
from enum import StrEnum

import pytest

from dynafile.errors import ValidationError
from dynafile.expressions import Expressions, condition_parser
from dynafile.expressions.cache import Cache
from dynafile.expressions.languages import CONDITIONS, MAX_PLANS, MAX_TEXTS


def test_a_cache_keeps_what_is_used():
    cache = Cache(3)
    for number in range(100):
        cache.put(number, str(number))
        assert cache.get(number) == str(number)
        if number > 1:
            assert cache.get(0) is not None or number == 0
        assert len(cache) <= 6
    assert cache.get(0) == "0"
    assert cache.get(1) is None
    assert cache.get(99) == "99"


def test_a_text_is_parsed_once(monkeypatch):
    parses = []
    parse = condition_parser.ConditionParser.parse
    monkeypatch.setattr(
        condition_parser.ConditionParser,
        "parse",
        lambda self: parses.append(self.text) or parse(self),
    )
    text = "once.sole = :v AND #n > :v"
    for number in range(10):
        names = {"#n": f"n{number % 2}"}
        value = str(number) if number % 3 else number
        prepared = Expressions(names, {":v": value}).condition(text)
        assert prepared.attributes == {"once", f"n{number % 2}"}
    Expressions(None, {":v": 1}).condition("another.sole = :v")
    assert parses == [text, "another.sole = :v"]


def test_the_parameter_is_part_of_what_is_kept():
    for parameter in ("FilterExpression", "ConditionExpression", "FilterExpression"):
        with pytest.raises(ValidationError, match=f"Invalid {parameter}: Incorrect operand type"):
            Expressions(None, {":v": True}).condition("a < :v", parameter)


def test_a_plan_is_for_its_types():
    text = "begins_with(a, :v)"
    for value in ("x", b"x", "y"):
        assert Expressions(None, {":v": value}).condition(text).test({"a": value + value})
        with pytest.raises(ValidationError):
            Expressions(None, {":v": 1}).condition(text)


def test_names_may_be_of_a_kind_of_str():
    class Name(StrEnum):
        A = "a"

    for name in (Name.A, "a", Name.A):
        assert Expressions({"#a": name}, {":v": 1}).condition("#a = :v").test({"a": 1})
        assert Expressions({"#a": name}, None).projection("#a").apply({"a": 1}) == {"a": 1}


def test_what_is_kept_is_bounded():
    for number in range(3 * MAX_TEXTS):
        Expressions(None, {":v": 1}).condition(f"a{number} = :v")
    assert len(CONDITIONS._texts) <= 2 * MAX_TEXTS
    for number in range(5 * MAX_PLANS):
        request = Expressions({"#a": f"a{number}"}, {":v": 1})
        assert request.condition("#a = :v").test({f"a{number}": 1})
    text, _, _ = CONDITIONS.prepare("ConditionExpression", "#a = :v", {"#a": "a"}, {":v": 1})
    assert len(text.plans) <= 2 * MAX_PLANS


def test_what_is_kept_holds_no_values():
    value = ["a value that nothing else holds"]
    for text in ("held = :v", "contains(held, :v)", "held IN (:v)"):
        Expressions(None, {":v": value}).condition(text)
        Expressions(None, {":v": value}).update("SET held = :v")
    assert sys.getrefcount(value) == 2
    gc.collect()
    assert not [
        each
        for each in gc.get_objects()
        if type(each) is list and each == value and each is not value
    ]


@pytest.mark.parametrize("seed", range(3))
def test_threads_share_what_is_kept(seed):
    """With more texts, names and types than are kept, so that they come and go all the while."""
    failures = []
    start = threading.Barrier(6)

    def work(number):
        chance = random.Random(seed * 100 + number)
        start.wait()
        try:
            for _ in range(1500):
                attribute = f"t{chance.randrange(3 * MAX_TEXTS)}"
                name = f"n{chance.randrange(2 * MAX_PLANS)}"
                value = chance.choice([1, 1.0, "1", b"1", (1,)])
                request = Expressions({"#n": name}, {":v": value, ":w": 2})
                text = (
                    f"#n = :v AND {attribute} = :w"
                    if chance.random() < 0.5
                    else "#n = :v OR a = :w"
                )
                holds = request.condition(text).test
                assert holds({name: value, attribute: 2, "a": 3})
                assert not holds({name: [value], attribute: 2, "a": 3})
                after = request.update("SET #n = :v, a.#n = :w").apply({"a": {}})
                assert after == {"a": {name: 2}, name: value}
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []
