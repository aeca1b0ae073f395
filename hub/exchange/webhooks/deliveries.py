"""`deliveries`: hands changes to the webhooks of one hub.

- One worker of the hub delivers: whoever holds an advisory lock. Others try to get it, so that it
  goes over within seconds when that worker dies. A message is written before it is sent, so it is
  sent again, with the same `webhook-id`, by whoever delivers next: at least once.
- Each webhook has its own place in the change feed, and at most one attempt under way. Webhooks
  whose last attempt failed share a lane of their own: they wait for each other, nobody for them.
- A page is read by the present rights of the client, as if it asked itself with the scopes that its
  webhook was registered with; what it is told is audited like any other page.
- A page that there is nothing to tell of moves the cursor alone.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg

from hub.access.clients import ClientDirectory, ClientStatus
from hub.access.resource import Caller, caller_of
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit
from hub.crypto.keys import SigningKey
from hub.errors import ErrorCode, HubError, RefusedError
from hub.exchange.limits import LOOK_ANYWAY_S
from hub.exchange.page import ChangePage, ChangesRequest
from hub.exchange.service import ChangeFeed
from hub.exchange.told import protected_in
from hub.exchange.watch import FeedWatch
from hub.exchange.webhooks.limits import (
    DEAD_MAX,
    FORGET_S,
    ITEMS_MAX,
    LEAD_RETRY_S,
    LOOK_S,
    PAGES_AT_ONCE,
    QUICK_AT_ONCE,
    SLOW_AT_ONCE,
)
from hub.exchange.webhooks.messages import changes_body, reset_body
from hub.exchange.webhooks.retries import next_attempt
from hub.exchange.webhooks.sending import DeliveryOutcome, WebhookSender
from hub.exchange.webhooks.signing import new_message_id, signed_headers
from hub.store.copying import Connection
from hub.store.locks import SessionLock
from hub.store.webhooks import (
    ActiveWebhook,
    MessageState,
    Webhook,
    WebhookMessage,
    WebhookState,
    active_webhooks,
    add_message,
    due_message,
    find_webhook,
    forget_ownerless,
    has_turn,
    note_fault,
    pass_over,
    settle_message,
)
from hub.watching.metrics import METRICS

SCOPE = "changes:read"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """The parts of the hub that deliveries use."""

    feed: ChangeFeed
    watch: FeedWatch
    clients: ClientDirectory
    audit: Audit
    sender: WebhookSender
    signing: Callable[[], SigningKey]
    """Gives the key that signs for the hub now."""


@dataclass(slots=True)
class _Turn:
    """What this worker knows of a webhook beside its row."""

    task: asyncio.Task[None] | None = None
    look_at: float = 0.0
    """When its place in the feed is read again, by the event loop's clock."""

    @property
    def is_under_way(self) -> bool:
        return self.task is not None and not self.task.done()


