"""`deltahub source receipts`: what the log of a peer proves of the records that came from it."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import open_database, run
from hub.store.peer_receipts import PeerReceipt, count_receipts, receipts_of_peer
from hub.store.source_changes import source_named


def receipts(
    source_id: Annotated[str, typer.Argument(help="id of a source that is another hub")],
    key: Annotated[str | None, typer.Option(help="the records of this key alone")] = None,
) -> None:
    """Count what is proved of a peer's records; with --key, show where they are in its log."""
    counts, found = run(_read(source_id, key))
    if not counts:
        typer.echo("没有经核验的记录 nothing is proved: its log is not pinned, or nothing came yet")
    if key is None:
        for (record_type, word), count in sorted(counts.items()):
            typer.echo(f"{record_type}  {word}  {count}")
        return
    for each in found:
        typer.echo(
            f"{each.record_type}  {each.key}  revision {each.revision}  leaf {each.leaf_index} of "
            f"{each.log_size} in {each.origin}  {each.word}  "
            f"{each.judged_at.isoformat(timespec='seconds')}"
        )
    if not found:
        typer.echo(f"{key}: 未经核验 not proved")
        raise typer.Exit(1)


async def _read(
    source_id: str, key: str | None
) -> tuple[dict[tuple[str, str], int], list[PeerReceipt]]:
    async with open_database() as database:
        await source_named(database, source_id)
        counts = await count_receipts(database, source_id)
        return counts, [] if key is None else await receipts_of_peer(database, source_id, key)
