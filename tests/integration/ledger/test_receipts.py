"""What the hub hands out verifies offline, and says no more than is proved."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.ledger.checkpoint import cosign
from hub.ledger.errors import NoteSignatureError
from hub.ledger.failures import ReceiptError
from hub.ledger.note import WITNESS_KEY, Signer, parse_note
from hub.ledger.policy import Policy, parse_policy
from hub.ledger.receipts import (
    RECEIPTS_MAX,
    ReceiptState,
    entries_of,
    receipt_for,
    receipts_for,
)
from hub.ledger.verify import Word, verify
from hub.ledger.witnessed import add_cosignature
from schema.codes import Assurance

from .conftest import ASSURANCES, NOW, ORIGIN, PARTY


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
        assert verdict.assurance == Assurance[receipt.assurance]
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
    assert (one.source, one.key, one.client_id) == ("zju", "moe:10335/A1/s-4", "zju-1")
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
    assert receipts[erased].state is ReceiptState.ERASED
    assert receipts[erased].leaf_index == 1
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


def cosigned(log, witness: Signer, size: int, origin: str = ORIGIN) -> str:
    rows = log.sql("SELECT note FROM checkpoint WHERE (origin, size) = (%s, %s)", (origin, size))
    return (
        cosign(parse_note(rows[0][0].encode()).text, witness, 1795420000).line().removesuffix("\n")
    )


async def witnessed(log, database, witness: Signer, size: int) -> None:
    line = cosigned(log, witness, size)
    at = await add_cosignature(database, ORIGIN, size, line, [witness.key])
    assert at.timestamp() == 1795420000


async def test_a_witnessed_checkpoint_is_preferred_to_a_newer_one_without(
    log, database, witness
) -> None:
    text = f"log {log.signer.key.encode()}\nwitness js {witness.key.encode()}\nquorum js\n"
    policy = parse_policy(text.encode())
    early = log.add(3)[0]
    await log.sequencer().catch_up()
    assert (await receipt_for(database, early, policy)).state is ReceiptState.INCLUDED
    await witnessed(log, database, witness, 3)
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


def asking(log, *witnesses: Signer, quorum: str = "all") -> Policy:
    """A policy that asks for these witnesses, named w0, w1…"""
    names = [f"w{number}" for number in range(len(witnesses))]
    lines = [f"log {log.signer.key.encode()}"]
    lines += [f"witness {n} {w.key.encode()}" for n, w in zip(names, witnesses, strict=True)]
    lines += [f"group g {quorum} {' '.join(names)}", "quorum g"]
    return parse_policy(("\n".join(lines) + "\n").encode())


async def test_a_witness_that_comes_late_is_found_behind_any_number_of_newer_checkpoints(
    log, database, witness
) -> None:
    ids = []
    for _ in range(30):
        ids += log.add()
        await log.sequencer().catch_up()
    policy = asking(log, witness)
    assert (await receipt_for(database, ids[4], policy)).state is ReceiptState.INCLUDED
    await witnessed(log, database, witness, 7)
    receipts = await receipts_for(database, ids, policy)
    states = [(receipts[each].state, receipts[each].log_size) for each in ids]
    assert states == [(ReceiptState.WITNESSED, 7)] * 7 + [(ReceiptState.INCLUDED, 30)] * 23
    await witnessed(log, database, witness, 20)
    receipts = await receipts_for(database, ids, policy)
    sizes = [receipts[each].log_size for each in ids]
    assert sizes == [20] * 20 + [30] * 10
    for each in ids[:20]:
        verdict = verify(receipts[each].text.encode(), log.records[each], policy, log.keys, now=NOW)
        assert (verdict.word, verdict.witnesses) == (Word.VALID, ("w0",))


async def test_a_quorum_counts_over_one_checkpoint_and_not_over_several(
    log, database, witness
) -> None:
    names = ("sh", "ah")
    two = [Signer(f"{n}.example/w", Ed25519PrivateKey.generate(), WITNESS_KEY) for n in names]
    policy = asking(log, witness, *two, quorum="2")
    early = log.add(2)[0]
    await log.sequencer().catch_up()
    await witnessed(log, database, witness, 2)
    log.add(2)
    await log.sequencer().catch_up()
    await witnessed(log, database, two[0], 4)
    assert (await receipt_for(database, early, policy)).state is ReceiptState.INCLUDED
    await witnessed(log, database, two[1], 2)
    receipt = await receipt_for(database, early, policy)
    assert (receipt.state, receipt.log_size) == (ReceiptState.WITNESSED, 2)
    verdict = verify(receipt.text.encode(), log.records[early], policy, log.keys, now=NOW)
    assert (verdict.word, verdict.witnesses) == (Word.VALID, ("w0", "w2"))


async def test_a_wrong_cosignature_is_neither_taken_nor_believed(log, database, witness) -> None:
    stranger = Signer("other.example/w", Ed25519PrivateKey.generate(), WITNESS_KEY)
    policy = asking(log, witness)
    entry_id = log.add(2)[0]
    await log.sequencer().catch_up()
    log.add()
    await log.sequencer().catch_up()
    of_another = cosigned(log, witness, 3)
    for size, line in ((2, of_another), (2, cosigned(log, stranger, 2)), (1, of_another)):
        with pytest.raises(NoteSignatureError):
            await add_cosignature(database, ORIGIN, size, line, [witness.key])
    assert log.sql("SELECT count(*) FROM cosignature") == [(0,)]
    for _ in range(2):
        await witnessed(log, database, witness, 2)
    assert (await receipt_for(database, entry_id, policy)).state is ReceiptState.WITNESSED
    log.sql("UPDATE cosignature SET line = %s", (of_another,))
    assert (await receipt_for(database, entry_id, policy)).state is ReceiptState.INCLUDED


async def test_cosignatures_stand_under_the_newest_checkpoint_whatever_the_hub_asks_for(
    log, database, witness
) -> None:
    entry_id = log.add()[0]
    await log.sequencer().catch_up()
    await witnessed(log, database, witness, 1)
    receipt = await receipt_for(database, entry_id)
    assert receipt.state is ReceiptState.INCLUDED
    policy = asking(log, witness)
    verdict = verify(receipt.text.encode(), log.records[entry_id], policy, log.keys, now=NOW)
    assert verdict.word is Word.VALID
