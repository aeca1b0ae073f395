"""`topics`: the subscribers of one worker, each with a bounded queue.

- Delivering never waits: a subscriber whose queue is full is dropped, gets what was queued, and
  then `SubscriberTooSlowError`.
- `fail` ends every subscriber of a topic, or of all, when messages may have been lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from hub.state.errors import StateUnavailableError, SubscriberTooSlowError
from hub.state.limits import MAX_SUBSCRIBERS, QUEUE_MESSAGES


class Subscriber:
    """The messages of one topic that one subscriber has not read yet; iterate to read."""

    def __init__(self, topic: str, most: int) -> None:
        self._topic = topic
        self._most = most
        self._unread: deque[bytes] = deque()
        self._ended: StateUnavailableError | None = None
        self._changed = asyncio.Event()

    def offer(self, message: bytes) -> bool:
        """Queue a message; False when the subscriber was too slow and is dropped."""
        if len(self._unread) >= self._most:
            self.end(SubscriberTooSlowError(self._topic))
            return False
        self._unread.append(message)
        self._changed.set()
        return True

    def end(self, error: StateUnavailableError) -> None:
        """Raise `error` to the reader after what is queued; the first error stays."""
        self._ended = self._ended or error
        self._changed.set()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._unread:
            if self._ended is not None:
                raise self._ended
            self._changed.clear()
            await self._changed.wait()
        return self._unread.popleft()


class Topics:
    """The subscribers of this worker by topic."""

    def __init__(self, most_unread: int = QUEUE_MESSAGES, most: int = MAX_SUBSCRIBERS) -> None:
        self._most_unread = most_unread
        self._most = most
        self._count = 0
        self._of: dict[str, list[Subscriber]] = {}

    def __contains__(self, topic: str) -> bool:
        return topic in self._of

    @contextmanager
    def subscribed(self, topic: str) -> Iterator[Subscriber]:
        """Yield a subscriber of `topic`, which ends with the context."""
        if self._count >= self._most:
            raise StateUnavailableError("too many subscribers")
        subscriber = Subscriber(topic, self._most_unread)
        self._of.setdefault(topic, []).append(subscriber)
        self._count += 1
        try:
            yield subscriber
        finally:
            self._count -= 1
            self._remove(topic, subscriber)

    def deliver(self, topic: str, message: bytes) -> None:
        """Queue `message` for every subscriber of `topic`; those that are full are dropped."""
        for subscriber in tuple(self._of.get(topic, ())):
            if not subscriber.offer(message):
                self._remove(topic, subscriber)

    def fail(self, error: StateUnavailableError) -> None:
        """End every subscriber of every topic."""
        for subscribers in self._of.values():
            for subscriber in subscribers:
                subscriber.end(error)
        self._of.clear()

    def _remove(self, topic: str, subscriber: Subscriber) -> None:
        of_topic = self._of.get(topic, [])
        if subscriber in of_topic:
            of_topic.remove(subscriber)
        if not of_topic:
            self._of.pop(topic, None)
