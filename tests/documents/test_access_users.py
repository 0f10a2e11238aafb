"""Users: signing up, logging in, changing the password, and being disabled."""

from __future__ import annotations

import threading

import pytest
from documents.access_world import CHEAP, PASSWORD, World

from dynafile.documents.access import Limit, MemoryRecords, PasswordCost, normalised_email
from dynafile.errors import (
    EmailTaken,
    InvalidAccess,
    InvalidLogin,
    InvalidToken,
    TooManyRequests,
    TransactionConflict,
    UnknownUser,
)


def test_a_user_signs_up_and_logs_in() -> None:
    world = World()
    user = world.users.signup("Ann@Example.com", PASSWORD)
    assert user.email == "ann@example.com"
    assert len(user.uid) == 20
    assert world.users.login("ann@EXAMPLE.com ", PASSWORD) == user
    assert world.users.get(user.uid) == user
    assert world.users.find("ann@example.com") == user
    assert world.users.find("bob@example.com") is None
    assert world.users.list() == [user]
    other = world.users.signup("bob@example.com", PASSWORD)
    assert other.uid != user.uid


def test_an_email_is_one_user() -> None:
    world = World()
    world.users.signup("ann@example.com", PASSWORD)
    with pytest.raises(EmailTaken):
        world.users.signup("ANN@example.com", "another password")
    assert len(world.users.list()) == 1
    world.users.login("ann@example.com", PASSWORD)


