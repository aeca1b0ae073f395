"""`messages`: what webhooks are told; pure.

A message says which items to look at again and holds nothing of them: content is read from the hub,
by whoever may. Its cursor is one of the change feed: a receiver that missed messages reads on from
the last cursor that it has.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hub.errors import ErrorCode
from hub.exchange.page import ChangePage
from hub.exchange.webhooks.limits import BODY_BYTES_MAX
from schema.dates import format_instant

CHANGES = "changes"
RESET = "changes.reset"
"""Drop what was mirrored and begin anew: what follows tells everything again."""
CHALLENGE = "webhook.challenge"


def changes_body(webhook_id: str, page: ChangePage, now: datetime) -> str | None:
    """Return the message of a page; None where it would be too long, so that a reset is shorter."""
    body = _body(
        CHANGES,
        webhook_id,
        now,
        cursor=page.end_cursor,
        hasMore=page.has_more,
        resync=page.resync,
        items=[
            {"kind": each.kind.value, "recordType": each.record_type, "id": each.item_id}
            for each in page.changes
        ],
    )
    return body if len(body.encode()) <= BODY_BYTES_MAX else None


def reset_body(webhook_id: str, now: datetime, reason: str = ErrorCode.CURSOR_RESET.name) -> str:
    """Return the message that everything begins anew."""
    return _body(RESET, webhook_id, now, cursor=None, reason=reason)


def challenge_body(webhook_id: str, challenge: str, now: datetime) -> str:
    """Return the message that a receiver answers before it gets any other."""
    return _body(CHALLENGE, webhook_id, now, challenge=challenge)


def _body(kind: str, webhook_id: str, now: datetime, **members: Any) -> str:
    head = {"type": kind, "timestamp": format_instant(now), "webhookId": webhook_id}
    return json.dumps({**head, **members}, ensure_ascii=False, separators=(",", ":"))
