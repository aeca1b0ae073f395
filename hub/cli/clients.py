"""The operator's side of `deltahub client`: one command per act on registered clients and keys.

An id may begin with `-`: the commands that take a key's id take it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.access.clients import (
    Client,
    ClientChange,
    ClientKey,
    ClientKind,
    ClientStatus,
    KeyRole,
    KeyStatus,
    RegistrationError,
    no_such_client,
)
from hub.access.limits import ROTATION_OVERLAP_S
from hub.access.pending import Registrations, RequestState
from hub.access.pending import approve as approve_request
from hub.access.registration import (
    ClientGrant,
    RegistrationRequest,
    admit,
    check_grant,
    check_party,
    granted,
    read_application,
)
from hub.access.scopes import Scope
from hub.access.store import DatabaseClientStore
from hub.cli.cases import CaseNo, Purpose, Until, case_detail, cases_of, grant_case
from hub.cli.client_lines import client_lines, read_document, read_jwk, said
from hub.cli.context import Act, note_act, open_database, run
from hub.clock import system_clock
from hub.crypto.keys import VerifyKey, import_jwk
from hub.store.database import Database
from hub.store.source_changes import remove_source
from hub.store.sources import register_source
from schema.identifiers import check_institution_key

ClientId = Annotated[str, typer.Argument(help="client id")]
RequestId = Annotated[str, typer.Argument(help="id of the request: reg-…")]
Party = Annotated[str, typer.Option(help="legal person it acts for, e.g. uscc:…")]
Kind = Annotated[ClientKind, typer.Option(help="kind of client")]
Scopes = Annotated[list[str], typer.Option("--scope", help="scope granted; repeat")]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="source it may push as; repeat")
]
NewSources = Annotated[
    list[str] | None,
    typer.Option(
        "--new-source",
        help="source made for it, with the institutions that it speaks for: id=uscc:…[,uscc:…]",
    ),
]
Agent = Annotated[
    str | None,
    typer.Option(help="who holds the key for that party: a service provider, e.g. uscc:…"),
]
Role = Annotated[
    KeyRole | None,
    typer.Option(help="what the person who holds the key may do; none: roles are not used"),
]
Kid = Annotated[str, typer.Argument(help="key id (thumbprint)")]
ANY_ID = {"ignore_unknown_options": True}
"""Takes an argument that begins with `-` for what it is."""


def add_to(app: typer.Typer) -> None:
    """Add the operator's verbs to the group."""
    acts: dict[str, Callable[..., None]] = {
        "register": register,
        "requests": requests,
        "approve": approve,
        "refuse": refuse,
        "list": list_clients,
        "show": show,
        "change": change,
        "suspend": suspend,
        "resume": resume,
        "remove": remove,
        "grant-case": grant_case,
    }
    for name, act in acts.items():
        app.command(name)(act)
    app.command("add-key", context_settings=ANY_ID)(add_key)
    app.command("revoke-key", context_settings=ANY_ID)(revoke_key)


def register(
    document: Annotated[Path, typer.Argument(help="registration.json of the partner")],
    party: Party,
    kind: Kind,
    scope: Scopes,
    source: Sources = None,
    new_source: NewSources = None,
    agent: Agent = None,
    role: Role = None,
    person_case: CaseNo = None,
    purpose: Purpose = None,
    until: Until = None,
) -> None:
    """[operator] Register a partner with what you grant it, from the document that it sent.

    With --agent the key is a service provider's: what it signs is the party's, until it is revoked.
    """
    with said("未登记 not registered"):
        application = read_application(read_document(document))
        cases = cases_of(Scope.PERSON_READ.value, person_case, purpose, until)
        scopes = (*scope, *(each.scope for each in cases))
        grant = ClientGrant(party, kind, scopes, tuple(source or ()), agent, cases, role)
        made = _new_sources(new_source)
        act = _registration("client register", application, grant, made)
        run(_with_database(lambda database: _register(database, application, grant, made), act))
    typer.echo(f"{application.client_id} is registered; key {application.key.kid}")


def requests(
    every: Annotated[bool, typer.Option("--all", help="those that were decided as well")] = False,
) -> None:
    """[operator] List the registrations that partners asked for and that wait for you."""

    async def work(database: Database) -> list[str]:
        state = None if every else RequestState.PENDING
        return [
            f"{each.request_id}  {each.state.value}  {each.request.client_id}  {each.request.name}"
            f"  key {each.request.key.kid}  asked {each.requested_at:%Y-%m-%d %H:%M}Z"
            f"  wants: {' '.join(each.request.scopes) or '-'}"
            f"  sources: {' '.join(each.request.sources) or '-'}"
            + (f"  {each.reason}" if each.reason else "")
            for each in await Registrations(database).list(state)
        ]

    for line in run(_with_database(work)) or ["no registration waits"]:
        typer.echo(line)


