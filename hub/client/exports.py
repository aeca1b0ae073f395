"""`exports`: an export from the order to the files in a folder, which may break off at any point.

- What was ordered is noted in the folder; the same order again goes on with the same export, and
  each file where it stopped.
- A file gets its name when it is whole and has the hash that the manifest states.
- An export that the hub could not finish is ordered anew once: it would be of another moment.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from hub.client.errors import ClientError, HubUnreachableError
from hub.client.hub_client import HubClient
from hub.client.patience import patiently
from hub.client.wire import object_of, refused, to_json
from hub.query.plan.documents import document_named

__all__ = ["ExportAsked", "ExportFiles", "export_files"]

PIECE = 4 * 1024 * 1024
"""Bytes that are asked for at once, and what is lost at most where a download breaks."""
LOOK_S, LOOK_S_MAX = 0.5, 10.0
"""Pause before an export is looked at again; each is longer than the one before, up to this."""
LOOKS_MAX = 150
"""How often: longer than a hub may take (`hub.exchange.exports.limits`)."""
NOTE = "export.json"
MANIFEST = "manifest.json"
_CUT_OFF = frozenset({"EXPORT_CUT_OFF", "DATABASE_UNAVAILABLE", "EXPORT_EXPIRED"})
"""Ends after which the same may be ordered again."""
_ORDER = "order_export"
"""The registered document that orders one, which needs no `graphql:adhoc`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportAsked:
    """What is exported, as `BulkExportInput` has it, and where the files go."""

    input: Mapping[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True)
class ExportFiles:
    """The files of an export and its manifest, which is beside them."""

    files: list[Path]
    manifest: dict[str, Any]


async def export_files(
    hub: HubClient,
    asked: ExportAsked,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ExportFiles:
    """Order an export, wait for it and fetch its files; `ClientError` where that fails."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    manifest = await _made(hub, asked, pause)
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (asked.folder / MANIFEST).write_text(text + "\n", "utf-8")
    files = [await _fetched(hub, part, asked.folder, pause) for part in manifest["parts"]]
    return ExportFiles(files, manifest)


async def _made(
    hub: HubClient, asked: ExportAsked, pause: Callable[[float], Awaitable[None]]
) -> dict[str, Any]:
    """Return the manifest of a whole export; one that was cut off is ordered once more."""
    try:
        return await _waited(hub, await _ordered(hub, asked, pause), pause)
    except ClientError as error:
        if error.code not in _CUT_OFF:
            raise
    return await _waited(hub, await _ordered(hub, asked, pause), pause)


async def _ordered(
    hub: HubClient, asked: ExportAsked, pause: Callable[[float], Awaitable[None]]
) -> Path:
    """Return the note of the export that was ordered, now or by an earlier call."""
    place, wanted = asked.folder / NOTE, dict(asked.input)
    note = _read(place)
    if note.get("input") != wanted:
        if note:
            raise ClientError(
                "FOLDER_IN_USE",
                f"{asked.folder}: 该目录已用于另一导出 it holds another export",
                "choose another folder",
            )
        note = {"input": wanted, "key": secrets.token_urlsafe(18)}
        place.write_text(json.dumps(note, ensure_ascii=False, indent=2) + "\n", "utf-8")
    if "id" not in note:
        body = to_json({"query": document_named(_ORDER), "variables": {"input": wanted}})
        headers = {"content-type": "application/json", "idempotency-key": str(note["key"])}
        answer = await patiently(lambda: _posted(hub, headers, body), is_first=True, pause=pause)
        note["id"] = answer["export"]["id"]
        place.write_text(json.dumps(note, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return place


async def _posted(hub: HubClient, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    answer = await hub.relay("POST", "/graphql", headers, body)
    told = object_of(answer)
    if answer.is_error and "errors" not in told:
        raise refused(answer)
    if told.get("errors"):
        error = told["errors"][0]
        details = error.get("extensions", {})
        message = f"{error['message']}: {details.get('detail', '')}"
        raise ClientError(str(details.get("code")), message, "correct the order")
    payload: dict[str, Any] = told["data"]["bulkExportCreate"]
    for error in payload["userErrors"]:
        raise ClientError(error["code"], error["message"], "correct the order")
    return payload


async def _waited(
    hub: HubClient, note: Path, pause: Callable[[float], Awaitable[None]]
) -> dict[str, Any]:
    """Return the manifest of an export that is whole; the note of any other goes."""
    export_id, wait_s = str(_read(note)["id"]), LOOK_S
    path = f"/exports/{quote(export_id, safe='')}"
    for _ in range(LOOKS_MAX):
        manifest = await patiently(lambda: _looked(hub, path), is_first=False, pause=pause)
        if manifest["status"] == "COMPLETED":
            return manifest
        if manifest["status"] != "RUNNING":
            _forget(note)
            raise ClientError(
                str(manifest["errorCode"] or f"EXPORT_{manifest['status']}"),
                f"{export_id}: 枢纽未能完成 the hub did not finish it",
                "见该代码 see this code in the list of codes",
            )
        await pause(wait_s)
        wait_s = min(wait_s * 1.5, LOOK_S_MAX)
    raise ClientError("EXPORT_RUNNING", f"{export_id} is still being made", "repeat the command")


async def _looked(hub: HubClient, path: str) -> dict[str, Any]:
    answer = await hub.relay("GET", path, {"accept": "application/json"}, b"")
    if answer.is_error:
        raise refused(answer)
    return object_of(answer)


async def _fetched(
    hub: HubClient,
    part: Mapping[str, Any],
    folder: Path,
    pause: Callable[[float], Awaitable[None]],
) -> Path:
    """Return a file of an export, what is there of it already not fetched again."""
    name = Path(str(part["name"])).name
    whole, partial = folder / name, folder / f"{name}.part"
    if whole.exists() and _hash(whole) == part["sha256"]:
        return whole
    target, tag = urlsplit(str(part["url"])).path, f'"{part["sha256"]}"'
    size = partial.stat().st_size if partial.exists() else 0
    while size < part["bytes"]:
        headers = {"range": f"bytes={size}-{size + PIECE - 1}", "if-range": tag}
        answer = await patiently(
            lambda headers=headers: _piece(hub, target, headers),  # type: ignore[misc]
            is_first=False,
            pause=pause,
        )
        with partial.open("ab" if size else "wb") as out:
            out.write(answer)
        size += len(answer)
    partial.touch()  # a part may be empty
    if _hash(partial) != part["sha256"]:
        partial.unlink()
        raise ClientError(
            "FILE_DAMAGED",
            f"{name}: 内容与清单的 SHA-256 不符 its hash is not that of the manifest",
            "repeat the command",
        )
    return partial.replace(whole)


async def _piece(hub: HubClient, target: str, headers: Mapping[str, str]) -> bytes:
    answer = await hub.relay("GET", target, headers, b"")
    if answer.is_error:
        raise refused(answer)
    if answer.status_code != httpx.codes.PARTIAL_CONTENT or not answer.content:
        raise HubUnreachableError("something between here and the hub does not pass ranges on")
    return answer.content


def _read(note: Path) -> dict[str, Any]:
    """Return what a note says, nothing where there is none."""
    return dict(json.loads(note.read_text("utf-8"))) if note.exists() else {}


def _forget(note: Path) -> None:
    """Let a note go: the same order again is another export."""
    note.unlink()


def _hash(path: Path) -> str:
    made = sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            made.update(piece)
    return made.hexdigest()
