"""A bucket of S3 as this library asks it: whole objects and pages of keys, errors by our names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from threading import Lock, current_thread
from typing import Any, Final, TypeVar

from dynafile.errors import (
    InvalidObjectKey,
    MissingExtra,
    ObjectTooLarge,
    ResourceNotFound,
    StoreNotReachable,
)

__all__ = ["AT_ONCE", "MAX_BYTES", "Bucket", "Item", "Page", "Precondition"]

MAX_BYTES: Final = 5 << 30
"""What one PUT takes."""

AT_ONCE: Final = 1000
"""The most keys of a page, and of a request that deletes."""

_THREADS: Final = 16
_THREAD_NAME: Final = "dynafile-s3"
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
_ONCE_MORE: Final = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
_DENIED: Final = frozenset(
    {
        "403",
        "AccessDenied",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
    }
)

T = TypeVar("T")


class Precondition(Exception):
    """The object is not of the version that a request named; ``retried``: a try may have won."""

    def __init__(self, *, retried: bool) -> None:
        super().__init__()
        self.retried: Final = retried


@dataclass(frozen=True, slots=True)
class Item:
    """An object of a page; its time is in ns since 1970."""

    key: str
    etag: str
    time: int


@dataclass(frozen=True, slots=True)
class Page:
    """Keys in order, and prefixes that a delimiter made of others; ``more`` is a token, or None."""

    items: Sequence[Item]
    prefixes: Sequence[str]
    more: str | None

    @property
    def keys(self) -> list[str]:
        """Return the keys of the objects."""
        return [item.key for item in self.items]

    @property
    def last(self) -> str:
        """Return the key, or the prefix, that comes last; empty if there is none."""
        last = self.items[-1].key if self.items else ""
        return max(last, self.prefixes[-1]) if self.prefixes else last


@dataclass
class Bucket:
    """Requests to one bucket, each of them one HTTP request; safe for threads."""

    name: str
    client: Any
    _lock: Lock = field(default_factory=Lock)
    _pool: ThreadPoolExecutor | None = None

    @classmethod
    def open(cls, name: str, region: str | None, endpoint_url: str | None) -> Bucket:
        """Make a client; nothing is asked yet. Raises MissingExtra, or StoreNotReachable."""
        try:
            import boto3
            import botocore.session
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError:
            message = "s3:// needs boto3; pip install 'dynafile[s3]'"
            raise MissingExtra(message, extra="s3") from None
        config = Config(retries={"mode": "standard"}, max_pool_connections=_THREADS + 4)
        try:
            session = botocore.session.get_session()
            session.register_component("data_loader", _loader())
            client = boto3.session.Session(botocore_session=session).client(
                "s3", region_name=region, endpoint_url=endpoint_url, config=config
            )
        except (BotoCoreError, ValueError) as error:
            message = f"s3://{name}: there can be no connection: {error}"
            raise StoreNotReachable(message) from error
        return cls(name, client)

    def get(self, key: str, known: str | None) -> tuple[bytes, str] | None:
        """Return an object and its ETag, or None; raises Precondition if it is ``known``."""
        condition = {} if known is None else {"IfNoneMatch": known}
        try:
            found = self._call("get_object", Key=key, **condition)
        except _Missing:
            return None
        with found["Body"] as body:
            return self._guarded(body.read), found["ETag"]

    def put(self, key: str, data: bytes, **condition: str) -> str:
        """Write an object and return its ETag; raises Precondition."""
        try:
            etag: str = self._call("put_object", Key=key, Body=data, **condition)["ETag"]
        except _Missing:  # which is what If-Match says of no object
            raise Precondition(retried=False) from None
        return etag

    def page(
        self,
        prefix: str,
        most: int,
        *,
        delimiter: str = "",
        after: str | None = None,
        more: str | None = None,
    ) -> Page:
        """Return the first keys with a prefix, after a key, or those that follow on a page."""
        options = {"Delimiter": delimiter} if delimiter else {}
        if more is None and after is not None:
            options["StartAfter"] = after
        while True:
            if more is not None:
                options["ContinuationToken"] = more
            found = self._call(
                "list_objects_v2", Prefix=prefix, MaxKeys=min(most, AT_ONCE), **options
            )
            more = found.get("NextContinuationToken")
            prefixes = [each["Prefix"] for each in found.get("CommonPrefixes", ())]
            items = [_item(each) for each in found.get("Contents", ())]
            if items or prefixes or more is None:  # a page may be empty and not the last
                return Page(items, prefixes, more)

    def pages(self, prefix: str, most: int = AT_ONCE, delimiter: str = "") -> Iterator[Page]:
        """Yield all pages of a prefix."""
        page = self.page(prefix, most, delimiter=delimiter)
        yield page
        while page.more is not None:
            page = self.page(prefix, most, delimiter=delimiter, more=page.more)
            yield page

    def find(self, key: str) -> Item | None:
        """Return what a listing says of an object; None if there is none.

        A HEAD says no more, and of a missing bucket only that something is missing.
        """
        page = self.page(key, 1)  # the key itself comes before all that begin with it
        return page.items[0] if page.items and page.items[0].key == key else None

    def delete(self, key: str, **condition: str) -> bool:
        """Delete an object; False if the server says that there was none. Raises Precondition."""
        try:
            self._call("delete_object", Key=key, **condition)
        except _Missing:
            return False
        return True

    def delete_many(self, keys: Sequence[str]) -> None:
        """Delete up to a thousand objects, there or not."""
        # XML has no control characters, and who else writes to the bucket may use them in keys.
        plain = [key for key in keys if key.isprintable()]
        for key in keys:
            if not key.isprintable():
                self.delete(key)
        if not plain:
            return
        wanted = {"Objects": [{"Key": key} for key in plain], "Quiet": True}
        errors = self._call("delete_objects", Delete=wanted).get("Errors", ())
        for error in errors:
            raise StoreNotReachable(
                f"s3://{self.name}: {error.get('Key')} and {len(errors) - 1} others were not "
                f"deleted: {error.get('Code')}: {error.get('Message')}"
            )

    def together(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Make calls, concurrently if there are several; all are over when it returns.

        Raises the first error.
        """
        if len(calls) < 2 or current_thread().name.startswith(_THREAD_NAME):
            return [call() for call in calls]  # a thread of the pool that waited could block it
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix=_THREAD_NAME)
            pool = self._pool
        futures = [pool.submit(call) for call in calls]
        errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            raise errors[0]
        return [future.result() for future in futures]

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        self.client.close()

    def _call(self, operation: str, **arguments: Any) -> Any:
        from botocore.exceptions import ClientError

        for attempt in range(4):
            try:
                return self._guarded(
                    lambda: getattr(self.client, operation)(Bucket=self.name, **arguments)
                )
            except ClientError as error:
                if str(error.response["Error"].get("Code")) in _ONCE_MORE and attempt < 3:
                    continue  # two writers with conditions met: one is to try again
                raise self._named(error, operation, arguments.get("Key", "")) from error
        raise AssertionError

    def _guarded(self, call: Callable[[], T]) -> T:
        from botocore.exceptions import BotoCoreError, HTTPClientError, NoCredentialsError

        try:
            return call()
        except NoCredentialsError as error:
            message = (
                f"s3://{self.name} was not asked: {error}; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            )
            raise StoreNotReachable(message) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise StoreNotReachable(
                f"s3://{self.name} does not answer: {error}; check endpoint_url, the network and "
                "the region, and try again"
            ) from error

    def _named(self, error: Any, operation: str, key: str) -> Exception:
        code = str(error.response["Error"].get("Code"))
        if code == "NoSuchBucket":
            message = f"there is no bucket {self.name}: create it first, or check the endpoint"
            return ResourceNotFound(message, resource=self.name)
        if code in _MISSING:
            return _Missing()
        if code in ("304", *_CHANGED):
            retries = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
            return Precondition(retried=retries > 0)
        if code == "KeyTooLongError":
            return InvalidObjectKey(f"/{key} is too long for S3", key=f"/{key}")
        if code == "EntityTooLarge":
            return ObjectTooLarge(f"/{key} is too large for S3", limit=MAX_BYTES)
        advice = "try again"
        if code in _DENIED:
            advice = "check the credentials, and what they are allowed to do in this bucket"
        return StoreNotReachable(f"s3://{self.name} refused {operation}: {error}; {advice}")


def _item(found: Any) -> Item:
    time = int(found["LastModified"].timestamp()) * 1_000_000_000
    return Item(found["Key"], found["ETag"], time)


class _Missing(Exception):
    """There is no object of the key."""


@cache
def _loader() -> Any:
    """Return what reads the descriptions of services, once: that is most of making a client."""
    from botocore.loaders import create_loader

    return create_loader()
