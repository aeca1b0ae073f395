"""`python -m bench.attestations`: how large an attestation is, and how long it takes to verify one.

    python -m bench.attestations                       half a minute, no database
    python -m bench.attestations --leaves 1000 --runs 200 --claims 1000

Beside the whole verdict stands joserfc, which checks the JWS alone, joserfc with the five signatures and the two
hash paths that a verdict needs, and the bare signatures, which nobody can do without. Writes the part "Attestations"
of `bench/RESULTS.md`; ends with 1 where a verdict is not what it must be.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey

from bench.page import ATTESTATIONS, write_part
from bench.place import ROOT
from bench.report import table
from hub.crypto import es256
from hub.crypto.keys import generate_key
from hub.ledger.attestation import Attested, AttestedCheck, build_attestation, parse_attestation
from hub.ledger.attestation_verdict import verify_attestation
from hub.ledger.checkpoint import Checkpoint, cosign, sign_checkpoint, with_cosignatures
from hub.ledger.claim_map import ClaimMark, SortedClaims, check_claim, claim_key
from hub.ledger.keys import PinnedKey, ProducerKeys
from hub.ledger.leaf import Leaf
from hub.ledger.merkle import Frontier, inclusion_proof, leaf_hash, node_hash, nodes_of
from hub.ledger.note import LOG_KEY, WITNESS_KEY, Note, Signer
from hub.ledger.policy import Policy, parse_policy
from hub.ledger.proof import TlogProof
from hub.policy.vouchers.checks import CheckCode
from schema.parties import HUB_PARTY

RESULTS = ROOT / "bench" / "RESULTS.md"
ORIGIN = "hub.delta.example/records"
WITNESSES = ("shanghai", "jiangsu", "anhui")
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TARGET_US = 1_000
"""What `verify()` in process may take (design, section 9)."""


@dataclass(kw_only=True)
class AttestationsMeasured:
    """What one run found; microseconds of each run by what was run."""

    leaves: int = 0
    bytes_whole: int = 0
    bytes_jws: int = 0
    bytes_proofs: int = 0
    runs_us: dict[str, list[float]] = field(default_factory=dict)
    claims: int = 0
    map_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    load: float = 0.0


class BenchLog:
    """A log of many leaves with a service and a claim, three witnesses, and a hub's key."""

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        self.log = _signer(ORIGIN, LOG_KEY)
        self.witnesses = [_signer(f"{name}.example/w", WITNESS_KEY) for name in WITNESSES]
        self.key = generate_key()
        self.at = {"service": leaves // 3, "claim": leaves - 2}
        kinds = {"service": "ServiceRecord", "claim": "VoucherClaim"}
        party = f"{HUB_PARTY}{ORIGIN}"
        self.parts = {name: Leaf(kind, _hash(name), party) for name, kind in kinds.items()}
        hashes = [leaf_hash(number.to_bytes(8, "big")) for number in range(leaves)]
        for name, place in self.at.items():
            hashes[place] = self.parts[name].hash()
        frontier = Frontier()
        for each in hashes:
            frontier.append(each)
        self._nodes, self.root = nodes_of(hashes), frontier.root()

    def note(self) -> Note:
        """Return the checkpoint that the log and all witnesses signed."""
        note = sign_checkpoint(Checkpoint(ORIGIN, self.leaves, self.root), self.log)
        seen = int(NOW.timestamp()) - 60
        return with_cosignatures(note, [cosign(note.text, each, seen) for each in self.witnesses])

    def attestation(self) -> bytes:
        """Return an attestation as a hub makes it: sixteen checks, two proofs."""
        note, proofs = self.note(), {}
        for name, place in self.at.items():
            path = tuple(inclusion_proof(self._nodes, place, self.leaves))
            proofs[name] = TlogProof(self.parts[name].encode(), place, path, note).encode()
        attested = Attested(
            issuer="https://hub.delta.example", issued_at=int(NOW.timestamp()), origin=ORIGIN, log_size=self.leaves,
            instrument="uscc:12100000470095016Q/TEM-1", provider="uscc:12100000470095016Q",
            holder="uscc:12330000470003281H", voucher="uscc:1133000099990002X0/ZJ-2026-000001", claim_no="2026-000001",
            state="SUBMITTED", ended_on=date(2026, 11, 4), charge_fen=800_000, voucher_fen=400_000,
            checks=tuple(AttestedCheck(each.value, "PASS", "voucher.power_share") for each in CheckCode),
            valid_until=date(2026, 12, 23), service_commitment=_hash("service"), claim_commitment=_hash("claim"),
            claim_key=claim_key(_hash("salt"), _hash("service")),
        )  # fmt: skip
        return build_attestation(attested, proofs["service"], proofs["claim"], self.key)

    def policy(self) -> Policy:
        """Return a policy that asks for two of the three witnesses."""
        lines = [f"log {self.log.key.encode()}"]
        lines += [f"witness w{at} {each.key.encode()}" for at, each in enumerate(self.witnesses)]
        lines += ["group provinces 2 w0 w1 w2", "quorum provinces", ""]
        return parse_policy("\n".join(lines).encode())

    def keys(self) -> ProducerKeys:
        """Return the hub's key as a finance office pins it."""
        public = es256.public_key(self.key.public.jwk)
        return ProducerKeys([PinnedKey(self.key.kid, f"{HUB_PARTY}{ORIGIN}", public)])


def measured(leaves: int, runs: int, claims: int) -> AttestationsMeasured:
    """Measure everything; the ways take turns, so that a busy moment falls on all."""
    found = AttestationsMeasured(leaves=leaves, claims=claims, load=os.getloadavg()[0])
    log = BenchLog(leaves)
    data = log.attestation()
    read = json.loads(data)
    found.bytes_whole, found.bytes_jws = len(data), len(read["attestation"])
    found.bytes_proofs = len(read["service"]) + len(read["claim"])
    ways = {**_ways(log, data), **_map_ways(claims, found)}
    for name, run in ways.items():
        if not run():
            found.faults.append(f"{name}: not valid")
    for _ in range(runs):
        for name, run in ways.items():
            began = time.perf_counter()
            run()
            found.runs_us.setdefault(name, []).append(1e6 * (time.perf_counter() - began))
    flipped = data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
    if verify_attestation(flipped, log.policy(), log.keys(), now=NOW).word.is_valid:
        found.faults.append("a changed attestation is valid")
    return found


def _ways(log: BenchLog, data: bytes) -> dict[str, Callable[[], bool]]:
    policy, keys = log.policy(), log.keys()
    token = json.loads(data)["attestation"]
    peer_key = ECKey.import_key(dict(log.key.public.jwk))
    file, note = parse_attestation(data), log.note()
    public = es256.public_key(log.key.public.jwk)
    signed = [(log.log.key.public, note.signatures[0].value, note.text.encode())]
    for each in note.signatures[1:]:
        at = int.from_bytes(each.value[:8], "big")
        witness = next(one for one in log.witnesses if one.key.name == each.name)
        message = f"cosignature/v1\ntime {at}\n{note.text}".encode()
        signed.append((witness.key.public, each.value[8:], message))

    def whole() -> bool:
        return verify_attestation(data, policy, keys, now=NOW).word.is_valid

    def peer() -> bool:
        found = joserfc_jws.deserialize_compact(token, peer_key, algorithms=["ES256"])
        return bool(found.payload)

    def notes() -> bool:
        for key, signature, message in signed:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True

    def peer_and_proofs() -> bool:
        return peer() and notes() and all(_path(file, name, log) for name in ("service", "claim"))

    def bare() -> bool:
        return file.jws.is_by(public) and notes()

    return {
        "the whole verdict: `verify_attestation`": whole,
        "joserfc: the JWS, the four signatures of the checkpoint, the two hash paths": peer_and_proofs,
        "joserfc: the JWS alone": peer,
        "the five signatures by `cryptography`, nothing else": bare,
    }


def _path(file: object, name: str, log: BenchLog) -> bool:
    """Follow a hash path as RFC 9162 says, without looking whether its length is right."""
    proof = getattr(file, name)
    at, last, value = proof.index, log.leaves - 1, leaf_hash(proof.extra)
    for beside in proof.proof:
        if at & 1 or at == last:
            value = node_hash(beside, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node_hash(value, beside)
        at, last = at >> 1, last >> 1
    return bool(value == log.root)


def _map_ways(claims: int, found: AttestationsMeasured) -> dict[str, Callable[[], bool]]:
    marks = {_hash(f"claim {at}"): ClaimMark(f"V/{at}", "SETTLED", at) for at in range(claims)}
    began = time.perf_counter()
    made = SortedClaims(marks.items())
    root = made.root()
    found.map_s = time.perf_counter() - began
    key = _hash("nobody's")
    told = made.prove(key)
    return {
        "that a service is not in the map of a day: `check_claim`": lambda: (
            check_claim(key, told, made.size, root) is None
        )
    }


def markdown(found: AttestationsMeasured) -> str:
    """Return the part of the page."""
    rows = []
    for name, each in found.runs_us.items():
        ordered = sorted(each)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        rows.append([name, f"{statistics.median(each):,.0f}", f"{p99:,.0f}"])
    written = (
        f"Written by `python -m bench.attestations`. A log of {found.leaves:,} leaves, three witnesses of which the policy "
        f"asks for two, sixteen checks; {len(next(iter(found.runs_us.values()))):,} runs each, taking turns. To reach: "
        f"{TARGET_US:,} µs for the whole verdict. Load of the machine before: {found.load:.1f} on {os.cpu_count()} cores."
    )
    sizes = [
        ["an attestation, whole", f"{found.bytes_whole:,} B"],
        ["of it the JWS", f"{found.bytes_jws:,} B"],
        ["of it both proofs with the checkpoint twice", f"{found.bytes_proofs:,} B"],
        [f"to sort and hash the map of a day with {found.claims:,} keys", f"{found.map_s:,.2f} s"],
    ]
    return "\n\n".join([
        written, table(["what", "p50 µs", "p99 µs"], rows), table(["what", "figure"], sizes),
    ])  # fmt: skip


def _signer(name: str, kind: int) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(_hash(f"{name} {kind}")), kind)


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the part of the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.attestations", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3_000)
    parser.add_argument("--claims", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    found = measured(asked.leaves, asked.runs, asked.claims)
    text = markdown(found)
    print(text)
    write_part(asked.out, ATTESTATIONS, text)
    for fault in found.faults[:10]:
        print(fault, file=sys.stderr)
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
