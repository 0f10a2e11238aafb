"""The number rule: what counts as a number, and the one decimal value each stands for.

A number is an ``int``, a ``float`` or a ``Decimal``: zero, or of a magnitude from 1E-130 to
9.99...E+125, with up to 38 significant digits. Zeros that lead or trail are not significant.
A float stands for its shortest decimal form, its ``repr``: 0.1 is the same number as
``Decimal("0.1")``. See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
HowItWorks.NamingRulesDataTypes.html for DynamoDB's rule, which this is.

Nothing here depends on the caller's decimal context: no arithmetic rounds, no trap fires.
"""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

from dynafile.errors import InvalidNumber

__all__ = [
    "FLOAT_HIGH",
    "FLOAT_LOW",
    "MAX_DIGITS",
    "MAX_EXPONENT",
    "MIN_EXPONENT",
    "Number",
    "canonical_decimal",
    "check_number",
    "decompose",
    "number_fault",
]

Number = int | float | Decimal

MAX_DIGITS = 38
MIN_EXPONENT = -130
"""The exponent of the smallest magnitude, in scientific notation: 1E-130."""
MAX_EXPONENT = 125
"""The exponent of the largest magnitude, in scientific notation: 9.99...E+125."""

FLOAT_LOW = 1e-130
"""The smallest float that is valid and above zero."""
FLOAT_HIGH = 1e126
"""The smallest float that is too large. Every float from ``FLOAT_LOW`` up to it is valid."""

_INT_TOO_LONG = 10**MAX_DIGITS
_INT_TOO_LARGE = 10 ** (MAX_EXPONENT + 1)

_DIGITS_FAULT = "has {} significant digits, and a number holds up to 38; round it, or store a str"
_RANGE = (
    "is a number out of range: zero, or from 1E-130 up to 9.99...E+125 in magnitude, is valid; "
)
_LARGE_FAULT = f"{_RANGE}store a str instead"
_SMALL_FAULT = f"{_RANGE}store 0, or a str instead"


def decompose(value: Number, path: str) -> tuple[bool, str, int]:
    """Check a number and take it apart into sign, significant digits and exponent.

    Returns ``(negative, digits, exponent)``: the number is ``d.ddd * 10 ** exponent``, and
    ``digits`` has no leading or trailing zero. Zero, negative zero too, is
    ``(False, "", 0)``. Equal numbers give equal parts, whatever their type.

    ``path`` names the number in the message. Raises ``InvalidNumber``.

    >>> decompose(Decimal("-12.50"), "item"), decompose(1e22, "item"), decompose(-0.0, "item")
    ((True, '125', 1), (False, '1', 22), (False, '', 0))
    """
    parts = _examine(value)
    if isinstance(parts, str):
        raise InvalidNumber(f"{path} {parts}", path=path)
    return parts


def number_fault(value: Number) -> str | None:
    """Say what is wrong with a number, as the words that follow its name; None: it is valid."""
    if isinstance(value, int):
        if -_INT_TOO_LONG < value < _INT_TOO_LONG:
            return None
    elif isinstance(value, float) and FLOAT_LOW <= abs(value) < FLOAT_HIGH:
        return None
    parts = _examine(value)
    return parts if isinstance(parts, str) else None


def cause_of(fault: str) -> str:
    """Return in a word what a fault of a number is: its digits, too large, too small, or none."""
    if fault == _LARGE_FAULT:
        return "large"
    if fault == _SMALL_FAULT:
        return "small"
    return "digits" if fault.startswith(_DIGITS_FAULT.partition("{")[0]) else ""


def check_number(value: Number, path: str) -> None:
    """Refuse a number that the rule above does not hold.

    ``path`` names the number in the message. Raises ``InvalidNumber``.
    """
    decompose(value, path)


def canonical_decimal(value: Number) -> Decimal:
    """Return the one Decimal that all equal numbers share: no trailing zeros, no negative zero.

    Raises ``InvalidNumber``.

    >>> canonical_decimal(100.0), canonical_decimal(Decimal("-0.00")), canonical_decimal(0.1)
    (Decimal('1E+2'), Decimal('0'), Decimal('0.1'))
    """
    negative, digits, exponent = decompose(value, "the number")
    if not digits:
        return Decimal(0)
    return Decimal(f"{'-' if negative else ''}{digits}E{exponent - len(digits) + 1}")


def _examine(value: Number) -> tuple[bool, str, int] | str:
    """Return the parts of a number, or what is wrong with it."""
    if isinstance(value, int):
        # Before it becomes text: that takes quadratic time, and Python refuses it if long.
        if not -_INT_TOO_LARGE < value < _INT_TOO_LARGE:
            return _LARGE_FAULT
    elif not (isfinite(value) if isinstance(value, float) else value.is_finite()):
        what = "NaN" if "nan" in str(value).lower() else "infinite"
        return f"is {what}, and a number must be finite; leave it out, or store None"
    if not value:
        return False, "", 0
    mantissa, _, power = str(value).upper().partition("E")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole) + len(fraction) - len(digits)
    exponent = len(whole) - 1 - leading + int(power or 0)
    digits = digits.rstrip("0")
    if exponent > MAX_EXPONENT:
        return _LARGE_FAULT
    if exponent < MIN_EXPONENT:
        return _SMALL_FAULT
    if len(digits) > MAX_DIGITS:
        return _DIGITS_FAULT.format(len(digits))
    return value < 0, digits, exponent
