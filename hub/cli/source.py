"""`deltahub source`: the register of sources."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from hub.cli.context import open_database, run
from hub.clock import system_clock
from hub.store.feeds import FeedRow, feeds_of
from hub.store.sources import Source, doubted_rows, list_sources, register_source, rename_source
from hub.store.tables import PROMISED_FRESHNESS_S
from schema.codes import SourceKind

app = typer.Typer(help="The systems that say facts to the hub.")


@app.command("list")
def list_all() -> None:
    """List sources and their feeds: how they come in, how the last run went, how old they are."""
    sources, feeds, doubted = run(_list())
    for source in sources:
        state = source.last_error_code or source.last_status or "-"
        closed = "" if source.active else "  closed"
        typer.echo(
            f"{source.source_id}  {source.mode}  {source.title}  "
            f"last good {_moment(source.last_ok_at)}  {state}  "
            f"{source.rows} rows  {source.kind}  {source.authority or 'no system'}{closed}"
        )
        if doubted.get(source.source_id):
            typer.echo(f"    可疑的值 doubted values: {doubted[source.source_id]}")
        for feed in feeds.get(source.source_id, ()):
            every = "" if feed.every_s is None else f"  every {feed.every_s} s"
            cut_off = f"  goes on: {', '.join(feed.state)}" if feed.state else ""
            typer.echo(
                f"    {feed.record_type}  {feed.mode}{every}  promised "
                f"{feed.promised_freshness_s} s  asked {_moment(feed.asked_at)}  "
                f"read whole {_moment(feed.heard_at)}{cut_off}"
            )


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else "never"


async def _list() -> tuple[list[Source], dict[str, list[FeedRow]], dict[str, int]]:
    async with open_database() as database:
        sources = await list_sources(database)
        feeds = await feeds_of(database, [source.source_id for source in sources])
        return sources, feeds, await doubted_rows(database)


@app.command()
def add(
    source_id: Annotated[str, typer.Argument(help="id, a-z 0-9 -")],
    title: Annotated[str, typer.Option(help="name for people, Chinese")],
    owner: Annotated[
        list[str] | None,
        typer.Option(help="institution it may speak for; repeat"),
    ] = None,
    platform: Annotated[
        bool,
        typer.Option("--platform", help="it speaks for anybody; it may grant and decide nothing"),
    ] = False,
    kind: Annotated[
        SourceKind | None, typer.Option(help="what it is to them; their OWN system, or a PLATFORM")
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(help="<institution that operates it>/<system name>: whose numbers it states"),
    ] = None,
    title_en: Annotated[str | None, typer.Option(help="name in English")] = None,
    freshness: Annotated[
        int, typer.Option(min=1, help="seconds after which what it said is no longer relied on")
    ] = PROMISED_FRESHNESS_S,
) -> None:
    """Register a source that pushes, or renew what its registration says."""
    if platform is bool(owner):
        typer.echo("say whom it speaks for: --owner uscc:… (repeat), or --platform", err=True)
        raise typer.Exit(2)
    facts = {"title_en": title_en, "promised_freshness_s": freshness}
    run(_add(source_id, title, owner or None, (kind, system), facts))
    typer.echo(f"{source_id} is registered; grant it to a client with --source {source_id}")


@app.command()
def rename(
    source_id: Annotated[str, typer.Argument(help="present id")],
    new_id: Annotated[str, typer.Argument(help="new id, a-z 0-9 -")],
) -> None:
    """Give a source another id; records, their ids and receipts stay as they are."""
    run(_rename(source_id, new_id))
    typer.echo(f"{source_id} is {new_id} now; rename its file in the sources folder as well")


async def _rename(source_id: str, new_id: str) -> None:
    async with open_database() as database:
        await rename_source(database, source_id, new_id)


async def _add(
    source_id: str,
    title: str,
    owners: list[str] | None,
    what: tuple[SourceKind | None, str | None],
    facts: dict[str, Any],
) -> None:
    async with open_database() as database:
        await register_source(
            database,
            source_id,
            title,
            mode="PUSH",
            owners=owners,
            now=system_clock(),
            kind=what[0],
            authority=what[1],
            **facts,
        )
