"""`answers`: what is said to a message about a voucher; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.vouchers.checks import VoucherVerdict
from hub.policy.vouchers.messages import VoucherMoved, VoucherRefusal, VoucherRefused, VoucherWaits
from hub.vouchers.question import ServiceChecked, VoucherCase, VoucherTold
from schema.codes import VoucherClaimState


def no_voucher() -> RefusedError:
    """Return that there is no such voucher."""
    return RefusedError(
        ErrorCode.NOT_FOUND,
        hint="code: the number of a voucher that its issuer stated",
        hint_zh="code：发放单位已申报的券编号",
    )


def kept_at(home: str) -> RefusedError:
    """Return that another hub keeps the money of an issuer's vouchers. `home`: its address."""
    return RefusedError(
        ErrorCode.HOME_ELSEWHERE,
        hint=f"The money of that issuer's vouchers is kept at {home}: send the message there.",
        hint_zh=f"该单位所发创新券由 {home} 管理，请向其提交。",
    )


def no_service() -> RefusedError:
    """Return that a message names no service."""
    return RefusedError(
        ErrorCode.BAD_USER_INPUT,
        hint="service: the key of the service record that the voucher pays for",
        hint_zh="service：创新券所抵扣服务记录的主键",
    )


def moved(said: VoucherTold, told: VoucherMoved) -> VoucherTold:
    """Return the answer to a message that moved money."""
    claim = told.voucher.claims[said.claim_no]
    said = replace(said, state=claim.state, fen=claim.fen, holds=claim.holds)
    return replace(said, buckets=told.voucher.buckets)


def not_moved(said: VoucherTold, told: VoucherRefused | VoucherWaits) -> VoucherTold:
    """Return the answer to a message that moves nothing."""
    if isinstance(told, VoucherRefused):
        return replace(said, refused=told.code)
    return replace(said, missing=told.missing)


def said_of(case: VoucherCase) -> VoucherTold:
    """Return what is said of a case whatever comes of it: which checks its service passed."""
    checks = case.checked.verified.checks if case.checked else ()
    return VoucherTold(claim_no=case.wanted.claim_no, checks=checks)


def shown(case: VoucherCase, told: VoucherTold) -> VoucherTold:
    """Return an answer without what a provider is not told: what else the voucher holds."""
    granted = case.voucher.granted
    is_told = case.asking is not None and case.asking.party in {granted.issuer, granted.holder}
    return told if is_told else replace(told, buckets=None)


def conflicting() -> RefusedError:
    """Return that the idempotency key of a message stands for another one."""
    return RefusedError(
        ErrorCode.IDEMPOTENCY_CONFLICT,
        hint="This idempotency key stands for another message: give each message its own.",
        hint_zh="该幂等键已用于另一消息，请为每个消息使用新的键。",
    )


def told_before(case: VoucherCase, earlier: Mapping[str, Any]) -> VoucherTold:
    """Return the answer that a request got before; its money moved then."""
    wanted = case.wanted
    asked = (earlier["issuer_key"], earlier["code"], earlier["claim_no"], earlier["event"])
    again = (wanted.issuer, wanted.code, wanted.claim_no, wanted.event.value)
    assert case.asking is not None
    if earlier["request_body"] != case.asking.body_hash.hex() or asked != again:
        raise conflicting()
    return VoucherTold(
        claim_no=wanted.claim_no,
        state=VoucherClaimState[earlier["claim_state"]],
        buckets=case.standing.buckets,
        replayed=True,
    )


def problem_of(checked: ServiceChecked | None) -> Missing | VoucherRefusal | None:
    """Return why a service does not count for a voucher, by what its home said."""
    assert checked is not None
    if isinstance(checked.claimed, Missing):
        return checked.claimed
    if not checked.in_log:
        return VoucherRefusal.NOT_IN_LOG
    if checked.verified.verdict is VoucherVerdict.INVALID:
        return VoucherRefusal.CHECKS_INVALID
    return next((each.missing for each in checked.verified.checks if each.missing), None)


def not_there() -> RefusedError:
    """Return the error of a service of another hub that is not there for who asks."""
    return RefusedError(
        ErrorCode.NOT_FOUND,
        hint="service: the key of a service record of its home hub, asked for by its provider",
        hint_zh="service：须为归属枢纽已有的服务记录主键，并由服务机构提出",
    )
