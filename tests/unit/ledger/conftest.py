"""A small log with one producer, three witnesses and receipts of every assurance."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.crypto.es256 import thumbprint
from hub.ledger.checkpoint import Checkpoint, cosign, sign_checkpoint, with_cosignatures
from hub.ledger.keys import ProducerKeys, pin
from hub.ledger.leaf import Revision, evidence_for
from hub.ledger.merkle import inclusion_proof, leaf_hash, nodes_of, root
from hub.ledger.note import LOG_KEY, WITNESS_KEY, Signer
from hub.ledger.policy import parse_policy
from hub.ledger.proof import build_receipt
from hub.ledger.statement import sign_record
from schema.canonical import canonical

ORIGIN = "hub.delta.example/records"
PARTY = "moe:10335"
AUTHORITY = "moe:10335/lims"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
WITNESS_TIMES = {"sh": 1795420000, "js": 1795420005, "ah": 1795420003}


def signer(name, kind=LOG_KEY):
    seed = sha256(f"{name}/{kind}".encode()).digest()
    return Signer(name, Ed25519PrivateKey.from_private_bytes(seed), kind)


@dataclass
class Log:
    """Records and their evidence in one tree, with what a verifier needs."""

    origin: str = ORIGIN
    party: str = PARTY
    now: datetime = NOW
    log: Signer = field(default_factory=lambda: signer(ORIGIN))
    producer: object = field(default_factory=lambda: derive_private_key(4711, SECP256R1()))
    entries: list = field(default_factory=list)

    def __post_init__(self):
        self.witnesses = {
            name: signer(f"witness.{name}.example/w", WITNESS_KEY) for name in WITNESS_TIMES
        }
        self.kid = thumbprint(self.producer.public_key())
        self.keys = ProducerKeys([pin(self.producer.public_key(), PARTY)])

    def add(self, assurance="PRODUCER_SIGNED", **items):
        number = len(self.entries)
        stated = {"instrumentKey": f"{PARTY}/A1", "localId": f"s-{number}", "note": "电镜"}
        return self.add_bytes(canonical({"hours": "3.50", **stated, **items}), assurance)

    def add_bytes(self, canon, assurance="PRODUCER_SIGNED"):
        number = len(self.entries)
        salt = sha256(f"salt {number}".encode()).digest()
        kid, party, jws = self.kid, self.party, None
        if assurance == "PRODUCER_SIGNED":
            jws = sign_record(canon, self.producer, kid, "ServiceRecord", party, NOW)
        if assurance == "HUB_OBSERVED":
            kid, party = None, "hub:hub.delta.example"
        evidence = evidence_for(canon, salt, self.revision(canon), party, kid, jws)
        self.entries.append((canon, evidence))
        return number

    def revision(self, canon):
        """The key is the one that the record gives; where it gives none, its place in the log."""
        stated = json.loads(canon)
        key = stated.get("key") or f"{stated.get('instrumentKey')}/{stated.get('localId')}"
        return Revision("ServiceRecord", AUTHORITY, key, len(self.entries) + 1)

    def hashes(self):
        return [evidence.leaf().hash() for _, evidence in self.entries]

    def checkpoint(self, *, witnesses=("sh", "js", "ah"), hashes=None, origin=ORIGIN):
        hashes = self.hashes() if hashes is None else hashes
        head = Checkpoint(origin, len(hashes), root(hashes))
        note = sign_checkpoint(head, self.log if origin == ORIGIN else signer(origin))
        lines = [cosign(note.text, self.witnesses[w], WITNESS_TIMES[w]) for w in witnesses]
        return with_cosignatures(note, lines)

    def receipt(self, number, *, checkpoint=None, **options):
        """Give (receipt, record) of an entry."""
        canon, evidence = self.entries[number]
        hashes = self.hashes()
        note = checkpoint or self.checkpoint(hashes=hashes, **options)
        proof = inclusion_proof(nodes_of(hashes), number, len(hashes))
        return build_receipt(evidence, number, proof, note.encode()), canon

    def policy(self, quorum="all"):
        lines = [f"log {self.log.key.encode()}"]
        lines += [f"witness {name} {w.key.encode()}" for name, w in self.witnesses.items()]
        if quorum != "none":
            lines += [f"group provinces {quorum} sh js ah", "quorum provinces"]
        else:
            lines += ["quorum none"]
        return parse_policy(("\n".join(lines) + "\n").encode())


@pytest.fixture(scope="session")
def log():
    """A log of 21 records; 0, 3, 6… are producer-signed, 1, 4… request-signed, 2, 5… observed."""
    made = Log()
    kinds = ("PRODUCER_SIGNED", "REQUEST_SIGNED", "HUB_OBSERVED")
    for number in range(21):
        made.add(kinds[number % 3])
    return made


@pytest.fixture
def new_log():
    return Log


@pytest.fixture
def new_signer():
    return signer


@pytest.fixture(scope="session")
def leaves():
    """Give n different leaf hashes."""
    made = [leaf_hash(number.to_bytes(4, "big")) for number in range(2000)]
    return lambda count: made[:count]
