"""`deltahub source describe`: what a kind of source is, for whoever reviews its metadata."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters import discover
from adapters._metadata import SourceMetadata
from hub.harvest.described import description_of
from hub.harvest.tables import TABLES, tables_adapter


def describe(
    adapter: Annotated[
        str | None, typer.Argument(help="name of an adapter; all are listed without it")
    ] = None,
) -> None:
    """Print publisher, basis, feeds, bounds of rows and code look-ups of an adapter.

    It is what adapters/<name>.toml says, with the words of the standard spelt out. The hub and its
    database need not run.
    """
    known = all_metadata()
    if adapter is None:
        for name, each in known.items():
            typer.echo(f"{name}  {each.title_zh}  {each.title_en}")
        return
    if adapter not in known:
        typer.echo(f"没有 {adapter} no adapter {adapter}; there are: {', '.join(known)}", err=True)
        raise typer.Exit(2)
    for line in description_of(known[adapter]):
        typer.echo(line)


def all_metadata() -> dict[str, SourceMetadata]:
    """Return the metadata of every adapter by its name, and of tables that are left in a folder."""
    known = {name: each.metadata for name, each in discover().items()}
    return {**known, TABLES: tables_adapter({}).metadata}
