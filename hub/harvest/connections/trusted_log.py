"""`TrustedLog`: the log of a peer as the operator pinned it, and what its receipts prove.

The files are those of `deltahub verify`: a policy (C2SP tlog-policy), and the keys of producers for
records that they signed themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters._proof import Disproved, LogProof
from hub.clock import system_clock
from hub.ledger.errors import PolicyError
from hub.ledger.keys import ProducerKeys, parse_keys
from hub.ledger.leaf_proof import ProvedLeaf, verify_leaf
from hub.ledger.policy import Policy, parse_policy
from hub.ledger.verify import verify

__all__ = ["TrustedLog", "read_trusted"]

BYTES_MAX = 1 << 20
"""Bytes read of each file; no valid one is larger."""


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """Which logs, witnesses and producers' keys are believed."""

    policy: Policy
    keys: ProducerKeys

    @property
    def origins(self) -> frozenset[str]:
        """Names of the logs."""
        return frozenset(each.name for each in self.policy.logs)

    def judge(self, receipt: str, record: str) -> LogProof | Disproved:
        """Return what a receipt proves of the canonical bytes of a record; never raises."""
        raw, body = (text.encode("utf-8", "surrogatepass") for text in (receipt, record))
        verdict = verify(raw, body, self.policy, self.keys, now=system_clock())
        if not verdict.word.is_valid:
            return Disproved(verdict.word.value, verdict.detail)
        assert verdict.record_type is not None
        assert verdict.key is not None
        assert verdict.revision is not None
        assert verdict.origin is not None
        assert verdict.index is not None
        assert verdict.log_size is not None
        return LogProof(
            word=verdict.word.value,
            record_type=verdict.record_type,
            key=verdict.key,
            revision=verdict.revision,
            origin=verdict.origin,
            leaf_index=verdict.index,
            log_size=verdict.log_size,
        )

    def leaf(self, proof: bytes) -> ProvedLeaf:
        """Return what a proof without salt proves; `RefusedVerdictError` says why nothing."""
        return verify_leaf(proof, self.policy, now=system_clock())


def read_trusted(policy: str, keys: str) -> TrustedLog:
    """Read the files of a pinned log; `ValueError` says what is wrong with them."""
    try:
        pinned = parse_keys(_read(keys)) if keys else ProducerKeys()
        return TrustedLog(parse_policy(_read(policy)), pinned)
    except OSError as error:
        raise ValueError(f"[hub] {error.filename}: {error.strerror}") from error
    except PolicyError as error:
        raise ValueError(f"[hub] policy: {error}") from error


def _read(name: str) -> bytes:
    with Path(name).open("rb") as file:
        return file.read(BYTES_MAX)
