"""`deltahub status`: ten lines that an operator must know; exit code 1 when one needs a hand."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from hub.app import VERSION
from hub.cli.context import postgres_folder, run, server_logins, settings
from hub.cli.engines import rights_advice
from hub.clock import system_clock
from hub.errors import DatabaseUnavailableError, HubError
from hub.ledger.log_files import key_file_name
from hub.operate.figures import Figures
from hub.operate.health import HubHealth
from hub.operate.status import StatusFacts, StatusLine, facts_of, lines
from hub.settings import Settings
from hub.state import open_state
from hub.store.database import Database
from hub.store.migrations import revision_of
from hub.store.roles import Logins

LANGUAGES = ("zh", "en")


def status(
    lang: Annotated[
        str | None, typer.Option(help="zh or en; without it that of LC_ALL or LANG")
    ] = None,
) -> None:
    """Say in ten lines how this hub stands; exit code 1 when something needs a hand."""
    language = lang or _language()
    if language not in LANGUAGES:
        typer.echo("--lang is zh or en", err=True)
        raise typer.Exit(2)
    told = run(_look(settings()))
    for line in told:
        typer.echo(line.text(language))
    if not all(line.is_well for line in told):
        raise typer.Exit(1)


def _language() -> str:
    told = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if told.lower().startswith("zh") else "en"


async def _look(deployment: Settings) -> list[StatusLine]:
    if deployment.database_url is None and not postgres_folder(deployment).exists():
        return [_nothing(deployment)]
    try:
        async with server_logins(deployment) as logins:
            return await _told(deployment, logins)
    except DatabaseUnavailableError as error:
        return [_away(error)]


async def _told(deployment: Settings, logins: Logins) -> list[StatusLine]:
    present, wanted = await asyncio.to_thread(revision_of, logins.owning)
    if present != wanted:
        told = f"deltahub {VERSION}, {present or '-'} ≠ {wanted}: deltahub store migrate"
        return [StatusLine("版本", "version", told, told, is_well=False)]
    shared = open_state(deployment.redis_url, system_clock)
    try:
        async with Database(logins.hub, read_url=logins.read) as database:
            figures = Figures(database, deployment.log_origin, system_clock)
            health = HubHealth(database, shared, figures, deployment.data_dir)
            facts = StatusFacts(
                version=VERSION,
                revision=present,
                wanted_revision=wanted,
                advice_on_rights=await asyncio.to_thread(rights_advice, logins),
                parts=await health.look(),
                figures=await figures.look(),
                data_dir=deployment.data_dir,
                keys={
                    "token": deployment.token_key,
                    "log": deployment.log_key_file
                    or deployment.data_dir / "keys" / key_file_name(deployment.log_origin),
                },
                now=system_clock(),
                **await facts_of(database),
            )
            return list(lines(facts))
    finally:
        await shared.aclose()


def _nothing(deployment: Settings) -> StatusLine:
    folder = deployment.data_dir.absolute()
    zh = f"{folder} 中没有 hub 的数据：设置 HUB_DATA_DIR 或 HUB_DATABASE_URL"
    en = f"no hub has kept data in {folder}: set HUB_DATA_DIR or HUB_DATABASE_URL"
    return StatusLine("数据库", "database", zh, en, is_well=False)


def _away(error: HubError) -> StatusLine:
    zh, en = f"{error.message_zh}。{error.hint}", f"{error.message_en}. {error.hint}"
    return StatusLine("数据库", "database", zh, en, is_well=False)
