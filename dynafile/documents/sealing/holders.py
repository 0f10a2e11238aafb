"""Who can open: holders of a shared key, or owners of key pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dynafile.documents.sealing.content import ContentKey
from dynafile.documents.sealing.envelope import Envelope
from dynafile.documents.sealing.keypairs import KeyPair, PublicKey
from dynafile.documents.sealing.keys import SealingKey
from dynafile.documents.sealing.places import Place, shown_field
from dynafile.documents.sealing.primitives import KEY_BYTES
from dynafile.documents.sources import Entropy
from dynafile.errors import InvalidSealing, UnknownSealingKey

__all__ = ["Holder", "Recipients", "holder"]


class Holder(Protocol):
    """Seals values for those who may open them."""

    def seal(self, plain: bytes, place: Place, match: bytes | None, entropy: Entropy) -> Envelope:
        """Seal a value."""

    def open(self, envelope: Envelope, place: Place) -> bytes:
        """Return what was sealed; raises kinds of SealingError."""

    def is_newest(self, envelope: Envelope) -> bool:
        """Say whether ``seal`` would use the same keys."""

    @property
    def searching(self) -> Sequence[SealingKey]:
        """The keys of hashes for searching; the last one writes."""


class SharedKeys:
    """Keys that all have who seal and open; the last, which is the newest, seals."""

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        self._keys = _by_id(keys, "keys=")
        self.searching = list(self._keys.values())

    def seal(self, plain: bytes, place: Place, match: bytes | None, entropy: Entropy) -> Envelope:
        """Seal a value with the newest key."""
        key = self.searching[-1]
        header = Envelope(key=key.id, match=match).header
        data = key.content.seal(plain, place, header, entropy)
        return Envelope(data, key=key.id, match=match)

    def open(self, envelope: Envelope, place: Place) -> bytes:
        """Return what was sealed with any of the keys."""
        key = None if envelope.key is None else self._keys.get(envelope.key)
        if key is None:
            wanted = (envelope.key,) if envelope.key is not None else tuple(envelope.wrapped)
            raise _unknown(place, wanted, f"keys {', '.join(self._keys)}")
        return key.content.open(envelope, place)

    def is_newest(self, envelope: Envelope) -> bool:
        """Say whether the newest key has sealed it."""
        return envelope.key == self.searching[-1].id


class Recipients:
    """Those for whom values are sealed, by their public keys.

    Only they can open them; whoever sealed a value cannot, unless among them. Everybody who has the
    public keys can seal, the server too: that a value opens does not tell who wrote it.

    :param to: public keys, or their texts; none where nothing is to be sealed
    :param own: pairs that open, the newest and those before
    :param search: keys, shared by all who search, for the hashes of searchable fields; the last one
        writes
    """

    def __init__(
        self,
        to: Sequence[PublicKey | str] = (),
        *,
        own: KeyPair | Sequence[KeyPair] = (),
        search: SealingKey | Sequence[SealingKey] = (),
    ) -> None:
        if isinstance(to, str | PublicKey):
            to = [to]
        public = [PublicKey.parse(each) for each in to]
        pairs = [own] if isinstance(own, KeyPair) else list(own)
        if not public and not pairs:
            raise InvalidSealing("Recipients() seals for nobody and opens nothing; name some")
        if not all(isinstance(pair, KeyPair) for pair in pairs):
            raise InvalidSealing("own= is a KeyPair, or several")
        self._to = {key.id: key for key in public}
        self._own = {pair.public.id: pair for pair in pairs}
        keys = [search] if isinstance(search, SealingKey) else list(search)
        self.searching: Sequence[SealingKey] = (
            list(_by_id(keys, "search=").values()) if keys else []
        )

    def __repr__(self) -> str:
        return f"Recipients({[str(key) for key in self._to.values()]})"

    def seal(self, plain: bytes, place: Place, match: bytes | None, entropy: Entropy) -> Envelope:
        """Seal a value with a key of its own, which is wrapped for each recipient."""
        if not self._to:
            raise InvalidSealing(f"there is nobody to seal {place} for; Recipients(to=[...])")
        secret = entropy(KEY_BYTES)
        pair = KeyPair.generate(entropy=entropy)
        wrapped = {name: pair.wrap(secret, key) for name, key in self._to.items()}
        bare = Envelope(sender=pair.public.data, wrapped=wrapped, match=match)
        data = ContentKey(secret).seal(plain, place, bare.header, entropy)
        return Envelope(data, sender=bare.sender, wrapped=wrapped, match=match)

    def open(self, envelope: Envelope, place: Place) -> bytes:
        """Return what was sealed for any of the own pairs."""
        for name, pair in self._own.items():
            wrapped = envelope.wrapped.get(name)
            if wrapped is not None and envelope.sender is not None:
                return ContentKey(pair.unwrap(wrapped, envelope.sender)).open(envelope, place)
        wanted = (envelope.key,) if envelope.key is not None else tuple(envelope.wrapped)
        raise _unknown(place, wanted, f"pairs {', '.join(self._own) or 'none'}")

    def is_newest(self, envelope: Envelope) -> bool:
        """Say whether it is sealed for these recipients and no others."""
        return envelope.wrapped.keys() == self._to.keys()


def holder(keys: object) -> Holder:
    """Return who seals by what ``Sealer(keys=...)`` was given; raises InvalidSealing."""
    if isinstance(keys, Recipients):
        return keys
    if isinstance(keys, SealingKey):
        return SharedKeys([keys])
    if not isinstance(keys, Sequence) or not keys:
        raise InvalidSealing("keys= is a SealingKey, several, the newest last, or Recipients(...)")
    return SharedKeys(keys)


def _by_id(keys: Sequence[SealingKey], where: str) -> dict[str, SealingKey]:
    found: dict[str, SealingKey] = {}
    for key in keys:
        if not isinstance(key, SealingKey):
            raise InvalidSealing(f"{where} has {type(key).__qualname__}, and no SealingKey")
        if key.id in found:
            raise InvalidSealing(f"{where} has two keys of the id {key.id!r}; rename one")
        found[key.id] = key
    return found


def _unknown(place: Place, wanted: tuple[str, ...], here: str) -> UnknownSealingKey:
    return UnknownSealingKey(
        f"{place} was sealed with {', '.join(wanted)}; here are the {here}",
        path=place.path,
        field=shown_field(place.field),
        keys=wanted,
    )
