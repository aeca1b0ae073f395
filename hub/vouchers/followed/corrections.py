"""`corrections`: follows claims whose service record was corrected or withdrawn since.

What follows is judged by `hub.policy.vouchers.corrections`. For vouchers whose money this hub keeps
it lowers and holds claims by messages of its own, once for each revision of the service record; of
any voucher it says what a person has to look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from psycopg.rows import dict_row

from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.vouchers.claim import S, VoucherClaimStanding, VoucherStanding
from hub.policy.vouchers.corrections import (
    LIVE,
    TOLD,
    Correction,
    ServiceNow,
    and_met,
    correction,
)
from hub.policy.vouchers.fingerprints import ClaimedService
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.vouchers.followed.findings import VoucherFindings
from hub.vouchers.followed.kept_claims import Row, about, name_of
from hub.vouchers.followed.known_again import TWICE, KnownAgain
from hub.vouchers.followed.mirror import standing_as_stated
from hub.vouchers.limits import UNCHANGED_S
from hub.vouchers.money.ledger import KeptVoucher, read_voucher
from hub.vouchers.money.movements import standing_of
from hub.vouchers.question import (
    ServiceChecked,
    ServiceChecks,
    VoucherAsking,
    VoucherTold,
    VoucherWanted,
)
from hub.vouchers.service import VoucherDesk
from schema.codes import VoucherEvent

HUB_CLIENT = "hub:"
"""Under which name the hub's own messages have their idempotency keys; no client can have it."""
JUDGED = LIVE | {S.SETTLED}
OVER = frozenset({S.REJECTED, S.CLAWED_BACK})
"""States that end a claim: what was found about it is closed."""
UNCHANGED = timedelta(seconds=UNCHANGED_S)


