"""`deltahub client grant-case`: scopes that are given for one case, one purpose and a time."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated

import typer

from hub.access.cases import CaseGrant
from hub.access.clients import RegistrationError
from hub.access.store import DatabaseClientStore
from hub.cli.context import Act, open_database, run
from hub.clock import system_clock
from schema.dates import SHANGHAI

CaseNo = Annotated[
    str | None,
    typer.Option("--person-case", help="case for person:read; with --purpose, --until"),
]
Purpose = Annotated[str | None, typer.Option(help="purpose of the case; no personal data")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="last day of the case")]


def grant_case(
    client_id: Annotated[str, typer.Argument(help="client id")],
    scope: Annotated[str, typer.Argument(help="person:read or operator:break-glass")],
    case: Annotated[str, typer.Option(help="number of the case")],
    purpose: Annotated[str, typer.Option(help="what for; no personal data")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="last day")],
) -> None:
    """[operator] Give a registered client a scope for one case and a time; again: in its place."""
    (given,) = cases_of(scope, case, purpose, until)
    try:
        run(_grant_case(client_id, given))
    except RegistrationError as error:
        typer.echo(f"未授予 not granted: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{client_id} has {scope} for case {case} until {given.until.isoformat()}")


async def _grant_case(client_id: str, case: CaseGrant) -> None:
    detail = {"client": client_id, **case_detail(case)}
    async with open_database(act=Act("client grant-case", detail)) as database:
        await DatabaseClientStore(database).grant_case(client_id, case, system_clock())


def cases_of(
    scope: str, case: str | None, purpose: str | None, until: datetime | None
) -> tuple[CaseGrant, ...]:
    """Return the case that was stated whole, or none where nothing of one was."""
    if case is None and purpose is None and until is None:
        return ()
    if not case or not purpose or until is None:
        raise typer.BadParameter("a case is stated with its purpose and its last day")
    over = datetime.combine(until.date() + timedelta(days=1), time(), SHANGHAI)
    return (CaseGrant(scope=scope, case_no=case, purpose=purpose, until=over),)


def case_detail(case: CaseGrant) -> dict[str, str]:
    """Return a case as the audit says it."""
    return {
        "scope": case.scope,
        "case": case.case_no,
        "purpose": case.purpose,
        "until": case.until.isoformat(),
    }
