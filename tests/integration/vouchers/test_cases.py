"""Voucher cases: found by any number in any writing, and to each party what is its own."""

from __future__ import annotations

import os

import psycopg
import pytest

from hub.access.agreements import Agreements
from hub.errors import RefusedError
from hub.store.database import Database
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.cases.search import CaseBy, CasesFound, assembled, of_digits
from hub.vouchers.cases.sight import RecordSight, SightedRows
from tests.databases import as_owner
from tests.integration.vouchers.case_world import (
    INSTRUMENT,
    INVOICE,
    LATER,
    PROVIDER,
    SERVICE,
    STATED,
    build_cases,
    state_more,
    supervised,
    supervision,
)
from tests.integration.vouchers.voucher_world import CODE, HOLDER, ISSUER

pytestmark = pytest.mark.integration
SCOPES = frozenset({"catalogue:read", "service:read", "voucher:read"})


@pytest.fixture
async def desk(database: Database) -> VoucherCaseDesk:
    await build_cases(database)
    return VoucherCaseDesk(database, Agreements(database, lambda: STATED), frozenset({ISSUER}))


def shown(found: CasesFound) -> list[tuple[str | None, ...]]:
    return [
        tuple(
            None if row is None else row["key"].rpartition("/")[2]
            for row in (each.claim, each.voucher, each.service, each.order)
        )
        for each in found.cases
    ]


FIRST, SECOND = ("A", CODE, "S-1", "O-1"), ("B", CODE, "S-2", None)


FOUND: list[tuple[str, CaseBy | None, list[tuple[str | None, ...]]]] = [
    ("O-1", CaseBy.ORDER, [FIRST]),
    (INVOICE, CaseBy.INVOICE, [FIRST]),
    ("01234567", None, [FIRST]),
    ("No.0123-4567", CaseBy.INVOICE, [FIRST]),
    ("００００００００００００００００００２", CaseBy.INVOICE, []),
    ("0000 0000 0000 0000 0002", CaseBy.INVOICE, [SECOND]),
    (CODE, CaseBy.VOUCHER, [FIRST, SECOND]),
    ("ＺＪ-2026-0002", CaseBy.VOUCHER, [(None, "ZJ-2026-0002", None, None)]),
    ("S-2", CaseBy.RECORD, [SECOND]),
    ("A", CaseBy.RECORD, [FIRST]),
    (SERVICE, CaseBy.KEY, [FIRST]),
    (f"{ISSUER}/{CODE}/B", CaseBy.KEY, [SECOND]),
    ("O-9", None, [(None, None, None, "O-9")]),
    ("7654321", CaseBy.INVOICE, [(None, None, None, "O-9")]),
    ("S-1", CaseBy.ORDER, []),
    ("'; DROP TABLE entry; --", None, []),
    ("%", None, []),
]
NOTHING = ["", "   ", "x" * 501, "a\nb", "a\x00b"]


async def test_a_case_is_found_by_any_number_in_any_writing(desk: VoucherCaseDesk) -> None:
    sight = RecordSight.of_operator(desk.database.records.registry)
    for text, by, expected in FOUND:
        found = await desk.find(sight, f"  {text} ", by)
        assert (shown(found), found.is_whole) == (expected, True), text
    for text in NOTHING:
        with pytest.raises(RefusedError):
            await desk.find(sight, text)
    with pytest.raises(RefusedError):
        await desk.find(sight, "NO. 12", CaseBy.INVOICE)


async def test_each_sees_its_own_part_and_a_stranger_nothing(desk: VoucherCaseDesk) -> None:
    seen = {
        party: shown(await desk.find(await desk.sight(party, SCOPES), CODE))
        for party in (ISSUER, HOLDER, PROVIDER, "moe:10246")
    }
    assert seen[HOLDER] == [FIRST, SECOND]
    assert seen[PROVIDER] == [("A", None, "S-1", "O-1"), ("B", None, "S-2", None)]
    assert seen[ISSUER] == [("A", CODE, None, None), ("B", CODE, None, None)]
    assert seen["moe:10246"] == []
    assert shown(await desk.find(await desk.sight("moe:10246", SCOPES), INVOICE)) == []
    without = SCOPES - {"service:read"}
    assert shown(await desk.find(await desk.sight(HOLDER, without), INVOICE)) == [
        ("A", CODE, None, None)
    ]


