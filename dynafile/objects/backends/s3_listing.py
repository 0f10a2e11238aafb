"""What is in a folder of a bucket, in order of names, as the pages come.

S3 sorts ``a.b`` before ``a/``, and names are to come as ``a``, ``a.b``. So where a page ends
between the two, with ``a.b``, it is asked if there is anything below ``a/``. KYDB's markers are
apart from what they mark: where the first page has not all, they have pages of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from heapq import merge
from typing import Final

from dynafile.errors import InvalidObjectKey
from dynafile.objects.backend import Name
from dynafile.objects.backends.s3_bucket import Bucket, Page
from dynafile.objects.backends.s3_paths import prefix_of
from dynafile.objects.paths import MARKER, folder_path

__all__ = ["names_in"]

_LAST: Final = "\U0010fffd"


def names_in(bucket: Bucket, folder: str, page_size: int) -> Iterator[Name]:
    """Yield what is in a folder; a page more than is shown may have been read, and no more."""
    prefix = prefix_of(folder)
    page = bucket.page(prefix, page_size, delimiter="/")
    marked: Iterator[Name] = iter(_marked(page, prefix))
    if page.more is not None and page.last <= f"{prefix}{MARKER}{_LAST}":
        marked = _all_marked(bucket, prefix, page_size)
    others = _others_of_all(bucket, page, prefix, page_size)
    last = None
    for name in merge(marked, others):
        if name != last and _is_name(name.name):
            yield name
        last = name


def _is_name(name: str) -> bool:
    try:
        folder_path(f"/{name}")
    except InvalidObjectKey:
        return False  # of others' making: nothing that a key could name
    return name != ""


def _marked(page: Page, prefix: str) -> list[Name]:
    marker = prefix + MARKER
    keys = [item.key for item in page.items]
    return [Name(key[len(marker) :], True) for key in keys if key.startswith(marker)]


def _all_marked(bucket: Bucket, prefix: str, page_size: int) -> Iterator[Name]:
    for page in bucket.pages(prefix + MARKER, page_size):
        yield from _marked(page, prefix)


def _others(page: Page, prefix: str) -> list[Name]:
    marker = prefix + MARKER
    found = [Name(each[len(prefix) : -1], True) for each in page.prefixes]
    keys = [item.key for item in page.items if not item.key.startswith(marker)]
    found += [Name(key[len(prefix) :], False) for key in keys if key != prefix]
    return sorted(found)


def _others_of_all(bucket: Bucket, page: Page, prefix: str, page_size: int) -> Iterator[Name]:
    early: set[Name] = set()
    marker = prefix + MARKER
    while True:
        found = [name for name in _others(page, prefix) if name not in early]
        if page.more is None:
            yield from found
            return
        new = _behind(bucket, prefix, page.last[len(prefix) :], early)
        yield from sorted({*found, *new})
        early.update(new)
        if page.last.startswith(marker):  # those that are left are on their own pages
            page = bucket.page(prefix, page_size, delimiter="/", after=marker + _LAST)
        else:
            page = bucket.page(prefix, page_size, delimiter="/", more=page.more)


def _behind(bucket: Bucket, prefix: str, last: str, early: set[Name]) -> Sequence[Name]:
    """Return the folders whose names come before the last of a page, and their keys after it."""
    names = [last[:cut] for cut in range(1, len(last)) if last[cut] < "/"]
    wanted = [name for name in names if Name(name, True) not in early]
    looks = [partial(bucket.page, f"{prefix}{name}/", 1) for name in wanted]
    pages = bucket.together(looks)
    return [Name(name, True) for name, page in zip(wanted, pages, strict=True) if page.items]
