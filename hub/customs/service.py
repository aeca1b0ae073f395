"""`service`: the customs desk: may an instrument serve a use, and which reports are due.

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
from hub.crypto.keys import SigningKey
from hub.customs.answer import (
    CustomsDue,
    CustomsDueList,
    UseAnswer,
    evidence_of,
    signed,
)
from hub.customs.facts import as_of, facts_of, items_of, reports_of, use_of
from hub.customs.question import Row, StoredCustoms, UseQuestion
from hub.customs.stored import SUPERVISION, TYPES, read_customs, read_supervisions
from hub.customs.words import missing_reason, reasons_of
from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import LackingError, Missing, known
from hub.policy.customs.decision import (
    CustomsAnswer,
    UseDecision,
    may_serve,
    strictest,
    undecided_parameters,
)
from hub.policy.customs.facts import CustomsFacts
from hub.policy.customs.term import end_of_term, is_over, overdue_reports, reports_due
from hub.policy.law import EVERYWHERE, Law, LawOnDay, current_law
from hub.store.database import Database
from schema.codes import AgreementDataset, CustomsGoodsKind, CustomsStatus
from schema.dates import local_date

CUSTOMS_SCOPE = "customs:read"


@dataclass(frozen=True, slots=True)
class CustomsAsker:
    """Who asks: for which party, with which scopes. The operator sees and states everything."""

    party: str | None
    scopes: frozenset[str] = frozenset()
    is_operator: bool = False


NOBODY = CustomsAsker(None)
"""Whoever asks inside the hub: it is told the answer, and no number of a declaration."""


RULES_OUT_OF_TERM = (2, 3)
"""Rules that answer where supervision is over: the customs office is told nothing more then."""


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
        self._database = database
        self._agreements = agreements
        self._clock = clock
        self._issuer = issuer
        self._key = key
        self._law = law or current_law()

    async def decide(self, question: UseQuestion, asker: CustomsAsker = NOBODY) -> UseAnswer:
        """Answer a question.

        `RefusedError` for a question that means nothing (BAD_USER_INPUT), for an instrument that is
        not there (NOT_FOUND), and for who states an agreement that is not his (FORBIDDEN).
        """
        question.check()
        read = await read_customs(self._database, question.instrument, [question.user])
        if read is None:
            raise RefusedError(ErrorCode.NOT_FOUND)
        stored, named = read
        grants = await self._grants(asker)
        _check_statement(question, stored, grants)
        asked = replace(question, user=named[question.user])
        law = self._law.on(asked.first, stored.region)
        decided = decision_of(stored, asked, law, self._clock)
        is_told_all = CUSTOMS_SCOPE in asker.scopes or asker.is_operator
        is_told_all = is_told_all and _may_see(self._database, stored, grants)
        if decided.rule in RULES_OUT_OF_TERM and decided.answer is CustomsAnswer.ALLOW:
            is_told_all = is_told_all and _is_of_owner(stored, grants)
        answer = replace(
            self._told(stored, asked, decided, is_told_all=is_told_all),
            undecided=undecided_parameters(decided, law),
        )
        if self._key is None:
            return answer
        return replace(answer, jws=signed(answer, self._issuer, self._key()))

    async def _grants(self, asker: CustomsAsker) -> PartyGrants:
        grants = await self._agreements.of(asker.party)
        return replace(grants, sees_everything=True) if asker.is_operator else grants

    def _told(
        self,
        stored: StoredCustoms,
        asked: UseQuestion,
        decided: UseDecision,
        *,
        is_told_all: bool,
    ) -> UseAnswer:
        found = dict(zip(TYPES, _of_types(stored), strict=True))
        heard, missing = as_of(stored), decided.missing
        return UseAnswer(
            instrument=stored.instrument["key"],
            owner=stored.instrument["owner"],
            question=asked,
            answer=decided.answer,
            rule=decided.rule,
            reasons=reasons_of(decided, is_told_all=is_told_all),
            procedure=decided.procedure,
            remedy=decided.remedy,
            missing=None if missing is None else missing.fact,
            notice_no=decided.notice_no if is_told_all else None,
            as_of=None if isinstance(heard, Missing) else heard,
            decided_at=self._clock(),
            valid_until=decided.valid_until,
            evidence=evidence_of(stored, list(found.items())) if is_told_all else (),
            read=tuple(
                (name, row["item_id"], row["owner"])
                for name, rows in found.items()
                for row in rows
                if is_told_all
            ),
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
        rows, reports, is_whole = await read_supervisions(self._database, grants, instrument)
        law = self._law.on(day, EVERYWHERE)
        items = [due for row in rows if (due := _due(row, reports, day, law)) is not None]
        return CustomsDueList(on=day, items=tuple(items), is_whole=is_whole)


def decision_of(
    stored: StoredCustoms, question: UseQuestion, law: LawOnDay, clock: Clock
) -> UseDecision:
    """Return the decision over all imported items of an instrument."""
    now = clock()
    return strictest(
        may_serve(facts_of(stored, item, question), use_of(stored, item, question), law, now)
        for item in items_of(stored)
    )


def _of_types(stored: StoredCustoms) -> tuple[Sequence[Row], ...]:
    return stored.supervisions, stored.approvals, stored.reports, stored.duties


def _check_statement(question: UseQuestion, stored: StoredCustoms, grants: PartyGrants) -> None:
    """Refuse a statement about an agreement by anybody but the owner."""
    is_owner = grants.party is not None and grants.party == stored.instrument["owner"]
    if question.agreement_signed is not None and not (is_owner or grants.sees_everything):
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="Only the owner states whether a service agreement was signed.",
            hint_zh="服务协议是否已签，只能由管理单位说明。",
        )


def _is_of_owner(stored: StoredCustoms, grants: PartyGrants) -> bool:
    """Whether somebody is the owner, or was granted its customs data."""
    owners = grants.owners(AgreementDataset.CUSTOMS)
    return grants.sees_everything or stored.instrument["owner"] in owners


def _may_see(database: Database, stored: StoredCustoms, grants: PartyGrants) -> bool:
    """Whether somebody may see every record of customs, by the rules that the records declare."""
    registry = database.records.registry
    rows = [
        (name, row["owner"], row["issuer"], {"customsKey": row["customs_key"]})
        for name, found in zip(TYPES, _of_types(stored), strict=True)
        for row in found
    ] or [(SUPERVISION, stored.instrument["owner"], "", {})]
    return all(
        holds(registry[name].rows, Subject(owner=owner, issuer=issuer, wire=wire), grants)
        for name, owner, issuer, wire in rows
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
