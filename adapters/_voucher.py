"""What voucher systems share: the members of a real one, its two reviews, its history, its money.

The members are those of the front end of a real voucher system (`innovateCode`,
`innovateStatusCode`, `reviewedStatusCode`, `appliMoney`, `usecutoffDate`, `cashcutoffDate`,
`flowResp`, …); `basis` of each source says which codes are known. Each code stands in a look-up of
its source AND version, none is known anywhere else, and an unknown one is refused.

- Money is in yuan with at most two decimals and becomes whole fen. A third decimal is refused and
  never rounded, a zero as well: whoever writes it counts in another unit.
- A state is what the newest step of the row's own history says. Answers come late, twice and in
  any order; the history says in which order things happened. Two steps of one moment that differ,
  a step that lies ahead, and a row whose own codes stand in no step are refused.
- `usecutoffDate` and `cashcutoffDate` are days of Shanghai, the last ones of use and of cashing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from adapters._adapter import Context, Mapped, Removed, Yielded
from adapters._metadata import LookUps
from adapters._nrii import present
from adapters._row import Row
from schema.codes import CodeList, Province, VoucherClaimState, VoucherService, VoucherState
from schema.dates import DateError, parse_instant

C = TypeVar("C", bound=CodeList)
T = TypeVar("T")

FEN_DIGITS = 2
YUAN_DIGITS_MAX = 11
"""Digits before the point that an amount may have; what has more is in another unit."""
CLOCKS_APART = timedelta(days=1)
"""So far a step may lie ahead: clocks and zones differ, nothing happens tomorrow."""


@dataclass(frozen=True, slots=True)
class Codes(Generic[C]):
    """States of one kind of record by the codes of one source in one version."""

    status: Mapping[str, C]
    reviewed: Mapping[str, C | None]
    """What a review says; None: that it goes on, or nothing that is a state."""
    under_review: C
    """The state in which the review decides. Later states keep its last code: a claim that was paid
    still says that the city let it pass."""
    rejected: C

    def state(self, row: Row) -> C:
        """Take the state of a row or of a step; an unknown code is a problem of it."""
        status = row.code("innovateStatusCode", self.status)
        review = row.optional_text("reviewedStatusCode")
        if review is None:
            return status
        if review not in self.reviewed:
            listed = "、".join(self.reviewed)
            zh, en = (
                f"代码不在对照表中，已知：{listed}",
                f"is not in the code table; known: {listed}",
            )
            row.fault("reviewedStatusCode", "CODE_UNKNOWN", zh, en)
        said = self.reviewed.get(review)
        if status is self.under_review:
            return said or status
        if said is self.rejected:
            zh, en = (
                "审核已驳回，状态却已越过审核",
                "says rejected, and the status is past the review",
            )
            row.fault("reviewedStatusCode", "STATUS_CONTRADICTED", zh, en)
        return status


@dataclass(frozen=True, slots=True)
class Reached(Generic[C]):
    """The state that a row came into last, and when."""

    state: C
    at: str


def codes_of(
    look_ups: LookUps, kind: str, version: str, states: type[C], *, under_review: C, rejected: C
) -> Codes[C]:
    """Return the states of one kind of record by the look-ups of a source, in one version."""
    review = look_ups[f"{kind}_review_{version}"]
    look_ups.words(review.name, states)  # refuses look-ups of another list
    return Codes(
        status=look_ups.words(f"{kind}_status_{version}", states),
        reviewed=review.known,
        under_review=under_review,
        rejected=rejected,
    )


def voucher_codes(look_ups: LookUps, *versions: str) -> dict[str, Codes[VoucherState]]:
    """Return the states of vouchers by version."""
    applied, rejected = VoucherState.APPLIED, VoucherState.REJECTED
    return {
        each: codes_of(
            look_ups, "voucher", each, VoucherState, under_review=applied, rejected=rejected
        )
        for each in versions
    }


def claim_codes(look_ups: LookUps, *versions: str) -> dict[str, Codes[VoucherClaimState]]:
    """Return the states of claims by version."""
    submitted, rejected = VoucherClaimState.SUBMITTED, VoucherClaimState.REJECTED
    return {
        each: codes_of(
            look_ups, "claim", each, VoucherClaimState, under_review=submitted, rejected=rejected
        )
        for each in versions
    }


def reached(row: Row, codes: Codes[C], context: Context) -> Reached[C]:
    """Take the newest step of a row's history."""
    own = codes.state(row)
    steps = []
    for part in row.parts("flowResp"):
        text, state = part.instant("createTime"), codes.state(part)
        at = _exact(part, text)
        if at > context.now + CLOCKS_APART:
            part.fault("createTime", "TIME_AHEAD", "时间在未来", "lies ahead of the hub's clock")
        steps.append((at, text, state))
    if not steps:
        row.fault("flowResp", "MISSING", "须有状态历史", "is required: when it came into its state")
        return Reached(own, "")
    latest = max(at for at, _, _ in steps)
    newest = [(text, state) for at, text, state in steps if at == latest]
    if len({state for _, state in newest}) > 1:
        zh, en = "同一时刻有两个不同状态", "has two states of one moment; which one holds?"
        row.fault("flowResp", "HISTORY_AMBIGUOUS", zh, en)
    if own not in {state for _, _, state in steps}:
        zh, en = "当前状态不在状态历史中", "does not hold the state that the row itself says"
        row.fault("flowResp", "HISTORY_CONTRADICTED", zh, en)
    return Reached(newest[0][1], newest[0][0])


