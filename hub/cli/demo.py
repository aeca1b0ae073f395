"""`deltahub demo`: what `make run` does: the whole path of a record, then a hub that stays up."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from hub.app import build
from hub.cli.context import open_database, run, settings
from hub.cli.serve import listening, settle_collector
from hub.clock import system_clock
from hub.demo import story
from hub.demo.parties import (
    ENTERPRISE,
    OFFICE,
    PARTNER,
    REGISTER,
    UNIVERSITY,
    VOUCHER,
    home,
    register,
)
from hub.demo.records import SERVICE_ID, SOURCE
from hub.demo.sources import write_sources
from hub.demo.switches import switches_file
from hub.demo.systems import running, state_silent
from hub.demo.vouchers import (
    ENTERPRISE_SOURCE,
    LAW_FOLDER,
    OFFICE_SOURCE,
    REGISTER_SOURCE,
    voucher_case,
)
from hub.harvest.service import Harvester
from hub.printer import Printer
from hub.settings import Settings

SENDERS = {
    SOURCE: UNIVERSITY.name,
    OFFICE_SOURCE: OFFICE.name,
    ENTERPRISE_SOURCE: ENTERPRISE.name,
    REGISTER_SOURCE: REGISTER.name,
}
"""Whose client pushes for which source."""
CUSTOMS = "customs_relief"
"""Read before the voucher case: without customs data no service counts for a voucher."""


def demo(
    stay: Annotated[bool, typer.Option(help="stay up afterwards")] = True,
) -> None:
    """Start hub and sandbox, harvest, push, ask, verify before your eyes, and stay up."""
    hub_settings = replace(
        settings(),
        sandbox=True,
        anonymous=True,
        voucher_issuers=(VOUCHER.party,),
        law_dir=LAW_FOLDER,
    )
    with suppress(KeyboardInterrupt):
        run(_demo(hub_settings, stay=stay))
    typer.echo("\nstopped: hub, sandbox and PostgreSQL")


async def _demo(hub_settings: Settings, *, stay: bool) -> None:
    printer = Printer()
    folder = home(hub_settings.data_dir, hub_settings.base)
    folder.mkdir(parents=True, exist_ok=True)
    printer.line("长三角大型科研仪器数据交换枢纽  Yangtze Delta Instrument Exchange Hub")
    printer.line("Embedded PostgreSQL, sandbox systems and the hub start ...")
    async with (
        open_database(hub_settings) as database,
        running(system_clock, folder / "customs") as systems,
    ):
        hub = await build(hub_settings, database, system_clock)
        settle_collector()
        async with listening(hub) as server:
            printer.line(f"up: the hub at {hub_settings.base}")
            for line in systems.lines:
                printer.line(f"    {line}")
            party = f"hub:{hub_settings.log_origin}"
            harvester = Harvester(database, party, system_clock)
            sources = list(systems.sources)
            await state_silent(database, party, system_clock)
            await story.harvest(printer, database, harvester, sources, system_clock)
            files = write_sources(folder / "sources", [*sources, *systems.others])
            hub.schedule.add(*sources)  # from now on the hub itself keeps them fresh
            profiles = await register(database, folder, hub_settings.base, system_clock)
            now = system_clock().astimezone(UTC)
            entries = await story.push(printer, profiles[UNIVERSITY.name], now)
            await story.ask(printer, profiles[PARTNER.name], now)
            evidence = _folder(folder / VOUCHER.name / "evidence")
            await story.verify(printer, profiles[VOUCHER.name], entries[SERVICE_ID], evidence)
            customs = [each for each in systems.others if each.id == CUSTOMS]
            await story.harvest(printer, database, harvester, customs, system_clock)
            await voucher_case(printer, profiles, now, SENDERS)
            story.print_next_steps(printer, hub_settings.base, folder)
            story.print_operator_steps(printer, files)
            if stay:
                hub.schedule.add(*systems.others)
                with switches_file(folder, systems.switches):
                    await server.wait_closed()


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
