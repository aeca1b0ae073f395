"""The short form of `python -m bench.vouchers`: its steps on few claims, no look at durations."""

from __future__ import annotations

from argparse import Namespace

import pytest

from bench.place import postgres
from bench.voucher_world import VOUCHERS
from bench.vouchers import MEMORY_MOST_MIB, markdown, measured

pytestmark = pytest.mark.integration
CLAIMS = 20


def test_every_claim_is_taken_on_either_road_and_the_ledger_is_sound() -> None:
    asked = Namespace(claims=CLAIMS, rate=50.0, movements=1_000, parts="road,desk,audit")
    with postgres() as server:
        found = measured(server, asked)
    assert found.faults == []
    tenth, third, half = CLAIMS // 10, CLAIMS // 3, CLAIMS // 2
    counts = {name: len(ran.each_s) for name, ran in found.runs.items()}
    assert counts == {
        f"{road} {event} {way}": count
        for road, ways in (
            ("road", dict.fromkeys(("fast", "at a rate", "at half the rate"), third)),
            ("desk", {"alone": tenth, "together": half - tenth, "at a rate": CLAIMS - half}),
        )
        for event in ("RESERVE", "CONSUME")
        for way, count in ways.items()
    }
    assert CLAIMS * 2 <= VOUCHERS, "each claim of the short form has a voucher of its own"
    assert found.ledger is not None
    assert found.ledger.movements == 1_000
    assert 0 < found.ledger.peak_mib <= MEMORY_MOST_MIB
    page = markdown(found)
    assert "| signed requests over HTTP, consume, 32 connections | " in page
    assert "Audit of 1,000 movements and 500 claims: " in page
