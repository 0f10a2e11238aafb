"""The attack list of keys, users, tokens and limits: what somebody tries, and what becomes of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from documents.access_world import PASSWORD, START, World
from documents.leaks import assert_tells_none

from dynafile import Dynafile
from dynafile.documents.access import Limit, MemoryRecords, Passwords, TableRecords
from dynafile.errors import (
    AccessRefused,
    DynafileError,
    EmailTaken,
    InvalidApiKey,
    InvalidLogin,
    InvalidToken,
    TokenReused,
    TooManyRequests,
)


@pytest.fixture
def world() -> World:
    return World()


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changed: Any) -> dict[str, Any]:
    good = {
        "iss": "https://example.com",
        "aud": "app",
        "sub": "uid",
        "sid": "session",
        "iat": int(START),
        "exp": int(START) + 900,
        "jti": "id",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not ...}


def header(world: World, **changed: Any) -> dict[str, Any]:
    good = {"alg": "EdDSA", "typ": "at+jwt", "kid": world.signing.current().id}
    return {name: value for name, value in {**good, **changed}.items() if value is not ...}


def signed(world: World, head: dict[str, Any], body: Any, key: Any = None) -> str:
    """A token with any header and body, signed by Ed25519."""
    private = key or world.signing.current().private
    text = f"{b64(head)}.{b64(body)}"
    return f"{text}.{b64(private.sign(text.encode()))}"


def refused(world: World, text: object) -> None:
    with pytest.raises(InvalidToken) as caught:
        world.tokens.check(text)
    assert type(caught.value) is InvalidToken
    assert str(text) == "" or str(text) not in repr(caught.value)


def test_the_forger_of_these_tests_can_make_a_good_token(world: World) -> None:
    assert world.tokens.check(signed(world, header(world), claims())).uid == "uid"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, ..., ["none"], 0])
@pytest.mark.parametrize("signature", ["", "AAAA", "kept"])
def test_a_token_without_a_signature(world: World, algorithm: Any, signature: str) -> None:
    good = world.tokens.issue("uid", "session")
    kept = good.rpartition(".")[2] if signature == "kept" else signature
    head = header(world, alg=algorithm)
    refused(world, f"{b64(head)}.{b64(claims(sub='admin'))}.{kept}")
    refused(world, f"{b64(head)}.{b64(claims(sub='admin'))}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "hs256"])
def test_the_public_key_as_the_secret_of_an_hmac(world: World, algorithm: str) -> None:
    public = world.signing.current().public
    digest = {"4": hashlib.sha384, "2": hashlib.sha512}.get(algorithm[-1], hashlib.sha256)
    secrets = [
        public.public_bytes_raw(),
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ),
        b64(public.public_bytes_raw()).encode(),
        b"",
    ]  # fmt: skip
    for secret in secrets:
        for said in (algorithm, "EdDSA"):
            text = f"{b64(header(world, alg=said))}.{b64(claims())}"
            mac = hmac.new(secret, text.encode(), digest).digest()
            refused(world, f"{text}.{b64(mac)}")
            refused(world, f"{text}.{b64(mac + bytes(64 - len(mac)))}")


def test_another_algorithm_with_a_key_of_ones_own_that_comes_along(world: World) -> None:
    own = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(own.public_key().public_bytes_raw())}
    for more in (
        {"jwk": jwk},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["AAAA"]},
        {},
    ):
        for kid in (world.signing.current().id, "evil", ..., None):
            refused(world, signed(world, header(world, kid=kid, **more), claims(), own))
    for algorithm, private in (
        ("RS256", rsa.generate_private_key(65537, 2048)),
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ):
        text = jwt.encode(claims(), private, algorithm=algorithm, headers=header(world, alg=...))
        refused(world, text)


@pytest.mark.parametrize(
    "kid",
    ["", "../user/x", "signing/x", "../../../../etc/passwd", "' or 1=1 --", "a" * 16, "a" * 4000,
     "\0", ["a"], {"a": 1}, 5, None, True, ...],
)  # fmt: skip
def test_a_key_id_that_leads_elsewhere(world: World, kid: Any) -> None:
    text = f"{b64(header(world, kid=kid))}.{b64(claims())}"
    signature = world.signing.current().private.sign(text.encode())
    refused(world, f"{text}.{b64(signature)}")


def test_a_changed_token(world: World) -> None:
    good = world.tokens.issue("uid", "session")
    head, body, signature = good.split(".")
    for other in (
        f"{head}.{b64(claims(sub='admin'))}.{signature}",
        f"{b64(header(world, extra=1))}.{body}.{signature}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}..{signature}",
        f".{body}.{signature}",
        f"{good}.{signature}",
        f"{good}.",
        f".{good}",
        good[:-10],
        good + "é",
        "..",
        "....",
        "",
        "Bearer " + good,
        b64(b"\xff" * 40),
    ):
        refused(world, other)
    for at in range(0, len(good), 3):
        for replacement in "A_.":
            changed = good[:at] + replacement + good[at + 1 :]
            if changed != good and decodes_otherwise(good, changed):
                refused(world, changed)


def decodes_otherwise(good: str, changed: str) -> bool:
    """Base64 has bits to spare in its last letter."""

    def parts(text: str) -> list[bytes]:
        return [base64.urlsafe_b64decode(part + "==") for part in text.split(".")]

    return changed.count(".") != 2 or parts(good) != parts(changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": ...}, {"iat": ...}, {"iss": ...}, {"aud": ...}, {"sub": ...}, {"sid": ...}, {"jti": ...},
        {"exp": None}, {"exp": "9999999999"}, {"exp": 1e400}, {"exp": float("nan")}, {"exp": True},
        {"exp": [9999999999]}, {"exp": START + 900.5}, {"exp": int(START) + 3601}, {"exp": 10**20},
        {"exp": int(START)}, {"exp": int(START) - 1}, {"exp": -1}, {"iat": int(START) + 60},
        {"iat": "0"}, {"iat": False}, {"iat": -(10**20)}, {"nbf": int(START) + 60}, {"nbf": "x"},
        {"iss": "https://evil.example"}, {"iss": ["https://example.com"]}, {"iss": None},
        {"aud": "other"}, {"aud": ["app", "other"]}, {"aud": ["app"]}, {"aud": {"app": 1}}, {"aud": ""},
        {"sub": ""}, {"sub": 5}, {"sub": None}, {"sub": ["uid"]}, {"sid": ""}, {"sid": 7}, {"jti": 1},
    ],
)  # fmt: skip
def test_claims_that_cannot_be_even_when_they_are_signed(
    world: World, changed: dict[str, Any]
) -> None:
    refused(world, signed(world, header(world), claims(**changed)))


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "at+JWT", None, ..., 5, ["at+jwt"]])
def test_a_token_of_another_kind_by_the_same_key(world: World, typ: Any) -> None:
    refused(world, signed(world, header(world, typ=typ), claims()))


@pytest.mark.parametrize("more", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]},
                                  {"b64": False}, {"zip": "DEF", "crit": ["zip"]}])  # fmt: skip
def test_headers_that_must_be_understood(world: World, more: dict[str, Any]) -> None:
    text = signed(world, header(world, **more), claims())
    if "crit" in more or more.get("b64") is False:
        refused(world, text)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"5", b'"text"', b"{", b"\xff\xfe", b"[" * 2500, b'{"a":' * 500,
     b'{"sub":"uid","sub":"admin"}', b"NaN", b"1" * 2900],
)  # fmt: skip
def test_a_body_that_is_no_map(world: World, body: bytes) -> None:
    refused(world, signed(world, header(world), body))


@pytest.mark.parametrize(
    "head", [b"", b"null", b"[]", b"{", b"[" * 3000, b'{"alg":' * 400, b"\xff"]
)
def test_a_header_that_is_no_map(world: World, head: bytes) -> None:
    text = f"{b64(head)}.{b64(claims())}"
    refused(world, f"{text}.{b64(world.signing.current().private.sign(text.encode()))}")


def test_a_token_that_is_very_long_is_not_even_parsed(world: World) -> None:
    refused(world, "a" * 100_000_000)
    refused(world, signed(world, header(world, more="x" * 4000), claims()))


@pytest.mark.parametrize("text", [None, 5, b"a.b.c", ["a"], {}, True, ""])
def test_what_is_no_text(world: World, text: object) -> None:
    refused(world, text)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(text)
    with pytest.raises(InvalidApiKey):
        world.keys.check(text)
    world.sessions.close(text)
    assert not world.sessions.is_open(text)


def test_one_kind_of_credential_in_the_place_of_another(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    pair, key = world.sessions.open(user), world.keys.make("key").text
    for text in (pair.refresh, key):
        refused(world, text)
    for text in (pair.access, key):
        with pytest.raises(InvalidToken):
            world.sessions.refresh(text)
    for text in (pair.access, pair.refresh, "mb-" + pair.refresh[3:46]):
        with pytest.raises(InvalidApiKey):
            world.keys.check(text)
    world.sessions.refresh(pair.refresh)


def test_a_key_that_is_nearly_right(world: World) -> None:
    text = world.keys.make("key").text
    last = "A" if text[-1] != "A" else "B"
    for other in (
        text[:-1] + last,
        text[:11] + "A" * 35,
        text[:11] + text[11:].swapcase(),
        text[:-1],
        text + "A",
        text + "\n",
        " " + text,
        text.upper(),
        text.replace("mb-", "MB-"),
        text[3:],
        text + "=",
        text[:11],
        text[:11] + "*" * 35,
        text[:-1] + "é",
        text[:-1] + "\u0661",  # a digit elsewhere
        f"mb-{hashlib.sha256(text.encode()).hexdigest()[:43]}",
    ):
        with pytest.raises(InvalidApiKey) as caught:
            world.keys.check(other)
        assert str(caught.value).startswith("no such API key"), "nothing is told of a near miss"
    assert world.keys.check(text)


def test_what_is_kept_gives_no_access_to_who_steals_it(world: World) -> None:
    user = world.users.signup("ann@example.com", PASSWORD)
    key, pair = world.keys.make("key"), world.sessions.open(user)
    kept = world.kept()
    family, secret = pair.refresh[3:25], pair.refresh[25:]
    for text in (PASSWORD, key.text, key.text[3:], key.text[11:], pair.access, family, secret):
        assert text not in kept
    records = dict(world.records.list(""))
    key_hash = records[f"key/{key.key.id}"]["hash"]
    (session,) = (name for name in records if name.startswith("session/"))
    for text in (key_hash, f"mb-{key_hash[:43]}", f"mb-{key.key.id}{key_hash[:35]}"):
        with pytest.raises(InvalidApiKey):
            world.keys.check(text)
    name, stored = session.removeprefix("session/"), records[session]["secret"]
    for text in (f"mr-{name}{stored[:43]}", f"mr-{name}{stored}", name, stored):
        with pytest.raises(InvalidToken):
            world.sessions.refresh(text)
    with pytest.raises(InvalidLogin):
        world.users.login("ann@example.com", records[f"user/{user.uid}"]["password"])
    world.sessions.refresh(pair.refresh)


def test_a_refresh_token_that_was_stolen_and_used_first(world: World) -> None:
    pair = world.sessions.open(world.users.signup("ann@example.com", PASSWORD))
    thiefs = world.sessions.refresh(pair.refresh)
    with pytest.raises(TokenReused):
        world.sessions.refresh(pair.refresh)  # its owner
    with pytest.raises(InvalidToken):
        world.sessions.refresh(thiefs.refresh)


def test_a_refresh_token_that_was_stolen_long_ago(world: World) -> None:
    first = pair = world.sessions.open(world.users.signup("ann@example.com", PASSWORD))
    for _ in range(20):
        pair = world.sessions.refresh(pair.refresh)
    with pytest.raises(TokenReused):
        world.sessions.refresh(first.refresh)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(pair.refresh)


def test_guessing_the_secret_of_a_session_closes_it(world: World) -> None:
    pair = world.sessions.open(world.users.signup("ann@example.com", PASSWORD))
    with pytest.raises(TokenReused):
        world.sessions.refresh(pair.refresh[:-1] + ("A" if pair.refresh[-1] != "A" else "B"))
    with pytest.raises(InvalidToken):
        world.sessions.refresh(pair.refresh)


def test_an_access_token_does_not_lead_to_its_session(world: World) -> None:
    """Else who sees one could close it, by a refresh token that is wrong."""
    pair = world.sessions.open(world.users.signup("ann@example.com", PASSWORD))
    session = world.tokens.check(pair.access).session
    for text in (f"mr-{session}{'A' * 43}", session):
        with pytest.raises(InvalidToken) as caught:
            world.sessions.refresh(text)
        assert not isinstance(caught.value, TokenReused)
        world.sessions.close(text)
    world.sessions.refresh(pair.refresh)


def test_unknown_users_and_wrong_passwords_cost_the_same_hashes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.users.signup("ann@example.com", PASSWORD)
    disabled = world.users.signup("bob@example.com", PASSWORD)
    world.users.disable(disabled.uid)
    hasher = world.passwords._hasher
    calls: list[str] = []
    reads: list[str] = []
    get = world.records.get
    monkeypatch.setattr(world.records, "get", lambda name: (reads.append(name), get(name))[1])

    class Watched:
        def verify(self, kept: str, password: str) -> bool:
            calls.append(kept.rpartition("$")[0].rpartition("$")[0])
            return hasher.verify(kept, password)

        def __getattr__(self, name: str) -> Any:
            return getattr(hasher, name)

    _ = world.passwords._nobodys
    monkeypatch.setitem(vars(world.passwords), "_hasher", Watched())
    work = set()
    for email, password in (
        ("ann@example.com", "wrong password"),
        ("nobody@example.com", "wrong password"),
        ("bob@example.com", "wrong password"),
        ("bob@example.com", PASSWORD),
    ):
        calls.clear()
        reads.clear()
        with pytest.raises(InvalidLogin):
            world.users.login(email, password)
        work.add((*calls, len(reads)))
    assert work == {("$argon2id$v=19$m=8,t=1,p=1", 2)}


def test_unknown_users_and_wrong_passwords_take_the_same_time() -> None:
    """With hashes that cost something, the shortest of some; a hash left out would show."""
    passwords = Passwords()
    kept = passwords.hash(PASSWORD)
    took: dict[str | None, list[float]] = {kept: [], None: []}
    passwords.verify(None, "warm up first")
    for _ in range(7):
        for each, times in took.items():
            begun = time.perf_counter()
            assert not passwords.verify(each, "wrong password")
            times.append(time.perf_counter() - begun)
    wrong, unknown = (min(times) for times in took.values())
    assert 0.5 < wrong / unknown < 2


def test_guessing_passwords_is_bounded_whoever_asks(world: World) -> None:
    """Also from many addresses, and also while other e-mails are asked for in between."""
    world = World(of_user=Limit(10, 300))
    world.users.signup("ann@example.com", PASSWORD)
    hashed = 0
    for n in range(60):
        try:
            world.users.login("ann@example.com", f"guess {n:04}", address=f"198.51.{n}.1")
        except InvalidLogin:
            hashed += 1
        except TooManyRequests as error:
            assert 0 < error.retry_after <= 300
    assert hashed == 10


def test_a_limit_tells_nothing_of_who_is_a_user() -> None:
    world = World(of_user=Limit(2, 100))
    world.users.signup("ann@example.com", PASSWORD)
    told = []
    for email in ("ann@example.com", "nobody@example.com"):
        texts = []
        for _ in range(4):
            with pytest.raises(AccessRefused) as caught:
                world.users.login(email, "wrong password")
            texts.append(repr(caught.value))
        told.append(texts)
    assert told[0] == told[1]


def secrets_of(world: World) -> tuple[list[str], list[object]]:
    user = world.users.signup("ann@example.com", PASSWORD)
    key, pair = world.keys.make("key"), world.sessions.open(user)
    signer = world.signing.current()
    record = world.records.get(f"signing/{signer.id}")
    assert record is not None
    secrets = [PASSWORD, key.text[11:], pair.access[-40:], pair.refresh[3:], pair.refresh[25:]]
    shown = [user, key, key.key, pair, signer, world.keys, world.users, world.sessions]
    shown += [world.tokens, world.signing, world.passwords, world.replays]
    return [*secrets, record["seed"], signer.private.private_bytes_raw().hex()], shown


def test_no_secret_is_in_a_repr(world: World) -> None:
    secrets, shown = secrets_of(world)
    for each in shown:
        for text in (repr(each), str(each), f"{each}"):
            assert not [secret for secret in secrets if secret in text]


def test_no_secret_is_in_an_error_or_a_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    user = world.users.signup("ann@example.com", PASSWORD)
    key, pair = world.keys.make("key", lifetime=5), world.sessions.open(user)
    wrong = "a guess that is nearly right"
    world.sessions.refresh(pair.refresh)
    world.clock.now += 10_000
    attempts = [
        lambda: world.users.login("ann@example.com", wrong),
        lambda: world.users.login("nobody@example.com", wrong),
        lambda: world.users.signup("ann@example.com", wrong),
        lambda: world.users.signup("bob@example.com", wrong + "\ud800"),
        lambda: world.users.signup("bob@example.com", wrong * 100),
        lambda: world.users.change_password(user.uid, wrong, wrong + "2"),
        lambda: world.keys.check(key.text),
        lambda: world.keys.check(key.text[:-1] + "*"),
        lambda: world.keys.revoke(key.text),
        lambda: world.tokens.check(pair.access),
        lambda: world.tokens.check(pair.access[:-3] + "AAA"),
        lambda: world.signing.withdraw("no such key"),
        lambda: world.sessions.refresh(pair.refresh),
        lambda: world.sessions.refresh(pair.refresh),
        lambda: world.sessions.refresh(pair.refresh + "x"),
    ]
    secrets = [PASSWORD, wrong, key.text[11:-1], pair.access[-40:-3], pair.refresh[25:]]
    for attempt in attempts:
        with pytest.raises(DynafileError) as caught:
            attempt()
        assert_tells_none(caught.value, secrets)
    assert not [text for text in secrets if text in caplog.text]


class Interrupted(MemoryRecords):
    """Lets somebody else come in between a read and the next write of a kind of record."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, Any] = {}

    def swap(self, name: str, old: Any, new: Any) -> bool:
        other = self.before.pop(name.partition("/")[0], None)
        if other is not None:
            other()
        return super().swap(name, old, new)


