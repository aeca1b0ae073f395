"""The map of claimed services: there or not there is proved, and nothing else can be."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.ledger.claim_map import (
    Absent,
    ClaimMark,
    Neighbour,
    Present,
    SortedClaims,
    check_claim,
    claim_key,
)
from hub.ledger.claims_proof import ClaimsProof, parse_claims_proof, verify_claims
from hub.ledger.errors import ProofError
from hub.ledger.merkle import EMPTY_ROOT, inclusion_proof, nodes_of
from hub.ledger.proof import build_receipt
from hub.ledger.verdict import Word
from tests.unit.ledger.attested_log import DAY, MARK, NOW, AttestedLog, others


def key_of(number: int) -> bytes:
    return sha256(number.to_bytes(4, "big")).digest()


def mark_of(number: int) -> ClaimMark:
    return ClaimMark(f"moe:10001/V/{number}", "SETTLED", number)


sets = st.sets(st.integers(0, 400), max_size=40)


def map_of(numbers: set[int] | list[int]) -> SortedClaims:
    return SortedClaims((key_of(each), mark_of(each)) for each in numbers)


@settings(max_examples=120, deadline=None)
@given(numbers=sets, asked=st.integers(0, 400))
def test_presence_and_absence_are_proved_as_they_are(numbers: set[int], asked: int) -> None:
    made = map_of(numbers)
    told = made.prove(key_of(asked))
    found = check_claim(key_of(asked), told, made.size, made.root())
    assert found == (mark_of(asked) if asked in numbers else None)


@settings(max_examples=120, deadline=None)
@given(numbers=st.sets(st.integers(0, 60), min_size=1, max_size=20), data=st.data())
def test_no_proof_denies_what_is_there(numbers: set[int], data: st.DataObject) -> None:
    """Whatever places of the list are shown as neighbours, a key that is in it is not absent."""
    made = map_of(numbers)
    key = key_of(data.draw(st.sampled_from(sorted(numbers))))
    places = st.none() | st.integers(0, made.size - 1).map(lambda place: place_of(made, place))
    told = Absent(data.draw(places), data.draw(places))
    with pytest.raises(ProofError):
        check_claim(key, told, made.size, made.root())


def place_of(made: SortedClaims, place: int) -> Neighbour:
    key = made.keys[place]
    told = made.prove(key)
    assert isinstance(told, Present)
    return Neighbour(place, key, told.mark.value(key), told.proof)


@settings(max_examples=80, deadline=None)
@given(numbers=st.lists(st.integers(0, 400), max_size=30), data=st.data())
def test_the_same_claims_give_the_same_root_in_any_order(
    numbers: list[int], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(numbers))
    assert map_of(numbers).root() == map_of(again).root()
    assert map_of(numbers).keys == sorted(set(map_of(numbers).keys))


def test_an_empty_day_has_a_root_and_proves_that_nothing_was_claimed() -> None:
    made = SortedClaims(())
    assert (made.size, made.root()) == (0, EMPTY_ROOT)
    assert check_claim(key_of(1), made.prove(key_of(1)), 0, EMPTY_ROOT) is None
    with pytest.raises(ProofError, match="no neighbours"):
        check_claim(key_of(1), Absent(None, None), 1, map_of({2}).root())


def test_two_claims_with_one_key_leave_the_smaller_in_any_order() -> None:
    one, other = mark_of(1), mark_of(2)
    roots = {SortedClaims([(key_of(1), a), (key_of(1), b)]).root() for a, b in ((one, other),)}
    roots |= {SortedClaims([(key_of(1), other), (key_of(1), one)]).root()}
    assert roots == {SortedClaims([(key_of(1), one)]).root()}


def test_a_changed_proof_is_refused() -> None:
    made = map_of(set(range(7)))
    there, away = made.prove(key_of(3)), made.prove(key_of(99))
    assert isinstance(there, Present)
    assert isinstance(away, Absent)
    for told in (
        replace(there, mark=replace(there.mark, fen=4)),
        replace(there, mark=replace(there.mark, state="REJECTED")),
        replace(there, index=there.index ^ 1),
        replace(there, proof=there.proof[:-1]),
    ):
        with pytest.raises(ProofError):
            check_claim(key_of(3), told, made.size, made.root())
    for between in (replace(away, left=None), replace(away, right=None), Absent(None, None)):
        with pytest.raises(ProofError):
            check_claim(key_of(99), between, made.size, made.root())


def test_a_key_needs_the_salt_and_is_another_for_each_revision() -> None:
    salt, first, second = key_of(1), key_of(2), key_of(3)
    keys = {claim_key(salt, first), claim_key(salt, second), claim_key(first, salt)}
    assert len(keys) == 3
    with pytest.raises(ProofError):
        claim_key(salt[:-1], first)


# The file


@pytest.mark.parametrize("is_claimed", [True, False])
def test_a_file_proves_a_day_offline_and_says_nothing_else_when_it_is_changed(
    is_claimed: bool,
) -> None:
    log = AttestedLog()
    marks = {**others(5), **({log.claim_key(): MARK} if is_claimed else {})}
    data = log.claims(marks)
    found = verify_claims(data, log.policy(), now=NOW)
    assert (found.word, found.day, found.log_size) == (Word.VALID, DAY, 8)
    assert found.mark == (MARK if is_claimed else None)
    assert parse_claims_proof(data).encode() == data
    for position, old in list(enumerate(data))[::4]:
        changed = data[:position] + bytes([old ^ 1]) + data[position + 1 :]
        other = verify_claims(changed, log.policy(), now=NOW)
        assert not other.word.is_valid or other.key != found.key, position
        assert other.mark in {None, MARK}


def test_a_map_that_another_hub_states_in_this_log_counts_for_nothing() -> None:
    log = AttestedLog()
    data = log.claims({})
    proof = parse_claims_proof(data)
    evidence = replace(log.entries[-1], party="hub:other.example")
    log.entries[-1] = evidence
    hashes = [each.leaf().hash() for each in log.entries]
    path = inclusion_proof(nodes_of(hashes), len(hashes) - 1, len(hashes))
    receipt = build_receipt(evidence, len(hashes) - 1, path, log.head().encode())
    forged = ClaimsProof(proof.key, proof.record, receipt, proof.told).encode()
    found = verify_claims(forged, log.policy(), now=NOW)
    assert (found.word, found.verdict.detail.partition(":")[0]) == (
        Word.BAD_RECORD,
        "CLAIMS_RECORD",
    )
