"""Sealing: fields that are encrypted by who writes and opened by who reads, and nobody between.

Pure functions of documents: nothing here knows of a database, and a server needs none of it. See
``docs/documents-access.md``.
"""

from __future__ import annotations

from dynafile.documents.sealing.holders import Recipients
from dynafile.documents.sealing.keypairs import KeyPair, PublicKey
from dynafile.documents.sealing.keys import PassphraseCost, SealingKey
from dynafile.documents.sealing.places import Field
from dynafile.documents.sealing.sealer import Sealer

__all__ = [
    "Field",
    "KeyPair",
    "PassphraseCost",
    "PublicKey",
    "Recipients",
    "Sealer",
    "SealingKey",
]
