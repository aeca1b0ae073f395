"""`service`: the customs desk: may an instrument serve a use, may it be disposed of, what is due.

Whoever books an instrument or pays for a service asks `CustomsDesk.decide` and goes on only with
ALLOW; the answer says what would be needed. An answer holds until `valid_until`, not longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from hub.access.agreements import Agreements
from hub.access.grants import PartyGrants
from hub.access.visibility import Subject, holds
from hub.clock import Clock
from hub.crypto.answer import signed_answer
from hub.crypto.keys import SigningKey
from hub.customs.answer import (
    TYPE,
    CustomsDue,
    CustomsDueList,
    UseAnswer,
    evidence_of,
)
from hub.customs.disposal import TYPE as DISPOSAL
from hub.customs.disposal import (
    DisposalAnswer,
    DisposalQuestion,
    DutyEstimate,
    disposal_decision,
    estimate_of,
    original_value_fen,
)
from hub.customs.facts import as_of, facts_of, items_of, reports_of, use_of
from hub.customs.question import Row, StoredCustoms, UseQuestion
from hub.customs.served import OutsideServiceList, outside_service, releases
from hub.customs.sight import NOTHING_SEEN, CustomsSight, sight_of
from hub.customs.stored import read_customs, read_services, read_supervisions
from hub.customs.words import CustomsReason, disposal_reasons, missing_reason, reasons_of
from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import LackingError, Missing, known
from hub.policy.customs.decision import (
    CustomsAnswer,
    UseDecision,
    may_serve,
    strictest,
    undecided_parameters,
)
from hub.policy.customs.disposal import undecided_of_disposal
from hub.policy.customs.facts import CustomsFacts
from hub.policy.customs.term import end_of_term, is_over, overdue_reports, reports_due
from hub.policy.law import EVERYWHERE, Law, LawOnDay, current_law
from hub.store.database import Database
from hub.store.side_by_side import SideBySide
from schema.codes import CustomsGoodsKind, CustomsStatus
from schema.dates import local_date

CUSTOMS_SCOPE = "customs:read"
SERVICES_SCOPE = "service:read"


@dataclass(frozen=True, slots=True)
class CustomsAsker:
    """Who asks: for which party, with which scopes. The operator sees and states everything."""

    party: str | None
    scopes: frozenset[str] = frozenset()
    is_operator: bool = False


NOBODY = CustomsAsker(None)
"""Whoever asks inside the hub: it is told the answer, and no number of a declaration."""


class CustomsDesk:
    """Answers customs questions from the store.

    `issuer`, `key`: under whose name and with which key answers are signed; without a key they are
    not.
    """

    def __init__(
        self,
        database: Database,
        agreements: Agreements,
        clock: Clock,
        *,
        issuer: str = "",
        key: Callable[[], SigningKey] | None = None,
        law: Law | None = None,
    ) -> None:
        self.database = database
        self._agreements = agreements
        self._clock = clock
        self._issuer = issuer
        self._key = key
        self.law = law or current_law()

    async def decide(self, question: UseQuestion, asker: CustomsAsker = NOBODY) -> UseAnswer:
        """Answer a question over the hub's signature, if it has a key.

        `RefusedError` for a question that means nothing (BAD_USER_INPUT), for an instrument that is
        not there (NOT_FOUND), and for who states an agreement that is not his (FORBIDDEN).
        """
        grants = await self._grants(asker)
        stored, asked, decided, law = await self._decided(question, grants)
        told = self._told(stored, asked, decided, self._sight(stored, asker, grants))
        answer = replace(told, undecided=undecided_parameters(decided, law))
        if self._key is None:
            return answer
        return replace(answer, jws=signed_answer(TYPE, answer.claims(self._issuer), self._key()))

    async def answer_to(self, question: UseQuestion, beside: SideBySide) -> CustomsAnswer:
        """Answer a question of the hub's own by one word; raises as `decide` does.

        `beside`: the reads of others who look at the same moment.
        """
        grants = await self._grants(NOBODY)
        return (await self._decided(question, grants, beside))[2].answer

    async def _decided(
        self, question: UseQuestion, grants: PartyGrants, beside: SideBySide | None = None
    ) -> tuple[StoredCustoms, UseQuestion, UseDecision, LawOnDay]:
        """Return what is stored, the question by the names of today, the decision, and its law."""
        question.check()
        hospital = question.user if question.clinical else None
        read = await read_customs(
            self.database,
            question.instrument,
            [question.user],
            clinical_user=hospital,
            beside=beside,
        )
        if read is None:
            raise RefusedError(ErrorCode.NOT_FOUND)
        stored, named = read
        _check_statement(question, stored, grants)
        asked = replace(question, user=named[question.user])
        law = self.law.on(asked.first, stored.region)
        return stored, asked, decision_of(stored, asked, law, self._clock), law

    async def dispose(
        self, question: DisposalQuestion, asker: CustomsAsker = NOBODY
    ) -> DisposalAnswer:
        """Answer whether an instrument may be leased, transferred, pledged or scrapped.

        `RefusedError` as for a use.
        """
        question.check()
        read = await read_customs(self.database, question.instrument)
        if read is None:
            raise RefusedError(ErrorCode.NOT_FOUND)
        stored, _ = read
        grants = await self._grants(asker)
        seen = self._sight(stored, asker, grants)
        law, now = self.law.on(question.on, stored.region), self._clock()
        decided = disposal_decision(stored, question, law, lambda: now)
        value, one = question.value_fen, stored.instrument
        if value is None and self._reads_value(stored, asker, grants):
            value = original_value_fen(one)
        estimate = estimate_of(stored, value, question.on, law, now) if seen.is_told else None
        is_value_told = question.value_fen is None and isinstance(estimate, DutyEstimate)
        heard = as_of(stored)
        answer = DisposalAnswer(
            instrument=one["key"],
            question=question,
            answer=decided.answer,
            rule=decided.rule,
            reasons=disposal_reasons(decided, question.kind),
            procedure=decided.procedure,
            remedy=decided.remedy,
            missing=None if decided.missing is None else decided.missing.fact,
            notice_no=decided.notice_no if decided.notice_no in seen.notices else None,
            as_of=None if isinstance(heard, Missing) else heard,
            decided_at=now,
            valid_until=decided.valid_until,
            evidence=evidence_of(stored, seen),
            estimate=estimate if isinstance(estimate, DutyEstimate) else None,
            no_estimate=estimate if isinstance(estimate, CustomsReason) else None,
            undecided=undecided_of_disposal(decided, law, is_estimated=estimate is not None),
            read=seen.read,
            value_of=(one["item_id"], one["owner"]) if is_value_told else None,
        )
        if self._key is None:
            return answer
        return replace(
            answer, jws=signed_answer(DISPOSAL, answer.claims(self._issuer), self._key())
        )

    async def _grants(self, asker: CustomsAsker) -> PartyGrants:
        grants = await self._agreements.of(asker.party)
        return replace(grants, sees_everything=True) if asker.is_operator else grants

    def _sight(
        self, stored: StoredCustoms, asker: CustomsAsker, grants: PartyGrants
    ) -> CustomsSight:
        if CUSTOMS_SCOPE not in asker.scopes and not asker.is_operator:
            return NOTHING_SEEN
        return sight_of(stored, self.database.records.registry, grants)

    def _reads_value(self, stored: StoredCustoms, asker: CustomsAsker, grants: PartyGrants) -> bool:
        """Whether somebody may read what the instrument cost."""
        spec = self.database.records.registry["Instrument"]
        item = spec.item("original_value")
        owner = stored.instrument["owner"]
        subject = Subject(owner=owner, issuer=owner, wire={})
        may = item.scope in asker.scopes or asker.is_operator
        return may and holds(spec.rule(item), subject, grants)

    def _told(
        self,
        stored: StoredCustoms,
        asked: UseQuestion,
        decided: UseDecision,
        seen: CustomsSight,
    ) -> UseAnswer:
        heard, missing = as_of(stored), decided.missing
        return UseAnswer(
            instrument=stored.instrument["key"],
            owner=stored.instrument["owner"],
            question=asked,
            answer=decided.answer,
            rule=decided.rule,
            reasons=reasons_of(decided, is_told_all=seen.is_told, is_clinical=asked.clinical),
            procedure=decided.procedure,
            remedy=decided.remedy,
            missing=None if missing is None else missing.fact,
            notice_no=decided.notice_no if decided.notice_no in seen.notices else None,
            as_of=None if isinstance(heard, Missing) else heard,
            decided_at=self._clock(),
            valid_until=decided.valid_until,
            evidence=evidence_of(stored, seen),
            read=seen.read,
        )

    async def due(
        self, asker: CustomsAsker, *, on: date | None = None, instrument: str | None = None
    ) -> CustomsDueList:
        """Return what somebody may see of supervised items in term, and of their yearly reports.

        Who may see is the rule of the record; what is out of its term is not told.
        """
        if CUSTOMS_SCOPE not in asker.scopes and not asker.is_operator:
            raise RefusedError(ErrorCode.SCOPE_MISSING)
        grants = await self._grants(asker)
        day = on or local_date(self._clock())
        rows, reports, is_whole = await read_supervisions(self.database, grants, instrument)
        law = self.law.on(day, EVERYWHERE)
        items = [due for row in rows if (due := _due(row, reports, day, law)) is not None]
        return CustomsDueList(on=day, items=tuple(items), is_whole=is_whole)

    async def services(
        self, asker: CustomsAsker, *, on: date | None = None, instrument: str | None = None
    ) -> OutsideServiceList:
        """Return what somebody may see of services to outside users of instruments in term."""
        if SERVICES_SCOPE not in asker.scopes and not asker.is_operator:
            raise RefusedError(ErrorCode.SCOPE_MISSING)
        due = await self.due(asker, on=on, instrument=instrument)
        grants = await self._grants(asker)
        found, is_whole = await read_services(self.database, grants, releases(due.items))
        return OutsideServiceList(
            on=due.on, items=tuple(map(outside_service, found)), is_whole=is_whole and due.is_whole
        )


def decision_of(
    stored: StoredCustoms, question: UseQuestion, law: LawOnDay, clock: Clock
) -> UseDecision:
    """Return the decision over all imported items of an instrument."""
    now = clock()
    return strictest(
        may_serve(
            facts_of(stored, item, agreement_signed=question.agreement_signed),
            use_of(stored, item, question),
            law,
            now,
        )
        for item in items_of(stored)
    )


def _check_statement(question: UseQuestion, stored: StoredCustoms, grants: PartyGrants) -> None:
    """Refuse a statement about an agreement by anybody but the owner."""
    is_owner = grants.party is not None and grants.party == stored.instrument["owner"]
    if question.agreement_signed is not None and not (is_owner or grants.sees_everything):
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="Only the owner states whether a service agreement was signed.",
            hint_zh="服务协议是否已签，只能由管理单位说明。",
        )


def _due(row: Row, reports: Sequence[Row], day: date, law: LawOnDay) -> CustomsDue | None:
    """Return what one item asks for; None where supervision is over."""
    number = (row["declaration_no"], row["item_no"])
    facts = CustomsFacts(
        owner=row["owner"],
        status=CustomsStatus.SUPERVISED,
        kind=Missing("goodsKind")
        if row["goods_kind"] is None
        else CustomsGoodsKind[row["goods_kind"]],
        released_on=row["released_on"] or Missing("releasedOn"),
        arrived_on=row["arrived_on"] or Missing("arrivedOn"),
        reports=reports_of(
            each for each in reports if (each["declaration_no"], each["item_no"]) == number
        ),
    )
    if row["settled_on"] is not None and row["settled_on"] <= day:
        return None
    made = CustomsDue(
        instrument=row["instrument_key"],
        instrument_name=row["instrument_name"],
        declaration_no=row["declaration_no"],
        item_no=row["item_no"],
        district=row["district"],
        released_on=row["released_on"],
        last_day=None,
        days_left=None,
        overdue=(),
        next_due_on=None,
        missing=None,
        item_id=row["item_id"],
        owner=row["owner"],
    )
    try:
        if is_over(facts, day, law):
            return None
        last = end_of_term(facts, law)
        made = replace(made, last_day=last, days_left=(last - day).days)
        overdue = overdue_reports(facts, day, law)
        filed = dict(known(facts.reports))
        due = reports_due(known(facts.released_on), last, law)
        coming = [on for year, on in due if on >= day and year not in filed]
        return replace(made, overdue=overdue, next_due_on=min(coming, default=None))
    except LackingError as error:
        return replace(made, missing=missing_reason(error.missing))
