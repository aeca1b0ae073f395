"""Merkle proofs of transparency-dev/merkle, read from the shared folder."""

import base64
import json

import pytest

from hub.ledger.errors import ProofError
from hub.ledger.merkle import verify_consistency, verify_inclusion
from tests.shared import SHARED

VECTORS = SHARED / "vectors" / "merkle"
FILES = sorted(VECTORS.glob("*/**/*.json"))

needs_vectors = pytest.mark.skipif(
    not FILES, reason="no Merkle vectors: ../shared/vectors/merkle is missing"
)


def _bytes(text):
    return base64.b64decode(text or "")


def _run(case):
    proof = [_bytes(item) for item in case["proof"] or []]
    if "leafIdx" in case:
        leaf, root = _bytes(case["leafHash"]), _bytes(case["root"])
        verify_inclusion(case["leafIdx"], case["treeSize"], leaf, proof, root)
    else:
        first, second = _bytes(case["root1"]), _bytes(case["root2"])
        verify_consistency(case["size1"], case["size2"], first, second, proof)


@needs_vectors
def test_all_196_vectors_are_here():
    assert len(FILES) == 196


@needs_vectors
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(VECTORS).as_posix())
def test_a_proof_is_accepted_exactly_when_the_vector_says_so(file):
    case = json.loads(file.read_text("utf-8"))
    if case["wantErr"]:
        with pytest.raises(ProofError):
            _run(case)
    else:
        _run(case)
