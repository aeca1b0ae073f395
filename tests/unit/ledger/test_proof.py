import json

import pytest

from hub.ledger.encoding import to_base64
from hub.ledger.errors import NoteError
from hub.ledger.leaf import Evidence, Leaf, salted_hash
from hub.ledger.proof import build_receipt, encode_evidence, parse_receipt
from schema.canonical import canonical

SIGNED, OBSERVED = 0, 2


def test_a_leaf_is_the_canonical_object_of_the_standard(log):
    leaf = log.entries[SIGNED][1].leaf()
    content = json.loads(leaf.encode())
    assert sorted(content) == ["h", "k", "p", "s", "t", "v"]
    assert content["v"] == 1
    assert canonical(content) == leaf.encode()
    assert sorted(json.loads(log.entries[OBSERVED][1].leaf().encode())) == ["h", "p", "t", "v"]


def test_the_salt_hides_equal_records(log):
    canon = log.entries[0][0]
    assert salted_hash(bytes(32), canon) != salted_hash(bytes([1] * 32), canon)
    with pytest.raises(NoteError):
        salted_hash(bytes(31), canon)


@pytest.mark.parametrize(
    "members",
    [
        ("Service Record", bytes(32), "moe:1", "A" * 43, None),
        ("", bytes(32), "moe:1", "A" * 43, None),
        ("A" * 65, bytes(32), "moe:1", "A" * 43, None),
        ("ServiceRecord", bytes(31), "moe:1", "A" * 43, None),
        ("ServiceRecord", bytes(32), "moe", "A" * 43, None),
        ("ServiceRecord", bytes(32), "moe:" + "1" * 200, "A" * 43, None),
        ("ServiceRecord", bytes(32), "moe:电", "A" * 43, None),
        ("ServiceRecord", bytes(32), "moe:1", "A" * 42, None),
        ("ServiceRecord", bytes(32), "moe:1", None, None),
        ("ServiceRecord", bytes(32), "hub:a", None, bytes(32)),
        ("ServiceRecord", bytes(32), "moe:1", "A" * 43, bytes(31)),
    ],
    ids=range(11),
)
def test_a_leaf_with_a_defect_cannot_be_made(members):
    with pytest.raises(NoteError):
        Leaf(*members)


def test_a_receipt_is_printed_and_read_the_same(log):
    receipt, _ = log.receipt(SIGNED)
    assert parse_receipt(receipt).encode() == receipt
    assert receipt.startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    extra = to_base64(encode_evidence(log.entries[SIGNED][1]))
    assert receipt.split(b"\n")[1].decode() == f"extra {extra}"


def test_a_receipt_that_its_reader_would_refuse_is_not_built(log):
    evidence = log.entries[SIGNED][1]
    note = log.checkpoint().encode()
    for index, proof in ((-1, []), (2**63, []), (0, [bytes(31)]), (0, [bytes(32)] * 64)):
        with pytest.raises(NoteError):
            build_receipt(evidence, index, proof, note)
    broken = Evidence("ServiceRecord", "moe:1", None, bytes(32), bytes(32), None)
    with pytest.raises(NoteError):
        build_receipt(broken, 0, [], note)
