"""Typed cells, key arguments and key templates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.templates import Template
from dynafile.cli.typed_text import converters, declared_types, key_value, number
from dynafile.errors import MalformedRecord

ITEM: dict[str, Any] = {
    "name": "Paris",
    "id": 2988507,
    "ratio": 1.5,
    "exact": Decimal("1.10"),
    "flag": True,
    "blob": b"x",
    "none": None,
    "address": {"city": "Lyon", "lines": ["one", "two"]},
    "a.b": "dotted",
}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("string", " 1 ", " 1 "),
        ("int", " -12 ", -12),
        ("int", "1" * 38, int("1" * 38)),
        ("float", "1", 1.0),
        ("float", "1e3", 1000.0),
        ("number", "1", 1),
        ("number", "1.0", 1.0),
        ("number", ".5", 0.5),
        ("bool", "TRUE", True),
        ("bool", "no", False),
        ("json", '{"a": [1, {"$set": [1]}]}', {"a": [1, {1}]}),
        ("binary", "AAE=", b"\x00\x01"),
    ],
)
def test_cells_of_each_type(kind: str, text: str, expected: object) -> None:
    value = converters(decimal=False, tags=True)[kind](text)
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "1.5"),
        ("int", "1_000"),
        ("int", ""),
        ("float", "x"),
        ("float", "nan"),
        ("number", "1_0"),
        ("number", "inf"),
        ("bool", "maybe"),
        ("json", "{"),
        ("binary", "*"),
    ],
)
def test_cells_that_are_not_of_their_type(kind: str, text: str) -> None:
    for decimal in (False, True):
        with pytest.raises(ValueError, match=r"."):
            converters(decimal=decimal, tags=True)[kind](text)


def test_numbers_are_decimals_if_so_wished() -> None:
    exact = converters(decimal=True, tags=True)
    assert [repr(exact[kind]("1.10")) for kind in ("float", "number")] == ["Decimal('1.10')"] * 2
    assert repr(exact["number"]("7")) == "7"


def test_declared_types() -> None:
    assert declared_types(["a=int", "b=c=json"]) == {"a": "int", "b=c": "json"}
    for option in ("a", "a=", "=int", "a=integer"):
        with pytest.raises(Failure, match="--type") as caught:
            declared_types([option])
        assert caught.value.code is ExitCode.USAGE


def test_key_arguments() -> None:
    assert key_value("1", "S", "PK") == "1"
    assert key_value("1", None, "PK") == "1"
    assert repr(key_value("1", "N", "PK")) == "1"
    assert repr(key_value("-1.50", "N", "PK")) == "Decimal('-1.50')"
    assert key_value("AAE=", "B", "PK") == b"\x00\x01"
    for kind, text in (("N", "x"), ("B", "x"), ("N", "NaN")):
        with pytest.raises(Failure, match=r"PK is .* in this table, and .* is not") as caught:
            key_value(text, kind, "PK")
        assert caught.value.code is ExitCode.USAGE


def test_numbers_keep_every_digit() -> None:
    assert number("0.1234567890123456789012345678901234567") == Decimal(
        "0.1234567890123456789012345678901234567"
    )


@pytest.mark.parametrize(
    ("template", "kind", "expected"),
    [
        ("PK=country#{name}", None, "country#Paris"),
        ("PK={name}", None, "Paris"),
        ("PK={id}", None, 2988507),
        ("PK={id}", "N", 2988507),
        ("PK={id}", "S", "2988507"),
        ("PK={id}#", None, "2988507#"),
        ("PK={exact}", None, Decimal("1.10")),
        ("PK={exact}", "S", "1.10"),
        ("PK=1{id}", "N", 12988507),
        ("PK={id:012d}", None, "000002988507"),
        ("PK={ratio:.3f}", None, "1.500"),
        ("PK={address.city}/{address.lines.1}", None, "Lyon/two"),
        ("PK={{{name}}}", None, "{Paris}"),
        ("PK=fixed", None, "fixed"),
        ("PK=a=b", None, "a=b"),
    ],
)
def test_templates(template: str, kind: str | None, expected: object) -> None:
    parsed = Template.parse(template)
    value = parsed.value(ITEM, kind)
    assert (parsed.attribute, value, type(value)) == ("PK", expected, type(expected))


@pytest.mark.parametrize(
    ("template", "kind", "reason"),
    [
        ("PK={missing}", None, "there is no 'missing'"),
        ("PK=x#{none}", None, "there is no 'none'"),
        ("PK={address.street}", None, "there is no 'address.street'"),
        ("PK={address.lines.2}", None, "there is no 'address.lines.2'"),
        ("PK={address.lines.x}", None, "there is no 'address.lines.x'"),
        ("PK={name.city}", None, "there is no 'name.city'"),
        ("PK={address}", None, "'address' is neither text nor a number"),
        ("PK={flag}", None, "'flag' is neither text nor a number"),
        ("PK={blob}", None, "'blob' is neither text nor a number"),
        ("PK={name:d}", None, "'name' does not fit its format"),
        ("PK=x{id}", "N", "PK is a number in this table"),
    ],
)
def test_records_that_a_template_cannot_be_filled_from(
    template: str, kind: str | None, reason: str
) -> None:
    with pytest.raises(MalformedRecord, match=reason):
        Template.parse(template).value(ITEM, kind)


@pytest.mark.parametrize(
    "option", ["PK", "PK=", "=x", "PK={", "PK=}", "PK={}", "PK={a!r}", "PK={a:{b}}", "PK={a"]
)
def test_what_is_not_a_template(option: str) -> None:
    with pytest.raises(Failure, match="is not a template") as caught:
        Template.parse(option)
    assert caught.value.code is ExitCode.USAGE


def test_templates_reach_no_python_attributes() -> None:
    with pytest.raises(MalformedRecord):
        Template.parse("PK={name.__class__}").value(ITEM, None)
