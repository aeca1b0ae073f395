"""What the hub hands out verifies offline, and says no more than is proved."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.ledger.checkpoint import cosign, with_cosignatures
from hub.ledger.failures import ReceiptError
from hub.ledger.leaf import Assurance
from hub.ledger.note import WITNESS_KEY, Signer, parse_note
from hub.ledger.policy import parse_policy
from hub.ledger.receipts import (
    RECEIPTS_MAX,
    ReceiptState,
    entries_of,
    receipt_for,
    receipts_for,
)
from hub.ledger.verify import Word, verify

from .conftest import ASSURANCES, NOW, PARTY


async def test_every_receipt_of_three_hundred_entries_verifies_offline(log, database) -> None:
    ids = log.add(200)
    await log.sequencer().catch_up()
    ids += log.add(100)
    await log.sequencer().catch_up()
    receipts = await receipts_for(database, ids)
    assert sorted(receipts) == sorted(ids)
    seen = set()
    for entry_id, receipt in receipts.items():
        assert receipt.state is ReceiptState.INCLUDED
        verdict = verify(receipt.text.encode(), log.records[entry_id], log.policy, log.keys)
        assert verdict.word is Word.VALID_UNWITNESSED, verdict
        assert (verdict.index, verdict.log_size) == (receipt.leaf_index, 300)
        assert verdict.revision_id == receipt.revision_id
        assert verdict.assurance == Assurance(receipt.assurance)
        seen.add(receipt.assurance)
    assert seen == set(ASSURANCES)


async def test_one_receipt_equals_that_of_the_batch_by_entry_and_by_revision(log, database) -> None:
    ids = log.add(10)
    await log.sequencer().catch_up()
    batch = await receipts_for(database, ids)
    one = await receipt_for(database, ids[3])
    assert one == batch[ids[3]]
    assert await receipt_for(database, one.revision_id) == one
    assert await entries_of(database, one.revision_id) == [ids[3]]
    assert (one.source, one.key, one.client_id) == ("zju", "s-4", "zju-1")
    assert one.party == (PARTY if one.key_id else "hub:hub.delta.example")


async def test_an_entry_is_accepted_until_a_checkpoint_covers_it(log, database) -> None:
    entry_id = log.add()[0]
    receipt = await receipt_for(database, entry_id)
    assert (receipt.state, receipt.text, receipt.leaf_index) == (ReceiptState.ACCEPTED, None, None)
    sequencer = log.sequencer()
    await sequencer.catch_up()
    log.sql("DELETE FROM checkpoint")  # as between leaves and checkpoint
    receipt = await receipt_for(database, entry_id)
    assert (receipt.state, receipt.text, receipt.leaf_index) == (ReceiptState.ACCEPTED, None, None)


async def test_an_erased_body_leaves_the_state_and_takes_the_proof(log, database) -> None:
    kept, erased = log.add(2)
    await log.sequencer().catch_up()
    log.sql("DELETE FROM entry_body WHERE entry_id = %s", (erased,))
    receipts = await receipts_for(database, [kept, erased])
    assert receipts[erased].is_erased
    assert receipts[erased].state is ReceiptState.INCLUDED
    assert receipts[erased].text is None
    assert receipts[kept].text is not None


@pytest.mark.parametrize("party", ["moe:10336", "no party"])
async def test_an_entry_that_was_changed_after_inclusion_gets_no_receipt(
    log, database, party
) -> None:
    entry_id = log.add()[0]
    await log.sequencer().catch_up()
    log.sql("UPDATE entry SET party = %s", (party,))
    with pytest.raises(ReceiptError) as refused:
        await receipt_for(database, entry_id)
    assert refused.value.code == "RECEIPT_LEAF"


async def test_what_is_unknown_has_no_receipt_and_what_is_nonsense_is_refused(
    log, database
) -> None:
    assert await receipt_for(database, 4711) is None
    assert await receipt_for(database, "r1_" + "A" * 43) is None
    assert await receipts_for(database, []) == {}
    for nonsense in ("", "r1_", "r1_" + "A" * 42, "x1_" + "A" * 43, "r1_" + "é" * 43):
        with pytest.raises(ReceiptError):
            await receipt_for(database, nonsense)
    with pytest.raises(ReceiptError):
        await receipts_for(database, range(RECEIPTS_MAX + 1))


@pytest.fixture
def witness() -> Signer:
    return Signer(
        "witness.js.example/w", Ed25519PrivateKey.from_private_bytes(b"w" * 32), WITNESS_KEY
    )


def witnessed(log, witness: Signer, size: int, *, wrong: bool = False) -> None:
    text = log.sql("SELECT note FROM checkpoint WHERE size = %s", (size,))[0][0]
    note = parse_note(text.encode())
    line = cosign(note.text.replace("\n", "x\n", 1) if wrong else note.text, witness, 1795420000)
    new = with_cosignatures(note, [line]).encode().decode()
    log.sql("UPDATE checkpoint SET note = %s WHERE size = %s", (new, size))


async def test_a_witnessed_checkpoint_is_preferred_to_a_newer_one_without(
    log, database, witness
) -> None:
    text = f"log {log.signer.key.encode()}\nwitness js {witness.key.encode()}\nquorum js\n"
    policy = parse_policy(text.encode())
    early = log.add(3)[0]
    await log.sequencer().catch_up()
    assert (await receipt_for(database, early, policy)).state is ReceiptState.INCLUDED
    witnessed(log, witness, 3)
    late = log.add(3)[0]
    await log.sequencer().catch_up()  # cosignatures in the table do not disturb the leader
    receipts = await receipts_for(database, [early, late], policy)
    assert (receipts[early].state, receipts[early].log_size) == (ReceiptState.WITNESSED, 3)
    assert (receipts[late].state, receipts[late].log_size) == (ReceiptState.INCLUDED, 6)
    verdict = verify(receipts[early].text.encode(), log.records[early], policy, log.keys, now=NOW)
    assert verdict.word is Word.VALID
    verdict = verify(receipts[late].text.encode(), log.records[late], policy, log.keys, now=NOW)
    assert verdict.word is Word.NO_QUORUM
    assert (await receipt_for(database, early)).state is ReceiptState.INCLUDED


async def test_a_wrong_cosignature_makes_no_witness(log, database, witness) -> None:
    text = f"log {log.signer.key.encode()}\nwitness js {witness.key.encode()}\nquorum js\n"
    entry_id = log.add()[0]
    await log.sequencer().catch_up()
    witnessed(log, witness, 1, wrong=True)
    receipt = await receipt_for(database, entry_id, parse_policy(text.encode()))
    assert receipt.state is ReceiptState.INCLUDED
