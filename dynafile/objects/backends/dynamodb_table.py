"""Requests to one table of DynamoDB: errors told apart, and asked again for what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from random import random
from typing import Any, Final, TypeVar

from dynafile.errors import (
    DynafileError,
    MissingExtra,
    ObjectTooLarge,
    ResourceInUse,
    ResourceNotFound,
    StoreNotReachable,
)
from dynafile.objects.backends.dynamodb_items import (
    MAX_OBJECT_BYTES,
    PATH,
    Item,
    Request,
    projection,
)
from dynafile.objects.settings_file import environment

__all__ = [
    "ATTEMPTS",
    "ConditionFailed",
    "Conflict",
    "NoIndex",
    "TableRequests",
    "concurrently",
    "in_parts",
    "make_client",
    "pause",
]

ATTEMPTS: Final = 30
"""Of a write that others get in the way of, and of what DynamoDB leaves undone."""

_GET_AT_ONCE: Final = 100
_WRITE_AT_ONCE: Final = 25
_THREADS: Final = 8

_RACES: Final = frozenset(
    {
        "TransactionConflictException",
        "ConditionalCheckFailed",
        "TransactionConflict",
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "None",
    }
)
"""What a further attempt may do away with: the codes of a write, and of one in a transaction."""

Part = TypeVar("Part")
Result = TypeVar("Result")


class Conflict(Exception):
    """A condition did not hold, or another write was under way: decide anew."""


class ConditionFailed(Conflict):
    """The condition of a write of one item did not hold."""


class NoIndex(Exception):
    """The table has no such index."""


class TableRequests:
    """A client of boto3's, which is safe for threads, and the name of a table."""

    def __init__(self, client: Any, table: str) -> None:
        import botocore.exceptions as raised

        self.table: Final = table
        self._client = client
        self._refused: type[Any] = raised.ClientError
        self._failed: type[Exception] = raised.BotoCoreError

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, operation: str, *, index: str | None = None, **parameters: Any) -> Any:
        """Send one request; raises Conflict, NoIndex, and what users are told."""
        try:
            return getattr(self._client, operation)(**parameters)
        except self._refused as error:
            raise self._told(error, index) from error
        except self._failed as error:
            raise self._unreachable(str(error)) from error

    def wait(self, until: str) -> None:
        """Wait as a waiter of boto3's does, asking each second."""
        try:
            self._client.get_waiter(until).wait(
                TableName=self.table, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
            )
        except self._failed as error:
            raise self._unreachable(str(error)) from error

    def get(self, path: str, attributes: tuple[str, ...]) -> Item | None:
        """Return attributes of an item as it is now, all without names; None if there is none."""
        found = self.call(
            "get_item",
            TableName=self.table,
            Key={PATH: {"S": path}},
            ConsistentRead=True,
            **(projection(attributes) if attributes else {}),
        )
        item: Item | None = found.get("Item")
        return item

    def get_many(self, paths: Iterable[str], attributes: tuple[str, ...]) -> dict[str, Item]:
        """Return attributes of those items that are there now, by path."""
        asked = projection((PATH, *attributes))
        parts = in_parts(list(dict.fromkeys(paths)), _GET_AT_ONCE)
        found: dict[str, Item] = {}
        for part in concurrently(lambda part: self._get_some(part, asked), parts):
            found |= part
        return found

    def delete_many(self, paths: Sequence[str]) -> None:
        """Delete items, whether they are there or not."""
        parts = in_parts(paths, _WRITE_AT_ONCE)
        for _ in concurrently(self._delete_some, parts):
            pass

    def write(self, request: Request) -> None:
        """Write one item; raises Conflict if its condition does not hold."""
        ((kind, parameters),) = request.items()
        self.call(f"{kind.lower()}_item", TableName=self.table, **parameters)

    def write_together(self, requests: Sequence[Request]) -> None:
        """Do all writes or none; raises Conflict if a condition does not hold."""
        self.call(
            "transact_write_items",
            TransactItems=[
                {kind: {"TableName": self.table, **parameters}}
                for request in requests
                for kind, parameters in request.items()
            ],
        )

    def pages(
        self, index: str, sizes: Iterable[int | None], parameters: Request
    ) -> Iterator[list[Item]]:
        """Query an index page by page, of the next of ``sizes`` each, None for as much as fits."""
        start: Request = {}
        for size in sizes:
            limit = {} if size is None else {"Limit": size}
            page = self.call(
                "query",
                index=index,
                TableName=self.table,
                IndexName=index,
                **parameters,
                **limit,
                **start,
            )
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def unreachable_for_long(self, what: str) -> StoreNotReachable:
        """Return the error of giving up."""
        return StoreNotReachable(
            f"{what} in the DynamoDB table {self.table} failed {ATTEMPTS} times: others write "
            "the same, or the table has too little capacity; try again"
        )

    def _get_some(self, paths: Sequence[str], asked: Request) -> dict[str, Item]:
        found = {}
        left: Any = {"Keys": [{PATH: {"S": path}} for path in paths], "ConsistentRead": True}
        left |= asked
        for attempt in range(ATTEMPTS):
            answer = self.call("batch_get_item", RequestItems={self.table: left})
            items = answer["Responses"].get(self.table, [])
            found.update({item[PATH]["S"]: item for item in items})
            left = answer.get("UnprocessedKeys", {}).get(self.table)
            if not left:
                return found
            pause(0 if items else attempt)
        raise self.unreachable_for_long("reading")

    def _delete_some(self, paths: Sequence[str]) -> None:
        left = [{"DeleteRequest": {"Key": {PATH: {"S": path}}}} for path in paths]
        for attempt in range(ATTEMPTS):
            answer = self.call("batch_write_item", RequestItems={self.table: left})
            left = answer.get("UnprocessedItems", {}).get(self.table)
            if not left:
                return
            pause(attempt)
        raise self.unreachable_for_long("deleting")

    def _told(self, error: Any, index: str | None) -> Exception:
        code = error.response.get("Error", {}).get("Code", "")
        text = error.response.get("Error", {}).get("Message", "") or str(error)
        if code == "TransactionCanceledException":
            reasons = error.response.get("CancellationReasons", [])
            texts = [str(each.get("Message", "")) for each in reasons]
            if all(each.get("Code") in _RACES for each in reasons):
                return Conflict(text)
            text = f"{text} {' '.join(texts)}"
        if code == "ConditionalCheckFailedException":
            return ConditionFailed(text)
        if code in _RACES:
            return Conflict(text)
        if index is not None and index in text:
            return NoIndex(index)
        if code == "ResourceNotFoundException":
            return self._no_table()
        if code == "ResourceInUseException":
            return ResourceInUse(f"DynamoDB: {text}", resource=self.table)
        if "Item size" in text:
            return ObjectTooLarge(
                f"DynamoDB takes no item over 400 KB, with its names and numbers: {text}",
                limit=MAX_OBJECT_BYTES,
            )
        if code == "ValidationException" and "key element" in text:
            return self._other_table(text)
        return self._unreachable(f"{code}: {text}")

    def _no_table(self) -> DynafileError:
        return ResourceNotFound(
            f"there is no DynamoDB table {self.table!r} in this region and account: name another "
            "with ?region=, or make it with dynafile.objects.backends.dynamodb.create_table"
            f"({self.table!r})",
            resource=self.table,
        )

    def _other_table(self, text: str) -> DynafileError:
        return ResourceNotFound(
            f"the DynamoDB table {self.table!r} is of another layout: its partition key has to be "
            f"'path', a string, and there is no sort key; create_table makes one ({text})",
            resource=self.table,
        )

    def _unreachable(self, text: str) -> DynafileError:
        return StoreNotReachable(
            f"DynamoDB, table {self.table}: {text}. Check the region, endpoint and credentials "
            "(AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, AWS_PROFILE), and what they are allowed to do"
        )


