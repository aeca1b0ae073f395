"""`deltahub standard`: write `schema/published` from the records, or check that it is fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import schema
from hub.graphql.schema import interface, sdl
from hub.intake.files.template import template
from hub.openapi import document
from hub.store.records import standard_records
from schema import publish

FOLDER = Path(schema.__file__).parent / "published"
WORKBOOK = "monthly_workbook.xlsx"


def generated() -> dict[str, bytes]:
    """Return every generated file of the standard by name."""
    interface_text = sdl(interface(standard_records()).model)
    texts = {
        **publish.files(),
        "hub.graphql": interface_text,
        document.NAME: document.as_text(),
    }
    return {**{name: text.encode("utf-8") for name, text in texts.items()}, WORKBOOK: template()}


def standard(
    check: Annotated[bool, typer.Option("--check", help="only say what is not fresh")] = False,
) -> None:
    """Write the published standard: SDL, JSON Schemas, code lists, workbook template, one page."""
    files = generated()
    stale = [name for name, data in sorted(files.items()) if _current(name) != data]
    stray = sorted(path.name for path in FOLDER.iterdir() if path.name not in files)
    if check:
        for name in stale + stray:
            typer.echo(f"schema/published/{name} is not what the records say", err=True)
        if stale or stray:
            typer.echo("run: make standard", err=True)
            raise typer.Exit(1)
        typer.echo(f"schema/published is fresh ({len(files)} files)")
        return
    for name in stale:
        (FOLDER / name).write_bytes(files[name])
    for name in stray:
        (FOLDER / name).unlink()
    typer.echo(f"{len(files)} files, {len(stale)} written, {len(stray)} removed")


def _current(name: str) -> bytes | None:
    path = FOLDER / name
    return path.read_bytes() if path.is_file() else None
