"""What the audit says where a hub asks for somebody: at the hub that is asked, and at the other."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.access.clients import ClientKind
from hub.access.grants import PartyGrants
from hub.access.relay import Relay
from hub.access.requester import Requester
from hub.access.resource import Caller
from hub.audit.protected import ProtectedRead
from hub.audit.rows import AuditKind, ReadRequest, errand_row, read_row
from hub.audit.service import seen_by

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
OWNER, HUB = "moe:10335", "moe:10358"
SAID = Requester("reader", "moe:1", ("hub-shanghai",))
PEER = Caller("hub-shanghai", HUB, ClientKind.PEER, frozenset(), requester=SAID)
RELAY = Relay(via=("hub.sh.example/records",), request_id="0123456789abcdef", left_s=1.0)
FOR = {
    "subject": "reader",
    "party": "moe:1",
    "by": ["hub-shanghai"],
    "request": "0123456789abcdef",
    "via": ["hub.sh.example/records"],
}


def request(caller: Caller = PEER) -> ReadRequest:
    grants = PartyGrants(caller.party)
    return ReadRequest(
        caller=caller, grants=grants, at=NOW, request_id="r", action="graphql", relay=RELAY
    )


def test_a_request_for_somebody_is_a_row_though_it_read_nothing_protected() -> None:
    row = read_row(request(), [])
    assert row is not None
    assert (row.kind, row.client_id, row.detail) == (AuditKind.RELAY, "hub-shanghai", {"for": FOR})


def test_what_was_read_for_somebody_says_for_whom_also_to_the_owner() -> None:
    row = read_row(request(), [ProtectedRead("L3", "service:read", "use_1", OWNER)])
    assert row is not None
    assert row.kind is AuditKind.READ
    seen = seen_by(OWNER, row)
    assert (seen.detail["for"], len(seen.detail["reads"])) == (FOR, 1)


def test_who_asks_for_himself_and_reads_nothing_protected_leaves_no_row() -> None:
    assert read_row(request(Caller("reader", "moe:1", ClientKind.PARTNER, frozenset())), []) is None


def test_a_question_to_another_hub_names_who_wants_it_and_for_whom() -> None:
    own = Caller("reader", "moe:1", ClientKind.PARTNER, frozenset())
    row = errand_row(own, NOW, "ask zhejiang", "n", {"hub": "zhejiang"})
    assert (row.kind, row.client_id, row.party) == (AuditKind.RELAY, "reader", "moe:1")
    assert row.detail == {"hub": "zhejiang"}
    told = errand_row(PEER, NOW, "ask anhui", "n", {}).detail["for"]
    assert (told["subject"], told["by"]) == ("reader", ["hub-shanghai"])