def test_of_many_who_sign_up_one_email_one_succeeds() -> None:
    world = World()
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def sign_up() -> None:
        barrier.wait()
        try:
            outcomes.append(world.users.signup("ann@example.com", PASSWORD).uid)
        except EmailTaken:
            outcomes.append("taken")

    threads = [threading.Thread(target=sign_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("taken") == 7
    (user,) = world.users.list()
    assert user.uid in outcomes
    assert len(list(world.records.list("user/"))) == 1, "nothing is left of the others"


def test_a_crash_between_a_user_and_its_email_leaves_the_email_free() -> None:
    class Crashing(MemoryRecords):
        crash = True

        def swap(self, name: str, old: object, new: object) -> bool:
            if self.crash and name.startswith("email/"):
                raise OSError("the process dies here")
            return super().swap(name, old, new)  # type: ignore[arg-type]

    records = Crashing()
    world = World(records)
    with pytest.raises(OSError, match="dies here"):
        world.users.signup("ann@example.com", PASSWORD)
    assert world.users.list() == []
    records.crash = False
    user = world.users.signup("ann@example.com", PASSWORD)
    assert world.users.list() == [user]
    assert world.users.login("ann@example.com", PASSWORD) == user


def test_unknown_wrong_disabled_and_impossible_are_one_error() -> None:
    world = World()
    world.users.signup("ann@example.com", PASSWORD)
    bob = world.users.signup("bob@example.com", PASSWORD)
    world.users.disable(bob.uid)
    texts = set()
    for email, password in [
        ("nobody@example.com", PASSWORD),
        ("ann@example.com", "wrong password"),
        ("bob@example.com", PASSWORD),
        ("bob@example.com", "wrong password"),
        ("no email", PASSWORD),
        ("ann@example.com", "short"),
        ("ann@example.com", "x" * 5000),
        ("", ""),
    ]:
        with pytest.raises(InvalidLogin) as caught:
            world.users.login(email, password)
        texts.add((str(caught.value), str(vars(caught.value)), type(caught.value)))
    assert len(texts) == 1


def test_a_disabled_user_may_be_enabled() -> None:
    world = World()
    user = world.users.signup("ann@example.com", PASSWORD)
    assert world.users.disable(user.uid).disabled
    assert not world.users.enable(user.uid).disabled
    world.users.login("ann@example.com", PASSWORD)


def test_a_password_is_changed_and_ends_the_sessions() -> None:
    world = World()
    user = world.users.signup("ann@example.com", PASSWORD)
    pair = world.sessions.open(user)
    with pytest.raises(InvalidLogin):
        world.users.change_password(user.uid, "wrong password", "a new password")
    with pytest.raises(InvalidAccess):
        world.users.change_password(user.uid, PASSWORD, "short")
    world.sessions.refresh(pair.refresh)
    pair = world.sessions.open(world.users.get(user.uid))
    changed = world.users.change_password(user.uid, PASSWORD, "a new password")
    assert changed.generation == user.generation + 1
    with pytest.raises(InvalidLogin):
        world.users.login("ann@example.com", PASSWORD)
    world.users.login("ann@example.com", "a new password")
    with pytest.raises(InvalidToken):
        world.sessions.refresh(pair.refresh)


def test_an_administrator_sets_a_password_and_ends_sessions() -> None:
    world = World()
    user = world.users.signup("ann@example.com", PASSWORD)
    world.users.set_password(user.uid, "set by another")
    assert world.users.login("ann@example.com", "set by another").generation == 1
    assert world.users.end_sessions(user.uid).generation == 2


def test_a_removed_user_is_gone_and_the_email_free() -> None:
    world = World()
    user = world.users.signup("ann@example.com", PASSWORD)
    pair = world.sessions.open(user)
    world.users.remove(user.uid)
    assert world.users.list() == []
    with pytest.raises(InvalidLogin):
        world.users.login("ann@example.com", PASSWORD)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(pair.refresh)
    with pytest.raises(UnknownUser):
        world.users.remove(user.uid)
    again = world.users.signup("ann@example.com", PASSWORD)
    assert again.uid != user.uid
    assert world.users.list() == [again]


def test_a_hash_of_another_cost_is_made_again_at_login() -> None:
    world = World()
    user = world.users.signup("ann@example.com", PASSWORD)
    before = world.records.get(f"user/{user.uid}")
    assert before is not None
    assert before["password"].startswith("$argon2id$v=19$m=8,t=1,p=1$")
    world.users.login("ann@example.com", PASSWORD)
    assert world.records.get(f"user/{user.uid}") == before, "no write without a reason"
    dearer = World(world.records, cost=PasswordCost(memory=16, passes=2, lanes=1))
    with pytest.raises(InvalidLogin):
        dearer.users.login("ann@example.com", "wrong password")
    assert world.records.get(f"user/{user.uid}") == before
    assert dearer.users.login("ann@example.com", PASSWORD) == user
    after = world.records.get(f"user/{user.uid}")
    assert after is not None
    assert after["password"].startswith("$argon2id$v=19$m=16,t=2,p=1$")
    dearer.users.login("ann@example.com", PASSWORD)


def test_the_default_cost_is_owasps() -> None:
    assert (PasswordCost().memory, PasswordCost().passes, PasswordCost().lanes) == (19456, 2, 1)


@pytest.mark.parametrize("length", [8, 1024])
def test_a_password_of_the_shortest_and_the_longest(length: int) -> None:
    world = World()
    world.users.signup("ann@example.com", "é" * length)
    world.users.login("ann@example.com", "é" * length)
    for other in ("é" * (length - 1), "é" * (length + 1)):
        with pytest.raises(InvalidLogin):
            world.users.login("ann@example.com", other)


@pytest.mark.parametrize(
    "password", ["", "1234567", "x" * 1025, "half \ud800 of it", None, 12345678, b"12345678"]
)
def test_a_password_that_cannot_be_is_refused_and_not_shown(password: object) -> None:
    world = World()
    with pytest.raises(InvalidAccess) as caught:
        world.users.signup("ann@example.com", password)  # type: ignore[arg-type]
    if password:
        assert str(password) not in f"{caught.value!r} {vars(caught.value)}"
    assert world.kept() == "{}"
    with pytest.raises(InvalidLogin):
        world.users.login("ann@example.com", password)  # type: ignore[arg-type]


def test_a_password_is_the_same_however_its_accents_are_typed() -> None:
    world = World()
    world.users.signup("ann@example.com", "caf\u00e9 au lait")
    world.users.login("ann@example.com", "cafe\u0301 au lait")


def test_nul_is_a_character_of_a_password() -> None:
    world = World()
    world.users.signup("ann@example.com", "password\0one")
    with pytest.raises(InvalidLogin):
        world.users.login("ann@example.com", "password\0two")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann.B+tag@Mail.Example.COM\n", "ann.b+tag@mail.example.com"),
        ("a.n.n@gmail.com", "a.n.n@gmail.com"),
        ("ma\u0308dchen@example.com", "m\u00e4dchen@example.com"),
        ("M\u00c4DCHEN@example.com", "m\u00c4dchen@example.com"),
        ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ("o'brien/x=y@example.co", "o'brien/x=y@example.co"),
    ],
)
def test_emails_have_one_form(given: str, kept: str) -> None:
    assert normalised_email(given) == kept
    assert normalised_email(kept) == kept


def test_letters_that_look_alike_are_other_users() -> None:
    """Unicode's ways to compare without case or width would make some of them one."""
    world = World()
    victim = world.users.signup("mike@example.com", PASSWORD)
    for twin in ("m\u0131ke@example.com", "m\u0456ke@example.com", "m\uff49ke@example.com"):
        user = world.users.signup(twin, "the attacker's own")
        assert user.uid != victim.uid
        with pytest.raises(InvalidLogin):
            world.users.login("mike@example.com", "the attacker's own")
    # The Kelvin sign is a K by canonical equivalence itself.
    with pytest.raises(InvalidAccess, match="looks like"):
        world.users.signup("mi\u212ae@example.com", PASSWORD)


