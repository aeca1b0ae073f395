"""`disposal`: lease, transfer, pledge or scrapping of an instrument, and an estimate of duty; pure.

Who wants to transfer idle instruments or charge for their use asks this before any consequence. The
duty is an estimate: customs assesses it, and the way of counting was not verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hub.clock import Clock
from hub.customs.answer import CustomsEvidence, instant_or_none
from hub.customs.facts import facts_of, items_of
from hub.customs.question import Row, StoredCustoms, check_keys, refused
from hub.customs.words import CustomsReason, missing_reason
from hub.policy.bounds import LackingError, Missing, known
from hub.policy.customs.decision import (
    CustomsAnswer,
    Procedure,
    Remedy,
    UseDecision,
    is_supervised,
    strictest,
)
from hub.policy.customs.disposal import DisposalKind, duty_base_fen, may_dispose
from hub.policy.law import LawOnDay
from hub.policy.vouchers.amount import FEN_OF_YUAN, FenError, fen_of

VALUE_FEN_MAX = 10**14
"""Most of a value that is asked with: a trillion yuan."""
CURRENCY = "CNY"
TYPE = "hub-customs-disposal+jws"
VERSION = "hub-customs-disposal-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class DisposalQuestion:
    """Whether this instrument may be disposed of so on a day of Shanghai.

    `value_fen`: value at import, for the estimate of duty; else the original value counts where
    whoever asks may read it and it is in yuan.
    """

    instrument: str
    kind: DisposalKind
    on: date
    value_fen: int | None = None

    def check(self) -> None:
        """Raise `RefusedError` BAD_USER_INPUT for a question that means nothing."""
        check_keys(self.instrument)
        if self.value_fen is not None and not 0 < self.value_fen <= VALUE_FEN_MAX:
            raise refused("进口价值须大于零", "a value is more than nothing, in yuan")


@dataclass(frozen=True, kw_only=True, slots=True)
class DutyEstimate:
    """The value on which duty would be due for the rest of the term: never an assessment."""

    value_fen: int
    base_fen: int
    released_on: date
    on: date

    def claims(self) -> dict[str, Any]:
        """Return it as it is signed, in fen; what it is stands beside it."""
        return {
            "valueFen": self.value_fen,
            "baseFen": self.base_fen,
            "releasedOn": self.released_on.isoformat(),
            "isAssessment": False,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class DisposalAnswer:
    """The answer to a disposal. `estimate`: None with the reason `no_estimate`, or out of term.

    `evidence`, `notice_no` and the estimate: only for who may see what they rest on.
    """

    instrument: str
    question: DisposalQuestion
    answer: CustomsAnswer
    rule: int
    reasons: tuple[CustomsReason, ...]
    procedure: Procedure
    remedy: Remedy | None
    missing: str | None
    notice_no: str | None
    as_of: datetime | None
    decided_at: datetime
    valid_until: datetime | None
    evidence: tuple[CustomsEvidence, ...]
    estimate: DutyEstimate | None
    no_estimate: CustomsReason | None
    undecided: tuple[str, ...]
    read: tuple[tuple[str, str, str], ...] = ()
    value_of: tuple[str, str] | None = None
    """Identity and owner of the instrument whose original value it tells."""
    jws: str | None = None
    """The same as a compact JWS of the hub's key; None where the desk has no key."""

    def claims(self, issuer: str) -> dict[str, Any]:
        """Return what is signed: the disposal that was asked for and its answer.

        Money is in fen. A value that was asked with is in it: the estimate says no more than that.
        """
        asked, estimate = self.question, self.estimate
        stated = {
            "v": VERSION,
            "iss": issuer,
            "iat": int(self.decided_at.timestamp()),
            "instrument": self.instrument,
            "kind": asked.kind.value,
            "on": asked.on.isoformat(),
            "valueFen": asked.value_fen,
            "answer": self.answer.value,
            "rule": self.rule,
            "procedure": self.procedure.value,
            "remedy": None if self.remedy is None else self.remedy.value,
            "missing": self.missing,
            "noticeNo": self.notice_no,
            "asOf": instant_or_none(self.as_of),
            "validUntil": instant_or_none(self.valid_until),
            "undecided": list(self.undecided),
            "evidence": [each.entry_id for each in self.evidence],
            "estimate": None if estimate is None else estimate.claims(),
        }
        return {name: value for name, value in stated.items() if value is not None}


def disposal_decision(
    stored: StoredCustoms, question: DisposalQuestion, law: LawOnDay, clock: Clock
) -> UseDecision:
    """Return the decision over all imported items of an instrument."""
    now = clock()
    return strictest(
        may_dispose(facts_of(stored, item), question.kind, question.on, law, now)
        for item in items_of(stored)
    )


def estimate_of(
    stored: StoredCustoms, value_fen: int | None, on: date, law: LawOnDay, asked_at: datetime
) -> DutyEstimate | CustomsReason | None:
    """Return the estimate of an instrument, why there is none, or None where none is due."""
    try:
        items = [each for each in items_of(stored) if _is_in_term(stored, each, on, law, asked_at)]
        if not items:
            return None
        facts = facts_of(stored, items[0])
        released, kind = known(facts.released_on), known(facts.kind)
        value = known(_value(value_fen, len(items)))
        return DutyEstimate(
            value_fen=value,
            base_fen=duty_base_fen(value, kind, released, on, law),
            released_on=released,
            on=on,
        )
    except LackingError as error:
        return missing_reason(error.missing)


def _value(value_fen: int | None, items: int) -> int | Missing:
    """Return the value of the only item; the value of each of several is not stated."""
    if items > 1:
        return Missing("value", "SEVERAL_ITEMS")
    return Missing("value") if value_fen is None else value_fen


def original_value_fen(instrument: Row) -> int | None:
    """Return an instrument's original value in fen, where it is in whole fen of yuan."""
    amount: Any = instrument["original_value_amount"]
    if amount is None or instrument["original_value_currency"] != CURRENCY:
        return None
    try:
        fen = fen_of(amount)
    except FenError:
        return None
    return fen if 0 < fen <= VALUE_FEN_MAX else None


def value_in_fen(yuan: Decimal) -> int:
    """Return a value that is asked with in fen; `RefusedError` BAD_USER_INPUT for parts of one."""
    try:
        return fen_of(yuan)
    except FenError as error:
        raise refused("金额至多两位小数", "yuan have at most two decimals") from error


def yuan_of(fen: int) -> str:
    """Return fen as yuan with two decimals."""
    return f"{fen // FEN_OF_YUAN}.{fen % FEN_OF_YUAN:02}"


def _is_in_term(
    stored: StoredCustoms, item: Sequence[Row], on: date, law: LawOnDay, asked_at: datetime
) -> bool:
    return is_supervised(facts_of(stored, item), on, law, asked_at)
