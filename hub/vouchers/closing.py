"""`closing`: what the calendar asks of vouchers.

Those whose last day of use or of settlement is over are ended, and so are reservations for a
service that did not come (`hub.vouchers.reservations`); the map of what stands claimed at the end
of each day goes into the log (`hub.vouchers.attested.claim_days`).
"""

from __future__ import annotations

import logging
from typing import Any

from hub.errors import HubError
from hub.intake.linking import state_as_operator
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.vouchers.attested.claim_days import ClaimDays
from hub.vouchers.followed.findings import VoucherFindings
from hub.vouchers.followed.kept_claims import KeptClaims
from hub.vouchers.limits import DUE_MAX
from hub.vouchers.money.ledger import MOVEMENT, OF_LEDGER, VOUCHER
from hub.vouchers.reservations import Reservations
from hub.vouchers.service import VoucherDesk
from schema.codes import VoucherEvent
from schema.dates import local_date
from schema.parties import HUB_PARTY

_LOG = logging.getLogger(__name__)
LAST_DAYS = {Event.USE_OVER: "use_until", Event.CASH_OVER: "cash_until"}


async def keep_days(desk: VoucherDesk, database: Database, origin: str) -> None:
    """Do what is due today; a hub that keeps no money of vouchers has nothing to do.

    A database that begins anew waits for the other hubs: what it has lost is made up for then.

    `origin`: the name of its log.
    """
    if desk.road is not None and (silent := await desk.road.hearing.unheard()) is not None:
        _LOG.warning("vouchers: nothing is ended before %s is heard", silent.reason)
        return
    await close_over(desk, database)
    if not desk.issuers:
        return
    await reservations_of(desk).look()

    async def state(rows: list[dict[str, Any]]) -> None:
        await state_as_operator(database, desk.clock, f"{HUB_PARTY}{origin}", rows)

    stated = await ClaimDays(database, origin).state_due(desk.clock(), state)
    if stated:
        _LOG.info("vouchers: the maps of claimed services of %d days are in the log", stated)


def reservations_of(desk: VoucherDesk) -> Reservations:
    """Return who ends the reservations on a desk's vouchers."""
    findings = VoucherFindings(desk.database, desk.clock, desk.party)
    return Reservations(desk, KeptClaims(desk.database, desk.issuers), findings)


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
