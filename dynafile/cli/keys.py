"""Keys on the command line: of items, and of queries on a table or an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from dynafile import GlobalIndex
from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.typed_text import key_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dynafile import Dynafile, Table


def key_attributes(db: Table) -> list[str]:
    """Return the names of the key attributes, the partition key first."""
    return [name for name in (db.pk_attribute, db.sk_attribute) if name is not None]


def key_from(db: Dynafile, pk: str, sk: str | None) -> dict[str, Any]:
    """Return the key that arguments stand for, typed as the table's keys are."""
    key = {db.pk_attribute: key_value(pk, db.pk_type, db.pk_attribute)}
    if db.sk_attribute is None:
        if sk is not None:
            raise Failure(
                "this table has no sort key, and two key values were given",
                hint="give the partition key alone",
                code=ExitCode.USAGE,
            )
    elif sk is None:
        raise Failure(
            f"this table has a sort key, {db.sk_attribute}, and none was given",
            hint="give both, as in: dynafile get PATH PK SK; `dynafile query` needs no sort key",
            code=ExitCode.USAGE,
        )
    else:
        key[db.sk_attribute] = key_value(sk, db.sk_type, db.sk_attribute)
    return key


@dataclass(frozen=True)
class QueryKeys:
    """The key attributes that a query goes by, with their types."""

    pk: tuple[str, ...]
    sk: tuple[str, ...]
    types: Mapping[str, str | None]
    shown: list[str]
    """What a table of the result shows first."""

    def partition_key(self, text: str) -> Any:
        """Return an argument as the partition key; of several attributes it is a JSON array."""
        if len(self.pk) == 1:
            return key_value(text, self.types.get(self.pk[0]), self.pk[0])
        try:
            values = msgspec.json.decode(text, type=list[str | int | float])
        except msgspec.DecodeError:
            values = []
        if len(values) != len(self.pk):
            raise Failure(
                f"the partition key has {len(self.pk)} attributes, {', '.join(self.pk)}",
                hint="write their values as a JSON array, as in '[\"a\", 1]'",
                code=ExitCode.USAGE,
            )
        return tuple(
            key_value(str(value), self.types.get(name), name)
            for name, value in zip(self.pk, values, strict=True)
        )

    def sort_key_values(self, texts: Sequence[str]) -> list[Any]:
        """Return arguments as values of the sort key, of several attributes of the first."""
        if not self.sk:
            raise Failure(
                "there is no sort key to put conditions on",
                hint="put them into --filter",
                code=ExitCode.USAGE,
            )
        name = self.sk[0]
        return [key_value(text, self.types.get(name), name) for text in texts]


def query_keys(db: Dynafile, index: str | None) -> QueryKeys:
    """Return what a query on a table, or on one of its indexes, goes by."""
    own = key_attributes(db)
    if index is None:
        types = {db.pk_attribute: db.pk_type, db.sk_attribute or "": db.sk_type}
        return QueryKeys((own[0],), tuple(own[1:]), types, own)
    for found in db.describe().indexes:
        if found.name == index:
            declared = found.index
            pk = _names(declared.pk) if isinstance(declared, GlobalIndex) else (own[0],)
            sk = _names(declared.sk)
            return QueryKeys(pk, sk, found.types, list(dict.fromkeys([*pk, *sk, *own])))
    names = ", ".join(db.indexes) or "none"
    raise Failure(
        f"there is no index {index}: there is {names}",
        hint="`dynafile index list` tells more",
        code=ExitCode.USAGE,
    )


def _names(names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names or ()
