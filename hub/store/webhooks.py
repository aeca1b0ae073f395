"""`webhooks`: what is kept of webhooks and of the messages on their way to them.

- A message is written, and the cursor of its webhook moved past it, in one transaction before it is
  sent. What is after the cursor is in the change feed, so nothing has to be queued anywhere else.
- At most one message of a webhook is in turn: the next one is made when it was delivered or died.
- Delivered and dead messages are kept for a while, so that they can be sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum, unique

from hub.errors import ErrorCode, RefusedError
from hub.store.database import Database

WEBHOOKS_OF_ONE = 10
"""Webhooks of one client."""
WEBHOOKS_MAX = 1_000
"""Webhooks of one hub."""
MESSAGES_KEPT = 100
"""Delivered messages of a webhook that are kept, and as many dead ones."""


@unique
class WebhookState(StrEnum):
    """What is done for a webhook."""

    PENDING = "PENDING"
    """Nothing until it has answered a challenge."""
    ACTIVE = "ACTIVE"
    STOPPED = "STOPPED"
    """Nothing any more: it said that it is gone, or too many messages died in turn."""


@unique
class MessageState(StrEnum):
    """What became of a message."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """An address to which changes are delivered; see `hub.store.webhook_tables`."""

    webhook_id: str
    client_id: str
    url: str
    types: Sequence[str] | None
    owner: str | None
    scopes: Sequence[str]
    state: WebhookState
    secret: str
    former_secret: str | None
    former_until: datetime | None
    cursor: str | None
    dead: int
    fault: str | None
    created_at: datetime
    tried_at: datetime | None

    def secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign now, the present one first."""
        live = [self.secret]
        if self.former_secret and self.former_until and now < self.former_until:
            live.append(self.former_secret)
        return live


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookMessage:
    """A message to a webhook; see `hub.store.webhook_tables`."""

    message_id: str
    webhook_id: str
    body: str
    state: MessageState
    in_turn: bool
    attempts: int
    fault: str | None
    made_at: datetime
    next_at: datetime | None
    ended_at: datetime | None


_WEBHOOK = ", ".join(each.name for each in fields(Webhook))
_MESSAGE = ", ".join(each.name for each in fields(WebhookMessage))


def _webhook(row: Sequence[object]) -> Webhook:
    facts = dict(zip((each.name for each in fields(Webhook)), row, strict=True))
    return Webhook(**{**facts, "state": WebhookState(facts["state"])})  # type: ignore[arg-type]


def _message(row: Sequence[object]) -> WebhookMessage:
    facts = dict(zip((each.name for each in fields(WebhookMessage)), row, strict=True))
    return WebhookMessage(**{**facts, "state": MessageState(facts["state"])})  # type: ignore[arg-type]


async def add_webhook(database: Database, made: Webhook) -> None:
    """Keep a new webhook; RefusedError CONFLICT for too many, or the same address again."""
    async with database.writes.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('webhook', 0))")
        cursor = await connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE client_id = %(client)s), "
            "count(*) FILTER (WHERE client_id = %(client)s AND url = %(url)s) FROM webhook",
            {"client": made.client_id, "url": made.url},
        )
        in_all, own, same = await cursor.fetchone() or (0, 0, 0)
        if same:
            raise RefusedError(
                ErrorCode.CONFLICT,
                hint="This address is a webhook of the client already; remove it first.",
                hint_zh="该地址已是本接入方的 webhook；请先删除。",
            )
        if own >= WEBHOOKS_OF_ONE or in_all >= WEBHOOKS_MAX:
            raise RefusedError(
                ErrorCode.CONFLICT,
                hint=f"At most {WEBHOOKS_OF_ONE} webhooks of a client, {WEBHOOKS_MAX} of a hub.",
                hint_zh=f"一个接入方至多 {WEBHOOKS_OF_ONE} 个，全平台至多 {WEBHOOKS_MAX} 个。",
            )
        values = [getattr(made, each.name) for each in fields(Webhook)]
        await connection.execute(
            f"INSERT INTO webhook ({_WEBHOOK}) VALUES ({', '.join(['%s'] * len(values))})",  # noqa: S608 - own names
            values,
        )


