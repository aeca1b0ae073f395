"""`service`: an order of a time on an instrument, from the wish to what its owner's system says.

1. The instrument is one that this source owns, and customs law allows the use (`hub.customs`).
2. The order is written down as TENTATIVE, before anything is asked of the source.
3. The adapter's protocol is run; what came of it is the next revision of the order.

The same order again goes on where it stopped: it never makes a second booking. The time is shown as
taken once the source's calendar is read again. Partners come by `hub.orders.partner`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from adapters._booking import (
    BookingOutcome,
    BookingProtocol,
    BookingResult,
    BookingWish,
    Cancellation,
)
from connectors.http.session import HttpSession
from hub.clock import Clock
from hub.customs.answer import UseAnswer
from hub.customs.question import UseQuestion
from hub.customs.service import CustomsDesk
from hub.errors import ErrorCode, RefusedError
from hub.harvest.source import HarvestSource, register
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.orders.booking import alone_at, attempt
from hub.policy.customs.decision import CustomsAnswer
from hub.store.database import Database
from schema.canonical import canonical
from schema.codes import OrderState, ServicePurpose
from schema.dates import format_instant, local_date

STATES = {
    BookingOutcome.TENTATIVE: OrderState.TENTATIVE,
    BookingOutcome.FIRM: OrderState.CONFIRMED,
    BookingOutcome.REFUSED: OrderState.REFUSED,
    BookingOutcome.CANCELLED: OrderState.CANCELLED,
}
ENDED = frozenset({OrderState.REFUSED, OrderState.CANCELLED, OrderState.EXPIRED})
NOT_THERE = (
    "该来源没有这台仪器",
    "this source has no such instrument",
    "预约只能在仪器所属机构自己的系统进行",
    "an instrument is booked at the system of its owner only",
)
NOT_BOOKED_HERE = (
    "枢纽不能在该来源预约",
    "the hub cannot book at this source",
    "请在机构自己的系统预约",
    "book at the institution's own system",
)
NO_ORDER = (
    "没有这个订单",
    "there is no such order",
    "订单编号与仪器须与预约时一致",
    "name the order and the instrument as they were booked",
)
ANOTHER_ORDER = (
    "该订单编号已用于另一预约",
    "an order of this number wants something else",
    "新的预约使用新的编号",
    "give a new booking a new number",
)
NO_TIME = (
    "预约的结束时间必须晚于开始时间",
    "a booking ends after it begins",
    "请更正后重试",
    "correct it and ask again",
)


class CustomsRefusedError(RefusedError):
    """Customs law is not known to allow a use; `answer` is what it answers."""

    def __init__(self, answer: UseAnswer) -> None:
        super().__init__(
            ErrorCode.FORBIDDEN,
            f"海关监管答复为 {answer.answer}，不能预约",
            f"customs law answers {answer.answer}: not booked",
            hint_zh="；".join(each.zh for each in answer.reasons),
            hint="; ".join(each.en for each in answer.reasons),
        )
        self.answer = answer


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeWanted:
    """Who wants which instrument when. `order`: a number of the caller's; instants are aware."""

    order: str
    instrument: str
    user: str
    purpose: ServicePurpose
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    """An order as it stands here."""

    state: OrderState
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """Takes orders. `party`: the hub's own, which vouches for what it saw."""

    database: Database
    customs: CustomsDesk
    party: str
    clock: Clock

    async def request(self, source: HarvestSource, wanted: TimeWanted) -> BookingResult:
        """Book a time at the system that owns the instrument, or go on with an order.

        Raises `RefusedError` NOT_FOUND, FORBIDDEN or BAD_USER_INPUT for what cannot be booked here,
        CONFLICT for an order of this number that wants something else.
        """
        protocol = _protocol(source)
        if wanted.start >= wanted.end:
            raise _refused(ErrorCode.BAD_USER_INPUT, NO_TIME)
        local_no = await self._local_no(source, wanted.instrument)
        await self._ask_customs(wanted)
        await register(self.database, source, self.clock())
        async with alone_at(self.database, wanted.instrument):
            kept = await self._kept(source, wanted.instrument, wanted.order)
            _check_same(kept, wanted)
            if kept is not None and kept.state in ENDED:
                return _as_it_stands(kept.state)
            record = kept.record if kept else await self._begun(source, wanted)
            wish = BookingWish(
                order=wanted.order,
                local_no=local_no,
                user=wanted.user,
                start=wanted.start,
                end=wanted.end,
                now=self.clock(),
                facts=source.facts,
            )
            async with source.session() as session:
                result = await attempt(_over_http(session), protocol.book(wish))
            await self._state(source, record, result)
        return result

    async def cancel(self, source: HarvestSource, instrument: str, order: str) -> BookingResult:
        """Give back the booking of an order; `RefusedError` NOT_FOUND where there is none."""
        protocol = _protocol(source)
        async with alone_at(self.database, instrument):
            kept = await self._kept(source, instrument, order)
            if kept is None:
                raise _refused(ErrorCode.NOT_FOUND, NO_ORDER)
            if kept.state in ENDED:
                return _as_it_stands(kept.state)
            wish = Cancellation(order=order, now=self.clock(), facts=source.facts)
            async with source.session() as session:
                result = await attempt(_over_http(session), protocol.cancel(wish))
            if result.outcome is not BookingOutcome.TENTATIVE:
                await self._state(source, kept.record, result)
        return result

    async def _ask_customs(self, wanted: TimeWanted) -> None:
        """Raise unless customs law is known to allow the use."""
        last_moment = wanted.end - timedelta(microseconds=1)
        answer = await self.customs.decide(
            UseQuestion(
                instrument=wanted.instrument,
                user=wanted.user,
                purpose=wanted.purpose,
                first=local_date(wanted.start),
                last=local_date(last_moment),
            )
        )
        if answer.answer is not CustomsAnswer.ALLOW:
            raise CustomsRefusedError(answer)

    async def _local_no(self, source: HarvestSource, key: str) -> str:
        """Return the number that an instrument has at this source."""
        table = self.database.records.tables["Instrument"].source.name
        rows = await self.database.reads.fetch_all(
            f"SELECT local_no FROM {table} WHERE source = %s AND key = %s AND NOT withdrawn",  # noqa: S608 - own name
            (source.id, key),
        )
        if not rows:
            raise _refused(ErrorCode.NOT_FOUND, NOT_THERE)
        return str(rows[0][0])

    async def _kept(self, source: HarvestSource, instrument: str, order: str) -> _Kept | None:
        table = self.database.records.tables["ServiceOrder"].source.name
        rows = await self.database.writes.fetch_all(
            f"SELECT state, user_key, purpose, start_at, end_at, requested_at, steps FROM {table}"  # noqa: S608 - own name
            " WHERE source = %s AND instrument_key = %s AND local_id = %s AND NOT withdrawn",
            (source.id, instrument, local_id(order)),
        )
        if not rows:
            return None
        state, user, purpose, start, end, requested, steps = rows[0]
        record = {
            "instrumentKey": instrument,
            "localId": local_id(order),
            "userKey": user,
            "purpose": purpose,
            "startAt": format_instant(start),
            "endAt": format_instant(end),
            "requestedAt": format_instant(requested),
            "steps": list(steps),
        }
        return _Kept(OrderState[state], record)

    async def _begun(self, source: HarvestSource, wanted: TimeWanted) -> Mapping[str, Any]:
        now = format_instant(self.clock())
        record = {
            **_wish_of(wanted),
            "instrumentKey": wanted.instrument,
            "localId": local_id(wanted.order),
            "requestedAt": now,
            "steps": [{"state": OrderState.REQUESTED.value, "at": now}],
        }
        tentative = BookingResult(outcome=BookingOutcome.TENTATIVE)
        return await self._state(source, record, tentative)

    async def _state(
        self, source: HarvestSource, record: Mapping[str, Any], result: BookingResult
    ) -> Mapping[str, Any]:
        """Write down how an order stands, and return the record."""
        state, now = STATES[result.outcome].value, self.clock()
        steps = list(record["steps"])
        if steps[-1]["state"] != state:
            note = {} if result.reason is None else {"note": result.reason.value}
            steps.append({"state": state, "at": format_instant(now), **note})
        row = {**record, "state": state, "steps": steps}
        batch = Batch(
            source=source.id,
            party=self.party,
            channel=Channel.LIVE,
            rows=[{"type": "ServiceOrder", "record": row}],
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED,
                document_hash=sha256(canonical(row)).digest(),
                run_id=f"booking {record['localId']}",
            ),
            as_of=now,
        )
        (outcome,) = (await submit(self.database, batch, clock=self.clock)).rows
        if outcome.outcome is Outcome.QUARANTINED:
            told = "; ".join(f"{each.path} {each.code}" for each in outcome.problems)
            raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=told, hint_zh=told)
        return row


