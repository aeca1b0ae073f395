"""`deltahub keys`: the hub's own keys that sign tokens and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hub.access.token_keys import TokenKey, in_files, list_keys, rotate
from hub.cli.context import open_database, run, settings
from hub.clock import system_clock
from hub.ledger.hub_keys import pinned_keys

app = typer.Typer(help="The hub's keys for tokens and answers; the log has a key of its own.")


@app.command("list")
def list_all() -> None:
    """List the keys with the time from which each signs."""
    _print(list_keys(settings().token_key))


@app.command("rotate-token")
def rotate_token(
    lost: Annotated[
        bool,
        typer.Option(
            "--lost", help="the present key is in other hands: it ends now, with all its tokens"
        ),
    ] = False,
) -> None:
    """Make a new key; a running hub announces it within seconds and signs with it in five minutes.

    Nothing needs a restart. On several machines, copy the new file to the others at once.
    """
    _print(rotate(settings().token_key, system_clock(), is_lost=lost))


@app.command("pinned")
def pinned(
    to: Annotated[
        Path | None, typer.Option("--to", help="file to write; by convention POLICY.keys.json")
    ] = None,
) -> None:
    """Print the keys by which others verify what this hub attests, to be handed over to them."""
    text = run(_pinned()).decode()
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text, "utf-8")


async def _pinned() -> bytes:
    hub_settings = settings()
    keys = in_files(hub_settings.token_key, system_clock).periods()
    async with open_database(hub_settings) as database:
        return await pinned_keys(database, hub_settings.log_origin, keys, system_clock())


def _print(keys: list[TokenKey]) -> None:
    now = system_clock().timestamp()
    signing = max((key.signs_from for key in keys if key.signs_from <= now), default=0)
    for key in keys:
        since = datetime.fromtimestamp(key.signs_from, UTC).isoformat(timespec="seconds")
        state = "signs" if key.signs_from == signing else "verifies"
        if key.signs_from > now:
            state = "announced"
        begins = "  from the beginning" if key.signs_from == 0 else f"  from {since}"
        typer.echo(f"{key.key.kid}  {state}{begins}  {key.file}")
