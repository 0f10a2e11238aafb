"""E-mail addresses, brought to one form, so that one mailbox is one user."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from dynafile.errors import InvalidAccess

__all__ = ["normalised_email"]

_LONGEST: Final = 254
_LONGEST_LOCAL: Final = 64
_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff.-]+")
_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


def normalised_email(email: object) -> str:
    """Return the one form of an e-mail address; raises InvalidAccess, whose text has none of it.

    Blanks around it go, letters A to Z become small, and other letters are composed (NFC) and
    otherwise stay as they are. Unicode's mappings of case and of look-alikes are not used: they
    send different mailboxes to one name (the Turkish dotless i to i), and so give one user's
    account to another. For the same reason a domain is ASCII, in its ``xn--`` form where it has
    other letters. Dots and ``+tags`` stay: what they mean is the provider's affair.

    >>> normalised_email(" Ann@Example.COM ")
    'ann@example.com'
    """
    if not isinstance(email, str):
        raise InvalidAccess("an e-mail address is a text")
    if len(email) > 4 * _LONGEST:
        raise InvalidAccess(f"an e-mail address has at most {_LONGEST} bytes")
    given = email.strip()
    if any(not each.isascii() and unicodedata.normalize("NFC", each).isascii() for each in given):
        # Composing makes the Kelvin sign a K.
        raise InvalidAccess("an e-mail address has a sign that only looks like one of a to z")
    plain = unicodedata.normalize("NFC", given).translate(_LOWER)
    local, _, domain = plain.rpartition("@")
    if any(unicodedata.category(each)[0] in "CZ" for each in plain):
        raise InvalidAccess("an e-mail address has no blanks and no invisible characters")
    if _LOCAL.fullmatch(local) is None or local[0] == "." or local[-1] == "." or ".." in local:
        raise InvalidAccess("what is before the @ of an e-mail address is not as it can be")
    if _DOMAIN.fullmatch(domain) is None:
        raise InvalidAccess(
            "what is after the @ of an e-mail address is no name of a domain; one with letters "
            "other than a to z is given in its xn-- form"
        )
    if len(plain.encode()) > _LONGEST or len(local.encode()) > _LONGEST_LOCAL:
        raise InvalidAccess(
            f"an e-mail address has at most {_LONGEST} bytes, {_LONGEST_LOCAL} before the @"
        )
    return plain