def _protocol(source: HarvestSource) -> BookingProtocol:
    if source.adapter.booking is None:
        raise _refused(ErrorCode.FORBIDDEN, NOT_BOOKED_HERE)
    return source.adapter.booking


def _over_http(session: object) -> HttpSession:
    if not isinstance(session, HttpSession):
        raise TypeError("a source that is booked is reached over HTTP")
    return session


def _wish_of(wanted: TimeWanted) -> dict[str, str]:
    """Return what an order of one number wants; another wish needs another number."""
    return {
        "userKey": wanted.user,
        "purpose": wanted.purpose.value,
        "startAt": format_instant(wanted.start),
        "endAt": format_instant(wanted.end),
    }


def _check_same(kept: _Kept | None, wanted: TimeWanted) -> None:
    wish = _wish_of(wanted)
    if kept is not None and any(kept.record[name] != told for name, told in wish.items()):
        raise _refused(ErrorCode.CONFLICT, ANOTHER_ORDER)


def _as_it_stands(state: OrderState) -> BookingResult:
    outcome = BookingOutcome.CANCELLED if state is OrderState.CANCELLED else BookingOutcome.REFUSED
    return BookingResult(outcome=outcome)


def local_id(order: str) -> str:
    """Return the number of the record of an order."""
    return f"hub:{order}"


def _refused(code: ErrorCode, words: tuple[str, str, str, str]) -> RefusedError:
    zh, en, hint_zh, hint = words
    return RefusedError(code, zh, en, hint_zh=hint_zh, hint=hint)
