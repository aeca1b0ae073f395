"""`granted_since`: services of this hub, corrected after another hub's voucher paid for them.

The hub of a voucher hears of a service when it is claimed. What its home corrects afterwards is in
the home's log alone, unless the other hub reads the home's service records. So the home says it, as
a finding about that claim, to whoever may see it here; money is moved by the voucher's own hub.
Claims that are stated here as records are looked at by `hub.vouchers.followed.corrections` instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import dict_row

from hub.policy.vouchers.corrections import VoucherFound
from hub.store.database import Database
from hub.vouchers.followed.findings import VoucherAbout, VoucherFindings
from hub.vouchers.limits import CLAIMS_OF_CHANGE
from hub.vouchers.money.ledger import CLAIM
from schema.codes import VoucherFindingKind as Kind

KINDS_SINCE: Final = frozenset({Kind.SERVICE_WITHDRAWN, Kind.SERVICE_UNCLEAR})
CORRECTED: Final = "CORRECTED_SINCE_GRANT"
_GRANTED = """
SELECT DISTINCT ON (g.issuer, g.code, g.claim_no) g.issuer, g.code, g.claim_no, s.owner,
  s.entry_id, s.withdrawn, b.digest <> s.digest AS is_other
FROM service_grant g JOIN {service} s ON s.key = g.service
LEFT JOIN entry e ON e.record_type = 'ServiceRecord' AND e.source = s.source
  AND e.authority = s.authority AND e.key = s.key AND e.commitment = decode(g.commitment, 'hex')
LEFT JOIN entry_body b ON b.entry_id = e.entry_id
WHERE g.state = 'CONSUMED' AND s.item_id = ANY(%s) AND NOT EXISTS (
  SELECT FROM {claim} c WHERE c.issuer_key = g.issuer AND c.code = g.code
    AND c.claim_no = g.claim_no AND NOT c.withdrawn)
ORDER BY g.issuer, g.code, g.claim_no, s.withdrawn, s.speaks DESC, s.entry_id DESC LIMIT %s"""


@dataclass(frozen=True, slots=True)
class GrantedSince:
    """Looks at services that claims of other hubs were granted and consumed."""

    database: Database
    findings: VoucherFindings

    async def look(self, services: Sequence[str]) -> int:
        """Say of some service records, by identity, what was corrected; return what changed."""
        if not services:
            return 0
        told = 0
        for row in await self._rows(services):
            about = VoucherAbout(
                issuer=row["issuer"],
                code=row["code"],
                claim_no=row["claim_no"],
                provider=row["owner"],
            )
            told += await self.findings.tell(about, _found(row), (row["entry_id"],), of=KINDS_SINCE)
        return told

    async def _rows(self, services: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        tables = self.database.records.tables
        service, claim = (tables[each].source.name for each in ("ServiceRecord", CLAIM))
        statement = _GRANTED.format(service=service, claim=claim)
        async with (
            self.database.writes.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement.encode(), (list(services), CLAIMS_OF_CHANGE))
            return list(await cursor.fetchall())


def _found(row: Mapping[str, Any]) -> tuple[VoucherFound, ...]:
    """Return what is told; of a grant whose revision was lost only that the record is gone."""
    if row["withdrawn"]:
        return (VoucherFound(kind=Kind.SERVICE_WITHDRAWN),)
    return (VoucherFound(kind=Kind.SERVICE_UNCLEAR, detail=CORRECTED),) if row["is_other"] else ()
