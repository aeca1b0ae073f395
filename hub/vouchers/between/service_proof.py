"""`service_proof`: the proof of a service record's leaf as hubs send it to each other; pure.

It goes without the salt and without what the record says: who gets it learns that a revision of
that commitment stands in the log, and can test no guess on it. Its key in the daily map of claims
is a hash over that salt, so only the home of the service can compute it and it goes along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.crypto.base64url import b64url, unb64url
from hub.ledger.claim_map import claim_key
from hub.ledger.limits import HASH_BYTES
from hub.ledger.receipts import LeafProofs
from hub.vouchers.limits import SERVICE_PROOF_BYTES_MAX

_LOG = "log"


@dataclass(frozen=True, slots=True)
class ServiceProof:
    """A proof as it was made or received; who receives one has still to verify it."""

    text: bytes
    """`tlog-proof@v1`, whose `extra` is the leaf."""
    claim_key: bytes
    """Key of the revision in a daily map of claims (`hub.ledger.claim_map`)."""


def proof_of(proofs: LeafProofs, entry_id: int) -> ServiceProof:
    """Return the proof of an entry of this hub's own."""
    evidence = proofs.evidence[entry_id]
    return ServiceProof(proofs.texts[entry_id], claim_key(evidence.salt, evidence.salted_hash))


def proof_to_wire(proof: ServiceProof | None) -> dict[str, str]:
    """Return what is sent; None: no checkpoint covers the revision yet."""
    if proof is None:
        return {"missing": _LOG}
    return {"text": proof.text.decode(), "claimKey": b64url(proof.claim_key)}


def proof_from_wire(wire: Any) -> ServiceProof | None:
    """Read it; ValueError for anything that it cannot be."""
    if not isinstance(wire, Mapping):
        raise ValueError("a proof is an object")  # noqa: TRY004 - one kind of refusal
    if wire.get("missing") == _LOG:
        return None
    text, key = wire.get("text"), wire.get("claimKey")
    if not isinstance(text, str) or not isinstance(key, str):
        raise ValueError("a proof has text and claimKey")  # noqa: TRY004 - one kind of refusal
    proof = ServiceProof(text.encode("utf-8", "surrogatepass"), unb64url(key))
    if len(proof.text) > SERVICE_PROOF_BYTES_MAX or len(proof.claim_key) != HASH_BYTES:
        raise ValueError(
            f"a proof has at most {SERVICE_PROOF_BYTES_MAX} bytes, its claimKey {HASH_BYTES}"
        )
    return proof
