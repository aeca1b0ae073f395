"""`deltahub voucher attest`, `claims`: files that a finance office verifies offline."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hub.access.agreements import Agreements
from hub.audit.service import Audit
from hub.cli.context import Act, open_database, run, settings
from hub.cli.customs import customs_desk
from hub.clock import system_clock
from hub.federation.deployed import LiveSources
from hub.settings import Settings
from hub.store.database import Database
from hub.vouchers.attested.attestation_told import AttestationTold, ClaimsTold
from hub.vouchers.cases.words import UNATTESTED
from hub.vouchers.deployed import VoucherDesks, voucher_desks
from hub.vouchers.marks import ClaimName

To = Annotated[Path, typer.Option("--to", help="file to write")]


def attest(
    issuer: Annotated[str, typer.Option(help="key of the department that granted the voucher")],
    code: Annotated[str, typer.Option(help="number of the voucher")],
    claim: Annotated[str, typer.Option(help="number of the claim")],
    to: To = Path("attestation.json"),
) -> None:
    """Attest a claim in a file; exit code 1 where there is no attestation, with every check."""
    told = run(_attest(ClaimName(issuer, code, claim)))
    if told.text is None:
        why = told.missing.fact if told.missing is not None else str(told.refused)
        typer.echo(f"没有证明 no attestation: {why}")
        for words in UNATTESTED.get(why, ()):
            typer.echo(words)
        for check in told.checks:
            lacking = "" if check.missing is None else f" · {check.missing.fact}"
            typer.echo(f"  {check.code.value} {check.result.value}{lacking}")
        raise typer.Exit(1)
    assert told.attested is not None
    _write(to, told.text, f"至 until {told.attested.valid_until}")


def claims(
    service: Annotated[str, typer.Argument(help="key of the service record")],
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="day in Shanghai")],
    to: To = Path("claims.json"),
) -> None:
    """Prove in a file whether a service was claimed at the end of a day; exit code 1: no proof."""
    told = run(_claims(service, day))
    if told.text is None:
        typer.echo(f"没有证明 no proof: {told.refused}")
        raise typer.Exit(1)
    said = "已申兑 claimed" if told.is_claimed else "未申兑 not claimed"
    _write(to, told.text, f"{day.date()} · {said}")


async def _attest(name: ClaimName) -> AttestationTold:
    hub_settings = settings()
    act = Act("voucher attest", {"claim": f"{name.issuer}/{name.code}/{name.claim_no}"})
    async with open_database(hub_settings, act) as database:
        desks = _desks(hub_settings, database)
        try:
            return await desks.attesting.attest(None, name)
        finally:
            await desks.between.ring.aclose()


async def _claims(service: str, day: datetime) -> ClaimsTold:
    hub_settings = settings()
    act = Act("voucher claims", {"service": service, "day": day.date().isoformat()})
    async with open_database(hub_settings, act) as database:
        return await _desks(hub_settings, database).attesting.claims_of(None, service, day.date())


def _desks(hub_settings: Settings, database: Database) -> VoucherDesks:
    customs, audit = customs_desk(hub_settings, database), Audit(database, system_clock)
    agreements = Agreements(database, system_clock, customs.law)
    hubs = LiveSources(hub_settings.source_secrets_dir).all
    return voucher_desks(hub_settings, database, agreements, customs, audit, hubs)


def _write(to: Path, text: bytes, about: str) -> None:
    to.write_bytes(text)
    typer.echo(f"{to} · {len(text)} B · {about}")
