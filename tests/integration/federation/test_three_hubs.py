"""Three hubs: rows go on to their home, questions stop in time, each writes down for whom."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.peer_hub import COVERAGE_ID
from connectors.http.session import HttpQuestion, parse_json
from connectors.limits import Limits
from hub.access.clients import ClientKind
from hub.access.content_digest import content_digest
from hub.access.relay import Relay
from hub.access.resource import Caller
from hub.client.errors import ClientError
from hub.client.hub_client import HubClient
from hub.client.keyfile import create_key, load_key
from hub.clock import system_clock
from hub.federation.errands import Questioner, errand_of
from hub.federation.limits import ANSWER_KEPT_S
from hub.harvest.connections import HubConnection
from hub.harvest.report import RunStatus
from hub.ledger.keys import ProducerKeys
from hub.ledger.policy import parse_policy
from hub.ledger.statement import sign_record
from hub.ledger.verify import verify
from schema.canonical import canonical
from tests.databases import Spares
from tests.eventually import until
from tests.integration.federation.three_hubs import E1, NJU, PUSHING, Delta, three_provinces
from tests.integration.federation.two_hubs import (
    FUDAN,
    ORIGINS,
    ZJU,
    instrument,
    registered,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not os.environ.get("HUB_THREE_HUBS"),
        reason="three hubs take long to start: HUB_THREE_HUBS=1 has them, as make suites does",
    ),
]
ENTRIES = "SELECT assurance, party FROM entry WHERE key = %s ORDER BY entry_id"
RELAYS = "SELECT client_id, action, detail FROM audit WHERE kind = 'RELAY' AND action LIKE %s"
PUSH = """mutation ($rows: [Row!]!) { pushRecords(input: { source: "south", rows: $rows }) {
  accepted unsettled
  rows { row outcome key entryId home { hub institution origin entryId receiptState receipt } }
  userErrors { code } } }"""
FREE = """query ($owners: [String!]!, $numbers: [String!]!, $from: DateTime!, $until: DateTime!) {
  instruments(first: 9, maxStaleness: "PT0S", deadline: "PT2S",
    filter: { institutionKey: { in: $owners }, localNo: { in: $numbers } }) {
    nodes { key availability(from: $from, until: $until) { status } }
  } }"""


@pytest.fixture(scope="module")
def delta(spares: Spares, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delta]:
    with three_provinces(spares, tmp_path_factory.mktemp("delta")) as made:
        asyncio.run(follow_each_other(made))
        yield made


async def follow_each_other(delta: Delta) -> None:
    async with delta.connected():
        for province, source in (
            (delta.jiangsu, "campus"),
            (delta.shanghai, "zhejiang"),
            (delta.shanghai, "jiangsu"),
            (delta.zhejiang, "jiangsu"),
            (delta.jiangsu, "shanghai"),
        ):
            report = await province.harvest(source)
            assert report.status is RunStatus.OK, (source, report.counts())


@asynccontextmanager
async def platform(delta: Delta, name: str = "platform") -> AsyncIterator[HubClient]:
    async with delta.shanghai.client(name) as hub:
        yield hub


async def pushed(delta: Delta, key: str, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    async with platform(delta) as hub:
        answer = await hub.push(rows, source="south", idempotency_key=key, **more)
    return answer.body


def told(answer: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return the outcome of each row, and where it is at home if that is elsewhere."""
    return [(row["outcome"], row.get("home", {}).get("origin")) for row in answer["rows"]]


def codes(row: dict[str, Any]) -> list[str]:
    return [each["code"] for each in row["problems"]]


