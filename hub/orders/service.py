"""`service`: an order of a time on an instrument, from the wish to what its owner's system says.

1. The instrument is one that this source owns, and is known not to be under customs supervision.
2. The order is written down as TENTATIVE, before anything is asked of the source.
3. The adapter's protocol is run; what came of it is the next revision of the order.

The same order again goes on where it stopped: it never makes a second booking. The time is shown as
taken once the source's calendar is read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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
from hub.errors import ErrorCode, RefusedError
from hub.harvest.source import HarvestSource, register
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.orders.booking import alone_at, attempt
from hub.store.database import Database
from schema.canonical import canonical
from schema.codes import CustomsStatus, OrderState
from schema.dates import format_instant

STATES = {
    BookingOutcome.TENTATIVE: OrderState.TENTATIVE,
    BookingOutcome.FIRM: OrderState.CONFIRMED,
    BookingOutcome.REFUSED: OrderState.REFUSED,
    BookingOutcome.CANCELLED: OrderState.CANCELLED,
}
ENDED = frozenset({OrderState.REFUSED, OrderState.CANCELLED, OrderState.EXPIRED})
FREE_OF_CUSTOMS = frozenset({CustomsStatus.NOT_SUPERVISED, CustomsStatus.NOT_DUTY_FREE})
"""Until customs decisions are asked (`hub.policy.customs`), only what is known to need none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeWanted:
    """Who wants which instrument when. `order`: a number of the caller's; instants are aware."""

    order: str
    instrument: str
    user: str
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """An order as it stands here."""

    state: OrderState
    record: Mapping[str, Any]


async def request(
    database: Database, source: HarvestSource, wanted: TimeWanted, party: str, clock: Clock
) -> BookingResult:
    """Book a time at the system that owns the instrument, or go on with an order.

    `party`: the hub's own. Raises `RefusedError` NOT_FOUND, FORBIDDEN or BAD_USER_INPUT for what
    cannot be booked here, CONFLICT for an order of this number that wants something else.
    """
    booking = _booking(source)
    if wanted.start >= wanted.end:
        raise _wrong("预约的结束时间必须晚于开始时间", "a booking ends after it begins")
    local_no = await _bookable(database, source, wanted.instrument)
    await register(database, source, clock())
    async with alone_at(database, wanted.instrument):
        kept = await _kept(database, source, wanted.instrument, wanted.order)
        _check_same(kept, wanted)
        if kept is not None and kept.state in ENDED:
            return _as_it_stands(kept.state)
        record = kept.record if kept else await _begun(database, source, wanted, party, clock)
        wish = BookingWish(
            order=wanted.order,
            local_no=local_no,
            user=wanted.user,
            start=wanted.start,
            end=wanted.end,
            now=clock(),
            facts=source.facts,
        )
        async with source.session() as session:
            result = await attempt(_over_http(session), booking.book(wish))
        await _state(database, source, (record, result), party, clock)
    return result


async def cancel(
    database: Database, source: HarvestSource, wanted: tuple[str, str], party: str, clock: Clock
) -> BookingResult:
    """Give back the booking of an order, named by instrument and number; RefusedError NOT_FOUND."""
    booking = _booking(source)
    instrument, order = wanted
    async with alone_at(database, instrument):
        kept = await _kept(database, source, instrument, order)
        if kept is None:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                "没有这个订单",
                "there is no such order",
                hint_zh="订单编号与仪器须与预约时一致",
                hint="name the order and the instrument as they were booked",
            )
        if kept.state in ENDED:
            return _as_it_stands(kept.state)
        wish = Cancellation(order=order, now=clock(), facts=source.facts)
        async with source.session() as session:
            result = await attempt(_over_http(session), booking.cancel(wish))
        if result.outcome is not BookingOutcome.TENTATIVE:
            await _state(database, source, (kept.record, result), party, clock)
    return result


def _booking(source: HarvestSource) -> BookingProtocol:
    if source.adapter.booking is None:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            "枢纽不能在该来源预约",
            "the hub cannot book at this source",
            hint_zh="请在机构自己的系统预约",
            hint="book at the institution's own system",
        )
    return source.adapter.booking


def _over_http(session: object) -> HttpSession:
    if not isinstance(session, HttpSession):
        raise TypeError("a source that is booked is reached over HTTP")
    return session


