"""``dynafile documents keys`` and ``users``: what they print, and what they change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dynafile.documents import Montybase
from dynafile.errors import InvalidApiKey, InvalidLogin

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

PASSWORD = "correct horse battery"


@pytest.fixture
def db(folder: Path) -> str:
    Montybase("db").close()
    return "db"


def printed(text: str) -> list[dict[str, Any]]:
    return list(map(json.loads, text.splitlines()))


def test_a_key_is_printed_once_and_kept_as_a_hash(run: Run, db: str, folder: Path) -> None:
    made = run("documents", "keys", "make", db, "importer", "--scope", "users/ann", "--days", "30")
    key = made.stdout.strip()
    assert made.stderr.startswith(f"ok: key {key[3:11]}: ")
    assert key not in made.stderr
    with Montybase(db) as mb:
        found = mb.accounts.keys.check(key)
        assert found.allows(("users", "ann", "posts"), write=True)
        assert not found.allows(("users", "bob"))
    for path in folder.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes()
    (row,) = printed(run("documents", "keys", "list", db).stdout)
    assert (row["id"], row["name"], row["reaches"]) == (key[3:11], "importer", ["users/ann"])
    assert row["expires"] > row["made"]
    assert row["revoked"] is None


def test_a_key_that_is_revoked_ends_where_it_is_used(run: Run, db: str) -> None:
    key = run("documents", "keys", "make", db, "reader", "--read-only").stdout.strip()
    with Montybase(db) as other:
        assert other.accounts.keys.check(key).read_only
        run("documents", "keys", "revoke", db, key[3:11])
        with pytest.raises(InvalidApiKey, match="revoked"):
            other.accounts.keys.check(key)
    (row,) = printed(run("documents", "keys", "list", db).stdout)
    assert row["revoked"] is not None


def test_a_whole_key_in_the_place_of_its_id_is_not_printed(run: Run, db: str) -> None:
    key = run("documents", "keys", "make", db, "reader").stdout.strip()
    refused = run("documents", "keys", "revoke", db, key, code=1)
    assert "8 characters after mb-" in refused.stderr
    assert key[11:] not in refused.stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--scope", ""), "path"),
        (("--scope", "a/../b"), "path"),
        (("--days", "0"), "lifetime"),
        (("--days", "-1"), "lifetime"),
    ],
)
def test_a_key_that_cannot_be(run: Run, db: str, options: tuple[str, ...], word: str) -> None:
    refused = run("documents", "keys", "make", db, "reader", *options, code=3)
    assert refused.stdout == ""
    assert refused.stderr.startswith("error: ")
    assert word in refused.stderr
    assert run("documents", "keys", "list", db).stdout == ""


def test_users_from_their_first_to_their_last_day(run: Run, db: str) -> None:
    uid = run(
        "documents", "users", "add", db, "Ann@Example.com", stdin=PASSWORD + "\n"
    ).stdout.strip()
    with Montybase(db) as mb:
        assert mb.login("ann@example.com", PASSWORD).uid == uid
        run("documents", "users", "claims", db, "ann@example.com", '{"admin": true}')
        assert mb.accounts.users.get(uid).claims == {"admin": True}
        run("documents", "users", "password", db, uid, stdin="another one\n")
        with pytest.raises(InvalidLogin):
            mb.login("ann@example.com", PASSWORD)
        assert mb.login("ann@example.com", "another one").uid == uid
        run("documents", "users", "disable", db, uid)
        with pytest.raises(InvalidLogin):
            mb.login("ann@example.com", "another one")
        (row,) = printed(run("documents", "users", "list", db).stdout)
        assert (row["uid"], row["email"], row["disabled"]) == (uid, "ann@example.com", True)
        run("documents", "users", "enable", db, uid)
        generation = mb.login("ann@example.com", "another one").generation
        run("documents", "users", "logout", db, uid)
        assert mb.login("ann@example.com", "another one").generation == generation + 1
        run("documents", "users", "remove", db, "ann@example.com")
    assert run("documents", "users", "list", db).stdout == ""


def test_users_who_cannot_be(run: Run, db: str) -> None:
    add = ("documents", "users", "add", db)
    assert "no password" in run(*add, "ann@example.com", code=2).stderr
    assert "8" in run(*add, "ann@example.com", stdin="short\n", code=3).stderr
    assert "e-mail" in run(*add, "ann", stdin=PASSWORD, code=3).stderr
    run(*add, "ann@example.com", stdin=PASSWORD)
    assert "there already" in run(*add, "ann@example.com", stdin=PASSWORD, code=3).stderr
    for who in ("bob@example.com", "bob"):
        assert "bob" in run("documents", "users", "disable", db, who, code=1).stderr
    for claims, code in (("{admin}", 2), ("[1]", 3), ('{"a": NaN}', 3)):
        refused = run("documents", "users", "claims", db, "ann@example.com", claims, code=code)
        assert "claims" in refused.stderr


def test_a_folder_that_holds_no_documents(run: Run, folder: Path) -> None:
    missing = run("documents", "keys", "list", "nowhere", code=4)
    assert "nowhere does not exist" in missing.stderr
    assert not (folder / "nowhere").exists()
    run("put", "table", '{"PK": "a", "SK": "b"}')
    assert "none of documents" in run("documents", "users", "list", "table", code=2).stderr
