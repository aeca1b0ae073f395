"""Rows with a producer's signature."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hub.client import (
    KeyFileError,
    Producer,
    record_row,
    withdrawal_row,
)
from hub.client.errors import advice_for
from hub.crypto.keys import generate_key
from hub.ledger.statement import check_statement
from schema.canonical import canonical
from schema.errors import CanonicalError

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
RECORD = {"institution": "moe:10335", "localNumber": "2019001", "name": {"zh": "透射电镜"}}


def test_a_signed_row_verifies_over_the_bytes_that_the_hub_computes() -> None:
    key = generate_key()
    assert isinstance(key.private, EllipticCurvePrivateKey)
    public = key.private.public_key()
    producer = Producer(key, "moe:10335")
    row = record_row("Instrument", RECORD, producer=producer, now=NOW)
    statement = check_statement(
        row["jws"], canonical(row["record"]), public, record_type="Instrument", party="moe:10335"
    )
    assert statement.kid == key.kid

    gone = withdrawal_row("Instrument", "moe:10335/2019001", "报废", NOW, producer=producer)
    tombstone = {"type": "Instrument", **gone["withdraw"]}
    assert check_statement(
        gone["jws"], canonical(tombstone), public, record_type="Instrument", party="moe:10335"
    )


def test_a_row_without_a_producer_has_no_signature() -> None:
    assert record_row("Instrument", RECORD) == {"type": "Instrument", "record": RECORD}
    assert "jws" not in withdrawal_row("Instrument", "a/b", "x", NOW)


def test_a_record_without_canonical_form_is_not_signed() -> None:
    producer = Producer(generate_key(), "moe:10335")
    with pytest.raises(CanonicalError):
        record_row("Instrument", {"price": 1.5}, producer=producer, now=NOW)
    with pytest.raises(KeyFileError, match="P-256"):
        record_row("Instrument", {}, producer=Producer(generate_key("EdDSA"), "x"), now=NOW)


@pytest.mark.parametrize(
    "code", ["SIG_EXPIRED", "invalid_client", "BATCH_TOO_LARGE", "something else"]
)
def test_every_code_comes_with_advice(code: str) -> None:
    assert len(advice_for(code)) > 10
