"""`deltahub source`: the register of sources."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from hub.cli.context import Act, open_database, run
from hub.cli.source_cancel import cancel, run_line
from hub.cli.source_check import check
from hub.cli.source_describe import describe
from hub.cli.source_drift import drift
from hub.cli.source_grade import grade
from hub.cli.source_receipts import receipts
from hub.clock import system_clock
from hub.harvest.limits import RUNS_SHOWN_MAX
from hub.harvest.runs import PastRun, list_runs
from hub.intake.awaited import awaiting_rows
from hub.operate.figures import source_states
from hub.sensing.limits import STATES_SHOWN_MAX
from hub.sensing.standing import SensorState, message_counts, sensor_states
from hub.store.feeds import FeedRow, feeds_of
from hub.store.source_changes import SourceChange, change_source, remove_source, source_named
from hub.store.sources import Source, doubted_rows, list_sources, register_source, rename_source
from hub.store.tables import PROMISED_FRESHNESS_S
from hub.watching.scrub import SCRUBBER
from schema.codes import PowerState, SourceKind, SystemPurpose
from schema.identifiers import check_institution_key
from schema.parties import OPERATOR

app = typer.Typer(help="The systems that say facts to the hub.")
app.command()(cancel)
app.command()(check)
app.command()(describe)
app.command()(drift)
app.command()(grade)
app.command()(receipts)


@app.command("list")
def list_all() -> None:
    """List sources and their feeds: how they come in, how they stand, how old they are."""
    sources, states, feeds, doubted, awaiting = run(_list())
    for source in sources:
        state = states.get(source.source_id, source.last_status or "-")
        state += f" {source.last_error_code}" if source.last_error_code else ""
        closed = "" if source.active else "  closed"
        typer.echo(
            f"{source.source_id}  {source.mode}  {source.title}  "
            f"last good {_moment(source.last_ok_at)}  {state}  "
            f"{source.rows} rows  {source.kind}  {source.authority or 'no system'}{closed}"
        )
        if doubted.get(source.source_id):
            typer.echo(f"    可疑的值 doubted values: {doubted[source.source_id]}")
        if awaiting.get(source.source_id):
            count = awaiting[source.source_id]
            typer.echo(f"    仪器尚未报送的记录 records whose instrument nobody states: {count}")
        for feed in feeds.get(source.source_id, ()):
            every = "" if feed.every_s is None else f"  every {feed.every_s} s"
            if feed.every_s is not None and feed.asked_at is not None:
                every += f", next {_moment(feed.asked_at + timedelta(seconds=feed.every_s))}"
            cut_off = f"  goes on: {', '.join(feed.state)}" if feed.state else ""
            typer.echo(
                f"    {feed.record_type}  {feed.mode}{every}  promised "
                f"{feed.promised_freshness_s} s  asked {_moment(feed.asked_at)}  "
                f"read whole {_moment(feed.heard_at)}{cut_off}"
            )


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else "never"


Listed = tuple[
    list[Source], dict[str, str], dict[str, list[FeedRow]], dict[str, int], dict[str, int]
]


async def _list() -> Listed:
    async with open_database() as database:
        sources = await list_sources(database)
        states = await source_states(database, system_clock())
        feeds = await feeds_of(database, [source.source_id for source in sources])
        return sources, states, feeds, await doubted_rows(database), await awaiting_rows(database)


Owners = Annotated[
    list[str] | None, typer.Option("--owner", help="institution it may speak for; repeat")
]
Platform = Annotated[
    bool,
    typer.Option(
        "--any-owner",
        "--platform",
        help="it speaks for any institution; it may grant and decide nothing",
    ),
]
Kind = Annotated[
    SourceKind | None, typer.Option(help="what it is to them; their OWN system, or a PLATFORM")
]
Purpose = Annotated[
    SystemPurpose | None,
    typer.Option(help="what the system is kept for; it leads for some items (docs: links)"),
]


@app.command()
def runs(
    source_id: Annotated[str | None, typer.Argument(help="of this source; all without it")] = None,
    limit: Annotated[int, typer.Option(min=1, max=RUNS_SHOWN_MAX, help="how many")] = 20,
) -> None:
    """List the newest harvests: when, how long, how they ended, what came of them."""
    found = run(_runs(source_id, limit))
    for each in found:
        typer.echo(run_line(each, system_clock()))
        if each.error_code or each.message:
            told = SCRUBBER(f"{each.error_code or ''} {each.message or ''}")
            typer.echo(f"    {' '.join(told.split())}")
    if not found:
        typer.echo("no run yet; deltahub harvest <source id> begins one")


async def _runs(source_id: str | None, limit: int) -> list[PastRun]:
    async with open_database() as database:
        return await list_runs(database, source_id, limit)


@app.command()
def meters(
    source_id: Annotated[str | None, typer.Argument(help="of this source; all without it")] = None,
    state: Annotated[PowerState | None, typer.Option(help="only those in this state")] = None,
    limit: Annotated[int, typer.Option(min=1, max=STATES_SHOWN_MAX, help="how many")] = 100,
) -> None:
    """Show what sensors say now: the state of each instrument, and what came of their messages."""
    found, counts = run(_meters(source_id))
    for name, of_source in counts.items():
        if source_id in (None, name):
            told = ", ".join(f"{outcome} {count}" for outcome, count in of_source.items())
            typer.echo(f"{name}  {told}")
    wanted = [each for each in found if state in (None, each.state)]
    for each in wanted[:limit]:
        typer.echo(
            f"    {each.instrument_key}  {each.sensor}  {each.state.value}  "
            f"since {_moment(each.since)}  heard {_moment(each.as_of)}"
        )
    if len(wanted) > limit:
        typer.echo(f"    … {len(wanted) - limit} more: --limit")
    if not found and not counts:
        typer.echo("no sensors yet; docs/operators/sources.md says how their source is named")


async def _meters(source_id: str | None) -> tuple[list[SensorState], dict[str, dict[str, int]]]:
    async with open_database() as database:
        if source_id is not None:
            await source_named(database, source_id)
        states = await sensor_states(database, system_clock(), source_id)
        return states, await message_counts(database)


@app.command()
def add(
    source_id: Annotated[str, typer.Argument(help="id, a-z 0-9 -")],
    title: Annotated[str, typer.Option(help="name for people, Chinese")],
    owner: Owners = None,
    platform: Platform = False,
    kind: Kind = None,
    purpose: Purpose = None,
    system: Annotated[
        str | None,
        typer.Option(help="<institution that operates it>/<system name>: whose numbers it states"),
    ] = None,
    title_en: Annotated[str | None, typer.Option(help="name in English")] = None,
    freshness: Annotated[
        int, typer.Option(min=1, help="seconds after which what it said is no longer relied on")
    ] = PROMISED_FRESHNESS_S,
) -> None:
    """Register a source that pushes. One that is there is never overwritten: see `change`."""
    owners = _owners(owner, platform)
    if owners is None:
        typer.echo(
            "请写明它代表谁：--owner uscc:…（可重复），或 --any-owner\n"
            "say whom it speaks for: --owner uscc:… (repeat), or --any-owner",
            err=True,
        )
        raise typer.Exit(2)
    facts: dict[str, Any] = {"title_en": title_en, "promised_freshness_s": freshness}
    facts["purpose"] = (purpose or SystemPurpose.OTHER).value
    run(_add(source_id, title, owners or None, (kind, system), facts))
    typer.echo(f"{source_id} is registered; grant it to a client with --source {source_id}")


@app.command()
def change(
    source_id: Annotated[str, typer.Argument(help="id")],
    title: Annotated[str | None, typer.Option(help="name for people, Chinese")] = None,
    title_en: Annotated[str | None, typer.Option(help="name in English")] = None,
    owner: Owners = None,
    platform: Platform = False,
    kind: Kind = None,
    purpose: Purpose = None,
    freshness: Annotated[
        int | None, typer.Option(min=1, help="seconds for which what it said is relied on")
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--open/--close", help="whether it may say anything")
    ] = None,
) -> None:
    """Change what is named and leave the rest; owners that are named are all that it has then."""
    changes = SourceChange(
        title=title,
        title_en=title_en,
        owners=_owners(owner, platform),
        kind=kind,
        purpose=purpose,
        promised_freshness_s=freshness,
        active=active,
    )
    if changes == SourceChange():
        typer.echo(
            "请写明要改什么：--title、--owner、--close …\n"
            "say what changes: --title, --owner, --close …",
            err=True,
        )
        raise typer.Exit(2)
    for line in run(_change(source_id, changes)):
        typer.echo(line)


@app.command()
def show(source_id: Annotated[str, typer.Argument(help="id")]) -> None:
    """Show what is registered of one source."""
    for line in run(_change(source_id, SourceChange())):
        typer.echo(line)


@app.command()
def remove(source_id: Annotated[str, typer.Argument(help="id")]) -> None:
    """Remove a source that never said anything; close one that did, since its receipts name it."""
    if run(_remove(source_id)):
        typer.echo(f"{source_id} is removed")
    else:
        typer.echo(
            f"{source_id} is closed: it says nothing any more, and no client may push as it. What "
            "it said stays, with its receipts, until it is withdrawn. Open it again: deltahub "
            f"source change {source_id} --open"
        )


def _owners(owner: list[str] | None, platform: bool) -> list[str] | None:
    """Return whom the options name, empty for anybody; None when they name nobody."""
    if platform and owner:
        raise typer.BadParameter(
            "--owner 与 --any-owner 只能选一个 either --owner or --any-owner, not both"
        )
    for key in owner or ():
        flaw = None if key == OPERATOR else check_institution_key(key)
        if flaw is not None:
            raise typer.BadParameter(f"{key}：{flaw.zh} {flaw.en}")
    return [] if platform else owner or None


async def _change(source_id: str, changes: SourceChange) -> list[str]:
    stated = {name: each for name, each in asdict(changes).items() if each is not None}
    if changes.kind is not None:
        stated["kind"] = changes.kind.value
    act = Act("source change", {"source": source_id, **stated}, changes.owners or ())
    async with open_database(act=act if stated else None) as database:
        if changes != SourceChange():
            await change_source(database, source_id, changes, system_clock())
        return _lines(await source_named(database, source_id))


def _lines(source: Source) -> list[str]:
    return [
        f"{source.source_id}  {source.title}" + (f"  {source.title_en}" if source.title_en else ""),
        f"  {source.mode}  {source.kind}  {source.purpose}  "
        f"{'open' if source.active else 'closed'}",
        f"  speaks for: {'anybody' if source.owners is None else ' '.join(source.owners)}",
        f"  numbers of: {source.authority or 'no system'}",
        f"  {source.rows} rows  relied on for {source.promised_freshness_s} s",
        f"  last good {_moment(source.last_ok_at)}"
        f"  {source.last_error_code or source.last_status or '-'}",
    ]


async def _remove(source_id: str) -> bool:
    async with open_database(act=Act("source remove", {"source": source_id})) as database:
        return await remove_source(database, source_id)


@app.command()
def rename(
    source_id: Annotated[str, typer.Argument(help="present id")],
    new_id: Annotated[str, typer.Argument(help="new id, a-z 0-9 -")],
) -> None:
    """Give a source another id; records, their ids and receipts stay as they are."""
    run(_rename(source_id, new_id))
    typer.echo(f"{source_id} is {new_id} now; rename its file in the sources folder as well")


async def _rename(source_id: str, new_id: str) -> None:
    act = Act("source rename", {"source": source_id, "to": new_id})
    async with open_database(act=act) as database:
        await rename_source(database, source_id, new_id)


async def _add(
    source_id: str,
    title: str,
    owners: list[str] | None,
    what: tuple[SourceKind | None, str | None],
    facts: dict[str, Any],
) -> None:
    detail = {"source": source_id, "owners": owners, "kind": what[0] and what[0].value}
    detail["purpose"] = facts["purpose"]
    async with open_database(act=Act("source add", detail, owners or ())) as database:
        await register_source(
            database,
            source_id,
            title,
            mode="PUSH",
            owners=owners,
            now=system_clock(),
            kind=what[0],
            authority=what[1],
            is_new=True,
            **facts,
        )
