"""Access tokens: JSON Web Tokens (RFC 7519, RFC 9068) that live for minutes, signed by Ed25519.

The algorithm is fixed, and is never taken from the token: ``none`` is none, and a public key is
never a secret of HS256, because what checks is a key object and no text. Headers that name a key or
where to find one are not looked at, but for ``kid``, which is looked up here.
"""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from dynafile.documents.access.names import checked_seconds
from dynafile.documents.access.signing import SigningKeys
from dynafile.documents.base64url import to_text
from dynafile.documents.packages import need
from dynafile.documents.sources import Clock, Entropy
from dynafile.errors import ExpiredToken, InvalidAccess, InvalidToken

__all__ = ["Claims", "Tokens"]

_ALGORITHM: Final = "EdDSA"
_TYPE: Final = "at+jwt"
_LONGEST: Final = 4096
_MOST_LEEWAY: Final = 120.0
_MOST_LIFETIME: Final = 3600.0
_REQUIRED: Final = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]
_REFUSED: Final = "the access token does not count here; log in again"


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says: the user, the session, and when it was made and expires."""

    uid: str
    session: str
    made: float
    expires: float
    id: str


class Tokens:
    """Makes and checks access tokens.

    :param issuer: who makes them, such as ``https://example.com``
    :param audience: for whom; a token for another is refused
    :param lifetime: seconds that a token lives, at most an hour: one cannot be taken back
    :param leeway: seconds by which clocks may differ, at most two minutes
    """

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuer: str,
        audience: str,
        lifetime: float = 900,
        leeway: float = 10,
        clock: Clock = time.time,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        texts: tuple[tuple[str, object], ...] = (("issuer", issuer), ("audience", audience))
        for what, text in texts:
            if not isinstance(text, str) or not text:
                raise InvalidAccess(f"the {what} of tokens is a text with something in it")
        if not checked_seconds(lifetime, "the life of a token") <= _MOST_LIFETIME:
            raise InvalidAccess(f"an access token lives at most {_MOST_LIFETIME:.0f} seconds")
        if leeway != 0 and not checked_seconds(leeway, "the leeway") <= _MOST_LEEWAY:
            raise InvalidAccess(f"the leeway is at most {_MOST_LEEWAY:.0f} seconds")
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self.lifetime: Final = lifetime
        self._leeway = leeway
        self._clock = clock
        self._entropy = entropy

    def issue(self, uid: str, session: str) -> str:
        """Return a token of a user's session."""
        jwt = need("jwt", "tokens")
        key = self._keys.current()
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": uid,
            "sid": session,
            "iat": now,
            "exp": now + math.ceil(self.lifetime),
            "jti": to_text(self._entropy(12)),
        }
        text: str = jwt.encode(
            claims, key.private, algorithm=_ALGORITHM, headers={"kid": key.id, "typ": _TYPE}
        )
        return text

    def check(self, text: object) -> Claims:
        """Return what a token says; raises InvalidToken, or ExpiredToken if that is all."""
        claims = self._verified(text)
        if claims is None:
            raise InvalidToken(_REFUSED)
        now = self._clock()
        made, expires = claims.made, claims.expires
        # A life that is longer than any that was given out was never given out.
        if made > now + self._leeway or not 0 < expires - made <= _MOST_LIFETIME:
            raise InvalidToken(_REFUSED)
        if now >= expires + self._leeway:
            raise ExpiredToken("the access token has expired; get another by the refresh token")
        return claims

    def _verified(self, text: object) -> Claims | None:
        if not isinstance(text, str) or len(text) > _LONGEST or not text.isascii():
            return None
        jwt = need("jwt", "tokens")
        try:
            header = jwt.get_unverified_header(text)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        if header.get("alg") != _ALGORITHM or header.get("typ") != _TYPE or "crit" in header:
            return None
        key = self._keys.find(header.get("kid"))
        if key is None:
            return None
        # Times are checked by our clock.
        options = {
            "require": _REQUIRED,
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
            "strict_aud": True,
        }
        try:
            claims = jwt.decode(
                text,
                key.public,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options=options,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        return _claims(claims)


def _claims(claims: dict[str, Any]) -> Claims | None:
    texts = [claims["sub"], claims["sid"], claims["jti"]]
    times = [claims["iat"], claims["exp"]]
    if not all(isinstance(text, str) and text for text in texts):
        return None
    if not all(type(number) is int for number in times) or "nbf" in claims:
        return None
    return Claims(claims["sub"], claims["sid"], claims["iat"], claims["exp"], claims["jti"])
