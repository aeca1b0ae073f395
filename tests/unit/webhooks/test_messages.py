"""What a message says: which items to look at, and nothing of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hub.exchange.page import Change, ChangeKind, ChangePage, Header
from hub.exchange.webhooks.limits import RESYNC_MAX
from hub.exchange.webhooks.messages import changes_body, reset_body

NOW = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)


def page(*owners: str) -> ChangePage:
    header = Header(
        key="moe:10335/7",
        owner="moe:10335",
        source="s",
        revision=1,
        entry_id=1,
        accepted_at=NOW,
        withdrawn=False,
    )
    change = Change(kind=ChangeKind.CHANGED, record_type="X", item_id="i1", header=header)
    return ChangePage(changes=[change], resync=list(owners), end_cursor="c", has_more=True)


def test_a_message_names_items_without_key_owner_or_content() -> None:
    assert json.loads(changes_body("wh_1", page("moe:1"), NOW)) == {
        "type": "changes",
        "timestamp": "2026-12-31T16:00:00Z",
        "webhookId": "wh_1",
        "cursor": "c",
        "hasMore": True,
        "resync": ["moe:1"],
        "items": [{"kind": "CHANGED", "recordType": "X", "id": "i1"}],
    }


def test_too_many_owners_are_told_as_all() -> None:
    owners = [f"moe:{number}" for number in range(RESYNC_MAX + 1)]
    assert json.loads(changes_body("wh_1", page(*owners), NOW))["resync"] == ["*"]
    assert json.loads(changes_body("wh_1", page(*owners[1:]), NOW))["resync"] == owners[1:]


def test_a_reset_has_no_cursor() -> None:
    said = json.loads(reset_body("wh_1", NOW, "CURSOR_RESET"))
    assert (said["type"], said["cursor"], said["reason"]) == (
        *("changes.reset", None, "CURSOR_RESET"),
    )
