"""A running hub answers what its OpenAPI document says, whatever is sent.

`HUB_OPENAPI_EXAMPLES` asks for more than the gate does, and other ones each time (`make suites`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.demo import records
from hub.openapi.document import openapi
from hub.store.database import Database
from tests.running_hub import running_hub

pytest.importorskip("schemathesis", reason="pip install -e .[dev]")
from tests.generated_calls import Caller, SignedAuth, known_to

pytestmark = pytest.mark.integration
EXAMPLES = int(os.environ.get("HUB_OPENAPI_EXAMPLES", "0"))
EXAMPLES_OF_THE_GATE = 4
TYPES_OF_THE_GATE = () if EXAMPLES else ("OpeningHours",)
UNIVERSITY = ("records:push", "records:withdraw", "receipt:read", "catalogue:read")
OPERATOR = ("operator:clients", "operator:keys")
BEHIND_THE_GATE = (
    "/batches",
    "/files",
    "/mappings",
    "/quarantine",
    "/receipts",
    "/records",
    "/audit",
    "/clients/self",
)


@pytest.fixture
def keys() -> dict[str, SigningKey]:
    return {name: generate_key() for name in ("a-university", "an-operator", "a-victim", "a-loser")}


@pytest.fixture
def hub(database_url: str, tmp_path: Path, keys: dict[str, SigningKey]) -> Iterator[str]:
    with running_hub(database_url, tmp_path) as base:
        asyncio.run(_register(database_url, keys))
        yield base


async def _register(url: str, keys: dict[str, SigningKey]) -> None:
    party, source = records.UNIVERSITY, (records.SOURCE,)
    grants = {
        "a-university": ClientGrant(party, ClientKind.UNIVERSITY, UNIVERSITY, source),
        "an-operator": ClientGrant(party, ClientKind.OPERATOR, OPERATOR),
        "a-victim": ClientGrant(party, ClientKind.UNIVERSITY, UNIVERSITY, source),
        "a-loser": ClientGrant(party, ClientKind.UNIVERSITY, UNIVERSITY, source),
    }
    async with Database(url) as database:
        store = DatabaseClientStore(database)
        for name, grant in grants.items():
            asked = read_application(application_document(name, name, keys[name].public))
            await admit(store, asked, grant, system_clock())


def test_every_answer_is_one_that_the_document_states(
    hub: str, keys: dict[str, SigningKey], tmp_path: Path
) -> None:
    university = SignedAuth(hub, "a-university", keys["a-university"])
    operator = SignedAuth(hub, "an-operator", keys["an-operator"])
    auths = {**dict.fromkeys(BEHIND_THE_GATE, university), "/operator": operator}
    known: dict[str, Any] = {
        "source": [records.SOURCE],
        "entry": ["1", "2", "999"],
        "/operator/keys/{id}/revoke id": [keys["a-loser"].kid],
        "id": ["a-victim"],
        "kid": [keys["a-victim"].kid],
        "origin": ["hub.delta.example/records"],
        "rest": ["0/000.p/1", "entries/000.p/1", "0/x001/000"],
        "/standard/{name} name": ["hub.graphql", "openapi.json", "standard.md", "codes.json"],
        "/guide/{name} name": ["errors", "errors.md", "SECURITY"],
        "/explore/{name} name": ["explorer.js", "explorer.css", "page.html"],
    }
    caller = Caller(hub, auths, EXAMPLES or EXAMPLES_OF_THE_GATE)

    failures = caller.call_all(known_to(openapi(), known, TYPES_OF_THE_GATE), again=not EXAMPLES)

    seen = {name: sorted(each) for name, each in caller.statuses.items()}
    (tmp_path / "seen.txt").write_text(f"{caller.sent} {seen}", "utf-8")
    assert not failures, "\n\n".join(failures)
    reached = {name for name, statuses in caller.statuses.items() if statuses & {200, 201, 202}}
    assert {"POST /batches", "GET /audit", "GET /operator/clients", "GET /log/origins"} <= reached
    assert caller.sent >= 2 * EXAMPLES_OF_THE_GATE * len(caller.statuses) // 3
