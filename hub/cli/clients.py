"""The operator's side of `deltahub client`: register, list and end keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hub.access.clients import ClientKind, KeyStatus, RegistrationError
from hub.access.limits import ROTATION_OVERLAP_S
from hub.access.registration import ClientGrant, RegistrationRequest, admit, read_application
from hub.access.store import DatabaseClientStore
from hub.cli.context import open_database, run
from hub.clock import system_clock
from hub.crypto.keys import VerifyKey, import_jwk

ClientId = Annotated[str, typer.Argument(help="client id")]


def add_to(app: typer.Typer) -> None:
    """Add the operator's verbs to the group."""
    app.command("register")(register)
    app.command("list")(list_clients)
    app.command("add-key")(add_key)
    app.command("revoke-key")(revoke_key)


def register(
    document: Annotated[Path, typer.Argument(help="registration.json of the partner")],
    party: Annotated[str, typer.Option(help="legal person it acts for, e.g. uscc:…")],
    kind: Annotated[ClientKind, typer.Option(help="kind of client")],
    scope: Annotated[list[str], typer.Option(help="scope granted; repeat")],
    source: Annotated[list[str] | None, typer.Option(help="source it may push as; repeat")] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="who holds the key for that party: a service provider, e.g. uscc:…"),
    ] = None,
) -> None:
    """[operator] Register a partner with what you grant it.

    With --agent the key is a service provider's: what it signs is the party's, until it is revoked.
    """
    try:
        application = read_application(json.loads(document.read_text("utf-8")))
        grant = ClientGrant(party, kind, tuple(scope), tuple(source or ()), agent)
        run(_register(application, grant))
    except (RegistrationError, OSError, ValueError) as error:
        typer.echo(f"not registered: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{application.client_id} is registered; key {application.key.kid}")


async def _register(application: RegistrationRequest, grant: ClientGrant) -> None:
    async with open_database() as database:
        store = DatabaseClientStore(database)
        await admit(store, application, grant, system_clock())


def list_clients() -> None:
    """[operator] List the registered clients and their keys."""
    for line in run(_list()):
        typer.echo(line)


async def _list() -> list[str]:
    lines = []
    async with open_database() as database:
        for client in await DatabaseClientStore(database).list(limit=1000):
            lines.append(
                f"{client.client_id}  {client.status.value}  {client.kind.value}  {client.party}  "
                f"{' '.join(client.scopes)}  sources: {' '.join(client.sources) or '-'}"
            )
            lines += [
                f"  {key.kid}  {key.status.value}" + (f"  held by {key.agent}" if key.agent else "")
                for key in client.keys
            ]
    return lines


def add_key(
    client_id: ClientId,
    jwk: Annotated[Path, typer.Argument(help="registration.json or JWK file with the new key")],
    retire: Annotated[str | None, typer.Option(help="key id that it replaces")] = None,
) -> None:
    """[operator] Add a public key; the one it replaces stays active for an overlap."""
    try:
        document = json.loads(jwk.read_text("utf-8"))
        key = import_jwk(document.get("jwk", document), ed25519_allowed=False)
        run(_add_key(client_id, key, retire))
    except (RegistrationError, OSError, ValueError) as error:
        typer.echo(f"not added: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{client_id} may use key {key.kid}")


async def _add_key(client_id: str, key: VerifyKey, retire: str | None) -> None:
    async with open_database() as database:
        await DatabaseClientStore(database).add_key(
            client_id, key, retire=retire, overlap_s=ROTATION_OVERLAP_S, now=system_clock()
        )


def revoke_key(
    kid: Annotated[str, typer.Argument(help="key id (thumbprint)")],
    lost: Annotated[bool, typer.Option("--lost", help="the key was lost, not replaced")] = False,
) -> None:
    """[operator] End a key; every worker refuses it within five seconds."""
    try:
        run(_revoke(kid, KeyStatus.LOST if lost else KeyStatus.REVOKED))
    except RegistrationError as error:
        typer.echo(f"没有这样的有效密钥 {kid}: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{kid} has ended")


async def _revoke(kid: str, status: KeyStatus) -> None:
    async with open_database() as database:
        await DatabaseClientStore(database).revoke_key(kid, status, system_clock())
