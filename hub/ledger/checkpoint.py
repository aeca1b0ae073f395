"""`checkpoint`: the signed head of the log, and what witnesses add to it.

Invariants:
- Three lines, no more: origin, size, root. Extension lines are legal in C2SP but nobody can audit
  them, so this log writes none and this reader refuses them.
- The log signs under a key whose name is the origin.
- A cosignature signs its own time with the text; the time is POSIX seconds.

C2SP tlog-checkpoint; C2SP tlog-cosignature (Ed25519, type 0x04).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

from hub.ledger.encoding import from_base64, from_decimal, to_base64
from hub.ledger.errors import NoteError, NoteSignatureError
from hub.ledger.limits import HASH_BYTES, SIGNATURES_MAX, TIMESTAMP_MAX, TREE_SIZE_MAX
from hub.ledger.merkle import EMPTY_ROOT
from hub.ledger.note import (
    LOG_KEY,
    WITNESS_KEY,
    Note,
    Signature,
    Signer,
    VerifierKey,
    check_name,
    parse_note,
)

_LINES = 4
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: whose, how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not 0 <= self.size <= TREE_SIZE_MAX or len(self.root) != HASH_BYTES:
            _refuse("a checkpoint has a size below 2^63 and a root of 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            _refuse("an empty tree has the root of nothing")

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint; refuse extension lines."""
    lines = text.split("\n")
    if len(lines) != _LINES or lines[-1]:
        _refuse("a checkpoint has exactly the lines origin, size and root")
    try:
        return Checkpoint(lines[0], from_decimal(lines[1]), from_base64(lines[2]))
    except ValueError as error:
        raise NoteError("CHECKPOINT_TEXT", f"size or root of the checkpoint: {error}") from error


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> Note:
    """Sign as the log; the signer's name must be the origin."""
    if signer.key.kind != LOG_KEY or signer.key.name != checkpoint.origin:
        raise NoteSignatureError("SIGNATURE_KEY", "a log signs under a key named as its origin")
    text = checkpoint.text()
    value = signer.sign(text.encode())
    return Note(text, (Signature(signer.key.name, signer.key.key_id, value),))


def open_checkpoint(note: Note, log: VerifierKey) -> Checkpoint:
    """Verify the log's signature and read the checkpoint, or raise."""
    signatures = note.signatures_of(log)
    if log.kind != LOG_KEY or not signatures:
        raise NoteSignatureError(
            "SIGNATURE_MISSING", f"no signature of {log.name} on the checkpoint"
        )
    message = note.text.encode()
    for signature in signatures:
        log.check(signature.value, message)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != log.name:
        raise NoteSignatureError(
            "SIGNATURE_ORIGIN", "the checkpoint names another origin than its key"
        )
    return checkpoint


def read_checkpoint(data: bytes, log: VerifierKey) -> Checkpoint:
    """Parse and open a signed checkpoint in one step."""
    return open_checkpoint(parse_note(data), log)


def cosign(text: str, signer: Signer, timestamp: int) -> Signature:
    """Sign a checkpoint's text as a witness at the time given in POSIX seconds."""
    if signer.key.kind != WITNESS_KEY:
        raise NoteSignatureError("SIGNATURE_KEY", "a witness signs under a key of type 0x04")
    if not 0 < timestamp <= TIMESTAMP_MAX:
        raise NoteSignatureError("SIGNATURE_TIME", "the time of a cosignature is out of range")
    value = signer.sign(_cosigned(text, timestamp))
    return Signature(
        signer.key.name, signer.key.key_id, timestamp.to_bytes(_TIME_BYTES, "big") + value
    )


def with_cosignatures(note: Note, cosignatures: Iterable[Signature]) -> Note:
    """Add witnesses to a signed checkpoint."""
    signatures = (*note.signatures, *cosignatures)
    if len(signatures) > SIGNATURES_MAX:
        raise NoteError("NOTE_SIGNATURES", f"a note has at most {SIGNATURES_MAX} signatures")
    return replace(note, signatures=signatures)


def check_cosignature(text: str, signature: Signature, witness: VerifierKey) -> int:
    """Verify one cosignature; return its time in POSIX seconds, or raise `NoteSignatureError`."""
    if witness.kind != WITNESS_KEY or len(signature.value) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise NoteSignatureError("SIGNATURE_WRONG", f"{witness.name} did not sign as a witness")
    timestamp = int.from_bytes(signature.value[:_TIME_BYTES], "big")
    if not 0 < timestamp <= TIMESTAMP_MAX:
        raise NoteSignatureError("SIGNATURE_TIME", f"the time of {witness.name} is out of range")
    witness.check(signature.value[_TIME_BYTES:], _cosigned(text, timestamp))
    return timestamp


def _cosigned(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _refuse(message: str) -> NoReturn:
    raise NoteError("CHECKPOINT_TEXT", message)
