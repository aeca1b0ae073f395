"""`rows`: the records that a message about a voucher leaves; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.policy.vouchers.claim import S, VoucherStanding
from hub.policy.vouchers.messages import VoucherMoved
from hub.vouchers.money.ledger import CLAIM, MOVEMENT
from hub.vouchers.money.movements import Movement, movements_between
from hub.vouchers.question import VoucherCase


def rows_of(
    case: VoucherCase, told: VoucherMoved, stands: Mapping[str, Mapping[str, Any]], at: str
) -> list[Mapping[str, Any]]:
    """Return the movements of a message, and the claims that it changes as they stand then.

    `stands`: claims as they were stated last, rows of the store by number; what a message does not
    say of them stays. `at`: an instant in the form of the standard.
    """
    wanted, asking, last = case.wanted, case.asking, case.voucher.last
    head = _present(
        {
            "issuerKey": wanted.issuer,
            "code": wanted.code,
            "holderKey": case.voucher.granted.holder,
            "at": at,
            "statedBy": None if asking is None or asking.is_hub else asking.party,
            "request": asking and asking.request,
            "requestBody": asking and asking.body_hash.hex(),
            "reason": wanted.reason or None,
        }
    )
    made = movements_between(
        case.standing, told.voucher, wanted.event, wanted.claim_no or None, told.moves
    )
    rows: list[Mapping[str, Any]] = []
    for each in made:
        provider = case.provider_of(each.claim_no)
        record = {**head, **_movement(each, last), **_present({"providerKey": provider})}
        rows.append({"type": MOVEMENT, "record": record})
        if each.claim_no is not None:
            kept = stands.get(each.claim_no, {})
            claim = {**_claim(case, told.voucher, each.claim_no, kept), "changedAt": at}
            rows.append({"type": CLAIM, "record": claim})
    return rows


def _movement(movement: Movement, last: int) -> dict[str, Any]:
    state = movement.claim_state
    return _present(
        {
            "number": str(last + movement.number),
            "event": movement.event.value,
            "claimNo": movement.claim_no,
            "claimState": None if state is None else state.value,
            "moves": [
                {"source": each.source.value, "target": each.target.value, "fen": each.fen}
                for each in movement.moves
            ],
            "holds": list(movement.holds),
        }
    )


def _claim(
    case: VoucherCase, after: VoucherStanding, claim_no: str, kept: Mapping[str, Any]
) -> dict[str, Any]:
    wanted, claim, checked = case.wanted, after.claims[claim_no], case.checked
    charge = checked.charge_fen if checked else wanted.charge_fen or kept.get("charge_fen")
    invoice = checked.invoice if checked else (kept.get("invoice_code"), kept.get("invoice_no"))
    return _present(
        {
            "issuerKey": wanted.issuer,
            "code": wanted.code,
            "claimNo": claim_no,
            "providerKey": case.provider_of(claim_no),
            "holderKey": case.voucher.granted.holder,
            "state": claim.state.value,
            "serviceKey": wanted.service or kept.get("service_key"),
            "orderNo": wanted.order_no or kept.get("order_no"),
            "chargeFen": charge,
            "voucherFen": claim.fen,
            "ownFen": None if charge is None else charge - claim.fen,
            "settledFen": claim.fen if claim.state in {S.SETTLED, S.CLAWED_BACK} else None,
            "invoiceCode": invoice[0],
            "invoiceNo": invoice[1],
            "holdReasons": list(claim.holds),
            "plannedUntil": _planned_until(case, kept),
        }
    )


def _planned_until(case: VoucherCase, kept: Mapping[str, Any]) -> str | None:
    """Return the last day for which a service was planned, as it was said when it was reserved."""
    planned, said = case.wanted.planned, kept.get("planned_until")
    last = planned[1] if planned is not None and said is None else said
    return None if last is None else str(last.isoformat())


def _present(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}