async def test_rows_of_several_homes_are_answered_in_order_with_receipts(delta: Delta) -> None:
    shanghai, zhejiang, jiangsu = delta.all
    bad = instrument(ZJU, "Z6", status="SHINING")
    sent = [instrument(o, n) for o, n in ((ZJU, "Z5"), (FUDAN, "S5"), (NJU, "J5"), (ZJU, "Z7"))]
    async with delta.connected():
        answer = await pushed(delta, "several-1", *sent[:3], bad, sent[3])
        again = await pushed(delta, "several-1", *sent[:3], bad, sent[3])
        changed = await pushed(delta, "several-2", sent[0])
    assert told(answer) == [
        ("ACCEPTED", ORIGINS["zhejiang"]),
        ("ACCEPTED", None),
        ("ACCEPTED", ORIGINS["jiangsu"]),
        ("QUARANTINED", None),
        ("ACCEPTED", ORIGINS["zhejiang"]),
    ]
    assert [row["key"] for row in answer["rows"][:3]] == [f"{ZJU}/Z5", f"{FUDAN}/S5", f"{NJU}/J5"]
    first = answer["rows"][0]
    assert "entryId" not in first, "a number of another log is never taken for one of this"
    (found,) = zhejiang.rows(
        "SELECT entry_id, item_id FROM instrument_source WHERE key = %s", first["key"]
    )
    assert (first["home"]["entryId"], first["id"]) == (str(found[0]), found[1])
    receipt = first["home"]["receipt"]
    policy = parse_policy((shanghai.folder / "zhejiang.policy").read_bytes())
    proof, record = receipt["proof"].encode(), receipt["record"].encode()
    verdict = verify(proof, record, policy, ProducerKeys(), now=system_clock())
    assert (verdict.word.value, verdict.key) == ("VALID_UNWITNESSED", first["key"])
    assert record == canonical(sent[0]["record"])
    assert again["replayed"] is True
    assert told(again) == told(answer)
    assert told(changed) == [("DUPLICATE", ORIGINS["zhejiang"])]
    # At the home the hub that handed it on vouches, and says for whom; here is what he signed.
    assert zhejiang.rows(ENTRIES, first["key"]) == [("REQUEST_SIGNED", "moe:10358")]
    own = "SELECT count(*) FROM entry WHERE source = 'south' AND owner <> %s"
    assert shanghai.rows(own, FUDAN) == [(0,)], "nothing of it is stated here"
    assert shanghai.rows("SELECT count(*) FROM request_evidence WHERE client_id = 'platform'") != [
        (0,)
    ]
    here, there = (each.rows(RELAYS, "push %") for each in (shanghai, zhejiang))
    assert {(client, action) for client, action, _ in here} == {
        ("platform", "push zhejiang"),
        ("platform", "push jiangsu"),
    }
    assert {(client, action) for client, action, _ in there} == {("hub-shanghai", "push zju")}
    said = there[0][2]["for"]
    assert (said["subject"], said["by"], said["via"]) == (
        "platform",
        ["hub-shanghai"],
        [ORIGINS["shanghai"]],
    )
    kept = "SELECT count(*) FROM request_evidence WHERE evidence = %s"
    assert zhejiang.rows(kept, bytes.fromhex(there[0][2]["evidence"])) == [(1,)]
    assert jiangsu.rows(RELAYS, "push %")[0][0] == "hub-shanghai"


async def test_a_record_keeps_its_producers_signature_and_is_withdrawn_at_its_home(
    delta: Delta,
) -> None:
    zhejiang = delta.zhejiang
    key_file = zhejiang.folder / "zju-signs.pem"
    await registered(zhejiang, "zju-signs", ClientKind.UNIVERSITY, PUSHING, "zju", party=ZJU)
    key = load_key(key_file)
    row = instrument(ZJU, "Z8")
    stranger = create_key(zhejiang.folder / "stranger.pem")
    now = datetime.now(UTC)

    def signed(by: Any) -> dict[str, Any]:
        canon = canonical(row["record"])
        return {**row, "jws": sign_record(canon, by.private, by.kid, "Instrument", ZJU, now)}

    async with delta.connected():
        answer = await pushed(delta, "signed-1", signed(key), signed(stranger))
        gone = {"type": "Instrument", "withdraw": {"key": f"{ZJU}/Z8", "reason": "SOLD: gone"}}
        unknown = {"type": "Instrument", "withdraw": {"key": f"{FUDAN}/X", "reason": "SOLD: gone"}}
        ended = await pushed(delta, "signed-2", gone, unknown)
    assert [outcome for outcome, _ in told(answer)] == ["ACCEPTED", "QUARANTINED"]
    assert codes(answer["rows"][1]) == ["RECORD_SIGNATURE_INVALID"]
    assert zhejiang.rows(ENTRIES, f"{ZJU}/Z8")[0] == ("PRODUCER_SIGNED", ZJU)
    assert told(ended) == [("WITHDRAWN", ORIGINS["zhejiang"]), ("QUARANTINED", None)]
    assert codes(ended["rows"][1]) == ["WITHDRAW_UNKNOWN"]


async def test_the_mutation_hands_on_and_a_dry_run_keeps_nothing(delta: Delta) -> None:
    async with delta.connected():
        dry = await pushed(delta, "dry-1", instrument(NJU, "J6"), dry_run=True)
        assert told(dry) == [("ACCEPTED", ORIGINS["jiangsu"])]
        assert delta.jiangsu.rows(ENTRIES, f"{NJU}/J6") == []
        async with platform(delta) as hub:
            rows = [instrument(NJU, "J6"), instrument(FUDAN, "S6")]
            answer = await hub.relay(
                "POST",
                "/graphql",
                {"content-type": "application/json", "accept": "application/json"},
                _json({"query": PUSH, "variables": {"rows": rows}}),
            )
    payload = answer.json()["data"]["pushRecords"]
    assert (payload["accepted"], payload["unsettled"], payload["userErrors"]) == (2, 0, [])
    there, here = payload["rows"]
    assert (there["entryId"], there["home"]["institution"]) == (None, NJU)
    assert there["home"]["origin"] == ORIGINS["jiangsu"]
    assert (here["home"], here["entryId"] is None) == (None, False)


