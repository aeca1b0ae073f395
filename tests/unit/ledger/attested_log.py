"""A log with a service, a claim on it and maps of claims; and a hub that attests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from hub.crypto import es256
from hub.ledger.attestation import Attested, AttestedCheck, ServiceLog, build_attestation
from hub.ledger.checkpoint import Checkpoint, cosign, sign_checkpoint, with_cosignatures
from hub.ledger.claim_map import ClaimMark, SortedClaims, claim_key
from hub.ledger.claims_proof import ClaimsProof
from hub.ledger.keys import PinnedKey, ProducerKeys, Window
from hub.ledger.leaf import LeafEvidence, Revision, evidence_for
from hub.ledger.merkle import inclusion_proof, nodes_of, root
from hub.ledger.note import LOG_KEY, WITNESS_KEY, Note, Signer
from hub.ledger.policy import Policy, parse_policy
from hub.ledger.proof import TlogProof, build_receipt
from schema.canonical import canonical
from schema.dates import local_date
from tests.unit.ledger.conftest import WITNESS_TIMES, signer

ORIGIN = "hub.delta.example/records"
HUB = f"hub:{ORIGIN}"
PROVIDER, HOLDER, ISSUER = "moe:10335", "uscc:12330000470003281H", "moe:10001"
VOUCHER = f"{ISSUER}/ZJ-2026-0001"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
SERVICE_AT, CLAIM_AT = 3, 5


class HubKey:
    """A hub's key for what it says over its name."""

    suite = "ES256"

    def __init__(self, secret: int = 815) -> None:
        self.private = derive_private_key(secret, SECP256R1())
        self.kid = es256.thumbprint(self.private.public_key())

    def sign(self, data: bytes) -> bytes:
        return es256.sign(self.private, data)


class AttestedLog:
    """Eight leaves; the fourth is a service, the sixth the claim on it."""

    def __init__(self, origin: str = ORIGIN, at: datetime = NOW) -> None:
        self.at = at
        self.origin, self.log, self.key = origin, signer(origin, LOG_KEY), HubKey()
        self.witnesses: dict[str, Signer] = {
            name: signer(f"witness.{name}.example/w", WITNESS_KEY) for name in WITNESS_TIMES
        }
        kinds = {SERVICE_AT: "ServiceRecord", CLAIM_AT: "VoucherClaim"}
        self.canons: list[bytes] = []
        self.entries: list[LeafEvidence] = []
        for number in range(8):
            self.add(kinds.get(number, "UsageRecord"), {"number": number})

    def add(self, record_type: str, record: dict[str, Any], key: str | None = None) -> int:
        number = len(self.entries)
        salt = sha256(f"{self.origin} {number}".encode()).digest()
        revision = Revision(record_type, "", key or f"{PROVIDER}/TEM-1/{number}", 1)
        canon = canonical(record)
        self.canons.append(canon)
        party = f"hub:{self.origin}"
        self.entries.append(evidence_for(canon, salt, revision, party, None, None))
        return number

    def head(self, witnesses: tuple[str, ...] = ("sh", "js", "ah")) -> Note:
        hashes = [each.leaf().hash() for each in self.entries]
        note = sign_checkpoint(Checkpoint(self.origin, len(hashes), root(hashes)), self.log)
        seen = int(self.at.timestamp()) - 60
        lines = [cosign(note.text, self.witnesses[each], seen) for each in witnesses]
        return with_cosignatures(note, lines)

    def proof(self, number: int, head: Note | None = None) -> bytes:
        """Return the proof of a leaf without its salt."""
        hashes = [each.leaf().hash() for each in self.entries]
        path = tuple(inclusion_proof(nodes_of(hashes), number, len(hashes)))
        leaf = self.entries[number].leaf().encode()
        return TlogProof(leaf, number, path, head or self.head()).encode()

    def attested(self, **changed: Any) -> Attested:
        said = Attested(
            issuer="https://hub.delta.example",
            issued_at=int(self.at.timestamp()),
            origin=self.origin,
            log_size=len(self.entries),
            instrument=f"{PROVIDER}/TEM-1",
            provider=PROVIDER,
            holder=HOLDER,
            voucher=VOUCHER,
            claim_no="A",
            state="CONSUMED",
            ended_on=date(2026, 5, 4),
            charge_fen=800_000,
            voucher_fen=400_000,
            checks=(
                AttestedCheck("CHAIN", "PASS"),
                AttestedCheck("POWER", "PASS", "voucher.power_share"),
            ),
            valid_until=local_date(self.at) + timedelta(days=30),
            service_commitment=self.entries[SERVICE_AT].salted_hash,
            claim_commitment=self.entries[CLAIM_AT].salted_hash,
            claim_key=self.claim_key(),
        )
        return replace(said, **changed)

    def claim_key(self) -> bytes:
        service = self.entries[SERVICE_AT]
        return claim_key(service.salt, service.salted_hash)

    def attestation(
        self, service: bytes | None = None, claim: bytes | None = None, **changed: Any
    ) -> bytes:
        return build_attestation(
            self.attested(**changed),
            service or self.proof(SERVICE_AT),
            claim or self.proof(CLAIM_AT),
            self.key,
        )

    def attestation_over(self, other: AttestedLog, **changed: Any) -> bytes:
        """Return one of a claim here on a service that stands in another log."""
        said = {
            "service": other.proof(SERVICE_AT),
            "service_commitment": other.entries[SERVICE_AT].salted_hash,
            "service_log": ServiceLog(other.origin, len(other.entries)),
            **changed,
        }
        return self.attestation(**said)

    def claims(
        self,
        marks: dict[bytes, ClaimMark],
        *,
        day: date | None = None,
        log_size: int | None = None,
        record_type: str = "ClaimMap",
        key: bytes | None = None,
    ) -> bytes:
        """State a day's map in the log, and return what it proves of the service."""
        made, day = SortedClaims(marks.items()), day or local_date(self.at)
        record = {
            "day": day.isoformat(),
            "statedBy": "operator",
            "logSize": len(self.entries) if log_size is None else log_size,
            "keysCount": made.size,
            "root": made.root().hex(),
        }
        number = self.add(record_type, record, day.isoformat())
        hashes = [each.leaf().hash() for each in self.entries]
        path = inclusion_proof(nodes_of(hashes), number, len(hashes))
        receipt = build_receipt(self.entries[number], number, path, self.head().encode())
        asked = key or self.claim_key()
        return ClaimsProof(asked, self.canons[number], receipt, made.prove(asked)).encode()

    def keys(self, window: Window | None = None) -> ProducerKeys:
        active = None if window is None else {self.origin: window}
        public = self.key.private.public_key()
        return ProducerKeys([PinnedKey(self.key.kid, f"hub:{self.origin}", public, active)])

    def policy(self, quorum: str = "all", *others: AttestedLog) -> Policy:
        """Return a policy that pins this log and others, all seen by the same witnesses."""
        lines = [f"log {each.log.key.encode()}" for each in (self, *others)]
        lines += [f"witness {name} {each.key.encode()}" for name, each in self.witnesses.items()]
        asked = [f"group provinces {quorum} sh js ah", "quorum provinces"]
        lines += ["quorum none"] if quorum == "none" else asked
        return parse_policy(("\n".join(lines) + "\n").encode())


MARK = ClaimMark(f"{VOUCHER}/A", "SUBMITTED", 400_000)


def others(count: int) -> dict[bytes, ClaimMark]:
    """Return claims on other services."""
    return {
        sha256(f"other {number}".encode()).digest(): ClaimMark(f"{ISSUER}/X/{number}", "SETTLED", 1)
        for number in range(count)
    }