def approve(
    request_id: RequestId,
    party: Party,
    kind: Kind,
    scope: Scopes,
    source: Sources = None,
    new_source: NewSources = None,
    agent: Agent = None,
    role: Role = None,
) -> None:
    """[operator] Register a partner that asked; compare its key id with the partner first."""

    async def work(database: Database) -> Client:
        grant = ClientGrant(party, kind, tuple(scope), tuple(source or ()), agent, role=role)
        made = _new_sources(new_source)

        async def registered(asked: RegistrationRequest) -> Client:
            await note_act(database, _registration("client approve", asked, grant, made))
            return await _register(database, asked, grant, made)

        return await approve_request(
            Registrations(database), request_id, registered, system_clock()
        )

    with said("未批准 not approved"):
        client = run(_with_database(work))
    typer.echo(f"{client.client_id} is registered; key {client.keys[0].kid}")


def refuse(
    request_id: RequestId,
    reason: Annotated[str, typer.Option(help="what the partner is told")],
) -> None:
    """[operator] Refuse a registration; the partner is told why when it asks again."""

    async def work(database: Database) -> None:
        registrations = Registrations(database)
        await registrations.get(request_id)
        await registrations.decide(request_id, RequestState.REFUSED, system_clock(), reason)

    with said("未拒绝 not refused"):
        run(_with_database(work, Act("client refuse", {"request": request_id, "reason": reason})))
    typer.echo(f"{request_id} is refused")


def list_clients() -> None:
    """[operator] List the registered clients and their keys."""

    async def work(database: Database) -> list[str]:
        store, lines, after = DatabaseClientStore(database), [], ""
        while clients := await store.list(limit=1000, after=after):
            lines += [line for client in clients for line in client_lines(client)]
            after = clients[-1].client_id
        return lines

    for line in run(_with_database(work)):
        typer.echo(line)


def show(client_id: ClientId) -> None:
    """[operator] Show one client: for whom it acts, what it may do, its keys."""
    with said("无法显示 not shown"):
        client = run(_with_store(lambda store: _found(store, client_id)))
    for line in client_lines(client):
        typer.echo(line)


def change(
    client_id: ClientId,
    party: Annotated[str | None, typer.Option(help="legal person it acts for")] = None,
    kind: Annotated[ClientKind | None, typer.Option(help="kind of client")] = None,
    name: Annotated[str | None, typer.Option(help="name for people")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="all the scopes that it has then; repeat")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="all the sources that it has then; repeat")
    ] = None,
    no_source: Annotated[bool, typer.Option("--no-source", help="it pushes as nobody")] = False,
) -> None:
    """[operator] Change what is named and leave the rest; tokens issued before are refused.

    Who holds a key and its role belong to the key: add another one with add-key.
    """

    async def work(store: DatabaseClientStore) -> Client:
        await store.change(client_id, changes, system_clock())
        return await _found(store, client_id)

    with said("未更改 not changed"):
        if party is not None:
            check_party(party)
        scopes = None if scope is None else granted(scope)
        sources = () if no_source else None if source is None else tuple(sorted(set(source)))
        changes = ClientChange(party=party, kind=kind, name=name, scopes=scopes, sources=sources)
        if changes == ClientChange():
            raise RegistrationError(
                "请写明要改什么：--party、--scope、--source …。",
                "say what changes: --party, --scope, --source …",
            )
        stated = {name: each for name, each in asdict(changes).items() if each is not None}
        client = run(_with_store(work, Act("client change", {"client": client_id, **stated})))
    for line in client_lines(client):
        typer.echo(line)


def suspend(client_id: ClientId) -> None:
    """[operator] Let a client act no more until it is resumed, within five seconds everywhere."""
    _set_status(client_id, ClientStatus.SUSPENDED, "client suspend", "未停用 not suspended")
    typer.echo(f"{client_id} is suspended; deltahub client resume {client_id}")


def resume(client_id: ClientId) -> None:
    """[operator] Let a suspended client act again."""
    _set_status(client_id, ClientStatus.ACTIVE, "client resume", "未恢复 not resumed")
    typer.echo(f"{client_id} is active; it fetches a new token")


