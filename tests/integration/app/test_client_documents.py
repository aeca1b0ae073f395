"""A client registers documents for itself and runs them by their ids; nobody else can."""

from __future__ import annotations

from hashlib import sha256

import pytest

from hub.access.clients import ClientKind, ClientStatus
from hub.access.store import DatabaseClientStore
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.graphql import documents as known
from hub.graphql.documents_endpoint import JUDGED_AT_ONCE
from hub.store import client_documents
from hub.store.client_documents import kept_documents
from tests.eventually import until
from tests.integration.app.conftest import UNIVERSITY, World

pytestmark = pytest.mark.integration
TEXT = "query Mine($first: Int = 2) { instruments(first: $first) { totalCount nodes { key } } }"
ID = "sha256:" + sha256(TEXT.encode()).hexdigest()


async def partner(world: World, name: str, *scopes: str) -> HubClient:
    granted = ("catalogue:read", *scopes)
    return await world.register(name, UNIVERSITY, ClientKind.PARTNER, granted, "zju-push")


async def code_of(client: HubClient, identifier: str = ID) -> str | None:
    answer = await client.query(document_id=identifier)
    return answer["errors"][0]["extensions"]["code"] if answer.get("errors") else None


async def test_a_client_without_adhoc_runs_what_it_registered_and_nobody_elses(
    world: World,
) -> None:
    mine, other = await partner(world, "zju"), await partner(world, "other")
    adhoc = await partner(world, "third", "graphql:adhoc")
    refused = await mine.query(TEXT)
    assert refused["errors"][0]["extensions"]["code"] == "DOCUMENT_REQUIRED"
    assert await code_of(mine) == "DOCUMENT_UNKNOWN"
    made = await mine.register_document(TEXT, "mine")
    assert (made["documentId"], made["name"], made["text"]) == (ID, "mine", TEXT)
    assert await code_of(mine) is None
    assert (await mine.query(TEXT, {"first": 1}))["data"]["instruments"]["totalCount"] == 0
    for each in (other, adhoc):
        assert await code_of(each) == "DOCUMENT_UNKNOWN"
        assert await each.documents() == []
        with pytest.raises(CallRefusedError, match="DOCUMENT_UNKNOWN"):
            await each.remove_document(ID)
    assert [each["documentId"] for each in await mine.documents()] == [ID]
    await mine.remove_document(ID)
    assert await code_of(mine) == "DOCUMENT_UNKNOWN"


async def test_registering_gives_no_right(world: World) -> None:
    mine = await partner(world, "zju")
    text = '{ instrument(by: { key: "x" }) { originalValue { amount } } }'
    made = await mine.register_document(text)
    assert await code_of(mine, made["documentId"]) == "SCOPE_MISSING"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{ instruments {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing also }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query { me { party } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { party } } #" + "x" * 70_000, "TOO_MANY_TOKENS"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ me { party } } # \0", "BAD_USER_INPUT"),
    ],
)
async def test_what_could_never_run_is_refused_with_its_problems(
    world: World, text: str, code: str
) -> None:
    mine = await partner(world, "zju")
    with pytest.raises(CallRefusedError, match=code):
        await mine.register_document(text)
    assert await mine.documents() == []


async def test_a_document_that_costs_too_much_whatever_is_asked_is_refused(world: World) -> None:
    mine = await partner(world, "zju")
    aliased = " ".join(
        f"a{n}: instruments(first: 100) {{ nodes {{ occupancies(first: 100) "
        "{ nodes { kind } } } }" for n in range(5)
    )  # fmt: skip
    for head in ("", "query Q($key: String!) ", "query Q($n: Int = 3) "):
        used = {"": "", "query Q($key: String!) ": "instrument(by: {key: $key}) { key }"}.get(
            head, "b: instruments(first: $n) { nodes { key } }"
        )
        with pytest.raises(CallRefusedError, match="COST_LIMIT"):
            await mine.register_document(f"{head}{{ {used} {aliased} }}")


async def test_number_and_names_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_documents, "DOCUMENTS_MAX", 2)
    mine = await partner(world, "zju")
    await mine.register_document(TEXT, "one")
    await mine.register_document(TEXT, "uno")  # the same text: another name
    assert [each["name"] for each in await mine.documents()] == ["uno"]
    with pytest.raises(CallRefusedError, match="CONFLICT"):
        await mine.register_document("{ me { party } }", "uno")
    await mine.register_document("{ me { party } }", "two")
    with pytest.raises(CallRefusedError, match="CONFLICT"):
        await mine.register_document("{ me { kind } }")
    for name in ("", "a b", "x" * 65, "名", "../x"):
        with pytest.raises(CallRefusedError, match="BAD_USER_INPUT"):
            await mine.register_document(TEXT, name)


async def test_no_id_is_anything_but_unknown(world: World) -> None:
    mine = await partner(world, "zju")
    await mine.register_document(TEXT)
    for identifier in ("", "\0", ID.upper(), f"{ID}\0", f" {ID}", ID[7:], "mine", "\ud800", "../x"):
        assert await code_of(mine, identifier) in ("DOCUMENT_UNKNOWN", "BAD_USER_INPUT")
    for identifier in ("\0", ID.upper(), f"{ID}\0", "x", "%00", ID + "0"):
        with pytest.raises(CallRefusedError, match="DOCUMENT_UNKNOWN"):
            await mine.remove_document(identifier)


async def test_who_has_too_many_judged_waits(world: World) -> None:
    mine = await partner(world, "zju")
    with pytest.raises(CallRefusedError, match="RATE_LIMITED"):
        for _ in range(JUDGED_AT_ONCE + 2):
            await mine.register_document(TEXT)


async def test_what_is_removed_elsewhere_is_unknown_here_before_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known.KNOWN_S < 5
    monkeypatch.setattr(known, "KNOWN_S", 0.2)
    mine = await partner(world, "zju")
    await mine.register_document(TEXT)
    assert await code_of(mine) is None
    await client_documents.remove_document(world.hub.database, "zju", ID)

    async def is_unknown() -> bool:
        return await code_of(mine) == "DOCUMENT_UNKNOWN"

    await until(is_unknown)


async def test_documents_end_with_their_client(world: World) -> None:
    mine, database = await partner(world, "zju"), world.hub.database
    await mine.register_document(TEXT)
    store = DatabaseClientStore(database)
    await store.set_status("zju", ClientStatus.SUSPENDED, system_clock())
    assert len(await kept_documents(database, "zju")) == 1
    await store.set_status("zju", ClientStatus.REMOVED, system_clock())
    assert await kept_documents(database, "zju") == []
