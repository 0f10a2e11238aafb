"""Connections: one store a URL, and one backend for all stores that see the same data."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from threading import RLock
from typing import Any, Final, Literal

from dynafile.errors import (
    InvalidObjectArgument,
    InvalidObjectConfiguration,
    InvalidObjectType,
    InvalidObjectURL,
)
from dynafile.objects.backend import Backend
from dynafile.objects.caching import CacheStore
from dynafile.objects.codec import Codec, Trust
from dynafile.objects.configuration import VARIABLE, Configuration, Settings, configured
from dynafile.objects.settings_file import environment, settings_text
from dynafile.objects.single import SingleStore, View
from dynafile.objects.store import ObjectStore
from dynafile.objects.union import UnionStore
from dynafile.objects.urls import Cached, Place, Single, United, parse, shown

__all__ = ["connect"]


_LEVELS: Final[tuple[Literal["durable"], Literal["relaxed"]]] = ("durable", "relaxed")

_BACKENDS: Final = {
    "dynafile": "folder",
    "memory": "folder",
    "files": "files",
    "redis": "redis",
    "rediss": "redis",
    "s3": "s3",
    "dynamodb": "dynamodb",
    "http": "http",
    "https": "http",
}


@dataclass(frozen=True, slots=True)
class _Terms:
    """How a place is connected to, beside its URL."""

    trust: Trust
    durability: str | None
    read_only: bool


@dataclass
class _Shared:
    backend: Backend
    users: int = 0


@dataclass
class _Open:
    store: ObjectStore
    holders: int = 0
    """Unions and caches that it is part of."""
    asked: bool = False
    """Somebody connected to it by its own URL."""


@dataclass
class _Connections:
    lock: RLock = field(default_factory=RLock)
    stores: dict[tuple[str, _Terms], _Open] = field(default_factory=dict)
    backends: dict[tuple[Any, ...], _Shared] = field(default_factory=dict)


_connections = _Connections()


def _forget_in_child() -> None:
    # What the parent opened is the parent's; a child connects anew.
    global _connections
    inherited, _connections = _connections, _Connections()
    for opened in inherited.stores.values():
        opened.store._shut_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def connect(
    url: str,
    *,
    allow_pickle: bool = False,
    signing_key: bytes | None = None,
    compat: str | None = None,
    durability: str | None = None,
    read_only: bool = False,
) -> ObjectStore:
    """Connect to a store of objects, to a union ``a;b``, or to a store behind a cache ``a|b``.

    :param url: ``dynafile://./db`` (a folder of Dynafile's; a base path by ``?base=/home/x``),
        ``memory://name``, ``files://tmp/x`` (the folder ``/tmp/x``), ``s3://bucket``,
        ``redis://host:port``, ``dynamodb://table``, ``https://host`` (read-only), or
        ``fsspec+<protocol>://...``. Where the name is one, what comes after it is the base path:
        ``redis://host/home/x``. ``?expire=60`` lets what is written expire after so many seconds.
    :param allow_pickle: store and read values of any type. Reading a pickle can run any code that
        its writer chose: only if you trust whoever can write to the store.
    :param signing_key: bytes; sign each value (HMAC-SHA256), and refuse what is not signed so.
    :param compat: ``"kydb"`` to write what KYDB 1.1 can read.
    :param durability: of ``dynafile://``: ``"durable"`` or ``"relaxed"``.
    :param read_only: write nothing, and make no folder of Dynafile's; raises InvalidPath where
        there is none. A cache is filled nevertheless.

    Connecting again with the same URL and options returns the same store, until it is closed.
    Raises InvalidObjectURL, InvalidObjectArgument, InvalidObjectConfiguration; MissingExtra, with
    what to install; and what the store raises: a StorageError of a folder, ResourceNotFound,
    StoreNotReachable.

    >>> db = connect("memory://greetings")
    >>> db["/mytest/foo"] = 123
    >>> db["/mytest/foo"]
    123
    >>> db.ls("/")
    ['mytest/']
    >>> db.close()
    """
    place = parse(url)
    _check_options(allow_pickle, signing_key, compat, durability, read_only)
    _check_trust(place, allow_pickle=allow_pickle, signed=signing_key is not None)
    trust = Trust(allow_pickle, signing_key, compat == "kydb")
    with _connections.lock:
        opened = _open(place, _Terms(trust, durability, read_only))
        opened.asked = True
        return opened.store


def _check_options(
    allow_pickle: object,
    signing_key: object,
    compat: object,
    durability: object,
    read_only: object,
) -> None:
    for name, switch in (("allow_pickle", allow_pickle), ("read_only", read_only)):
        if type(switch) is not bool:
            raise InvalidObjectType(f"{name} is True or False, not {switch!r:.80}")
    if signing_key is not None and type(signing_key) is not bytes:
        raise InvalidObjectType("signing_key is bytes, such as secrets.token_bytes(32)")
    if signing_key is not None and len(signing_key) < 16:
        raise InvalidObjectArgument("signing_key is too short: secrets.token_bytes(32) makes one")
    if compat not in (None, "kydb"):
        raise InvalidObjectArgument(f"compat is 'kydb' or None, not {compat!r:.80}")
    if compat is not None and signing_key is not None:
        raise InvalidObjectArgument("KYDB reads no signed values: compat or signing_key, not both")
    if durability not in (None, "durable", "relaxed"):
        raise InvalidObjectArgument(f"durability is 'durable' or 'relaxed', not {durability!r:.80}")


def _check_trust(place: Place, *, allow_pickle: bool, signed: bool) -> None:
    """Raise InvalidObjectArgument where what a web server sends would be run."""
    if isinstance(place, Single):
        if place.scheme in ("http", "https") and allow_pickle and not signed:
            raise InvalidObjectArgument(
                f"{shown(place.url)} would run whatever a web server sends: allow_pickle is for "
                "http:// and https:// together with a signing_key only"
            )
        return
    parts = place.places if isinstance(place, United) else (place.cache, place.persist)
    for part in parts:
        _check_trust(part, allow_pickle=allow_pickle, signed=signed)


def _open(place: Place, terms: _Terms) -> _Open:
    key = (place.url, terms)
    opened = _connections.stores.get(key)
    if opened is None:
        if isinstance(place, Single):
            store = _single(place, terms, lambda: _closed(key))
        else:
            store = _composed(place, terms, lambda: _closed(key))
        opened = _connections.stores[key] = _Open(store)
    return opened


def _composed(place: United | Cached, terms: _Terms, forget: Callable[[], None]) -> ObjectStore:
    parts: list[tuple[Place, _Terms]]
    if isinstance(place, United):
        parts = [(part, terms) for part in place.places]
    else:
        parts = [(place.cache, replace(terms, read_only=False)), (place.persist, terms)]
    members: list[_Open] = []

    def release() -> None:
        forget()
        for member in members:
            member.holders -= 1
            if not (member.holders or member.asked):
                member.store.close()

    try:
        for part in parts:
            member = _open(*part)
            member.holders += 1
            members.append(member)
    except BaseException:
        release()
        raise
    stores = [member.store for member in members]
    if isinstance(place, United):
        return UnionStore(shown(place.url), stores, release)
    return CacheStore(shown(place.url), stores[0], stores[1], release)


def _single(place: Single, terms: _Terms, forget: Callable[[], None]) -> ObjectStore:
    configuration = _configuration(place.shown_name)
    expire = _seconds(place)
    durability = _durability(place, terms.durability)
    settings = Settings(configuration, durability, terms.trust.compat, terms.read_only)
    module = _BACKENDS.get(place.scheme, "fsspec")
    opening = import_module(f"dynafile.objects.backends.{module}")
    key = (module, opening.identity(place, settings))
    shared = _connections.backends.get(key)
    if shared is None:
        shared = _connections.backends[key] = _Shared(opening.open_backend(place, settings))
    shared.users += 1

    def release() -> None:
        with _connections.lock:
            forget()
            shared.users -= 1
            if shared.users == 0:
                if _connections.backends.get(key) is shared:
                    del _connections.backends[key]
                shared.backend.close()

    if expire is not None and not shared.backend.features.expiry:
        release()
        raise InvalidObjectURL(
            f"{shown(place.url)!r}: this store lets nothing expire", url=shown(place.url)
        )
    view = View(place.shown_name, place.base, configuration.timed, expire, terms.read_only)
    return SingleStore(shown(place.url), shared.backend, Codec(terms.trust), view, release)


def _durability(place: Single, durability: str | None) -> Literal["durable", "relaxed"]:
    chosen = place.option("durability") or durability or "durable"
    for level in _LEVELS:
        if chosen == level:
            return level
    raise InvalidObjectURL(f"{place.url!r}: durability is 'durable' or 'relaxed'", url=place.url)


def _closed(key: tuple[str, _Terms]) -> None:
    with _connections.lock:
        _connections.stores.pop(key, None)


def _seconds(place: Single) -> float | None:
    text = place.option("expire")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1 << 32:
        raise InvalidObjectURL(
            f"{shown(place.url)!r}: expire is a number of seconds, not {text!r:.80}",
            url=shown(place.url),
        )
    return seconds


def _configuration(name: str) -> Configuration:
    variables = environment()
    path = variables.get(VARIABLE)
    if not path:
        return Configuration()
    try:
        text = settings_text(path)
    except (OSError, ValueError) as error:
        raise InvalidObjectConfiguration(
            f"{path}, which {VARIABLE} names, cannot be read: {error}", path=path
        ) from None
    return configured(name, variables, text)
