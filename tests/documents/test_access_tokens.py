"""Access tokens, their signing keys, and sessions with refresh tokens."""

from __future__ import annotations

import jwt
import pytest
from documents.access_world import PASSWORD, START, World

from dynafile.documents.access import Sessions, SigningKeys, Tokens, sweep
from dynafile.errors import (
    ExpiredToken,
    InvalidAccess,
    InvalidToken,
    ResourceNotFound,
    TokenReused,
)

DAY = 86400


@pytest.fixture
def world() -> World:
    return World()


def test_a_token_says_who(world: World) -> None:
    text = world.tokens.issue("uid", "session")
    claims = world.tokens.check(text)
    assert (claims.uid, claims.session, claims.made, claims.expires) == (
        "uid", "session", START, START + 900
    )  # fmt: skip
    header = jwt.get_unverified_header(text)
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": world.signing.current().id}
    assert world.tokens.check(world.tokens.issue("uid", "session")).id != claims.id


def test_a_token_expires_with_a_little_leeway(world: World) -> None:
    text = world.tokens.issue("uid", "session")
    world.clock.now += 900 + 9.9
    world.tokens.check(text)
    world.clock.now = START + 910
    with pytest.raises(ExpiredToken):
        world.tokens.check(text)
    world.clock.now = START - 10
    world.tokens.check(text)
    world.clock.now = START - 11
    with pytest.raises(InvalidToken) as caught:
        world.tokens.check(text)
    assert type(caught.value) is InvalidToken


def test_a_token_is_for_one_issuer_and_audience(world: World) -> None:
    text = world.tokens.issue("uid", "session")
    for other in (world.tokens_for("another"), world.tokens_for("app", "https://evil.example")):
        with pytest.raises(InvalidToken):
            other.check(text)
        with pytest.raises(InvalidToken):
            world.tokens.check(other.issue("uid", "session"))


@pytest.mark.parametrize(
    "options",
    [{"lifetime": 3601}, {"lifetime": 0}, {"lifetime": -5}, {"leeway": 121}, {"leeway": -1},
     {"issuer": ""}, {"issuer": None}, {"audience": 5}, {"audience": ""}, {"leeway": float("inf")}, {"lifetime": float("nan")}],
)  # fmt: skip
def test_settings_that_would_weaken_tokens_are_refused(world: World, options: dict) -> None:
    with pytest.raises(InvalidAccess):
        Tokens(world.signing, **{"issuer": "i", "audience": "a", **options})


def test_signing_keys_rotate_and_the_old_one_checks_on(world: World) -> None:
    first = world.signing.current()
    text = world.tokens.issue("uid", "session")
    assert world.signing.current() is first
    world.clock.now += 1
    second = world.signing.rotate()
    assert world.signing.current().id == second.id != first.id
    world.tokens.check(text)
    assert [key.id for key in world.signing.list()] == [first.id, second.id]


def test_a_signing_key_that_is_old_gives_way_by_itself(world: World) -> None:
    first = world.signing.current()
    world.clock.now = START + 30 * DAY - 1
    assert world.signing.current().id == first.id
    text = world.tokens.issue("uid", "session")
    world.clock.now += 2
    assert world.signing.current().id != first.id
    world.tokens.check(text)
    world.clock.now = START + 31 * DAY
    assert world.signing.find(first.id) is None
    world.signing.rotate()
    assert first.id not in {key.id for key in world.signing.list()}, "what is over is removed"


def test_processes_share_signing_keys(world: World) -> None:
    text = world.tokens.issue("uid", "session")
    other = World(world.records)
    assert other.tokens.check(text).uid == "uid"
    assert other.signing.current().id == world.signing.current().id
    rotated = other.signing.rotate()
    world.tokens.check(other.tokens.issue("uid", "session"))
    world.clock.now += 61
    assert world.signing.current().id == rotated.id


