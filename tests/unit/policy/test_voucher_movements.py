"""Movements of a voucher give back its money and its claims, whatever came in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.policy.bounds import Missing
from hub.policy.vouchers.buckets import Bucket, Move
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.messages import Event, VoucherMessage, VoucherMoved, answer
from hub.vouchers.money.movements import (
    GrantedVoucher,
    Movement,
    MovementError,
    begun,
    movements_between,
    standing_of,
)
from schema.codes import VoucherState
from tests.unit.policy.voucher_case import message

USE_UNTIL, CASH_UNTIL = date(2026, 6, 30), date(2026, 9, 30)
GRANTED = GrantedVoucher(
    issuer="moe:1",
    code="A",
    holder="moe:2",
    state=VoucherState.GRANTED,
    granted_fen=2_000_000,
    use_from=None,
    use_until=USE_UNTIL,
    cash_until=CASH_UNTIL,
    region="330000",
)
DAYS = st.sampled_from(
    [date(2026, 3, 1), USE_UNTIL, date(2026, 7, 1), CASH_UNTIL, date(2026, 10, 1)]
)


@st.composite
def messages(draw: st.DrawFn) -> VoucherMessage:
    event = draw(st.sampled_from(list(Event)))
    return message(
        event,
        draw(DAYS),
        claim_no=draw(st.sampled_from("abc")),
        fen=draw(st.sampled_from([0, 1, 300_000, 1_900_000, 2_000_000])),
        checks=draw(st.sampled_from([True, True, True, False, Missing("power")])),
        holds=draw(st.sampled_from([(), (), ("SAME_SERVICE",)])),
        not_in_time=frozenset(draw(st.sets(st.sampled_from("abc")))),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(messages(), max_size=30))
def test_what_was_kept_gives_what_stands(sent: list[VoucherMessage]) -> None:
    """Folding the movements of any history gives the standing that its messages left."""
    voucher, kept = begun(GRANTED), list[Movement]()
    for each in sent:
        told = answer(voucher, each)
        if not isinstance(told, VoucherMoved):
            continue
        of_voucher = each.event in {Event.USE_OVER, Event.CASH_OVER}
        made = movements_between(
            voucher, told.voucher, each.event, None if of_voucher else each.claim_no, told.moves
        )
        kept += [replace(one, number=len(kept) + one.number) for one in made]
        voucher = told.voucher
        assert standing_of(GRANTED, kept) == voucher
    assert voucher.buckets.granted == GRANTED.granted_fen


RESERVED = Movement(
    number=1,
    event=Event.RESERVE,
    claim_no="a",
    claim_state=S.RESERVED,
    moves=(Move(Bucket.AVAILABLE, Bucket.RESERVED, 100),),
)


@pytest.mark.parametrize(
    ("movements", "code"),
    [
        ([replace(RESERVED, number=2)], "NUMBER_NOT_NEXT"),
        ([RESERVED, RESERVED], "NUMBER_NOT_NEXT"),
        (
            [replace(RESERVED, moves=(Move(Bucket.AVAILABLE, Bucket.RESERVED, 2_000_001),))],
            "MONEY_NOT_THERE",
        ),
        ([replace(RESERVED, event=Event.CONSUME, claim_state=S.CONSUMED)], "STATE_NOT_FITTING"),
        ([RESERVED, replace(RESERVED, number=2)], "STATE_NOT_FITTING"),
        (
            [
                RESERVED,
                Movement(
                    number=2,
                    event=Event.RESERVE,
                    claim_no="b",
                    claim_state=S.RESERVED,
                    moves=(Move(Bucket.RESERVED, Bucket.EXPIRED, 1),),
                ),
            ],
            "CLAIM_OVERDRAWN",
        ),
    ],
)
def test_what_does_not_follow_is_told(movements: list[Movement], code: str) -> None:
    with pytest.raises(MovementError) as told:
        standing_of(GRANTED, movements)
    assert told.value.code == code
