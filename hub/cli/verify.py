"""`deltahub verify`: checks offline whether a receipt proves a record, or an attestation a claim.

What a file is, it says itself: a receipt is text and comes with its record, attestations and proofs
of claims are JSON and stand alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.refusals import in_words
from hub.clock import system_clock
from hub.ledger import verify as ledger
from hub.ledger.attestation import Attested
from hub.ledger.attestation_verdict import AttestationVerdict, WantedClaim, verify_attestation
from hub.ledger.checkpoint import parse_checkpoint
from hub.ledger.claim_map import claim_key
from hub.ledger.claims_proof import ClaimsVerdict, is_claims_proof, told_of, verify_claims
from hub.ledger.errors import PolicyError
from hub.ledger.keys import ProducerKeys, parse_keys
from hub.ledger.policy import parse_policy
from hub.ledger.proof import HEADER, parse_receipt
from hub.ledger.verdict import Verdict, VerdictReason, Word

BYTES_MAX = 1 << 20
"""Bytes read of each file; no valid one is larger."""

THEN_ZH = "证明当时如此陈述；此后是否更正或撤回，请以 deltahub client receipt 向枢纽查询"
THEN_EN = "proves what was stated then; deltahub client receipt asks whether it was corrected since"

STOOD_ZH = "证明当时如此；此后是否变更，请加 --claims 或向枢纽查询 claimState"
STOOD_EN = "so it was then; --claims with a later day's proof, or claimState, tells what came since"

ReceiptFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="receipt (tlog-proof@v1), attestation or proof of claims (JSON)"
    ),
]
RecordFile = Annotated[
    Path | None, typer.Argument(metavar="[RECORD]", help="record of a receipt, canonical bytes")
]
PolicyFile = Annotated[Path, typer.Option("--policy", help="trusted log and witnesses")]
KeysFile = Annotated[
    Path | None,
    typer.Option("--keys", help="pinned keys (JWKS); by default <policy>.keys.json if it is there"),
]
ClaimsFile = Annotated[
    Path | None,
    typer.Option("--claims", help="proof of the claims of a later day, of the same service"),
]
Voucher = Annotated[
    str | None, typer.Option("--voucher", help="issuer/number that an attestation must be of")
]
Claim = Annotated[str | None, typer.Option("--claim", help="claim that it must be of")]


def verify(
    receipt: ReceiptFile,
    policy: PolicyFile,
    record: RecordFile = None,
    keys: KeysFile = None,
    claims: ClaimsFile = None,
    voucher: Voucher = None,
    claim: Claim = None,
) -> None:
    """Check a file offline; answer in one word, exit with 0 only when it is proved."""
    try:
        data, trusted, pinned = _read(receipt), parse_policy(_read(policy)), _pinned(policy, keys)
        proof = None if claims is None else _read(claims)
        record_bytes = None if record is None else _read(record)
    except (OSError, PolicyError) as error:
        typer.echo(f"无法验证 cannot verify: {in_words(error)}", err=True)
        raise typer.Exit(2) from error
    now = system_clock()
    if record_bytes is not None:
        _tell_receipt(ledger.verify(data, record_bytes, trusted, pinned, now=now))
        if proof is not None:
            _tell_claims(verify_claims(proof, trusted, now=now), of=data)
    elif is_claims_proof(data):
        _tell_claims(verify_claims(data, trusted, now=now))
    elif data.startswith(HEADER.encode()):
        typer.echo("收据须连同其记录验证 a receipt is verified with its record", err=True)
        raise typer.Exit(2)
    else:
        wanted = WantedClaim(voucher=voucher, claim_no=claim, claims=proof)
        _tell_attestation(verify_attestation(data, trusted, pinned, now=now, wanted=wanted))


def _pinned(policy: Path, keys: Path | None) -> ProducerKeys:
    beside = policy.with_name(f"{policy.name}.keys.json")
    if keys is None and beside.exists():
        return parse_keys(_read(beside))
    return ProducerKeys() if keys is None else parse_keys(_read(keys))


def _tell_receipt(verdict: Verdict) -> None:
    typer.echo(verdict.word.value)
    for name, fact in _facts(verdict):
        typer.echo(f"  {name:<10} {fact}")
    if verdict.word.is_valid:
        typer.echo(f"  {THEN_ZH}\n  {THEN_EN}")
    _end(verdict.word, verdict.reasons, verdict.detail)


def _tell_attestation(verdict: AttestationVerdict) -> None:
    typer.echo(verdict.word.value)
    if verdict.attested is not None:
        for name, fact in _attested_facts(verdict, verdict.attested):
            typer.echo(f"  {name:<10} {fact}")
        if verdict.claims is None:
            typer.echo(f"  {STOOD_ZH}\n  {STOOD_EN}")
    _end(verdict.word, verdict.reasons, verdict.detail)


def _tell_claims(found: ClaimsVerdict, of: bytes | None = None) -> None:
    """Tell what a proof of claims says; `of`: the receipt whose service it must be of."""
    if found.word.is_valid and of is not None and not _is_of(found, of):
        typer.echo(Word.BAD_RECORD.value)
        typer.echo("  这份证明属于另一服务或另一日志 the proof is of another service or log")
        raise typer.Exit(1)
    typer.echo(found.word.value)
    for name, fact in (
        ("key", found.key and found.key.hex()),
        ("day", found.day and found.day.isoformat()),
        ("claim", found.mark and f"{found.mark.claim} {found.mark.state} {found.mark.fen} fen"),
        ("claimed", None if found.day is None else "no" if found.mark is None else "yes"),
    ):
        if fact:
            typer.echo(f"  {name:<10} {fact}")
    reasons = (told_of(found),) if found.word.is_valid else found.verdict.reasons
    _end(found.word, reasons, found.verdict.detail)


def _is_of(found: ClaimsVerdict, receipt: bytes) -> bool:
    """Whether a proof of claims is of the service whose receipt was verified, and covers it."""
    read = parse_receipt(receipt)
    evidence, head = read.evidence, parse_checkpoint(read.checkpoint.text)
    return (
        found.key == claim_key(evidence.salt, evidence.salted_hash)
        and found.verdict.origin == head.origin
        and read.index < (found.log_size or 0)
    )


def _end(word: Word, reasons: Sequence[VerdictReason], detail: str) -> None:
    for reason in reasons:
        typer.echo(f"  {reason.zh}\n  {reason.en}")
    if detail:
        typer.echo(f"  {detail}", err=True)
    if not word.is_valid:
        raise typer.Exit(1)


def _attested_facts(verdict: AttestationVerdict, attested: Attested) -> list[tuple[str, str]]:
    passed = ", ".join(
        each.code if each.parameter is None else f"{each.code} ({each.parameter})"
        for each in attested.checks
    )
    elsewhere = attested.service_log
    facts = [
        ("voucher", attested.voucher),
        ("claim", f"{attested.claim_no} {attested.state}"),
        ("pays", f"{_yuan(attested.voucher_fen)} of {_yuan(attested.charge_fen)} CNY"),
        ("instrument", attested.instrument),
        ("provider", attested.provider),
        ("holder", attested.holder),
        ("ended", attested.ended_on.isoformat()),
        ("checks", passed),
        ("until", attested.valid_until.isoformat()),
        ("hub", attested.issuer),
        ("log", f"{attested.origin} at {attested.log_size} leaves"),
        ("service log", elsewhere and f"{elsewhere.origin} at {elsewhere.size} leaves"),
        ("witnessed", verdict.witnessed_at and verdict.witnessed_at.isoformat()),
        ("witnesses", ", ".join(verdict.witnesses) or None),
    ]
    return [(name, fact) for name, fact in facts if fact]


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def _facts(verdict: Verdict) -> list[tuple[str, str]]:
    facts = [
        ("record", verdict.record_type),
        ("key", verdict.key),
        ("authority", verdict.authority),
        ("revision", verdict.revision and str(verdict.revision)),
        ("party", verdict.party),
        ("assurance", verdict.assurance and str(verdict.assurance.value)),
        ("digest", verdict.revision_id),
        ("log", verdict.origin),
        ("leaf", None if verdict.index is None else f"{verdict.index} of {verdict.log_size}"),
        ("witnessed", verdict.witnessed_at and verdict.witnessed_at.isoformat()),
        ("witnesses", ", ".join(verdict.witnesses) or None),
    ]
    return [(name, fact) for name, fact in facts if fact]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX)
