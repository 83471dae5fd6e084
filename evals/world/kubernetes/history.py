"""The recent changes of the store, in order, and who is told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from evals.world.kubernetes.changes import WatchEvent
from evals.world.kubernetes.errors import Expired

Subscriber = Callable[[WatchEvent], None]


class History:
    """A bounded memory of changes. Not locked by itself: the store calls it under its own lock."""

    def __init__(self, limit: int) -> None:
        self._events: deque[WatchEvent] = deque(maxlen=limit)
        self._forgotten = 0
        self._newest = 0
        self._subscribers: list[Subscriber] = []
        self._undelivered: deque[WatchEvent] = deque()
        self._delivering = False

    def append(self, change: WatchEvent) -> None:
        """Remember a change and tell every subscriber."""
        # The deque is about to drop its oldest event: whoever stands before it cannot resume any more.
        if len(self._events) == self._events.maxlen:
            self._forgotten = self._events[0].resource_version
        self._events.append(change)
        self._newest = change.resource_version
        self._undelivered.append(change)
        self._deliver()

    def since(self, resource_version: int) -> list[WatchEvent]:
        """Every change after a version, oldest first; raises Expired when the memory does not reach back."""
        if resource_version < self._forgotten:
            raise Expired(f"too old resource version: {resource_version} ({self._forgotten})")
        newer: list[WatchEvent] = []
        for event in reversed(self._events):
            if event.resource_version <= resource_version:
                break
            newer.append(event)
        return newer[::-1]

    def forget(self) -> None:
        """Drop everything remembered, as etcd's compaction does."""
        self._events.clear()
        self._forgotten = self._newest

    def subscribe(self, callback: Subscriber) -> None:
        """Tell ``callback`` of every later change."""
        self._subscribers.append(callback)

    def unsubscribe(self, callback: Subscriber) -> None:
        """Stop telling ``callback``; unknown callbacks are ignored."""
        if callback in self._subscribers:
            self._subscribers.remove(callback)

    def _deliver(self) -> None:
        # A subscriber may write; its event must reach everybody after the one being delivered now.
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._undelivered:
                change = self._undelivered.popleft()
                # A copy, because a callback may end its own subscription.
                for callback in tuple(self._subscribers):
                    callback(change)
        finally:
            self._delivering = False
