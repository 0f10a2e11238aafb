"""Sealing: chosen fields are sealed and opened, found by hashes, and sealed again by newer keys."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
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
    PassphraseCost,
    PublicKey,
    Recipients,
    Sealer,
    SealingKey,
)
from dynafile.errors import (
    InvalidSealing,
    NotSealed,
    SealedFieldQuery,
    UnknownSealingKey,
    ValidationError,
    WrongSealingKey,
)

every_sealer = pytest.mark.parametrize("make", SEALERS.values(), ids=SEALERS)
VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, -0.0, 2**64 - 1, -(2**63), "", "text", "é😀\0\n", [], {}, [[[]]],
    {"a": {"b": [None]}}, {"": 1, "a.b": 2, "sealed": 1}, "x" * 100_000, list(range(1000)),
]  # fmt: skip


@every_sealer
def test_chosen_fields_are_sealed_and_opened(make: Any) -> None:
    sealer, before = make(), copy.deepcopy(DOCUMENT)
    sealed = sealer.seal(ANN, DOCUMENT)
    assert before == DOCUMENT, "what was given stays"
    assert sealed["name"] == "Ann"
    assert sealed["address"]["city"] == "Oslo"
    text = json.dumps(sealed)
    for secret in ("123-45", "12 Main", "2.5", '"a"'):
        assert secret not in text
    kept = copy.deepcopy(sealed)
    assert sealer.open(ANN, json.loads(text)) == DOCUMENT
    assert sealed == kept


@every_sealer
@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_every_json_value(make: Any, value: Any) -> None:
    sealer = make()
    opened = sealer.open(ANN, sealer.seal(ANN, {"ssn": value}))["ssn"]
    assert opened == value
    assert type(opened) is type(value)
    assert repr(opened) == repr(value)


@every_sealer
def test_a_value_is_sealed_otherwise_each_time(make: Any) -> None:
    sealer = make()
    found = {sealer.seal(ANN, {"note": 1})["note"]["data"] for _ in range(50)}
    assert len(found) == 50
    nonces = {data[:16] for data in found}
    assert len(nonces) == 50


@every_sealer
def test_what_is_not_there_is_not_sealed(make: Any) -> None:
    sealer = make()
    for document in (
        {},
        {"name": "Ann"},
        {"address": {}},
        {"address": {"city": "Oslo"}},
        {"address": None},
    ):
        assert sealer.seal(ANN, document) == document
        assert sealer.open(ANN, document) == document


@every_sealer
def test_collections_beneath_documents_have_their_own_fields(make: Any) -> None:
    sealer = make()
    path = (*ANN, "posts", "p1")
    sealed = sealer.seal(path, {"text": "secret", "ssn": "plain here"})
    assert sealed["ssn"] == "plain here"
    assert sealer.open(path, sealed)["text"] == "secret"
    for other in (("posts", "p1"), ("news", "n1"), (*path, "comments", "c1")):
        assert sealer.seal(other, {"text": "t", "ssn": "s"}) == {"text": "t", "ssn": "s"}


@every_sealer
def test_an_update_is_sealed_by_dotted_paths(make: Any) -> None:
    sealer, delete = make(), object()
    changes = {"ssn": "1", "address.street": "2", "address.city": "Rome", "n": 5, "note": delete}
    sealed = sealer.seal_update(ANN, changes, keep=[delete])
    assert sealed["note"] is delete
    assert (sealed["n"], sealed["address.city"]) == (5, "Rome")
    document = {"ssn": sealed["ssn"], "address": {"street": sealed["address.street"]}}
    assert sealer.open(ANN, document) == {"ssn": "1", "address": {"street": "2"}}
    sealed = sealer.seal_update(ANN, {"address": {"street": "3", "city": "Bonn"}})
    assert sealer.open(ANN, sealed) == {"address": {"street": "3", "city": "Bonn"}}
    assert sealer.seal_update(ANN, {"address": {"city": "Bonn"}}) == {"address": {"city": "Bonn"}}


@every_sealer
def test_a_change_within_a_sealed_field_is_refused(make: Any) -> None:
    sealer = make()
    for name in ("ssn.part", "address.street.number", "note.a", "note.a.b", "`note`.a"):
        with pytest.raises(InvalidSealing, match="within"):
            sealer.seal_update(ANN, {name: 1})
    for value in (object(), {"street": object()}, "12 Main St", ["12 Main St"], 5):
        with pytest.raises(InvalidSealing):
            sealer.seal_update(ANN, {"address": value})


@every_sealer
@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"note": object()}, "note of users/ann is object"),
        ({"note": {"a": [1, {"b": b""}]}}, r"note of users/ann.a\[1\].b is bytes"),
        ({"note": float("nan")}, "no finite number"),
        ({"note": [float("inf")]}, "no finite number"),
        ({"note": {1: 2}}, "a name that is no text"),
        ({"note": (1, 2)}, "tuple"),
        ({"note": {1}}, "set"),
        ({"note": 2**64}, "64 bits"),
        ({"note": "\ud800"}, "surrogate"),
        ({"note": {"\ud800": 1}}, "surrogate"),
        ({"note": "x" * (1 << 20)}, "longer than"),
        ({"address": "12 Main St"}, "address of users/ann is no map"),
        ({"address": [{"street": "12 Main St"}]}, "is no map"),
        ({"address.street": "12 Main St"}, "dots and all"),
        ("text", "a document is a map"),
        (None, "a document is a map"),
        ([DOCUMENT], "a document is a map"),
    ],
)
def test_what_cannot_be_sealed_is_refused_with_its_place(
    make: Any, document: Any, what: str
) -> None:
    with pytest.raises(InvalidSealing, match=what) as caught:
        make().seal(ANN, document)
    assert isinstance(caught.value, ValidationError)


def test_depth_is_bounded() -> None:
    value: Any = 1
    for _ in range(100):
        value = [value]
    sealer = shared()
    assert sealer.open(ANN, sealer.seal(ANN, {"note": value}))["note"] == value
    with pytest.raises(InvalidSealing, match="deeper"):
        sealer.seal(ANN, {"note": [value]})
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidSealing, match="deeper"):
        sealer.seal(ANN, {"note": value})


@every_sealer
@pytest.mark.parametrize("path", [(), ("users",), ("users", "ann", "posts"), "users/ann", ["users", "ann"],
                                  ("users", 5), None])  # fmt: skip
def test_a_value_is_sealed_for_one_document(make: Any, path: Any) -> None:
    with pytest.raises(InvalidSealing):
        make().seal(path, DOCUMENT)
    with pytest.raises(InvalidSealing):
        make().open(path, DOCUMENT)


@every_sealer
def test_sealing_twice_is_refused(make: Any) -> None:
    sealer = make()
    with pytest.raises(InvalidSealing, match="already"):
        sealer.seal(ANN, sealer.seal(ANN, DOCUMENT))


@every_sealer
def test_plain_values_are_refused_unless_they_are_expected(make: Any) -> None:
    with pytest.raises(NotSealed) as caught:
        make().open(ANN, {"ssn": "123"})
    assert (caught.value.path, caught.value.field) == (ANN, "ssn")
    with pytest.raises(NotSealed) as caught:
        make().open(ANN, {"address": "12 Main St"})
    assert caught.value.field == "address"
    lenient = Sealer({"users": {"ssn": Field(accept_plain=True)}}, K1)
    assert lenient.open(ANN, {"ssn": "123"}) == {"ssn": "123"}
    sealed = lenient.reseal(ANN, {"ssn": "123"})
    assert sealed is not None
    assert Sealer({"users": {"ssn": Field()}}, K1).open(ANN, sealed) == {"ssn": "123"}


def test_equal_values_are_found_by_their_hash() -> None:
    sealer = shared()
    for value, equal in [(1, 1.0), (0, -0.0), ({"a": 1, "b": 2.0}, {"b": 2, "a": 1.0}), ([1.0], [1]),
                         ("x", "x"), (None, None), (True, True), (1e20, 10**20 // 10 * 10)]:  # fmt: skip
        if isinstance(equal, int) and abs(equal) > 2**64:
            continue
        kept = sealer.seal(ANN, {"ssn": value})["ssn"]["match"]
        assert sealer.rewrite_where(("users",), "ssn", "==", equal) == ("ssn.match", "==", kept)


def test_unequal_values_have_other_hashes() -> None:
    sealer = shared()
    values = [
        1,
        True,
        "1",
        0,
        False,
        None,
        "",
        [],
        {},
        "null",
        [1],
        ["1"],
        "é",
        "e\u0301",
        1.5,
        {"a": 1},
    ]
    hashes = {sealer.rewrite_where(("users",), "ssn", "==", value)[2] for value in values}
    assert len(hashes) == len(values)


def test_hashes_are_of_one_field_of_one_pattern_and_one_key() -> None:
    fields = {"users": {"a": Field(searchable=True), "b": Field(searchable=True)},
              "teams": {"a": Field(searchable=True)}}  # fmt: skip
    hashes = {
        Sealer(fields, key).rewrite_where((collection,), field, "==", "x")[2]
        for key in (K1, K2)
        for collection, field in (("users", "a"), ("users", "b"), ("teams", "a"))
    }
    assert len(hashes) == 6
    posts = [
        shared().rewrite_where(("users", who, "posts"), "tag", "==", "x") for who in ("ann", "bob")
    ]
    assert posts[0] == posts[1] == shared().rewrite_where(("posts",), "tag", "==", "x", group=True)


def test_a_document_is_asked_as_its_collection() -> None:
    sealer = shared()
    asked = sealer.rewrite_where(("users",), "ssn", "==", "x")
    assert sealer.rewrite_where(ANN, "ssn", "==", "x") == asked


@pytest.mark.parametrize("op", ["!=", "<", "<=", ">", ">=", "in", "not-in", "array-contains",
                                "array-contains-any", "~", ""])  # fmt: skip
@pytest.mark.parametrize("field", ["ssn", "note", "address.street"])
@every_sealer
def test_other_operators_are_refused(make: Any, op: str, field: str) -> None:
    with pytest.raises(SealedFieldQuery) as caught:
        make().rewrite_where(("users",), field, op, "x")
    assert caught.value.field == field


@every_sealer
def test_what_is_not_sealed_is_asked_as_it_was(make: Any) -> None:
    sealer, value = make(), object()
    for path, field in (
        (("users",), "name"),
        (("users",), "address.city"),
        (("news",), "ssn"),
        ((*ANN, "posts"), "ssn"),
    ):
        assert sealer.rewrite_where(path, field, "<", value) == (field, "<", value)
        sealer.check_query(path, field)


@every_sealer
def test_asking_for_part_of_or_around_a_sealed_field_is_refused(make: Any) -> None:
    for field in ("address", "ssn.match", "ssn.data", "note.a", "address.street.x"):
        with pytest.raises(SealedFieldQuery):
            make().rewrite_where(("users",), field, "==", {})
        with pytest.raises(SealedFieldQuery, match="order_by"):
            make().check_query(("users",), field)
    for field in ("note", "address.street"):
        with pytest.raises(SealedFieldQuery, match="searchable"):
            make().rewrite_where(("users",), field, "==", 1)
    with pytest.raises(SealedFieldQuery, match="sum"):
        make().check_query(("users",), "ssn", "sum")
    with pytest.raises(SealedFieldQuery):
        make().check_query(("posts",), "tag", group=True)


def test_a_group_whose_collections_seal_otherwise_is_not_asked_by_halves() -> None:
    fields = {"posts": {"tag": Field(searchable=True)}, "users/*/posts": {"tag.name": Field()}}
    with pytest.raises(SealedFieldQuery):
        Sealer(fields, K1).rewrite_where(("posts",), "tag", "==", "x", group=True)
    both = {
        "posts": {"tag": Field(searchable=True)},
        "users/*/posts": {"tag": Field(searchable=True)},
    }
    sealer = Sealer(both, K1)
    asked = sealer.rewrite_where(("posts",), "tag", "==", "x", group=True)
    assert asked[1] == "in"
    for path in (("posts", "p1"), (*ANN, "posts", "p1")):
        assert sealer.seal(path, {"tag": "x"})["tag"]["match"] in asked[2]


def test_a_comparison_with_what_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidSealing, match="compared"):
        shared().rewrite_where(("users",), "ssn", "==", object())


def test_keys_rotate() -> None:
    old, both, new = shared(), Sealer(FIELDS, [K1, K2]), Sealer(FIELDS, K2)
    sealed = old.seal(ANN, DOCUMENT)
    assert both.open(ANN, sealed) == DOCUMENT
    assert both.seal(ANN, DOCUMENT)["ssn"]["key"] == "k2"
    asked = both.rewrite_where(("users",), "ssn", "==", DOCUMENT["ssn"])
    assert asked[:2] == ("ssn.match", "in")
    assert sealed["ssn"]["match"] in asked[2]
    again = both.reseal(ANN, sealed)
    assert again is not None
    assert again["ssn"]["match"] in asked[2]
    assert both.reseal(ANN, again) is None
    assert new.open(ANN, again) == DOCUMENT
    with pytest.raises(UnknownSealingKey) as caught:
        new.open(ANN, sealed)
    assert caught.value.keys == ("k1",)
    with pytest.raises(UnknownSealingKey):
        old.open(ANN, again)


def test_a_field_that_becomes_searchable_is_sealed_again() -> None:
    before = Sealer({"users": {"note": Field()}}, K1)
    after = Sealer({"users": {"note": Field(searchable=True)}}, K1)
    sealed = before.seal(ANN, {"note": "x"})
    assert after.open(ANN, sealed) == {"note": "x"}
    again = after.reseal(ANN, sealed)
    assert again is not None
    assert after.rewrite_where(("users",), "note", "==", "x")[2] == again["note"]["match"]
    assert after.reseal(ANN, again) is None
    less = before.reseal(ANN, again)
    assert less is not None
    assert "match" not in less["note"]


def test_several_recipients_open_and_others_do_not() -> None:
    fields = {"users": {"note": Field()}}
    sender = Sealer(fields, Recipients([PAIR.public, str(OTHER.public)]))
    sealed = sender.seal(ANN, {"note": "for both"})
    assert set(sealed["note"]["to"]) == {PAIR.public.id, OTHER.public.id}
    for pair in (PAIR, OTHER):
        assert Sealer(fields, Recipients(own=pair)).open(ANN, sealed) == {"note": "for both"}
    stranger = Sealer(fields, Recipients(own=KeyPair.generate()))
    for each in (stranger, sender, Sealer(fields, K1)):
        with pytest.raises(UnknownSealingKey) as caught:
            each.open(ANN, sealed)
        assert set(caught.value.keys) == {PAIR.public.id, OTHER.public.id}
    with pytest.raises(InvalidSealing, match="nobody"):
        stranger.seal(ANN, {"note": 1})


def test_recipients_change() -> None:
    fields = {"users": {"note": Field()}}
    before = Sealer(fields, Recipients([PAIR.public]))
    after = Sealer(fields, Recipients([PAIR.public, OTHER.public], own=[PAIR]))
    sealed = before.seal(ANN, {"note": 1})
    again = after.reseal(ANN, sealed)
    assert again is not None
    assert after.reseal(ANN, again) is None
    assert Sealer(fields, Recipients(own=OTHER)).open(ANN, again) == {"note": 1}


def test_search_keys_rotate_apart_from_pairs() -> None:
    newer = SealingKey("search2", b"t" * 32)
    sealer = Sealer(FIELDS, Recipients([PAIR.public], own=PAIR, search=[SEARCH, newer]))
    sealed = asymmetric().seal(ANN, DOCUMENT)
    asked = sealer.rewrite_where(("users",), "ssn", "==", DOCUMENT["ssn"])
    assert asked[1] == "in"
    assert sealed["ssn"]["match"] in asked[2]
    again = sealer.reseal(ANN, sealed)
    assert again is not None
    assert again["ssn"]["match"] == asked[2][1]
    assert sealer.reseal(ANN, again) is None


def test_pairs_are_kept_as_pem_and_public_keys_as_text() -> None:
    for password in (None, "a password"):
        pem = PAIR.to_pem(password)
        assert pem.startswith(b"-----BEGIN")
        assert (b"ENCRYPTED" in pem) is (password is not None)
        again = KeyPair.from_pem(pem, password)
        assert again.public == PAIR.public
        assert KeyPair.from_pem(pem.decode(), password).public == PAIR.public
    text = str(PAIR.public)
    assert len(text) == 50
    assert PublicKey.parse(text) == PAIR.public
    assert hash(PublicKey.parse(text)) == hash(PAIR.public)
    assert PAIR.public != OTHER.public


def test_a_passphrase_gives_the_key_again_by_its_settings() -> None:
    key = SealingKey.from_passphrase("k", PASSPHRASE, cost=CHEAP)
    settings = json.loads(json.dumps(key.settings))
    assert settings["id"] == "k"
    assert PASSPHRASE not in json.dumps(settings)
    again = SealingKey.unlock(settings, PASSPHRASE)
    assert again.settings == key.settings
    sealed = Sealer(FIELDS, key).seal(ANN, DOCUMENT)
    assert Sealer(FIELDS, again).open(ANN, sealed) == DOCUMENT
    other = SealingKey.from_passphrase("k", PASSPHRASE, cost=CHEAP)
    assert other.to_bytes() != key.to_bytes(), "another salt"
    with pytest.raises(WrongSealingKey):
        Sealer(FIELDS, other).open(ANN, sealed)


def test_a_passphrase_is_the_same_however_its_accents_are_typed() -> None:
    key = SealingKey.from_passphrase("k", "caf\u00e9 au lait encore", cost=CHEAP)
    assert key.settings is not None
    SealingKey.unlock(key.settings, "cafe\u0301 au lait encore")


def test_the_default_cost_is_that_of_rfc_9106() -> None:
    assert (PassphraseCost().memory, PassphraseCost().passes, PassphraseCost().lanes) == (
        65536,
        3,
        4,
    )


def test_a_key_is_made_kept_and_loaded() -> None:
    key = SealingKey.generate("k")
    assert len(key.to_bytes()) == 32
    assert key.settings is None
    sealed = Sealer(FIELDS, key).seal(ANN, DOCUMENT)
    assert Sealer(FIELDS, SealingKey("k", key.to_bytes())).open(ANN, sealed) == DOCUMENT


@pytest.mark.parametrize("key_id", ["", "a b", "é", "x" * 65, "a/b", "k\n", None, 5])
def test_an_id_of_a_key_is_short_and_plain(key_id: Any) -> None:
    with pytest.raises(InvalidSealing):
        SealingKey.generate(key_id)


@pytest.mark.parametrize("secret", [b"", b"x" * 31, b"x" * 33, "x" * 32, None, bytearray(32)])
def test_a_key_has_32_bytes(secret: Any) -> None:
    with pytest.raises(InvalidSealing):
        SealingKey("k", secret)


@pytest.mark.parametrize(
    "fields",
    [
        {}, [], None, "users", {"users": {}}, {"users": ["ssn"]}, {"users": {"ssn": True}}, {"": {"a": Field()}},
        {"users/ann": {"a": Field()}}, {"*": {"a": Field()}}, {"users/*/*": {"a": Field()}}, {"users//posts": {"a": Field()}},
        {"/users": {"a": Field()}}, {5: {"a": Field()}}, {"users": {"": Field()}}, {"users": {".a": Field()}},
        {"users": {"a.": Field()}}, {"users": {"a..b": Field()}}, {"users": {"`a": Field()}}, {"users": {"a`b": Field()}},
        {"users": {"a": Field(), "a.b": Field()}}, {"users": {"a.b.c": Field(), "a.b": Field()}}, {"users": {5: Field()}},
        {"users/*/posts": {"a": Field()}, "users/ann/posts": {"b": Field()}},
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_be_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidSealing):
        Sealer(fields, K1)


@pytest.mark.parametrize(
    "keys",
    [None, [], (), "key", b"x" * 32, [K1, K1], [K1, "k2"], [K1, SealingKey("k1", b"z" * 32)], PAIR],
)
def test_keys_that_cannot_be_are_refused(keys: Any) -> None:
    with pytest.raises(InvalidSealing):
        Sealer(FIELDS, keys)


def test_recipients_that_cannot_be_are_refused() -> None:
    for make in (
        Recipients,
        lambda: Recipients(["x25519-short"]),
        lambda: Recipients([5]),  # type: ignore[list-item]
        lambda: Recipients(own=["pem"]),  # type: ignore[list-item]
        lambda: Recipients([PAIR.public], search=[PAIR]),  # type: ignore[list-item]
        lambda: Sealer(FIELDS, Recipients([PAIR.public], own=PAIR)),  # searchable without a key
    ):
        with pytest.raises(InvalidSealing):
            make()


def test_names_with_dots_stand_in_backticks() -> None:
    sealer = Sealer({"users": {"`a.b`.c": Field(searchable=True), "d": Field()}}, K1)
    sealed = sealer.seal(ANN, {"a.b": {"c": 1}, "d": 2, "a": {"b": {"c": 3}}})
    assert sealed["a"] == {"b": {"c": 3}}
    assert sealer.open(ANN, sealed) == {"a.b": {"c": 1}, "d": 2, "a": {"b": {"c": 3}}}
    asked = sealer.rewrite_where(("users",), "`a.b`.c", "==", 1)
    assert asked == ("`a.b`.c.match", "==", sealed["a.b"]["c"]["match"])


def test_what_another_language_has_written_opens() -> None:
    holder = Recipients([PAIR.public], own=PAIR)
    sealer = Sealer({"users": {"note": Field()}}, holder)
    place = sealer._declared[0].place(ANN)
    for written, value in (
        (b' {"b": 1E+2, "a":[ ] } ', {"b": 100.0, "a": []}),
        (rb'"\u00e9"', "é"),
    ):
        made = holder.seal(written, place, None, lambda count: bytes(range(count)))
        assert sealer.open(ANN, {"note": made.as_json()}) == {"note": value}
