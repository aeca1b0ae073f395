"""`packing`: collects what an evidence pack is made of, for whoever may have it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hub.access.resource import Caller
from hub.errors import ErrorCode, RefusedError
from hub.ledger.policy import Policy
from hub.ledger.receipts import receipts_for
from hub.receipts.answer import Receipts
from hub.store.database import Database
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.cases.pack import PackContents, ProvedEntry, entries_of, signing_keys
from hub.vouchers.cases.pack_page import CHINESE, PACK_LANGUAGES
from hub.vouchers.cases.sight import RecordSight

Prove = Callable[[Sequence[int]], Awaitable[Mapping[int, ProvedEntry]]]
"""Gives entries with their receipts, as far as their reader may have them."""
PolicyFile = Callable[[], Awaitable[bytes]]
"""Gives the policy that trusts every log of this hub."""
_BODIES = "SELECT entry_id, canon FROM entry_body WHERE entry_id = ANY(%s)"
_KEYS = "SELECT kid, jwk FROM client_key WHERE kid = ANY(%s) ORDER BY kid"
_PUBLIC = ("kty", "crv", "x", "y")


async def collect(
    desk: VoucherCaseDesk,
    sight: RecordSight,
    identity: str,
    prove: Prove,
    policy: PolicyFile,
    language: str = CHINESE,
) -> PackContents | None:
    """Return the contents of the pack of a case; None where there is none to see.

    `RefusedError` BAD_USER_INPUT for a language that no pack is written in.
    """
    if language not in PACK_LANGUAGES:
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT,
            hint=f"lang: {' or '.join(PACK_LANGUAGES)}",
            hint_zh=f"lang：{' 或 '.join(PACK_LANGUAGES)}",
        )
    seen = await desk.look(sight, identity)
    if seen is None:
        return None
    proved = await prove([row["entry_id"] for _, row in entries_of(seen.chain)])
    return PackContents(
        chain=seen.chain,
        stations=seen.stations,
        lacking_law=seen.lacking,
        proved=proved,
        policy=await policy(),
        language=language,
        keys=await _keys(desk.database, signing_keys(proved)),
    )


def proving_for(caller: Caller, receipts: Receipts) -> Prove:
    """Return how a caller over an interface gets receipts: those that it could fetch one by one."""

    async def prove(entries: Sequence[int]) -> Mapping[int, ProvedEntry]:
        found = {}
        for entry, answer in zip(entries, await receipts.find_all(caller, entries), strict=True):
            if answer is not None:
                record = None if answer.record is None else answer.record.encode()
                found[entry] = ProvedEntry(answer.state, record, answer.proof)
        return found

    return prove


def proving_all(database: Database, policy: Policy | None = None) -> Prove:
    """Return how the operator gets receipts."""

    async def prove(entries: Sequence[int]) -> Mapping[int, ProvedEntry]:
        receipts = await receipts_for(database, entries, policy)
        bodies = dict(await database.reads.fetch_all(_BODIES, (list(entries),)))
        return {
            entry: ProvedEntry(each.state.value, bodies.get(entry), each.text)
            for entry, each in receipts.items()
        }

    return prove


async def _keys(database: Database, named: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the public keys of producers, as `deltahub verify --keys` reads them."""
    if not named:
        return []
    rows = await database.reads.fetch_all(_KEYS, (sorted(named),))
    return [
        {**{name: jwk[name] for name in _PUBLIC}, "kid": kid, "party": named[kid]}
        for kid, jwk in rows
    ]
