"""A table of dynafile 0.1.3: a folder for each partition key, with a pickle of its items."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from dynafile.errors import ConversionRefused, DynafileError, StorageError, UnsupportedType
from dynafile.store.names import is_old_partition
from dynafile.store.volume import Volume
from dynafile.table.definition import Definition
from dynafile.table.keys import HASH_BYTES, KeySchema, key_types
from dynafile.table.old_pickle import Entries, load
from dynafile.values import encode_item

FOLDER: Final = "_partitions"
_SHOWN: Final = 20


class Offender(NamedTuple):
    """Something that cannot be converted: where it is, and why."""

    file: str
    key: dict[str, Any] | None
    """The key attributes under which 0.1.3 has the item; None: the file as a whole."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {'' if self.key is None else f'{self.key!r:.200}: '}{self.reason}"


class Survey(Struct):
    """What is in a table of 0.1.3."""

    items: int = 0
    order: list[bytes] = field(default_factory=list)
    """For each folder that holds items our hash of its key and its own, as bytes: in the order in
    which the new table has the keys, so that writing them touches one partition after the other."""
    kinds: Counter[str | None] = field(default_factory=Counter)
    """How many items have a sort key of which type."""
    offenders: list[Offender] = field(default_factory=list)


class OldTable:
    """What 0.1.3 left in a volume. One partition at a time is in memory."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume

    def partitions(self) -> list[str]:
        """Return the names of the folders of partitions, in order."""
        return sorted(filter(is_old_partition, self._volume.list(FOLDER)))

    def entries(self, partition: str) -> tuple[Entries, list[str]]:
        """Return a partition's items, and the names of what was refused; see :func:`load`."""
        try:
            return load(self._volume.read(_file(partition)))
        except FileNotFoundError:
            return Entries(), []  # 0.1.3 died between making the folder and the file

    def survey(self, definition: Definition) -> tuple[Survey, Definition]:
        """Look at every item; return what there is, and the definition with its key types.

        Raises ConversionRefused with all items that a table of this definition cannot hold.
        """
        survey = self._survey(definition)
        if definition.sk_type is None and len(survey.kinds) > 1:
            # Only now is it known which type most have; the others are named in a second pass.
            most = survey.kinds.most_common(1)[0][0]
            survey = self._survey(replace(definition, sk_type=most))
        if survey.offenders:
            raise _refused(self._volume.root, survey)
        kind = next(iter(survey.kinds), None)
        return survey, definition.with_types("S" if survey.items else None, kind)

    def _survey(self, definition: Definition) -> Survey:
        survey = Survey()
        keys = KeySchema(definition)
        for partition in self.partitions():
            self._look(partition, keys, survey)
        survey.order.sort()
        return survey

    def _look(self, partition: str, keys: KeySchema, survey: Survey) -> None:
        file = f"{self._volume.root}/{_file(partition)}"
        try:
            entries, refused = self.entries(partition)
        except ValueError as error:
            survey.offenders.append(Offender(file, None, str(error)))
            return
        found: dict[bytes, Any] = {}
        before = len(survey.offenders)
        for sk, item in entries.items():
            survey.items += 1
            try:
                key = _key_of(keys, item)
                survey.kinds[key_types(key)[1]] += 1
                _check(partition, keys, sk, item)
                if key in found:
                    raise ValueError(f"its sort key is the same as {found[key]!r} here")
                found[key] = sk
            except (DynafileError, ValueError) as error:
                pk = item.get(keys.pk) if isinstance(item, dict) else None
                place = {keys.pk: pk} | ({} if keys.sk is None else {keys.sk: sk})
                survey.offenders.append(Offender(file, place, _reason(error, refused)))
        if found:
            survey.order.append(min(found)[:HASH_BYTES] + bytes.fromhex(partition))
        if refused and len(survey.offenders) == before:
            survey.offenders.append(Offender(file, None, f"it asks for {', '.join(refused)}"))

    def remove(self) -> None:
        """Remove what 0.1.3 wrote. Files of others in its folders stay, and so do their folders."""
        for partition in self.partitions():
            folder = f"{FOLDER}/{partition}"
            names = self._volume.list(folder)
            theirs = [name for name in names if not _is_old_file(name)]
            for name in names:
                if name not in theirs:
                    self._volume.remove(f"{folder}/{name}")
            if not theirs:
                self._volume.remove(folder)  # empty, which needs no sync


def _file(partition: str) -> str:
    return f"{FOLDER}/{partition}/data.pickle"


def _is_old_file(name: str) -> bool:
    # tmp*: what atomicwrites leaves where the process was killed.
    index = name.startswith("lsi-") and name.endswith(".pickle")
    return name == "data.pickle" or index or name.startswith("tmp")


def _key_of(keys: KeySchema, item: Any) -> bytes:
    try:
        return keys.key(item)
    except DynafileError:
        raise
    except Exception as error:
        raise _not_whole(error) from error


def _check(partition: str, keys: KeySchema, sk: Any, item: dict[str, Any]) -> None:
    """Raise what speaks against an item that has a key."""
    try:
        encode_item(item)
        misplaced = hashlib.sha256(item[keys.pk].encode()).hexdigest() != partition
        renamed = keys.sk is not None and item[keys.sk] != sk
    except DynafileError:
        raise
    except Exception as error:
        raise _not_whole(error) from error
    if misplaced:
        raise ValueError(f"its {keys.pk!r} belongs to another folder than this one")
    if renamed:
        raise ValueError(f"it is stored under the sort key {sk!r}, which is not its {keys.sk!r}")


def _not_whole(error: Exception) -> ValueError:
    # A forged pickle makes objects that are not whole, and no two fail alike.
    return ValueError(f"it is no item ({type(error).__name__}: {error})")


def _reason(error: Exception, refused: list[str]) -> str:
    if refused and isinstance(error, UnsupportedType) and error.type is type:
        # A class or a function itself is the value, and its type does not name it.
        return f"{error} (the file asks for {', '.join(refused)})"
    return error.explanation if isinstance(error, DynafileError) else str(error)


def _refused(root: str, survey: Survey) -> ConversionRefused:
    offenders = survey.offenders
    listed = "\n".join(f"- {str(bad).removeprefix(f'{root}/')}" for bad in offenders[:_SHOWN])
    more = f"\nand {len(offenders) - _SHOWN} more" if len(offenders) > _SHOWN else ""
    return ConversionRefused(
        f"{root} was written by dynafile 0.1.3 and was not converted, because {len(offenders)} of "
        f"{survey.items} items cannot be taken; nothing was changed. Mend them with 0.1.3, or pass "
        f"the pk_attribute and sk_attribute that it was used with:\n{listed}{more}",
        path=root,
        offenders=tuple(offenders),
    )


def items_in_order(old: OldTable, survey: Survey) -> Iterator[Any]:
    """Yield the items, partitions in the order in which the new table has them."""
    for place in survey.order:
        partition = place[HASH_BYTES:].hex()
        try:
            entries, _ = old.entries(partition)
        except ValueError as error:
            raise StorageError(f"{_file(partition)} changed meanwhile: {error}") from error
        yield from entries.values()
