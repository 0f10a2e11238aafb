"""API keys: made, listed, checked, revoked; their scopes and ends."""

from __future__ import annotations

import re

import pytest
from documents.access_world import START, World

from dynafile.documents.access import MemoryRecords, sweep
from dynafile.errors import InvalidAccess, InvalidApiKey, OutOfScope, ResourceNotFound

HOUR = 3600


def test_a_key_is_made_shown_once_and_checked() -> None:
    world = World()
    made = world.keys.make("importer")
    assert re.fullmatch(r"mb-[A-Za-z0-9_-]{43}", made.text)
    assert made.key.id == made.text[3:11]
    found = world.keys.check(made.text)
    assert found == made.key
    assert (found.name, found.read_only, found.scopes, found.made) == (
        "importer", False, None, START
    )  # fmt: skip
    assert found.allows(("users", "ann"), write=True)


def test_several_are_listed_in_the_order_they_were_made() -> None:
    world = World()
    for name in ("c", "a", "b"):
        world.keys.make(name)
        world.clock.now += 1
    assert [key.name for key in world.keys.list()] == ["c", "a", "b"]


def test_a_revoked_key_counts_no_more_and_stays_listed() -> None:
    world = World()
    made, other = world.keys.make("one"), world.keys.make("two")
    world.clock.now += 5
    assert world.keys.revoke(made.key.id).revoked == START + 5
    with pytest.raises(InvalidApiKey, match="revoked") as caught:
        world.keys.check(made.text)
    assert caught.value.id == made.key.id
    assert world.keys.check(other.text).name == "two"
    world.clock.now += 5
    assert world.keys.revoke(made.key.id).revoked == START + 5, "revoked for ever"
    assert {key.name: key.revoked for key in world.keys.list()}["one"] == START + 5
    world.keys.forget(made.key.id)
    assert [key.name for key in world.keys.list()] == ["two"]
    with pytest.raises(InvalidApiKey, match="no such"):
        world.keys.check(made.text)


def test_a_key_expires_to_the_second() -> None:
    world = World()
    made = world.keys.make("guest", lifetime=60)
    world.clock.now += 59.9
    world.keys.check(made.text)
    world.clock.now = START + 60
    with pytest.raises(InvalidApiKey, match="expired"):
        world.keys.check(made.text)
    assert sweep(world.records, world.clock.now + HOUR) == 0, "it stays listed"


def test_the_last_use_is_kept_to_the_hour_and_written_once_in_it() -> None:
    class Counting(MemoryRecords):
        writes = 0

        def swap(self, name: str, old: object, new: object) -> bool:
            self.writes += 1
            return super().swap(name, old, new)  # type: ignore[arg-type]

    records = Counting()
    world = World(records)
    made = world.keys.make("often")
    records.writes = 0
    for _ in range(100):
        world.keys.check(made.text)
    assert records.writes == 1
    assert world.keys.list()[0].used == START - START % HOUR
    world.clock.now += HOUR
    world.keys.check(made.text)
    assert records.writes == 2
    assert world.keys.list()[0].used == START - START % HOUR + HOUR


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        (("users", "ann"), True),
        (("users", "ann", "posts"), True),
        (("users", "ann", "posts", "p1"), True),
        (("news",), True),
        (("news", "n1"), True),
        (("users",), False),
        ((), False),
        (("users", "anna"), False),
        (("users", "bob"), False),
        (("newsletters",), False),
        (("Users", "ann"), False),
        (("users", "ann/posts"), False),
        (("users/ann",), False),
        (("x", "users", "ann"), False),
    ],
)
def test_a_scope_reaches_what_is_beneath_it_by_whole_segments(
    path: tuple[str, ...], reached: bool
) -> None:
    key = World().keys.make("narrow", scopes=["users/ann", ["news"]]).key
    assert key.allows(path) is reached
    assert key.allows(path, write=True) is reached
    assert not key.allows(path, group=True), "a group is spread over the whole tree"
    if not reached:
        with pytest.raises(OutOfScope) as caught:
            key.require(path)
        assert caught.value.path == path
        assert caught.value.id == key.id
    else:
        key.require(path)


def test_a_key_for_everything_reaches_groups() -> None:
    key = World().keys.make("all").key
    assert key.allows(("posts",), group=True)
    assert key.allows(())


def test_a_read_only_key_reads() -> None:
    world = World()
    key = world.keys.check(world.keys.make("reader", read_only=True).text)
    key.require(("users",))
    with pytest.raises(OutOfScope, match="read-only"):
        key.require(("users",), write=True)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101, "\x1b[2J", None, 5])
def test_a_name_is_a_text_that_can_be_printed(name: object) -> None:
    world = World()
    with pytest.raises(InvalidAccess):
        world.keys.make(name)  # type: ignore[arg-type]
    assert world.keys.list() == []


@pytest.mark.parametrize(
    "scopes", [[], "users", [""], ["/"], ["a//b"], [".."], [["a", ""]], [["a/b"]], [["a", 5]],
               [[]], ["a\0b"], ["a\nb"], ["x" * 1025], [f"c{n}" for n in range(101)]]
)  # fmt: skip
def test_scopes_that_name_no_path_are_refused(scopes: object) -> None:
    world = World()
    with pytest.raises(InvalidAccess):
        world.keys.make("k", scopes=scopes)  # type: ignore[arg-type]
    assert world.keys.list() == []


@pytest.mark.parametrize("lifetime", [0, -1, float("nan"), float("inf"), True, "60", 1e12])
def test_a_lifetime_is_a_time(lifetime: object) -> None:
    with pytest.raises(InvalidAccess):
        World().keys.make("k", lifetime=lifetime)  # type: ignore[arg-type]


def test_revoking_what_is_not_there_says_so() -> None:
    world = World()
    made = world.keys.make("k")
    for key_id in ("aaaaaaaa", "", "x", "../../etc", None, 5):
        with pytest.raises(ResourceNotFound):
            world.keys.revoke(key_id)  # type: ignore[arg-type]
    with pytest.raises(ResourceNotFound) as caught:
        world.keys.revoke(made.text)  # the key where its id belongs
    assert made.text not in repr(caught.value)
    assert made.text[11:] not in str(vars(caught.value))


def test_randomness_that_repeats_gives_no_key_twice() -> None:
    world = World()
    keys = type(world.keys)(world.records, entropy=lambda count: b"x" * count)
    keys.make("one")
    with pytest.raises(InvalidAccess, match="randomness"):
        keys.make("two")