async def test_a_case_is_shown_by_station_and_what_is_missing_is_named(
    desk: VoucherCaseDesk,
) -> None:
    seen = await desk.look(await desk.sight(HOLDER, SCOPES), f"{ISSUER}/{CODE}/A")
    assert seen is not None
    missing = {each.code: each.missing for each in seen.stations if each.missing}
    assert missing == {"USAGE": ("POWER",), "PARTIES": ("REGISTRATION",)}, "they are not its own"
    facts = {each.code: {name: said.zh for name, said in each.facts} for each in seen.stations}
    assert facts["INVOICE"]["invoice"] == INVOICE
    assert facts["USAGE"]["hours"] == "5"
    assert facts["CLAIM"]["voucherPart"] == "4,000.00 CNY"
    assert facts["REVIEW"]["reviewedBy"] == HOLDER
    assert seen.balance is not None
    assert (seen.balance.available, seen.balance.consumed) == (1_200_000, 800_000)
    assert {parameter.name for parameter, _ in seen.chain.parameters} >= {"voucher.power_share"}
    lacking = ("voucher.fast_track", "voucher.fast_track_days", "voucher.rate")
    assert seen.lacking == lacking
    assert [row["event"] for row in seen.chain.rows["VoucherMovement"]] == [
        "RESERVE",
        "CONSUME",
        "SUBMIT",
    ]
    operator = RecordSight.of_operator(desk.database.records.registry)
    whole = await desk.look(operator, SERVICE)
    assert whole is not None
    assert [each.missing for each in whole.stations] == [()] * len(whole.stations)
    assert dict(whole.stations[2].facts)["sensor"] == ("em-1 2026-05-04", "em-1 2026-05-04")
    lone = await desk.look(operator, f"{INSTRUMENT}/O-9")
    assert lone is not None
    missing = {each.code: each.missing for each in lone.stations if each.missing}
    assert missing["BOOKING"] == ("BOOKING",)
    assert missing["CHARGE"] == ("SERVICE", "CHARGE", "OFFER")
    assert missing["CLAIM"] == ("VOUCHER", "CLAIM")
    assert lone.chain.parameters == ()
    office = await desk.look(await desk.sight(ISSUER, SCOPES), f"{ISSUER}/{CODE}/A")
    assert office is not None
    assert office.balance is not None
    named = {each.code: each.missing for each in office.stations if each.missing}
    assert named["ORDER"] == ("ORDER",)
    assert "CUSTOMS" not in named, "the instrument was not imported free of duty"
    provider = await desk.look(await desk.sight(PROVIDER, SCOPES), LATER)
    assert provider is not None
    assert provider.balance is None, "what else the voucher holds is not told to a provider"
    assert await desk.look(await desk.sight("moe:10246", SCOPES), SERVICE) is None


async def test_institutions_and_instruments_have_their_names_beside_their_keys(
    desk: VoucherCaseDesk,
) -> None:
    operator = RecordSight.of_operator(desk.database.records.registry)
    seen = await desk.look(operator, SERVICE)
    assert seen is not None
    facts = {name: said for each in seen.stations for name, said in each.facts}
    assert facts["provider"] == (f"大学 {PROVIDER}", f"大学 {PROVIDER}"), "no English one is stated"
    assert facts["instrument"].zh == f"透射电子显微镜 {INSTRUMENT}"
    assert facts["holder"] == (HOLDER, HOLDER), "nobody named it"
    assert facts["state"] == ("已申请兑付", "Submitted for settlement")


