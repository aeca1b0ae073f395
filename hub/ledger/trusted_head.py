"""`trusted_head`: a checkpoint as a policy trusts it, by the signatures of log and witnesses.

Invariants:
- A wrong signature of a known key condemns the checkpoint, whatever else stands on it.
- The time is the earliest at which the cosignatures met the quorum.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hub.ledger.checkpoint import Checkpoint, check_cosignature, open_checkpoint
from hub.ledger.errors import LedgerError, NoteSignatureError
from hub.ledger.limits import CLOCK_SKEW_S
from hub.ledger.note import Note
from hub.ledger.policy import Policy
from hub.ledger.verdict import RefusedVerdictError, VerdictReason, Word


@dataclass(frozen=True, slots=True)
class TrustedHead:
    """A checkpoint that a log of the policy signed, and who had seen it."""

    checkpoint: Checkpoint
    witnessed_at: datetime | None
    """None where the policy asks for no witness."""
    witnesses: tuple[str, ...]


def trusted_head(note: Note, policy: Policy, now: datetime | None) -> TrustedHead:
    """Open a checkpoint, or raise `RefusedVerdictError` BAD_LOG_SIG or NO_QUORUM.

    With `now`, cosignatures from more than ten minutes in the future are refused.
    """
    checkpoint = _open(note, policy)
    times = _witness_times(note, policy, now)
    return TrustedHead(checkpoint, _quorum_time(times, policy), tuple(sorted(times)))


def seen_by(witnessed_at: datetime | None) -> VerdictReason:
    """Return the sentence on who vouches for the log's history."""
    if witnessed_at is None:
        return VerdictReason(
            "验证策略未要求见证:只能证明日志运营方签过这份日志。",
            "The policy asks for no witness: only the log's operator vouches for its history.",
        )
    at = witnessed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return VerdictReason(
        f"见证方已于 {at} 达到策略要求的数量,日志历史不能再改写。",
        f"Enough witnesses had seen this history by {at}; the log cannot rewrite it.",
    )


def _open(note: Note, policy: Policy) -> Checkpoint:
    for log in policy.logs:
        if note.signatures_of(log):
            try:
                return open_checkpoint(note, log)
            except NoteSignatureError as error:
                raise RefusedVerdictError(Word.BAD_LOG_SIG, str(error)) from error
    raise RefusedVerdictError(
        Word.BAD_LOG_SIG, "SIGNATURE_MISSING: no log of the policy signed this"
    )


def _witness_times(note: Note, policy: Policy, now: datetime | None) -> dict[str, int]:
    latest = None if now is None else now.timestamp() + CLOCK_SKEW_S
    times: dict[str, int] = {}
    for name, witness in policy.witnesses.items():
        for signature in note.signatures_of(witness):
            try:
                seen = check_cosignature(note.text, signature, witness)
            except LedgerError as error:
                raise RefusedVerdictError(Word.NO_QUORUM, str(error)) from error
            if latest is not None and seen > latest:
                raise RefusedVerdictError(
                    Word.NO_QUORUM, f"SIGNATURE_TIME: {witness.name} signed in the future"
                )
            times[name] = min(seen, times.get(name, seen))
    return times


def _quorum_time(times: dict[str, int], policy: Policy) -> datetime | None:
    if not policy.asks_witnesses:
        return None
    seen: set[str] = set()
    for name, time in sorted(times.items(), key=lambda item: item[1]):
        seen.add(name)
        if policy.is_met(seen):
            return datetime.fromtimestamp(time, UTC)
    raise RefusedVerdictError(
        Word.NO_QUORUM, f"QUORUM: witnessed by {len(times)}, not enough for {policy.quorum!r}"
    )
