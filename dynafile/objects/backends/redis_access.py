"""Where a Redis is, and with what name and password: from the URL, or from the configuration."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from dynafile.errors import (
    InvalidObjectConfiguration,
    InvalidObjectURL,
    MissingExtra,
    StoreNotReachable,
)
from dynafile.objects.settings_file import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dynafile.objects.configuration import Configuration, Settings
    from dynafile.objects.urls import Single

__all__ = ["Access", "access_to", "password_of"]

PORT: Final = 6379

_SECRET: Final = frozenset({"env_var", "encryption-method", "encryption-key"})


@dataclass(frozen=True, slots=True)
class Access:
    """The address of a server or of a node of a cluster, and how to get in."""

    host: str
    port: int
    database: int = 0
    tls: bool = False
    username: str | None = None
    given: str | None = field(default=None, repr=False)
    """The password in the URL."""

    @property
    def shown(self) -> str:
        """The address, without what is secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}"


def access_to(place: Single, settings: Settings) -> Access:
    """Return where a URL leads; raises InvalidObjectURL.

    A configured ``host`` is taken in the place of that of the URL, with its port; a name and a
    password in the URL are taken before configured ones.
    """
    configuration = settings.configuration
    credentials, _, address = place.name.rpartition("@")
    username, _, password = credentials.partition(":")
    host, port = _address(place, address)
    if configuration.host is not None:
        host, port = configuration.host, configuration.port or PORT
    elif configuration.port is not None:
        port = configuration.port
    return Access(
        host,
        port,
        configuration.db,
        place.scheme == "rediss" or configuration.ssl,
        unquote(username) or configuration.username,
        unquote(password) or None,
    )


def password_of(access: Access, configuration: Configuration) -> str | None:
    """Return the password, for which KMS may be asked, or None.

    Raises InvalidObjectConfiguration, MissingExtra without boto3, or StoreNotReachable.
    """
    password = configuration.password
    if access.given is not None or password is None:
        return access.given
    if isinstance(password, str):
        return password
    unknown = password.keys() - _SECRET
    if unknown:
        raise _wrong(configuration, f"a password has no {', '.join(map(repr, unknown))}")
    name = password.get("env_var")
    if not isinstance(name, str):
        raise _wrong(configuration, "password is text, or a mapping with env_var")
    secret = environment().get(name)
    if secret is None:
        raise _wrong(configuration, f"the environment has no {name}, which is to be the password")
    method = password.get("encryption-method", "plain")
    if method == "plain":
        return secret
    if method == "kms":
        return _decrypted(configuration, password, secret)
    raise _wrong(configuration, f"Unknown encryption method: {method!r}; there are plain and kms")


def _decrypted(configuration: Configuration, password: Mapping[str, str], secret: str) -> str:
    name, key = password["env_var"], password.get("encryption-key")
    if not isinstance(key, str):
        raise _wrong(configuration, "encryption-method: kms needs an encryption-key")
    try:
        ciphertext = base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise _wrong(configuration, f"{name} is to be the base64 of a ciphertext of KMS") from None
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        message = "a password in KMS needs boto3; pip install 'dynafile[s3]'"
        raise MissingExtra(message, extra="s3") from None
    try:
        client = boto3.client("kms", region_name=configuration.region)
        try:
            found = client.decrypt(KeyId=key, CiphertextBlob=ciphertext)
        finally:
            client.close()
    except (BotoCoreError, ClientError) as error:
        raise StoreNotReachable(
            f"KMS did not decrypt the password in {name} with {key}: {error}"
        ) from error
    plain: bytes = found["Plaintext"]
    return plain.decode()


def _address(place: Single, text: str) -> tuple[str, int]:
    host, bracket, rest = text.rpartition("]")
    if bracket:
        host, port = host.removeprefix("["), rest.removeprefix(":")
        good = text.startswith("[") and (not rest or rest[0] == ":") and bool(host)
        given = bool(rest)
    else:
        host, colon, port = text.partition(":")
        good, given = bool(host), bool(colon)
    if good and not given:
        return host, PORT
    if good and port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536:
        return host, int(port)
    # A password with a slash in it, which is to be %2F, would be taken for a port and a base path.
    _, at, after = place.url.rpartition("@")
    shown = f"{place.scheme}://...@{after}" if at else place.url
    raise InvalidObjectURL(
        f"{shown!r:.200} is no URL of a store: after the host comes a port, 1 to 65535, as in "
        "redis://host:6379; a slash, a colon or an @ in a password is %2F, %3A or %40",
        url=shown,
    )


def _wrong(configuration: Configuration, what: str) -> InvalidObjectConfiguration:
    return InvalidObjectConfiguration(f"{configuration.path}: {what}", path=configuration.path)