async def test_customs_records_are_shown_by_their_own_rule_and_else_said_to_be_withheld(
    desk: VoucherCaseDesk,
) -> None:
    """Who may not see them is told the same whether there are any or not."""
    claim = f"{ISSUER}/{CODE}/A"
    told = {}
    for step, rows in (("before", [supervised()]), ("after", supervision())):
        await state_more(desk.database, rows)
        for party in (PROVIDER, HOLDER, ISSUER):
            seen = await desk.look(await desk.sight(party, SCOPES | {"customs:read"}), claim)
            assert seen is not None
            (station,) = (each for each in seen.stations if each.code == "CUSTOMS")
            told[step, party] = station
            assert set(station.kinds) <= {"Instrument"} or party == PROVIDER
    owner = told["after", PROVIDER]
    facts = {name: said.zh for name, said in owner.facts}
    assert (owner.missing, told["before", PROVIDER].missing) == ((), ("CUSTOMS",))
    assert owner.kinds == ("Instrument", "CustomsSupervision", "CustomsApproval")
    assert facts["declaration"] == "223320211000000001 / 1"
    assert facts["approval"].startswith("N-1 供其他单位使用 2026-01-01 … 2026-12-31")
    for party in (HOLDER, ISSUER):
        assert told["before", party] == told["after", party]
        assert told["after", party].missing == ("CUSTOMS_WITHHELD",)
        asked = dict(told["after", party].facts)["askCustomsOf"]
        assert asked.zh == f"大学 {PROVIDER}"
    narrow = await desk.look(await desk.sight(PROVIDER, SCOPES), claim)
    assert narrow is not None
    assert "CUSTOMS_WITHHELD" in {code for each in narrow.stations for code in each.missing}


CLAIMS = int(os.environ.get("HUB_CASES_CLAIMS", "10000"))
MANY_CLAIMS = """
INSERT INTO voucher_claim_source (source, authority, key, item_id, owner, issuer, party, entry_id,
  revision, digest, as_of, accepted_at, assurance, channel, withdrawn, speaks, issuer_key, code,
  claim_no, provider_key, holder_key, state, invoice_no, hold_reasons)
SELECT 'all', '', 'moe:1/V-' || n, 'vclm_' || n, 'moe:2', 'moe:1', 'moe:1', n, 1, '', now(), now(),
  'HUB_OBSERVED', 'FILE', false, true, 'moe:1', 'V-' || n, 'A', 'moe:2', 'moe:3', 'CONSUMED',
  'ＮＯ. ' || lpad(n::text, 20, '0'), '{}'
FROM generate_series(1000000, 1000000 + %s - 1) n"""


async def test_an_invoice_is_found_through_an_index_among_many_claims(
    database: Database, database_url: str
) -> None:
    """By the plan of the very statement: for the operator, and for a party with its rules."""
    with psycopg.connect(as_owner(database_url), autocommit=True) as owner:
        owner.execute(MANY_CLAIMS.encode(), (CLAIMS,))
        owner.execute("ANALYZE voucher_claim_source")
    desk = VoucherCaseDesk(database, Agreements(database, lambda: STATED), frozenset({ISSUER}))
    operator = RecordSight.of_operator(database.records.registry)
    for sight in (operator, await desk.sight("moe:3", SCOPES)):
        rows = SightedRows(database.records, "VoucherClaim", sight)
        condition = of_digits(rows, "invoice_no", f"{1_000_777:020}")
        statement = f"EXPLAIN {rows.statement(('code',), condition, 50)}"
        async with database.reads.connection() as connection:
            cursor = await connection.execute(statement.encode(), rows.values)
            plan = "\n".join(line for (line,) in await cursor.fetchall())
        assert "ix_voucher_claim_source_invoice_no_digits" in plan, plan
        assert "Seq Scan" not in plan, plan
        (found,) = (await desk.find(sight, f"{1_000_777:020}", CaseBy.INVOICE)).cases
        assert found.claim is not None
        assert found.claim["code"] == "V-1000777"


def test_a_claim_that_is_reserved_is_of_the_service_that_its_order_ended_in() -> None:
    service = {"key": "i/1/S", "instrument_key": "i/1", "local_id": "S", "owner": "i"}
    order = {**service, "key": "i/1/O", "local_id": "O", "service_id": "S"}
    claim = {"issuer_key": "o", "code": "1", "service_key": None, "order_no": "O"}
    (case,) = assembled([{**claim, "provider_key": "i"}], [], [service], [order])
    assert (case.service, case.order) == (service, order)
    cases = assembled([{**claim, "provider_key": "other"}], [], [service], [order])
    assert [each.service for each in cases] == [None, service]


def test_an_order_of_another_instrument_belongs_to_no_service() -> None:
    service = {"key": "i/1/S", "instrument_key": "i/1", "local_id": "S", "owner": "i"}
    order = {
        "key": "i/2/O",
        "instrument_key": "i/2",
        "local_id": "O",
        "service_id": "S",
        "owner": "i",
    }
    cases = assembled([], [], [service], [order])
    assert [(each.service, each.order) for each in cases] == [(service, None), (None, order)]
