"""A database whose chosen fields are sealed: it answers as a plain one, and keeps no plain text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from documents.served.conftest import Running

from dynafile.documents import (
    DELETE_FIELD,
    SERVER_TIMESTAMP,
    AsyncMontybase,
    Increment,
    Montybase,
    doc,
)
from dynafile.documents.requests import Query
from dynafile.documents.sealing import Field, KeyPair, Recipients, Sealer, SealingKey
from dynafile.errors import (
    InvalidDocument,
    InvalidDocumentArgument,
    InvalidDocumentArgumentType,
    InvalidSealing,
    NotSealed,
    SealedElsewhere,
    SealedFieldQuery,
    UnknownSealingKey,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIELDS = {
    "users": {"ssn": Field(searchable=True), "address.street": Field()},
    "users/*/letters": {"text": Field()},
}
KEY = SealingKey.generate("2026")
ANN = {"name": "Ann", "ssn": "123-secret", "address": {"street": "1 Secret St", "city": "Oslo"}}
BOB = {"name": "Bob", "ssn": "456-secret", "age": 7}


@pytest.fixture(params=["memory", "folder", "served"])
def db(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Montybase]:
    """A database that is sealed here; ``.kept`` on the fixture is what is kept of it."""
    sealer = Sealer(FIELDS, KEY)
    if request.param == "memory":
        with Montybase(":memory:", sealer=sealer) as mb:
            yield mb
    elif request.param == "folder":
        with Montybase(tmp_path / "db", sealer=sealer) as mb:
            yield mb
    else:
        server = Running(tmp_path / "db")
        (tmp_path / "client").mkdir()
        text = (tmp_path / "db" / "client-config.json").read_text()
        (tmp_path / "client" / "client-config.json").write_text(text)
        monkeypatch.chdir(tmp_path / "client")
        with Montybase(api=server.url, sealer=sealer) as mb:
            yield mb
        server.stop()
    if request.param != "memory":
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or b"secret" not in path.read_bytes().lower()


def kept(db: Montybase) -> Any:
    """All that is kept, as who has it sees it."""
    return db.engine._inner.get(())


def test_it_answers_as_a_plain_one(db: Montybase) -> None:
    users = doc(db, "users")
    ann, bob = users.document("ann"), users.document("bob")
    ann.set(ANN)
    assert users.add(BOB, key="bob") == "bob"
    new = users.add({"ssn": "789-secret"})
    assert ann.get() == ANN
    assert doc(db, "users", "ann", "ssn").get() == "123-secret"
    assert doc(db, "users", "ann", "address").get() == ANN["address"]
    assert doc(db, "users", "ann", "address", "street").get() == "1 Secret St"
    assert doc(db, "users", "ann", "address", "city").get() == "Oslo"
    assert doc(db, "users", "bob", "address", "street").get() is None
    assert users.get() == {"ann": ANN, "bob": BOB, new: {"ssn": "789-secret"}}
    assert doc(db).get() == {"users": users.get()}
    assert [each["value"] for each in users.stream()] == list(users.get().values())

    ann.update({"address.street": "2 Secret St", "visits": Increment(2), "ssn": "321-secret"})
    assert ann.get() == {
        "name": "Ann",
        "ssn": "321-secret",
        "address": {"street": "2 Secret St", "city": "Oslo"},
        "visits": 2,
    }
    ann.update({"ssn": DELETE_FIELD, "seen": SERVER_TIMESTAMP})
    assert "ssn" not in ann.get()
    letters = ann.collection("letters")
    letters.add({"text": "dear secret", "to": "bob"}, key="l1")
    assert db.collection_group("letters").get() == {
        "users/ann/letters/l1": {"text": "dear secret", "to": "bob"}
    }
    assert letters.delete() == {"l1": {"text": "dear secret", "to": "bob"}}
    assert doc(db, "users", "bob", "ssn").delete() == "456-secret"
    bob.update({"ssn": "456-secret"})
    assert bob.delete() == BOB
    assert bob.get() is None
    with db.batch() as batch:
        batch.set(bob, BOB).update(ann, {"ssn": "123-secret"})
    assert ann.get()["ssn"] == "123-secret"
    assert users.set({"ssn": "0-secret"}) in users.get()
    assert list(users.get().values()) == [{"ssn": "0-secret"}]
    assert "secret" not in json.dumps(kept(db)).lower()


def test_queries_by_hashes(db: Montybase) -> None:
    users = doc(db, "users")
    users.add(ANN, key="ann")
    users.add(BOB, key="bob")
    assert users.where("ssn", "==", "123-secret").get() == {"ann": ANN}
    assert users.where("ssn", "==", "123-secret").where("name", "==", "Bob").get() == {}
    assert users.where("ssn", "==", "no").count() == 0
    assert users.where("name", ">", "Ann").get() == {"bob": BOB}
    assert users.order_by("name").limit(1).get() == {"ann": ANN}
    assert users.where("ssn", "==", "456-secret").exists()
    assert users.sum("age") == 7
    for query in (
        lambda: users.where("ssn", ">", "1").get(),
        lambda: users.where("ssn", "in", ["123-secret"]).get(),
        lambda: users.where("address.street", "==", "1 Secret St").get(),
        lambda: users.order_by("ssn").get(),
        lambda: users.sum("ssn"),
        lambda: users.average("address"),
        lambda: users.delete({"name": "Ann"}),
        lambda: db.collection_group("users").where("address", "==", {}).get(),
    ):
        with pytest.raises(SealedFieldQuery):
            query()
    assert users.get() == {"ann": ANN, "bob": BOB}


def test_who_answers_with_other_documents_is_not_believed() -> None:
    """Who was found by a secret was whoever the keeper of the documents chose."""
    with Montybase(":memory:", sealer=Sealer(FIELDS, KEY)) as db:
        users = doc(db, "users")
        users.add(ANN, key="ann")
        users.add(BOB, key="bob")
        inner = db.engine._inner
        everything = inner.run(Query(path=("users",)))
        inner.run = lambda _: everything
        assert users.where("ssn", "==", BOB["ssn"]).get() == {"bob": BOB}


def test_what_would_be_sent_plain_is_refused(db: Montybase) -> None:
    users = doc(db, "users")
    users.add(ANN, key="ann")
    for change, error in (
        (lambda: doc(db, "users", "ann", "ssn").set("secret"), InvalidDocumentArgument),
        (lambda: doc(db, "users", "ann", "address").set({"street": "secret"}), InvalidDocumentArgument),
        (lambda: doc(db, "users", "ann").update({"ssn": Increment(1)}), InvalidSealing),
        (lambda: doc(db, "users", "ann").update({"ssn.x": "secret"}), InvalidSealing),
        (lambda: doc(db, "users", "ann").set({"address": "secret"}), InvalidSealing),
        (lambda: users.update({"ssn": "secret"}), InvalidDocumentArgument),
        (lambda: users.add(5), InvalidDocument),
    ):  # fmt: skip
        with pytest.raises(error):
            change()
    assert users.get() == {"ann": ANN}


def test_who_listens_hears_what_was_opened(db: Montybase) -> None:
    users = doc(db, "users")
    users.add(ANN, key="ann")
    subscriptions = [
        db.engine.watch(("users",)),
        db.engine.watch(("users", "ann")),
        db.engine.watch(users.where("ssn", "==", "123-secret")._query()),
        db.engine.watch(db.collection_group("users").where("name", "==", "Ann")._query()),
    ]
    heard = [next(iter(subscription)).value for subscription in subscriptions]
    assert heard == [
        {"ann": ANN},
        ANN,
        {"ann": ANN},
        {"users/ann": ANN},
    ]
    users.document("ann").update({"ssn": "9-secret"})
    now = ANN | {"ssn": "9-secret"}
    told = [next(iter(subscription)) for subscription in subscriptions]
    assert [(each.type, each.value) for each in told] == [
        ("modified", now),
        ("modified", now),
        ("removed", ANN),
        ("modified", now),
    ]
    for subscription in subscriptions:
        subscription.close()
        assert subscription.closed


def test_an_index_of_the_hash(tmp_path: Path) -> None:
    with Montybase(tmp_path / "db", sealer=Sealer(FIELDS, KEY)) as db:
        db.index("users", "ssn", "name")
        assert db.indexes == {"users": ["ssn.match", "name"]}
        doc(db, "users").add(ANN, key="ann")
        assert doc(db, "users").where("ssn", "==", "123-secret").explain().index == "ssn.match"
        assert doc(db, "users").where("ssn", "==", "123-secret").get() == {"ann": ANN}
        with pytest.raises(SealedFieldQuery):
            db.index("users", "address.street")


def test_an_index_that_is_missing_is_one_that_can_be_declared() -> None:
    with Montybase(":memory:", sealer=Sealer(FIELDS, KEY)) as db:
        users = doc(db, "users")
        users.add(ANN, key="ann")
        plan = users.where("ssn", "==", ANN["ssn"]).explain()
        assert plan.missing == ("ssn",)
        assert "db.index('users', 'ssn')" in plan.text
        db.index("users", *plan.missing)
        assert users.where("ssn", "==", ANN["ssn"]).explain().missing == ()


def test_transactions_see_plain_text(tmp_path: Path) -> None:
    with Montybase(tmp_path / "db", sealer=Sealer(FIELDS, KEY)) as db:
        ann = doc(db, "users", "ann")
        ann.set(ANN)
        with db.transaction():
            ann.update({"ssn": ann.get()["ssn"] + "!"})
            assert ann.get()["ssn"] == "123-secret!"
        assert ann.get()["ssn"] == "123-secret!"


def test_who_keeps_it_cannot_read_move_or_exchange_it(tmp_path: Path) -> None:
    with Montybase(tmp_path / "db", sealer=Sealer(FIELDS, KEY)) as db:
        doc(db, "users", "ann").set(ANN)
        doc(db, "users", "bob").set(BOB)
    with Montybase(tmp_path / "db") as other:
        sealed = doc(other, "users", "ann").get()
        doc(other, "users", "bob").update({"ssn": sealed["ssn"]})
        doc(other, "users", "eve").set({"ssn": "plain"})
    with Montybase(tmp_path / "db", sealer=Sealer(FIELDS, KEY)) as db:
        assert doc(db, "users", "ann").get() == ANN
        with pytest.raises(SealedElsewhere):
            doc(db, "users", "bob").get()
        with pytest.raises(NotSealed):
            doc(db, "users", "eve").get()
    stranger = Sealer(FIELDS, SealingKey.generate("other"))
    with Montybase(tmp_path / "db", sealer=stranger) as db, pytest.raises(UnknownSealingKey):
        doc(db, "users", "ann").get()


def test_a_server_that_seals_serves_what_is_sealed(tmp_path: Path) -> None:
    server = Running(tmp_path / "db", sealer=Sealer(FIELDS, KEY))
    try:
        doc(server.db, "users", "ann").set(ANN)
        found = httpx.get(f"{server.url}/v1/documents/users/ann")
        assert "secret" not in found.text.lower()
        assert doc(server.db, "users", "ann").get() == ANN
    finally:
        server.stop()


def test_for_recipients() -> None:
    ann = KeyPair.generate()
    fields = {"letters": {"text": Field()}}
    with Montybase(":memory:", sealer=Sealer(fields, Recipients([str(ann.public)]))) as sender:
        letter = doc(sender, "letters").add({"text": "secret"})
        with pytest.raises(UnknownSealingKey):
            doc(sender, "letters", letter).get()
        reader = Sealer(fields, Recipients(own=ann))
        value = sender.engine._inner.get(("letters", letter))
        assert reader.open(("letters", letter), value) == {"text": "secret"}


def test_a_file_beside_is_imported_sealed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tree = {"users": {"ann": ANN, "odd": {"address": "text"}}}
    (tmp_path / "db.json").write_text(json.dumps(tree))
    with Montybase(tmp_path, sealer=Sealer(FIELDS, KEY)) as db:
        assert doc(db).get() == {"users": {"ann": ANN}}
        assert "secret" not in json.dumps(kept(db)).lower()
    assert "users/odd was left out" in caplog.text


def test_what_is_no_sealer() -> None:
    with pytest.raises(InvalidDocumentArgumentType, match="Sealer"):
        Montybase(":memory:", sealer=KEY)
    plain = AsyncMontybase(":memory:", sealer=Sealer(FIELDS, KEY)).plain
    plain.close()