async def _bookable(database: Database, source: HarvestSource, key: str) -> str:
    """Return the instrument's local number, if it is this source's and free of customs."""
    instruments = database.records.tables["Instrument"]
    rows = await database.reads.fetch_all(
        f"SELECT r.local_no, r.customs_status, EXISTS (SELECT FROM {instruments.source.name} s"  # noqa: S608 - own names
        " WHERE s.item_id = r.item_id AND s.source = %s AND NOT s.withdrawn)"
        f" FROM {instruments.read.name} r WHERE r.key = %s",
        (source.id, key),
    )
    if not rows or not rows[0][2]:
        raise RefusedError(
            ErrorCode.NOT_FOUND,
            "该来源没有这台仪器",
            "this source has no such instrument",
            hint_zh="预约只能在仪器所属机构自己的系统进行",
            hint="an instrument is booked at the system of its owner only",
        )
    local_no, status, _ = rows[0]
    if status not in {each.value for each in FREE_OF_CUSTOMS}:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            "海关监管状态未知或在监管期内，不能预约",
            "customs status unknown or under supervision: not booked",
            hint_zh="须由机构填报海关监管状态，监管期内的仪器须有海关决定",
            hint="the institution states customsStatus; a supervised instrument needs a decision",
        )
    return str(local_no)


async def _kept(
    database: Database, source: HarvestSource, instrument: str, order: str
) -> _Kept | None:
    table = database.records.tables["ServiceOrder"].source.name
    rows = await database.writes.fetch_all(
        f"SELECT state, user_key, start_at, end_at, requested_at, steps FROM {table}"  # noqa: S608 - own name
        " WHERE source = %s AND instrument_key = %s AND local_id = %s AND NOT withdrawn",
        (source.id, instrument, _local_id(order)),
    )
    if not rows:
        return None
    state, user, start, end, requested, steps = rows[0]
    record = {
        "instrumentKey": instrument,
        "localId": _local_id(order),
        "userKey": user,
        "startAt": format_instant(start),
        "endAt": format_instant(end),
        "requestedAt": format_instant(requested),
        "steps": list(steps),
    }
    return _Kept(state=OrderState[state], record=record)


def _check_same(kept: _Kept | None, wanted: TimeWanted) -> None:
    if kept is None:
        return
    told = (kept.record["userKey"], kept.record["startAt"], kept.record["endAt"])
    if told != (wanted.user, format_instant(wanted.start), format_instant(wanted.end)):
        raise RefusedError(
            ErrorCode.CONFLICT,
            "该订单编号已用于另一预约",
            "an order of this number wants something else",
            hint_zh="新的预约使用新的编号",
            hint="give a new booking a new number",
        )


async def _begun(
    database: Database, source: HarvestSource, wanted: TimeWanted, party: str, clock: Clock
) -> Mapping[str, Any]:
    now = format_instant(clock())
    record = {
        "instrumentKey": wanted.instrument,
        "localId": _local_id(wanted.order),
        "userKey": wanted.user,
        "startAt": format_instant(wanted.start),
        "endAt": format_instant(wanted.end),
        "requestedAt": now,
        "steps": [{"state": OrderState.REQUESTED.value, "at": now}],
    }
    tentative = BookingResult(outcome=BookingOutcome.TENTATIVE)
    return await _state(database, source, (record, tentative), party, clock)


async def _state(
    database: Database,
    source: HarvestSource,
    told: tuple[Mapping[str, Any], BookingResult],
    party: str,
    clock: Clock,
) -> Mapping[str, Any]:
    """Write down how an order stands, in the words of what its source said."""
    record, result = told
    state, now = STATES[result.outcome].value, clock()
    steps = list(record["steps"])
    if steps[-1]["state"] != state:
        note = {} if result.reason is None else {"note": result.reason.value}
        steps.append({"state": state, "at": format_instant(now), **note})
    row = {**record, "state": state, "steps": steps}
    evidence = Evidence(
        assurance=Assurance.HUB_OBSERVED,
        document_hash=sha256(canonical(row)).digest(),
        run_id=f"booking {record['localId']}",
    )
    outcomes = await submit(
        database,
        Batch(
            source=source.id,
            party=party,
            channel=Channel.LIVE,
            rows=[{"type": "ServiceOrder", "record": row}],
            evidence=evidence,
            as_of=now,
        ),
        clock=clock,
    )
    (outcome,) = outcomes.rows
    if outcome.outcome is Outcome.QUARANTINED:
        told_of = "; ".join(f"{each.path} {each.code}" for each in outcome.problems)
        raise _wrong(f"订单未通过校验：{told_of}", f"the order is refused: {told_of}")
    return row


def _as_it_stands(state: OrderState) -> BookingResult:
    outcome = BookingOutcome.CANCELLED if state is OrderState.CANCELLED else BookingOutcome.REFUSED
    return BookingResult(outcome=outcome)


def _local_id(order: str) -> str:
    return f"hub:{order}"


def _wrong(zh: str, en: str) -> RefusedError:
    return RefusedError(
        ErrorCode.BAD_USER_INPUT, zh, en, hint_zh="请更正后重试", hint="correct it and ask again"
    )
