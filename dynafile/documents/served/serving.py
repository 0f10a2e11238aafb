"""Serving: a database with its configuration, its application, and the address it listens at."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dynafile.documents.access import Accounts
from dynafile.documents.engine import Engine
from dynafile.documents.loopback import LOOPBACK, is_loopback
from dynafile.documents.packages import need
from dynafile.documents.served.configuration import (
    ServerConfiguration,
    configure,
    configured_name,
    parsed_address,
)
from dynafile.documents.served.configuration_files import file_in
from dynafile.documents.served.loop_thread import LoopThread
from dynafile.documents.served.rules_file import RulesFile
from dynafile.errors import InvalidDocumentArgument, InvalidServerConfiguration

if TYPE_CHECKING:
    from dynafile.documents.served.application import DocumentsApplication

__all__ = ["RULES_FILE", "Serving", "accounts_of", "check_serving", "is_local"]

_log: Final = logging.getLogger("dynafile")

RULES_FILE: Final = "documents.rules"
"""In the folder of the database; who may do what, from when on it is there."""

_MEMORY: Final = ":memory:"
_DEV: Final = "127.0.0.1:5000"
_ENDPOINT: Final = "0.0.0.0:5000"


def check_serving(path: str, *, dev: bool | str, endpoint: bool) -> None:
    """Check what is to be served before anything is made; raises InvalidDocumentArgument."""
    if isinstance(dev, str) and not endpoint and not is_local(dev):
        raise InvalidDocumentArgument(
            f"dev={dev!r:.80} would let anybody in who reaches this machine: dev= is for "
            "localhost; endpoint=True serves others, who need the key"
        )
    if endpoint and path == _MEMORY:
        raise InvalidDocumentArgument(
            "endpoint=True keeps its keys in the folder of the database, and one in memory has "
            "none: name a folder, or try it with dev=True"
        )


def is_local(address: str) -> bool:
    """Say whether only this machine reaches an address; raises InvalidDocumentArgument."""
    host, _ = _parsed(address)
    return is_loopback(host)


class Serving:
    """What a database is served with: made once, when it is opened.

    With ``dev`` it listens to this machine only, and asks for no key; otherwise each request needs
    one of the keys in the configuration.
    """

    def __init__(
        self,
        engine: Engine,
        folder: str,
        name: str,
        *,
        dev: bool | str,
        endpoint: bool,
        update_time: float | None,
        store_min: int | None,
        rules: str | os.PathLike[str] | None = None,
    ) -> None:
        """Read the configuration, or write it; raises InvalidServerConfiguration, InvalidRules."""
        given = None if rules is None else RulesFile(rules)  # before anything is written
        self._engine = engine
        self._folder = folder
        self._name = name
        self._open = not endpoint
        records = engine.records()
        if folder == _MEMORY:
            self._configuration = ServerConfiguration(name)
        else:
            self._configuration = configure(
                folder, name, records, update_time=update_time, store_min=store_min
            )
        self.accounts = Accounts(records, self._configuration.name)
        self._rules = given or _rules_in(folder, self._configuration.rules)
        address = dev if isinstance(dev, str) else None
        if address is None:
            address = _DEV if dev else self._configuration.address or _ENDPOINT
        self.host, self.port = _parsed(address)
        self._app: DocumentsApplication | None = None
        self._wsgi: Any = None
        self._server: Any = None
        self._loop: LoopThread | None = None

    @property
    def app(self) -> DocumentsApplication:
        """The ASGI application; raises MissingExtra."""
        if self._app is None:
            need("starlette", "served documents")
            from dynafile.documents.served.application import DocumentsApplication
            from dynafile.documents.served.guard import Guard, KeyGuard, OpenGuard
            from dynafile.documents.served.rates import Rates
            from dynafile.documents.served.ruled_guard import RuledGuard

            found, accounts, rules = self._configuration, self.accounts, self._rules
            known: Guard = (
                OpenGuard(accounts)
                if self._open
                else KeyGuard(accounts, rates=Rates(found.per_minute))
            )
            self._app = DocumentsApplication(
                self._engine,
                known if rules is None else RuledGuard(known, rules, self._engine),
                accounts=accounts,
                signup=found.signup,
                origins=found.origins,
                hosts=(*LOOPBACK, self.host) if self._open else None,
                same_origin=self._open,
            )
        return self._app

    @property
    def wsgi(self) -> Any:
        """The application for hosts that speak only WSGI; nothing is live there."""
        if self._wsgi is None:
            a2wsgi = need("a2wsgi", "documents served through WSGI")
            self._loop = LoopThread()
            self._wsgi = a2wsgi.ASGIMiddleware(self.app, loop=self._loop.loop)
        return self._wsgi

    def run(self, listening: Callable[[str], object] | None = None) -> None:
        """Serve until SIGINT, SIGTERM or :meth:`stop`; call ``listening`` once it can be asked."""
        need("uvicorn", "served documents")
        need("websockets", "served documents")
        from dynafile.documents.served.running import Server, server_configuration

        certificate, private_key = self._certificate()
        config = server_configuration(self.app, self.host, self.port, certificate, private_key)
        host = f"[{self.host}]" if ":" in self.host else self.host
        url = f"{'http' if certificate is None else 'https'}://{host}:{self.port}/"

        def started() -> None:
            if listening is None:
                _log.info("documents %r at %s", self._name, url)
            else:
                listening(url)

        server = self._server = Server(config, self.app, started)
        try:
            server.run()
        except SystemExit as error:
            raise InvalidServerConfiguration(
                f"nothing can listen at {self.host}:{self.port}: another program may; the log "
                "says more"
            ) from error

    def _certificate(self) -> tuple[str | None, str | None]:
        """Return the files for TLS, looked at before anybody can connect."""
        found = self._configuration
        if found.certificate is None and found.private_key is None:
            return None, None
        names = ("certificate", found.certificate), ("privateKey", found.private_key)
        paths = []
        for what, name in names:
            if name is None:
                raise InvalidServerConfiguration(f"TLS needs both files, and {what} is not set")
            paths.append(file_in(self._folder, name))
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                paths[0], paths[1], password=_no_password
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise InvalidServerConfiguration(
                f"certificate {paths[0]} with privateKey {paths[1]} is not usable: {error}",
                path=paths[0],
            ) from error
        return paths[0], paths[1]

    def stop(self) -> None:
        """End :meth:`run`, from any thread, and all who listen."""
        if self._server is not None:
            self._server.should_exit = True
        if self._app is not None:
            self._app.stop()
        if self._loop is not None:
            self._loop.close()
        if self._rules is not None:
            self._rules.close()


def _rules_in(folder: str, configured: str | None) -> RulesFile | None:
    """Return the rules that the configuration names, or those that are, or may come, beside it."""
    if folder == _MEMORY:
        return None
    if configured is not None:
        return RulesFile(file_in(folder, configured))
    return RulesFile(file_in(folder, RULES_FILE), required=False)


def _no_password() -> str:
    # Asking for it on the terminal would keep a service from starting, and say nothing.
    raise ValueError("the private key is encrypted: decrypt it into a file that only you can read")


def accounts_of(engine: Engine, folder: str, name: str) -> Accounts:
    """Return the keys and users of a database that is not served here."""
    return Accounts(engine.records(), configured_name(folder) or name)


def _parsed(address: str) -> tuple[str, int]:
    found = parsed_address(address)
    if found is None:
        raise InvalidDocumentArgument(
            f"an address is a host and a port, such as 'localhost:8000', not {address!r:.80}"
        )
    return found
