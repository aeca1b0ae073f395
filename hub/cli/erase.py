"""`deltahub erase`: takes the content of records out of everything the hub keeps, by order."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub.cli.context import Act, erasing, open_database, run, settings
from hub.erasure.finding import Found, Wanted, named_texts
from hub.erasure.service import ErasureResult

RecordType = Annotated[str | None, typer.Argument(help="record type, with KEY")]
Key = Annotated[str | None, typer.Argument(help="key of the record, as its source gives it")]
Reason = Annotated[str, typer.Option(help="why; it is part of the log, so no personal data")]
Authority = Annotated[str, typer.Option("--authority", help="who ordered it")]
By = Annotated[str, typer.Option("--by", help="role or staff number of who does it; no name")]


def erase(
    reason: Reason,
    authority: Authority,
    by: By,
    record_type: RecordType = None,
    key: Key = None,
    source: Annotated[str | None, typer.Option(help="what one source says only")] = None,
    system: Annotated[
        str | None, typer.Option(help="of records whose key a system numbers: <institution>/<name>")
    ] = None,
    entry: Annotated[
        list[int] | None, typer.Option(help="entry of the record, in place of type and key; repeat")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="every record whose content has this text, e.g. a name")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what is meant")] = False,
) -> None:
    """Erase records in all their revisions: body, salt, signature, copies, refused rows, answers.

    The entries stay in the log. It cannot be undone, not even by restoring a backup.
    """
    ways = (record_type is not None and key is not None, bool(entry), text is not None)
    if sum(ways) != 1:
        raise typer.BadParameter("name TYPE and KEY, or --entry, or --text; one of the three")
    wanted = Wanted(
        record_type=record_type,
        key=key,
        source=source,
        authority=system,
        entries=tuple(entry or ()),
        text=text,
    )
    if dry_run:
        _print(run(_look(wanted)))
        typer.echo("nothing was erased")
        return
    result = run(_erase(wanted, reason, authority, by))
    _print(result.found)
    for each in result.erasures:
        typer.echo(f"Erasure {each}")
    typer.echo(
        "erased here; what else has it: docs/operators/erasure.md (backups, replicas, WAL, peers)"
    )


def _print(found: Found) -> None:
    for each in named_texts(found):
        typer.echo(each)
    targets = found.targets
    typer.echo(
        f"{len(found.claims)} statements, {len(targets.entries)} entries, "
        f"{len(targets.quarantine)} quarantined rows, {len(targets.answers)} kept answers, "
        f"{len(targets.evidence)} kept requests, {len(targets.runs)} messages of runs"
    )


async def _look(wanted: Wanted) -> Found:
    hub_settings = settings()
    async with open_database(hub_settings) as database:
        return await erasing(hub_settings, database).look(wanted)


async def _erase(wanted: Wanted, reason: str, authority: str, by: str) -> ErasureResult:
    hub_settings = settings()
    act = Act("erase", _detail(wanted, reason, authority, by))
    async with open_database(hub_settings, act, is_owner=True) as database:
        return await erasing(hub_settings, database).erase(
            wanted, reason=reason, ordered_by=authority, performed_by=by
        )


def _detail(wanted: Wanted, reason: str, authority: str, by: str) -> dict[str, Any]:
    """Return what the audit says of an order; a text that is to go must not be kept there."""
    if wanted.text is not None and wanted.text in reason + authority + by:
        return {}
    said = {"reason": reason, "orderedBy": authority, "performedBy": by}
    if wanted.text is not None:
        return said
    if wanted.entries:
        return {**said, "entries": list(wanted.entries)}
    return {**said, "type": wanted.record_type, "key": wanted.key, "source": wanted.source}