@pytest.mark.parametrize(
    "email",
    [
        "", "@", "a", "a@", "@b.com", "a@b", "a@b@c.com", "a b@c.com", "a@b c.com", ".a@b.com",
        "a.@b.com", "a..b@c.com", "a@-b.com", "a@b-.com", "a@b..com", "a@.com", "a@b.com.", "a@[1.2.3.4]",
        "a@1.2.3.4", "a@b\u00fccher.com", "a@ex\u0430mple.com", "a\u200b@b.com", "a\u202e@b.com",
        "a\0@b.com", "a\nb@c.com", '"a b"@c.com', "a@b.com\r\nBcc: x@y.z", "a\ud800@b.com",
        "x" * 65 + "@b.com", "a@" + "b" * 64 + ".com", "a@" + ".".join(["b" * 60] * 5), "a" * 5000,
        "(a)@b.com", "a,b@c.com", "<a@b.com>", None, 5, b"a@b.com",
    ],
)  # fmt: skip
def test_what_is_no_email_is_refused(email: object) -> None:
    world = World()
    with pytest.raises(InvalidAccess):
        world.users.signup(email, PASSWORD)  # type: ignore[arg-type]
    assert world.kept() == "{}"
    with pytest.raises(InvalidLogin):
        world.users.login(email, PASSWORD)  # type: ignore[arg-type]


def test_attempts_are_bounded_for_an_email_known_or_not() -> None:
    world = World(of_user=Limit(3, 30))
    world.users.signup("ann@example.com", PASSWORD)
    for email in ("ann@example.com", "nobody@example.com"):
        for _ in range(3):
            with pytest.raises(InvalidLogin):
                world.users.login(email, "wrong password")
        with pytest.raises(TooManyRequests) as caught:
            world.users.login(email, PASSWORD)
        assert caught.value.retry_after == 10
    world.clock.now += 10
    world.users.login("ann@example.com", PASSWORD)
    for _ in range(3):
        with pytest.raises(InvalidLogin):
            world.users.login("ann@example.com", "a success gave back all attempts")
    with pytest.raises(TooManyRequests):
        world.users.login("ann@example.com", PASSWORD)


def test_attempts_are_bounded_for_an_address() -> None:
    world = World(of_address=Limit(5, 50))
    user = world.users.signup("ann@example.com", PASSWORD, address="192.0.2.1")
    for n in range(4):
        with pytest.raises(InvalidLogin):
            world.users.login(f"u{n}@example.com", PASSWORD, address="192.0.2.1")
    for _ in range(3):
        with pytest.raises(TooManyRequests):
            world.users.login("ann@example.com", PASSWORD, address="192.0.2.1")
    with pytest.raises(TooManyRequests):
        world.users.signup("bob@example.com", PASSWORD, address="192.0.2.1")
    with pytest.raises(TooManyRequests):
        world.users.change_password(user.uid, PASSWORD, "another one", address="192.0.2.1")
    world.users.login("ann@example.com", PASSWORD, address="192.0.2.2")
    assert world.users.find("bob@example.com") is None


def test_a_success_does_not_give_back_what_an_address_has_tried() -> None:
    """Else who has one account could try the passwords of all others without end."""
    world = World(of_address=Limit(4, 100))
    world.users.signup("me@example.com", PASSWORD)
    for _ in range(2):
        world.users.login("me@example.com", PASSWORD, address="192.0.2.1")
        with pytest.raises(InvalidLogin):
            world.users.login("ann@example.com", "a guess at it", address="192.0.2.1")
    with pytest.raises(TooManyRequests):
        world.users.login("me@example.com", PASSWORD, address="192.0.2.1")


def test_changing_a_password_counts_as_attempts() -> None:
    world = World(of_user=Limit(3, 30))
    user = world.users.signup("ann@example.com", PASSWORD)
    for _ in range(3):
        with pytest.raises(InvalidLogin):
            world.users.change_password(user.uid, "a wrong one", "a new password")
    with pytest.raises(TooManyRequests):
        world.users.change_password(user.uid, PASSWORD, "a new password")


def test_a_password_is_not_changed_over_another_change() -> None:
    """The old password is checked again when somebody was quicker."""

    class Racing(MemoryRecords):
        other: object = None

        def swap(self, name: str, old: object, new: object) -> bool:
            if callable(self.other):
                other, self.other = self.other, None
                other()
            return super().swap(name, old, new)  # type: ignore[arg-type]

    records = Racing()
    world = World(records)
    user = world.users.signup("ann@example.com", PASSWORD)
    records.other = lambda: world.users.set_password(user.uid, "set meanwhile")
    with pytest.raises(InvalidLogin):
        world.users.change_password(user.uid, PASSWORD, "the thief's own")
    world.users.login("ann@example.com", "set meanwhile")


def test_a_user_who_is_not_there_says_so() -> None:
    world = World()
    for uid in ("A" * 20, "", "x", "../x", None, 5):
        for call in (world.users.get, world.users.disable, world.users.end_sessions):
            with pytest.raises(UnknownUser) as caught:
                call(uid)  # type: ignore[arg-type]
            assert caught.value.uid == uid


def test_endless_conflicts_end() -> None:
    class Contended(MemoryRecords):
        def swap(self, name: str, old: object, new: object) -> bool:
            return old is None and super().swap(name, None, new)  # type: ignore[arg-type]

    world = World(Contended())
    user = world.users.signup("ann@example.com", PASSWORD)
    with pytest.raises(TransactionConflict):
        world.users.change_password(user.uid, PASSWORD, "a new password")
    with pytest.raises(TransactionConflict):
        world.users.disable(user.uid)


def test_cheap_is_for_tests_alone() -> None:
    assert PasswordCost() != CHEAP
