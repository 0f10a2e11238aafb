"""Lookouts: who hears of changes of single documents, all of them from the one feed.

For each collection in which somebody looks out for a document there is one listener of the feed,
which finds by the id who is concerned: an event costs the same however many look out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from dynafile import Table
from dynafile.documents.engine import Lookout, Subscription
from dynafile.documents.feed import Feed
from dynafile.documents.paths import Path, path_text
from dynafile.documents.requests import Target
from dynafile.documents.watching import EmbeddedSubscription

__all__ = ["EmbeddedLookout", "Lookouts"]


class Lookouts:
    """All lookouts of a database, by collection; changed with the feed's mutex held."""

    def __init__(self, table: Table, feed: Feed) -> None:
        self.table = table
        self.feed = feed
        self._posts: dict[str, _Post] = {}

    def add(self, path: Path, lookout: EmbeddedLookout) -> None:
        """Have a lookout hear of a document."""
        collection = path_text(path[:-1])
        post = self._posts.get(collection)
        if post is None:
            post = _Post(self.feed, collection)
            self.feed.join(post)
            self._posts[collection] = post
        post.by_id.setdefault(path[-1], {})[lookout] = None

    def remove(self, path: Path, lookout: EmbeddedLookout) -> None:
        """Have a lookout hear no more of a document."""
        collection = path_text(path[:-1])
        post = self._posts[collection]
        some = post.by_id[path[-1]]
        del some[lookout]
        if not some:
            del post.by_id[path[-1]]
            if not post.by_id:
                del self._posts[collection]
                self.feed.leave(post)


class _Post:
    """The listener of the feed for one collection."""

    def __init__(self, feed: Feed, topic: str) -> None:
        self._feed = feed
        self.topic = topic
        self.by_id: dict[str, dict[EmbeddedLookout, None]] = {}
        self._woken: deque[EmbeddedLookout] = deque()

    def notice(self, number: int, before: str) -> None:
        """Hear of an event; called with the feed's mutex held."""
        event = next(self._feed.events(number))
        self._tell(self.by_id.get(event.path[-1], ()))

    def begin_again(self) -> None:
        """Hear that events were lost; called with the feed's mutex held."""
        for some in self.by_id.values():
            self._tell(some)

    def _tell(self, lookouts: Iterable[EmbeddedLookout]) -> None:
        for lookout in lookouts:
            lookout.stale = True
            self._woken.append(lookout)

    def wake(self) -> None:
        """Tell who is concerned; called without a lock, and maybe by several threads."""
        while True:
            try:
                lookout = self._woken.popleft()
            except IndexError:
                return
            lookout.wake()


class EmbeddedLookout(Lookout):
    """Looks out in the feed of an embedded database."""

    def __init__(self, lookouts: Lookouts, wake: Callable[[], None]) -> None:
        """``wake`` is called without a lock when it becomes stale."""
        self._lookouts = lookouts
        self._paths: set[Path] = set()
        self._closed = False
        self.wake = wake

    def watch(self, target: Target) -> Subscription:
        """Listen, to an empty collection where a field is."""
        lookouts = self._lookouts
        return EmbeddedSubscription(lookouts.table, lookouts.feed, target, None)

    def follow(self, paths: Iterable[Path], since: str, *, only: bool = False) -> None:
        """Look out for documents; see :meth:`Lookout.follow`.

        All that was committed before is in the feed when this has pumped, so that nothing can come
        between what was read of the documents and what is heard of them.
        """
        feed, wanted = self._lookouts.feed, set(paths)
        feed.pump()
        with feed.mutex:
            if self._closed:
                return
            for path in self._paths - wanted if only else ():
                self._lookouts.remove(path, self)
                self._paths.discard(path)
            new = wanted - self._paths
            if not new:
                return
            number = feed.after(since.partition("+")[0])
            if number is None or any(each.path in new for each in feed.events(number)):
                self.stale = True
            for path in new:
                self._lookouts.add(path, self)
                self._paths.add(path)

    @property
    def count(self) -> int:
        """For how many documents it looks out."""
        return len(self._paths)

    def close(self) -> None:
        """Look out no more."""
        with self._lookouts.feed.mutex:
            self._closed = True
            for path in self._paths:
                self._lookouts.remove(path, self)
            self._paths.clear()
