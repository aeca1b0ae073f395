"""`may_say`: who may send which message about a voucher; pure."""

from __future__ import annotations

from typing import Final

from hub.errors import ErrorCode, RefusedError
from hub.policy.vouchers.messages import Event
from hub.vouchers.question import VoucherCase

BY_PARTIES: Final = frozenset({Event.RESERVE, Event.RELEASE})
BY_PROVIDER: Final = frozenset({Event.CONSUME, Event.CAP, Event.SUBMIT})
BY_ISSUER: Final = frozenset(
    {Event.CLEAR, Event.COUNTY, Event.CITY, Event.SETTLE, Event.REJECT, Event.CLAW_BACK}
)
"""Messages that decide; who gave or used the service never decides about it."""
BY_HUB = frozenset({Event.CONSUME, Event.CAP, Event.HOLD, Event.SUBMIT})
"""What the hub does by itself: after a correction, and on the fast track."""


def check_may(case: VoucherCase) -> None:
    """Raise `RefusedError` FORBIDDEN unless a party may say this about a voucher."""
    if case.asking and case.asking.is_hub and case.wanted.event in BY_HUB:
        return
    event, provider = case.wanted.event, case.provider_of(case.wanted.claim_no)
    issuer, holder = case.voucher.granted.issuer, case.voucher.granted.holder
    party = case.asking.party if case.asking else None
    is_issuer, is_user = party == issuer, party in {holder, provider}
    may = (
        (event in BY_PARTIES and (is_issuer or is_user))
        or (event in BY_PROVIDER and (is_issuer or party == provider))
        or (event in BY_ISSUER and is_issuer and not is_user)
    )
    if not may:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint=f"{event.value}: said by the issuer, and before review by holder or provider; who "
            "gave or used the service decides nothing about it",
            hint_zh=f"{event.value}：由发放单位提出，审核前也可由持券单位或服务机构提出；"
            "服务双方不得自行审核",
        )
