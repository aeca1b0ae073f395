"""The partner's side of its own registration: ask for it, see it, change its keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.access.registration import application_document
from hub.cli.context import run
from hub.cli.refusals import exit_on_error
from hub.client import create_key, load_key
from hub.client.applying import apply
from hub.client.profile import Profile, load_profile

AsProfile = Annotated[Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")]
ANY_ID = {"ignore_unknown_options": True}


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the group."""
    app.command("apply")(apply_for_registration)
    app.command("self")(show_self)
    app.command("public-key")(public_key)
    app.command("rotate")(rotate)
    app.command("retire-key", context_settings=ANY_ID)(retire_key)


def apply_for_registration(
    profile_file: AsProfile,
    name: Annotated[str, typer.Option(help="name for people")],
    scope: Annotated[list[str] | None, typer.Option(help="scope wanted; repeat")] = None,
    source: Annotated[list[str] | None, typer.Option(help="source wanted; repeat")] = None,
) -> None:
    """Ask the hub for registration; the same command tells later what became of it."""
    with exit_on_error():
        profile = load_profile(profile_file)
        key = load_key(profile.key)
        document = application_document(
            profile.client_id, name, key.public, scope or (), source or ()
        )
        asked = run(apply(profile.hub, document, key))
    typer.echo(f"{asked['requestId']}  {asked['state']}  {asked['reason'] or ''}".rstrip())
    typer.echo(f"tell the operator by another way that your key is {key.kid}")


def show_self(profile_file: AsProfile) -> None:
    """Show what the hub has registered of this client, with its keys."""
    with exit_on_error():
        registered = run(_self(load_profile(profile_file)))
    typer.echo(json.dumps(registered, ensure_ascii=False, indent=2))


async def _self(profile: Profile) -> dict[str, Any]:
    async with profile.client() as hub:
        return await hub.registration()


def public_key(
    profile_file: AsProfile,
    out: Annotated[Path, typer.Argument(help="JWKS file to write, for deltahub verify --keys")],
) -> None:
    """Write the public key for those who verify what this client signs record by record."""
    with exit_on_error():
        profile = load_profile(profile_file)
        key = load_key(profile.key).public
        party = run(_self(profile))["party"]
        document = {"keys": [{**key.jwk, "kid": key.kid, "party": party}]}
        out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    typer.echo(f"{out}: give it to who verifies, and tell the key id by another way: {key.kid}")


def rotate(
    profile_file: AsProfile,
    out: Annotated[Path, typer.Option(help="file of the new key; it must not exist")],
) -> None:
    """Make a new key and use it; the old one stays good for the overlap, so nothing fails."""
    with exit_on_error():
        profile = load_profile(profile_file)
        old = load_key(profile.key)
        new = create_key(out)
        run(_rotate(profile, out))
        Profile(profile.hub, profile.client_id, out).write(profile_file)
    typer.echo(f"{profile_file} uses {new.kid} now")
    typer.echo(
        f"when every program has it: deltahub client retire-key {old.kid} --as {profile_file}"
    )


async def _rotate(profile: Profile, new: Path) -> None:
    async with profile.client() as hub:
        await hub.rotate(load_key(new))


def retire_key(
    kid: Annotated[str, typer.Argument(help="key id (thumbprint)")], profile_file: AsProfile
) -> None:
    """End one of this client's own keys at once; the last one stays."""
    with exit_on_error():
        run(_retire(load_profile(profile_file), kid))
    typer.echo(f"{kid} has ended")


async def _retire(profile: Profile, kid: str) -> None:
    async with profile.client() as hub:
        await hub.retire_key(kid)
