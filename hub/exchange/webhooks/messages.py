"""`messages`: what webhooks are told; pure.

A message says which items to look at again and holds nothing of them: content is read from the hub,
by whoever may. Its cursor is one of the change feed: a receiver that missed messages reads on from
the last cursor that it has.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hub.exchange.page import ChangePage
from hub.exchange.webhooks.limits import RESYNC_MAX
from schema.dates import format_instant

CHANGES = "changes"
RESET = "changes.reset"
"""Drop what was mirrored and begin anew: what follows tells everything again."""
CHALLENGE = "webhook.challenge"
EVERYBODY = "*"
"""In place of owners in `resync`: what may be read of all of them may have changed."""


def changes_body(webhook_id: str, page: ChangePage, now: datetime) -> str:
    """Return the message of a page; owners that are too many are told as `EVERYBODY`."""
    owners = page.resync if len(page.resync) <= RESYNC_MAX else [EVERYBODY]
    return _body(
        CHANGES,
        webhook_id,
        now,
        cursor=page.end_cursor,
        hasMore=page.has_more,
        resync=owners,
        items=[
            {"kind": each.kind.value, "recordType": each.record_type, "id": each.item_id}
            for each in page.changes
        ],
    )


def reset_body(webhook_id: str, now: datetime, reason: str) -> str:
    """Return the message that everything begins anew; `reason`: the code of the refused cursor."""
    return _body(RESET, webhook_id, now, cursor=None, reason=reason)


def challenge_body(webhook_id: str, challenge: str, now: datetime) -> str:
    """Return the message that a receiver answers before it gets any other."""
    return _body(CHALLENGE, webhook_id, now, challenge=challenge)


def _body(kind: str, webhook_id: str, now: datetime, **members: Any) -> str:
    head = {"type": kind, "timestamp": format_instant(now), "webhookId": webhook_id}
    return json.dumps({**head, **members}, ensure_ascii=False, separators=(",", ":"))