def _exact(step: Row, text: str) -> datetime:
    """Return the moment of a step with its parts of a second, which records do not hold."""
    try:
        return parse_instant(step.optional_text("createTime") or text).at
    except DateError:  # it was told already
        return datetime.fromisoformat(text)


def fen(row: Row, name: str) -> int | None:
    """Take an amount in yuan that may be absent, as whole fen."""
    text = row.optional_text(name)
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or amount.is_signed():
        row.fault(
            name, "NOT_AMOUNT", "必须是不小于零的金额（元）", "must be an amount in yuan, 0 or more"
        )
        return None
    if exponent < -FEN_DIGITS:
        zh, en = "金额最多两位小数，不作舍入", "has more than two decimals; nothing is rounded"
        row.fault(name, "AMOUNT_PRECISION", zh, en)
        return None
    if amount.adjusted() >= YUAN_DIGITS_MAX:
        row.fault(name, "NOT_AMOUNT", "金额过大", "is too large to be an amount in yuan")
        return None
    return int(amount.scaleb(FEN_DIGITS))


def services(row: Row, name: str, table: Mapping[str, VoucherService]) -> list[str]:
    """Take the kinds of service, each once."""
    return list(dict.fromkeys(service.value for service in row.codes(name, table)))


def party(row: Row, name: str) -> str:
    """Take a mandatory USCC as the key of an institution."""
    return f"uscc:{row.text(name)}"


def of_version(row: Row, context: Context, known: Mapping[str, T], default: str) -> T:
    """Return what belongs to the version that the operator's file names in `[facts] version`."""
    version = str(context.facts.get("version", default))
    if version not in known:
        listed = "、".join(known)
        zh, en = (
            f"没有 {version} 版的代码对照表，已有：{listed}",
            f"no code table of version {version}",
        )
        row.fault("innovateStatusCode", "VERSION_UNKNOWN", zh, f"{en}; there are: {listed}")
    return known.get(version, known[default])


def claim_items(row: Row, now: Reached[VoucherClaimState]) -> dict[str, Any]:
    """Take what every system says of a claim: whose it is, how far it is, its money and invoice."""
    return {
        "code": row.text("innovateCode"),
        "claimNo": row.text("cashCode"),
        "providerKey": party(row, "serviceEntercode"),
        "holderKey": party(row, "appliEntercode"),
        "state": now.state.value,
        "orderNo": row.optional_text("orderCode"),
        "chargeFen": fen(row, "contractValue"),
        "voucherFen": fen(row, "cashMoney"),
        "ownFen": fen(row, "selfMoney"),
        "settledFen": fen(row, "payMoney"),
        "invoiceCode": row.optional_text("invoiceCode"),
        "invoiceNo": row.optional_text("invoiceNo"),
        "holdReasons": row.list_of("holdReason"),
        "changedAt": now.at,
    }


def registration(
    row: Row, registrar: str, province: Province, offered: list[str], *, is_valid: bool | None
) -> Yielded:
    """Map the registration of a provider; one that was struck off is withdrawn."""
    number = row.text("registerCode")
    made = Mapped(
        "ProviderRegistration",
        present(
            registrarKey=registrar,
            registrationNo=number,
            providerKey=party(row, "serviceEntercode"),
            province=province.value,
            services=offered,
            validFrom=row.optional_day("beginDate"),
            validUntil=row.optional_day("endDate"),
        ),
    )
    gone = Removed("ProviderRegistration", f"{registrar}/{number}", "STRUCK_OFF")
    return gone if is_valid is False else made
