"""`deltahub voucher`, the keys of fingerprints: make the next one, show which are in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.clock import system_clock
from hub.errors import ErrorCode, RefusedError
from hub.vouchers.between.fingerprint_keys import (
    ClaimKeys,
    key_print,
    rolled,
    write_claim_keys,
)
from schema.dates import local_date

File = Annotated[Path, typer.Argument(help="the file of HUB_CLAIM_KEYS_FILE")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command("roll-claim-keys")(roll)
    app.command("show-claim-keys")(show)


def roll(
    file: File,
    year: Annotated[
        int | None, typer.Option(help="year of the new key; by default this one")
    ] = None,
) -> None:
    """Put a new key into the file, made if it is not there, beside the one before.

    One province does this; the others take its file, over a way that nobody else reads.
    """
    keys = ClaimKeys(file if file.exists() else None).now()
    wanted = year or local_date(system_clock()).year
    try:
        made = rolled(keys, wanted)
    except ValueError as error:
        raise RefusedError(
            ErrorCode.CONFLICT,
            hint=f"{error}: name it with --year.",
            hint_zh="该年度已有密钥，请用 --year 指明之后的年度。",
        ) from error
    write_claim_keys(file, made)
    _tell(made)


def show(file: File) -> None:
    """Tell which keys are in use by their prints, to be compared with the other provinces."""
    _tell(dict(ClaimKeys(file).now()))


def _tell(keys: dict[int, bytes]) -> None:
    for year, key in keys.items():
        typer.echo(f"{year} {key_print(key)}")
