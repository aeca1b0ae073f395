"""What a caller may not read is looked for with the same statements as what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError, HubClient
from hub.watching import notes, requests
from tests.integration.app.conftest import UNIVERSITY, World
from tests.integration.app.test_proofs import WRITES, entry, service

pytestmark = pytest.mark.integration
STRANGER = "uscc:91110000600037341L"
ABSENT = "999999"
OF_RECORDS = re.compile(r"\b\w+_source\b(?= WHERE source)")
ASK = "query Q($id: ID!) { receipt(entryId: $id) { state } }"
ASK_REVISION = "query Q($id: String!) { receipt(revisionId: $id) { state } }"


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note the statements of reading about entries; others are repeated when a cache is old.

    Only of requests that begin meanwhile: the hub follows its feed beside them, and what an earlier
    request began may still run.
    """
    seen: list[str] = []
    begun: list[notes.RequestNotes] = []
    execute, begin = psycopg.AsyncCursor.execute, requests.begin

    def begins(request: notes.RequestNotes) -> None:
        begun.append(request)
        begin(request)

    async def noted(self, query, *rest, **options):
        text = query if isinstance(query, str) else query.decode()
        if not any(each is notes.current() for each in begun):
            return await execute(self, query, *rest, **options)
        if "default_transaction_read_only=on" in self.connection.info.get_parameters()["options"]:
            named = OF_RECORDS.sub("the table", text)
            if "entry" in named:
                seen.append(named)
        return await execute(self, query, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.AsyncCursor, "execute", noted)
        patched.setattr(requests, "begin", begins)
        yield seen


async def stranger(world: World) -> HubClient:
    scopes = ("receipt:read", "catalogue:read", "graphql:adhoc")
    return await world.register("stranger", STRANGER, ClientKind.PARTNER, scopes)


async def pushed(world: World) -> tuple[str, str]:
    client = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, WRITES, "zju-push")
    answer = await client.push([service()], source="zju-push")
    return entry(answer), str(answer.body["rows"][0]["revisionId"])


@pytest.mark.parametrize("what", ["receipt", "record"])
async def test_forbidden_and_absent_entries_are_looked_for_alike(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    number, _ = await pushed(world)
    client = await stranger(world)
    statements, answers = [], []
    for asked in (ABSENT, number, ABSENT, number):  # the first of them fill caches
        with recorded(monkeypatch) as seen, pytest.raises(CallRefusedError) as refused:
            await getattr(client, what)(asked)
        statements.append(seen)
        answers.append((refused.value.status, refused.value.code, str(refused.value)))
    assert statements[2] == statements[3] != []
    assert answers[0] == answers[1] == (404, "NOT_FOUND", answers[0][2])


async def test_graphql_looks_for_both_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number, revision = await pushed(world)
    client = await stranger(world)
    unknown = revision[:-6] + "AAAAAA"[: len(revision[-6:])]
    for document, absent, forbidden in (
        (ASK, ABSENT, number), (ASK_REVISION, unknown, revision)
    ):  # fmt: skip
        statements = []
        for asked in (absent, forbidden, absent, forbidden):
            with recorded(monkeypatch) as seen:
                answer = await client.query(document, {"id": asked})
            assert answer["data"]["receipt"] is None, answer
            statements.append(seen)
        assert statements[2] == statements[3] != []
