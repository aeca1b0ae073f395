import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger.encoding import to_base64
from hub.ledger.errors import NoteError
from hub.ledger.leaf import Leaf, LeafEvidence, Revision, salted_hash
from hub.ledger.proof import build_receipt, encode_evidence, parse_receipt
from schema.canonical import canonical

SIGNED, OBSERVED = 0, 2
PARTS = st.tuples(
    st.text("a电\0", max_size=3),
    st.text("a电\0", max_size=3),
    st.integers(1, 3),
    st.binary(max_size=3),
)


def test_a_leaf_is_the_canonical_object_of_the_standard(log):
    leaf = log.entries[SIGNED][1].leaf()
    content = json.loads(leaf.encode())
    assert sorted(content) == ["h", "k", "p", "s", "t", "v"]
    assert content["v"] == 2
    assert canonical(content) == leaf.encode()
    assert sorted(json.loads(log.entries[OBSERVED][1].leaf().encode())) == ["h", "p", "t", "v"]


def test_the_salt_hides_equal_records(log):
    canon = log.entries[0][0]
    one, other = (salted_hash(bytes([n] * 32), "a", "k", 1, canon) for n in (0, 1))
    assert one != other
    with pytest.raises(NoteError):
        salted_hash(bytes(31), "a", "k", 1, canon)


def test_the_salted_hash_is_the_one_of_the_standard():
    expected = hashlib.sha256(
        b"\x03"
        + bytes(32)
        + b"\0\0\0\x05moe:1"
        + b"\0\0\0\x06\xe7\x94\xb5-1a"
        + b"\0\0\1\2"
        + b"{}"
    ).digest()
    assert salted_hash(bytes(32), "moe:1", "电-1a", 258, b"{}") == expected


@given(a=PARTS, b=PARTS)
def test_no_two_revisions_have_one_salted_hash(a, b):
    assert (salted_hash(bytes(32), *a) == salted_hash(bytes(32), *b)) is (a == b)


@pytest.mark.parametrize(
    "other",
    [("ab", "c", 1, b""), ("", "abc", 1, b""), ("abc", "", 1, b""), ("a", "b", 1, b"c")],
    ids=range(4),
)
def test_text_moved_from_one_part_to_the_next_is_another_revision(other):
    assert salted_hash(bytes(32), "a", "bc", 1, b"") != salted_hash(bytes(32), *other)


@pytest.mark.parametrize(
    "members",
    [("", "", 1), ("", "k" * 501, 1), ("a" * 501, "k", 1), ("", "k", 0), ("", "k", 2**31)],
    ids=range(5),
)
def test_what_is_no_revision_cannot_be_proved(members):
    with pytest.raises(NoteError):
        Revision("ServiceRecord", *members)


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
    revision = Revision("ServiceRecord", "", "k", 1)
    broken = LeafEvidence(revision, "moe:1", None, bytes(32), bytes(32), None)
    with pytest.raises(NoteError):
        build_receipt(broken, 0, [], note)