def remove(client_id: ClientId) -> None:
    """[operator] End a client and its keys for ever; the receipts of what it signed stay valid."""
    _set_status(client_id, ClientStatus.REMOVED, "client remove", "未注销 not removed")
    typer.echo(f"{client_id} is removed; its records and receipts stay as they are")


def add_key(
    client_id: ClientId,
    jwk: Annotated[Path, typer.Argument(help="registration.json or JWK file with the new key")],
    retire: Annotated[str | None, typer.Option(help="key id that it replaces")] = None,
    agent: Agent = None,
    role: Role = None,
) -> None:
    """[operator] Add a public key; the one it replaces stays active for an overlap."""

    def added(key: VerifyKey) -> ClientKey:
        now = system_clock()
        return ClientKey(key, client_id, KeyStatus.ACTIVE, now, agent=agent, role=role)

    with said("未添加 not added"):
        if agent is not None:
            check_party(agent)
        key = import_jwk(read_jwk(jwk), ed25519_allowed=False)
        act = Act("client add-key", {"client": client_id, "key": key.kid, "retires": retire})
        run(
            _with_store(
                lambda store: store.add_key(
                    added(key), retire=retire, overlap_s=ROTATION_OVERLAP_S
                ),
                act,
            )
        )
    typer.echo(f"{client_id} may use key {key.kid}")


def revoke_key(
    kid: Kid,
    lost: Annotated[bool, typer.Option("--lost", help="the key was lost, not replaced")] = False,
) -> None:
    """[operator] End a key; every worker refuses it within five seconds."""
    status = KeyStatus.LOST if lost else KeyStatus.REVOKED
    act = Act("client revoke-key", {"key": kid, "as": status.value})
    with said("未吊销 not revoked"):
        run(_with_store(lambda store: store.revoke_key(kid, status, system_clock()), act))
    typer.echo(f"{kid} has ended")


async def _with_database(
    work: Callable[[Database], Coroutine[Any, Any, Any]], act: Act | None = None
) -> Any:
    async with open_database(act=act) as database:
        return await work(database)


async def _with_store(
    work: Callable[[DatabaseClientStore], Coroutine[Any, Any, Any]], act: Act | None = None
) -> Any:
    return await _with_database(lambda database: work(DatabaseClientStore(database)), act)


async def _found(store: DatabaseClientStore, client_id: str) -> Client:
    client = await store.get(client_id)
    if client is None:
        raise no_such_client(client_id)
    return client


def _set_status(client_id: str, status: ClientStatus, verb: str, failed: str) -> None:
    act = Act(verb, {"client": client_id})
    with said(failed):
        run(_with_store(lambda store: store.set_status(client_id, status, system_clock()), act))


def _registration(
    verb: str, application: RegistrationRequest, grant: ClientGrant, made: Mapping[str, list[str]]
) -> Act:
    detail = {
        "client": application.client_id,
        "key": application.key.kid,
        "scopes": list(grant.scopes),
        "sources": [*grant.sources, *made],
        "cases": [case_detail(each) for each in grant.cases],
    }
    return Act(verb, detail, [grant.party])


async def _register(
    database: Database,
    application: RegistrationRequest,
    grant: ClientGrant,
    made: dict[str, list[str]],
) -> Client:
    """Make the sources that are new and register the client, or neither."""
    check_grant(grant)
    now = system_clock()
    done: list[str] = []
    every = replace(grant, sources=(*grant.sources, *made))
    try:
        for source_id, owners in made.items():
            await register_source(
                database,
                source_id,
                application.name,
                mode="PUSH",
                owners=owners,
                now=now,
                is_new=True,
            )
            done.append(source_id)
        return await admit(DatabaseClientStore(database), application, every, now)
    except Exception:
        for source_id in done:
            await remove_source(database, source_id)
        raise


def _new_sources(texts: list[str] | None) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for text in texts or ():
        source_id, equals, owners = text.partition("=")
        if not (source_id and equals and owners):
            raise RegistrationError(
                f"--new-source {text}：请写作 id=uscc:…，并列出它代表的单位。",
                f"--new-source {text}: write id=uscc:…, with its institutions",
            )
        made[source_id] = owners.split(",")
        for owner in made[source_id]:
            flaw = check_institution_key(owner)
            if flaw is not None:
                raise RegistrationError(
                    f"--new-source {source_id}：{owner}：{flaw.zh}",
                    f"--new-source {source_id}: {owner}: {flaw.en}",
                )
    return made
