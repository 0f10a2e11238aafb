"""The configuration of stores in YAML, whose file ``KYDB_CONFIG_PATH`` names, as KYDB's.

.. code-block:: yaml

    dbs:
      cache:                      # the name in the URL: redis://cache
        host: cache.example
        port: 6379
        username: app
        password: {env_var: CACHE_PASSWORD}
      archive:
        mtime-index: false

A password is text, or the environment variable that has it: plainly, or encrypted by AWS KMS
(``encryption-method: kms``, ``encryption-key: KEY``; base64 of the ciphertext).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dynafile.errors import InvalidObjectConfiguration, MissingExtra

__all__ = ["VARIABLE", "Configuration", "Settings", "configured"]

VARIABLE: Final = "KYDB_CONFIG_PATH"

_KNOWN: Final = frozenset(
    {"host", "port", "username", "password", "ssl", "db", "mtime-index", "region", "endpoint_url"}
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is configured of one store."""

    path: str = ""
    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: str | Mapping[str, str] | None = field(default=None, repr=False)
    ssl: bool = False
    db: int = 0
    timed: bool = True
    region: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a backend is opened with, beside its URL."""

    configuration: Configuration
    durability: Literal["durable", "relaxed"] = "durable"
    compat: bool = False
    """What is written is for KYDB too, its markers of folders included."""
    read_only: bool = False


def configured(name: str, environment: Mapping[str, str], text: str | None) -> Configuration:
    """Return what the file says of a store, given its text; the defaults without a file.

    Raises InvalidObjectConfiguration, or MissingExtra without PyYAML.
    """
    if text is None:
        return Configuration()
    path = environment[VARIABLE]
    entry = _databases(path, text).get(name, {})
    if not isinstance(entry, dict):
        raise _wrong(path, f"dbs: {name}: is a mapping of settings, not {entry!r:.80}")
    unknown = entry.keys() - _KNOWN
    if unknown:
        raise _wrong(path, f"dbs: {name}: has unknown settings: {', '.join(map(str, unknown))}")
    timed = entry.get("mtime-index", True)
    for setting, kind in (("mtime-index", bool), ("ssl", bool), ("port", int), ("db", int)):
        if type(entry.get(setting, kind())) is not kind:
            raise _wrong(path, f"dbs: {name}: {setting} is {kind.__name__}, not {entry[setting]!r}")
    for setting in ("host", "username", "region", "endpoint_url"):
        if type(entry.get(setting, "")) is not str:
            raise _wrong(path, f"dbs: {name}: {setting} is text, not {entry[setting]!r:.80}")
    password = entry.get("password")
    if password is not None and not isinstance(password, str | dict):
        raise _wrong(path, f"dbs: {name}: password is text, or a mapping with env_var")
    return Configuration(
        path,
        entry.get("host"),
        entry.get("port"),
        entry.get("username"),
        password,
        entry.get("ssl", False),
        entry.get("db", 0),
        timed,
        entry.get("region"),
        entry.get("endpoint_url"),
    )


def _databases(path: str, text: str) -> dict[Any, Any]:
    try:
        import yaml
    except ImportError:
        message = f"{VARIABLE} is YAML, which needs PyYAML; pip install 'dynafile[objects]'"
        raise MissingExtra(message, extra="objects") from None
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _wrong(path, f"is no YAML: {error}") from None
    databases = found.get("dbs") if isinstance(found, dict) else None
    if not isinstance(databases, dict):
        raise _wrong(path, "has no 'dbs:' with a mapping of stores by name")
    return databases


def _wrong(path: str, what: str) -> InvalidObjectConfiguration:
    return InvalidObjectConfiguration(f"{path}, which {VARIABLE} names, {what}", path=path)