def test_a_refresh_token_used_between_a_read_and_a_write() -> None:
    records = Interrupted()
    world = World(records)
    pair = world.sessions.open(world.users.signup("ann@example.com", PASSWORD))
    won = []
    records.before["session"] = lambda: won.append(world.sessions.refresh(pair.refresh))
    with pytest.raises(TokenReused):
        world.sessions.refresh(pair.refresh)
    with pytest.raises(InvalidToken):
        world.sessions.refresh(won[0].refresh)


def test_an_email_taken_between_a_read_and_a_write() -> None:
    records = Interrupted()
    world = World(records)
    won = []
    records.before["email"] = lambda: won.append(world.users.signup("ann@example.com", PASSWORD))
    with pytest.raises(EmailTaken):
        world.users.signup("ann@example.com", "the other password")
    assert [name for name, _ in records.list("user/")] == [f"user/{won[0].uid}"]
    assert world.users.login("ann@example.com", PASSWORD) == won[0]


def test_a_key_revoked_while_its_use_is_written() -> None:
    records = Interrupted()
    world = World(records)
    made = world.keys.make("key")
    records.before["key"] = lambda: world.keys.revoke(made.key.id)
    world.keys.check(made.text)
    with pytest.raises(InvalidApiKey, match="revoked"):
        world.keys.check(made.text)


