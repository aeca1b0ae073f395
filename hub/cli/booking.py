"""`deltahub booking`: book a time at the system that owns an instrument, and give it back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from adapters._booking import BookingOutcome, BookingReason, BookingResult
from hub.cli.context import Act, open_database, run, settings
from hub.cli.customs import customs_desk
from hub.cli.source_files import deployed_source
from hub.clock import system_clock
from hub.orders.service import OrderDesk
from hub.orders.wanted import NewTime, TimeWanted
from hub.settings import Settings
from hub.store.database import Database
from schema.codes import ServicePurpose
from schema.dates import parse_instant
from schema.parties import HUB_PARTY

app = typer.Typer(help="预约 Book instruments at their owners' systems", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="source id: the system that owns the instrument")]
Instrument = Annotated[str, typer.Argument(help="key of the instrument")]
Order = Annotated[str, typer.Option("--order", help="number of the order: the same one goes on")]
OUTCOMES = {
    BookingOutcome.FIRM: "已预约 booked",
    BookingOutcome.TENTATIVE: "待确认，请以同一编号再试 not known: ask again",
    BookingOutcome.REFUSED: "未预约 not booked",
    BookingOutcome.CANCELLED: "已取消 given back",
    BookingOutcome.EXPIRED: "逾时未答复，已放弃 given up, it was not answered in time",
}
REASONS = {
    BookingReason.OCCUPIED: "时段已被占用 the time is taken",
    BookingReason.OUTAGE: "仪器停用或检修 the instrument is out of service then",
    BookingReason.UNKNOWN_INSTRUMENT: "该系统没有这台仪器 its system has no such instrument",
    BookingReason.USER_NOT_MAPPED: "该单位在该系统没有账号或项目"
    " the institution has no account there (booking_users, booking_projects of the source's file)",
    BookingReason.IN_THE_PAST: "时段已过 the time is past",
    BookingReason.AGAINST_RULES: "不合其预约规则"
    "（可提前天数、时长、每日次数、未来次数与总时长、间隔）"
    " against the rules of its owner: how far ahead, how long, how many a day or to come, how much"
    " time to come, how far apart",
    BookingReason.SOURCE_REFUSED: "该系统拒绝 its system refuses",
    BookingReason.SOURCE_SILENT: "该系统没有应答 its system did not answer",
    BookingReason.NOT_CANCELLED_YET: "时段已被占用，本预约尚未撤回"
    " the time is taken, and this booking is not taken back yet",
    BookingReason.NOT_THERE: "该系统没有这一预约 its system shows no such booking",
}


@app.command()
def request(
    source: Source,
    instrument: Instrument,
    user: Annotated[str, typer.Option("--user", help="key of the institution that books")],
    purpose: Annotated[ServicePurpose, typer.Option("--purpose", help="what for")],
    start: Annotated[str, typer.Option("--from", help="begin, such as 2026-12-01T09:00+08:00")],
    end: Annotated[str, typer.Option("--until", help="end, not included")],
    order: Order,
) -> None:
    """Book a time; it is firm only when the owner's system, read again, shows nobody else."""
    wanted = TimeWanted(
        order=order,
        instrument=instrument,
        user=user,
        purpose=purpose,
        start=_instant(start),
        end=_instant(end),
    )
    _say(run(_request(source, wanted)), BookingOutcome.FIRM)


@app.command()
def move(
    source: Source,
    instrument: Instrument,
    order: Order,
    new: Annotated[str, typer.Option("--new-order", help="number of the order of the new time")],
    start: Annotated[str, typer.Option("--from", help="new begin")],
    end: Annotated[str, typer.Option("--until", help="new end, not included")],
) -> None:
    """Move a firm booking to another time; it stays until the new one is firm."""
    wanted = NewTime(
        instrument=instrument, order=new, replaces=order, start=_instant(start), end=_instant(end)
    )
    _say(run(_move(source, wanted)), BookingOutcome.FIRM)


@app.command()
def cancel(source: Source, instrument: Instrument, order: Order) -> None:
    """Give a booking back."""
    _say(run(_cancel(source, instrument, order)), BookingOutcome.CANCELLED)


async def _request(source: str, wanted: TimeWanted) -> BookingResult:
    deployment = settings()
    deployed = deployed_source(deployment, source)
    act = Act("booking request", {"source": source, "order": wanted.order})
    async with open_database(deployment, act) as database:
        return await _desk(deployment, database).request(deployed, wanted)


async def _move(source: str, wanted: NewTime) -> BookingResult:
    deployment = settings()
    deployed = deployed_source(deployment, source)
    act = Act("booking move", {"source": source, "order": wanted.replaces, "new": wanted.order})
    async with open_database(deployment, act) as database:
        return await _desk(deployment, database).move(deployed, wanted)


async def _cancel(source: str, instrument: str, order: str) -> BookingResult:
    deployment = settings()
    deployed = deployed_source(deployment, source)
    act = Act("booking cancel", {"source": source, "order": order})
    async with open_database(deployment, act) as database:
        return await _desk(deployment, database).cancel(deployed, instrument, order)


def _desk(deployment: Settings, database: Database) -> OrderDesk:
    party = f"{HUB_PARTY}{deployment.log_origin}"
    return OrderDesk(database, customs_desk(deployment, database), party, system_clock)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text).at
    except ValueError as error:
        raise typer.BadParameter(f"{text}: {error}") from error


def _say(result: BookingResult, wanted: BookingOutcome) -> None:
    number = f"  {result.reference}" if result.reference else ""
    typer.echo(f"{result.outcome.value}  {OUTCOMES[result.outcome]}{number}")
    if result.reason is not None:
        typer.echo(f"  {result.reason.value}  {REASONS[result.reason]}")
    if result.said:
        typer.echo(f"  {result.said}")
    if result.outcome is not wanted:
        raise typer.Exit(1)