async def test_a_lost_answer_is_unsettled_until_the_same_is_sent_again(delta: Delta) -> None:
    zhejiang = delta.zhejiang
    row, own = instrument(ZJU, "Z9"), instrument(FUDAN, "S9")
    async with delta.connected():
        await pushed(delta, "lost-0", instrument(ZJU, "Z5"))  # it has a token
        zhejiang.line.is_deaf = True
        asking = asyncio.create_task(pushed(delta, "lost-1", row, own))

        async def is_there() -> bool:
            return zhejiang.rows(ENTRIES, f"{ZJU}/Z9") != []

        await until(is_there)
        await zhejiang.line.mend()
        lost = await asking
        assert [outcome for outcome, _ in told(lost)] == ["UNSETTLED", "ACCEPTED"]
        assert codes(lost["rows"][0]) == ["HOME_SILENT"]
        assert lost["counts"]["unsettled"] == 1
        settled = await pushed(delta, "lost-1", row, own)
        assert told(settled) == [("ACCEPTED", ORIGINS["zhejiang"]), ("ACCEPTED", None)]
        assert (await pushed(delta, "lost-1", row, own))["replayed"] is True
        with pytest.raises(ClientError, match="IDEMPOTENCY_CONFLICT"):
            await pushed(delta, "lost-1", own, row)
    assert len(zhejiang.rows(ENTRIES, f"{ZJU}/Z9")) == 1
    assert len(delta.shanghai.rows(ENTRIES, f"{FUDAN}/S9")) == 1


async def test_a_changed_answer_is_not_believed_and_a_token_is_kept(delta: Delta) -> None:
    line = delta.zhejiang.line
    async with delta.connected():
        await pushed(delta, "kept-1", instrument(ZJU, "K1"))
        asked = line.tokens
        await pushed(delta, "kept-2", instrument(ZJU, "K2"))
        assert line.tokens == asked > 0, "one token for one caller, as long as it is good"
        line.spoils = b'"outcome":"ACCEPTED"', b'"outcome":"REJECTED"'
        changed = await pushed(delta, "kept-3", instrument(ZJU, "K3"))
        line.spoils = b'"DUPLICATE"', b'"WITHDRAWN"'
        again = await pushed(delta, "kept-4", instrument(ZJU, "K1"))
        line.spoils = b"", b""
        settled = await pushed(delta, "kept-4", instrument(ZJU, "K1"))
    for answer in (changed, again):
        assert told(answer) == [("UNSETTLED", None)]
        assert codes(answer["rows"][0]) == ["HOME_SILENT"]
    assert told(settled) == [("DUPLICATE", ORIGINS["zhejiang"])]


async def test_a_home_that_is_away_is_told_and_what_is_at_home_here_goes_in(delta: Delta) -> None:
    row, own = instrument(NJU, "J7"), instrument(FUDAN, "S7")
    async with delta.connected(away="jiangsu"):
        with pytest.raises(ClientError, match="HOME_UNREACHABLE"):
            await pushed(delta, "away-1", row)
        mixed = await pushed(delta, "away-2", row, own)
        assert [outcome for outcome, _ in told(mixed)] == ["UNSETTLED", "ACCEPTED"]
        assert codes(mixed["rows"][0]) == ["HOME_UNREACHABLE"]
    assert delta.jiangsu.rows(ENTRIES, f"{NJU}/J7") == []
    async with delta.connected():
        assert told(await pushed(delta, "away-1", row)) == [("ACCEPTED", ORIGINS["jiangsu"])]
        again = await pushed(delta, "away-2", row, own)
    assert told(again) == [("DUPLICATE", ORIGINS["jiangsu"]), ("ACCEPTED", None)]


async def test_what_a_hub_pushes_is_not_handed_on(delta: Delta) -> None:
    await registered(delta.shanghai, "hub-x", ClientKind.PEER, PUSHING, "south")
    async with delta.connected(), platform(delta, "hub-x") as hub:
        answer = await hub.push([instrument(NJU, "J8")], source="south")
    (row,) = answer.body["rows"]
    assert (row["outcome"], codes(row)) == ("QUARANTINED", ["HOME_ELSEWHERE"])
    assert delta.jiangsu.rows(ENTRIES, f"{NJU}/J8") == []


