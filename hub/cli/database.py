"""`deltahub database`: the roles under which the hub reaches its PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import named_logins, settings
from hub.errors import SettingsError
from hub.store.roles import HUB, OWNER, READ, Logins, creation, ensure_roles, prepare

app = typer.Typer(help="The roles under which the hub reaches its PostgreSQL.")
app.callback()(lambda: None)


@app.command()
def roles(
    apply: Annotated[
        bool,
        typer.Option("--apply", help="run it as HUB_DATABASE_OWNER_URL, which must be allowed to"),
    ] = False,
) -> None:
    """Print the SQL that makes the roles of HUB_DATABASE_URL, or run it.

    The names are those of the HUB_DATABASE_… addresses, hub_owner, hub and hub_read where there are
    none. Passwords are yours to set. The embedded PostgreSQL has its roles by itself.
    """
    logins = named_logins(settings())
    if logins is None:
        raise SettingsError(
            ["HUB_DATABASE_URL: name your database; the hub's own has its roles already"]
        )
    hub, read, owner = _names(logins)
    if not apply:
        for statement in creation(logins.database, hub, read, owner):
            typer.echo(f"{statement.strip()};")
        typer.echo(r"-- give each of them a password: \password ROLE; then: deltahub store migrate")
        return
    if logins.owner is None:
        raise SettingsError(["HUB_DATABASE_OWNER_URL: name the role that owns the tables"])
    made = ensure_roles(logins.owner, logins.database, hub, read, owner)
    prepare(logins)
    typer.echo(f"{owner} owns, {hub} writes, {read} reads{'' if made else ': they were there'}")


def _names(logins: Logins) -> tuple[str, str, str]:
    hub, read, owner = logins.names()
    if logins.owner is None:  # one login so far: propose others beside it
        return HUB, READ, OWNER
    return hub, read or READ, owner
