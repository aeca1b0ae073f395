import hashlib

import pytest

from hub.ledger.errors import ProofError
from hub.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    nodes_of,
    root,
    root_at,
    verify_consistency,
    verify_inclusion,
)


def _defined_root(hashes):
    """MTH of RFC 6962 §2.1, word by word."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(_defined_root(hashes[:k]), _defined_root(hashes[k:]))


def test_an_empty_tree_has_the_hash_of_nothing_as_root():
    assert root([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_roots_follow_the_recursive_definition(leaves):
    for size in range(1, 131):
        assert root(leaves(size)) == _defined_root(leaves(size))


def test_every_leaf_of_every_tree_up_to_130_proves_and_no_other_place_does(leaves):
    for size in range(1, 131):
        hashes = leaves(size)
        node, top = nodes_of(hashes), root(hashes)
        for index in range(size):
            proof = inclusion_proof(node, index, size)
            verify_inclusion(index, size, hashes[index], proof, top)
            with pytest.raises(ProofError):
                verify_inclusion((index + 1) % (size + 1), size, hashes[index], proof, top)


def test_consistency_holds_for_all_pairs_up_to_64_and_for_no_other_root(leaves):
    node = nodes_of(leaves(64))
    roots = [root(leaves(size)) for size in range(65)]
    for size2 in range(1, 65):
        for size1 in range(1, size2 + 1):
            proof = consistency_proof(node, size1, size2)
            verify_consistency(size1, size2, roots[size1], roots[size2], proof)
            with pytest.raises(ProofError):
                verify_consistency(size1, size2, roots[size1 - 1], roots[size2], proof)


def test_the_frontier_reports_every_complete_subtree_once_and_can_be_reloaded(leaves):
    hashes, frontier, seen = leaves(130), Frontier(), {}
    for size, value in enumerate(hashes, 1):
        for level, index, node in frontier.append(value):
            assert (level, index) not in seen
            seen[level, index] = node
        assert frontier.root() == root(hashes[:size])
        again = Frontier.load(lambda level, index: seen[level, index], size)
        assert again.hashes == frontier.hashes
    reference = nodes_of(hashes)
    assert all(reference(level, index) == node for (level, index), node in seen.items())
    assert len(seen) == sum(130 >> level for level in range(8))


def test_old_roots_can_be_computed_from_the_nodes_of_a_larger_tree(leaves):
    node = nodes_of(leaves(130))
    for size in range(131):
        assert root_at(node, size) == root(leaves(size))


def test_a_node_cannot_pose_as_a_leaf(leaves):
    left, right = leaves(2)
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_hash_of_another_length_is_refused(leaves, length):
    hashes = leaves(2)
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(0, 2, hashes[0], [bytes(length)], root(hashes))
    with pytest.raises(ProofError, match="32 bytes"):
        Frontier().append(bytes(length))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (0, 2**63), (2**63, 2**63)])
def test_sizes_out_of_bounds_are_refused(leaves, index, size):
    leaf = leaves(1)[0]
    with pytest.raises(ProofError) as caught:
        verify_inclusion(index, size, leaf, [], leaf)
    assert caught.value.code == "PROOF_SIZE"


def test_a_proof_of_64_hashes_is_refused_before_it_is_computed(leaves):
    leaf = leaves(1)[0]
    with pytest.raises(ProofError) as caught:
        verify_inclusion(0, 2**63 - 1, leaf, [leaf] * 64, leaf)
    assert caught.value.code == "PROOF_LENGTH"


def test_a_proof_of_63_hashes_is_possible(leaves):
    leaf, size = leaves(1)[0], 2**63 - 1
    proof, top = [leaf] * 63, leaf
    for _ in range(63):
        top = node_hash(top, leaf)
    verify_inclusion(0, size, leaf, proof, top)


def test_consistency_from_an_empty_tree_is_refused():
    with pytest.raises(ProofError):
        verify_consistency(0, 1, EMPTY_ROOT, EMPTY_ROOT, [])


def test_two_roots_of_one_size_are_called_a_fork(leaves):
    first, second = leaves(2)
    with pytest.raises(ProofError, match="fork"):
        verify_consistency(5, 5, first, second, [])


def test_a_frontier_needs_one_hash_per_set_bit(leaves):
    with pytest.raises(ProofError):
        Frontier(3, leaves(1))