def test_two_processes_that_make_the_first_key_at_once_both_count(world: World) -> None:
    class Blind(type(world.records)):  # type: ignore[misc]
        def list(self, prefix: str) -> list:
            return []

    other = SigningKeys(world.records, clock=world.clock)
    blind = Blind()
    blind._texts, blind._lock = world.records._texts, world.records._lock  # type: ignore[attr-defined]
    hasty = SigningKeys(blind, clock=world.clock)
    first = other.current()
    second = hasty.current()
    assert first.id != second.id
    for keys in (other, hasty):
        for key in (first, second):
            found = keys.find(key.id)
            assert found is not None
            assert found.id == key.id


def test_a_withdrawn_key_counts_no_more(world: World) -> None:
    text = world.tokens.issue("uid", "session")
    other = World(world.records)
    other.tokens.check(text)
    world.signing.withdraw(world.signing.current().id)
    with pytest.raises(InvalidToken):
        world.tokens.check(text)
    other.clock.now += 60
    with pytest.raises(InvalidToken):
        other.tokens.check(text)
    with pytest.raises(ResourceNotFound):
        world.signing.withdraw("a" * 16)
    with pytest.raises(ResourceNotFound):
        world.signing.withdraw(None)
    world.tokens.check(world.tokens.issue("uid", "session"))


def test_a_session_goes_on_by_refresh_tokens_that_are_used_once(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    pair = world.sessions.open(user)
    seen = {pair.refresh}
    for _ in range(5):
        world.clock.now += 1000
        assert world.tokens.check(world.sessions.open(user).access).uid == user.uid
        pair = world.sessions.refresh(pair.refresh)
        assert world.tokens.check(pair.access).uid == user.uid
        assert pair.refresh not in seen
        seen.add(pair.refresh)
    assert pair.expires_in == 900
    assert world.sessions.is_open(world.tokens.check(pair.access).session)


def test_a_token_used_again_closes_its_session_and_no_other(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    first, other = world.sessions.open(user), world.sessions.open(user)
    session = world.tokens.check(first.access).session
    second = world.sessions.refresh(first.refresh)
    with pytest.raises(TokenReused):
        world.sessions.refresh(first.refresh)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(second.refresh)
    assert not world.sessions.is_open(session)
    world.sessions.refresh(other.refresh)


def test_logging_out_closes_by_any_token_of_the_session(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    first = world.sessions.open(user)
    second = world.sessions.refresh(first.refresh)
    world.sessions.close(second.refresh)
    world.sessions.close(second.refresh)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(second.refresh)
    third = world.sessions.open(user)
    fourth = world.sessions.refresh(third.refresh)
    world.sessions.close(third.refresh)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(fourth.refresh)


def test_a_session_ends_when_idle_and_at_its_end(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    idle = world.sessions.open(user)
    world.clock.now += 30 * DAY
    with pytest.raises(ExpiredToken):
        world.sessions.refresh(idle.refresh)
    pair, begun = world.sessions.open(user), world.clock.now
    for _ in range(4):
        world.clock.now += 20 * DAY
        pair = world.sessions.refresh(pair.refresh)
    world.clock.now = begun + 90 * DAY
    with pytest.raises(ExpiredToken):
        world.sessions.refresh(pair.refresh)


def test_what_is_over_is_swept(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    for _ in range(3):
        world.sessions.open(user)
    world.clock.now += 29 * DAY
    last = world.sessions.open(user)
    world.clock.now += 1 * DAY
    assert sweep(world.records, world.clock.now, "session/") == 3
    world.sessions.refresh(last.refresh)
    assert world.users.list() == [user]


def test_a_disabled_user_is_logged_out(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    pair = world.sessions.open(user)
    session = world.tokens.check(pair.access).session
    world.users.disable(user.uid)
    assert not world.sessions.is_open(session)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(pair.refresh)
    world.users.enable(user.uid)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(pair.refresh)


def test_a_session_lives_as_long_as_a_token_at_least(world: World) -> None:
    with pytest.raises(InvalidAccess):
        Sessions(world.records, world.users, world.tokens, idle=60)
