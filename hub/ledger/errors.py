"""`errors`: why the ledger refuses an input or a proof.

LedgerError
├── ProofError        a Merkle proof does not lead to the root; stop and escalate
├── NoteError         a note, checkpoint, receipt or tile is not well formed; ask for it again
├── NoteSignatureError    a signature or its key is not accepted; ask who signed
├── StatementError    a producer's record signature is refused; the producer signs again
└── PolicyError       the policy file or the pinned keys are wrong; correct the file

Pure code raises these; `hub.ledger.verify` turns every one of them into a verdict.
"""

from __future__ import annotations


class LedgerError(Exception):
    """The root of the ledger's errors; `code` is stable, `hint` says what to do."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ProofError(LedgerError):
    """A Merkle proof does not lead to the root; stop and escalate."""


class NoteError(LedgerError):
    """A text or binary artefact of the log is not well formed."""


class NoteSignatureError(LedgerError):
    """A signature does not verify, or its key is not one that was asked for."""


class StatementError(LedgerError):
    """A producer's detached record signature is refused."""


class PolicyError(LedgerError):
    """A policy file or key set cannot be used as trust."""
