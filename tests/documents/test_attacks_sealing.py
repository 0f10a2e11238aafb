"""The attack list of sealing: what a server may try with sealed values, and what becomes of it."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import logging
import pickle
import traceback
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from documents.leaks import assert_tells_none
from documents.sealing_world import (
    ANN,
    CHEAP,
    DOCUMENT,
    FIELDS,
    K1,
    K2,
    OTHER,
    PAIR,
    PASSPHRASE,
    SEALERS,
    SEARCH,
    asymmetric,
    shared,
)

from dynafile.documents.sealing import (
    Field,
    KeyPair,
    PublicKey,
    Recipients,
    Sealer,
    SealingKey,
)
from dynafile.errors import (
    InvalidSealing,
    NotSealed,
    SealedElsewhere,
    SealingError,
    SealMalformed,
    SealTampered,
    UnknownSealingKey,
    WrongSealingKey,
)

every_sealer = pytest.mark.parametrize("make", SEALERS.values(), ids=SEALERS)
BOB = ("users", "bob")


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def refused(sealer: Sealer, envelope: Any, kind: type[SealingError], field: str = "ssn") -> None:
    with pytest.raises(kind) as caught:
        sealer.open(ANN, {field: envelope})
    assert type(caught.value) is kind, repr(caught.value)
    assert (caught.value.path, caught.value.field) == (ANN, field)


@every_sealer
def test_every_byte_of_the_data_changed(make: Any) -> None:
    sealer = make()
    envelope = sealer.seal(ANN, DOCUMENT)["ssn"]
    data = raw(envelope["data"])
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        kind: type[SealingError] = SealTampered
        if at < 28:  # the nonce, and the check of the key over it
            kind = WrongSealingKey
        elif at < 44:
            kind = SealedElsewhere
        refused(sealer, {**envelope, "data": b64(bytes(changed))}, kind)


@every_sealer
def test_the_data_cut_or_longer(make: Any) -> None:
    sealer = make()
    envelope = sealer.seal(ANN, DOCUMENT)["ssn"]
    data = raw(envelope["data"])
    for length in range(len(data)):
        kind = SealMalformed if length < 61 else SealTampered
        refused(sealer, {**envelope, "data": b64(data[:length])}, kind)
    for longer in (data + b"\0", data + data, b"\0" + data):
        with pytest.raises(SealingError):
            sealer.open(ANN, {"ssn": {**envelope, "data": b64(longer)}})
    for cut in range(len(envelope["data"])):
        with pytest.raises(SealTampered):
            sealer.open(ANN, {"ssn": {**envelope, "data": envelope["data"][:cut]}})


@every_sealer
def test_a_value_moved_to_another_document_or_field(make: Any) -> None:
    sealer = make()
    sealed = sealer.seal(ANN, DOCUMENT)
    for path in (BOB, ("users", "Ann"), ("users", "ann ")):
        with pytest.raises(SealedElsewhere) as caught:
            sealer.open(path, sealed)
        assert caught.value.path == path
    for field in ("note", "address.street"):
        other: dict[str, Any] = {"note": sealed["ssn"]}
        if field != "note":
            other = {"address": {"street": sealed["ssn"]}}
        with pytest.raises(SealedElsewhere) as caught:
            sealer.open(ANN, other)
        assert caught.value.field == field
    post = sealer.seal((*ANN, "posts", "p1"), {"text": "x", "tag": "y"})
    for path in ((*BOB, "posts", "p1"), (*ANN, "posts", "p2")):
        with pytest.raises(SealedElsewhere):
            sealer.open(path, post)


def test_places_that_would_be_one_when_joined() -> None:
    """Names may have what parts them elsewhere; no two places have the same bytes."""
    fields = {
        "users": {"a": Field(), '`a","b`': Field(), "c.d": Field(), "`c.d`": Field()},
        "users/*/posts": {"a": Field()},
    }
    sealer = Sealer(fields, K1)
    values = {
        (("users", "x"), ("a",)): {"a": 1},
        (("users", 'x","a'), ("a",)): {"a": 1},
        (("users", "x"), ('a","b',)): {'a","b': 1},
        (("users", "x/posts/y"), ("a",)): {"a": 1},
        (("users", "x", "posts", "y"), ("a",)): {"a": 1},
        (("users", "x"), ("c", "d")): {"c": {"d": 1}},
    }
    places = set()
    for (path, field), document in values.items():
        value: Any = sealer.seal(path, document)
        for name in field:
            value = value[name]
        places.add(raw(value["data"])[28:44])
    assert len(places) == len(values)


@every_sealer
def test_a_hash_for_searching_exchanged_added_or_taken_away(make: Any) -> None:
    """Else a server could let a value be found, or not, as it likes."""
    sealer = make()
    one, other = (sealer.seal(ANN, {"ssn": value})["ssn"] for value in ("one", "other"))
    refused(sealer, {**one, "match": other["match"]}, SealTampered)
    refused(sealer, {name: one[name] for name in one if name != "match"}, SealTampered)
    note = sealer.seal(ANN, DOCUMENT)["note"]
    refused(sealer, {**note, "match": one["match"]}, SealTampered, "note")


@every_sealer
@pytest.mark.parametrize(
    "changed",
    [
        {"sealed": 2}, {"sealed": 0}, {"sealed": -1}, {"sealed": 10**30}, {"extra": 1}, {"match": None}, {"match": 5},
        {"match": ""}, {"match": "AAAA"}, {"match": "!" * 22}, {"data": ""}, {"data": "!" * 100},
        {"data": "A" * 81}, {"data": "é" * 100}, {"data": "A" * 100 + "="},
    ],
)  # fmt: skip
def test_an_envelope_that_is_none(make: Any, changed: dict[str, Any]) -> None:
    sealer = make()
    refused(sealer, {**sealer.seal(ANN, DOCUMENT)["ssn"], **changed}, SealMalformed)


@every_sealer
@pytest.mark.parametrize(
    "value",
    [None, True, 0, "", "text", [], {}, {"sealed": 1}, {"data": "A" * 90}, {"sealed": "1", "key": "k1", "data": ""},
     {"sealed": True, "key": "k1", "data": ""}, {"sealed": 1.0, "key": "k1", "data": ""},
     {"sealed": 1, "key": "k1", "data": 5}, [{"sealed": 1}]],
)  # fmt: skip
def test_a_plain_value_in_the_place_of_a_sealed_one(make: Any, value: Any) -> None:
    refused(make(), value, NotSealed)


@every_sealer
def test_all_forms_of_base64_but_one(make: Any) -> None:
    """Else one value would have many forms."""
    sealer = make()
    envelope = sealer.seal(ANN, {"ssn": "12"})["ssn"]
    text = envelope["data"]
    assert len(text) % 4
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = letters[letters.index(text[-1]) ^ 1]
    for other in (text + "=", text + "==", text + "\n", " " + text, text[:-1] + spare):
        refused(sealer, {**envelope, "data": other}, SealMalformed)


def test_another_key_of_the_same_name() -> None:
    sealed = shared().seal(ANN, DOCUMENT)["ssn"]
    refused(Sealer(FIELDS, SealingKey("k1", b"z" * 32)), sealed, WrongSealingKey)


def test_the_name_of_the_key_exchanged() -> None:
    """AES-GCM by itself does not tell keys apart: some texts open with several."""
    sealer = Sealer(FIELDS, [K1, K2])
    envelope = shared().seal(ANN, DOCUMENT)["ssn"]
    refused(sealer, {**envelope, "key": "k2"}, WrongSealingKey)
    twin = Sealer(FIELDS, [K1, SealingKey("twin", K1.to_bytes())])
    refused(twin, {**envelope, "key": "twin"}, SealTampered)
    for unknown in ("k3", "K1", "k" * 64):
        refused(sealer, {**envelope, "key": unknown}, UnknownSealingKey)
    for key_id in ("", None, 5, ["k1"], "k" * 65, "k1\n", "../k1"):
        refused(sealer, {**envelope, "key": key_id}, SealMalformed)


def test_recipients_exchanged_added_or_taken_away() -> None:
    fields = {"users": {"note": Field()}}
    sealer = Sealer(fields, Recipients([PAIR.public, OTHER.public], own=PAIR))
    envelope = sealer.seal(ANN, {"note": 1})["note"]
    again = sealer.seal(ANN, {"note": 1})["note"]
    mine, others = PAIR.public.id, OTHER.public.id
    to = envelope["to"]
    for changed, kind in (
        ({mine: to[mine]}, SealTampered),
        ({**to, "A" * 16: to[others]}, SealTampered),
        ({mine: to[others], others: to[mine]}, SealTampered),
        ({mine: again["to"][mine], others: to[others]}, SealTampered),
        ({others: to[others]}, UnknownSealingKey),
        ({}, SealMalformed),
        (None, SealMalformed),
        ([mine], SealMalformed),
        ({mine: ""}, SealMalformed),
        ({mine: to[mine][:-1]}, SealMalformed),
        ({mine: None}, SealMalformed),
        ({f"{n:016}": to[mine] for n in range(1001)}, SealMalformed),
    ):
        refused(sealer, {**envelope, "to": changed}, kind, "note")
    for at in range(48):
        wrapped = bytearray(raw(to[mine]))
        wrapped[at] ^= 1
        refused(sealer, {**envelope, "to": {**to, mine: b64(bytes(wrapped))}}, SealTampered, "note")
    for sender in (again["from"], b64(bytes(32)), b64(PAIR.public.data), b64(b"\1" + bytes(31))):
        refused(sealer, {**envelope, "from": sender}, SealTampered, "note")
    for sender in ("", None, 5, b64(bytes(31)), b64(bytes(33))):
        refused(sealer, {**envelope, "from": sender}, SealMalformed, "note")
    refused(sealer, {**envelope, "key": "k1"}, SealMalformed, "note")


def test_one_kind_of_sealing_in_the_place_of_the_other() -> None:
    fields = {"users": {"note": Field()}}
    by_key, by_pair = Sealer(fields, K1), Sealer(fields, Recipients([PAIR.public], own=PAIR))
    refused(by_pair, by_key.seal(ANN, {"note": 1})["note"], UnknownSealingKey, "note")
    refused(by_key, by_pair.seal(ANN, {"note": 1})["note"], UnknownSealingKey, "note")


@pytest.mark.parametrize(
    "data",
    [bytes(32), b"\1" + bytes(31),
     bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
     bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
     bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")],
)  # fmt: skip
def test_a_public_key_of_small_order(data: bytes) -> None:
    """With one the shared secret would be known to all."""
    sealer = Sealer({"users": {"note": Field()}}, Recipients([f"x25519-{b64(data)}"]))
    with pytest.raises(InvalidSealing, match="order"):
        sealer.seal(ANN, {"note": 1})


@pytest.mark.parametrize("text", ["", "x25519-", "x25519-" + "A" * 42, "x25519-" + "A" * 44, "X25519-" + "A" * 43,
                                  "x25519-" + "A" * 42 + "B", "x25519-" + "!" * 43, "A" * 43, None, 5, b"x"])  # fmt: skip
def test_a_text_that_is_no_public_key(text: Any) -> None:
    with pytest.raises(InvalidSealing):
        PublicKey.parse(text)


def test_a_pem_that_is_no_pair() -> None:
    none, private = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    form = serialization.Encoding.PEM
    rsa_key = rsa.generate_private_key(65537, 2048).private_bytes(form, private, none)
    ed_key = ed25519.Ed25519PrivateKey.generate().private_bytes(form, private, none)
    pem, locked = PAIR.to_pem(), PAIR.to_pem("a password")
    for data, password in (
        (b"", None), (b"\xff", None), ("text", None), (rsa_key, None), (ed_key, None), (pem[:-40], None),
        (pem, "a password"), (locked, None), (locked, "another"), (locked, ""), (None, None),
    ):  # fmt: skip
        with pytest.raises(InvalidSealing) as caught:
            KeyPair.from_pem(data, password)  # type: ignore[arg-type]
        assert "another" not in traceback.format_exception(caught.value)[-1].replace(
            "another one", ""
        )
    with pytest.raises(InvalidSealing):
        PAIR.to_pem("")


def test_a_value_that_its_sealer_made_wrong_on_purpose() -> None:
    """Who has the public key can seal anything; it must open as JSON, or not at all."""
    holder = Recipients([PAIR.public], own=PAIR)
    sealer = Sealer({"users": {"note": Field()}}, holder)
    place = sealer._declared[0].place(ANN)
    for plain in (b"", b"{", b"NaN", b"1e999", b"\xff", b"[" * 100_000, b'{"a":1,"a":2}', b"1 2", b"-Infinity",
                  b"9" * 5000, b'"\\ud800"', b"[" * 101 + b"]" * 101, b"99999999999999999999"):  # fmt: skip
        made = holder.seal(plain, place, None, lambda count: bytes(range(count)))
        refused(sealer, made.as_json(), SealTampered if plain else SealMalformed, "note")


def test_settings_that_a_server_has_changed() -> None:
    """A weaker cost or a salt of its own would make the next values easier to guess."""
    key = SealingKey.from_passphrase("k", PASSPHRASE, cost=CHEAP)
    settings = key.settings
    assert settings is not None
    with pytest.raises(WrongSealingKey, match="passphrase"):
        SealingKey.unlock(settings, PASSPHRASE + "!")
    for changed in (
        {"memory": 16},
        {"passes": 2},
        {"salt": b64(bytes(16))},
        {"check": b64(bytes(16))},
    ):
        with pytest.raises(WrongSealingKey):
            SealingKey.unlock({**settings, **changed}, PASSPHRASE)
    for changed in (
        {"memory": 1 << 30}, {"memory": 10**30}, {"memory": 0}, {"memory": -8}, {"memory": "8"}, {"memory": 8.0},
        {"memory": True}, {"passes": 10**9}, {"passes": 0}, {"lanes": 0}, {"lanes": 1000}, {"lanes": 2}, {"kdf": "argon2d"},
        {"kdf": "none"}, {"salt": ""}, {"salt": None}, {"salt": b64(bytes(8))}, {"check": None}, {"id": "../x"}, {"id": None},
    ):  # fmt: skip
        with pytest.raises(InvalidSealing):
            SealingKey.unlock({**settings, **changed}, PASSPHRASE)
    for lacking in ("memory", "salt", "check", "kdf", "id", "lanes"):
        with pytest.raises(InvalidSealing):
            SealingKey.unlock(
                {name: settings[name] for name in settings if name != lacking}, PASSPHRASE
            )
    renamed = SealingKey.unlock({**settings, "id": "other"}, PASSPHRASE)
    assert renamed.id == "other"


@pytest.mark.parametrize(
    "passphrase", ["", "too short", "x" * 1025, "half of \ud800 a character", None, 5, b"x" * 20]
)
def test_a_passphrase_that_cannot_be_is_refused_and_not_shown(passphrase: Any) -> None:
    with pytest.raises(InvalidSealing) as caught:
        SealingKey.from_passphrase("k", passphrase, cost=CHEAP)
    assert not isinstance(passphrase, str) or not passphrase or passphrase not in repr(caught.value)
    for settings in (None, [], "text", {}):
        with pytest.raises(InvalidSealing):
            SealingKey.unlock(settings, PASSPHRASE)  # type: ignore[arg-type]


@every_sealer
def test_an_older_value_put_back_is_not_noticed(make: Any) -> None:
    """What sealing does not do; the documents say so."""
    sealer = make()
    before, after = (sealer.seal(ANN, {"ssn": value}) for value in ("before", "after"))
    assert sealer.open(ANN, after) == {"ssn": "after"}
    assert sealer.open(ANN, before) == {"ssn": "before"}


def secrets_of() -> list[str]:
    private = PAIR.to_pem().decode().splitlines()[1]
    found = [private, PASSPHRASE]
    for key in (K1, K2, SEARCH):
        secret = key.to_bytes()
        found += [secret.hex(), b64(secret), repr(secret)[2:-1]]
    return found


def test_no_secret_is_in_a_repr_or_a_pickle() -> None:
    key = SealingKey.from_passphrase("k", PASSPHRASE, cost=CHEAP)
    secrets = [*secrets_of(), key.to_bytes().hex()]
    shown = [K1, key, key.content, PAIR, PAIR.public, shared(), asymmetric(), Recipients(own=PAIR)]
    shown += [asymmetric()._holder, key.settings]
    for each in shown:
        assert not [secret for secret in secrets if secret in f"{each!r} {each!s}"]
    for each in (K1, PAIR, shared(), asymmetric()):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(each)


def test_no_secret_is_in_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sealer, value = shared(), "the value itself"
    sealed = sealer.seal(ANN, {"ssn": value, "note": value})
    pairs = asymmetric()
    attempts = [
        lambda: sealer.seal(ANN, {"ssn": [value, object()]}),
        lambda: sealer.seal(ANN, {"ssn": value + "\ud800"}),
        lambda: sealer.seal(ANN, {"address": value}),
        lambda: sealer.seal_update(ANN, {"ssn.x": value}),
        lambda: sealer.seal(ANN, {"ssn": value * 100_000}),
        lambda: sealer.open(ANN, {"ssn": value}),
        lambda: sealer.open(BOB, sealed),
        lambda: Sealer(FIELDS, K2).open(ANN, sealed),
        lambda: Sealer(FIELDS, SealingKey("k1", K2.to_bytes())).open(ANN, sealed),
        lambda: sealer.open(ANN, {"ssn": {**sealed["ssn"], "match": b64(bytes(16))}}),
        lambda: sealer.rewrite_where(("users",), "ssn", "<", value),
        lambda: sealer.rewrite_where(("users",), "note", "==", value),
        lambda: sealer.rewrite_where(("users",), "ssn", "==", [value, object()]),
        lambda: pairs.open(ANN, sealed),
        lambda: Sealer(FIELDS, [K1, K1]),
        lambda: SealingKey("k", K1.to_bytes() + b"x"),
        lambda: SealingKey("k", "1" * 32),  # type: ignore[arg-type]
        lambda: PublicKey.parse(PAIR.to_pem().decode()),
        lambda: PublicKey.parse(b64(K1.to_bytes())),
        lambda: Recipients([b64(K1.to_bytes())]),
        lambda: KeyPair.from_pem(PAIR.to_pem(), PASSPHRASE),
    ]
    secrets = [*secrets_of(), value]
    for attempt in attempts:
        with pytest.raises(SealingError) as caught:
            attempt()
        assert_tells_none(caught.value, secrets)
    assert not [text for text in secrets if text in caplog.text]


@every_sealer
def test_what_a_server_sees_has_nothing_of_the_value(make: Any) -> None:
    sealer = make()
    document = {"ssn": "a secret of some length", "note": {"a name within": "another secret"}}
    text = json.dumps(sealer.seal(ANN, document))
    everything = text + "".join(
        repr(raw(part)) for part in text.replace('"', " ").split() if len(part) > 40
    )
    for secret in ("secret", "a name within", "another", "length"):
        assert secret not in everything


@every_sealer
def test_nothing_that_is_given_is_changed_by_a_failure(make: Any) -> None:
    sealer = make()
    document = {"ssn": "1", "note": object(), "address": {"street": "x"}}
    before = copy.copy(document)
    with pytest.raises(InvalidSealing):
        sealer.seal(ANN, document)
    assert document == before
    assert document["address"] == {"street": "x"}


def derived(secret: bytes, info: bytes, salt: bytes = b"") -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(secret)


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()[:16]


PLACE = b'["dynafile seal",1,"place",["users","ann"],["ssn"]]'


def opened_by_hand(secret: bytes, envelope: dict[str, Any], whom: Any) -> Any:
    """The format as the documents describe it, from the primitives alone."""
    data = raw(envelope["data"])
    nonce, key_check, place_check, sealed = data[:12], data[12:28], data[28:44], data[44:]
    checking = derived(secret, b"dynafile seal 1 check")
    assert key_check == mac(checking, b"key" + nonce)
    assert place_check == mac(checking, b"place" + PLACE)
    header = json.dumps([1, whom, envelope.get("match")], separators=(",", ":")).encode()
    encrypting = derived(secret, b"dynafile seal 1 encrypt")
    return json.loads(AESGCM(encrypting).decrypt(nonce, sealed, header + b"\n" + PLACE))


def test_the_format_of_a_shared_key_is_as_it_was_released() -> None:
    envelope = shared().seal(ANN, {"ssn": "123"})["ssn"]
    assert opened_by_hand(K1.to_bytes(), envelope, "k1") == "123"
    context = b'["dynafile seal",1,"match",["users"],["ssn"]]'
    matching = derived(K1.to_bytes(), b"dynafile seal 1 " + context)
    assert envelope["match"] == b64(mac(matching, b'"123"'))
    assert shared().open(ANN, {"ssn": RELEASED}) == {"ssn": "123"}


def test_the_format_for_recipients_is_as_it_was_released() -> None:
    envelope = asymmetric().seal(ANN, {"ssn": "123"})["ssn"]
    private = serialization.load_pem_private_key(PAIR.to_pem(), None)
    assert isinstance(private, X25519PrivateKey)
    sender = raw(envelope["from"])
    agreed = private.exchange(X25519PublicKey.from_public_bytes(sender))
    wrapping = derived(agreed, b"dynafile seal 1 wrap", sender + PAIR.public.data)
    (named,) = envelope["to"]
    assert named == b64(hashlib.sha256(PAIR.public.data).digest()[:12])
    secret = AESGCM(wrapping).decrypt(bytes(12), raw(envelope["to"][named]), b"")
    assert opened_by_hand(secret, envelope, [envelope["from"], [named]]) == "123"


RELEASED = {
    "sealed": 1,
    "key": "k1",
    "data": "AAECAwQFBgcICQoLN0TgN5l4T3SdmHlaLsfTuiPyOk7btfVLZS2ek00PshuT03pSXDSrNOkcqRsMHuxDQPg9A_4",
    "match": "x5lrdRbfJNRQsK1XKqhqVg",
}
