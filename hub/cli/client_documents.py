"""`deltahub client document`: documents that a client may run by their id, without `graphql:adhoc`.

With `--as` it is the partner's command, sent to the hub and signed; with `--client` the operator's,
on the hub's database, and it stands in the audit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.context import Act, open_database, run
from hub.cli.refusals import exit_on_error
from hub.client import CallRefusedError, HubClient
from hub.client.profile import load_profile
from hub.clock import system_clock
from hub.graphql.documents import check_name, judge
from hub.graphql.documents_endpoint import document_to_wire, problems_of
from hub.graphql.schema import interface
from hub.graphql.subgraph import subgraph
from hub.query.plan.documents import document_id
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import QueryLimits
from hub.query.sql.planner import Planner
from hub.store.client_documents import KeptDocument, keep_document, kept_documents, remove_document
from hub.store.database import Database

app = typer.Typer(help="Documents that a client has registered for itself.")
AsProfile = Annotated[
    Path | None, typer.Option("--as", help="profile file of the partner", envvar="DELTAHUB_PROFILE")
]
OfClient = Annotated[str | None, typer.Option("--client", help="[operator] id of the client")]
DocumentFile = Annotated[Path, typer.Argument(help=".graphql file")]


@app.command("add")
def add(
    file: DocumentFile,
    profile_file: AsProfile = None,
    client_id: OfClient = None,
    name: Annotated[str | None, typer.Option(help="name for people")] = None,
) -> None:
    """Register a document; one that could never run is refused with its problems."""
    with exit_on_error(profile_file):
        text = file.read_text("utf-8")
        try:
            if client_id is not None:
                made = run(_add(client_id, text, name))
            else:
                made = _asked(profile_file, lambda hub: hub.register_document(text, name))
        except CallRefusedError as error:
            _tell_problems(error.problem.get("problems"))
            raise
        except QueryError as error:
            _tell_problems(problems_of(error))
            raise
    typer.echo(f"{made['documentId']}  {made['name'] or ''}".rstrip())


@app.command("list")
def list_documents(profile_file: AsProfile = None, client_id: OfClient = None) -> None:
    """List the documents of a client, oldest first."""
    with exit_on_error():
        if client_id is not None:
            listed = run(_list(client_id))
        else:
            listed = _asked(profile_file, lambda hub: hub.documents())
    for each in listed:
        kept_at = datetime.fromisoformat(each["keptAt"])
        typer.echo(f"{each['documentId']}  {kept_at:%Y-%m-%d}  {each['name'] or '-'}")
    if not listed:
        typer.echo("no documents are registered 没有登记的查询")


@app.command("remove")
def remove(
    document: Annotated[str, typer.Argument(help="its id, or the .graphql file")],
    profile_file: AsProfile = None,
    client_id: OfClient = None,
) -> None:
    """Remove a document; within five seconds no worker knows it any more."""
    with exit_on_error(profile_file):
        identifier = document
        if not document.startswith("sha256:"):
            identifier = document_id(Path(document).read_text("utf-8"))
        if client_id is not None:
            run(_remove(client_id, identifier))
        else:
            _asked(profile_file, lambda hub: hub.remove_document(identifier))
    typer.echo(f"{identifier} is removed")


def _asked(profile_file: Path | None, work: Callable[[HubClient], Awaitable[Any]]) -> Any:
    if profile_file is None:
        raise typer.BadParameter("say --as profile.toml, or as the operator --client ID")

    async def ask(profile: Path) -> Any:
        async with load_profile(profile).client() as hub:
            return await work(hub)

    return run(ask(profile_file))


async def _add(client_id: str, text: str, name: str | None) -> dict[str, Any]:
    detail = {"client": client_id, "document": document_id(text), "name": name}
    act = Act("client document add", detail)
    async with open_database(act=act) as database:
        planner, wide = _planner(database), subgraph(database.records)
        identifier = judge(planner, wide, text)
        kept = KeptDocument(identifier, check_name(name), text, system_clock())
        await keep_document(database, client_id, kept)
        return document_to_wire(kept, planner, wide)


async def _list(client_id: str) -> list[dict[str, Any]]:
    async with open_database() as database:
        planner, wide = _planner(database), subgraph(database.records)
        kept = await kept_documents(database, client_id)
        return [document_to_wire(each, planner, wide) for each in kept]


async def _remove(client_id: str, identifier: str) -> None:
    act = Act("client document remove", {"client": client_id, "document": identifier})
    async with open_database(act=act) as database:
        await remove_document(database, client_id, identifier)


def _planner(database: Database) -> Planner:
    return Planner(interface(database.records), QueryLimits())


def _tell_problems(problems: Any) -> None:
    for each in problems or ():
        places = ", ".join(f"{at['line']}:{at['column']}" for at in each["locations"])
        typer.echo(f"{places or '-'}  {each['code']}  {each['detail']}", err=True)
