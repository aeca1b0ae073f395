from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.types.json import Jsonb

from hub.crypto import es256
from hub.intake.batch import Outcome
from hub.ledger.statement import sign_record, statement_hash
from hub.store.database import Database
from schema.canonical import canonical

pytestmark = pytest.mark.integration
PARTY = "moe:10335"


@pytest.fixture
async def signer(push: Any, database: Database) -> Any:
    """A registered key of the university, and a function that signs rows with it."""
    private = ec.generate_private_key(ec.SECP256R1())
    kid = es256.thumbprint(private.public_key())
    async with database.writes.transaction() as connection:
        await connection.execute(
            "INSERT INTO client_key (kid, client_id, jwk, status, added_at) "
            "SELECT %s, client_id, %s, 'ACTIVE', created_at FROM client",
            (kid, Jsonb(es256.public_jwk(private.public_key()))),
        )
        cursor = await connection.execute("SELECT created_at FROM client")
        ((now,),) = await cursor.fetchall()

    def sign(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
        facts = {"record_type": row["type"], "party": PARTY, "now": now, "key": private}
        facts |= changes
        key = facts.pop("key")
        kid = es256.thumbprint(key.public_key())
        jws = sign_record(canonical(row["record"]), key, kid, **facts)
        return {**row, "jws": jws}

    return sign


async def test_a_signed_record_is_vouched_for_by_its_producer(
    push: Any, signer: Any, instrument: Any, database: Database
) -> None:
    row = signer(instrument())
    (made,) = (await push(row)).rows
    assert made.outcome is Outcome.ACCEPTED
    (entry,) = await database.reads.fetch_all(
        "SELECT assurance, party, signature_hash, jws FROM entry JOIN entry_body USING (entry_id)"
    )
    assert entry == ("PRODUCER_SIGNED", PARTY, statement_hash(row["jws"]), row["jws"])
    assert await database.reads.fetch_all("SELECT assurance FROM instrument") == [
        ("PRODUCER_SIGNED",)
    ]


async def test_a_platform_may_pass_on_what_the_owner_signed(
    harvest: Any, signer: Any, instrument: Any, database: Database
) -> None:
    (made,) = (await harvest(signer(instrument()))).rows
    assert made.outcome is Outcome.ACCEPTED
    entries = await database.reads.fetch_all("SELECT assurance, party, channel FROM entry")
    assert entries == [("PRODUCER_SIGNED", PARTY, "HARVEST")]


@pytest.mark.parametrize(
    "defect", ["changed", "type", "party", "future", "old", "stranger", "text", "revoked"]
)
async def test_a_bad_signature_quarantines_its_row(
    push: Any, signer: Any, instrument: Any, database: Database, defect: str
) -> None:
    row = signer(instrument())
    (now,) = (await database.reads.fetch_all("SELECT created_at FROM client"))[0]
    if defect == "changed":
        row["record"]["model"] = "other"
    elif defect == "type":
        row = signer(instrument(), record_type="ServiceOffer")
    elif defect == "party":
        row = signer(instrument(), party="moe:10246")
    elif defect == "future":
        row = signer(instrument(), now=now + timedelta(hours=1))
    elif defect == "old":
        row = signer(instrument(), now=now - timedelta(days=401))
    elif defect == "stranger":
        row = signer(instrument(), key=ec.generate_private_key(ec.SECP256R1()))
    elif defect == "text":
        row["jws"] = "not a signature"
    else:
        async with database.writes.transaction() as connection:
            await connection.execute("UPDATE client_key SET status = 'REVOKED'")
    (made,) = (await push(row)).rows
    assert [each.code for each in made.problems] == ["RECORD_SIGNATURE_INVALID"]
