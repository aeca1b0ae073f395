from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from hub.errors import ErrorCode, HubError, RefusedError
from hub.intake.batch import Outcome, Rejected
from hub.intake.idempotency import delete_old_answers
from hub.intake.limits import BATCH_ROWS_MAX
from hub.ledger.leaf import salted_hash
from hub.store.database import Database
from hub.store.search import query_expression
from schema.canonical import canonical
from schema.errors import Problem
from tests.databases import as_owner

pytestmark = pytest.mark.integration


async def count(database: Database, table: str, where: str = "true") -> int:
    rows = await database.writes.fetch_all(f"SELECT count(*) FROM {table} WHERE {where}")
    return int(rows[0][0])


async def test_a_good_row_becomes_entry_body_and_projections(
    push: Any, instrument: Any, database: Database
) -> None:
    row = instrument()
    (made,) = (await push(row)).rows
    assert (made.outcome, made.revision, made.key) == (Outcome.ACCEPTED, 1, "moe:10335/A00001")
    (entry,) = await database.reads.fetch_all(
        "SELECT e.entry_id, digest, canon, commitment, salt, assurance, party, key_id, previous "
        "FROM entry e JOIN entry_body USING (entry_id)"
    )
    canon = canonical(row["record"])
    assert entry[:3] == (made.entry_id, sha256(canon).digest(), canon)
    assert entry[3] == salted_hash(entry[4], "", "moe:10335/A00001", 1, canon)
    assert entry[5:] == ("REQUEST_SIGNED", "moe:10335", "k" * 43, None)
    (golden,) = await database.reads.fetch_all(
        "SELECT item_id, name, topics, functions, original_value_amount, annual_hours, "
        "accepted_on, province, classes FROM instrument"
    )
    assert golden[0] == made.item_id
    assert golden[1] == row["record"]["name"]
    assert golden[2] == ['新材料 "A"', "back\\slash"]
    assert golden[3] == "微区形貌观察\n能谱分析"
    assert str(golden[4]) == "1250000.50"
    assert golden[5:] == (1400, "2021-06", "33", [])
    owned = "SELECT owner, issuer, party FROM"
    for table in ("entry", "instrument_source", "instrument"):
        rows = await database.writes.fetch_all(f"{owned} {table}")
        assert rows == [("moe:10335", "moe:10335", "moe:10335")]
    (source,) = await database.reads.fetch_all(
        "SELECT rows, last_status FROM source WHERE source_id = 'zju'"
    )
    assert source == (1, "OK")
    assert await count(database, "request_evidence") == 1


async def test_the_same_row_again_answers_with_the_entry_that_stands(
    push: Any, instrument: Any, database: Database
) -> None:
    first = (await push(instrument())).rows[0]
    again = (await push(instrument())).rows[0]
    assert again.outcome is Outcome.DUPLICATE
    assert (again.entry_id, again.revision_id) == (first.entry_id, first.revision_id)
    assert await count(database, "entry") == 1


@pytest.mark.parametrize("together", [True, False])
async def test_a_then_b_then_a_is_three_revisions(
    push: Any, instrument: Any, database: Database, together: bool
) -> None:
    rows = [instrument(), instrument(model="B"), instrument()]
    made = (await push(*rows)).rows if together else [(await push(row)).rows[0] for row in rows]
    assert [each.revision for each in made] == [1, 2, 3]
    assert made[0].revision_id == made[2].revision_id
    chain = await database.reads.fetch_all(
        "SELECT previous, commitment FROM entry ORDER BY revision"
    )
    assert [previous for previous, _ in chain] == [None, chain[0][1], chain[1][1]]
    (standing,) = await database.reads.fetch_all("SELECT model, revision FROM instrument")
    assert standing == ("JEM-2100F", 3)


async def test_a_row_twice_in_one_batch_is_one_revision_and_one_duplicate(
    push: Any, instrument: Any
) -> None:
    first, second = (await push(instrument(), instrument())).rows
    assert [first.outcome, second.outcome] == [Outcome.ACCEPTED, Outcome.DUPLICATE]
    assert first.entry_id == second.entry_id


