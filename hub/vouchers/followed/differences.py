"""`differences`: where the claims that are stated are not what movements leave; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.policy.vouchers.claim import VoucherStanding


@dataclass(frozen=True, slots=True)
class VoucherFault:
    """What is wrong with a voucher. `code`: stable; `detail`: which movement or claim."""

    voucher: str
    code: str
    detail: str = ""


def differences(
    voucher: str, standing: VoucherStanding, stated: Mapping[str, Mapping[str, Any]]
) -> Iterator[VoucherFault]:
    """Tell where the claims that are stated are not what the movements leave."""
    for number in sorted(standing.claims.keys() | stated.keys()):
        made, said = standing.claims.get(number), stated.get(number)
        if made is None:
            yield VoucherFault(voucher, "CLAIM_WITHOUT_MOVEMENT", number)
        elif said is None:
            yield VoucherFault(voucher, "CLAIM_NOT_STATED", number)
        elif said["state"] != made.state.value:
            yield VoucherFault(voucher, "CLAIM_STATE", f"{number}: {said['state']}, {made.state}")
        elif said["voucher_fen"] != made.fen:
            yield VoucherFault(voucher, "CLAIM_MONEY", f"{number}: {said['voucher_fen']}")
