"""`deltahub export`: the public items of an institution's instruments in the forms of catalogues.

An instrument that lacks what the form demands does not go out; it is told, with what is missing.

Exit codes: 0 all went out, 1 some did not, 2 it could not be done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from adapters.catalogue.given import CatalogueError, Published
from adapters.catalogue.pidinst import document_text, to_pidinst
from adapters.catalogue.pidinst_xml import pidinst_to_xml
from adapters.catalogue.uniquip import to_uniquip, uniquip_csv
from hub.cli.context import open_database, run
from hub.exchange.catalogue import published_instruments
from schema.texts import visible

T = TypeVar("T")
app = typer.Typer(help="Public items of instruments for other catalogues.")
Institution = Annotated[str, typer.Argument(help="key of the institution: moe:10335")]


@app.command()
def pidinst(
    institution: Institution,
    folder: Annotated[Path, typer.Argument(help="where a file for each instrument is written")],
    xml: Annotated[bool, typer.Option("--xml", help="XML instead of JSON")] = False,
) -> None:
    """Write PIDINST 1.0, one document for each instrument, named by its id."""
    found, missing = run(_gathered(institution, to_pidinst))
    folder.mkdir(parents=True, exist_ok=True)
    for item_id, document in found:
        data = pidinst_to_xml(document) if xml else document_text(document).encode()
        (folder / f"{item_id}.{'xml' if xml else 'json'}").write_bytes(data)
    _tell(str(folder), len(found), missing)


@app.command()
def uniquip(
    institution: Institution,
    file: Annotated[Path, typer.Argument(help="the CSV file that is written")],
) -> None:
    """Write UNIQUIP CSV (2025), a row for each instrument."""
    found, missing = run(_gathered(institution, to_uniquip))
    file.write_text(uniquip_csv([row for _, row in found]), "utf-8", newline="")
    _tell(str(file), len(found), missing)


async def _gathered(
    institution: str, write: Callable[[Published], T]
) -> tuple[list[tuple[str, T]], list[tuple[str, CatalogueError]]]:
    found: list[tuple[str, T]] = []
    missing: list[tuple[str, CatalogueError]] = []
    async with open_database() as database:
        async for item_id, of in published_instruments(database, institution):
            try:
                found.append((item_id, write(of)))
            except CatalogueError as error:
                missing.append((of.key, error))
    return found, missing


def _tell(place: str, count: int, missing: list[tuple[str, CatalogueError]]) -> None:
    print(f"{place}: {count} 台 instruments")
    for key, error in missing:
        print(f"{visible(key)}: {error.zh} · {error.en}", file=sys.stderr)
    if missing:
        print(f"{len(missing)} 台未导出 did not go out", file=sys.stderr)
        raise typer.Exit(1)