async def test_a_bad_row_is_quarantined_with_all_problems_and_the_rest_goes_in(
    push: Any, instrument: Any, database: Database
) -> None:
    bad = instrument(2, status="BROKEN", annualHours="many")
    outcomes = await push(instrument(1), bad, instrument(3))
    assert [each.outcome for each in outcomes.rows] == [
        Outcome.ACCEPTED,
        Outcome.QUARANTINED,
        Outcome.ACCEPTED,
    ]
    refused = outcomes.rows[1]
    assert {each.path for each in refused.problems} == {"status", "annualHours"}
    assert all(each.zh and each.en for each in refused.problems)
    (kept,) = await database.writes.fetch_all(
        "SELECT row_number, key, raw, problems, status FROM quarantine"
    )
    assert kept[:2] == (2, "moe:10335/A00002")
    assert json.loads(kept[2]) == bad
    assert {each["path"] for each in kept[3]} == {"status", "annualHours"}
    assert await count(database, "entry") == 2


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("text", "ROW_NOT_AN_OBJECT"),
        (None, "ROW_NOT_AN_OBJECT"),
        ({}, "ROW_SHAPE"),
        ({"type": "Instrument", "record": {}, "withdraw": {}}, "ROW_SHAPE"),
        ({"type": "Instrument", "record": {}, "extra": 1}, "ROW_SHAPE"),
        ({"type": "Spaceship", "record": {}}, "RECORD_TYPE_UNKNOWN"),
        ({"type": ["Instrument"], "record": {}}, "RECORD_TYPE_UNKNOWN"),
        ({"type": "Instrument", "record": "x"}, "NOT_OBJECT"),
        ({"type": "Instrument", "record": {"a\x00\ud800": 1}}, "UNKNOWN_ITEM"),
        ({"type": "Instrument", "withdraw": {"key": "x"}}, "ROW_SHAPE"),
        ({"type": "Instrument", "withdraw": {"key": "x/y\x00", "reason": "r"}}, "KEY_CHARACTER"),
        ({"type": "Instrument", "withdraw": {"key": "k", "reason": "r", "at": "now"}}, "ROW_SHAPE"),
        ({"type": "Instrument", "record": {}, "jws": 7}, "RECORD_SIGNATURE_INVALID"),
    ],
)
async def test_a_row_of_any_shape_is_answered_and_kept(
    push: Any, database: Database, raw: Any, code: str
) -> None:
    (made,) = (await push(raw)).rows
    assert made.outcome is Outcome.QUARANTINED
    assert code in {each.code for each in made.problems}
    assert await count(database, "quarantine") == 1


async def test_a_row_that_its_adapter_could_not_read_is_kept_as_well(
    push: Any, database: Database
) -> None:
    told = Problem("zt", "CODE_UNKNOWN", "未知代码", "unknown code", "9")
    (made,) = (await push(Rejected({"zt": "9"}, (told,), "Instrument"))).rows
    assert made.problems == (told,)
    assert await count(database, "quarantine", "record_type = 'Instrument'") == 1


async def test_a_source_speaks_for_its_own_institutions_only(push: Any, instrument: Any) -> None:
    (made,) = (await push(instrument(institutionKey="moe:10246"))).rows
    assert [each.code for each in made.problems] == ["OWNER_MISMATCH"]


