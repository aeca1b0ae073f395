"""`client_lines`: what commands on clients read and show: a client, or why nothing was done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from hub.access.clients import Client, ClientKey, RegistrationError
from hub.cli.refusals import in_words, not_json_words
from schema.strict_json import read_json


def client_lines(client: Client) -> list[str]:
    """Return a client and its keys, one a line."""
    first = (
        f"{client.client_id}  {client.status.value}  {client.kind.value}  {client.party}  "
        f"{client.name}  {' '.join(client.scopes)}  sources: {' '.join(client.sources) or '-'}"
    )
    return [first, *map(_key_line, client.keys)]


def _key_line(key: ClientKey) -> str:
    ends = f"  until {key.ended_at:%Y-%m-%d %H:%M}Z" if key.ended_at else ""
    held = f"  held by {key.agent}" if key.agent else ""
    role = f"  {key.role.value}" if key.role else ""
    return f"  {key.kid}  {key.status.value}{ends}{role}{held}"


@contextmanager
def said(what: str) -> Iterator[None]:
    """Print what is wrong with what the operator asked for, and exit with 2."""
    try:
        yield
    except (RegistrationError, OSError, ValueError) as error:
        typer.echo(f"{what}: {in_words(error)}", err=True)
        raise typer.Exit(2) from error


def read_document(path: Path) -> Any:
    """Read a JSON file that a partner sent, as strictly as the hub reads one that it gets itself.

    Raises `RegistrationError`.
    """
    try:
        return read_json(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise RegistrationError(*not_json_words(error)) from error


def read_jwk(path: Path) -> dict[str, Any]:
    """Return the JWK of a file that is one, or a registration document. Raises as the other."""
    document = read_document(path)
    if not isinstance(document, dict) or not isinstance(document.get("jwk", {}), dict):
        raise RegistrationError(
            f"{path} 既不是登记文件，也不是 JWK。",
            f"{path} holds neither a registration document nor a JWK",
        )
    found: dict[str, Any] = document.get("jwk", document)
    return found
