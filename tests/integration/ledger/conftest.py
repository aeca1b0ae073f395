"""A log with a real database: entries as intake writes them, and signatures that are remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.crypto.es256 import thumbprint
from hub.ledger.checkpoint import Checkpoint, parse_checkpoint
from hub.ledger.keys import ProducerKeys, pin
from hub.ledger.leader import Step
from hub.ledger.leaf import salted_hash
from hub.ledger.log_files import CHECKPOINT_FILE
from hub.ledger.note import Signer
from hub.ledger.policy import Policy
from hub.ledger.sequencer import Sequencer, SequencerLimits
from hub.ledger.statement import sign_record, statement_hash
from schema.canonical import canonical
from tests.databases import as_role, superuser_name

ORIGIN = "hub.delta.example/records"
PARTY = "moe:10335"
AUTHORITY = "moe:10335/lims"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ASSURANCES = ("HUB_OBSERVED", "REQUEST_SIGNED", "PRODUCER_SIGNED")

INSERT = """
INSERT INTO entry (record_type, source, authority, key, owner, issuer, revision, commitment,
                   withdrawal, assurance, channel, party, client_id, key_id, signature_hash, as_of,
                   accepted_at)
VALUES ('ServiceRecord', 'zju', 'moe:10335/lims', %s, 'moe:10335', 'moe:10335', 1, %s, false, %s,
        'PUSH', %s, 'zju-1', %s, %s, %s, %s)
RETURNING entry_id"""


class RememberingSigner(Signer):
    """Remembers every text that it ever signed, also those that nobody got to see."""

    def __init__(self, origin: str, seed: bytes = b"log") -> None:
        super().__init__(origin, Ed25519PrivateKey.from_private_bytes(sha256(seed).digest()))
        self.signed: list[Checkpoint] = []

    def sign(self, message: bytes) -> bytes:
        self.signed.append(parse_checkpoint(message.decode()))
        return super().sign(message)


def checkpoint_file(folder: Path, origin: str = ORIGIN) -> Path:
    return folder / origin.replace("/", "_") / CHECKPOINT_FILE


class Killed(BaseException):
    """The process ends here: nothing catches it, nothing is cleaned up."""


@dataclass
class Log:
    """Entries, sequencers on them, and what was signed."""

    url: str
    folder: Path
    superuser: str
    """Who changes what no hub may change."""
    signer: RememberingSigner = field(default_factory=lambda: RememberingSigner(ORIGIN))
    count: int = 0
    records: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._producer = derive_private_key(4711, SECP256R1())
        self.kid = thumbprint(self._producer.public_key())
        self.keys = ProducerKeys([pin(self._producer.public_key(), PARTY)])
        self.policy = Policy((self.signer.key,), {}, {}, "none")

    @property
    def file(self) -> Path:
        """The checkpoint file of the log that this starts with."""
        return checkpoint_file(self.folder)

    def sequencer(
        self,
        folder: Path | None = None,
        on_step: Callable[[Step], None] | None = None,
        signer: Signer | None = None,
        **limits: Any,
    ) -> Sequencer:
        bounds = SequencerLimits(**{"poll_s": 0.01, "standby_s": 0.05, "frozen_s": 0.05, **limits})
        steps = {} if on_step is None else {"on_step": on_step}
        return Sequencer(
            self.url, signer or self.signer, lambda: NOW, folder or self.folder, bounds, **steps
        )

    def dying_at(self, step: Step) -> Sequencer:
        def die(reached: Step) -> None:
            if reached is step:
                raise Killed

        return self.sequencer(on_step=die)

    def sql(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(as_role(self.url, self.superuser), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def add(self, count: int = 1) -> list[int]:
        with psycopg.connect(self.url) as connection:
            return [self.insert(connection) for _ in range(count)]

    def insert(self, connection: psycopg.Connection[Any], assurance: str | None = None) -> int:
        self.count += 1
        number = self.count
        assurance = assurance or ASSURANCES[number % 3]
        stated = {"instrumentKey": f"{PARTY}/A1", "localId": f"s-{number}", "note": "电镜"}
        canon = canonical({"hours": "3.50", **stated})
        key = f"{PARTY}/A1/s-{number}"
        salt = sha256(f"salt {number}".encode()).digest()
        kid, party, jws = (self.kid, PARTY, None)
        if assurance == "HUB_OBSERVED":
            kid, party = None, "hub:hub.delta.example"
        elif assurance == "PRODUCER_SIGNED":
            jws = sign_record(canon, self._producer, self.kid, "ServiceRecord", PARTY, NOW)
        row = connection.execute(
            INSERT,
            (
                *(key, salted_hash(salt, AUTHORITY, key, 1, canon), assurance),
                *(party, kid, None if jws is None else statement_hash(jws), NOW, NOW),
            ),
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO entry_body VALUES (%s, %s, %s, %s, %s)",
            (row[0], canon, sha256(canon).digest(), salt, jws),
        )
        self.records[row[0]] = canon
        return int(row[0])

    def leaves(self) -> list[tuple[int, int]]:
        return self.sql("SELECT leaf_index, entry_id FROM leaf ORDER BY leaf_index")

    def published(self) -> list[bytes]:
        rows = self.sql("SELECT note FROM checkpoint ORDER BY size")
        return [row[0].encode() for row in rows]

    def assert_never_forked(self) -> None:
        """No size was ever signed with two roots, and each signed tree is a prefix of the last."""
        from hub.ledger.merkle import root

        hashes = [row[0] for row in self.sql("SELECT leaf_hash FROM leaf ORDER BY leaf_index")]
        for signed in self.signer.signed:
            assert signed.root == root(hashes[: signed.size])


@pytest.fixture
def log(database_url: str, cluster: str, tmp_path: Path) -> Log:
    return Log(database_url, tmp_path / "log", superuser_name(cluster))