async def test_a_client_pushes_as_its_own_sources_only(push: Any, instrument: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        await push(instrument(), source="other")
    assert refused.value.code is ErrorCode.SOURCE_FORBIDDEN


async def test_an_unknown_source_is_refused(push: Any, instrument: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        await push(instrument(), source="nobody")
    assert refused.value.code is ErrorCode.SOURCE_UNKNOWN


async def test_a_withdrawn_record_leaves_a_tombstone_and_can_come_back(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument())
    withdraw = {"type": "Instrument", "withdraw": {"key": "moe:10335/A00001", "reason": "sold"}}
    (gone,) = (await push(withdraw)).rows
    assert (gone.outcome, gone.revision) == (Outcome.WITHDRAWN, 2)
    assert await count(database, "instrument") == 0
    assert await count(database, "instrument_source", "withdrawn AND name IS NULL") == 1
    (body,) = await database.reads.fetch_all(
        "SELECT canon FROM entry_body JOIN entry USING (entry_id) WHERE withdrawal"
    )
    assert json.loads(body[0]) == {
        "type": "Instrument",
        "key": "moe:10335/A00001",
        "reason": "sold",
        "at": "2026-11-23T08:00:00Z",
    }
    (again,) = (await push(withdraw)).rows
    assert (again.outcome, again.entry_id) == (Outcome.DUPLICATE, gone.entry_id)
    (back,) = (await push(instrument())).rows
    assert (back.outcome, back.revision) == (Outcome.ACCEPTED, 3)
    assert await count(database, "instrument") == 1


async def test_another_source_cannot_withdraw_a_record(
    push: Any, harvest: Any, instrument: Any, database: Database
) -> None:
    await push(instrument())
    withdraw = {"type": "Instrument", "withdraw": {"key": "moe:10335/A00001", "reason": "mine"}}
    (made,) = (await harvest(withdraw)).rows
    assert [each.code for each in made.problems] == ["WITHDRAW_UNKNOWN"]
    assert await count(database, "instrument") == 1


async def test_two_sources_may_say_different_things_of_one_key(
    push: Any, harvest: Any, instrument: Any, database: Database
) -> None:
    await push(instrument())
    (made,) = (await harvest(instrument(model="other"))).rows
    assert (made.outcome, made.revision) == (Outcome.ACCEPTED, 1)
    assert await count(database, "instrument_source") == 2
    assert await count(database, "instrument") == 1


async def test_a_batch_sent_again_gets_the_same_answer(
    push: Any, instrument: Any, database: Database
) -> None:
    first = await push(instrument(), instrument(2, status="?"), key="k1")
    again = await push(instrument(), instrument(2, status="?"), key="k1")
    assert again.replayed
    assert again.rows == first.rows
    assert await count(database, "quarantine") == 1


async def test_one_idempotency_key_stands_for_one_body(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(), key="k1", body=b"1")
    with pytest.raises(RefusedError) as refused:
        await push(instrument(2), key="k1", body=b"2")
    assert refused.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert await count(database, "entry") == 1


async def test_answers_are_forgotten_after_a_week(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(), key="k1")
    (made,) = await database.writes.fetch_all("SELECT created_at FROM idempotency")
    assert await delete_old_answers(database, made[0] + timedelta(days=6)) == 0
    assert await delete_old_answers(database, made[0] + timedelta(days=8)) == 1
    again = await push(instrument(), key="k1", body=b"another")
    assert again.rows[0].outcome is Outcome.DUPLICATE


async def test_the_same_request_at_the_same_time_is_written_once(
    push: Any, instrument: Any, database: Database
) -> None:
    answers = await asyncio.gather(*(push(instrument(), key="k1") for _ in range(6)))
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 5
    assert len({answer.rows for answer in answers}) == 1
    assert await count(database, "entry") == 1


async def test_a_dry_run_says_what_would_happen_and_writes_nothing(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(1))
    rows = [instrument(1), instrument(2), instrument(2), instrument(3, status="?")]
    outcomes = await push(*rows, dry_run=True, key="k1")
    assert [each.outcome.value for each in outcomes.rows] == [
        "DUPLICATE",
        "ACCEPTED",
        "DUPLICATE",
        "QUARANTINED",
    ]
    assert outcomes.dry_run
    assert [each.entry_id is None for each in outcomes.rows] == [False, True, True, True]
    for table, expected in {"entry": 1, "quarantine": 0, "idempotency": 0}.items():
        assert await count(database, table) == expected
    assert await count(database, "source", "rows = 1") == 1


async def test_concurrent_batches_on_the_same_keys_end_with_consecutive_revisions(
    push: Any, instrument: Any, database: Database
) -> None:
    numbers = list(range(1, 41))

    async def one(task: int) -> None:
        order = numbers if task % 2 else numbers[::-1]
        await push(*(instrument(n, model=f"task {task}") for n in order))

    await asyncio.gather(*(one(task) for task in range(8)))
    rows = await database.reads.fetch_all(
        "SELECT key, array_agg(revision ORDER BY revision), "
        "bool_and(previous IS NOT DISTINCT FROM before) FROM (SELECT key, revision, previous, "
        "lag(commitment) OVER (PARTITION BY key ORDER BY revision) AS before FROM entry) e "
        "GROUP BY key"
    )
    assert len(rows) == len(numbers)
    assert all(revisions == list(range(1, 9)) and chained for _, revisions, chained in rows)
    assert await count(database, "instrument", "revision <> 8") == 0


async def test_batches_on_different_keys_do_not_disturb_each_other(
    push: Any, instrument: Any, database: Database
) -> None:
    await asyncio.gather(*(push(instrument(n)) for n in range(1, 17)))
    assert await count(database, "instrument") == 16


async def test_an_unchanged_coverage_renews_the_time_it_was_said(
    harvest: Any, database: Database
) -> None:
    row = {
        "type": "OccupancyCoverage",
        "record": {
            "instrumentKey": "moe:10335/A00001",
            "startAt": "2026-11-23T00:00:00Z",
            "endAt": "2026-11-30T00:00:00Z",
        },
    }
    await harvest(row)
    (entry,) = await database.reads.fetch_all("SELECT as_of FROM entry")
    later = entry[0] + timedelta(hours=1)
    (again,) = (await harvest(row, as_of=later)).rows
    assert again.outcome is Outcome.DUPLICATE
    assert await database.reads.fetch_all("SELECT as_of FROM heard") == [(later,)]
    assert await count(database, "entry") == 1


async def test_a_batch_has_a_largest_size(push: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        await push(*([{}] * (BATCH_ROWS_MAX + 1)))
    assert refused.value.code is ErrorCode.BATCH_TOO_LARGE


async def test_an_empty_batch_is_refused(push: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        await push()
    assert refused.value.code is ErrorCode.BATCH_EMPTY


@pytest.mark.parametrize(
    "typed", ["电镜", "扫描电镜", "smdj", "saomiao", "sem", "jem 2100", "形貌"]
)
async def test_an_instrument_is_found_by_what_people_type(
    push: Any, instrument: Any, database: Database, typed: str
) -> None:
    await push(instrument())
    found = await database.reads.fetch_all(
        "SELECT count(*) FROM instrument WHERE search @@ %s::tsquery", (query_expression(typed),)
    )
    assert found == [(1,)]


@pytest.mark.parametrize("typed", ["透射", "tem", "xrd", "smdjx"])
async def test_an_instrument_is_not_found_by_something_else(
    push: Any, instrument: Any, database: Database, typed: str
) -> None:
    await push(instrument())
    found = await database.reads.fetch_all(
        "SELECT count(*) FROM instrument WHERE search @@ %s::tsquery", (query_expression(typed),)
    )
    assert found == [(0,)]


async def test_a_failure_in_the_middle_leaves_nothing(
    push: Any, instrument: Any, database: Database
) -> None:
    with psycopg.connect(as_owner(database.url)) as connection:
        connection.execute("ALTER TABLE source ADD CHECK (rows = 0)")
    with pytest.raises((HubError, psycopg.Error)):
        await push(instrument(), instrument(2, status="?"))
    for table in ("entry", "entry_body", "instrument_source", "instrument", "quarantine"):
        assert await count(database, table) == 0
    assert await count(database, "source", "last_ok_at IS NOT NULL") == 0
