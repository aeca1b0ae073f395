"""`note`: texts signed by named Ed25519 keys.

Invariants:
- One spelling: UTF-8, LF only, no control characters, the text ends in a line feed, one blank line,
  then 1 to 16 signature lines that start with an em dash; at most 64 KiB.
- A key is identified by name AND key id. A signature of an unknown key is ignored; a wrong
  signature of a known key makes the whole note invalid.
- The key id is computed over the signature type too: one public key with two types is two keys.

The log's private key is kept as an unencrypted PKCS#8 PEM file (RFC 8410); its name is not in the
file but in the configuration, because it is the origin of the log.

C2SP signed-note (format, verifier keys), RFC 8032.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from hub.ledger.encoding import from_base64, to_base64
from hub.ledger.errors import NoteError, NoteSignatureError
from hub.ledger.limits import (
    NAME_CHARACTERS_MAX,
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    VERIFIERS_KEPT_MAX,
)

LOG_KEY = 0x01
"""Signature type of a log: Ed25519 over the text."""
WITNESS_KEY = 0x04
"""Signature type of a witness: timestamped Ed25519 cosignature."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\u2014 "
_PUBLIC_BYTES = 32
_KEY_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who, with which key, and the bytes after the key id."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """Return the line, with its line feed."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Return the note as it is sent and stored."""
        lines = "".join(signature.line() for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def signatures_of(self, key: VerifierKey) -> list[Signature]:
        """Return the signatures that claim to be of this key."""
        wanted = (key.name, key.key_id)
        return [item for item in self.signatures if (item.name, item.key_id) == wanted]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and signature type, as pinned in a policy."""

    name: str
    kind: int
    public: bytes
    key_id: bytes = field(init=False, repr=False, compare=False)
    """First four bytes of the hash over name, type and public key."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.kind not in (LOG_KEY, WITNESS_KEY) or len(self.public) != _PUBLIC_BYTES:
            _refuse("NOTE_KEY", "only Ed25519 keys of type 0x01 or 0x04 are supported")
        material = self.name.encode() + b"\n" + bytes((self.kind,)) + self.public
        object.__setattr__(self, "key_id", sha256(material).digest()[:_KEY_ID_BYTES])

    def encode(self) -> str:
        """Return `name+hash+key`, the form of policy files."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes((self.kind,)) + self.public)}"

    def check(self, signature: bytes, message: bytes) -> None:
        """Verify a raw Ed25519 signature, or raise `NoteSignatureError`."""
        try:
            _ed25519(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise NoteSignatureError(
                "SIGNATURE_WRONG", f"the signature of {self.name} is not valid for this text"
            ) from error


@lru_cache(maxsize=VERIFIERS_KEPT_MAX)
def _ed25519(public: bytes) -> Ed25519PublicKey:
    """Read a public key once: a policy's keys verify note after note."""
    return Ed25519PublicKey.from_public_bytes(public)


class Signer:
    """A private Ed25519 key with its name and signature type."""

    def __init__(self, name: str, private: Ed25519PrivateKey, kind: int = LOG_KEY) -> None:
        self._private = private
        self.key = VerifierKey(name, kind, private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature of the message."""
        return self._private.sign(message)


def check_name(name: str) -> None:
    """Refuse what cannot stand as a key name."""
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or "+" in name:
        _refuse("NOTE_NAME", "a key name has 1 to 256 characters and no plus sign")
    if " " in name or not name.isprintable():  # no other white space is printable
        _refuse("NOTE_NAME", "a key name has printable characters and no white space")


def parse_vkey(text: str) -> VerifierKey:
    """Read `name+hash+key`; the hash must be the one of the key."""
    parts = text.split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, hash, key
        _refuse("NOTE_KEY", "a verifier key is written name+hash+key")
    try:
        material = from_base64(parts[2])
    except ValueError as error:
        raise NoteError("NOTE_KEY", "the key of a verifier key is not base64") from error
    key = VerifierKey(parts[0], material[0] if material else 0, material[1:])
    if parts[1] != key.key_id.hex():
        _refuse("NOTE_KEY", f"the hash of verifier key {parts[0]} does not belong to it")
    return key


def parse_note(data: bytes) -> Note:
    """Read a note strictly; signatures are not verified."""
    if len(data) > NOTE_BYTES_MAX:
        _refuse("NOTE_TOO_LARGE", f"a note has at most {NOTE_BYTES_MAX} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("NOTE_TEXT", "the note is not UTF-8") from error
    if _CONTROL.search(whole):
        _refuse("NOTE_TEXT", "the note has control characters; lines end in LF only")
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not head or not tail.endswith("\n"):
        _refuse("NOTE_TEXT", "a note is a text, a blank line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        _refuse("NOTE_SIGNATURES", f"a note has at most {SIGNATURES_MAX} signatures")
    return Note(head + "\n", tuple(_parse_signature(line) for line in lines))


def load_private_key(pem: bytes) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from PKCS#8 PEM."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise NoteSignatureError(
            "KEY_FILE", "the key file is not an unencrypted PKCS#8 PEM"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoteSignatureError("KEY_FILE", "the key file does not hold an Ed25519 key")
    return key


def dump_private_key(key: Ed25519PrivateKey) -> bytes:
    """Return an Ed25519 private key as PKCS#8 PEM; the file must be readable by its owner only."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        _refuse("NOTE_SIGNATURES", "a signature line starts with an em dash and a space")
    name, space, encoded = line[len(_DASH) :].partition(" ")
    check_name(name)
    try:
        data = from_base64(encoded)
    except ValueError as error:
        raise NoteError("NOTE_SIGNATURES", "a signature is not base64") from error
    if not space or len(data) <= _KEY_ID_BYTES:
        _refuse("NOTE_SIGNATURES", "a signature has a key id and at least one more byte")
    return Signature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _refuse(code: str, message: str) -> NoReturn:
    raise NoteError(code, message)
