"""`attestation`: that a service was claimed on a voucher and its checks were VALID, as one file.

RFC 8785 JSON with exactly these members:

    attestation   compact JWS of the hub, typ `hub-attestation+jws`
    claim         tlog-proof@v1 of the claim's revision; `extra` is the leaf itself
    service       the same of the service record's revision
    v             hub-attestation-1

Receipts of records carry a salt, with which a guess of what a record says can be tested. These do
not: a leaf is public and tells type, party and a salted hash. So an attestation may be given to
whoever must pay, and holds no person, no content and no project.

Invariants:
- The JWS names the salted hashes (commitments) of both leaves and the SHA-256 of both proofs: no
  part of one attestation fits into another, and no character of the file can be changed.
- Both proofs stand under one checkpoint, or the JWS names the other log in which the service is.
- Only a service whose checks are all VALID is attested; another verdict is refused here too.
- Needs the standard library, `cryptography` and pure modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, NamedTuple

from hub.crypto.answer import AnswerError, AnswerSigner, SignedAnswer, parse_answer, signed_answer
from hub.crypto.base64url import b64url, unb64url
from hub.ledger.errors import NoteError
from hub.ledger.leaf import Leaf, parse_leaf
from hub.ledger.limits import ATTESTATION_BYTES_MAX
from hub.ledger.proof import TlogProof, parse_tlog_proof
from schema.canonical import canonical, parse_canonical

TYPE = "hub-attestation+jws"
VERSION = "hub-attestation-1"
SERVICE, CLAIM = "ServiceRecord", "VoucherClaim"
VALID = "VALID"
_FILE = frozenset({"v", "attestation", "claim", "service"})
_TEXTS = (
    *("v", "iss", "origin", "instrument", "provider", "holder", "voucher", "claimNo", "state"),
    *("endedOn", "validUntil", "verdict", "serviceCommitment", "claimCommitment", "claimKey"),
)
_NUMBERS = ("iat", "logSize", "chargeFen", "voucherFen")
_LISTS = ("checks", "receipts")


class AttestationError(ValueError):
    """The file is no attestation: it was damaged or is something else."""


class AttestedCheck(NamedTuple):
    """One check of the service. `parameter`: of the law, where it rests on one."""

    code: str
    result: str
    parameter: str | None = None


class ServiceLog(NamedTuple):
    """The other log in which a service stands, of another hub or of before; its size by then."""

    origin: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """What the hub attests of a service and the claim on it."""

    issuer: str
    """Address of the hub."""
    issued_at: int
    """POSIX seconds, by the hub's clock."""
    origin: str
    log_size: int
    """It was so when the log had so many leaves."""
    instrument: str
    provider: str
    holder: str
    voucher: str
    """Key of the issuing department and number of the voucher, joined by `/`."""
    claim_no: str
    state: str
    """Of the claim."""
    ended_on: date
    """Day of Shanghai on which the service ended."""
    charge_fen: int
    voucher_fen: int
    checks: tuple[AttestedCheck, ...]
    valid_until: date
    """Day of Shanghai, included; never later than the last day of settlement."""
    service_commitment: bytes
    claim_commitment: bytes
    claim_key: bytes
    """Key of the service in the daily map of claims (`hub.ledger.claim_map`)."""
    service_log: ServiceLog | None = None
    """None where service and claim are in one log."""


@dataclass(frozen=True, slots=True)
class AttestationFile:
    """An attestation as it was read; nothing in it is verified."""

    jws: SignedAnswer
    service: TlogProof
    claim: TlogProof
    digests: Mapping[str, str]
    """SHA-256 of both proofs, base64url."""
    leaves: Mapping[str, Leaf]


def build_attestation(
    attested: Attested, service: bytes, claim: bytes, signer: AnswerSigner
) -> bytes:
    """Return the file. `service`, `claim`: proofs of both leaves, each from its own log."""
    receipts = {"service": _digest(service), "claim": _digest(claim)}
    token = signed_answer(TYPE, {**_wire(attested), "receipts": receipts}, signer)
    return canonical(
        {"v": VERSION, "attestation": token, "service": service.decode(), "claim": claim.decode()}
    )


