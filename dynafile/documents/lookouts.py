"""Lookouts: who hears of changes of single documents, all of them from the one feed.

For each document that somebody looks out for there is one listener of the feed: an event of another
costs nothing, however many look out.
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
    """All lookouts of a database, by document; changed with the feed's mutex held."""

    def __init__(self, table: Table, feed: Feed) -> None:
        self.table = table
        self.feed = feed
        self._posts: dict[Path, _Post] = {}

    def add(self, path: Path, lookout: EmbeddedLookout) -> None:
        """Have a lookout hear of a document."""
        post = self._posts.get(path)
        if post is None:
            post = _Post(path_text(path))
            self.feed.join(post)
            self._posts[path] = post
        post.lookouts[lookout] = None

    def remove(self, path: Path, lookout: EmbeddedLookout) -> None:
        """Have a lookout hear no more of a document."""
        post = self._posts[path]
        del post.lookouts[lookout]
        if not post.lookouts:
            del self._posts[path]
            self.feed.leave(post)


class _Post:
    """The listener of the feed for one document."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.lookouts: dict[EmbeddedLookout, None] = {}
        self._woken: deque[EmbeddedLookout] = deque()

    def notice(self, number: int, before: str) -> None:
        """Hear of an event; called with the feed's mutex held."""
        for lookout in self.lookouts:
            lookout.stale = True
            self._woken.append(lookout)

    def begin_again(self) -> None:
        """Hear that events were lost; called with the feed's mutex held."""
        self.notice(0, "")

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
