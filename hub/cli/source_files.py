"""`source_files`: the source that a command names, from its file."""

from __future__ import annotations

import typer

from hub.harvest.config import load_source, sources_in
from hub.harvest.source import HarvestSource
from hub.settings import Settings


def deployed_source(deployment: Settings, source: str) -> HarvestSource:
    """Return a deployed source; exit code 2 where it has no file."""
    files = sources_in(deployment.source_secrets_dir)
    if source not in files:
        typer.echo(
            f"没有 {source} 的文件 no file for {source}; there are: {', '.join(files) or 'none'}",
            err=True,
        )
        raise typer.Exit(2)
    return load_source(files[source])
