"""`attesting`: who may see a claim gets an attestation of it, its state now, and proofs of days.

- A claim is shown to whom its record is shown: provider, holder, issuer, and whoever the owner
  granted vouchers. For anybody else there is no such claim (NOT_FOUND).
- Attested is what the checks say VALID of now, as when a claim is settled. UNKNOWN is not attested:
  the answer names every check. Nor is what a person still has to look at, or what was corrected
  since it was claimed.
- Whether a service was claimed is told to its provider, its user, and to who may see the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

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
from hub.ledger.receipts import leaf_proofs, proofs_of_two, receipt_for
from hub.policy.bounds import Missing
from hub.policy.vouchers.checks import CheckTold, VoucherVerdict
from hub.policy.vouchers.messages import Event
from hub.query.sql.marks import grade_of_rows
from hub.store.database import Database
from hub.store.view import names_now
from hub.vouchers.claim_days import ClaimDays
from hub.vouchers.ledger import CLAIM, KeptVoucher, read_voucher
from hub.vouchers.limits import ATTESTED_DAYS
from hub.vouchers.marks import ClaimName
from hub.vouchers.movements import GrantedVoucher, standing_of
from hub.vouchers.question import ServiceChecked, ServiceChecks, VoucherWanted
from schema.codes import VoucherClaimState
from schema.dates import format_instant, local_date
from schema.records import ServiceRecord

STATE_TYPE = "hub-claim-state+jws"
STATE_VERSION = "hub-claim-state-1"
ATTESTED: Final = frozenset(
    {
        VoucherClaimState.CONSUMED,
        VoucherClaimState.SUBMITTED,
        VoucherClaimState.COUNTY_OK,
        VoucherClaimState.CITY_OK,
        VoucherClaimState.SETTLED,
    }
)
Row = Mapping[str, Any]


class NotAttested(StrEnum):
    """Why there is no attestation, or no proof of a day."""

    NOT_CLAIMED = "NOT_CLAIMED"
    """The claim is only reserved, or it was released, rejected or clawed back."""
    HELD = "HELD"
    """A person has to look at it first."""
    NOT_VALID = "NOT_VALID"
    """The checks do not say VALID; every one is told."""
    CORRECTED = "CORRECTED"
    """The service record says another charge than the claim; the claim is capped first."""
    CASH_OVER = "CASH_OVER"
    """The last day of settlement is over."""
    NOT_IN_LOG = "NOT_IN_LOG"
    """No signed checkpoint covers it yet; ask again in a few seconds."""
    SERVICE_ELSEWHERE = "SERVICE_ELSEWHERE"
    """The service is a record of another hub, whose proof this one does not hold."""
    NO_MAP = "NO_MAP"
    """The map of that day is not stated: the day is not over, or the hub made none then."""
    AFTER_DAY = "AFTER_DAY"
    """The record came into the log after the map of that day was made; ask for a later day."""
    MAP_GONE = "MAP_GONE"
    """Content of that day was erased; its map cannot be made again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttestationTold:
    """An attestation, or why there is none. One of `text`, `refused`, `missing` is stated."""

    text: bytes | None = None
    refused: NotAttested | None = None
    missing: Missing | None = None
    checks: tuple[CheckTold, ...] = ()
    attested: Attested | None = None
    claim: Row | None = None
    """The row that was told of."""
    service: Row | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimStateTold:
    """What a claim is now. `jws`: the same, typ `hub-claim-state+jws`."""

    claim: Row
    home: str
    """Origin of the log of the hub that was asked."""
    looked_up_at: str
    jws: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimsTold:
    """A proof of whether a service was claimed at the end of a day, or why there is none."""

    text: bytes | None = None
    is_claimed: bool | None = None
    refused: NotAttested | None = None
    service: Row | None = None


