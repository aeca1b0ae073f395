"""Rows with a producer's signature, and refused requests kept for an explanation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hub.access.explain import SentRequest
from hub.access.keys import generate_key
from hub.client import (
    CallRefusedError,
    ClientError,
    KeyFileError,
    Producer,
    load_refused,
    record_row,
    save_refused,
    withdrawal_row,
)
from hub.client.errors import advice_for
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


def test_a_refused_request_is_kept_privately_and_read_back(tmp_path: Path) -> None:
    sent = SentRequest("POST", "https://h.example/batches", {"dpop": "x"}, b"\xff\n", "base")
    date = "Tue, 24 Nov 2026 02:00:00 GMT"
    path = tmp_path / "refused.json"
    save_refused(path, CallRefusedError("SIG_INVALID", 401, sent=sent, server_date=date))
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_refused(path) == (sent, "SIG_INVALID", NOW)
    save_refused(path, CallRefusedError("SIG_INVALID", 401, sent=sent))
    assert load_refused(path)[2] is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"method": 1}', "\x00"])
def test_a_file_that_is_no_saved_request_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ClientError, match="SAVED_REQUEST"):
        load_refused(path)
    with pytest.raises(ClientError, match="SAVED_REQUEST"):
        load_refused(tmp_path / "none.json")


def test_a_call_that_was_not_signed_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="NOTHING_SIGNED"):
        save_refused(tmp_path / "x.json", CallRefusedError("TOKEN_EXPIRED", 401))


@pytest.mark.parametrize(
    "code", ["SIG_EXPIRED", "invalid_client", "BATCH_TOO_LARGE", "something else"]
)
def test_every_code_comes_with_advice(code: str) -> None:
    assert len(advice_for(code)) > 10
