"""URLs of stores, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from dynafile.errors import InvalidObjectKey, InvalidObjectType, InvalidObjectURL
from dynafile.objects.paths import ROOT, folder_path

__all__ = ["Cached", "Place", "Single", "United", "parse"]

SCHEMES: Final = (
    "dynafile",
    "dynamodb",
    "files",
    "http",
    "https",
    "memory",
    "redis",
    "rediss",
    "s3",
)

_SERVERS: Final = ("http", "https", "redis", "rediss")

_EVERYWHERE: Final = frozenset({"expire"})
_OPTIONS: Final = {
    "dynafile": frozenset({"base", "durability"}),
    "s3": frozenset({"region", "endpoint_url"}),
    "dynamodb": frozenset({"region", "endpoint_url"}),
}


@dataclass(frozen=True, slots=True)
class Single:
    """One store: ``scheme://name/base?option=value``."""

    url: str
    scheme: str
    name: str
    base: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def shown_name(self) -> str:
        """The name, without the user and the password that the URL of a server may have."""
        return self.name.rpartition("@")[2] if self.scheme in _SERVERS else self.name

    def option(self, name: str) -> str | None:
        """Return an option of the URL, or None."""
        return dict(self.options).get(name)


@dataclass(frozen=True, slots=True)
class Cached:
    """``cache|store``."""

    url: str
    cache: Single
    persist: Single


@dataclass(frozen=True, slots=True)
class United:
    """``front;behind;...``; each may be a store with its cache."""

    url: str
    places: tuple[Single | Cached, ...]


Place = Single | Cached | United


def parse(url: str) -> Place:
    """Take a URL apart; raises InvalidObjectURL, or InvalidObjectType for what is no string."""
    if not isinstance(url, str):
        raise InvalidObjectType(f"a URL is a string, not {type(url).__qualname__}")
    if ";" not in url:
        return _cached(url)
    return United(url, tuple(map(_cached, url.split(";"))))


def shown(url: str) -> str:
    """Return a URL without the password in it."""
    return ";".join("|".join(map(_shown, part.split("|"))) for part in url.split(";"))


def _shown(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if "@" not in host:
        return url
    return f"{scheme}{separator}...@{host.rpartition('@')[2]}{slash}{path}"


def _cached(url: str) -> Single | Cached:
    if "|" not in url:
        return _single(url)
    parts = url.split("|")
    if len(parts) != 2:
        raise _invalid(url, "CacheDB expects exactly 2 databases: cache|store")
    return Cached(url, *map(_single, parts))


def _single(url: str) -> Single:
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise _invalid(url, "it has the form scheme://name, such as dynafile://./db")
    if scheme not in SCHEMES and not (scheme.startswith("fsspec+") and len(scheme) > 7):
        raise _invalid(url, f"the scheme is one of {', '.join(SCHEMES)}, fsspec+<protocol>")
    rest, _, query = rest.partition("?")
    options = _options(url, scheme, query)
    if scheme in ("dynafile", "files") or scheme.startswith("fsspec+"):
        name, base = rest, dict(options).get("base", ROOT)
    else:
        name, slash, base = rest.partition("/")
        base = slash + base
    if not name or (scheme != "dynafile" and not name.strip("/")):
        raise _invalid(url, "it names no store after ://")
    if any(ord(each) < 32 or 127 <= ord(each) < 160 for each in url):
        raise _invalid(url, "it has a control character")
    try:
        base = folder_path(base)
    except InvalidObjectKey as error:
        raise _invalid(url, f"its base path: {error}") from None
    if f"{base}/".find("/.") >= 0:
        raise _invalid(
            url, "its base path has a name that begins with a dot: those are the system's"
        )
    return Single(url, scheme, name, base, options)


def _options(url: str, scheme: str, query: str) -> tuple[tuple[str, str], ...]:
    if not query:
        return ()
    try:
        found = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise _invalid(url, f"its options do not parse: {error}") from None
    known = _OPTIONS.get(scheme, frozenset()) | _EVERYWHERE
    for name, _ in found:
        if name not in known:
            raise _invalid(
                url, f"there is no option {name!r}; there are {', '.join(sorted(known))}"
            )
    if len(dict(found)) < len(found):
        raise _invalid(url, "an option is there twice")
    return tuple(found)


def _invalid(url: str, what: str) -> InvalidObjectURL:
    hidden = _hidden(url)
    return InvalidObjectURL(f"{hidden!r:.200} is no URL of a store: {what}", url=hidden)


def _hidden(url: str) -> str:
    # A slash in a password, which is to be %2F, ends the name for us, and not for who reads it.
    scheme, separator, rest = url.partition("://")
    if scheme in _SERVERS and "@" in rest:
        return f"{scheme}{separator}...@{rest.rpartition('@')[2]}"
    return shown(url)
