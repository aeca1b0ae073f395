"""The checker is worth something: it sees each thing that must never happen, and nothing else."""

from __future__ import annotations

import copy
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.ledger.checkpoint import Checkpoint, sign_checkpoint
from hub.ledger.keys import ProducerKeys
from hub.ledger.leaf import LeafEvidence, Revision, evidence_for
from hub.ledger.merkle import inclusion_proof
from hub.ledger.note import Signer
from hub.ledger.policy import NONE, Policy
from hub.ledger.proof import build_receipt
from tests.torture.checker import Proof, PublicLog, Tree, canonical, hash_tiles, judge

ORIGIN = "hub.delta.example/records"
PARTY = "uscc:12100000470095016Q"
KID = "k" * 43
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"t" * 32))
STRANGER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"u" * 32))
BATCHES = (("A1", "A2", "A3"), ("B1",), ("A1", "C1"), ("D1", "D2", "D3"))
"""Keys of the rows that four acknowledged requests wrote; A1 twice, so it has two revisions."""


@dataclass
class Story:
    """What happened: the diary lines, and the entries that became leaves, in order."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    written: list[tuple[str, LeafEvidence]] = field(default_factory=list)
    canon: dict[str, bytes] = field(default_factory=dict)

    def told(self, idem: str) -> list[dict[str, Any]]:
        return next(
            line["rows"] for line in self.lines if (line["kind"], line["idem"]) == ("ack", idem)
        )


def row(key: str, model: str) -> dict[str, Any]:
    record = {"institutionKey": PARTY, "localNo": key, "model": model, "name": {"zh": "电镜"}}
    return {"type": "Instrument", "record": record}


def happened() -> Story:
    story, revisions = Story(), dict[str, int]()
    entry = 0
    for number, keys in enumerate(BATCHES):
        idem, sent, told = f"c0-{number}", [], []
        for place, key in enumerate(keys, start=1):
            entry += 1
            sent.append(row(key, f"M{number}"))
            canon = canonical(sent[-1])
            revisions[key] = revisions.get(key, 0) + 1
            salt = sha256(f"salt {entry}".encode()).digest()
            revision = Revision("Instrument", "", f"{PARTY}/{key}", revisions[key])
            evidence = evidence_for(canon, salt, revision, PARTY, KID, None)
            story.written.append((str(entry), evidence))
            story.canon[str(entry)] = canon
            told.append(accepted(place, key, entry, revisions[key], canon))
        intent = {"kind": "intent", "idem": idem, "source": "s", "rows": sent, "bad": []}
        answer = {"kind": "ack", "idem": idem, "rows": told, "replayed": False}
        story.lines += [intent, answer, copy.deepcopy(answer) | {"replayed": True}]
    return story


def accepted(place: int, key: str, entry: int, revision: int, canon: bytes) -> dict[str, Any]:
    digest = urlsafe_b64encode(sha256(canon).digest()).rstrip(b"=").decode()
    return {
        "row": place,
        "outcome": "ACCEPTED",
        "type": "Instrument",
        "key": f"{PARTY}/{key}",
        "entryId": str(entry),
        "revision": revision,
        "revisionId": f"r1_{digest}",
    }


def note(leaves: list[bytes], size: int, signer: Signer = SIGNER) -> str:
    checkpoint = Checkpoint(ORIGIN, size, Tree(leaves).root(size))
    return sign_checkpoint(checkpoint, signer).encode().decode()


def shown(story: Story, sizes: tuple[int, ...] = (2, 5, 9)) -> tuple[PublicLog, dict[str, Proof]]:
    """The log and the receipts as a hub that holds these leaves shows them."""
    leaves = [evidence.leaf().encode() for _, evidence in story.written]
    tree, final = Tree(leaves), note(leaves, len(leaves))
    proofs = {
        entry: Proof(
            build_receipt(
                evidence, index, inclusion_proof(tree.node, index, len(leaves)), final.encode()
            ).decode(),
            story.canon.get(entry, b""),
        )
        for index, (entry, evidence) in enumerate(story.written)
    }
    story.lines += [
        {"kind": "checkpoint", "client": "w", "note": note(leaves, size)}
        for size in sizes
        if size <= len(leaves)
    ]
    story.lines += [{"kind": "receipt", "entry": e, "text": p.receipt} for e, p in proofs.items()]
    policy = Policy((SIGNER.key,), {}, {}, NONE).encode()
    tiles = {(level, index): data for level, index, data in hash_tiles(tree)}
    keys = ProducerKeys()
    return PublicLog(final, SIGNER.key.encode(), policy, leaves, tiles, keys), proofs


def codes(story: Story, log: PublicLog, proofs: dict[str, Proof]) -> set[str]:
    return {each.code for each in judge(story.lines, log, proofs).violations}


def test_an_honest_hub_is_found_clean() -> None:
    story = happened()
    found = judge(story.lines, *shown(story))
    assert found.violations == []
    assert found.counts["entries acknowledged"] == 9
    assert found.counts["receipts verified"] == 18
    assert found.counts["consistency proofs"] == 2


def lose(story: Story) -> None:
    del story.written[4]


def write_twice(story: Story) -> None:
    entry, first = story.written[3]
    again = evidence_for(story.canon[entry], b"\7" * 32, first.revision, PARTY, KID, None)
    story.written.append(("99", again))


def number_wrongly(story: Story) -> None:
    entry, first = story.written[3]
    other = replace(first.revision, number=2)
    again = evidence_for(story.canon[entry], b"\7" * 32, other, PARTY, KID, None)
    story.written[3] = (entry, again)


def repeat_leaf(story: Story) -> None:
    story.written.append(story.written[0])


def change_record(story: Story) -> None:
    story.canon["2"] = canonical(row("A2", "other"))


def answer_otherwise(story: Story) -> None:
    again = next(line for line in story.lines if line.get("replayed"))
    again["rows"][0]["entryId"] = "7"


def never_answer(story: Story) -> None:
    story.lines = [line for line in story.lines if line.get("idem") != "c0-1" or "bad" in line]


def tell_an_entry_twice(story: Story) -> None:
    for line in story.lines:
        if line["kind"] == "ack" and line["idem"] == "c0-1":
            line["rows"][0]["entryId"] = "1"


def skip_a_revision(story: Story) -> None:
    for line in story.lines:
        if line["kind"] == "ack" and line["idem"] == "c0-2":
            line["rows"][0]["revision"] = 3


def leave_out_a_row(story: Story) -> None:
    for line in story.lines:
        if line["kind"] == "ack" and line["idem"] == "c0-3":
            line["rows"].pop()


def quarantine_a_good_row(story: Story) -> None:
    for line in story.lines:
        if line["kind"] == "ack" and line["idem"] == "c0-3":
            line["rows"][0]["outcome"] = "QUARANTINED"


def call_a_new_row_a_duplicate(story: Story) -> None:
    for line in story.lines:
        if line["kind"] == "ack" and line["idem"] == "c0-3":
            line["rows"][0] |= {"outcome": "DUPLICATE", "entryId": "2"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lose, "I1_LOST"),
        (write_twice, "I1_UNKNOWN_LEAF"),
        (number_wrongly, "I1_LEAF"),
        (repeat_leaf, "I1_LEAF"),
        (change_record, "I1_RECORD"),
        (answer_otherwise, "I5_TWO_EFFECTS"),
        (never_answer, "I1_UNANSWERED"),
        (tell_an_entry_twice, "I1_ENTRY_TWICE"),
        (skip_a_revision, "I1_REVISIONS"),
        (leave_out_a_row, "I1_ROWS"),
        (quarantine_a_good_row, "I1_OUTCOME"),
        (call_a_new_row_a_duplicate, "I1_DUPLICATE"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_must_never_happen_to_a_row_is_seen(
    change: Callable[[Story], None], code: str
) -> None:
    story = happened()
    change(story)
    assert code in codes(story, *shown(story))


def test_a_leaf_that_vanished_after_its_receipt_is_seen() -> None:
    story = happened()
    _, proofs = shown(story)
    del story.written[4]
    log, _ = shown(story)
    assert {"I1_LEAF", "I2_LEAF", "I3_FORK"} <= codes(story, log, proofs)


def test_two_histories_under_one_name_are_seen() -> None:
    story = happened()
    log, proofs = shown(story)
    other = [b"another leaf", *log.leaves[1:]]
    story.lines.append({"kind": "checkpoint", "client": "w2", "note": note(other, 5)})
    assert {"I3_FORK", "I3_INCONSISTENT"} <= codes(story, log, proofs)


def test_a_checkpoint_larger_than_the_final_one_is_seen() -> None:
    story = happened()
    log, proofs = shown(story)
    more = [*log.leaves, b"lost again"]
    story.lines.append({"kind": "checkpoint", "client": "w", "note": note(more, 10)})
    assert codes(story, log, proofs) == {"I3_FORK"}


def test_a_checkpoint_that_the_log_did_not_sign_is_seen() -> None:
    story = happened()
    log, proofs = shown(story)
    leaves = list(log.leaves)
    story.lines.append({"kind": "checkpoint", "client": "w", "note": note(leaves, 9, STRANGER)})
    assert codes(story, log, proofs) == {"I3_SIGNATURE"}


def test_a_final_checkpoint_over_other_leaves_is_seen() -> None:
    story = happened()
    log, proofs = shown(story)
    shorter = replace(log, leaves=log.leaves[:-1])
    assert "I3_FINAL" in codes(story, shorter, proofs)


def test_a_checkpoint_that_goes_back_is_seen() -> None:
    story = happened()
    log, proofs = shown(story, sizes=(5, 2))
    assert codes(story, log, proofs) == {"I3_BACK"}


def test_a_changed_hash_tile_is_seen() -> None:
    story = happened()
    log, proofs = shown(story)
    assert codes(story, replace(log, tiles={(0, 0): bytes(9 * 32)}), proofs) == {"I3_TILES"}


def test_a_receipt_that_no_longer_verifies_is_seen() -> None:
    story = happened()
    log, proofs = shown(story)
    receipt = proofs["3"].receipt.replace("index 2", "index 3")
    proofs["3"] = replace(proofs["3"], receipt=receipt)
    assert {"I2_RECEIPT", "I2_LEAF", "I1_LEAF"} <= codes(story, log, proofs)
