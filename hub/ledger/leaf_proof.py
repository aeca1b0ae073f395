"""`leaf_proof`: whether a proof without salt leads from its leaf to a log that a policy trusts.

Such a proof is a `tlog-proof@v1` text whose `extra` line is the leaf itself. It proves that the log
holds a revision of that salted hash, and nothing of what the revision says.

C2SP tlog-proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.ledger.errors import NoteError, ProofError
from hub.ledger.leaf import Leaf, parse_leaf
from hub.ledger.merkle import leaf_hash, verify_inclusion
from hub.ledger.policy import Policy
from hub.ledger.proof import TlogProof, parse_tlog_proof
from hub.ledger.trusted_head import TrustedHead, trusted_head
from hub.ledger.verdict import RefusedVerdictError, Word


@dataclass(frozen=True, slots=True)
class ProvedLeaf:
    """A leaf that a trusted log holds."""

    leaf: Leaf
    origin: str
    log_size: int
    """Leaves under the checkpoint of the proof."""


def verify_leaf(data: bytes, policy: Policy, *, now: datetime | None = None) -> ProvedLeaf:
    """Return what a proof proves; `RefusedVerdictError` says why it proves nothing.

    With `now`, cosignatures from more than ten minutes in the future are refused.
    """
    try:
        proof = parse_tlog_proof(data)
        leaf = parse_leaf(proof.extra)
        head = trusted_head(proof.checkpoint, policy, now)
    except (NoteError, ValueError) as error:
        raise RefusedVerdictError(Word.MALFORMED, f"LEAF_PROOF: {error}") from error
    check_inclusion(proof, head, "leaf")
    return ProvedLeaf(leaf, head.checkpoint.origin, head.checkpoint.size)


def check_inclusion(proof: TlogProof, under: TrustedHead, name: str) -> None:
    """Raise `RefusedVerdictError` BAD_INCLUSION unless a proof leads to a checkpoint.

    `name`: what it is the proof of.
    """
    leaf = leaf_hash(proof.extra)  # `extra` is the leaf in its one spelling
    root, size = under.checkpoint.root, under.checkpoint.size
    try:
        verify_inclusion(proof.index, size, leaf, proof.proof, root)
    except ProofError as error:
        raise RefusedVerdictError(Word.BAD_INCLUSION, f"{error} ({name})") from error
