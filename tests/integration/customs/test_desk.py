"""The customs desk on a store: who is told what, and what no longer stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.crypto import jws
from hub.crypto.keys import generate_key
from hub.customs.answer import UseAnswer
from hub.customs.disposal import DisposalAnswer, DisposalQuestion
from hub.customs.question import UseQuestion
from hub.customs.service import NOBODY, CustomsAsker, CustomsDesk
from hub.errors import ErrorCode, RefusedError
from hub.policy.customs.decision import CustomsAnswer, Remedy
from hub.policy.customs.disposal import DisposalKind
from hub.store.database import Database
from schema.codes import ServicePurpose
from tests.databases import lent_to_hub, opened
from tests.integration.customs.customs_world import (
    CLINIC,
    CUSTOMS,
    HOSPITAL,
    INSTRUMENT,
    NOW,
    OWNER,
    USER,
    build,
)

pytestmark = pytest.mark.integration
READ = frozenset({"catalogue:read", "customs:read"})
KEY = generate_key()
USE = UseQuestion(
    instrument=INSTRUMENT,
    user=USER,
    purpose=ServicePurpose.RESEARCH,
    first=date(2026, 11, 25),
    last=date(2026, 11, 25),
)


@pytest.fixture(scope="module")
def url(cluster: str, template: str) -> Iterator[str]:
    with lent_to_hub(cluster, template) as lent:
        asyncio.run(build(lent))
        yield lent


def desk(database: Database, now: datetime = NOW) -> CustomsDesk:
    agreements = Agreements(database, lambda: now)
    return CustomsDesk(database, agreements, lambda: now, issuer="https://hub", key=lambda: KEY)


async def ask(
    url: str, asker: CustomsAsker, use: UseQuestion = USE, now: datetime = NOW
) -> UseAnswer:
    async with opened(url) as database:
        return await desk(database, now).decide(use, asker)


async def test_the_owner_states_the_agreement_and_is_told_all(url: str) -> None:
    answer = await ask(url, CustomsAsker(OWNER, READ), replace(USE, agreement_signed=True))
    assert (answer.answer, answer.rule) == (CustomsAnswer.ALLOW, 8)
    assert {each.record_type for each in answer.evidence} == {"CustomsSupervision", "CustomsReport"}
    assert all(each.as_of == NOW - timedelta(hours=1) for each in answer.evidence)
    assert answer.valid_until == NOW + timedelta(hours=23)
    assert answer.undecided == (
        "customs.max_age",
        "customs.last_day",
        "customs.report_first_year",
    )


async def test_an_answer_is_signed_by_the_hub(url: str) -> None:
    answer = await ask(url, CustomsAsker(OWNER, READ), replace(USE, agreement_signed=True))
    assert answer.jws is not None
    read = jws.parse(answer.jws)
    jws.verify(read, KEY.public)
    assert read.header["typ"] == "hub-customs-decision+jws"
    claims = jws.claims(read)
    assert (claims["answer"], claims["rule"], claims["instrument"]) == ("ALLOW", 8, INSTRUMENT)
    assert claims["validUntil"] == "2026-11-25T01:00:00Z"
    assert "29002" not in str(claims)


@pytest.mark.parametrize("value_fen", [None, 3_600])
async def test_an_answer_to_a_disposal_is_signed_and_is_no_decision_on_a_use(
    url: str, value_fen: int | None
) -> None:
    question = DisposalQuestion(
        instrument=INSTRUMENT, kind=DisposalKind.TRANSFER, on=NOW.date(), value_fen=value_fen
    )
    async with opened(url) as database:
        told = await desk(database).dispose(question, CustomsAsker(OWNER, READ))
        hidden = await desk(database).dispose(question, CustomsAsker(USER, READ))
    assert told.jws is not None
    assert hidden.jws is not None
    read = jws.parse(told.jws)
    jws.verify(read, KEY.public)
    assert read.header["typ"] == "hub-customs-disposal+jws"
    claims = jws.claims(read)
    asked = ("instrument", "kind", "on", "valueFen", "answer", "rule")
    assert [claims.get(name) for name in asked] == [
        *(INSTRUMENT, "TRANSFER", "2026-11-24", value_fen, "DENY", 22)
    ]
    if value_fen is None:  # whoever asks may not read what it cost
        assert "estimate" not in claims
    else:
        assert told.estimate is not None
        assert claims["estimate"]["baseFen"] == told.estimate.base_fen
        assert claims["estimate"]["isAssessment"] is False
    of_others = jws.claims(jws.parse(hidden.jws))
    assert of_others["answer"] == "DENY"
    assert not {"estimate", "noticeNo"} & of_others.keys()
    assert of_others["evidence"] == []


@pytest.mark.parametrize(
    "asker",
    [
        NOBODY,
        CustomsAsker(USER, READ),
        CustomsAsker(OWNER, frozenset({"catalogue:read"})),
        CustomsAsker(CLINIC, READ),
    ],
)
async def test_others_are_told_answer_rule_and_validity_and_no_number(
    url: str, asker: CustomsAsker
) -> None:
    use = replace(USE, purpose=ServicePurpose.OTHER)
    answer = await ask(url, asker, use)
    assert (answer.answer, answer.rule) == (CustomsAnswer.DENY, 5)
    assert answer.valid_until is not None
    assert answer.evidence == answer.read == ()
    assert answer.notice_no is None
    assert "29002024" not in repr(answer)


async def test_customs_of_the_district_is_told_all(url: str) -> None:
    answer = await ask(url, CustomsAsker(CUSTOMS, READ))
    assert answer.answer is CustomsAnswer.UNKNOWN
    assert answer.missing == "agreementSigned"
    assert answer.evidence


async def test_after_the_term_customs_is_told_the_answer_and_no_number(url: str) -> None:
    ended = replace(USE, instrument=f"{OWNER}/TEM-4")
    for asker, is_told in ((CustomsAsker(CUSTOMS, READ), False), (CustomsAsker(OWNER, READ), True)):
        answer = await ask(url, asker, ended)
        assert (answer.answer, answer.rule) == (CustomsAnswer.ALLOW, 3)
        assert bool(answer.evidence) is is_told


async def test_nobody_but_the_owner_states_an_agreement(url: str) -> None:
    for asker in (NOBODY, CustomsAsker(USER, READ), CustomsAsker(CUSTOMS, READ)):
        with pytest.raises(RefusedError) as caught:
            await ask(url, asker, replace(USE, agreement_signed=True))
        assert caught.value.code is ErrorCode.FORBIDDEN


async def test_a_connector_that_is_down_for_a_day_allows_nothing(url: str) -> None:
    late = NOW + timedelta(hours=23, seconds=1)
    use = replace(USE, agreement_signed=True)
    answer = await ask(url, CustomsAsker(OWNER, READ), use, late)
    assert (answer.answer, answer.missing) == (CustomsAnswer.UNKNOWN, "asOf")


async def test_an_instrument_that_is_not_there_is_not_found(url: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await ask(url, NOBODY, replace(USE, instrument=f"{OWNER}/none"))
    assert caught.value.code is ErrorCode.NOT_FOUND


CLINICAL = replace(
    USE, instrument=f"{OWNER}/TEM-2", user=CLINIC, purpose=ServicePurpose.OTHER, clinical=True
)


async def test_clinical_use_needs_a_notice_for_the_hospital_and_one_of_a_kind(url: str) -> None:
    answer = await ask(url, CustomsAsker(OWNER, READ), CLINICAL)
    assert (answer.answer, answer.rule, answer.notice_no) == (CustomsAnswer.ALLOW, 7, "N-CLINIC")
    assert answer.reasons[0].zh.startswith("规则 7：海关批准该医院临床使用")
    assert answer.claims("https://hub")["clinical"] is True
    had_one = await ask(url, CustomsAsker(OWNER, READ), replace(CLINICAL, user=HOSPITAL))
    assert (had_one.answer, had_one.rule) == (CustomsAnswer.DENY, 9), "TEM-3 is of the same kind"
    assert (await ask(url, NOBODY, replace(CLINICAL, user=USER))).answer is CustomsAnswer.DENY
    stranger = await ask(url, CustomsAsker(USER, READ), CLINICAL)
    assert (stranger.answer, stranger.notice_no) == (CustomsAnswer.ALLOW, None)


async def dispose(url: str, asker: CustomsAsker, **changed: Any) -> DisposalAnswer:
    asked = DisposalQuestion(
        instrument=INSTRUMENT, kind=DisposalKind.TRANSFER, on=date(2026, 11, 24)
    )
    async with opened(url) as database:
        return await desk(database).dispose(replace(asked, **changed), asker)


async def test_nothing_is_disposed_of_in_term_without_consent_and_the_duty_is_an_estimate(
    url: str,
) -> None:
    owner = CustomsAsker(OWNER, READ | {"asset:read"})
    answer = await dispose(url, owner)
    assert (answer.answer, answer.rule, answer.remedy) == (CustomsAnswer.DENY, 22, Remedy.APPROVAL)
    assert answer.estimate is not None
    assert (answer.estimate.value_fen, answer.estimate.base_fen) == (360_000_000, 60_000_000)
    assert answer.value_of is not None
    assert "customs.part_month_days" in answer.undecided
    assert answer.valid_until == NOW + timedelta(hours=23)
    lease = await dispose(url, owner, kind=DisposalKind.LEASE, value_fen=3600)
    assert (lease.answer, lease.remedy) == (CustomsAnswer.DENY, Remedy.DUTY)
    assert lease.estimate is not None
    assert (lease.estimate.base_fen, lease.value_of) == (600, None)
    pledge = await dispose(url, owner, instrument=f"{OWNER}/TEM-2", kind=DisposalKind.PLEDGE)
    assert (pledge.answer, pledge.notice_no) == (CustomsAnswer.ALLOW, "N-PLEDGE")


async def test_an_estimate_that_cannot_be_made_says_why_and_after_the_term_none_is_due(
    url: str,
) -> None:
    without = await dispose(url, CustomsAsker(OWNER, READ))
    assert without.estimate is None, "what it cost needs asset:read"
    assert without.no_estimate is not None
    assert without.no_estimate.code == "value:NOT_STATED"
    unknown = await dispose(url, CustomsAsker(OWNER, READ), instrument=f"{OWNER}/TEM-3")
    assert (unknown.answer, unknown.missing) == (CustomsAnswer.UNKNOWN, "releasedOn")
    assert unknown.no_estimate is not None
    free = await dispose(url, CustomsAsker(OWNER, READ), instrument=f"{OWNER}/TEM-4")
    assert (free.answer, free.estimate, free.no_estimate) == (CustomsAnswer.ALLOW, None, None)


async def test_others_are_told_of_a_disposal_no_number_and_no_estimate(url: str) -> None:
    for asker in (NOBODY, CustomsAsker(USER, READ), CustomsAsker(OWNER)):
        answer = await dispose(url, asker, instrument=f"{OWNER}/TEM-2", kind=DisposalKind.PLEDGE)
        assert answer.answer is CustomsAnswer.ALLOW
        assert (answer.notice_no, answer.estimate, answer.no_estimate) == (None, None, None)
        assert answer.evidence == answer.read == ()
        assert "N-PLEDGE" not in repr(answer)


@pytest.mark.parametrize("value", [0, -1, 10**15])
async def test_a_value_beyond_its_bounds_is_refused(url: str, value: int) -> None:
    with pytest.raises(RefusedError) as caught:
        await dispose(url, NOBODY, value_fen=value)
    assert caught.value.code is ErrorCode.BAD_USER_INPUT


async def due(url: str, asker: CustomsAsker, **more: Any) -> list[tuple[Any, ...]]:
    async with opened(url) as database:
        found = await desk(database).due(asker, **more)
    assert found.is_whole
    return [
        (each.instrument[-5:], each.last_day, each.overdue, each.next_due_on, each.missing is None)
        for each in found.items
    ]


async def test_supervised_items_in_term_are_listed_with_their_reports(url: str) -> None:
    told = [
        ("TEM-3", None, (), None, False),
        ("TEM-1", date(2027, 6, 1), (), None, True),
        ("TEM-2", date(2028, 4, 1), (2026,), date(2027, 6, 30), True),
    ]
    assert await due(url, CustomsAsker(OWNER, READ)) == told
    assert await due(url, CustomsAsker(None, is_operator=True)) == told
    assert await due(url, CustomsAsker(OWNER, READ), instrument=INSTRUMENT) == told[1:2]


async def test_customs_sees_its_own_district_in_term_and_nothing_after(url: str) -> None:
    seen = await due(url, CustomsAsker(CUSTOMS, READ))
    assert [each[0] for each in seen] == ["TEM-3", "TEM-1", "TEM-2"]
    later = await due(url, CustomsAsker(CUSTOMS, READ), on=date(2027, 6, 2))
    assert [each[0] for each in later] == ["TEM-3", "TEM-2"]
    assert await due(url, CustomsAsker(USER, READ)) == []


async def test_the_list_needs_the_scope(url: str) -> None:
    for asker in (NOBODY, CustomsAsker(OWNER, frozenset({"catalogue:read"}))):
        with pytest.raises(RefusedError) as caught:
            await due(url, asker)
        assert caught.value.code is ErrorCode.SCOPE_MISSING
