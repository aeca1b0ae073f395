"""What is kept of a signed request, for how long, and what it still proves."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from hub.access.clients import ClientKind
from hub.access.components import without_tokens
from hub.clock import system_clock
from hub.crypto.base64url import unb64url
from hub.housekeeping import forget
from hub.intake import quarantine
from hub.intake.batch import Outcome
from hub.intake.limits import EVIDENCE_KEPT_DAYS, QUARANTINE_KEPT_DAYS
from hub.store.sources import register_source
from tests.integration.app.conftest import UNIVERSITY, World, world  # noqa: F401 - a fixture
from tests.integration.erasure.conftest import holding

pytestmark = pytest.mark.integration
FOREIGN = "uscc:91110000600037341L"


def instrument(owner: str) -> dict[str, object]:
    record = {
        "institutionKey": owner,
        "localNo": "A1",
        "name": {"zh": "电镜"},
        "status": "IN_SERVICE",
    }
    return {"type": "Instrument", "record": record}


def test_only_the_token_and_its_proof_are_replaced() -> None:
    base = (
        '"@method": POST\n"authorization": DPoP abc\n"dpop": x.y.z\n"@signature-params": ("dpop")'
    )
    kept = without_tokens(base)
    assert kept.splitlines()[0] == '"@method": POST'
    digest = b64encode(sha256(b"DPoP abc").digest()).decode()
    assert f'"authorization": sha-256=:{digest}:' in kept.splitlines()
    assert kept.splitlines()[3] == '"@signature-params": ("dpop")'
    assert "abc" not in kept
    assert "x.y.z" not in kept


async def test_kept_evidence_has_no_token_and_still_shows_who_signed(
    world: World,  # noqa: F811 - the fixture
) -> None:
    client = await world.register(
        "zju", UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",), "zju-push"
    )
    answer = await client.push([instrument(UNIVERSITY), instrument(FOREIGN)], source="zju-push")
    assert answer.body["counts"]["quarantined"] == 1
    database = world.hub.database
    assert holding(database.url, await client.token()) == set()
    ((evidence, base, signature, digest, entry),) = await database.writes.fetch_all(
        "SELECT r.evidence, base, signature, base_digest, e.evidence FROM request_evidence r, "
        "entry e WHERE e.client_id = 'zju'"
    )
    assert evidence == entry
    assert '"content-digest": ' in base
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    point = world.keys["zju"].public.jwk
    numbers = ec.EllipticCurvePublicNumbers(
        *(int.from_bytes(unb64url(point[name]), "big") for name in ("x", "y")), ec.SECP256R1()
    )
    numbers.public_key().verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    # What waits in quarantine is sent again with the same evidence.
    await register_source(
        database,
        "zju-push",
        "浙江大学推送",
        mode="PUSH",
        owners=[UNIVERSITY, FOREIGN],
        authority=f"{UNIVERSITY}/zju-push",
        now=system_clock(),
    )
    (waiting,) = await quarantine.quarantined(database)
    outcomes = await quarantine.resubmit(database, [waiting.quarantine_id], clock=system_clock)
    assert [each.outcome for each in outcomes.values()] == [Outcome.ACCEPTED]
    rows = await database.writes.fetch_all(
        "SELECT DISTINCT evidence FROM entry WHERE client_id = 'zju'"
    )
    assert rows == [(evidence,)]


async def test_refused_rows_and_evidence_are_kept_for_their_time(
    world: World,  # noqa: F811 - the fixture
) -> None:
    client = await world.register(
        "zju", UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",), "zju-push"
    )
    await client.push([instrument(FOREIGN)], source="zju-push")
    database = world.hub.database

    async def left() -> tuple[int, ...]:
        ((rows, requests),) = await database.writes.fetch_all(
            "SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM request_evidence)"
        )
        return rows, requests

    for days, expected in (
        (QUARANTINE_KEPT_DAYS - 1, (1, 1)),
        (QUARANTINE_KEPT_DAYS + 1, (0, 1)),
        (EVIDENCE_KEPT_DAYS + 1, (0, 0)),
    ):
        at = system_clock() + timedelta(days=days)
        await forget(database, lambda at=at: at)
        assert await left() == expected
