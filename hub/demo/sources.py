"""`sources`: the sandbox systems as files of the sources folder, as an operator writes them.

With them `deltahub harvest` can be called by hand as long as the demo is up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hub.harvest.connections import ClientCredentials, HttpConnection, StaticToken
from hub.harvest.connections.files import FolderConnection
from hub.harvest.source import HarvestSource

OWNER_ONLY = 0o600


def write_sources(folder: Path, sources: Sequence[HarvestSource]) -> Path:
    """Write a file for each source, readable by its owner only; return the folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for source in sources:
        text = "".join(f"{line}\n" for line in _lines(source))
        partial = folder / f".{source.id}.partial"
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        partial.replace(folder / f"{source.id}.toml")
    return folder


def _lines(source: HarvestSource) -> Iterator[str]:
    yield f"adapter = {_text(source.adapter.id)}"
    if isinstance(source.connection, HttpConnection):
        yield f"base_url = {_text(source.connection.base_url)}"
    if source.division_code:
        yield f"division_code = {_text(source.division_code)}"
    if source.owners is None:
        yield 'owners = "any"'
    else:
        yield f"owners = [{', '.join(map(_text, source.owners))}]"
    for name, value in (
        ("authority", source.authority),
        ("title_zh", source.title_zh),
        ("title_en", source.title_en),
    ):
        if value:
            yield f"{name} = {_text(value)}"
    for name, table in (("facts", source.facts), ("institution", source.institution)):
        if table:
            yield f"{name} = {_value(table)}"
    if isinstance(source.connection, HttpConnection):
        yield from _auth_lines(source.connection)
    elif isinstance(source.connection, FolderConnection):
        yield "[folder]"
        yield f"path = {_text(source.connection.path)}"
        yield f"settle_s = {source.connection.settle_s}"


def _auth_lines(connection: HttpConnection) -> Iterator[str]:
    auth = connection.auth
    if isinstance(auth, ClientCredentials):
        yield "[client_credentials]"
        yield f"token_url = {_text(auth.token_url)}"
        yield f"client_id = {_text(auth.client_id)}"
        yield f"client_secret = {_text(auth.client_secret)}"
    elif isinstance(auth, StaticToken):
        yield "[token]"
        yield f"value = {_text(auth.value)}"
        yield f"header = {_text(auth.header)}"


def _value(value: Any) -> str:
    """Write texts, lists and tables of them."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_text(name)} = {_value(of)}' for name, of in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _text(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a basic string of TOML