class AttestationDesk:
    """Attests claims. `base`, `origin`: address of this hub and name of its log."""

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
    ) -> None:
        self._database = database
        self._checks = checks
        self._agreements = agreements
        self._clock = clock
        self._base = base
        self._origin = origin
        self._key = key
        self._policy = policy
        self.days = ClaimDays(database, origin)

    async def attest(self, party: str | None, name: ClaimName) -> AttestationTold:
        """Attest a claim; `party` None is the operator. NOT_FOUND for who may not see it."""
        claim = await self._claim(party, name)
        voucher = await self._voucher(name)
        today = local_date(self._clock())
        lacking = _lacking(claim, voucher.granted, today)
        if isinstance(lacking, NotAttested):
            return AttestationTold(refused=lacking, claim=claim)
        if isinstance(lacking, Missing):
            return AttestationTold(missing=lacking, claim=claim)
        if not await self._has_service(claim["service_key"]):
            return AttestationTold(refused=NotAttested.SERVICE_ELSEWHERE, claim=claim)
        service = await self._service(claim["service_key"])
        found = await self._checked(name, claim, voucher)
        told = AttestationTold(checks=found.verified.checks, claim=claim, service=service)
        if found.verified.verdict is not VoucherVerdict.VALID:
            return replace(told, refused=NotAttested.NOT_VALID)
        if found.charge_fen is None or found.charge_fen != claim["charge_fen"]:
            return replace(told, refused=NotAttested.CORRECTED)
        until = min(lacking, today + timedelta(days=ATTESTED_DAYS))
        return await self._attested(told, voucher, name, until)

    async def _attested(
        self, told: AttestationTold, voucher: KeptVoucher, name: ClaimName, until: date
    ) -> AttestationTold:
        claim, service = told.claim, told.service
        assert claim is not None
        assert service is not None
        claim_entry, service_entry = claim["entry_id"], service["entry_id"]
        both = await proofs_of_two(self._database, service_entry, claim_entry, self._policy)
        if both is None or both[1].origin != self._origin:
            return replace(told, refused=NotAttested.NOT_IN_LOG)
        of_service, of_claim = both
        served, claimed = of_service.evidence[service_entry], of_claim.evidence[claim_entry]
        is_here = of_service.origin == of_claim.origin
        attested = Attested(
            issuer=self._base,
            issued_at=int(self._clock().timestamp()),
            origin=of_claim.origin,
            log_size=of_claim.log_size,
            service_log=None if is_here else ServiceLog(of_service.origin, of_service.log_size),
            instrument=service["instrument_key"],
            provider=claim["provider_key"],
            holder=voucher.granted.holder,
            voucher=f"{name.issuer}/{name.code}",
            claim_no=name.claim_no,
            state=claim["state"],
            ended_on=local_date(service["ended_at"]),
            charge_fen=claim["charge_fen"],
            voucher_fen=claim["voucher_fen"],
            checks=tuple(
                AttestedCheck(each.code.value, each.result.value, each.parameter)
                for each in told.checks
            ),
            valid_until=until,
            service_commitment=served.salted_hash,
            claim_commitment=claimed.salted_hash,
            claim_key=claim_key(served.salt, served.salted_hash),
        )
        text = build_attestation(
            attested, of_service.texts[service_entry], of_claim.texts[claim_entry], self._key()
        )
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
            f"SELECT * FROM {table} WHERE key = %s AND NOT withdrawn AND speaks LIMIT 1",  # noqa: S608 - own name
            (f"{name.issuer}/{name.code}/{name.claim_no}",),
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

    async def _checked(self, name: ClaimName, claim: Row, voucher: KeptVoucher) -> ServiceChecked:
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


def _lacking(claim: Row, granted: GrantedVoucher, today: date) -> NotAttested | Missing | date:
    """Return why a claim cannot be attested, or the last day for which it could be."""
    if VoucherClaimState[claim["state"]] not in ATTESTED or claim["service_key"] is None:
        return NotAttested.NOT_CLAIMED
    if claim["hold_reasons"]:
        return NotAttested.HELD
    if claim["voucher_fen"] is None:
        return Missing("voucherFen")
    cash_until = granted.cash_until
    if isinstance(cash_until, Missing):
        return cash_until
    return NotAttested.CASH_OVER if today > cash_until else cash_until


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
