"""`attesting`: who may see a claim gets an attestation of it, its state now, and proofs of days.

- A claim is shown to whom its record is shown: provider, holder, issuer, and whoever the owner
  granted vouchers. For anybody else there is no such claim (NOT_FOUND).
- Attested is what the checks say VALID of now, as when a claim is settled. UNKNOWN is not attested:
  the answer names every check. Nor is what a person still has to look at, or a service whose
  charge was corrected since it was claimed.
- What another hub granted is attested on what that hub says now and proves, also where a copy of
  the record is kept here (`hub.vouchers.between.proving`).
- Whether a service was claimed is told to its provider, its user, and to who may see the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from psycopg.rows import dict_row

from hub.access.agreements import Agreements
from hub.access.visibility import Subject, holds
from hub.audit.protected import ProtectedRead
from hub.clock import Clock
from hub.crypto.answer import AnswerSigner, signed_answer
from hub.crypto.keys import VerifyKey
from hub.errors import ErrorCode, RefusedError
from hub.ledger.attestation import Attested, AttestedCheck, ServiceLog, build_attestation
from hub.ledger.claim_map import claim_key
from hub.ledger.claims_proof import ClaimsProof
from hub.ledger.hub_keys import pinned_keys
from hub.ledger.policy import Policy
from hub.ledger.receipts import LeafProofs, leaf_proofs, proofs_of_two, receipt_for
from hub.policy.bounds import Missing
from hub.policy.vouchers.checks import VoucherVerdict
from hub.policy.vouchers.messages import Event
from hub.query.sql.marks import grade_of_rows
from hub.store.database import Database
from hub.store.view import names_now
from hub.vouchers.attested.attestation_told import (
    AttestationTold,
    ClaimStateTold,
    ClaimsTold,
    NotAttested,
    Row,
    last_day,
)
from hub.vouchers.attested.claim_days import ClaimDays
from hub.vouchers.between.proving import ProvedService, ServiceAbroad, ServicesAbroad
from hub.vouchers.between.service_proof import proof_of
from hub.vouchers.limits import ATTESTED_DAYS
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import CLAIM, KeptVoucher, read_voucher
from hub.vouchers.money.movements import standing_of
from hub.vouchers.question import GivenService, ServiceChecked, ServiceChecks, VoucherWanted
from schema.dates import format_instant, local_date
from schema.parties import HUB_PARTY
from schema.records import ServiceRecord

STATE_TYPE = "hub-claim-state+jws"
STATE_VERSION = "hub-claim-state-1"


@dataclass(frozen=True, slots=True)
class _ClaimSeen:
    """A claim that may be attested, with its voucher. `until`: the last day for which."""

    name: ClaimName
    claim: Row
    voucher: KeptVoucher
    until: date


class AttestationDesk:
    """Attests claims. `base`, `origin`: address of this hub and name of its log.

    `abroad`: asks the homes of services; None: no other hub is asked.
    """

    def __init__(  # noqa: PLR0913 - what an attestation rests on
        self,
        database: Database,
        checks: ServiceChecks,
        agreements: Agreements,
        clock: Clock,
        *,
        base: str,
        origin: str,
        key: Callable[[], AnswerSigner],
        policy: Policy | None = None,
        abroad: ServicesAbroad | None = None,
    ) -> None:
        self._database = database
        self._checks = checks
        self._agreements = agreements
        self._clock = clock
        self._base = base
        self._origin = origin
        self._key = key
        self._policy = policy
        self._abroad = abroad
        self.days = ClaimDays(database, origin)

    async def attest(
        self, party: str | None, name: ClaimName, client: str | None = None
    ) -> AttestationTold:
        """Attest a claim; `party` None is the operator. NOT_FOUND for who may not see it.

        `client`: as which `party` asks; the home of a service is told for whom it is asked.
        """
        claim = await self._claim(party, name)
        voucher = await self._voucher(name)
        told = AttestationTold(claim=claim)
        today = local_date(self._clock())
        last = last_day(claim, voucher.granted, today)
        if not isinstance(last, date):
            return told.without(last)
        seen = _ClaimSeen(name, claim, voucher, min(last, today + timedelta(days=ATTESTED_DAYS)))
        if self._abroad is not None and (shared := await self._abroad.claim_of(name)) is not None:
            here = f"{HUB_PARTY}{self._origin}"
            there = await self._abroad.ask(
                shared, voucher.granted.holder, party or here, client or here
            )
            return await self._attest_abroad(told, seen, there)
        if not await self._has_service(claim["service_key"]):
            return told.without(NotAttested.SERVICE_ELSEWHERE)
        service = await self._service(claim["service_key"])
        return await self._attest_own(replace(told, service=service), seen, service)

    async def _attest_abroad(
        self,
        told: AttestationTold,
        seen: _ClaimSeen,
        there: ServiceAbroad | NotAttested | Missing,
    ) -> AttestationTold:
        """Attest a claim on a service of another hub, by what that one answered."""
        if not isinstance(there, ServiceAbroad):
            return told.without(there)
        told = await self._judged(told, seen, there.given)
        if told.refused is not None:
            return told
        of_claim = await leaf_proofs(self._database, (seen.claim["entry_id"],), self._policy)
        return self._attested(told, seen, there.proved, of_claim)

    async def _attest_own(
        self, told: AttestationTold, seen: _ClaimSeen, service: Row
    ) -> AttestationTold:
        """Attest a claim on a service of this hub's own."""
        told = await self._judged(told, seen)
        if told.refused is not None:
            return told
        entry = service["entry_id"]
        both = await proofs_of_two(self._database, entry, seen.claim["entry_id"], self._policy)
        if both is None:
            return told.without(NotAttested.NOT_IN_LOG)
        of_service, of_claim = both
        served = ProvedService(
            instrument=service["instrument_key"],
            ended_on=local_date(service["ended_at"]),
            log=ServiceLog(of_service.origin, of_service.log_size),
            commitment=of_service.evidence[entry].salted_hash,
            proof=proof_of(of_service, entry),
        )
        return self._attested(told, seen, served, of_claim)

    def _attested(
        self,
        told: AttestationTold,
        seen: _ClaimSeen,
        served: ProvedService | NotAttested | Missing,
        of_claim: LeafProofs | None,
    ) -> AttestationTold:
        """Sign what was judged valid, where the logs prove it."""
        if not isinstance(served, ProvedService):
            return told.without(served)
        if of_claim is None or of_claim.origin != self._origin:
            return told.without(NotAttested.NOT_IN_LOG)
        name, claim = seen.name, seen.claim
        entry = claim["entry_id"]
        attested = Attested(
            issuer=self._base,
            issued_at=int(self._clock().timestamp()),
            origin=of_claim.origin,
            log_size=of_claim.log_size,
            service_log=None if served.log.origin == of_claim.origin else served.log,
            instrument=served.instrument,
            provider=claim["provider_key"],
            holder=seen.voucher.granted.holder,
            voucher=f"{name.issuer}/{name.code}",
            claim_no=name.claim_no,
            state=claim["state"],
            ended_on=served.ended_on,
            charge_fen=claim["charge_fen"],
            voucher_fen=claim["voucher_fen"],
            checks=tuple(
                AttestedCheck(each.code.value, each.result.value, each.parameter)
                for each in told.checks
            ),
            valid_until=seen.until,
            service_commitment=served.commitment,
            claim_commitment=of_claim.evidence[entry].salted_hash,
            claim_key=served.proof.claim_key,
        )
        text = build_attestation(attested, served.proof.text, of_claim.texts[entry], self._key())
        return replace(told, text=text, attested=attested)

    async def keys_to_pin(self, periods: Sequence[tuple[VerifyKey, int]]) -> bytes:
        """Return the file of keys by which attestations of this hub are verified."""
        return await pinned_keys(self._database, self._origin, periods, self._clock())

    def reads(self, claim: Row | None, service: Row | None) -> list[ProtectedRead]:
        """Return what the audit is told of the records behind an answer."""
        registry = self._database.records.registry
        told = ((registry[CLAIM], claim), (registry[ServiceRecord.__name__], service))
        return [
            ProtectedRead(grade_of_rows(spec), spec.scope, row["item_id"], row["owner"])
            for spec, row in told
            if row is not None
        ]

    async def state(self, party: str | None, name: ClaimName) -> ClaimStateTold:
        """Return what a claim is now. NOT_FOUND for who may not see it."""
        claim = await self._claim(party, name)
        at = self._clock()
        said = {
            "v": STATE_VERSION,
            "iss": self._base,
            "iat": int(at.timestamp()),
            "origin": self._origin,
            "voucher": f"{name.issuer}/{name.code}",
            "claimNo": name.claim_no,
            "state": claim["state"],
            "voucherFen": claim["voucher_fen"],
            "settledFen": claim["settled_fen"],
            "holds": list(claim["hold_reasons"] or ()),
            "entry": str(claim["entry_id"]),
        }
        stated = {key: value for key, value in said.items() if value is not None}
        return ClaimStateTold(
            claim=claim,
            home=self._origin,
            looked_up_at=format_instant(at),
            jws=signed_answer(STATE_TYPE, stated, self._key()),
        )

    async def claims_of(self, party: str | None, service_key: str, day: date) -> ClaimsTold:
        """Prove whether a service was claimed at the end of a day.

        NOT_FOUND for who may not know.
        """
        service = await self._service(service_key)
        if not await self._may_know(party, service):
            raise _no_service()
        told = await self.days.stated(day)
        if told is None:
            return ClaimsTold(refused=NotAttested.NO_MAP, service=service)
        proofs = await leaf_proofs(self._database, (service["entry_id"],), self._policy)
        receipt = await receipt_for(self._database, told.entry_id, self._policy)
        if proofs is None or receipt is None or receipt.text is None:
            return ClaimsTold(refused=NotAttested.NOT_IN_LOG, service=service)
        served = proofs.evidence[service["entry_id"]]
        index = proofs.indexes[service["entry_id"]]
        if proofs.origin != self._origin or index >= told.log_size:
            return ClaimsTold(refused=NotAttested.AFTER_DAY, service=service)
        made = await self.days.again(told)
        if made is None:
            return ClaimsTold(refused=NotAttested.MAP_GONE, service=service)
        key = claim_key(served.salt, served.salted_hash)
        canon = await self._canon(told.entry_id)
        proof = ClaimsProof(key, canon, receipt.text.encode(), made.prove(key))
        return ClaimsTold(text=proof.encode(), is_claimed=proof.is_claimed, service=service)

    async def _may_know(self, party: str | None, service: Row) -> bool:
        if party is None:
            return True
        names = await self._names()
        if names.party(party) in {service["owner"], service["user_key"]}:
            return True
        table = self._database.records.tables[CLAIM].source.name
        claims = await self._rows(
            f"SELECT * FROM {table} WHERE service_key = %s AND NOT withdrawn AND speaks LIMIT 100",  # noqa: S608 - own name
            (service["key"],),
        )
        for each in claims:
            if await self._sees(party, each):
                return True
        return False

    async def _claim(self, party: str | None, name: ClaimName) -> Row:
        table = self._database.records.tables[CLAIM].source.name
        rows = await self._rows(
            f"SELECT * FROM {table} WHERE code = %s AND key = %s "  # noqa: S608 - own name
            "AND NOT withdrawn AND speaks LIMIT 1",
            (name.code, f"{name.issuer}/{name.code}/{name.claim_no}"),
        )
        if not rows or not (party is None or await self._sees(party, rows[0])):
            raise _no_claim()
        return rows[0]

    async def _sees(self, party: str, claim: Row) -> bool:
        spec = self._database.records.registry[CLAIM]
        subject = Subject(
            owner=claim["owner"], issuer=claim["issuer"], wire={"holderKey": claim["holder_key"]}
        )
        return holds(spec.rows, subject, await self._agreements.of(party))

    async def _has_service(self, key: str) -> bool:
        """Whether a record of the service was ever stated here."""
        table = self._database.records.tables[ServiceRecord.__name__].source.name
        name = (await self._names()).of(ServiceRecord.__name__, key)
        return bool(await self._rows(f"SELECT FROM {table} WHERE key = %s LIMIT 1", (name,)))

    async def _service(self, key: str) -> Row:
        names = await self._names()
        table = self._database.records.tables[ServiceRecord.__name__].source.name
        rows = await self._rows(
            f"SELECT * FROM {table} WHERE key = %s AND NOT withdrawn AND speaks LIMIT 1",  # noqa: S608 - own name
            (names.of(ServiceRecord.__name__, key),),
        )
        if not rows:
            raise _no_service()
        return rows[0]

    async def _voucher(self, name: ClaimName) -> KeptVoucher:
        async with self._database.reads.connection() as connection:
            voucher = await read_voucher(self._database, connection, name.issuer, name.code)
        if voucher is None:
            raise _no_claim()
        return voucher

    async def _judged(
        self, told: AttestationTold, seen: _ClaimSeen, given: GivenService | None = None
    ) -> AttestationTold:
        """Check a service as when its claim is settled. `given`: what its home says of it."""
        found = await self._checked(seen, given)
        told = replace(told, checks=found.verified.checks)
        if found.verified.verdict is not VoucherVerdict.VALID:
            return told.without(NotAttested.NOT_VALID)
        if found.charge_fen is None or found.charge_fen != seen.claim["charge_fen"]:
            return told.without(NotAttested.CORRECTED)
        return told

    async def _checked(self, seen: _ClaimSeen, given: GivenService | None) -> ServiceChecked:
        name, claim, voucher = seen.name, seen.claim, seen.voucher
        wanted = VoucherWanted(
            issuer=name.issuer,
            code=name.code,
            event=Event.SETTLE,
            claim_no=name.claim_no,
            fen=claim["voucher_fen"],
            service=claim["service_key"],
            order_no=claim["order_no"],
        )
        standing = standing_of(voucher.granted, voucher.movements)
        if given is not None:
            return await self._checks.checked(given, wanted, voucher, standing)
        return await self._checks.of(claim["service_key"], wanted, voucher, standing)

    async def _canon(self, entry_id: int) -> bytes:
        rows = await self._rows("SELECT canon FROM entry_body WHERE entry_id = %s", (entry_id,))
        return bytes(rows[0]["canon"])

    async def _names(self) -> Any:
        async with self._database.reads.connection() as connection:
            return await names_now(connection, self._database.records)

    async def _rows(self, statement: str, parameters: tuple[Any, ...]) -> list[dict[str, Any]]:
        async with (
            self._database.reads.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement.encode(), parameters)
            return list(await cursor.fetchall())


def _no_claim() -> RefusedError:
    return RefusedError(
        ErrorCode.NOT_FOUND,
        hint="issuer, code, claimNo: a claim on a voucher that you may see",
        hint_zh="issuer、code、claimNo：您可见的一笔创新券申兑",
    )


def _no_service() -> RefusedError:
    return RefusedError(
        ErrorCode.NOT_FOUND,
        hint="service: the key of a service record whose claims you may know of",
        hint_zh="service：您可获知其申兑的服务记录主键",
    )
