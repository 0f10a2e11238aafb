"""Attribute values for the tests of this folder, and how tests are named after them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.integers(-20, 20),
    st.integers(-(10**38), 10**38),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e125, max_value=1e125),
    st.sampled_from([0.1, 0.5, 1.0, -0.0, 2.0**53, 2.0**53 + 2, 1e22, 1e23, 0.1 + 0.2]),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-99, max_value=99),
    st.sampled_from([Decimal("0.1"), Decimal("1E+23"), Decimal(2**53 + 1), 2**53 + 1, 10**23]),
)

ZONE = timezone(timedelta(hours=2))

SCALARS = st.one_of(
    NUMBERS,
    st.text(max_size=4),
    st.binary(max_size=4),
    st.booleans(),
    st.none(),
    st.sampled_from(
        [
            date(2024, 5, 1),
            datetime(2024, 5, 1),
            datetime(2024, 5, 1, tzinfo=UTC),
            datetime(2024, 5, 1, 2, tzinfo=ZONE),
            time(12),
            time(12, tzinfo=UTC),
            UUID(int=1),
            UUID(int=2),
        ]
    ),
)

SETS = st.one_of(
    st.sets(NUMBERS, min_size=1, max_size=3),
    st.frozensets(st.text(max_size=2), min_size=1, max_size=3),
    st.sets(st.binary(max_size=2), min_size=1, max_size=3),
)

VALUES = st.recursive(
    SCALARS | SETS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def shown(value: object) -> str:
    """Return a repr with the members of sets in order: processes that share the tests compare names."""
    return re.sub(
        r"\{(.*?)\}", lambda found: f"{{{', '.join(sorted(found[1].split(', ')))}}}", repr(value)
    )
