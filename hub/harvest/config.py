"""`config`: the file with which an operator deploys a source: `<id>.toml`, mode 0600.

It names the adapter, the address, how the source lets us in, and facts of the installation:

    adapter = "ecnu"
    base_url = "https://api.example.edu.cn/api/v1/"
    division_code = "310000"
    owners = ["moe:10269"]        # whom it may speak for; a platform that speaks for anybody: "any"
    kind = "DELEGATE"             # where it is not their own system (schema SourceKind)
    purpose = "LAB"               # where it is not what its adapter says (schema SystemPurpose)
    authority = "moe:10269/lims"  # who operates the system, and its name: needed for a platform

    [client_credentials]          # or:  [token]  value = "…"  header = "X-Api-Key"
    token_url = "/oauth2/token"
    client_id = "…"
    client_secret = "…"

    drift = "quarantine"          # what is done where the form of its lists changes: evolve (what
                                  # is done without it), quarantine, stop; or by record type:
    [drift]
    Instrument = "stop"
    others = "evolve"

    [rows.Instrument]             # how many records one reading may make, where the adapter's
    min = 1                       # metadata do not fit this installation
    max = 60_000

    [institution]                 # the Institution record, where the adapter states none
    [facts]                       # what the adapter's docstring asks for
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from adapters import Adapter, discover
from adapters._metadata_text import parse_bounds
from hub.errors import SettingsError
from hub.harvest.connections import PROTOCOLS, HubConnection, SourceConnection
from hub.harvest.drift import DriftMode
from hub.harvest.source import HarvestSource
from hub.harvest.tables import MEMBERS as TABLES_MEMBERS
from hub.harvest.tables import TABLES, TablesRoad, tables_adapter, tables_road
from schema.codes import SourceKind, SystemPurpose
from schema.keys import is_authority
from schema.strict_toml import read_toml

FOLDER = "HUB_SOURCE_SECRETS_DIR"
BYTES_MAX = 65_536
MEMBERS = {
    "adapter",
    "division_code",
    "owners",
    "kind",
    "purpose",
    "authority",
    "institution",
    "facts",
    "title_zh",
    "title_en",
    "drift",
    "rows",
}


_KINDS = frozenset(SourceKind) - {SourceKind.NONE}
OTHERS = "others"
"""Record types that `[drift]` does not name."""
ANYBODY = "any"
"""Owners of a platform that speaks for others; it may state facts, no rights and no decisions."""


def load_source(path: Path) -> HarvestSource:
    """Read a source's file; `SettingsError` lists every problem."""
    content = _read(path)
    adapters = discover()
    if content.get("adapter") == TABLES:
        adapters = {**adapters, TABLES: tables_adapter({})}
    name = content.get("adapter")
    members = MEMBERS | _members_of(adapters.get(name) if isinstance(name, str) else None)
    if name == TABLES:
        members |= TABLES_MEMBERS
    problems = [f"{path}: {each} is not known" for each in sorted(set(content) - members)]
    if name not in adapters:
        problems.append(
            f"{path}: adapter is one of {', '.join(sorted(adapters))}; "
            f"{TABLES} for files that are left in a folder; those that people send go in by "
            "deltahub submit"
        )
    problems += [f"{path}: {each}" for each in _misstated(content)]
    drift, problem = _drift(content.get("drift", {}), adapters.get(str(name)))
    problems += [f"{path}: {each}" for each in problem]
    deployed = None
    if name in adapters:
        try:
            deployed = _deployed(path.stem, adapters[str(name)], content)
        except ValueError as error:
            problems.append(f"{path}: {error}")
    if problems or deployed is None:
        raise SettingsError(problems)
    return HarvestSource(
        id=path.stem,
        adapter=deployed.adapter,
        connection=deployed.connection,
        institution=content.get("institution", {}),
        facts=content.get("facts", {}),
        owners=None if content["owners"] == ANYBODY else tuple(content["owners"]),
        kind=SourceKind[content["kind"]] if "kind" in content else None,
        purpose=SystemPurpose[content["purpose"]] if "purpose" in content else None,
        authority=content.get("authority"),
        division_code=content.get("division_code"),
        title_zh=content.get("title_zh", ""),
        title_en=content.get("title_en", ""),
        drift=drift,
        tables=deployed.tables,
    )


