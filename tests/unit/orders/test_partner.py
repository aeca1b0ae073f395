"""Orders of clients: whose number is whose, and what the interface tells of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters._booking import BookingOutcome, BookingReason
from hub.access.clients import ClientKind
from hub.access.requester import Requester
from hub.access.resource import Caller
from hub.customs.words import CustomsReason
from hub.errors import ErrorCode, RefusedError
from hub.graphql.booking import BOOKING_SCOPE, booked_for
from hub.graphql.enums import BookingReasonCode, BookingStateCode
from hub.intake.batch import Idempotency
from hub.orders.asked import BY_CUSTOMS, BY_HOME, BookingAnswer, BookingState, PartnerRequest
from hub.orders.entries import local_id
from hub.orders.home_hub import sent_as
from hub.orders.limits import ORDER_CHARACTERS_MAX

LONGEST_CLIENT = "c" * 64
RECORD_CHARACTERS_MAX = 150


def asking(client: str = "fudan-a", key: str = "k1") -> PartnerRequest:
    return PartnerRequest(
        client=client, party="moe:10246", idempotency=Idempotency(key=key, body_hash=b"")
    )


def answer(state: BookingState, **more: tuple[CustomsReason, ...]) -> BookingAnswer:
    return BookingAnswer(order="O-1", instrument="moe:10335/A1", state=state, **more)


@pytest.mark.parametrize(
    "told",
    [
        *("", " ", "a:b", "a/b", "*", "-a", ".a", "a b", "a\n", "a\0", "号", "a&note=x"),
        "x" * (ORDER_CHARACTERS_MAX + 1),
    ],
)
def test_what_could_name_another_order_is_no_number(told: str) -> None:
    with pytest.raises(RefusedError) as refused:
        asking().order(told)
    assert refused.value.code is ErrorCode.BAD_USER_INPUT
    assert str(ORDER_CHARACTERS_MAX) in refused.value.hint
    assert str(ORDER_CHARACTERS_MAX) in refused.value.hint_zh


def test_a_number_is_of_one_client_and_the_longest_still_fits() -> None:
    assert asking("a.b").number("c") != asking("a").number("b.c")
    longest = asking(LONGEST_CLIENT).number("x" * ORDER_CHARACTERS_MAX)
    assert len(local_id(longest)) <= RECORD_CHARACTERS_MAX


def test_a_peer_books_for_the_institution_that_it_names_and_asks_itself() -> None:
    own = Caller("hub-b", "moe:10246", ClientKind.PEER, frozenset({BOOKING_SCOPE}))
    assert booked_for(own) == "moe:10246"
    asks = replace(own, requester=Requester("client", "moe:10284", ("hub-b",)))
    assert booked_for(asks) == "moe:10284"
    for strange in (
        Requester("client", None, ("hub-b",)),
        Requester("client", "moe:10284", ("hub-b", "hub-c")),
    ):
        with pytest.raises(RefusedError) as refused:
            booked_for(replace(own, requester=strange))
        assert refused.value.code is ErrorCode.FORBIDDEN


def test_a_number_at_another_hub_is_of_one_client_and_one_order() -> None:
    pairs = [("a", "b-c"), ("a-b", "c"), ("a", "bc"), ("ab", "c"), ("a\nb", "c")]
    assert len({sent_as(*pair) for pair in pairs}) == len(pairs)
    assert all(asking().order(sent_as(*pair)) == sent_as(*pair) for pair in pairs)


def test_without_a_number_the_key_gives_one_that_can_be_named_again() -> None:
    made = asking(key="一把钥匙 " + "x" * 120).order(None)
    assert asking().order(made) == made
    assert len({asking(key=key).order(None) for key in ("k1", "k2", "K1")}) == 3
    assert asking(key="k1").order(None) == asking(key="k1").order(None)


def test_only_what_cannot_change_any_more_is_settled() -> None:
    settled = {state for state in BookingState if answer(state).is_settled}
    assert settled == set(BookingState) - {BookingState.TENTATIVE, BookingState.UNKNOWN}
    reason = CustomsReason(code="R", zh="规则", en="rule")
    assert not answer(BookingState.REFUSED, customs=(reason,)).is_settled


def test_the_interface_has_a_word_for_whatever_a_source_answers() -> None:
    assert {each.value for each in BookingOutcome} < {each.value for each in BookingState}
    assert {each.value for each in BookingState} == {each.name for each in BookingStateCode}
    reasons = {each.value for each in BookingReason} | {BY_CUSTOMS, BY_HOME}
    assert reasons | {"UNKNOWN"} == {each.name for each in BookingReasonCode}
