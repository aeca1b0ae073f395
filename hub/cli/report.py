"""`deltahub report`: hands on to others what a source states here."""

from __future__ import annotations

from typing import Annotated

import typer

from connectors.errors import ConnectorError
from connectors.http.session import HttpSession
from hub.cli.context import Act, open_database, run, settings
from hub.clock import system_clock
from hub.exchange.nrii import NriiReport, NriiReporter
from hub.harvest.config import load_source, sources_in
from hub.printer import Printer
from hub.settings import Settings

app = typer.Typer(help="Report to the national platform 向国家平台报送", no_args_is_help=True)
FINE = frozenset({"ACCEPTED", "SENT_BEFORE", "WOULD_BE_SENT"})


@app.callback()
def _group() -> None:
    """Keep the name of the platform a command of its own."""


@app.command("nrii")
def nrii(
    source: Annotated[str, typer.Option("--source", help="whose records are reported")],
    account: Annotated[
        str, typer.Option("--account", help="a file <id>.toml of the sources folder")
    ] = "nrii",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="send nothing, say what would")
    ] = False,
    resend_unsure: Annotated[
        bool, typer.Option("--resend-unsure", help="send again what may have arrived")
    ] = False,
) -> None:
    """Report equipment, then customs data, then service records: each object once."""
    report = run(_report(settings(), source, account, dry_run, resend_unsure))
    if not _told(Printer(), report):
        raise typer.Exit(1)


async def _report(
    deployment: Settings, source: str, account: str, dry_run: bool, resend_unsure: bool
) -> NriiReport:
    files = sources_in(deployment.source_secrets_dir)
    if account not in files:
        typer.echo(f"no file for {account}; there are: {', '.join(files) or 'none'}", err=True)
        raise typer.Exit(2)
    deployed = load_source(files[account])
    if deployed.adapter.id != "nrii" or not deployed.facts.get("insCode"):
        typer.echo(f"{account}: needs adapter nrii, and insCode under [facts]", err=True)
        raise typer.Exit(2)
    detail = {"source": source, "account": account, "dryRun": dry_run, "unsure": resend_unsure}
    async with (
        open_database(deployment, Act("report nrii", detail)) as database,
        deployed.session() as session,
    ):
        assert isinstance(session, HttpSession), "NRII is reached over HTTP"
        reporter = NriiReporter(database, system_clock, session, deployed.facts)
        try:
            return await reporter.report(source, dry_run=dry_run, resend_unsure=resend_unsure)
        except ConnectorError as error:
            typer.echo(f"{error}\n{error.hint}\nWhat was sent is noted: run it again.", err=True)
            raise typer.Exit(2) from error


def _told(printer: Printer, report: NriiReport) -> bool:
    """Print what was done; return whether nothing needs a person."""
    for name, count in sorted(report.counts.items()):
        printer.line(f"{name:<24} {count}")
    for line in report.told:
        printer.line(f"  {line}")
    if report.left_out:
        printer.line(f"left out, personal 未报送个人信息: {', '.join(sorted(report.left_out))}")
    if not report.counts:
        printer.line("nothing to report 没有可报送的数据")
    return all(name.partition(" ")[2] in FINE for name in report.counts)