def _misstated(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with what the file says of the source itself."""
    owners = content.get("owners")
    if owners != ANYBODY and not _are_owners(owners):
        yield f'owners lists whom it may speak for, or is "{ANYBODY}"'
    if str(content.get("kind", SourceKind.OWN)) not in _KINDS:
        yield f"kind is one of {', '.join(sorted(_KINDS))}"
    if str(content.get("purpose", SystemPurpose.OTHER)) not in frozenset(SystemPurpose):
        yield f"purpose is one of {', '.join(sorted(SystemPurpose))}"
    if not is_authority(content.get("authority", "moe:1/x")):
        yield "authority is <key of the operating institution>/<system name>"


def _drift(stated: Any, adapter: Adapter | None) -> tuple[dict[str, DriftMode], list[str]]:
    """Return what is done about changes by record type, and what is wrong with what is stated."""
    table = {OTHERS: stated} if isinstance(stated, str) else stated
    known = ", ".join(DriftMode)
    if not isinstance(table, dict):
        return {}, [f"drift is one of {known}, or a table of record types"]
    types = {OTHERS} | (set() if adapter is None else {f.record_type for f in adapter.feeds})
    problems = [
        f"[drift] {name}: the adapter has no such record type; it has {', '.join(sorted(types))}"
        for name in table
        if adapter is not None and name not in types
    ]
    problems += [
        f"drift of {name} is one of {known}"
        for name, mode in table.items()
        if not isinstance(mode, str) or mode not in list(DriftMode)
    ]
    if problems:
        return {}, problems
    return {"" if name == OTHERS else name: DriftMode(mode) for name, mode in table.items()}, []


class _Deployed(NamedTuple):
    """What reads a source, and over what."""

    adapter: Adapter
    connection: SourceConnection
    tables: TablesRoad | None


def _deployed(source: str, adapter: Adapter, content: Mapping[str, Any]) -> _Deployed:
    """Read what depends on the protocol; `ValueError` says what is wrong with it."""
    connection = PROTOCOLS[adapter.protocol].read(source, content)
    if "rows" in content:
        known = adapter.metadata.with_bounds(parse_bounds(content["rows"]))
        adapter = replace(adapter, metadata=known)
    if isinstance(connection, HubConnection) and content.get("kind") != SourceKind.PEER:
        # What a hub heard from a hub is never told to a third one: it is known by this word.
        raise ValueError('another hub is of kind "PEER"')
    if adapter.id == TABLES:
        return _Deployed(tables_adapter(content), connection, tables_road(content))
    return _Deployed(adapter, connection, None)


def _members_of(adapter: Adapter | None) -> frozenset[str]:
    """Return what the file may hold for the protocol of its adapter; all where it is not known."""
    kinds = PROTOCOLS.values() if adapter is None else [PROTOCOLS[adapter.protocol]]
    return frozenset().union(*(kind.members for kind in kinds))


def _are_owners(stated: Any) -> bool:
    return isinstance(stated, list) and all(isinstance(each, str) for each in stated)


def load_sources(
    folder: Path | None, load: Callable[[Path], HarvestSource] = load_source
) -> tuple[dict[str, HarvestSource], dict[str, str]]:
    """Read the files of a folder; return the sources, and what is wrong with the other files.

    `load` reads one file. Without a folder there are no sources; one that cannot be read is told
    under the name of its setting.
    """
    sources: dict[str, HarvestSource] = {}
    problems: dict[str, str] = {}
    if folder is None:
        return sources, problems
    try:
        files = sources_in(folder)
    except SettingsError as error:
        return sources, {FOLDER: "; ".join(error.problems)}
    for name, path in files.items():
        try:
            sources[name] = load(path)
        except SettingsError as error:
            problems[name] = "; ".join(error.problems)
        except Exception as error:  # noqa: BLE001 - one file stops no other
            problems[name] = f"{path} cannot be read: {type(error).__name__}"
    return sources, problems


def sources_in(folder: Path | None) -> dict[str, Path]:
    """Return the files of a folder by source id."""
    if folder is None:
        raise SettingsError([f"{FOLDER}: name the folder with one TOML per source"])
    if not folder.is_dir():
        raise SettingsError([f"{FOLDER}: {folder} is no folder"])
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SettingsError([f"{path} can be read by others; run: chmod 600 {path}"])
            text = file.read(BYTES_MAX + 1).decode("utf-8")
            return read_toml(text, characters_max=BYTES_MAX)
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}"]) from error
    except ValueError as error:
        raise SettingsError([f"{path} is not TOML: {error}"]) from error
