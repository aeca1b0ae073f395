"""What hubs send each other about claims: the same on both sides, and nothing else is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import HubError
from hub.policy.bounds import Missing
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.vouchers.facts import InvoiceTold, PowerTold, ServiceTold
from hub.policy.vouchers.fingerprints import ClaimedService, Hit
from hub.policy.vouchers.grants import GrantStanding, GrantState
from hub.policy.vouchers.invoice import Invoice
from hub.vouchers.between.abroad import (
    GrantAnswer,
    given_from_wire,
    given_to_wire,
    grant_from_answer,
)
from hub.vouchers.between.errand_wire import (
    claim_wire,
    fingerprints_from_wire,
    grant_from_wire,
    granted_from_wire,
    marks_from_wire,
    name_of,
    told_from_wire,
)
from hub.vouchers.between.fingerprint_keys import (
    ClaimKeys,
    claim_keys_text,
    key_print,
    parse_claim_keys,
    rolled,
    write_claim_keys,
)
from hub.vouchers.marks import ClaimName
from hub.vouchers.question import GivenService
from schema.codes import ExclusionReason

AT = datetime(2026, 6, 1, 8, tzinfo=UTC)
MISSING = st.builds(Missing, st.sampled_from(("power", "review")), st.just("NOT_STATED"))
KEYS = st.sampled_from(("moe:10335", "uscc:12330000470003281H"))


def or_missing(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | MISSING


FEN = st.integers(0, 10**13)
INSTANTS = st.integers(0, 10**6).map(lambda second: AT + timedelta(seconds=second))
INVOICES = st.builds(
    InvoiceTold,
    payer=or_missing(KEYS),
    amount_fen=or_missing(FEN),
    own_part_paid=or_missing(st.booleans()),
)
TOLD = st.builds(
    ServiceTold,
    provider=KEYS,
    user=or_missing(KEYS),
    started_at=or_missing(INSTANTS),
    ended_at=or_missing(INSTANTS),
    claimed_s=or_missing(FEN),
    charge_fen=or_missing(FEN),
    voucher_fen=st.just(0),
    is_chained=or_missing(st.booleans()),
    booked_s=or_missing(FEN),
    longest_day_s=or_missing(FEN),
    overlaps=or_missing(st.booleans()),
    list_price_fen=or_missing(FEN),
    power=or_missing(st.builds(PowerTold, FEN, FEN)),
    invoice=or_missing(INVOICES),
    exclusions=or_missing(st.frozensets(st.sampled_from(list(ExclusionReason)))),
    reviewed_by=or_missing(KEYS),
    customs=or_missing(st.sampled_from(CustomsAnswer)),
)
CLAIMED = st.builds(
    ClaimedService,
    home=st.just("hub.zj.example/records"),
    service_item=st.just("svc_1"),
    claim_home=st.just(""),
    claim_no=st.just(""),
    instrument_item=st.just("instr_1"),
    start_at=INSTANTS,
    end_at=INSTANTS,
    holder=st.just(""),
    charge_fen=FEN,
    invoice=or_missing(st.just(Invoice("", "0" * 20, "moe:10335"))),
    in_parallel=st.booleans(),
)
GIVEN = st.builds(
    GivenService,
    told=TOLD,
    claimed=or_missing(CLAIMED),
    in_log=st.booleans(),
    charge_fen=st.none() | FEN,
    item_id=st.just("svc_1"),
    owner=KEYS,
    issuer=KEYS,
    user=st.none() | KEYS,
    instrument=st.just("moe:10335/TEM-1"),
    invoice=st.just((None, "0" * 20)),
    as_of=INSTANTS,
    commitment=st.just("ab" * 32),
)


@settings(max_examples=60, deadline=None)
@given(GIVEN)
def test_what_a_hub_says_of_a_service_is_read_as_it_was_meant(given_service: GivenService) -> None:
    wire = json.loads(json.dumps(given_to_wire(given_service)))
    assert given_from_wire(wire) == given_service
    answer = {"attempt": "a", "holds": ["SAME_TIME"], "given": wire}
    expected = GrantAnswer(given=given_service, holds=("SAME_TIME",))
    assert grant_from_answer(answer, "a") == expected
    with pytest.raises(ValueError, match="another attempt"):
        grant_from_answer(answer, "b")


def test_refusals_are_read_and_nothing_else_is_one() -> None:
    assert grant_from_answer({"refused": "ALREADY_CLAIMED"}, "a").refused is Hit.ALREADY_CLAIMED
    assert grant_from_answer({"refused": "GRANT_OVER"}, "a").is_over
    silent = grant_from_answer({"missing": {"fact": "peer", "reason": "anhui"}}, "a").missing
    assert silent == Missing("peer", "anhui")
    for strange in ({}, {"refused": "NO"}, {"attempt": "a", "holds": [], "given": {}}):
        with pytest.raises(ValueError):
            grant_from_answer(strange, "a")


def test_a_grant_that_is_told_is_live() -> None:
    wire = claim_wire(ClaimName("i", "V-1", "A"), attempt="a", service="s", state="CONSUMED")
    assert granted_from_wire(wire).standing == GrantStanding("a", GrantState.CONSUMED)
    for strange in ("FREED", "", "PENDING"):
        with pytest.raises(ValueError):
            granted_from_wire({**wire, "state": strange})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
MEMBERS = (
    *("issuer", "code", "claimNo", "attempt", "service", "orderNo", "fen", "holder", "party"),
    *("client", "word", "origin", "fingerprints", "marks"),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(MEMBERS), JSON) | JSON)
def test_whatever_comes_is_read_or_refused(wire: Any) -> None:
    readers = (
        *(name_of, grant_from_wire, told_from_wire, fingerprints_from_wire, marks_from_wire),
    )
    for read in readers:
        try:
            read(wire)
        except ValueError:
            continue


def test_keys_are_rolled_and_the_last_two_are_in_use(tmp_path: Path) -> None:
    first = rolled({}, 2026)
    second = rolled(first, 2027)
    third = rolled(second, 2028)
    assert list(third) == [2028, 2027]
    assert third[2027] == second[2027]
    with pytest.raises(ValueError, match="2028"):
        rolled(third, 2028)
    file = tmp_path / "claim.keys"
    write_claim_keys(file, third)
    keys = ClaimKeys(file)
    assert dict(keys.now()) == third
    write_claim_keys(file, rolled(third, 2029))
    assert list(keys.now()) == [2029, 2028]
    file.chmod(0o640)
    with pytest.raises(HubError):
        ClaimKeys(file).now()
    assert key_print(third[2028]) != key_print(third[2027])
    assert ClaimKeys(None).now() == {}


@pytest.mark.parametrize(
    "text", ["2026", "2026 00", "1999 " + "0" * 64, "2026 " + "0" * 64 + "\nx"]
)
def test_what_is_no_file_of_keys(text: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        parse_claim_keys(text)
    assert parse_claim_keys(claim_keys_text({2026: b"\0" * 32})) == {2026: b"\0" * 32}
