"""`deltahub standard`: write `schema/published` from the records, or check that it is fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import schema
from hub.cli.standard_versions import (
    CHANGELOG,
    SDL,
    Contract,
    changelog,
    contract_of,
    release,
    released,
    version_problem,
)
from hub.graphql.schema import interface, sdl
from hub.graphql.subgraph import subgraph_sdl
from hub.intake.files.template import template
from hub.openapi import document
from hub.store.records import standard_records
from schema import STANDARD_VERSION, publish

FOLDER = Path(schema.__file__).parent / "published"
WORKBOOK = "monthly_workbook.xlsx"
SUBGRAPH_SDL = "federation.graphql"
"""The text that gateways compose, as the hub answers it at `{ _service { sdl } }`."""


def generated() -> dict[str, bytes]:
    """Return every generated file of the standard by name."""
    model = interface(standard_records()).model
    texts = {
        **publish.files(),
        SDL: sdl(model),
        SUBGRAPH_SDL: subgraph_sdl(model),
        document.NAME: document.as_text(),
    }
    files = {name: text.encode("utf-8") for name, text in texts.items()}
    changes = changelog(contract_of(files, STANDARD_VERSION), released())
    return {**files, WORKBOOK: template(), CHANGELOG: changes.encode("utf-8")}


def standard(
    check: Annotated[bool, typer.Option("--check", help="only say what is not fresh")] = False,
    freeze: Annotated[
        bool,
        typer.Option("--release", help="freeze this version: later changes are compared with it"),
    ] = False,
) -> None:
    """Write the published standard: SDL, JSON Schemas, OpenAPI, code lists, workbook, changes."""
    files = generated()
    _check_version(contract_of(files, STANDARD_VERSION), is_to_freeze=freeze and not check)
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


def _check_version(present: Contract, *, is_to_freeze: bool) -> None:
    """Stop where the version is too low for what changed; freeze it if that is asked for."""
    others = released()
    if is_to_freeze:  # this very version may be frozen anew, as long as nobody has it
        others = [each for each in others if each.version != present.version]
    problem = version_problem(present, others)
    if problem is not None:
        typer.echo(problem, err=True)
        typer.echo(
            f"若 {present.version} 尚未对外发布 if nobody has {present.version} yet: "
            "deltahub standard --release",
            err=True,
        )
        raise typer.Exit(1)
    if is_to_freeze:
        typer.echo(f"schema/released/{release(present).name} frozen")


def _current(name: str) -> bytes | None:
    path = FOLDER / name
    return path.read_bytes() if path.is_file() else None
