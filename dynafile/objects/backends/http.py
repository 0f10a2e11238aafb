"""``http://host`` and ``https://host``: objects that a web server shows, which are only read.

Each is at its path. The body is the bytes of an object as every store keeps them, so that a bucket
or a folder may be shown as it is, or their hex text, as KYDB reads it. The server is asked with the
ETag that is known. A redirection is followed on the same host only. A server tells nothing of
folders: nothing is one, and listing is refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from xxhash import xxh3_128_hexdigest

from dynafile.errors import (
    IndexNotSupported,
    InvalidObjectURL,
    MissingExtra,
    NotSupportedByStore,
    ObjectTooLarge,
    StoreNotReachable,
)
from dynafile.objects.backend import (
    ANY_VERSION,
    UNCHANGED,
    AnyVersion,
    Backend,
    Entry,
    Features,
    Kind,
    Name,
    Order,
    Progress,
    Stored,
    Unchanged,
    WriteOptions,
)
from dynafile.objects.paths import ROOT

if TYPE_CHECKING:
    from dynafile.objects.configuration import Settings
    from dynafile.objects.urls import Single

__all__ = ["MAX_BYTES", "HTTPBackend", "identity", "open_backend"]

MAX_BYTES: Final = 64 << 20
"""Of a body; what is longer is not read to its end."""

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0
"""Between two pieces of a body."""
WHOLE_SECONDS: Final = 300.0

_REDIRECTIONS: Final = 5
_THREADS: Final = 16
_GONE: Final = (404, 410)
_NO_HEAD: Final = (405, 501)
_DIGEST: Final = "xxh3:"
_BEGINNINGS: Final = (b"\x80", b"\0DYN")
"""Of pickles of protocol 2 or later, and of our own bytes."""


def identity(place: Single, settings: Settings) -> tuple[str, str]:
    """Return what is the same for all URLs of one store."""
    return place.scheme, place.name


def open_backend(place: Single, settings: Settings) -> HTTPBackend:
    """Make a client; nothing is asked yet. Raises MissingExtra, or InvalidObjectURL."""
    try:
        import httpx
    except ImportError:
        message = "http:// needs httpx; pip install 'dynafile[http]'"
        raise MissingExtra(message, extra="http") from None
    try:
        root = httpx.URL(f"{place.scheme}://{place.name}/")
    except httpx.InvalidURL as error:
        message = f"{place.scheme}://{place.name.rpartition('@')[2]}: {error}"
        raise InvalidObjectURL(message, url=place.url) from None
    if not root.host or root.path != "/":
        raise InvalidObjectURL(f"{place.scheme}:// names no host", url=place.url)
    limits = httpx.Limits(max_connections=_THREADS, max_keepalive_connections=_THREADS)
    client = httpx.Client(
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=limits,
        headers={"Accept-Encoding": "identity", "User-Agent": "dynafile"},
    )
    return HTTPBackend(client, root)


class HTTPBackend(Backend):
    """Objects of a web server."""

    def __init__(self, client: Any, root: Any) -> None:
        """Use a client of httpx, and the URL that paths are below."""
        self.features = Features(writable=False, lists=False, remote=True)
        self.client: Any = client
        self._root: Any = root
        self._shown = f"{root.scheme}://{root.netloc.decode()}"
        self._pool: Final = ThreadPoolExecutor(_THREADS, thread_name_prefix="dynafile-http")

    def read(self, path: str, known: str | None = None) -> Stored | Unchanged | None:
        """Return an object, None if there is none; UNCHANGED if it is of the version ``known``."""
        headers = {}
        if known is not None and not known.startswith(_DIGEST):
            headers["If-None-Match"] = known
        with self._answer("GET", path, headers) as answer:
            if answer.status_code in _GONE:
                return None
            if answer.status_code == 304 and headers:
                return UNCHANGED
            self._check(answer, path)
            data = self._body(answer, path)
            etag = answer.headers.get("ETag", "")
        if not (etag.isascii() and etag.isprintable() and etag.endswith('"')):
            etag = _DIGEST + xxh3_128_hexdigest(data)
        return UNCHANGED if etag == known else Stored(_without_hex(data), etag)

    def read_many(self, paths: Sequence[str]) -> dict[str, Stored]:
        """Return those objects that are there, by path, some read at once."""
        found = zip(paths, self._pool.map(self.read, paths), strict=True)
        return {path: stored for path, stored in found if isinstance(stored, Stored)}

    def kind(self, path: str) -> Kind | None:
        """Tell an object from nothing; a folder cannot be told, but for the root."""
        if path == ROOT:
            return Kind.FOLDER
        for method in ("HEAD", "GET"):
            with self._answer(method, path, {}) as answer:
                if answer.status_code in _GONE:
                    return None
                if method == "GET" or answer.status_code not in _NO_HEAD:
                    self._check(answer, path)
                    break
        return Kind.OBJECT

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Refuse."""
        raise self._read_only()

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Refuse."""
        raise self._read_only()

    def make_folder(self, path: str) -> None:
        """Refuse."""
        raise self._read_only()

    def remove_folder(self, path: str) -> None:
        """Refuse."""
        raise self._read_only()

    def remove_tree(self, path: str, progress: Progress) -> None:
        """Refuse."""
        raise self._read_only()

    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Refuse: a web server does not tell what it has."""
        raise NotSupportedByStore(
            f"{self._shown} cannot be listed: it is read-only, and objects are read by their keys"
        )

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Refuse: a web server does not tell what it has."""
        raise IndexNotSupported(f"{self._shown} cannot be listed, so it has no index")

    def reindex(self, path: str) -> int:
        """Refuse."""
        raise IndexNotSupported(f"{self._shown} has no index, and is read-only")

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.shutdown()
        self.client.close()

    def _read_only(self) -> NotSupportedByStore:
        return NotSupportedByStore(f"{self._shown} cannot be written to: it is read-only")

    @contextmanager
    def _answer(self, method: str, path: str, headers: dict[str, str]) -> Iterator[Any]:
        """Give the answer of a server, its body still to come; errors of the network are named."""
        import httpx

        url = self._root.copy_with(raw_path=quote(path, safe="/").encode())
        try:
            for _ in range(_REDIRECTIONS + 1):
                request = self.client.build_request(method, url, headers=headers)
                answer = self.client.send(request, stream=True)
                try:
                    if not answer.has_redirect_location:
                        yield answer
                        return
                    url = self._redirected(answer, path)
                finally:
                    answer.close()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise StoreNotReachable(
                f"{self._shown}{path} was not read: {type(error).__name__}: {error}; check the "
                "address and the network, and try again"
            ) from error
        message = f"{self._shown}{path} leads on and on: over {_REDIRECTIONS} redirections"
        raise StoreNotReachable(message)

    def _redirected(self, answer: Any, path: str) -> Any:
        where = answer.url.join(answer.headers["Location"])
        before = (answer.url.scheme, answer.url.host, answer.url.port)
        after = (where.scheme, where.host, where.port)
        secured = before[0] == "http" and after == ("https", before[1], None) and not before[2]
        if before != after and not secured:
            raise StoreNotReachable(
                f"{self._shown}{path} leads to {where.scheme}://{where.netloc.decode()}, which is "
                "another host, and is not followed: connect to that, if you trust it"
            )
        return where.copy_with(userinfo=self._root.userinfo)

    def _check(self, answer: Any, path: str) -> None:
        status = answer.status_code
        if 200 <= status < 300:
            return
        advice = "check the credentials" if status in (401, 403, 407) else "try again"
        raise StoreNotReachable(
            f"{self._shown}{path} was not read: {status} {answer.reason_phrase}; {advice}"
        )

    def _body(self, answer: Any, path: str) -> bytes:
        until = time.monotonic() + WHOLE_SECONDS
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_bytes():
            size += len(part)
            if size > MAX_BYTES:
                message = f"{self._shown}{path} has over {MAX_BYTES} bytes, and is not read"
                raise ObjectTooLarge(message, size=size, limit=MAX_BYTES)
            if time.monotonic() > until:
                message = f"{self._shown}{path} took over {WHOLE_SECONDS:.0f} seconds: try again"
                raise StoreNotReachable(message)
            parts.append(part)
        return b"".join(parts)


def _without_hex(data: bytes) -> bytes:
    """Return bytes that hex text stands for; what is none, or stands for no object, as it is."""
    if data.startswith(_BEGINNINGS):
        return data
    try:
        found = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        return data
    return found if found.startswith(_BEGINNINGS) else data
