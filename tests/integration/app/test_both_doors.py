"""The same rows through `POST /batches` and through a mutation have the same outcome."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.content_digest import content_digest
from hub.client import HubClient
from hub.clock import system_clock
from hub.store.database import Database
from hub.store.sources import register_source
from tests.integration.app.conftest import UNIVERSITY, World

OTHER = "uscc:91110000600037341L"
WRITES = ("records:push", "records:withdraw", "graphql:adhoc", "catalogue:read")
PUSH = """mutation ($input: PushRecordsInput!) { pushRecords(input: $input) {
  rows { row outcome recordType key revision problems { path code message } }
  accepted proven duplicate withdrawn quarantined unsettled
  dryRun replayed userErrors { code } } }"""

Door = Callable[["Sent"], Awaitable[Any]]


@dataclass(frozen=True)
class Sent:
    """A push. `wire`: its rows as JSON text, for what no Python value is written as."""

    rows: Sequence[Any] = ()
    key: str = "k-1"
    source: str = "own"
    dry_run: bool = False
    as_of: str | None = None
    wire: str | None = None

    def text(self) -> list[str]:
        return [json.dumps(row) for row in self.rows] if self.wire is None else [self.wire]


def instrument(number: str, **changed: Any) -> dict[str, Any]:
    record = {
        "institutionKey": "PARTY",
        "localNo": number,
        "name": {"zh": "透射电子显微镜"},
        "status": "IN_SERVICE",
        **changed,
    }
    return {"type": "Instrument", "record": record}


def withdrawal(number: str, **changed: Any) -> dict[str, Any]:
    return {
        "type": "Instrument",
        "withdraw": {"key": f"PARTY/{number}", "reason": "已报废", **changed},
    }


def said(rows: list[dict[str, Any]], counts: dict[str, Any], party: str) -> Any:
    """Return an outcome in a form that both doors have, without what only one hub numbers."""
    told = [
        (
            row["row"],
            row["outcome"],
            row.get("type", row.get("recordType")),
            (row.get("key") or "").replace(party, "PARTY") or None,
            row.get("revision"),
            [(each["path"], each["code"]) for each in row.get("problems") or ()],
        )
        for row in rows
    ]
    return told, counts


def by_batches(client: HubClient, party: str, sources: dict[str, str]) -> Door:
    async def send(sent: Sent) -> Any:
        body = "\n".join(sent.text()).replace("PARTY", party).encode()
        query = f"source={sources.get(sent.source, sent.source)}"
        query += "&dryRun=true" if sent.dry_run else ""
        query += "" if sent.as_of is None else f"&asOf={sent.as_of.replace('+', '%2B')}"
        headers = {
            "content-type": "application/x-ndjson",
            "content-digest": content_digest(body),
            "idempotency-key": sent.key,
        }
        answer, _ = await client._signed("/batches", query, headers, body)
        found = answer.json()
        if answer.is_error:
            return found["code"]
        counts = {**found["counts"], "dryRun": found["dryRun"], "replayed": found["replayed"]}
        return said(found["rows"], counts, party)

    return send


def by_mutation(client: HubClient, party: str, sources: dict[str, str]) -> Door:
    async def send(sent: Sent) -> Any:
        given: dict[str, Any] = {"source": sources.get(sent.source, sent.source), "rows": "ROWS"}
        given |= {"dryRun": True} if sent.dry_run else {}
        given |= {} if sent.as_of is None else {"asOf": sent.as_of}
        text = json.dumps({"query": PUSH, "variables": {"input": given}})
        text = text.replace('"ROWS"', f"[{','.join(sent.text())}]").replace("PARTY", party)
        found = await mutated(client, text.encode(), sent.key)
        if "errors" in found:
            return found["errors"][0]["extensions"]["code"]
        outcome = found["data"]["pushRecords"]
        if outcome["userErrors"]:
            assert outcome["rows"] == []
            return outcome["userErrors"][0]["code"]
        counts = {k: v for k, v in outcome.items() if k not in ("rows", "userErrors")}
        return said(outcome["rows"], counts, party)

    return send


async def mutated(client: HubClient, body: bytes, key: str) -> dict[str, Any]:
    headers = {
        "content-type": "application/json",
        "content-digest": content_digest(body),
        "idempotency-key": key,
    }
    answer, _ = await client._signed("/graphql", "", headers, body)
    found: dict[str, Any] = answer.json()
    return found


Both = Callable[..., Awaitable[tuple[Door, Door]]]


@pytest.fixture
async def both(world: World, database: Database) -> Both:
    """Two clients with the same rights, each for an institution and a source of its own."""
    await register_source(
        database, "other-push", "另一家", mode="PUSH", owners=[OTHER], now=system_clock()
    )

    async def doors(scopes: tuple[str, ...] = WRITES) -> tuple[Door, Door]:
        kind, pair = ClientKind.UNIVERSITY, (UNIVERSITY, OTHER)
        one = await world.register("one", pair[0], kind, scopes, "zju-push")
        two = await world.register("two", pair[1], kind, scopes, "other-push")
        names = {"own": "zju-push", "foreign": "other-push"}
        swapped = {"own": "other-push", "foreign": "zju-push"}
        return by_batches(one, pair[0], names), by_mutation(two, pair[1], swapped)

    return doors


async def same(doors: tuple[Door, Door], sent: Sent) -> Any:
    batches, mutation = [await door(sent) for door in doors]
    assert batches == mutation, sent
    return batches


async def test_rows_are_taken_corrected_repeated_and_withdrawn_alike(both: Both) -> None:
    doors = await both()
    rows = [instrument("A1"), instrument("A2", status="BROKEN"), {"type": "Unknown", "record": {}}]
    first, _ = await same(doors, Sent(rows))
    assert [row[1] for row in first] == ["ACCEPTED", "QUARANTINED", "QUARANTINED"]
    _, counts = await same(doors, Sent(rows))
    assert counts["replayed"] is True
    again, _ = await same(doors, Sent([instrument("A1")], key="k-2"))
    assert again[0][1] == "DUPLICATE"
    ((_, outcome, *_, revision, _),), _ = await same(
        doors, Sent([instrument("A1", model="JEM-2100F")], key="k-3")
    )
    assert (outcome, revision) == ("ACCEPTED", 2)
    ((_, outcome, *_),), _ = await same(doors, Sent([withdrawal("A1")], key="k-4"))
    assert outcome == "WITHDRAWN"
    unknown, _ = await same(doors, Sent([withdrawal("A9")], key="k-5"))
    assert unknown[0][1] == "QUARANTINED"


async def test_a_key_is_good_for_one_request_and_of_one_form_alike(both: Both) -> None:
    doors = await both()
    await same(doors, Sent([instrument("A1")]))
    assert await same(doors, Sent([instrument("A2")])) == "IDEMPOTENCY_CONFLICT"
    assert isinstance(await same(doors, Sent([instrument("A2")], key="k" * 500)), str)


async def test_a_dry_run_says_the_same_and_writes_nothing_alike(
    both: Both, database: Database
) -> None:
    rows = [instrument("A1"), instrument("A2", status="BROKEN")]
    _, counts = await same(await both(), Sent(rows, dry_run=True))
    assert (counts["accepted"], counts["dryRun"]) == (1, True)
    assert await database.reads.fetch_all("SELECT count(*) FROM entry") == [(0,)]


WRONG = [
    {},
    {"type": "Instrument"},
    {"type": "Instrument", "record": None},
    {"type": "Instrument", "record": {}, "withdraw": {}},
    {"type": "Instrument", "record": {}, "surplus": 1},
    {"type": 5, "record": {}},
    withdrawal("A1", reason=""),
    withdrawal("A1", at="yesterday"),
    instrument("A1\u200b"),
    instrument("A1", institutionKey="moe:10248"),
    instrument("A1", surplus=[{"deep": {"er": 1.5}}]),
    {**instrument("A1"), "jws": "a..b"},
    instrument("A1", originalValue={"amount": 1.5, "currency": "CNY"}),
    instrument("A1", originalValue={"amount": "1.5", "currency": "CNY"}),
    instrument("A1", originalValue={"amount": 12, "currency": "CNY"}),
    instrument("A1", centreKey=1e300),
]


async def test_a_wrong_row_is_told_the_same(both: Both) -> None:
    doors = await both()
    for n, wrong in enumerate(WRONG):
        rows, _ = await same(doors, Sent([wrong, instrument(f"B{n}")], key=f"k-{n}"))
        assert rows[1][1] == "ACCEPTED", wrong


async def test_a_number_keeps_its_kind_however_it_is_written(both: Both) -> None:
    doors = await both()
    for n, number in enumerate(("1.50", "1.0", "1e2", "-0.0", "12")):
        text = json.dumps(instrument("A1", originalValue={"amount": "AMOUNT", "currency": "CNY"}))
        wire = text.replace('"AMOUNT"', number)
        (row,), _ = await same(doors, Sent(wire=wire, key=f"k-{n}"))
        assert [path for path, _ in row[-1]] == ["originalValue.amount"], number


REFUSED = [
    (Sent([]), "BATCH_EMPTY"),
    (Sent([instrument("A1")], source="foreign"), "SOURCE_FORBIDDEN"),
    (Sent([instrument("A1")], source="nowhere"), "SOURCE_FORBIDDEN"),
    (Sent([instrument("A1")], as_of="soon"), "BAD_USER_INPUT"),
    (Sent([instrument("A1")], as_of="2026-11-23T09:00:00"), "BAD_USER_INPUT"),
]


async def test_a_push_that_is_refused_whole_has_the_same_code(both: Both) -> None:
    doors = await both()
    for sent, code in REFUSED:
        assert await same(doors, sent) == code


async def test_an_instant_is_read_alike_and_never_lies_ahead(
    both: Both, database: Database
) -> None:
    doors = await both()
    await same(doors, Sent([instrument("A1")], as_of="2026-01-05T09:00:00+08:00"))
    await same(doors, Sent([instrument("A2")], as_of="2099-01-05T09:00:00Z", key="k-2"))
    rows = await database.reads.fetch_all(
        "SELECT local_no, count(DISTINCT as_of) = 1 OR bool_and(as_of <= accepted_at),"
        " count(*) FROM instrument GROUP BY 1 ORDER BY 1"
    )
    assert rows == [("A1", True, 2), ("A2", True, 2)]


@pytest.mark.parametrize(
    ("scopes", "rows", "outcome"),
    [
        (("records:push",), [instrument("A1")], None),
        (("records:push",), [instrument("A1"), withdrawal("A2")], "SCOPE_MISSING"),
        (("records:withdraw",), [withdrawal("A2")], "SCOPE_MISSING"),
        (("records:withdraw",), [instrument("A1")], "SCOPE_MISSING"),
        ((), [instrument("A1")], "SCOPE_MISSING"),
    ],
)
async def test_each_row_needs_the_same_scopes(
    both: Both, scopes: tuple[str, ...], rows: list[Any], outcome: str | None
) -> None:
    doors = await both((*scopes, "graphql:adhoc", "catalogue:read"))
    found = await same(doors, Sent(rows))
    assert found == outcome if outcome else found[1]["accepted"] == 1


async def test_the_mutations_of_one_record_need_what_a_push_of_it_needs(world: World) -> None:
    kind, scopes = ClientKind.UNIVERSITY, ("records:withdraw", "graphql:adhoc", "catalogue:read")
    client = await world.register("one", UNIVERSITY, kind, scopes, "zju-push")
    text = """mutation ($input: WithdrawRecordInput!) { withdrawRecord(input: $input) {
      withdrawn } }"""
    given = {"source": "zju-push", "type": "Instrument", "key": f"{UNIVERSITY}/A1", "reason": "x"}
    body = json.dumps({"query": text, "variables": {"input": given}}).encode()
    (error,) = (await mutated(client, body, "k-1"))["errors"]
    assert error["extensions"]["scope"] == "records:push"


async def test_a_row_nested_as_deep_as_json_can_be_read_is_no_fault_of_the_hub(both: Both) -> None:
    doors = await both()
    for n, levels in enumerate((50, 300, 600, 900, 2000, 100_000)):
        text = json.dumps(instrument("A1", surplus="DEEP"))
        wire = text.replace('"DEEP"', "[" * levels + "1.5" + "]" * levels)
        for door in doors:
            told = await door(Sent(wire=wire, key=f"k-{n}"))
            assert told in ("NOT_JSON", "BAD_USER_INPUT") or told[1]["quarantined"] == 1, levels
