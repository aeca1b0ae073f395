"""`deltahub client export`: what a client may read, as files in a folder.

The same command again goes on where it broke off. Exit codes: 0 all files are
there, 2 they are not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.context import run
from hub.cli.refusals import exit_on_error
from hub.client import ClientError
from hub.client.exports import ExportAsked, ExportFiles, export_files
from hub.client.profile import Profile, load_profile
from schema.strict_json import explained, read_json

FORMATS = ("ndjson", "csv", "xlsx", "parquet")


def export(
    profile_file: Annotated[
        Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")
    ],
    what: Annotated[
        str,
        typer.Argument(help="a list, such as instruments, or a .graphql file with one list"),
    ],
    out: Annotated[Path, typer.Option(help="folder for the files and the manifest")],
    form: Annotated[str, typer.Option("--format", help=f"one of {', '.join(FORMATS)}")] = "ndjson",
    narrowed: Annotated[
        str | None,
        typer.Option("--filter", help="JSON: the filter of the list, or the file's variables"),
    ] = None,
) -> None:
    """Export all rows of a list as files of one moment, with hashes and a manifest."""
    with exit_on_error(profile_file):
        asked = ExportAsked(input=_input(what, form, narrowed), folder=out)
        made = run(_exported(load_profile(profile_file), asked))
    manifest = made.manifest
    for file in made.files:
        typer.echo(str(file))
    typer.echo(
        f"{manifest['rows']} 行 rows, {manifest['snapshot']['at']}; "
        f"{manifest['hidden']} 个值因共享约定未显示 values hidden by agreements"
    )
    for each in manifest["withheld"]:
        typer.echo(f"{each['path']}: 需要 needs {each['scope']}", err=True)
    for source in manifest["sources"]:
        if source["status"] != "OK":
            told = f"{source['id']}: {source['status']}, {source['asOf'] or '-'}"
            typer.echo(told, err=True)


async def _exported(profile: Profile, asked: ExportAsked) -> ExportFiles:
    async with profile.client() as hub:
        return await export_files(hub, asked)


def _input(what: str, form: str, narrowed: str | None) -> dict[str, Any]:
    if form.lower() not in FORMATS:
        raise typer.BadParameter(f"--format is one of {', '.join(FORMATS)}")
    try:
        values = {} if narrowed is None else read_json(narrowed)
    except ValueError as error:
        zh, en = explained(error)
        raise ClientError(
            "NOT_JSON", f"--filter 不是 JSON：{zh} is not JSON: {en}", "改正后重试 correct it"
        ) from error
    asked: dict[str, Any] = {"format": form.upper()}
    if what.endswith(".graphql"):
        asked |= {"query": Path(what).read_text("utf-8")}
        return {**asked, "variables": values} if values else asked
    asked |= {"list": what}
    return {**asked, "filter": values} if values else asked