def own_message(wanted: VoucherWanted, party: str, why: str) -> VoucherAsking:
    """Return the asking of a message that the hub sends by itself. `why`: what it follows from.

    The same message for the same reason moves money once.
    """
    told = f"{wanted.issuer}/{wanted.code}/{wanted.claim_no} {wanted.event.value} {wanted.fen}"
    return VoucherAsking(
        client=HUB_CLIENT,
        party=party,
        key=f"{told} {why}",
        body_hash=sha256(told.encode()).digest(),
        is_hub=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherCorrections:
    """Looks at claims after their services changed. `party`: the hub's own."""

    database: Database
    desk: VoucherDesk
    checks: ServiceChecks
    findings: VoucherFindings
    known: KnownAgain
    party: str

    async def look(self, row: Row) -> int:
        """Do what follows for a claim as its row says it; return how much was moved or said."""
        service = await self._service(row["service_key"])
        if service is None:
            return 0  # it names none, or the record is kept at another hub
        voucher = await self._voucher(row)
        if voucher is None:
            return 0  # the mirror says that nobody stated it
        kept, standing = voucher
        claim = standing.claims.get(row["claim_no"])
        if claim is None:
            return 0
        checked = None if service["withdrawn"] else await self._checked(row, kept, standing)
        now = None if checked is None else _service_now(checked)
        follows = correction(claim, row["charge_fen"], now)
        kinds, again = TOLD, None
        known = None if checked is None else known_by(checked)
        if row["issuer_key"] in self.desk.issuers:
            again = await self.known.meet(about(row), name_of(row), row["service_key"], known)
        if again is not None:
            holding = tuple(each.value for each in again.hits)
            follows, kinds = and_met(follows, claim, holding, again.codes), TOLD | {TWICE}
        held = {kind for kind in TOLD if kind.value in claim.holds}  # told before they held it
        said = await self.findings.tell(
            about(row),
            [each for each in follows.found if each.kind not in held],
            (service["entry_id"], row["entry_id"]),
            of=kinds - held,
        )
        if row["issuer_key"] not in self.desk.issuers:
            return said
        sent = await self._send(row, claim, follows, service, now)
        if again is not None and again.is_marked and known is not None:
            road = self.desk.road
            await self.known.settle(name_of(row), known, None if road is None else road.prints)
        return said + sent

    async def is_as_judged(self, row: Row) -> bool:
        """Whether nothing follows from a claim that was consumed here, for it was judged so.

        Its service record was last stated long before, nobody holds it and nothing was found. What
        is stated later comes as a change of the service.
        """
        is_plain = row["state"] == S.CONSUMED.value and not row["hold_reasons"]
        if not is_plain or row["issuer_key"] not in self.desk.issuers:
            return False
        service = await self._service(row["service_key"])
        if service is None or service["accepted_at"] > row["accepted_at"] - UNCHANGED:
            return False
        return not await self.findings.are_open(about(row), TOLD | {TWICE})

    async def _service(self, key: str | None) -> Mapping[str, Any] | None:
        """Return whether a service record stands, and its newest entry; None where it is not here.

        Of several sources one may have withdrawn it: it stands for as long as anybody states it.
        """
        if key is None:
            return None
        table = self.database.records.tables["ServiceRecord"].source.name
        async with (
            self.database.reads.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(
                "SELECT s.entry_id, s.withdrawn, max(s.accepted_at) OVER () AS accepted_at FROM "  # noqa: S608 - own name
                f"{table} s WHERE s.item_id IN (SELECT item_id FROM {table} WHERE key = %s) "
                "ORDER BY s.withdrawn, s.speaks DESC, s.entry_id DESC LIMIT 1".encode(),
                (key,),
            )
            return await cursor.fetchone()

    async def _voucher(self, row: Row) -> tuple[KeptVoucher, VoucherStanding] | None:
        issuer, code = row["issuer_key"], row["code"]
        async with self.database.writes.connection() as connection:
            kept = await read_voucher(self.database, connection, issuer, code)
        if kept is None:
            return None
        if issuer in self.desk.issuers:
            return kept, standing_of(kept.granted, kept.movements)
        return kept, standing_as_stated(kept.granted, [row])

    async def _checked(
        self, row: Row, kept: KeptVoucher, standing: VoucherStanding
    ) -> ServiceChecked | None:
        wanted = VoucherWanted(
            issuer=row["issuer_key"],
            code=row["code"],
            event=VoucherEvent.SETTLE,
            claim_no=row["claim_no"],
            order_no=row["order_no"],
        )
        try:
            return await self.checks.of(row["service_key"], wanted, kept, standing)
        except RefusedError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None  # withdrawn between the two statements

    async def _send(
        self,
        row: Row,
        claim: VoucherClaimStanding,
        follows: Correction,
        service: Row,
        now: ServiceNow | None,
    ) -> int:
        """Send the hub's own message, if one follows; return whether anything moved by it."""
        holds = tuple(each for each in follows.holds if each not in claim.holds)
        if follows.cap_fen is None and not holds:
            return 0
        name, entry = name_of(row), service["entry_id"]
        wanted = VoucherWanted(
            issuer=name.issuer,
            code=name.code,
            claim_no=name.claim_no,
            event=Event.HOLD if follows.cap_fen is None else Event.CAP,
            fen=follows.cap_fen or 0,
            holds=holds,
            charge_fen=_corrected_charge(follows, now),
            reason=" ".join((*_reasons(follows), f"ServiceRecord {entry}")),
        )
        why = f"{entry} {' '.join(holds)}"
        told: VoucherTold = await self.desk.take(own_message(wanted, self.party, why), wanted)
        return int(told.state is not None and not told.replayed)


def known_by(checked: ServiceChecked) -> ClaimedService | None:
    """Return what a claim is known by; None where a fact is lacking for that."""
    return None if isinstance(checked.claimed, Missing) else checked.claimed


def _service_now(checked: ServiceChecked) -> ServiceNow:
    charge = checked.charge_fen
    return ServiceNow(
        charge_fen=Missing("charge") if charge is None else charge,
        gives_fen=checked.gives_fen,
        verified=checked.verified,
    )


def _corrected_charge(follows: Correction, now: ServiceNow | None) -> int | None:
    """Return the charge that a claim is lowered by; a hold changes nothing of it."""
    if follows.cap_fen is None or now is None or isinstance(now.charge_fen, Missing):
        return None
    return now.charge_fen


def _reasons(follows: Correction) -> tuple[str, ...]:
    return tuple(
        each.kind.value if each.detail is None else f"{each.kind.value} {each.detail}"
        for each in follows.found
    )
