"""`between_hubs`: documents by which a hub asks another one: about an order, or about a claim.

Every hub registers them, so that a peer needs no `graphql:adhoc` to pass on what its clients order.
"""

from __future__ import annotations

from hashlib import sha256

PAYLOAD = """{
    state reason reference said replayed
    customsReasons { code zh en }
    placed { id authority record }
    userErrors { code message }
  }
"""
INPUTS = {
    "requestBooking": "RequestBookingInput",
    "moveBooking": "MoveBookingInput",
    "cancelBooking": "CancelBookingInput",
}


def _mutation(field: str) -> str:
    title = f"Forwarded{field[0].upper()}{field[1:]}"
    return (
        "# 枢纽之间：转交预约 Between hubs: an order, passed on to the instrument's home\n"
        f"mutation {title}($input: {INPUTS[field]}!) {{\n  {field}(input: $input) {PAYLOAD}}}\n"
    )


_LOOK = (
    "# 枢纽之间：订单的现状 Between hubs: how an order stands at the instrument's home\n"
    "query ForwardedOrder($instrument: String!, $order: String!) {\n"
    f"  bookingOrder(instrument: $instrument, order: $order) {PAYLOAD}}}\n"
)
_REVIEW = (
    "# 枢纽之间：转交评价 Between hubs: a review, passed on to the instrument's home\n"
    "mutation ForwardedReview($input: StateOrderReviewInput!) {\n"
    "  stateOrderReview(input: $input) {\n"
    "    orderId state missing userErrors { code message }\n  }\n}\n"
)
_CLAIM = (
    "# 枢纽之间：创新券申兑 Between hubs: a claim on a voucher\n"
    "mutation ClaimErrand($input: ClaimErrandInput!) {\n"
    "  claimErrand(input: $input) {\n"
    "    content userErrors { code message }\n  }\n}\n"
)
TEXTS = (*map(_mutation, INPUTS), _LOOK, _REVIEW, _CLAIM)
"""The texts, which `hub.query.plan.documents` registers."""


def _id(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


BOOKINGS = {field: _id(_mutation(field)) for field in INPUTS}
"""Ids of the documents that change an order, by their root field."""
LOOK = _id(_LOOK)
"""Id of the document that asks how an order stands."""
REVIEW = _id(_REVIEW)
"""Id of the document that states a review."""
CLAIM = _id(_CLAIM)
"""Id of the document by which hubs ask each other about claims."""
