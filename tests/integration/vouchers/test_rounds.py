"""Messages that come at once share a transaction; each is judged as if it had come alone."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from hub.demo.records import demo_party
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, RequestSignature
from hub.intake.service import submit
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.store.database import Database
from hub.store.locks import free_of_others
from hub.vouchers.money.audit import audit
from hub.vouchers.money.ledger import name_of_lock
from hub.vouchers.question import VoucherAsking, VoucherTold, VoucherWanted
from tests.databases import as_owner
from tests.integration.vouchers.voucher_world import (
    CODE,
    HOLDER,
    HUB,
    ISSUER,
    PROVIDER,
    SPRING,
    VoucherWorld,
    grant,
)

pytestmark = pytest.mark.integration
CODES = [f"ZJ-2026-{number:04}" for number in range(1, 13)]
OTHERS = [f"ZJ-other-{number}" for number in range(12)]
ONE = f"{PROVIDER}/TEM-1/one"
FIRST = 2
"""Messages by which the desk was opened."""


@pytest.fixture
async def world(database: Database) -> VoucherWorld:
    """A desk that is open already, so that what is sent at once arrives at once."""
    await grant(database, *CODES, "ZJ-first")
    world = VoucherWorld(database)
    await world.send(Event.RESERVE, "A", 1, code="ZJ-first")
    await world.send(Event.RELEASE, "A", code="ZJ-first")
    return world


async def granted_to_others(world: VoucherWorld, codes: list[str]) -> None:
    """State vouchers of a holder each: only what is checked for several goes in one round."""
    said = {"issuerKey": ISSUER, "state": "GRANTED", "payerDivision": "331083"}
    said |= {"useUntil": "2026-06-30", "cashUntil": "2026-09-30"}
    stated = [
        {**said, "grantedFen": 2_000_000, "code": code, "holderKey": demo_party("310000", number)}
        for number, code in enumerate(codes)
    ]
    rows = [{"type": "Voucher", "record": each} for each in stated]
    batch = Batch(
        source="vouchers-office", party=HUB, channel=Channel.FILE, rows=rows, as_of=SPRING,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="2"),
    )  # fmt: skip
    outcomes = (await submit(world.database, batch, clock=lambda: SPRING)).rows
    assert {each.outcome for each in outcomes} == {Outcome.ACCEPTED}, outcomes


async def reserved(world: VoucherWorld, codes: list[str] = CODES) -> list[VoucherTold]:
    return list(
        await asyncio.gather(
            *(world.send(Event.RESERVE, "A", 100_000, code=each) for each in codes)
        )
    )


async def rows(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(as_owner(database_url)) as connection:
        return await (await connection.execute(statement.encode())).fetchall()


async def test_messages_at_once_share_transactions(world: VoucherWorld, database_url: str) -> None:
    told = await reserved(world)
    assert {each.state for each in told} == {S.RESERVED}
    ((transactions, movements),) = await rows(
        database_url,
        "SELECT count(DISTINCT xid), count(*) FROM entry WHERE record_type = 'VoucherMovement' "
        "AND key NOT LIKE '%ZJ-first%'",
    )
    assert (movements, transactions) == (len(CODES), 1)
    found = await audit(world.database)
    assert (found.is_sound, found.buckets.reserved) == (True, 100_000 * len(CODES))


async def test_each_entry_names_the_request_that_it_follows(
    world: VoucherWorld, database_url: str
) -> None:
    """Two signed requests in one transaction: four entries, two of each; both are kept."""
    signatures = [RequestSignature(f"base {n}", b"signature", f"key-{n}") for n in range(2)]

    async def say(number: int) -> VoucherTold:
        wanted = VoucherWanted(
            issuer=ISSUER, code=CODES[number], event=Event.RESERVE, claim_no="A", fen=1,
            provider=PROVIDER, planned=(world.time().date(), world.time().date()),
        )  # fmt: skip
        asking = VoucherAsking(
            client="client", party=HOLDER, key=f"k{number}", body_hash=sha256(b"x").digest(),
            signature=signatures[number],
        )  # fmt: skip
        return await world.desk.take(asking, wanted)

    assert {each.state for each in await asyncio.gather(say(0), say(1))} == {S.RESERVED}
    found = await rows(
        database_url,
        "SELECT e.key_id, e.evidence, e.key, count(*) OVER (PARTITION BY e.xid) FROM entry e "
        "JOIN request_evidence r ON r.evidence = e.evidence WHERE e.record_type LIKE 'Voucher%' "
        "ORDER BY e.key_id, e.key",
    )
    assert [(key_id, bytes(evidence)) for key_id, evidence, *_ in found] == [
        (each.key_id, each.hash) for each in signatures for _ in range(2)
    ]
    assert {code in key for (_, _, key, _), code in zip(found[::2], CODES, strict=False)} == {True}
    assert {together for *_, together in found} == {4}


async def test_who_is_refused_does_not_harm_the_others(world: VoucherWorld) -> None:
    """Too much money, a stranger, a number that no claim can have: each is told so, alone."""
    told = await asyncio.gather(
        world.send(Event.RESERVE, "A", 100_000, code=CODES[0]),
        world.send(Event.RESERVE, "A", 9_000_000, code=CODES[1]),
        world.send(Event.RESERVE, "A", 100_000, code=CODES[2], party="moe:10246"),
        world.send(Event.RESERVE, "a/b", 100_000, code=CODES[3]),
        world.send(Event.RESERVE, "A", 100_000, code="ZJ-unknown"),
        world.send(Event.RESERVE, "A", 100_000, code=CODES[4]),
        return_exceptions=True,
    )
    answers = [
        each.code if isinstance(each, RefusedError) else each.state or each.refused  # type: ignore[union-attr]
        for each in told
    ]
    assert answers == [
        S.RESERVED,
        VoucherRefusal.INSUFFICIENT,
        ErrorCode.FORBIDDEN,
        ErrorCode.BAD_USER_INPUT,
        ErrorCode.NOT_FOUND,
        S.RESERVED,
    ]
    assert (await audit(world.database)).movements == FIRST + 2


async def test_a_consume_that_no_record_can_hold_leaves_no_mark(world: VoucherWorld) -> None:
    """It had marked its service when it was refused: the round ends, and the others are taken."""
    await granted_to_others(world, OTHERS[:2])
    await reserved(world, OTHERS[:2])
    too_long = {"reason": "x" * 300}
    told = await asyncio.gather(
        world.send(Event.CONSUME, "A", 100_000, code=OTHERS[0], service=ONE, **too_long),
        world.send(Event.CONSUME, "A", 100_000, code=OTHERS[1]),
        return_exceptions=True,
    )
    assert isinstance(told[0], RefusedError)
    assert told[0].code is ErrorCode.BAD_USER_INPUT
    assert isinstance(told[1], VoucherTold)
    assert told[1].state is S.CONSUMED
    again = await world.send(Event.CONSUME, "A", 100_000, code=OTHERS[0], service=ONE)
    assert again.state is S.CONSUMED


@pytest.mark.parametrize("is_of_one_holder", [True, False])
async def test_one_service_is_claimed_once_however_many_ask(
    world: VoucherWorld, *, is_of_one_holder: bool
) -> None:
    """In one round where holders differ; else one after the other: a holder's year counts."""
    codes = CODES if is_of_one_holder else OTHERS
    if not is_of_one_holder:
        await granted_to_others(world, OTHERS)
    await reserved(world, codes)
    told = await asyncio.gather(
        *(world.send(Event.CONSUME, "A", 100_000, code=each, service=ONE) for each in codes)
    )
    assert sum(each.state is S.CONSUMED for each in told) == 1
    assert sum(each.refused is Hit.ALREADY_CLAIMED for each in told) == len(CODES) - 1
    found = await audit(world.database)
    assert (found.is_sound, found.buckets.consumed) == (True, 100_000)


