"""What went in through the one way in comes out as a receipt that verifies."""

from __future__ import annotations

from hub.intake.batch import Assurance, Batch, Channel, Evidence, RequestSignature
from hub.intake.service import submit
from hub.ledger.receipts import ReceiptState, receipts_for
from hub.ledger.verify import Word, verify

from .conftest import NOW, PARTY


def make_instrument(number: int) -> dict[str, object]:
    record = {
        "institutionKey": PARTY,
        "localNo": f"A{number:05}",
        "name": {"zh": f"场发射扫描电镜{number}", "en": "Field emission SEM"},
        "status": "IN_SERVICE",
        "place": {"divisionCode": "330106"},
    }
    return {"type": "Instrument", "record": record}


async def test_rows_taken_in_get_receipts_that_verify(log, database) -> None:
    log.sql(
        "INSERT INTO source (source_id, title, mode, kind, authority, owners, created_at)"
        " VALUES ('zju', '浙江大学', 'PUSH', 'OWN', 'moe:10335/lims', %s, %s)",
        ([PARTY], NOW),
    )
    log.sql(
        "INSERT INTO client (client_id, party, kind, name, scopes, sources, status, created_at)"
        " VALUES ('zju-1', %s, 'UNIVERSITY', '浙大', '{records:push}', '{zju}', 'ACTIVE', %s)",
        (PARTY, NOW),
    )
    signed = RequestSignature("base", b"signature", log.kid)
    batch = Batch(
        source="zju",
        party=PARTY,
        client_id="zju-1",
        channel=Channel.PUSH,
        rows=[make_instrument(number) for number in range(40)],
        evidence=Evidence(assurance=Assurance.REQUEST_SIGNED, request=signed),
        as_of=NOW,
    )
    await submit(database, batch, clock=lambda: NOW)
    await log.sequencer().catch_up()
    stored = dict(log.sql("SELECT entry_id, canon FROM entry_body"))
    receipts = await receipts_for(database, stored)
    assert len(receipts) == 40
    for entry_id, receipt in receipts.items():
        assert receipt.state is ReceiptState.INCLUDED
        verdict = verify(receipt.text.encode(), stored[entry_id], log.policy, log.keys)
        assert verdict.word is Word.VALID_UNWITNESSED, verdict
        assert verdict.assurance == receipt.assurance == "REQUEST_SIGNED"