async def free(delta: Delta, *keys: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask Shanghai live; return the answer, and the status of each source in it."""
    async with platform(delta, "reader") as hub:
        owners, numbers = zip(*(key.split("/") for key in keys), strict=True)
        day = (system_clock() + timedelta(days=1)).replace(microsecond=0)
        times = {"from": day.isoformat(), "until": (day + timedelta(hours=12)).isoformat()}
        answer = await hub.query(FREE, {"owners": owners, "numbers": numbers, **times})
    assert "errors" not in answer, answer
    return answer, {each["id"]: each["status"] for each in answer["extensions"]["sources"]}


async def test_a_question_goes_round_once_and_each_hub_knows_for_whom(delta: Delta) -> None:
    shanghai, zhejiang, jiangsu = delta.all
    async with delta.connected() as campus:
        answer, _ = await free(delta, E1)
        via = {each["id"]: each["via"] for each in answer["extensions"]["sources"]}
        assert via["zhejiang"] == [ORIGINS["zhejiang"]], "what came through two is not taken"

        async def is_asked() -> bool:
            return "hub-zhejiang" in {row[0] for row in jiangsu.rows(RELAYS, "graphql")}

        await until(is_asked)
        assert len(campus.asked) == 1
    assert [row for row in shanghai.rows(RELAYS, "%") if row[0] == "hub-jiangsu"] == []
    asked = "ask zhejiang", "ask jiangsu"
    assert {row[:2] for row in shanghai.rows(RELAYS, "ask %")} == {("reader", asked[0])}
    assert {row[:2] for row in zhejiang.rows(RELAYS, "ask %")} == {("hub-shanghai", asked[1])}
    at_second, at_third = (
        [row[2]["for"] for row in each.rows(RELAYS, "graphql") if row[0] == by]
        for each, by in ((zhejiang, "hub-shanghai"), (jiangsu, "hub-zhejiang"))
    )
    at_second = [one for one in at_second if "via" in one]  # not what asked for receipts
    assert {(one["subject"], *one["by"]) for one in at_second} == {("reader", "hub-shanghai")}
    assert {(one["subject"], *one["by"]) for one in at_third} == {
        ("reader", "hub-zhejiang", "hub-shanghai")
    }
    assert {tuple(one["via"]) for one in at_third} == {(ORIGINS["shanghai"], ORIGINS["zhejiang"])}
    assert {one["request"] for one in at_second} == {one["request"] for one in at_third}


async def via_jiangsu(delta: Delta, *before: str) -> dict[str, str]:
    """Ask Jiangsu as Zhejiang does, on a way through `before`; return the status of its sources."""
    source = delta.zhejiang.source("jiangsu")
    assert isinstance(source.connection, HubConnection)
    caller = Caller("reader", "moe:10358", ClientKind.PARTNER, frozenset({"catalogue:read"}))
    relay = Relay(via=before, request_id=f"hops-{len(before)}-of-it", left_s=5.0)
    who = Questioner(caller=caller, request_id=relay.request_id, relay=relay)
    later = asyncio.get_running_loop().time() + 5
    errand = errand_of(source, who, ORIGINS["zhejiang"], later, 0.0)
    assert errand is not None
    body = _json({"documentId": COVERAGE_ID, "variables": {"key": E1, "maxStaleness": "PT0S"}})
    question = HttpQuestion(
        path="graphql",
        method="POST",
        content=body,
        headers={"content-type": "application/json", "content-digest": content_digest(body)},
    )
    async with source.connection.on_errand(errand).session("jiangsu", Limits()) as session:
        answer = parse_json("jiangsu", await session.ask(question))
    return {each["id"]: each["status"] for each in answer["extensions"]["sources"]}


async def test_more_than_two_hubs_before_it_and_the_third_asks_nobody(delta: Delta) -> None:
    async with delta.connected() as campus:
        await asyncio.sleep(ANSWER_KEPT_S + 0.1)  # else an answer that was just heard is shared
        far = await via_jiangsu(delta, "hub.a.example/records", "hub.b.example/records")
        assert (far["campus"], campus.asked) == ("SKIPPED", [])
        near = await via_jiangsu(delta, ORIGINS["shanghai"])
        assert (near["campus"], near["shanghai"]) == ("OK", "SKIPPED"), "nor does it ask back"
        assert len(campus.asked) == 1


async def test_a_cut_line_to_one_of_two_marks_its_part(delta: Delta) -> None:
    async with delta.connected():
        delta.jiangsu.line.is_cut = True
        answer, status = await free(delta, f"{ZJU}/Z1", f"{NJU}/J1")
        await delta.jiangsu.line.mend()
    keys = {node["key"] for node in answer["data"]["instruments"]["nodes"]}
    assert keys == {f"{ZJU}/Z1", f"{NJU}/J1"}
    assert status["jiangsu"] == "TIMEOUT"
    assert status["zhejiang"] != "TIMEOUT"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
