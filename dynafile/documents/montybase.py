"""The database of documents."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Self, TypeVar

from dynafile.documents.access import Accounts, User
from dynafile.documents.batches import Batch
from dynafile.documents.configuration import check_options, check_rules, refuse_served
from dynafile.documents.embedded import open_engine
from dynafile.documents.engine import Engine, Unit
from dynafile.documents.ids import ID_LENGTH, Ids
from dynafile.documents.importing import ImportReport, import_beside, import_montybase
from dynafile.documents.paths import check_path, check_segment, parse_field
from dynafile.documents.queries import DocumentQuery
from dynafile.documents.references import Reference
from dynafile.documents.remote import RemoteEngine
from dynafile.documents.requests import Query
from dynafile.documents.sealed_engine import SealedEngine
from dynafile.documents.sealing import Sealer
from dynafile.documents.served.configuration import configured_key
from dynafile.documents.served.serving import Serving, accounts_of, check_serving
from dynafile.errors import (
    InvalidDocumentArgument,
    InvalidDocumentArgumentType,
)
from dynafile.store_options import MEMORY
from dynafile.transactions import ATTEMPTS, Attempts, run

__all__ = ["Montybase", "doc"]

T = TypeVar("T")


class Montybase:
    """A database of JSON documents in a folder, shared by threads and processes.

    :param path: the folder, which is made; ``":memory:"`` for one without files; by default
        ``"./db"``. Montybase's name for it, ``db_path``, is taken as well.
    :param name: how it is shown; by default the folder's name.
    :param hot: True: a change that returned is on the disk. False: a power cut may take back the
        last second, but no crash of the process takes back anything.
    :param updateTime: seconds; taken, as Montybase has it, and no change waits for it.
    :param storeMin: a number of changes; taken likewise.
    :param id_length: of the ids that are made up, at least 16.
    :param cache_size: bytes of memory for what was read or written; by default the table's, which
        is 256 MiB.
    :param endpoint: serve it with :meth:`run` or :attr:`app`, to who has a key.
    :param dev: serve it to this machine, without a key; ``"localhost:8000"`` says where.
    :param rules: for who serves: the file of rules that say who may do what; by default `rules` of
        the configuration, or ``documents.rules`` in the folder, if that is there or comes. Rules
        are for those who ask the server: this program itself may do everything.
    :param api: the URL of a server whose documents these are; the key is in ``client-config.json``
        in the current folder, which the server wrote.

    :param sealer: seals chosen fields before they are written or sent, and opens them when they are
        read; who keeps the documents has no key. What is served is sealed as well.

    Close it, or use it in a ``with`` block; a program that just ends loses nothing. Raises
    InvalidDocumentArgument, InvalidServerConfiguration, InvalidRules, and what opening a folder
    raises.

    >>> from dynafile.documents import Montybase, doc
    >>> with Montybase(":memory:") as db:
    ...     _ = doc(db, "users").add({"name": "Amor"}, key="amor")
    ...     doc(db, "users", "amor").get()
    {'name': 'Amor'}
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        name: str | None = None,
        db_path: str | os.PathLike[str] | None = None,
        hot: bool = True,
        updateTime: float | None = None,  # noqa: N803 - Montybase's name
        storeMin: int | None = None,  # noqa: N803 - Montybase's name
        id_length: int = ID_LENGTH,
        cache_size: int | None = None,
        endpoint: bool = False,
        dev: bool | str = False,
        rules: str | os.PathLike[str] | None = None,
        api: str | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        options = check_options(
            path,
            db_path=db_path,
            name=name,
            hot=hot,
            update_time=updateTime,
            store_min=storeMin,
            endpoint=endpoint,
            dev=dev,
            api=api,
        )
        if dev or endpoint:
            check_serving(options.path, dev=dev, endpoint=endpoint)
        check_rules(rules, served=bool(dev or endpoint))
        if sealer is not None and not isinstance(sealer, Sealer):
            raise InvalidDocumentArgumentType(
                f"sealer= takes a Sealer(fields, keys), not {sealer!r:.80}"
            )
        self.name = options.name
        self.path = options.path
        self._client = None if api is None else self._connected(api, id_length)
        kept: Engine = (
            self._client
            if self._client is not None
            else open_engine(
                options.path,
                durability=options.durability,
                ids=Ids(id_length),
                cache_size=cache_size,
            )
        )
        self._engine = kept if sealer is None else SealedEngine(kept, sealer)
        self._serving: Serving | None = None
        self._accounts: Accounts | None = None
        if api is None and options.path != MEMORY:
            self._import_beside()
        if dev or endpoint:
            self._serving = self._serve(kept, dev, endpoint, updateTime, storeMin, rules)

    def _import_beside(self) -> None:
        try:
            import_beside(self._engine, self.path)
        except BaseException:
            self._engine.close()
            raise

    def _connected(self, api: str, id_length: int) -> RemoteEngine:
        self.path = api
        return RemoteEngine(api, configured_key(), Ids(id_length))

    @property
    def engine(self) -> Engine:
        """What executes its requests."""
        return self._engine

    def _serve(
        self,
        kept: Engine,
        dev: bool | str,
        endpoint: bool,
        update_time: float | None,
        store_min: int | None,
        rules: str | os.PathLike[str] | None,
    ) -> Serving:
        try:
            return Serving(
                kept,
                self.path,
                self.name,
                dev=dev,
                endpoint=endpoint,
                update_time=update_time,
                store_min=store_min,
                rules=rules,
            )
        except BaseException:
            self._engine.close()
            raise

    # -- documents ------------------------------------------------------------------------------

    def collection_group(self, name: str) -> DocumentQuery:
        """Return a query of the documents of all collections of a name, wherever they are."""
        return DocumentQuery(self, Query(path=(check_segment(name),), group=True))

    def index(self, collection: str, *fields: str) -> None:
        """Have indexes by fields for all collections of a name, from now on.

        :param collection: the last name of their paths.
        :param fields: fields, or paths of fields, each with an index of its own.

        Conditions with ``==``, ``<``, ``<=``, ``>``, ``>=`` and ``in``, and ``order_by`` with a
        limit, then look only at documents that the index names. Indexes are kept; declaring one
        again does nothing. Documents that are there are put into it while others read and write.
        """
        check_segment(collection)
        if not fields:
            raise InvalidDocumentArgument(
                f"index({collection!r}) needs the fields: index({collection!r}, 'name')"
            )
        self._engine.declare_index(collection, [parse_field(field) for field in fields])

    @property
    def indexes(self) -> dict[str, list[str]]:
        """The fields that have an index, by the name of the collection."""
        return self._engine.indexes()

    # -- changes that are made together ---------------------------------------------------------

    def transaction(self) -> Unit:
        """Return a transaction: what this thread or task does in its ``with`` block is one change.

        It sees what it has done, and others see it at the end. Nothing is locked: where what it
        read has changed by then, TransactionConflict is raised, and nothing of it was done. So it
        is where the block raises. Transactions do not nest.

        >>> from dynafile.documents import Montybase, doc
        >>> with Montybase(":memory:") as db:
        ...     a, b = doc(db, "accounts", "a"), doc(db, "accounts", "b")
        ...     with db.transaction():
        ...         _ = a.set({"balance": 10})
        ...         _ = b.set({"balance": a.get()["balance"] + 5})
        ...     b.get()
        {'balance': 15}
        """
        return self._engine.transaction()

    def run_transaction(self, body: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
        """Call ``body`` in a transaction, again where there is a conflict; return what it returns.

        Raises TransactionConflict after the last attempt.
        """
        return run(self._engine.transaction, lambda _: body(), Attempts(body, attempts))

    def batch(self) -> Batch:
        """Return a batch: changes that are collected, and made as one by ``commit()``."""
        return Batch(self)

    # -- users ----------------------------------------------------------------------------------

    @property
    def accounts(self) -> Accounts:
        """The API keys and users of a server of this database: ``accounts.keys``, ``.users``.

        They are kept with the documents. A client raises DocumentsNotServed.
        """
        if self._serving is not None:
            return self._serving.accounts
        if self._accounts is None:
            self._accounts = accounts_of(self._engine, self.path, self.name)
        return self._accounts

    @property
    def user(self) -> User | None:
        """Who this client is logged in as; None for nobody, and where the database is."""
        return None if self._client is None else self._client.user

    def signup(self, email: str, password: str) -> User:
        """Make a user with an e-mail and a password; a client is logged in as that one then.

        A password has 8 to 1024 characters. Raises EmailTaken, InvalidAccess, TooManyRequests, and
        a client AccessRefused where users do not sign up.
        """
        if self._client is not None:
            return self._client.signup(email, password)
        return self.accounts.users.signup(email, password)

    def login(self, email: str, password: str) -> User:
        """Return the user of an e-mail and a password; a client asks as that one from now on.

        Tokens are renewed by themselves for as long as the session lives. Where the database is,
        this checks the password, and nobody is logged in. Raises InvalidLogin, TooManyRequests.
        """
        if self._client is not None:
            return self._client.login(email, password)
        return self.accounts.users.login(email, password)

    def logout(self) -> None:
        """End the session of this client, if it is logged in."""
        if self._client is not None:
            self._client.logout()

    # -- Montybase's files ----------------------------------------------------------------------

    def import_json(self, path: str | os.PathLike[str]) -> ImportReport:
        """Import what Montybase wrote: its folder ``<name>-db``, or the file ``db.json``.

        Documents keep their ids; those that are here with the same id are replaced. Returns what
        was imported, and what was left out and why. Raises ImportRefused, and then nothing was
        written.
        """
        return import_montybase(self._engine, os.fspath(path))

    # -- serving --------------------------------------------------------------------------------

    def run(self, *, listening: Callable[[str], object] | None = None) -> None:
        """Serve the documents until SIGINT, SIGTERM or :meth:`stop`, and close them then.

        :param listening: called with the URL as soon as it is answered there.

        Nothing is lost then, and nobody is waited for: who listens goes on where it was. Raises
        DocumentsNotServed for a database that was opened without ``dev=`` or ``endpoint=``, and
        MissingExtra. A client has nothing to serve: it returns at once, as Montybase's page has it.
        """
        if self._client is not None:
            return
        serving = self._served()
        try:
            serving.run(listening)
        finally:
            self.close()

    def stop(self) -> None:
        """End :meth:`run`, from any thread."""
        self._served().stop()

    @property
    def app(self) -> Any:
        """The ASGI application, for any server of such; raises as :meth:`run` does."""
        return self._served().app

    @property
    def wsgi(self) -> Any:
        """The application for hosts that speak only WSGI, where nothing is live; as :attr:`app`."""
        return self._served().wsgi

    def _served(self) -> Serving:
        if self._serving is None:
            refuse_served("run(), stop(), app and wsgi")
        return self._serving

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Close it, which ends all who listen; as often as one likes."""
        if self._serving is not None:
            self._serving.stop()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, path={self.path!r})"


def doc(db: Montybase, *path: str) -> Reference:
    """Return the reference to what is at a path: a collection, a document, or a field in one.

    Without a path it is the root, which has all collections. Raises InvalidDocumentPath.
    """
    if not isinstance(db, Montybase):
        raise InvalidDocumentArgumentType(
            f"doc takes a database and a path, doc(db, 'users', 'ann'), not {db!r:.80}"
        )
    return Reference(db, check_path(path))