async def webhooks_of(database: Database, client_id: str) -> list[Webhook]:
    """Return the webhooks of a client, oldest first."""
    rows = await database.writes.fetch_all(
        f"SELECT {_WEBHOOK} FROM webhook WHERE client_id = %s ORDER BY created_at, webhook_id",  # noqa: S608 - own names
        (client_id,),
    )
    return [_webhook(row) for row in rows]


async def find_webhook(database: Database, webhook_id: str) -> Webhook | None:
    """Return a webhook, whosever it is."""
    rows = await database.writes.fetch_all(
        f"SELECT {_WEBHOOK} FROM webhook WHERE webhook_id = %s",  # noqa: S608 - own names
        (webhook_id,),
    )
    return _webhook(rows[0]) if rows else None


async def list_webhooks(database: Database) -> list[Webhook]:
    """Return every webhook of the hub, by client."""
    rows = await database.writes.fetch_all(
        f"SELECT {_WEBHOOK} FROM webhook ORDER BY client_id, created_at LIMIT %s",  # noqa: S608 - own names
        (WEBHOOKS_MAX,),
    )
    return [_webhook(row) for row in rows]


async def remove_webhook(database: Database, webhook_id: str) -> None:
    """Forget a webhook and its messages."""
    async with database.writes.transaction() as connection:
        await connection.execute("DELETE FROM webhook_message WHERE webhook_id = %s", (webhook_id,))
        await connection.execute("DELETE FROM webhook WHERE webhook_id = %s", (webhook_id,))


async def forget_ownerless(database: Database) -> None:
    """Forget the webhooks of clients that are not there any more, and their messages."""
    async with database.writes.transaction() as connection:
        await connection.execute(
            "DELETE FROM webhook w WHERE NOT EXISTS (SELECT FROM client c "
            "WHERE c.client_id = w.client_id AND c.status <> 'REMOVED')"
        )
        await connection.execute(
            "DELETE FROM webhook_message m WHERE NOT EXISTS (SELECT FROM webhook w "
            "WHERE w.webhook_id = m.webhook_id)"
        )


async def activate(database: Database, webhook_id: str) -> None:
    """Begin to deliver to a webhook, or go on."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE webhook SET state = %s, dead = 0, fault = NULL WHERE webhook_id = %s",
            (WebhookState.ACTIVE, webhook_id),
        )


async def renew_secret(
    database: Database, webhook_id: str, secret: str, former_until: datetime
) -> None:
    """Give a webhook another secret; the present one signs beside it for a while."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE webhook SET former_secret = secret, former_until = %s, secret = %s "
            "WHERE webhook_id = %s",
            (former_until, secret, webhook_id),
        )


async def note_fault(database: Database, webhook_id: str, fault: str | None) -> None:
    """Note why nothing can be delivered to a webhook at present."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE webhook SET fault = %s WHERE webhook_id = %s", (fault, webhook_id)
        )


@dataclass(frozen=True, slots=True)
class ActiveWebhook:
    """A webhook that is delivered to: when its next message is due, and whether one is in turn."""

    webhook: Webhook
    next_at: datetime | None
    has_turn: bool
    """Whether no further message may be made for it."""


async def active_webhooks(database: Database) -> list[ActiveWebhook]:
    """Return what is delivered to."""
    names = ", ".join(f"w.{each.name}" for each in fields(Webhook))
    rows = await database.writes.fetch_all(
        f"SELECT {names}, min(m.next_at), coalesce(bool_or(m.in_turn), false) FROM webhook w "  # noqa: S608 - own names
        "LEFT JOIN webhook_message m ON m.webhook_id = w.webhook_id AND m.state = %s "
        "WHERE w.state = %s GROUP BY w.webhook_id LIMIT %s",
        (MessageState.WAITING, WebhookState.ACTIVE, WEBHOOKS_MAX),
    )
    return [ActiveWebhook(_webhook(row[:-2]), row[-2], row[-1]) for row in rows]


async def add_message(
    database: Database, message: WebhookMessage, former: str | None, cursor: str | None
) -> bool:
    """Keep a message and move its webhook past it; False where the webhook is not there any more.

    `former`: the cursor that the message was made from; another one means that somebody else made
    it.
    """
    async with database.writes.transaction() as connection:
        moved = await connection.execute(
            "UPDATE webhook SET cursor = %s, fault = NULL WHERE webhook_id = %s "
            "AND cursor IS NOT DISTINCT FROM %s",
            (cursor, message.webhook_id, former),
        )
        if not moved.rowcount:
            return False
        values = [getattr(message, each.name) for each in fields(WebhookMessage)]
        await connection.execute(
            f"INSERT INTO webhook_message ({_MESSAGE}) VALUES ({', '.join(['%s'] * len(values))})",  # noqa: S608 - own names
            values,
        )
    return True


async def pass_over(
    database: Database, webhook_id: str, former: str | None, cursor: str | None
) -> None:
    """Move a webhook past entries that there is nothing to tell of."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE webhook SET cursor = %s WHERE webhook_id = %s "
            "AND cursor IS NOT DISTINCT FROM %s",
            (cursor, webhook_id, former),
        )


