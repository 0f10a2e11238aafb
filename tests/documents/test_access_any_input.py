"""Whatever is given as a credential or a sealed value is refused by an error of the tree."""

from __future__ import annotations

from typing import Any

import pytest
from documents.access_world import World
from documents.sealing_world import ANN, SEALERS, shared
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynafile.documents.access import normalised_email
from dynafile.errors import InvalidAccess, InvalidApiKey, InvalidToken, SealingError

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
TOKEN = st.from_regex(r"\A[A-Za-z0-9_-]{0,80}(\.[A-Za-z0-9_-]{0,80}){0,3}\Z")
PART = st.sampled_from(["sealed", "key", "data", "match", "from", "to"])
WORLD = World()
some = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@some
@given(ANY | TOKEN | st.from_regex(r"\Am[br]-[A-Za-z0-9_-]{0,70}\Z"))
def test_no_credential_is_let_in_or_fails_otherwise(text: Any) -> None:
    with pytest.raises(InvalidApiKey):
        WORLD.keys.check(text)
    with pytest.raises(InvalidToken):
        WORLD.tokens.check(text)
    with pytest.raises(InvalidToken):
        WORLD.sessions.refresh(text)


@some
@given(st.text() | st.emails() | st.from_regex(r"\A[^@]{1,20}@[a-zA-Z0-9.-]{1,30}\Z"))
def test_an_email_has_one_form_or_none(text: str) -> None:
    try:
        form = normalised_email(text)
    except InvalidAccess:
        return
    assert normalised_email(form) == form
    assert normalised_email(f" {form}\n") == form
    assert form.rpartition("@")[2].isascii()


@some
@given(st.dictionaries(PART, ANY | TOKEN), st.sampled_from(sorted(SEALERS)))
def test_nothing_opens_that_was_not_sealed(changed: dict[str, Any], which: str) -> None:
    sealer = SEALERS[which]()
    envelope = sealer.seal(ANN, {"ssn": 1})["ssn"]
    for value in (changed, {**envelope, **changed}):
        if value != envelope:
            with pytest.raises(SealingError):
                sealer.open(ANN, {"ssn": value})


@some
@given(JSON)
def test_what_is_sealed_opens_as_it_was(value: Any) -> None:
    sealer = shared()
    sealed = sealer.seal(ANN, {"ssn": value})
    opened = sealer.open(ANN, sealed)["ssn"]
    assert repr(opened) == repr(value)
    assert sealer.rewrite_where(("users",), "ssn", "==", value)[2] == sealed["ssn"]["match"]
