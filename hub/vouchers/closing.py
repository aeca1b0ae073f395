"""`closing`: vouchers whose last day of use or of settlement is over are ended, by the calendar."""

from __future__ import annotations

import logging

from hub.errors import HubError
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.vouchers.ledger import MOVEMENT, OF_LEDGER, VOUCHER
from hub.vouchers.limits import DUE_MAX
from hub.vouchers.service import VoucherDesk
from schema.codes import VoucherEvent
from schema.dates import local_date

_LOG = logging.getLogger(__name__)
LAST_DAYS = {Event.USE_OVER: "use_until", Event.CASH_OVER: "cash_until"}


async def close_over(desk: VoucherDesk, database: Database) -> int:
    """End the vouchers that are over today in Shanghai, at most `DUE_MAX` of each kind.

    Returns how many were ended. One that cannot be ended now is logged and tried again.
    """
    ended = 0
    for event, last_day in LAST_DAYS.items():
        for issuer, code in await _over(desk, database, event, last_day):
            try:
                ended += await desk.close(issuer, code, event) is not None
            except HubError as error:
                _LOG.warning("voucher %s/%s is not ended: %s", issuer, code, error)
    return ended


async def _over(
    desk: VoucherDesk, database: Database, event: VoucherEvent, last_day: str
) -> list[tuple[str, str]]:
    tables = database.records.tables
    granted, moved = tables[VOUCHER].source.name, tables[MOVEMENT].source.name
    rows = await database.reads.fetch_all(
        f"SELECT v.issuer_key, v.code FROM {granted} v WHERE v.issuer_key = ANY(%s) "  # noqa: S608 - own names
        f"AND v.{last_day} < %s AND v.state = 'GRANTED' AND NOT v.withdrawn AND v.speaks "
        f"AND NOT EXISTS (SELECT FROM {moved} m WHERE m.issuer_key = v.issuer_key "
        "AND m.code = v.code AND m.event = %s AND m.claim_no IS NULL AND NOT m.withdrawn "
        f"AND {OF_LEDGER.format(t='m')}) "
        f"ORDER BY v.{last_day}, v.key LIMIT {DUE_MAX}",
        (sorted(desk.issuers), local_date(desk.clock()), event.value),
    )
    return [(issuer, code) for issuer, code in rows]
