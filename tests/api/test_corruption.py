"""Every kind of file damaged: an error that names it, or what was there; and what a repair saves."""

from __future__ import annotations

import random
import shutil
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from crash.corruption import (
    KINDS,
    Damage,
    Sample,
    bytewise,
    make_sample,
    quick_folder,
    run,
    structural,
    tried,
    used,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 1
PLACES = 60
"""So many places of each sample are damaged here; ``make crash`` damages more."""


@pytest.fixture(scope="module", params=KINDS)
def sample(request: pytest.FixtureRequest) -> Iterator[Sample]:
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        yield make_sample(Path(folder) / request.param, **KINDS[request.param])


def try_all(sample: Sample, damages: list[Damage]) -> None:
    folder = sample.path.parent
    for number, damage in enumerate(damages):
        try:
            tried(damage, sample, folder, anew=bool(number % 2))
        except BaseException as error:
            error.add_note(f"{damage}, number {number} of {folder.name}")
            raise
        finally:
            for name in ("damaged", "saved"):
                shutil.rmtree(folder / name, ignore_errors=True)


def test_the_sample_has_every_kind_of_file() -> None:
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        sample = make_sample(Path(folder))
        names = " ".join(sample.files())
    for kind in (
        "meta.json", "checkpoint", "position", "lock", "journal/", "claim-backfill",
        "claim-consumer-", "_consumers/_partitions/", "_tokens/_partitions/", "tmp/",
        "tables/orders/_partitions/", "tables/orders/_gsi-by-place/_partitions/",
        "tables/orders/_lsi-by-total/_partitions/", "tables/orders/_ttl/_partitions/",
        "tables/users/_gsi-by-n/_gone/", "tables/users/_gsi-by-n/_partitions/",
    ):  # fmt: skip
        assert kind in names
    assert names.count(".log") > 3


def test_files_that_are_gone_swapped_or_old(sample: Sample) -> None:
    try_all(sample, structural(sample))


def test_places_at_random(sample: Sample) -> None:
    places = bytewise(sample, random.Random(SEED))
    try_all(sample, list(islice(places, PLACES)))


@pytest.mark.parametrize("name", ["meta.json", "checkpoint"])
def test_each_byte_of_what_is_small(name: str) -> None:
    """In steps through the larger of them: the store's own tests flip each byte of the others."""
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        sample = make_sample(Path(folder), stream=False)
        size = used(sample.path / name)
        step = max(1, size // 40)
        flips = [Damage("flip", name, at) for at in range(0, size, step)]
        try_all(sample, flips)


def test_the_long_run_works() -> None:
    counts = run(0.5, SEED)
    assert counts["damages"] > 0