async def test_a_voucher_that_another_one_holds_holds_up_no_other(world: VoucherWorld) -> None:
    async with world.database.writes.transaction() as elsewhere:
        assert await free_of_others(elsewhere, [name_of_lock(ISSUER, CODES[0])]) == [True]
        held = asyncio.create_task(world.send(Event.RESERVE, "A", 100_000, code=CODES[0]))
        others = await reserved(world, CODES[1:])
        assert {each.state for each in others} == {S.RESERVED}
        assert not held.done()
    assert (await held).state is S.RESERVED


async def test_a_message_reads_nothing_of_what_was_before(
    world: VoucherWorld, database_url: str
) -> None:
    """With its movements gone, a voucher still knows its money: a long history costs nothing."""
    for number in range(5):
        await world.send(Event.RESERVE, f"C{number}", 100_000)
    with psycopg.connect(as_owner(database_url), autocommit=True) as connection:
        connection.execute(b"DELETE FROM voucher_movement_source")
    told = await world.send(Event.RESERVE, "C5", 100_000)
    assert told.buckets is not None
    assert (told.buckets.reserved, told.buckets.available) == (600_000, 1_400_000)
    refused = await world.send(Event.RESERVE, "C2", 100_000)
    assert refused.refused is VoucherRefusal.CLAIM_EXISTS
    numbers = await rows(database_url, "SELECT number FROM voucher_movement_source")
    assert numbers == [("6",)]


async def test_a_first_message_reads_no_movements_either(
    world: VoucherWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most vouchers pay for few services: each would be made from its movements once."""

    async def made(*_: object) -> None:
        raise AssertionError("nothing moved this voucher yet")

    monkeypatch.setattr("hub.vouchers.money.balances._made", made)
    told = await world.send(Event.RESERVE, "A", 100_000)
    assert told.buckets is not None
    assert (told.buckets.reserved, told.buckets.available) == (100_000, 1_900_000)


@pytest.mark.parametrize("change", ["last = 1, reserved = 100000, claims = 1", None])
async def test_a_balance_that_is_behind_or_missing_is_made_again(
    world: VoucherWorld, database_url: str, change: str | None
) -> None:
    """As after a message that a worker of an older version took: no movement is written over."""
    for claim in "AB":
        await world.send(Event.RESERVE, claim, 100_000)
    act = (
        "DELETE FROM voucher_balance" if change is None else f"UPDATE voucher_balance SET {change}"
    )
    with psycopg.connect(as_owner(database_url), autocommit=True) as connection:
        connection.execute(f"{act} WHERE code = '{CODE}'".encode())
    told = await world.send(Event.RESERVE, "C", 100_000)
    assert told.buckets is not None
    assert told.buckets.reserved == 300_000
    found = await audit(world.database)
    assert (found.is_sound, found.movements) == (True, FIRST + 3)


async def test_what_an_issuer_grants_anew_counts_at_once(world: VoucherWorld) -> None:
    await world.send(Event.RESERVE, "A", 1_500_000)
    assert (await world.send(Event.RESERVE, "B", 900_000)).refused is VoucherRefusal.INSUFFICIENT
    await grant(world.database, CODE, fen=3_000_000)
    told = await world.send(Event.RESERVE, "B", 900_000)
    assert told.buckets is not None
    assert (told.buckets.reserved, told.buckets.available) == (2_400_000, 600_000)
