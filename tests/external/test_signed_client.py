"""Profile hub-sig-1 in another language: a client that was written from its page alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.demo import records
from hub.store.database import Database
from tests.node_tools import node_alone
from tests.running_hub import running_hub

pytestmark = [pytest.mark.external, pytest.mark.integration]

CLIENT = "written-from-the-page"
SCOPES = ("catalogue:read", "records:push", "receipt:read")
ROW = {
    "institutionKey": records.UNIVERSITY,
    "localNo": "HUB-SIG-1-A",
    "name": {"zh": "签名推送的仪器"},
    "status": "IN_SERVICE",
}


@pytest.fixture
def met(database_url: str, tmp_path: Path) -> dict[str, Any]:
    """What the client met."""
    tools = node_alone(Path(__file__).parent)
    with running_hub(database_url, tmp_path) as hub:
        made = tools.node("signed_client.mjs", "new", CLIENT, str(tmp_path))
        assert made.returncode == 0, made.stderr
        asyncio.run(
            _register(database_url, json.loads((tmp_path / "registration.json").read_text()))
        )
        key, rows = tmp_path / "key.pem", tmp_path / "rows.ndjson"
        rows.write_text(json.dumps({"type": "Instrument", "record": ROW}) + "\n", "utf-8")
        arguments = (hub, CLIENT, str(key), records.SOURCE, str(rows))
        done = tools.node("signed_client.mjs", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _register(url: str, document: dict[str, Any]) -> None:
    """Register the client for the university, as an operator does with its document."""
    grant = ClientGrant(records.UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, (records.SOURCE,))
    async with Database(url) as database:
        store = DatabaseClientStore(database)
        await admit(store, read_application(document), grant, system_clock())


def test_a_client_in_node_pushes_reads_and_verifies_by_the_text_of_the_profile(
    met: dict[str, Any],
) -> None:
    assert met["thumbprints"]
    pushed = met["pushed"]
    assert (pushed["status"], pushed["wrong"]) == (200, None)
    assert [row["outcome"] for row in pushed["body"]["rows"]] == ["ACCEPTED"]
    assert met["again"] == {"wrong": None, "replayed": True}
    assert met["otherBody"] == {"status": 422, "wrong": None, "code": "IDEMPOTENCY_CONFLICT"}
    record = met["record"]
    assert (record["status"], record["wrong"]) == (200, None)
    assert record["body"]["localNo"] == ROW["localNo"]

    # An answer that is not what the hub signed is not believed.
    assert met["flippedBody"] == "digest"
    assert met["otherStatus"] == met["otherRequest"] == "signature"
    # A request that is not what the client signed is refused.
    assert met["changedOnTheWay"] == {
        "body": "SIG_DIGEST_MISMATCH",
        "signature": "SIG_INVALID",
        "unsigned": "SIG_MISSING",
    }

    asked = met["asked"]
    assert (asked["status"], asked["wrong"]) == (200, None)
    assert asked["body"]["data"]["serviceInfo"]["version"]
    assert met["refused"] == {"status": 404, "wrong": None, "code": "NOT_FOUND"}
    # The scope is asked for before the signature: this refusal comes unsigned.
    expected = {"status": 403, "wrong": "no signature", "code": "SCOPE_MISSING"}
    assert met["forbidden"] == expected
