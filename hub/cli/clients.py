"""The operator's side of `deltahub client`: register, list and end keys."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from hub.access.cases import CaseGrant
from hub.access.clients import ClientKind, KeyStatus, RegistrationError
from hub.access.limits import ROTATION_OVERLAP_S
from hub.access.registration import ClientGrant, RegistrationRequest, admit, read_application
from hub.access.scopes import Scope
from hub.access.store import DatabaseClientStore
from hub.cli.context import Act, open_database, run
from hub.clock import system_clock
from hub.crypto.keys import VerifyKey, import_jwk
from schema.dates import SHANGHAI

Purpose = Annotated[str | None, typer.Option(help="purpose of the case; no personal data")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="last day of the case")]
ClientId = Annotated[str, typer.Argument(help="client id")]


def add_to(app: typer.Typer) -> None:
    """Add the operator's verbs to the group."""
    app.command("register")(register)
    app.command("list")(list_clients)
    app.command("add-key")(add_key)
    app.command("revoke-key")(revoke_key)
    app.command("grant-case")(grant_case)


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
    person_case: Annotated[
        str | None,
        typer.Option(help="case for which person:read is given; with --purpose, --until"),
    ] = None,
    purpose: Purpose = None,
    until: Until = None,
) -> None:
    """[operator] Register a partner with what you grant it.

    With --agent the key is a service provider's: what it signs is the party's, until it is revoked.
    """
    try:
        application = read_application(json.loads(document.read_text("utf-8")))
        cases = _cases(Scope.PERSON_READ.value, person_case, purpose, until)
        scopes = (*scope, *(each.scope for each in cases))
        grant = ClientGrant(party, kind, scopes, tuple(source or ()), agent, cases)
        run(_register(application, grant))
    except (RegistrationError, OSError, ValueError) as error:
        typer.echo(f"not registered: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{application.client_id} is registered; key {application.key.kid}")


def grant_case(
    client_id: ClientId,
    scope: Annotated[str, typer.Argument(help="person:read or operator:break-glass")],
    case: Annotated[str, typer.Option(help="number of the case")],
    purpose: Annotated[str, typer.Option(help="what for; no personal data")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="last day")],
) -> None:
    """[operator] Give a registered client a scope for one case and a time; again: in its place."""
    (given,) = _cases(scope, case, purpose, until)
    try:
        run(_grant_case(client_id, given))
    except RegistrationError as error:
        typer.echo(f"not granted: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{client_id} has {scope} for case {case} until {given.until.isoformat()}")


async def _grant_case(client_id: str, case: CaseGrant) -> None:
    detail = {"client": client_id, **_case_detail(case)}
    async with open_database(act=Act("client grant-case", detail)) as database:
        await DatabaseClientStore(database).grant_case(client_id, case, system_clock())


def _cases(
    scope: str, case: str | None, purpose: str | None, until: datetime | None
) -> tuple[CaseGrant, ...]:
    """Return the case that was stated whole, or none where nothing of one was."""
    if case is None and purpose is None and until is None:
        return ()
    if not case or not purpose or until is None:
        raise typer.BadParameter("a case is stated with its purpose and its last day")
    over = datetime.combine(until.date() + timedelta(days=1), time(), SHANGHAI)
    return (CaseGrant(scope=scope, case_no=case, purpose=purpose, until=over),)


def _case_detail(case: CaseGrant) -> dict[str, str]:
    return {
        "scope": case.scope,
        "case": case.case_no,
        "purpose": case.purpose,
        "until": case.until.isoformat(),
    }


async def _register(application: RegistrationRequest, grant: ClientGrant) -> None:
    detail = {
        "client": application.client_id,
        "key": application.key.kid,
        "scopes": list(grant.scopes),
        "sources": list(grant.sources),
        "cases": [_case_detail(each) for each in grant.cases],
    }
    act = Act("client register", detail, [grant.party])
    async with open_database(act=act) as database:
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
    act = Act("client add-key", {"client": client_id, "key": key.kid, "retires": retire})
    async with open_database(act=act) as database:
        await DatabaseClientStore(database).add_key(
            client_id, key, retire=retire, overlap_s=ROTATION_OVERLAP_S, now=system_clock()
        )


def revoke_key(
    kid: Annotated[str, typer.Argument(help="key id (thumbprint)")],
    lost: Annotated[bool, typer.Option("--lost", help="the key was lost, not replaced")] = False,
) -> None:
    """[operator] End a key; every worker refuses it within five seconds."""
    run(_revoke(kid, KeyStatus.LOST if lost else KeyStatus.REVOKED))
    typer.echo(f"{kid} has ended")


async def _revoke(kid: str, status: KeyStatus) -> None:
    act = Act("client revoke-key", {"key": kid, "as": status.value})
    async with open_database(act=act) as database:
        await DatabaseClientStore(database).revoke_key(kid, status, system_clock())