class WebhookDeliveries:
    """What delivers, in whichever worker holds the lock."""

    def __init__(self, parts: DeliveryParts) -> None:
        self._parts = parts
        self._database = parts.feed.database
        self._clock = parts.feed.clock
        self._turns: dict[str, _Turn] = {}
        self._reading = asyncio.Semaphore(PAGES_AT_ONCE)
        self._quick = asyncio.Semaphore(QUICK_AT_ONCE)
        self._slow = asyncio.Semaphore(SLOW_AT_ONCE)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver, or wait to, until `stop` is set."""
        try:
            while not stop.is_set():
                try:
                    async with self._leading() as lock:
                        if lock is not None:
                            await self._lead(lock, stop)
                except (HubError, psycopg.Error, OSError) as error:
                    _LOG.warning("webhooks: %s", type(error).__name__)
                await _pause(stop, LEAD_RETRY_S)
        finally:
            await self._parts.sender.aclose()

    @asynccontextmanager
    async def _leading(self) -> AsyncIterator[Connection | None]:
        """Give the connection that holds the lock, or None where another worker has it.

        It is no pooled one: only its end gives the lock back, whatever happens meanwhile.
        """
        connection = await self._database.writes.connect()
        try:
            cursor = await connection.execute(
                "SELECT pg_try_advisory_lock(%s)", (SessionLock.WEBHOOKS.value,)
            )
            row = await cursor.fetchone()
            yield connection if row is not None and row[0] else None
        finally:
            await connection.close()

    async def _lead(self, lock: Connection, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        forget_at = 0.0
        try:
            with self._parts.watch.listening() as bell:
                while not stop.is_set():
                    await lock.execute("SELECT 1")  # raises where the lock is lost
                    if loop.time() >= forget_at:
                        await forget_ownerless(self._database)
                        forget_at = loop.time() + FORGET_S
                    if bell.is_set():
                        bell.clear()
                        for turn in self._turns.values():
                            turn.look_at = 0.0
                    await self._begin_due()
                    await _pause(stop, LOOK_S, bell)
        finally:
            tasks = [each.task for each in self._turns.values() if each.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._turns.clear()

    async def _begin_due(self) -> None:
        """Begin the turns of the webhooks for which something is due."""
        now, at = self._clock(), asyncio.get_running_loop().time()
        active = {each.webhook.webhook_id: each for each in await active_webhooks(self._database)}
        for name in [each for each in self._turns if each not in active]:
            if not self._turns[name].is_under_way:
                del self._turns[name]
        for name, each in active.items():
            turn = self._turns.setdefault(name, _Turn())
            if not turn.is_under_way and _is_due(each, turn, now, at):
                turn.task = asyncio.create_task(self._whole_turn(name, turn), name="webhook")

    async def _whole_turn(self, name: str, turn: _Turn) -> None:
        try:
            while await self._step(name, turn):
                pass
        except (HubError, psycopg.Error) as error:
            _LOG.warning("webhook %s: %s", name, type(error).__name__)
        except Exception:  # noqa: BLE001 - outermost: one webhook stops no other
            _LOG.exception("webhook %s: delivering failed", name)
            turn.look_at = asyncio.get_running_loop().time() + LOOK_ANYWAY_S

    async def _step(self, name: str, turn: _Turn) -> bool:
        """Deliver the message that is due, or make the next one; False: nothing more at present."""
        database, now = self._database, self._clock()
        webhook = await find_webhook(database, name)
        if webhook is None or webhook.state is not WebhookState.ACTIVE:
            return False
        message = await due_message(database, name, now)
        if message is not None:
            return await self._deliver(webhook, message)
        at = asyncio.get_running_loop().time()
        if at < turn.look_at or await has_turn(database, name):
            return False
        turn.look_at = at + LOOK_ANYWAY_S
        return await self._make(webhook, turn)

    # -- making a message ----------------------------------------------------------------------

    async def _make(self, webhook: Webhook, turn: _Turn) -> bool:
        """Read the next page of a webhook; return whether there may be more to do at once."""
        caller = await self._caller(webhook)
        if caller is None:
            return False
        asked = ChangesRequest(
            caller=caller,
            after=webhook.cursor,
            types=None if webhook.types is None else frozenset(webhook.types),
            owner=webhook.owner,
            first=ITEMS_MAX,
        )
        try:
            async with self._reading:
                page = await self._parts.feed.page(asked)
        except RefusedError as error:
            if webhook.cursor is None:
                raise
            turn.look_at = 0.0
            return await self._add(
                webhook, reset_body(webhook.webhook_id, self._clock(), error.code.name), None
            )
        if page.retry_after_s:
            turn.look_at = asyncio.get_running_loop().time() + page.retry_after_s
        elif page.has_more:
            turn.look_at = 0.0
        if not page.changes and not page.resync:
            await pass_over(self._database, webhook.webhook_id, webhook.cursor, page.end_cursor)
            return page.has_more and not page.retry_after_s
        return await self._tell(webhook, caller, page)

    async def _tell(self, webhook: Webhook, caller: Caller, page: ChangePage) -> bool:
        """Write the message of a page, after the audit says what it tells."""
        now = self._clock()
        request = ReadRequest(
            caller=caller,
            grants=await self._parts.feed.agreements.of(caller.party),
            at=now,
            request_id=webhook.webhook_id,
            action="webhook",
        )
        registry = self._database.records.registry
        await self._parts.audit.note(request, protected_in(registry, page.changes))
        return await self._add(
            webhook, changes_body(webhook.webhook_id, page, now), page.end_cursor
        )

    async def _add(self, webhook: Webhook, body: str, cursor: str | None) -> bool:
        now = self._clock()
        message = WebhookMessage(
            message_id=new_message_id(),
            webhook_id=webhook.webhook_id,
            body=body,
            state=MessageState.WAITING,
            in_turn=True,
            attempts=0,
            fault=None,
            made_at=now,
            next_at=now,
            ended_at=None,
        )
        return await add_message(self._database, message, webhook.cursor, cursor)

    async def _caller(self, webhook: Webhook) -> Caller | None:
        """Return the client of a webhook as it stands now, or None while it may not follow."""
        client = await self._parts.clients.get(webhook.client_id)
        fault = ErrorCode.FORBIDDEN
        if client is not None and client.status is ClientStatus.ACTIVE:
            caller = caller_of(client, webhook.scopes, self._clock())
            if SCOPE in caller.scopes:
                return caller
            fault = ErrorCode.SCOPE_MISSING
        if webhook.fault != fault.name:
            await note_fault(self._database, webhook.webhook_id, fault.name)
        return None

    # -- delivering it -------------------------------------------------------------------------

    async def _deliver(self, webhook: Webhook, message: WebhookMessage) -> bool:
        """Try once; return whether it was delivered."""
        lane = self._slow if message.attempts or webhook.dead else self._quick
        async with lane:
            outcome = await self._attempt(webhook, message)
        METRICS.delivered(outcome.fault or "delivered")
        now, attempts = self._clock(), message.attempts + 1
        if outcome.fault is None:
            settled = replace(message, state=MessageState.DELIVERED, ended_at=now, fault=None)
        else:
            chance = random.random()  # noqa: S311 - the length of a pause
            again = next_attempt(attempts, message.made_at, now, chance, outcome.retry_after_s)
            settled = replace(message, fault=outcome.fault, next_at=again)
            if again is None or outcome.is_gone:
                settled = replace(settled, state=MessageState.DEAD, ended_at=now)
        if settled.ended_at is not None:
            settled = replace(settled, next_at=None)
        await settle_message(
            self._database,
            replace(settled, attempts=attempts),
            now,
            stops=outcome.is_gone,
            dead_max=DEAD_MAX,
        )
        return outcome.fault is None

    async def _attempt(self, webhook: Webhook, message: WebhookMessage) -> DeliveryOutcome:
        now, body = self._clock(), message.body.encode()
        headers = signed_headers(
            webhook.url,
            message.message_id,
            body,
            secrets=webhook.secrets(now),
            key=self._parts.signing(),
            now=now,
        )
        return await self._parts.sender.post(webhook.url, headers, body)


def _is_due(each: ActiveWebhook, turn: _Turn, now: datetime, at: float) -> bool:
    """Whether a webhook has a message to send, or the feed may have one for it."""
    if each.next_at is not None and each.next_at <= now:
        return True
    return not each.has_turn and at >= turn.look_at


async def _pause(stop: asyncio.Event, seconds: float, bell: asyncio.Event | None = None) -> None:
    """Wait for a while, until `stop` is set or the bell rings."""
    waits = [asyncio.create_task(each.wait()) for each in (stop, bell) if each is not None]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
