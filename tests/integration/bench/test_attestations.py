"""The short form of `python -m bench.attestations`: its steps once, no look at durations."""

from __future__ import annotations

from bench.attestations import markdown, measured


def test_every_way_of_verifying_finds_the_same() -> None:
    found = measured(leaves=300, runs=2, claims=50)
    assert found.faults == []
    assert found.bytes_whole > found.bytes_jws + found.bytes_proofs
    assert len(found.runs_us) == 5
    assert all(len(each) == 2 for each in found.runs_us.values())
    assert "`verify_attestation`" in markdown(found)