def parse_attestation(data: bytes) -> AttestationFile:
    """Read an attestation in its one spelling, or raise `AttestationError`."""
    if len(data) > ATTESTATION_BYTES_MAX:
        raise AttestationError(f"an attestation has at most {ATTESTATION_BYTES_MAX} bytes")
    try:
        read = parse_canonical(data)
        if read.keys() != _FILE or read["v"] != VERSION:
            raise AttestationError(f"it has exactly {', '.join(sorted(_FILE))}; v is {VERSION}")
        if not all(isinstance(each, str) for each in read.values()):
            raise AttestationError("every member is text")
        texts = {name: read[name].encode() for name in ("service", "claim")}
        service = parse_tlog_proof(texts["service"])
        claim = parse_tlog_proof(texts["claim"], service)
        return AttestationFile(
            jws=parse_answer(TYPE, read["attestation"]),
            service=service,
            claim=claim,
            digests={name: _digest(text) for name, text in texts.items()},
            leaves={"service": parse_leaf(service.extra), "claim": parse_leaf(claim.extra)},
        )
    except (AnswerError, NoteError, ValueError) as error:
        raise AttestationError(str(error)) from error


def attested_of(file: AttestationFile) -> tuple[Attested, Mapping[str, str]]:
    """Return what a signed payload says, and its digests of the proofs; else `AttestationError`."""
    try:
        read = parse_canonical(file.jws.payload)
        _check(read)
        attested = Attested(
            issuer=read["iss"],
            issued_at=read["iat"],
            origin=read["origin"],
            log_size=read["logSize"],
            instrument=read["instrument"],
            provider=read["provider"],
            holder=read["holder"],
            voucher=read["voucher"],
            claim_no=read["claimNo"],
            state=read["state"],
            ended_on=date.fromisoformat(read["endedOn"]),
            charge_fen=read["chargeFen"],
            voucher_fen=read["voucherFen"],
            checks=tuple(_check_of(each) for each in read["checks"]),
            valid_until=date.fromisoformat(read["validUntil"]),
            service_commitment=unb64url(read["serviceCommitment"]),
            claim_commitment=unb64url(read["claimCommitment"]),
            claim_key=unb64url(read["claimKey"]),
            service_log=_service_log(read),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AttestationError(f"the signed text is no attestation: {error}") from error
    return attested, read["receipts"]


def _service_log(read: Mapping[str, Any]) -> ServiceLog | None:
    if "serviceOrigin" not in read:
        return None
    if read["serviceOrigin"] == read["origin"]:
        raise AttestationError("a service in the same log names no other one")
    return ServiceLog(read["serviceOrigin"], read["serviceLogSize"])


def _wire(attested: Attested) -> dict[str, Any]:
    log = attested.service_log
    elsewhere = {} if log is None else {"serviceOrigin": log.origin, "serviceLogSize": log.size}
    return {
        **elsewhere,
        "v": VERSION,
        "iss": attested.issuer,
        "iat": attested.issued_at,
        "origin": attested.origin,
        "logSize": attested.log_size,
        "instrument": attested.instrument,
        "provider": attested.provider,
        "holder": attested.holder,
        "voucher": attested.voucher,
        "claimNo": attested.claim_no,
        "state": attested.state,
        "endedOn": attested.ended_on.isoformat(),
        "chargeFen": attested.charge_fen,
        "voucherFen": attested.voucher_fen,
        "verdict": VALID,
        "checks": [_check_wire(each) for each in attested.checks],
        "validUntil": attested.valid_until.isoformat(),
        "serviceCommitment": b64url(attested.service_commitment),
        "claimCommitment": b64url(attested.claim_commitment),
        "claimKey": b64url(attested.claim_key),
    }


def _check(read: Mapping[str, Any]) -> None:
    is_of_two = "serviceOrigin" in read or "serviceLogSize" in read
    texts = (*_TEXTS, "serviceOrigin") if is_of_two else _TEXTS
    numbers = (*_NUMBERS, "serviceLogSize") if is_of_two else _NUMBERS
    if read.keys() != {*texts, *numbers, *_LISTS} or read["v"] != VERSION:
        raise AttestationError("a member is missing or one too many")
    if not all(isinstance(read[name], str) for name in texts):
        raise AttestationError("a text is no text")
    if not all(type(read[name]) is int and read[name] >= 0 for name in numbers):
        raise AttestationError("a number is no whole number")
    passed = [each["result"] == "PASS" for each in read["checks"]]
    if read["verdict"] != VALID or not passed or not all(passed):
        raise AttestationError("only a service whose checks are all VALID is attested")


def _check_of(read: Mapping[str, Any]) -> AttestedCheck:
    return AttestedCheck(read["code"], read["result"], read.get("parameter"))


def _check_wire(check: AttestedCheck) -> dict[str, str]:
    told = {"code": check.code, "result": check.result}
    return told if check.parameter is None else {**told, "parameter": check.parameter}


def _digest(proof: bytes) -> str:
    return b64url(sha256(proof).digest())