def make_client(region: str | None, endpoint_url: str | None) -> Any:
    """Make a client of boto3's, which has asked for nothing yet; raises MissingExtra."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
        from botocore.session import get_session
    except ImportError:
        raise MissingExtra(
            "dynamodb:// needs boto3; pip install 'dynafile[dynamodb]'", extra="dynamodb"
        ) from None
    retries: dict[str, Any] = {"mode": "standard"}
    if "AWS_MAX_ATTEMPTS" not in environment():
        retries["total_max_attempts"] = 5
    try:
        core = get_session()
        core.register_component("data_loader", _models())
        return boto3.session.Session(botocore_session=core).client(
            "dynamodb",
            region_name=region,
            endpoint_url=endpoint_url,
            config=Config(
                retries=retries, connect_timeout=5, read_timeout=30, max_pool_connections=32
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise StoreNotReachable(
            f"DynamoDB: {error}: name the region by ?region= or AWS_DEFAULT_REGION, and another "
            "server by ?endpoint_url=http://host:port or AWS_ENDPOINT_URL"
        ) from error


@cache
def _models() -> Any:
    # Reading them takes ten times as long as making a client, and nobody changes them.
    from botocore.loaders import create_loader

    return create_loader()


def pause(attempt: int) -> None:
    """Wait before the next attempt, each time longer and not for as long as others do."""
    time.sleep(min(0.5, 0.01 * 2**attempt) * (0.5 + random() / 2))


def in_parts(values: Sequence[Part], size: int) -> list[Sequence[Part]]:
    """Cut a sequence into parts of at most a size."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def concurrently(function: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
    """Yield what a function returns for each, in order; some run at once, none after an error."""
    if len(parts) < 2:
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(min(_THREADS, len(parts))) as threads:
        under_way = [threads.submit(function, part) for part in parts]
        try:
            for each in under_way:
                yield each.result()
        finally:
            threads.shutdown(cancel_futures=True)