async def due_message(database: Database, webhook_id: str, now: datetime) -> WebhookMessage | None:
    """Return the message of a webhook that is to be sent now, or None."""
    rows = await database.writes.fetch_all(
        f"SELECT {_MESSAGE} FROM webhook_message WHERE webhook_id = %s AND state = %s "  # noqa: S608 - own names
        "AND next_at <= %s ORDER BY next_at, message_id LIMIT 1",
        (webhook_id, MessageState.WAITING, now),
    )
    return _message(rows[0]) if rows else None


async def has_turn(database: Database, webhook_id: str) -> bool:
    """Whether a message of a webhook is in turn, so that no further one may be made."""
    rows = await database.writes.fetch_all(
        "SELECT FROM webhook_message WHERE webhook_id = %s AND state = %s AND in_turn LIMIT 1",
        (webhook_id, MessageState.WAITING),
    )
    return bool(rows)


async def settle_message(
    database: Database, settled: WebhookMessage, now: datetime, *, stops: bool, dead_max: int
) -> None:
    """Write down what became of an attempt; keep the newest of the messages that have ended.

    `stops`: nothing more is delivered to the webhook; so it is after `dead_max` deaths in turn.
    """
    async with database.writes.transaction() as connection:
        await connection.execute(
            "UPDATE webhook_message SET state = %s, attempts = %s, fault = %s, next_at = %s, "
            "ended_at = %s WHERE message_id = %s",
            (
                *(settled.state, settled.attempts, settled.fault),
                *(settled.next_at, settled.ended_at, settled.message_id),
            ),
        )
        dead = int(settled.state is MessageState.DEAD)
        await connection.execute(
            "UPDATE webhook SET tried_at = %s, fault = %s, "
            "dead = CASE WHEN %s = 'DELIVERED' THEN 0 ELSE dead + %s END, "
            "state = CASE WHEN state = 'ACTIVE' AND (%s OR dead + %s >= %s) THEN 'STOPPED' "
            "ELSE state END WHERE webhook_id = %s",
            (
                *(now, settled.fault, settled.state, dead, stops, dead, dead_max),
                settled.webhook_id,
            ),
        )
        if settled.ended_at is not None:
            await connection.execute(
                "DELETE FROM webhook_message WHERE message_id IN ("
                "SELECT message_id FROM webhook_message WHERE webhook_id = %s AND state = %s "
                "ORDER BY ended_at DESC, message_id OFFSET %s)",
                (settled.webhook_id, settled.state, MESSAGES_KEPT),
            )


async def messages_of(
    database: Database, webhook_id: str, states: Collection[MessageState] = tuple(MessageState)
) -> list[WebhookMessage]:
    """Return the messages of a webhook that are kept, newest first."""
    rows = await database.writes.fetch_all(
        f"SELECT {_MESSAGE} FROM webhook_message WHERE webhook_id = %s AND state = ANY(%s) "  # noqa: S608 - own names
        "ORDER BY made_at DESC, message_id LIMIT %s",
        (webhook_id, [each.value for each in states], 2 * MESSAGES_KEPT + 1),
    )
    return [_message(row) for row in rows]


async def replay_messages(
    database: Database, webhook_id: str, message_id: str | None, now: datetime
) -> int:
    """Send a message again, or all dead ones; return how many. Nobody waits for them."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            "UPDATE webhook_message SET state = %s, in_turn = false, attempts = 0, fault = NULL, "
            "made_at = %s, next_at = %s, ended_at = NULL WHERE webhook_id = %s AND "
            "CASE WHEN %s::text IS NULL THEN state = 'DEAD' "
            "ELSE message_id = %s AND state <> 'WAITING' END",
            (MessageState.WAITING, now, now, webhook_id, message_id, message_id),
        )
    return cursor.rowcount
