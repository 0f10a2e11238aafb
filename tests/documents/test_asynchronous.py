"""Documents in asyncio: the same answers, awaited, and a loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import documents
from dynafile.documents import (
    AsyncBatch,
    AsyncMontybase,
    AsyncQuery,
    AsyncReference,
    Batch,
    DocumentQuery,
    Increment,
    Montybase,
    Reference,
    doc,
)
from dynafile.errors import HandleClosed, InvalidDocumentArgumentType, InvalidDocumentPath

if TYPE_CHECKING:
    from pathlib import Path

LEFT_OUT = {
    Reference: {"db", "segments", "on_snapshot"},
    DocumentQuery: {"db", "description", "on_snapshot"},
    Batch: set(),
    Montybase: {
        "accounts", "app", "engine", "indexes", "name", "path", "run", "stop", "transaction", "wsgi",
    },
}  # fmt: skip
"""What is as quick as an attribute, is served, or is of one thread: ``plain`` has it."""


def names_of(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("plain", "twin"),
    [
        (Reference, AsyncReference),
        (DocumentQuery, AsyncQuery),
        (Batch, AsyncBatch),
        (Montybase, AsyncMontybase),
    ],
)
def test_each_method_has_its_twin(plain: type, twin: type) -> None:
    assert names_of(plain) - LEFT_OUT[plain] <= names_of(twin)
    for name in names_of(plain) & names_of(twin):
        one, other = getattr(plain, name), getattr(twin, name)
        if inspect.isfunction(one) and name != "run_transaction":
            wanted = [each for each in inspect.signature(one).parameters if each != "self"]
            found = inspect.signature(other).parameters
            some = [each for each in found if each not in ("self", "options")]
            assert wanted[: len(some)] == some, name


def test_users_are_awaited_too() -> None:
    async def main() -> None:
        async with AsyncMontybase(":memory:") as db:
            user = await db.signup("ann@example.com", "correct horse battery")
            assert await db.login("ann@example.com", "correct horse battery") == user
            await db.logout()
            assert db.user is None  # who has the database is nobody's client

    asyncio.run(main())


def test_all_of_it_in_a_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncMontybase(tmp_path / "db") as db:
            users = db.doc("users")
            assert await users.get() == {}
            assert await users.add({"n": 1}, key="ann") == "ann"
            assert await users.add({"n": 2}, "bob") == "bob"
            ann = users.document("ann")
            assert ann == db.doc("users", "ann") == users.append("ann")
            assert hash(ann) == hash(db.doc("users", "ann"))
            assert (ann.id, ann.path, ann.parent) == ("ann", "users/ann", users)
            assert repr(ann).startswith("AsyncReference(")
            token = await ann.last_update()
            assert await ann.update({"n": Increment(4)}, last_update=token) == "ann"
            assert await ann.exists()
            assert await ann.exist()
            await ann.collection("posts").set({"text": "x"}, key="p")
            assert await db.collection_group("posts").get() == {"users/ann/posts/p": {"text": "x"}}
            await db.index("users", "n")
            query = users.where("n", ">", 1).order_by("n").limit(5)
            assert [each["id"] for each in await query.stream()] == ["bob", "ann"]
            assert await query.get() == {"bob": {"n": 2}, "ann": {"n": 5}}
            assert await query.exists()
            assert (await query.explain()).index == "n"
            assert (await query.count(), await query.sum("n"), await query.average("n")) == (
                2,
                7,
                3.5,
            )
            assert await users.order_by("n").start_after(2).get() == {"ann": {"n": 5}}
            assert await users.order_by("n").start_at(5).get() == {"ann": {"n": 5}}
            assert await users.order_by("n").end_before(5).get() == {"bob": {"n": 2}}
            assert await users.order_by("n").end_at(2).get() == {"bob": {"n": 2}}
            batch = db.batch().set(ann, {"n": 0}).add(users, {"n": 9}, "eve").delete(ann)
            assert len(batch) == 3
            assert await batch.commit() == ["ann", "eve", {"n": 0}]
            assert await users.delete(key="bob") == {"n": 2}
            total = await db.run_transaction(lambda mb: doc(mb, "users", "eve").get()["n"] + 1)
            assert total == 10
        with pytest.raises(HandleClosed):
            await users.get()

    asyncio.run(main())


def test_a_batch_of_a_block_that_raises_is_not_made() -> None:
    async def main() -> None:
        async with AsyncMontybase(":memory:") as db:
            with pytest.raises(KeyError):
                async with db.batch() as batch:
                    batch.add(db.doc("users"), {"n": 1})
                    raise KeyError
            assert await db.doc("users").get() == {}
            with pytest.raises(InvalidDocumentArgumentType, match=r"db\.doc"):
                db.batch().add(doc(db.plain, "users"), {"n": 1})
            with pytest.raises(InvalidDocumentPath):
                db.doc("")

    asyncio.run(main())


def test_a_task_hears_of_what_others_write() -> None:
    async def main() -> list[Any]:
        async with AsyncMontybase(":memory:") as db:
            users, heard = db.doc("users"), []
            async with users.watch() as changes:
                async for change in changes:
                    heard.append((change.type, change.id))
                    if len(heard) == 4:
                        return heard
                    await users.add({"n": len(heard)}, "u0")
        return []

    assert asyncio.run(main()) == [
        ("state", None),
        ("added", "u0"),
        ("modified", "u0"),
        ("modified", "u0"),
    ]


def test_the_loop_goes_on_while_a_write_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncMontybase(tmp_path / "db") as db:
            loops = threading.get_ident()
            engine = db.plain.engine
            commit, began, may_go = engine.commit, asyncio.Event(), threading.Event()
            loop = asyncio.get_running_loop()

            def waits(changes: Any) -> Any:
                assert threading.get_ident() != loops
                loop.call_soon_threadsafe(began.set)
                assert may_go.wait(20)
                return commit(changes)

            engine.commit = waits
            writing = asyncio.create_task(db.doc("users").add({"n": 1}))
            await began.wait()  # which the loop could not, if it waited for the write
            assert not writing.done()
            may_go.set()
            await writing

    asyncio.run(main())


def test_the_same_class_by_both_names() -> None:
    assert documents.AsyncDocuments is AsyncMontybase
    with Montybase(":memory:") as plain:
        assert AsyncMontybase(plain=plain).plain is plain
