"""`first_claims`: the claim that another one meets, for who may see it; else nothing."""

from __future__ import annotations

from collections.abc import Sequence

from hub.policy.vouchers.fingerprints import ClaimedService
from hub.store.database import Database
from hub.vouchers.cases.sight import ALIAS, RecordSight, Row, SightedRows
from hub.vouchers.limits import MARKS_MAX
from hub.vouchers.marks import REFUSING, ClaimName, Met, marks_of
from hub.vouchers.money.ledger import CLAIM

SHOWN = ("issuer_key", "code", "claim_no")
_HOLDERS = """
SELECT DISTINCT issuer, code, claim_no FROM voucher_mark
WHERE (kind, mark) IN (SELECT * FROM unnest(%s::text[], %s::bytea[])) LIMIT %s"""


def refusing_claims(met: Sequence[Met]) -> list[ClaimName]:
    """Return the claims of this hub that refuse another one."""
    return [each.claim for each in met if each.hit.refuses and each.claim is not None]


async def claims_on(database: Database, service: ClaimedService, but: ClaimName) -> list[ClaimName]:
    """Return who holds the service or its invoice at this hub, beside one claim."""
    marks = [each for each in marks_of(service) if each[0] in REFUSING]
    rows = await database.reads.fetch_all(
        _HOLDERS, ([kind for kind, _ in marks], [mark for _, mark in marks], MARKS_MAX)
    )
    names = [ClaimName(*row) for row in rows]
    return [each for each in names if each != but]


async def first_claim(
    database: Database, sight: RecordSight, claims: Sequence[ClaimName]
) -> Row | None:
    """Return the first of the claims that may be seen; its `entry_id` names its receipt."""
    if not claims:
        return None
    rows = SightedRows(database.records, CLAIM, sight)
    keys = rows.bind([each.text for each in claims])
    async with database.reads.connection() as connection:
        found = await rows.fetch(connection, SHOWN, f"{ALIAS}.key = ANY({keys})", MARKS_MAX)
    return found[0] if found else None
