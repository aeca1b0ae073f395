"""`deltahub customs`: may a duty-free instrument serve a use or be disposed of; what is due.

The same functions as in GraphQL (`useDecision`, `disposalDecision`, `customsReportsDue`), for the
operator.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from hub.access.agreements import Agreements
from hub.access.token_keys import in_files
from hub.cli.context import Act, open_database, run, settings
from hub.clock import system_clock
from hub.customs.answer import CustomsDue, CustomsDueList, UseAnswer
from hub.customs.disposal import DisposalAnswer, DisposalQuestion, value_in_fen, yuan_of
from hub.customs.question import UseQuestion
from hub.customs.served import OutsideService, OutsideServiceList
from hub.customs.service import CustomsAsker, CustomsDesk
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.customs.disposal import DisposalKind
from hub.policy.law import current_law
from hub.settings import Settings
from hub.store.database import Database
from schema.codes import CustomsDistrict, ServicePurpose
from schema.dates import SHANGHAI, format_instant, local_date
from schema.texts import visible

app = typer.Typer(
    help="Duty-free instruments under customs supervision 海关监管", no_args_is_help=True
)

OPERATOR = CustomsAsker(None, is_operator=True)


@app.command("ask")
def ask(
    instrument: Annotated[str, typer.Argument(help="key of the instrument")],
    user: Annotated[str, typer.Option(help="key of the institution that uses it")],
    purpose: Annotated[ServicePurpose, typer.Option(help="what for")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day")],
    last: Annotated[
        datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="last day, included")
    ],
    district: Annotated[
        CustomsDistrict | None, typer.Option(help="customs district of the place")
    ] = None,
    place: Annotated[str | None, typer.Option(help="place of use; else the approved one")] = None,
    agreement: Annotated[
        bool | None,
        typer.Option("--agreement/--no-agreement", help="a service agreement was signed"),
    ] = None,
    clinical: Annotated[
        bool, typer.Option("--clinical", help="it serves patients of an affiliated hospital")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="with evidence and signature")] = False,
) -> None:
    """Answer whether an instrument may serve a use; exit code 1 unless it is ALLOW."""
    question = UseQuestion(
        instrument=instrument,
        user=user,
        purpose=purpose,
        first=first.date(),
        last=last.date(),
        district=district,
        place=place,
        agreement_signed=agreement,
        clinical=clinical,
    )
    question.check()
    answer = run(_ask(question))
    if as_json:
        claims = answer.claims(settings().base)
        typer.echo(json.dumps({**claims, "jws": answer.jws}, ensure_ascii=False))
    else:
        _tell(answer)
    if answer.answer is not CustomsAnswer.ALLOW:
        raise typer.Exit(1)


@app.command("dispose")
def dispose(
    instrument: Annotated[str, typer.Argument(help="key of the instrument")],
    kind: Annotated[DisposalKind, typer.Option(help="what is done with it")],
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="day; today")
    ] = None,
    value: Annotated[
        str | None, typer.Option(help="value at import in yuan; else the original value")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="with evidence and signature")] = False,
) -> None:
    """Answer whether an instrument may be disposed of; exit code 1 unless it is ALLOW."""
    question = DisposalQuestion(
        instrument=instrument,
        kind=kind,
        on=local_date(system_clock()) if on is None else on.date(),
        value_fen=None if value is None else value_in_fen(_number(value)),
    )
    question.check()
    answer = run(_dispose(question))
    if as_json:
        claims = answer.claims(settings().base)
        typer.echo(json.dumps({**claims, "jws": answer.jws}, ensure_ascii=False))
    else:
        _tell_disposal(answer)
    if answer.answer is not CustomsAnswer.ALLOW:
        raise typer.Exit(1)


def _tell_disposal(answer: DisposalAnswer) -> None:
    """Print an answer to a disposal with the estimate."""
    _tell(answer)
    if answer.estimate is not None:
        typer.echo(
            f"  补税完税价格估算，非核定 estimate, never an assessment: "
            f"{yuan_of(answer.estimate.base_fen)} CNY"
        )
    if answer.no_estimate is not None:
        typer.echo(f"  {answer.no_estimate.zh}\n  {answer.no_estimate.en}")


@app.command("due")
def due(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="day; today")
    ] = None,
    instrument: Annotated[str | None, typer.Option(help="of one instrument only")] = None,
) -> None:
    """List supervised items in term with their reports; exit code 1 where one is overdue."""
    found = run(_due(None if on is None else on.date(), instrument))
    for each in found.items:
        typer.echo(_line(each))
    typer.echo(f"{found.on.isoformat()}: {len(found.items)} 项在监管期内 items in term")
    if not found.is_whole:
        typer.echo("还有更多，请按仪器询问 there are more: ask with --instrument")
    if any(each.overdue for each in found.items):
        raise typer.Exit(1)


@app.command("services")
def services(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="day; today")
    ] = None,
    instrument: Annotated[str | None, typer.Option(help="of one instrument only")] = None,
) -> None:
    """List services to outside users of instruments in term, since their release, newest first."""
    found = run(_services(None if on is None else on.date(), instrument))
    for each in found.items:
        typer.echo(_service_line(each))
    typer.echo(f"{found.on.isoformat()}: {len(found.items)} 次对外服务 services to outside users")
    if not found.is_whole:
        typer.echo("还有更多，请按仪器询问 there are more: ask with --instrument")


def customs_desk(hub_settings: Settings, database: Database) -> CustomsDesk:
    """Return the desk of this hub, for commands."""
    law = current_law(hub_settings.law_dir)
    return CustomsDesk(
        database,
        Agreements(database, system_clock, law),
        system_clock,
        law=law,
        issuer=hub_settings.base,
        key=in_files(hub_settings.token_key, system_clock).signing,
    )


async def _ask(question: UseQuestion) -> UseAnswer:
    hub_settings = settings()
    act = Act("customs ask", {"instrument": question.instrument})
    async with open_database(hub_settings, act) as database:
        return await customs_desk(hub_settings, database).decide(question, OPERATOR)


async def _dispose(question: DisposalQuestion) -> DisposalAnswer:
    hub_settings = settings()
    act = Act("customs dispose", {"instrument": question.instrument})
    async with open_database(hub_settings, act) as database:
        return await customs_desk(hub_settings, database).dispose(question, OPERATOR)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{text} is no number of yuan") from error


async def _due(on: date | None, instrument: str | None) -> CustomsDueList:
    hub_settings = settings()
    act = Act("customs due", {"instrument": instrument})
    async with open_database(hub_settings, act) as database:
        return await customs_desk(hub_settings, database).due(
            OPERATOR, on=on, instrument=instrument
        )


async def _services(on: date | None, instrument: str | None) -> OutsideServiceList:
    hub_settings = settings()
    act = Act("customs services", {"instrument": instrument})
    async with open_database(hub_settings, act) as database:
        return await customs_desk(hub_settings, database).services(
            OPERATOR, on=on, instrument=instrument
        )


def _tell(answer: UseAnswer | DisposalAnswer) -> None:
    """Print an answer as a short path."""
    typer.echo(f"{answer.answer.value} · {answer.instrument}")
    for reason in answer.reasons:
        typer.echo(f"  {reason.zh}\n  {reason.en}")
    for each in answer.evidence:
        seen = "-" if each.as_of is None else format_instant(each.as_of)
        typer.echo(f"  {each.record_type} {each.key} · {each.source} · {seen}")
    if answer.undecided:
        typer.echo(f"  法无明文 left open by the law: {', '.join(answer.undecided)}")
    if answer.valid_until is not None:
        typer.echo(f"  有效至 valid until {format_instant(answer.valid_until)}")


def _service_line(one: OutsideService) -> str:
    began = one.started_at.astimezone(SHANGHAI).isoformat(timespec="minutes")
    user = one.user_name or one.user or "用户不详 user not stated"
    told = f"{one.instrument} {one.local_id} · {began} · {user} · {one.purpose}"
    if one.outside_premises:
        told += f" · 校外 elsewhere: {one.outside_address or '地点不详 place not stated'}"
    if one.agreement_signed is False:
        told += " · 未签协议 no agreement"
    papers = [each for each in (one.notice_no, one.tax_record) if each]
    return visible(" · ".join([told, *papers]))


def _line(due: CustomsDue) -> str:
    number = f"{due.declaration_no}/{due.item_no}"
    if due.missing is not None:
        return f"{due.instrument} {number} · {due.missing.zh} {due.missing.en}"
    told = f"{due.instrument} {number} · 至 until {due.last_day} · {due.days_left} 天 days"
    if due.overdue:
        told += f" · 逾期 overdue {', '.join(map(str, due.overdue))}"
    return told if due.next_due_on is None else f"{told} · 年报 report {due.next_due_on}"
