"""`voucher_ledger`: a ledger of a million movements, and one long voucher, made by PostgreSQL itself.

Each claim is reserved and consumed: two movements. The rows are those that the hub writes for such messages,
without their entries: the audit reads none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg

from bench.memory import own_peak_mib
from bench.voucher_world import CHARGE_FEN, HOLDERS, ISSUER, PROVIDER, state
from hub.clock import system_clock
from hub.store.database import Database
from hub.vouchers.money.audit import audit
from hub.vouchers.money.ledger import open_ledger, source_of
from schema.dates import local_date

CLAIMS_EACH = 50
"""Claims on each of the vouchers that the audit reads."""
_HEAD = """source, authority, key, item_id, owner, issuer, party, entry_id, revision, digest, as_of, accepted_at,
assurance, channel, withdrawn, speaks, issuer_key, code, holder_key, provider_key, claim_no"""
_WHO = """'{source}', '', {key}, {key}, '{holder}', '{issuer}', 'hub:bench', 1, 1, '', now(), now(),
'HUB_OBSERVED', 'LIVE', false, true, '{issuer}', {code}, '{holder}', '{provider}', 'C-' || c"""
_OF = """FROM generate_series({first}, {last}) v, generate_series(1, {claims}) c"""


@dataclass(frozen=True, slots=True)
class AuditedLedger:
    """What an audit took, and the most memory that its process held."""

    movements: int
    seconds: float
    cpu_s: float
    peak_mib: float
    fault: str


async def long_voucher(database: Database, code: str, claims: int) -> None:
    """State one voucher with so many claims, two movements each."""
    await _granted(database, [code])
    with psycopg.connect(database.url, autocommit=True) as connection:
        _fill(connection, first=1, last=1, claims=claims, code=f"'{code}'")


async def filled_ledger(database: Database, movements: int) -> None:
    """State as many vouchers as give so many movements."""
    vouchers = movements // 2 // CLAIMS_EACH
    codes = [f"A-{number}" for number in range(1, vouchers + 1)]
    for at in range(0, vouchers, 5_000):
        await _granted(database, codes[at : at + 5_000])
    with psycopg.connect(database.url, autocommit=True) as connection:
        _fill(connection, first=1, last=vouchers, claims=CLAIMS_EACH, code="'A-' || v")
        connection.execute("VACUUM ANALYZE")


async def _granted(database: Database, codes: list[str]) -> None:
    await open_ledger(database, ISSUER, system_clock())
    today = local_date(system_clock())
    until = today.replace(year=today.year + 1, day=1).isoformat()
    rows = [
        {"type": "Voucher", "record": {
            "issuerKey": ISSUER, "code": code, "holderKey": HOLDERS[0], "state": "GRANTED", "payerDivision": "331083",
            "grantedFen": 10**12, "useUntil": until, "cashUntil": until,
        }}
        for code in codes
    ]  # fmt: skip
    await state(database, rows, system_clock())


def _fill(connection: psycopg.Connection, *, first: int, last: int, claims: int, code: str) -> None:
    named = {
        "source": source_of(ISSUER),
        "holder": HOLDERS[0],
        "issuer": ISSUER,
        "provider": PROVIDER,
        "code": code,
    }
    of = _OF.format(first=first, last=last, claims=claims)
    for step, (event, state_then, place, target) in enumerate(
        (
            ("RESERVE", "RESERVED", "AVAILABLE", "RESERVED"),
            ("CONSUME", "CONSUMED", "RESERVED", "CONSUMED"),
        )
    ):
        number = f"(2 * c - 1 + {step})"
        key = f"'{ISSUER}/' || {code} || '/' || {number}"
        moves = f'[{{"source": "{place}", "target": "{target}", "fen": {CHARGE_FEN}}}]'
        connection.execute(
            f"INSERT INTO voucher_movement_source ({_HEAD}, number, event, at, claim_state, holds, moves) "
            f"SELECT {_WHO.format(key=key, **named)}, {number}::text, '{event}', now(), '{state_then}', '{{}}', "
            f"'{moves}'::jsonb {of}".encode()
        )
    key = f"'{ISSUER}/' || {code} || '/C-' || c"
    connection.execute(
        f"INSERT INTO voucher_claim_source ({_HEAD}, state, voucher_fen, hold_reasons, changed_at) "
        f"SELECT {_WHO.format(key=key, **named)}, 'CONSUMED', {CHARGE_FEN}, '{{}}', now() {of}".encode()
    )


async def audited(url: str) -> AuditedLedger:
    """Audit everything that stands in a database. In a process of its own, for its memory."""
    began, cpu = time.perf_counter(), time.process_time()
    async with Database(url) as database:
        found = await audit(database)
    faults = ", ".join(f"{each.voucher} {each.code}" for each in found.faults[:3])
    return AuditedLedger(
        found.movements,
        time.perf_counter() - began,
        time.process_time() - cpu,
        own_peak_mib(),
        faults,
    )
