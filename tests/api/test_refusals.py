"""Refusals of requests for items: the right error, DynamoDB's words, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api.legacy_refusals import LEGACY_ROWS
from api.refusals import KEY, ROWS

from dynafile import Dynafile, DynafileError, GlobalIndex, LocalIndex


@pytest.fixture(scope="module")
def table() -> Iterator[Dynafile]:
    indexes = {
        "by-g": GlobalIndex(pk="G", sk="N", projection="KEYS_ONLY"),
        "by-d": LocalIndex(sk="D"),
    }
    with Dynafile(":memory:", ttl_attribute="ttl", indexes=indexes) as db:
        db.put_item(item={**KEY, "G": "g", "N": 1, "D": "d", "x": 1})
        yield db
        db.check()


@pytest.mark.parametrize(("method", "arguments", "error", "message"), [*ROWS, *LEGACY_ROWS])
def test_refusals(
    method: str,
    arguments: dict[str, Any],
    error: type[DynafileError],
    message: str,
    table: Dynafile,
) -> None:
    before = list(table.scan())
    with pytest.raises(error) as caught:
        getattr(table, method)(**arguments)
    assert type(caught.value) is error
    assert str(caught.value) == message
    assert list(table.scan()) == before
