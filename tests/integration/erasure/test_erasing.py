"""What an order takes away, and what stays and goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.erasure.finding import Wanted
from hub.erasure.register import FILE
from hub.erasure.service import Erasing
from hub.errors import ErrorCode, HubError
from hub.intake import quarantine
from hub.intake.batch import Idempotency, Outcome
from hub.intake.files.kept import part_answer
from hub.intake.files.service import GivenFile
from hub.intake.files.submission import Sender
from hub.orders.asked import BookingAnswer, BookingState, as_kept
from hub.orders.entries import local_id
from hub.orders.promised import keep, taken
from hub.store.check import Fault, check
from hub.store.database import Database
from hub.store.rebuild import rebuild
from schema.parties import OPERATOR
from tests.integration.erasure.conftest import (
    HUB,
    NAME,
    NOW,
    ORDER,
    OTHER,
    UNIVERSITY,
    Send,
    dump,
    holding,
    instrument,
    usage,
    withdrawal,
)

pytestmark = pytest.mark.integration
KEY = f"{UNIVERSITY}/A1"
RECORD = Wanted(record_type="Instrument", key=KEY)


async def stands(database: Database) -> None:
    """Entries and projections agree, and a rebuild writes what stands already."""
    assert (await check(database)).differences == []
    before = dump(database.url)
    await rebuild(database)
    after = dump(database.url)
    for name in before.keys() - {"pg_statistic"}:
        assert sorted(before[name].splitlines()) == sorted(after[name].splitlines()), name


async def column(database: Database, statement: str, *values: Any) -> list[Any]:
    return [row[0] for row in await database.reads.fetch_all(statement, values)]


async def test_nothing_of_an_erased_record_is_left_in_any_revision(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME), key="first")
    await send(instrument(contact=f"{NAME} 处"), instrument("A2"), key="second")
    assert {"entry_body", "instrument", "instrument_source"} <= holding(database.url, NAME)
    result = await erasing.erase(RECORD, **ORDER)
    assert len(result.found.targets.entries) == 2
    assert holding(database.url, NAME) == set()
    assert await column(database, "SELECT key FROM instrument") == [f"{UNIVERSITY}/A2"]
    assert await column(database, "SELECT rows FROM source WHERE source_id = 'zju'") == [1]
    await stands(database)


async def test_the_erasure_is_an_entry_that_names_the_commitments(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME))
    (made,) = await column(
        database, "SELECT commitment FROM entry WHERE record_type = 'Instrument'"
    )
    header = "SELECT e.* FROM entry e WHERE record_type = 'Instrument'"
    before = await database.reads.fetch_all(header)
    await erasing.erase(RECORD, **ORDER)
    assert await database.reads.fetch_all(header) == before
    (erasure,) = await column(
        database,
        "SELECT convert_from(canon, 'UTF8') FROM entry JOIN entry_body USING (entry_id) "
        "WHERE record_type = 'Erasure'",
    )
    said = json.loads(erasure)
    assert said["commitments"] == [made.hex()]
    assert (said["recordType"], said["recordKey"], said["ownerKey"]) == (
        "Instrument",
        KEY,
        UNIVERSITY,
    )
    assert (said["reason"], said["orderedBy"], said["performedBy"]) == (
        ORDER["reason"],
        ORDER["ordered_by"],
        ORDER["performed_by"],
    )
    assert await column(database, "SELECT issuer FROM entry WHERE record_type = 'Erasure'") == [
        OPERATOR
    ]


async def test_what_another_source_says_of_the_instrument_is_shown_again(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME, model="OWN"))
    await send(instrument(model="PLATFORM", serialNo="7"), source="platform")
    assert await column(database, "SELECT model FROM instrument") == ["OWN"]
    wanted = Wanted(record_type="Instrument", key=KEY, source="zju")
    result = await erasing.erase(wanted, **ORDER)
    assert [each.claim.source for each in result.found.claims] == ["zju"]
    assert await column(database, "SELECT model FROM instrument") == ["PLATFORM"]
    assert await column(database, "SELECT contact FROM instrument") == [None]
    assert holding(database.url, NAME) == set()
    await stands(database)


async def test_the_next_statement_of_an_erased_record_is_its_next_revision(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME))
    await send(instrument(contact=NAME, model="B"))
    await erasing.erase(RECORD, **ORDER)
    (again,) = (await send(instrument(model="B"))).rows
    assert (again.outcome, again.revision) == (Outcome.ACCEPTED, 3)
    assert await column(database, "SELECT model FROM instrument") == ["B"]
    (gone,) = (await send(withdrawal("Instrument", KEY))).rows
    assert (gone.outcome, gone.revision) == (Outcome.WITHDRAWN, 4)
    await stands(database)


async def test_an_erased_record_cannot_be_withdrawn_and_can_be_erased_again_after_it_came_back(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME))
    await erasing.erase(RECORD, **ORDER)
    (refused,) = (await send(withdrawal("Instrument", KEY))).rows
    assert [each.code for each in refused.problems] == ["ALREADY_WITHDRAWN"]
    with pytest.raises(HubError) as nothing:
        await erasing.erase(Wanted(record_type="Instrument", key=f"{UNIVERSITY}/B9"), **ORDER)
    assert nothing.value.code is ErrorCode.NOT_FOUND
    await send(instrument(contact=NAME))
    await erasing.erase(RECORD, **ORDER)
    assert holding(database.url, NAME) == set()
    assert len(await column(database, "SELECT key FROM entry WHERE record_type = 'Erasure'")) == 2
    await stands(database)


async def test_a_withdrawn_record_is_erased_with_what_it_said_before(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME))
    await send(withdrawal("Instrument", KEY))
    await erasing.erase(RECORD, **ORDER)
    assert holding(database.url, NAME) == set()
    assert await column(database, "SELECT withdrawn FROM instrument_source") == [True]
    assert await column(database, "SELECT rows FROM source WHERE source_id = 'zju'") == [0]
    await stands(database)


async def test_a_record_that_was_proven_later_is_erased_in_both_forms(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME), observed=True)
    (proven,) = (await send(instrument(contact=NAME))).rows
    assert proven.outcome is Outcome.PROVEN
    await erasing.erase(RECORD, **ORDER)
    assert holding(database.url, NAME) == set()
    assert await column(database, "SELECT count(*) FROM request_evidence") == [0]
    await stands(database)


async def test_a_search_lists_what_holds_a_text_and_an_order_erases_it_everywhere(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME), instrument("A2", contact="王五"))
    await send(usage(userReference=NAME), instrument("A3", status=NAME), key="k")
    async with database.writes.transaction() as connection:
        await connection.execute(
            "INSERT INTO run (run_id, source, mode, status, message, started_at) "
            "VALUES ('r', 'zju', 'HARVEST', 'FAILED', %s, now())",
            (f"cannot read {NAME}",),
        )
    wanted = Wanted(text=NAME)
    found = await erasing.look(wanted)
    assert {each.claim.key for each in found.claims} == {KEY, f"{KEY}/U1"}
    assert (len(found.targets.quarantine), len(found.targets.runs)) == (1, 1)
    assert "quarantine" in holding(database.url, NAME)
    await erasing.erase(wanted, **ORDER)
    assert holding(database.url, NAME) == set()
    assert await column(database, "SELECT contact FROM instrument") == ["王五"]
    await stands(database)


async def test_quarantined_rows_of_the_record_and_of_the_person_in_it_go_with_it(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(usage(userReference="p-4711"), usage("U2", userReference="p-0815"))
    await send(usage(userReference="p-4711", hours="x"))
    await send(usage("U3", userReference="p-4711", hours="x"), usage("U4", hours="x"))
    await erasing.erase(Wanted(record_type="UsageRecord", key=f"{KEY}/U1"), **ORDER)
    assert holding(database.url, "p-4711") == set()
    assert await column(database, "SELECT key FROM quarantine") == [f"{KEY}/U4"]
    assert await column(database, "SELECT key FROM usage_record_source WHERE NOT withdrawn") == [
        f"{KEY}/U2"
    ]
    await stands(database)


async def test_a_repeated_request_gets_neither_the_text_nor_the_record_back(
    database: Database, send: Send, erasing: Erasing
) -> None:
    row = instrument(contact=NAME)
    first = await send(row, key="k", body=b"a")
    assert (await send(row, key="k", body=b"a")).replayed
    other = await send(instrument("A2"), key="other", body=b"b")
    await erasing.erase(Wanted(entries=(first.rows[0].entry_id or 0,)), **ORDER)
    for body in (b"a", b"another body"):
        with pytest.raises(HubError) as refused:
            await send(row, key="k", body=body)
        assert refused.value.code is ErrorCode.ERASED
    assert (await send(instrument("A2"), key="other", body=b"b")).rows == other.rows
    assert await column(database, "SELECT key FROM instrument") == [f"{UNIVERSITY}/A2"]


async def test_the_answer_to_a_file_goes_with_a_record_in_it(
    database: Database, send: Send, erasing: Erasing
) -> None:
    assert send  # registers the source
    header = "institutionKey,localNo,name.zh,status,originalValue.amount,contact"
    text = f"{header}\n{UNIVERSITY},A1,电镜,在用,,{NAME}\n"
    given, sender = GivenFile(name="a.csv", data=text.encode(), source="zju"), Sender(party=HUB)

    async def answer() -> dict[str, Any]:
        return await part_answer(database, given, sender=sender, clock=lambda: NOW)

    first, again = await answer(), await answer()
    assert first["tables"][0]["accepted"] == 1
    assert again == {**first, "replayed": True}
    await erasing.erase(RECORD, **ORDER)
    assert holding(database.url, NAME) == set()
    with pytest.raises(HubError) as refused:
        await answer()
    assert refused.value.code is ErrorCode.ERASED


async def test_the_answer_to_a_booking_goes_with_its_order(
    database: Database, send: Send, erasing: Erasing
) -> None:
    answer = BookingAnswer(
        order="O-1", instrument=KEY, state=BookingState.REFUSED, said=f"{NAME} has it"
    )
    number = local_id("zju-client:O-1")
    steps = [{"state": each, "at": "2026-01-05T01:00:00Z"} for each in ("REQUESTED", "REFUSED")]
    order = {"instrumentKey": KEY, "localId": number, "state": "REFUSED", "steps": steps}
    await send({"type": "ServiceOrder", "record": order})
    settled, open_one = (Idempotency(key=key, body_hash=b"h" * 32) for key in ("k", "open"))
    for each in (settled, open_one):
        assert await taken(database, "zju-client", each, NOW) is None
    await keep(database, "zju-client", settled, as_kept(answer, "zju-client:O-1"))
    assert await taken(database, "zju-client", settled, NOW) is not None
    await erasing.erase(Wanted(record_type="ServiceOrder", key=f"{KEY}/{number}"), **ORDER)
    assert holding(database.url, NAME) == set()
    with pytest.raises(HubError) as refused:
        await taken(database, "zju-client", settled, NOW)
    assert refused.value.code is ErrorCode.ERASED
    assert await taken(database, "zju-client", open_one, NOW) is None


async def test_rows_whose_signed_request_was_erased_are_not_sent_again(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME), usage(hours="x"))
    await erasing.erase(RECORD, **ORDER)
    (waiting,) = await column(database, "SELECT quarantine_id FROM quarantine")
    with pytest.raises(HubError) as refused:
        await quarantine.resubmit(database, [waiting], clock=lambda: NOW)
    assert refused.value.code is ErrorCode.CONFLICT


async def test_what_gives_a_right_is_withdrawn_before_it_is_erased(
    database: Database, send: Send, erasing: Erasing
) -> None:
    agreement = {"providerKey": UNIVERSITY, "consumerKey": OTHER, "dataset": "ASSET"}
    key = "/".join(agreement.values())
    wanted = Wanted(record_type="Agreement", key=key)
    await send({"type": "Agreement", "record": {**agreement, "purpose": NAME}})
    with pytest.raises(HubError) as refused:
        await erasing.erase(wanted, **ORDER)
    assert refused.value.code is ErrorCode.CONFLICT
    await send(withdrawal("Agreement", key))
    await erasing.erase(wanted, **ORDER)
    assert holding(database.url, NAME) == set()
    await stands(database)


async def test_the_proof_of_an_erasure_is_not_erased(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME))
    (number,) = (await erasing.erase(RECORD, **ORDER)).erasures
    with pytest.raises(HubError) as refused:
        await erasing.erase(Wanted(record_type="Erasure", key=number), **ORDER)
    assert refused.value.code is ErrorCode.CONFLICT


async def test_an_order_that_repeats_the_text_or_names_a_number_changes_nothing(
    database: Database, send: Send, erasing: Erasing, tmp_path: Path
) -> None:
    await send(instrument(contact=NAME))
    bad = [
        (Wanted(text=NAME), f"{NAME} 要求"),
        (RECORD, "身份证 11010519491231002X"),
        (Wanted(text="张"), "x"),
        (Wanted(), "x"),
    ]
    for wanted, reason in bad:
        with pytest.raises(HubError) as refused:
            await erasing.erase(wanted, **{**ORDER, "reason": reason})
        assert refused.value.code is ErrorCode.BAD_USER_INPUT
    assert await column(database, "SELECT contact FROM instrument") == [NAME]
    assert not (tmp_path / "data" / FILE).exists()


async def test_only_the_operator_states_an_erasure(database: Database, send: Send) -> None:
    record = {
        "number": "1",
        "ownerKey": UNIVERSITY,
        "recordType": "Instrument",
        "recordKey": KEY,
        "reason": "x",
        "orderedBy": "x",
        "performedBy": "x",
        "erasedAt": "2026-11-24T02:00:00Z",
    }
    for source in ("zju", "platform"):
        (row,) = (await send({"type": "Erasure", "record": record}, source=source)).rows
        assert row.outcome is Outcome.QUARANTINED
    assert HUB.startswith("hub:")


async def test_a_body_that_nobody_erased_is_missing(database: Database, send: Send) -> None:
    await send(instrument())
    async with database.writes.transaction() as connection:
        await connection.execute("DELETE FROM entry_body")
    assert (Fault.BODY, KEY) in {(d.fault, d.key) for d in (await check(database)).differences}
    with pytest.raises(HubError):
        await rebuild(database)


async def test_more_revisions_than_one_statement_names_are_named_by_several(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(*(instrument(contact=NAME, model=str(number)) for number in range(70)))
    result = await erasing.erase(RECORD, **ORDER)
    assert len(result.erasures) == 2
    named = await column(database, "SELECT cardinality(commitments) FROM erasure_source")
    assert sorted(named) == [6, 64]