RACER = """
import sys, time
sys.path.insert(0, {tests!r})
from documents.access_world import World, PASSWORD
from dynafile import Dynafile
from dynafile.documents.access import TableRecords
from dynafile.errors import DynafileError
with Dynafile({path!r}) as db:
    world = World(TableRecords(db))
    print("ready", flush=True)
    sys.stdin.readline()
    for line in sys.stdin:
        kind, what = line.split()
        try:
            if kind == "refresh":
                world.sessions.refresh(what)
            else:
                world.users.signup(what, PASSWORD)
            print("won", flush=True)
        except DynafileError as error:
            print(type(error).__name__, flush=True)
"""


def test_two_processes_cannot_both_win(tmp_path: Path) -> None:
    """A refresh token is used by one of them, and an e-mail is one user."""
    tests = str(Path(__file__).resolve().parent.parent)
    rounds = 10
    with Dynafile(tmp_path / "db") as db:
        world = World(TableRecords(db))
        user = world.users.signup("ann@example.com", PASSWORD)
        pairs = [world.sessions.open(user) for _ in range(rounds)]
        code = RACER.format(tests=tests, path=str(tmp_path / "db"))
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        tasks = [f"refresh {pair.refresh}" for pair in pairs]
        tasks += [f"signup u{n}@example.com" for n in range(rounds)]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n" + "\n".join(tasks) + "\n")
            racer.stdin.flush()
        outputs = [racer.communicate(timeout=60)[0].split() for racer in racers]
        for n, (one, other) in enumerate(zip(*outputs, strict=True)):
            results = {one, other}
            assert "won" in results, tasks[n]
            assert one != other, tasks[n]
            assert results <= {"won", "TokenReused", "InvalidToken", EmailTaken.__name__}
        assert len(world.users.list()) == 1 + rounds
        for pair in pairs:
            with pytest.raises(InvalidToken):
                world.sessions.refresh(pair.refresh)
