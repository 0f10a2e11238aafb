"""The 38-digit rule, and the Decimal each number stands for."""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import InvalidNumber, ValidationError
from dynafile.values import Number, canonical_decimal, check_number
from dynafile.values.numbers import FLOAT_HIGH, FLOAT_LOW, decompose, number_fault

NINES = "9" * 38


@pytest.fixture
def hostile_context() -> Iterator[None]:
    """A decimal context in which all arithmetic rounds, and whatever can be trapped is."""
    traps = [decimal.Inexact, decimal.Rounded, decimal.FloatOperation, decimal.Subnormal]
    context = decimal.Context(prec=1, Emin=0, Emax=0, traps=traps, capitals=0, clamp=1)
    with decimal.localcontext(context):
        yield


VALID = [
    0,
    -0.0,
    1,
    -1,
    2**64,
    10**125,
    int(NINES) * 10**88,
    -int(NINES) * 10**88,
    0.1,
    1e-130,
    math.nextafter(1e126, 0),
    Decimal("1E-130"),
    Decimal(NINES + "E+88"),
    Decimal("-" + NINES + "E-167"),
    Decimal("1." + "0" * 100),
    Decimal("0." + "0" * 129 + "1"),
    Decimal("0E+5000"),
    Decimal("0E-5000"),
]


@pytest.mark.parametrize("value", VALID, ids=str)
@pytest.mark.usefixtures("hostile_context")
def test_valid(value: float | Decimal) -> None:
    assert number_fault(value) is None


OUT_OF_RANGE = [
    10**126,
    -(10**126),
    10**10_000,
    1e126,
    math.nextafter(1e-130, 0),
    5e-324,
    Decimal("1E+126"),
    Decimal("9.9E-131"),
    Decimal("1E+999999"),
    Decimal("-1E-999999"),
]
TOO_LONG = [
    10**38 + 1,
    -(10**38) - 1,
    Decimal("1" + "0" * 37 + "1"),
    Decimal("0." + "1" * 39),
    Decimal("1" * 39 + "E-60"),
]
NOT_FINITE = [
    (math.nan, "NaN"),
    (math.inf, "infinite"),
    (-math.inf, "infinite"),
    (Decimal("NaN"), "NaN"),
    (Decimal("-NaN123"), "NaN"),
    (Decimal("sNaN"), "NaN"),
    (Decimal("Infinity"), "infinite"),
    (Decimal("-Infinity"), "infinite"),
]


@pytest.mark.parametrize("value", OUT_OF_RANGE, ids=range(len(OUT_OF_RANGE)))
@pytest.mark.usefixtures("hostile_context")
def test_out_of_range(value: float | Decimal) -> None:
    with pytest.raises(
        InvalidNumber, match=r"^item\['n'\] is a number out of range: .*str"
    ) as info:
        check_number(value, "item['n']")
    assert info.value.path == "item['n']"


@pytest.mark.parametrize("value", TOO_LONG, ids=str)
@pytest.mark.usefixtures("hostile_context")
def test_too_many_digits(value: int | Decimal) -> None:
    with pytest.raises(InvalidNumber, match=r"^x has 39 significant digits.* up to 38; round it"):
        check_number(value, "x")


@pytest.mark.parametrize(("value", "what"), NOT_FINITE, ids=str)
@pytest.mark.usefixtures("hostile_context")
def test_not_finite(value: float | Decimal, what: str) -> None:
    with pytest.raises(InvalidNumber, match=f"^x is {what}, and a number must be finite; ") as info:
        check_number(value, "x")
    assert isinstance(info.value, ValidationError)


def test_float_bounds_are_the_rule() -> None:
    """The walk over an item compares floats with these two and asks no further."""
    assert number_fault(FLOAT_LOW) is None
    assert number_fault(math.nextafter(FLOAT_LOW, 0)) is not None
    assert number_fault(FLOAT_HIGH) is not None
    assert number_fault(math.nextafter(FLOAT_HIGH, 0)) is None


@pytest.mark.usefixtures("hostile_context")
def test_equal_numbers_have_equal_parts() -> None:
    ones: list[Number] = [1, 1.0, Decimal(1), Decimal("1.00"), Decimal("0.1E+1"), Decimal("100E-2")]
    assert {decompose(one, "x") for one in ones} == {(False, "1", 0)}
    zeros: list[Number] = [0, 0.0, -0.0, Decimal("-0.00"), Decimal("0E+50")]
    assert {decompose(zero, "x") for zero in zeros} == {(False, "", 0)}
    assert str(canonical_decimal(-0.0)) == "0"


@given(st.integers(-(10**38), 10**38), st.integers(-80, 80), st.integers(0, 5))
def test_canonical_decimal_is_equal_and_unique(digits: int, power: int, zeros: int) -> None:
    value = Decimal(f"{digits}{'0' * zeros}E{power - zeros}")
    canonical = canonical_decimal(value)
    assert Fraction(canonical) == Fraction(digits) * Fraction(10) ** power
    assert str(canonical) == str(canonical_decimal(Decimal(f"{digits}E{power}")))
    assert canonical.as_tuple().digits[-1] != 0 or not digits


@given(st.floats(min_value=1e-130, max_value=9.99e125))
def test_a_float_stands_for_its_repr(value: float) -> None:
    assert canonical_decimal(value) == Decimal(repr(value))
    assert float(canonical_decimal(-value)) == -value
