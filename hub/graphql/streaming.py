"""`streaming`: operations that are answered more than once, whatever carries the answers.

- A subscription to `changes` gives pages of the change feed: the first at once, the next ones as
  there is something to tell. Each is what the query of the same name would answer at that moment,
  made by executing the operation with that page: rights, errors, audit and bounds are the same.
- Nothing is queued. The cursor of the last page that was taken is all that is remembered of a
  subscriber, so one that reads slowly holds up itself alone and gets larger pages.
- Rights are looked at again at least once a second: a token that has expired or was revoked ends
  the stream by a `TokenError`, other scopes by CURSOR_RESET, agreements show in the next page.
- An empty page comes now and then where entries were passed that its reader may not see, so that a
  cursor that is kept never falls far behind.
- Connections that stay open are counted, by client and in all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from secrets import token_hex

from hub.access.errors import AccessError
from hub.access.resource import Caller
from hub.errors import HubError, OverloadedError, RateLimitedError
from hub.exchange.limits import LOOK_ANYWAY_S
from hub.exchange.page import ChangePage, ChangesRequest, FollowChanges
from hub.exchange.watch import FeedWatch
from hub.graphql.limits import (
    CURSOR_KEPT_S,
    HEARTBEAT_S,
    PAGES_AT_ONCE,
    PLACE_RETRY_S,
    PLACES,
    PLACES_OF_ONE,
    RIGHTS_LOOK_S,
)
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine
from hub.query.answer.respond import Answer, refusal
from hub.watching.metrics import METRICS

HEARTBEAT = None
"""What a stream gives in place of an answer when it was silent for a while."""
Answers = AsyncGenerator[Answer | None, None]
CallerAgain = Callable[[Caller], Awaitable[Caller]]
"""Returns a caller as it stands now; `TokenError` when it may call no more."""


@dataclass(slots=True)
class _Follower:
    """One subscription: what it asks for, how far it is, and the page that is told next."""

    caller: Caller
    asked: ChangesRequest | None = None
    page: ChangePage | None = None

    @property
    def next_request(self) -> ChangesRequest:
        """The request for the page after the one that was told."""
        assert self.asked is not None and self.page is not None, "a first page was told"
        return replace(self.asked, caller=self.caller, after=self.page.end_cursor)


class ChangeStreams:
    """The operations of one process whose answers go out over connections that stay open."""

    def __init__(
        self, engine: Engine, again: CallerAgain, feed: FollowChanges, watch: FeedWatch
    ) -> None:
        self._engine = engine
        self._again = again
        self._feed = feed
        self._watch = watch
        self._reading = asyncio.Semaphore(PAGES_AT_ONCE)
        self._places: Counter[str] = Counter()
        self.is_ending = False
        """Whether the hub stops: streams end by themselves, so that nobody has to wait for them."""

    def end(self) -> None:
        """End all streams within a second; who followed comes back with his cursor."""
        self.is_ending = True

    @contextmanager
    def place(self, whose: str) -> Iterator[None]:
        """Take a place for a connection that stays open.

        Raises `RateLimitedError` where the caller has all of his, `OverloadedError` where none is
        left.
        """
        if self._places[whose] >= PLACES_OF_ONE:
            raise RateLimitedError(PLACE_RETRY_S)
        if self._places.total() >= PLACES:
            raise OverloadedError(PLACE_RETRY_S)
        self._places[whose] += 1
        METRICS.streams += 1
        try:
            yield
        finally:
            METRICS.streams -= 1
            self._places[whose] -= 1
            if not self._places[whose]:
                del self._places[whose]

    async def answers(self, request: GraphRequest, asking: Asking) -> Answers:
        """Yield the answers of an operation, and `HEARTBEAT` where there are none for a while.

        An answer with an error is the last one. Raises `TokenError` when the caller may call no
        more.
        """
        try:
            is_subscription = await self._engine.is_subscription(request, asking.caller)
        except HubError:
            is_subscription = False  # the engine says why
        if not is_subscription:
            yield await self._engine.answer(request, asking)
            return
        follower = _Follower(asking.caller)
        with self._watch.listening() as bell:
            while True:
                asking = replace(asking, caller=follower.caller)
                answer = await self._event(request, asking, follower)
                yield answer
                if answer.error is not None or follower.page is None:
                    return  # it ended, or its only field was skipped
                try:
                    async with aclosing(self._until_more(follower, bell)) as silences:
                        async for _ in silences:
                            yield HEARTBEAT
                except AccessError:
                    raise
                except HubError as error:
                    yield refusal(error, asking.language, token_hex(8))
                    return
                if self.is_ending:
                    return

    async def _event(self, request: GraphRequest, asking: Asking, follower: _Follower) -> Answer:
        async def told(asked: ChangesRequest) -> ChangePage:
            if follower.page is None:
                follower.asked = asked
                follower.page = await self._page(asked)
            return follower.page

        return await self._engine.answer(request, asking, told)

    async def _until_more(self, follower: _Follower, bell: asyncio.Event) -> AsyncGenerator[None]:
        """Wait until the follower has another page to tell; yield after each silent while."""
        loop = asyncio.get_running_loop()
        began = silent_since = loop.time()
        told = follower.page
        assert told is not None, "a first page was told"
        look_at = began + (told.retry_after_s or LOOK_ANYWAY_S)
        if told.has_more and not told.retry_after_s:
            bell.set()
        while not self.is_ending:
            with suppress(TimeoutError):
                async with asyncio.timeout(RIGHTS_LOOK_S):
                    await bell.wait()
            follower.caller = await self._again(follower.caller)
            now = loop.time()
            if bell.is_set() or now >= look_at:
                bell.clear()
                page = await self._page(follower.next_request)
                is_news = bool(page.changes or page.resync)
                if is_news or now - began >= CURSOR_KEPT_S:
                    follower.page = page
                    return
                follower.page = replace(told, end_cursor=page.end_cursor)
                look_at = now + (page.retry_after_s or LOOK_ANYWAY_S)
                if page.has_more and not page.retry_after_s:
                    bell.set()
            if now - silent_since >= HEARTBEAT_S:
                silent_since = now
                yield

    async def _page(self, asked: ChangesRequest) -> ChangePage:
        async with self._reading:
            return await self._feed(asked)
