"""The audit makes money and claims again from movements, and finds what somebody changed."""

from __future__ import annotations

import psycopg
import pytest

from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.vouchers.money.audit import audit
from tests.databases import as_owner
from tests.integration.vouchers.voucher_world import CODE, PROVIDER, VoucherWorld, grant

pytestmark = pytest.mark.integration
OTHER = "ZJ-2026-0002"


@pytest.fixture
async def world(database: Database) -> VoucherWorld:
    await grant(database, CODE, OTHER)
    world = VoucherWorld(database)
    for code in (CODE, OTHER):
        await world.send(Event.RESERVE, "A", 800_000, code=code)
        await world.send(Event.CONSUME, "A", 700_000, code=code, service=f"{PROVIDER}/T/{code}")
    await world.send(Event.RESERVE, "B", 300_000)
    await world.send(Event.RELEASE, "B")
    return world


async def test_an_untouched_ledger_is_sound(world: VoucherWorld) -> None:
    found = await audit(world.database)
    assert found.is_sound, found.faults
    assert (found.vouchers, found.movements, found.claims) == (2, 6, 3)
    assert found.buckets.granted == 4_000_000
    assert (found.buckets.consumed, found.buckets.available) == (1_400_000, 2_600_000)


async def test_what_others_state_is_no_money_of_this_hub(
    world: VoucherWorld, database_url: str
) -> None:
    with psycopg.connect(as_owner(database_url), autocommit=True) as connection:
        for table in ("voucher_movement_source", "voucher_claim_source"):
            connection.execute(
                f"CREATE TEMP TABLE others AS SELECT * FROM {table} WHERE code = '{CODE}'".encode()
            )
            connection.execute(b"UPDATE others SET source = 'vouchers-office'")
            connection.execute(f"INSERT INTO {table} SELECT * FROM others".encode())
            connection.execute(b"DROP TABLE others")
    found = await audit(world.database)
    assert (found.is_sound, found.movements, found.claims) == (True, 6, 3)


CHANGES = {
    "MONEY_NOT_THERE": "UPDATE voucher_movement_source SET moves = "
    '\'[{"source": "AVAILABLE", "target": "RESERVED", "fen": 9000000}]\' '
    f"WHERE code = '{CODE}' AND number = '1'",
    "NUMBER_NOT_NEXT": f"DELETE FROM voucher_movement_source WHERE code = '{CODE}' "
    "AND number = '2'",
    "STATE_NOT_FITTING": "UPDATE voucher_movement_source SET claim_state = 'SETTLED' "
    f"WHERE code = '{CODE}' AND number = '2'",
    "CLAIM_STATE": f"UPDATE voucher_claim_source SET state = 'SETTLED' WHERE code = '{CODE}' "
    "AND claim_no = 'A'",
    "CLAIM_MONEY": f"UPDATE voucher_claim_source SET voucher_fen = 1 WHERE code = '{CODE}' "
    "AND claim_no = 'A'",
    "BALANCE": f"UPDATE voucher_balance SET reserved = reserved + 1 WHERE code = '{CODE}'",
    "CLAIM_NOT_STATED": f"DELETE FROM voucher_claim_source WHERE code = '{CODE}' "
    "AND claim_no = 'B'",
    "CLAIM_WITHOUT_MOVEMENT": f"DELETE FROM voucher_movement_source WHERE code = '{CODE}'",
    "NOT_GRANTED": f"DELETE FROM voucher_source WHERE code = '{CODE}'",
}


@pytest.mark.parametrize("code", CHANGES)
async def test_what_somebody_changed_is_found(
    world: VoucherWorld, database_url: str, code: str
) -> None:
    with psycopg.connect(as_owner(database_url), autocommit=True) as connection:
        connection.execute(CHANGES[code].encode())
    found = await audit(world.database)
    assert [(each.voucher, each.code) for each in found.faults] == [(f"moe:10001/{CODE}", code)]
    assert found.vouchers == 2
