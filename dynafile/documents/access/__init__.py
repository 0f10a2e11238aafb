"""Who may: API keys, users with passwords, tokens, rates, and requests that come twice.

Each class takes where its records are kept, its clock and its randomness; none knows of documents,
HTTP or a database. See ``docs/documents-access.md``.
"""

from __future__ import annotations

from dynafile.documents.access.accounts import Accounts
from dynafile.documents.access.emails import normalised_email
from dynafile.documents.access.keys import ApiKey, ApiKeys, NewApiKey
from dynafile.documents.access.limits import Limit, RateLimiter, address_group
from dynafile.documents.access.passwords import PasswordCost, Passwords
from dynafile.documents.access.records import MemoryRecords, Record, Records, sweep
from dynafile.documents.access.replays import Replays
from dynafile.documents.access.sessions import Sessions, TokenPair
from dynafile.documents.access.signing import SigningKey, SigningKeys
from dynafile.documents.access.table_records import TableRecords
from dynafile.documents.access.tokens import Claims, Tokens
from dynafile.documents.access.users import User, Users

__all__ = [
    "Accounts",
    "ApiKey",
    "ApiKeys",
    "Claims",
    "Limit",
    "MemoryRecords",
    "NewApiKey",
    "PasswordCost",
    "Passwords",
    "RateLimiter",
    "Record",
    "Records",
    "Replays",
    "Sessions",
    "SigningKey",
    "SigningKeys",
    "TableRecords",
    "TokenPair",
    "Tokens",
    "User",
    "Users",
    "address_group",
    "normalised_email",
    "sweep",
]
